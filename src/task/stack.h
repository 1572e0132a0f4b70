/*
 * Stacks of tasks. They are cut from slabs of address space that are never
 * given back, and wait for the next task in the cache of a ring, which is its
 * owner's, or in the depot, which is everybody's. A page that was never touched
 * costs nothing.
 */
#ifndef TASK_STACK_H
#define TASK_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/core.h"

#include <a10/task.h>

#define STACK_CLASSES 17 /* 16 KiB << class: up to 1 GiB */

/* What is at its end, to notice who goes beyond. */
enum stack_guard {
	GUARD_MARKED,    /* a page by MADV_GUARD_INSTALL: costs no map */
	GUARD_PROTECTED, /* a page by mprotect: costs two of them */
	GUARD_CANARY,    /* words that are looked at now and then */
};

struct stack {
	_Atomic(struct stack *) next; /* in a cache or in the depot */
	char *low;                    /* the guard, then what can be used */
	char *high;
	uint8_t size_class;
	uint8_t guard;   /* enum stack_guard */
	uint16_t colour; /* bytes at its end to leave, see stack_top */
	bool known;      /* valgrind was told */
};

/* NULL: no memory. ring: this thread's, whose owner it is; else NULL. */
struct stack *stack_take(struct a10_ring *ring, size_t size);
/* ring as in stack_take. */
void stack_give(struct a10_ring *ring, struct stack *stack);
/*
 * The same in two steps, for who is on it yet: whether the ring's cache has room
 * for it; and into the cache, from where nobody takes it before it is left.
 */
#define STACKS_KEPT 64u /* of a class, by a ring */

static inline bool stack_fits(const struct a10_ring *ring,
			      const struct stack *stack)
{
	return ring->tasks.stack_count[stack->size_class] < STACKS_KEPT;
}

static inline void stack_keep(struct a10_ring *ring, struct stack *stack)
{
	struct task_list *list = &ring->tasks;
	const uint32_t size_class = stack->size_class;

	atomic_store_explicit(&stack->next, list->stacks[size_class],
			      memory_order_relaxed);
	list->stacks[size_class] = stack;
	list->stack_count[size_class]++;
}

/* NULL: the cache has none of that class. */
static inline struct stack *stack_take_kept(struct a10_ring *ring,
					    uint32_t size_class)
{
	struct task_list *list = &ring->tasks;
	struct stack *stack = list->stacks[size_class];

	if (unlikely(!stack))
		return NULL;
	list->stacks[size_class] =
		atomic_load_explicit(&stack->next, memory_order_relaxed);
	list->stack_count[size_class]--;
	return stack;
}

/* All that the ring's cache has, to the depot. */
void stack_cache_empty(struct a10_ring *ring);
/* Of a stack of so many bytes; STACK_CLASSES: none is so large. */
uint32_t stack_class(size_t size);
/* Of so many bytes, at least, what is neither guard nor left free. */
size_t stack_room(size_t size);
/* Whether a canary still sings. */
bool canary_is_whole(const struct stack *stack);

/* Whether address is one that only an overflow of it touches. */
bool stack_is_guard(const struct stack *stack, const void *address);
/* For tests: of the task that runs. */
const struct stack *stack_here(void);
/*
 * For tests, before the first stack is made: as if the kernel had no marked
 * guards, and so few protected ones were allowed.
 */
void stack_guards_limit(uint32_t most);
/*
 * Where it begins. Stacks lie at multiples of their size: if all began there,
 * what is most used of each would share a few lines of the processor's cache.
 */
static inline char *stack_top(const struct stack *stack)
{
	return stack->high - stack->colour;
}

/* The lowest byte a task may use. */
char *stack_floor(const struct stack *stack);

#endif
