/*
 * From one stack to another. A context is what a stack needs to go on: the
 * registers that a call keeps and the floating-point control words, on that
 * stack; errno, exceptions under way and what sanitizers want are fiber.h's.
 * There is a file for each kind of processor, and one that asks libc.
 */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

#include <sys/types.h>

/* Where a stack that does not run is to go on; it lies on that stack. */
typedef void *context_place;

/*
 * A context that calls fn(argument) on the stack that ends at high, aligned to
 * 16. fn must not return. The control words are this thread's.
 */
context_place context_make(void *high, void (*fn)(void *argument),
			   void *argument);

/*
 * Keeps this one in *ret_from and goes on in to, where value is returned. As
 * the last call of a function it comes back to that one's caller.
 */
ssize_t context_switch(context_place *ret_from, context_place to,
		       ssize_t value);

/* The same, and leaves this stack for good. */
_Noreturn void context_resume(context_place to, ssize_t value);

/*
 * Leaves it for good, too: last(argument) on that of to, which then goes on.
 */
_Noreturn void context_leave(context_place to, void (*last)(void *argument),
			     void *argument);

#endif
