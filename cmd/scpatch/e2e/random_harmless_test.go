// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A linkedFile is a linked file as it is in memory.
type linkedFile struct {
	*elf.File
	bytes   []byte
	toc     uint64
	funcs   []elf.Symbol
	dynamic map[uint64]content // by address
	addends map[uint64]uint64  // file offsets of the addends of dynamic relocations, by address
}

// A content is the value of a doubleword when the program starts: a number, or
// a symbol and a number.
type content struct{ info, n uint64 }

func openLinked(t *testing.T, b []byte) *linkedFile {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	x := &linkedFile{File: f, bytes: b, dynamic: map[uint64]content{}, addends: map[uint64]uint64{}}
	if got := f.Section(".got"); got != nil {
		x.toc = got.Addr + 0x8000 // ELFv2 §3.3
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == ".TOC." {
			x.toc = s.Value
		}
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 {
			x.funcs = append(x.funcs, s)
		}
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		for ; len(data) >= 24; data = data[24:] {
			le := binary.LittleEndian
			info := le.Uint64(data[8:])
			if elf.R_PPC64(uint32(info)) == elf.R_PPC64_GLOB_DAT { // its value counts, not its type
				info = info>>32<<32 | uint64(elf.R_PPC64_ADDR64)
			}
			x.dynamic[le.Uint64(data)] = content{info, le.Uint64(data[16:])}
			x.addends[le.Uint64(data)] = s.Offset + s.Size - uint64(len(data)) + 16
		}
	}
	return x
}

// offset returns the file offset of an address.
func (x *linkedFile) offset(addr uint64) (uint64, bool) {
	for _, s := range x.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type == elf.SHT_PROGBITS && addr >= s.Addr && addr+4 <= s.Addr+s.Size {
			return s.Offset + addr - s.Addr, true
		}
	}
	return 0, false
}

// word returns the instruction at an address, or 0, which is not an
// instruction.
func (x *linkedFile) word(addr uint64) ppc64.Word {
	off, ok := x.offset(addr)
	if !ok {
		return 0
	}
	return ppc64.Word(binary.LittleEndian.Uint32(x.bytes[off:]))
}

// doubleword returns what an address holds.
func (x *linkedFile) doubleword(addr uint64) content {
	if c, ok := x.dynamic[addr]; ok {
		return c
	}
	return content{0, uint64(x.word(addr)) | uint64(x.word(addr+4))<<32}
}

// led returns the addresses that branches lead to, or that a run time may make
// a branch lead to.
func (x *linkedFile) led() map[uint64]bool {
	led := map[uint64]bool{}
	for _, s := range x.Sections {
		if s.Type != elf.SHT_PROGBITS {
			continue
		}
		if s.Name == layout.UserTable {
			for stub := s.Addr + layout.StubField; stub < s.Addr+s.Size; stub += layout.EntrySize {
				led[stub+uint64(int64(int32(x.word(stub))))] = true
			}
		}
		if s.Name == layout.UserCells {
			for at := s.Addr; at < s.Addr+s.Size; at += layout.CellSize {
				led[x.doubleword(at).n] = true
			}
		}
		if s.Flags&elf.SHF_EXECINSTR != 0 {
			for at := s.Addr; at < s.Addr+s.Size; at += ppc64.WordSize {
				if w := x.word(at); w.IsBranch() {
					led[at+uint64(w.Displacement())] = true
				}
			}
		}
	}
	return led
}

