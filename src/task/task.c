/* Starting, running and ending tasks. */
#include "task/core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ring/parked.h"

#define STACK_USUAL ((size_t)64 << 10)
#define STACK_MOST  ((size_t)1 << 30)

_Thread_local struct task *task_here;

const struct stack *stack_here(void)
{
	return task_here->stack;
}

void task_overflowed(const struct task *task)
{
	panic("a10: task %s (id %llx): its stack has overflowed", task->name,
	      (unsigned long long)task->id);
}

/* ---- ending ---------------------------------------------------------------- */

/* ring: this thread's, or NULL. */
static void task_free(struct a10_ring *ring, struct task *task)
{
	if (task->fiber)
		FIBER_DROP(task->fiber);
	locals_free(task);
	stack_give(ring, task->stack);
}

/* What the operation owns: it is over, or was refused. */
static void task_release(void *owned)
{
	struct task *task = owned;

	task_free(sq_is_mine(task->sq) ? ring_of(task->sq) : NULL, task);
}

/* Its slot gives the stack back, if there is more to do: see task_release. */
static __attribute__((noinline)) void slot_end(struct a10_ring *ring,
					       struct slot *slot, int value)
{
	struct a10_result r = { .value = value };

	slot_unpark(ring, slot);
	slot_deliver(ring, slot, &r);
}

void task_end(struct task *task)
{
	struct a10_ring *ring = task->ring;
	struct slot *slot = slot_at(ring, id_slot(task->id));

	if (unlikely(!task_fits(task)))
		task_overflowed(task);
	if (task->joiners != NO_SLOT)
		joins_finish(ring, task);
	joined_finish(task);
	if (likely(parked_end(ring, slot, task->value)))
		task_free(ring, task);
	else
		slot_end(ring, slot, task->value);
}

#if !FIBER_WATCHED
/*
 * The same on its own stack, which is given back before it is left: nobody
 * takes it meanwhile. false: it must be left first.
 */
static inline bool task_end_here(struct a10_ring *ring, struct task *task)
{
	struct stack *stack = task->stack;

	if (unlikely(task->fiber || task->more_locals ||
		     task->guard == GUARD_CANARY || !stack_fits(ring, stack)))
		return false;
	if (unlikely(task->joiners != NO_SLOT))
		joins_finish(ring, task);
	joined_finish(task);
	if (unlikely(!parked_end(ring, slot_at(ring, id_slot(task->id)),
				 task->value)))
		return false;
	stack_keep(ring, stack);
	return true;
}

/* On poll's stack. */
static void task_over(void *task)
{
	task_end(task);
}

/* Goes on with the next that is to run, or in poll. */
static _Noreturn inline void task_leave_for_good(struct task *task)
{
	struct a10_ring *ring = task->ring;
	struct task *next;

	/* For what it does meanwhile there is no task. */
	task_here = task->outer;
	if (unlikely(!task_end_here(ring, task))) {
		task_leave(task);
		FIBER_SWITCH(task->poll_fiber);
		context_leave(task->poll, task_over, task);
	}
	next = task_next(ring);
	if (likely(next)) {
		task_enter_from(next, task);
		context_resume(next->place, next->given);
	}
	task_leave(task);
	context_resume(task->poll, 0);
}
#else
static _Noreturn void task_leave_for_good(struct task *task)
{
	task_leave(task);
	FIBER_SWITCH(task->poll_fiber);
	/* NULL: what was kept of this stack is given up. */
	FIBER_LEAVE(NULL, task->poll_low, task->poll_size);
	context_switch(&task->place, task->poll, 0);
	__builtin_unreachable();
}
#endif

/* ---- running -------------------------------------------------------------- */

/* The first thing on a new stack; never returns. */
static void task_main(void *argument)
{
	struct task *task = argument;

	FIBER_ARRIVE(NULL, &task->poll_low, &task->poll_size);
	task->value = task->fn(task->data);
	task->state = TASK_OVER;
	task_leave_for_good(task);
}

/* So many in a turn that were not ready at its beginning. */
#define RUN_MORE 64

/* Those that are ready, and some of those that they make so. */
static void tasks_run(struct a10_ring *ring)
{
	struct task_list *list = &ring->tasks;
	struct task *task;

	list->until = list->readied + RUN_MORE;
	while ((task = task_next(ring)))
		task_resume(task, task->given);
	list->until = list->begun;
}

