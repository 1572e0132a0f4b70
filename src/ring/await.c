/*
 * a10_await_on: the result of one operation, waited for on the spot. The owner
 * polls; any other thread sleeps on a word on its own stack.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/above.h"
#include "ring/life.h"

struct await {
	struct a10_result result;
	_Atomic uint32_t over;
};

static void await_done(void *data, const struct a10_result *r)
{
	struct await *await = data;
	_Atomic uint32_t *over = &await->over;

	await->result = *r;
	/* Of a10_raw's with many results: the last is the one. */
	if (r->more)
		return;
	/*
	 * Release: pairs with the acquire in await_sleep. Afterwards await may
	 * be gone; waking a word that is nobody's is harmless.
	 */
	atomic_store_explicit(over, 1, memory_order_release);
	syscall(SYS_futex, over, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await_sleep(struct await *await)
{
	while (!atomic_load_explicit(&await->over, memory_order_acquire))
		syscall(SYS_futex, &await->over, FUTEX_WAIT_PRIVATE, 0, NULL,
			NULL, 0);
}

/* The owner's: no system call to wake anybody. */
static void await_done_here(void *data, const struct a10_result *r)
{
	struct await *await = data;

	await->result = *r;
	if (!r->more)
		atomic_store_explicit(&await->over, 1, memory_order_relaxed);
}

static ssize_t await_polling(struct a10_ring *ring, const struct a10_op *op,
			     struct await *await)
{
	const a10_id id =
		a10_sq_submit_op(&ring->sq, op, NULL, await_done_here, await);
	int n;

	if (id < 0)
		return (ssize_t)id;
	while (!atomic_load_explicit(&await->over, memory_order_relaxed)) {
		n = a10_ring_poll(ring, A10_FOREVER);
		if (n < 0) {
			a10_detach(&ring->sq, id);
			return n;
		}
	}
	return await->result.value;
}

static ssize_t await_elsewhere(struct a10_sq *sq, const struct a10_op *op,
			       struct await *await)
{
	const a10_id id = a10_sq_submit_op(sq, op, NULL, await_done, await);

	if (id < 0)
		return (ssize_t)id;
	await_sleep(await);
	return await->result.value;
}

/* Nobody has polled it yet: who made it is who will. */
static int await_bind(struct a10_ring *ring)
{
	int err;

	if (sq_is_bound(&ring->sq) || ring->creator != thread_number())
		return 0;
	/* It would sleep until it enables the ring itself. */
	if (ring_is_disabled(ring))
		return -EBADFD;
	err = ring_bind(ring);
	/* Another thread was first, or has ended it: then it is told so. */
	return err == -EPERM ? 0 : err;
}

static ssize_t await_on(struct a10_sq *sq, const struct a10_op *op,
			struct await *await)
{
	int err;

	if (a10_ring_current()) {
		err = -EDEADLK;
	} else if (op->extra.flags & A10_WITH_MULTISHOT) {
		err = -EINVAL;
	} else if (sq_is_inherited(sq)) {
		err = -ECHILD;
	} else if (atomic_load_explicit(&sq->closed, memory_order_acquire)) {
		err = -ESHUTDOWN;
	} else {
		err = await_bind(ring_of(sq));
		if (err == 0)
			return sq_is_mine(sq) ?
				       await_polling(ring_of(sq), op, await) :
				       await_elsewhere(sq, op, await);
	}
	return (ssize_t)op_refuse(sq, op, err);
}

ssize_t a10_await_on(struct a10_sq *sq, struct a10_op op,
		     struct a10_result *ret_result)
{
	const struct waiting_calls *task = waiting_here();
	struct await await;
	ssize_t value;

	if (task)
		return task->await(sq, &op, ret_result, false);
	memset(&await, 0, sizeof(await));
	value = await_on(sq, &op, &await);
	await.result.value = value;
	await.result.sq = sq;
	if (ret_result)
		*ret_result = await.result;
	return value;
}
