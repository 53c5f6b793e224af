// SPDX-License-Identifier: BSD-3-Clause

package ppc64

// The general registers that have a role in a call (ELFv2 §2.2.2.1).
const (
	RegSP    = 1  // the stack pointer
	RegTOC   = 2  // the TOC pointer
	RegEntry = 12 // the address of the function, at its global entry
	RegTLS   = 13 // the thread pointer; in the kernel the address of the PACA
)

// Special purpose registers by the number that [Word.SPR] returns (Power ISA
// v3.1, Book I, Move To/From System Register Instructions).
const (
	SPRLR  = 8
	SPRCTR = 9
)
