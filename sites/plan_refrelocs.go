// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// findRelocations looks at every relocation against a symbol of a section of keys.
func (r *references) findRelocations() error {
	o := r.o
	unread, err := r.unread()
	if err != nil {
		return err
	}
	pointers, err := r.pointers()
	if err != nil {
		return err
	}
	for sec := range o.relocated(r.holdsReferences) {
		if unread[sec.Index] || pointers[sec.Index] {
			continue
		}
		if err := r.each(sec, r.watched, func(rel reloc.Rela) { r.add(sec, rel) }); err != nil {
			return err
		}
	}
	return nil
}

// each visits the relocations of a section against the symbols of a set.
func (r *references) each(sec elfrw.Section, symbols index.Set, visit func(reloc.Rela)) error {
	t, err := r.o.table(sec.Index)
	if err != nil {
		return err
	}
	for i := range t.Len() {
		if symbols.Has(int(t.Info(i) >> 32)) {
			visit(t.At(i))
		}
	}
	return nil
}

// holdsReferences reports whether the relocations of a section count: it is loaded and
// is not a table of sites. The kernel's linker scripts drop .discard.*, where the
// static_call() macro leaves the address of a key. Those of user space do not.
func (r *references) holdsReferences(s elfrw.Section) bool {
	t := &r.o.tables
	switch {
	case !s.Has(elf.SHF_ALLOC):
		return false
	case slices.Contains(t.kernel, s.Index), slices.Contains(t.user, s.Index), slices.Contains(t.cells, s.Index), slices.Contains(t.trampKeys, s.Index):
		return false
	}
	return !r.env.kernelScript || !isDiscard(s)
}

func isDiscard(s elfrw.Section) bool { return s.NameHasPrefix(".discard.") }

// isAddressable reports whether a section is the one where the kernel's static_call()
// macro leaves the address of a key to keep the compiler from dropping the key.
func isAddressable(s elfrw.Section) bool { return s.Named(".discard.addressable") }

// unread finds the sections .discard.addressable that stay in a user-space program but
// that nothing can read: no symbol in them is visible elsewhere, and no relocation of
// another section names one. This holds for no other name: a linker joins sections of
// one name, so labels of other objects may enclose them.
func (r *references) unread() (map[int]bool, error) {
	o, unread := r.o, map[int]bool{}
	if r.env.kernelScript {
		return unread, nil
	}
	for sec := range o.relocated(isAddressable) {
		unread[sec.Index] = true
	}
	return unread, r.dropRead(unread, func(sec elfrw.Section, rel reloc.Rela) bool {
		return o.File.SymbolSection(int(rel.Sym())) == sec.Index
	})
}

