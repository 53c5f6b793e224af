// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"

	"github.com/ianlancetaylor/demangle"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/verify"
)

// A Verdict is one file of verify --json, which prints one object a line.
type Verdict struct {
	Version int     `json:"version"`
	File    string  `json:"file"`
	Checked int     `json:"checked"` // sites
	Direct  int     `json:"direct"`  // of these, calls that do not go through the key
	Unknown bool    `json:"unknown"` // there is no record: patched calls cannot be found
	Faults  []Fault `json:"faults"`
}

// A Fault is one error in a file. The names are demangled, except Symbol.
type Fault struct {
	Section  string `json:"section"`
	Offset   uint64 `json:"offset"` // bytes from the start of the section
	Function string `json:"function,omitempty"`
	Symbol   string `json:"symbol,omitempty"`
	FuncOff  uint64 `json:"function_offset"`
	Key      string `json:"key,omitempty"`
	Kind     string `json:"kind"`
	What     string `json:"what"`
}

// WriteVerdict prints the result of verify for people.
func WriteVerdict(out io.Writer, path string, r *verify.Report) {
	state := "all correct"
	switch {
	case r.Unknown && r.Sites == 0 && len(r.Faults) == 0:
		state = "no record: patched calls cannot be found"
	case r.Sites == 0 && len(r.Faults) == 0:
		state = "nothing to check"
	case r.Sites == 1 && len(r.Faults) == 0:
		state = "correct"
	case len(r.Faults) > 0:
		state = fmt.Sprintf("%d wrong", len(r.Faults))
	}
	fmt.Fprintf(out, "%s: %s, %s\n", errkind.Printable(path), Number(r.Sites, "site"), state)
}

// NewVerdict returns what verify prints about a file.
func NewVerdict(path string, r *verify.Report) Verdict {
	v := Verdict{Version: Version, File: path, Checked: r.Sites, Direct: r.Direct, Unknown: r.Unknown, Faults: []Fault{}}
	for _, f := range r.Faults {
		v.Faults = append(v.Faults, Fault{
			Section: f.Section, Offset: f.Off, Function: demangle.Filter(f.Symbol), Symbol: f.Symbol,
			FuncOff: f.FuncOff, Key: demangle.Filter(f.Key), Kind: f.Kind.String(), What: f.What,
		})
	}
	return v
}
