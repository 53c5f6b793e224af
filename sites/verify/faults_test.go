// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
)

// A mutableFile is an image or an object that a test changes.
type mutableFile struct {
	t    *testing.T
	b    []byte
	file *elf.File
	syms []elf.Symbol
}

func newMutableFile(t *testing.T, b []byte) *mutableFile {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	return &mutableFile{t, slices.Clip(slices.Clone(b)), f, syms} // reading past the end panics
}

func (d *mutableFile) symbol(name string) elf.Symbol {
	d.t.Helper()
	for _, s := range d.syms {
		if s.Name == name {
			return s
		}
	}
	d.t.Fatalf("no symbol %s", name)
	return elf.Symbol{}
}

// at returns the bytes at a symbol, plus an offset.
func (d *mutableFile) at(name string, off int64) []byte {
	d.t.Helper()
	s := d.symbol(name)
	sec := d.file.Sections[s.Section]
	at := s.Value + uint64(off)
	if d.file.Type != elf.ET_REL {
		at -= sec.Addr
	}
	return d.b[sec.Offset+at:]
}

func (d *mutableFile) word(name string, off int64, w ppc64.Word) { w.Put(d.at(name, off)) }

// branch makes the branch at a symbol go to another, plus an offset.
func (d *mutableFile) branch(name, to string, off int64) {
	d.t.Helper()
	w, _ := ppc64.Load(d.at(name, 0), 0)
	w, err := w.WithDisplacement(int64(d.symbol(to).Value) + off - int64(d.symbol(name).Value))
	if err != nil {
		d.t.Fatal(err)
	}
	w.Put(d.at(name, 0))
}

// add changes a field of 4 or 8 bytes of an entry.
func (d *mutableFile) add(entry string, off int64, size int, n int64) {
	b := d.at(entry, off)
	if size == 4 {
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+uint32(n))
	} else {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)+uint64(n))
	}
}

// distance returns the bytes from one symbol to another.
func (d *mutableFile) distance(from, to string) int64 {
	return int64(d.symbol(to).Value) - int64(d.symbol(from).Value)
}

