// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestE2EUnwind stops a program at every instruction of a stub, and of a
// trampoline of the header, and checks that gdb finds the callers. If the
// stub's call-frame information loses the return address, gdb does not find
// them.
func TestE2EUnwind(t *testing.T) {
	w := newWorkshop(t)
	tooltest.Need(t, "gdb-multiarch")
	for _, c := range []struct {
		name, compiler string
		flags          []string
		patch          bool
		entry          string
	}{
		{"trampoline", "gcc-p8-O2", nil, false, "__SCT__"},
		{"save stub", "gcc-p8-O2", nil, true, "__SCS__"},
		{"stack", "gcc-p8-O2", []string{"-DSTATIC_CALL_SAVE_TOC=1"}, true, "__SCJ__"},
		{"NOTOC", "gcc-p10-O2", nil, true, "__SCN__"},
	} {
		for linker := range w.linkers {
			for _, control := range []bool{false, true} {
				if control && (!c.patch || linker != "bfd") {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%v", c.name, linker, control), func(t *testing.T) {
					t.Parallel()
					w := &workshop{w.builder, t, t.TempDir()}
					w.object("lib.o", "gcc-p8-O2", "unwind.c", "-fPIC", "-DTARGET")
					main := w.object("main.o", c.compiler, "unwind.c", append(c.flags, "-fno-pie", "-DSTATIC_CALL_RUNTIME")...)
					if c.patch {
						scpatch(t, mode{c.name, []string{"--user", "--runtime=trampoline"}}, main)
					}
					if control {
						loseReturnAddress(t, main)
					}
					w.link(linker, "-shared", "lib.o", "-o", "libunwind.so")
					w.link(linker, "-no-pie", "main.o", "libunwind.so", "-o", "program")
					w.checkUnwind(c.entry+"unwind_op", !control)
				})
			}
		}
	}
}

// checkUnwind steps through the code from a symbol on until it leaves.
func (w *workshop) checkUnwind(entry string, wantCallers bool) {
	t := w.t
	f, err := elfrw.Open(filepath.Join(w.dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var start, end uint64
	for i := 1; i < f.NumSymbols(); i++ {
		if s := f.Symbol(i); string(f.SymbolName(s)) == entry {
			start, end = s.Value, s.Value+s.Size
		}
	}
	if start == end {
		t.Fatalf("no symbol %s with a size", entry)
	}
	const mark, callers = "stopped at ", `unwind_caller () main () `
	out := w.debug(fmt.Sprintf(`break *0x%x
continue
while $pc >= 0x%[1]x && $pc < 0x%x
  printf "%s%%lx\n", $pc
  bt
  stepi
end
`, start, end, mark))
	stops := strings.Split(out, "\n"+mark)[1:]
	if len(stops) < 4 || !strings.HasPrefix(stops[len(stops)-1], fmt.Sprintf("%x\n", end-ppc64.WordSize)) {
		t.Fatalf("%d stops from 0x%x to 0x%x:\n%s", len(stops), start, end, out)
	}
	for _, stop := range stops {
		frames := ""
		for line := range strings.Lines(stop) {
			if _, function, ok := strings.Cut(line, " in "); ok && strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#0") {
				frames += strings.TrimSpace(function) + " "
			}
		}
		if (frames == callers) != wantCallers {
			t.Errorf("callers are %q at %s", frames, stop)
		}
	}
}

// debug runs the program under gdb with some commands.
func (w *workshop) debug(commands string) string {
	t := w.t
	socket := filepath.Join(w.dir, "gdb")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	emulator := exec.CommandContext(ctx, w.run[0], slices.Concat([]string{"-g", socket}, w.run[1:], []string{"./program"})...)
	emulator.Dir = w.dir
	if err := emulator.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = emulator.Process.Kill() // it ends with gdb unless gdb failed
		_ = emulator.Wait()
	}()
	for {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("the emulator does not listen")
		}
		time.Sleep(10 * time.Millisecond)
	}
	script := filepath.Join(w.dir, "commands")
	clitest.WriteFile(t, script, []byte("set width 0\nset confirm off\ntarget remote "+socket+"\n"+commands+"kill\n"))
	gdb := exec.CommandContext(ctx, "gdb-multiarch", "-nx", "-batch", "-x", script, "program")
	gdb.Dir = w.dir
	out, err := gdb.CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, out)
	}
	return string(out)
}

// loseReturnAddress makes the call-frame information of an object's stubs say
// that the return address is undefined (DWARF 5 §6.4.2.3).
func loseReturnAddress(t *testing.T, path string) {
	f, err := elfrw.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var frames elfrw.Section // the last one is for the stubs
	for i := 1; i < f.NumSections(); i++ {
		if s := f.Section(i); s.NameString() == ".eh_frame" {
			frames = s
		}
	}
	defCFA, undefined := []byte{0x0c, 1, 0, 0, 0}, []byte{0x0c, 1, 0, 0x07, 65}
	b := clitest.ReadFile(t, path)
	code := b[frames.Off : frames.Off+frames.Size]
	i := bytes.LastIndex(code, defCFA) // compilers' own CIEs come first
	if i < 0 {
		t.Fatal("no initial instructions")
	}
	copy(code[i:], undefined)
	clitest.WriteFile(t, path, b)
}
