// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/layout"
)

// says returns in one line what a plan says about a site.
func says(s *Site, d *sites.Decision) string {
	line := fmt.Sprintf("%v %s, calls %q, becomes %q", d.Form, s.Target, s.Callee, s.Becomes)
	if d.Form != sites.Keep {
		if to := s.at + uint64(d.Word.Displacement()); d.Word.IsBranch() {
			line += fmt.Sprintf(", %s to 0x%x", map[bool]string{false: "b", true: "bl"}[d.Word.LK()], to-textAt)
		} else {
			line += fmt.Sprintf(", %v", d.Word)
		}
	}
	if d.Reason != sites.NoReason {
		line += ", " + d.Reason.String()
	}
	if d.Done {
		line += ", done"
	}
	if s.out != 0 {
		line += fmt.Sprintf(", entry names 0x%x", s.out-textAt)
	}
	return line
}

// The callers, by what they do with r2.
func caller(other uint8) func(f *fake) {
	return func(f *fake) { f.symbol("caller").other = other }
}

func holds(v uint64) func(f *fake) { return func(f *fake) { f.put64(keyAt, v) } }

func tail(f *fake) {
	f.keyFlags(layout.FlagTail)
	f.branch(siteAt, b, trampA)
}

// by calls the trampoline by way of code at stubAt.
func by(words ...ppc64.Word) func(f *fake) {
	return func(f *fake) {
		f.branch(siteAt, bl, stubAt)
		f.words(stubAt, words...)
	}
}

// far moves the trampoline out of reach. The site calls stubAt, which jumps
// there through the TOC.
func far(f *fake) {
	f.symbol(layout.TrampPrefix + "a").value = farAt + 0x10
	f.put64(gotAt+0x18, farAt+0x10)
	by(throughTOC(gotAt, gotAt+0x18)...)(f)
}

// throughTOC returns a linker's stub that loads its target from a slot, with
// .got at an address.
func throughTOC(got, slot uint64) []ppc64.Word {
	off := int64(slot - got - reloc.TOCBias)
	return []ppc64.Word{
		0x3d820000 | ppc64.Word(uint16((off+0x8000)>>16)), // addis r12,r2,off@ha
		0xe98c0000 | ppc64.Word(uint16(off)),              // ld r12,off@l(r12)
		ppc64.MtctrR12, ppc64.Bctr,
	}
}

