// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
	"slices"
	"strings"
)

// A Form says what becomes of a site.
type Form uint8

// The forms, in the order in which they are tried: the cheapest first. See
// docs/forms.md.
const (
	Constant Form = iota // the call becomes the result of the target: nop, blr or li r3,0
	Direct               // a branch to the target itself; the linker takes care of r2
	Stack                // bl X; ld r2,24(r1), where 24(r1) provably holds r2
	PACA                 // bl X; ld r2,PACATOC(r13), in the kernel image
	SaveStub             // bl stub; ld r2,24(r1): the stub saves r2 and jumps through the key
	Linker               // the trampoline has local entry 1: the linker saves and restores r2
	Shadow               // through a stub that keeps LR on a stack of the thread's own, calls, and restores r2
	Keep                 // the site stays on its trampoline
)

var formNames = [...]string{"constant", "direct", "stack", "paca", "save-stub", "linker", "shadow", "keep"}

// String returns the name of the form, such as "save-stub".
func (f Form) String() string { return formNames[f] }

// MarshalText implements [encoding.TextMarshaler].
func (f Form) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]. A name of no form is an error.
func (f *Form) UnmarshalText(text []byte) error {
	i := slices.Index(formNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown form %q", text)
	}
	*f = Form(i)
	return nil
}

// Forms returns all forms, the cheapest first.
func Forms() []Form {
	return []Form{Constant, Direct, Stack, PACA, SaveStub, Linker, Shadow, Keep}
}

// RestoreForms returns the forms that [Options.Restore] may list: those that
// restore r2 at a site whose key may change.
func RestoreForms() []Form {
	return []Form{Stack, PACA, SaveStub, Linker, Shadow}
}

// ParseForms parses a list of forms separated by commas. It is an error if one
// of them is not in from.
func ParseForms(s string, from []Form) ([]Form, error) {
	var forms []Form
	for _, name := range strings.Split(s, ",") {
		f := Form(slices.Index(formNames[:], name))
		if !slices.Contains(from, f) { // -1 is none of them
			return nil, fmt.Errorf("unknown form %q: want some of %s", name, JoinForms(from))
		}
		forms = append(forms, f)
	}
	return forms, nil
}

// JoinForms returns the names of forms, separated by ", ", for a message.
func JoinForms(forms []Form) string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.String()
	}
	return strings.Join(names, ", ")
}
