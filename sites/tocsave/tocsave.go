// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
)

// A Func is one function to analyse. All offsets are in bytes from the start of
// its section. Offsets outside [Start, End) are ignored in every field. Analyse
// does not write to a Func, so several goroutines may use it at the same time.
type Func struct {
	Code       []byte           // of the whole section
	Start, End uint64           // the extent, from the symbol: st_value and st_value+st_size
	Entry      ppc64.LocalEntry // from the symbol's st_other
	Relocs     []reloc.Rela     // those of the extent, in any order

	// Jumps gives the targets of an indirect branch: the entries of a jump
	// table, or the labels of a computed goto. For a branch whose target a
	// relocation names, it gives that target if it is inside the function. For
	// any other instruction, the targets are in addition to the next
	// instruction: the code is patched to become a branch (asm goto,
	// __jump_table), or may fault and continue elsewhere (__ex_table).
	Jumps map[uint64][]uint64

	// LandingPads are the landing pads of exceptions. The unwinder enters them with the
	// frame and r2 of the function, as after a call.
	LandingPads []uint64

	// Entries are places that may be entered with an unknown state: labels
	// whose symbol other code may use, and targets of a branch in another
	// function or section, such as the cold part of this function or an
	// alternative. The two entry points of the function do not count; Entry
	// says what holds there.
	Entries []uint64

	// Labels are places whose address is stored somewhere. Indirect branches
	// lead there; all that is known is that the frame is the same as at the
	// indirect branches of the function.
	Labels []uint64

	// Framed are those of Entries that another part of the function enters with
	// a frame of the function.
	Framed []uint64

	// Part says that the function is a part of another one: a branch enters it
	// at its start, with the frame of the other one.
	Part bool

	// Patched are the instructions that may be replaced before or while the
	// code runs: all those of a feature fixup or an alternative, and the one
	// after it. The new instructions leave r1 and r2 alone, but the slot is
	// unknown there.
	Patched []uint64

	// Saves are calls to code that is known to execute std r2,24(r1) itself: a
	// linker's stub in a linked file, or a save stub.
	Saves []uint64

	// Restores are loads of r2 that are known to load this unit's TOC pointer:
	// from the PACA of Linux, in the kernel image.
	Restores []uint64
}

// A Verdict is the answer for one call.
type Verdict struct {
	Proven bool   // 24(r1) holds this function's own r2 when the call is made and when it returns
	Reason string // why it is not proven, in words; empty if it is
	At     uint64 // offset in the section of what the reason names; if proven, of a save

	// Every restore after the call depends on these, even if a stub saves r2.
	Frame   bool // r1 points to a frame of this function when the call is made
	Entered bool // something other than the call may lead to the instruction after it
	Again   bool // a second return of the call may find that 24(r1) has changed
}

// Limits of one function; beyond them nothing is proven. The time is linear in
// the size of the function and of the lists in Func.
const (
	maxWords  = 1 << 20 // 4 MiB of text
	maxStates = 1 << 17 // branch targets
)

// Analyse returns a verdict for each of the calls, which are offsets of bl
// instructions of f, in the given order. A nop or li r3,0 among them counts as
// a call that is a constant for now. Analyse does not write to f.
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
