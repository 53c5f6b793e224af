// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/errkind"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestRecord compares the records of every object that can be patched with the
// plan. A second run must have nothing to record.
func TestRecord(t *testing.T) {
	names, err := filepath.Glob("../testdata/obj/*.o")
	if err != nil || len(names) == 0 {
		t.Fatal("no objects", err)
	}
	grouped := 0
	for _, name := range names {
		for _, opts := range []Options{{}, {Place: User}, {Place: User, Runtime: None}, {Place: Module}} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := plan(b, opts)
			if err != nil || len(p.Decisions) == 0 {
				continue
			}
			out, err := elfrw.New(apply(t, p))
			if err != nil {
				t.Fatal(err)
			}
			o, err := Find(out)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			was, err := o.records()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i := range p.Decisions {
				s := &p.Object.Sites[i]
				want := recorded{layout.RecordForm(p.Decisions[i].Form), p.Object.Keys[s.Key].Name, p.Place, p.Runtime}
				if got := was[addr{int(s.Section), s.Off}]; got != want {
					t.Errorf("%s: site %d is recorded as %v, want %v", name, i, got, want)
				}
				if p.Object.inComdat(int(s.Section)) {
					grouped++
					if !recordedInGroup(out, int(s.Section)) {
						t.Errorf("%s: the record of site %d is not in its group", name, i)
					}
				}
			}
			if len(was) != len(p.Decisions) {
				t.Errorf("%s: %d recorded, want %d", name, len(was), len(p.Decisions))
			}
			opts.NoRecord = true
			if p, err = plan(b, opts); err != nil {
				t.Fatal(err)
			}
			if !p.Changes() {
				continue
			}
			if bare, err := elfrw.New(apply(t, p)); err != nil {
				t.Error(err)
			} else if _, ok := bare.SectionByName(layout.RecordSection); ok {
				t.Errorf("%s: a record that was not asked for", name)
			}
		}
	}
	if grouped == 0 {
		t.Error("no site in a group")
	}
}

// TestRecordAgain changes the form of a site in a second run, which records it again.
func TestRecordAgain(t *testing.T) {
	first, err := plan(assemble(t, caller+foreignKey+trampNull), Options{Place: User, Restore: []Form{}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := plan(apply(t, first), Options{Place: User})
	if err != nil {
		t.Fatal(err)
	}
	f, err := elfrw.New(apply(t, second))
	if err != nil {
		t.Fatal(err)
	}
	o, err := Find(f)
	if err != nil {
		t.Fatal(err)
	}
	was, err := o.records()
	if s := &o.Sites[0]; err != nil || was[addr{int(s.Section), s.Off}].form != layout.RecordSaveStub {
		t.Errorf("%v, %v", was, err)
	}
}

// TestRecordOfStubs tests calls that stay on the stubs of an earlier run: they are not
// recorded as being on their trampoline.
func TestRecordOfStubs(t *testing.T) {
	stubs := listedBefore[strings.Index(listedBefore, "	.section .text.unlikely"):strings.Index(listedBefore, "	.section static_call_sites")] +
		"	.type __SCN__op,@function\n	.localentry __SCN__op,1\n__SCN__op: pld 12,__SCK__op@got@pcrel\nld 12,0(12)\ncmpdi 12,0\nbeqlr\nmtctr 12\nbctr\n	.size __SCN__op,.-__SCN__op\n" +
		"	.type __SCX__op,@function\n__SCX__op: addis 12,2,__SCK__op@got@ha\nblr\n	.size __SCX__op,.-__SCX__op\n	.text\n"
	for _, c := range []struct {
		text string
		want layout.RecordForm
	}{
		{strings.Replace(savedFirst, "__SCT__op\nnop", "__SCS__op\nld 2,24(1)", 1), layout.RecordSaveStub},
		{strings.Replace(savedFirst, "__SCT__op\nnop", "__SCJ__op\nld 2,24(1)", 1), layout.RecordStack},
		{strings.Replace(notocCaller, "__SCT__", "__SCN__", 1), layout.RecordSaveStub},
		{strings.Replace(tailCaller, "__SCT__", "__SCX__", 1), layout.RecordShadow},
		{caller, layout.RecordKeep},
	} {
		p, err := plan(assemble(t, c.text+stubs+foreignKey+trampNull), Options{Place: User, Runtime: Trampoline, Restore: []Form{Linker}})
		if err != nil {
			t.Fatal(err)
		}
		if d := &p.Decisions[0]; d.Form != Keep || p.recordForm(0) != c.want {
			t.Errorf("%s: %v, recorded as %v, want %v", p.CalleeName(0), d.Form, p.recordForm(0), c.want)
		}
		again(t, p.CalleeName(0), p, p.Options)
	}
}

// TestRecordKeys checks that a record has relocations only for keys whose address is
// certainly that of their symbol here, and for the function that direct calls go to,
// unless that is weak.
func TestRecordKeys(t *testing.T) {
	group := "	.section .data.g,\"awG\",@progbits,__SCK__op,comdat\n	.globl __SCK__op\n__SCK__op: .quad target\n	.text\n"
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"here", foreignKey, 3},
		{"here, of a weak function", foreignKey + "	.weak target\n", 2},
		{"here, local", "	.section .text.t,\"ax\"\nlocaltramp op\n	.text\nkey op, target, local\n", 3},
		{"elsewhere", ".quad __SCK__op\n", 1},
		{"nowhere", "", 1},
		{"weak", foreignKey + ".weak __SCK__op\n", 1},
		{"in a group", group, 1},
		{"two", foreignKey + "key two, target\nfunc second\nbl __SCT__two\nnop\nendfunc second\n", 5},
	} {
		f, err := elfrw.New(apply(t, must(t, caller+c.text)))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		(&patched{mutableFile: &mutableFile{t, nil, f}}).eachRelocation((&mutableFile{t, nil, f}).section(layout.RecordSection), func(_ uint64, r reloc.Rela) { n++ })
		if n != c.want {
			t.Errorf("%s: %d relocations, want %d", c.name, n, c.want)
		}
	}
}