// TestChoose checks the plan for one site, depending on its key, its caller,
// and what it calls now.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []func(f *fake)
		want    string
	}{
		{"a function", nil, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a function, as a tail call", []func(*fake){tail}, `direct target, calls "__SCT__a", becomes "target", b to 0x108`},
		{"NULL", []func(*fake){holds(0)}, `constant NULL, calls "__SCT__a", becomes "", nop`},
		{"NULL, as a tail call", []func(*fake){holds(0), tail}, `constant NULL, calls "__SCT__a", becomes "", blr`},
		{"return0", []func(*fake){holds(return0)}, `constant __static_call_return0, calls "__SCT__a", becomes "", li r3,0`},
		{"return0, as a tail call", []func(*fake){holds(return0), tail}, `direct __static_call_return0, calls "__SCT__a", becomes "__static_call_return0", b to 0x1c0`},

		// Caller and target must agree on r2.
		{"caller with local entry 1", []func(*fake){caller(noTOC)}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"caller with one entry", []func(*fake){caller(0)}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"caller with one entry, target leaves r2 alone", []func(*fake){caller(0), holds(plain)}, `direct plain, calls "__SCT__a", becomes "plain", bl to 0x180`},
		{"target may change r2", []func(*fake){holds(clobbers)}, `keep clobbers, calls "__SCT__a", becomes "__SCT__a", clobbers-toc`},
		{"target may change r2, caller with one entry", []func(*fake){caller(0), holds(clobbers)}, `keep clobbers, calls "__SCT__a", becomes "__SCT__a", clobbers-toc`},
		{"neither keeps r2", []func(*fake){caller(noTOC), holds(clobbers)}, `direct clobbers, calls "__SCT__a", becomes "clobbers", bl to 0x140`},
		{"caller that is no function", []func(*fake){func(f *fake) { f.symbol("caller").typ = elf.STT_NOTYPE }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"caller that is no function, target may change r2", []func(*fake){func(f *fake) { f.symbol("caller").typ = elf.STT_NOTYPE }, holds(clobbers)},
			`keep clobbers, calls "__SCT__a", becomes "__SCT__a", clobbers-toc`},
		{"caller ends before the site", []func(*fake){caller(noTOC), func(f *fake) { f.symbol("caller").size = 0x10 }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"caller ends after the site", []func(*fake){caller(noTOC), func(f *fake) { f.symbol("caller").size = 0x14 }}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"a label without size before the site", []func(*fake){caller(noTOC), func(f *fake) { f.function("label", siteAt-4, 0, usesTOC) }}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},

		{"a site at the start of its function", []func(*fake){caller(noTOC), func(f *fake) { f.symbol("caller").value = siteAt }}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"a site after a function in another", []func(*fake){caller(noTOC), func(f *fake) { f.function("inner", textAt+4, 4, usesTOC) }}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},

		// A cold part is treated like its function.
		{"cold part", []func(*fake){cold(usesTOC)}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"cold part of a function without a TOC pointer", []func(*fake){cold(noTOC)}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"cold part of one of two that agree", []func(*fake){cold(noTOC, noTOC)}, `keep target, calls "__SCT__a", becomes "__SCT__a", caller-no-toc`},
		{"cold part of one of two that disagree", []func(*fake){cold(usesTOC, noTOC), holds(clobbers)}, `keep clobbers, calls "__SCT__a", becomes "__SCT__a", clobbers-toc`},
		{"the same, the other way round", []func(*fake){cold(noTOC, usesTOC), holds(clobbers)}, `keep clobbers, calls "__SCT__a", becomes "__SCT__a", clobbers-toc`},
		{"cold part of nothing", []func(*fake){cold()}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},

		// What a key holds.
		{"no function there", []func(*fake){holds(target + 4)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-no-symbol`},
		{"the local entry is no place for a key", []func(*fake){holds(target + 8)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-no-symbol`},
		{"a trampoline", []func(*fake){holds(trampA)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-trampoline`},
		{"two names of one function", []func(*fake){func(f *fake) { f.function("alias", target, 0x10, usesTOC) }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"two functions at one place that differ", []func(*fake){func(f *fake) { f.function("alias", target, 0x10, 0) }}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-no-symbol`},
		{"another name of return0", []func(*fake){func(f *fake) { f.function("zero", return0, 0x20, 0) }, holds(return0)},
			`constant __static_call_return0, calls "__SCT__a", becomes "", li r3,0`},
		{"data", []func(*fake){holds(dataAt), func(f *fake) { f.function("data", dataAt, 8, 0) }}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-no-symbol`},
		{"a dynamic relocation", []func(*fake){holds(0), func(f *fake) { f.dynamic(keyAt, elf.R_PPC64_RELATIVE, plain) }}, `direct plain, calls "__SCT__a", becomes "plain", bl to 0x180`},
		{"a dynamic relocation of another place", []func(*fake){func(f *fake) { f.dynamic(keyAt+8, elf.R_PPC64_RELATIVE, plain) }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a dynamic relocation of another type", []func(*fake){func(f *fake) { f.dynamic(keyAt, elf.R_PPC64_ADDR64, plain) }}, `keep ?, calls "__SCT__a", becomes "__SCT__a", key-odd`},
		{"two dynamic relocations of one key", []func(*fake){func(f *fake) {
			f.dynamic(keyAt, elf.R_PPC64_RELATIVE, plain)
			f.dynamic(keyAt, elf.R_PPC64_RELATIVE, plain)
		}}, `keep ?, calls "__SCT__a", becomes "__SCT__a", key-odd`},
		{"a dynamic relocation that is not loaded", []func(*fake){func(f *fake) {
			f.dynamic(keyAt, elf.R_PPC64_RELATIVE, plain)
			f.section(".rela.dyn").flags = 0
			f.section(".rela.dyn").addr = 0
		}}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a key without bytes", []func(*fake){movedKey(bssAt + 0x18)}, `constant NULL, calls "__SCT__a", becomes "", nop`},
		{"a key that passes the end", []func(*fake){movedKey(bssAt + 0x1c)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", key-odd`},
		{"a key that passes the end of data", []func(*fake){movedKey(dataAt + 0x3c)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", key-odd`},
		{"a key at the end of data", []func(*fake){movedKey(dataAt + 0x38)}, `constant NULL, calls "__SCT__a", becomes "", nop`},

		{"a dynamic relocation after another's", []func(*fake){holds(0), func(f *fake) {
			f.dynamic(gotAt, elf.R_PPC64_RELATIVE, plain)
			f.dynamic(keyAt, elf.R_PPC64_RELATIVE, plain)
		}}, `direct plain, calls "__SCT__a", becomes "plain", bl to 0x180`},
		{"a variable among code", []func(*fake){func(f *fake) { f.syms = append(f.syms, fakeSymbol{"table", target, 4, elf.STT_OBJECT, 0}) }},
			`direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a label at the target", []func(*fake){func(f *fake) { f.syms = append(f.syms, fakeSymbol{"label", target, 0, elf.STT_NOTYPE, 0}) }},
			`direct target, calls "__SCT__a", becomes "target", bl to 0x108`},

		// How far a branch goes.
		{"a target at the end of the reach", []func(*fake){farTarget(siteAt + 1<<25 - 4)}, `direct away, calls "__SCT__a", becomes "away", bl to 0x200000c`},
		{"a target out of reach", []func(*fake){farTarget(siteAt + 1<<25)}, `keep away, calls "__SCT__a", becomes "__SCT__a", target-far`},
		{"a target at the other end of the reach", []func(*fake){farTarget(siteAt - 1<<25)}, `direct away, calls "__SCT__a", becomes "away", bl to 0xfffffffffe000010`},
		{"a target out of reach there", []func(*fake){farTarget(siteAt - 1<<25 - 4)}, `keep away, calls "__SCT__a", becomes "__SCT__a", target-far`},

		{"no ABI version", []func(*fake){func(f *fake) { f.flags = 0 }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"relocatable", []func(*fake){func(f *fake) { f.typ = uint16(elf.ET_DYN) }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"no symbol but the key's", []func(*fake){holds(0), func(f *fake) {
			f.syms = []fakeSymbol{*f.symbol(layout.KeyPrefix + "a")}
			f.words(siteAt, ppc64.Nop)
		}}, `constant NULL, calls "", becomes "", nop, done`},
		{"sections one after the other", []func(*fake){func(f *fake) { f.section(".bss").addr = dataAt + 0x40 }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a section that ends with memory", []func(*fake){func(f *fake) { f.section(".bss").addr = 1<<64 - 0x21 }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"sections that are not in memory", []func(*fake){func(f *fake) {
			f.secs = append(f.secs, fakeSection{name: ".tbss", typ: elf.SHT_NOBITS, flags: elf.SHF_ALLOC | elf.SHF_TLS, addr: textAt, size: 8},
				fakeSection{name: ".comment", typ: elf.SHT_PROGBITS, data: make([]byte, 8)},
				fakeSection{name: ".empty", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC, addr: textAt + 8})
		}}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},

		// What the site does now.
		{"done", []func(*fake){func(f *fake) { f.branch(siteAt, bl, target+8) }}, `direct target, calls "target", becomes "target", bl to 0x108, done`},
		{"done, NULL", []func(*fake){holds(0), func(f *fake) { f.words(siteAt, ppc64.Nop) }}, `constant NULL, calls "", becomes "", nop, done`},
		{"a trampoline in assembler", []func(*fake){func(f *fake) { f.symbol(layout.TrampPrefix + "a").typ = elf.STT_NOTYPE }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"a trampoline with a local entry", []func(*fake){func(f *fake) { f.symbol(layout.TrampPrefix + "a").other = usesTOC; f.branch(siteAt, bl, trampA+8) }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"the middle of a function", []func(*fake){func(f *fake) { f.branch(siteAt, bl, plain+4) }}, `keep target, calls "", becomes "", tramp-far`},
		{"by a linker's branch", []func(*fake){by(0x4bffff00)}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"by a linker's branch to elsewhere", []func(*fake){by(0x4bffff04)}, `keep target, calls "", becomes "", tramp-far`},
		{"by a call", []func(*fake){by(0x4bffff01)}, `keep target, calls "", becomes "", tramp-far`},
		{"by an absolute branch", []func(*fake){by(0x48000002)}, `keep target, calls "", becomes "", tramp-far`},
		{"out of reach, by a stub", []func(*fake){far}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108, entry names 0x300`},
		{"the same, kept", []func(*fake){far, holds(target + 4)}, `keep ?, calls "__SCT__a", becomes "__SCT__a", target-no-symbol, entry names 0x300`},
		{"out of reach, its entry names the stub", []func(*fake){far, func(f *fake) { f.stub(stubAt) }}, `direct target, calls "__SCT__a", becomes "target", bl to 0x108`},
		{"the same, and done", []func(*fake){far, func(f *fake) { f.stub(stubAt); f.branch(siteAt, bl, target+8) }}, `direct target, calls "target", becomes "target", bl to 0x108, done`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			for _, change := range c.changes {
				change(f)
			}
			p, err := f.plan(t, sites.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := says(&p.Sites[0], &p.Decisions[0]); got != c.want {
				t.Errorf("got\n%s, want\n%s", got, c.want)
			}
			done(t, p)
		})
	}
}

// done applies a plan and checks that the output is as planned and otherwise
// unchanged.
func done(t *testing.T, p *Plan) []byte {
	t.Helper()
	edit, err := p.Apply()
	if err != nil {
		t.Fatal(err)
	}
	m, err := edit.Layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := m.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	b := out.Bytes()
	f, err := elfrw.New(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(f); err != nil {
		t.Error(err)
	}
	if edit.Empty() == p.Changes() {
		t.Errorf("changes: %v, and the edit is empty: %v", p.Changes(), edit.Empty())
	}
	for i := range p.Decisions {
		if d := &p.Decisions[i]; (d.Form == sites.Keep) != (d.Cost == -1) || d.Form != sites.Keep && d.Cost != 0 {
			t.Errorf("%v costs %d", d.Form, d.Cost)
		}
	}
	if !p.Changes() != bytes.Equal(b, p.File.Bytes()) {
		t.Errorf("changes: %v, and the output is another: %v", p.Changes(), !bytes.Equal(b, p.File.Bytes()))
	}
	want := bytes.Clone(p.File.Bytes())
	for i := range p.Sites {
		s, d := &p.Sites[i], &p.Decisions[i]
		d.Word.Put(want[p.File.Section(s.Section).Off+s.Off:])
		if s.out != 0 {
			table, _ := p.File.SectionByName(layout.KernelTable)
			binary.LittleEndian.PutUint32(want[table.Off+s.entry-tableAt+4:], uint32(s.out-s.entry-4))
		}
	}
	if !bytes.Equal(b, want) {
		t.Error("something else has changed")
	}
	return b
}

// cold makes the caller the cold part of functions with these st_other.
func cold(others ...uint8) func(f *fake) {
	return func(f *fake) {
		f.symbol("caller").name, f.symbol("caller").other = "hot.cold", 0
		f.syms[len(f.syms)-1], f.syms[0] = f.syms[0], f.syms[len(f.syms)-1]
		for i, other := range others {
			f.function("hot", textAt+0x240+uint64(i)*0x20, 0x20, other)
		}
	}
}

// movedKey moves the key.
func movedKey(at uint64) func(f *fake) {
	return func(f *fake) {
		f.symbol(layout.KeyPrefix + "a").value = at
		f.section(layout.KernelTable).data = nil
		f.entry(siteAt, at, 0)
	}
}

// farTarget makes the key hold a function at an address, which need not have
// code.
func farTarget(at uint64) func(f *fake) {
	return func(f *fake) {
		f.secs = append(f.secs, fakeSection{
			name: ".text.away", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, addr: at &^ 0xf, data: make([]byte, 0x40),
		})
		f.function("away", at, 4, 0)
		f.put64(keyAt, at)
	}
}
