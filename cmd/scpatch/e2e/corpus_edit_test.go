// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/elfrw"
)

// addEverything makes the kinds of additions that scpatch makes: a section, a
// local and a global symbol in it, and relocations against both. It returns the
// output and the number of new local symbols. A module loses its signature.
func addEverything(f *elfrw.File) (out []byte, locals int, err error) {
	e := f.Edit()
	e.StripSignature()
	sec, err := e.AddSection(elfrw.NewSection{
		Name: ".scpatch_test", Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: make([]byte, 32),
	})
	if err != nil {
		return nil, 0, err
	}
	if f.NumSymbols() > 0 {
		var relas []byte
		for i, s := range []elfrw.NewSymbol{
			{Name: "scpatch_test_local", Bind: elf.STB_LOCAL, Type: elf.STT_OBJECT, Section: sec, Size: 8},
			{Name: "scpatch_test_global", Bind: elf.STB_GLOBAL, Type: elf.STT_OBJECT, Section: sec, Value: 8, Size: 8},
		} {
			sym, err := e.AddSymbol(s)
			if err != nil {
				return nil, 0, err
			}
			relas = binary.LittleEndian.AppendUint64(relas, uint64(16+8*i))
			relas = binary.LittleEndian.AppendUint64(relas, elf.R_INFO(uint32(sym), uint32(elf.R_PPC64_ADDR64)))
			relas = binary.LittleEndian.AppendUint64(relas, 0)
		}
		if _, err := e.AddSection(elfrw.NewSection{
			Name: ".rela.scpatch_test", Type: elf.SHT_RELA, Flags: elf.SHF_INFO_LINK, Addralign: 8, Entsize: 24,
			Link: f.Symtab().Index, Info: uint32(sec), Data: relas,
		}); err != nil {
			return nil, 0, err
		}
		locals = 1
	}
	out, err = imageBytes(e)
	return out, locals, err
}

// sameUnnamed compares a file before and after addEverything: everything must
// still be there, in the same order, with the same meaning.
func sameUnnamed(before, after []byte, locals int) error {
	was, err := readStructure(before)
	if err != nil {
		return err
	}
	is, err := readStructure(after)
	if err != nil {
		return err
	}
	first := 0
	if was.symtab != 0 {
		first = int(was.sections[was.symtab].Info)
	}
	number := func(i uint32) uint32 { // the number of a symbol afterwards
		if int(i) >= first {
			i += uint32(locals)
		}
		return i
	}
	for i := range was.sections {
		a, b := was.sections[i], is.sections[i]
		old, now := was.content(uint64(i)), is.content(uint64(i))
		grows := i == was.symtab || i == was.shstrtab || was.symtab != 0 && i == int(was.sections[was.symtab].Link) ||
			elf.SectionType(a.Type) == elf.SHT_SYMTAB_SHNDX || i == 0
		if grows && len(now) >= len(old) {
			b.Size, a.Off = a.Size, b.Off
		}
		switch elf.SectionType(a.Type) {
		case elf.SHT_SYMTAB:
			a.Info += uint32(locals)
			for k := range was.syms {
				x, y := was.syms[k], is.syms[number(uint32(k))]
				name := func(c *structureCheck, n uint32) string {
					return cString(c.content(uint64(c.sections[c.symtab].Link)), n)
				}
				if name(was, x.Name) != name(is, y.Name) {
					return fmt.Errorf("symbol %d has another name", k)
				}
				if x.Name = y.Name; x != y {
					return fmt.Errorf("symbol %d: %+v, was %+v", k, y, x)
				}
			}
			old, now = nil, nil
		case elf.SHT_SYMTAB_SHNDX:
			cut := 4 * first
			old, now = slices.Concat(old[:cut], old[cut:]), slices.Concat(now[:cut], now[cut+4*locals:][:len(old)-cut])
		case elf.SHT_RELA:
			old = bytes.Clone(old)
			for r := old; len(r) > 0; r = r[24:] {
				binary.LittleEndian.PutUint32(r[12:], number(binary.LittleEndian.Uint32(r[12:])))
			}
		case elf.SHT_GROUP:
			a.Info = number(a.Info)
		case elfrw.SHTLLVMAddrsig: // numbers of symbols
			old, now, b.Size, a.Off = nil, nil, a.Size, b.Off
		case elf.SHT_STRTAB:
			if grows {
				now = now[:len(old)]
			}
		}
		if a.Addralign > 1 && a.Type != uint32(elf.SHT_NOBITS) && a.Off%a.Addralign != b.Off%a.Addralign && !grows {
			return fmt.Errorf("section %d: at 0x%x, was at 0x%x", i, b.Off, a.Off)
		}
		if a.Off = b.Off; a != b {
			return fmt.Errorf("section %d: %+v, was %+v", i, b, a)
		}
		if !bytes.Equal(old, now) {
			return fmt.Errorf("section %d: other bytes", i)
		}
	}
	return nil
}

