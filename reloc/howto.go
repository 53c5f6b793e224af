// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"debug/elf"
	"fmt"
	"sync"
)

// R_PPC64_PLTGOT16_LO_DS is type 66 under its name in the ABI and in binutils;
// the name in debug/elf lacks the "16" (elf.R_PPC64_PLTGOT_LO_DS).
const R_PPC64_PLTGOT16_LO_DS elf.R_PPC64 = 66

// Howto says how the value of a relocation type is computed and where it goes.
type Howto struct {
	Type    elf.R_PPC64
	Name    string // the ABI's name: R_PPC64_REL24
	Field   Field  // the bits that receive the value
	Part    Part   // which part of the value they receive
	Check   Check  // the range that the part must lie in
	PCRel   bool   // the formula subtracts P, the address of the field
	Size    int    // bytes touched at r_offset: 0, 2, 4 or 8
	Align   int64  // the value must be a multiple of this: 1 or 4
	Formula string // with the letters of ELFv2 §3.5.2; "" for a marker
}

// Check is the range check of a relocation type. ELFv2 §3.5.3 marks the fields
// that are checked with an asterisk; the formula decides which check applies.
type Check uint8

const (
	Unchecked Check = iota // the field receives what fits into it
	Signed                 // -2^(n-1) .. 2^(n-1)-1 for a field of n bits
	Bitfield               // -2^(n-1) .. 2^n-1: a number of either kind
)

// Lookup returns the description of relocation type t; false for a type that
// ELFv2 does not define.
func Lookup(t uint32) (Howto, bool) {
	if h := lookup(t); h != nil {
		return *h, true
	}
	return Howto{}, false
}

// Name returns the ABI's name of relocation type t: "R_PPC64_REL24", or
// "R_PPC64_<unknown 200>" for a type that ELFv2 does not define.
func Name(t uint32) string {
	if h := lookup(t); h != nil {
		return h.Name
	}
	return fmt.Sprintf("R_PPC64_<unknown %d>", t)
}

func lookup(t uint32) *Howto {
	if all := howtos(); t < uint32(len(all)) && all[t].Name != "" {
		return &all[t]
	}
	return nil
}

// row is a line of the tables in this package: a Howto without what follows
// from its other fields.
type row struct {
	typ     elf.R_PPC64
	name    string // without R_PPC64_
	field   Field
	part    Part
	check   Check
	base    base
	formula string
}

// base says whether a formula is relative to P; a name reads better in a table
// than true and false do.
type base bool

const (
	abs base = false
	rel base = true
)

// howtos returns the table of all types, indexed by type. It is built on first use,
// because many objects are patched without it.
var howtos = sync.OnceValue(func() *[256]Howto {
	var all [256]Howto
	for _, t := range [][]row{rowsAbsolute, rowsRelative, rowsTOC, rowsTLS, rowsPrefixed, rowsMarkers} {
		for _, r := range t {
			all[r.typ] = Howto{
				Type: r.typ, Name: "R_PPC64_" + r.name,
				Field: r.field, Part: r.part, Check: r.check, PCRel: r.base == rel,
				Size: r.field.Size(), Align: r.field.align(), Formula: r.formula,
			}
		}
	}
	return &all
})
