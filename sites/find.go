// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/kind"
	"github.com/scpatch/scpatch/sites/layout"
)

// Find finds every static-call site of a relocatable object, its keys, what
// they initially hold, and its site table. It changes nothing. An error means
// that the object is not one that scpatch may touch, and says where.
func Find(f *elfrw.File) (*Object, error) {
	o, err := newObject(f)
	if err != nil {
		return nil, err
	}
	if err := o.findNames(); err != nil {
		return nil, kind.BadCall.Wrap(err)
	}
	o.addSectionSymbols()
	for _, step := range []struct {
		find func() error
		kind kind.Kind // of its errors
	}{
		{o.findTrampKeys, kind.BadTable},
		{o.findStubKeys, kind.BadStub},
		{o.findCalls, kind.BadCall},
		{o.findDecoded, kind.BadCall},
		{o.findTable, kind.BadTable},
		{o.findUserTable, kind.BadTable},
		{o.findSlots, kind.BadCall},
		{o.findKeys, kind.BadKey},
	} {
		if err := step.find(); err != nil {
			return nil, step.kind.Wrap(err)
		}
	}
	// Whatever is wrong with the sites was said with more sense before.
	if err := f.CheckReferences(); err != nil {
		return nil, err
	}
	o.findFunctions()
	o.findNoTOC()
	for i := range o.Sites {
		o.Keys[o.Sites[i].Key].Sites++
	}
	return o, nil
}

// findCalls finds the sites that a relocation shows.
func (o *Object) findCalls() error {
	if len(o.Tramps) == 0 {
		return nil
	}
	holdsSites := func(s elfrw.Section) bool { return isCode(s) || layout.IsAlternative(s) }
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
	return o.checkTramps()
}

// checkTramps wants those trampolines that are called, and defined here, to be code.
func (o *Object) checkTramps() error {
	seen := make([]bool, len(o.Tramps))
	for i := range o.Sites {
		s := &o.Sites[i]
		if seen[s.Tramp] {
			continue
		}
		seen[s.Tramp] = true
		sym := o.File.Symbol(int(o.Tramps[s.Tramp].Sym))
		if sec := o.File.Section(sym.Section); sym.Section != 0 && !isCode(sec) {
			return o.at(int(s.Section), s.Off, int64(s.Type), "%s is in section %q, which is no code", printable(o.name(sym.Index)), sec.NameString())
		}
	}
	return nil
}

// scanCalls looks at the relocation words of a section; symbols are looked at
// only for what may be a trampoline.
func (o *Object) scanCalls(sec elfrw.Section, t reloc.Table) error {
	found, err := o.scan(sec, t)
	if err != nil || len(found) == 0 {
		return err
	}
	code := sec.Data()
	if o.Sites == nil {
		o.Sites = make([]Site, 0, len(found)) // memory that Grow would clear
	}
	o.Sites = slices.Grow(o.Sites, len(found))
	for _, i := range found {
		r := t.At(int(i))
		tramp := o.tramps.of(int(r.Sym()))
		section := tramp < 0
		if section {
			tramp = o.trampAt(o.File.Symbol(int(r.Sym())), r.Addend)
		}
		if tramp < 0 {
			continue
		}
		if r.Addend != 0 && !section && r.IsCall() {
			return o.at(sec.Index, r.Off, int64(r.Type()), "addend is 0x%x, a call of %s has none", r.Addend, printable(o.name(int(r.Sym()))))
		}
		if err := o.addCall(sec.Index, code, i, r, tramp); err != nil {
			return err
		}
	}
	return nil
}

// scan returns the numbers of the relocations against symbols that are watched,
// and notes whether the table is in order of place. It is the one look at every
// relocation.
func (o *Object) scan(sec elfrw.Section, t reloc.Table) (found []int32, err error) {
	n, watched := uint32(o.File.NumSymbols()), o.watched
	ordered, last, i := true, uint64(0), int32(0)
	for ; len(t) >= reloc.RelaSize; t = t[reloc.RelaSize:] {
		off, sym := binary.LittleEndian.Uint64(t), binary.LittleEndian.Uint32(t[12:])
		if off < last {
			ordered = false
		}
		last = off
		if sym >= n {
			return nil, kind.BadELF.Wrap(o.at(sec.Index, off, int64(t.At(0).Type()), "relocation %d: symbol %d of %d", i, sym, n))
		}
		if watched.has(int(sym)) {
			found = append(found, i)
		}
		i++
	}
	o.orders[sec.Index] = orderOf(ordered)
	return found, nil
}

