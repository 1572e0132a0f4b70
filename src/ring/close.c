/*
 * a10_close: cancels what this ring has on the descriptor, waits until all of that
 * has been delivered, then closes. So whoever gets its result may free what the
 * others used, and no operation ever meets a number that is somebody else's by
 * then. With nothing pending it is a plain close.
 */
#include "ring/life.h"

#include <a10/io.h>

void close_begin(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	uint32_t index;

	cold->close_waits = 0;
	index = slot->descriptor ? ring->descriptors[slot->descriptor].first
				 : NO_SLOT;
	while (index != NO_SLOT) {
		struct slot *other = slot_at(ring, index);

		index = other->fd_next;
		/* Another close, or one that waits for this one already. */
		if (op_row(other->opcode)->own == OWN_CLOSE ||
		    other->marks & MARK_CLOSING)
			continue;
		other->marks |= MARK_CLOSING;
		other->id |= TAG_SPECIAL;
		cold->close_waits++;
		slot_cancel(ring, other, MARK_CANCEL);
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
		request->index = request->fd + 1;
		request->fd = 0;
		request->flags &= (uint8_t)~URING_SQE_FIXED_FILE;
	}
	queue_push(ring, slot);
}
