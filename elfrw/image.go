// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// An Image is a file to write: pieces of the input and new bytes, in order.
type Image struct {
	f      *File
	pieces []piece
	size   uint64
	added  uint32 // how far the indices of global symbols move
}

// A piece is n bytes.
type piece struct {
	kind   pieceKind
	src, n uint64
	lit    []byte
}

type pieceKind uint8

const (
	pieceCopy  pieceKind = iota // of the input, at src
	pieceRenum                  // likewise, but RELA entries with symbols to renumber
	pieceLit                    // lit
	pieceZero                   // zeros
)

// writeBufSize is how much of what is short is gathered for one write.
const writeBufSize = 64 << 10

// newImage cuts the input at the splices. Without a layout nothing changes.
func newImage(f *File, l *layout) *Image {
	m := &Image{f: f}
	pos := uint64(0)
	if l != nil {
		n := 1
		for i := range l.parts {
			n += 2 * (len(l.parts[i].splices) + 1)
		}
		m.pieces = make([]piece, 0, n)
		m.added = uint32(len(l.locals))
		for i := range l.parts {
			pos = m.addPart(&l.parts[i], pos)
		}
	}
	m.add(piece{kind: pieceCopy, src: pos, n: uint64(len(f.data)) - pos})
	for i := range m.pieces {
		m.size += m.pieces[i].n
	}
	return m
}

// addPart adds what lies between pos and the part, and the part. It returns how
// far it came in the input.
func (m *Image) addPart(p *part, pos uint64) uint64 {
	m.add(piece{kind: pieceCopy, src: pos, n: p.off - pos})
	kind := pieceCopy
	if p.renum {
		kind = pieceRenum
	}
	pos = p.off
	for i := range p.splices {
		s := &p.splices[i]
		m.add(piece{kind: kind, src: pos, n: s.off - pos})
		m.add(piece{kind: pieceLit, n: uint64(len(s.ins)), lit: s.ins})
		pos = s.off + s.del
	}
	m.add(piece{kind: kind, src: pos, n: p.end - pos})
	m.add(piece{kind: pieceZero, n: uint64(int64(p.shift-p.start) - p.grows)})
	return p.end
}

// add adds a piece, or makes the last one longer.
func (m *Image) add(p piece) {
	if p.n == 0 {
		return
	}
	if k := len(m.pieces) - 1; k >= 0 && p.kind == pieceCopy {
		if last := &m.pieces[k]; last.kind == pieceCopy && last.src+last.n == p.src {
			last.n += p.n
			return
		}
	}
	m.pieces = append(m.pieces, p)
}

// Size returns the size of the output in bytes.
func (m *Image) Size() int64 { return int64(m.size) }

// Unchanged reports whether the output is the input.
func (m *Image) Unchanged() bool {
	return m.size == uint64(len(m.f.data)) && len(m.pieces) == 1 && m.pieces[0].kind == pieceCopy
}

// WriteTo writes the output to w.
func (m *Image) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	out := bufio.NewWriterSize(count, writeBufSize)
	for i := range m.pieces {
		if err := m.writePiece(out, &m.pieces[i]); err != nil {
			return count.n, err
		}
	}
	err := out.Flush()
	return count.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

var zeros [4 << 10]byte

func (m *Image) writePiece(w io.Writer, p *piece) error {
	var err error
	switch p.kind {
	case pieceCopy:
		_, err = w.Write(m.f.data[p.src : p.src+p.n])
	case pieceRenum:
		err = m.writeRenumbered(w, m.f.data[p.src:p.src+p.n])
	case pieceLit:
		_, err = w.Write(p.lit)
	case pieceZero:
		for n := p.n; n > 0 && err == nil; {
			k := min(n, uint64(len(zeros)))
			_, err = w.Write(zeros[:k])
			n -= k
		}
	}
	return err
}

// writeRenumbered writes RELA entries through a small buffer.
func (m *Image) writeRenumbered(w io.Writer, rela []byte) error {
	var buf [128 * relaSize]byte
	first := m.f.symtab.Info
	for len(rela) > 0 {
		b := buf[:copy(buf[:], rela)]
		rela = rela[len(b):]
		for r := b; len(r) >= relaSize; r = r[relaSize:] {
			if sym := le.Uint32(r[12:]); sym >= first {
				le.PutUint32(r[12:], sym+m.added)
			}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Check holds what was written against what was to be written: the size and
// every byte that is not a plain copy of the input.
func (m *Image) Check(out []byte) error {
	if uint64(len(out)) != m.size {
		return fmt.Errorf("the output has %d bytes, planned were %d", len(out), m.size)
	}
	pos, same := uint64(0), &comparer{}
	for i := range m.pieces {
		p := &m.pieces[i]
		same.rest = out[pos : pos+p.n]
		if p.kind != pieceCopy && m.writePiece(same, p) != nil {
			return fmt.Errorf("the output differs from the plan in the %d bytes at 0x%x", p.n, pos)
		}
		pos += p.n
	}
	return nil
}

// A comparer accepts the bytes that it expects.
type comparer struct{ rest []byte }

func (c *comparer) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(c.rest, b) {
		return 0, io.ErrShortWrite
	}
	c.rest = c.rest[len(b):]
	return len(b), nil
}
