/*
 * A cancel is a mark on the slot. What the backend has not seen ends without
 * it; for what it has, a cancel request is sent, and sent again as long as the
 * answer is that it was not found or could not be stopped and the slot is still
 * busy: so a cancel is never lost, neither for lack of room nor in a race.
 */
#include "buf/pool.h"
#include "ring/above.h"
#include "ring/bundle.h"
#include "ring/life.h"

#include <errno.h>

#define BACKOFF_FIRST_NS 1000000u /* between two requests for the same */
#define BACKOFF_LAST_NS  64000000u

void slot_cancel_send(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);

	slot->id |= TAG_SPECIAL;
	if (slot->marks & (MARK_LISTED | MARK_ASKED))
		return;
	/* Nothing of a busy-polled ring can be cancelled: it is soon over. */
	if (unlikely(ring->iopoll))
		return;
	slot->marks |= MARK_LISTED;
	cold->cancel_prev = NO_SLOT;
	cold->cancel_next = ring->cancels;
	if (ring->cancels != NO_SLOT)
		cold_at(ring, ring->cancels)->cancel_prev = index;
	ring->cancels = index;
}

void slot_cancel_forget(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (!(slot->marks & MARK_LISTED))
		return;
	if (slot->marks & MARK_RETRY)
		ring->cancel_retries--;
	slot->marks &= (uint16_t) ~(MARK_LISTED | MARK_RETRY);
	if (cold->cancel_prev != NO_SLOT)
		cold_at(ring, cold->cancel_prev)->cancel_next =
			cold->cancel_next;
	else
		ring->cancels = cold->cancel_next;
	if (cold->cancel_next != NO_SLOT)
		cold_at(ring, cold->cancel_next)->cancel_prev =
			cold->cancel_prev;
	if (ring->cancels == NO_SLOT)
		ring->cancels_wait = false;
}

void slot_cancel(struct a10_ring *ring, struct slot *slot, uint16_t mark)
{
	if (is_unstoppable(slot))
		return;
	if (slot->flags & SLOT_CHAIN) {
		chain_cancel(ring, slot, mark);
		return;
	}
	if (slot->marks & MARK_ENDING)
		return;
	/* Its result is known; but a scope_wait may yet be parked again. */
	if (slot->state == SLOT_FINISHED &&
	    op_row(slot->opcode)->own != OWN_SCOPE_WAIT)
		return;
	slot->marks |= mark;
	slot->id |= TAG_SPECIAL;
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_CANCEL, slot, 0);
	if (slot->state == SLOT_RUNNING && queue_withdraw(ring, slot)) {
		slot_finish(ring, slot, slot_reason(slot, 0));
	} else if (slot->state == SLOT_RUNNING) {
		slot_cancel_send(ring, slot);
	} else if (slot->state == SLOT_PARKED && slot->park == PARK_ABOVE) {
		above_cancel(ring, slot);
	} else if (slot->state == SLOT_PARKED) {
		if (slot->park == PARK_BUNDLE && bundle_pause(ring, slot))
			return;
		/* What a helper has begun goes on; its end is awaited. */
		if (slot->park == PARK_WORK && !errand_let_go(ring, slot))
			return;
		if (slot->park == PARK_DIAL)
			dial_end(ring, slot);
		slot_unpark(ring, slot);
		slot_finish(ring, slot, slot_reason(slot, 0));
	} else if (slot->state == SLOT_QUEUED)
		ring->queue_dirty = true; /* queue_fill finds the mark */
}

void slot_detach(struct a10_ring *ring, struct slot *slot)
{
	const bool known = slot->marks & MARK_DETACH;

	slot->marks |= MARK_DETACH;
	slot->id |= TAG_SPECIAL;
	if (slot->flags & SLOT_CHAIN) {
		uint32_t index = cold_at(ring, slot_index(slot))->chain_first;

		for (; index; index = cold_at(ring, index)->chain_next) {
			slot_at(ring, index)->marks |= MARK_DETACH;
			slot_at(ring, index)->id |= TAG_SPECIAL;
		}
	}
	slot_cancel(ring, slot, MARK_CANCEL);
	if (!known && slot->state == SLOT_FINISHED &&
	    op_row(slot->opcode)->own == OWN_ABOVE)
		above_detach(ring, slot);
}

void slot_pause(struct a10_ring *ring, struct slot *slot)
{
	if (slot->marks & (MARK_ENDING | MARK_PAUSE))
		return;
	slot->marks |= MARK_PAUSE;
	slot_cancel_send(ring, slot);
}

