// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64/tooltest"
)

// complaints runs a tool in a directory and returns the lines of its output
// that are complaints, that is, not ok.
func complaints(t *testing.T, dir string, ok func(line string) bool, tool string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tooltest.Missing(t, err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if !ok(line) {
			lines = append(lines, line)
		}
	}
	if err != nil && len(lines) == 0 {
		lines = append(lines, tool+": "+err.Error())
	}
	return lines
}

// peerEdit uses every kind of edit in a way that makes sense to linkers.
func peerEdit(t *testing.T, data []byte) []byte {
	d := newEditor(t, data)
	d.e.StripSignature()
	sec := d.addSection(elfrw.NewSection{Name: ".static_call_sites", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 8, Data: make([]byte, 64)})
	for _, p := range d.plain(4) {
		if !d.f.Section(p).Compressed() {
			d.replace(p, 0, d.f.Section(p).Data()[:4])
		}
	}
	if d.f.NumSymbols() == 0 {
		return d.layout()
	}
	syms := []int{
		d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL, Type: elf.STT_SECTION, Section: sec}),
		d.addSymbol(elfrw.NewSymbol{Name: "peer_undefined", Bind: elf.STB_GLOBAL}),
		d.addSymbol(elfrw.NewSymbol{Name: "peer_local", Bind: elf.STB_LOCAL, Type: elf.STT_OBJECT, Section: sec, Value: 8, Size: 8}),
		d.addSymbol(elfrw.NewSymbol{Name: "peer_global", Bind: elf.STB_GLOBAL, Type: elf.STT_OBJECT, Section: sec, Value: 16, Size: 8}),
		d.f.NumSymbols() - 1,
	}
	var relas []elf.Rela64
	for i, y := range syms {
		relas = append(relas, rel(8*uint64(i), y, elf.R_PPC64_ADDR64, 0))
	}
	d.addRela(sec, relas...)
	for _, r := range d.relas(1) {
		first := *d.m.secs[r].relas[0].rela
		for i := range d.f.NumSymbols() {
			if d.m.syms[i] == first.sym {
				// Drop the first entry and insert it again.
				d.dropRela(r, 0)
				d.insertRela(r, 0, elf.Rela64{Off: first.off, Info: uint64(i)<<32 | uint64(first.typ), Addend: first.addend})
				break
			}
		}
	}
	return d.layout()
}

// peerChange renames, changes and removes as many sections and symbols as it
// can.
func peerChange(t *testing.T, data []byte) []byte {
	o := newObjectEditor(t, data)
	o.e.StripSignature()
	if o.f.NumSymbols() == 0 {
		return o.layout()
	}
	for i := range o.syms {
		switch y := o.syms[i]; {
		case i%3 == 0:
			o.removeSymbol(i)
		case i%3 == 1 && y.name != "" && y.name[0] != '.' && elf.ST_TYPE(y.info) == elf.STT_FUNC:
			o.setSymbol(i, func(s *elfrw.NewSymbol) { s.Name += "_renamed" })
		}
	}
	for i := range o.secs {
		if s := o.secs[i]; elf.SectionFlag(s.hdr.Flags)&elf.SHF_ALLOC == 0 && elf.SectionType(s.hdr.Type) != elf.SHT_RELA && i%2 == 0 {
			o.removeSection(i)
		} else if s.name == ".data" || s.name == ".rodata" {
			o.renameSection(i, s.name+".renamed")
		}
	}
	sig := o.addSymbol(elfrw.NewSymbol{Name: "peer_group", Bind: elf.STB_WEAK, Type: elf.STT_FUNC})
	g := o.addSection(elfrw.NewSection{Name: ".group", Type: elf.SHT_GROUP, Info: uint32(sig), Data: words(1)})
	sec := o.addSection(elfrw.NewSection{Name: ".data.peer", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 8, Group: g, Data: make([]byte, 16)})
	o.setSymbol(sig, func(s *elfrw.NewSymbol) { s.Section, s.Type, s.Size = sec, elf.STT_OBJECT, 16 })
	o.addRelas(sec, elfrw.Rela{Symbol: sig, Type: uint32(elf.R_PPC64_ADDR64)}, elfrw.Rela{Off: 8, Symbol: sig, Type: uint32(elf.R_PPC64_ADDR64), Addend: 4})
	return o.layout()
}

// peerFiles writes the inputs and outputs and returns their directories.
func peerFiles(t *testing.T, edit func(*testing.T, []byte) []byte) (in, out string, names []string) {
	in, out = t.TempDir(), t.TempDir()
	write := func(name string, data []byte) {
		err := errors.Join(
			os.WriteFile(filepath.Join(in, name), data, 0o600),
			os.WriteFile(filepath.Join(out, name), edit(t, data), 0o600),
		)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, shape := range []string{"basic", "middle", "merged", "shndx", "shuffled", "empties", "everything"} {
		write(shape, small[shape].build())
	}
	eachObject(t, func(t *testing.T, data []byte) {
		if f, err := elfrw.New(data); err == nil && elf.Machine(f.Header().Machine) == elf.EM_PPC64 {
			write(filepath.Base(t.Name()), data)
		}
	})
	return in, out, names
}

// TestPeers checks that no tool complains more about the edited objects than
// about the input.
func TestPeers(t *testing.T) {
	for name, edit := range map[string]func(*testing.T, []byte) []byte{"add": peerEdit, "change": peerChange} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testPeers(t, edit)
		})
	}
}

func testPeers(t *testing.T, edit func(*testing.T, []byte) []byte) {
	in, out, names := peerFiles(t, edit)
	readers := map[string]struct {
		args []string
		ok   func(string) bool
	}{
		"powerpc64le-linux-gnu-readelf": {[]string{"-aW"}, func(l string) bool { return !strings.Contains(l, "readelf: ") && !strings.Contains(l, "<corrupt") }},
		"powerpc64le-linux-gnu-objdump": {[]string{"-dr"}, func(l string) bool { return !strings.Contains(l, "objdump: ") }},
		"eu-elflint": {nil, func(l string) bool {
			return !strings.Contains(l, "section [") && !strings.Contains(l, "error") || l == "No errors\n"
		}},
	}
	for tool, how := range readers {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			args := slices.Concat(how.args, names)
			before, after := complaints(t, in, how.ok, tool, args...), complaints(t, out, how.ok, tool, args...)
			if len(after) > len(before) {
				t.Errorf("%d complaints:\n%s\nof the input %d:\n%s", len(after), strings.Join(after, ""), len(before), strings.Join(before, ""))
			}
		})
	}
	for tool, args := range map[string][]string{
		"powerpc64le-linux-gnu-ld": {"-r"},
		"ld.lld":                   {"-r", "--threads=1"},
	} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			link := func(dir, name string) []string {
				args := slices.Concat(args, []string{"-o", filepath.Join(t.TempDir(), "out"), name})
				return complaints(t, dir, func(string) bool { return false }, tool, args...)
			}
			for _, name := range names {
				if after := link(out, name); len(after) > 0 && len(link(in, name)) < len(after) {
					t.Errorf("%s:\n%s", name, strings.Join(after, ""))
				}
			}
		})
	}
}