/* ---- a task as an operation ------------------------------------------------ */

static struct task *slot_task(struct a10_ring *ring, const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	return (struct task *)(uintptr_t)request->address;
}

/* Its slot is parked. */
static void task_start(struct a10_ring *ring, struct task *task,
		       const struct slot *slot)
{
	task->ring = ring;
	task->id = id_plain(slot->id);
	task->fiber = FIBER_MAKE();
	if (unlikely(slot->marks))
		task->reason = (int16_t)slot_reason(slot, 0);
	task_ready(task);
}

/* A task has ended its thread: it is over as if it had been cancelled. */
static void tasks_cut_range(struct a10_ring *ring, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		struct slot *slot = slot_at(ring, from);
		struct task *task;

		if (slot->state != SLOT_PARKED ||
		    slot->opcode != A10_OPCODE_TASK)
			continue;
		task = slot_task(ring, slot);
		if (task->state != TASK_RUNNING)
			continue;
		task->state = TASK_OVER;
		task->value = -ECANCELED;
		task_end(task);
	}
}

static void tasks_cut(struct a10_ring *ring)
{
	task_here = NULL;
	ring->tasks.until = ring->tasks.begun;
	if (ring->tasks.watch)
		ring->tasks.watch_end(ring);
	tasks_cut_range(ring, 1, slots_end(ring, false));
	tasks_cut_range(ring, ring->sq.foreign_base, slots_end(ring, true));
}

static void task_begin(struct a10_ring *ring, struct slot *slot)
{
	struct task *task = slot_task(ring, slot);

	if (unlikely(!ring->tasks.finish)) {
		ring->tasks.run = tasks_run;
		ring->tasks.finish = stack_cache_empty;
		ring->tasks.cut = tasks_cut;
		ring->tasks.awaits = await_is;
		ring->tasks.usual = stack_class(STACK_USUAL);
		overflow_watch();
	}
	slot_park(ring, slot, PARK_ABOVE);
	task_start(ring, task, slot);
}

static void task_cancel(struct a10_ring *ring, struct slot *slot)
{
	struct task *task = slot_task(ring, slot);

	task->reason = (int16_t)slot_reason(slot, 0);
	if (!task->shield)
		task_awaits_cancel(task);
}

/* What it awaits on another ring is over. */
static void task_wake(struct a10_ring *ring, struct slot *slot)
{
	struct task *task = slot_task(ring, slot);

	/* Acquire: pairs with the release in elsewhere_done. */
	if (task->state == TASK_WAITING &&
	    atomic_exchange_explicit(&task->elsewhere, 0, memory_order_acquire))
		task_ready(task);
}

static void task_describe(struct a10_ring *ring, const struct slot *slot,
			  char *text, size_t size)
{
	const struct task *task = slot_task(ring, slot);

	if (task->name[0])
		snprintf(text, size, " '%s'", task->name);
}

static const struct above_calls task_calls = {
	.begin = task_begin,
	.cancel = task_cancel,
	.wake = task_wake,
	.describe = task_describe,
};

/* ---- starting -------------------------------------------------------------- */

static void *aligned_below(void *place, size_t size)
{
	return (void *)(((uintptr_t)place - size) & ~(uintptr_t)63);
}

/* One by one: to clear all of it takes longer than the rest of a spawn. */
static inline void task_init(struct task *task, struct a10_sq *sq,
			     struct stack *stack, a10_task_fn *fn,
			     const void *data)
{
	task->sq = sq;
	task->stack = stack;
	task->guard = stack->guard;
	task->fn = fn;
	task->data = (void *)(uintptr_t)data;
	task->value = 0;
	task->state = TASK_READY;
	task->shield = false;
	task->reason = 0;
	task->streak = 0;
	task->joiners = NO_SLOT;
	task->joined_by = NULL;
	task->error = 0;
	atomic_init(&task->elsewhere, 0);
	task->more_locals = NULL;
	task->more_count = 0;
	task->local_count = 0;
	task->fiber = NULL;
	task->exceptions.caught = NULL;
	task->exceptions.uncaught = 0;
	memset(task->name, 0, sizeof(uint64_t));
}

