// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/scpatch/scpatch/elfrw"
)

// livepatched assembles a text and makes it like a livepatch module: the
// relocations of section .later become a second SHT_RELA section of another
// section, and the symbols klp* become SHN_LIVEPATCH.
func livepatched(t *testing.T, text, section string, flags uint64) []byte {
	t.Helper()
	b := assemble(t, text)
	f, err := elfrw.New(bytes.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	p := &mutableFile{t, b, f}
	p.put32(p.header(".rela.later", 44), uint32(p.section(section).Index))
	p.put64(p.header(".rela.later", 8), uint64(elf.SHF_INFO_LINK)|flags)
	for i := range f.NumSymbols() {
		if s := f.Symbol(i); bytes.HasPrefix(f.SymbolName(s), []byte("klp")) {
			const shnLivepatch = 0xff20
			b[f.Symtab().Off+uint64(i)*elfrw.SymSize+stShndx] = shnLivepatch & 0xff
			b[f.Symtab().Off+uint64(i)*elfrw.SymSize+stShndx+1] = shnLivepatch >> 8
		}
	}
	return b
}

// TestLateCall tests a call whose relocation is the first of its section, and one that only the
// kernel applies.
func TestLateCall(t *testing.T) {
	text := "key op, target\n	.section .text.x,\"ax\"\nleaf caller\n.long 0x48000001\nnop\nendfunc caller\n	.text\ntramp op\n" +
		"	.section .later,\"a\"\n	.long 0\n	.reloc 0, R_PPC64_REL24, __SCT__op\n"
	for flags, want := range map[uint64]string{0: "1 caller-no-toc", shfRelaLivepatch | uint64(elf.SHF_ALLOC): "1 call-form"} {
		p, err := plan(livepatched(t, text, ".text.x", flags), Options{Runtime: None, Place: Module})
		if got := summary(p, err); got != "1 sites, 0 direct, 0 constant, "+want+"; 0 listed" {
			t.Errorf("flags 0x%x: planned %s, want %s", flags, got, want)
		}
	}
}

// TestSecondRelocations gives sections a second relocation section. Its
// relocations of calls, slots and keys count, and it stays unchanged.
func TestSecondRelocations(t *testing.T) {
	const (
		head   = "func caller\nframe\n"
		call   = "bl __SCT__op\nnop\n"                                           // at 0x14 and 0x18
		tail   = ".long 0x48000001\nnop\naddis 9,2,0\nunframe\nendfunc caller\n" // from 0x1c on
		target = "func target\nblr\nendfunc target\ntramp op\n"
		whole  = head + call + tail + target
		key    = "key op, target\n"
		null   = "key op, 0\n"
		later  = "	.section .later,\"a\"\n.rept 16\n.long 0\n.endr\n	.reloc "
		place  = later + "0x1c, R_PPC64_REL24, klp\n"
	)
	module, none, program := Options{Place: Module}, Options{Runtime: None, Place: Module}, Options{Runtime: Trampoline, WholeProgram: true}
	for _, c := range []struct {
		name, text, section string
		opts                Options
		want                string
	}{
		{"another call", key + whole + place, ".text", none, "1 sites, 1 direct, 0 constant; 0 listed"},
		{"another call, a table", key + whole + place, ".text", module, "1 sites, 0 direct, 0 constant, 1 save-stub; 1 listed"},
		{"a call without a relocation, after another call", "localtramp op\nfunc caller\nframe\n.long 0x48000001\nnop\n.Lsite: bl __SCT__op\nnop\nunframe\nendfunc caller\nkey op, target, local\n	.section .static_call_sites,\"aw\"\n	.long .Lsite-.,0\n	.quad __SCK__op-.\n	.text\n" + later + "0x34, R_PPC64_REL24, klp\n", ".text", none, "1 sites, 1 direct, 0 constant; 0 listed"},
		{"the slot, a table", key + whole + later + "0x18, R_PPC64_REL24, klp\n", ".text", module, "1 sites, 0 direct, 0 constant, 1 no-slot; 0 listed"},
		{"the call", key + head + ".long 0x48000001\nnop\n" + tail + target + later + "0x14, R_PPC64_REL24, __SCT__op\n", ".text", none, "1 sites, 0 direct, 0 constant, 1 call-form; 0 listed"},
		{"a key", null + whole + later + "0, R_PPC64_ADDR64, klp\n", ".data", none, "1 sites, 0 direct, 0 constant, 1 target-not-function; 0 listed"},
		{"beside a key", null + whole + later + "8, R_PPC64_ADDR64, klp\n", ".data", none, "1 sites, 0 direct, 1 constant; 0 listed"},
		{"no address of a key", key + whole + place, ".text", program, "1 sites, 1 direct, 0 constant; 0 listed"},
		{"the address of a key", strings.Replace(key+whole, ".long 0x48000001", "bl other", 1) + later + "0x24, R_PPC64_TOC16_HA, __SCK__op\n", ".text", program, "1 sites, 0 direct, 0 constant, 1 save-stub; 0 listed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, flags := range []uint64{0, shfRelaLivepatch | uint64(elf.SHF_ALLOC)} {
				b := livepatched(t, c.text, c.section, flags)
				p, err := plan(b, c.opts)
				if got := summary(p, err); got != c.want {
					t.Errorf("flags 0x%x: planned %s, want %s", flags, got, c.want)
				}
				if err != nil {
					continue
				}
				again(t, c.name, p, c.opts)
				was, ok := p.Object.File.SectionByName(".rela.later")
				out, err := elfrw.New(apply(t, p))
				if err != nil {
					t.Fatal(err)
				}
				is, ok2 := out.SectionByName(".rela.later")
				if !ok || !ok2 || was.Size != is.Size || was.Info != is.Info || was.Flags != is.Flags {
					t.Errorf("flags 0x%x: the second relocation section is not the planned one", flags)
				}
			}
		})
	}
}
