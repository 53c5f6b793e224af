// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// A callee is a function of this unit.
type callee struct {
	global, local uint64
	entry         ppc64.LocalEntry
	known         bool // entry is known
}

// callee describes the function whose global entry is at an address, by its
// symbol, or without one by its first instructions if they set r2.
func (p *program) callee(at uint64) callee {
	c := callee{global: at, local: at}
	if s, ok := p.function(at); ok {
		l, err := ppc64.LocalEntryOf(s.other)
		if err == nil && !l.PreservesR2() && p.isFolded(at) {
			l = 0
		}
		c.local, c.entry, c.known = at+l.Offset(), l, err == nil
		return c
	}
	for l := ppc64.LocalEntry(2); l <= 4; l++ {
		if toc, ok := p.setsTOC(at, at+l.Offset()); ok && toc == p.toc {
			c.local, c.entry, c.known = at+l.Offset(), l, true
			return c
		}
	}
	return c
}

// isFolded reports whether a function of an image with local entry 1 has
// another symbol that promises to preserve r2: a linker folded equal code, so
// what either symbol promises is true. Trampolines are excluded: scpatch itself
// may have given one local entry 1.
func (p *program) isFolded(at uint64) bool {
	return !p.object && !p.isTrampoline(at) && slices.ContainsFunc(p.functionsAt(at), func(f index.Extent) bool {
		l, err := ppc64.LocalEntryOf(p.symbols[f.ID].other)
		return err == nil && l == 0
	})
}

// setsTOC returns r2 at the local entry of a function entered at its global one
// (ELFv2 §2.3.2.1).
func (p *program) setsTOC(global, local uint64) (uint64, bool) {
	m := machine{pc: global}
	m.regs[ppc64.RegEntry] = numberOf(global)
	o := p.run(m, goal{entries: [2]uint64{local}, fall: true})
	if o.ending != arrived {
		return 0, false
	}
	r2 := p.resolve(o.m.regs[ppc64.RegTOC])
	return r2.n, r2.kind == number
}

// tocOf returns the TOC pointer of a function with two entries. It is the one that
// the function computes, because ld.bfd gives a large program several; if that is
// not known, it is the unit's.
func (p *program) tocOf(global, local uint64) uint64 {
	entries := [2]uint64{global, local}
	if t, ok := p.tocs[entries]; ok {
		return t
	}
	t, ok := p.setsTOC(global, local)
	if !ok {
		t = p.toc
	}
	p.tocs[entries] = t
	return t
}

// allTOCs returns the TOC pointers that the functions of an image compute.
func (p *program) allTOCs() []uint64 {
	if p.every == nil {
		p.every = []uint64{p.toc}
		for _, f := range p.funcs.All() {
			s := &p.symbols[f.ID]
			l, err := ppc64.LocalEntryOf(s.other)
			if err != nil || !l.UsesTOC() {
				continue
			}
			if toc := p.tocOf(s.addr, s.addr+l.Offset()); !slices.Contains(p.every, toc) {
				p.every = append(p.every, toc)
			}
		}
	}
	return p.every
}

// A target is what a key holds when the program starts.
type target struct {
	content
	unknown string // why it is not known; empty if it is known
	tramp   uint64 // the entry names a trampoline instead of the key
	null    bool
	ret0    bool
	callee  callee  // of this unit
	ours    bool    // callee is valid
	viaStub content // where the code at addr leads, if it is a linker's stub
}

// holds reads a key.
func (p *program) holds(key uint64) target {
	if p.foreign(key) {
		t := target{unknown: "it belongs to another unit"}
		if p.isTrampoline(key) {
			t.tramp = key
		}
		return t
	}
	if strings.HasPrefix(p.names[key], layout.TrampPrefix) {
		return target{unknown: "its trampoline stands for it", tramp: key}
	}
	t := target{content: p.doubleword(key)}
	switch {
	case !t.known:
		t.unknown = t.reason
		if t.unknown == "" {
			t.unknown = "no address explains it"
		}
		return t
	case t.addr == 0:
		t.null = true
		return t
	}
	t.ret0 = p.isReturn0(t.addr)
	if t.ifunc || p.foreign(t.addr) {
		return t
	}
	if _, _, ok := p.code(t.addr); !ok {
		t.unknown = fmt.Sprintf("0x%x is not code", t.addr)
		return t
	}
	t.viaStub = p.stubTarget(t.addr)
	t.callee, t.ours = p.callee(t.addr), true
	return t
}

// goneTarget returns a target for a site whose key is missing: the destination of the
// call, or the recorded target of a direct call within the unit. A linker drops a key
// that nothing refers to any more.
func (v *verifier) goneTarget(s *site, c caller, w ppc64.Word, b branch) *target {
	t := &target{unknown: "the file has neither the key nor its trampoline"}
	if !w.IsBranch() {
		return t
	}
	m := v.start(c.toc)
	var first outcome
	first.branch(&m, b)
	switch o := v.run(m, goal{any: true}); o.ending {
	case elsewhere:
		t.content, t.unknown = content{known: true, addr: o.at, named: o.named, ifunc: o.ifunc}, ""
	case arrived:
		global, _ := v.functionEntered(o.at)
		if s.rec != nil && s.rec.form == layout.RecordDirect && !dropped(s.rec.target) {
			global = s.rec.target
		}
		t.content, t.unknown = content{known: true, addr: global}, ""
		t.callee, t.ours = v.callee(global), true
	}
	return t
}

// functionEntered returns the global entry of the function that has an entry at
// an address. Linkers' stubs, trampolines and scpatch's stubs do not count.
func (p *program) functionEntered(at uint64) (uint64, bool) {
	if _, tramp := p.entries[at]; tramp { // whatever else it is called
		return 0, false
	}
	f, ok := p.around(at)
	if !ok || isLinkerStub(f.name) || p.isOurs(f.name) {
		return 0, false
	}
	l, err := ppc64.LocalEntryOf(f.other)
	return f.addr, err == nil && (at == f.addr || at == f.addr+l.Offset())
}

// stubTarget follows a function that may be a linker's stub to its destination: a
// function of another unit, or what a resolver in this one returns.
func (p *program) stubTarget(at uint64) content {
	m := machine{pc: at}
	m.regs[ppc64.RegEntry] = numberOf(at)
	if p.toc != 0 {
		m.regs[ppc64.RegTOC] = numberOf(p.toc) // lld's stubs use it
	}
	if o := p.run(m, goal{}); o.ending == elsewhere {
		return content{known: true, addr: o.at, named: o.named, ifunc: o.ifunc}
	}
	return content{}
}

// isReturn0 recognizes __static_call_return0 by its name or, if the names are gone, by
// its code.
func (p *program) isReturn0(at uint64) bool {
	if p.foreign(at) {
		s := p.externalAt(at)
		return s != nil && s.name == layout.Return0Name
	}
	if fns := p.functionsAt(at); len(fns) > 0 {
		return slices.ContainsFunc(fns, func(f index.Extent) bool { return p.symbols[f.ID].name == layout.Return0Name })
	}
	c := p.callee(at)
	first, _ := p.word(c.local)
	second, _ := p.word(c.local + ppc64.WordSize)
	return first == ppc64.Li3Zero && second == ppc64.Blr
}

// text describes a target.
func (p *program) text(t *target) string {
	switch {
	case t.unknown != "":
		return fmt.Sprintf("something unknown here (%s)", t.unknown)
	case t.null:
		return "NULL"
	}
	return p.name(t.addr)
}
