// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"io"

	"github.com/scpatch/scpatch/sites/errkind"
)

// WriteDiff prints every site that changes, before and after, in GNU assembler
// syntax with offsets in the section.
func WriteDiff(out io.Writer, to Screen, path string, file Sites) {
	views, head := allSites(file), false
	for i := range views {
		s := &views[i]
		if s.Before == s.After {
			continue
		}
		if !head {
			fmt.Fprintf(out, "--- %s\n+++ %s\n", errkind.Printable(path), errkind.Printable(path))
			head = true
		}
		fmt.Fprintf(out, "@@ %s+0x%x %s: %s, %s%s @@\n", errkind.Printable(s.Section), s.Offset, s.where(), errkind.Printable(s.Key), s.Form, s.because())
		for j := range s.Before {
			at := s.Offset + 4*uint64(j)
			switch s.Before[j] {
			case "":
			case s.After[j]:
				fmt.Fprintf(out, " %6x:  %s\n", at, errkind.Printable(s.Before[j]))
			default:
				fmt.Fprintln(out, to.paint(red, fmt.Sprintf("-%6x:  %s", at, errkind.Printable(s.Before[j]))))
				fmt.Fprintln(out, to.paint(green, fmt.Sprintf("+%6x:  %s", at, errkind.Printable(s.After[j]))))
			}
		}
	}
}
