// SPDX-License-Identifier: BSD-3-Clause

package elfrw_test

import (
	"bytes"
	"debug/elf"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// The kinds of edits. Each returns false if the object has nothing for it.
var kinds = map[string]func(d *editor) bool{
	"ReplaceBytes": func(d *editor) bool {
		secs := d.plain(8)
		for _, sec := range secs {
			d.replace(sec, 4, []byte{1, 2, 3, 4})
			d.replace(sec, 0, []byte{5})
		}
		return len(secs) > 0
	},
	"ReplaceAll": func(d *editor) bool {
		secs := d.plain(1)
		for _, sec := range secs[:min(1, len(secs))] {
			d.replace(sec, 0, bytes.Repeat([]byte{0xaa}, int(d.f.Section(sec).Size)))
		}
		return len(secs) > 0
	},
	"SetRela": func(d *editor) bool {
		secs := d.relas(1)
		for _, sec := range secs {
			n := d.entries(sec) - 1
			d.setRela(sec, n, rel(0, d.f.NumSymbols()-1, elf.R_PPC64_REL24, -8))
		}
		return len(secs) > 0
	},
	"DropRela": func(d *editor) bool {
		secs := d.relas(1)
		for _, sec := range secs {
			d.dropRela(sec, d.entries(sec)/2)
		}
		return len(secs) > 0
	},
	"DropAllRelas": func(d *editor) bool {
		secs := d.relas(1)
		for _, sec := range secs {
			for i := range d.entries(sec) {
				d.dropRela(sec, i)
			}
		}
		return len(secs) > 0
	},
	"InsertRela": func(d *editor) bool {
		secs := slices.DeleteFunc(d.relas(0), func(i int) bool { return d.f.Section(int(d.f.Section(i).Info)).Size == 0 })
		for _, sec := range secs {
			n := d.entries(sec)
			for i := range 12 {
				d.insertRela(sec, n, rel(0, 1, elf.R_PPC64_REL32, int64(i)))
				d.insertRela(sec, 0, rel(0, 0, elf.R_PPC64_REL32, int64(-i)))
			}
		}
		return len(secs) > 0
	},
	"MoveRela": func(d *editor) bool { // the size stays the same
		secs := d.relas(2)
		for _, sec := range secs {
			d.insertRela(sec, d.entries(sec), rel(0, 1, elf.R_PPC64_REL32, 1))
			d.dropRela(sec, 0)
		}
		return len(secs) > 0
	},
	"SetSymbolOther": func(d *editor) bool {
		n := d.f.NumSymbols()
		if n < 2 {
			return false
		}
		d.setOther(n-1, 0x20)
		if n > 2 {
			d.setOther(1, 3)
		}
		return true
	},
	"AppendData": func(d *editor) bool {
		secs := d.plain(0)
		done := false
		for _, sec := range secs {
			if !d.f.Section(sec).Compressed() {
				d.appendData(sec, []byte("appended bytes!")[:1+sec%15])
				done = true
			}
		}
		return done
	},
	"AppendToFirst": func(d *editor) bool {
		for _, sec := range d.plain(0) {
			if !d.f.Section(sec).Compressed() {
				d.appendData(sec, []byte{1})
				return true
			}
		}
		return false
	},
	"AppendStrings": func(d *editor) bool {
		secs := d.find(func(i int, s elfrw.Section) bool { return s.Is(elf.SHT_STRTAB) })
		for _, sec := range secs {
			d.appendData(sec, []byte("more\x00strings\x00"))
		}
		if d.f.NumSymbols() > 0 {
			d.addSymbol(elfrw.NewSymbol{Name: "after_the_strings", Bind: elf.STB_GLOBAL})
		}
		d.addSection(elfrw.NewSection{Name: ".after.the.strings", Type: elf.SHT_PROGBITS})
		return true
	},
	"AddSection": func(d *editor) bool {
		d.addSection(elfrw.NewSection{Name: ".one", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 16, Entsize: 8, Data: []byte("sixteen bytes....")})
		return true
	},
	"AddSections": func(d *editor) bool {
		table := d.addSection(elfrw.NewSection{Name: ".static_call_sites", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 8, Entsize: 16, Data: make([]byte, 32)})
		d.addSection(elfrw.NewSection{Name: "", Type: elf.SHT_PROGBITS})
		d.addSection(elfrw.NewSection{Name: ".aligned", Type: elf.SHT_NOTE, Flags: elf.SHF_ALLOC, Addralign: 64, Data: []byte("odd"), Link: 1, Info: 7})
		if d.f.NumSymbols() > 1 {
			d.addRela(table, rel(0, 1, elf.R_PPC64_REL32, 0), rel(8, d.f.NumSymbols()-1, elf.R_PPC64_REL64, 1))
		}
		return true
	},
	"AddToGroups": func(d *editor) bool {
		groups := d.find(func(_ int, s elfrw.Section) bool { return s.Is(elf.SHT_GROUP) })
		for _, g := range groups {
			sec := d.addSection(elfrw.NewSection{Name: ".member", Type: elf.SHT_PROGBITS, Addralign: 8, Data: make([]byte, 8), Group: g})
			d.addSection(elfrw.NewSection{Name: ".another", Type: elf.SHT_PROGBITS, Link: sec, Group: g})
		}
		return len(groups) > 0
	},
	"AddGlobals": func(d *editor) bool {
		if d.f.NumSymbols() == 0 {
			return false
		}
		i := d.addSymbol(elfrw.NewSymbol{Name: "__SCK__new", Bind: elf.STB_GLOBAL, Type: elf.STT_NOTYPE})
		j := d.addSymbol(elfrw.NewSymbol{Name: "new_weak", Bind: elf.STB_WEAK, Type: elf.STT_FUNC, Section: 1, Value: 4, Size: 8, Other: 0x62})
		for _, sec := range d.relas(1) {
			d.setRela(sec, 0, rel(0, j, elf.R_PPC64_REL32, 0))
			d.insertRela(sec, 1, rel(0, i, elf.R_PPC64_REL32, 0))
		}
		return true
	},
	"AddLocals": func(d *editor) bool {
		if d.f.NumSymbols() == 0 {
			return false
		}
		for i := range 70 { // enough to make LLVM's table longer
			d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL, Type: elf.STT_SECTION, Section: 1, Value: uint64(i)})
		}
		return true
	},
	"AddEverything": func(d *editor) bool {
		if d.f.NumSymbols() == 0 {
			return false
		}
		sec := d.addSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS, Flags: wa, Addralign: 8, Data: make([]byte, 24)})
		g := d.addSymbol(elfrw.NewSymbol{Name: "global", Bind: elf.STB_GLOBAL, Section: sec})
		l := d.addSymbol(elfrw.NewSymbol{Name: "local", Bind: elf.STB_LOCAL, Section: sec, Value: 8})
		h := d.addSymbol(elfrw.NewSymbol{Name: "undefined", Bind: elf.STB_GLOBAL})
		s := d.addSymbol(elfrw.NewSymbol{Bind: elf.STB_LOCAL, Type: elf.STT_SECTION, Section: sec})
		n := d.f.NumSymbols() - 1
		d.addRela(sec, rel(0, h, elf.R_PPC64_ADDR64, 0), rel(0, s, elf.R_PPC64_ADDR64, 8), rel(0, n, elf.R_PPC64_ADDR64, 0), rel(0, l, elf.R_PPC64_ADDR64, 0), rel(0, g, elf.R_PPC64_ADDR64, 0))
		for _, r := range d.relas(1) {
			d.setRela(r, 0, rel(0, s, elf.R_PPC64_REL32, 4))
			d.insertRela(r, 0, rel(0, h, elf.R_PPC64_REL32, 4))
		}
		for _, p := range d.plain(4) {
			d.replace(p, 0, []byte{0, 0, 0, 0x60})
		}
		if n > 0 {
			d.setOther(n, 0x20)
		}
		return true
	},
}

