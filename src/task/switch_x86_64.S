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
 * Half of the time is stmxcsr, which is not done twice at once: so it is begun
 * first. The control words are loaded whatever they are: to look whether they
 * differ would wait for it.
 */

/* The stack pointer is at such an end: how to unwind from here. */
	.macro	is_end
	.cfi_def_cfa_offset 64
	.cfi_offset rbp, -16
	.cfi_offset rbx, -24
	.cfi_offset r12, -32
	.cfi_offset r13, -40
	.cfi_offset r14, -48
	.cfi_offset r15, -56
	.endm

	.macro	load_control_words
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	.endm

/* From such an end on; rax arrives there. */
	.macro	go_on
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
	.endm

	.macro	function name
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	.cfi_startproc
	endbr64
	.endm

	.macro	function_end name
	.cfi_endproc
	.size	\name, .-\name
	.endm

	.text

	function context_switch
	/* In the red zone yet; nothing is called from here. */
	stmxcsr	-56(%rsp)
	fnstcw	-52(%rsp)
	leaq	-56(%rsp), %rcx
	movq	%rbp, -8(%rsp)
	movq	%rbx, -16(%rsp)
	movq	%r12, -24(%rsp)
	movq	%r13, -32(%rsp)
	movq	%r14, -40(%rsp)
	movq	%r15, -48(%rsp)
	movq	%rdx, %rax
	movq	%rcx, (%rdi)
	movq	%rsi, %rsp
	is_end
	load_control_words
	go_on
	function_end context_switch

	function context_resume
	movq	%rsi, %rax
	movq	%rdi, %rsp
	is_end
	load_control_words
	go_on
	function_end context_resume

	function context_leave
	movq	%rdi, %rsp
	is_end
	load_control_words
	movq	%rdx, %rdi
	call	*%rsi
	go_on
	function_end context_leave

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
	function_end context_begin

	function context_make
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
	function_end context_make

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
