// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// maxTrampWords is the largest number of words read of a trampoline without a
// size.
const maxTrampWords = 32

// readTramp reads the code of a trampoline, once.
func (o *Object) readTramp(t int) trampCode {
	if o.trampCodes == nil {
		o.trampCodes = make([]*trampCode, len(o.Tramps))
	}
	if o.trampCodes[t] == nil {
		c := o.decodeTramp(int(o.Tramps[t].Sym))
		o.trampCodes[t] = &c
	}
	return *o.trampCodes[t]
}

func (o *Object) decodeTramp(sym int) trampCode {
	s := o.File.Symbol(sym)
	entry, err := ppc64.LocalEntryOf(s.Other)
	if err != nil || s.Section == 0 || !o.File.Section(s.Section).IsCode() {
		return trampCode{}
	}
	code := o.File.Section(s.Section).Data()
	end := s.Value + s.Size
	if s.Size == 0 {
		end = s.Value + ppc64.WordSize*maxTrampWords
	}
	if end = min(end, uint64(len(code))); s.Value >= end {
		return trampCode{}
	}
	whole, ok := walkTramp(code[:end], s.Value)
	if !ok {
		return trampCode{}
	}
	last := s.Value + whole.size
	c := trampCode{known: true, stores: whole.stores, returns: whole.returns, steps: whole.steps}
	c.ownTOC = !whole.needs
	if entry.UsesTOC() {
		local, ok := walkTramp(code[:end], s.Value+entry.Offset())
		if !ok {
			return trampCode{}
		}
		last = max(last, s.Value+entry.Offset()+local.size)
		whole, c.steps = local, local.steps
	}
	if s.Size != 0 && !isPadding(code[last:end]) {
		return trampCode{} // more code follows
	}
	c.callerTOC = !whole.needsR12 && !whole.touches
	return c
}

// onlyJumps reports whether a trampoline, or a stub of an earlier run, only loads its
// key and never changes it.
func (o *Object) onlyJumps(t int) bool {
	c := o.readTramp(t)
	return o.Tramps[t].Entry != noStub || c.known && !c.stores
}

// A trampWalk says what a straight line of instructions does.
type trampWalk struct {
	needs    bool // r2 or r12 as the caller has it
	needsR12 bool // r12 as the caller has it
	touches  bool // it changes r1, r2 or LR, or memory
	stores   bool // it stores elsewhere than to the stack
	returns  bool
	steps    int32
	size     uint64 // bytes of the line

	written uint32 // mask of registers
}

// walkTramp follows a trampoline from an offset to its bctr. It fails at anything else
// that leaves the straight line, except for a conditional return and for bcl
// 20,31,.+4, which only puts an address into LR.
func walkTramp(code []byte, off uint64) (w trampWalk, ok bool) {
	for range maxTrampWords {
		word, suffix, err := ppc64.Fetch(code, off)
		if err != nil {
			return w, false
		}
		w.steps++
		w.size += uint64(word.Len())
		off += uint64(word.Len())
		switch in := ppc64.Decode(word, suffix); {
		case word == ppc64.Bctr:
			return w, true
		case !in.Op.IsBranch():
			w.step(word, suffix, in)
		case !w.branch(word, in):
			return w, false
		}
	}
	return w, false
}

// isPadding reports whether code after the end of a trampoline is nops or
// zeros.
func isPadding(code []byte) bool {
	for off := uint64(0); off < uint64(len(code)); off += ppc64.WordSize {
		if w, err := ppc64.Load(code, off); err != nil || w != ppc64.Nop && w != 0 {
			return false
		}
	}
	return true
}

// branch applies a branch other than bctr, and reports whether the line continues.
func (w *trampWalk) branch(word ppc64.Word, in ppc64.Inst) bool {
	switch in.Op {
	case ppc64.OpB:
		return false
	case ppc64.OpBc:
		w.touches = true // if the line continues at all
		return word.LK() && !word.AA() && in.Imm == ppc64.WordSize
	}
	w.returns = true
	return !word.LK() && !word.BranchesAlways()
}

