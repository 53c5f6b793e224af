// SPDX-License-Identifier: BSD-3-Clause

package e2e

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/cmd/scpatch/internal/cli"
	"github.com/scpatch/scpatch/cmd/scpatch/internal/clitest"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// A spoilable is a word of a linked file that is part of a static call.
type spoilable struct {
	kind   string
	off    uint64 // in the file
	addr   uint64 // in memory, except for records
	site   uint64 // of an entry of the table
	record *layout.Record
	entry  int  // of the record
	dead   bool // for a stub: nothing leads there
}

// spoil flips one bit in each of some words and checks that verify notices it.
func (p *randomProgram) spoil(path string, r *rand.Rand) {
	whole := clitest.ReadFile(p.t, path)
	x := openLinked(p.t, whole)
	words := x.spoilables(p.t)
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
	for range randomNumber(p.t, "SCPATCH_SPOILS", 3) {
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
		if why := x.harmless(&w, was^1<<bit); why != "" {
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

// spoilables lists the words of the file that belong to its static calls.
func (x *linkedFile) spoilables(t *testing.T) []spoilable {
	var list []spoilable
	led := x.led()
	add := func(w spoilable) {
		if off, ok := x.offset(w.addr); ok {
			w.off = off
			list = append(list, w)
		}
	}
	if s := x.Section(layout.UserTable); s != nil {
		for at := s.Addr; at+layout.EntrySize <= s.Addr+s.Size; at += layout.EntrySize {
			site, stub := at+uint64(int64(int32(x.word(at)))), at+layout.StubField
			add(spoilable{kind: "table: branch", addr: at})
			add(spoilable{kind: tableStub, addr: stub, site: site})
		}
	}
	if s := x.Section(layout.UserCells); s != nil {
		field := func(kind string, at uint64) { // eight bytes, in the file or in a relocation
			if off, ok := x.addends[at]; ok {
				list = append(list, spoilable{kind: kind, off: off})
				return
			}
			add(spoilable{kind: kind, addr: at})
		}
		for at := s.Addr; at+layout.CellSize <= s.Addr+s.Size; at += layout.CellSize {
			field("cell: content", at)
			field("cell: key", at+layout.CellKeyField)
			add(spoilable{kind: "cell: stub", addr: at + layout.CellStubField})
		}
	}
	if s := x.Section(layout.RecordSection); s != nil {
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		records, err := layout.ReadRecords(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			rec := &records[i]
			if rec.Base == 0 {
				continue // dropped code
			}
			list = append(list, spoilable{kind: recordBase, off: s.Offset + rec.At + layout.RecordBase, record: rec})
			for i, e := range rec.Entries {
				at := s.Offset + rec.At + layout.RecordKeyAddr(len(rec.Keys)) + uint64(i)*12
				list = append(list, spoilable{kind: recordPlace, off: at, record: rec, entry: i})
				list = append(list, spoilable{kind: recordKey, off: at + 4, record: rec, entry: i})
				place := rec.Base + uint64(e.Off)
				add(spoilable{kind: "branch: " + e.Form.String(), addr: place})
				if e.Flags&(layout.RecordTail|layout.RecordNoTOC) == 0 && (e.Form == layout.RecordStack || e.Form == layout.RecordSaveStub) {
					add(spoilable{kind: "slot: " + e.Form.String(), addr: place + ppc64.WordSize})
				}
			}
		}
	}
	symbols, err := x.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		for _, prefix := range []string{layout.SaveStubPrefix, layout.NoTOCStubPrefix} {
			if strings.HasPrefix(s.Name, prefix) {
				dead := true
				for at := s.Value; at < s.Value+s.Size; at += ppc64.WordSize {
					dead = dead && !led[at]
					add(spoilable{kind: "stub: " + prefix, addr: at, dead: dead})
				}
			}
		}
	}
	return list
}
