// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"errors"
	"fmt"

	"github.com/scpatch/scpatch/ppc64"
)

// Sentinels for errors.Is.
var (
	// ErrUnknownType: ELFv2 does not define the relocation type.
	ErrUnknownType = errors.New("unknown relocation type")
	// ErrNoField: the relocation type is a marker, which has no value.
	ErrNoField = errors.New("relocation type without a field")
	// ErrTruncated: the field reaches past the end of the section.
	ErrTruncated = errors.New("past the end of the section")
	// ErrRange: the value does not fit the field.
	ErrRange = errors.New("out of range")
	// ErrAlign: the value has low bits that the field cannot hold.
	ErrAlign = errors.New("misaligned value")
	// ErrForm: the instruction at the offset has no such field.
	ErrForm = errors.New("wrong instruction")
)

// RangeError says that a value is outside the range of its relocation type.
type RangeError struct {
	Off      uint64 // byte offset of the field
	Type     uint32
	Value    int64
	Min, Max int64 // the values that the type allows
}

// Error implements error.
func (e *RangeError) Error() string {
	return fmt.Sprintf("offset %#x: %s: value %#x %v: allowed are %#x to %#x",
		e.Off, Name(e.Type), e.Value, ErrRange, e.Min, e.Max)
}

// Unwrap returns ErrRange, for errors.Is and errors.As.
func (e *RangeError) Unwrap() error { return ErrRange }

// AlignError says that a value is not a multiple of what its field requires.
type AlignError struct {
	Off   uint64 // byte offset of the field
	Type  uint32
	Value int64
	Align int64 // 4, or 16 for a DQ-form instruction
}

// Error implements error.
func (e *AlignError) Error() string {
	return fmt.Sprintf("offset %#x: %s: %v %#x: not a multiple of %d",
		e.Off, Name(e.Type), ErrAlign, e.Value, e.Align)
}

// Unwrap returns ErrAlign, for errors.Is and errors.As.
func (e *AlignError) Unwrap() error { return ErrAlign }

// FormError says that the word at an offset does not have the instruction form
// that the relocation type needs.
type FormError struct {
	Off  uint64 // byte offset of the instruction
	Type uint32
	Got  ppc64.Word
}

// Error implements error.
func (e *FormError) Error() string {
	return fmt.Sprintf("offset %#x: %s: %v %v", e.Off, Name(e.Type), ErrForm, e.Got)
}

// Unwrap returns ErrForm, for errors.Is and errors.As.
func (e *FormError) Unwrap() error { return ErrForm }

// InsertError says why no value at all can be inserted at an offset.
type InsertError struct {
	Off  uint64 // byte offset of the field
	Type uint32
	Len  int   // length of the section in bytes
	Err  error // ErrUnknownType, ErrNoField, ErrTruncated or a *ppc64.OffsetError
}

// Error implements error.
func (e *InsertError) Error() string {
	return fmt.Sprintf("offset %#x of %#x bytes: %s: %v", e.Off, e.Len, Name(e.Type), e.Err)
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *InsertError) Unwrap() error { return e.Err }
