// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestUserCells reads the cells that an earlier run added. A second run changes nothing,
// and still finds that the keys may change. Damaged cells are refused.
func TestUserCells(t *testing.T) {
	two := strings.NewReplacer("__op", "__two", "caller", "third").Replace(caller) + "key two, target\n"
	p, err := plan(assemble(t, caller+two+foreignKey+trampNull), Options{Place: User})
	if err != nil {
		t.Fatal(err)
	}
	patched := apply(t, p)
	if p, err := plan(patched, Options{Place: User}); err != nil || p.Changes() {
		t.Errorf("a second run: %v", err)
	}
	f, err := elfrw.New(patched)
	if err != nil {
		t.Fatal(err)
	}
	cells, _ := f.SectionByName(layout.UserCells)
	relas, _ := f.SectionByName(".rela" + layout.UserCells)
	if cells.Size != 2*layout.CellSize || relas.Size != 6*reloc.RelaSize {
		t.Fatalf("%d bytes of cells with %d of relocations", cells.Size, relas.Size)
	}
	header := func(sec elfrw.Section, field uint64) uint64 { return f.Header().Shoff + uint64(sec.Index)*64 + field }
	rela := func(i, field uint64) uint64 { return relas.Off + i*reloc.RelaSize + field }
	add := func(b []byte, n uint32) {
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+n)
	}
	for _, c := range []struct {
		name string
		do   func(b []byte)
		want string
	}{
		{"the wrong type", func(b []byte) { b[header(cells, 4)] = byte(elf.SHT_NOTE) }, "+0x0: cells have type SHT_PROGBITS and SHF_WRITE"},
		{"read-only", func(b []byte) { b[header(cells, 8)] &^= byte(elf.SHF_WRITE) }, "+0x0: cells have type SHT_PROGBITS and SHF_WRITE"},
		{"a part of a cell", func(b []byte) { add(b[header(cells, 32):], ^uint32(3)) }, "+0x0: 0x2c bytes with 6 relocations are not a table of cells"},
		{"a relocation too few", func(b []byte) { add(b[header(relas, 32):], ^uint32(reloc.RelaSize-1)) }, "+0x0: 0x30 bytes with 5 relocations are not a table of cells"},
		{"another type of a cell", func(b []byte) { b[rela(0, 8)] = byte(elf.R_PPC64_REL64) }, "has no such field"},
		{"another type of a key", func(b []byte) { b[rela(1, 8)] = byte(elf.R_PPC64_REL64) }, "has no such field"},
		{"another type of a stub", func(b []byte) { b[rela(2, 8)] = byte(elf.R_PPC64_ADDR32) }, "has no such field"},
		{"a field elsewhere", func(b []byte) { add(b[rela(5, 0):], 4) }, "has no such field"},
		{"no key", func(b []byte) { add(b[rela(1, 16):], 8) }, "+0x8: R_PPC64_ADDR64: __SCK__two+0x8 is not a key"},
		{"two places", func(b []byte) { add(b[rela(0, 16):], 4) }, "does not hold the place that its entry names"},
		{"two places, the other way", func(b []byte) { add(b[rela(2, 16):], 4) }, "does not hold the place that its entry names"},
		{"the start of the stub", func(b []byte) {
			add(b[rela(0, 16):], -binary.LittleEndian.Uint32(b[rela(0, 16):]))
			add(b[rela(2, 16):], -binary.LittleEndian.Uint32(b[rela(2, 16):]))
		}, "holds a place that is in no stub of it"},
		{"past the stub", func(b []byte) { add(b[rela(0, 16):], 40); add(b[rela(2, 16):], 40) }, "holds a place that is in no stub of it"},
		{"the stub of another key", func(b []byte) {
			copy(b[rela(1, 12):rela(1, 16)], b[rela(4, 12):rela(4, 16)])
		}, "holds a place that is in no stub of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Clone(patched)
			c.do(b)
			_, err := plan(b, Options{Place: User})
			if err == nil || !strings.Contains(err.Error(), c.want) || errkind.Of(err) != errkind.BadTable {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
