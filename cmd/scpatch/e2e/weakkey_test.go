// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
)

// TestE2EWeakKey calls a key that may be missing, in programs that have it and in
// programs that do not. A run time would read it when the program starts.
func TestE2EWeakKey(t *testing.T) {
	w := newWorkshop(t)
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		for _, mode := range [][]string{nil, {"--runtime=trampoline"}, {"--runtime=none"}} {
			for _, pie := range []string{"-pie", "-no-pie"} {
				if !clitest.Full() && (mode != nil && compiler != "gcc-p8-O2" || pie == "-pie" && compiler == "clang-p8-O2") {
					continue
				}
				flag := map[string]string{"-pie": "-fPIE", "-no-pie": "-fno-pie"}[pie]
				path := w.object("weak.o", compiler, "usc_weak.c", flag)
				w.object("definition.o", compiler, "usc_weak.c", flag, "-DDEFINITION")
				runScpatch(t, append([]string{"--user", "--quiet", "--allow-kept"}, append(mode, path)...)...)
				wantSpoiled(t, path, "", nil)
				for _, linker := range []string{"bfd", "lld"} {
					for want, objects := range map[string][]string{"-6\n": nil, "17\n13\n": {"definition.o"}} {
						if mode != nil && objects != nil && mode[0] == "--runtime=none" {
							continue // it changes a key
						}
						w.link(linker, append(objects, pie, "-o", "program", "weak.o")...)
						if got := w.execute(t, "./program"); got != want {
							t.Errorf("%s, %q, %s, %s: prints %q, want %q", compiler, mode, pie, linker, got, want)
						}
						wantSpoiled(t, filepath.Join(w.dir, "program"), "", nil)
					}
				}
			}
		}
	}
}
