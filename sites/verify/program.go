// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// A program is a file as it would be in memory. Every loaded section has an address,
// and so has every symbol; those of other units have addresses in a region after all
// sections. An image has its own addresses. An object is given some, and its
// relocations are applied to what is read, as a linker would apply them.
type program struct {
	file   *elfrw.File
	opts   Options
	object bool // ET_REL

	memory   *elfrw.Memory
	address  []uint64 // of each section, by index
	ext      uint64   // start of the region for symbols of other units
	gotStart uint64   // in an object: the address that its GOT is taken to have
	toc      uint64   // the unit's TOC pointer, 0 if it has none

	symbols []symbol      // .symtab, or .dynsym without one
	dynamic []symbol      // .dynsym, whose indices dynamic relocations use
	funcs   index.Extents // the functions; ID is the symbol
	names   map[uint64]string
	keys    bool // there are symbols of keys
	locals  bool // .symtab has local symbols
	traces  int  // symbols of keys, trampolines and stubs
	tramps  int  // trampolines that are defined here
	first   string
	entries map[uint64]string // trampolines by their entries, global and local
	enters  map[entrance]bool
	byKey   map[string]uint64 // see keyNamed
	byBase  map[string]uint64 // the first of several versions, by name without a version

	cells  map[uint64]uint64    // of user space, with the key that each follows
	relas  map[int]reloc.Sorted // of an object, by section
	marks  map[half]uint64      // see joinHalves
	moved  []reloc.Rela         // dynamic relocations of an image, by place
	moves  bool                 // the dynamic linker chooses the addresses of an image
	shared bool                 // a shared library: its symbols may be preempted
	tocs   map[[2]uint64]uint64 // see tocOf
	every  []uint64             // see allTOCs

	adopted   bool // a record says where the code runs, in place
	place     uint8
	elsewhere bool // an option contradicts the record
}

// A symbol is one entry of a symbol table, with its address.
type symbol struct {
	name    string
	addr    uint64
	size    uint64
	typ     elf.SymType
	bind    elf.SymBind
	vis     elf.SymVis
	other   uint8
	section int  // 0: in another unit, absolute or common
	foreign bool // undefined, or common: its address is in the region after the sections
}

// An entrance is an entry of a trampoline, global or local, with one of its names. A
// place has several if trampolines are aliases.
type entrance struct {
	at   uint64
	name string
}

const (
	extSize  = 64 // bytes between the symbols of other units
	maxSpace = 1 << 31
)

var errNoSections = errkind.WrongType.Errorf("there are no section headers: nothing can be found")

// open models a file.
func open(f *elfrw.File, opts Options) (*program, error) {
	if err := layout.CheckMachine(f); err != nil {
		return nil, err
	}
	if err := layout.CheckABI(f); err != nil {
		return nil, err
	}
	if f.NumSections() == 0 {
		return nil, errNoSections
	}
	if err := layout.CheckRelocations(f); err != nil {
		return nil, err
	}
	switch ir, fat, err := layout.IR(f); {
	case err != nil:
		return nil, err
	case fat && bytes.Contains(f.SymbolNames(), []byte(layout.TrampPrefix)):
		return nil, layout.FatLTO(ir)
	}
	p := &program{
		file: f, opts: opts, address: make([]uint64, f.NumSections()),
		names: map[uint64]string{}, entries: map[uint64]string{}, enters: map[entrance]bool{}, relas: map[int]reloc.Sorted{}, marks: map[half]uint64{}, tocs: map[[2]uint64]uint64{},
	}
	h := f.Header()
	switch elf.Type(h.Type) {
	case elf.ET_REL:
		p.object = true
	case elf.ET_EXEC, elf.ET_DYN:
	default:
		return nil, errkind.WrongType.Errorf("file type is %v: only objects and linked images can be checked", elf.Type(h.Type))
	}
	if _, ok := f.SectionByName(".gnu.linkonce.this_module"); ok && p.object {
		if p.opts.User {
			return nil, errkind.WrongOption.Errorf("a linked kernel module cannot run in user space")
		}
		p.opts.Module = true
	}
	var err error
	if p.object {
		err = p.placeObject()
	} else {
		err = p.placeImage()
	}
	if err != nil {
		return nil, err
	}
	p.index()
	return p, nil
}

