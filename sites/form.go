// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"fmt"
	"slices"
	"strings"
)

// A Form is what is done with a site.
type Form string

// The forms, in the order in which they are tried where several are sound: by
// what a call costs, and the one that stands before, of two that cost the same.
// See docs/forms.md.
const (
	Constant Form = "constant"  // the branch becomes what the target would return
	Direct   Form = "direct"    // a branch to the target itself; the linker does the TOC work
	Stack    Form = "stack"     // bl X; ld r2,24(r1), where 24(r1) provably holds r2
	PACA     Form = "paca"      // bl X; ld r2,PACATOC(r13), in the kernel image
	SaveStub Form = "save-stub" // bl stub; ld r2,24(r1): the stub saves r2 and jumps through the key
	Linker   Form = "linker"    // the trampoline has local entry 1: the linker saves and restores r2
	Shadow   Form = "shadow"    // through a stub that keeps LR on a stack of the thread's own
	Keep     Form = "keep"      // the site stays on its trampoline
)

// Forms lists all forms, the cheapest first.
var Forms = []Form{Constant, Direct, Stack, PACA, SaveStub, Linker, Shadow, Keep}

// Restoring are the forms that [Options.Restore] chooses from: those by which r2
// comes back to a site of a key that may change.
var Restoring = []Form{Stack, PACA, SaveStub, Linker, Shadow}

// ParseForms reads a list of forms separated by commas; all of them must be
// among those of from.
func ParseForms(s string, from []Form) ([]Form, error) {
	var forms []Form
	for _, name := range strings.Split(s, ",") {
		f := Form(name)
		if !slices.Contains(from, f) {
			return nil, fmt.Errorf("unknown form %q: want some of %s", name, JoinForms(from))
		}
		forms = append(forms, f)
	}
	return forms, nil
}

// JoinForms lists forms for a message.
func JoinForms(forms []Form) string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
