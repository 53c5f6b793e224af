// SPDX-License-Identifier: BSD-3-Clause

package verify

// A valueKind is what is known about a register.
type valueKind uint8

const (
	unknown  valueKind = iota
	number             // the number n
	memory             // the doubleword at address n
	returnTo           // LR as it was when the code was entered
	heldR2             // r2 as it was when the code was entered, if nothing else is known about it
)

// A value is what a register holds.
type value struct {
	kind valueKind
	n    uint64
}

func numberOf(n uint64) value { return value{number, n} }

// plus adds a number.
func (v value) plus(n int64) value {
	if v.kind != number {
		return value{}
	}
	return numberOf(v.n + uint64(n))
}

// sum adds two numbers.
func (v value) sum(w value) value {
	if w.kind != number {
		return value{}
	}
	return v.plus(int64(w.n))
}

// compute applies f to a number. For any other kind of value, the result is
// unknown.
func (v value) compute(f func(uint64) uint64) value {
	if v.kind != number {
		return value{}
	}
	return numberOf(f(v.n))
}

// A machine is the state of the small interpreter.
type machine struct {
	pc    uint64
	regs  [32]value
	lr    value
	ctr   value
	cr0   value // what was last compared with 0, or unknown
	saved bool  // 24(r1) holds the caller's r2
	stray bool  // something other than r2 was written to the caller's frame
	own   value // the caller's r2
}
