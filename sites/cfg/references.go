// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"debug/elf"
	"math"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A label is a place whose address is stored somewhere.
type label struct {
	off  uint64
	kind labelKind

	// For the target of a table: the section and the range of the code that has
	// the address of the table. begin > end if other code may have it too.
	sec        int
	begin, end uint64
}

type labelKind uint8

const (
	// A computed address, in code or in .toc, from which code loads it. It may be the
	// target itself, a jump table in the text, or the base of offsets: goto *(&&base
	// + table[i]), where no relocation names the targets.
	computed labelKind = iota
	pointer            // an address in data: an element of a table of addresses
	tabled             // the target of an entry in a table of distances
)

func (a label) compare(b label) int {
	return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.kind, b.kind),
		cmp.Compare(a.sec, b.sec), cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
}

func (m *Map) label(sec int, l label) {
	t := m.secs[sec]
	switch {
	case t == nil:
	case t.starts(l.off):
		t.begun, t.open = append(t.begun, l.off), true
	default:
		t.labels, t.open = append(t.labels, l), true
	}
}

// A use says what the relocations of a section are for.
type use uint8

const (
	useData use = iota
	useCode
	useAddresses // .toc: addresses that code loads
	useNone      // addresses of instructions that are never used to enter them
	usePairs     // Linux: places in the code, and where they may continue instead
	useFixups    // Linux: code that is patched
	useUnwinding
)

// useOf derives the use of a section from its name. Code is never entered from
// Linux's lists of places to trace, of warnings and of call sites, or from sections
// that are not in the output of the link.
func useOf(s elfrw.Section) use {
	name := s.NameString()
	switch name {
	case ".eh_frame":
		return useUnwinding
	case "__mcount_loc", "__patchable_function_entries", "__bug_table", "_kprobe_blacklist",
		".static_call_sites", "static_call_sites", "static_call_cells":
		return useNone
	case "__jump_table", "__ex_table":
		return usePairs
	case ".toc", ".got":
		return useAddresses
	}
	switch {
	case s.Has(elf.SHF_EXECINSTR), layout.IsAlternative(s):
		return useCode
	case strings.HasPrefix(name, ".discard."):
		return useNone
	case strings.HasPrefix(name, "__") && strings.HasSuffix(name, "_fixup"):
		return useFixups
	}
	return useData
}

// references reads what the relocations of all loaded sections say about places
// in the text.
func (r *reader) references() {
	inText := r.watch(func(sec int) bool { return r.secs[sec] != nil })
	uses := map[int]use{}
	for _, sec := range r.bySec {
		in := r.f.Section(sec)
		u := useOf(in)
		uses[sec] = u
		switch u {
		case usePairs:
			r.pairs(in)
		case useFixups:
			r.fixups(in)
		}
	}
	r.each(inText, func(in elfrw.Section, rel reloc.Rela) {
		to, _ := r.target(rel)
		switch uses[in.Index] {
		case useCode:
			r.codeReference(in, rel, to)
		case useAddresses:
			r.label(to.sec, label{off: to.off, kind: computed})
		case useData:
			r.dataReference(in, rel, to)
		}
	})
}

// codeReference handles a relocation of an instruction.
func (r *reader) codeReference(in elfrw.Section, rel reloc.Rela, to place) {
	h, known := reloc.Lookup(rel.Type())
	switch {
	case known && h.Size == 0: // a marker
	case known && (h.Field == reloc.Low24 || h.Field == reloc.Low14):
		r.branch(place{in.Index, rel.Off &^ 3}, to)
		// A call to a symbol enters at its local entry.
		if l, _ := ppc64.LocalEntryOf(r.f.Symbol(int(rel.Sym())).Other); l.Offset() != 0 {
			r.branch(place{in.Index, rel.Off &^ 3}, place{to.sec, to.off + l.Offset()})
		}
	case known && h.PCRel && (h.Field == reloc.Word32 || h.Field == reloc.Doubleword64):
		r.distance(in, rel, to, h) // a table in the text
	default:
		r.label(to.sec, label{off: to.off, kind: computed})
	}
}

// branch records a branch from anywhere.
func (m *Map) branch(from, to place) {
	t := m.secs[to.sec]
	if t == nil {
		return
	}
	if t.called.has(to.off) && m.isCall(from) {
		return
	}
	switch i := t.covering(to.off); {
	case i < 0:
	case t.enters(i, to.off):
		if m.arrive(from, to); m.isCall(from) {
			t.called.add(t, to.off)
		}
	default:
		if from.sec == to.sec && t.covering(from.off) != i {
			m.arrive(from, to)
		}
		m.jump(from, to)
	}
}

// dataReference handles a relocation of data.
func (r *reader) dataReference(in elfrw.Section, rel reloc.Rela, to place) {
	h, known := reloc.Lookup(rel.Type())
	switch {
	case known && h.Size == 0:
	case known && h.PCRel:
		r.distance(in, rel, to, h)
	case known && h.Field == reloc.Doubleword64:
		r.label(to.sec, label{off: to.off, kind: pointer})
	default:
		r.label(to.sec, label{off: to.off, kind: computed})
	}
}

