// SPDX-License-Identifier: BSD-3-Clause

package sites

// keySize is what of a key matters here: its first doubleword, in bytes.
const keySize = 8

// A Key is a static call's key: data whose first doubleword is the current
// target.
type Key struct {
	Name   string // without __SCK__
	Sym    int32  // symbol of the key, 0 if this object has none
	Sites  int32  // how many sites of this object call it
	Target Target // what it holds when the program starts
}

// A TargetKind says what a key initially holds.
type TargetKind uint8

const (
	TargetUnknown TargetKind = iota // Target.Why says why
	TargetNull                      // NULL
	TargetReturn0                   // __static_call_return0
	TargetFunc                      // a function
)

// String is the kind in a word.
func (k TargetKind) String() string {
	switch k {
	case TargetNull:
		return "NULL"
	case TargetReturn0:
		return "return 0"
	case TargetFunc:
		return "function"
	}
	return "unknown"
}

// A Target is the initial value of a key.
type Target struct {
	Sym  int32 // symbol of the function, with TargetReturn0 and TargetFunc
	Kind TargetKind
	Why  Reason // with TargetUnknown
}

// A trampCode is what the instructions of a defined trampoline show. Nothing is
// known of one that is not a straight line to a bctr.
type trampCode struct {
	known bool
	// ownTOC: its entry, offset 0, needs neither r2 nor r12 of its caller. It
	// makes its own TOC pointer (bcl), or needs none (pc-relative).
	ownTOC bool
	// callerTOC: its local entry takes r2 as its caller has it, and neither
	// changes nor saves it.
	callerTOC bool
	stores    bool  // it writes to memory
	returns   bool  // it may return instead of jumping: its key may be NULL
	steps     int32 // instructions from the local entry to the jump
}
