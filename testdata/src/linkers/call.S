/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A branch as a naive tool would leave it, for cmd/scpatch/e2e/linkers_test.go to link and run.
 *
 *   SITE    the instructions, the last is the branch; `after' is the word after it
 *   SLOT    the word after it, if it has one
 *   SAVE    24(r1) holds r2 before it
 *   TAIL    `caller' has no frame, and `next' is what follows SITE
 *   STUB    instructions at `stub', which `next' follows (without TAIL)
 *   HERE    `target' is in this section, or with APART in another one of this file
 *   LE1     `target' says local entry 1, and clobbers r2
 *   ENTRY   the four bytes of data at `entry'
 *
 * check() is the sum of 2, r2 is not what it was before; 4, the first instruction of `next' was
 * not executed; 8, target did not find its own datum, or did not run. The program ends with 16
 * if the word that pops the frame was lost.
 */
#include "../sc_asm.h"

	.abiversion 2
	.text

#ifdef HERE
#include "target.h"
#endif

	.hidden caller
func caller
#ifndef TAIL
	frame
	bcl 20,31,1f
1:	mflr 12
	addi 12,12,lost-1b
	std 12,16(1)	/* where it returns to if the word that pops the frame is lost */
	li 0,0
	std 0,24(1)
#ifdef SAVE
	std 2,24(1)
#endif
#endif
	SITE
after:
#ifdef SLOT
	SLOT
#endif
#ifndef TAIL
	unframe
lost:	li 3,16
	li 0,1		/* exit */
	sc
#endif
	.size caller,.-caller
#ifdef STUB
	.type stub,@function
stub:	STUB
#endif

	/* No alignment: this is the word after the branch. */
	.type next,@function
next:	li 3,0
	blr
endfunc next

func check
	mflr 0
	std 0,16(1)
	std 30,-16(1)
	std 31,-8(1)
	stdu 1,-64(1)
	mr 31,2
	li 3,8		/* target takes the 8 away */
	bl caller
	nop
	clrldi 30,3,60
	cmpd 2,31
	beq 1f
	ori 30,30,2
1:	mr 2,31
	li 3,4
	bl next
	mr 2,31
	or 3,3,30
	clrldi 3,3,60
	addi 1,1,64
	ld 30,-16(1)
	ld 31,-8(1)
	ld 0,16(1)
	mtlr 0
	blr
endfunc check

#ifdef ENTRY
	.data
	.balign 8
entry:	.long ENTRY
#endif
	.section .note.GNU-stack,"",@progbits
