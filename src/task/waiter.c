#include "task/waiter.h"

void waiter_park(struct waiters *waiters, struct a10_ring *ring,
		 struct slot *slot)
{
	struct waiter *waiter = slot_waiter(ring, slot);

	slot_park(ring, slot, PARK_ABOVE);
	waiter->sq = &ring->sq;
	waiter->id = (a10_id)id_plain(slot->id);
	waiter->over = false;
	waiter->next = NULL;
	waiter->prev = waiters->last;
	if (waiters->last)
		waiters->last->next = waiter;
	else
		waiters->first = waiter;
	waiters->last = waiter;
}

void waiter_unlink(struct waiters *waiters, struct waiter *waiter)
{
	if (waiter->prev)
		waiter->prev->next = waiter->next;
	else
		waiters->first = waiter->next;
	if (waiter->next)
		waiter->next->prev = waiter->prev;
	else
		waiters->last = waiter->prev;
}

void waiter_finish(struct a10_ring *ring, struct slot *slot)
{
	const struct waiter *waiter = slot_waiter(ring, slot);

	cold_at(ring, slot_index(slot))->bytes = waiter->moved;
	slot_unpark(ring, slot);
	slot_finish(ring, slot,
		    waiter->error ? waiter->error : (int64_t)waiter->moved);
}

void waiter_end(struct waiters *waiters, struct waiter *waiter, int error)
{
	struct a10_sq *sq = waiter->sq;

	waiter_unlink(waiters, waiter);
	waiter->error = error;
	waiter->over = true;
	if (sq_is_mine(sq))
		waiter_finish(ring_of(sq),
			      &sq->slots[id_slot((uint64_t)waiter->id)]);
	else
		sq_wake_parked(sq, waiter->id);
}
