// SPDX-License-Identifier: BSD-3-Clause

package elfrw

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
)

const (
	ehdrSize = 64 // Elf64_Ehdr
	shdrSize = 64 // Elf64_Shdr
	phdrSize = 56 // Elf64_Phdr

	pnXnum = 0xffff // e_phnum if the first section header's sh_info has the count
)

// Offsets of the fields of Elf64_Ehdr and Elf64_Shdr that are read or edited
// on their own (gABI, figures 4-3 and 4-8).
const (
	ehEntry    = 24
	ehShoff    = 40
	ehFlags    = 48
	ehShnum    = 60
	ehShstrndx = 62

	shName      = 0
	shType      = 4
	shFlags     = 8
	shOff       = 24
	shSize      = 32
	shLink      = 40
	shInfo      = 44
	shAddralign = 48
	shEntsize   = 56
)

var le = binary.LittleEndian

// A File is a read-only view of an ELF64 little-endian file. Several goroutines
// may use it at the same time; only Close must not overlap any other use.
type File struct {
	data []byte
	src  *source // nil when the bytes did not come from a file

	hdr      elf.Header64
	shnum    int
	shstr    Section // section header string table; Index 0 when there is none
	symtab   Section // SHT_SYMTAB; Index 0 when there is none
	strtab   Section // its string table
	symShndx Section // its SHT_SYMTAB_SHNDX; Index 0 when there is none
	end      uint64  // end of the last header table or section, in bytes

	references   sync.Once // of CheckReferences, which sets these
	badReference error
	inOrder      indexSet // SHT_RELA sections whose entries are in order of r_offset
}

// Open maps a regular file and checks its headers. The caller must Close it. The error
// is that of New or of the system, or wraps ErrNotRegular.
func Open(path string) (*File, error) {
	src, err := openSource(path)
	if err != nil {
		return nil, err
	}
	var f *File
	if err := src.guard(func() (err error) { f, err = New(src.data); return err }); err != nil {
		src.close()
		return nil, err
	}
	f.src = src
	return f, nil
}

// New makes a File from bytes in memory, which must not change while it is in
// use. The error is a *FormatError or wraps ErrNotELF64LE.
func New(data []byte) (*File, error) {
	f := &File{data: data}
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	if err := f.readSections(); err != nil {
		return nil, err
	}
	if err := f.checkSymtab(); err != nil {
		return nil, err
	}
	return f, nil
}

// Close unmaps the file. No slice that came from it may be used afterwards.
func (f *File) Close() error {
	if f.src == nil {
		return nil
	}
	return f.src.close()
}

// Changed returns an error that wraps ErrChanged if the size or modification
// time of the opened file has changed, or if its name now leads to another
// file.
func (f *File) Changed() error {
	if f.src == nil {
		return nil
	}
	return f.src.changed()
}

// Info describes the file at the time when it was opened; nil for bytes in
// memory.
func (f *File) Info() os.FileInfo {
	if f.src == nil {
		return nil
	}
	return f.src.info
}

// Header returns the ELF header.
func (f *File) Header() elf.Header64 { return f.hdr }

// Bytes returns the whole file. It must not be written to.
func (f *File) Bytes() []byte { return f.data }

// ELF returns debug/elf's view of the same bytes. It costs an allocation for
// each section. The error is debug/elf's, which rejects some files that New accepts.
func (f *File) ELF() (*elf.File, error) { return elf.NewFile(bytes.NewReader(f.data)) }

// readHeader decodes and checks the ELF header.
func (f *File) readHeader() error {
	d := f.data
	if len(d) < ehdrSize || string(d[:4]) != elf.ELFMAG {
		return fmt.Errorf("%w: no ELF header", ErrNotELF64LE)
	}
	if c := elf.Class(d[elf.EI_CLASS]); c != elf.ELFCLASS64 {
		return fmt.Errorf("%w: class is %v", ErrNotELF64LE, c)
	}
	if e := elf.Data(d[elf.EI_DATA]); e != elf.ELFDATA2LSB {
		return fmt.Errorf("%w: data encoding is %v", ErrNotELF64LE, e)
	}
	h := &f.hdr
	if _, err := binary.Decode(d, le, h); err != nil {
		return fmt.Errorf("%w: %w", ErrNotELF64LE, err)
	}
	switch {
	case d[elf.EI_VERSION] != byte(elf.EV_CURRENT):
		return badHeader(elf.EI_VERSION, "e_ident[EI_VERSION]", "is %d, want 1", d[elf.EI_VERSION])
	case h.Version != uint32(elf.EV_CURRENT):
		return badHeader(20, "e_version", "is %d, want 1", h.Version)
	case h.Ehsize != ehdrSize:
		return badHeader(52, "e_ehsize", "is %d, want %d", h.Ehsize, ehdrSize)
	}
	f.end = ehdrSize
	if err := f.checkProgramHeaders(); err != nil {
		return err
	}
	if err := f.checkSectionHeaders(); err != nil || h.Shoff == 0 {
		return err
	}
	return f.countSections()
}

