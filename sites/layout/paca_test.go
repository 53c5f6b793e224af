// SPDX-License-Identifier: BSD-3-Clause

package layout

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// TestPACATOC reads the offset from symbols of a real object, and of the same
// bytes as an image, where a symbol's value is an address.
func TestPACATOC(t *testing.T) {
	b, err := os.ReadFile("../../testdata/obj/gcc-p8-O2-update.o")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	const name = "__SCK__u_zero"
	var sym, value, header uint64 // offsets in the file: of the symbol, its data, its section header
	var data, end uint64          // of its section in the file, and its size
	for i := 1; i < f.NumSymbols(); i++ {
		s := f.Symbol(i)
		if s.Section == 0 || string(f.SymbolName(s)) != name {
			continue
		}
		const shOff, shEntry, symEntry = 0x28, 64, 24
		table, _ := f.SectionByName(".symtab")
		sym = table.Off + uint64(i)*symEntry
		data, end = f.Section(s.Section).Off, f.Section(s.Section).Size
		value = data + s.Value
		header = binary.LittleEndian.Uint64(b[shOff:]) + uint64(s.Section)*shEntry
	}
	if sym == 0 {
		t.Fatalf("no symbol %s", name)
	}
	const stShndx, stValue, stSize, shAddr, eType = 6, 8, 16, 16, 16
	put := func(b []byte, off, size, v uint64) {
		copy(b[off:off+size], binary.LittleEndian.AppendUint64(nil, v)[:size])
	}
	for _, c := range []struct {
		name   string
		change func(b []byte)
		want   int64
		err    string
	}{
		{"data", func([]byte) {}, 0x28, ""},
		{"two bytes", func(b []byte) { put(b, sym+stSize, 8, 2) }, 0x28, ""},
		{"four bytes", func(b []byte) { put(b, sym+stSize, 8, 4) }, 0x28, ""},
		{"three bytes", func(b []byte) { put(b, sym+stSize, 8, 3) }, 0, "has 0x3 bytes"},
		{"absolute", func(b []byte) { put(b, sym+stShndx, 2, 0xfff1); put(b, sym+stValue, 8, 0x7ffc) }, 0x7ffc, ""},
		{"undefined", func(b []byte) { put(b, sym+stShndx, 2, 0) }, 0, "is undefined"},
		{"past the end", func(b []byte) { put(b, sym+stValue, 8, 1<<40) }, 0, "has no data"},
		{"at the end", func(b []byte) {
			put(b, sym+stValue, 8, end-4)
			put(b, sym+stSize, 8, 4)
			put(b, value, 8, 0)
			put(b, data+end-4, 4, 0x30)
		}, 0x30, ""},
		{"past the end by two", func(b []byte) { put(b, sym+stValue, 8, end-2); put(b, sym+stSize, 8, 4) }, 0, "has no data"},
		{"after the end", func(b []byte) { put(b, sym+stValue, 8, end); put(b, sym+stSize, 8, 2) }, 0, "has no data"},
		{"nothing at the end", func(b []byte) { put(b, sym+stValue, 8, end); put(b, sym+stSize, 8, 0) }, 0, "has 0x0 bytes"},
		{"at r13 itself", func(b []byte) { put(b, value, 8, 0) }, 0, ""},
		{"below r13", func(b []byte) { put(b, value, 8, 1<<64-4) }, 0, "offset -4 of r13"},
		{"odd", func(b []byte) { put(b, value, 8, 0x2a) }, 0, "offset 42 of r13"},
		{"too far", func(b []byte) { put(b, value, 8, 0x8000) }, 0, "offset 32768 of r13"},
		{"image", func(b []byte) {
			put(b, eType, 2, 2)
			put(b, header+shAddr, 8, 0x10000)
			put(b, sym+stValue, 8, 0x10000+binary.LittleEndian.Uint64(b[sym+stValue:]))
		}, 0x28, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := append([]byte(nil), b...)
			put(b, sym+stSize, 8, 8)
			put(b, value, 8, 0x28)
			c.change(b)
			f, err := elfrw.New(b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := PACATOC(f, name)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%d, %v; want %d, %q", got, err, c.want, c.err)
			}
		})
	}
	if _, err := PACATOC(f, "nobody"); err == nil {
		t.Error("a symbol that is not there")
	}
	if got, err := PACATOC(f, "0x10"); got != 16 || err != nil {
		t.Errorf("0x10 is %d, %v", got, err)
	}
}
