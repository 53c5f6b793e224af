// SPDX-License-Identifier: BSD-3-Clause

package sites

// keySize is the size in bytes of the part of a key that matters here: its
// first doubleword.
const keySize = 8

// A Key is a static call's key: data whose first doubleword is the current
// target. It is a plain value that does not change after Find; several
// goroutines may read it.
type Key struct {
	Name   string // without __SCK__
	Sym    int32  // index of the key's symbol, 0 if this object has none
	Sites  int32  // number of sites in this object that call it
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

// String returns "NULL", "return 0", "function" or "unknown".
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

// A Target is the initial value of a key. It is a plain value that does not
// change after Find; several goroutines may read it.
type Target struct {
	Sym  int32 // index of the function's symbol, with TargetReturn0 and TargetFunc
	Kind TargetKind
	Why  Reason // with TargetUnknown: why it is not known
}

// A trampCode says what the instructions of a defined trampoline do. Nothing is known
// about one that is not a straight line to a bctr.
type trampCode struct {
	known bool
	// ownTOC: its entry, at offset 0, needs neither r2 nor r12 from its caller.
	// It computes its own TOC pointer (bcl), or needs none (PC-relative).
	ownTOC bool
	// callerTOC: its local entry takes r2 as its caller has it, and neither changes
	// nor saves it.
	callerTOC bool
	stores    bool  // it writes to memory
	returns   bool  // it may return instead of jumping: its key may be NULL
	steps     int32 // instructions from the local entry to the jump
}
