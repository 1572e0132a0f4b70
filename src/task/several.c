/* Waiting for several operations: one after the other, for all, for one. */
#include "task/core.h"

#include <errno.h>
#include <stdlib.h>

#define AWAITS_HELD 8 /* on the stack; more are in memory */

/* ---- a chain ---------------------------------------------------------------- */

struct linked {
	struct awaited awaited;
	struct a10_result *results;
	ssize_t value;
	bool failed;
};

static void linked_done(void *data, const struct a10_result *r)
{
	struct linked *linked = data;
	struct task *task = linked->awaited.task;

	if (!linked->failed)
		linked->value = r->value;
	linked->failed |= r->value < 0;
	if (linked->results) {
		linked->results[r->index] = *r;
	} else {
		struct a10_result unwanted = *r;

		result_drop(task->ring, &unwanted);
	}
	if (r->more)
		return;
	linked->awaited.id = 0;
	task_ready(task);
}

static void results_fill(struct a10_sq *sq, struct a10_result *results,
			 size_t count, ssize_t value)
{
	size_t i;

	for (i = 0; results && i < count; i++) {
		memset(&results[i], 0, sizeof(results[i]));
		results[i].value = value;
		results[i].sq = sq;
		results[i].index = (uint32_t)i;
	}
}

static ssize_t all_refused(const struct a10_op *ops, size_t count,
			   struct a10_result *ret_results, ssize_t err)
{
	struct a10_sq *sq = task_here ? task_here->sq : NULL;
	size_t i;

	for (i = 0; i < count; i++)
		op_give_up(&ops[i]);
	results_fill(sq, ret_results, count, err);
	return err;
}

/* What a shielded task awaits is spared by a10_cancel_all, too. */
static void chain_shield(struct a10_ring *ring, a10_id id)
{
	uint32_t index = id_slot((uint64_t)id);

	for (; index != NO_SLOT; index = cold_at(ring, index)->chain_next)
		cold_at(ring, index)->flags |= A10_WITH_SHIELD;
}

/* A chain ends as a whole. */
static bool all_carried_out(const struct a10_op *ops, size_t count)
{
	size_t i;

	for (i = 0; i < count && is_carried_out(&ops[i]); i++)
		;
	return i == count;
}

ssize_t a10_await_linked(const struct a10_op *ops, size_t count,
			 struct a10_result *ret_results)
{
	struct task *task = task_here;
	const bool always = all_carried_out(ops, count);
	struct linked linked = { .results = ret_results };
	int err = -EDEADLK;
	a10_id id;

	if (task)
		err = always ? 0 : task_reason(task);
	if (err < 0)
		return all_refused(ops, count, ret_results, err);
	linked.awaited.task = task;
	linked.awaited.shielded = always;
	id = a10_submit_linked(task->sq, ops, count, linked_done, &linked);
	if (id < 0) {
		results_fill(task->sq, ret_results, count, (ssize_t)id);
		return (ssize_t)id;
	}
	if (unlikely(task->shield))
		chain_shield(task->ring, id);
	linked.awaited.id = id;
	task_wait(task, &linked.awaited, 1);
	return linked.value;
}

/* ---- all, and the first ------------------------------------------------------ */

struct several {
	struct task *task;
	struct awaited *awaits;
	uint32_t count;
	uint32_t left;  /* that are not over */
	uint32_t first; /* which one was over first; count: none yet */
	bool race;      /* it cancels the others */
	bool waiting;   /* the task is suspended */
};

static void others_cancel(struct several *several)
{
	uint32_t i;

	for (i = 0; i < several->count; i++) {
		if (several->awaits[i].id > 0)
			a10_cancel(several->task->sq, several->awaits[i].id);
	}
}

static void one_over(struct several *several, struct awaited *awaited,
		     ssize_t value)
{
	awaited->id = 0;
	awaited->value = value;
	several->left--;
	if (several->first < several->count)
		return;
	several->first = (uint32_t)(awaited - several->awaits);
	if (several->race)
		others_cancel(several);
}

