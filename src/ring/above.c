#include "ring/above.h"
#include "ring/life.h"

#include <errno.h>

static _Atomic(const struct above_calls *) above[ABOVE_COUNT];
static _Atomic(const struct waiting_calls *) waiting;

/* What is pointed to never changes: no order is needed. */
void above_register(uint32_t opcode, const struct above_calls *calls)
{
	check(opcode - ABOVE_FIRST < ABOVE_COUNT);
	atomic_store_explicit(&above[opcode - ABOVE_FIRST], calls,
			      memory_order_relaxed);
}

void waiting_register(const struct waiting_calls *calls)
{
	atomic_store_explicit(&waiting, calls, memory_order_relaxed);
}

const struct above_calls *above_of(uint32_t opcode)
{
	if (opcode - ABOVE_FIRST >= ABOVE_COUNT)
		return NULL;
	return atomic_load_explicit(&above[opcode - ABOVE_FIRST],
				    memory_order_relaxed);
}

const struct waiting_calls *waiting_here(void)
{
	const struct waiting_calls *calls =
		atomic_load_explicit(&waiting, memory_order_relaxed);

	return calls && calls->here() ? calls : NULL;
}

bool task_may_go_on(void)
{
	return waiting_here()->go_on();
}

void above_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct above_calls *calls = above_of(slot->opcode);

	/* One can only ask for a task where none ever was. */
	if (calls)
		calls->begin(ring, slot);
	else
		slot_finish(ring, slot, -ESRCH);
}

void above_cancel(struct a10_ring *ring, struct slot *slot)
{
	above_of(slot->opcode)->cancel(ring, slot);
}

void above_deliver(struct a10_ring *ring, struct slot *slot,
		   struct a10_result *r)
{
	const struct above_calls *calls = above_of(slot->opcode);

	if (calls && calls->deliver)
		calls->deliver(ring, slot, r);
}

void above_detach(struct a10_ring *ring, struct slot *slot)
{
	const struct above_calls *calls = above_of(slot->opcode);

	if (calls && calls->detach)
		calls->detach(ring, slot);
}

void above_wake(struct a10_ring *ring, struct slot *slot)
{
	const struct above_calls *calls;

	if (slot->state != SLOT_PARKED || slot->park != PARK_ABOVE)
		return;
	calls = above_of(slot->opcode);
	if (calls->wake)
		calls->wake(ring, slot);
}

/* ---- in short ------------------------------------------------------------- */

static void parked_describe(struct a10_request *request, struct cold *cold,
			    uint8_t opcode, void *owned,
			    void (*release)(void *owned))
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

struct slot *parked_begin(struct a10_ring *ring, uint8_t opcode,
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

bool parked_end(struct a10_ring *ring, struct slot *slot, int64_t value)
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
