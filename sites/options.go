// SPDX-License-Identifier: BSD-3-Clause

package sites

import "fmt"

// A Runtime is what will change keys when the program runs.
type Runtime uint8

const (
	Inline     Runtime = iota // patches the sites that .static_call_sites names
	Trampoline                // patches trampolines or keys; sites stay on them
	None                      // nothing: no key ever changes
)

var runtimeNames = []string{"inline", "trampoline", "none"}

func (r Runtime) String() string { return runtimeNames[r] }

// ParseRuntime is the inverse of Runtime.String.
func ParseRuntime(s string) (Runtime, error) {
	for i, n := range runtimeNames {
		if n == s {
			return Runtime(i), nil
		}
	}
	return 0, fmt.Errorf("unknown run time %q: want inline, trampoline or none", s)
}

// A Place is where the object's code will run.
type Place uint8

const (
	Kernel Place = iota // in the kernel image, which is one link unit
	Module              // in a kernel module
	User                // in a user-space program or shared library
)

var placeNames = []string{"kernel", "module", "user"}

func (p Place) String() string { return placeNames[p] }

// Options are what the object cannot show.
type Options struct {
	Runtime Runtime
	Place   Place
	// EntrySize is the size in bytes of a site table's entry, 8 or 16; 0 takes
	// an existing table's, else 16.
	EntrySize int
	// WholeProgram says that nothing outside the object refers to its global
	// symbols by name, but for exported and dynamic ones.
	WholeProgram bool
}
