// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// The addresses that code computes have a high part, made by addis from the TOC
// pointer or from 0, and a low part, added by addi or a load (ELFv2 §2.3.2). If both
// are in one straight run of instructions, the registers show which belong together.
// A low part belongs to one symbol, so any high part that reaches it is the right
// one. If another block made the high part, all high parts that may be in the
// register by then are tried, including those that came through other registers or
// the frame: see ways. A value that is not an address only weakens a proof.

// highs are the high parts that a register may hold somewhere in a function.
type highs struct {
	regs   [32][]uint64
	slots  map[int64][]uint64 // by the displacement of the store
	spread bool               // the high parts may be in any register
}

// add puts values into a set, and reports whether it grew.
func add(set *[]uint64, values ...uint64) (grew bool) {
	for _, v := range values {
		if !slices.Contains(*set, v) {
			*set, grew = append(*set, v), true
		}
	}
	return grew
}

// Limits for one function: the high parts of one register (64 MiB have 1024,
// and a function needs a few), and the rounds needed to follow copies against
// the order of the instructions.
const (
	maxHighs  = 1024
	maxRounds = 16
)

// fixed returns the sum that an instruction computes if its base does not depend on
// earlier instructions: the TOC pointer, 0 for addis, or a prefixed instruction's own
// address.
func fixed(in ppc64.Inst, at, toc uint64) (uint64, bool) {
	switch {
	case in.Op == ppc64.OpPla, in.Op == ppc64.OpPldPC:
		return at + uint64(in.Imm), true
	case in.RA == ppc64.RegTOC:
		return toc + uint64(in.Imm), true
	}
	return uint64(in.Imm), in.RA == 0 && in.Op == ppc64.OpAddis
}

// findHighs collects the high parts in some code. It returns false if there are too many.
// It treats the suffix of a prefixed instruction as an instruction too.
func (im *image) findHighs(code []stretch) (h highs, ok bool) {
	h.slots = map[int64][]uint64{}
	copies, grew := im.copies[:0], false // copies: instructions that may add something in another round
	for _, s := range code {
		for off := s.start; off < s.end; off += ppc64.WordSize {
			w, _ := ppc64.Load(s.t.code, off)
			in := ppc64.Decode(w, 0)
			switch in.Op {
			case ppc64.OpMr, ppc64.OpStd, ppc64.OpLd, ppc64.OpMtvsrd, ppc64.OpMtvsrdd:
				copies = append(copies, in)
			}
			grew = h.follow(in, s.toc) || grew
		}
	}
	im.copies = copies
	for round := 1; grew && h.few(); round++ {
		if h.spread = h.spread || round == maxRounds; h.spread {
			break // every high part is at least in the register of its addis
		}
		grew = false
		for _, in := range copies {
			grew = h.follow(in, 0) || grew // no copy needs the TOC pointer
		}
	}
	return h, h.few()
}

// few reports whether no register has too many high parts.
func (h *highs) few() bool {
	for i := range h.regs {
		if len(h.regs[i]) > maxHighs {
			return false
		}
	}
	return true
}

// follow applies an instruction, and reports whether a set grew.
func (h *highs) follow(in ppc64.Inst, toc uint64) bool {
	switch in.Op {
	case ppc64.OpAddis:
		high, ok := fixed(in, 0, toc)
		return ok && add(&h.regs[in.RT], high)
	case ppc64.OpMr:
		return add(&h.regs[in.RA], h.regs[in.RT]...)
	case ppc64.OpStd:
		from := h.regs[in.RT]
		if len(from) == 0 {
			return false
		}
		slot := h.slots[in.Imm]
		grew := add(&slot, from...)
		h.slots[in.Imm] = slot
		return grew
	case ppc64.OpLd:
		return add(&h.regs[in.RT], h.slots[in.Imm]...)
	case ppc64.OpMtvsrd: // vector registers are not followed
		h.spread = h.spread || len(h.regs[in.RA]) > 0
	case ppc64.OpMtvsrdd:
		h.spread = h.spread || len(h.regs[in.RA]) > 0 || len(h.regs[in.Imm]) > 0
	}
	return false
}

// of returns the high parts that a register may hold.
func (h *highs) of(r uint8) []uint64 {
	if !h.spread {
		return h.regs[r]
	}
	var all []uint64
	for i := range h.regs {
		add(&all, h.regs[i]...)
	}
	return all
}

