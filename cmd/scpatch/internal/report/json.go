// SPDX-License-Identifier: BSD-3-Clause

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/scpatch/scpatch/sites/errkind"
)

// Version is the version of the format that list --json prints.
const Version = 1

// A File is one file of list --json, which prints one object a line.
type File struct {
	Version int        `json:"version"`
	Scpatch string     `json:"scpatch"` // see [Origin]
	Options []string   `json:"options"`
	File    string     `json:"file"`
	Keys    int        `json:"keys"`
	Sites   []Site     `json:"sites"`
	Error   *FileError `json:"error,omitempty"` // why the file could not be listed
}

// An Origin says how a file was listed.
type Origin struct {
	Scpatch string   `json:"scpatch"` // the version of scpatch
	Options []string `json:"options"` // those that decide what becomes of a site and which sites are listed
}

// A FileError says why a file could not be listed.
type FileError struct {
	Kind string `json:"kind"`
	What string `json:"what"`
}

// same reports whether two listings were made in the same way.
func (o Origin) same(other *Origin) bool {
	return o.Scpatch == other.Scpatch && slices.Equal(o.Options, other.Options)
}

// NewFile returns what list prints about a file.
func (o Origin) NewFile(path string, s Sites) File {
	return File{Version, o.Scpatch, o.Options, path, s.Keys(), allSites(s), nil}
}

// Failed returns what list prints about a file that could not be listed.
func (o Origin) Failed(path string, k errkind.Kind, what string) File {
	return File{Version, o.Scpatch, o.Options, path, 0, []Site{}, &FileError{k.String(), what}}
}

// origin returns how the file was listed, nil if the listing does not say.
func (f *File) origin() *Origin {
	if f.Options == nil {
		return nil
	}
	return &Origin{f.Scpatch, f.Options}
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
// printable. Characters from DEL on occur only in strings.
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
