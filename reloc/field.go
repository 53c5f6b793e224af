// SPDX-License-Identifier: BSD-3-Clause

package reloc

// Field names the bits that a relocation changes (ELFv2 §3.5.1). The bits
// around them belong to the instruction and stay.
type Field uint8

const (
	FieldNone    Field = iota // a marker: nothing is changed
	Doubleword64              // 8 bytes of data
	Word32                    // 4 bytes of data
	Word30                    // bits 0:29 of 4 bytes
	Low24                     // LI of an I-form branch, bits 6:29
	Low14                     // BD of a B-form branch, bits 16:29
	Half16                    // 2 bytes: data, or bits 16:31 of an instruction
	Half16DS                  // DS, bits 16:29; in a DQ-form instruction DQ, bits 16:27
	Half16DX                  // d0||d1||d2 of a DX-form instruction (addpcis)
	Prefix34                  // d0||d1 of a prefixed instruction: 18 + 16 bits
	Prefix28                  // the same with 12 + 16 bits
)

// fields describes the fields: bytes touched, the size of the number that the
// field stands for with the low zero bits that it does not hold, and what that
// number must be a multiple of.
var fields = [...]struct {
	name  string
	size  int
	bits  uint
	align int64
}{
	FieldNone:    {"none", 0, 0, 1},
	Doubleword64: {"doubleword64", 8, 64, 1},
	Word32:       {"word32", 4, 32, 1},
	Word30:       {"word30", 4, 32, 4},
	Low24:        {"low24", 4, 26, 4},
	Low14:        {"low14", 4, 16, 4},
	Half16:       {"half16", 2, 16, 1},
	Half16DS:     {"half16ds", 2, 16, 4},
	Half16DX:     {"half16dx", 4, 16, 1},
	Prefix34:     {"prefix34", 8, 34, 1},
	Prefix28:     {"prefix28", 8, 28, 1},
}

// String returns the ABI's name of the field.
func (f Field) String() string {
	if int(f) < len(fields) {
		return fields[f].name
	}
	return "<unknown field>"
}

// Size returns the number of bytes that contain the field, or 0 for a field
// that does not exist.
func (f Field) Size() int {
	if int(f) < len(fields) {
		return fields[f].size
	}
	return 0
}

func (f Field) bits() uint   { return fields[f].bits }
func (f Field) align() int64 { return fields[f].align }