static inline struct task *task_make(struct a10_sq *sq, struct stack *stack,
				     a10_task_fn *fn, const void *data,
				     size_t size)
{
	struct task *task;
	void *high;

	high = task = aligned_below(stack_top(stack), sizeof(*task));
	task_init(task, sq, stack, fn, data);
	if (size) {
		high = task->data = aligned_below(task, size);
		memcpy(task->data, data, size);
	}
	task->place = context_make(high, task_main, task);
	return task;
}

static int options_check(const struct a10_task_options *options, size_t size,
			 size_t *ret_stack_size)
{
	const uint64_t *reserved = options->reserved;
	size_t stack_size = options->stack_size;

	if (reserved[0] | reserved[1] | reserved[2] | reserved[3])
		return -EINVAL;
	if (!stack_size)
		stack_size = STACK_USUAL;
	if (stack_size > STACK_MOST)
		return -E2BIG;
	if (size && size > (stack_room(stack_size) - sizeof(struct task)) / 2)
		return -E2BIG;
	*ret_stack_size = stack_size;
	return 0;
}

/* Whether its count may be looked at: by the owner, or before there is one. */
static bool is_countable(const struct a10_scope *scope)
{
	return sq_is_mine(scope->sq) || !sq_is_bound(scope->sq);
}

/*
 * Waits until the scope has room; a cancel of this task does not keep it. The
 * scope may be another ring's, of the same thread.
 */
static __attribute__((noinline)) int room_wait(struct a10_scope *scope)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SCOPE_ROOM, a10_fd_none(),
				       scope, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	while (is_countable(scope) && scope->limit &&
	       scope->count >= scope->limit) {
		if (!task_here)
			return -EAGAIN;
		/* -ECANCELED: it is started all the same, and ends soon. */
		if (task_waiting.await(scope->sq, &op, NULL, false) < 0)
			break;
	}
	return 0;
}

/* NULL: no memory. */
static struct task *task_prepare(struct a10_sq *sq,
				 const struct a10_task_options *options,
				 size_t stack_size, a10_task_fn *fn,
				 const void *data, size_t size)
{
	struct stack *stack =
		stack_take(sq_is_mine(sq) ? ring_of(sq) : NULL, stack_size);
	struct task *task;

	if (!stack)
		return NULL;
	task = task_make(sq, stack, fn, data, size);
	if (options->name)
		snprintf(task->name, sizeof(task->name), "%s", options->name);
	return task;
}

static void task_register(void)
{
	above_register(A10_OPCODE_TASK, &task_calls);
	waiting_register(&task_waiting);
	joins_register();
}

static a10_id task_submit(struct a10_sq *sq, struct a10_scope *scope,
			  struct task *task, a10_done *done, void *done_data)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_TASK, a10_fd_none(), task, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY | A10_WITH_OWNED;
	op.extra.owned = task;
	op.extra.release = task_release;
	task_register();
	return a10_sq_submit_op(sq, &op, scope, done, done_data);
}

/* By the owner, on a ring that has had tasks. */
static inline a10_id task_submit_here(struct a10_ring *ring,
				      struct a10_scope *scope,
				      struct task *task)
{
	struct slot *slot =
		parked_begin(ring, A10_OPCODE_TASK, scope, task, task_release);

	if (unlikely(!slot)) {
		task_release(task);
		return -ENOMEM;
	}
	task_start(ring, task, slot);
	return (a10_id)task->id;
}

/* Whether there is nothing to refuse it for, or to do for the first one. */
static bool is_plain(const struct a10_ring *ring, const struct a10_scope *scope)
{
	return ring->tasks.finish && !ring->closing &&
	       (!scope || !(scope->flags & ~SCOPE_FLAGS_KNOWN));
}

a10_id a10_task_spawn_with(const struct a10_task_options *options,
			   a10_task_fn *fn, const void *data, size_t size)
{
	struct a10_scope *scope = options->scope;
	struct a10_sq *sq = scope ? scope->sq : options->sq;
	size_t stack_size;
	struct task *task;
	a10_id id;
	int err = options_check(options, size, &stack_size);

	if (err < 0)
		return err;
	if (!sq && a10_ring_current())
		sq = a10_ring_sq(a10_ring_current());
	if (!sq || (scope && options->sq && options->sq != sq))
		return -EINVAL;
	task = task_prepare(sq, options, stack_size, fn, data, size);
	if (!task)
		return -ENOMEM;
	/* Last: who was told of room and fails would keep it from others. */
	if (scope && scope->limit) {
		err = room_wait(scope);
		if (err < 0) {
			task_release(task);
			return err;
		}
	}
	if (likely(sq_is_mine(sq) && is_plain(ring_of(sq), scope)))
		id = task_submit_here(ring_of(sq), scope, task);
	else
		id = task_submit(sq, scope, task, NULL, NULL);
	/* Who was told of room and has no use for it passes that on. */
	if (unlikely(id < 0) && scope && scope->limit && sq_is_mine(sq))
		a10_scope_set_limit(scope, scope->limit);
	/* A child of a cancelled task is cancelled from birth. */
	if (task_here && unlikely(task_reason(task_here)) && id > 0)
		a10_cancel(sq, id);
	return id;
}

