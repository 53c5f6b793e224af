// SPDX-License-Identifier: BSD-3-Clause

package verify

import (
	"cmp"
	"debug/elf"
	"math"
	"slices"

	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// findCells finds the cells of user space by their section, in an image also by
// the symbols around it, and notes the key that each follows. It reads nothing
// else in them.
func (v *verifier) findCells() error {
	p := v.program
	if !p.opts.User {
		return nil
	}
	for i := 1; i < p.file.NumSections(); i++ {
		s := p.file.Section(i)
		if s.NameString() != layout.UserCells || !s.Loaded() {
			continue
		}
		if !s.Is(elf.SHT_PROGBITS) {
			return errkind.BadTable.Errorf("section %v: a table of cells has type SHT_PROGBITS, but this is %v", s, elf.SectionType(s.Type))
		}
		v.cellTables = append(v.cellTables, table{from: p.address[i], to: p.address[i] + s.Size, size: layout.CellSize, user: true, sec: i})
	}
	if len(v.cellTables) == 0 && !p.object {
		t, err := p.between(layout.CellsStart, layout.CellsStop)
		if err != nil {
			return err
		}
		if t.to != 0 {
			t.size, t.user = layout.CellSize, true
			v.cellTables = append(v.cellTables, t)
		}
	}
	p.cells = map[uint64]uint64{}
	for _, t := range v.cellTables {
		for at := t.from; at+t.size <= t.to; at += t.size {
			p.cells[at] = p.doubleword(at + layout.CellKeyField).addr
		}
	}
	return nil
}

// checkCells checks the entries of the tables of cells. The run time keeps a cell equal
// to the key that its entry names. Before the run time starts and after it ends, the
// cell holds the address in the entry, of code that goes through the key.
func (v *verifier) checkCells() {
	for _, t := range v.cellTables {
		if (t.to-t.from)%t.size != 0 {
			v.fault(&site{at: t.from}, errkind.BadTable.Errorf("0x%x bytes are not a multiple of %d, the size of a cell's entry", t.to-t.from, t.size))
		}
		if err := v.cutCells(t); err != nil {
			v.fault(&site{at: t.from}, err)
		}
		for at := t.from; at+t.size <= t.to; at += t.size {
			s := site{at: at, entry: at, user: true, key: p64(v.doubleword(at + layout.CellKeyField))}
			if err := v.checkCellEntry(&s, at); err != nil {
				v.fault(&s, err)
			}
		}
	}
}

// p64 is the value of a doubleword, or an address that nothing has if the value is
// not known.
func p64(c content) uint64 {
	if !c.known {
		return math.MaxUint64
	}
	return c.addr
}

func (v *verifier) checkCellEntry(s *site, at uint64) error {
	if sec, _, ok := v.locate(at); !ok || !sec.Has(elf.SHF_WRITE) || at%8 != 0 {
		return errkind.BadTable.Errorf("the cell cannot be written")
	}
	if err := v.checkKey(s); err != nil {
		return err
	}
	var ok bool
	if s.stub, ok = v.s32(at + layout.CellStubField); !ok {
		return errkind.BadTable.Errorf("the address of the stub cannot be read")
	}
	if err := v.checkFirstContent(at, s.stub); err != nil {
		return err
	}
	s.at = s.stub
	err := v.checkOwnStub(s)
	s.at = at
	return err
}

// checkFirstContent checks that a cell holds the address in its entry when the program
// starts.
func (v *verifier) checkFirstContent(at, stub uint64) error {
	var holds string
	switch c := v.doubleword(at); {
	case !c.known:
		return errkind.BadStub.Errorf("the cell must hold %s, as its entry says, and is not known: %s", v.name(stub), cmp.Or(c.reason, "no address explains it"))
	case c.ifunc:
		holds = "what the resolver " + v.name(c.addr) + " returns"
	case c.named:
		holds = v.name(c.addr) + ", which the dynamic linker looks up by name"
	case c.addr != stub:
		holds = v.name(c.addr)
	default:
		return nil
	}
	return errkind.BadStub.Errorf("the cell holds %s, not %s, as its entry says", holds, v.name(stub))
}

// cutCells reports what shows that the end of a table is missing.
func (v *verifier) cutCells(t table) error {
	if v.object {
		return v.cut(t)
	}
	for i := range v.symbols {
		if x := &v.symbols[i]; x.name == layout.CellsStop && x.section == t.sec && x.addr != t.to {
			return errkind.BadTable.Errorf("the cells end at 0x%x, and %s is 0x%x", t.to, x.name, x.addr)
		}
	}
	return nil
}

// linkerWords are the sections with the doublewords that linkers' stubs jump through,
// or with data that nothing writes once the program runs.
var linkerWords = []string{".got", ".plt", ".iplt", ".toc", ".branch_lt", ".data.rel.ro"}

// unfollowed returns why a doubleword that code in user space jumps through will not
// follow the goal's key. The reason is empty for that key's cells, and for doublewords
// that are a linker's or read-only.
func (p *program) unfollowed(at uint64, g *goal) string {
	if !p.opts.User {
		return ""
	}
	if key, ok := p.cells[at]; ok {
		if g.slot != 0 && key != g.slot {
			return "it jumps through a cell that follows " + p.name(key)
		}
		return ""
	}
	s, _, ok := p.locate(at)
	if !ok || !s.Has(elf.SHF_WRITE) || slices.ContainsFunc(linkerWords, s.NameHasPrefix) {
		return ""
	}
	return "it jumps through " + p.name(at) + ", which is neither the key nor a cell that a table lists"
}