// TestEdit makes every kind of edit to every shape and every object, and checks
// that the output is the input with just that changed. If there is nothing to
// edit, the output is the input.
func TestEdit(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edited := 0
			edit := func(t *testing.T, data []byte) {
				d := newEditor(t, data)
				if d.f.Symtab().Index != 0 && name == "AddLocals" && hasUnknown(d.f) {
					if _, err := d.e.AddSymbol(elfrw.NewSymbol{}); err == nil || !strings.Contains(err.Error(), "may refer to symbols") {
						t.Errorf("a local symbol before unknown references: %v", err)
					}
					return
				}
				if !kind(d) {
					if !d.e.Empty() {
						t.Error("there is nothing to edit, but the edit is not empty")
					}
					d.layout()
					return
				}
				edited++
				d.e.StripSignature()
				out := d.layout()
				newEditor(t, out).layout()
			}
			eachSmall(t, edit)
			eachObject(t, edit)
			switch name {
			case "AddEverything", "DropAllRelas":
				eachLarge(t, edit)
			}
			if edited == 0 {
				t.Error("nothing was edited")
			}
		})
	}
}

// hasUnknown reports whether a section refers to symbols in an unknown way.
func hasUnknown(f *elfrw.File) bool {
	for i := 1; i < f.NumSections(); i++ {
		switch s := f.Section(i); elf.SectionType(s.Type) {
		case elf.SHT_REL, elf.SHT_RELA, elf.SHT_GROUP, elf.SHT_SYMTAB_SHNDX, shtAddrsig, shtCallGraph12, 0x6fff4c09, elf.SHT_NULL:
		default:
			if int(s.Link) == f.Symtab().Index {
				return true
			}
		}
	}
	return false
}

