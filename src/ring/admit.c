/*
 * The owner takes a described slot in: counts it, tells its descriptor and its
 * scope, and sends it where it waits first. From here on it is delivered once.
 */
#include "buf/pool.h"
#include "ring/above.h"
#include "ring/life.h"

#include <errno.h>

static struct a10_fd request_fd(struct a10_ring *ring, const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));
	struct a10_fd fd = a10_fd_regular(request->fd);

	if (request->flags & URING_SQE_FIXED_FILE)
		fd.ring = ring->sq.number;
	return fd;
}

/* A time-out of what never goes into the queue counts from here. */
static void own_begin(struct a10_ring *ring, struct slot *slot, enum op_own own)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (own != OWN_CLOSE && cold->flags & A10_WITH_TIMEOUT) {
		ring_clock_anew(ring);
		timer_progress(ring, slot);
	}
	switch (own) {
	case OWN_CLOSE:
		close_begin(ring, slot);
		break;
	case OWN_TIMEOUT:
		timeout_begin(ring, slot);
		break;
	case OWN_LISTEN_ON:
		listen_begin(ring, slot);
		break;
	case OWN_CONNECT_TO:
		connect_begin(ring, slot);
		break;
	case OWN_SCOPE_WAIT:
		scope_wait_begin(ring, slot);
		break;
	case OWN_SCOPE_ROOM:
		scope_room_begin(ring, slot);
		break;
	case OWN_ABOVE:
		above_begin(ring, slot);
		break;
	case OWN_CANCEL_FD:
		cancel_fd_now(ring, request_fd(ring, slot));
		slot_finish(ring, slot, 0);
		break;
	case OWN_CANCEL_ALL:
		cancel_everything(ring, false);
		slot_finish(ring, slot, 0);
		break;
	case OWN_POLL_UPDATE:
		poll_update_begin(ring, slot);
		break;
	case OWN_TIMER_UPDATE:
		timer_update_begin(ring, slot);
		break;
	case OWN_MESSAGE_POST:
		message_arrived(ring, slot);
		break;
	case OWN_MESSAGE_SEND:
		message_send(ring, slot);
		break;
	case OWN_MESSAGE_RECEIVE:
		message_receive(ring, slot);
		break;
	case OWN_FD_MOVE:
		move_begin(ring, slot);
		break;
	case OWN_WORK:
		work_begin(ring, slot);
		break;
	case OWN_RESOLVE:
		resolve_begin(ring, slot);
		break;
	case OWN_NONE:
		break;
	}
}

void slot_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct op_row *row = op_row(slot->opcode);

	if (unlikely(slot->flags & SLOT_STARTED))
		start_admit(ring, slot);
	else if (row->own != OWN_NONE)
		own_begin(ring, slot, row->own);
	else if (unlikely(standin_is_needed(ring, slot)))
		standin_begin(ring, slot);
	else
		queue_push(ring, slot);
}

static void admit_descriptor(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));
	const struct cold *cold = cold_at(ring, slot_index(slot));
	uint32_t descriptor;

	if (slot->opcode == A10_OPCODE_LINK_FILE)
		descriptor =
			descriptor_of(ring, (int32_t)cold->argument[0], false);
	else if (op_row(request->opcode)->fd == FD_OPERAND)
		descriptor =
			descriptor_of(ring, request->fd,
				      request->flags & URING_SQE_FIXED_FILE);
	else
		return;
	if (descriptor)
		descriptor_join(ring, slot, descriptor);
}

/* What only those with a cold part have. false: it is over already. */
static bool admit_cold(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct op_row *row = op_row(slot->opcode);
	const struct cold *cold = cold_at(ring, index);
	const uint32_t with = cold->flags;

	slot->id |= TAG_SPECIAL;
	if (request_at(ring, index)->flags & URING_SQE_IO_DRAIN)
		ring->drains++;
	if (cold->scope) {
		scope_join(ring, slot);
		if (scope_is_cancelled(cold->scope) &&
		    !(with & A10_WITH_SHIELD) && row->own != OWN_CLOSE) {
			slot->marks |= MARK_CANCEL;
			/* A task begins all the same: it has what to free. */
			if (slot->opcode != A10_OPCODE_TASK) {
				slot_finish(ring, slot, -ECANCELED);
				return false;
			}
		}
	}
	/* The pool of another thread's may have been destroyed since. */
	if (with & A10_WITH_POOL && index >= ring->sq.foreign_base &&
	    !(slot->flags & SLOT_STARTED) &&
	    !pool_is_usable(cold->pool, ring)) {
		slot_finish(ring, slot, -ENXIO);
		return false;
	}
	if (cold->deadline_ns != INT64_MAX || cold->scope)
		timer_update(ring, slot);
	if (with & A10_WITH_ORDER ||
	    (with & A10_WITH_ALL && is_stream(request_at(ring, index), row)))
		return order_join(ring, slot);
	return true;
}

void slot_admit(struct a10_ring *ring, struct slot *slot)
{
	if (!(slot->flags & SLOT_INTERNAL))
		ring->pending++;
	/* Slots of other threads are given back on the longer path. */
	if (ring->slow || slot_index(slot) >= ring->sq.foreign_base)
		slot->id |= TAG_SPECIAL;
	admit_descriptor(ring, slot);
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_SUBMIT, slot, 0);
	if (!(slot->flags & SLOT_COLD) || admit_cold(ring, slot))
		slot_begin(ring, slot);
}

uint32_t internal_submit(struct a10_ring *ring, const struct a10_op *op,
			 a10_done *done, void *data)
{
	const uint32_t index = slot_take(ring);
	struct slot *slot;

	if (index == NO_SLOT)
		return NO_SLOT;
	slot = slot_at(ring, index);
	if (slot_describe(ring, index, true, op, NULL, done, data) < 0) {
		slot_free(ring, slot);
		return NO_SLOT;
	}
	slot->flags |= SLOT_INTERNAL;
	slot->id |= TAG_SPECIAL;
	slot_admit(ring, slot);
	return index;
}
