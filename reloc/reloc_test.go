// SPDX-License-Identifier: BSD-3-Clause

package reloc

import (
	"debug/elf"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRela(t *testing.T) {
	r := MakeRela(0x10, 0xfffffff7, uint32(elf.R_PPC64_REL24), -8)
	if r.Sym() != 0xfffffff7 || r.Type() != 10 || r.Off != 0x10 || r.Addend != -8 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff("0x10: R_PPC64_REL24 sym 4294967287 - 0x8", r.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("0x0: R_PPC64_NONE sym 0 + 0x0", Rela{}.String()); diff != "" {
		t.Error(diff)
	}
	lowest := Rela{Addend: math.MinInt64}
	if diff := cmp.Diff("0x0: R_PPC64_NONE sym 0 - 0x8000000000000000", lowest.String()); diff != "" {
		t.Error(diff)
	}
	var b [RelaSize + 1]byte
	r.Encode(b[:])
	table, err := NewTable(b[:RelaSize])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, table.At(0)); diff != "" || b[RelaSize] != 0 {
		t.Errorf("round trip, then % x\n%s", b, diff)
	}
}

func TestIsCall(t *testing.T) {
	for typ := range uint32(300) {
		want := typ == uint32(elf.R_PPC64_REL24) || typ == uint32(elf.R_PPC64_REL24_NOTOC)
		if got := MakeRela(0, 1, typ, 0).IsCall(); got != want {
			t.Errorf("%s: %v", Name(typ), got)
		}
	}
}

func TestFills(t *testing.T) {
	for typ, want := range map[elf.R_PPC64]bool{
		elf.R_PPC64_REL24: true, elf.R_PPC64_TOC16_LO_DS: true, elf.R_PPC64_PCREL34: true, 0xffff: true,
		elf.R_PPC64_NONE: false, elf.R_PPC64_TLSGD: false, elf.R_PPC64_PLTCALL: false,
	} {
		if got := MakeRela(0, 1, uint32(typ), 0).Fills(); got != want {
			t.Errorf("%v: %v", typ, got)
		}
	}
}

func TestTable(t *testing.T) {
	for _, n := range []int{1, 23, 25, 47} {
		var te *TableSizeError
		if table, err := NewTable(make([]byte, n)); table != nil || !errors.As(err, &te) || te.Size != n {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if empty, err := NewTable(nil); err != nil || empty.Len() != 0 {
		t.Errorf("no bytes: %d entries, %v", empty.Len(), err)
	}
	table, err := NewTable(make([]byte, 3*RelaSize))
	if err != nil {
		t.Fatal(err)
	}
	want := MakeRela(1, 2, 3, 4)
	table.Put(1, want)
	if table.Len() != 3 || table.At(0) != (Rela{}) || table.At(2) != (Rela{}) {
		t.Error("Put touched a neighbour")
	}
	if table.At(1) != want || table.Info(1) != want.Info || table.Off(1) != want.Off {
		t.Errorf("%v", table.At(1))
	}
}

// TestTableIndex checks that an index outside the table panics, as for a slice.
func TestTableIndex(t *testing.T) {
	table := Table(make([]byte, 2*RelaSize))
	for _, i := range []int{-1, 2, math.MaxInt / RelaSize} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("At(%d) succeeds", i)
				}
			}()
			table.At(i)
		}()
	}
}

// TestHowtos checks the table against debug/elf and against itself.
func TestHowtos(t *testing.T) {
	n := 0
	for typ := range uint32(300) {
		name := elf.R_PPC64(typ).String()
		if typ == uint32(R_PPC64_PLTGOT16_LO_DS) {
			name = "R_PPC64_PLTGOT16_LO_DS"
		}
		h, ok := Lookup(typ)
		if known := strings.HasPrefix(name, "R_PPC64_") && !strings.Contains(name, "+"); ok != known {
			t.Errorf("%d: Lookup %v, debug/elf %s", typ, ok, name)
			continue
		}
		if !ok {
			continue
		}
		n++
		if h.Type != elf.R_PPC64(typ) || h.Name != name || Name(typ) != name {
			t.Errorf("%d: %s, debug/elf %s", typ, h.Name, name)
		}
		if h.Size != h.Field.Size() || h.Align != h.Field.align() {
			t.Errorf("%s: size %d, alignment %d", h.Name, h.Size, h.Align)
		}
		if h.PCRel != strings.Contains(h.Formula, "- P") {
			t.Errorf("%s: PC-relative %v, %s", h.Name, h.PCRel, h.Formula)
		}
		if (h.Field == FieldNone) != (h.Formula == "") {
			t.Errorf("%s: field %v, formula %q", h.Name, h.Field, h.Formula)
		}
		checkNaming(t, h)
	}
	rows := 0
	for _, table := range [][]row{rowsAbsolute, rowsRelative, rowsTOC, rowsTLS, rowsPrefixed, rowsMarkers} {
		rows += len(table)
	}
	if rows != n {
		t.Errorf("%d rows for %d types", rows, n)
	}
}

// checkNaming checks a description against what its name says.
func checkNaming(t *testing.T, h Howto) {
	t.Helper()
	if h.Field == FieldNone {
		return
	}
	name := strings.TrimSuffix(h.Name, "_DS")
	if (h.Field == Half16DS) != (name != h.Name) {
		t.Errorf("%s: field %v", h.Name, h.Field)
	}
	suffix := name[strings.LastIndex(name, "_")+1:]
	part, ok := map[string]Part{"LO": Lo, "HI": Hi, "HA": Ha, "HIGH": Hi, "HIGHA": Ha, "HIGHER": Higher,
		"HIGHERA": Highera, "HIGHEST": Highest, "HIGHESTA": Highesta, "HI30": Hi30, "HA30": Ha30,
		"HIGHER34": Higher34, "HIGHERA34": Highera34, "HIGHEST34": Highest34, "HIGHESTA34": Highesta34}[suffix]
	if ok && h.Part != part && !(part == Lo && h.Part == Lo34) {
		t.Errorf("%s: part %d", h.Name, h.Part)
	}
	checked := suffix == "HI" || suffix == "HA"
	if ok && checked != (h.Check == Signed) {
		t.Errorf("%s: check %d", h.Name, h.Check)
	}
}

func TestUnknown(t *testing.T) {
	for _, typ := range []uint32{18, 23, 32, 125, 152, 239, 255, 256, math.MaxUint32} {
		if h, ok := Lookup(typ); ok {
			t.Errorf("%d: %s", typ, h.Name)
		}
	}
	if diff := cmp.Diff("R_PPC64_<unknown 200>", Name(200)); diff != "" {
		t.Error(diff)
	}
	if f := Field(len(fields)); f.String() != "<unknown field>" || f.Size() != 0 {
		t.Errorf("one past the last field is %v", f)
	}
	if s := Field(200).String(); s != "<unknown field>" || Field(200).Size() != 0 {
		t.Error(s)
	}
}

// TestPartBounds checks bounds against number: at each bound the part is in
// range, and one beyond it is not.
func TestPartBounds(t *testing.T) {
	const least, most = -0x8000, 0x7fff
	for p := range parts {
		p := Part(p)
		if parts[p].shift > 34 {
			continue // the range exceeds that of int64
		}
		low, high := p.bounds(least, most)
		if p.number(low) != least || p.number(low-1) == least || p.number(high) != most || p.number(high+1) == most {
			t.Errorf("part %d: %#x to %#x", p, low, high)
		}
	}
}
