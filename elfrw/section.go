// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"fmt"
	"iter"
	"strconv"
)

// A Section is a view of one section header: a small value, decoded on demand.
// Offsets and sizes are in bytes.
type Section struct {
	f     *File
	Index int // in the section header table, after extended numbering
	elf.Section64
}

// NumSections returns the number of section headers, including the null one.
func (f *File) NumSections() int { return f.shnum }

// Section returns section i, 0 <= i < NumSections.
func (f *File) Section(i int) Section {
	return Section{f: f, Index: i, Section64: f.header(i)}
}

// Sections visits every section except the null one, in order of their numbers.
func (f *File) Sections() iter.Seq[Section] {
	return func(yield func(Section) bool) {
		for i := 1; i < f.shnum; i++ {
			if !yield(f.Section(i)) {
				return
			}
		}
	}
}

// SectionByName returns the first section with that name.
func (f *File) SectionByName(name string) (Section, bool) {
	if f.shstr.Index == 0 {
		return Section{}, false
	}
	names := f.shstr.Data()
	for i := 1; i < f.shnum; i++ {
		off := uint64(le.Uint32(f.headerBytes(i)[shName:]))
		if off < uint64(len(names)) && isString(names[off:], name) {
			return f.Section(i), true
		}
	}
	return Section{}, false
}

// RelaSection returns the section with the relocations of section i: the first
// SHT_RELA section whose sh_info is i. Nothing in section i leads there, so it
// goes through all headers; for many sections, make one pass over the headers
// instead.
func (f *File) RelaSection(i int) (Section, bool) {
	for j := 1; j < f.shnum; j++ {
		if s := f.Section(j); s.Is(elf.SHT_RELA) && uint64(s.Info) == uint64(i) {
			return s, true
		}
	}
	return Section{}, false
}

// SectionType returns Section(i).Type, for code that asks for very many
// sections.
func (f *File) SectionType(i int) elf.SectionType {
	return elf.SectionType(le.Uint32(f.headerBytes(i)[shType:]))
}

// SectionData returns Section(i).Data(), for code that asks for very many sections.
func (f *File) SectionData(i int) []byte {
	b := f.headerBytes(i)
	switch elf.SectionType(le.Uint32(b[shType:])) {
	case elf.SHT_NULL, elf.SHT_NOBITS:
		return nil
	}
	if i == 0 {
		return nil
	}
	off, size := le.Uint64(b[shOff:]), le.Uint64(b[shSize:])
	return f.data[off : off+size : off+size]
}

func (f *File) headerBytes(i int) []byte {
	return f.data[f.hdr.Shoff+uint64(i)*shdrSize:][:shdrSize]
}

// header decodes Elf64_Shdr number i.
func (f *File) header(i int) elf.Section64 {
	b := f.headerBytes(i)
	return elf.Section64{
		Name:      le.Uint32(b[0:]),
		Type:      le.Uint32(b[4:]),
		Flags:     le.Uint64(b[8:]),
		Addr:      le.Uint64(b[16:]),
		Off:       le.Uint64(b[24:]),
		Size:      le.Uint64(b[32:]),
		Link:      le.Uint32(b[40:]),
		Info:      le.Uint32(b[44:]),
		Addralign: le.Uint64(b[48:]),
		Entsize:   le.Uint64(b[56:]),
	}
}

// headerOff is the file offset of the section's header.
func (s Section) headerOff() uint64 { return s.f.hdr.Shoff + uint64(s.Index)*shdrSize }

// NameBytes returns the section's name as bytes of the file.
func (s Section) NameBytes() []byte { return cstring(s.nameAt()) }

// Named reports whether the section has the name.
func (s Section) Named(name string) bool {
	return isString(s.nameAt(), name)
}

// isString reports whether a string table has a string at the start of b.
func isString(b []byte, s string) bool {
	return len(b) > len(s) && string(b[:len(s)]) == s && b[len(s)] == 0
}

