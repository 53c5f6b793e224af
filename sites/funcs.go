// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"cmp"
	"debug/elf"
	"slices"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A funcIndex finds functions by place. Only the sections that were asked for
// are indexed.
type funcIndex struct {
	secs map[int][]fn // by start
}

// A fn is a function symbol. Offsets are in bytes from the start of its section.
type fn struct {
	start, end uint64
	maxEnd     uint64 // the largest end up to here, so that a search can stop
	sym        int
	local      bool
}

// index adds the functions of the sections with one pass over the symbols.
func (x *funcIndex) index(f *elfrw.File, secs []int) {
	if x.secs == nil {
		x.secs = map[int][]fn{}
	}
	fresh := false
	for _, s := range secs {
		if _, ok := x.secs[s]; !ok {
			x.secs[s], fresh = nil, true
		}
	}
	if !fresh {
		return
	}
	wanted := map[int]bool{}
	for _, s := range secs {
		if x.secs[s] == nil {
			wanted[s] = true
		}
	}
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		if s.Section == 0 || !wanted[s.Section] || s.Type() != elf.STT_FUNC && s.Type() != elf.STT_GNU_IFUNC {
			continue
		}
		x.secs[s.Section] = append(x.secs[s.Section], fn{
			start: s.Value, end: s.Value + s.Size, sym: i, local: s.Bind() == elf.STB_LOCAL,
		})
	}
	for sec := range wanted {
		x.sort(f, sec)
	}
}

func (x *funcIndex) sort(f *elfrw.File, sec int) {
	fns := x.secs[sec]
	slices.SortFunc(fns, func(a, b fn) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.sym, b.sym))
	})
	var maxEnd uint64
	for i := range fns {
		if fns[i].end == fns[i].start { // no .size: up to the next function
			fns[i].end = f.Section(sec).Size
			if j := i + 1; j < len(fns) && fns[j].start > fns[i].start {
				fns[i].end = fns[j].start
			}
		}
		maxEnd = max(maxEnd, fns[i].end)
		fns[i].maxEnd = maxEnd
	}
	x.secs[sec] = fns
}

// find returns the innermost function around a place, 0 if there is none.
func (x *funcIndex) find(sec int, off uint64) int {
	fns := x.secs[sec]
	i, found := slices.BinarySearchFunc(fns, off, func(f fn, off uint64) int { return cmp.Compare(f.start, off) })
	if !found {
		i--
	}
	for ; i >= 0 && fns[i].maxEnd > off; i-- {
		if off < fns[i].end {
			return fns[i].sym
		}
	}
	return 0
}

// startingAt returns the function symbols at a place, the local ones first.
func (x *funcIndex) startingAt(sec int, off uint64) (syms []int) {
	fns := x.secs[sec]
	i, _ := slices.BinarySearchFunc(fns, off, func(f fn, off uint64) int { return cmp.Compare(f.start, off) })
	for _, local := range []bool{true, false} {
		for j := i; j < len(fns) && fns[j].start == off; j++ {
			if fns[j].local == local {
				syms = append(syms, fns[j].sym)
			}
		}
	}
	return syms
}

// callerUsesTOC reports whether the function around a site holds its unit's
// TOC pointer in r2: whether it was entered at, or fell through to, a local
// entry that wants it (ELFv2 §2.3.2.1). known is false where that cannot be seen.
//
// The cold part of a function has a symbol but no entry of its own; what holds
// is what its function's symbol says.
func (o *Object) callerUsesTOC(sym int) (uses, known bool) {
	if sym == 0 {
		return false, false
	}
	if parent, ok := layout.ColdParent(o.name(sym)); ok {
		return o.namedUsesTOC(parent)
	}
	l, err := ppc64.LocalEntryOf(o.File.Symbol(sym).Other)
	return l.UsesTOC(), err == nil
}

// namedUsesTOC is the answer of all functions of that name, if they agree.
func (o *Object) namedUsesTOC(name string) (uses, known bool) {
	if o.coldCache == nil {
		o.coldCache = map[string][2]bool{}
	}
	if r, ok := o.coldCache[name]; ok {
		return r[0], r[1]
	}
	agree := true
	for i := 1; i < o.File.NumSymbols(); i++ {
		s := o.File.Symbol(i)
		if s.Section == 0 || s.Type() != elf.STT_FUNC || string(o.File.SymbolName(s)) != name {
			continue
		}
		l, err := ppc64.LocalEntryOf(s.Other)
		if err != nil || known && l.UsesTOC() != uses {
			agree = false
		}
		uses, known = l.UsesTOC(), true
	}
	known = known && agree
	o.coldCache[name] = [2]bool{uses, known}
	return uses, known
}
