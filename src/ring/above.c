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
