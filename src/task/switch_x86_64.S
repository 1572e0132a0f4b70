/*
 * The switch for x86-64. What the ABI says a call keeps lies below the stack
 * pointer, so that a stack that does not run ends in
 *
 *	 0  mxcsr   4  x87 control word   8  r15   16  r14   24  r13
 *	32  r12    40  rbx               48  rbp   56  where to go on
 *
 * The way back is a jump, not a ret: the processor predicts rets by its own
 * stack of calls, which is of another task. notrack, for there is no endbr64
 * after a call. The note says IBT and not SHSTK: a shadow stack knows one stack
 * a thread, so a program that contains this has to run without.
 *
 * Half of the time is stmxcsr, which is not done twice at once. So it is begun
 * first and its result looked at last, in the size it was written in, by a
 * branch that is predicted; loading it is slower still, and hardly ever needed.
 */
	.text

	.p2align 4
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
context_switch:
	.cfi_startproc
	endbr64
	/* In the red zone yet; nothing is called from here. */
	fnstcw	-52(%rsp)
	stmxcsr	-56(%rsp)
	leaq	-56(%rsp), %rax
	movq	%rbp, -8(%rsp)
	movq	%rbx, -16(%rsp)
	movq	%r12, -24(%rsp)
	movq	%r13, -32(%rsp)
	movq	%r14, -40(%rsp)
	movq	%r15, -48(%rsp)
	movq	%rax, (%rdi)
	movl	(%rsi), %r8d
	movzwl	4(%rsi), %r9d
	movq	%rsi, %rsp
	.cfi_def_cfa_offset 64
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	movq	48(%rsp), %rbp
	.cfi_restore rbp
	movq	40(%rsp), %rbx
	.cfi_restore rbx
	movq	32(%rsp), %r12
	.cfi_restore r12
	movq	24(%rsp), %r13
	.cfi_restore r13
	movq	16(%rsp), %r14
	.cfi_restore r14
	movq	8(%rsp), %r15
	.cfi_restore r15
	movq	56(%rsp), %rcx
	.cfi_register rip, rcx
	addq	$64, %rsp
	.cfi_def_cfa_offset 0
	cmpw	4(%rax), %r9w
	jne	1f
	cmpl	(%rax), %r8d
	jne	1f
	movq	%rdx, %rax
	notrack jmp *%rcx
1:
	ldmxcsr	(%rsi)
	fldcw	4(%rsi)
	movq	%rdx, %rax
	notrack jmp *%rcx
	.cfi_endproc
	.size	context_switch, .-context_switch

	.p2align 4
	.globl	context_leave
	.hidden	context_leave
	.type	context_leave, @function
context_leave:
	.cfi_startproc
	endbr64
	movq	%rdi, %rsp
	.cfi_def_cfa_offset 64
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	movq	%rdx, %rdi
	call	*%rsi
	movq	48(%rsp), %rbp
	.cfi_restore rbp
	movq	40(%rsp), %rbx
	.cfi_restore rbx
	movq	32(%rsp), %r12
	.cfi_restore r12
	movq	24(%rsp), %r13
	.cfi_restore r13
	movq	16(%rsp), %r14
	.cfi_restore r14
	movq	8(%rsp), %r15
	.cfi_restore r15
	movq	56(%rsp), %rcx
	.cfi_register rip, rcx
	addq	$64, %rsp
	.cfi_def_cfa_offset 0
	notrack jmp *%rcx
	.cfi_endproc
	.size	context_leave, .-context_leave

/*
 * Where a new stack begins; nobody called it, and unwinding ends here. Whoever
 * unwinds looks for a call before where it goes on: so there is a nop.
 */
	.p2align 4
	.type	context_begin, @function
context_begin:
	.cfi_startproc
	.cfi_undefined rip
	nop
.Lbegin:
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
	leaq	.Lbegin(%rip), %rcx
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
