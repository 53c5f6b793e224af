// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"

	"github.com/scpatch/scpatch/sites/layout"
)

// A Runtime says what changes keys while the program runs.
type Runtime = layout.Runtime

const (
	Inline     = layout.Inline     // patches the sites that .static_call_sites names
	Trampoline = layout.Trampoline // patches trampolines or keys; sites stay on them
	None       = layout.None       // nothing: no key ever changes
)

// ParseRuntime returns the Runtime with a name, as Runtime.String returns it. Any
// other name is an error.
func ParseRuntime(s string) (Runtime, error) { return layout.ParseRuntime(s) }

// A Place says where the object's code will run.
type Place uint8

const (
	Kernel Place = iota // in the kernel image, which is one link unit
	Module              // in a kernel module
	User                // in a user-space program or shared library
)

var placeNames = []string{"kernel", "module", "user"}

// String returns "kernel", "module" or "user".
func (p Place) String() string { return placeNames[p] }

// A FinalLinker is the linker used for the final link.
type FinalLinker uint8

const (
	AnyLinker   FinalLinker = iota // ld.bfd or ld.lld
	BFD                            // GNU ld
	LLD                            // LLVM lld
	OtherLinker                    // an unknown linker: the form Linker is not sound
)

var linkerNames = []string{"any", "bfd", "lld", "other"}

// String returns "any", "bfd", "lld" or "other".
func (l FinalLinker) String() string { return linkerNames[l] }

// ParseLinker returns the FinalLinker with a name, as FinalLinker.String returns it.
// Any other name is an error.
func ParseLinker(s string) (FinalLinker, error) {
	for i, n := range linkerNames {
		if n == s {
			return FinalLinker(i), nil
		}
	}
	return 0, fmt.Errorf("unknown linker %q: want any, bfd, lld or other", s)
}

// Options are facts that the object cannot show, and limits on what may be
// done. The zero value is for an object of the kernel image, with a run time
// that patches sites.
type Options struct {
	Runtime Runtime
	Place   Place
	Linker  FinalLinker
	// EntrySize is the size in bytes of an entry of the kernel's site table, 8
	// or 16. 0 means the size in the existing table, or 16 if there is none.
	EntrySize int
	// WholeProgram says that nothing outside the object refers to its global
	// symbols by name, except for exported and dynamic ones.
	WholeProgram bool
	// TableOnly leaves the sites of a kernel image's object as they are and
	// only writes the table. The sites are patched after the image is linked.
	TableOnly bool
	// NoRecord leaves out the record of what was decided; see layout.RecordSection.
	NoRecord bool
	// Restore lists the forms that may restore r2; nil allows all. Shadow also
	// needs AllowShadow.
	Restore []Form
	// Require lists the forms that a site may have; any other is an error. nil
	// allows all.
	Require []Form
	// PACATOC says where the PACA holds the kernel's TOC pointer: the offset
	// from r13 in bytes, or the name of a symbol of the object that has the
	// offset as its absolute value or in its data. If it is empty, the form
	// PACA is not used.
	PACATOC string
	// AllowShadow allows the form Shadow. ShadowStack is the name of the
	// thread-local pointer to the top of each thread's stack of return
	// addresses.
	AllowShadow bool
	ShadowStack string
}
