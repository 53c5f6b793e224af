// SPDX-License-Identifier: BSD-3-Clause

// Package kind sorts errors into a few kinds, each with one remedy. The name of
// a kind does not change; scpatch prints it with the message and explains it.
//
// An error gets its kind where it is made ([Kind.Errorf]), or from the step of
// the pipeline that returns it ([Kind.Wrap]). Errors of package elfrw and of
// the system already have types; [Of] knows these.
package kind

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/scpatch/scpatch/elfrw"
)

// A Kind is a kind of error.
type Kind uint8

// None is of no error, or of one that nothing is known of. Then come the kinds of
// the command line; of files that cannot be read, or may not be written; of files that are not
// for scpatch; of those that contradict themselves, or what was asked for; and of
// what a verification finds.
const (
	None Kind = iota
	BadUsage

	NoSuchFile
	PermissionDenied
	NotRegular
	IOError
	NotAPage
	FileChanged
	Interrupted

	NotELF64LE
	Archive
	LTOObject
	UnreadRelocations
	WrongMachine
	WrongType
	WrongOption
	SignedModule
	BadListing

	BadELF
	BadCall
	BadKey
	BadTable
	BadRecord
	BadStub
	AlreadyPatched
	RequiredForm
	CannotEdit
	NotAsPlanned

	NothingKnown
	NoTable
	NotListed
	NotPatched
	WrongCall
	WrongEntry
	R2Lost
	R2NotSaved
)

var names = [...]string{
	BadUsage:          "bad-usage",
	NoSuchFile:        "no-such-file",
	PermissionDenied:  "permission-denied",
	NotRegular:        "not-regular",
	IOError:           "io-error",
	NotAPage:          "not-a-page",
	FileChanged:       "file-changed",
	Interrupted:       "interrupted",
	NotELF64LE:        "not-elf64le",
	Archive:           "archive",
	LTOObject:         "lto-object",
	UnreadRelocations: "unread-relocations",
	WrongMachine:      "wrong-machine",
	WrongType:         "wrong-type",
	WrongOption:       "wrong-option",
	SignedModule:      "signed-module",
	BadListing:        "bad-listing",
	BadELF:            "bad-elf",
	BadCall:           "bad-call",
	BadKey:            "bad-key",
	BadTable:          "bad-table",
	BadRecord:         "bad-record",
	BadStub:           "bad-stub",
	AlreadyPatched:    "already-patched",
	RequiredForm:      "required-form",
	CannotEdit:        "cannot-edit",
	NotAsPlanned:      "not-as-planned",
	NothingKnown:      "nothing-known",
	NoTable:           "no-table",
	NotListed:         "not-listed",
	NotPatched:        "not-patched",
	WrongCall:         "wrong-call",
	WrongEntry:        "wrong-entry",
	R2Lost:            "r2-lost",
	R2NotSaved:        "r2-not-saved",
}

// All lists all kinds.
func All() []Kind {
	list := make([]Kind, 0, len(names))
	for k := None + 1; int(k) < len(names); k++ {
		list = append(list, k)
	}
	return list
}

// String is the name of the kind; empty for None.
func (k Kind) String() string { return names[k] }

// IO reports whether the system or a signal is at fault, and not what is in the
// file.
func (k Kind) IO() bool { return k >= NoSuchFile && k <= Interrupted }

// An Error is an error of a kind. Its text is that of what it wraps.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of the kind.
func (k Kind) Errorf(format string, a ...any) error {
	return &Error{k, fmt.Errorf(format, a...)}
}

// Wrap gives the kind to an error that has none yet.
func (k Kind) Wrap(err error) error {
	if err == nil || Of(err) != None {
		return err
	}
	return &Error{k, err}
}

// Of is the kind of an error, None where nothing says what it is.
func Of(err error) Kind {
	var known *Error
	var format *elfrw.FormatError
	switch {
	case errors.As(err, &known):
		return known.Kind
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, elfrw.ErrChanged):
		return FileChanged
	case errors.Is(err, elfrw.ErrNotRegular):
		return NotRegular
	case errors.Is(err, elfrw.ErrNotELF64LE):
		return NotELF64LE
	case errors.Is(err, elfrw.ErrSigned):
		return SignedModule
	case errors.As(err, &format):
		return BadELF
	case !bySystem(err):
		return None
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return NoSuchFile
	case errors.Is(err, fs.ErrPermission):
		return PermissionDenied
	}
	return IOError
}

// bySystem reports whether an error came from a call of the system.
func bySystem(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	var errno syscall.Errno
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &call) || errors.As(err, &errno)
}

// Printable returns a name as it stands in a message: quoted, if it is not plain
// text and could forge output.
func Printable(name string) string {
	if q := strconv.Quote(name); q[1:len(q)-1] != name {
		return q
	}
	return name
}
