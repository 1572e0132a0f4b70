/*
 * From one stack to another. A context is what a stack needs to go on: the
 * registers that a call keeps and the floating-point control words, on that
 * stack; errno, exceptions under way and what sanitizers want are fiber.h's.
 * There is a file for each kind of processor, and one that asks libc.
 */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

/* Where a stack that does not run is to go on; it lies on that stack. */
typedef void *context_place;

/*
 * A context that calls fn(argument) on the stack that ends at high, aligned to
 * 16. fn must not return. The control words are this thread's.
 */
context_place context_make(void *high, void (*fn)(void *argument),
			   void *argument);

/* Keeps this one in *ret_from and goes on in to. */
void context_switch(context_place *ret_from, context_place to);

#endif