/* Not found, or not to be stopped just now: once more, a little later. */
static void cancel_again(struct a10_ring *ring, struct slot *slot)
{
	slot_cancel_send(ring, slot);
	if (slot->marks & MARK_RETRY)
		return;
	slot->marks |= MARK_RETRY;
	if (ring->cancel_retries++ == 0) {
		if (ring->cancel_backoff < BACKOFF_FIRST_NS)
			ring->cancel_backoff = BACKOFF_FIRST_NS;
		else if (ring->cancel_backoff < BACKOFF_LAST_NS)
			ring->cancel_backoff *= 2;
		ring->cancel_at = ring_clock(ring) + ring->cancel_backoff;
	}
}

void cancel_answered(struct a10_ring *ring, uint64_t id, int32_t res)
{
	struct slot *slot = slot_find(ring, id);

	if (!slot || !(slot->marks & MARK_ASKED))
		return;
	slot->marks &= (uint16_t)~MARK_ASKED;
	if (slot->state != SLOT_RUNNING ||
	    !(slot->marks & (MARK_ENDING | MARK_PAUSE)))
		return;
	if (res >= 0)
		ring->cancel_backoff = 0;
	else
		cancel_again(ring, slot);
}

void cancel_write(const struct a10_ring *ring, struct uring_sqe *sqe,
		  uint64_t id)
{
	memset(sqe, 0, sizeof(*sqe) << ring->sqe_shift);
	sqe->opcode = URING_OP_ASYNC_CANCEL;
	sqe->fd = -1;
	sqe->addr = id;
	sqe->user_data = id | TAG_CANCEL;
}

/* One cancel request; false: no room. */
static bool cancel_send(struct a10_ring *ring, struct slot *slot)
{
	const uint64_t id = id_plain(slot->id);

	if (queue_room(ring) == 0)
		return false;
	cancel_write(ring, sqe_at(ring, ring->tail++), id);
	/* Not one of those that running counts. */
	ring->running--;
	slot_cancel_forget(ring, slot);
	slot->marks |= MARK_ASKED;
	return true;
}

void cancels_fill(struct a10_ring *ring)
{
	const bool due =
		ring->cancel_retries > 0 && ring_clock(ring) >= ring->cancel_at;
	uint32_t index = ring->cancels;

	ring->cancels_wait = false;
	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);

		index = cold_at(ring, index)->cancel_next;
		if (slot->marks & MARK_RETRY && !due)
			continue;
		if (!cancel_send(ring, slot)) {
			ring->cancels_wait = true;
			break;
		}
	}
}

static bool is_spared(struct a10_ring *ring, const struct slot *slot)
{
	const struct op_row *row = op_row(slot->opcode);

	if (row->own == OWN_CLOSE)
		return true;
	return slot->flags & SLOT_COLD &&
	       cold_at(ring, slot_index(slot))->flags & A10_WITH_SHIELD;
}

static void cancel_range(struct a10_ring *ring, uint32_t from, uint32_t to,
			 bool all)
{
	for (; from < to; from++) {
		struct slot *slot = slot_at(ring, from);

		if (slot->state != SLOT_QUEUED && slot->state != SLOT_RUNNING &&
		    slot->state != SLOT_PARKED)
			continue;
		if (slot->flags & SLOT_INTERNAL)
			continue;
		/* They end by themselves when the rest has. */
		if (op_row(slot->opcode)->own == OWN_SCOPE_WAIT)
			continue;
		if (all || !is_spared(ring, slot))
			slot_cancel(ring, slot, MARK_CANCEL);
	}
}

void cancel_everything(struct a10_ring *ring, bool all)
{
	cancel_range(ring, 1, slots_end(ring, false), all);
	cancel_range(ring, ring->sq.foreign_base, slots_end(ring, true), all);
}

static void cancel_pool_range(struct a10_ring *ring, uint32_t from, uint32_t to,
			      const struct a10_pool *pool)
{
	for (; from < to; from++) {
		struct slot *slot = slot_at(ring, from);

		if (slot->state == SLOT_FREE || slot->state == SLOT_RETIRED)
			continue;
		if (slot->flags & SLOT_COLD &&
		    cold_at(ring, from)->pool == pool)
			slot_cancel(ring, slot, MARK_CANCEL);
	}
}

void ring_pool_closed(struct a10_ring *ring, struct a10_pool *pool)
{
	cancel_pool_range(ring, 1, slots_end(ring, false), pool);
	cancel_pool_range(ring, ring->sq.foreign_base, slots_end(ring, true),
			  pool);
}

void cancel_descriptor(struct a10_ring *ring, uint32_t descriptor)
{
	uint32_t index = ring->descriptors[descriptor].first;

	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);

		index = slot->fd_next;
		slot_cancel(ring, slot, MARK_CANCEL);
	}
}