// step applies an instruction that is not a branch.
func (w *trampWalk) step(word, suffix ppc64.Word, in ppc64.Inst) {
	const sp, toc, entry = 1 << ppc64.RegSP, 1 << ppc64.RegTOC, 1 << ppc64.RegEntry
	reads := mayRead(word, suffix) &^ w.written
	w.needs = w.needs || reads&(toc|entry) != 0
	w.needsR12 = w.needsR12 || reads&entry != 0
	writes := ppc64.Writes(word, suffix)
	w.written |= writes
	a, memory := ppc64.Memory(word, suffix)
	store := memory && a.Store
	setsLR := in.Op == ppc64.OpMtspr && in.Imm == ppc64.SPRLR
	w.touches = w.touches || writes&(sp|toc) != 0 || store || setsLR
	w.stores = w.stores || store && (a.Indexed || a.PCRel || a.Base != ppc64.RegSP)
}

// mayRead returns the general registers that a non-branch instruction may read, as a
// mask. It may contain too many, never too few.
func mayRead(w, suffix ppc64.Word) uint32 {
	m := ppc64.Sources(w, suffix)
	a, memory := ppc64.Memory(w, suffix)
	if memory && !a.PCRel {
		m |= 1 << a.Base
		if a.Indexed {
			m |= 1 << a.Index
		}
	}
	if w.IsPrefix() {
		w = suffix
	}
	if memory && a.Store || ppc64.Writes(w, 0) == 0 && !memory {
		m |= 1<<w.RT() | 1<<w.RA()
		if w.Opcode() == 31 {
			m |= 1 << w.RB()
		}
	}
	return m
}

// canBeNull reports whether a key may ever hold NULL. It never does if it initially
// holds a function, and all of its trampolines are known and would jump to NULL.
func (o *Object) canBeNull(key int) bool {
	if k := o.Keys[key].Target.Kind; k != TargetFunc && k != TargetReturn0 {
		return true
	}
	if o.neverNull == nil {
		o.neverNull = make(map[int]bool, len(o.Keys))
		for i, t := range o.Tramps {
			if t.Entry != noStub {
				continue
			}
			c := o.readTramp(i)
			before, some := o.neverNull[int(t.Key)]
			o.neverNull[int(t.Key)] = c.known && !c.returns && (before || !some)
		}
	}
	return !o.neverNull[key]
}

// localTramp reports whether a site calls a local trampoline, whose key is local as
// well. If the key's symbol is gone, a visible key with that name is a different one.
func (o *Object) localTramp(s *Site) bool {
	if s.Tramp < 0 {
		return false
	}
	t := o.Tramps[s.Tramp]
	return t.Entry == noStub && o.File.SymbolBind(int(t.Sym)) == elf.STB_LOCAL
}

// trampoline returns the symbol of a key's trampoline, 0 if there is none.
func (o *Object) trampoline(key int) int {
	if o.keyTramps == nil {
		o.keyTramps = map[int]int{}
		for _, t := range o.Tramps {
			if _, ok := o.keyTramps[int(t.Key)]; !ok && t.Entry == noStub {
				o.keyTramps[int(t.Key)] = int(t.Sym)
			}
		}
	}
	return o.keyTramps[key]
}

// trampEnd returns where a trampoline ends, as far as it is read. Without a size, it
// ends after its first bctr.
func (o *Object) trampEnd(s elfrw.Symbol) uint64 {
	code := o.File.Section(s.Section).Data()
	if s.Size != 0 {
		return s.Value + min(s.Size, 4*ppc64.WordSize*maxTrampWords)
	}
	end := s.Value
	for range maxTrampWords {
		w, err := ppc64.Load(code, end)
		if err != nil {
			break
		}
		end += ppc64.WordSize
		if w == ppc64.Bctr {
			break
		}
	}
	return end
}
