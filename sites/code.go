// SPDX-License-Identifier: BSD-3-Clause

package sites

import (
	"debug/elf"
	"encoding/binary"
	"slices"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/reloc"
	"github.com/scpatch/scpatch/sites/layout"
)

// A codeBuffer is code in the making.
type codeBuffer struct {
	code  []byte
	relas []elf.Rela64 // by offset
}

func (b *codeBuffer) add(words ...ppc64.Word) {
	for _, w := range words {
		n := len(b.code)
		b.code = append(b.code, make([]byte, ppc64.WordSize)...)
		w.Put(b.code[n:])
	}
}

// fixup adds a relocation of the next word.
func (b *codeBuffer) fixup(typ elf.R_PPC64, sym int, addend int64) {
	b.relas = append(b.relas, rela64(uint64(len(b.code)), sym, uint32(typ), addend))
}

// The instructions of the stubs.
const (
	addisR12R2  ppc64.Word = 0x3d820000 // addis r12,r2,0
	ldR12R12    ppc64.Word = 0xe98c0000 // ld r12,0(r12)
	cmpdiR12    ppc64.Word = 0x2c2c0000 // cmpdi r12,0
	beqlr       ppc64.Word = 0x4d820020
	mtctrR12    ppc64.Word = 0x7d8903a6
	bctrl       ppc64.Word = 0x4e800421
	pldR12      ppc64.Word = 0x04100000 // pld r12,0(0),1, and its suffix
	pldR12Suf   ppc64.Word = 0xe5800000
	mflrR0      ppc64.Word = 0x7c0802a6
	mtlrR0      ppc64.Word = 0x7c0803a6
	addisR11R2  ppc64.Word = 0x3d620000 // addis r11,r2,0
	ldR11R11    ppc64.Word = 0xe96b0000 // ld r11,0(r11)
	addR11TLS   ppc64.Word = 0x7d6b6a14 // add r11,r11,r13
	ldR12R11    ppc64.Word = 0xe98b0000 // ld r12,0(r11)
	stdR12R11   ppc64.Word = 0xf98b0000 // std r12,0(r11)
	addiR12Up   ppc64.Word = 0x398c0008 // addi r12,r12,8
	addiR12Down ppc64.Word = 0x398cfff8 // addi r12,r12,-8
	stdR0Below  ppc64.Word = 0xf80cfff8 // std r0,-8(r12)
	ldR0R12     ppc64.Word = 0xe80c0000 // ld r0,0(r12)
	beqOver     ppc64.Word = 0x4182000c // beq .+12
	bclNext     ppc64.Word = 0x429f0005 // bcl 20,31,.+4
	mflrR11     ppc64.Word = 0x7d6802a6
	addisR2R11  ppc64.Word = 0x3c4b0000 // addis r2,r11,0
	addiR2R2    ppc64.Word = 0x38420000 // addi r2,r2,0
)

// A keyAccess says how code reaches a key.
type keyAccess struct {
	sym      int  // symbol of the key
	indirect bool // through the GOT: the key may be in another link unit
	null     bool // it may hold NULL
	patched  bool // the run time may put a branch in the place of a nop

	// cell: through the key's cell, which is at sym + off in the object.
	cell, near bool
	off        int64
}

// loadKey puts what the key holds into r12, with r2 the TOC pointer.
//
// With @toc a linker must know the key's place. lld links it silently against a
// key in a shared library, and the program crashes: hence @got in user space
// for all that is not provably of this unit. The kernel's module loader knows
// no GOT16.
func (b *codeBuffer) loadKey(k keyAccess) {
	ha, lo := elf.R_PPC64_TOC16_HA, elf.R_PPC64_TOC16_LO_DS
	if k.indirect {
		ha, lo = elf.R_PPC64_GOT16_HA, elf.R_PPC64_GOT16_LO_DS
	}
	b.fixup(ha, k.sym, 0)
	b.add(addisR12R2)
	b.fixup(lo, k.sym, 0)
	b.add(ldR12R12)
	if k.indirect {
		b.add(ldR12R12)
	}
}

// loadKeyPCRel does the same without a TOC pointer (ELFv2 §2.2.1), and for a cell.
func (b *codeBuffer) loadKeyPCRel(k keyAccess) {
	typ := elf.R_PPC64_PCREL34
	if k.indirect {
		typ = elf.R_PPC64_GOT_PCREL34
	}
	b.fixup(typ, k.sym, k.off)
	b.add(pldR12, pldR12Suf)
	if k.indirect {
		b.add(ldR12R12)
	}
}

// jump jumps to r12, at the global entry (ELFv2 §2.2.1.2).
func (b *codeBuffer) jump(k keyAccess) {
	if k.null {
		b.add(cmpdiR12, beqlr)
	}
	b.add(mtctrR12, bctr)
}

// saveStub is the stub of StubSave and StubJump. Where the key holds a function
// of the unit, a run time may make the nop behind the save a branch to it: of
// these two instructions a thread may execute either while one replaces the
// other (Power ISA, Book II, concurrent modification of instructions).
func (b *codeBuffer) saveStub(k keyAccess) {
	b.add(ppc64.SaveTOC)
	switch {
	case k.cell:
		b.loadCell(k)
		b.add(mtctrR12, bctr)
		return
	case k.patched:
		b.add(ppc64.Nop)
	}
	b.loadKey(k)
	b.jump(k)
}

func (b *codeBuffer) noTOCStub(k keyAccess) {
	b.loadKeyPCRel(k)
	b.jump(k)
}