// pairs reads __jump_table and __ex_table: a place in the code, and where it
// may continue (Linux: struct jump_entry, struct exception_table_entry). Both
// are distances from the field itself. If an entry has another form, its places
// count as entered with nothing known.
func (r *reader) pairs(in elfrw.Section) {
	rels := r.sortedRelocs(in.Index).Slice(0, math.MaxUint64)
	rels = slices.DeleteFunc(rels, func(rel reloc.Rela) bool { return rel.Type() == uint32(elf.R_PPC64_NONE) })
	isJump := in.NameString() == "__jump_table"
	size := uint64(8)
	switch {
	case isJump:
		size = 16
	case longPairs(rels, in.Size):
		size = 12
	}
	whole := in.Size%size == 0
	for len(rels) > 0 {
		entry, n := rels[0].Off/size, 1
		for n < len(rels) && rels[n].Off/size == entry {
			n++
		}
		if !whole || !r.pair(rels[:n], size) {
			for _, rel := range rels[:n] {
				if p, ok := r.target(rel); ok {
					r.enter(p)
				}
			}
		}
		rels = rels[n:]
	}
}

// pair reads one entry. It returns false if the entry does not have the known form.
func (r *reader) pair(rels []reloc.Rela, size uint64) bool {
	isJump := size == 16
	if len(rels) < 2 || rels[0].Off%size != 0 || rels[1].Off != rels[0].Off+4 ||
		len(rels) > 2 && (len(rels) > 3 || rels[2].Off != rels[0].Off+8) { // the key
		return false
	}
	for _, rel := range rels[:2] {
		if rel.Type() != uint32(elf.R_PPC64_REL32) {
			return false
		}
	}
	from, ok := r.target(rels[0])
	to, ok2 := r.target(rels[1])
	if !ok || !ok2 {
		return !ok && !ok2
	}
	r.jump(from, to)
	if isJump { // a branch may become a nop
		r.jump(from, place{from.sec, from.off + 4})
	}
	return true
}

// longPairs reports whether the entries have 12 bytes, as in some kernels: all
// relocations are at fields of such entries.
func longPairs(rels []reloc.Rela, total uint64) bool {
	for _, rel := range rels {
		if rel.Off%12 != 0 && rel.Off%12 != 4 {
			return false
		}
	}
	return total%12 == 0 && uint64(len(rels)) == total/12*2
}

// The entries of Linux's feature sections (struct fixup_entry) hold two masks, and
// the start and end of the code and of its alternative, as distances from the entry.
const (
	fixupSize = 48
	fixupCode = 16
	fixupEnd  = 24
	fixupAlt  = 32
)

// fixups reads the places that Linux patches when it boots. Other sections with such
// names are lists of places, each the distance from its own entry.
func (r *reader) fixups(in elfrw.Section) {
	rels := r.sortedRelocs(in.Index).Slice(0, math.MaxUint64)
	if strings.HasSuffix(in.NameString(), "ftr_fixup") {
		if r.features(in, rels) {
			return
		}
		for _, rel := range rels {
			p, ok := r.target(rel)
			for back := uint64(0); ok && back < fixupSize; back += 8 {
				r.enter(place{p.sec, p.off - back})
			}
		}
		return
	}
	for _, rel := range rels {
		p, ok := r.target(rel)
		for back := uint64(0); ok && back <= 8; back += 8 { // the distance is from the entry: its first or second field
			r.patch(place{p.sec, p.off - back}, ppc64.WordSize)
		}
	}
}

// features reads entries of the form of struct fixup_entry. It returns false if they
// have another form.
func (r *reader) features(in elfrw.Section, rels []reloc.Rela) bool {
	if in.Size%fixupSize != 0 || uint64(len(rels)) != in.Size/fixupSize*4 {
		return false
	}
	for i, rel := range rels {
		if rel.Type() != uint32(elf.R_PPC64_REL64) || rel.Off != uint64(i/4)*fixupSize+fixupCode+uint64(i%4)*8 {
			return false
		}
	}
	field := func(i int) (place, bool) { // S + A - P is relative to the field, the stored distance to the entry
		p, ok := r.target(rels[i])
		return place{p.sec, p.off - rels[i].Off%fixupSize}, ok
	}
	for i := 0; i < len(rels); i += 4 {
		begin, ok := field(i)
		end, _ := field(i + 1)
		alt, ok2 := field(i + 2)
		altEnd, ok3 := field(i + 3)
		if !ok || !ok2 || !ok3 || begin.sec != end.sec {
			return false
		}
		r.feature(begin, end, alt != altEnd)
	}
	return true
}

// feature records that the code in [begin, end) may be replaced by nops or by
// an alternative.
func (m *Map) feature(begin, end place, alternative bool) {
	t := m.secs[begin.sec]
	if t == nil {
		return
	}
	if end.off < begin.off || end.off-begin.off > uint64(len(t.code)) {
		m.refuse(begin.sec, min(begin.off, end.off), max(begin.off, end.off)+1, "a feature section of negative size")
		return
	}
	m.patch(begin, end.off+ppc64.WordSize-begin.off)
	if alternative {
		m.enter(end)
	}
	m.jump(begin, end)
}
