/*
 * The beginning and the end of an operation of the layers above, in the few
 * steps that are left of describing, admitting and delivering it when there is
 * nothing special about it. All the owner's.
 */
#ifndef RING_PARKED_H
#define RING_PARKED_H

#include "ring/life.h"

static inline void parked_describe(struct a10_request *request,
				   struct cold *cold, uint8_t opcode,
				   void *owned, void (*release)(void *owned))
{
	request->opcode = opcode;
	request->flags = 0;
	request->fd = -1;
	request->address = (uintptr_t)owned;
	cold->flags = A10_WITH_LIBRARY | A10_WITH_OWNED;
	cold->deadline_ns = INT64_MAX;
	cold->retry_at = INT64_MAX;
	cold->owned = owned;
	cold->release = release;
	cold->pool = NULL;
	cold->captured = NULL;
	cold->fd_value = -1;
}

/*
 * An operation that nobody makes but the library begins, parked; owned and
 * release as a10_owning. NULL: no memory, and nothing was done.
 */
static inline struct slot *parked_begin(struct a10_ring *ring, uint8_t opcode,
					struct a10_scope *scope, void *owned,
					void (*release)(void *owned))
{
	const uint32_t index = slot_take(ring);
	struct slot *slot;
	struct cold *cold;

	if (unlikely(index == NO_SLOT))
		return NULL;
	slot = slot_at(ring, index);
	cold = cold_at(ring, index);
	parked_describe(request_at(ring, index), cold, opcode, owned, release);
	cold->scope = scope;
	slot->id |= TAG_SPECIAL;
	slot->done = NULL;
	slot->data = NULL;
	slot->next = NO_SLOT;
	slot->descriptor = 0;
	slot->status = SLOT_PARKED | (uint64_t)opcode << 8 |
		       (uint64_t)PARK_ABOVE << 24 | (uint64_t)SLOT_COLD << 48;
	ring->pending++;
	if (scope) {
		scope->count++;
		scope_join(ring, slot);
		if (scope_is_cancelled(scope))
			slot->marks |= MARK_CANCEL;
		timer_update(ring, slot);
	}
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_SUBMIT, slot, 0);
	return slot;
}

/*
 * Its end; what it owns is the caller's to release. false: there is more to it,
 * and slot_deliver does that.
 */
static inline bool parked_end(struct a10_ring *ring, struct slot *slot,
			      int64_t value)
{
	const uint32_t index = slot_index(slot);
	struct a10_scope *scope = cold_at(ring, index)->scope;

	if (unlikely(slot->done || slot->marks & ~MARK_ENDING || ring->trace ||
		     index >= ring->sq.foreign_base))
		return false;
	ring->pending--;
	ring->delivered++;
	if (scope)
		scope_unlink(ring, slot);
	slot_free(ring, slot);
	if (scope)
		scope_leave(ring, scope, value);
	return true;
}

#endif
