// SPDX-License-Identifier: BSD-3-Clause

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
)

// Names of symbols, sections and files may have in them whatever is not NUL. The
// functions here keep them from moving the cursor of a terminal, from ending a
// line, and from writing backwards.

// quoteOdd quotes a name that is not plain text.
func quoteOdd(name string) string {
	if q := strconv.Quote(name); q[1:len(q)-1] != name {
		return q
	}
	return name
}

// plain is a text with escapes for what is not printed.
func plain(text string) string {
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

// writeJSON writes a value in a line.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	_, err := w.Write(plainJSON(b.Bytes()))
	return err
}

// plainJSON is a line of JSON with escapes for what is not printed: from DEL on
// there is nothing outside of strings.
func plainJSON(line []byte) []byte {
	odd := func(r rune) bool { return r >= 0x7f && unprinted(r) }
	if bytes.IndexFunc(line, odd) < 0 {
		return line
	}
	var b []byte
	for _, r := range string(line) {
		switch {
		case !odd(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}

// jsonFormatter writes messages as lines of JSON.
type jsonFormatter struct{ logrus.JSONFormatter }

func (f *jsonFormatter) Format(e *logrus.Entry) ([]byte, error) {
	line, err := f.JSONFormatter.Format(e)
	return plainJSON(line), err
}