/* No more than any stack has room for. */
#define DATA_SMALL 1024u

/*
 * What is usual: by a task that nobody has cancelled, on its own ring. 0: it is
 * not; nothing was done.
 */
static inline __attribute__((always_inline)) a10_id
spawn_usual(struct a10_scope *scope, struct a10_sq *sq, a10_task_fn *fn,
	    const void *data, size_t size)
{
	const struct task *here = task_here;
	struct a10_ring *ring;
	struct stack *stack;

	if (unlikely(!here || (sq && sq != here->sq) || here->reason ||
		     sq_is_inherited(here->sq) || size > DATA_SMALL))
		return 0;
	ring = here->ring;
	if (unlikely(!is_plain(ring, scope) || (scope && scope->limit)))
		return 0;
	stack = stack_take_kept(ring, ring->tasks.usual);
	if (unlikely(!stack))
		return 0;
	return task_submit_here(ring, scope,
				task_make(here->sq, stack, fn, data, size));
}

static __attribute__((noinline)) a10_id
spawn_slow(struct a10_scope *scope, struct a10_sq *sq, a10_task_fn *fn,
	   const void *data, size_t size)
{
	const struct a10_task_options options = { .sq = sq, .scope = scope };

	return a10_task_spawn_with(&options, fn, data, size);
}

a10_id a10_scope_spawn(struct a10_scope *scope, a10_task_fn *fn,
		       const void *data, size_t size)
{
	const a10_id id = spawn_usual(scope, scope->sq, fn, data, size);

	return likely(id) ? id : spawn_slow(scope, NULL, fn, data, size);
}

a10_id a10_task_spawn(struct a10_sq *sq, a10_task_fn *fn, const void *data,
		      size_t size)
{
	const a10_id id = spawn_usual(NULL, sq, fn, data, size);

	return likely(id) ? id : spawn_slow(NULL, sq, fn, data, size);
}

/* ---- a program -------------------------------------------------------------- */

#define STACK_MAIN ((size_t)1 << 20)

static void main_over(void *data, const struct a10_result *r)
{
	*(int *)data = (int)r->value;
}

int a10_run(const struct a10_config *config, a10_task_fn *fn, void *data)
{
	const struct a10_task_options options = { .name = "main" };
	struct a10_ring *ring;
	int value = -ECANCELED, err;
	struct task *task;
	a10_id id = -ENOMEM;

	if (a10_ring_current())
		return -EDEADLK;
	if (config && config->disabled)
		return -EBADFD; /* nobody could enable it */
	err = a10_ring_create(config, &ring);
	if (err < 0)
		return err;
	task = task_prepare(a10_ring_sq(ring), &options, STACK_MAIN, fn, data,
			    0);
	if (task)
		id = task_submit(a10_ring_sq(ring), NULL, task, main_over,
				 &value);
	err = id < 0 ? (int)id : a10_ring_run(ring);
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0 ? err : value;
}

/* ---- what a task knows of itself -------------------------------------------- */

a10_id a10_task_current(void)
{
	return task_here ? (a10_id)task_here->id : 0;
}

bool a10_task_cancelled(void)
{
	return task_here && task_here->reason;
}

bool a10_task_shield(bool on)
{
	const bool was = task_here && task_here->shield;

	if (task_here)
		task_here->shield = on;
	return was;
}

void a10_task_set_name(const char *format, ...)
{
	va_list args;

	if (!task_here)
		return;
	va_start(args, format);
	vsnprintf(task_here->name, sizeof(task_here->name), format, args);
	va_end(args);
}

const char *a10_task_name(void)
{
	return task_here ? task_here->name : "";
}
