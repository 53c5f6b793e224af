// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

const (
	crossC   = "powerpc64le-linux-gnu-gcc"
	crossCXX = "powerpc64le-linux-gnu-g++"
	emulator = "qemu-ppc64le"
	sysroot  = "/usr/powerpc64le-linux-gnu"
)

// restore puts ld r2,24(r1) after the sites that choose picks, in the bytes b
// of the object, and returns their number.
func restore(t *testing.T, o *object, b []byte, choose func(*object, site) bool) (n int) {
	t.Helper()
	for _, s := range o.analyse() {
		if !choose(o, s) {
			continue
		}
		off := o.file.Section(s.sec).Off + s.off + 4
		if err := ppc64.Replace(b, off, ppc64.RestoreTOC, ppc64.Nop, ppc64.Cror15, ppc64.Cror31); err != nil {
			// In an archive, the slot may be at an offset that is not a
			// multiple of 4.
			t.Fatalf("%s: %v", o.name, err)
		}
		n++
	}
	return n
}

// proven picks the calls that are proven.
func proven(_ *object, s site) bool { return s.Proven }

// saves picks, wrongly, every call in a function that contains a save.
func saves(o *object, s site) bool {
	if s.fn == nil {
		return false
	}
	for off := s.fn.start; off < s.fn.end; off += 4 {
		if w, err := ppc64.Load(o.m.secs[s.sec].code, off); err == nil && w == ppc64.SaveTOC {
			return true
		}
	}
	return false
}

func restoreObject(t *testing.T, from, to string, choose func(*object, site) bool) int {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	o, err := readObject(from, b)
	if err != nil {
		t.Fatal(err)
	}
	out := slices.Clone(b)
	n := restore(t, o, out, choose)
	if err := os.WriteFile(to, out, 0o666); err != nil {
		t.Fatal(err)
	}
	return n
}

func restoreArchive(t *testing.T, from, to string, choose func(*object, site) bool) (n int) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		tooltest.Missing(t, err)
	}
	out := slices.Clone(b)
	err = readArchive(b, func(name string, off int, data []byte) error {
		o, err := readObject(name, data)
		if err == nil {
			n += restore(t, o, out[off:off+len(data)], choose)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", from, err)
	}
	if err := os.WriteFile(to, out, 0o666); err != nil {
		t.Fatal(err)
	}
	return n
}

// build runs a compiler or linker.
func build(t testing.TB, path string, args ...string) {
	t.Helper()
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", path, args, err, out)
	}
}

// link makes a program of a source, without any other code, and reads it.
func link(t *testing.T, source string, args ...string) *object {
	t.Helper()
	dir := t.TempDir()
	obj, exe := filepath.Join(dir, "a.o"), filepath.Join(dir, "exe")
	if err := os.WriteFile(obj, assembleSource(t, source), 0o666); err != nil {
		t.Fatal(err)
	}
	build(t, tooltest.Path(t, "powerpc64le-linux-gnu-ld"), append(args, "-o", exe, obj)...)
	return readImage(t, exe)
}

// execute runs a program and returns its output, and how it ended.
func execute(t *testing.T, program string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tooltest.Path(t, emulator), "-L", sysroot, program)
	cmd.Env = []string{"LC_ALL=C", "QEMU_LD_PREFIX=" + sysroot}
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	return fmt.Sprintf("%s%v", out, err)
}

// TestRunObjects patches the proven calls of a program that saves r2 in many
// ways.
func TestRunObjects(t *testing.T) {
	gcc := tooltest.Path(t, crossC)
	tooltest.Path(t, emulator)
	clang := tooltest.Path(t, "clang")
	dir := t.TempDir()
	// The callees are in another unit, where a linker's stub saves r2 for a
	// direct call, and then in the same one, where nothing does.
	build(t, gcc, "-O2", "-shared", "-fPIC", "-o", filepath.Join(dir, "libother.so"), "testdata/other.c")
	build(t, gcc, "-O2", "-c", "-o", filepath.Join(dir, "other.o"), "testdata/other.c")
	run := func(obj string, other bool) string {
		t.Helper()
		exe := filepath.Join(dir, "exe")
		if other {
			build(t, gcc, "-o", exe, obj, "-L", dir, "-lother", "-Wl,-rpath,"+dir)
		} else {
			build(t, gcc, "-o", exe, obj, filepath.Join(dir, "other.o"))
		}
		return execute(t, exe)
	}
	compilers := [][]string{{gcc}, {gcc, "-fPIC"}, {clang, "--target=powerpc64le-linux-gnu"}}
	levels := []string{"-O0", "-O1", "-O2", "-Os", "-O3"}
	if tooltest.Brief() {
		levels = []string{"-O2"}
	}
	var want string
	for i, compiler := range compilers {
		for _, level := range levels {
			name := fmt.Sprintf("%s/%d%s", filepath.Base(compiler[0]), i, level)
			obj, patched := filepath.Join(dir, "o.o"), filepath.Join(dir, "p.o")
			build(t, compiler[0], append(compiler[1:], level, "-w", "-c", "-o", obj, "testdata/calls.c")...)
			if want == "" {
				want = run(obj, false)
			}
			n := restoreObject(t, obj, patched, proven)
			for _, other := range []bool{true, false} {
				if got := run(patched, other); got != want {
					t.Errorf("%s: %d calls: the output differs\n%.2000s\nwant\n%.2000s", name, n, got, want)
				}
			}
			t.Logf("%s: %d calls proven", name, n)
			if n == 0 {
				t.Errorf("%s: nothing is proven", name)
			}
			if level != "-O2" {
				continue
			}
			wrong := restoreObject(t, obj, patched, saves)
			if run(patched, false) == want {
				t.Errorf("%s: restores without a proof, after %d calls, change nothing: the test shows nothing", name, wrong)
			}
		}
	}
}

// TestRunLibraries patches the proven calls of the static C and C++ libraries.
func TestRunLibraries(t *testing.T) {
	tooltest.Long(t, "make soundness")
	cxx := tooltest.Path(t, crossCXX)
	tooltest.Path(t, emulator)
	dir := t.TempDir()
	obj, exe := filepath.Join(dir, "o.o"), filepath.Join(dir, "exe")
	build(t, cxx, "-std=c++17", "-O2", "-c", "-o", obj, "testdata/library.cc")
	build(t, cxx, "-static", "-o", exe, obj)
	want := execute(t, exe)
	libs := []string{libcLibs + "/libc.a", gccLibs + "/libstdc++.a", gccLibs + "/libgcc_eh.a"}
	for _, tt := range []struct {
		name   string
		choose func(*object, site) bool
		same   bool
	}{
		{"proven", proven, true},
		{"control", saves, false},
	} {
		n := 0
		for _, lib := range libs {
			n += restoreArchive(t, lib, filepath.Join(dir, filepath.Base(lib)), tt.choose)
		}
		patched := filepath.Join(dir, "patched.o")
		n += restoreObject(t, obj, patched, tt.choose)
		build(t, cxx, "-static", "-L", dir, "-o", exe, patched)
		if got := execute(t, exe); (got == want) != tt.same {
			t.Errorf("%s: %d calls: same output: %v\n%.3000s", tt.name, n, got == want, got)
		}
		t.Logf("%s: %d calls", tt.name, n)
	}
}
