// SPDX-License-Identifier: BSD-3-Clause

package ppc64

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels for errors.Is.
var (
	// ErrMisaligned: an instruction's offset or a branch displacement is not a
	// multiple of 4.
	ErrMisaligned = errors.New("not a multiple of 4")
	// ErrTruncated: the code ends inside an instruction.
	ErrTruncated = errors.New("past the end of the code")
	// ErrRange: a displacement does not fit its field.
	ErrRange = errors.New("out of range")
	// ErrReserved: a field holds a value that its standard reserves.
	ErrReserved = errors.New("reserved value")
)

// OffsetError says that there is no complete instruction at an offset.
type OffsetError struct {
	Off uint64 // byte offset from the start of the code
	Len int    // length of the code in bytes
	Err error  // ErrMisaligned or ErrTruncated
}

// Error implements error.
func (e *OffsetError) Error() string {
	return fmt.Sprintf("instruction at offset %#x of %#x bytes: %v", e.Off, e.Len, e.Err)
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *OffsetError) Unwrap() error { return e.Err }

// DisplacementError says that a displacement cannot be encoded.
type DisplacementError struct {
	Disp int64 // bytes
	Bits uint  // size of the signed field, with the two zero bits of a branch
	Err  error // ErrMisaligned or ErrRange
}

// Error implements error.
func (e *DisplacementError) Error() string {
	return fmt.Sprintf("displacement %#x in a signed field of %d bits: %v", e.Disp, e.Bits, e.Err)
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *DisplacementError) Unwrap() error { return e.Err }

// NotBranchError says that a word is not an I-form or B-form branch.
type NotBranchError struct {
	Got Word
}

// Error implements error.
func (e *NotBranchError) Error() string { return fmt.Sprintf("expected a branch, found %v", e.Got) }

// LocalEntryError says that an st_other byte has the reserved local-entry
// value.
type LocalEntryError struct {
	Other uint8 // the whole st_other byte
}

// Error implements error.
func (e *LocalEntryError) Error() string {
	return fmt.Sprintf("local entry bits of st_other %#02x: %v", e.Other, ErrReserved)
}

// Unwrap returns ErrReserved, for errors.Is and errors.As.
func (e *LocalEntryError) Unwrap() error { return ErrReserved }

// UnexpectedWordError says that a word to be replaced is not one of those that
// the replacement expects.
type UnexpectedWordError struct {
	Off  uint64 // byte offset from the start of the code
	Got  Word
	Want []Word
}

// Error implements error.
func (e *UnexpectedWordError) Error() string {
	want := "no word at all"
	if len(e.Want) > 0 {
		texts := make([]string, len(e.Want))
		for i, w := range e.Want {
			texts[i] = w.String()
		}
		want = strings.Join(texts, " or ")
	}
	return fmt.Sprintf("offset %#x: expected %s, found %v", e.Off, want, e.Got)
}
