// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
)

// In user space, the definition of a symbol in the program, or in a library loaded
// earlier, replaces that of a library, for the library too. So this may happen to
// any symbol of default visibility, unless the object's code shows that it is for a
// program. This object does not determine what such a key holds.

// preemptible reports whether another unit's definition of a symbol may replace
// this object's.
func (o *Object) preemptible(sym int) bool {
	s := o.File.Symbol(sym)
	return s.Bind() != elf.STB_LOCAL && s.Visibility() == elf.STV_DEFAULT && !o.forProgram()
}

// forProgram reports whether the compiler treated a symbol of default visibility as
// the unit's own, as it does for a program but not for a library (-fPIC). Code other
// than a trampoline then accesses it without the GOT, by name or by its place in a
// section, or calls it without a slot.
func (o *Object) forProgram() bool {
	if o.program == nil {
		found := o.findProgram()
		o.program = &found
	}
	return *o.program
}

func (o *Object) findProgram() bool {
	symbols, some := index.NewSet(o.File.NumSymbols()), false
	objects := ranges{} // variables of default visibility
	for i := o.File.FirstGlobal(); i < o.File.NumSymbols(); i++ {
		s := o.File.Symbol(i)
		if s.Section == 0 || s.Visibility() != elf.STV_DEFAULT || o.File.Section(s.Section).Named(tocName) {
			continue
		}
		symbols.Add(i)
		some = true
		if s.Type() == elf.STT_OBJECT {
			objects.add(s.Section, s.Value, s.Value+s.Size)
		}
	}
	if !some {
		return false
	}
	for i := 1; i < o.File.FirstGlobal(); i++ {
		if s := o.File.Symbol(i); s.Type() == elf.STT_SECTION && objects[s.Section] != nil {
			symbols.Add(i)
		}
	}
	objects.sort()
	ours := ranges{}
	for _, t := range o.Tramps {
		if s := o.File.Symbol(int(t.Sym)); s.Section != 0 && o.File.Section(s.Section).IsCode() {
			ours.add(s.Section, s.Value, o.trampEnd(s))
		}
	}
	ours.sort()
	for sec := range o.relocated(elfrw.Section.IsCode) {
		t, _ := o.table(sec.Index) // Find has read it
		for i := range t.Len() {
			if sym := int(t.Info(i) >> 32); symbols.Has(sym) && o.showsProgram(sec, t.At(i), objects) && !ours.has(sec.Index, t.Off(i)) {
				return true
			}
		}
	}
	return false
}

// ranges are ranges of offsets, by section.
type ranges map[int][][2]uint64

func (r ranges) add(sec int, from, to uint64) { r[sec] = append(r[sec], [2]uint64{from, to}) }

func (r ranges) sort() {
	for _, list := range r {
		slices.SortFunc(list, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
		for i := 1; i < len(list); i++ {
			list[i][1] = max(list[i][1], list[i-1][1])
		}
	}
}

func (r ranges) has(sec int, off uint64) bool {
	list := r[sec]
	i, _ := slices.BinarySearchFunc(list, off+1, func(a [2]uint64, off uint64) int { return cmp.Compare(a[0], off) })
	return i > 0 && off < list[i-1][1]
}

// showsProgram reports whether a relocation of code treats a symbol of default
// visibility as the unit's own.
func (o *Object) showsProgram(sec elfrw.Section, r reloc.Rela, objects ranges) bool {
	s := o.File.Symbol(int(r.Sym()))
	if s.Type() == elf.STT_SECTION {
		// Only if the access is final: an anchor may be anywhere.
		return elf.R_PPC64(r.Type()) != elf.R_PPC64_TOC16_HA && finalAccess(sec, r) > 0 && objects.has(s.Section, s.Value+uint64(r.Addend))
	}
	switch elf.R_PPC64(r.Type()) {
	case elf.R_PPC64_TOC16, elf.R_PPC64_TOC16_LO, elf.R_PPC64_TOC16_HI, elf.R_PPC64_TOC16_HA, elf.R_PPC64_TOC16_DS, elf.R_PPC64_TOC16_LO_DS,
		elf.R_PPC64_ADDR16_HA, elf.R_PPC64_ADDR16_LO, elf.R_PPC64_ADDR16_LO_DS, elf.R_PPC64_PCREL34:
		return true
	case elf.R_PPC64_REL24:
		w, err := ppc64.Load(sec.Data(), r.Off)
		if err != nil || !w.IsBranch() || o.tramps.Of(int(r.Sym())) >= 0 {
			return false
		}
		slot, _ := slotAt(sec.Data(), r.Off)
		return !w.LK() || slot == SlotNone
	}
	return false
}

// ownKey reports whether the object defines a key, and its trampolines will go
// through this definition after the link.
func (o *Object) ownKey(key int, env environment) bool {
	sym := int(o.Keys[key].Sym)
	s := o.File.Symbol(sym)
	switch {
	case s.Section == 0:
		return false
	case !env.preempts || s.Bind() == elf.STB_LOCAL || s.Visibility() != elf.STV_DEFAULT:
		return true
	}
	return o.keysInReach()[key]
}

// sameUnit reports whether a symbol provably belongs to the link unit of this object
// after the link.
func (o *Object) sameUnit(sym int, env environment) bool {
	s := o.File.Symbol(sym)
	switch {
	case s.Type() == elf.STT_GNU_IFUNC:
		return false // called through the PLT
	case env.image:
		return true
	case s.Section == 0:
		return false
	case !env.preempts || s.Bind() == elf.STB_LOCAL:
		return true
	}
	return s.Visibility() != elf.STV_DEFAULT
}

// keysInReach returns keys that some non-replaceable trampoline loads TOC- or
// PC-relative (no GOT), which proves that they are in this link unit. So a stub
// in this object may load them the same way.
func (o *Object) keysInReach() map[int]bool {
	if o.inReach != nil {
		return o.inReach
	}
	o.inReach = map[int]bool{}
	secs, tramps := map[int]bool{}, map[int][]int{} // tramps: the symbols, by key
	for _, t := range o.Tramps {
		if s := o.File.Symbol(int(t.Sym)); s.Section != 0 && t.Entry == noStub && !o.givesWay(s) && !o.preemptible(s.Index) {
			secs[s.Section] = true
			tramps[int(t.Key)] = append(tramps[int(t.Key)], int(t.Sym))
		}
	}
	for sec := range secs {
		t, _ := o.table(sec) // Find has read it
		for i := range t.Len() {
			r := t.At(i)
			if !isDirectAccess(r) {
				continue
			}
			key := o.keys.Of(int(r.Sym()))
			if key < 0 {
				continue
			}
			for _, sym := range tramps[key] {
				if s := o.File.Symbol(sym); s.Section == sec && r.Off-s.Value < s.Size {
					o.inReach[key] = true
				}
			}
		}
	}
	return o.inReach
}

// isDirectAccess reports whether a relocation accesses a symbol in a way that
// requires it to be in the same link unit (ELFv2 §3.5.3).
func isDirectAccess(r reloc.Rela) bool {
	switch elf.R_PPC64(r.Type()) {
	case elf.R_PPC64_TOC16_HA, elf.R_PPC64_PCREL34:
		return r.Addend == 0
	}
	return false
}
