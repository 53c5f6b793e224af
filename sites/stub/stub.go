// SPDX-License-Identifier: BSD-3-Clause

package stub

import (
	"debug/elf"

	"github.com/scpatch/scpatch/ppc64"
	"github.com/scpatch/scpatch/sites/layout"
)

// Align is the alignment of a stub in bytes. It keeps a prefixed instruction at
// the start of a stub from crossing a 64-byte boundary, which it must not do (Power
// ISA v3.1, Book I §1.6).
const Align = 16

// The instructions of the stubs.
const (
	addisR12R2  ppc64.Word = 0x3d820000 // addis r12,r2,0
	ldR12R12    ppc64.Word = 0xe98c0000 // ld r12,0(r12)
	ldR12R2     ppc64.Word = 0xe9820000 // ld r12,0(r2)
	cmpdiR12    ppc64.Word = 0x2c2c0000 // cmpdi r12,0
	beqlr       ppc64.Word = 0x4d820020
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

// A Key says how a stub reaches the function pointer that it jumps through.
type Key struct {
	Sym      int   // the key's symbol, or that of the section of its cell
	Off      int64 // of the cell, in bytes from the symbol
	Indirect bool  // load the key by its address, which a linker fills in: it may be in another link unit
	Pointer  int   // symbol of the section that holds the address, at Off; without a TOC pointer the GOT holds it
	Null     bool  // the key may hold NULL; a call then does nothing
	Patched  bool  // a run time may replace a nop of the stub by a branch

	Cell bool // jump through the key's cell; see package layout
	Near bool // one instruction reaches the cell from the TOC pointer

	// In user space: first through a cell at CellOff from CellSym, which at first
	// holds the address of the code that goes through the key.
	Follows bool
	CellSym int
	CellOff int64
}

// Code is a run of stubs.
type Code struct {
	Bytes []byte
	Relas []elf.Rela64 // by offset in Bytes
}

func (c *Code) add(words ...ppc64.Word) {
	for _, w := range words {
		n := len(c.Bytes)
		c.Bytes = append(c.Bytes, make([]byte, ppc64.WordSize)...)
		w.Put(c.Bytes[n:])
	}
}

// relocate adds a relocation of the next word.
func (c *Code) relocate(typ elf.R_PPC64, sym int, addend int64) {
	c.Relas = append(c.Relas, elf.Rela64{Off: uint64(len(c.Bytes)), Info: elf.R_INFO(uint32(sym), uint32(typ)), Addend: addend})
}

// Start pads with nops up to the start of the next stub. If the key has a cell,
// the distance to the cell goes before the stub.
func (c *Code) Start(k Key) {
	head := 0
	if k.Cell {
		head = layout.CellBefore
	}
	for (len(c.Bytes)+head)%Align != 0 {
		c.add(ppc64.Nop)
	}
	if k.Cell {
		c.relocate(elf.R_PPC64_REL32, k.Sym, k.Off)
		c.add(0)
	}
}

// Save adds the stub that saves r2. Its jump entry follows the save and the nop, if
// there is one.
//
// If the key holds a function of the unit, a run time may replace the nop after
// the save with a branch to it: a thread may execute either of the two
// instructions while one replaces the other (Power ISA, Book II, concurrent
// modification of instructions).
//
// through is the offset in Bytes of the code that goes through the key.
func (c *Code) Save(k Key) (through int) {
	c.add(ppc64.SaveTOC)
	if k.Patched {
		c.add(ppc64.Nop)
	}
	switch {
	case k.Cell:
		c.loadCell(k)
		c.add(ppc64.MtctrR12, ppc64.Bctr)
		return 0
	case k.Follows:
		c.loadTOC(k.CellSym, k.CellOff)
		c.add(ppc64.MtctrR12, ppc64.Bctr)
	}
	through = len(c.Bytes)
	c.loadKey(k)
	c.jump(k)
	return through
}

// NoTOC adds the stub for callers without a TOC pointer. through is as for Save.
func (c *Code) NoTOC(k Key) (through int) {
	if k.Follows {
		c.loadPCRel(elf.R_PPC64_PCREL34, k.CellSym, k.CellOff)
		c.add(ppc64.MtctrR12, ppc64.Bctr)
	}
	through = len(c.Bytes)
	c.loadKeyPCRel(k)
	c.jump(k)
	return through
}

// Shadow adds the stub that calls the target and keeps LR on a stack of the
// thread's own. So r1 does not move, and parameters on the stack stay where
// they are. The pointer is bumped before the store, because a signal handler
// that runs in between may use the memory above it. After the call, the stub
// computes its unit's TOC pointer again, because r2 holds the target's. toc is
// the symbol .TOC., and stack is the thread-local pointer. Shadow returns the
// offset in Bytes of the call's return address.
func (c *Code) Shadow(k Key, toc, stack int) (returns int) {
	c.add(mflrR0)
	c.loadThreadPointer(stack)
	c.add(ldR12R11, addiR12Up, stdR12R11, stdR0Below)
	c.loadKey(k)
	if k.Null {
		c.add(cmpdiR12, beqOver)
	}
	c.add(ppc64.MtctrR12, bctrl)
	returns = len(c.Bytes)
	c.add(bclNext, mflrR11)
	c.relocate(elf.R_PPC64_REL16_HA, toc, ppc64.WordSize)
	c.add(addisR2R11)
	c.relocate(elf.R_PPC64_REL16_LO, toc, 2*ppc64.WordSize)
	c.add(addiR2R2)
	c.loadThreadPointer(stack)
	c.add(ldR12R11, addiR12Down, ldR0R12, stdR12R11, mtlrR0, ppc64.Blr)
	return returns
}

// loadKey loads the key into r12. r2 is the TOC pointer.
//
// With @toc, the linker must know where the key is. lld silently links it against a
// key in a shared library, and the program crashes. So in user space, a key that is
// not provably in this unit is loaded through its address in memory, as compilers
// do. @got would do the same, but mold does not support it.
func (c *Code) loadKey(k Key) {
	sym := k.Sym
	if k.Indirect {
		sym = k.Pointer
	}
	c.loadTOC(sym, k.Off)
	if k.Indirect {
		c.add(ldR12R12)
	}
}

// loadTOC loads a doubleword at any distance from r2 into r12.
func (c *Code) loadTOC(sym int, off int64) {
	c.relocate(elf.R_PPC64_TOC16_HA, sym, off)
	c.add(addisR12R2)
	c.relocate(elf.R_PPC64_TOC16_LO_DS, sym, off)
	c.add(ldR12R12)
}

// loadKeyPCRel loads the key or its cell into r12 without a TOC pointer (ELFv2
// §2.2.1).
func (c *Code) loadKeyPCRel(k Key) {
	typ := elf.R_PPC64_PCREL34
	if k.Indirect {
		typ = elf.R_PPC64_GOT_PCREL34
	}
	c.loadPCRel(typ, k.Sym, k.Off)
	if k.Indirect {
		c.add(ldR12R12)
	}
}

func (c *Code) loadPCRel(typ elf.R_PPC64, sym int, off int64) {
	c.relocate(typ, sym, off)
	c.add(pldR12, pldR12Suf)
}

// loadCell loads the key's cell into r12. r2 is the TOC pointer.
func (c *Code) loadCell(k Key) {
	if k.Near {
		c.relocate(elf.R_PPC64_TOC16_DS, k.Sym, k.Off)
		c.add(ldR12R2)
		return
	}
	c.loadTOC(k.Sym, k.Off)
}

// jump jumps to the address in r12, where a global entry expects its own
// address (ELFv2 §2.2.1.2).
func (c *Code) jump(k Key) {
	if k.Null {
		c.add(cmpdiR12, beqlr)
	}
	c.add(ppc64.MtctrR12, ppc64.Bctr)
}

// loadThreadPointer loads the address of a thread-local variable into r11, by
// the initial-exec sequence (ELFv2 §3.7.4.3).
func (c *Code) loadThreadPointer(sym int) {
	c.relocate(elf.R_PPC64_GOT_TPREL16_HA, sym, 0)
	c.add(addisR11R2)
	c.relocate(elf.R_PPC64_GOT_TPREL16_LO_DS, sym, 0)
	c.add(ldR11R11)
	c.relocate(elf.R_PPC64_TLS, sym, 0)
	c.add(addR11TLS)
}

// SaveSteps returns the number of instructions that the stub of Save executes
// up to the target, assuming that a cell holds the target.
func (k Key) SaveSteps() int32 {
	n := 1 + k.JumpSteps()
	if k.Patched {
		n++
	}
	return n
}

// JumpSteps returns that number from the jump entry.
func (k Key) JumpSteps() int32 {
	n := k.steps(2)
	if k.Near {
		n--
	}
	return n
}

// NoTOCSteps returns that number for the stub of NoTOC.
func (k Key) NoTOCSteps() int32 { return k.steps(1) }

// ShadowSteps returns that number for the stub of Shadow, including the
// instructions after the call.
func (k Key) ShadowSteps() int32 { return 8 + k.steps(2) + 13 }

// steps counts a load of the key in load instructions, mtctr, bctr, and what is
// between them.
func (k Key) steps(load int32) int32 {
	n := load + 2
	if k.Follows {
		return n
	}
	if k.Indirect {
		n++
	}
	if k.Null {
		n += 2
	}
	return n
}
