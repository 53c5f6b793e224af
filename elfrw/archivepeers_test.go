// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// run runs a program in a directory and returns its output.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// archivers are commands that make an archive of the files in a directory.
var archivers = []string{
	"powerpc64le-linux-gnu-ar rcSU", // without an index
	"powerpc64le-linux-gnu-ar rcs",
	"powerpc64le-linux-gnu-ar rcsU", // with times, owners and modes
	"llvm-ar rcs --format=gnu",
	"llvm-ar rcs",
	"llvm-ar rcsU",
}

// peerObjects puts objects with names of many lengths, and a file that is no
// object, in a directory.
func peerObjects(t *testing.T, dir string) (names []string) {
	for name, from := range map[string]string{
		"u.o":                "gcc-p8-O2-update.o",
		"fifteen_chars.o":    "gcc-p8-O2-targets.o",
		"sixteen_chars_.o":   "clang-p8-O2-sites.o",
		"a name with space":  "clang-p8-O2-cxx_a.o",
		"odd.o":              "gcc-p8-O2-sites_main.o",
		"a_very_long_name.o": "gcc-p8-O2-small-debug.o",
	} {
		b, err := os.ReadFile(filepath.Join("../testdata/obj", from))
		if err != nil {
			t.Fatal(err)
		}
		if name == "odd.o" && len(b)%2 == 0 {
			b = append(b, 0)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o640); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "readme.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	names = append(names, "readme.txt")
	slices.Sort(names)
	return names
}

// TestArchivePeers has both archivers make archives, replaces members, and has the
// archivers and linkers read the result.
func TestArchivePeers(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"nm", gnu+"ranlib", gnu+"ld.bfd", "llvm-ar", "ld.lld")
	for _, how := range sample(t, archivers, 2) {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			names := peerObjects(t, dir)
			command := strings.Fields(how)
			run(t, dir, command[0], slices.Concat(command[1:], []string{"lib.a"}, names)...)
			data, err := os.ReadFile(filepath.Join(dir, "lib.a"))
			if err != nil {
				t.Fatal(err)
			}
			a := newArchive(t, data)
			if got := strings.Fields(strings.ReplaceAll(run(t, dir, gnu+"ar", "t", "lib.a"), "a name with space", "a_name")); len(got) != a.NumMembers() {
				t.Fatalf("ar lists %d members, not %d", len(got), a.NumMembers())
			}
			if out := replaced(t, a, nil); !bytes.Equal(out, data) {
				t.Error("without an edit, the archive changes")
			}
			images, whole := map[int]*elfrw.Image{}, bytes.Buffer{}
			for i := range a.NumMembers() {
				m := a.Member(i)
				if m.Name != "readme.txt" && m.Name != "u.o" {
					images[i], m.Data = withLocal(t, m.Data, 5+i)
				}
				whole.Write(m.Data)
			}
			out := replaced(t, a, images)
			if err := os.WriteFile(filepath.Join(dir, "out.a"), out, 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(symbolsOf(a), symbolsOf(newArchive(t, out))); diff != "" {
				t.Errorf("the symbols differ:\n%s", diff)
			}
			// Names, dates, modes and owners.
			stamps := func(lib string) string { return dropSizes(run(t, dir, gnu+"ar", "tv", lib)) }
			if diff := cmp.Diff(stamps("lib.a"), stamps("out.a")); diff != "" {
				t.Errorf("ar tv differs:\n%s", diff)
			}
			for _, ar := range []string{gnu + "ar", "llvm-ar"} {
				if got := run(t, dir, ar, "p", "out.a"); got != whole.String() {
					t.Errorf("%s takes %d bytes out, not %d", ar, len(got), whole.Len())
				}
			}
			if !a.HasIndex() {
				return
			}
			var listed []string
			for line := range strings.Lines(run(t, dir, gnu+"nm", "-s", "out.a")) {
				if name, member, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " in "); ok {
					listed = append(listed, name+" "+member)
				}
			}
			if diff := cmp.Diff(symbolsOf(a), listed); diff != "" {
				t.Errorf("nm -s lists others than the input has:\n%s", diff)
			}
			// If ar rebuilds the index, it makes the same one.
			ranlib := map[bool][]string{true: {"llvm-ar", "s"}, false: {gnu + "ranlib", "-U"}}[command[0] == "llvm-ar"]
			run(t, dir, "cp", "out.a", "again.a")
			run(t, dir, ranlib[0], append(ranlib[1:], "again.a")...)
			again, err := os.ReadFile(filepath.Join(dir, "again.a"))
			if err != nil {
				t.Fatal(err)
			}
			checkIndexAgain(t, out, again)
			run(t, dir, gnu+"ranlib", "-t", "out.a")
			touched, err := os.ReadFile(filepath.Join(dir, "out.a"))
			if err != nil {
				t.Fatal(err)
			}
			checkIndexAgain(t, out, touched)
			for _, ld := range []string{gnu + "ld.bfd", "ld.lld"} {
				link := func(lib string) string {
					run(t, dir, ld, "-m", "elf64lppc", "-r", "-u", "u_call", "-o", "linked.o", lib)
					return run(t, dir, gnu+"nm", "-j", "--defined-only", "linked.o")
				}
				before, after := link("lib.a"), link("out.a")
				less := strings.ReplaceAll(after, "added_local\n", "")
				if less == after || less != before || !strings.Contains(before, "u_call\n") {
					t.Errorf("%s: before -, after +:\n%s", ld, cmp.Diff(before, after))
				}
			}
		})
	}
}