static void one_done(void *data, const struct a10_result *r)
{
	struct awaited *awaited = data;
	struct several *several = awaited->several;

	if (r->more)
		return;
	if (awaited->result) {
		*awaited->result = *r;
		awaited->result->index = (uint32_t)(awaited - several->awaits);
	} else {
		struct a10_result unwanted = *r;

		result_drop(several->task->ring, &unwanted);
	}
	one_over(several, awaited, r->value);
	if (several->left == 0 && several->waiting)
		task_ready(several->task);
}

bool several_is(a10_done *done)
{
	return done == linked_done || done == one_done;
}

/* What it is refused with is its result. */
static void one_begin(struct several *several, uint32_t index,
		      const struct a10_op *op, struct a10_result *result)
{
	struct awaited *awaited = &several->awaits[index];
	struct task *task = several->task;
	const int err = await_check(task, op, false);

	memset(awaited, 0, sizeof(*awaited));
	awaited->task = task;
	awaited->several = several;
	awaited->result = result;
	awaited->shielded = is_carried_out(op);
	if (err < 0)
		awaited->id = op_refuse(task->sq, op, err);
	else
		awaited->id = await_submit(task, op, one_done, awaited);
	if (awaited->id > 0) {
		/* Somebody is over already: this one need not go on. */
		if (several->race && several->first < several->count)
			a10_cancel(task->sq, awaited->id);
		return;
	}
	results_fill(task->sq, result, 1, (ssize_t)awaited->id);
	if (result)
		result->index = index;
	one_over(several, awaited, (ssize_t)awaited->id);
}

static void several_run(struct several *several, const struct a10_op *ops,
			struct a10_result *ret_results)
{
	uint32_t i;

	/* Those that have not begun yet are no ids. */
	for (i = 0; i < several->count; i++)
		several->awaits[i].id = 0;
	for (i = 0; i < several->count; i++)
		one_begin(several, i, &ops[i],
			  ret_results ? &ret_results[i] : NULL);
	several->waiting = true;
	if (several->left > 0)
		task_wait(several->task, several->awaits, several->count);
}

static ssize_t first_error(const struct several *several)
{
	uint32_t i;

	for (i = 0; i < several->count; i++) {
		if (several->awaits[i].value < 0)
			return several->awaits[i].value;
	}
	return 0;
}

/* A cancel that ended all is told as such. */
static ssize_t first_over(const struct several *several)
{
	const int reason = task_reason(several->task);

	if (reason && several->awaits[several->first].value < 0)
		return reason;
	return (ssize_t)several->first;
}

static ssize_t await_several(const struct a10_op *ops, size_t count,
			     struct a10_result *ret_results, bool race)
{
	struct awaited held[AWAITS_HELD], *awaits = held;
	struct several several = { .task = task_here, .race = race };
	ssize_t value;

	if (!task_here)
		return all_refused(ops, count, ret_results, -EDEADLK);
	if (sq_is_inherited(task_here->sq))
		return all_refused(ops, count, ret_results, -ECHILD);
	if (count > INT32_MAX || (race && count == 0))
		return all_refused(ops, count, ret_results, -EINVAL);
	if (count > AWAITS_HELD)
		awaits = calloc(count, sizeof(*awaits));
	if (!awaits)
		return all_refused(ops, count, ret_results, -ENOMEM);
	several.awaits = awaits;
	several.count = several.left = several.first = (uint32_t)count;
	several_run(&several, ops, ret_results);
	value = race ? first_over(&several) : first_error(&several);
	if (awaits != held)
		free(awaits);
	return value;
}

ssize_t a10_await_every(const struct a10_op *ops, size_t count,
			struct a10_result *ret_results)
{
	return await_several(ops, count, ret_results, false);
}

ssize_t a10_await_first(const struct a10_op *ops, size_t count,
			struct a10_result *ret_results)
{
	return await_several(ops, count, ret_results, true);
}
