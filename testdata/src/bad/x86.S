/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An x86-64 object with the table that objtool writes there: the model of the layout, to be
 * refused as input. { s32 addr; s32 key; }, both pc-relative, bit 0 of the key says tail.
 */
	.text
	.globl target
	.type target,@function
target:	lea 1(%rdi),%eax
	ret
	.size target,.-target

	.globl caller
	.type caller,@function
caller:	sub $8,%rsp
.Lcall:	call __SCT__x
	add $8,%rsp
.Ltail:	jmp __SCT__x
	.size caller,.-caller

	.section .static_call.text,"ax",@progbits
	.balign 8
	.globl __SCT__x
	.type __SCT__x,@function
__SCT__x:
	jmp target
	.byte 0x0f,0xb9,0xcc
	.size __SCT__x,.-__SCT__x

	.data
	.balign 8
	.globl __SCK__x
	.type __SCK__x,@object
__SCK__x:
	.quad target
	.quad 1
	.size __SCK__x,16

	.section .discard.addressable,"aw",@progbits
	.quad __SCK__x

	.section .static_call_sites,"wa",@progbits
	.balign 8
	.long .Lcall - .
	.long __SCK__x - .
	.long .Ltail - .
	.long __SCK__x - . + 1
	.section .note.GNU-stack,"",@progbits
