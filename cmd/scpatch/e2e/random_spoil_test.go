// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/sites/layout"
)

// A spoilable is a word of a linked file that is part of a static call.
type spoilable struct {
	kind string
	off  uint64 // in the file
	dead bool   // nothing that is recorded leads there
}

// unused says why what a word has become is as good as before, or "": nobody
// executes it, or it is a branch to what goes on to where it went before.
func (w *spoilable) unused(file []byte, now uint32) string {
	was := binary.LittleEndian.Uint32(file[w.off:])
	to, before := int64(w.off)+displacement(now), int64(w.off)+displacement(was)
	switch {
	case w.dead:
		return "the save of a stub that only those who have saved r2 call"
	case was>>26 != 18 || now>>26 != 18 || now&3 != was&3 || to > before+8 || to < before-16 || to < 0:
		return ""
	}
	for at := min(to, before); at < max(to, before); at += 4 {
		if in := binary.LittleEndian.Uint32(file[at:]); in != 0x60000000 && (in != 0xf8410018 || to > before) { // nop, std r2,24(r1)
			return ""
		}
	}
	return "a branch to what goes on to where it went"
}

// displacement is that of b and bl.
func displacement(w uint32) int64 { return int64(int32(w<<6)>>6) &^ 3 }

// spoil turns over one bit of each of some words, and wants verify to see it.
func (p *randomProgram) spoil(path string, r *rand.Rand) {
	whole := clitest.ReadFile(p.t, path)
	words := spoilables(p.t, whole)
	if len(words) == 0 {
		return
	}
	defer func() { clitest.WriteFile(p.t, path, whole) }()
	kinds := map[string][]spoilable{}
	for _, w := range words {
		kinds[w.kind] = append(kinds[w.kind], w)
	}
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	for range 3 {
		w := one(r, kinds[one(r, names...)]...)
		bit := r.IntN(32)
		b := bytes.Clone(whole)
		was := binary.LittleEndian.Uint32(b[w.off:])
		binary.LittleEndian.PutUint32(b[w.off:], was^1<<bit)
		clitest.WriteFile(p.t, path, b)
		if _, _, code := runCommand(slices.Concat([]string{"verify", "-q"}, p.patch.verify(), []string{path})...); code != cli.ExitDone {
			p.tally.add("spoiled and caught:", w.kind)
			continue
		}
		why := ignored(was, was^1<<bit)
		if why == "" {
			why = w.unused(whole, was^1<<bit)
		}
		if why != "" {
			p.tally.add("spoiled and rightly not caught:", why)
			continue
		}
		got, err := p.runs(p.dir, p.patch)
		what := "what is right"
		if err != nil || got != p.want {
			what = "what is wrong"
		}
		p.tally.add("spoiled and not caught:", w.kind)
		p.errorf("verify takes %s with 0x%08x at 0x%x of the file, a %s, where 0x%08x was; it prints %s",
			path, was^1<<bit, w.off, w.kind, was, what)
	}
}

// spoilables lists the words of a linked file that belong to its static calls.
func spoilables(t *testing.T, b []byte) []spoilable {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var list []spoilable
	led := map[uint64]bool{} // offsets in the file that branches lead to
	add := func(kind string, addr uint64) {
		for _, s := range f.Sections {
			if s.Flags&elf.SHF_ALLOC != 0 && s.Type == elf.SHT_PROGBITS && addr >= s.Addr && addr+4 <= s.Addr+s.Size {
				off := s.Offset + addr - s.Addr
				list = append(list, spoilable{kind: kind, off: off})
				if w := binary.LittleEndian.Uint32(b[off:]); strings.HasPrefix(kind, "branch") {
					led[off+uint64(displacement(w))] = true
				}
				return
			}
		}
	}
	if s := f.Section(layout.UserTable); s != nil {
		for at := uint64(0); at+layout.EntrySize <= s.Size; at += layout.EntrySize {
			add("table: branch", s.Addr+at)
			add("table: stub", s.Addr+at+layout.StubField)
		}
	}
	if s := f.Section(layout.RecordSection); s != nil {
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		records, err := layout.ReadRecords(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			if rec.Base == 0 {
				continue // dropped code
			}
			list = append(list, spoilable{kind: "record: base", off: s.Offset + rec.At + layout.RecordBase})
			for i, e := range rec.Entries {
				at := s.Offset + rec.At + layout.RecordKeyAddr(len(rec.Keys)) + uint64(i)*12
				list = append(list, spoilable{kind: "record: place", off: at})
				list = append(list, spoilable{kind: "record: key", off: at + 4})
				place := rec.Base + uint64(e.Off)
				kind := e.Form.String()
				add("branch: "+kind, place)
				if e.Flags&(layout.RecordTail|layout.RecordNoTOC) == 0 && (e.Form == layout.RecordStack || e.Form == layout.RecordSaveStub) {
					add("slot: "+kind, place+4)
				}
			}
		}
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		for _, prefix := range []string{layout.SaveStubPrefix, layout.NoTOCStubPrefix} {
			if strings.HasPrefix(s.Name, prefix) {
				for at := uint64(0); at+4 <= s.Size; at += 4 {
					add(fmt.Sprint("stub: ", prefix), s.Value+at)
				}
			}
		}
	}
	for i := range list {
		w := &list[i]
		w.dead = w.kind == "stub: "+layout.SaveStubPrefix && binary.LittleEndian.Uint32(b[w.off:]) == 0xf8410018 && !led[w.off]
	}
	return list
}

// ignored says why a changed word is as good as before, or "". r0 is nobody's in
// a stub.
func ignored(was, now uint32) string {
	change, bo := was^now, was>>21&31
	switch {
	case was == 0x60000000 && now&0xfc1f0000 == 0x60000000:
		return "a nop that became ori r0,rN,M"
	case was>>26 == 19 && bo&0b10100 == 0b10100 && change&^0x017ff800 == 0: // bclr, bcctr
		return "what a branch that is always taken does not look at"
	case was>>26 == 19 && bo&0b10100 == 0b00100 && change&^0x0060f800 == 0:
		return "the hint of a branch, or a reserved field"
	case was>>26 == 1 && change&^0x006c0000 == 0 && was>>24&3 == 0:
		return "a reserved field of a prefix"
	case was&0xfc0007fe == 0x7c0003a6 && change == 1: // mtspr
		return "a reserved field of mtspr"
	}
	return ""
}
