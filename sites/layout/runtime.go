// SPDX-License-Identifier: BSD-3-Clause

package layout

import "fmt"

// A Runtime says what changes keys while the program runs. Records store its number.
type Runtime uint8

const (
	Inline     Runtime = iota // patches the sites that the table names
	Trampoline                // patches trampolines or keys; sites stay on them
	None                      // nothing: no key ever changes
)

var runtimeNames = [...]string{"inline", "trampoline", "none"}

// String returns "inline", "trampoline" or "none", and the number of any other.
func (r Runtime) String() string {
	if int(r) < len(runtimeNames) {
		return runtimeNames[r]
	}
	return fmt.Sprint(uint8(r))
}

// ParseRuntime returns the Runtime with a name, as Runtime.String returns it. Any
// other name is an error.
func ParseRuntime(s string) (Runtime, error) {
	for i, n := range runtimeNames {
		if n == s {
			return Runtime(i), nil
		}
	}
	return 0, fmt.Errorf("unknown run time %q: want inline, trampoline or none", s)
}
