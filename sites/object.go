// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"fmt"
	"iter"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// Names; see package layout.
const (
	TrampPrefix = layout.TrampPrefix
	KeyPrefix   = layout.KeyPrefix
	Return0Name = layout.Return0Name

	tableName    = layout.KernelTable
	userTable    = layout.UserTable
	trampKeyName = ".static_call_tramp_key"
	tocName      = ".toc"
	frameSection = ".eh_frame"
)

// An Object is what Find saw in one relocatable file. What will be done is in a
// Plan. The exported fields do not change after Find, so several goroutines may
// read them. But its methods, MakePlan, and the methods of its plans fill
// caches in it: only one goroutine at a time may call these. Different Objects
// are independent, even those of one File.
type Object struct {
	File   *elfrw.File // must stay open while the Object is in use
	Sites  []Site      // by section and offset
	Keys   []Key
	Tramps []Tramp // trampolines, and entries of stubs that an earlier run has added
	Table  *Table  // the existing .static_call_sites, nil without one
	User   *Table  // the existing static_call_sites of user space, nil without one

	isModule bool          // the file is a linked kernel module
	fat      bool          // the object has a second copy of its code,
	ir       elfrw.Section // in this section; see layout.IR
	tables   tables        // the sections of tables
	relas    relaTables
	tramps   index.Ranks         // the symbols of Tramps
	keys     index.Ranks         // the symbols of Keys: the number of a symbol is that of its key
	found    []int32             // see scanCalls
	watched  index.Set           // symbols that a relocation at a site may name
	entries  []enteredPlace      // see places
	entered  map[int]placeFilter // see filters
	funcs    funcIndex
	keyAddrs map[addr]int   // see keysByAddr
	parents  layout.Parents // see coldParents

	trampCodes []*trampCode     // by trampoline, see readTramp
	inReach    map[int]bool     // see keysInReach
	program    *bool            // see forProgram
	stubs      map[stubName]int // see stubSymbol
	keyTramps  map[int]int      // see trampoline
	neverNull  map[int]bool     // see canBeNull

	pointers map[int]map[uint64]reloc.Rela // by section and place: see pointerAt
}

// tables are the sections with the names of tables.
type tables struct{ kernel, user, cells, trampKeys, records []int }

// An enteredPlace is one of the two entries of a trampoline or a stub (ELFv2 §2.3.2.1).
type enteredPlace struct {
	sec   int32
	tramp int32 // index in Tramps
	off   uint64
}

// A placeFilter rules out most offsets of a section at which no trampoline is
// entered, by a few bits of the offset.
type placeFilter index.Set

// An addr is a place in a relocatable object: a byte offset in a section.
type addr struct {
	sec int
	off uint64
}

// table returns the relocations of section sec.
func (o *Object) table(sec int) (reloc.Table, error) { return o.relas.table(sec) }

// relocated returns the sections that have relocations and satisfy want, in
// order.
func (o *Object) relocated(want func(elfrw.Section) bool) iter.Seq[elfrw.Section] {
	return func(yield func(elfrw.Section) bool) {
		for sec := range o.File.NumSections() {
			if !o.relas.has(sec) {
				continue
			}
			if s := o.File.Section(sec); want(s) && !yield(s) {
				return
			}
		}
	}
}

// sorted returns the relocations of section sec in order of place.
func (o *Object) sorted(sec int) (reloc.Sorted, error) {
	t, err := o.table(sec)
	if err != nil {
		return reloc.Sorted{}, err
	}
	if o.relas.inOrder(sec) {
		return reloc.Sorted{Table: t}, nil
	}
	return reloc.Sort(t), nil
}

// resolve returns the place that symbol + addend stands for, if that is in a
// section of this object.
func (o *Object) resolve(sym uint32, addend int64) (addr, bool) {
	s := o.File.Symbol(int(sym))
	return addr{s.Section, s.Value + uint64(addend)}, s.Section != 0
}

// name returns the name of a symbol, or for a section symbol that of the
// section.
func (o *Object) name(sym int) string {
	s := o.File.Symbol(sym)
	if s.Type() == elf.STT_SECTION && s.Section != 0 {
		return o.File.Section(s.Section).NameString()
	}
	return string(o.File.SymbolName(s))
}

// at returns an error for a place. typ is the relocation's type, negative for
// none.
func (o *Object) at(sec int, off uint64, typ int64, format string, a ...any) error {
	e := &PlaceError{Section: o.File.Section(sec).String(), Off: off, Err: fmt.Errorf(format, a...)}
	if o.File.Section(sec).IsCode() {
		o.funcs.add(o.File, []int{sec})
		if fn := o.funcs.find(sec, off); fn != 0 {
			e.Symbol = o.name(fn)
			e.Off = off - o.File.Symbol(fn).Value
		}
	}
	if typ >= 0 {
		e.Reloc = reloc.Name(uint32(typ))
	}
	return e
}

// inComdat reports whether a section is in a group: the linker may drop it and
// use another object's copy.
func (o *Object) inComdat(sec int) bool {
	s := o.File.Section(sec)
	return s.Has(elf.SHF_GROUP) || s.NameHasPrefix(".gnu.linkonce.")
}

// givesWay reports whether the linker may take another object's definition of a symbol
// instead of this one's.
func (o *Object) givesWay(s elfrw.Symbol) bool {
	return s.Bind() == elf.STB_WEAK || o.inComdat(s.Section)
}

// isCopied reports whether the content of a section may end up elsewhere: each thread
// has its own copy, or the linker merges equal contents.
func (o *Object) isCopied(sec int) bool {
	return elf.SectionFlag(o.File.Section(sec).Flags)&(elf.SHF_TLS|elf.SHF_MERGE) != 0
}

// bySection returns the range [lo, hi) of sites for each section that has any.
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

// FuncName returns the name of the function that contains a site, and the
// site's offset in it in bytes. The name is empty if no function symbol covers
// the site.
func (o *Object) FuncName(s *Site) (string, uint64) {
	if s.Func == 0 {
		return "", s.Off
	}
	return o.name(int(s.Func)), s.Off - o.File.Symbol(int(s.Func)).Value
}

// SectionName returns the name of the site's section.
func (o *Object) SectionName(s *Site) string { return o.File.Section(int(s.Section)).NameString() }

// SymbolName returns the name of a symbol. For a section symbol it returns the
// name of the section.
func (o *Object) SymbolName(sym int) string { return o.name(sym) }

// A spot is an offset in a section, and the number of what is there.
type spot struct {
	off uint64 // bytes from the start of the section
	id  int
}

func sortSpots(spots []spot) {
	slices.SortFunc(spots, func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.id, b.id))
	})
}