// peers are programs that read the objects before and after, many at a time or
// one by one.
type peers struct {
	t        *testing.T
	dir      string
	names    []string
	tried    int
	accepted map[string]int
	// The number of byte-for-byte copies that tools make without an edit.
	identical map[string]int
}

// complains matches the lines in which the readers complain; the linkers must
// print nothing.
var complains = []struct {
	tool string
	args []string
	line func(string) bool
}{
	{"powerpc64le-linux-gnu-readelf", []string{"-aW"}, func(l string) bool {
		return strings.Contains(l, "readelf: ") || strings.Contains(l, "<corrupt")
	}},
	{"eu-elflint", []string{"--gnu-ld"}, func(l string) bool {
		return strings.Contains(l, "section [") || strings.Contains(l, "error") && l != "No errors\n"
	}},
}

// add gives the peers an object, in a file of each directory.
func (p *peers) add(before, after []byte) {
	name := fmt.Sprintf("%d.o", p.tried)
	p.tried++
	p.names = append(p.names, name)
	clitest.WriteFile(p.t, filepath.Join(p.dir, "before", name), before)
	clitest.WriteFile(p.t, filepath.Join(p.dir, "after", name), after)
	if len(p.names) == 50 {
		p.ask()
	}
}

// ask runs every peer on the collected objects. None may complain more about
// the edited objects than about the originals.
func (p *peers) ask() {
	for _, c := range complains {
		count := map[string]int{}
		for _, when := range []string{"before", "after"} {
			cmd := exec.Command(c.tool, append(c.args, p.names...)...)
			cmd.Dir = filepath.Join(p.dir, when)
			out, _ := cmd.CombinedOutput() // the exit code depends on the objects
			if len(out) == 0 {
				p.t.Fatalf("%v says nothing", cmd)
			}
			for l := range bytes.Lines(out) {
				if c.line(string(l)) {
					count[when]++
				}
			}
		}
		if count["after"] > count["before"] {
			p.t.Errorf("%s complains of %q %d times, before %d times", c.tool, p.names, count["after"], count["before"])
		} else {
			p.accepted[c.tool] += len(p.names)
		}
	}
	for _, linker := range [][]string{{"powerpc64le-linux-gnu-ld.bfd", "-r"}, {"ld.lld", "-r", "--threads=1"}} {
		for _, name := range p.names {
			link := func(when string) ([]byte, error) {
				args := append(linker[1:], "-o", filepath.Join(p.dir, "out"), filepath.Join(p.dir, when, name))
				return exec.Command(linker[0], args...).CombinedOutput()
			}
			if said, err := link("after"); err != nil {
				if _, before := link("before"); before == nil {
					p.t.Errorf("%s does not link %s: %v: %s", linker[0], name, err, said)
					continue
				}
				p.accepted[linker[0]+", which does not link the input either"]++
				continue
			}
			p.accepted[linker[0]]++
		}
	}
	for _, copier := range []string{"powerpc64le-linux-gnu-objcopy", "llvm-objcopy"} {
		for _, name := range p.names {
			before, out := filepath.Join(p.dir, "before", name), filepath.Join(p.dir, "out")
			if err := exec.Command(copier, before, out).Run(); err == nil && bytes.Equal(clitest.ReadFile(p.t, before), clitest.ReadFile(p.t, out)) {
				p.identical[copier]++
			}
		}
	}
	for _, name := range p.names {
		_ = os.Remove(filepath.Join(p.dir, "before", name))
		_ = os.Remove(filepath.Join(p.dir, "after", name))
	}
	p.names = nil
}

func newPeers(t *testing.T) *peers {
	p := &peers{t: t, dir: t.TempDir(), accepted: map[string]int{}, identical: map[string]int{}}
	for _, name := range []string{"before", "after"} {
		if err := os.Mkdir(filepath.Join(p.dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return p
}