// harmless says why a corrupted word is as good as before, or returns "". It
// judges by the code, without any code of verify.
func (x *linkedFile) harmless(w *spoilable, now uint32) string {
	was := binary.LittleEndian.Uint32(x.bytes[w.off:])
	a, b := ppc64.Word(was), ppc64.Word(now)
	switch {
	case w.record != nil:
		if x.fits(w, uint64(now)) {
			return "a record that is as true"
		}
	case w.kind == tableStub:
		if x.alike(w.addr+uint64(int64(int32(was))), w.addr+uint64(int64(int32(now))), w.site) {
			return "a way into a stub that goes on as the other"
		}
	case w.dead:
		return "an instruction that nothing leads to"
	case essence(a) == essence(b):
		return "an instruction by another name"
	case a.IsBranch() && b.IsBranch() && a.AA() == b.AA() && a.LK() == b.LK():
		if x.alike(w.addr+uint64(a.Displacement()), w.addr+uint64(b.Displacement()), w.addr) {
			return "a way into a stub that goes on as the other"
		}
	case x.loaded(w.addr, a) != 0:
		if c := x.loaded(w.addr, b); c != 0 && (a^b)&^0xffff == 0 && x.doubleword(x.loaded(w.addr, a)) == x.doubleword(c) {
			return "another entry of the TOC that holds the same"
		}
	}
	return ""
}

// loaded returns the address from which a word loads: an ld relative to the TOC
// pointer, possibly plus the high part from the word before, or the second word
// of a PC-relative pld. Otherwise it returns 0.
func (x *linkedFile) loaded(at uint64, w ppc64.Word) uint64 {
	prefix := x.word(at - ppc64.WordSize)
	high := ppc64.Decode(prefix, 0)
	switch {
	case w.Opcode() == 58 && w.XODS() == 0 && w.RA() == 2:
		return x.toc + uint64(w.DS())
	case w.Opcode() == 58 && w.XODS() == 0 && high.Op == ppc64.OpAddis && high.RA == 2 && uint32(high.RT) == w.RA():
		return x.toc + uint64(high.Imm) + uint64(w.DS())
	case w.Opcode() == 57 && prefix.IsPrefix() && prefix.PrefixType() == ppc64.Prefix8LS && prefix.PrefixR():
		return at - ppc64.WordSize + uint64(ppc64.D34(prefix, w))
	}
	return 0
}

// essence returns an instruction without bits that a processor ignores, and
// without differences that do not matter in a stub: r0 is unused there, and a
// comparison is only tested for equality. It returns 0 for all instructions
// without effect.
func essence(w ppc64.Word) ppc64.Word {
	always := w.BO()&0b10100 == 0b10100
	switch op := w.Opcode(); {
	case w.IsPrefix() && (w.PrefixType() == ppc64.Prefix8LS || w.PrefixType() == ppc64.PrefixMLS):
		return w &^ 0x006c0000 // reserved fields
	case (op == 10 || op == 11) && w.UI() == 0: // cmpldi, cmpdi
		return 11<<26 | w&0x03bfffff // a reserved bit
	case op == 14 || op == 15 || op >= 24 && op <= 27: // addi, addis, ori, oris, xori, xoris
		if ppc64.Writes(w, 0) == 1<<0 {
			return 0
		}
	case op == 19 && (w.XO() == 16 || w.XO() == 528) && always: // bclr, bcctr
		return w &^ 0x017ff800 // the condition, hints and a reserved field
	case op == 19 && w.XO() == 16 && w.BO()&0b10100 == 0b00100:
		return w &^ 0x0060f800 // hints and a reserved field
	case op == 31 && w.XO() == 467: // mtspr
		return w &^ 1 // a reserved bit
	}
	return w
}

// alike reports whether a call to one place is as good as to the other. Between them
// there may be no instructions with an effect, or only a save that has already been
// made or does no harm. Or both places have the same instructions up to a jump, or
// jump through the same doubleword, where the save may be missing in the same way.
func (x *linkedFile) alike(before, after, site uint64) bool {
	if x.copied(before, after) {
		return true
	}
	if a, ok := x.way(before); ok {
		b, ok := x.way(after)
		if a.saves && !b.saves && x.word(site).LK() && x.saved(site) {
			a.saves = false
		}
		if !a.tests || a.tests != b.tests && x.neverNull(a.through) { // then a test makes no difference
			a.tests, b.tests = false, false
		}
		if ok && a == b {
			return true
		}
	}
	for at := min(before, after); at < max(before, after); at += ppc64.WordSize {
		w := x.word(at)
		if essence(w) != 0 && (w != ppc64.SaveTOC || !x.word(site).LK() || after > before && !x.saved(site)) {
			return false
		}
	}
	return true
}

