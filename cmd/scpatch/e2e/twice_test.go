// SPDX-License-Identifier: BSD-3-Clause

package e2e

import "testing"

// TestE2ETwice calls a function that returns twice, after the caller has moved r1: a
// restore after the call would load garbage the second time.
func TestE2ETwice(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "gcc-p8-O0", "clang-p8-O2"} {
		for _, mode := range [][]string{nil, {"--runtime", "trampoline"}, {"--runtime", "trampoline", "--restore", "linker"}} {
			for _, linker := range []string{"bfd", "lld"} {
				path := w.object("twice.o", compiler, "usc_twice.c", "-fno-pie", "-Wno-error")
				w.link(linker, "-no-pie", "-o", "unpatched", "twice.o")
				if got := w.execute(t, "./unpatched"); got != "45\n" {
					t.Fatalf("%s: unpatched prints %q", compiler, got)
				}
				runScpatch(t, append([]string{"--user", "--quiet"}, append(mode, path)...)...)
				w.link(linker, "-no-pie", "-o", "patched", "twice.o")
				if got := w.execute(t, "./patched"); got != "45\n" {
					t.Errorf("%s, %s, %q: prints %q", compiler, linker, mode, got)
				}
			}
		}
	}
}
