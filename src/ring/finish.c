/*
 * Results. An operation is over for the library before its callback runs: its
 * slot is free, its descriptor does not know it any more, so a callback may
 * submit, cancel, detach and close as it likes. Only its scope still counts it,
 * since the callback may go on in the scope, and what it owns is released
 * after.
 */
#include "buf/pool.h"
#include "fd/registry.h"
#include "ring/above.h"
#include "ring/life.h"
#include "ring/orphan.h"

#include <errno.h>

#include <a10/io.h>

int64_t slot_reason(const struct slot *slot, int64_t value)
{
	if (slot->marks & MARK_TIME)
		return -ETIME;
	if (slot->marks & (MARK_CANCEL | MARK_DETACH))
		return -ECANCELED;
	return value;
}

void slot_finish(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	cold_at(ring, slot_index(slot))->value = value;
	slot->state = SLOT_FINISHED;
	slot->next = NO_SLOT;
	*ring->finished_link = slot_index(slot);
	ring->finished_link = &slot->next;
}

/* The ring may be closing: then the descriptor is closed at once. */
void descriptor_drop(struct a10_ring *ring, struct a10_fd fd)
{
	const struct a10_op op = a10_close(fd);

	if (fd.ring && fd.ring != ring->sq.number)
		a10_fd_release(fd); /* moved to another */
	else if (ring->closing ||
		 internal_submit(ring, &op, NULL, NULL) == NO_SLOT)
		fd_close_now(&ring->sq, fd);
}

void result_drop(struct a10_ring *ring, struct a10_result *r)
{
	if (a10_fd_valid(r->fd))
		descriptor_drop(ring, r->fd);
	if (r->buf.data)
		a10_buf_release(r->buf);
}

void call_back(struct a10_ring *ring, a10_done *done, void *data,
	       struct a10_result *r)
{
	r->sq = &ring->sq;
	if (done)
		done(data, r);
	else
		result_drop(ring, r);
}

void slot_deliver_more(struct a10_ring *ring, struct slot *slot,
		       struct a10_result *r)
{
	r->id = (a10_id)id_plain(slot->id);
	r->more = true;
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_RESULT, slot, r->value);
	if (!(slot->flags & SLOT_INTERNAL))
		ring->delivered++;
	call_back(ring, slot->marks & MARK_DETACH ? NULL : slot->done,
		  slot->data, r);
}

/* All that is only with a cold part, while there still is one. */
static void cold_end(struct a10_ring *ring, struct slot *slot,
		     struct cold *cold, struct a10_result *r)
{
	if (slot->marks & MARK_TIMED)
		timer_forget(ring, slot);
	if (request_at(ring, slot_index(slot))->flags & URING_SQE_IO_DRAIN &&
	    !(slot->flags & SLOT_CHAIN))
		drain_over(ring, slot);
	output_end(ring, slot, r);
	if (cold->flags & COLD_BORROWED)
		fd_close_now(&ring->sq, a10_fd_regular(cold->cell));
	if (cold->flags & COLD_SECOND)
		fd_close_now(&ring->sq, a10_fd_regular((int)cold->argument[1]));
	if (cold->captured) {
		capture_give(&ring->captures, cold->captured);
		cold->captured = NULL;
	}
	if (cold->pool)
		pool_drop(cold->pool);
	if (cold->flags & A10_WITH_REGION)
		region_drop(cold->region);
	if (cold->scope)
		scope_unlink(ring, slot);
	/* What was made on the way to an error is nobody's. */
	if (r->value < 0 && a10_fd_valid(r->fd)) {
		fd_close_now(&ring->sq, r->fd);
		r->fd = a10_fd_none();
	}
}

void slot_settle(struct a10_ring *ring, struct slot *slot, struct a10_result *r)
{
	const int64_t value = r->value;

	if (slot->marks & MARK_LISTED)
		slot_cancel_forget(ring, slot);
	if (slot->flags & SLOT_COLD)
		cold_end(ring, slot, cold_at(ring, slot_index(slot)), r);
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_RESULT, slot, value);
	if (!(slot->flags & SLOT_INTERNAL)) {
		ring->pending--;
		ring->delivered++;
	}
	if (slot->descriptor)
		descriptor_leave(ring, slot, value);
}

