/* Semaphores: a count, and those who wait for it to be more than zero. */
#include "task/waiter.h"

#include <a10/channel.h>

_Static_assert(sizeof(struct a10_semaphore) == 48, "part of the ABI");
_Static_assert(sizeof(lock_word) == sizeof(uint32_t), "lies in a field");

static lock_word *semaphore_lock(struct a10_semaphore *semaphore)
{
	return (lock_word *)(void *)&semaphore->lock;
}

/* The public struct keeps the list as plain pointers. */
static struct waiters waiters_load(const struct a10_semaphore *semaphore)
{
	return (struct waiters){ .first = semaphore->first,
				 .last = semaphore->last };
}

static void waiters_store(struct a10_semaphore *semaphore,
			  const struct waiters *waiters)
{
	semaphore->first = waiters->first;
	semaphore->last = waiters->last;
}

static struct a10_semaphore *acquired(struct a10_ring *ring,
				      const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	return (struct a10_semaphore *)(uintptr_t)request->address;
}

static void acquire_begin(struct a10_ring *ring, struct slot *slot)
{
	struct a10_semaphore *semaphore = acquired(ring, slot);
	struct waiter *waiter = slot_waiter(ring, slot);
	struct waiters waiters;

	lock_take(semaphore_lock(semaphore));
	if (semaphore->value > 0) {
		semaphore->value--;
		slot_finish(ring, slot, 0);
	} else {
		waiters = waiters_load(semaphore);
		waiter->moved = 0;
		waiter_park(&waiters, ring, slot);
		waiters_store(semaphore, &waiters);
	}
	lock_give(semaphore_lock(semaphore));
}

static void acquire_cancel(struct a10_ring *ring, struct slot *slot)
{
	struct a10_semaphore *semaphore = acquired(ring, slot);
	struct waiter *waiter = slot_waiter(ring, slot);
	struct waiters waiters;

	lock_take(semaphore_lock(semaphore));
	if (!waiter->over) {
		waiters = waiters_load(semaphore);
		waiter_unlink(&waiters, waiter);
		waiters_store(semaphore, &waiters);
		waiter->error = (int32_t)slot_reason(slot, 0);
	}
	lock_give(semaphore_lock(semaphore));
	waiter_finish(ring, slot);
}

/* What it has acquired is nobody's. */
static void acquire_detach(struct a10_ring *ring, struct slot *slot)
{
	if (cold_at(ring, slot_index(slot))->value == 0)
		a10_semaphore_release(acquired(ring, slot));
}

/* Nobody will ever release it. */
static void acquire_deliver(struct a10_ring *ring, struct slot *slot,
			    struct a10_result *r)
{
	if (r->value == 0 && !slot->done && !(slot->marks & MARK_DETACH))
		a10_semaphore_release(acquired(ring, slot));
}

static void acquire_wake(struct a10_ring *ring, struct slot *slot)
{
	struct a10_semaphore *semaphore = acquired(ring, slot);
	bool over;

	lock_take(semaphore_lock(semaphore));
	over = slot_waiter(ring, slot)->over;
	lock_give(semaphore_lock(semaphore));
	if (over)
		waiter_finish(ring, slot);
}

/* At once, or by a slot, which also lets others have their turn. */
static enum await_how acquire_await(const struct a10_op *op,
				    struct a10_result *ret_result,
				    ssize_t *ret_value)
{
	if (ret_result || !task_may_go_on())
		return AWAIT_BY_SLOT;
	*ret_value = 0;
	return a10_semaphore_try_acquire(
		       (struct a10_semaphore *)(uintptr_t)op->request.address) ?
		       AWAIT_OVER :
		       AWAIT_BY_SLOT;
}

static const struct above_calls acquire_calls = {
	.begin = acquire_begin,
	.cancel = acquire_cancel,
	.deliver = acquire_deliver,
	.detach = acquire_detach,
	.wake = acquire_wake,
	.await = acquire_await,
};

void a10_semaphore_init(struct a10_semaphore *semaphore, uint32_t value)
{
	memset(semaphore, 0, sizeof(*semaphore));
	semaphore->value = value;
	above_register(A10_OPCODE_SEMAPHORE_ACQUIRE, &acquire_calls);
}

void a10_semaphore_finish(struct a10_semaphore *semaphore)
{
	check_use(!semaphore->first, "somebody waits for the semaphore");
}

void a10_semaphore_release(struct a10_semaphore *semaphore)
{
	struct waiters waiters;

	lock_take(semaphore_lock(semaphore));
	waiters = waiters_load(semaphore);
	if (waiters.first) {
		struct waiter *waiter = waiters.first;

		waiter_end(&waiters, waiter, 0);
		waiters_store(semaphore, &waiters);
	} else {
		check_use(semaphore->value < UINT32_MAX,
			  "so many may acquire it already, 4294967295");
		semaphore->value++;
	}
	lock_give(semaphore_lock(semaphore));
}

bool a10_semaphore_try_acquire(struct a10_semaphore *semaphore)
{
	bool acquired_it;

	lock_take(semaphore_lock(semaphore));
	acquired_it = semaphore->value > 0;
	if (acquired_it)
		semaphore->value--;
	lock_give(semaphore_lock(semaphore));
	return acquired_it;
}
