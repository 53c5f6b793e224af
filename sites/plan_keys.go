// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/stub"
)

// held returns what a key holds when the program starts, as far as this object
// determines it.
func (p *Plan) held(key int) Target {
	t := p.Object.Keys[key].Target
	if t.Kind != TargetUnknown && !p.Object.ownKey(key, p.env) {
		return Target{Why: KeyReplaceable}
	}
	return t
}

// held is [Plan.held], computed once for each key.
func (d *decider) held(key int) Target {
	h := &d.values[key]
	if !h.known {
		h.known, h.Target = true, d.Plan.held(key)
	}
	return h.Target
}

// mixedPairs returns, for each trampoline, whether another object or unit may replace
// it but not its key. A call through the key would then call something other than the
// trampoline does.
func (p *Plan) mixedPairs() []bool {
	mixed := make([]bool, len(p.Object.Tramps))
	for i := range mixed {
		t := &p.Object.Tramps[i]
		mixed[i] = t.Entry == noStub && p.isMixed(t)
	}
	return mixed
}

func (p *Plan) isMixed(t *Tramp) bool {
	key := p.Object.File.Symbol(int(p.Object.Keys[t.Key].Sym))
	tramp := p.Object.File.Symbol(int(t.Sym))
	switch {
	case key.Section == 0, tramp.Section == 0, tramp.Bind() == elf.STB_LOCAL:
		return false
	case tramp.Bind() == elf.STB_WEAK && key.Bind() != elf.STB_WEAK,
		p.Object.inComdat(tramp.Section) && !p.Object.inComdat(key.Section):
		return true // another definition in the link may replace it
	}
	return p.env.preempts && p.Object.preemptible(tramp.Index) &&
		(key.Bind() == elf.STB_LOCAL || key.Visibility() != elf.STV_DEFAULT)
}

// fixed reports whether a key provably never changes and, if not, why.
func (d *decider) fixed(key int) (bool, string, error) {
	if d.env.keysFixed {
		return true, "", nil
	}
	if d.env.repatches {
		return false, "", nil // unused: the run time repatches the sites
	}
	if d.refs == nil {
		r, err := d.Object.findReferences(d.env, d.WholeProgram)
		if err != nil {
			return false, "", err
		}
		d.refs = r
	}
	detail := d.refs.why[key]
	return detail == "", detail, nil
}

// enteredLocally reports whether a caller without a TOC pointer might enter what a key
// holds at its local entry. A call to a function of default visibility in the caller's
// own shared library goes through the PLT. The dynamic linker binds that to the local
// entry if both are in one unit, unless DT_PPC64_OPT says that r2 may differ there:
// ld.bfd says so, lld 14 does not.
func (d *decider) enteredLocally(key int) bool {
	sym := int(d.Object.Keys[key].Target.Sym)
	s := d.Object.File.Symbol(sym)
	if !d.env.preempts || d.Linker == BFD || !d.Object.preemptible(sym) {
		return false
	}
	entry, _ := d.target(key)
	return s.Section == 0 || entry > ppc64.LocalEntryClobbers
}

// target returns the local entry of the function that a key holds, and whether the
// function provably belongs to this unit.
func (d *decider) target(key int) (ppc64.LocalEntry, bool) {
	c := &d.callees[key]
	if !c.known {
		sym := d.Object.Keys[key].Target.Sym
		entry, _ := ppc64.LocalEntryOf(d.Object.File.Symbol(int(sym)).Other) // findKeys rejected the reserved value
		s := d.Object.File.Symbol(int(sym))
		// Another definition may have a different local entry.
		replaceable := d.env.preempts && s.Bind() != elf.STB_LOCAL && d.Object.givesWay(s)
		*c = callee{true, d.Object.sameUnit(int(sym), d.env) && !replaceable, entry}
	}
	return c.entry, c.ours
}

// keyAccess returns how a key's stub of a kind reaches the key, and whether it
// can.
func (p *Plan) keyAccess(key int, kind StubEntry) (stub.Key, bool) {
	k := &p.Object.Keys[key]
	own := p.Object.ownKey(key, p.env)
	a := stub.Key{Sym: int(k.Sym), Null: !own || p.Object.canBeNull(key), Patched: p.env.shortens}
	if kind != StubShadow && p.env.cells {
		a.Cell, a.Near, a.Null = true, kind == StubSave && p.cellsNear, false
		return a, p.Object.trampoline(key) != 0
	}
	if k.Sym == 0 {
		// In the kernel image the key exists beside its trampoline.
		return a, p.env.image
	}
	a.Indirect = p.env.preempts && !own
	a.Follows = p.follows(key, kind)
	return a, !p.env.loader || p.Object.File.SymbolSection(int(k.Sym)) != 0
}

// follows reports whether a key's stub of a kind goes through a cell that the run time
// of user space keeps up to date with the key.
func (p *Plan) follows(key int, kind StubEntry) bool {
	return p.env.shortens && kind.stub() != StubShadow && !p.isReadOnly(key)
}

// noKey returns the reason why no stub can reach a key.
func (d *decider) noKey() Reason {
	if d.env.loader {
		return TrampImported
	}
	return KeyMissing
}

// In a module the stubs of an inline run time jump through cells and not through keys;
// see package layout. A cell is in the module even if its key is not, and close enough
// to r2 for one instruction to load it. It is never NULL, so there is nothing to test:
// it first holds the trampoline, which goes through the key, and the run time stores
// what the key holds, or a function that just returns.

// areCellsNear reports whether one instruction reaches every cell that may be added.
func (p *Plan) areCellsNear() bool {
	size := uint64(0)
	if s, ok := p.Object.File.SectionByName(tocName); ok {
		size = s.Size
	}
	return size+8*uint64(len(p.Object.Keys)+1) <= tocReach
}

// tocReach is how many bytes from the start of .toc one instruction reaches. The
// module loader rounds the address that r2 is computed from down to 256 bytes.
const tocReach = 1<<16 - 1<<8
