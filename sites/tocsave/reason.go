// SPDX-License-Identifier: BSD-3-Clause

package tocsave

import (
	"fmt"
	"strings"
)

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

// texts are the causes in words; %s stands for the place.
var texts = [...]string{
	noExtent:      "the extent of the function is unknown",
	tooLarge:      "the function is too large to analyse",
	unresolved:    "indirect branch at %s has unknown targets",
	notCall:       "not a bl",
	notReached:    "not reached from the function's entry",
	noEntryTOC:    "the function has one entry: r2 may be its caller's",
	clobbersTOC:   "the function has local entry 1: r2 is not its own",
	written:       "r2 is changed at %s",
	notRestored:   "r2 is not restored after the indirect call at %s",
	notocCall:     "the callee at %s may change r2 (NOTOC)",
	restoredWrong: "r2 is loaded from 24(r1) without a save at %s",
	entered:       "it is not known what 24(r1) holds where the function is entered at %s",
	noSave:        "no save of r2",
	noSavePath:    "path from %s has no save",
	noFrame:       "save before the frame exists at %s",
	moved:         "r1 is changed at %s",
	alloca:        "alloca moves r1 at %s",
	overwritten:   "24(r1) may be overwritten at %s",
	foreignCall:   "call at %s may save another r2",
	again:         "the call at %s may return again after 24(r1) has changed",
	pad:           "landing pad at %s",
	patched:       "the code at %s may be patched",
}

// text returns the reason in words. Places are offsets from the start of the
// function, as in a disassembly.
func (w why) text() string {
	return strings.Replace(texts[w.cause], "%s", fmt.Sprintf("+%#x", w.at), 1)
}
