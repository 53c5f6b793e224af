// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
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

// FuzzNew checks that nothing panics, that an error says where, and that an
// accepted file is readable everywhere and comes back unchanged.
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

// FuzzObjectEdit edits sections and symbols of files that New accepts. Edits may be
// rejected, one by one or by Layout. The output must be a file that New accepts and whose
// references are valid.
func FuzzObjectEdit(f *testing.F) {
	seeds(f, func(b []byte) {
		f.Add(b, []byte{0, 3, 1, 1, 4, 2, 3, 5, 1, 0, 6, 2})
		f.Add(b, bytes.Repeat([]byte{1, 4, 0, 9, 3, 2, 8, 5, 7, 6}, 4))
	})
	// A section of relocations that relocates itself.
	own := basic().build()
	copy(own[shdr(vRela, shInfo)(own):], u32(vRela))
	f.Add(own, []byte{1, vRela, 1, 1})
	f.Fuzz(func(t *testing.T, data, script []byte) {
		file, err := elfrw.New(data)
		if err != nil {
			return
		}
		e := file.Edit()
		next := func(n int) int {
			if len(script) == 0 || n <= 0 {
				return 0
			}
			k := int(script[0])
			script = script[1:]
			return k % n
		}
		for len(script) > 0 {
			anyEdit(e, file, next)
		}
		e.StripSignature()
		m, err := e.Layout()
		if err != nil || m.Size() > 64<<20 {
			return
		}
		var out bytes.Buffer
		if _, err := m.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		is, err := elfrw.New(out.Bytes())
		if err != nil {
			t.Fatalf("the output: %v", err)
		}
		if err := is.CheckReferences(); err != nil && !e.Empty() {
			t.Fatalf("the output: %v", err)
		}
	})
}

// anyEdit tries one of the edits that name sections and symbols, valid or not.
func anyEdit(e *elfrw.Edit, f *elfrw.File, next func(int) int) {
	secs, syms := f.NumSections()+4, f.NumSymbols()+4
	rela := func() elfrw.Rela {
		return elfrw.Rela{Off: uint64(next(99)), Symbol: next(syms), Type: uint32(next(9)), Addend: int64(next(9))}
	}
	switch i, y := next(secs), next(syms); next(14) {
	case 0:
		_ = e.RemoveSymbol(y)
	case 1:
		_ = e.RemoveSection(i)
	case 2:
		_ = e.RenameSymbol(y, "renamed"[:next(8)])
	case 3:
		_ = e.RenameSection(i, ".renamed"[:next(9)])
	case 4:
		_ = e.SetData(i, make([]byte, next(99)))
	case 5:
		_ = e.AddRelas(i, rela(), rela())
	case 6:
		_, _ = e.AddSymbol(elfrw.NewSymbol{Name: "new"[:next(4)], Bind: elf.SymBind(next(3)), Section: i})
	case 7:
		_, _ = e.AddSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS, Group: next(2) * i, Addralign: 1 << next(9), Data: make([]byte, next(50))})
	case 8:
		_, _ = e.AddSection(elfrw.NewSection{Name: ".group", Type: elf.SHT_GROUP, Info: uint32(y), Data: make([]byte, 4)})
	case 9:
		_ = e.DropRela(i, next(9))
	case 10:
		_ = e.SetRela(i, next(9), rela())
	case 11:
		_ = e.InsertRela(i, next(9), rela())
	case 12:
		if i < f.NumSections() {
			s := e.Section(i)
			s.Type, s.Addralign, s.Group = elf.SectionType(next(12)), 1<<next(9), next(2)*next(secs)
			s.Info, s.Link = s.Info+uint32(next(2)), s.Link+next(2)
			_ = e.SetSection(i, s)
		}
	case 13:
		if y < f.NumSymbols() {
			s := e.Symbol(y)
			s.Bind, s.Section = elf.SymBind(next(3)), i
			_ = e.SetSymbol(y, s)
		}
	}
}

// FuzzEdit makes the edits of a script. An edit may be rejected; otherwise the
// output is the input with just that changed.
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
	// An empty section at the ELF header grows: a past failure.
	for _, at := range []uint64{0, 63} {
		data := basic().build()
		copy(data[shdr(6, shOff)(data):], append(u64(at), u64(0)...))
		f.Add(data, []byte{5, 2, 3})
	}
	// A file that cannot change its size: another one.
	core := basic().build()
	core[16] = byte(elf.ET_CORE)
	f.Add(core, []byte{5, 2, 3, 7, 1, 2, 6, 1, 1})
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
