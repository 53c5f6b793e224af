// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of symbols, sections and files may contain anything but NUL. Plain and
// [errkind.Printable] keep them from moving the cursor of a terminal, ending a line or
// writing backwards.

// Plain returns a text with escapes for characters that are not printable.
func Plain(text string) string {
	if strings.IndexFunc(text, unprinted) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unprinted(r):
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteString(text[:n])
		}
		text = text[n:]
	}
	return b.String()
}

func unprinted(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