void delivery_end(struct a10_ring *ring)
{
	const struct delivery after = ring->after;

	memset(&ring->after, 0, sizeof(ring->after));
	if (after.scope)
		scope_leave(ring, after.scope, after.value);
	if (after.with & A10_WITH_OWNED && after.release)
		after.release(after.owned);
	if (after.with & A10_WITH_OWNED_BUF)
		a10_buf_release(after.owned_buf);
}

/*
 * A callback may resume a task that ends, and so deliver another: that one's
 * end is within this one's.
 */
static void deliver_with_end(struct a10_ring *ring, a10_done *done, void *data,
			     struct a10_result *r, const struct delivery *after)
{
	const struct delivery outer = ring->after;

	ring->after = *after;
	call_back(ring, done, data, r);
	delivery_end(ring);
	ring->after = outer;
}

void slot_deliver(struct a10_ring *ring, struct slot *slot,
		  struct a10_result *r)
{
	const uint32_t owns = A10_WITH_OWNED | A10_WITH_OWNED_BUF;
	const struct cold *cold = cold_at(ring, slot_index(slot));
	const bool forgotten = slot->marks & MARK_DETACH;
	a10_done *done = forgotten ? NULL : slot->done;
	void *data = slot->data;
	struct delivery after = { .with = 0 };

	if (slot->flags & SLOT_COLD && (cold->scope || cold->flags & owns))
		after = (struct delivery){
			.scope = cold->scope,
			.value = forgotten ? SCOPE_FORGOTTEN : r->value,
			.owned = cold->owned,
			.release = cold->release,
			.owned_buf = cold->owned_buf,
			.with = cold->flags & owns,
		};
	r->id = (a10_id)id_plain(slot->id);
	r->more = false;
	slot_settle(ring, slot, r);
	slot_free(ring, slot);
	if (after.scope || after.with)
		deliver_with_end(ring, done, data, r, &after);
	else
		call_back(ring, done, data, r);
}

/* The descriptor a finished slot holds, for its result. */
static struct a10_fd finished_fd(struct a10_ring *ring, const struct cold *cold)
{
	struct a10_fd fd = a10_fd_regular(cold->fd_value);

	if (cold->fd_value >= 0 && cold->flags & A10_WITH_DIRECT &&
	    cold->value >= 0)
		fd.ring = ring->sq.number;
	return fd;
}

void finished_resume(struct a10_ring *ring)
{
	while (ring->finishing_first != NO_SLOT) {
		struct slot *slot = slot_at(ring, ring->finishing_first);
		const struct cold *cold = cold_at(ring, ring->finishing_first);
		struct a10_result r = { .value = (ssize_t)cold->value };

		ring->finishing_first = slot->next;
		if (slot->flags & SLOT_CHAIN) {
			ring->live = slot->id;
			slot_park(ring, slot, PARK_CHAIN);
			chain_turn(ring, slot);
			ring->live = 0;
			continue;
		}
		if (slot->flags & SLOT_COLD) {
			const uint8_t own = op_row(slot->opcode)->own;

			if (own == OWN_SCOPE_WAIT &&
			    !scope_wait_holds(ring, slot))
				continue;
			r.value = (ssize_t)cold->value;
			r.count = (size_t)cold->bytes;
			r.fd = finished_fd(ring, cold);
			if (own == OWN_ABOVE)
				above_deliver(ring, slot, &r);
		}
		slot_deliver(ring, slot, &r);
	}
}

void finished_deliver(struct a10_ring *ring)
{
	/* Those that callbacks add wait for the next turn: a bound. */
	ring->finishing_first = ring->finished_first;
	ring->finished_first = NO_SLOT;
	ring->finished_link = &ring->finished_first;
	finished_resume(ring);
	if (unlikely(messages_can_move(ring)))
		messages_deliver(ring);
}
