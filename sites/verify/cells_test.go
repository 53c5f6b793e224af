// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"
)

// Faults of cells.S.
const (
	badCell     = "the cell holds .*, not .*, as its entry says"
	noCell      = "it jumps through .*, which is neither the key nor a cell that a table lists"
	unlistedTwo = "v_two+0x18: the entry's stub __SCJ__two does not go through the key: " + noCell
)

// cells is where the cells of cells.S are.
const cells = "cell one\ncell two\n"

// cellsBetween puts the cells between symbols into another section, the end at an
// offset from the end of the cells.
func cellsBetween(off string, edits ...string) []string {
	return append([]string{`static_call_cells,"aw",@progbits`, `.cells,"aw",@progbits`,
		cells, "\t.pushsection .cells,\"aw\",@progbits\n__start_static_call_cells:\n\t.popsection\n" + cells +
			"\t.pushsection .cells\n\t.set __stop_static_call_cells,.+" + off + "\n\t.popsection\n"}, edits...)
}

// throughWord makes v_two jump through a doubleword in a section.
func throughWord(section, word string, edits ...string) []string {
	return append([]string{`"bl __SCJ__two"`, `"bl x_two"`,
		"v_ends:\n", "\t.section " + section + "\n\t.balign 8\n" + word + "\n\t.text\n\t.type x_two,@function\nx_two:\n\tthrough w_two\n\t.size x_two,.-x_two\n\t.data\nv_ends:\n"}, edits...)
}

// cellCases are variants of cells.S in a program.
var cellCases = []sourceCase{
	{name: "nothing", both: true, sites: 2},
	{name: "another stub", do: func(d *mutableFile) { d.add("cell_two", 16, 4, -16) }, want: []string{"+0x18: " + badCell}},
	{name: "another key", do: func(d *mutableFile) { d.add("cell_two", 8, 8, d.distance("__SCK__two", "__SCK__one")) }, want: []string{
		"v_two+0x18: the entry's stub __SCJ__two does not go through the key: it jumps through a cell that follows __SCK__one",
		"+0x18: the entry's stub __SCJ__two+0x10 does not go through the key"}},
	{name: "no key", do: func(d *mutableFile) { d.add("cell_two", 8, 8, d.distance("__SCK__two", "v_data")) }, want: []string{
		"v_two+0x18: the entry's stub __SCJ__two does not go through the key: it jumps through a cell that follows ",
		"+0x18: the entry's key is .*, which is not a key"}},
	{name: "cells that are read-only", do: func(d *mutableFile) { d.header("static_call_cells", shFlags)[0] &^= byte(elf.SHF_WRITE) },
		want: []string{"+0x0: the cell cannot be written", "+0x18: the cell cannot be written"}},
	{name: "cells without bytes", do: func(d *mutableFile) { d.header("static_call_cells", shType)[0] = byte(elf.SHT_NOBITS) },
		want: []string{"error: section .*: a table of cells has type SHT_PROGBITS, but this is SHT_NOBITS"}},
	{name: "part of an entry", edits: []string{cells, cells + "\t.pushsection static_call_cells\n\t.long 0\n\t.popsection\n"},
		want: []string{"+0x0: 0x34 bytes are not a multiple of 24, the size of a cell's entry"}},
	{name: "cells that are cut", both: true, do: func(d *mutableFile) { d.header("static_call_cells", shSize)[0] = 24 },
		want: []string{"v_two+0x18: the entry's stub __SCJ__two does not go through the key", "+0x0: the cells end at 0x.*, and __stop_static_call_cells is 0x"}},

	{name: "cells between symbols", both: true, edits: cellsBetween("0"), sites: 2},
	{name: "a cell after the symbols", edits: cellsBetween("-24"), want: []string{unlistedTwo}},
	{name: "cells between symbols, without bytes", edits: cellsBetween("0"), do: func(d *mutableFile) { d.header(".cells", shType)[0] = byte(elf.SHT_NOBITS) },
		want: []string{"error: the table between __start_static_call_cells and __stop_static_call_cells is in no section"}},
	{name: "symbols of cells that end outside", edits: cellsBetween("0x100000"),
		want: []string{"error: the table between __start_static_call_cells and __stop_static_call_cells is in no section"}},
	{name: "symbols of cells in the wrong order", edits: cellsBetween("-72"), want: []string{"v_one+0x18: the entry's stub __SCJ__one does not go through the key: " + noCell, unlistedTwo}},
	{name: "cells that are not aligned", edits: cellsBetween("0", "\t.balign 8\ncell_", "cell_", "hiddenkey one,", "\t.pushsection .cells,\"aw\",@progbits\n\t.balign 8\n\t.long 0\n\t.popsection\nhiddenkey one,"),
		want: []string{"+0x4: the cell cannot be written", "+0x1c: the cell cannot be written"}},

	{name: "through a doubleword that is read-only", edits: throughWord(`.rodata,"a"`, "w_two: .quad key_two")},
	{name: "through a linker's doubleword", edits: throughWord(`.branch_lt,"aw"`, "w_two: .quad key_two")},
	{name: "through a doubleword of the program", edits: throughWord(`.data`, "w_two: .quad key_two"), want: []string{"v_two+0x18: calls .*, but the key holds f_hidden (" + noCell + ")"}},
	{name: "to the function, through a doubleword of the program", edits: throughWord(`.data`, "w_two: .quad f_hidden"), want: []string{"v_two+0x18: calls .*, but the key holds f_hidden (" + noCell + ")"}},
	{name: "to a resolver's function, through a doubleword of the program", edits: throughWord(`.data`, "\t.type f_resolver,@gnu_indirect_function\n\t.set f_resolver,f_hidden\nw_two: .quad f_resolver"),
		want: []string{"v_two+0x18: calls .*, but the key holds f_hidden (" + noCell + ")"}},
	{name: "through another key", edits: throughWord(`.data`, "w_two:\n__SCK__way: .quad key_two"), want: []string{"v_two+0x18: goes through __SCK__way"}},
	{name: "a stub through another key", edits: throughWord(`.data`, "w_two:\n__SCK__way: .quad key_two", `"bl __SCJ__two"`, `"bl f_hidden"`, "entry two, __SCJ__two", "entry two, x_two"),
		want: []string{"v_two+0x18: the entry's stub x_two goes through __SCK__way first"}},
}

