// SPDX-License-Identifier: BSD-3-Clause

package textmap

import (
	"bytes"
	"debug/elf"
	"encoding/binary"

	"github.com/scpatch/scpatch/ppc64"
)

// Primary opcodes that make addresses.
const (
	opAddi  = 14
	opAddis = 15
	opLd    = 58
	opStd   = 62
	opPld   = 57

	regTOC = 2
)

// maxWork bounds the search for addresses in an image.
const maxWork = 1 << 27

// code reads the instructions of an image.
func (im *image) code() {
	for _, t := range im.sections() {
		im.imageBranches(t)
		size, end := uint64(len(t.code)), uint64(0) // end: of the functions so far
		for i := range t.funcs {
			fn := &t.funcs[i]
			if fn.start > end {
				im.addresses(t, end, fn.start, -1)
			}
			im.addresses(t, fn.start, min(fn.end, size), i)
			end = max(end, fn.end)
		}
		im.addresses(t, end, size, -1)
	}
	im.jumpTables()
}

// imageBranches finds the branches into functions from outside, and the calls of
// functions that return twice, in a section of an image.
func (im *image) imageBranches(t *text) {
	fn, from, until := -1, uint64(0), uint64(0)
	for off := uint64(0); uint64(len(t.code))-off >= ppc64.WordSize; off += ppc64.WordSize {
		w := ppc64.Word(binary.LittleEndian.Uint32(t.code[off:]))
		if !w.IsBranch() && !w.IsCondBranch() || w.AA() || w.Displacement() == 0 {
			continue
		}
		if off >= until {
			fn, from, until = t.stretch(off)
		}
		to := off + uint64(w.Displacement())
		if from <= to && to < until && fn >= 0 && !t.enters(fn, to) {
			continue
		}
		p, ok := im.at(t.base + to)
		if !ok || im.secs[p.sec] == nil {
			continue
		}
		if w.LK() && im.reachesTwice(p, 0) {
			t.twice, t.open = append(t.twice, off), true
		}
		if p.sec != t.sec || im.secs[p.sec].covering(p.off) != fn {
			im.branch(place{t.sec, off}, p)
		}
	}
}

// reachesTwice reports whether a call of a place may be one of a function that
// returns twice: it is one, or a linker's stub for one, or code that is not
// understood in an image that has such a function.
func (im *image) reachesTwice(p place, depth int) bool {
	if im.twiceAt[p] {
		return true
	}
	t := im.secs[p.sec]
	if len(im.twiceAt) == 0 && len(im.twiceSlots) == 0 || t == nil {
		return false
	}
	if im.named == nil {
		im.nameCode()
	}
	// A stub has a name or not; lld's are functions with a size.
	if harmless, found := im.named[p]; harmless || !found && t.covering(p.off) >= 0 {
		return false
	}
	to, slot, ok := im.stub(t, p.off)
	switch {
	case !ok || depth > 4:
		return true
	case slot:
		return im.twiceSlots[to] || !im.known[to] && im.slotReachesTwice(to, depth)
	}
	next, ok := im.at(to)
	return ok && im.reachesTwice(next, depth+1)
}

// nameCode finds the symbols of code, and whether their names say that they do
// not lead to a function that returns twice: assembly functions, often without a
// size. A linker names its stubs, if at all, after what they lead to.
func (im *image) nameCode() {
	im.named = map[place]bool{}
	for i := 1; i < im.f.NumSymbols(); i++ {
		s := im.f.Symbol(i)
		p, ok := im.symbolPlace(s)
		if typ := s.Type(); !ok || im.secs[p.sec] == nil || typ != elf.STT_FUNC && typ != elf.STT_NOTYPE {
			continue
		}
		name, harmless := im.f.SymbolName(s), true
		for _, part := range []string{"setjmp", "vfork", "context", "savectx"} {
			harmless = harmless && !bytes.Contains(name, []byte(part))
		}
		l, _ := ppc64.LocalEntryOf(s.Other)
		for _, p := range []place{p, {p.sec, p.off + l.Offset()}} {
			before, found := im.named[p]
			im.named[p] = harmless && (before || !found)
		}
	}
}

// slotReachesTwice is for a doubleword that no dynamic relocation of a function
// fills: the linker's own table for branches over a long distance.
func (im *image) slotReachesTwice(slot uint64, depth int) bool {
	addr, ok := im.word64(slot)
	if !ok {
		return true
	}
	p, ok := im.at(addr)
	return !ok || im.reachesTwice(p, depth+1)
}

// stub follows the code of a linker's stub to its bctr or b. It returns the
// address to which that goes, or, with slot, that of the doubleword which holds
// it.
func (im *image) stub(t *text, off uint64) (to uint64, slot, ok bool) {
	var regs [32]uint64
	var have, loaded uint32
	regs[2], have = im.toc, 1<<2
	target, targetLoaded, targetKnown := uint64(0), false, false
	for range 12 {
		w, err := ppc64.Load(t.code, off)
		if err != nil {
			return 0, false, false
		}
		here := t.base + off
		off += uint64(w.Len())
		base, rt := w.RA(), w.RT()
		known := have>>base&1 != 0 && loaded>>base&1 == 0
		switch {
		case w == ppc64.SaveTOC, w == ppc64.Nop, w.Opcode() == 10, w.Opcode() == 11: // cmpl
			continue
		case w.IsBranch() && !w.LK() && !w.AA():
			return here + uint64(w.Displacement()), false, true
		case w.IsRegBranch() && !w.LK() && w.XO() == 528 && w.BranchesAlways():
			return target, targetLoaded, targetKnown
		case w.Opcode() == 31 && w.XO() == 467: // mtctr
			target, targetLoaded, targetKnown = regs[rt], loaded>>rt&1 != 0, have>>rt&1 != 0
			continue
		case w.IsPrefix():
			suffix, err := ppc64.Load(t.code, off-ppc64.WordSize)
			if err != nil || !w.PrefixR() || suffix.RA() != 0 {
				return 0, false, false
			}
			rt = suffix.RT()
			regs[rt] = here + uint64(ppc64.D34(w, suffix))
			have |= 1 << rt
			switch {
			case w.PrefixType() == ppc64.Prefix8LS && suffix.Opcode() == opPld:
				loaded |= 1 << rt
			case w.PrefixType() == ppc64.PrefixMLS && suffix.Opcode() == opAddi:
				loaded &^= 1 << rt
			default:
				return 0, false, false
			}
			continue
		case w.Opcode() == opAddis && known:
			regs[rt] = regs[base] + uint64(w.SI()<<16)
		case w.Opcode() == opAddi && known:
			regs[rt] = regs[base] + uint64(w.SI())
		case w.Opcode() == opLd && w.XODS() == 0 && known:
			regs[rt] = regs[base] + uint64(w.DS())
			have, loaded = have|1<<rt, loaded|1<<rt
			continue
		default:
			return 0, false, false
		}
		have, loaded = have|1<<rt, loaded&^(1<<rt)
	}
	return 0, false, false
}
