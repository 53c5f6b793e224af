// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"io"
	"os"
)

const (
	// writeBufSize is how much short output is collected for one write.
	writeBufSize = 64 << 10
	// copyRangeMin is the size in bytes from which a range of the input is passed to
	// copy_file_range(2) instead of write(2).
	copyRangeMin = 64 << 10
	// pageSize is the smallest page size.
	pageSize = 4 << 10
)

// A writer writes the output of an edit. Its position in the input is end; the bytes
// between begin and end have yet to be copied.
type writer struct {
	f          *File
	begin, end uint64
	w          io.Writer
	file       *os.File // w, if the kernel may copy from file to file
	buf        []byte
	written    int64
	err        error
}

func newWriter(f *File, w io.Writer) *writer {
	return &writer{f: f, w: w, buf: make([]byte, 0, writeBufSize)}
}

// write writes the image: the bytes between the splices, and those that they
// insert.
func (m *Image) write(w *writer) error {
	for i := range m.edit.parts {
		p := &m.edit.parts[i]
		w.upTo(p.off)
		copyTo := w.upTo
		size := uint64(0) // of a relocation
		if p.sec > 0 && p.sec < partNew {
			size = uint64(relocSize(w.f.SectionType(p.sec)))
		}
		if p.renum {
			copyTo = func(off uint64) { w.renumber(off, size, m.edit) }
		}
		for k := range p.splices {
			switch s := &p.splices[k]; {
			case s.body:
				copyTo(s.off)
				w.put(m.edit.bodies[s.word].ins)
				w.skip(m.edit.bodies[s.word].del)
			case s.sym: // r_info of an entry whose other fields do not change
				copyTo(s.off - 8)
				w.upTo(s.off)
				w.putWord(s.word, 8)
				w.skip(8)
				w.upTo(s.off - 8 + size)
			default:
				copyTo(s.off)
				w.putWord(s.word, int(s.n))
				w.skip(uint64(s.del))
			}
		}
		copyTo(p.end)
		w.skip(p.trimmed)
		w.putZeros(int(p.shift - p.start - p.grows + int64(p.trimmed)))
	}
	w.upTo(uint64(len(m.f.data)))
	w.copy()
	w.flush()
	return w.err
}

// upTo advances to an offset of the input.
func (w *writer) upTo(off uint64) { w.end = off }

// skip leaves out n bytes of the input.
func (w *writer) skip(n uint64) {
	w.copy()
	w.end += n
	w.begin = w.end
}

// copy writes the input between begin and end.
func (w *writer) copy() {
	n := w.end - w.begin
	if n >= copyRangeMin && w.file != nil && w.err == nil && w.aligned() {
		w.flush()
		var done uint64
		if w.err == nil {
			done, w.err = copyRange(w.file, w.f.src.file, w.begin, n)
		}
		w.written += int64(done)
		w.begin += done
	}
	b := w.f.data[w.begin:w.end]
	w.begin = w.end
	w.add(b)
}

// aligned reports whether the range to copy has the same offset within a page in the
// input and in the output. If not, the kernel, which copies page by page, writes to
// every page of the output twice. That takes half as long again as writing the mapped
// input; otherwise both take equally long.
func (w *writer) aligned() bool {
	at := uint64(w.written) + uint64(len(w.buf))
	return (at-w.begin)%pageSize == 0
}

// put writes b after the input before end.
func (w *writer) put(b []byte) {
	w.copy()
	w.add(b)
}

// putWord adds the first n bytes of a word, little-endian.
func (w *writer) putWord(word uint64, n int) {
	w.copy()
	if len(w.buf)+8 > cap(w.buf) {
		w.flush()
	}
	w.buf = le.AppendUint64(w.buf, word)[:len(w.buf)+n]
}

var zeros [4 << 10]byte

func (w *writer) putZeros(n int) {
	for ; n > 0; n -= len(zeros) {
		w.put(zeros[:min(n, len(zeros))])
	}
}

// renumber advances to an offset of the input, over relocations of size bytes whose
// symbol indices change.
func (w *writer) renumber(off, size uint64, e *Edit) {
	if off == w.end {
		return
	}
	w.copy()
	for w.end < off {
		if uint64(len(w.buf))+size > uint64(cap(w.buf)) {
			w.flush()
		}
		n := min(off-w.end, uint64(cap(w.buf)-len(w.buf))/size*size)
		at := len(w.buf)
		w.buf = append(w.buf, w.f.data[w.end:w.end+n]...)
		e.moveRelas(w.buf[at:], int(size))
		w.end += n
	}
	w.begin = w.end
}

// add adds bytes to the buffer; anything longer than the buffer is written
// directly.
func (w *writer) add(b []byte) {
	if len(b) > cap(w.buf)-len(w.buf) {
		w.flush()
		if len(b) >= cap(w.buf) {
			w.writeOut(b)
			return
		}
	}
	w.buf = append(w.buf, b...)
}

func (w *writer) flush() {
	w.writeOut(w.buf)
	w.buf = w.buf[:0]
}

func (w *writer) writeOut(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	var n int
	n, w.err = w.w.Write(b)
	w.written += int64(n)
}
