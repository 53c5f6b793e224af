// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// maxArSize is the largest size in bytes that fits in ar_size.
const maxArSize = 9_999_999_999

// An ArchiveEdit collects members to replace. Only one goroutine at a time may use
// it.
type ArchiveEdit struct {
	a      *Archive
	images map[int]*Image // by member
}

// Edit returns an empty edit of the archive.
func (a *Archive) Edit() *ArchiveEdit { return &ArchiveEdit{a, map[int]*Image{}} }

// Replace makes the image the content of member i, whose name, date, owner and mode
// stay as they are. It is an error to replace a member twice, or one of a thin archive.
func (e *ArchiveEdit) Replace(i int, m *Image) error {
	switch {
	case e.a.thin:
		return errors.New("the members of a thin archive are files of their own")
	case i < 0 || i >= len(e.a.members):
		return fmt.Errorf("member %d of %d", i, len(e.a.members))
	case e.images[i] != nil:
		return fmt.Errorf("member %d is replaced twice", i)
	case m.size > maxArSize:
		return fmt.Errorf("member %d: a size of %d bytes does not fit in its header", i, m.size)
	}
	e.images[i] = m
	return nil
}

// An ArchiveImage is an archive to write: the input with some members replaced.
type ArchiveImage struct {
	a       *Archive
	images  map[int]*Image // by member
	splices []arSplice     // by offset
	index   []arSymbol     // the index that the output has, if there is one
	size    uint64
}

// An arSplice removes bytes of the archive and inserts others, followed by an
// image.
type arSplice struct {
	off, del uint64
	ins      []byte
	image    *Image // nil: none
	pad      []byte // after the image
}

// Layout decides where everything goes, and brings the symbol index up to date.
//
// The offsets in the index change. The names stay, unless a new member defines
// different global symbols. Then entries of symbols that are gone are removed, and
// new ones are added after the member's other entries.
func (e *ArchiveEdit) Layout() (*ArchiveImage, error) {
	m := &ArchiveImage{a: e.a, images: e.images, size: uint64(len(e.a.file.data))}
	replaced := slices.Sorted(maps.Keys(e.images))
	if len(replaced) == 0 {
		return m, nil
	}
	if err := m.layOutIndex(replaced); err != nil {
		return nil, err
	}
	for _, i := range replaced {
		m.replace(e.a.members[i], e.images[i])
	}
	return m, nil
}

// after returns the offset of the header that follows a content that ends at end.
// Padding makes it even.
func (a *Archive) after(end uint64) uint64 { return min(end+end&1, uint64(len(a.file.data))) }

// grows returns by how many bytes an image is longer than the content that it
// replaces.
func (a *Archive) grows(p arPart, size uint64) int64 {
	return int64(size+size&1) - int64(a.after(p.end)-p.begin)
}

// replace adds the splices for a member.
func (m *ArchiveImage) replace(old arMember, image *Image) {
	m.resize(old.data, image.size)
	next := m.a.after(old.data.end)
	s := arSplice{off: old.data.begin, del: next - old.data.begin, image: image}
	if image.size%2 != 0 {
		s.pad = []byte("\n")
		if next > old.data.end {
			s.pad = m.a.file.data[old.data.end:next]
		}
	}
	m.splices = append(m.splices, s)
}

// resize adds the splice for ar_size in the header of a content.
func (m *ArchiveImage) resize(p arPart, size uint64) {
	m.size += uint64(m.a.grows(p, size))
	if size != p.size() {
		text := fmt.Appendf(nil, "%-*d", arSizeSize, size)
		m.splices = append(m.splices, arSplice{off: p.begin - arHeaderSize + arSize, del: arSizeSize, ins: text})
	}
}

// Size returns the size of the output in bytes.
func (m *ArchiveImage) Size() int64 { return int64(m.size) }

// Unchanged reports whether the output is the input.
func (m *ArchiveImage) Unchanged() bool { return len(m.images) == 0 }

// WriteTo writes the output to w. It returns the number of bytes written, and w's error
// if there is one.
func (m *ArchiveImage) WriteTo(w io.Writer) (int64, error) {
	out := newWriter(m.a.file, w)
	err := m.write(out)
	return out.written, err
}

func (m *ArchiveImage) write(w *writer) error {
	for i := range m.splices {
		s := &m.splices[i]
		w.upTo(s.off)
		w.put(s.ins)
		if s.image != nil {
			w.putImage(s.image)
		}
		w.put(s.pad)
		w.skip(s.del)
	}
	w.upTo(uint64(len(m.a.file.data)))
	w.copy()
	w.flush()
	return w.err
}

// putImage adds an image of another file after the bytes before end.
func (w *writer) putImage(m *Image) {
	w.copy()
	if w.err != nil {
		return
	}
	in := &writer{f: m.f, w: w.w, buf: w.buf, written: w.written}
	w.err = m.write(in)
	w.buf, w.written = in.buf, in.written
}

// WriteTemp is [Image.WriteTemp] for an archive. The archive read back must
// have the members of the input, except those that were replaced; otherwise WriteTemp
// fails and leaves nothing.
func (m *ArchiveImage) WriteTemp(path string, like os.FileInfo, check func(*Archive) error) (*Temp, error) {
	f := m.a.file
	write := func(out *os.File) error { return m.write(newFileWriter(f, out)) }
	return f.writeTemp(path, like, write, func(out *os.File) error {
		return remap(out, m.size, func(data []byte) error {
			a, err := NewArchive(data)
			if err != nil {
				return fmt.Errorf("the output cannot be read back: %w", err)
			}
			if err := m.compare(a); err != nil {
				return err
			}
			if check == nil {
				return nil
			}
			return check(a)
		})
	})
}

// compare compares what was written with the input, except where it had to
// change.
func (m *ArchiveImage) compare(out *Archive) error {
	if out.NumMembers() != m.a.NumMembers() {
		return fmt.Errorf("the output has %d members, the input %d", out.NumMembers(), m.a.NumMembers())
	}
	for i := range out.NumMembers() {
		was, is := m.a.Member(i), out.Member(i)
		if was.Name != is.Name || !bytes.Equal(was.Header[:arSize], is.Header[:arSize]) {
			return fmt.Errorf("member %d: the output has another header", i)
		}
		if m.images[i] == nil && !bytes.Equal(was.Data, is.Data) {
			return fmt.Errorf("member %d: the output has other bytes", i)
		}
	}
	if !m.Unchanged() {
		return m.compareIndex(out)
	}
	return nil
}

var _ io.WriterTo = (*ArchiveImage)(nil)
