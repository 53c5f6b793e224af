// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// findCalls finds the sites that have a relocation.
func (o *Object) findCalls() error {
	if len(o.Tramps) == 0 {
		return nil
	}
	holdsSites := func(s elfrw.Section) bool { return s.IsCode() || layout.IsAlternative(s) }
	for sec := range o.relocated(holdsSites) {
		t, err := o.table(sec.Index)
		if err != nil {
			return err
		}
		first := len(o.Sites)
		if err := o.scanCalls(sec, t); err != nil {
			return err
		}
		if err := o.sortSites(first); err != nil {
			return err
		}
	}
	o.found = nil
	return o.checkTramps()
}

// checkTramps checks that trampolines that are called and defined here are
// code.
func (o *Object) checkTramps() error {
	seen := make([]bool, len(o.Tramps))
	for i := range o.Sites {
		s := &o.Sites[i]
		if seen[s.Tramp] {
			continue
		}
		seen[s.Tramp] = true
		sym := o.File.Symbol(int(o.Tramps[s.Tramp].Sym))
		if sec := o.File.Section(sym.Section); sym.Section != 0 && !sec.IsCode() {
			return o.at(int(s.Section), s.Off, int64(s.Type), "%s is in section %q, which is not code", errkind.Printable(o.name(sym.Index)), sec.NameString())
		}
	}
	return nil
}

// scanCalls finds the sites of one section. It looks up symbols only for
// relocations that may be against a trampoline.
func (o *Object) scanCalls(sec elfrw.Section, t reloc.Table) error {
	o.found = o.scan(t, o.found[:0])
	if len(o.found) == 0 {
		return nil
	}
	code := sec.Data()
	switch n := len(o.found); {
	case o.Sites == nil:
		o.Sites = make([]Site, 0, n) // make need not touch fresh memory; Grow would clear it
	case n > cap(o.Sites)-len(o.Sites):
		o.Sites = slices.Grow(o.Sites, max(n, len(o.Sites)))
	}
	for _, i := range o.found {
		r := t.At(int(i))
		tramp := o.tramps.Of(int(r.Sym()))
		section := tramp < 0
		if section {
			tramp = o.trampAt(o.File.Symbol(int(r.Sym())), r.Addend)
		}
		if tramp < 0 {
			continue
		}
		if r.Addend != 0 && !section && r.IsCall() {
			return o.at(sec.Index, r.Off, int64(r.Type()), "addend is 0x%x, but a call to %s has none", r.Addend, errkind.Printable(o.name(int(r.Sym()))))
		}
		if err := o.addCall(sec.Index, code, i, r, tramp); err != nil {
			return err
		}
	}
	return nil
}

// scan appends the numbers of the relocations against watched symbols. It is the only
// code that looks at every relocation of code.
func (o *Object) scan(t reloc.Table, found []int32) []int32 {
	watched := o.watched
	for i := int32(0); len(t) >= reloc.RelaSize; t, i = t[reloc.RelaSize:], i+1 {
		if sym := binary.LittleEndian.Uint32(t[12:]); watched.Has(int(sym)) {
			if len(found) == cap(found) {
				found = slices.Grow(found, len(found)+1) // append's own growth wastes more memory
			}
			found = append(found, i)
		}
	}
	return found
}

// addCall adds the site for a relocation against a trampoline. A relocation that
// stores the trampoline's address makes no site.
func (o *Object) addCall(sec int, code []byte, i int32, r reloc.Rela, tramp int) error {
	bad := func(format string, a ...any) error {
		return o.at(sec, r.Off, int64(r.Type()), format, a...)
	}
	what, is := oddCall(r.Type())
	odd := is != nil
	switch {
	case r.IsCall():
		what, is = "b or bl", relative
	case !odd:
		return nil
	}
	w, err := ppc64.Load(code, r.Off)
	if err != nil {
		return bad("%w", err)
	}
	if !is(w) {
		return bad("expected %s, found %v", what, w)
	}
	o.Sites = append(o.Sites, Site{
		Section: int32(sec), Off: r.Off, Key: o.Tramps[tramp].Key, Tramp: int32(tramp),
		Word: w, Tail: !w.LK(), Odd: odd, Rela: i, Type: r.Type(), Sym: int32(r.Sym()), Entry: -1, User: -1,
	})
	return nil
}

func relative(w ppc64.Word) bool { return w.IsBranch() && !w.AA() }