// addCall adds the site that a relocation against a trampoline makes, if it
// makes one: an address of the trampoline is none.
func (o *Object) addCall(sec int, code []byte, i int32, r reloc.Rela, tramp int) error {
	bad := func(format string, a ...any) error {
		return o.at(sec, r.Off, int64(r.Type()), format, a...)
	}
	if !r.IsCall() {
		if why := callOnly(r.Type()); why != "" {
			return bad("%s, against %s", why, printable(o.name(int(o.Tramps[tramp].Sym))))
		}
		return nil
	}
	w, err := ppc64.Load(code, r.Off)
	if err != nil {
		return bad("%w", err)
	}
	if !w.IsBranch() || w.AA() {
		return bad("expects b or bl, found %v", w)
	}
	o.Sites = append(o.Sites, Site{
		Section: int32(sec), Off: r.Off, Key: o.Tramps[tramp].Key, Tramp: int32(tramp),
		Word: w, Tail: !w.LK(), Rela: i, Type: r.Type(), Sym: int32(r.Sym()), Entry: -1, User: -1,
	})
	return nil
}

// callOnly says what is wrong with a relocation type that only a call can have
// and that scpatch does not rewrite; it is empty for the taking of an address.
func callOnly(typ uint32) string {
	switch elf.R_PPC64(typ) {
	case elf.R_PPC64_REL14, elf.R_PPC64_REL14_BRTAKEN, elf.R_PPC64_REL14_BRNTAKEN,
		elf.R_PPC64_ADDR14, elf.R_PPC64_ADDR14_BRTAKEN, elf.R_PPC64_ADDR14_BRNTAKEN:
		return "a conditional branch cannot be a static-call site"
	case elf.R_PPC64_ADDR24:
		return "an absolute branch cannot be a static-call site"
	case elf.R_PPC64_REL24_P9NOTOC:
		return "a call without TOC for power9 stubs is not supported"
	}
	if strings.HasPrefix(reloc.Name(typ), "R_PPC64_PLT") {
		return "an inline PLT sequence (-mlongcall, -fno-plt) cannot be a static-call site"
	}
	return ""
}

// sortSites sorts the sites from first on by place, and refuses two at one.
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