// TestBoundary crosses the largest number of sections that e_shnum can hold.
func TestBoundary(t *testing.T) {
	data := large["boundary"]()
	d := newEditor(t, data)
	if h := d.f.Header(); h.Shnum != 65_277 {
		t.Fatalf("e_shnum is %d", h.Shnum)
	}
	first, last := 0, 0
	for i := range 5 {
		last = d.addSection(elfrw.NewSection{Name: ".new", Type: elf.SHT_PROGBITS, Data: []byte{byte(i)}})
		if i == 0 {
			first = last
		}
	}
	a := d.addSymbol(elfrw.NewSymbol{Name: "low", Bind: elf.STB_LOCAL, Section: first})
	b := d.addSymbol(elfrw.NewSymbol{Name: "high", Bind: elf.STB_LOCAL, Section: last})
	c := d.addSymbol(elfrw.NewSymbol{Name: "global", Bind: elf.STB_GLOBAL, Section: last})
	d.addRela(last, rel(0, a, elf.R_PPC64_ADDR64, 0), rel(0, b, elf.R_PPC64_ADDR64, 0), rel(0, c, elf.R_PPC64_ADDR64, 0))
	out := d.layout()

	f, err := elfrw.New(out)
	if err != nil {
		t.Fatal(err)
	}
	if h := f.Header(); h.Shnum != 0 || f.Section(0).Size != 65_284 || f.NumSections() != 65_284 {
		t.Errorf("e_shnum is %d, the first header counts %d", h.Shnum, f.Section(0).Size)
	}
	if x := f.Section(65_283); !x.Is(elf.SHT_SYMTAB_SHNDX) || x.NameString() != ".symtab_shndx" {
		t.Errorf("section %v of type %v", x, elf.SectionType(x.Type))
	}
	// Below the boundary nothing of that is needed.
	d = newEditor(t, data)
	d.addSection(elfrw.NewSection{Name: ".a", Type: elf.SHT_PROGBITS})
	last = d.addSection(elfrw.NewSection{Name: ".b", Type: elf.SHT_PROGBITS})
	d.addSymbol(elfrw.NewSymbol{Name: "b", Bind: elf.STB_LOCAL, Section: last})
	if f, err = elfrw.New(d.layout()); err != nil || f.Header().Shnum != 65_279 {
		t.Errorf("e_shnum is %d, %v", f.Header().Shnum, err)
	}
}

// TestSigned checks that a signature survives an empty edit and stops any
// other.
func TestSigned(t *testing.T) {
	for _, tail := range [][]byte{signature(100), signature(0), []byte("~Module signature appended~\n"), append([]byte("more"), signature(9)...)} {
		o := basic()
		plain := o.build()
		o.trailer = tail
		data := o.build()
		d := newEditor(t, data)
		if !d.f.Signed() || !bytes.Equal(d.f.Trailer(), tail) {
			t.Errorf("signed: %v, trailer % x", d.f.Signed(), d.f.Trailer())
		}
		d.layout()

		d = newEditor(t, data)
		d.replace(1, 0, []byte{1})
		if _, err := d.e.Layout(); err != elfrw.ErrSigned {
			t.Errorf("an edit of a signed file: %v", err)
		}
		d = newEditor(t, data)
		d.replace(1, 0, []byte{1})
		d.e.StripSignature()
		want := bytes.Clone(plain)
		if bytes.HasPrefix(tail, []byte("more")) {
			want = append(want, "more"...)
		}
		want[d.f.Section(1).Off] = 1
		if out := d.layout(); !bytes.Equal(out, want) {
			t.Errorf("stripping left %d bytes, want %d", len(out), len(want))
		}
		d = newEditor(t, data)
		d.e.StripSignature()
		if out := d.layout(); len(out) > len(plain)+4 {
			t.Error("the signature is still there")
		}
	}
	// An empty section after the last one does not hide the signature.
	o := basic()
	o.trailer = signature(50)
	data := o.build()
	for _, at := range []int{len(data), len(data) - 5} {
		copy(data[shdr(6, shOff)(data):], append(u64(uint64(at)), u64(0)...))
		refused(t, data, func(e *elfrw.Edit) error { return e.ReplaceBytes(1, 0, code(1), code(1)) }, elfrw.ErrSigned.Error())
		refused(t, data, func(e *elfrw.Edit) error { e.StripSignature(); return nil }, `".note" is inside the signature`)
	}
	d := newEditor(t, basic().build())
	d.e.StripSignature()
	if !d.e.Empty() {
		t.Error("stripping what is not there is an edit")
	}
}

// TestSharedOffset edits a section that keeps its size and an empty one where
// it ends, in either order.
func TestSharedOffset(t *testing.T) {
	for _, first := range []bool{true, false} {
		o := &object{}
		text := o.add(sec{name: ".text", flags: ax, align: 4, data: code(4)})
		o.sym(sym{name: "f", info: global(elf.STT_FUNC), section: text})
		empty := o.add(sec{name: ".empty", align: 1})
		rela := o.rela(text, rel(0, 1, elf.R_PPC64_REL24, 0), rel(4, 1, elf.R_PPC64_REL24, 0))
		o.order = []int{text, rela, empty}
		d := newEditor(t, o.build())
		if first {
			d.appendData(empty, []byte("first"))
		}
		d.dropRela(rela, 0)
		d.insertRela(rela, 2, rel(8, 1, elf.R_PPC64_REL24, 0))
		if !first {
			d.appendData(empty, []byte("second"))
		}
		d.layout()
	}
}
