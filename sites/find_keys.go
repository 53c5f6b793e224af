// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
)

// findKeys finds what each key initially holds: the R_PPC64_ADDR64 against its
// first doubleword (ELFv2 §3.5.3).
func (o *Object) findKeys() error {
	bySection := map[int][]spot{}
	for i := range o.Keys {
		k := &o.Keys[i]
		if k.Target.Why != NoReason {
			continue
		}
		if k.Sym == 0 {
			k.Target.Why = KeyMissing
			continue
		}
		s := o.File.Symbol(int(k.Sym))
		switch {
		case s.Undefined() && s.Bind() == elf.STB_WEAK:
			k.Target.Why = KeyWeak
		case s.Undefined():
			k.Target.Why = KeyUndefined
		case s.Section == 0 || o.givesWay(s) || o.isCopied(s.Section):
			k.Target.Why = KeyReplaceable
		default:
			bySection[s.Section] = append(bySection[s.Section], spot{s.Value, i})
		}
	}
	var held []keyRelocation
	for _, sec := range slices.Sorted(maps.Keys(bySection)) {
		spots := bySection[sec]
		sortSpots(spots)
		h, err := o.keyRelocations(sec, spots)
		if err != nil {
			return err
		}
		held = append(held, h...)
	}
	o.indexFunctions(held)
	for _, h := range held {
		t, err := o.target(h)
		if err != nil {
			return err
		}
		o.Keys[h.key].Target = t
	}
	return nil
}

// A keyRelocation is the relocation that changes a key's first doubleword.
type keyRelocation struct {
	key, sec int
	off      uint64 // of the key
	r        reloc.Rela
}

// keyRelocations finds the relocations of the keys of one section, which may begin before
// the key. A key without one holds NULL.
func (o *Object) keyRelocations(sec int, spots []spot) (held []keyRelocation, err error) {
	s := o.File.Section(sec)
	if !s.Has(elf.SHF_ALLOC) || !s.Is(elf.SHT_PROGBITS) && !s.Is(elf.SHT_NOBITS) {
		return nil, o.at(sec, spots[0].off, -1, "key %s is not in data: the section's type is %v", errkind.Printable(o.Keys[spots[0].id].Name), elf.SectionType(s.Type))
	}
	for _, sp := range spots {
		if sp.off > s.Size || keySize > s.Size-sp.off {
			return nil, o.at(sec, sp.off, -1, "key %s passes the end of the section (0x%x)", errkind.Printable(o.Keys[sp.id].Name), s.Size)
		}
		t := &o.Keys[sp.id].Target
		t.Kind = TargetNull
		if d := s.Data(); d != nil && binary.LittleEndian.Uint64(d[sp.off:]) != 0 {
			*t = Target{Why: KeyConstant}
		}
	}
	rela, err := o.sorted(sec)
	if err != nil {
		return nil, err
	}
	held = make([]keyRelocation, 0, min(len(spots), rela.Len()))
	for _, sp := range spots {
		seen := false
		for r := range rela.Changing(sp.off, sp.off+keySize, len(held)) {
			if seen {
				return nil, o.at(sec, r.Off, int64(r.Type()), "key %s has two relocations", errkind.Printable(o.Keys[sp.id].Name))
			}
			seen = true
			held = append(held, keyRelocation{sp.id, sec, sp.off, r})
		}
	}
	return held, nil
}

// indexFunctions indexes the functions around the sites, and those that section
// symbols in keys stand for, in one pass over the symbols.
func (o *Object) indexFunctions(held []keyRelocation) {
	secs := o.siteSections()
	for _, h := range held {
		if s := o.File.Symbol(int(h.r.Sym())); s.Type() == elf.STT_SECTION && s.Section != 0 {
			secs = append(secs, s.Section)
		}
	}
	o.funcs.add(o.File, secs)
}

// target decides which symbol a key's relocation means.
func (o *Object) target(h keyRelocation) (Target, error) {
	r := h.r
	if r.Type() != uint32(elf.R_PPC64_ADDR64) || r.Off != h.off {
		return Target{Why: KeyOdd}, nil
	}
	sym := int(r.Sym())
	s := o.File.Symbol(sym)
	if sym == 0 {
		if r.Addend == 0 {
			return Target{Kind: TargetNull}, nil
		}
		return Target{Why: KeyConstant}, nil
	}
	if s.Type() == elf.STT_SECTION {
		// The linkers find the local entry in a function symbol's st_other. With a
		// section symbol they see none and enter at the global one, with a stale r12.
		// So the relocation must name the function's own symbol.
		if sym = o.functionAt(s.Section, s.Value+uint64(r.Addend)); sym == 0 {
			return Target{Why: TargetNoSymbol}, nil
		}
		s = o.File.Symbol(sym)
	} else if r.Addend != 0 {
		return Target{Why: TargetOffset}, nil
	}
	if bytes.Equal(o.File.SymbolName(s), []byte(Return0Name)) {
		return Target{Kind: TargetReturn0, Sym: int32(sym)}, nil
	}
	if o.watched.Has(sym) { // under any of its names
		return Target{Why: TargetTrampoline}, nil
	}
	switch {
	case s.Undefined() && s.Bind() == elf.STB_WEAK:
		return Target{Why: TargetWeak}, nil
	case s.Undefined():
	case s.Section == 0:
		return Target{Why: TargetNotFunction}, nil
	case s.Type() != elf.STT_FUNC && s.Type() != elf.STT_GNU_IFUNC && s.Type() != elf.STT_NOTYPE,
		!o.File.Section(s.Section).IsCode():
		return Target{Why: TargetNotFunction}, nil
	case s.Bind() == elf.STB_LOCAL && o.inComdat(s.Section):
		return Target{Why: TargetDiscardable}, nil
	}
	if _, err := ppc64.LocalEntryOf(s.Other); err != nil {
		return Target{}, o.at(h.sec, h.off, int64(r.Type()), "target %s: %w", errkind.Printable(o.name(sym)), err)
	}
	return Target{Kind: TargetFunc, Sym: int32(sym)}, nil
}

// functionAt returns the function symbol that a section symbol plus addend stands for.
// An assembler makes such a pair only from a local symbol, so a local one was meant; a
// global one at the same place might be replaced by another definition.
func (o *Object) functionAt(sec int, off uint64) int {
	if sec == 0 {
		return 0
	}
	held := 0
	for _, fn := range o.funcs[sec].At(off) {
		switch s := o.File.Symbol(fn.ID); {
		case s.Bind() == elf.STB_LOCAL:
			return fn.ID
		case held == 0 && s.Bind() == elf.STB_GLOBAL && s.Visibility() != elf.STV_DEFAULT:
			held = fn.ID
		}
	}
	return held
}
