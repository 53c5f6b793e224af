// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The first bytes of an archive, and those of a thin one.
const (
	arMagic     = "!<arch>\n"
	arThinMagic = "!<thin>\n"
)

// The header of a member is text (<ar.h>): each field has a fixed length and is
// padded with spaces.
const (
	arHeaderSize = 60
	arNameSize   = 16 // ar_name; ar_date, ar_uid, ar_gid and ar_mode follow it
	arSize       = 48 // offset of ar_size
	arSizeSize   = 10
	arFmag       = 58 // offset of ar_fmag, the last field
	arFmagText   = "`\n"
)

// An Archive is a read-only view of an ar archive in the System V form, which GNU
// ar and llvm-ar write for ELF. Several goroutines may use it at the same time;
// only Close must not overlap any other use.
type Archive struct {
	file    *File // the archive's bytes and their source; it has no sections
	thin    bool
	members []arMember
	names   arPart // the table of long names, "//"
	index   arIndex
}

// An arPart is the content of a member, as offsets in the file. The zero arPart
// stands for none.
type arPart struct{ begin, end uint64 }

func (p arPart) size() uint64 { return p.end - p.begin }

// An arMember is a member that is neither the index nor the table of long names.
type arMember struct {
	head uint64 // of its header
	data arPart // empty in a thin archive
}

// A Member is a file in an archive. Its slices share the archive's memory and
// must not be written to.
type Member struct {
	// Name is the member's name. In a thin archive it is the path of a file,
	// relative to the directory of the archive unless it is absolute.
	Name   string
	Offset uint64 // of its header in the archive, in bytes
	Header []byte // name, date, owner, mode and size, as stored: 60 bytes
	Data   []byte // the file; nil in a thin archive
	// Origin is not 0 if, in a thin archive, Name is itself an archive that
	// contains the file. It is then the offset in bytes of the file's header
	// there.
	Origin uint64
}

// IsArchive reports whether a file that begins with head is an archive, thin or
// not.
func IsArchive(head []byte) bool {
	return bytes.HasPrefix(head, []byte(arMagic)) || bytes.HasPrefix(head, []byte(arThinMagic))
}

// OpenArchive maps a regular file and checks the headers of all members, and the
// symbol index. The caller must Close it. The error is that of NewArchive or of
// the system, or wraps ErrNotRegular.
func OpenArchive(path string) (*Archive, error) {
	src, err := openSource(path)
	if err != nil {
		return nil, err
	}
	var a *Archive
	if err := src.guard(func() (err error) { a, err = NewArchive(src.data); return err }); err != nil {
		src.close()
		return nil, err
	}
	a.file.src = src
	return a, nil
}

// NewArchive makes an Archive from bytes in memory, which must not change while
// it is in use. The error is an *ArchiveError. BSD and macOS archives are also
// an error.
func NewArchive(data []byte) (*Archive, error) {
	if !IsArchive(data) {
		return nil, &ArchiveError{Off: 0, Field: "magic", Msg: "is not that of an archive"}
	}
	a := &Archive{file: &File{data: data}, thin: string(data[:len(arMagic)]) == arThinMagic}
	for off := uint64(len(arMagic)); off < uint64(len(data)); {
		end, err := a.readHeader(off)
		if err != nil {
			return nil, err
		}
		off = end + end&1 // headers are at even offsets
	}
	return a, a.checkIndex()
}

// Close unmaps the archive. No slice that came from it may be used afterwards.
func (a *Archive) Close() error { return a.file.Close() }

// Changed is [File.Changed] for the archive.
func (a *Archive) Changed() error { return a.file.Changed() }

// Info describes the archive at the time when it was opened; nil for bytes in memory.
func (a *Archive) Info() os.FileInfo { return a.file.Info() }

// Guard is [File.Guard] for the archive. A File made from the Data of a member
// has no guard of its own.
func (a *Archive) Guard(fn func() error) error { return a.file.Guard(fn) }

// Thin reports whether the members are files of their own.
func (a *Archive) Thin() bool { return a.thin }

// NumMembers returns the number of members. The symbol index and the table of
// long names do not count.
func (a *Archive) NumMembers() int { return len(a.members) }

