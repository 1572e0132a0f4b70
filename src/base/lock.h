/*
 * A lock of one word, for what is held for a moment. Giving it back does not
 * touch it any more once somebody else may have it, so it may lie in what that
 * one frees.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define LOCK_FREE  0u
#define LOCK_HELD  1u
#define LOCK_AWAIT 2u /* held, and somebody may sleep for it */

typedef _Atomic uint32_t lock_word;

void lock_wait(lock_word *lock);
void lock_wake(lock_word *lock);

static inline void lock_take(lock_word *lock)
{
	uint32_t state = LOCK_FREE;

	/* Acquire: pairs with the release in lock_give. */
	if (!atomic_compare_exchange_strong_explicit(lock, &state, LOCK_HELD,
						     memory_order_acquire,
						     memory_order_relaxed))
		lock_wait(lock);
}

static inline void lock_give(lock_word *lock)
{
	/* Release: pairs with the acquires in lock_take and lock_wait. */
	if (atomic_exchange_explicit(lock, LOCK_FREE, memory_order_release) ==
	    LOCK_AWAIT)
		lock_wake(lock);
}

#endif
