// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import "fmt"

// cause says why something does not hold.
type cause uint8

const (
	none          cause = iota
	noExtent            // of the function as a whole
	tooLarge            //
	unresolved          //
	notCall             // of a single call
	notReached          //
	noEntryTOC          // of r2
	clobbersTOC         //
	written             //
	notRestored         //
	notocCall           //
	restoredWrong       //
	entered             // of r2 or the slot
	noSave              // of the slot
	noSavePath          //
	noFrame             //
	moved               //
	alloca              //
	overwritten         //
	foreignCall         //
	again               //
	pad                 //
	patched             //
)

// why is a cause and its place, in bytes from the function's start.
type why struct {
	cause cause
	at    uint32
}

// text returns the reason in words. Places are offsets from the start of the
// function, as in a disassembly.
func (w why) text() string {
	at := fmt.Sprintf("+%#x", w.at)
	switch w.cause {
	case noExtent:
		return "the extent of the function is unknown"
	case tooLarge:
		return "the function is too large to analyse"
	case unresolved:
		return "indirect branch at " + at + " has unknown targets"
	case notCall:
		return "not a bl"
	case notReached:
		return "not reached from the function's entry"
	case noEntryTOC:
		return "the function has one entry: r2 may be its caller's"
	case clobbersTOC:
		return "the function has local entry 1: r2 is not its own"
	case written:
		return "r2 is changed at " + at
	case notRestored:
		return "r2 is not restored after the indirect call at " + at
	case notocCall:
		return "the callee at " + at + " may change r2 (NOTOC)"
	case restoredWrong:
		return "r2 is loaded from 24(r1) without a save at " + at
	case entered:
		return "it is not known what 24(r1) holds where the function is entered at " + at
	case noSave:
		return "no save of r2"
	case noSavePath:
		return "path from " + at + " has no save"
	case noFrame:
		return "save before the frame exists at " + at
	case moved:
		return "r1 is changed at " + at
	case alloca:
		return "alloca moves r1 at " + at
	case overwritten:
		return "24(r1) may be overwritten at " + at
	case foreignCall:
		return "call at " + at + " may save another r2"
	case again:
		return "the call at " + at + " may return again after 24(r1) has changed"
	case pad:
		return "landing pad at " + at
	case patched:
		return "the code at " + at + " may be patched"
	}
	return ""
}