// faults has what can be wrong with a site of an executable: the change that
// makes it wrong, the function that has to be named, and the message.
var faults = []struct {
	name string
	do   func(d *mutableFile)
	site string
	what string
}{
	{"nop after a call into another unit", func(d *mutableFile) { d.word("v_foreign.site", 4, ppc64.Nop) },
		"v_foreign+0x14", "r2 is not restored: ext may be in another unit"},
	{"nop after a callee that changes r2", func(d *mutableFile) { d.word("v_clobber.site", 4, ppc64.Nop) },
		"v_clobber+0x14", "r2 is not restored: f_clobber may change r2"},
	{"nop after a trampoline", func(d *mutableFile) { d.word("v_kept.site", 4, ppc64.Nop) },
		"v_kept+0x14", "r2 is not restored: the key may come to hold a function of another unit"},
	{"nop after a save stub", func(d *mutableFile) { d.word("v_save.site", 4, ppc64.Nop) },
		"v_save+0x14", "r2 is not restored: the key may come to hold"},
	{"nop in the user-space table", func(d *mutableFile) { d.word("v_stack.site", 4, ppc64.Nop) },
		"v_stack+0x18", "expected ld r2,24(r1) after the call, found nop"},
	{"no slot after a call into another unit", func(d *mutableFile) { d.word("v_foreign.site", 4, 0x38630000) },
		"v_foreign+0x14", "no slot follows the call"},
	{"restore without a save", func(d *mutableFile) { d.word("v_direct.site", 4, ppc64.RestoreTOC) },
		"v_direct+0x14", "restores r2 without a save: no save of r2"},
	{"save gone", func(d *mutableFile) { d.word("v_out.site", -4, ppc64.Nop) },
		"v_out+0x18", "restores r2 without a save: no save of r2"},
	{"save gone before a constant", func(d *mutableFile) { d.word("v_null.site", -4, ppc64.Nop) },
		"v_null+0x18", "restores r2 without a save: no save of r2"},
	{"global entry", func(d *mutableFile) { d.branch("v_direct.site", "f_hidden", 0) },
		"v_direct+0x14", "enters f_hidden at its global entry without its address in r12"},
	{"global entry in a tail call", func(d *mutableFile) { d.branch("v_tail.site", "f_hidden", 0) },
		"v_tail+0x8", "enters f_hidden at its global entry without its address in r12"},
	{"past the local entry", func(d *mutableFile) { d.branch("v_direct.site", "f_hidden", 12) },
		"v_direct+0x14", "calls f_hidden+0xc, but the key holds f_hidden"},
	{"another function", func(d *mutableFile) { d.branch("v_direct.site", "f_other", 8) },
		"v_direct+0x14", "calls f_other (local entry), but the key holds f_hidden"},
	{"another function without a TOC pointer", func(d *mutableFile) { d.branch("v_pc.site", "f_hidden", 0) },
		"v_pc+0xc", "calls f_hidden, but the key holds f_single"},
	{"another unit's function", func(d *mutableFile) { d.add("__SCK__direct", 0, 8, 4) },
		"v_direct+0x14", "but the key holds f_hidden+0x4"},
	{"a stub that needs a TOC pointer", func(d *mutableFile) { d.branch("v_pcout.site", "__SCJ__out", 0) },
		"v_pcout+0xc", "but the key holds ext"},
	{"another key's stub", func(d *mutableFile) { d.branch("v_out.site", "__SCJ__stack", 0) },
		"v_out+0x18", "calls f_hidden, but the key holds ext"},
	{"a stub through another key", func(d *mutableFile) { copy(d.at("__SCJ__save", 0), d.at("__SCJ__out", 0)[:8]) },
		"v_save+0x14", "calls __SCS__save, which goes through __SCK__out"},
	{"a stub through no key", func(d *mutableFile) { d.word("__SCJ__save", 4, ppc64.Nop) },
		"v_save+0x14", "calls __SCS__save, which does not go through a key"},
	{"key off by 8", func(d *mutableFile) { d.add("entry_stack", 8, 8, 8) },
		"v_stack+0x18", "the entry's key is .*, which is not a key"},
	{"key off by 8 in the kernel's table", func(d *mutableFile) { d.add("entry_direct", 8, 8, 8) },
		"v_direct+0x14", "which is not a key"},
	{"a trampoline as the key of the user-space table", func(d *mutableFile) { d.add("entry_stack", 8, 8, d.distance("__SCK__stack", "__SCT__kept")) },
		"v_stack+0x18", "the entry's key is __SCT__kept, which is not a key"},
	{"another key", func(d *mutableFile) { d.add("entry_direct", 8, 8, d.distance("__SCK__direct", "__SCK__kept")) },
		"v_direct+0x14", "but the key holds ext"},
	{"key in no data", func(d *mutableFile) { d.add("entry_direct", 8, 8, d.distance("__SCK__direct", "f_hidden")) },
		"v_direct+0x14", "the entry's key is f_hidden, which is not a key"},
	{"tail bit lost", func(d *mutableFile) { d.add("entry_tail", 8, 8, -1) },
		"v_tail+0x8", "the entry says tail call false, found b"},
	{"tail bit lost without a TOC pointer", func(d *mutableFile) { d.add("entry_pctail", 8, 8, -1) },
		"v_pctail+0x0", "the entry says tail call false, found b"},
	{"tail bit set", func(d *mutableFile) { d.add("entry_direct", 8, 8, 1) },
		"v_direct+0x14", "the entry says tail call true, found bl"},
	{"tail bit set in the user-space table", func(d *mutableFile) { d.add("entry_stack", 8, 8, 1) },
		"v_stack+0x18", "a tail call that needs a TOC pointer cannot be in this table"},
	{"entry into data", func(d *mutableFile) { d.add("entry_direct", 0, 4, d.distance("v_direct.site", "v_data")) },
		"+0x0", "the entry points at .*, which is not code"},
	{"entry between instructions", func(d *mutableFile) { d.add("entry_direct", 0, 4, 2) },
		"+0x0", "which is not a multiple of 4"},
	{"entry beside the branch", func(d *mutableFile) { d.add("entry_direct", 0, 4, 4) },
		"v_direct+0x18", "found nop, but the key holds f_hidden"},
	{"entry twice", func(d *mutableFile) { d.add("entry_foreign", 0, 4, d.distance("v_foreign.site", "v_direct.site")) },
		"v_direct+0x14", "two entries name the site"},
	{"stub of another key", func(d *mutableFile) { d.add("entry_out", 4, 4, d.distance("__SCJ__out", "__SCJ__stack")) },
		"v_out+0x18", "the entry's stub __SCJ__stack does not go through the key"},
	{"stub that is not a stub", func(d *mutableFile) { d.add("entry_out", 4, 4, d.distance("__SCJ__out", "f_other")) },
		"v_out+0x18", "the entry's stub f_other does not go through the key"},
	{"stub in data", func(d *mutableFile) { d.add("entry_out", 4, 4, d.distance("__SCJ__out", "v_data")) },
		"v_out+0x18", "the entry's stub is v_data, which is not code|the entry's stub is .*, which is not code"},
	{"TOC stub without a TOC pointer", func(d *mutableFile) { d.add("entry_pcout", 4, 4, d.distance("__SCN__pcout", "__SCJ__out")) },
		"v_pcout+0xc", "the entry's stub __SCJ__out does not go through the key"},
	{"a stub's own entry with another key", func(d *mutableFile) { d.add("entry_again", 8, 8, d.distance("__SCK__again", "__SCK__stack")) },
		"__SCJ__again+0x0", "the entry's stub __SCJ__again does not go through the key"},
	{"a stub's own entry without a nop", func(d *mutableFile) { d.word("__SCJ__again", 0, 0x616b0000) }, // ori r11,r11,0
		"__SCJ__again+0x0", "expected nop, which a run time may turn into a branch, found .long 0x616b0000"},
	{"a save by a listed call", func(d *mutableFile) { // of twice by again: entry_again becomes one of the first call
		d.add("entry_again", 0, 4, d.distance("__SCJ__again", "v_twice.site")-8)
	}, "v_twice+0x14", "restores r2 without a save: no save of r2"},
	{"stub that changes a parameter", func(d *mutableFile) { d.word("__SCJ__null", 8, 0x60080000); d.word("__SCJ__null", 12, ppc64.Nop) }, // ori r8,r0,0
		"v_null+0x18", "the entry's stub __SCJ__null does not go through the key: it changes r8"},
	{"stub without its test", func(d *mutableFile) { d.word("__SCJ__null", 8, ppc64.Nop); d.word("__SCJ__null", 12, ppc64.Nop) },
		"v_null+0x18", "the entry's stub __SCJ__null jumps to what the key holds without a test, and that is NULL"},
	{"stub that goes elsewhere for NULL", func(d *mutableFile) { d.word("__SCJ__twice", 12, 0x4d820420) }, // beqctr
		"v_twice+0x1c", "the entry's stub __SCJ__twice does not return where the key holds NULL: it jumps to a place that nothing names"},
	{"save stub that goes elsewhere for NULL", func(d *mutableFile) { d.word("__SCJ__save", 12, 0x4d820420) },
		"v_save+0x14", "__SCS__save does not return where the key holds NULL: it jumps to a place that nothing names"},
	{"stub without r12", func(d *mutableFile) { // ld r11,...; mtctr r11
		w, _ := ppc64.Load(d.at("__SCJ__out", 4), 0)
		d.word("__SCJ__out", 4, w&^(31<<21)|11<<21)
		d.word("__SCJ__out", 8, 0x7d6903a6)
	}, "v_out+0x18", "the entry's stub __SCJ__out jumps without the target's address in r12"},
	{"stub without the save", func(d *mutableFile) { d.word("__SCS__save", 0, ppc64.Nop) },
		"v_save+0x14", "restores r2 without a save: no save of r2"},
	{"stub with a wrong save", func(d *mutableFile) { d.word("__SCS__save", 0, 0xf8610018) }, // std r3,24(r1)
		"v_save+0x14", "something other than r2 is written to the caller's frame on the way"},
	{"stub with a save elsewhere", func(d *mutableFile) { d.word("__SCS__save", 0, 0xf8410020) },
		"v_save+0x14", "something other than r2 is written to the caller's frame on the way"},
	{"stub with a load of an invalid form", func(d *mutableFile) { // pld r12,D(r1) from its own address
		off := int64(4)
		for b := d.at("__SCN__pcout", 0); b[3]>>2 != 1; b = b[4:] {
			off += 4
		}
		d.at("__SCN__pcout", off)[2] |= 1
	}, "v_pcout+0xc", "a prefixed instruction of an invalid form"},
	{"another instruction", func(d *mutableFile) { d.word("v_stack.site", 0, 0x38600001) },
		"v_stack+0x18", "found .long 0x38600001, but the key holds f_hidden"},
	{"nop for a function", func(d *mutableFile) { d.word("v_stack.site", 0, ppc64.Nop) },
		"v_stack+0x18", "found nop, but the key holds f_hidden"},
	{"li r3,0 for NULL", func(d *mutableFile) { d.word("v_null.site", 0, ppc64.Li3Zero) },
		"v_null+0x18", "found li r3,0, but the key holds NULL"},
	{"nop for a return of 0", func(d *mutableFile) { d.word("v_ret0.site", 0, ppc64.Nop) },
		"v_ret0+0x18", "found nop, but the key holds __static_call_return0"},
	{"nop for blr", func(d *mutableFile) { d.word("v_pcnull.site", 0, ppc64.Nop) },
		"v_pcnull+0x0", "found nop, but the key holds NULL"},
	{"a call where the key holds NULL", func(d *mutableFile) { d.word("v_null.site", 0, 0x48000001); d.branch("v_null.site", "f_hidden", 8) },
		"v_null+0x18", "calls f_hidden (local entry), but the key holds NULL"},
	{"an absolute branch", func(d *mutableFile) { d.word("v_stack.site", 0, 0x48000103) },
		"v_stack+0x18", "expected b or bl, found"},
	{"a trampoline that loses r12", func(d *mutableFile) { d.word("__SCT__kept", 32, 0x60000000) }, // mtctr
		"v_kept+0x14", "but the key holds ext"},
}

func TestFaults(t *testing.T) {
	dir := buildForms(t)
	for _, linker := range []string{"bfd", "lld"} {
		sound := readFile(t, filepath.Join(dir, linker+".exe"))
		for _, f := range faults {
			t.Run(linker+"/"+f.name, func(t *testing.T) {
				d := newMutableFile(t, sound)
				f.do(d)
				r, err := check(d.b, Options{User: true})
				if err != nil {
					t.Fatal(err)
				}
				wantFault(t, r, f.site, f.what)
			})
		}
	}
}

// wantFault wants a fault of a site with such a message, and others only after
// it in the same function, where they may follow from it.
func wantFault(t *testing.T, r *Report, site, what string) {
	t.Helper()
	if len(r.Faults) == 0 {
		t.Fatal("no fault")
	}
	for i := range r.Faults {
		if r.Faults[i].Symbol != r.Faults[0].Symbol {
			t.Errorf("besides: %v", &r.Faults[i])
		}
	}
	text := r.Faults[0].String()
	ok := strings.Contains(text, ": "+site+": ") || strings.HasPrefix(site, "+") && r.Faults[0].Symbol == ""
	if !ok || !like(text, what) {
		t.Errorf("%s\nwant %s: %s", text, site, what)
	}
}