// Member returns member i, 0 <= i < NumMembers, in the order of the archive.
func (a *Archive) Member(i int) Member {
	m := a.members[i]
	h := a.file.data[m.head:][:arHeaderSize:arHeaderSize]
	out := Member{Offset: m.head, Header: h}
	out.Name, out.Origin, _ = a.name(h) // which readHeader has checked
	if !a.thin {
		out.Data = a.file.data[m.data.begin:m.data.end:m.data.end]
	}
	return out
}

// memberAt returns the member whose header is at an offset.
func (a *Archive) memberAt(off uint64) (int, bool) {
	return slices.BinarySearchFunc(a.members, off, func(m arMember, off uint64) int { return cmp.Compare(m.head, off) })
}

func arBad(off uint64, field, format string, v ...any) error {
	return &ArchiveError{Off: off, Field: field, Msg: fmt.Sprintf(format, v...)}
}

// readHeader reads the header at an offset and returns where the member's
// content ends.
func (a *Archive) readHeader(off uint64) (end uint64, err error) {
	rest := a.file.data[off:]
	if len(rest) < arHeaderSize {
		return 0, arBad(off, "header", "0x%x bytes are left, want 0x%x", len(rest), arHeaderSize)
	}
	h := rest[:arHeaderSize]
	if got := string(h[arFmag:]); got != arFmagText {
		return 0, arBad(off+arFmag, "ar_fmag", "is %q, want %q", got, arFmagText)
	}
	text := strings.TrimRight(string(h[arSize:arFmag]), " ")
	size, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, arBad(off+arSize, "ar_size", "%q is not a decimal number", text)
	}
	content := func() (arPart, error) {
		if left := uint64(len(rest) - arHeaderSize); size > left {
			return arPart{}, arBad(off+arSize, "ar_size", "is %d, but only %d bytes follow", size, left)
		}
		return arPart{off + arHeaderSize, off + arHeaderSize + size}, nil
	}
	switch raw := strings.TrimRight(string(h[:arNameSize]), " "); {
	case raw == "/" || raw == "/SYM64/":
		if len(a.members) > 0 || a.HasIndex() || a.names.begin != 0 {
			return 0, arBad(off, "ar_name", "%q, a symbol index, is not the first member", raw)
		}
		a.index.width = 4
		if raw != "/" {
			a.index.width = 8
		}
		a.index.part, err = content()
		return a.index.part.end, err
	case raw == "//":
		if a.names.begin != 0 {
			return 0, arBad(off, "ar_name", "%q, a table of long names, comes twice", raw)
		}
		a.names, err = content()
		return a.names.end, err
	case strings.HasPrefix(raw, "#1/"), strings.HasPrefix(raw, "__.SYMDEF"):
		return 0, arBad(off, "ar_name", "is %q: BSD archives are not supported; want a GNU archive", raw)
	}
	if _, _, err := a.name(h); err != nil {
		return 0, arBad(off, "ar_name", "%v", err)
	}
	m := arMember{head: off}
	end = off + arHeaderSize
	if !a.thin {
		if m.data, err = content(); err != nil {
			return 0, err
		}
		end = m.data.end
	}
	a.members = append(a.members, m)
	return end, nil
}

// name returns the name of the member with this header, and for a thin archive the
// offset that may follow it.
func (a *Archive) name(h []byte) (name string, origin uint64, err error) {
	raw := strings.TrimRight(string(h[:arNameSize]), " ")
	if digits, long := strings.CutPrefix(raw, "/"); long {
		// GNU ar leaves the slash of a name of 15 characters there in a thin archive.
		if len(raw) == arNameSize {
			digits = strings.TrimRight(strings.TrimSuffix(digits, "/"), " ")
		}
		digits, nested, isNested := strings.Cut(digits, ":")
		if isNested {
			if origin, err = strconv.ParseUint(nested, 10, 64); err != nil || !a.thin || origin == 0 {
				return "", 0, fmt.Errorf("%q is no name", raw)
			}
		}
		at, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return "", 0, fmt.Errorf("%q is no name", raw)
		}
		if at >= a.names.size() {
			return "", 0, fmt.Errorf("is %q, but the table of long names has 0x%x bytes", raw, a.names.size())
		}
		line, _, ok := bytes.Cut(a.file.data[a.names.begin+at:a.names.end], []byte("\n"))
		if !ok {
			return "", 0, fmt.Errorf("is %q, where the table of long names has no end of a line", raw)
		}
		raw = string(line)
	}
	name = strings.TrimSuffix(raw, "/")
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return "", 0, fmt.Errorf("%q is no name", raw)
	}
	return name, origin, nil
}
