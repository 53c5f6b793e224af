// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/internal/index"
	"github.com/scpatch/scpatch/sites/layout"
)

// extended expects Check to object to sections that are added to the output.
func (p *patched) extended(what string, secs ...elfrw.NewSection) {
	p.t.Helper()
	e := p.f.Edit()
	for _, s := range secs {
		if _, err := e.AddSection(s); err != nil {
			p.t.Fatal(err)
		}
	}
	m, err := e.Layout()
	if err != nil {
		p.t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		p.t.Fatal(err)
	}
	f, err := elfrw.New(b.Bytes())
	if err != nil {
		p.t.Fatal(err)
	}
	p.rejected(what, f)
}

// copied returns a copy of a section of the output.
func (p *patched) copied(name string) elfrw.NewSection {
	s := p.section(name)
	return elfrw.NewSection{
		Name: name, Type: elf.SectionType(s.Type), Flags: elf.SectionFlag(s.Flags), Addralign: s.Addralign,
		Entsize: s.Entsize, Link: int(s.Link), Info: s.Info, Data: bytes.Clone(s.Data()),
	}
}

// TestCheckExtended adds sections to a correct output. Check must count what it reads.
func TestCheckExtended(t *testing.T) {
	p := newPatched(t, caller+foreignKey+trampNull, Options{Place: User})
	for _, name := range []string{layout.StubSection, layout.UserCells, ".eh_frame"} {
		p.extended("two relocation sections of "+name, p.copied(".rela"+name))
		p.extended("two sections "+name, p.copied(name))
	}
	p.extended("a record without relocations", p.copied(layout.RecordSection))
	written := p.section(layout.RecordSection)
	p.spoiled("zeros for the record", written.Off, int(written.Size), func(b []byte) { clear(b) })
	empty := layout.Record{Place: uint8(User), Runtime: Inline}
	record := p.copied(layout.RecordSection)
	record.Data = empty.Append(nil)
	for _, name := range []string{"", "target"} {
		_, sym := p.mutableFile.symbol(name)
		relas := p.copied(".rela" + layout.RecordSection)
		relas.Info = uint32(p.f.NumSections())
		relas.Data = appendRela(nil, rela64(layout.RecordBase, sym, uint32(elf.R_PPC64_ADDR64), 0))
		p.extended("a record of no section, of symbol "+name, record, relas)
	}

	p = newPatched(t, caller+foreignKey+trampNull, Options{Place: Module})
	p.extended("cells that no stub has", elfrw.NewSection{
		Name: layout.UserCells, Type: elf.SHT_PROGBITS, Flags: elf.SHF_ALLOC | elf.SHF_WRITE, Addralign: 8, Data: make([]byte, layout.CellSize),
	})
}

// TestCheckLastSymbol drops the last symbol of an output, which a call names.
func TestCheckLastSymbol(t *testing.T) {
	p := newPatched(t, ".globl __SCK__op\n"+caller+trampNull+foreignKey, Options{Runtime: None})
	if last := p.f.Symbol(p.f.NumSymbols() - 1); string(p.f.SymbolName(last)) != "target" {
		t.Fatalf("the last symbol is %s", p.f.SymbolName(last))
	}
	p.spoiled("no symbol of the call", p.header(".symtab", 32), 8, add(0, 1<<64-elfrw.SymSize))
}

// TestCheckResolved puts a relocation without a symbol on a call that has none.
func TestCheckResolved(t *testing.T) {
	text := strings.Replace(caller, "bl __SCT__op", ".Lsite: bl near", 1) + "	.section .static_call_sites,\"aw\"\n	.long .Lsite-.,0\n	.quad __SCK__op-.\n	.text\nleaf near, local\nblr\nendfunc near\nkey op, near, local\n" + trampNull
	p := newPatched(t, text, Options{})
	at := p.section(".rela.text").Off
	p.spoiled("a relocation of no symbol", at, reloc.RelaSize, func(b []byte) {
		copy(b, appendRela(nil, rela64(p.plan.Object.Sites[0].Off, 0, uint32(elf.R_PPC64_REL24), 0)))
	})
}

