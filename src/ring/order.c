/*
 * One behind the other: sends that are "all" and what is "ordered", per
 * descriptor. Two sends in flight on one socket mix; a stream that has lost a
 * piece is not continued, so what is queued behind a failure fails too.
 */
#include "ring/life.h"

#include <errno.h>

bool order_join(struct a10_ring *ring, struct slot *slot)
{
	struct descriptor *descriptor;
	const uint32_t index = slot_index(slot);

	if (!slot->descriptor)
		return true;
	descriptor = &ring->descriptors[slot->descriptor];
	cold_at(ring, index)->order_next = NO_SLOT;
	slot->marks |= MARK_ORDERED;
	if (descriptor->order_first == NO_SLOT) {
		descriptor->order_first = index;
		descriptor->order_last = index;
		return true;
	}
	cold_at(ring, descriptor->order_last)->order_next = index;
	descriptor->order_last = index;
	slot_park(ring, slot, PARK_ORDER);
	return false;
}

/* Out of the list, wherever in it; returns what was behind it. */
static uint32_t order_unlink(struct a10_ring *ring,
			     struct descriptor *descriptor, uint32_t index)
{
	const uint32_t behind = cold_at(ring, index)->order_next;
	uint32_t before = descriptor->order_first;

	if (before == index) {
		descriptor->order_first = behind;
		before = NO_SLOT;
	} else {
		while (cold_at(ring, before)->order_next != index)
			before = cold_at(ring, before)->order_next;
		cold_at(ring, before)->order_next = behind;
	}
	if (descriptor->order_last == index)
		descriptor->order_last = before;
	return behind;
}

static void order_fail(struct a10_ring *ring, uint32_t index)
{
	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);

		index = cold_at(ring, index)->order_next;
		/* slot_cancel leaves a close alone, which is carried out. */
		slot_cancel(ring, slot, MARK_CANCEL);
	}
}

void order_leave(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	struct descriptor *descriptor = &ring->descriptors[slot->descriptor];
	const uint32_t behind =
		order_unlink(ring, descriptor, slot_index(slot));
	struct slot *first;

	slot->marks &= (uint16_t)~MARK_ORDERED;
	if (value < 0)
		order_fail(ring, behind);
	if (descriptor->order_first == NO_SLOT)
		return;
	first = slot_at(ring, descriptor->order_first);
	if (first->state == SLOT_PARKED && first->park == PARK_ORDER) {
		slot_unpark(ring, first);
		slot_begin(ring, first);
	}
}
