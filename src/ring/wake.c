/*
 * Waking the owner: one mechanism on every kernel, an eventfd that a multishot
 * poll on the ring watches. It is never read: each write is an event of its
 * own.
 *
 *             bell_doze               enter returns, bell_rise
 *  QUIET -------------------> DOZING --------------------------> QUIET
 *    |                           |                                 ^
 *    | sq_ring_bell              | sq_ring_bell: writes the eventfd |
 *    v                           v                                 |
 *  RUNG ------------------------ + --------------------------------+
 *         bell_doze says no, bell_rise
 *
 * AWAY is DOZING of an owner that sleeps in a loop of its program's: then the
 * eventfd is the one that is in that loop (ready.c), and bell_rise comes with the
 * next poll.
 *
 * Whoever brings work first makes it visible, then looks at the bell; the owner
 * first says that it dozes, then looks for work. All four are seq_cst, so one
 * of the two sees the other. Many rings cost one write, and one before the
 * owner dozes is not lost.
 */
#include "base/log.h"
#include "buf/pool.h"
#include "ring/life.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "backend/event.h"

#include <a10/poll.h>

void sq_ring_bell(struct a10_sq *sq)
{
	switch (atomic_exchange_explicit(&sq->bell, BELL_RUNG,
					 memory_order_seq_cst)) {
	case BELL_DOZING:
		event_set(sq->bell_fd);
		break;
	case BELL_AWAY:
		event_set(sq->ready_fd);
		break;
	default:
		break;
	}
}

void sq_ring_bell_if_dozing(struct a10_sq *sq)
{
	/* After the work, in the one order of all seq_cst: see bell_doze. */
	const uint32_t bell =
		atomic_load_explicit(&sq->bell, memory_order_seq_cst);

	if (bell == BELL_DOZING || bell == BELL_AWAY)
		sq_ring_bell(sq);
}

bool bell_doze(struct a10_ring *ring, uint32_t how)
{
	uint32_t bell = BELL_QUIET;

	if (!atomic_compare_exchange_strong_explicit(&ring->sq.bell, &bell, how,
						     memory_order_seq_cst,
						     memory_order_relaxed)) {
		bell_rise(ring);
		return false;
	}
	/* The full barrier of a sleep was above; these loads come after it. */
	if (!inbox_has_work(ring) && !pools_have_returns(ring) &&
	    !atomic_load_explicit(&ring->sq.woken, memory_order_seq_cst))
		return true;
	bell_rise(ring);
	return false;
}

void bell_rise(struct a10_ring *ring)
{
	/* A ring that this hides was heard: whoever rang wrote the eventfd. */
	atomic_store_explicit(&ring->sq.bell, BELL_QUIET, memory_order_release);
}

/*
 * Only to make the backend's wait end. Should anything have ended the poll, it
 * begins again: a request that cancels all, made by a10_raw, hits it too.
 */
static void bell_rang(void *data, const struct a10_result *r)
{
	struct a10_ring *ring = data;

	if (!r->more && !ring->closing && bell_arm(ring) < 0)
		log_line(A10_LOG_ERROR,
			 "a10: nobody can wake the owner any more: %s",
			 strerror(ENOMEM));
}

int bell_arm(struct a10_ring *ring)
{
	const struct a10_op op = a10_multishot(
		a10_poll(a10_fd_regular(ring->sq.bell_fd), POLLIN));

	/* Busy-polled rings do not sleep in the kernel, and cannot poll. */
	if (ring->iopoll)
		return 0;
	return internal_submit(ring, &op, bell_rang, ring) == NO_SLOT ?
		       -ENOMEM :
		       0;
}

static int sq_signal(struct a10_sq *sq, _Atomic uint32_t *flag)
{
	if (sq_is_inherited(sq))
		return -ECHILD;
	if (atomic_load_explicit(&sq->closed, memory_order_acquire))
		return -ESHUTDOWN;
	atomic_store_explicit(flag, 1, memory_order_seq_cst);
	sq_ring_bell(sq);
	return 0;
}

int a10_sq_wake(struct a10_sq *sq)
{
	return sq_signal(sq, &sq->woken);
}

int a10_sq_stop(struct a10_sq *sq)
{
	atomic_store_explicit(&sq->stopped, 1, memory_order_release);
	return sq_signal(sq, &sq->woken);
}