// shadowStub calls the target with LR kept on a stack of the thread's own, so
// that r1 does not move and parameters in the stack stay where they are. The
// pointer is bumped before the store: a signal handler that comes between may
// use what lies above it. After the call the unit's TOC pointer is made anew, as
// the target's is in r2. toc is the symbol .TOC., stack the thread-local pointer.
func (b *codeBuffer) shadowStub(k keyAccess, toc, stack int) (calls int) {
	b.add(mflrR0)
	b.loadThreadPointer(stack)
	b.add(ldR12R11, addiR12Up, stdR12R11, stdR0Below)
	b.loadKey(k)
	if k.null {
		b.add(cmpdiR12, beqOver)
	}
	b.add(mtctrR12, bctrl)
	calls = len(b.code)
	b.add(bclNext, mflrR11)
	b.fixup(elf.R_PPC64_REL16_HA, toc, ppc64.WordSize)
	b.add(addisR2R11)
	b.fixup(elf.R_PPC64_REL16_LO, toc, 2*ppc64.WordSize)
	b.add(addiR2R2)
	b.loadThreadPointer(stack)
	b.add(ldR12R11, addiR12Down, ldR0R12, stdR12R11, mtlrR0, ppc64.Blr)
	return calls
}

// startStub fills up to where a stub begins, and puts the address of the key's
// cell in front of it.
func (b *codeBuffer) startStub(k keyAccess) {
	head := 0
	if k.cell {
		head = layout.CellBefore
	}
	for (len(b.code)+head)%stubAlign != 0 {
		b.add(ppc64.Nop)
	}
	if k.cell {
		b.fixup(elf.R_PPC64_REL32, k.sym, k.off)
		b.add(0)
	}
}

// stub is the stub of a kind; toc and stack are for StubShadow. It returns the
// return address of the call that the stub makes, 0 if it makes none.
func (b *codeBuffer) stub(kind StubEntry, k keyAccess, toc, stack int) (calls int) {
	switch kind {
	case StubSave:
		b.saveStub(k)
	case StubNoTOC:
		b.noTOCStub(k)
	case StubShadow:
		calls = b.shadowStub(k, toc, stack)
	}
	return calls
}

// loadThreadPointer puts the address of a thread-local variable into r11, by
// the initial-exec sequence (ELFv2 §3.7.4.3).
func (b *codeBuffer) loadThreadPointer(sym int) {
	b.fixup(elf.R_PPC64_GOT_TPREL16_HA, sym, 0)
	b.add(addisR11R2)
	b.fixup(elf.R_PPC64_GOT_TPREL16_LO_DS, sym, 0)
	b.add(ldR11R11)
	b.fixup(elf.R_PPC64_TLS, sym, 0)
	b.add(addR11TLS)
}

// steps is how many instructions an entry executes up to the target, those of
// the shadow stub behind it included.
func (e StubEntry) steps(k keyAccess) int32 {
	n := int32(4) // addis, ld, mtctr, bctr
	if e == StubNoTOC {
		n = 3
	}
	if k.near {
		n--
	}
	if k.indirect {
		n++
	}
	if k.null {
		n += 2
	}
	if k.patched && e.stub() == StubSave {
		n++
	}
	switch e {
	case StubSave:
		n++
	case StubShadow:
		n += 8 + 13
	}
	return n
}

// ldR12R2 is ld r12,0(r2).
const ldR12R2 ppc64.Word = 0xe9820000

// loadCell puts what a key's cell holds into r12, with r2 the TOC pointer.
func (b *codeBuffer) loadCell(k keyAccess) {
	if k.near {
		b.fixup(elf.R_PPC64_TOC16_DS, k.sym, k.off)
		b.add(ldR12R2)
		return
	}
	b.fixup(elf.R_PPC64_TOC16_HA, k.sym, k.off)
	b.add(addisR12R2)
	b.fixup(elf.R_PPC64_TOC16_LO_DS, k.sym, k.off)
	b.add(ldR12R12)
}

// stubSection holds the stubs. The name is one that the kernel's linker script
// and those of user space put into .text.
const stubSection = ".text.unlikely.static_call"

// stubAlign keeps a prefixed instruction at the start of a stub off the 64-byte
// boundaries that it must not cross (Power ISA v3.1, Book I §1.6).
const stubAlign = 16

// A frame is the extent of a stub, in bytes from the start of the section, and
// the return address of the call that it makes, from the start of the stub.
type frame struct {
	start, end, calls uint64
}

// Call-frame instructions (DWARF 5 §6.4.2) and the register numbers of ELFv2
// §2.4.
const (
	cfaDefCFA       = 0x0c
	cfaAdvanceLoc4  = 0x04
	cfaUndefined    = 0x07
	cfaNop          = 0x00
	dwarfR1         = 1
	dwarfLR         = 65
	pcrelSData4     = 0x1b // DW_EH_PE_pcrel | DW_EH_PE_sdata4
	codeAlign       = 4
	dataAlignMinus8 = 0x78 // -8 as SLEB128
)

const frameSection = ".eh_frame"

// entry appends a CIE or an FDE with its length, filled up to 8 bytes.
func entry(b, body []byte) []byte {
	for (4+len(body))%8 != 0 {
		body = append(body, cfaNop)
	}
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
}

func rela64(off uint64, sym int, typ uint32, addend int64) elf.Rela64 {
	return elf.Rela64{Off: off, Info: uint64(sym)<<32 | uint64(typ), Addend: addend}
}

func appendRela(b []byte, r elf.Rela64) []byte {
	n := len(b)
	b = slices.Grow(b, reloc.RelaSize)[:n+reloc.RelaSize]
	reloc.Rela{Off: r.Off, Info: r.Info, Addend: r.Addend}.Encode(b[n:])
	return b
}
