// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
)

// maxTrampWords is how many words of a trampoline without a size are read.
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
	c := trampCode{known: true, stores: whole.stores, returns: whole.returns, steps: whole.steps}
	c.ownTOC = !whole.needs
	if entry.UsesTOC() {
		local, ok := walkTramp(code[:end], s.Value+entry.Offset())
		if !ok {
			return trampCode{}
		}
		whole, c.steps = local, local.steps
	}
	c.callerTOC = !whole.needsR12 && !whole.touches
	return c
}

// onlyJumps reports whether a trampoline, or a stub of an earlier run, does
// nothing to its key but load it.
func (o *Object) onlyJumps(t int) bool {
	c := o.readTramp(t)
	return o.Tramps[t].Entry != noStub || c.known && !c.stores
}

// A trampWalk is what a straight line of instructions does.
type trampWalk struct {
	needs    bool // r2 or r12 as the caller has it
	needsR12 bool // r12 as the caller has it
	touches  bool // it changes r1, r2 or LR, or stores
	stores   bool // it stores, and not to the stack
	returns  bool
	steps    int32
}

// walkTramp follows a trampoline from an offset to its bctr. It fails at
// anything else that leaves the line, but for a conditional return and for bcl
// 20,31,.+4, which only puts an address into LR.
func walkTramp(code []byte, off uint64) (w trampWalk, ok bool) {
	const r1, r2, r12 = 1 << 1, 1 << 2, 1 << 12
	written := uint32(0)
	for range maxTrampWords {
		word, err := ppc64.Load(code, off)
		if err != nil {
			return w, false
		}
		suffix := ppc64.Word(0)
		if word.IsPrefix() {
			if suffix, err = ppc64.Load(code, off+ppc64.WordSize); err != nil {
				return w, false
			}
		}
		w.steps++
		off += uint64(word.Len())
		switch {
		case word == bctr:
			return w, true
		case word.IsRegBranch():
			if word.LK() || word == ppc64.Blr || word.BranchesAlways() {
				return w, false
			}
			w.returns = true
			continue
		case word.IsCondBranch() && word.LK() && !word.AA() && word.Displacement() == ppc64.WordSize:
			w.touches = true
			continue
		case word.IsBranch(), word.IsCondBranch():
			return w, false
		}
		reads := mayRead(word, suffix) &^ written
		w.needs = w.needs || reads&(r2|r12) != 0
		w.needsR12 = w.needsR12 || reads&r12 != 0
		writes := ppc64.Writes(word, suffix)
		a, memory := ppc64.Memory(word, suffix)
		if writes&(r1|r2) != 0 || memory && a.Store || isMoveTo(word, sprLR) {
			w.touches = true
		}
		if memory && a.Store && (a.Indexed || a.PCRel || a.Base != 1) {
			w.stores = true
		}
		written |= writes
	}
	return w, false
}

const sprLR = 8

// isMoveTo reports mtspr to a special purpose register.
func isMoveTo(w ppc64.Word, spr uint32) bool {
	return w.Opcode() == 31 && w.XO() == 467 && w.SPR() == spr
}

// mayRead returns the general registers that an instruction which is no branch
// may read, as a mask: more than it does read, never less.
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

// canBeNull reports whether a key may come to hold NULL: unless it begins with
// a function, and its trampolines, all of them known, would jump to NULL.
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

// localTramp reports whether a site calls a local trampoline, whose key is local
// as well: if its symbol is gone, a key that others see by that name is another one.
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

// trampEnd is where a trampoline ends, as far as it is read: without a size
// behind its first bctr.
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
		if w == bctr {
			break
		}
	}
	return end
}
