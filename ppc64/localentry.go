// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// LocalEntry is the three-bit field of a function symbol's st_other that says
// where the local entry is and what the function does with r2 (ELFv2 §3.4.1):
//
//	0     one entry; r2 is neither needed nor changed
//	1     one entry; r2 is not needed and may be changed
//	2..6  the local entry is 1, 2, 4, 8, 16 instructions after the global one;
//	      it needs r2 = TOC of the unit, and preserves it
//	7     reserved
type LocalEntry uint8

const (
	localEntryShift = 5 // the bits are the most significant of st_other
	localEntryMask  = 0xe0

	// LocalEntryClobbers is the value 1. For a call to such a function, the
	// linkers save and restore r2.
	LocalEntryClobbers LocalEntry = 1
	localEntryReserved LocalEntry = 7
)

// LocalEntryOf returns the local-entry field of a symbol's st_other. The
// reserved value 7 gives a [*LocalEntryError].
func LocalEntryOf(stOther uint8) (LocalEntry, error) {
	l := LocalEntry(stOther >> localEntryShift)
	if l == localEntryReserved {
		return 0, &LocalEntryError{Other: stOther}
	}
	return l, nil
}

// Offset returns the distance in bytes from the global to the local entry: 0,
// 0, 4, 8, 16, 32, 64 for the values 0 to 6 (ELFv2 §3.4.1), and 0 for any
// other.
func (l LocalEntry) Offset() uint64 {
	if !l.UsesTOC() {
		return 0
	}
	return 1 << l
}

// PreservesR2 reports whether a call to the local entry leaves r2 as it was. It
// is false only for the value 1: the function does not need r2 and may change
// it (ELFv2 §3.4.1), so the caller must save and restore it.
func (l LocalEntry) PreservesR2() bool { return l != LocalEntryClobbers }

// UsesTOC reports whether the local entry expects the TOC pointer of its unit
// in r2 (ELFv2 §2.2.1), as it does for the values 2 to 6.
func (l LocalEntry) UsesTOC() bool { return l > LocalEntryClobbers && l < localEntryReserved }

// SetOther returns stOther with its local-entry field replaced by l. Visibility
// and all other bits are kept.
func (l LocalEntry) SetOther(stOther uint8) uint8 {
	return stOther&^localEntryMask | uint8(l)<<localEntryShift&localEntryMask
}