// checkIndexAgain compares an archive with an archiver's rebuild of it, except
// for the date of the index.
func checkIndexAgain(t *testing.T, out, again []byte) {
	t.Helper()
	out, again = bytes.Clone(out), bytes.Clone(again)
	for _, b := range [][]byte{out, again} {
		copy(b[len(arMagic)+16:], strings.Repeat(" ", 32))
	}
	if !bytes.Equal(out, again) {
		a, b := newArchive(t, out), newArchive(t, again)
		t.Errorf("made anew the index differs:\n%s", cmp.Diff(symbolsOf(a), symbolsOf(b)))
	}
}

// dropSizes leaves out the third column of ar tv.
func dropSizes(listing string) string {
	var b strings.Builder
	for line := range strings.Lines(listing) {
		f := strings.Fields(line)
		fmt.Fprintln(&b, append(f[:2:2], f[3:]...))
	}
	return b.String()
}

// TestArchiveNewGlobals replaces a member by one that defines different global
// symbols. The index must become the one that an archiver makes.
func TestArchiveNewGlobals(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"ranlib")
	dir := t.TempDir()
	names := peerObjects(t, dir)
	run(t, dir, gnu+"ar", slices.Concat([]string{"rcs", "lib.a"}, names)...)
	data, err := os.ReadFile(filepath.Join(dir, "lib.a"))
	if err != nil {
		t.Fatal(err)
	}
	a := newArchive(t, data)
	targets, err := os.ReadFile("../testdata/obj/gcc-p8-O2-ret0.o")
	if err != nil {
		t.Fatal(err)
	}
	other, _ := imageOf(t, targets, func(*elfrw.Edit) error { return nil })
	images := map[int]*elfrw.Image{}
	for i := range a.NumMembers() {
		m := a.Member(i)
		switch m.Name {
		case "u.o":
			images[i] = other
		case "fifteen_chars.o", "readme.txt":
			if m.Name == "readme.txt" {
				m.Data = targets
			}
			images[i], _ = imageOf(t, m.Data, func(e *elfrw.Edit) error {
				return second(e.AddSymbol(elfrw.NewSymbol{Name: "added_by_" + m.Name, Bind: elf.STB_GLOBAL, Section: 1}))
			})
		}
	}
	out := replaced(t, a, images)
	run(t, dir, "cp", "lib.a", "again.a")
	if err := os.WriteFile(filepath.Join(dir, "again.a"), out, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, gnu+"ranlib", "again.a")
	again, err := os.ReadFile(filepath.Join(dir, "again.a"))
	if err != nil {
		t.Fatal(err)
	}
	checkIndexAgain(t, out, again)
	if syms := symbolsOf(newArchive(t, out)); !slices.Contains(syms, "added_by_fifteen_chars.o fifteen_chars.o") || slices.Contains(syms, "u_call u.o") {
		t.Errorf("symbols are %q", syms)
	}
}

// TestArchiveThinPeers reads thin archives, and one with a member in another archive.
func TestArchiveThinPeers(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	for _, ar := range []string{gnu + "ar", "llvm-ar"} {
		t.Run(ar, func(t *testing.T) {
			tooltest.Need(t, ar)
			dir := t.TempDir()
			names := peerObjects(t, dir)
			run(t, dir, ar, slices.Concat([]string{"rcsT", "lib.a"}, names)...)
			a, err := elfrw.OpenArchive(filepath.Join(dir, "lib.a"))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			var got []string
			for i := range a.NumMembers() {
				got = append(got, a.Member(i).Name)
			}
			if !a.Thin() || !slices.Equal(got, names) || len(symbolsOf(a)) < 20 {
				t.Errorf("thin %v, members %q, symbols %q", a.Thin(), got, symbolsOf(a))
			}
		})
	}
}

// TestArchiveLibraries reads the libraries of the cross compiler.
func TestArchiveLibraries(t *testing.T) {
	const gnu = "powerpc64le-linux-gnu-"
	tooltest.Need(t, gnu+"ar", gnu+"nm")
	var libs []string
	for _, pattern := range []string{"/usr/powerpc64le-linux-gnu/lib/lib*.a", "/usr/lib/gcc-cross/powerpc64le-linux-gnu/*/lib*.a"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		libs = append(libs, found...)
	}
	if len(libs) == 0 {
		tooltest.Missing(t, "there are no libraries of a cross compiler")
	}
	libs = sample(t, libs, 4)
	members, symbols := 0, 0
	for _, lib := range libs {
		head := make([]byte, len(arMagic))
		if f, err := os.Open(lib); err == nil {
			f.Read(head)
			f.Close()
		}
		if !elfrw.IsArchive(head) {
			continue // a linker script
		}
		a, err := elfrw.OpenArchive(lib)
		if err != nil {
			t.Errorf("%s: %v", lib, err)
			continue
		}
		var names strings.Builder
		for i := range a.NumMembers() {
			fmt.Fprintln(&names, a.Member(i).Name)
		}
		if got := run(t, "", gnu+"ar", "t", lib); got != names.String() {
			t.Errorf("%s: ar lists other members", lib)
		}
		var index strings.Builder
		for name, i := range a.Symbols() {
			fmt.Fprintf(&index, "%s in %s\n", name, a.Member(i).Name)
			symbols++
		}
		_, got, _ := strings.Cut(run(t, "", gnu+"nm", "-s", lib), "Archive index:\n")
		if got, _, _ = strings.Cut(got, "\n\n"); got != strings.TrimSuffix(index.String(), "\n") {
			t.Errorf("%s: nm -s lists other symbols", lib)
		}
		members += a.NumMembers()
		a.Close()
	}
	if members < fewer(1000, 1) || symbols < fewer(5000, 1) {
		t.Errorf("%d members, %d symbols", members, symbols)
	}
}
