// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"path/filepath"
	"testing"
)

// TestE2ESealedKeys runs programs with keys that are read-only when the run time starts or
// when it ends, in the program and in a library.
func TestE2ESealedKeys(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		w.patched("main.o", compiler, "usc_sealed.c", "-fPIE")
		w.patched("alone.o", compiler, "usc_sealed.c", "-fPIE", "-DALONE")
		w.patched("keys.o", compiler, "usc_sealed.c", "-fPIC", "-DKEYS")
		for _, linker := range w.linkerNames() {
			w.link(linker, "-shared", "keys.o", "-o", "libkeys.so")
			for _, c := range []struct{ main, keys, want string }{
				{"main.o", "keys.o", "2 2 2\n2 1001 1001\n"},
				{"main.o", "libkeys.so", "2 2 2\n2 1001 1001\n"},
				{"alone.o", "keys.o", "2\n1001\n"},
			} {
				w.link(linker, "-pie", "-pthread", "-Wl,-z,relro", c.main, c.keys, "-o", "program")
				if got := w.execute(t, "./program"); got != c.want {
					t.Errorf("%s, %s, %s, %s: printed\n%s\nwant\n%s", compiler, linker, c.main, c.keys, got, c.want)
				}
				wantSpoiled(t, filepath.Join(w.dir, "program"), "", nil)
			}
		}
	}
}
