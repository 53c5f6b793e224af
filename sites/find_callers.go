// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// findFunctions finds the function around each site. findKeys has indexed them.
func (o *Object) findFunctions() {
	for lo, hi := range o.bySection() {
		fns := o.funcs[int(o.Sites[lo].Section)]
		var fn index.Extent
		until := uint64(0) // where fn is no longer the innermost; sites are in order
		for i := lo; i < hi; i++ {
			s := &o.Sites[i]
			if s.Off >= until {
				fn, _ = fns.Around(s.Off)
				_, until = fns.Stretch(s.Off)
			}
			s.Func = int32(fn.ID)
		}
	}
}

// findNoTOC finds the sites of callers without a TOC pointer that an earlier
// run has made constants. Their relocation is gone, so the function around them
// decides.
func (o *Object) findNoTOC() {
	for i := range o.Sites {
		s := &o.Sites[i]
		if !s.Word.IsBranch() {
			uses, known := o.callerUsesTOC(int(s.Func))
			s.noTOC = s.noTOC || known && !uses
		}
	}
}

// callerUsesTOC reports whether the function around a site holds its unit's TOC
// pointer in r2: it has a local entry, which needs r2 (ELFv2 §2.3.2.1). known is
// false if nothing tells. The cold part of a function has a symbol but no entry of
// its own, so the symbol of its function decides.
func (o *Object) callerUsesTOC(sym int) (uses, known bool) {
	if sym == 0 {
		return false, false
	}
	s := o.File.Symbol(sym)
	if name := o.File.SymbolName(s); layout.IsColdPart(name) {
		parent, _ := layout.ColdParent(string(name))
		l, known := o.coldParents().Entry(parent)
		return l.UsesTOC(), known
	}
	l, err := ppc64.LocalEntryOf(s.Other)
	return l.UsesTOC(), err == nil
}

// coldParents returns the functions whose cold parts have sites, found in one pass
// over the symbols.
func (o *Object) coldParents() layout.Parents {
	if o.parents != nil {
		return o.parents
	}
	o.parents = layout.Parents{}
	wanted := map[string]bool{}
	for i := range o.Sites {
		if fn := int(o.Sites[i].Func); fn != 0 && (i == 0 || o.Sites[i-1].Func != o.Sites[i].Func) {
			if parent, ok := layout.ColdParent(o.name(fn)); ok {
				wanted[parent] = true
			}
		}
	}
	for i := 1; i < o.File.NumSymbols(); i++ {
		s := o.File.Symbol(i)
		if s.Section == 0 || s.Type() != elf.STT_FUNC {
			continue
		}
		if name := o.File.SymbolName(s); wanted[string(name)] {
			o.parents.Add(string(name), s.Other)
		}
	}
	return o.parents
}
