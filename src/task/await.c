/*
 * Waiting. A task submits with a callback of the library's and a record on its
 * own stack, and suspends; the callback resumes it, right out of delivery: what
 * a callback may do then, it may. Only where something of the operation is done
 * after its callback, what it owns is released, it goes on a turn later.
 */
#include "task/core.h"

#include <errno.h>

/* In a forked child it is nobody's any more. */
static bool task_is_here(void)
{
	return task_here && !sq_is_inherited(task_here->sq);
}

static bool task_go_on(void)
{
	return ++task_here->streak < STREAK_MOST;
}

/* ---- callbacks: on poll's stack ------------------------------------------- */

/* Of a10_raw's with many results the last is the one. */
static void awaited_take(struct awaited *awaited, const struct a10_result *r)
{
	if (likely(!r->more))
		awaited->id = 0;
	awaited->value = r->value;
	if (awaited->result) {
		*awaited->result = *r;
	} else if (a10_fd_valid(r->fd) || r->buf.data) {
		struct a10_result unwanted = *r;

		result_drop(awaited->task->ring, &unwanted);
	}
}

static void await_done(void *data, const struct a10_result *r)
{
	struct awaited *awaited = data;

	awaited_take(awaited, r);
	if (likely(!r->more))
		task_resume(awaited->task, r->value);
}

/* The same where only the value is asked for, of an op without modifiers. */
static void await_plain_done(void *data, const struct a10_result *r)
{
	struct task *task = data;

	if (unlikely(a10_fd_valid(r->fd) || r->buf.data)) {
		struct a10_result unwanted = *r;

		result_drop(task->ring, &unwanted);
	}
	task_resume(task, r->value);
}

/* Something is still done when this has returned. */
static void await_done_first(void *data, const struct a10_result *r)
{
	struct awaited *awaited = data;

	awaited_take(awaited, r);
	awaited->task->given = r->value;
	if (!r->more)
		task_ready(awaited->task);
}

/* On another ring's owner's thread. */
static void elsewhere_done(void *data, const struct a10_result *r)
{
	struct awaited *awaited = data;
	struct task *task = awaited->task;
	struct a10_sq *sq = task->sq;
	const a10_id id = (a10_id)task->id;

	if (r->more)
		return;
	awaited->value = r->value;
	if (awaited->result)
		*awaited->result = *r;
	else if (a10_fd_valid(r->fd))
		a10_fd_release(r->fd);
	if (!awaited->result && r->buf.data)
		a10_buf_release(r->buf);
	/* Release: pairs with task_wake; then task and record may be gone. */
	atomic_store_explicit(&task->elsewhere, 1, memory_order_release);
	sq_wake_parked(sq, id);
	a10_sq_unref(sq);
}

bool await_is(a10_done *done)
{
	return done == await_done || done == await_plain_done ||
	       done == await_done_first || done == elsewhere_done ||
	       several_is(done);
}

/* ---- one ------------------------------------------------------------------- */

static void awaited_cancel(struct task *task, struct awaited *awaited)
{
	struct a10_ring *ring = task->ring;
	struct slot *slot;

	if (awaited->id <= 0 || awaited->shielded)
		return;
	if (awaited->sq) {
		a10_cancel(awaited->sq, awaited->id);
		return;
	}
	slot = slot_find(ring, (uint64_t)awaited->id);
	if (slot)
		slot_cancel(ring, slot,
			    task->reason == -ETIME ? MARK_TIME : MARK_CANCEL);
}

void task_awaits_cancel(struct task *task)
{
	uint32_t i;

	if (task->state != TASK_WAITING)
		return;
	if (task->give_up)
		task->give_up(task);
	for (i = 0; i < task->await_count; i++)
		awaited_cancel(task, &task->awaits[i]);
}

/* What the library ends in order while its ring is destroyed. */
static bool is_orderly(const struct a10_op *op)
{
	switch (op->request.opcode) {
	case A10_OPCODE_CLOSE:
	case A10_OPCODE_SCOPE_WAIT:
	case A10_OPCODE_TASK_JOIN:
		return !(op->extra.flags & A10_WITH_RAW);
	default:
		return false;
	}
}

/* What a shielded task awaits is spared by a10_cancel_all, too. */
a10_id await_submit(struct task *task, const struct a10_op *op, a10_done *done,
		    void *data)
{
	struct a10_ring *ring = task->ring;
	struct a10_op shielded;
	a10_id id;

	if (unlikely(task->shield)) {
		shielded = a10_shielded(*op);
		op = &shielded;
	}
	if (likely(!ring->closing) || !is_orderly(op))
		return a10_sq_submit_op(task->sq, op, NULL, done, data);
	id = owner_submit(ring, op, NULL, done, data);
	return id < 0 ? op_refuse(task->sq, op, (int)id) : id;
}

bool is_carried_out(const struct a10_op *op)
{
	return (op->request.opcode == A10_OPCODE_CLOSE &&
		!(op->extra.flags & A10_WITH_RAW)) ||
	       op->extra.flags & A10_WITH_SHIELD;
}

/* 0: it may begin. */
int await_check(const struct task *task, const struct a10_op *op, bool always)
{
	if (op->extra.flags & A10_WITH_MULTISHOT)
		return -EINVAL;
	return always || is_carried_out(op) ? 0 : task_reason(task);
}

