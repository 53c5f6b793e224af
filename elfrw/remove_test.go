// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestRemove adds sections and removes them again: the file is what it was.
func TestRemove(t *testing.T) {
	run := func(t *testing.T, data []byte) {
		if f, err := elfrw.New(data); err != nil || f.Header().Shstrndx == 0 || f.Signed() {
			return // what cannot be added to
		}
		seed := fnv.New64a()
		seed.Write([]byte(t.Name()))
		r := rand.New(rand.NewPCG(seed.Sum64(), 2))
		rounds := 10
		if len(data) > 1<<20 {
			rounds = 1
		}
		for range rounds {
			d := newEditor(t, data)
			n := 1 + r.IntN(3)
			for range n {
				sec := d.addSection(elfrw.NewSection{
					Name: ".dummy.section"[:r.IntN(15)], Type: elf.SHT_PROGBITS, Addralign: 1 << r.IntN(9),
					Data: bytes.Repeat([]byte{1}, r.IntN(40)),
				})
				if d.f.NumSymbols() > 1 && r.IntN(2) == 0 {
					d.addRela(sec, rel(0, 1, elf.R_PPC64_NONE, 0))
				}
			}
			out := d.layout()
			f, err := elfrw.New(out)
			if err != nil {
				t.Fatal(err)
			}
			e := f.Edit()
			for i := f.NumSections() - 1; i >= d.f.NumSections(); i-- {
				if err := e.RemoveSection(i); err != nil {
					t.Fatal(err)
				}
			}
			m, err := e.Layout()
			if err != nil {
				t.Fatal(err)
			}
			var back bytes.Buffer
			if _, err := m.WriteTo(&back); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Bytes(), data) {
				t.Fatalf("%d bytes, with sections %d, without them again %d", len(data), len(out), back.Len())
			}
		}
	}
	eachSmall(t, run)
	eachObject(t, run)
	eachLarge(t, run)
}

// TestRemoveRefused lists what cannot be removed.
func TestRemoveRefused(t *testing.T) {
	d := newEditor(t, basic().build())
	data := elfrw.NewSection{Name: ".a", Type: elf.SHT_PROGBITS, Data: make([]byte, 8)}
	first := d.addSection(data)
	d.addSymbol(elfrw.NewSymbol{Name: "in_a", Bind: elf.STB_GLOBAL, Section: first})
	data.Name, data.Data = ".b", make([]byte, 64)
	second := d.addSection(data)
	named := d.layout()

	linked := bytes.Clone(named)
	copy(linked[shdr(vRela, shInfo)(linked):], u32(uint32(second)))
	remove := func(from int) func(e *elfrw.Edit) error {
		return func(e *elfrw.Edit) error {
			for i := second; i >= from; i-- {
				if err := e.RemoveSection(i); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, c := range []struct {
		data []byte
		edit func(e *elfrw.Edit) error
		want string
	}{
		{named, remove(second), ""},
		{named, func(e *elfrw.Edit) error { return e.RemoveSection(second + 1) }, "section 12 of 12"},
		{named, func(e *elfrw.Edit) error { return e.RemoveSection(first) }, `section ".a": only the last section can be removed, which is 11`},
		{named, remove(first), `section ".a" cannot be removed: symbol 7 refers to it`},
		{basic().build(), func(e *elfrw.Edit) error { return e.RemoveSection(9) }, `section ".shstrtab" cannot be removed: it is a table of the file`},
		{linked, remove(second), `section ".b" cannot be removed: section ".rela.text" refers to it`},
		{named, func(e *elfrw.Edit) error {
			if _, err := e.AddSection(data); err != nil {
				return err
			}
			return e.RemoveSection(second)
		}, `section ".b": sections cannot be added and removed by one edit`},
		{named, func(e *elfrw.Edit) error {
			if _, err := e.AddSymbol(elfrw.NewSymbol{Name: "in_b", Bind: elf.STB_GLOBAL, Section: second}); err != nil {
				return err
			}
			return e.RemoveSection(second)
		}, `section ".b" cannot be removed: the new symbol "in_b" refers to it`},
	} {
		f, err := elfrw.New(c.data)
		if err != nil {
			t.Fatal(err)
		}
		e := f.Edit()
		if err = c.edit(e); err == nil {
			_, err = e.Layout()
		}
		if got := fmt.Sprint(err); got != c.want && (c.want != "" || err != nil) {
			t.Errorf("error is %s, want %s", got, c.want)
		}
	}
}
