// SPDX-License-Identifier: BSD-3-Clause

// Package errkind sorts errors into a few kinds, each with one remedy. The name
// of a kind never changes; scpatch prints it with the message and can explain
// it.
//
// An error gets its kind where it is created ([Kind.Errorf]), or from the step
// of the pipeline that returns it ([Kind.Wrap]). Errors of package elfrw and of
// the system already have types; [Of] knows these.
package errkind

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

// A Kind is a kind of error. Each has a short name that does not change.
type Kind uint8

// The kinds. docs/messages.md explains each at length, under its name.
const (
	None Kind = iota // no error, or an error of no known kind

	// The command line.
	BadUsage // the command line is wrong

	// Files that cannot be read, or may not be written.
	NoSuchFile       // there is no file of that name
	PermissionDenied // the file, or the directory of the output, may not be read or written
	NotRegular       // the file is a directory, a FIFO or a device
	IOError          // the system could not read or write
	NotAPage         // the file that --html names exists, and is not a page
	FileChanged      // another program wrote to the file, or replaced it, while scpatch worked on it
	Interrupted      // a signal came before the file was done

	// Files that scpatch cannot patch, and options that do not fit a file.
	NotELF64LE        // the file is not a 64-bit little-endian ELF file
	Archive           // the file is an archive (ar) that is damaged, or in a form that scpatch does not read
	LTOObject         // the file was compiled with -flto
	UnreadRelocations // relocations of loaded code or data are in a format that scpatch does not read
	WrongMachine      // the file is for another processor, or for an ABI other than ELFv2
	WrongType         // the file is linked, stripped, or not an object at all
	WrongOption       // an option does not fit the file
	SignedModule      // the file is a signed kernel module that would change
	BadListing        // the input of scpatch compare is not output of scpatch list --json

	// Files that contradict themselves or the request.
	BadELF         // the file contradicts itself or the generic ABI
	BadCall        // a relocation against a trampoline is on something that is not a call
	BadKey         // a key is not what a key can be
	BadTable       // a table of sites is damaged, or contradicts the code
	BadRecord      // scpatch's record of the sites is damaged, or contradicts the code
	BadStub        // a stub between a site and its key is not what a stub must be
	AlreadyPatched // a site has left its trampoline, and is not what scpatch would make of it now
	RequiredForm   // a site has a form that --require does not name
	CannotEdit     // the file is sound, but scpatch cannot add what it needs to
	NotAsPlanned   // what was written is not what was planned

	// Errors that only scpatch verify finds.
	NothingKnown // the file may have static calls, and nothing says what was done with them
	NoTable      // a kernel image has trampolines, but no entry in a table of sites
	NotListed    // a call that must be in a table of sites is in none
	NotPatched   // a call goes to a trampoline, and nothing says that scpatch meant to leave it there
	WrongCall    // a site does not do what its key says
	WrongEntry   // a function is entered without what it needs to find its TOC pointer
	R2Lost       // a call may return with another r2, and nothing restores it
	R2NotSaved   // r2 is restored from a place where nothing has saved it
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

// All returns all kinds except None, in the order of their constants.
func All() []Kind {
	list := make([]Kind, 0, len(names))
	for k := None + 1; int(k) < len(names); k++ {
		list = append(list, k)
	}
	return list
}

// String returns the name of the kind, such as "bad-call", or "" for None.
func (k Kind) String() string { return names[k] }

// IO reports whether the cause is the system or a signal, not the content of
// the file.
func (k Kind) IO() bool { return k >= NoSuchFile && k <= Interrupted }

// An Error is an error with a kind. Its text is that of the error that it
// wraps.
type Error struct {
	Kind Kind
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of the kind, with the text of fmt.Errorf.
func (k Kind) Errorf(format string, a ...any) error {
	return &Error{k, fmt.Errorf(format, a...)}
}

// Wrap returns err with the kind, or err itself if it is nil or has a kind
// already.
func (k Kind) Wrap(err error) error {
	if err == nil || Of(err) != None {
		return err
	}
	return &Error{k, err}
}

// Of returns the kind of an error, or None if it is not known.
func Of(err error) Kind {
	var known *Error
	var format *elfrw.FormatError
	var archive *elfrw.ArchiveError
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
	case errors.As(err, &archive):
		return Archive
	case !bySystem(err):
		return None
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return NoSuchFile
	case errors.Is(err, fs.ErrPermission):
		return PermissionDenied
	}
	return IOError
}

// bySystem reports whether an error came from a system call.
func bySystem(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	var errno syscall.Errno
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &call) || errors.As(err, &errno)
}

// Printable returns a name for a message. It quotes names that are not plain
// text, because they could forge output.
func Printable(name string) string {
	if q := strconv.Quote(name); q[1:len(q)-1] != name {
		return q
	}
	return name
}
