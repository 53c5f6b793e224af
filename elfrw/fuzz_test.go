// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// seeds adds the synthetic shapes and the smaller objects of testdata.
func seeds(f *testing.F, add func([]byte)) {
	for _, o := range small {
		add(o.build())
	}
	add(victim().build())
	paths, err := filepath.Glob("../testdata/obj/*.*o")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8000 {
			add(data)
		}
	}
	good := victim().build()
	for _, c := range slices.Concat(corruptions, contradictions, references) {
		data := bytes.Clone(good)
		copy(data[c.at(data):], c.bytes)
		add(data)
	}
}

// FuzzNew wants no panic, an error that says where, and what is accepted to be
// readable everywhere and to come back as it was.
func FuzzNew(f *testing.F) {
	seeds(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := elfrw.New(data)
		var format *elfrw.FormatError
		if err != nil {
			if !errors.As(err, &format) && !errors.Is(err, elfrw.ErrNotELF64LE) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		snapshot(file).flatten()
		file.Signed()
		file.SymbolNames()
		file.SectionByName("no such section")
		for i := range file.NumSections() {
			_ = file.Section(i).String()
		}
		newEditor(t, data).layout()
	})
}

// FuzzEdit makes the edits that the script says. An edit may be refused; if it
// is not, the output is the input with just that changed.
func FuzzEdit(f *testing.F) {
	scripts := [][]byte{
		{}, {7, 0, 3, 1}, {8, 1, 1, 0, 5, 5, 5}, {0, 0, 1, 2, 1, 0, 1, 3, 2, 9, 4, 0, 0, 1, 2, 3},
		bytes.Repeat([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3}, 8),
	}
	seeds(f, func(b []byte) {
		for _, s := range scripts {
			f.Add(b, s)
		}
	})
	// An empty section at the ELF header grows: this was found.
	for _, at := range []uint64{0, 63} {
		data := basic().build()
		copy(data[shdr(6, shOff)(data):], append(u64(at), u64(0)...))
		f.Add(data, []byte{5, 2, 3})
	}
	f.Fuzz(func(t *testing.T, data, script []byte) {
		if _, err := elfrw.New(data); err != nil {
			return
		}
		d := newEditor(t, data)
		x := newMixer(d, func(n int) int {
			k := 0
			for limit := 1; limit < n && len(script) > 0; limit <<= 8 {
				k, script = k<<8|int(script[0]), script[1:]
			}
			return k % n
		})
		for len(script) > 0 {
			x.step()
		}
		d.e.StripSignature()
		if out, err := d.tryLayout(); err == nil {
			newEditor(t, out).layout()
		}
	})
}