// addresses finds the addresses that the instructions in [start, end) compute. If start
// is not before end, there are none.
func (im *image) addresses(t *text, start, end uint64, fn int) {
	code := []stretch{{t, start, end, im.toc}}
	if fn >= 0 {
		code = im.together(t, fn)
	}
	toc := code[0].toc
	h, few := im.findHighs(code)
	if !few || im.work > maxWork {
		im.fail("too many addresses in the code")
		return
	}
	use := user{im, t, start, end, fn < 0 || t.funcs[fn].cold, code}
	first := len(t.labels)
	now := held{toc: toc}
	suffixed := false   // the word before is a prefix
	var unsure []uint64 // low parts whose high part is not known
	for off := start; off < end; off += ppc64.WordSize {
		w, suffix, _ := ppc64.Fetch(t.code, off)
		if w.LK() || w.BranchesAlways() { // the next word may be reached with other values
			now.known, now.other = 0, 0
			continue
		}
		in := ppc64.Decode(w, suffix)
		if !use.instruction(in, t.base+off, &now, &h) {
			unsure = append(unsure, off)
		}
		now.step(in, ppc64.Writes(w, suffix), suffixed)
		suffixed = w.IsPrefix() && !suffixed
	}
	use.pair(unsure, fn, toc, &h, first)
}

// pair finds the addresses made by low parts whose high parts are unknown. If
// the registers can be followed, a high part must lead to its low part: see
// ways.
func (u user) pair(unsure []uint64, fn int, toc uint64, h *highs, first int) {
	var w *ways
	for _, off := range unsure {
		word, _ := ppc64.Load(u.t.code, off)
		in := ppc64.Decode(word, 0)
		highs := slices.DeleteFunc(slices.Clone(h.of(in.RA)), func(high uint64) bool { return !u.leads(in, high) })
		if len(highs) > 0 && !u.part && !h.spread {
			if w == nil {
				w = newWays(u.t, fn, toc, h, u.t.labels[first:])
			}
			reach := w.reach(off, in.RA)
			highs = slices.DeleteFunc(highs, func(high uint64) bool { return !slices.Contains(reach, high) })
		}
		for _, high := range highs {
			if addr, ok := u.made(in, high); ok {
				u.address(addr)
			}
		}
	}
}

// held records which high part each register holds at a place.
type held struct {
	high         [32]uint64
	known, other uint32 // masks: the register holds a known high part, or certainly none
	toc          uint64
}

// base returns the high part that a register holds, if known. unsure is true if
// it may hold one of h.
func (x *held) base(r uint8, h *highs) (high uint64, known, unsure bool) {
	switch {
	case r == ppc64.RegTOC:
		return x.toc, true, false
	case x.known>>r&1 != 0:
		return x.high[r], true, false
	}
	return 0, false, x.other>>r&1 == 0 && len(h.of(r)) > 0
}

// step applies an instruction after which the next one follows. writes is a mask of
// the registers that it writes. suffixed says that it may be only the second word of
// a prefixed instruction.
func (x *held) step(in ppc64.Inst, writes uint32, suffixed bool) {
	known, other := x.known, x.other
	x.known, x.other = known&^writes, other&^writes
	high, ok := fixed(in, 0, x.toc)
	switch {
	case in.Op == ppc64.OpAddis && ok:
		x.high[in.RT], x.known = high, known|writes
	case in.Op == ppc64.OpMr:
		x.high[in.RA] = x.high[in.RT]
		x.known |= known >> in.RT & 1 << in.RA
		x.other |= other >> in.RT & 1 << in.RA
	case suffixed: // it may write a vector register instead
	case in.Op == ppc64.OpLd, in.Op == ppc64.OpMfvsrd, in.Op == ppc64.OpMfvsrld: // it may load a saved high part
	default:
		x.other |= writes
	}
}

// ownTOC returns the TOC pointer that a function computes at its global entry
// (ELFv2 §2.3.2.1). It differs from toc if the linker has made several TOCs.
func (t *text) ownTOC(fn int, toc uint64) uint64 {
	x := &t.funcs[fn]
	_, code, ok := t.two(x.start)
	high, low := code[0], code[1]
	switch {
	case x.entry.Offset() != 8 || !ok || !makesTOC(high, low):
		return toc
	case high.RA == 0: // lis
		return uint64(high.Imm + low.Imm)
	}
	return t.base + x.start + uint64(high.Imm+low.Imm)
}

// makesTOC reports whether two instructions put an address into r2 that they
// compute from the function's address or from 0.
func makesTOC(high, low ppc64.Inst) bool {
	return high.Op == ppc64.OpAddis && high.RT == ppc64.RegTOC && (high.RA == ppc64.RegEntry || high.RA == 0) &&
		low.Op == ppc64.OpAddi && low.RT == ppc64.RegTOC && low.RA == ppc64.RegTOC
}

// two returns the two words at an offset, also decoded.
func (t *text) two(off uint64) (words [2]ppc64.Word, insts [2]ppc64.Inst, ok bool) {
	for i := range words {
		w, err := ppc64.Load(t.code, off+uint64(i)*ppc64.WordSize)
		if err != nil {
			return words, insts, false
		}
		words[i], insts[i] = w, ppc64.Decode(w, 0)
	}
	return words, insts, true
}

// A user is a range of code that uses addresses.
type user struct {
	im         *image
	t          *text
	start, end uint64
	part       bool      // it may be part of another function
	code       []stretch // together
}

