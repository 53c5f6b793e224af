// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
	"strings"

	"github.com/scpatch/scpatch/sites/errkind"
)

// A PlaceError says what is wrong at a place in the code, or at an entry of a
// table: `section ".text": foo+0x24: R_PPC64_REL24: what is wrong`.
type PlaceError struct {
	Section string // quoted
	Symbol  string // enclosing function, empty if unknown
	Off     uint64 // bytes from the symbol, or from the start of the section
	Reloc   string // relocation type, empty if none is concerned
	Err     error
}

// Error implements error.
func (e *PlaceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "section %s: ", e.Section)
	if e.Symbol != "" {
		b.WriteString(errkind.Printable(e.Symbol))
	}
	fmt.Fprintf(&b, "+0x%x: ", e.Off)
	if e.Reloc != "" {
		fmt.Fprintf(&b, "%s: ", e.Reloc)
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *PlaceError) Unwrap() error { return e.Err }