// kernel reports whether the code belongs to the kernel image, which is one unit.
func (p *program) kernel() bool { return !p.opts.User && !p.opts.Module }

// locate returns the section at an address and the offset in it.
func (p *program) locate(at uint64) (elfrw.Section, uint64, bool) { return p.memory.Locate(at) }

// mapSections maps the sections at the addresses that they were given.
func (p *program) mapSections() (err error) {
	if p.memory, err = p.file.MemoryAt(p.address); err != nil {
		return errkind.BadELF.Wrap(err)
	}
	return nil
}

// code returns the section at an address, if it holds code.
func (p *program) code(at uint64) (elfrw.Section, uint64, bool) {
	s, off, ok := p.locate(at)
	return s, off, ok && s.IsCode()
}

// bytes returns a copy of n bytes of memory, with the relocations of an object
// applied. It returns false if there is no such memory, or if a relocation
// cannot be applied here.
func (p *program) bytes(at uint64, n int) ([]byte, bool) {
	b, ok := p.loaded(at, n)
	switch {
	case !ok:
		return nil, false
	case p.object:
		s, off, _ := p.locate(at)
		return b, p.relocate(s.Index, off, b)
	}
	return b, !p.isMoved(at, n)
}

// loaded returns a copy of n bytes of memory, as they are in the file.
func (p *program) loaded(at uint64, n int) ([]byte, bool) {
	s, off, ok := p.locate(at)
	if !ok || uint64(n) > s.Size-off {
		return nil, false
	}
	b := make([]byte, n)
	if d := s.Data(); d != nil {
		copy(b, d[off:])
	}
	return b, true
}

// word returns an instruction word as it is in the file.
func (p *program) word(at uint64) (ppc64.Word, bool) {
	s, off, ok := p.code(at)
	if !ok {
		return 0, false
	}
	w, err := ppc64.Load(s.Data(), off)
	return w, err == nil
}

// instruction returns an instruction as it is after the link, except for branches.
// The suffix is 0 unless the instruction is prefixed.
func (p *program) instruction(at uint64) (w, suffix ppc64.Word, ok bool) {
	w, ok = p.word(at)
	if !ok {
		return 0, 0, false
	}
	if w.IsBranch() || w.IsCondBranch() {
		return w, 0, true
	}
	b, ok := p.bytes(at, w.Len())
	if !ok {
		return 0, 0, false
	}
	w, suffix, _ = ppc64.Fetch(b, 0)
	return w, suffix, true
}

// A content is what a doubleword holds when the program starts.
type content struct {
	known  bool
	addr   uint64
	named  bool // the dynamic linker looks it up by name: it may be in another unit
	ifunc  bool // it is what the resolver at addr returns
	number bool // it is the number addr, which is not an address
	reason string
}

// doubleword returns what memory holds when the program starts.
func (p *program) doubleword(at uint64) content {
	if p.object {
		return p.objectContent(at)
	}
	return p.imageContent(at)
}

// s32 returns the target of a self-relative field of four bytes.
func (p *program) s32(at uint64) (uint64, bool) {
	b, ok := p.bytes(at, 4)
	if !ok {
		return 0, false
	}
	return at + uint64(int64(int32(binary.LittleEndian.Uint32(b)))), true
}

// s64 returns the target of a self-relative field of eight bytes, which a relocation
// changes as a whole or not at all.
func (p *program) s64(at uint64) (uint64, bool) {
	if p.object && !p.isWhole(at, elf.R_PPC64_REL64) {
		return 0, false
	}
	b, ok := p.bytes(at, 8)
	if !ok {
		return 0, false
	}
	return at + binary.LittleEndian.Uint64(b), true
}

// isWhole reports whether a doubleword is changed only by relocations of one type at
// its start.
func (p *program) isWhole(at uint64, t elf.R_PPC64) bool {
	s, off, ok := p.locate(at)
	return ok && p.changes(s.Index, off, off+8, func(r reloc.Rela) bool { return r.Off == off && r.Type() == uint32(t) })
}

// foreign reports whether an address stands for a symbol of another unit.
func (p *program) foreign(at uint64) bool { return p.external(at) != nil }

// otherUnit reports whether a doubleword may hold an address in another unit.
func (p *program) otherUnit(c content) bool {
	if p.object && p.kernel() {
		return false
	}
	return !c.known || c.named || c.ifunc || p.foreign(c.addr)
}
