# SPDX-License-Identifier: BSD-3-Clause
# Ordinary code and data with the relocations of ordinary code and data. The
# test links it with .text, .far and .data at fixed addresses.
	.abiversion 2
	.machine	power10
	.text
	.globl	_start
	.type	_start,@function
_start:
	bl	near			# REL24
	nop
	b	far			# REL24, a tail call
	bl	far@notoc		# REL24_NOTOC
	beq	near			# REL14
	bne+	cr7,near
	lis	r9,datum@highest	# ADDR16_HIGHEST and below
	ori	r9,r9,datum@higher
	lis	r9,datum@ha
	addi	r3,r9,datum@l
	lis	r9,datum@high
	lis	r9,datum@higha
	ld	r3,datum@l(r9)		# ADDR16_LO_DS
	std	r3,datum@l(r9)
	lwa	r3,datum@l(r9)		# the XO is in the bits below DS
	lxv	vs3,quad@l(r9)		# a DQ field
	stxv	vs35,quad@l(r9)
	addpcis	r4,(datum-.)@ha		# REL16DX_HA
	lis	r5,(datum-.)@ha		# REL16_HA
	addi	r5,r5,(datum-.)@l
	.p2align 3
	paddi	r3,0,datum@pcrel,1	# PCREL34
	pld	r3,datum@pcrel
	pstd	r3,datum+4@pcrel
	paddi	r3,r3,small
	nop

	.section .head,"ax"
	.globl	near
	.type	near,@function
near:	blr
	bl	_start			# backwards
	nop

	.section .far,"ax"
	.globl	far
	.type	far,@function
far:	blr

	.data
	.p2align 4
	.globl	datum, quad
quad:	.quad	_start			# ADDR64
	.quad	far - .			# REL64
datum:	.long	far			# ADDR32
	.long	near - .		# REL32
	.quad	datum + 0x1234
	.short	small			# ADDR16
	.short	datum@l, datum@ha, datum@h

	.globl	small
	.set	small, 0x1234
