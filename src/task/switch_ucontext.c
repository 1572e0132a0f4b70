/*
 * The switch by libc, for processors without one of our own, and for tests of
 * the rest without ours: each switch is a system call, for the signal mask.
 */
#include "task/switch.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct start {
	ucontext_t context; /* first: a place is a ucontext_t */
	void (*fn)(void *argument);
	void *argument;
};

/* makecontext passes ints, of which a pointer may be two. */
static void begin(unsigned int high, unsigned int low)
{
	const struct start *start =
		(const void *)(uintptr_t)((uint64_t)high << 32 | low);

	start->fn(start->argument);
	__builtin_trap();
}

context_place context_make(void *high, void (*fn)(void *argument),
			   void *argument)
{
	struct start *start =
		(void *)(((uintptr_t)high - sizeof(*start)) & ~(uintptr_t)63);
	const uint64_t bits = (uintptr_t)start;

	getcontext(&start->context);
	/* Below it there is as much as is mapped: the size is not looked at. */
	start->context.uc_stack.ss_sp = (char *)start - 4096;
	start->context.uc_stack.ss_size = 4096;
	start->context.uc_link = NULL;
	start->fn = fn;
	start->argument = argument;
	makecontext(&start->context, (void (*)(void))begin, 2,
		    (unsigned int)(bits >> 32), (unsigned int)bits);
	return &start->context;
}

/* What goes over to the other side. */
static _Thread_local ssize_t passed;
static _Thread_local void (*left_last)(void *argument);
static _Thread_local void *left_argument;

ssize_t context_switch(context_place *ret_from, context_place to, ssize_t value)
{
	void (*last)(void *argument);
	ucontext_t here;

	*ret_from = &here;
	passed = value;
	swapcontext(&here, to);
	last = left_last;
	left_last = NULL;
	if (last)
		last(left_argument);
	return passed;
}

void context_resume(context_place to, ssize_t value)
{
	passed = value;
	setcontext(to);
	__builtin_trap();
}

void context_leave(context_place to, void (*last)(void *argument),
		   void *argument)
{
	left_last = last;
	left_argument = argument;
	setcontext(to);
	__builtin_trap();
}