// instruction records the address that an instruction computes or loads. It returns
// false if the instruction adds a low part to an unknown high part.
func (u user) instruction(in ppc64.Inst, at uint64, now *held, h *highs) bool {
	switch in.Op {
	case ppc64.OpPaddi, ppc64.OpPla, ppc64.OpPld, ppc64.OpPldPC:
		if addr, ok := fixed(in, at, now.toc); ok {
			if in.Op == ppc64.OpPld || in.Op == ppc64.OpPldPC {
				addr, ok = u.im.word64(addr)
			}
			if ok {
				u.address(addr)
			}
		}
	case ppc64.OpAddi, ppc64.OpLd:
		if in.RA == 0 {
			break
		}
		high, known, unsure := now.base(in.RA, h)
		if unsure {
			return false
		}
		if addr, ok := u.made(in, high); known && ok {
			u.address(addr)
		}
	}
	return true
}

// made returns the address that addi computes, or ld loads, given a high part.
func (u user) made(in ppc64.Inst, high uint64) (addr uint64, ok bool) {
	if in.Op == ppc64.OpLd {
		return u.im.word64(high + uint64(in.Imm))
	}
	return high + uint64(in.Imm), true
}

// address records an address that the code computes.
func (u user) address(addr uint64) {
	im := u.im
	if im.work++; im.work > maxWork {
		im.fail("too many addresses in the code")
		return
	}
	if t, off, ok := im.within(addr); ok {
		im.label(t.sec, label{off: off, kind: computed})
	}
	if im.isData(addr) {
		im.bases = append(im.bases, tableBase{addr, u})
	}
}

// isData reports whether a jump table may begin at an address.
func (im *image) isData(addr uint64) bool {
	p, ok := im.at(addr)
	return ok && im.secs[p.sec] == nil && !im.skips(addr)
}

// leads reports whether the address that an instruction would make from an uncertain
// high part matters. An address in an unrelated function does not: no compiler takes
// the address of a place inside another function, and in a large program some wrong
// pairs make one by chance.
func (u user) leads(in ppc64.Inst, high uint64) bool {
	addr, ok := u.made(in, high)
	if !ok {
		return false
	}
	if t, off, ok := u.im.within(addr); ok {
		return u.related(t, off)
	}
	_, table := u.im.entry(addr, addr)
	return table && u.im.isData(addr)
}

// A tableBase is an address of data where a jump table may begin, and the code
// that computes it.
type tableBase struct {
	addr uint64
	user user
}

// jumpTables reads possible jump tables, which hold distances from the start of the
// table. (The first entry of a table of sites, whose start a run time knows, would
// look like one.) Nothing marks the end of a table: it continues as long as its
// entries lead to instructions. But if a function computes the address of an entry,
// and that entry leads into the same function, another table begins there. The
// targets of a table are in the function that uses it; entries that lead elsewhere
// are other numbers.
func (im *image) jumpTables() {
	slices.SortStableFunc(im.bases, func(a, b tableBase) int { return cmp.Compare(a.addr, b.addr) })
	begins := im.bases[:0:0]
	for _, b := range im.bases {
		if to, ok := im.entry(b.addr, b.addr); ok && b.user.has(to) {
			begins = append(begins, b)
		}
	}
	for _, b := range im.bases {
		next, _ := slices.BinarySearchFunc(begins, b.addr+1, func(x tableBase, addr uint64) int { return cmp.Compare(x.addr, addr) })
		for at := b.addr; ; at += 4 {
			if im.work++; im.work > maxWork {
				im.fail("too many jump tables")
				return
			}
			for next < len(begins) && begins[next].addr < at {
				next++
			}
			to, ok := im.entry(b.addr, at)
			if !ok || next < len(begins) && begins[next].addr == at {
				break
			}
			if t := im.secs[to.sec]; !b.user.related(t, to.off) {
				continue
			}
			im.label(to.sec, label{off: to.off, kind: tabled, sec: b.user.t.sec, begin: b.user.start, end: b.user.end})
		}
	}
}

// entry returns where the entry at an address leads, for a table that begins at base.
func (im *image) entry(base, at uint64) (place, bool) {
	data := im.bytes(at)
	if len(data) < 4 {
		return place{}, false
	}
	target := base + uint64(int64(int32(binary.LittleEndian.Uint32(data))))
	to, ok := im.at(target)
	return to, ok && im.secs[to.sec] != nil && target%ppc64.WordSize == 0
}

// has reports whether a place is in the user's code.
func (u user) has(p place) bool {
	return p.sec == u.t.sec && u.start <= p.off && p.off < u.end
}

// related reports whether a place is in the user's function, or in a function of which
// one may be a part of the other.
func (u user) related(t *text, off uint64) bool {
	if u.part && len(u.code) <= 1 { // nothing shows of which function
		return true
	}
	fn := t.covering(off)
	return u.has(place{t.sec, off}) || fn < 0 || t.funcs[fn].cold || slices.ContainsFunc(u.code, func(s stretch) bool { return s.has(t, off) })
}
