/*
 * The switch for aarch64. What the ABI says a call keeps is stored below the
 * stack pointer, so that a stack that does not run ends in
 *
 *	  0  x29, x30 (where to go on)   16  x19 ... x28
 *	 96  d8 ... d15                 160  fpcr
 *
 * "hint 34" is bti c, for those who may only be called.
 */

/* The stack pointer is at such an end: how to unwind from here. */
	.macro	is_end
	.cfi_def_cfa_offset 176
	.cfi_offset x29, -176
	.cfi_offset x30, -168
	.cfi_offset x19, -160
	.cfi_offset x20, -152
	.cfi_offset x21, -144
	.cfi_offset x22, -136
	.cfi_offset x23, -128
	.cfi_offset x24, -120
	.cfi_offset x25, -112
	.cfi_offset x26, -104
	.cfi_offset x27, -96
	.cfi_offset x28, -88
	.endm

/* Writing it is slow, and hardly ever does it differ: x9 is what it is. */
	.macro	load_control_word
	ldr	x10, [sp, #160]
	cmp	x9, x10
	b.eq	1f
	msr	fpcr, x10
1:
	.endm

/* From such an end on; x0 arrives there. */
	.macro	go_on
	ldp	x29, x30, [sp]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #176
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	ret
	.endm

	.macro	function name
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, %function
\name:
	.cfi_startproc
	hint	34
	.endm

	.macro	function_end name
	.cfi_endproc
	.size	\name, .-\name
	.endm

	.text

	function context_switch
	sub	sp, sp, #176
	.cfi_def_cfa_offset 176
	stp	x29, x30, [sp]
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x9, fpcr
	str	x9, [sp, #160]
	mov	x10, sp
	str	x10, [x0]
	mov	sp, x1
	is_end
	load_control_word
	mov	x0, x2
	go_on
	function_end context_switch

	function context_resume
	mov	sp, x0
	is_end
	mrs	x9, fpcr
	load_control_word
	mov	x0, x1
	go_on
	function_end context_resume

	function context_leave
	mov	sp, x0
	is_end
	mrs	x9, fpcr
	load_control_word
	mov	x0, x2
	blr	x1
	go_on
	function_end context_leave

/*
 * Where a new stack begins; nobody called it, and unwinding ends here. Whoever
 * unwinds looks for a call before where it goes on: so there is a nop.
 */
	.p2align 4
	.type	context_begin, %function
context_begin:
	.cfi_startproc
	.cfi_undefined x30
	nop
.Lbegin:
	hint	34
	mov	x0, x20
	blr	x19
	brk	#1
	function_end context_begin

	function context_make
	sub	x0, x0, #176
	adr	x9, .Lbegin
	stp	xzr, x9, [x0]
	stp	x1, x2, [x0, #16]
	stp	xzr, xzr, [x0, #32]
	stp	xzr, xzr, [x0, #48]
	stp	xzr, xzr, [x0, #64]
	stp	xzr, xzr, [x0, #80]
	stp	xzr, xzr, [x0, #96]
	stp	xzr, xzr, [x0, #112]
	stp	xzr, xzr, [x0, #128]
	stp	xzr, xzr, [x0, #144]
	mrs	x9, fpcr
	stp	x9, xzr, [x0, #160]
	ret
	function_end context_make

	.section .note.GNU-stack, "", %progbits
