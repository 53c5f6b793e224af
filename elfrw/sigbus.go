// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"fmt"
	"runtime/debug"
	"unsafe"
)

// Guard runs fn, which reads the file's bytes. If another process truncates the
// file meanwhile, the lost pages can no longer be read: the kernel sends
// SIGBUS, which would end the process. Guard turns that into an error that
// wraps ErrChanged. fn then stops at that point, but its deferred calls run.
//
// If another process writes to the file, earlier checks may no longer hold: an index
// that is read again may be out of range. So a panic of fn also becomes such an error
// if the file has changed since it was opened. Any other panic is passed on.
//
// It works only for faults in the goroutine that calls Guard. This is the only
// place where a panic is recovered, because a mapped file reports the fault in
// no other way.
func (f *File) Guard(fn func() error) error {
	if f.src == nil {
		return fn()
	}
	return f.src.guard(fn)
}

func (s *source) guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { //nolint:forbidigo // see Guard: there is no other way to catch a fault
			switch {
			case s.isFault(r):
				err = fmt.Errorf("%w: %s was truncated", ErrChanged, s.file.Name())
			case s.written():
				err = fmt.Errorf("%w: %s was written to", ErrChanged, s.file.Name())
			default:
				panic(r)
			}
		}
	}()
	return fn()
}

// isFault reports whether a panic is a memory fault inside the mapping.
func (s *source) isFault(r any) bool {
	fault, ok := r.(interface{ Addr() uintptr })
	if !ok || len(s.data) == 0 {
		return false
	}
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(s.data)))
	return fault.Addr()-begin < uintptr(len(s.data))
}