// neverNull reports whether the uncorrupted program has a call that jumps through a
// doubleword without a test for NULL.
func (x *linkedFile) neverNull(at uint64) bool {
	for to := range x.led() {
		if w, ok := x.way(to); ok && w.through == at && !w.tests {
			return true
		}
	}
	return false
}

// isCell reports whether there is an entry of the table of cells at an address.
func (x *linkedFile) isCell(at uint64) bool {
	s := x.Section(layout.UserCells)
	return s != nil && at >= s.Addr && at < s.Addr+s.Size && (at-s.Addr)%layout.CellSize == 0
}

// A jumpWay says what a stub does: the doubleword that it jumps through, whether it saves
// r2, and whether it returns if the doubleword is NULL.
type jumpWay struct {
	through      uint64
	saves, tests bool
}

// way executes a stub. It returns false at an instruction that no stub has.
func (x *linkedFile) way(at uint64) (way jumpWay, ok bool) {
	type value struct {
		n             uint64
		known, memory bool // memory: the value is the content of address n
	}
	regs := map[uint8]value{2: {x.toc, true, false}}
	var ctr, compared value
	number := func(r uint8) (uint64, bool) {
		v := regs[r]
		if !v.memory {
			return v.n, v.known
		}
		c := x.doubleword(v.n)
		switch elf.R_PPC64(uint32(c.info)) {
		case elf.R_PPC64_NONE, elf.R_PPC64_RELATIVE:
			return c.n, v.known
		case elf.R_PPC64_ADDR64: // in another unit: an address that this one does not have
			return c.info>>32<<48 + c.n, v.known
		}
		return 0, false
	}
	for range 24 {
		w, suffix := x.word(at), x.word(at+ppc64.WordSize)
		switch in := ppc64.Decode(w, suffix); {
		case w == ppc64.SaveTOC:
			way.saves = true
		case essence(w) == 0 && w != 0:
		case in.Op == ppc64.OpAddis, in.Op == ppc64.OpAddi, in.Op == ppc64.OpLd:
			n, known := number(in.RA)
			regs[in.RT] = value{n + uint64(in.Imm), known && in.RA != 0, in.Op == ppc64.OpLd}
		case in.Op == ppc64.OpPldPC, in.Op == ppc64.OpPla:
			regs[in.RT] = value{at + uint64(in.Imm), true, in.Op == ppc64.OpPldPC}
		case in.Op == ppc64.OpCmpdi && in.Imm == 0:
			compared = regs[in.RA]
		case w == 0x4d820020: // beqlr
			way.tests = true
		case in.Op == ppc64.OpMtspr && in.Imm == ppc64.SPRCTR:
			ctr = regs[in.RT]
		case w == ppc64.Bctr:
			if x.isCell(ctr.n) && ctr.known && ctr.memory && regs[12] == ctr { // it continues through the key
				at = x.doubleword(ctr.n).n
				regs[12] = value{at, true, false}
				continue
			}
			way.through = ctr.n
			return way, ctr.known && ctr.memory && regs[12] == ctr && (!way.tests || compared == ctr)
		default:
			return way, false
		}
		at += uint64(w.Len())
	}
	return way, false
}

// copied reports whether two places have the same instructions up to a jump to
// a register.
func (x *linkedFile) copied(a, b uint64) bool {
	for {
		w := x.word(a)
		size := uint64(w.Len())
		switch {
		case x.counted(a) != x.counted(b) || w == 0 || w.IsBranch() || w.IsCondBranch():
			return false
		case w.IsRegBranch() && w.BranchesAlways():
			return true
		}
		a, b = a+size, b+size
	}
}