// badHeader returns the error for a field at a file offset.
func badHeader(off uint64, field, format string, a ...any) error {
	return &FormatError{Off: off, Field: field, Msg: fmt.Sprintf(format, a...)}
}

// checkProgramHeaders checks where the ELF header says that the program headers are.
func (f *File) checkProgramHeaders() error {
	h, size := &f.hdr, uint64(len(f.data))
	switch {
	case h.Phnum == pnXnum:
		return badHeader(56, "e_phnum", "is PN_XNUM: more program headers than are supported")
	case h.Phnum == 0:
		return nil
	case h.Phentsize != phdrSize:
		return badHeader(54, "e_phentsize", "is %d, want %d", h.Phentsize, phdrSize)
	case h.Phoff > size || uint64(h.Phnum)*phdrSize > size-h.Phoff:
		return badHeader(32, "e_phoff", "%d program headers at 0x%x pass the end of the file (0x%x)", h.Phnum, h.Phoff, size)
	}
	f.reach(h.Phoff + uint64(h.Phnum)*phdrSize)
	return nil
}

// checkSectionHeaders checks where the ELF header says that the section headers are.
func (f *File) checkSectionHeaders() error {
	h, size := &f.hdr, uint64(len(f.data))
	switch {
	case h.Shoff == 0 && h.Shnum > 0:
		return badHeader(ehShoff, "e_shoff", "is 0 but e_shnum is %d", h.Shnum)
	case h.Shoff == 0 && h.Shstrndx > 0:
		return badHeader(ehShoff, "e_shoff", "is 0 but e_shstrndx is %d", h.Shstrndx)
	case h.Shoff == 0:
	case h.Shentsize != shdrSize:
		return badHeader(58, "e_shentsize", "is %d, want %d", h.Shentsize, shdrSize)
	case h.Shoff < ehdrSize || h.Shoff > size || size-h.Shoff < shdrSize:
		return badHeader(ehShoff, "e_shoff", "a section header at 0x%x is not inside the file (0x%x)", h.Shoff, size)
	}
	return nil
}

// countSections reads e_shnum and e_shstrndx. With 0xff00 sections or more, e_shnum is 0
// and the first header's sh_size is the count; likewise e_shstrndx and sh_link (gABI,
// "ELF Header").
func (f *File) countSections() error {
	h, first := &f.hdr, f.header(0)
	n, str := uint64(h.Shnum), uint64(h.Shstrndx)
	switch {
	case n >= uint64(elf.SHN_LORESERVE):
		return badHeader(ehShnum, "e_shnum", "0x%x is reserved", n)
	case n == 0 && first.Size < uint64(elf.SHN_LORESERVE):
		return badHeader(h.Shoff+shSize, "sh_size", "e_shnum is 0, but the first section header counts 0x%x sections", first.Size)
	case n == 0:
		n = first.Size
	}
	if n > (uint64(len(f.data))-h.Shoff)/shdrSize || n > 1<<31 {
		return badHeader(ehShnum, "e_shnum", "%d section headers at 0x%x pass the end of the file (0x%x)", n, h.Shoff, len(f.data))
	}
	switch {
	case str == uint64(elf.SHN_XINDEX) && first.Link < uint32(elf.SHN_LORESERVE):
		return badHeader(h.Shoff+shLink, "sh_link", "e_shstrndx is SHN_XINDEX, but the first section header says %d", first.Link)
	case str == uint64(elf.SHN_XINDEX):
		str = uint64(first.Link)
	case str >= uint64(elf.SHN_LORESERVE):
		return badHeader(ehShstrndx, "e_shstrndx", "0x%x is reserved", str)
	}
	if str >= n {
		return badHeader(ehShstrndx, "e_shstrndx", "is %d of %d sections", str, n)
	}
	f.shnum, f.shstr.Index = int(n), int(str)
	f.reach(h.Shoff + n*shdrSize)
	return nil
}

func (f *File) reach(end uint64) { f.end = max(f.end, end) }
