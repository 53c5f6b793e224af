/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites that no table has, but for one, with a record of them written by hand as scpatch leaves it.
 * Each function v_NAME has one site, at the label v_NAME.site, of the key NAME, with an entry of the
 * record at the label rec_NAME.
 *
 *     direct    bl f_hidden; nop
 *     tail      b f_hidden                        direct
 *     pc        bl f_single@notoc                 direct, of a caller without a TOC pointer
 *     null      nop; nop                          constant
 *     save      bl __SCS__save; ld r2,24(r1)      save-stub
 *     proven    bl __SCJ__proven; ld r2,24(r1)    stack
 *     kept      bl __SCT__kept; nop               keep
 *     again     bl __SCT__again; nop              linker
 *     named     bl f_hidden; nop                  direct, of a key that is known by its name alone
 *     dropped   bl f_hidden; nop                  direct, of a key that nothing refers to any more
 *     listed    bl __SCJ__listed; ld r2,24(r1)    stack, in static_call_sites
 *     shadow    bl __SCX__shadow; nop             shadow
 *     gone      bl f_hidden; nop                  in a section that --gc-sections drops
 */
#include "forms.h"

	.section .text.sites,"axR",@progbits /* before the stubs */
	.text

hiddenkey direct, f_hidden
hiddenkey tail, f_hidden
hiddenkey pc, f_single
hiddenkey null, 0
hiddenkey save, f_hidden
hiddenkey proven, f_hidden
hiddenkey kept, f_hidden
hiddenkey again, f_hidden
hiddenkey named, f_hidden
hiddenkey listed, f_hidden
hiddenkey shadow, f_hidden
hiddenkey gone, f_hidden

savestub save
savestub proven, patched=1
savestub listed

/* What it does is no matter here. */
.macro shadowstub name
	.balign 16
	.type __SCX__\name,@function
__SCX__\name:
	b .
	.size __SCX__\name,.-__SCX__\name
.endm
	.pushsection .text.shadow,"ax",@progbits
	shadowstub shadow
	shadowstub other
	.popsection

	.hidden f_hidden
func f_hidden
	addis 9,2,v_data@toc@ha
	ld 9,v_data@toc@l(9)
	add 3,3,9
	blr
endfunc f_hidden

	.hidden f_single
leaf f_single
	addi 3,3,1
	blr
endfunc f_single

.macro ownedtramp name
	.hidden __SCT__\name
leaf __SCT__\name
	.localentry __SCT__\name,1
	mflr 0
	bcl 20,31,1f
1:	mflr 12
	mtlr 0
	addis 2,12,(.TOC.-1b)@ha
	addi 2,2,(.TOC.-1b)@l
	addis 12,2,__SCK__\name@toc@ha
	ld 12,__SCK__\name@toc@l(12)
	mtctr 12
	bctr
endfunc __SCT__\name
.endm
	.pushsection .text.sct,"ax",@progbits
	ownedtramp kept
	ownedtramp again
	.popsection

	.pushsection .text.sites,"axR",@progbits
caller direct, 0, "bl f_hidden", nop
notoccaller pc, bl f_single@notoc
caller null, 0, nop, nop
caller save, 0, "bl __SCS__save", ld 2,24(1)
caller proven, 1, "bl __SCJ__proven", ld 2,24(1)
caller kept, 0, "bl __SCT__kept", nop
caller again, 0, "bl __SCT__again", nop
caller named, 0, "bl f_hidden", nop
caller dropped, 0, "bl f_hidden", nop
caller listed, 1, "bl __SCJ__listed", ld 2,24(1)
caller shadow, 0, "bl __SCX__shadow", nop
func v_tail
v_tail.site:
	b f_hidden
endfunc v_tail
	.popsection

	.pushsection .text.gone,"ax",@progbits
caller gone, 0, "bl f_hidden", nop
	.popsection

entry listed, __SCJ__listed
stubentry proven

	.data
	.balign 8
v_data:
	.quad 1000
	.quad __start_static_call_sites /* keeps the table */

/* The record: keys and entries are numbered in the order in which they come. */
.macro reckey name, addr, target=0
	.quad \addr, \target
	.long .Lname_\name - .Lrecord
	.long 0
	.set .Lkey_\name, .Lkeys
	.set .Lkeys, .Lkeys + 1
.endm
.macro recsite name, form, flags=16
rec_\name:
	.long v_\name\().site - .Lbase
	.long .Lkey_\name
	.byte \form, \flags, 0, 0
.endm
.macro recname name
.Lname_\name:
	.asciz "\name"
.endm
	.section .text.sites
.Lbase = v_direct
	.section .debug_static_calls,"",@progbits
	.balign 8
	.set .Lkeys, 0
rec_head:
.Lrecord:
	.long 0x32524353, .Lend - .Lrecord, 12, 12
	.byte 2, 0, 0, 0, 0, 0, 0, 0
rec_base:
	.quad v_direct
	reckey direct, __SCK__direct
	reckey tail, __SCK__tail
	reckey pc, __SCK__pc
	reckey null, __SCK__null
	reckey save, __SCK__save
	reckey proven, __SCK__proven
	reckey kept, __SCK__kept
	reckey again, __SCK__again
	reckey named, 0
rec_dropped_key:
	reckey dropped, 0, f_hidden
	reckey listed, __SCK__listed
	reckey shadow, __SCK__shadow
	recsite direct, 1
	recsite tail, 1, 1
	recsite pc, 1, 2
	recsite null, 0
	recsite save, 4
	recsite proven, 2
	recsite kept, 7
	recsite again, 5
	recsite named, 1
	recsite dropped, 1
	recsite listed, 2, 20
	recsite shadow, 6
	recname direct
	recname tail
	recname pc
	recname null
	recname save
	recname proven
	recname kept
	recname again
	recname named
	recname dropped
	recname listed
	recname shadow
	.balign 8
.Lend:
.Lrecord2:
	.long 0x32524353, .Lend2 - .Lrecord2, 1, 1
	.byte 2, 0, 0, 0, 0, 0, 0, 0
	.quad v_gone
	.quad __SCK__gone
	.quad 0
	.long .Lname2 - .Lrecord2, 0
	.long v_gone.site - v_gone, 0
	.byte 1, 0, 0, 0
.Lname2:
	.asciz "gone"
	.balign 8
.Lend2:
	.section .note.GNU-stack,"",@progbits
