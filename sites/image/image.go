// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"debug/elf"
	"encoding/binary"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// An image is a linked file as it lies in memory.
type image struct {
	file   *elfrw.File
	memory *elfrw.Memory
	funcs  []function          // by symbol
	places index.Extents       // the extents of the functions, by their index in funcs
	keys   map[uint64]string   // names without __SCK__, by address
	tramps map[string]function // by name without __SCT__
	table  [2]uint64           // from and to
	moved  map[uint64]content  // keys with a dynamic relocation
	toc    uint64              // the TOC pointer
	slots  map[uint64]uint64   // results of dynamic relocations, by address; see doubleword

	parents layout.Parents // see callerEntry
}

// A function is a function symbol in code.
type function struct {
	addr, end uint64
	sym       int
	entry     ppc64.LocalEntry
}

// local returns the address of the local entry (ELFv2 §2.3.2.1).
func (f *function) local() uint64 { return f.addr + f.entry.Offset() }

// A content is the value of a doubleword when the kernel starts.
type content struct {
	known bool
	value uint64
}

// open reads the sections, symbols and dynamic relocations of an image.
func open(f *elfrw.File) (*image, error) {
	if err := layout.CheckMachine(f); err != nil {
		return nil, err
	}
	if typ := elf.Type(f.Header().Type); typ != elf.ET_EXEC && typ != elf.ET_DYN {
		return nil, errkind.WrongType.Errorf("file type is %v, want ET_EXEC or ET_DYN", typ)
	}
	if err := layout.CheckABI(f); err != nil {
		return nil, err
	}
	if f.NumSymbols() < 2 {
		return nil, errkind.WrongType.Errorf("the image has no symbols: patch it before it is stripped")
	}
	if err := layout.CheckRelocations(f); err != nil {
		return nil, err
	}
	im := &image{file: f, keys: map[uint64]string{}, tramps: map[string]function{}, moved: map[uint64]content{}}
	if err := im.readSymbols(); err != nil {
		return nil, err
	}
	if s, ok := f.SectionByName(layout.KernelTable); ok && im.table[0] == im.table[1] {
		im.table = [2]uint64{s.Addr, s.Addr + s.Size}
	}
	if im.table[0] == im.table[1] {
		return nil, errkind.WrongType.Errorf("file type is %v: only relocatable objects (ET_REL), and kernel images with a table of sites, can be patched: patch the objects before they are linked", elf.Type(f.Header().Type))
	}
	var err error
	if im.memory, err = f.Memory(); err != nil {
		return nil, errkind.BadELF.Wrap(err)
	}
	if s, ok := f.SectionByName(".got"); ok && im.toc == 0 {
		im.toc = s.Addr + reloc.TOCBias
	}
	return im, im.readRelocations()
}

// word returns the instruction word at an address.
func (im *image) word(at uint64) (w ppc64.Word, sec elfrw.Section, off uint64, err error) {
	sec, off, ok := im.memory.Locate(at)
	if !ok || !sec.IsCode() {
		return 0, sec, off, errkind.BadTable.Errorf("0x%x is not in code", at)
	}
	w, err = ppc64.Load(sec.Data(), off)
	return w, sec, off, err
}

func (im *image) readSymbols() error {
	f := im.file
	var extents []index.Extent
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		if s.Section == 0 {
			continue
		}
		name := f.SymbolName(s)
		switch {
		case string(name) == layout.TableStart:
			im.table[0] = s.Value
		case string(name) == layout.TableStop:
			im.table[1] = s.Value
		case string(name) == ".TOC.":
			im.toc = s.Value
		case strings.HasPrefix(string(name), layout.KeyPrefix):
			im.keys[s.Value] = string(name[len(layout.KeyPrefix):])
		}
		if s.Type() != elf.STT_FUNC && s.Type() != elf.STT_NOTYPE || !f.Section(s.Section).IsCode() {
			continue
		}
		isTramp := strings.HasPrefix(string(name), layout.TrampPrefix)
		if s.Type() == elf.STT_NOTYPE && !isTramp {
			continue
		}
		entry, err := ppc64.LocalEntryOf(s.Other)
		if err != nil {
			return errkind.BadELF.Errorf("symbol %s: %w", errkind.Printable(string(name)), err)
		}
		fn := function{s.Value, s.Value + s.Size, i, entry}
		if isTramp {
			im.tramps[string(name[len(layout.TrampPrefix):])] = fn
		}
		extents = append(extents, index.Extent{Start: fn.addr, End: fn.end, ID: len(im.funcs)})
		im.funcs = append(im.funcs, fn)
	}
	im.places = index.NewExtents(extents, func(id int) uint64 { return im.funcs[id].addr }) // no size: covers nothing
	return nil
}

