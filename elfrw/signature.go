// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"encoding/binary"
)

// A signed kernel module ends in the signature, a struct module_signature and a
// magic string (Linux, include/linux/module_signature.h).
const (
	sigMagic      = "~Module signature appended~\n"
	sigStructSize = 12 // its last four bytes are the signature's size, big-endian
)

// Signed reports whether the file ends in a kernel module's signature.
func (f *File) Signed() bool { return f.signatureSize() > 0 }

// Trailer returns the bytes after the last section and header table.
func (f *File) Trailer() []byte { return f.data[f.end:] }

// signatureSize returns how many bytes at the end of the file belong to a module's
// signature, 0 for none.
func (f *File) signatureSize() uint64 {
	t := f.Trailer()
	if !bytes.HasSuffix(t, []byte(sigMagic)) {
		return 0
	}
	rest := len(t) - len(sigMagic)
	if rest < sigStructSize {
		return uint64(len(sigMagic))
	}
	n := uint64(binary.BigEndian.Uint32(t[rest-4:]))
	return min(n+sigStructSize+uint64(len(sigMagic)), uint64(len(t)))
}
