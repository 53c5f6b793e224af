// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"bytes"
	"strings"

	"github.com/scpatch/scpatch/ppc64"
)

// ColdParent returns the function whose cold part a symbol names: GCC appends
// ".cold", ".cold.N" with a clone number, LLVM ".cold" and ".cold.N".
func ColdParent(name string) (string, bool) {
	base, clone, found := strings.Cut(name, ".cold")
	return base, found && base != "" && (clone == "" || clone[0] == '.')
}

// IsColdPart reports whether a symbol's name is that of a function's cold part.
// For most other names it allocates nothing.
func IsColdPart(name []byte) bool {
	if !bytes.Contains(name, []byte(".cold")) {
		return false
	}
	_, ok := ColdParent(string(name))
	return ok
}

// Parents are functions by name that may have cold parts. A cold part has a
// symbol, but no code calls it, so r2 there is the same as in its function.
// Joined files may have several local functions with the same name, which count
// only if they agree on r2.
type Parents map[string]parent

type parent struct {
	entry ppc64.LocalEntry
	mixed bool // functions of this name differ, or have the reserved value
}

// Add adds a function with its st_other.
func (p Parents) Add(name string, stOther uint8) {
	entry, err := ppc64.LocalEntryOf(stOther)
	old, more := p[name]
	differs := more && (old.entry.UsesTOC() != entry.UsesTOC() || old.entry.PreservesR2() != entry.PreservesR2())
	p[name] = parent{entry, err != nil || old.mixed || differs}
}

// Entry returns the local entry of the functions with a name, or one with the
// same effect on r2. known is false if there are none, or if they differ.
func (p Parents) Entry(name string) (entry ppc64.LocalEntry, known bool) {
	f, ok := p[name]
	if !ok || f.mixed {
		return 0, false
	}
	return f.entry, true
}