static a10_done *done_of(const struct a10_op *op)
{
	return op->extra.flags & (A10_WITH_OWNED | A10_WITH_OWNED_BUF) ?
		       await_done_first :
		       await_done;
}

static ssize_t refused(struct a10_sq *sq, ssize_t value,
		       struct a10_result *ret_result)
{
	if (ret_result) {
		memset(ret_result, 0, sizeof(*ret_result));
		ret_result->value = value;
		ret_result->sq = sq;
	}
	return value;
}

static inline void awaited_init(struct awaited *awaited, struct task *task,
				struct a10_result *result)
{
	awaited->task = task;
	awaited->result = result;
	awaited->sq = NULL;
	awaited->several = NULL;
}

ssize_t task_await(struct task *task, const struct a10_op *op,
		   struct a10_result *ret_result, bool always)
{
	struct awaited *awaited = &task->awaited;
	const int err = await_check(task, op, always);

	if (err < 0) {
		op_refuse(task->sq, op, err);
		return refused(task->sq, err, ret_result);
	}
	awaited_init(awaited, task, ret_result);
	awaited->shielded = always || is_carried_out(op);
	awaited->id = await_submit(task, op, done_of(op), awaited);
	if (awaited->id < 0)
		return refused(task->sq, (ssize_t)awaited->id, ret_result);
	return task_wait(task, awaited, 1);
}

static ssize_t await_elsewhere(struct task *task, struct a10_sq *sq,
			       const struct a10_op *op,
			       struct a10_result *ret_result, bool always)
{
	struct awaited awaited = { .task = task,
				   .result = ret_result,
				   .sq = sq };
	const int err = await_check(task, op, always);

	if (err < 0) {
		op_refuse(sq, op, err);
		return refused(sq, err, ret_result);
	}
	awaited.shielded = always || is_carried_out(op);
	a10_sq_ref(task->sq);
	awaited.id = a10_sq_submit_op(sq, op, NULL, elsewhere_done, &awaited);
	if (awaited.id < 0) {
		a10_sq_unref(task->sq);
		return refused(sq, (ssize_t)awaited.id, ret_result);
	}
	task_wait(task, &awaited, 1);
	/* There it was a cancel; why, only this task knows. */
	if (awaited.value == -ECANCELED && !awaited.shielded && task->reason) {
		awaited.value = task->reason;
		if (ret_result)
			ret_result->value = awaited.value;
	}
	return awaited.value;
}

static ssize_t await_on(struct a10_sq *sq, const struct a10_op *op,
			struct a10_result *ret_result, bool always)
{
	struct task *task = task_here;

	if (sq == task->sq)
		return task_await(task, op, ret_result, always);
	return await_elsewhere(task, sq, op, ret_result, always);
}

const struct waiting_calls task_waiting = {
	.here = task_is_here,
	.go_on = task_go_on,
	.await = await_on,
};

ssize_t a10_task_await_op(const struct a10_op *op,
			  struct a10_result *ret_result)
{
	struct task *task = task_here;
	const struct above_calls *calls;

	if (!task) {
		op_give_up(op);
		return refused(NULL, -EDEADLK, ret_result);
	}
	if (unlikely(sq_is_inherited(task->sq))) {
		op_give_up(op);
		return refused(task->sq, -ECHILD, ret_result);
	}
	/* Shielded, what waits has a slot, which the end of the ring ends. */
	if (op->extra.flags == A10_WITH_LIBRARY &&
	    !(task->reason | task->shield)) {
		calls = above_of(op->request.opcode);
		switch (calls && calls->await ?
				calls->await(op, ret_result, &task->given) :
				AWAIT_BY_SLOT) {
		case AWAIT_OVER:
			return task->given;
		case AWAIT_BEGUN:
			return task_suspend(task);
		case AWAIT_BY_SLOT:
			break;
		}
	}
	return task_await(task, op, ret_result, false);
}

/* All that is not plain. */
static __attribute__((noinline)) ssize_t
await_words_slow(struct task *task, uint32_t ring, uint64_t head,
		 uint64_t offset, uint64_t address, uint64_t tail)
{
	const struct a10_op op =
		op_from_words(ring, head, offset, address, tail);

	return task_await(task, &op, NULL, false);
}

ssize_t a10_task_await_words(uint32_t ring, uint64_t head, uint64_t offset,
			     uint64_t address, uint64_t tail)
{
	struct task *task = task_here;
	struct awaited *awaited;

	if (unlikely(!task))
		return -EDEADLK;
	if (unlikely((task->reason | task->shield) || task->ring->closing))
		return await_words_slow(task, ring, head, offset, address,
					tail);
	awaited = &task->awaited;
	awaited->sq = NULL;
	awaited->shielded = (uint8_t)head == A10_OPCODE_CLOSE;
	awaited->id =
		ring ? a10_sq_submit_direct_words(task->sq, ring, head, offset,
						  address, tail,
						  await_plain_done, task) :
		       a10_sq_submit_words(task->sq, head, offset, address,
					   tail, await_plain_done, task);
	if (unlikely(awaited->id < 0))
		return (ssize_t)awaited->id;
	return task_wait(task, awaited, 1);
}

int a10_yield(void)
{
	struct task *task = task_here;

	if (!task)
		return -EDEADLK;
	if (sq_is_inherited(task->sq))
		return -ECHILD;
	task_ready(task);
	task_suspend(task);
	return task_reason(task);
}
