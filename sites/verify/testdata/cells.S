/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites of user space whose stubs go through cells, as scpatch leaves them. Each function v_NAME
 * has one site, at the label v_NAME.site, of the key NAME, whose cell is cell_NAME.
 *
 *     one   bl f_hidden; ld r2,24(r1)        the function
 *     two   bl __SCJ__two; ld r2,24(r1)      through the cell
 */
#include "forms.h"

	.text
hiddenkey one, f_hidden
hiddenkey two, f_hidden

.macro cell name
	.pushsection static_call_cells,"aw",@progbits
	.balign 8
cell_\name:
	.quad key_\name
	.quad __SCK__\name
	.long key_\name - .
	.long 0
	.popsection
.endm

.macro through word
	addis 12,2,\word@toc@ha
	ld 12,\word@toc@l(12)
	mtctr 12
	bctr
.endm

/* The code after the jump through the cell goes through the key. */
.macro cellstub name
	.pushsection .text.static_call,"ax",@progbits
	.balign 16
	.type __SCJ__\name,@function
__SCJ__\name:
	through cell_\name
key_\name:
	through __SCK__\name
	.size __SCJ__\name,.-__SCJ__\name
	.popsection
.endm

cell one
cell two
cellstub one
cellstub two

	.hidden f_hidden
leaf f_hidden
	addi 3,3,1
	blr
endfunc f_hidden

caller one, 1, "bl f_hidden", ld 2,24(1)
caller two, 1, "bl __SCJ__two", ld 2,24(1)

entry one, __SCJ__one
entry two, __SCJ__two

	.data
	.balign 8
v_data:
	.quad 1000
v_ends:
	.quad __start_static_call_cells, __stop_static_call_cells
	.section .note.GNU-stack,"",@progbits
