/* a10_task_join: over when a task is. */
#include "task/core.h"

#include <errno.h>

/* NULL: no task, or it is over. */
static inline struct task *task_find(struct a10_ring *ring, uint64_t id)
{
	const struct slot *slot;

	if (likely(id_slot(id) < ring->slots_used))
		slot = slot_at(ring, id_slot(id));
	else
		slot = slot_find_new(ring, id);
	if (!slot || id_plain(slot->id) != id_plain(id) ||
	    slot->opcode != A10_OPCODE_TASK || slot->state != SLOT_PARKED)
		return NULL;
	return (struct task *)(uintptr_t)request_at(ring, slot_index(slot))
		->address;
}

static struct task *joined_task(struct a10_ring *ring, const struct slot *slot)
{
	return task_find(ring, request_at(ring, slot_index(slot))->offset);
}

static void join_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct task *task = joined_task(ring, slot);
	struct cold *cold = cold_at(ring, index);

	if (!task) {
		slot_finish(ring, slot, -ESRCH);
		return;
	}
	if (task == task_here) {
		slot_finish(ring, slot, -EDEADLK);
		return;
	}
	slot_park(ring, slot, PARK_ABOVE);
	cold->park_prev = NO_SLOT;
	cold->park_next = task->joiners;
	if (task->joiners != NO_SLOT)
		cold_at(ring, task->joiners)->park_prev = index;
	task->joiners = index;
}

static void join_cancel(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (cold->park_prev != NO_SLOT)
		cold_at(ring, cold->park_prev)->park_next = cold->park_next;
	else
		joined_task(ring, slot)->joiners = cold->park_next;
	if (cold->park_next != NO_SLOT)
		cold_at(ring, cold->park_next)->park_prev = cold->park_prev;
	slot_unpark(ring, slot);
	slot_finish(ring, slot, slot_reason(slot, 0));
}

static void join_give_up(struct task *task)
{
	struct task *joined = task->waits_in;

	if (task->join_prev)
		task->join_prev->join_next = task->join_next;
	else
		joined->joined_by = task->join_next;
	if (task->join_next)
		task->join_next->join_prev = task->join_prev;
	task->given = task->reason;
	task_ready(task);
}

/* Whoever joins without modifiers is in a list of the task itself. */
static inline void join_link(struct task *task, struct task *other)
{
	task->join_prev = NULL;
	task->join_next = other->joined_by;
	if (unlikely(task->join_next))
		task->join_next->join_prev = task;
	other->joined_by = task;
	task_waits_in(task, other, join_give_up);
}

static enum await_how join_await(const struct a10_op *op,
				 struct a10_result *ret_result,
				 ssize_t *ret_value)
{
	struct task *task = task_here;
	struct task *other = task_find(task->ring, op->request.offset);

	(void)ret_value;
	if (!other || other == task || ret_result)
		return AWAIT_BY_SLOT;
	join_link(task, other);
	return AWAIT_BEGUN;
}

static __attribute__((noinline)) ssize_t join_slow(a10_id id)
{
	const struct a10_op op = a10_task_join(id);

	return a10_task_await_op(&op, NULL);
}

ssize_t a10_task_await_join(a10_id id)
{
	struct task *task = task_here;
	struct task *other;

	if (unlikely(!task || (task->reason | task->shield) ||
		     sq_is_inherited(task->sq)))
		return join_slow(id);
	other = task_find(task->ring, (uint64_t)id);
	if (unlikely(!other || other == task))
		return join_slow(id);
	join_link(task, other);
	return task_suspend_to_next(task);
}

void joins_finish(struct a10_ring *ring, struct task *task)
{
	uint32_t index = task->joiners;

	task->joiners = NO_SLOT;
	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);

		index = cold_at(ring, index)->park_next;
		slot_unpark(ring, slot);
		slot_finish(ring, slot, task->value);
	}
}

static const struct above_calls join_calls = {
	.begin = join_begin,
	.cancel = join_cancel,
	.await = join_await,
};

void joins_register(void)
{
	above_register(A10_OPCODE_TASK_JOIN, &join_calls);
}