// findDecoded finds branches that the assembler resolved itself because the
// trampoline is local and in the same section. They have no relocation, and
// where the table does not name them nothing proves that they are code; they
// are found so that they are not lost in silence.
func (o *Object) findDecoded() error {
	bySection := map[int]bool{}
	for _, t := range o.Tramps {
		s := o.File.Symbol(int(t.Sym))
		if t.Entry == noStub && s.Section != 0 && s.Bind() == elf.STB_LOCAL && isCode(o.File.Section(s.Section)) {
			bySection[s.Section] = true
		}
	}
	if len(bySection) == 0 {
		return nil
	}
	first := len(o.Sites)
	for sec := range bySection {
		relocated, err := o.relocatedWords(sec)
		if err != nil {
			return err
		}
		// A walk that ends in the middle of an instruction has seen the rest.
		_ = ppc64.Walk(o.File.Section(sec).Data(), func(off uint64, w, _ ppc64.Word) bool {
			if !w.IsBranch() || w.AA() || relocated[off] {
				return true
			}
			if tramp, ok := o.branchTarget(sec, off, w); ok {
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

// branchTarget returns the trampoline that an assembled branch enters.
func (o *Object) branchTarget(sec int, off uint64, w ppc64.Word) (int, bool) {
	to := off + uint64(w.Displacement())
	if i, ok := o.trampsByAddr()[addr{sec, to}]; ok {
		return i, true
	}
	for l := ppc64.LocalEntry(2); l <= 6; l++ { // the local entry lies behind the symbol
		i, ok := o.trampsByAddr()[addr{sec, to - l.Offset()}]
		if !ok {
			continue
		}
		if e, err := ppc64.LocalEntryOf(o.File.Symbol(int(o.Tramps[i].Sym)).Other); err == nil && e == l {
			return i, true
		}
	}
	return 0, false
}

// relocatedWords returns the offsets of the words of a section that relocations
// change: what a branch there holds as its displacement means nothing.
func (o *Object) relocatedWords(sec int) (map[uint64]bool, error) {
	t, err := o.table(sec)
	if err != nil {
		return nil, err
	}
	words := make(map[uint64]bool, t.Len())
	for i := range t.Len() {
		if r := t.At(i); r.Fills() {
			words[r.Off&^3] = true
		}
	}
	return words, nil
}

// findSlots looks at the word behind each branch, and at what else the
// relocations say of the two words.
func (o *Object) findSlots() error {
	for lo, hi := range o.bySection() {
		sec := int(o.Sites[lo].Section)
		rela, err := o.placed(sec)
		if err != nil {
			return err
		}
		if err := o.findSlotsOf(o.Sites[lo:hi], o.File.Section(sec).Data(), &rela); err != nil {
			return err
		}
	}
	return nil
}

// findSlotsOf does it for the sites of a section. Two words: a site may begin
// where the slot of the one before ends, but sites do not overlap, for a slot is
// no branch. A tail site has no slot and may be followed at once by another site.
func (o *Object) findSlotsOf(list []Site, code []byte, rela *placed) error {
	next := 0
	for i := range list {
		s := &list[i]
		if !s.Tail {
			s.Slot, s.Behind = slotAt(code, s.Off)
		}
		end := s.Off + 2*ppc64.WordSize
		if i+1 < len(list) {
			end = min(end, list[i+1].Off)
		}
		for next = rela.search(s.Off, next); next < rela.Len() && rela.place(next) < end; next++ {
			at := rela.entry(next)
			if rela.Off(at) >= s.Off+ppc64.WordSize {
				s.Slot, s.Behind = SlotNone, 0
			} else if err := o.siteReloc(s, at, rela.At(at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// siteReloc looks at a relocation of a site's branch word.
func (o *Object) siteReloc(s *Site, i int, r reloc.Rela) error {
	switch {
	case i == int(s.Rela) || r.Type() == uint32(elf.R_PPC64_NONE):
		return nil
	case s.Rela < 0 && r.IsCall() && s.Word.IsBranch() && r.Off == s.Off && !s.Decoded:
		// Only the table names the site: what it calls is this.
		if r.Addend != 0 && o.File.Symbol(int(r.Sym())).Type() != elf.STT_SECTION {
			return o.at(int(s.Section), r.Off, int64(r.Type()), "addend is 0x%x, a call has none", r.Addend)
		}
		s.Rela, s.Type, s.Sym = int32(i), r.Type(), int32(r.Sym())
		return nil
	}
	return o.at(int(s.Section), r.Off, int64(r.Type()), "the branch has this relocation besides that of a call")
}

func slotAt(code []byte, off uint64) (SlotState, ppc64.Word) {
	w, err := ppc64.Load(code, off+ppc64.WordSize)
	switch {
	case err != nil:
	case w == ppc64.Nop:
		return SlotNop, w
	case w.IsNop():
		return SlotCror, w
	case w == ppc64.RestoreTOC:
		return SlotRestore, w
	case w&^0xfffc == restorePACA(0):
		return SlotPACA, w
	}
	return SlotNone, 0
}

// bySection gives the numbers of the first site of each section and of the one
// behind its last.
func (o *Object) bySection() iter.Seq2[int, int] {
	return func(yield func(lo, hi int) bool) {
		for lo := 0; lo < len(o.Sites); {
			hi := lo + 1
			for hi < len(o.Sites) && o.Sites[hi].Section == o.Sites[lo].Section {
				hi++
			}
			if !yield(lo, hi) {
				return
			}
			lo = hi
		}
	}
}

// siteSections lists the sections that have sites.
func (o *Object) siteSections() (secs []int) {
	for i := range o.Sites {
		if sec := int(o.Sites[i].Section); len(secs) == 0 || secs[len(secs)-1] != sec {
			secs = append(secs, sec)
		}
	}
	return secs
}

// findFunctions names the function around each site; findKeys has indexed them.
func (o *Object) findFunctions() {
	for lo, hi := range o.bySection() {
		at := o.funcs.in(int(o.Sites[lo].Section))
		for i := lo; i < hi; i++ {
			o.Sites[i].Func = int32(at.find(o.Sites[i].Off))
		}
	}
}

// findNoTOC finds the sites of callers without a TOC pointer that an earlier run
// has made constants: their relocation is gone.
func (o *Object) findNoTOC() {
	for i := range o.Sites {
		s := &o.Sites[i]
		if s.Tramp < 0 && s.Rela < 0 && !s.Word.IsBranch() {
			uses, known := o.callerUsesTOC(int(s.Func))
			s.noTOC = s.noTOC || known && !uses
		}
	}
}

// FuncName returns the name of the function around a site and the site's
// offset in it in bytes; an empty name where no function symbol covers it.
func (o *Object) FuncName(s *Site) (string, uint64) {
	if s.Func == 0 {
		return "", s.Off
	}
	return o.name(int(s.Func)), s.Off - o.File.Symbol(int(s.Func)).Value
}

// SectionName returns the name of the site's section.
func (o *Object) SectionName(s *Site) string { return o.File.Section(int(s.Section)).NameString() }

// SymbolName returns the name of a symbol, of a section symbol the section's.
func (o *Object) SymbolName(sym int) string { return o.name(sym) }
