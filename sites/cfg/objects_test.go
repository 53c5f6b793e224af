// SPDX-License-Identifier: BSD-3-Clause

package cfg

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/tocsave"
)

// An object is a relocatable file with everything that is known about its code.
type object struct {
	name string
	file *elfrw.File
	m    *Map
	secs []int
}

func readObject(name string, b []byte) (*object, error) {
	f, err := elfrw.New(b)
	if err != nil {
		return nil, err
	}
	o := &object{name: name, file: f}
	for i := 1; i < f.NumSections(); i++ {
		if s := f.Section(i); s.Is(elf.SHT_PROGBITS) && s.Has(elf.SHF_EXECINSTR) {
			o.secs = append(o.secs, i)
		}
	}
	o.m, err = Read(f, o.secs)
	return o, err
}

// site is a bl; nop and its verdict.
type site struct {
	sec int
	off uint64
	fn  *function // the outermost function around it, or nil
	tocsave.Verdict
}

// analyse returns the verdict on every bl that has a relocation and is followed
// by a nop.
func (o *object) analyse() (all []site) {
	for _, sec := range o.secs {
		t := o.m.secs[sec]
		var calls []uint64
		for i := range t.relocs.Len() {
			r := t.relocs.Nth(i)
			w, err := ppc64.Load(t.code, r.Off)
			slot, err2 := ppc64.Load(t.code, r.Off+4)
			if err == nil && err2 == nil && r.Type() == uint32(elf.R_PPC64_REL24) && w.IsBranch() && w.LK() && slot.IsNop() {
				calls = append(calls, r.Off)
			}
		}
		for i, v := range o.m.Prove(sec, calls) {
			s := site{sec: sec, off: calls[i], Verdict: v}
			for fn := range t.places.Covering(s.off) {
				s.fn = &t.funcs[fn.ID]
			}
			all = append(all, s)
		}
	}
	return all
}

// functionName returns the name of a function symbol.
func (o *object) functionName(sec int, fn *function) string {
	for i := 1; i < o.file.NumSymbols() && fn != nil; i++ {
		s := o.file.Symbol(i)
		if s.Section == sec && s.Value == fn.start && s.Size == fn.end-fn.start {
			return string(o.file.SymbolName(s))
		}
	}
	return "?"
}

// readArchive calls f for the members of an ar archive, with their offset.
func readArchive(b []byte, f func(name string, off int, data []byte) error) error {
	const magic, header = "!<arch>\n", 60
	if !bytes.HasPrefix(b, []byte(magic)) {
		return errors.New("not an archive")
	}
	var long []byte
	for off := len(magic); off+header <= len(b); {
		h := b[off : off+header]
		var size int
		if _, err := fmt.Sscan(string(h[48:58]), &size); err != nil || off+header+size > len(b) {
			return io.ErrUnexpectedEOF
		}
		data := b[off+header : off+header+size]
		name := strings.TrimRight(string(h[:16]), " ")
		switch name {
		case "//":
			long = data
		case "/", "/SYM64/":
		default:
			var at int
			if n, _ := fmt.Sscanf(name, "/%d", &at); n == 1 && at < len(long) {
				name, _, _ = strings.Cut(string(long[at:]), "/")
			}
			if err := f(strings.TrimSuffix(name, "/"), off+header, data); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		off += header + size + size%2
	}
	return nil
}