// NameHasPrefix reports whether the section's name starts with a prefix.
func (s Section) NameHasPrefix(prefix string) bool {
	b := s.nameAt() // it ends in a NUL byte
	return len(b) > len(prefix) && string(b[:len(prefix)]) == prefix
}

// nameAt returns the string table from the section's name on.
func (s Section) nameAt() []byte {
	str := s.f.shstr
	if str.Index == 0 || uint64(s.Name) >= str.Size {
		return nil
	}
	return s.f.data[str.Off+uint64(s.Name) : str.Off+str.Size]
}

// NameString returns the section's name.
func (s Section) NameString() string { return string(s.NameBytes()) }

// Data returns the section's bytes as they are in the file: nil for SHT_NOBITS,
// still compressed if the section is [Section.Compressed]. They must not be written to.
func (s Section) Data() []byte {
	if !s.hasBytes() {
		return nil
	}
	return s.f.data[s.Off : s.Off+s.Size : s.Off+s.Size]
}

// Members returns the indices of the sections in a SHT_GROUP section (gABI,
// "Section Groups"). [New] has checked that these sections exist.
func (s Section) Members() iter.Seq[int] {
	return func(yield func(int) bool) {
		d := s.Data()
		for i := groupFlagSize; i+4 <= len(d); i += 4 {
			if !yield(int(le.Uint32(d[i:]))) {
				return
			}
		}
	}
}

// groupFlagSize is the size in bytes of the flags before a group's members.
const groupFlagSize = 4

// Uncompressed returns the content of the section: Data or, if that is
// [Section.Compressed], the uncompressed data (gABI, "Compressed Sections"). The error is
// a *FormatError if the data cannot be uncompressed.
func (s Section) Uncompressed() ([]byte, error) {
	if !s.Compressed() {
		return s.Data(), nil
	}
	f, err := elf.NewFile(bytes.NewReader(s.f.data))
	if err != nil {
		return nil, s.bad(shFlags, "compressed section", "cannot be read: %v", err)
	}
	data, err := f.Sections[s.Index].Data()
	if err != nil {
		return nil, s.bad(shFlags, "compressed section", "cannot be read: %v", err)
	}
	return data, nil
}

// Compressed reports whether the section's content is compressed in the file:
// with SHF_COMPRESSED, or by the older convention of GNU as and ld
// (--compress-debug-sections=zlib-gnu), where the name starts with .zdebug and
// the content with ZLIB. The offsets of its relocations refer to the
// uncompressed content.
func (s Section) Compressed() bool {
	return s.Has(elf.SHF_COMPRESSED) || s.NameHasPrefix(".zdebug") && bytes.HasPrefix(s.Data(), []byte("ZLIB"))
}

// Is reports whether the section has the type.
func (s Section) Is(t elf.SectionType) bool { return elf.SectionType(s.Type) == t }

// Has reports whether the section has all of the flags.
func (s Section) Has(flags elf.SectionFlag) bool {
	return elf.SectionFlag(s.Flags)&flags == flags
}

// String returns the section as messages name it: its quoted name and, because
// names repeat, its number.
func (s Section) String() string {
	if n := s.NameBytes(); len(n) > 0 {
		return strconv.Quote(string(n))
	}
	return fmt.Sprintf("[%d]", s.Index)
}

func (s Section) hasBytes() bool {
	return s.Index != 0 && !s.Is(elf.SHT_NULL) && !s.Is(elf.SHT_NOBITS)
}

func cstring(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return nil
}

// Loaded reports whether a section takes up memory. A section of thread-local
// zeros (.tbss) has an address but takes up none, because each thread has its
// own copy.
func (s Section) Loaded() bool {
	return s.Has(elf.SHF_ALLOC) && !s.Is(elf.SHT_NULL) && !(s.Is(elf.SHT_NOBITS) && s.Has(elf.SHF_TLS))
}

// IsCode reports whether a section holds instructions: SHT_PROGBITS, loaded and
// executable.
func (s Section) IsCode() bool {
	return s.Is(elf.SHT_PROGBITS) && s.Has(elf.SHF_ALLOC|elf.SHF_EXECINSTR)
}
