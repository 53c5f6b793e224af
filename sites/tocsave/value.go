// SPDX-License-Identifier: BSD-3-Clause

package tocsave

// kind says what is known about a general register.
type kind uint8

const (
	other    kind = iota // not derived from r1
	number               // the number off
	at                   // exactly off bytes from an origin
	may                  // at, or other
	anywhere             // possibly derived from r1
)

// An origin is a value that r1 once had. Offsets from different origins cannot
// be compared.
type origin uint32

const (
	entrySP origin = 0 // r1 at the function's entry

	// The others are a place, in words from the function's start, times 4, plus:
	madeSP   origin = 1 // r1 as set by the instruction there: a new frame of unknown size
	lostSP   origin = 2 // r1 as set by the instruction there, at an unknown position
	joinedSP origin = 3 // r1 at the start of the block there, if paths disagree
)

func originAt(word uint32, class origin) origin { return origin(word)<<2 | class }

func (o origin) class() origin { return o & 3 }

// value is what is known about a general register.
type value struct {
	kind   kind
	origin origin // of at and may
	off    int32  // bytes, of number, at and may
}

// aliases reports whether the value may be an address in the stack derived from
// r1.
func (v value) aliases() bool { return v.kind >= at }

// maxOffset limits the offsets that are tracked; no stack is larger.
const maxOffset = 1 << 30

func numberOf(n int64) value {
	if n <= -maxOffset || n >= maxOffset {
		return value{}
	}
	return value{kind: number, off: int32(n)}
}

// plus returns the sum of two registers, or of a register and a displacement.
func (v value) plus(w value) value {
	if v.kind == number {
		v, w = w, v
	}
	switch {
	case w.kind != number:
		if v.aliases() || w.aliases() {
			return value{kind: anywhere}
		}
		return value{}
	case v.kind == number:
		return numberOf(int64(v.off) + int64(w.off))
	case v.kind == at, v.kind == may:
		n := int64(v.off) + int64(w.off)
		if n <= -maxOffset || n >= maxOffset {
			return value{kind: anywhere}
		}
		v.off = int32(n)
	}
	return v
}

// join returns what is known where two paths meet.
func (v value) join(w value) value {
	switch {
	case v == w:
		return v
	case v.kind == anywhere || w.kind == anywhere:
		return value{kind: anywhere}
	case !v.aliases() && !w.aliases():
		return value{}
	case !v.aliases():
		w.kind = may
		return w
	case !w.aliases():
		v.kind = may
		return v
	case v.origin != w.origin || v.off != w.off:
		return value{kind: anywhere}
	}
	v.kind = may // on one of the paths
	return v
}