func must(t *testing.T, text string) *Plan {
	t.Helper()
	p, err := plan(assemble(t, text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRecordLost removes the base of one of two records: only its sites are
// recorded again.
func TestRecordLost(t *testing.T) {
	text := caller + foreignKey + trampNull + "	.section .text.second,\"ax\"\n" + strings.ReplaceAll(caller, "caller", "second")
	out := apply(t, must(t, text))
	f, err := elfrw.New(out)
	if err != nil {
		t.Fatal(err)
	}
	p := &patched{mutableFile: &mutableFile{t, out, f}}
	var bases []uint64 // the relocations against sections
	p.eachRelocation(p.section(layout.RecordSection), func(off uint64, r reloc.Rela) {
		if f.Symbol(int(r.Sym())).Type() == elf.STT_SECTION {
			bases = append(bases, off)
		}
	})
	if len(bases) != 2 {
		t.Fatalf("%d records", len(bases))
	}
	for lost, at := range bases {
		for name, change := range map[string]func(b []byte){
			"no relocation":              func(b []byte) { b[at+rOffset]++ },
			"a relocation of no effect":  func(b []byte) { b[at+rType] = 0 },
			"a relocation of no symbol":  func(b []byte) { binary.LittleEndian.PutUint32(b[at+rSym:], 0) },
			"a relocation by a distance": func(b []byte) { b[at+rType] = byte(elf.R_PPC64_REL64) },
		} {
			b := bytes.Clone(out)
			change(b)
			second, err := plan(b, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(second.Record) != 1 || int(second.Record[0]) != lost {
				t.Errorf("%s in record %d: sites %v are recorded again", name, lost, second.Record)
			}
		}
	}
}

// recordedInGroup reports whether a group has a section and a record.
func recordedInGroup(f *elfrw.File, sec int) bool {
	for i := 1; i < f.NumSections(); i++ {
		if !f.Section(i).Is(elf.SHT_GROUP) {
			continue
		}
		has, record := false, false
		for m := range f.Section(i).Members() {
			has = has || m == sec
			record = record || f.Section(m).Named(layout.RecordSection)
		}
		if has {
			return record
		}
	}
	return false
}

// TestRecordChecked corrupts every field of the records, and their relocations.
// Check has to notice each.
func TestRecordChecked(t *testing.T) {
	p, err := plan(memory(t, "gcc-p8-O2-cxx_a.o"), Options{Place: User})
	if err != nil {
		t.Fatal(err)
	}
	whole := apply(t, p)
	f, err := elfrw.New(whole)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := 0
	spoil := func(off uint64, what string) {
		b := bytes.Clone(whole)
		b[off] ^= 1
		out, err := elfrw.New(b)
		if err != nil {
			return // elfrw checks this field
		}
		spoilt++
		if err := p.Check(out); !errors.Is(err, ErrNotAsPlanned) {
			t.Errorf("%s, file offset 0x%x: %v", what, off, err)
		}
	}
	for i := 1; i < f.NumSections(); i++ {
		s := f.Section(i)
		if header := f.Header().Shoff + uint64(i)*64; s.Is(elf.SHT_RELA) && strings.HasSuffix(s.NameString(), layout.RecordSection) {
			spoil(header+4, "type of the relocations") // 4 ^ 1 is SHT_HASH
			spoil(header+44, "section of the relocations")
		}
		switch {
		case s.Named(layout.RecordSection):
			used := len(bytes.TrimRight(s.Data(), "\x00"))
			for off := range used {
				spoil(s.Off+uint64(off), "record")
			}
			for m := range f.NumSections() { // out of its group
				g := f.Section(m)
				if m > 0 && g.Is(elf.SHT_GROUP) && s.Has(elf.SHF_GROUP) && bytes.Contains(g.Data()[4:], []byte{byte(i), 0, 0, 0}) {
					spoil(g.Off+uint64(bytes.Index(g.Data()[4:], []byte{byte(i), 0, 0, 0})+4), "group")
				}
			}
		case s.Is(elf.SHT_RELA) && strings.HasSuffix(s.NameString(), layout.RecordSection):
			for off := range s.Size {
				if off%24 < 12 || off%24 >= 16 { // below, one byte of the symbol index is enough
					spoil(s.Off+off, "relocation")
				}
			}
			for off := uint64(12); off < s.Size; off += 24 {
				spoil(s.Off+off, "symbol")
			}
		}
	}
	if spoilt < 200 {
		t.Errorf("only %d places were spoilt", spoilt)
	}
	if err := p.Check(f); err != nil {
		t.Errorf("what was not spoilt: %v", err)
	}
}

// TestOneOtherPlace tests that one site of another place is found among many of this one.
func TestOneOtherPlace(t *testing.T) {
	p := must(t, caller+foreignKey+trampNull)
	was := map[addr]recorded{}
	for i := range 100 {
		was[addr{1, uint64(4 * i)}] = recorded{key: "op", place: p.Place, runtime: p.Runtime}
	}
	if err := p.sameAsBefore(was); err != nil {
		t.Error(err)
	}
	was[addr{1, 400}] = recorded{key: "other", place: Module, runtime: p.Runtime}
	for range 5 { // the order of a map differs
		if err := p.sameAsBefore(was); err == nil || !strings.Contains(err.Error(), "the call to other was patched for a module") {
			t.Error(err)
		}
	}
}

// TestOtherPlace patches an object for one place and run time, and again for others.
func TestOtherPlace(t *testing.T) {
	type how struct {
		place   Place
		runtime Runtime
	}
	for _, c := range []struct {
		first, second how
		want          string // of the error
	}{
		{how{User, Inline}, how{Kernel, Inline}, "u_call+0x20: the call to u_op was patched for user space (--user), with --runtime inline"},
		{how{User, Inline}, how{Module, Inline}, "was patched for user space"},
		{how{Module, Inline}, how{Kernel, Inline}, "was patched for a module (--module), with --runtime inline"},
		{how{Kernel, Trampoline}, how{User, Trampoline}, "was patched for the kernel image, with --runtime trampoline"},
		{how{User, None}, how{User, Inline}, "was patched for user space (--user), with --runtime none"},
		{how{User, None}, how{User, Trampoline}, "with --runtime none"},
		{how{User, Inline}, how{User, None}, "with --runtime inline"},
		{how{Module, Inline}, how{Module, None}, "with --runtime inline"},
		{how{User, None}, how{User, None}, ""},
		{how{User, Trampoline}, how{User, None}, ""},
		{how{Module, Inline}, how{Module, Inline}, ""},
	} {
		p, err := plan(memory(t, "gcc-p8-O2-update.o"), Options{Place: c.first.place, Runtime: c.first.runtime})
		if err != nil {
			t.Fatal(err)
		}
		out := apply(t, p)
		for _, noRecord := range []bool{false, true} {
			_, err = plan(out, Options{Place: c.second.place, Runtime: c.second.runtime, NoRecord: noRecord})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || errkind.Of(err) != errkind.AlreadyPatched) {
				t.Errorf("%v, then %v: %v, want %q", c.first, c.second, err, c.want)
			}
		}
	}
}

// TestRecordFlags checks that the record has the slots of calls that need r2
// afterwards.
func TestRecordFlags(t *testing.T) {
	for _, c := range []struct {
		site Site
		want uint8
	}{
		{Site{Slot: SlotNop}, layout.RecordSlot},
		{Site{Slot: SlotCror}, layout.RecordSlot},
		{Site{Slot: SlotRestore}, layout.RecordSlot},
		{Site{Slot: SlotPACA}, layout.RecordSlot},
		{Site{Slot: SlotNone}, 0},
		{Site{Slot: SlotNop, noTOC: true}, layout.RecordNoTOC},
		{Site{Tail: true}, layout.RecordTail},
		{Site{Odd: true}, layout.RecordOther},
	} {
		if got := recordFlags(&c.site, &Decision{}); got != c.want {
			t.Errorf("%+v: flags %d, want %d", c.site, got, c.want)
		}
	}
}