// dropRead removes the sections from a set that something else may read: they have a symbol
// that is visible elsewhere, or a relocation that is not allowed names one of theirs.
func (r *references) dropRead(secs map[int]bool, allowed func(sec elfrw.Section, rel reloc.Rela) bool) error {
	if len(secs) == 0 {
		return nil
	}
	o := r.o
	symbols := index.NewSet(o.File.NumSymbols())
	for i := range o.File.NumSymbols() {
		if sec := o.File.SymbolSection(i); secs[sec] {
			symbols.Add(i)
			if o.File.SymbolBind(i) != elf.STB_LOCAL {
				delete(secs, sec)
			}
		}
	}
	for sec := range o.relocated(r.holdsReferences) {
		err := r.each(sec, symbols, func(rel reloc.Rela) {
			if !allowed(sec, rel) {
				delete(secs, o.File.SymbolSection(int(rel.Sym())))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pointers finds the sections that hold nothing but the addresses of keys for
// trampolines and stubs. A trampoline of -fPIC code loads its key through such an
// address; anything else that reads the address could change the key.
func (r *references) pointers() (map[int]bool, error) {
	o, found := r.o, map[int]bool{}
	for sec := range o.relocated(r.holdsReferences) {
		if !sec.IsCode() && r.isPlainData(sec.NameString()) && r.areKeys(sec) {
			found[sec.Index] = true
		}
	}
	if len(found) == 0 {
		return found, nil
	}
	readers := ranges{}
	for i, t := range o.Tramps {
		if s := o.File.Symbol(int(t.Sym)); s.Section != 0 && o.onlyJumps(i) {
			readers.add(s.Section, s.Value, o.trampEnd(s))
		}
	}
	readers.sort()
	return found, r.dropRead(found, func(sec elfrw.Section, rel reloc.Rela) bool {
		return readers.has(sec.Index, rel.Off) && loadsFrom(sec, rel)
	})
}

// areKeys reports whether every doubleword of a section is the address of a key.
func (r *references) areKeys(sec elfrw.Section) bool {
	t, _ := r.o.table(sec.Index) // Find has read it
	if t.Len() == 0 || sec.Size != uint64(t.Len())*layout.PointerSize {
		return false
	}
	for i := range t.Len() {
		e := t.At(i)
		if e.Off != uint64(i)*layout.PointerSize || e.Type() != uint32(elf.R_PPC64_ADDR64) {
			return false
		}
		if _, ok := r.o.keyOf(int(e.Sym()), e.Addend); !ok {
			return false
		}
	}
	return true
}

// loadsFrom reports whether a relocation of code is part of a load (addis, ld).
func loadsFrom(sec elfrw.Section, rel reloc.Rela) bool {
	if !sec.IsCode() {
		return false
	}
	w, _ := ppc64.Load(sec.Data(), rel.Off&^3) // past the end: 0, which is not an instruction
	op := ppc64.Decode(w, 0).Op
	switch elf.R_PPC64(rel.Type()) {
	case elf.R_PPC64_TOC16_HA:
		return op == ppc64.OpAddis
	case elf.R_PPC64_TOC16_LO_DS:
		return op == ppc64.OpLd
	}
	return false
}

// add records one relocation against a symbol of a section that holds keys. The
// address of a section, which an assembler uses for a local symbol and a compiler for
// an anchor, may lead to any place in the section, because code adds its own
// displacement. The address of a symbol leads to the bytes that the symbol covers.
func (r *references) add(sec elfrw.Section, rel reloc.Rela) {
	s := r.o.File.Symbol(int(rel.Sym()))
	k, place := r.keys[s.Section], s.Value+uint64(rel.Addend)
	if rel.Type() == uint32(elf.R_PPC64_NONE) || r.ownTrampoline(k, place, sec, rel) {
		return
	}
	ref := reference{sec.Index, rel, "refers to it"}
	if s.Type() == elf.STT_SECTION {
		if width := finalAccess(sec, rel); width > 0 && place < r.o.File.Section(s.Section).Size {
			r.reach(k, place, place+width, ref)
			return
		}
		ref.what = "refers to its section"
		r.reachAll(k, ref)
		return
	}
	lo, hi, known := r.extent(s)
	if !known || place < lo || place > hi {
		ref.what = fmt.Sprintf("reaches its section by the name %s", errkind.Printable(r.o.name(s.Index)))
		r.reachAll(k, ref)
		return
	}
	if !r.seen.Has(s.Index) {
		r.seen.Add(s.Index)
		r.reach(k, lo, hi, ref)
	}
	if place == hi { // one past the end of the symbol, or the next one
		r.reach(k, place, place+1, ref)
	}
}

// ownTrampoline reports whether a relocation is part of a load of the key by
// its own trampoline.
func (r *references) ownTrampoline(k *keySection, place uint64, sec elfrw.Section, rel reloc.Rela) bool {
	if !sec.IsCode() {
		return false
	}
	i, _ := slices.BinarySearch(k.off, place)
	for ; i < len(k.off) && k.off[i] == place; i++ {
		if r.loads(k.key[i], sec, rel) {
			return true
		}
	}
	return false
}

// loads reports whether the instruction of a relocation loads a key in one of the
// key's trampolines. A trampoline that loads the key's address from the GOT must not
// store.
func (r *references) loads(key int, sec elfrw.Section, rel reloc.Rela) bool {
	for _, t := range r.tramps[key] {
		s := r.o.File.Symbol(int(r.o.Tramps[t].Sym))
		if s.Section != sec.Index || rel.Off < s.Value || rel.Off >= s.Value+s.Size {
			continue
		}
		if strings.HasPrefix(rel.TypeName(), "R_PPC64_GOT") && !r.o.onlyJumps(t) {
			return false
		}
		w, err := ppc64.Load(sec.Data(), rel.Off&^3)
		const addis, ld, pld = 15, 58, 57
		switch {
		case err != nil:
			return false
		case w.Opcode() == addis || w.Opcode() == ld && w.XODS() == 0:
			return true
		case w.IsPrefix():
			suffix, err := ppc64.Load(sec.Data(), rel.Off+4)
			return err == nil && suffix.Opcode() == pld
		}
		return false
	}
	return false
}

// findDistances looks for distances to a key that an assembler may have left in
// the data of the key's section without a relocation: from the place itself,
// from the symbol around it, or from the start of the section.
func (r *references) findDistances(sec int) error {
	s, k := r.o.File.Section(sec), r.keys[sec]
	data := s.Data()
	if len(k.off) == 1 && k.off[0] == 0 && s.Size <= max(keySize, r.o.File.Symbol(int(r.o.Keys[k.key[0]].Sym)).Size) {
		return nil // nothing else is there
	}
	rela, err := r.o.sorted(sec)
	if err != nil {
		return err
	}
	labels, label, next := r.labels(sec), 0, 0
	for off := uint64(0); off+4 <= uint64(len(data)); off += 4 {
		next = rela.Search(off, next)
		if next < rela.Len() && rela.NthOff(next) < off+4 {
			continue
		}
		v := uint64(int64(int32(binary.LittleEndian.Uint32(data[off:]))))
		if v == 0 {
			continue
		}
		for label+1 < len(labels) && labels[label+1] <= off {
			label++
		}
		for _, base := range []uint64{off, labels[label], 0} {
			if _, hit := slices.BinarySearch(k.off, base+v); hit {
				r.reach(k, base+v, base+v+1, reference{what: fmt.Sprintf("the data at +0x%x of section %v may be the distance to it", off, s)})
			}
		}
	}
	return nil
}

// labels returns the offsets of the symbols of a section and of its start, in
// order.
func (r *references) labels(sec int) []uint64 {
	if r.places == nil {
		r.places = map[int][]uint64{}
		for i := range r.o.File.NumSymbols() {
			if r.watched.Has(i) {
				in := r.o.File.SymbolSection(i)
				r.places[in] = append(r.places[in], r.o.File.SymbolValue(i))
			}
		}
		for in := range r.places {
			r.places[in] = append(r.places[in], 0)
			slices.Sort(r.places[in])
		}
	}
	return r.places[sec]
}
