// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// TestVersions verifies a program that uses two versions of a key of a library.
func TestVersions(t *testing.T) {
	tooltest.Need(t, gcc, "ld.lld")
	src, err := filepath.Abs("testdata/versions.S")
	if err != nil {
		t.Fatal(err)
	}
	dir := build(t, "verify-versions", func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "map"), []byte("V1 { }; V2 { } V1;\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		execute(t, dir, gcc, "-c", src, "-o", "main.o")
		execute(t, dir, gcc, "-DLIBRARY", "-c", src, "-o", "lib.o")
		for name, link := range linkers {
			execute(t, dir, slices.Concat(link, []string{"-nostdlib", "-shared", "-Wl,--version-script=map", "lib.o", "-o", name + ".so"})...)
			execute(t, dir, slices.Concat(link, []string{"-nostdlib", "-pie", "-Wl,-e,v_old", "main.o", "./" + name + ".so", "-o", name})...)
		}
	})
	for name := range linkers {
		f, err := elfrw.New(readFile(t, filepath.Join(dir, name+".so")))
		if err != nil {
			t.Fatal(err)
		}
		p, err := open(f, Options{User: true})
		if err != nil {
			t.Fatal(err)
		}
		if p.dynamic[0].foreign {
			t.Errorf("%s.so: symbol 0 is another unit's", name)
		}
		for _, want := range []string{"__SCK__op@V1", "__SCK__op@V2", "__SCK__plain"} {
			if !slices.ContainsFunc(p.dynamic, func(s symbol) bool { return s.name == want }) {
				t.Errorf("%s.so: no symbol %s", name, want)
			}
		}
		b := readFile(t, filepath.Join(dir, name))
		r, err := check(b, Options{User: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Faults {
			t.Errorf("%s: %v", name, &r.Faults[i])
		}
		if r.Sites != 2 {
			t.Errorf("%s: %d sites, want 2", name, r.Sites)
		}
		d := newMutableFile(t, b)
		d.branch("v_old.site", "__SCS__op", 0)
		if r, err = check(d.b, Options{User: true}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantFault(t, r, "v_old+0x14", "but the key holds something unknown here (it belongs to another unit)")
		for what, do := range map[string]func(d *mutableFile){
			"calls __SCS__plain, but the key holds": func(d *mutableFile) { d.branch("v_op.site", "__SCS__plain", 0) },
			"calls __SCS__old, but the key holds": func(d *mutableFile) { // a key without a version is another one
				d.branch("v_op.site", "__SCS__old", 0)
				syms, err := d.file.DynamicSymbols()
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range syms {
					if s.Version == "V2" {
						d.table(".gnu.version")[2*(i+1)] = global
					}
				}
			},
		} {
			d := newMutableFile(t, b)
			do(d)
			if r, err := check(d.b, Options{User: true}); err != nil {
				t.Errorf("%s: %s: %v", name, what, err)
			} else {
				wantFault(t, r, "v_op+0x14", what)
			}
		}
	}
}

// TestReadVersions reads entries that overlap, and those at the end of their section.
func TestReadVersions(t *testing.T) {
	const names = "\t.section .names,\"\",@progbits\n\t.asciz \"\"\n\t.asciz \"V1\"\n\t.asciz \"V2\"\n"
	// An entry of Elf64_Vernaux has 16 bytes, of which the last ten matter.
	entry := func(index, name, next int) string {
		return fmt.Sprintf("\t.short %d\n\t.long %d, %d\n", index, name, next)
	}
	const header, end = "\t.short 1, 1\n\t.long 0, 16, 0\n", "\t.short 9\n\t.long 9, 9\n"
	overlapping := header + "\t.long 0\n\t.short 0\n"
	for index := range 9 {
		overlapping += entry(index+2, 1, 10)
	}
	for _, c := range []struct {
		name, text string
		want       map[uint16]string
	}{
		{"the last at the end", header + "\t.long 0\n\t.short 0\n" + entry(2, 4, 0), map[uint16]string{2: "V2"}},
		{"an entry that is cut", header + "\t.long 0\n\t.short 0\n" + entry(2, 4, 16) + "\t.long 0\n\t.short 0, 3\n\t.long 1\n", map[uint16]string{2: "V2"}},
		{"the first version of an index", header + "\t.long 0\n\t.short 0\n" + entry(2, 4, 16) + "\t.long 0\n\t.short 0\n" + entry(2, 1, 0), map[uint16]string{2: "V2"}},
		{"no version", header + "\t.long 0\n\t.short 0\n" + entry(1, 4, 0), map[uint16]string{}},
		{"a name at the end", header + "\t.long 0\n\t.short 0\n" + entry(2, 7, 0), map[uint16]string{}},
		{"two headers", "\t.short 1, 1\n\t.long 0, 16, 32\n\t.long 0\n\t.short 0\n" + entry(2, 4, 0) + header + "\t.long 0\n\t.short 0\n" + entry(3, 1, 0), map[uint16]string{2: "V2", 3: "V1"}},
		{"a header that is cut", "\t.short 1, 1\n\t.long 0, 16, 32\n\t.long 0\n\t.short 0\n" + entry(2, 4, 0) + "\t.short 1, 1\n", map[uint16]string{2: "V2"}},
		// No two entries share bytes: 112 bytes have at most seven.
		{"entries that overlap", overlapping, map[uint16]string{2: "V1", 3: "V1", 4: "V1", 5: "V1", 6: "V1", 7: "V1", 8: "V1"}},
	} {
		d := newMutableFile(t, assemble(t, names+"\t.section .versions,\"a\",@progbits\n"+c.text))
		at := func(name string) int {
			return slices.IndexFunc(d.file.Sections, func(s *elf.Section) bool { return s.Name == name })
		}
		d.header(".versions", shLink)[0] = byte(at(".names"))
		f, err := elfrw.New(d.b)
		if err != nil {
			t.Fatal(err)
		}
		got := map[uint16]string{}
		if readVersions(f.Section(at(".versions")), f, verneed, got); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBadVersions has versions of fewer symbols than there are, and names in a section
// that does not exist.
func TestBadVersions(t *testing.T) {
	b := readFile(t, filepath.Join(buildForms(t), "bfd.pie"))
	for _, do := range []func(d *mutableFile){
		func(d *mutableFile) { d.header(".gnu.version", shSize)[0] = 2 },
		func(d *mutableFile) { d.header(".gnu.version_r", shLink)[0] = byte(len(d.file.Sections)) },
	} {
		d := newMutableFile(t, b)
		do(d)
		if r, err := check(d.b, inUser); err != nil || len(r.Faults) > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestKeyNamed looks for keys of which there are several.
func TestKeyNamed(t *testing.T) {
	global := func(name string, addr uint64) symbol {
		return symbol{name: name, addr: addr, section: 1, bind: elf.STB_GLOBAL}
	}
	local := func(name string, addr uint64) symbol { return symbol{name: name, addr: addr, section: 1} }
	const ext = 1 << 32
	foreign := func(name string, at int) symbol {
		return symbol{name: name, addr: ext + extSize*uint64(at), foreign: true, bind: elf.STB_GLOBAL}
	}
	for _, c := range []struct {
		name    string
		symbols []symbol
		want    uint64
	}{
		{"global before local", []symbol{local("__SCK__op", 8), global("__SCK__op", 16)}, 16},
		{"the first global one", []symbol{global("__SCK__op", 8), global("__SCK__op", 16)}, 8},
		{"the first local one", []symbol{local("__SCK__op", 8), local("__SCK__op", 16)}, 8},
		{"a definition", []symbol{foreign("__SCK__op", 0), global("__SCK__op", 16)}, 16},
		{"before another unit's", []symbol{global("__SCK__op", 16), foreign("__SCK__op", 1)}, 16},
		{"another unit's before a local one", []symbol{local("__SCK__op", 8), foreign("__SCK__op", 1)}, ext + extSize},
		{"the first of another unit", []symbol{foreign("__SCK__op", 0), foreign("__SCK__op", 1)}, ext},
		{"the first version", []symbol{global("__SCK__op@V1", 8), global("__SCK__op@V2", 16)}, 8},
		{"no version before others", []symbol{global("__SCK__op@V1", 8), global("__SCK__op", 16)}, 16},
		{"a trampoline", []symbol{global("__SCK__other", 8), global("__SCT__op", 16)}, 16},
		{"a key before a trampoline", []symbol{global("__SCT__op", 16), global("__SCK__op@V1", 8)}, 8},
		{"none", []symbol{global("__SCK__other", 8), {name: "__SCK__op", addr: 8, bind: elf.STB_GLOBAL}}, 0},
	} {
		p := &program{object: true, symbols: c.symbols, ext: ext}
		if got := p.keyNamed("op"); got != c.want {
			t.Errorf("%s: 0x%x, want 0x%x", c.name, got, c.want)
		}
	}
}

func TestSameKey(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"op", "op", true}, {"op", "op@V1", true}, {"op@V1", "op", true}, {"op@V1", "op@V1", true},
		{"op@V1", "op@V2", false}, {"op", "ops", false}, {"op@V1", "oq@V1", false},
	} {
		if got := sameKey(c.a, c.b); got != c.want {
			t.Errorf("sameKey(%s, %s) is %v", c.a, c.b, got)
		}
	}
	if got := plainVersion("op@@V2"); got != "op@V2" {
		t.Errorf("plainVersion gives %s", got)
	}
}
