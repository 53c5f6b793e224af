// SPDX-License-Identifier: BSD-3-Clause

package stub

import (
	"debug/elf"
	"encoding/binary"
)

// A Frame is the extent of a stub, in bytes from the start of the code. Returns
// is the return address of the call that the stub makes, 0 if it makes none.
type Frame struct {
	Start, End, Returns uint64
}

// Call-frame instructions (DWARF 5 §6.4.2) and the register numbers of ELFv2
// §2.4.
const (
	cfaDefCFA       = 0x0c
	cfaAdvanceLoc4  = 0x04
	cfaUndefined    = 0x07
	cfaNop          = 0x00
	dwarfR1         = 1
	dwarfLR         = 65
	pcrelSData4     = 0x1b // DW_EH_PE_pcrel | DW_EH_PE_sdata4
	codeAlign       = 4
	dataAlignMinus8 = 0x78 // -8 as SLEB128
)

// Unwind returns call-frame information for stubs, with its relocations, to be
// placed at offset base of .eh_frame. It has a CIE, which says that a stub has
// no frame and that LR holds the return address, and an FDE for each stub.
// After the call to a shadow stub, no unwinder can find the return address. sym
// is a symbol at the start of the code.
func Unwind(frames []Frame, base uint64, sym int) (data []byte, relas []elf.Rela64) {
	data = appendEntry(nil, []byte{
		0, 0, 0, 0, // CIE
		1, 'z', 'R', 0, codeAlign, dataAlignMinus8, dwarfLR, 1, pcrelSData4,
		cfaDefCFA, dwarfR1, 0,
	})
	for _, f := range frames {
		body := make([]byte, 13) // CIE pointer, pc_begin, pc_range, no augmentation data
		binary.LittleEndian.PutUint32(body[0:], uint32(len(data)+4))
		binary.LittleEndian.PutUint32(body[8:], uint32(f.End-f.Start))
		if f.Returns != 0 {
			body = append(body, cfaAdvanceLoc4)
			body = binary.LittleEndian.AppendUint32(body, uint32((f.Returns-f.Start)/codeAlign))
			body = append(body, cfaUndefined, dwarfLR)
		}
		relas = append(relas, elf.Rela64{
			Off: base + uint64(len(data)+8), Info: elf.R_INFO(uint32(sym), uint32(elf.R_PPC64_REL32)), Addend: int64(f.Start),
		})
		data = appendEntry(data, body)
	}
	return data, relas
}

// appendEntry appends a CIE or an FDE with its length, padded to 8 bytes.
func appendEntry(b, body []byte) []byte {
	for (4+len(body))%8 != 0 {
		body = append(body, cfaNop)
	}
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}
