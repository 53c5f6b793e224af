// SPDX-License-Identifier: BSD-3-Clause

package textmap

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
)

// The addresses that code computes have a high part, made by addis from the TOC
// pointer or from 0, and a low part, added by addi or a load (ELFv2 §2.3.2). Where
// both lie in a row the registers show which belong together: the low part is
// that of one symbol, so that any high part which reaches it is the right one.
// Where another block has made the high part, all that the function puts into
// that register are tried, also by way of other registers and of the frame. What
// is no address then only weakens a proof.

// highs are the high parts that a register may hold somewhere in a function.
type highs struct {
	regs   [32][]uint64
	slots  map[int64][]uint64 // by the displacement of a store
	spread bool               // they may be in any register
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

// Limits of one function: the high parts of one register (64 MiB have 1024, and a
// function needs a few), and how often one is copied on against the order of the
// instructions.
const (
	maxHighs  = 1024
	maxRounds = 16
)

// A step is what an instruction does with addresses.
type step struct {
	w    ppc64.Word
	addr uint64 // of addis: what it makes; of a prefixed instruction: the address
	kind stepKind
}

type stepKind uint8

const (
	stepOther     stepKind = iota
	stepHigh               // addis rT,r2 or rT,0
	stepLow                // addi
	stepLoad               // ld
	stepStore              // std
	stepCopy               // mr
	stepHidden             // mtvsrd: into a register that is not followed
	stepShown              // mfvsrd: out of one
	stepExact              // paddi from its own address or r2
	stepExactLoad          // pld likewise
	stepLeave              // what follows may be reached from elsewhere only, or with other registers
)

// decode tells steps apart. The suffix of a prefixed instruction is a step of its
// own too.
func decode(code []byte, off, base, toc uint64) step {
	w, err := ppc64.Load(code, off)
	if err != nil {
		return step{}
	}
	s := step{w: w}
	switch {
	case w.IsPrefix():
		suffix, err := ppc64.Load(code, off+ppc64.WordSize)
		if err != nil {
			return s
		}
		s.addr = uint64(ppc64.D34(w, suffix))
		switch {
		case w.PrefixR():
			s.addr += base + off
		case suffix.RA() == regTOC:
			s.addr += toc
		default:
			return s
		}
		switch {
		case w.PrefixType() == ppc64.PrefixMLS && suffix.Opcode() == opAddi:
			s.kind = stepExact
		case w.PrefixType() == ppc64.Prefix8LS && suffix.Opcode() == opPld:
			s.kind = stepExactLoad
		}
	case w.LK(), (w.IsBranch() || w.IsCondBranch() || w.IsRegBranch()) && w.BranchesAlways():
		s.kind = stepLeave
	case w.Opcode() == opAddis && (w.RA() == regTOC || w.RA() == 0):
		s.kind, s.addr = stepHigh, uint64(w.SI()<<16)
		if w.RA() == regTOC {
			s.addr += toc
		}
	case w.Opcode() == opAddi && w.RA() != 0:
		s.kind = stepLow
	case w.Opcode() == opLd && w.XODS() == 0:
		s.kind = stepLoad
	case w.Opcode() == opStd && w.XODS() == 0:
		s.kind = stepStore
	case w.Opcode() == 31 && w.XO() == 444 && w.RS() == w.RB():
		s.kind = stepCopy
	case w.Opcode() == 31 && w.XO() == 179:
		s.kind = stepHidden
	case w.Opcode() == 31 && w.XO() == 51:
		s.kind = stepShown
	}
	return s
}

// findHighs collects the high parts of [start, end); false if there are too many.
func findHighs(t *text, start, end, toc uint64) (h highs, ok bool) {
	h.slots = map[int64][]uint64{}
	for round, grew := 0, true; grew; round++ {
		grew, h.spread = false, h.spread || round == maxRounds
		if h.spread {
			break // every high part is in the register of its addis
		}
		for off := start; off < end; off += ppc64.WordSize {
			s := decode(t.code, off, t.base, toc)
			switch s.kind {
			case stepHigh:
				grew = add(&h.regs[s.w.RT()], s.addr) || grew
			case stepCopy:
				grew = add(&h.regs[s.w.RA()], h.regs[s.w.RS()]...) || grew
			case stepStore:
				if from := h.regs[s.w.RS()]; len(from) > 0 {
					slot := h.slots[s.w.DS()]
					grew = add(&slot, from...) || grew
					h.slots[s.w.DS()] = slot
				}
			case stepLoad:
				grew = add(&h.regs[s.w.RT()], h.slots[s.w.DS()]...) || grew
			case stepHidden:
				h.spread = h.spread || len(h.regs[s.w.RA()]) > 0
			}
		}
		for i := range h.regs {
			if len(h.regs[i]) > maxHighs {
				return h, false
			}
		}
	}
	return h, true
}

// of returns what a register may hold.
func (h *highs) of(r uint32) []uint64 {
	if !h.spread {
		return h.regs[r]
	}
	var all []uint64
	for i := range h.regs {
		add(&all, h.regs[i]...)
	}
	return all
}

// addresses finds the addresses that the instructions in [start, end) compute.
func (im *image) addresses(t *text, start, end uint64, fn int) {
	if start >= end {
		return
	}
	toc := im.toc
	if fn >= 0 {
		toc = t.ownTOC(fn, toc)
	}
	h, ok := findHighs(t, start, end, toc)
	if !ok {
		im.fail("too many addresses in the code")
		return
	}
	use := user{im, t, start, end, fn < 0 || t.funcs[fn].cold}
	var here [32]uint64     // the high part that a register holds,
	var known, other uint32 // if it is known, or that it holds none
	for off := start; off < end; off += ppc64.WordSize {
		s := decode(t.code, off, t.base, toc)
		switch s.kind {
		case stepLeave:
			known, other = 0, 0
			continue
		case stepExact:
			use.address(s.addr, true)
		case stepExactLoad:
			use.load(s.addr)
		case stepLow, stepLoad:
			base := s.w.RA()
			bases, sure := h.of(base), true
			switch {
			case base == regTOC:
				bases = []uint64{toc}
			case known>>base&1 != 0:
				bases = here[base : base+1]
			case other>>base&1 != 0:
				bases = nil
			default:
				sure = false
			}
			for _, b := range bases {
				if s.kind == stepLow {
					use.address(b+uint64(s.w.SI()), sure)
				} else {
					use.load(b + uint64(s.w.DS()))
				}
			}
		}
		suffix, _ := ppc64.Load(t.code, off+ppc64.WordSize)
		writes := ppc64.Writes(s.w, suffix)
		switch s.kind {
		case stepHigh:
			here[s.w.RT()], known, other = s.addr, known|writes, other&^writes
		case stepCopy:
			here[s.w.RA()] = here[s.w.RS()]
			known = known&^writes | (known>>s.w.RS()&1)<<s.w.RA()
			other = other&^writes | (other>>s.w.RS()&1)<<s.w.RA()
		case stepLoad, stepShown: // perhaps of what the frame keeps, or a vector register
			known, other = known&^writes, other&^writes
		default:
			known, other = known&^writes, other|writes
		}
	}
}

// ownTOC returns the TOC pointer that a function makes at its global entry
// (ELFv2 §2.3.2.1), which is another one where the linker has made several TOCs.
func (t *text) ownTOC(fn int, toc uint64) uint64 {
	x := &t.funcs[fn]
	if x.entry.Offset() != 8 {
		return toc
	}
	ha, err := ppc64.Load(t.code, x.start)
	lo, err2 := ppc64.Load(t.code, x.start+ppc64.WordSize)
	if err != nil || err2 != nil || ha.Opcode() != opAddis || ha.RT() != 2 ||
		lo.Opcode() != opAddi || lo.RT() != 2 || lo.RA() != 2 {
		return toc
	}
	off := uint64(ha.SI()<<16 + lo.SI())
	switch ha.RA() {
	case 12: // from the address of the function
		return t.base + x.start + off
	case 0: // lis
		return off
	}
	return toc
}

// A user is a stretch of code, and what it does with addresses.
type user struct {
	im         *image
	t          *text
	start, end uint64
	part       bool // it may be a part of another function
}

// address is for an address that the code may have. Where it is not sure that the
// two halves belong together, and together they lead into an unrelated function,
// they do not: no compiler has the address of a place in another function. In a
// large program chance would find some.
func (u user) address(addr uint64, sure bool) {
	im := u.im
	if im.work++; im.work > maxWork {
		im.fail("too many addresses in the code")
		return
	}
	if t, off, ok := im.within(addr); ok {
		if sure || u.related(t, off) {
			im.label(t.sec, label{off: off, kind: computed})
		}
	}
	p, ok := im.at(addr)
	if !ok || im.secs[p.sec] != nil || im.skips(addr) {
		return
	}
	im.bases = append(im.bases, tableBase{addr, u})
}

// load is for the address of a doubleword that the code may load.
func (u user) load(addr uint64) {
	if v, ok := u.im.word64(addr); ok {
		u.address(v, true)
	}
}

// A tableBase is an address of data that may be the begin of a jump table, and
// the code that has it.
type tableBase struct {
	addr uint64
	user user
}

// jumpTables reads what may be jump tables: distances from their begin. (The
// first entry of a table of sites, whose begin a run time has, would look like
// one.) Where a table ends is not written down. It goes on as long as its entries
// lead to instructions; but where a function has an address, and what lies there
// leads into that very function, another table begins. The targets of a table are in
// the function that has it; what leads elsewhere are other numbers.
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

// entry is where the entry at an address of the table that begins at base leads.
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

// related reports whether a place is in the user's function, or one of both may be
// a part of the other's.
func (u user) related(t *text, off uint64) bool {
	fn := t.covering(off)
	return u.part || u.has(place{t.sec, off}) || fn < 0 || t.funcs[fn].cold
}