func TestCells(t *testing.T) {
	testCells(t, &linking{words: strings.Fields("-nostdlib -static -Wl,-e,v_one")}, cellCases...)
}

// testCells checks variants of cells.S in user space.
func testCells(t *testing.T, link *linking, cases ...sourceCase) {
	for i := range cases {
		cases[i].opts = inUser
	}
	testSource(t, "cells.S", cases, link)
}

// TestMovedCells has cells of a position-independent program.
func TestMovedCells(t *testing.T) {
	wrong := func(cell string) []string {
		return []string{"v_two+0x18: the entry's stub __SCJ__two does not go through the key", "+0x18: " + cell}
	}
	testCells(t, &linking{words: strings.Fields("-nostdlib -pie -Wl,-e,v_one")},
		sourceCase{name: "nothing", both: true, sites: 2},
		sourceCase{name: "no dynamic relocations", do: func(d *mutableFile) { d.header(".rela.dyn", shType)[0] = byte(elf.SHT_PROGBITS) }, sites: 2},
		sourceCase{name: "a number", do: func(d *mutableFile) {
			retype(d.moved("cell_two"), elf.R_PPC64_NONE)
			binary.LittleEndian.PutUint64(d.at("cell_two", 0), d.symbol("key_two").Value)
		}, want: wrong("the cell must hold __SCJ__two+0x10, as its entry says, and is not known: it holds a number: no dynamic relocation makes it an address")},
		sourceCase{name: "a resolver's function", do: func(d *mutableFile) { retype(d.moved("cell_two"), elf.R_PPC64_IRELATIVE) },
			want: wrong("the cell holds what the resolver __SCJ__two+0x10 returns, not __SCJ__two+0x10, as its entry says")},
	)
}

// TestPreemptedCell has a cell with a function that another unit may define.
func TestPreemptedCell(t *testing.T) {
	testCells(t, &linking{words: strings.Fields("-nostdlib -shared")},
		sourceCase{name: "nothing", both: true, sites: 2},
		sourceCase{name: "to another unit's function, through a doubleword of the program", edits: throughWord(`.data`, "w_two: .quad ext", "hiddenkey two, f_hidden", "hiddenkey two, ext"),
			want: []string{"v_two+0x18: calls .*, but the key holds ext (" + noCell + ")"}},
		sourceCase{name: "a global symbol", edits: []string{cells, "\t.globl key_two\n" + cells, ".long key_", ".long local_", "key_\\name:", "key_\\name: local_\\name:"},
			want: []string{"v_two+0x18: the entry's stub __SCJ__two does not go through the key", "+0x18: the cell holds __SCJ__two+0x10, which the dynamic linker looks up by name, not __SCJ__two+0x10, as its entry says"}},
	)
}

func TestCellObjects(t *testing.T) {
	testCells(t, nil,
		sourceCase{name: "nothing", sites: 2},
		sourceCase{name: "no cells", sites: 2, edits: []string{cells + "cellstub one\ncellstub two\n", "savestub one\nsavestub two\n"}},
		sourceCase{name: "cells that are cut", do: func(d *mutableFile) { d.header("static_call_cells", shSize)[0] = 24 },
			want: []string{"error: section .*: entry 3: r_offset at 0x.*: is 0x18, the section"}},
		sourceCase{name: "no stub", do: func(d *mutableFile) { retype(d.rela("cell_two", 16), elf.R_PPC64_ADDR32) }, want: []string{"+0x18: the address of the stub cannot be read"}},
	)
}