// at returns the functions that start at an address.
func (im *image) at(addr uint64) (funcs []function) {
	for _, e := range im.places.At(addr) {
		funcs = append(funcs, im.funcs[e.ID])
	}
	return funcs
}

// around returns the innermost function that covers an address.
func (im *image) around(addr uint64) (function, bool) {
	e, ok := im.places.Around(addr)
	if !ok {
		return function{}, false
	}
	return im.funcs[e.ID], true
}

// enters returns a function that has an entry at an address.
func (im *image) enters(addr uint64) (function, bool) {
	if all := im.at(addr); len(all) > 0 {
		return all[0], true
	}
	f, ok := im.around(addr)
	if ok && addr == f.local() {
		return f, true
	}
	return function{}, false
}

// callerEntry returns the local entry of the function around a site. For the
// cold part of a function, it is that of the function. known is false if
// nothing tells.
func (im *image) callerEntry(at uint64) (entry ppc64.LocalEntry, known bool) {
	f, ok := im.around(at)
	if !ok {
		return 0, false
	}
	parent, ok := layout.ColdParent(im.name(f))
	if !ok {
		return f.entry, true
	}
	if im.parents == nil {
		im.parents = layout.Parents{}
		for _, g := range im.funcs {
			im.parents.Add(im.name(g), im.file.Symbol(g.sym).Other)
		}
	}
	return im.parents.Entry(parent)
}

func (im *image) name(f function) string {
	return string(im.file.SymbolName(im.file.Symbol(f.sym)))
}

// readRelocations reads the dynamic relocations of the keys.
func (im *image) readRelocations() error {
	for i := 1; i < im.file.NumSections(); i++ {
		s := im.file.Section(i)
		if !s.Is(elf.SHT_RELA) || !s.Has(elf.SHF_ALLOC) {
			continue
		}
		t, err := reloc.NewTable(s.Data())
		if err != nil {
			return errkind.BadELF.Errorf("section %v: %w", s, err)
		}
		for j := range t.Len() {
			off := t.Off(j)
			if _, ok := im.keys[off]; !ok {
				continue
			}
			r := t.At(j)
			_, twice := im.moved[off]
			im.moved[off] = content{r.Type() == uint32(elf.R_PPC64_RELATIVE) && !twice, uint64(r.Addend)}
		}
	}
	return nil
}

// content returns what a key holds when the kernel starts.
func (im *image) content(key uint64) content {
	if c, ok := im.moved[key]; ok {
		return c
	}
	s, off, ok := im.memory.Locate(key)
	switch {
	case !ok || s.Size-off < 8:
		return content{}
	case s.Data() == nil: // .bss
		return content{known: true}
	}
	return content{true, binary.LittleEndian.Uint64(s.Data()[off:])}
}

// target returns what a key holds, in terms of package sites.
func (im *image) target(key uint64) (function, sites.Target) {
	c := im.content(key)
	switch {
	case !c.known:
		return function{}, sites.Target{Why: sites.KeyOdd}
	case c.value == 0:
		return function{}, sites.Target{Kind: sites.TargetNull}
	}
	all := im.at(c.value)
	if len(all) == 0 {
		return function{}, sites.Target{Why: sites.TargetNoSymbol}
	}
	f := all[0]
	for _, g := range all {
		switch name := im.name(g); {
		case name == layout.Return0Name:
			return g, sites.Target{Kind: sites.TargetReturn0, Sym: int32(g.sym)}
		case strings.HasPrefix(name, layout.TrampPrefix):
			return g, sites.Target{Why: sites.TargetTrampoline}
		case g.entry != f.entry:
			return g, sites.Target{Why: sites.TargetNoSymbol}
		}
	}
	return f, sites.Target{Kind: sites.TargetFunc, Sym: int32(f.sym)}
}