// TestCheckMovedTable renames a table of user space that an earlier run wrote, and adds
// the same table at the end. An output in which the plan adds none must keep it.
func TestCheckMovedTable(t *testing.T) {
	first := newPatched(t, caller+foreignKey+trampNull, Options{Place: User})
	again, err := plan(first.b, Options{Place: User})
	if err != nil || again.NumAdded() != 0 {
		t.Fatal(again, err)
	}
	p := &patched{first.mutableFile, again}
	if err := p.plan.Check(p.f); err != nil {
		t.Fatal(err)
	}
	table, relas := p.copied(userTable), p.copied(".rela"+userTable)
	relas.Info = uint32(p.f.NumSections())
	b := bytes.Clone(p.b)
	add32(b[p.header(userTable, 0):])
	if p.f, err = elfrw.New(b); err != nil {
		t.Fatal(err)
	}
	p.extended("the table is elsewhere", table, relas)
}

// TestCheckSays compares the errors for an output: they name the place and what was planned, and
// no relocation that is not in question.
func TestCheckSays(t *testing.T) {
	p := newPatched(t, caller+foreignKey+trampNull, Options{})
	table := p.header(tableName, 32)
	for _, c := range []struct {
		name string
		at   uint64
		want string
	}{
		{"a site", p.section(".text").Off + p.plan.Object.Sites[0].Off, "section \".text\": caller+0x14: the output is not as planned: branch is"},
		{"a table", table, "bytes, not the planned 1 entries"},
	} {
		b := bytes.Clone(p.b)
		b[c.at] ^= 1 << 4
		f, err := elfrw.New(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.plan.Check(f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestStubWays tests what a stub may not jump through: the cell of a module by an address, its
// own key by an address, and a key as if it were a cell.
func TestStubWays(t *testing.T) {
	p := newPatched(t, caller+foreignKey+trampNull, Options{Place: Module})
	x := stubCheck{checker: &checker{Plan: p.plan, out: p.f}, places: map[int]operand{}}
	for w, ok := range map[way]bool{wayTOC: true, wayNear: true, wayPCRel: true, wayPointer: false, wayGOTPC: false} {
		if err := x.cellOperand(elfrw.Symbol{}, stubName{0, StubJump}, &stubCode{way: w}); (err == nil) != ok {
			t.Errorf("to the cell by way %d: %v", w, err)
		}
	}
	p = newPatched(t, caller+foreignKey+trampNull, Options{})
	_, key := p.mutableFile.symbol(KeyPrefix + "op")
	x.checker = &checker{Plan: p.plan, out: p.f, same: index.NewSet(p.plan.Object.File.NumSymbols())}
	for w, ok := range map[way]bool{wayTOC: true, wayPCRel: true, wayNear: false, wayPointer: false, wayGOTPC: false} {
		if err := x.keyOperand(&stubCode{way: w, from: operand{sym: key}}, 0); (err == nil) != ok {
			t.Errorf("to the key by way %d: %v", w, err)
		}
	}
}

// TestTwoPointers applies a plan with stubs for two keys of other units, of which the second
// has one with and one without a TOC pointer. Only the first of these uses the key's pointer.
func TestTwoPointers(t *testing.T) {
	two := strings.NewReplacer("__op", "__two", "caller", "second")
	text := caller + two.Replace(caller) + strings.ReplaceAll(two.Replace(notocCaller), "second", "third") + ".data\n.quad __SCK__op,__SCK__two\n.text\n"
	p := newPatched(t, text, Options{Place: User})
	if n := len(p.plan.Stubs); n != 3 {
		t.Errorf("%d stubs", n)
	}
	if s := p.section(layout.PointerSection); s.Size != 2*layout.PointerSize {
		t.Errorf("0x%x bytes of addresses of keys", s.Size)
	}
}
