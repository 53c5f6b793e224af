// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// rela returns the bytes of the relocation at a symbol, plus an offset.
func (d *damage) rela(name string, off uint64) []byte {
	d.t.Helper()
	s := d.symbol(name)
	for _, sec := range d.file.Sections {
		if sec.Type != elf.SHT_RELA || int(sec.Info) != int(s.Section) {
			continue
		}
		for at := sec.Offset; at < sec.Offset+sec.FileSize; at += reloc.RelaSize {
			if binary.LittleEndian.Uint64(d.b[at:]) == s.Value+off {
				return d.b[at:]
			}
		}
	}
	d.t.Fatalf("no relocation at %s+%d", name, off)
	return nil
}

// against makes a relocation name another symbol.
func (d *damage) against(r []byte, name string) {
	d.t.Helper()
	for i, s := range d.syms {
		if s.Name == name {
			binary.LittleEndian.PutUint32(r[12:], uint32(i+1))
			return
		}
	}
	d.t.Fatalf("no symbol %s", name)
}

// section makes a relocation name the section of a symbol, and its place.
func (d *damage) section(r []byte, name string) {
	s := d.symbol(name)
	for i, t := range d.syms {
		if elf.ST_TYPE(t.Info) == elf.STT_SECTION && t.Section == s.Section {
			binary.LittleEndian.PutUint32(r[12:], uint32(i+1))
			binary.LittleEndian.PutUint64(r[16:], s.Value)
			return
		}
	}
	d.t.Fatalf("no symbol of the section of %s", name)
}

func retype(r []byte, typ elf.R_PPC64) { binary.LittleEndian.PutUint32(r[8:], uint32(typ)) }

// objectFaults are what relocations can have wrong.
var objectFaults = []struct {
	name string
	do   func(d *damage)
	site string
	what string
}{
	{"another function", func(d *damage) { d.against(d.rela("v_direct.site", 0), "f_other") },
		"v_direct+0x14", "calls f_other (local entry), but the key holds f_hidden"},
	{"another unit's function", func(d *damage) { d.against(d.rela("v_foreign.site", 0), "__static_call_return0") },
		"v_foreign+0x14", "calls __static_call_return0, but the key holds ext"},
	{"the section's symbol", func(d *damage) { d.section(d.rela("v_direct.site", 0), "f_hidden") },
		"v_direct+0x14", "enters f_hidden at its global entry without its address in r12"},
	{"an addend", func(d *damage) { d.rela("v_direct.site", 0)[16] = 8 },
		"v_direct+0x14", "the branch has addend 0x8, a call of f_hidden has none"},
	{"another type", func(d *damage) { retype(d.rela("v_direct.site", 0), elf.R_PPC64_ADDR24) },
		"v_direct+0x14", "the branch has a relocation that is none of a call: R_PPC64_ADDR24"},
	{"no relocation", func(d *damage) { retype(d.rela("v_foreign.site", 0), elf.R_PPC64_NONE) },
		"v_foreign+0x14", "but the key holds ext"},
	{"a relocation on a constant", func(d *damage) { d.word("v_foreign.site", 0, ppc64.Nop) },
		"v_foreign+0x14", "a relocation is left on a constant, nop"},
	{"a tail call into another unit", func(d *damage) {
		d.against(d.rela("v_tail.site", 0), "ext")
		d.against(d.rela("__SCK__tail", 0), "ext")
	}, "v_tail+0x8", "a tail call, and nothing restores r2: ext may be in another unit"},
	{"a tail call of what changes r2", func(d *damage) {
		d.against(d.rela("v_tail.site", 0), "f_clobber")
		d.against(d.rela("__SCK__tail", 0), "f_clobber")
	}, "v_tail+0x8", "a tail call, and nothing restores r2: f_clobber may change r2 (local entry 1)"},
	{"no slot behind a call of another unit", func(d *damage) { d.word("v_foreign.site", 4, 0x38630000) },
		"v_foreign+0x14", "no slot follows the call"},
	{"the restore in a NOTOC function", func(d *damage) { retype(d.rela("v_direct.site", 0), elf.R_PPC64_REL24_NOTOC) }, "", ""},
	{"key without a reason", func(d *damage) { retype(d.rela("__SCK__direct", 0), elf.R_PPC64_REL64) },
		"v_direct+0x14", "but the key holds what is not known here"},
	{"stub of another key", func(d *damage) { d.section(d.rela("entry_out", 4), "__SCJ__stack") },
		"v_out+0x18", "the entry's stub __SCJ__stack does not go through the key"},
	{"entry's address of another type", func(d *damage) { retype(d.rela("entry_out", 0), elf.R_PPC64_ADDR32) },
		"+0x8", "the address of the site cannot be read"},
}

func TestObjectFaults(t *testing.T) {
	dir := buildForms(t)
	sound := readFile(t, filepath.Join(dir, "forms.o"))
	for _, f := range objectFaults {
		t.Run(f.name, func(t *testing.T) {
			d := newDamage(t, sound)
			f.do(d)
			r, err := check(d.b, Options{User: true})
			if err != nil {
				t.Fatal(err)
			}
			if f.site == "" {
				if len(r.Faults) > 0 {
					t.Errorf("%v", &r.Faults[0])
				}
				return
			}
			wantFault(t, r, f.site, f.what)
		})
	}
}
