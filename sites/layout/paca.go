// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"debug/elf"
	"encoding/binary"
	"strconv"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/sites/errkind"
)

// PACATOC returns the offset in bytes, from r13, of the kernel's TOC pointer in
// the PACA (Linux, arch/powerpc/include/asm/paca.h). It depends on the kernel's
// configuration, so where is the number, or a symbol of the file that gives it.
// It is an error if ld cannot encode that displacement.
func PACATOC(f *elfrw.File, where string) (int64, error) {
	off, err := strconv.ParseInt(where, 0, 64)
	if err != nil {
		if off, err = number(f, where); err != nil {
			return 0, err
		}
	}
	if off < 0 || off > 0x7ffc || off%4 != 0 {
		return 0, errkind.WrongOption.Errorf("the PACA's TOC pointer cannot be at offset %d of r13: ld takes a multiple of 4 up to 0x7ffc", off)
	}
	return off, nil
}

// number returns the number that a symbol gives: its value if it is absolute,
// otherwise its data, 2, 4 or 8 bytes.
func number(f *elfrw.File, name string) (int64, error) {
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		if string(f.SymbolName(s)) != name {
			continue
		}
		if s.Shndx == elf.SHN_ABS {
			return int64(s.Value), nil
		}
		if s.Section == 0 {
			return 0, errkind.WrongOption.Errorf("symbol %q is undefined", name)
		}
		sec := f.Section(s.Section)
		d, at := sec.Data(), s.Value
		if elf.Type(f.Header().Type) != elf.ET_REL {
			at -= sec.Addr
		}
		if at > uint64(len(d)) || s.Size > uint64(len(d))-at {
			return 0, errkind.WrongOption.Errorf("symbol %q has no data", name)
		}
		switch d = d[at:]; s.Size {
		case 2:
			return int64(binary.LittleEndian.Uint16(d)), nil
		case 4:
			return int64(binary.LittleEndian.Uint32(d)), nil
		case 8:
			return int64(binary.LittleEndian.Uint64(d)), nil
		}
		return 0, errkind.WrongOption.Errorf("symbol %q has 0x%x bytes: want a number of 2, 4 or 8", name, s.Size)
	}
	return 0, errkind.WrongOption.Errorf("no symbol %q", name)
}
