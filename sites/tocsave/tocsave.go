// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// A Func is one function to analyse. All offsets are in bytes from the start of
// its section. What lies outside [Start, End) in any of its fields is ignored.
type Func struct {
	Code       []byte           // of the whole section
	Start, End uint64           // the extent, from the symbol: st_value and st_value+st_size
	Entry      ppc64.LocalEntry // from the symbol's st_other
	Relocs     []reloc.Rela     // those of the extent, in any order

	// Jumps gives the targets of an indirect branch: the entries of a jump
	// table, the labels of a computed goto. For a branch whose target a
	// relocation names it gives that target, if it is inside the function. For
	// any other instruction the targets are in addition to the next
	// instruction: code that is patched to be a branch (asm goto,
	// __jump_table), or that may fault and go on elsewhere (__ex_table).
	Jumps map[uint64][]uint64

	// Pads are landing pads of exceptions: the unwinder enters them with the
	// frame and r2 of the function, as behind one of its calls.
	Pads []uint64

	// Unknown are places that may be entered with nothing known: labels whose
	// symbol others have, and what a branch of another function or section,
	// such as the cold part of this one or an alternative, jumps to. The two
	// entries of the function do not count: what holds there is Entry's.
	Unknown []uint64

	// Labels are places whose address something has: an indirect branch leads
	// there, with nothing known but that the function's frame is as at the
	// indirect branches of the function.
	Labels []uint64

	// Framed are those of Unknown that are entered with a frame of the function,
	// by another part of it.
	Framed []uint64

	// Part says that the function is the part of another one: it is entered at its
	// start by a branch, with the frame of that one.
	Part bool

	// Patched are instructions that may be replaced by others, which leave r1
	// and r2 alone, before or while the code runs: the begin and the end of
	// what a feature fixup or an alternative is for. The slot is unknown there.
	Patched []uint64

	// Saves are calls of code that is known to do std r2,24(r1) itself: a
	// linker's stub in a final image, a save stub.
	Saves []uint64

	// Restores are loads of r2 that are known to give it this unit's TOC
	// pointer: from the PACA of Linux, in the kernel image.
	Restores []uint64
}

// A Verdict is the answer for one call.
type Verdict struct {
	Proven bool   // 24(r1) holds this function's own r2 whenever the call is made, and when it returns
	Reason string // why it is not proven, in words; empty if it is
	At     uint64 // offset in the section of what the reason names; if proven, of a save

	// What every restore behind the call needs, also where a stub saves r2.
	Frame   bool // r1 points to a frame of this function when the call is made
	Entered bool // something else than the call may lead to the instruction behind it
	Again   bool // a second return of the call may find that 24(r1) has changed
}

// Limits of one function; beyond them nothing is proven. The time is linear in
// the size of the function and of the lists in Func.
const (
	maxWords  = 1 << 20 // 4 MiB of text
	maxStates = 1 << 17 // branch targets
)

// Analyse answers for each of the calls, the offsets of bl instructions of f,
// in the order in which they are given. A nop or li r3,0 among them is a call
// that is a constant for now. It does not write to f.
func Analyse(f *Func, calls []uint64) []Verdict {
	a, why := newAnalysis(f)
	if why.cause == none {
		a.want(calls)
		why = a.solve()
	}
	var all []Verdict
	if a != nil {
		all = a.verdicts(calls)
	} else {
		all = make([]Verdict, len(calls))
		for i := range all {
			all[i].Entered = true
		}
	}
	if why.cause != none {
		for i := range all {
			all[i].Proven, all[i].Reason, all[i].At = false, why.text(), f.Start+uint64(why.at)
			all[i].Entered = true
		}
	}
	return all
}
