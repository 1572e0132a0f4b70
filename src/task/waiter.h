/*
 * Those who wait in a channel or for a semaphore, first come, first served:
 * parked slots of any ring. A waiter that is over has been taken out of its
 * list, under the lock that guards it, with its result in it; exactly then its
 * owner is told. So what went over went over once, whoever cancels meanwhile.
 *
 * The owner is told under the lock, and takes the lock before it delivers: who
 * has its result knows that the one who gave it does not touch the lock again.
 */
#ifndef TASK_WAITER_H
#define TASK_WAITER_H

#include "base/lock.h"
#include "ring/above.h"
#include "ring/life.h"

struct waiters {
	struct waiter *first;
	struct waiter *last;
};

/* The owner's: its slot is parked, behind all others. The lock is held. */
void waiter_park(struct waiters *waiters, struct a10_ring *ring,
		 struct slot *slot);
void waiter_unlink(struct waiters *waiters, struct waiter *waiter);
/* Any thread: out of the list, its slot finished. The lock is held. */
void waiter_end(struct waiters *waiters, struct waiter *waiter, int error);
/* The owner's: the slot of a waiter that is over. */
void waiter_finish(struct a10_ring *ring, struct slot *slot);

static inline struct waiter *slot_waiter(struct a10_ring *ring,
					 const struct slot *slot)
{
	return &cold_at(ring, slot_index(slot))->waiter;
}

#endif