// counted returns an instruction and, if it is PC-relative, the address that it
// refers to.
func (x *linkedFile) counted(at uint64) [3]uint64 {
	w, suffix := x.word(at), x.word(at+ppc64.WordSize)
	switch {
	case !w.IsPrefix():
		return [3]uint64{uint64(w)}
	case !w.PrefixR():
		return [3]uint64{uint64(w), uint64(suffix)}
	}
	to := at + uint64(ppc64.D34(w, suffix))
	const low18, low16 = 1<<18 - 1, 1<<16 - 1 // the displacement
	return [3]uint64{uint64(w &^ low18), uint64(suffix &^ low16), to}
}

// saved reports whether 24(r1) holds the caller's r2 on every path to a call:
// each path back from it, as far as branches show, meets a save or a restore,
// which are correct in an uncorrupted program. Code that nothing leads to is no
// path: the padding after a branch.
func (x *linkedFile) saved(site uint64) bool {
	i := slices.IndexFunc(x.funcs, func(s elf.Symbol) bool { return s.Value <= site && site < s.Value+s.Size })
	if i < 0 {
		return false
	}
	start, end := x.funcs[i].Value, x.funcs[i].Value+x.funcs[i].Size
	from, jumps := map[uint64][]uint64{}, false
	for at := start; at < end; at += ppc64.WordSize {
		w := x.word(at)
		branch := w.IsBranch() || w.IsCondBranch()
		if branch && !w.LK() {
			to := at + uint64(w.Displacement())
			from[to] = append(from[to], at)
		}
		jumps = jumps || w.IsRegBranch() && !w.LK() && ppc64.Decode(w, 0).Op != ppc64.OpBclr
		if w.LK() || !w.BranchesAlways() || !branch && !w.IsRegBranch() {
			from[at+ppc64.WordSize] = append(from[at+ppc64.WordSize], at)
		}
	}
	seen := map[uint64]bool{}
	for work := []uint64{site}; len(work) > 0; {
		at := work[0]
		work = work[1:]
		if at == start || len(from[at]) == 0 && (jumps || x.word(at) != ppc64.Nop) {
			return false
		}
		for _, before := range from[at] {
			w := x.word(before)
			switch {
			case seen[before] || w == ppc64.SaveTOC || w == ppc64.RestoreTOC:
			case ppc64.Writes(w, x.word(before+ppc64.WordSize))>>1&1 != 0: // r1
				return false
			default:
				work = append(work, before)
			}
			seen[before] = true
		}
	}
	return true
}

// fits reports whether a record is as true with another word: the places have
// the same instructions or call the same target, and the keys hold the same, or
// neither is in the file.
func (x *linkedFile) fits(w *spoilable, now uint64) bool {
	r := w.record
	same := func(a, b uint64) bool {
		u, v := x.word(a), x.word(b)
		if u.IsBranch() && v.IsBranch() {
			return u.LK() == v.LK() && a+uint64(u.Displacement()) == b+uint64(v.Displacement()) &&
				(!u.LK() || x.word(a+ppc64.WordSize) == x.word(b+ppc64.WordSize))
		}
		return u != 0 && u == v
	}
	switch w.kind {
	case recordKey:
		if now >= uint64(len(r.Keys)) {
			return false
		}
		e := r.Entries[w.entry]
		k, l := r.Keys[e.Key], r.Keys[now]
		if k.Addr == 0 && l.Addr == 0 { // the linker dropped both, so nothing in the file says what they held
			return e.Form == layout.RecordConstant || e.Form == layout.RecordDirect && k.Target == l.Target
		}
		return k.Addr != 0 && l.Addr != 0 && x.doubleword(k.Addr) == x.doubleword(l.Addr)
	case recordPlace:
		return same(r.Base+uint64(r.Entries[w.entry].Off), r.Base+now)
	}
	for _, e := range r.Entries {
		if !same(r.Base+uint64(e.Off), now+uint64(e.Off)) {
			return false
		}
	}
	return true
}

const (
	tableStub   = "table: stub"
	recordBase  = "record: base"
	recordPlace = "record: place"
	recordKey   = "record: key"
)
