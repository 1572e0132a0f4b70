/*
 * a10_close: cancels what this ring has on the descriptor, waits until all of
 * that has been delivered, then closes. So whoever gets its result may free
 * what the others used, and no operation ever meets a number that is somebody
 * else's by then. With nothing pending it is a plain close.
 */
#include "ring/life.h"

#include <a10/io.h>

static bool is_being_closed(struct a10_ring *ring, const struct slot *slot)
{
	uint32_t index = slot->descriptor ?
				 ring->descriptors[slot->descriptor].first :
				 NO_SLOT;

	for (; index != NO_SLOT; index = slot_at(ring, index)->fd_next) {
		const struct slot *other = slot_at(ring, index);

		if (other != slot && op_row(other->opcode)->own == OWN_CLOSE)
			return true;
	}
	return false;
}

void close_begin(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const bool second = is_being_closed(ring, slot);
	uint32_t index;

	cold->close_waits = 0;
	index = slot->descriptor ? ring->descriptors[slot->descriptor].first :
				   NO_SLOT;
	while (index != NO_SLOT) {
		struct slot *other = slot_at(ring, index);

		index = other->fd_next;
		if (other == slot)
			continue;
		slot_cancel(ring, other, MARK_CANCEL);
		/* One close waits for another; all else for the first. */
		if (other->marks & MARK_CLOSING ||
		    (second && op_row(other->opcode)->own != OWN_CLOSE))
			continue;
		other->marks |= MARK_CLOSING;
		other->id |= TAG_SPECIAL;
		cold->close_waits++;
	}
	if (cold->close_waits)
		slot_park(ring, slot, PARK_CLOSE);
	else
		close_proceed(ring, slot);
}

void close_proceed(struct a10_ring *ring, struct slot *slot)
{
	struct a10_request *request = request_at(ring, slot_index(slot));

	slot->park = PARK_NONE;
	/* A direct one is named by index: with FIXED_FILE it is -EBADF. */
	if (request->flags & URING_SQE_FIXED_FILE) {
		request->index = (int32_t)((uint32_t)request->fd + 1);
		request->fd = 0;
		request->flags &= (uint8_t)~URING_SQE_FIXED_FILE;
	}
	if (unlikely(!ring_knows(ring, URING_OP_CLOSE)))
		standin_begin(ring, slot);
	else
		queue_push(ring, slot);
}
