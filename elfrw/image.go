// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"fmt"
	"io"
)

// An Image is a file to write: the input with the edit's splices.
type Image struct {
	f    *File
	edit *Edit
	size uint64
}

// newImage returns the image of an edit that has been laid out.
func newImage(e *Edit) *Image {
	m := &Image{f: e.f, edit: e, size: uint64(len(e.f.data))}
	for i := range e.parts {
		p := &e.parts[i]
		m.size += uint64(p.shift - p.start)
		if p.sec == partSignature {
			m.size -= p.end - p.off
		}
	}
	return m
}

// Size returns the size of the output in bytes.
func (m *Image) Size() int64 { return int64(m.size) }

// Unchanged reports whether the output is the input.
func (m *Image) Unchanged() bool { return len(m.edit.parts) == 0 }

// WriteTo writes the output to w. It returns the number of bytes written, and w's error
// if there is one.
func (m *Image) WriteTo(w io.Writer) (int64, error) {
	out := newWriter(m.f, w)
	err := m.write(out)
	return out.written, err
}

// Check compares what was written with the image. The error says by how much their sizes
// differ, or where their bytes do first, as an offset in the file.
func (m *Image) Check(out []byte) error {
	if uint64(len(out)) != m.size {
		return fmt.Errorf("the output has %d bytes, not the planned %d", len(out), m.size)
	}
	c := &comparer{rest: out}
	if _, err := m.WriteTo(c); err != nil {
		return fmt.Errorf("the output differs from the plan at 0x%x", len(out)-len(c.rest))
	}
	return nil
}

// A comparer is a writer that accepts only the expected bytes.
type comparer struct{ rest []byte }

func (c *comparer) Write(b []byte) (n int, err error) {
	n = len(b)
	if !bytes.HasPrefix(c.rest, b) {
		err = io.ErrShortWrite
		n = 0
		for n < len(c.rest) && c.rest[n] == b[n] {
			n++
		}
	}
	c.rest = c.rest[n:]
	return n, err
}
