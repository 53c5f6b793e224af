// SPDX-License-Identifier: BSD-3-Clause

package image

import (
	"debug/elf"
	"errors"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites"
	"github.com/scpatch/scpatch/sites/layout"
)

// TestRefused checks the errors for files that are not images, or contradict
// themselves.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *fake)
		opts   sites.Options
		want   string
	}{
		{"machine", func(f *fake) { f.machine = uint16(elf.EM_X86_64) }, sites.Options{}, "machine is EM_X86_64"},
		{"object", func(f *fake) { f.typ = uint16(elf.ET_REL) }, sites.Options{}, "file type is ET_REL, want ET_EXEC or ET_DYN"},
		{"core", func(f *fake) { f.typ = uint16(elf.ET_CORE) }, sites.Options{}, "file type is ET_CORE"},
		{"abi 1", func(f *fake) { f.flags = 1 }, sites.Options{}, "ABI version 1"},
		{"abi 3", func(f *fake) { f.flags = 3 }, sites.Options{}, "ABI version 3"},
		{"stripped", func(f *fake) { f.syms = nil }, sites.Options{}, "the image has no symbols"},
		{"no table", func(f *fake) { f.section(layout.KernelTable).name = ".other" }, sites.Options{}, "and kernel images with a table of sites"},
		{"sections overlap", func(f *fake) { f.section(".bss").addr = dataAt + 0x3f }, sites.Options{}, `sections ".data" and ".bss" overlap in memory`},
		{"section passes the end of memory", func(f *fake) { f.section(".bss").addr = 1<<64 - 0x10 }, sites.Options{}, `section ".bss" passes the end of memory`},
		{"local entry", func(f *fake) { f.symbol("plain").other = 7 << 5 }, sites.Options{}, "symbol plain: "},

		{"module", func(*fake) {}, sites.Options{Place: sites.Module}, "can be patched is a kernel image"},
		{"program", func(*fake) {}, sites.Options{Place: sites.User}, "can be patched is a kernel image"},
		{"run time", func(*fake) {}, sites.Options{Runtime: sites.Trampoline}, "--runtime inline"},
		{"table only", func(*fake) {}, sites.Options{TableOnly: true}, "a linked image already has its table"},
		{"required form", func(*fake) {}, sites.Options{Require: []sites.Form{sites.Constant}}, `section ".text": caller+0x10: the form is direct, and --require allows only constant`},

		{"table size", func(f *fake) { s := f.section(layout.KernelTable); s.data = append(s.data, 0, 0, 0, 0) }, sites.Options{}, "0x14 bytes of table are not a multiple of 16"},
		{"table of another size", func(f *fake) { f.entries8([3]uint64{siteAt, keyAt}) }, sites.Options{EntrySize: 16}, "0x8 bytes of table are not a multiple of 16"},
		{"key that is none", func(f *fake) { f.entry(siteAt+4, keyAt+8, 0) }, sites.Options{}, "entry 1 of the table: there is no key at 0x2000018"},
		{"site that is no code", func(f *fake) { f.entry(dataAt, keyAt, 0) }, sites.Options{}, "an entry of the table: 0x2000000 is not in code"},
		{"site at the end of code", func(f *fake) { f.entry(textAt+textSize, keyAt, 0) }, sites.Options{}, "is not in code"},
		{"site in the middle of a word", func(f *fake) { f.entry(siteAt+2, keyAt, 0) }, sites.Options{}, "an entry of the table: "},
		{"two entries of one site", func(f *fake) {
			f.entry(textAt+0x20, keyAt, 0)
			f.branch(textAt+0x20, bl, trampA)
			f.entry(siteAt, keyAt, 0)
		}, sites.Options{},
			"two entries of the table name the site at 0x8000010"},
		{"table without bytes", func(f *fake) { ends(f, bssAt, bssAt+0x10) }, sites.Options{}, "at 0x2100000 is in no section"},
		{"table that ends before it begins", func(f *fake) { ends(f, tableAt+0x10, tableAt) }, sites.Options{}, "is in no section"},
		{"table whose end passes its section", func(f *fake) { f.entry(siteAt+4, keyAt, 0); more(f, 0x20); ends(f, tableAt+0x10, tableAt+0x30) }, sites.Options{}, "is in no section"},
		{"table that passes its section", func(f *fake) { more(f, 0x10); ends(f, tableAt, tableAt+0x20) }, sites.Options{}, "is in no section"},

		{"another callee", func(f *fake) { f.branch(siteAt, bl, plain) }, sites.Options{}, "calls plain, but the key is a"},
		{"another trampoline", func(f *fake) {
			f.function(layout.TrampPrefix+"b", trampA+0x20, 0x10, 0)
			f.branch(siteAt, bl, trampA+0x20)
		}, sites.Options{}, "calls __SCT__b, but the key is a"},
		{"the target's other entry", func(f *fake) { f.branch(siteAt, bl, target) }, sites.Options{}, "calls target, but the key is a"},
		{"no trampoline", func(f *fake) { f.symbol(layout.TrampPrefix + "a").name = "other" }, sites.Options{}, "calls other, but the key is a"},
		{"another word", func(f *fake) { f.words(siteAt, ppc64.Nop) }, sites.Options{}, "found nop: not a call, and not what key a makes of one"},
		{"another constant", func(f *fake) { f.put64(keyAt, 0); f.words(siteAt, ppc64.Li3Zero) }, sites.Options{}, "found li r3,0: not a call"},
		{"a word where nothing is known", func(f *fake) { f.put64(keyAt, target+4); f.words(siteAt, ppc64.Nop) }, sites.Options{}, "found nop: not a call"},
		{"an absolute call", func(f *fake) { f.words(siteAt, 0x48000003) }, sites.Options{}, "not a call, and not what key a makes"},
		{"a tail call of an entry without the flag", func(f *fake) { f.branch(siteAt, b, trampA) }, sites.Options{}, "the table says tail call false, found b"},
		{"a call of an entry with the flag", func(f *fake) { f.keyFlags(layout.FlagTail) }, sites.Options{}, "the table says tail call true, found bl"},

		{"its entry's stub leads elsewhere", func(f *fake) { far(f); f.stub(stubAt); f.put64(gotAt+0x18, farAt+0x14) }, sites.Options{}, "the stub 0x8000300 of its entry does not lead to the trampoline of a"},
		{"its entry's stub is out of reach", func(f *fake) { farStub(f); f.stub(farAt) }, sites.Options{}, "the stub 0xc000000 of its entry does not lead to the trampoline of a"},
		{"its entry's stub, without a trampoline", func(f *fake) {
			f.stub(stubAt)
			f.branch(stubAt, b, trampA)
			f.symbol(layout.TrampPrefix + "a").name = "other"
			f.branch(siteAt, bl, target+8)
		}, sites.Options{}, "of its entry does not lead to the trampoline of a"},
		{"out of reach, and the stub is gone", func(f *fake) { far(f); f.branch(siteAt, bl, target+8) }, sites.Options{}, "the trampoline of a is out of a branch's reach, and the site has left the linker's stub"},
		{"out of reach, by a stub through another slot", func(f *fake) { far(f); f.put64(gotAt+0x18, farAt+0x14) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub with LR", func(f *fake) { far(f); f.words(stubAt+12, 0x4e800421) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that jumps to what it has not loaded", func(f *fake) { far(f); f.words(stubAt+4, ppc64.Nop) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that loads another register", func(f *fake) { far(f); f.words(stubAt+4, 0xe96c8018) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that loads from nowhere", func(f *fake) { far(f); f.words(stubAt, 0x3d800000) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that goes by what r11 holds", func(f *fake) { far(f); f.words(stubAt, 0x3d8b0c00, 0x398c0010) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub with a number", func(f *fake) { far(f); f.words(stubAt, 0x3d800c00, 0x398c0010) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub with ldu", func(f *fake) { far(f); f.words(stubAt, 0xe9828019, ppc64.MtctrR12, ppc64.Bctr) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub with lwz", func(f *fake) { far(f); f.words(stubAt, 0x81828018, ppc64.MtctrR12, ppc64.Bctr) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that does not set CTR", func(f *fake) { far(f); f.words(stubAt+8, ppc64.Nop) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, by a stub that sets CTR to nothing", func(f *fake) { far(f); f.words(stubAt, ppc64.MtctrR12, ppc64.Bctr) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, the stub out of its entry's", func(f *fake) {
			far(f)
			f.words(textAt, throughTOC(gotAt, gotAt+0x18)...) // before the site
			f.symbol("caller").value += 0x10
			f.branch(siteAt, bl, textAt)
			f.section(layout.KernelTable).addr = siteAt + 1<<31
			f.section(layout.KernelTable).data = nil
			f.entry(siteAt, keyAt, 0)
		}, sites.Options{}, "cannot name the stub at 0x8000000"},
		{"out of reach, the slot has another dynamic relocation", func(f *fake) { far(f); f.dynamic(gotAt+0x18, elf.R_PPC64_ADDR64, farAt+0x10) }, sites.Options{}, "the trampoline of a is out of a branch's reach"},
		{"out of reach, the slot has two dynamic relocations", func(f *fake) {
			far(f)
			f.dynamic(gotAt+0x18, elf.R_PPC64_RELATIVE, farAt+0x10)
			f.dynamic(gotAt+0x18, elf.R_PPC64_RELATIVE, farAt+0x10)
		}, sites.Options{}, "the trampoline of a is out of a branch's reach"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			c.change(f)
			p, err := f.plan(t, c.opts)
			if err == nil {
				_, err = p.Apply()
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is\n%v, want\n%s", err, c.want)
			}
		})
	}
}

// ends adds the symbols that a linker script puts around the table.
func ends(f *fake, start, stop uint64) {
	f.syms = append(f.syms, fakeSymbol{layout.TableStart, start, 0, elf.STT_NOTYPE, 0}, fakeSymbol{layout.TableStop, stop, 0, elf.STT_NOTYPE, 0})
}

// more puts a section of a given size after the table.
func more(f *fake, size uint64) {
	f.secs = append(f.secs, fakeSection{name: ".more", typ: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC, addr: tableAt + size, data: make([]byte, 0x20)})
}

// farStub adds a stub out of reach that branches to the trampoline, which is
// within reach.
func farStub(f *fake) {
	f.words(farAt, 0x3d820000, 0xe98c8018, ppc64.MtctrR12, ppc64.Bctr)
	f.put64(gotAt+0x18, trampA)
}

// TestStubs follows the stubs that linkers put between a site and a distant
// trampoline, with the TOC pointer where the file says.
func TestStubs(t *testing.T) {
	const tramp = farAt + 0x10
	near := func(off int64) ppc64.Word { return 0xe9820000 | ppc64.Word(uint16(off)) } // ld r12,off(r2)
	for _, c := range []struct {
		name   string
		change func(f *fake)
	}{
		{"through .got", func(*fake) {}},
		{".TOC. says more than .got", func(f *fake) {
			f.syms = append(f.syms, fakeSymbol{".TOC.", dataAt, 0, elf.STT_NOTYPE, 0})
			f.put64(dataAt+0x20, tramp)
			f.words(stubAt, near(0x20), ppc64.MtctrR12, ppc64.Bctr)
		}},
		{"in one instruction", func(f *fake) { f.words(stubAt, near(0x18-reloc.TOCBias), ppc64.MtctrR12, ppc64.Bctr) }},
		{"relocated", func(f *fake) { f.put64(gotAt+0x18, 0); f.dynamic(gotAt+0x18, elf.R_PPC64_RELATIVE, tramp) }},
		{"computed", func(f *fake) {
			// addis r12,r2,ha; addi r12,r12,lo; mtctr r12; bctr
			off := int64(tramp - gotAt - reloc.TOCBias)
			f.words(stubAt, 0x3d820000|ppc64.Word(uint16((off+0x8000)>>16)), 0x398c0000|ppc64.Word(uint16(off)), ppc64.MtctrR12, ppc64.Bctr)
		}},
		{"by addi", func(f *fake) { f.words(stubAt, 0x39828018, 0xe98c0000, ppc64.MtctrR12, ppc64.Bctr) }},
		{"relocated by what is not loaded", func(f *fake) {
			f.dynamic(gotAt+0x18, elf.R_PPC64_RELATIVE, 0)
			f.section(".rela.dyn").flags, f.section(".rela.dyn").addr = 0, 0
		}},
		{"with sections that are not loaded at the table's address", func(f *fake) {
			other := []fakeSection{
				{name: ".debug", typ: elf.SHT_PROGBITS, addr: tableAt, data: make([]byte, 0x20)},
				{name: ".tbss", typ: elf.SHT_NOBITS, flags: elf.SHF_ALLOC | elf.SHF_TLS, addr: tableAt, size: 0x20},
			}
			f.secs = append(other, f.secs...)
		}},
		{"in as many instructions as there may be", func(f *fake) {
			f.words(stubAt, append(repeat(0x398c0000, 5, 0x3d820000), near(0x18-reloc.TOCBias), ppc64.MtctrR12, ppc64.Bctr)[1:]...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			far(f)
			c.change(f)
			p, err := f.plan(t, sites.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if s := &p.Sites[0]; s.out != stubAt || s.Callee != layout.TrampPrefix+"a" || p.Decisions[0].Form != sites.Direct {
				t.Errorf("%s", says(s, &p.Decisions[0]))
			}
			done(t, p)
		})
	}
	jump := []ppc64.Word{near(0x18 - reloc.TOCBias), ppc64.MtctrR12, ppc64.Bctr}
	for name, words := range map[string][]ppc64.Word{
		"too long":               append(repeat(0x398c0000, 6, 0x3d820000), jump...)[1:],
		"loads another register": append([]ppc64.Word{0xe9628018}, jump...), // ld r11,-0x7fe8(r2)
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			far(f)
			f.words(stubAt, words...)
			if _, err := f.plan(t, sites.Options{}); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// repeat returns first and n times w.
func repeat(w ppc64.Word, n int, first ppc64.Word) []ppc64.Word {
	words := []ppc64.Word{first, first}
	for len(words) <= n {
		words = append(words, w)
	}
	return words
}

// TestTables reads tables of both sizes, in any order, between symbols and in a
// section of their own.
func TestTables(t *testing.T) {
	second := func(f *fake) {
		f.object(layout.KeyPrefix+"b", keyAt+8)
		f.function(layout.TrampPrefix+"b", trampA+0x20, 0x10, 0)
		f.branch(siteAt-8, bl, trampA+0x20)
		f.put64(keyAt+8, plain)
	}
	for _, c := range []struct {
		name   string
		change func(f *fake)
		size   int
	}{
		{"16 bytes, not in order", func(f *fake) { f.entry(siteAt-8, keyAt+8, 0) }, 16},
		{"8 bytes", func(f *fake) { f.entries8([3]uint64{siteAt - 8, keyAt + 8}, [3]uint64{siteAt, keyAt}) }, 8},
		{"8 bytes, not in order", func(f *fake) { f.entries8([3]uint64{siteAt, keyAt}, [3]uint64{siteAt - 8, keyAt + 8}) }, 8},
		{"the first is done", func(f *fake) { f.branch(siteAt-8, bl, plain); f.entry(siteAt-8, keyAt+8, 0) }, 16},
		{"with the kernel's own flag", func(f *fake) {
			f.entries8([3]uint64{siteAt, keyAt, layout.FlagInit}, [3]uint64{siteAt - 8, keyAt + 8})
		}, 8},
		{"between symbols", func(f *fake) {
			s := f.section(layout.KernelTable)
			f.entry(siteAt-8, keyAt+8, 0)
			f.entry(dataAt, dataAt, 0) // an entry of another table
			s.name = ".rodata"
			ends(f, tableAt, tableAt+0x20)
		}, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			second(f)
			c.change(f)
			p, err := f.plan(t, sites.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if p.EntrySize != c.size || p.Keys != 2 || len(p.Sites) != 2 {
				t.Fatalf("%d keys, %d sites in entries of %d bytes", p.Keys, len(p.Sites), p.EntrySize)
			}
			a, b := &p.Sites[0], &p.Sites[1]
			if a.Off != 8 || a.Key != "b" || a.Target != "plain" || b.Off != 0x10 || b.Key != "a" || b.Target != "target" {
				t.Errorf("%+v, %+v", a, b)
			}
			if a.Function != "caller" || a.FuncOff != 8 || a.Section != 1 || a.Tail || !p.Decisions[0].Listed {
				t.Errorf("%+v, %+v", a, p.Decisions[0])
			}
			done(t, p)
		})
	}
}

// TestCheck checks that an output that is not as planned is noticed.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *fake)
		isKind bool
	}{
		{"left as it was", func(*fake) {}, true},
		{"another target", func(f *fake) { f.put64(keyAt, plain); f.branch(siteAt, bl, plain) }, true},
		{"another site", func(f *fake) {
			f.branch(siteAt, bl, target+8)
			f.branch(siteAt+4, bl, target+8)
			f.section(layout.KernelTable).data = nil
			f.entry(siteAt+4, keyAt, 0)
		}, true},
		{"one more site", func(f *fake) {
			f.branch(siteAt, bl, target+8)
			f.branch(siteAt+4, bl, target+8)
			f.entry(siteAt+4, keyAt, 0)
		}, true},
		{"no table", func(f *fake) { f.section(layout.KernelTable).name = ".other" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := newFake().plan(t, sites.Options{})
			if err != nil {
				t.Fatal(err)
			}
			f := newFake()
			c.change(f)
			out, err := elfrw.New(f.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(out); err == nil || errors.Is(err, sites.ErrNotAsPlanned) != c.isKind {
				t.Errorf("Check says %v", err)
			}
		})
	}
	f := newFake()
	f.branch(siteAt, bl, target+8)
	p, err := newFake().plan(t, sites.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := elfrw.New(f.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(out); err != nil {
		t.Error(err)
	}
}
