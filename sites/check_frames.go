// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"fmt"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
)

// stubFrames are the stubs that need unwind information, by their offset in the
// section.
type stubFrames map[uint64]stubFrame

type stubFrame struct{ end, calls uint64 }

// frames checks the added call-frame information (DWARF 5 §6.4.1, and the LSB for
// .eh_frame). Each stub needs an entry that says that the CFA is r1, that the return
// address is in LR, and that it is undefined after a call that the stub makes.
func (c *checker) frames(sec int, stubs stubFrames) error {
	eh, base, relas, err := c.addedFrames()
	if err != nil {
		return err
	}
	data, n := eh.Data(), 0
	cie := -1 // offset of the last CIE
	for off := base; off < len(data); {
		body, err := frameEntry(data[off:])
		if err != nil {
			return fmt.Errorf("section %v: offset 0x%x: %w", eh, off, err)
		}
		switch back := int(binary.LittleEndian.Uint32(body)); {
		case back == 0:
			if err := readCIE(body[4:]); err != nil {
				return fmt.Errorf("section %v: offset 0x%x: %w", eh, off, err)
			}
			cie = off
		case cie < 0 || off+4-back != cie:
			return fmt.Errorf("section %v: offset 0x%x: there is no CIE 0x%x before", eh, off, back)
		default:
			if n == relas.Len() {
				return fmt.Errorf("section %v: offset 0x%x: no relocation", eh, off)
			}
			if err := c.frame(body[4:], uint64(off+8), relas.At(n), sec, stubs); err != nil {
				return fmt.Errorf("section %v: offset 0x%x: %w", eh, off, err)
			}
			n++
		}
		off += 4 + len(body)
	}
	if len(stubs) != 0 || n != relas.Len() {
		return fmt.Errorf("section %v: %d stubs have no entry, %d of %d relocations are of entries", eh, len(stubs), n, relas.Len())
	}
	return nil
}

// addedFrames returns the section with the entries for stubs, from base on, and
// their relocations. It is an added section or, if it can be extended, that of
// the input: a linker ignores whatever follows an entry of length 0.
func (c *checker) addedFrames() (sec elfrw.Section, base int, relas reloc.Table, err error) {
	in := c.Object.File
	for i := 1; i < in.NumSections(); i++ {
		was, is := in.Section(i), c.out.Section(i)
		if !was.Named(".eh_frame") || was.Size == is.Size {
			continue
		}
		if sec.Index != 0 || was.Size > is.Size {
			return sec, 0, nil, fmt.Errorf("section %v has 0x%x bytes", is, is.Size)
		}
		sec, base = is, int(was.Size)
		before, err := c.Object.relas.editedTable(i)
		if err != nil {
			return sec, 0, nil, err
		}
		relas, err = c.relas.editedTable(i)
		if err != nil || relas.Len() < before.Len() {
			return sec, 0, nil, fmt.Errorf("section %v: %d relocations, there were %d", is, relas.Len(), before.Len())
		}
		relas = relas[before.Len()*reloc.RelaSize:]
		for off := 0; off < base; {
			body, err := frameEntry(is.Data()[off:base])
			if err != nil {
				return sec, 0, nil, fmt.Errorf("section %v: offset 0x%x: %w", is, off, err)
			}
			off += 4 + len(body)
		}
	}
	if sec.Index == 0 {
		var p reloc.Sorted
		if sec, p, err = c.addition(".eh_frame"); err != nil {
			return sec, 0, nil, err
		}
		relas = p.Table
	}
	if !sec.Has(elf.SHF_ALLOC) {
		return sec, 0, nil, fmt.Errorf("section %v is not loaded", sec)
	}
	return sec, base, relas, nil
}

// frameEntry returns the body of the entry at the start of data. An entry of length 0
// would terminate the section in the linked program.
func frameEntry(data []byte) ([]byte, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("it is truncated")
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	if size < 4 || size > uint64(len(data)-4) || size%4 != 0 {
		return nil, fmt.Errorf("its length is 0x%x", size)
	}
	return data[4 : 4+size], nil
}

// readCIE checks for version 1, self-relative addresses of four bytes, code in units
// of 4, LR (65) as the return address and r1 as the CFA.
func readCIE(b []byte) error {
	const head = "\x01zR\x00" + "\x04"
	if len(b) < len(head)+7 || string(b[:len(head)]) != head || b[len(head)] >= 0x80 {
		return fmt.Errorf("it is not the CIE of a stub")
	}
	b = b[len(head)+1:] // past the unit of data, one byte of LEB128: nothing is stored
	if b[0] != 65 || b[1] != 1 || b[2] != 0x1b {
		return fmt.Errorf("return address %d, %d bytes, addresses 0x%x", b[0], b[1], b[2])
	}
	if b[3] != 0x0c || b[4] != 1 || b[5] != 0 { // DW_CFA_def_cfa
		return fmt.Errorf("the CFA is not r1")
	}
	return noInstructions(b[6:])
}

// frame removes the stub of an FDE from stubs. The relocation must be that of the
// FDE's first address, at offset off of the section.
func (c *checker) frame(b []byte, off uint64, rel reloc.Rela, sec int, stubs stubFrames) error {
	s, ok := c.symbol(int(rel.Sym()))
	start := s.Value + uint64(rel.Addend)
	switch {
	case len(b) < 9:
		return fmt.Errorf("it is truncated")
	case !ok || rel.Type() != uint32(elf.R_PPC64_REL32) || rel.Off != off || s.Section != sec:
		return fmt.Errorf("not the relocation of a stub")
	}
	stub, ok := stubs[start]
	if size := binary.LittleEndian.Uint32(b[4:]); !ok || start+uint64(size) != stub.end || binary.LittleEndian.Uint32(b) != 0 || b[8] != 0 {
		return fmt.Errorf("no stub from 0x%x on has 0x%x bytes", start, size)
	}
	delete(stubs, start)
	b = b[9:]
	if stub.calls != 0 {
		const advance, undefined = 0x04, 0x07
		if len(b) < 7 || b[0] != advance || uint64(binary.LittleEndian.Uint32(b[1:]))*4 != stub.calls-start || b[5] != undefined || b[6] != 65 {
			return fmt.Errorf("a return address is left after the call at 0x%x", stub.calls)
		}
		b = b[7:]
	}
	return noInstructions(b)
}

// noInstructions checks that there is nothing but DW_CFA_nop.
func noInstructions(b []byte) error {
	for _, op := range b {
		if op != 0 {
			return fmt.Errorf("an unexpected instruction: 0x%x", op)
		}
	}
	return nil
}
