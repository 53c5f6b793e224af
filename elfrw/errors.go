// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"errors"
	"fmt"
)

// Sentinels for errors.Is.
var (
	// ErrNotELF64LE is returned for bytes that are not an ELF64 little-endian file.
	ErrNotELF64LE = errors.New("not an ELF64 little-endian file")
	// ErrSigned is returned by Layout when an edit would invalidate the
	// signature that follows the section headers of a kernel module.
	ErrSigned = errors.New("the file carries a module signature that an edit would invalidate")
	// ErrNotRegular is returned for a directory, a FIFO or a device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrChanged is returned when the input is no longer the file that was opened.
	ErrChanged = errors.New("the file was changed by another process while it was read")
)

// A FormatError says what is wrong with a field of the file, and where the
// field is, in bytes from the start of the file.
type FormatError struct {
	Off     uint64 // file offset of the field
	Section string // quoted section name or number, empty for the ELF header
	Field   string // the gABI's name: e_shoff, sh_size, st_name, r_info
	Msg     string
}

// Error implements error.
func (e *FormatError) Error() string {
	if e.Section == "" {
		return fmt.Sprintf("%s at 0x%x: %s", e.Field, e.Off, e.Msg)
	}
	return fmt.Sprintf("section %s: %s at 0x%x: %s", e.Section, e.Field, e.Off, e.Msg)
}

// An ArchiveError says what is wrong with an archive or not supported, and
// where, in bytes from the start of the file.
type ArchiveError struct {
	Off   uint64 // file offset of the field
	Field string // the name in <ar.h>, or a description
	Msg   string
}

// Error implements error.
func (e *ArchiveError) Error() string {
	return fmt.Sprintf("archive: %s at 0x%x: %s", e.Field, e.Off, e.Msg)
}
