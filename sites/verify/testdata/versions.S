/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library with two versions of a key, and a key without a version, and a program that uses both: v_old names the version, v_op does
 * not and gets the default one.
 */
#include "forms.h"

#ifdef LIBRARY
	.data
	.balign 8
.irp name, op_1, op_2, plain
	.globl __SCK__\name
	.type __SCK__\name,@object
__SCK__\name:
	.quad 0, 0
	.size __SCK__\name,16
.endr
	.symver __SCK__op_1,__SCK__op@V1
	.symver __SCK__op_2,__SCK__op@@V2
#else
	.symver __SCK__old,__SCK__op@V1

savestub old, null=1, got=1
savestub op, null=1, got=1
savestub plain, null=1, got=1

	.text
caller old, 0, "bl __SCS__old", ld 2,24(1)
caller op, 0, "bl __SCS__op", ld 2,24(1)

	.data
	.balign 8
v_data:
	.quad 1000

	.section .debug_static_calls,"",@progbits
	.balign 8
.Lrecord:
	.long 0x32524353, .Lend - .Lrecord, 2, 2
	.byte 2, 0, 0, 0, 0, 0, 0, 0
	.quad v_old
	.quad 0, 0
	.long .Lold - .Lrecord, 0
	.quad 0, 0
	.long .Lop - .Lrecord, 0
	.long v_old.site - v_old, 0
	.byte 4, 16, 0, 0
	.long v_op.site - v_old, 1
	.byte 4, 16, 0, 0
.Lold:
	.asciz "op@V1"
.Lop:
	.asciz "op"
	.balign 8
.Lend:
#endif
	.section .note.GNU-stack,"",@progbits
