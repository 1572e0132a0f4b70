/*
 * The switch for x86-64. What the ABI says a call keeps is pushed, so that a
 * stack that does not run ends in
 *
 *	 0  mxcsr   4  x87 control word   8  r15   16  r14   24  r13
 *	32  r12    40  rbx               48  rbp   56  where to go on
 *
 * The way back is a jump, not a ret: the processor predicts rets by its own
 * stack of calls, which is of another task. notrack, for there is no endbr64
 * after a call. The note says IBT and not SHSTK: a shadow stack knows one stack
 * a thread, so a program that contains this has to run without.
 */
	.text

	.p2align 4
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
context_switch:
	.cfi_startproc
	endbr64
	/* They are slow: early, where they will be (in the red zone yet). */
	stmxcsr	-56(%rsp)
	fnstcw	-52(%rsp)
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	movl	(%rsp), %eax
	movzwl	4(%rsp), %ecx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	/* Loading them is slow, and hardly ever do they differ. */
	cmpl	(%rsp), %eax
	jne	2f
	cmpw	4(%rsp), %cx
	jne	2f
1:
	.cfi_remember_state
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	notrack jmp *%rcx
2:
	.cfi_restore_state
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	1b
	.cfi_endproc
	.size	context_switch, .-context_switch

/* Where a new stack begins; nobody called it, and unwinding ends here. */
	.p2align 4
	.type	context_begin, @function
context_begin:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	%r12, %rdi
	call	*%rbx
	ud2
	.cfi_endproc
	.size	context_begin, .-context_begin

	.p2align 4
	.globl	context_make
	.hidden	context_make
	.type	context_make, @function
context_make:
	.cfi_startproc
	endbr64
	leaq	-80(%rdi), %rax
	leaq	context_begin(%rip), %rcx
	stmxcsr	(%rax)
	fnstcw	4(%rax)
	movq	$0, 8(%rax)
	movq	$0, 16(%rax)
	movq	$0, 24(%rax)
	movq	%rdx, 32(%rax)
	movq	%rsi, 40(%rax)
	movq	$0, 48(%rax)
	movq	%rcx, 56(%rax)
	movq	$0, 64(%rax)
	movq	$0, 72(%rax)
	ret
	.cfi_endproc
	.size	context_make, .-context_make

	.section .note.GNU-stack, "", @progbits
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4		/* length of the name */
	.long	16		/* ... and of what it says */
	.long	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002	/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1		/* IBT */
	.long	0
