// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"fmt"
	"runtime/debug"
	"unsafe"
)

// Guard runs fn, which reads the file's bytes. If someone else truncates the
// file meanwhile, the pages that went away cannot be read any more: the kernel
// sends SIGBUS, which would end the process. Guard makes an error of it that
// wraps ErrChanged; fn does not run to its end then, its deferred calls do. Any
// other panic goes on its way.
//
// It works for faults in the goroutine that calls Guard. This is the one place
// where a panic is recovered: a mapped file gives no other answer.
func (f *File) Guard(fn func() error) error {
	if f.src == nil {
		return fn()
	}
	return f.src.guard(fn)
}

func (s *source) guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { //nolint:forbidigo // see Guard: a fault has no other answer
			if !s.isFault(r) {
				panic(r)
			}
			err = fmt.Errorf("%w: %s was truncated", ErrChanged, s.file.Name())
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
