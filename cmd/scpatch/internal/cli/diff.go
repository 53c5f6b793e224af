// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"fmt"
	"io"
)

// writeDiff prints every site that changes, before and after, in GNU assembler
// form with the offsets in the section.
func writeDiff(out io.Writer, to screen, path string, views []siteView) {
	head := false
	for i := range views {
		s := &views[i]
		if s.Before == s.After {
			continue
		}
		if !head {
			fmt.Fprintf(out, "--- %s\n+++ %s\n", quoteOdd(path), quoteOdd(path))
			head = true
		}
		fmt.Fprintf(out, "@@ %s+0x%x %s: %s, %s%s @@\n", quoteOdd(s.Section), s.Offset, s.where(), quoteOdd(s.Key), s.Form, s.because())
		for j := range s.Before {
			at := s.Offset + 4*uint64(j)
			switch s.Before[j] {
			case "":
			case s.After[j]:
				fmt.Fprintf(out, " %6x:  %s\n", at, quoteOdd(s.Before[j]))
			default:
				fmt.Fprintln(out, to.paint(red, fmt.Sprintf("-%6x:  %s", at, quoteOdd(s.Before[j]))))
				fmt.Fprintln(out, to.paint(green, fmt.Sprintf("+%6x:  %s", at, quoteOdd(s.After[j]))))
			}
		}
	}
}
