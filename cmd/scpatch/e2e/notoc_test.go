// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"strings"
	"testing"
)

// TestE2ENoTOCPreemptible tests code without a TOC pointer that calls a preemptible
// function of its own library. The linker sends a direct call through the PLT. The
// dynamic linker binds that to the local entry, because caller and target are in one
// unit, and with lld 14 nothing tells it that r2 is not set: the plain call crashes.
// The static call, through a trampoline, is correct and must stay correct.
func TestE2ENoTOCPreemptible(t *testing.T) {
	w := newWorkshop(t)
	w.object("main.o", "gcc-p8-O2", "usc_notoc.c", "-fPIE")
	w.object("target.o", "gcc-p8-O2", "usc_notoc.c", "-fPIC", "-DTARGET")
	for _, compiler := range []string{"gcc-p10-O2", "clang-p10-O2"} {
		for _, options := range []string{"", "--runtime=none", "--runtime=none --linker=lld", "--runtime=none --linker=bfd", "--runtime=trampoline", "--runtime=inline"} {
			w.object("caller.o", compiler, "usc_notoc.c", "-fPIC", "-DCALLER")
			if options != "" {
				runScpatch(t, append([]string{"--user", "-q", w.dir + "/caller.o"}, strings.Fields(options)...)...)
			}
			for _, linker := range w.linkerNames() {
				if strings.Contains(options, "--linker=") && !strings.HasSuffix(options, linker) {
					continue
				}
				w.link(linker, "-shared", "-Wl,-soname,libcall.so", "caller.o", "target.o", "-o", "libcall.so")
				w.link(linker, "-pie", "main.o", "libcall.so", "-o", "prog")
				if got := w.execute(t, "./prog"); got != "104\n" {
					t.Errorf("%s, %q, %s: prints %q", compiler, options, linker, got)
				}
			}
		}
	}
}
