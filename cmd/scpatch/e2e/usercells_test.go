// SPDX-License-Identifier: BSD-3-Clause

package e2e

import "testing"

// TestE2EUserCells checks what the cells of a program hold, from before its first
// constructor to after its last destructor: with a run time, with one that must not
// write code, with one from before cells existed, and with none.
func TestE2EUserCells(t *testing.T) {
	w := newWorkshop(t)
	w.object("far.o", "gcc-p8-O2", "usc_cells.c", "-fPIC", "-DLIBRARY")
	const key, own, empty = "the key", "its way through the key", "an empty function"
	lines := func(target string, followed bool) string {
		started, null := own, own
		if followed {
			started, null = key, empty
		}
		say := func(when, result, op, hook string) string {
			return when + ": " + result + " 1, op " + op + ", hook " + hook + "\n"
		}
		return say("before", "2", own, own) + say("started", "2", started, null) + say("updated", target, started, started) +
			say("child", target, started, null) + say("child updated", "2", started, null) + say("after", "1001", own, own)
	}
	for _, compiler := range []string{"gcc-p8-O2", "clang-p8-O2", "gcc-p10-O2"} {
		for _, c := range []struct {
			name     string
			flags    []string
			old      bool // the run time is from an older header
			followed bool
		}{
			{"run time", []string{"-DMAIN"}, false, true},
			{"no code may be written", []string{"-DMAIN", "-DREFUSE"}, false, true},
			{"older run time", []string{"-DMAIN"}, true, false},
		} {
			w.patched("calls.o", compiler, "usc_cells.c", "-fPIE", "-DCALLS")
			w.patched("main.o", compiler, "usc_cells.c", append([]string{"-fPIE"}, c.flags...)...)
			if c.old {
				execute(t, w.dir, []string{"powerpc64le-linux-gnu-objcopy", "--redefine-sym", "__static_call_register_cells=__old_register",
					"--redefine-sym", "__static_call_unregister_cells=__old_unregister", "main.o"})
			}
			for _, linker := range w.linkerNames() {
				w.link(linker, "-shared", "far.o", "-o", "libfar.so")
				w.link(linker, "-pie", "-pthread", "calls.o", "main.o", "libfar.so", "-Wl,-rpath,$ORIGIN", "-o", "program")
				for target, result := range map[string]string{"far": "1001", "near": "2"} {
					if got, want := w.execute(t, "./program", target), lines(result, c.followed); got != want {
						t.Errorf("%s, %s, %s, %s: printed\n%s\nwant\n%s", compiler, c.name, linker, target, got, want)
					}
				}
			}
		}
	}
}
