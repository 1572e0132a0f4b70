/*
 * A descriptor that tells somebody else's loop when there is something to poll:
 * an eventfd. The ring's own would not do: of a ring that defers its work it
 * does not become readable.
 *
 * While the owner is not in poll or flush, the kernel writes it for each
 * completion, of which a passed time is one (a timerfd that the ring polls as it
 * polls the bell), and other threads write it instead of the bell's. What is
 * there already when poll or flush returns is told by writing it too.
 *
 *	poll, flush:  ready_begin: the bell rises, the eventfd is read
 *	              ...
 *	              ready_end: all is submitted; the timerfd is set, the bell
 *	              says AWAY, and if there is anything, the eventfd is written
 *
 * Of a ring that defers its work, kernels (6.18 does) lose a signal whose cause
 * is itself the writing of an eventfd, but for the first after they were told
 * which eventfd it is. So they are told anew in each ready_end; and so the
 * bell's eventfd, with its poll, would not do here. What is not lost comes late,
 * after a grace period of RCU: some 10 ms.
 */
#include "ring/life.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "backend/event.h"
#include "base/log.h"

#include <a10/poll.h>

void ready_begin(struct a10_ring *ring)
{
	bell_rise(ring);
	event_clear(ring->sq.ready_fd);
}

/* What is early costs a turn in vain; what is late would be late for ever. */
static void timer_arm(struct a10_ring *ring)
{
	const int64_t next = timers_next(ring);

	if (next == INT64_MAX ||
	    (ring->timer_at <= next && ring->timer_at > ring_clock_anew(ring)))
		return;
	timer_set(ring->timer_fd, next);
	ring->timer_at = next;
}

static int ready_register(struct a10_ring *ring, int32_t fd)
{
	return ring->calls->control(ring->backend, URING_REGISTER_EVENTFD, &fd,
				    1);
}

static void ready_renew(struct a10_ring *ring)
{
	if (!(ring->grant.setup_flags & URING_SETUP_DEFER_TASKRUN))
		return;
	ring->calls->control(ring->backend, URING_UNREGISTER_EVENTFD, NULL, 0);
	if (ready_register(ring, ring->sq.ready_fd) < 0)
		log_line(A10_LOG_ERROR, "a10: no memory to watch a ring");
}

void ready_end(struct a10_ring *ring)
{
	bool more = has_finished(ring) || ring_is_unsubmitted(ring);

	if (!more) {
		ready_renew(ring);
		timer_arm(ring);
		more = !bell_doze(ring, BELL_AWAY);
	}
	/* After the renewal, in which a signal may have been lost. */
	if (more || ring_has_completions(ring))
		event_set(ring->sq.ready_fd);
}

static int watch_timer(struct a10_ring *ring);

/* Only to make a completion; and it begins again, as the bell's poll does. */
static void timer_rang(void *data, const struct a10_result *r)
{
	struct a10_ring *ring = data;

	if (!r->more && !ring->closing && watch_timer(ring) < 0)
		log_line(A10_LOG_ERROR, "a10: no memory to watch a timer");
}

static int watch_timer(struct a10_ring *ring)
{
	const struct a10_op op =
		a10_multishot(a10_poll(a10_fd_regular(ring->timer_fd), POLLIN));

	return internal_submit(ring, &op, timer_rang, ring) == NO_SLOT ?
		       -ENOMEM :
		       0;
}

static int ready_open(struct a10_ring *ring)
{
	const int fd = event_open();
	int err;

	if (fd < 0)
		return fd;
	ring->timer_fd = timer_open();
	if (ring->timer_fd < 0) {
		err = ring->timer_fd;
		goto close_event;
	}
	err = ready_register(ring, fd);
	if (err < 0)
		goto close_timer;
	err = watch_timer(ring);
	if (err < 0)
		goto unregister;
	ring->sq.ready_fd = fd;
	return 0;
unregister:
	ring->calls->control(ring->backend, URING_UNREGISTER_EVENTFD, NULL, 0);
close_timer:
	close(ring->timer_fd);
close_event:
	close(fd);
	ring->timer_fd = -1;
	return err;
}

void ready_close(struct a10_ring *ring)
{
	if (ring->timer_fd >= 0)
		close(ring->timer_fd);
	ring->timer_fd = -1;
}

int a10_ring_fd(struct a10_ring *ring)
{
	int err = ring_enter_check(ring);

	if (err < 0)
		return err;
	/* What is busy-polled tells nobody. */
	if (ring->iopoll)
		return -EOPNOTSUPP;
	if (ring->sq.ready_fd < 0) {
		err = ready_open(ring);
		if (err < 0)
			return err;
		/* The first poll finds out what there is. */
		event_set(ring->sq.ready_fd);
	}
	return ring->sq.ready_fd;
}

struct a10_op a10_ring_pollable(struct a10_ring *ring)
{
	const int fd = a10_ring_fd(ring);

	return a10_poll(fd < 0 ? a10_fd_none() : a10_fd_regular(fd), POLLIN);
}
