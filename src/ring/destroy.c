/*
 * The end of a ring. Closing it does not stop the kernel: it would write into
 * buffers afterwards, and one "cancel all" misses what is just between two
 * states. So all is cancelled and polled, again and again, until nothing is in
 * flight; only then are the maps and the descriptor given back.
 */
#include <errno.h>

#include "base/log.h"
#include "ring/create.h"
#include "ring/life.h"
#include "ring/orphan.h"

/* Between two looks whether anything was missed. */
#define LOOK_NS INT64_C(20000000)

/* The bell's poll is left to the kernel: it writes to nothing of ours. */
bool ring_is_idle(const struct a10_ring *ring)
{
	return ring->pending == 0 && ring->running == ring->bells &&
	       queue_is_empty(ring) && ring->finished_first == NO_SLOT;
}

static bool drain_all(struct a10_ring *ring, int64_t deadline)
{
	int64_t look;
	int n;

	for (;;) {
		cancel_everything(ring, true);
		if (ring_is_idle(ring))
			return true;
		look = time_after(ring->calls->now(ring->backend), LOOK_NS);
		n = ring_poll_until(ring, look < deadline ? look : deadline);
		if (n < 0 && n != -EAGAIN && n != -EBUSY)
			return false;
		if (ring_is_idle(ring))
			return true;
		if (deadline != BACKEND_NO_DEADLINE &&
		    ring->calls->now(ring->backend) >= deadline)
			return false;
	}
}

bool ring_drain(struct a10_ring *ring, int64_t deadline)
{
	if (!drain_all(ring, deadline))
		return false;
	errands_settle(&ring->sq);
	return true;
}

static void log_leaked(void *data, const char *text)
{
	(void)data;
	log_line(A10_LOG_ERROR,
		 "a10: not over when its ring was destroyed, "
		 "leaked: %s",
		 text);
}

void ring_shut(struct a10_ring *ring)
{
	ring->closing = true;
	atomic_store_explicit(&ring->sq.closed, 1, memory_order_release);
	ring_update_slow(ring);
	/* No other thread comes at the backend any more. */
	if (ring->kernel_thread)
		start_forbid(&ring->sq);
	/* What others have submitted is admitted, to be delivered. */
	inbox_close(ring);
}

/* By anybody, for it has no owner any more. */
static int destroy_abandoned(struct a10_ring *ring)
{
	if (!ring_is_idle(ring))
		return ring->pending ? (int)ring->pending : 1;
	ring_free(ring, false);
	return 0;
}

int a10_ring_destroy(struct a10_ring *ring, int64_t timeout_ns)
{
	int64_t deadline = BACKEND_NO_DEADLINE;

	if (!ring)
		return 0;
	if (sq_is_inherited(&ring->sq)) {
		ring_free(ring, true);
		return 0;
	}
	if (a10_ring_current())
		return -EDEADLK;
	if (atomic_load_explicit(&ring->sq.owner, memory_order_acquire) ==
	    OWNER_GONE)
		return destroy_abandoned(ring);
	if (sq_is_bound(&ring->sq) && !sq_is_mine(&ring->sq))
		return -EPERM;
	if (timeout_ns != A10_FOREVER)
		deadline = time_after(ring->calls->now(ring->backend),
				      timeout_ns > 0 ? timeout_ns : 0);
	ring_shut(ring);
	if (!ring->bound && ring->pending > 0 && ring_bind(ring) < 0)
		log_line(A10_LOG_ERROR, "a10: a ring that cannot be bound is "
					"destroyed with work in it");
	if (ring->bound && !ring_drain(ring, deadline)) {
		const size_t left = ring->pending ? ring->pending : 1;

		owned_remove(ring); /* it has been told */
		a10_ring_dump(ring, log_leaked, NULL);
		return left > INT32_MAX ? INT32_MAX : (int)left;
	}
	ring_free(ring, false);
	return 0;
}
