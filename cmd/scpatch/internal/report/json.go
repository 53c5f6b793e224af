// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Version is the version of the format that list --json prints.
const Version = 1

// A File is one file of list --json, which prints one object a line.
type File struct {
	Version int    `json:"version"`
	File    string `json:"file"`
	Keys    int    `json:"keys"`
	Sites   []Site `json:"sites"`
}

// NewFile returns what list prints about a file.
func NewFile(path string, s Sites) File {
	return File{Version, path, s.Keys(), allSites(s)}
}

// WriteJSON writes a value as JSON on one line.
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	_, err := w.Write(PlainJSON(b.Bytes()))
	return err
}

// PlainJSON returns a line of JSON with escapes for characters that are not
// printed. Characters from DEL on are only in strings.
func PlainJSON(line []byte) []byte {
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