// oddCall handles calls in forms that are not rewritten: it returns the name of the
// instruction that such a relocation belongs to, and a function that recognizes it, or
// nil for all other types. In an inline PLT sequence (-mlongcall, -fno-plt) the call
// is the branch to CTR: the other instructions only load the address.
func oddCall(typ uint32) (what string, is func(ppc64.Word) bool) {
	switch elf.R_PPC64(typ) {
	case elf.R_PPC64_REL14, elf.R_PPC64_REL14_BRTAKEN, elf.R_PPC64_REL14_BRNTAKEN,
		elf.R_PPC64_ADDR14, elf.R_PPC64_ADDR14_BRTAKEN, elf.R_PPC64_ADDR14_BRNTAKEN:
		return "a conditional branch", ppc64.Word.IsCondBranch
	case elf.R_PPC64_ADDR24:
		return "ba or bla", func(w ppc64.Word) bool { return w.IsBranch() && w.AA() }
	case elf.R_PPC64_REL24_P9NOTOC:
		return "b or bl", relative
	case elf.R_PPC64_PLTCALL, elf.R_PPC64_PLTCALL_NOTOC:
		return "bctr or bctrl", ppc64.Word.IsRegBranch
	}
	return "", nil
}

// sortSites sorts the sites from first on by place, and rejects two at one place.
func (o *Object) sortSites(first int) error {
	added := o.Sites[first:]
	for i := 1; i < len(added); i++ {
		b := &added[i]
		switch c := added[i-1].compare(int(b.Section), b.Off); {
		case c == 0:
			return o.at(int(b.Section), b.Off, int64(b.Type), "two relocations against trampolines at one call")
		case c > 0: // the table is not in order of place
			slices.SortFunc(added, func(a, b Site) int { return a.compare(int(b.Section), b.Off) })
			i = 0
		}
	}
	return nil
}

// findDecoded finds branches that the assembler resolved itself, because the
// trampoline is in the same section and is local or was called by a local label. They
// have no relocation, and if the table does not name them, nothing proves that they
// are code. They are found only to be reported instead of silently missed.
func (o *Object) findDecoded() error {
	first := len(o.Sites)
	for sec := range o.filters() {
		if !o.mayEnterTramp(sec) {
			continue
		}
		relocated, err := o.relocatedWords(sec)
		if err != nil {
			return err
		}
		// If Walk fails at a truncated instruction, it has seen all the others.
		_ = ppc64.Walk(o.File.Section(sec).Data(), func(off uint64, w, _ ppc64.Word) bool {
			if !w.IsBranch() || w.AA() || relocated[off] {
				return true
			}
			tramp, ok := o.enteredAt(addr{sec, off + uint64(w.Displacement())})
			if ok && o.Tramps[tramp].Entry == noStub {
				o.Sites = append(o.Sites, Site{
					Section: int32(sec), Off: off, Key: o.Tramps[tramp].Key, Tramp: int32(tramp),
					Word: w, Tail: !w.LK(), Rela: -1, Entry: -1, User: -1, Decoded: true,
				})
			}
			return true
		})
	}
	if len(o.Sites) == first {
		return nil
	}
	return o.sortSites(0)
}

// mayEnterTramp reports whether a word of a section looks like a branch into
// one of the section's trampolines. It spares nearly every section a closer
// look, and is fast: most words are not branches, and a branch with a
// relocation usually has displacement 0.
func (o *Object) mayEnterTramp(sec int) bool {
	code, filter := o.File.Section(sec).Data(), o.filters()[sec]
	for rest := code; len(rest) >= ppc64.WordSize; rest = rest[ppc64.WordSize:] {
		w := ppc64.Word(binary.LittleEndian.Uint32(rest))
		if !w.IsBranch() || w.AA() || w.Displacement() == 0 {
			continue
		}
		to := uint64(len(code)-len(rest)) + uint64(w.Displacement())
		if !filter.mayHave(to) {
			continue
		}
		if _, ok := o.enteredAt(addr{sec, to}); ok {
			return true
		}
	}
	return false
}

// relocatedWords returns the offsets of the words of a section that relocations
// change. The displacement of a branch there means nothing.
func (o *Object) relocatedWords(sec int) (map[uint64]bool, error) {
	t, err := o.table(sec)
	if err != nil {
		return nil, err
	}
	words := make(map[uint64]bool, t.Len())
	for i := range t.Len() {
		r := t.At(i)
		for off := r.Off &^ 3; off < r.End(); off += ppc64.WordSize {
			words[off] = true
		}
	}
	return words, nil
}
