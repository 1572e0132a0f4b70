/*
 * Poll: one turn after another until something was delivered. A turn takes in
 * what other threads brought, lets times pass, fills the submission queue,
 * enters the kernel once (to submit and, with nothing else to do, to wait), and
 * delivers.
 */
#include "buf/pool.h"
#include "ring/life.h"
#include "ring/orphan.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

#include "backend/event.h"
#include "base/fork.h"
#include "base/log.h"

#include <a10/time.h>

/* The kernel out of memory, time after time, is an answer. */
#define AGAIN_TRIES 64

static _Thread_local struct a10_ring *ring_here
	__attribute__((tls_model("initial-exec")));

struct a10_ring *a10_ring_current(void)
{
	struct a10_ring *ring = ring_here;

	/* A child forked in a callback is not in the parent's poll. */
	return ring && !sq_is_inherited(&ring->sq) ? ring : NULL;
}

struct a10_ring *ring_cut_short(void)
{
	struct a10_ring *ring = ring_here;

	ring_here = NULL;
	return ring;
}

void ring_resume(struct a10_ring *ring)
{
	ring_here = ring;
	ring->clock_valid = false;
	if (ring->tasks.cut)
		ring->tasks.cut(ring);
	delivery_end(ring);
	completions_resume(ring);
	finished_resume(ring);
	ring_here = NULL;
}

/*
 * A child may return from the callback or task in which it was forked: what its
 * parent's poll had taken, or found ready, is the parent's. Here and not where
 * it is delivered, so that this costs nobody anything.
 */
static void child_forgets(void)
{
	struct a10_ring *ring = ring_here;

	if (!ring)
		return;
	completions_forget(ring);
	ring->finishing_first = NO_SLOT;
	ring->mail_first = NO_SLOT;
	ring->tasks.first = NULL;
}

__attribute__((constructor)) static void child_watch(void)
{
	fork_in_child(child_forgets);
}

int ring_bind(struct a10_ring *ring)
{
	uint64_t nobody = OWNER_NONE;
	int err;

	/* Of two at once one becomes the owner, and the other is told. */
	if (!atomic_compare_exchange_strong_explicit(
		    &ring->sq.owner, &nobody, thread_number(),
		    memory_order_acq_rel, memory_order_relaxed))
		return -EPERM;
	err = ring->calls->control(ring->backend, URING_REGISTER_ENABLE_RINGS,
				   NULL, 0);
	if (err < 0) {
		atomic_store_explicit(&ring->sq.owner, OWNER_NONE,
				      memory_order_release);
		return err;
	}
	ring->bound = true;
	owned_add(ring);
	ring->grant_bound = ring->calls->bind(ring->backend) > 0;
	if (ring->kernel_thread)
		start_allow(&ring->sq);
	err = bell_arm(ring);
	/* What this thread has submitted so far is before what it will. */
	inbox_admit_all(ring);
	return err;
}

int ring_enter_check(struct a10_ring *ring)
{
	if (sq_is_inherited(&ring->sq))
		return -ECHILD;
	if (a10_ring_current())
		return -EDEADLK;
	if (sq_is_mine(&ring->sq))
		return 0;
	if (sq_is_bound(&ring->sq))
		return -EPERM;
	return ring_is_disabled(ring) ? -EBADFD : ring_bind(ring);
}

static bool cq_is_empty(const struct a10_ring *ring)
{
	return atomic_load_explicit(ring->view.cq_head, memory_order_relaxed) ==
	       atomic_load_explicit(ring->view.cq_tail, memory_order_acquire);
}

static uint32_t sq_flags(const struct a10_ring *ring)
{
	return atomic_load_explicit(ring->view.sq_flags, memory_order_relaxed);
}

static uint32_t sq_ready(const struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;

	return atomic_load_explicit(view->sq_tail, memory_order_relaxed) -
	       atomic_load_explicit(view->sq_head, memory_order_acquire);
}

bool ring_has_completions(const struct a10_ring *ring)
{
	return !cq_is_empty(ring) ||
	       sq_flags(ring) & (URING_SQ_TASKRUN | URING_SQ_CQ_OVERFLOW);
}

bool ring_is_unsubmitted(const struct a10_ring *ring)
{
	return queue_can_move(ring) || ring->tail != ring->published ||
	       (!ring->kernel_thread && sq_ready(ring) > 0);
}

/* What enter must do besides waiting. */
static uint32_t enter_flags(struct a10_ring *ring)
{
	uint32_t flags = 0;

	if (ring->kernel_thread) {
		/*
		 * Full: between the tail it was given and the flag it sets
		 * before it sleeps; pairs with the kernel thread's own.
		 */
		atomic_thread_fence(memory_order_seq_cst);
		if (sq_ready(ring) && sq_flags(ring) & URING_SQ_NEED_WAKEUP)
			flags |= BACKEND_SQ_WAKEUP;
		if (queue_can_move(ring))
			flags |= BACKEND_SQ_WAIT;
	}
	if (sq_flags(ring) & (URING_SQ_TASKRUN | URING_SQ_CQ_OVERFLOW))
		flags |= BACKEND_GETEVENTS;
	return flags;
}

static int ring_enter(struct a10_ring *ring, uint32_t submit, uint32_t wait,
		      uint32_t flags, int64_t deadline)
{
	const int ret = ring->calls->enter(ring->backend, submit, wait, flags,
					   deadline);

	ring->enters++;
	ring->clock_valid = false;
	window_open(ring);
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_ENTER, NULL, ret);
	return ret;
}

/* 0: go on; else poll fails with it. */
static int enter_failed(struct a10_ring *ring, int err, uint32_t *tries)
{
	switch (err) {
	case -ETIME:
	case -EINTR:
		return 0;
	case -EAGAIN:
	case -EBUSY:
		/* Completions must be taken first, or memory come back. */
		return !cq_is_empty(ring) || ++*tries < AGAIN_TRIES ? 0 : err;
	case -EBADR:
		log_line(A10_LOG_ERROR, "a10: the kernel lost completions for "
					"want of memory");
		return 0;
	default:
		return err;
	}
}

/* Busy-polled rings cannot watch the bell: a moment's sleep instead. */
static void iopoll_rest(const struct a10_ring *ring, int64_t deadline)
{
	const int64_t left = deadline - ring->calls->now(ring->backend);
	struct pollfd bell = { .fd = ring->sq.bell_fd, .events = POLLIN };
	int ms = left > 1000000000 ? 1000 : (int)(left / 1000000);

	if (left > 0)
		poll(&bell, 1, ms < 1 ? 1 : ms);
	/* Nothing else reads it, and it must be quiet for the next rest. */
	event_clear(ring->sq.bell_fd);
}

/* The one entry of a turn. */
static int turn_enter(struct a10_ring *ring, bool wait, bool look,
		      int64_t deadline, uint32_t *tries)
{
	const uint32_t submit = ring->kernel_thread ? 0 : sq_ready(ring);
	uint32_t flags = enter_flags(ring);
	const int64_t timer = timers_next(ring);
	int ret;

	if (timer < deadline)
		deadline = timer;
	if (ring->iopoll) {
		if (wait && submit == 0 && ring->running == 0) {
			iopoll_rest(ring, deadline);
			return 0;
		}
		wait = false;
		flags |= BACKEND_GETEVENTS;
	}
	if (look && ring->look_enters)
		flags |= BACKEND_GETEVENTS;
	if (submit == 0 && !wait && flags == 0)
		return 0;
	ret = ring_enter(ring, submit, wait ? 1 : 0, flags, deadline);
	return ret < 0 ? enter_failed(ring, ret, tries) : 0;
}

/*
 * A deferring kernel gives at most 20 completions a call and says that there is
 * more; so does one that has kept an overflow.
 */
static int take_rest(struct a10_ring *ring, uint32_t *tries)
{
	uint32_t left = ring->view.cq_entries;
	int err;

	if (unlikely(sq_flags(ring) & URING_SQ_CQ_OVERFLOW))
		completions_grow(ring);

	while (left > 0 &&
	       sq_flags(ring) & (URING_SQ_TASKRUN | URING_SQ_CQ_OVERFLOW)) {
		uint32_t taken;

		err = ring_enter(ring, 0, 0, BACKEND_GETEVENTS,
				 BACKEND_NO_DEADLINE);
		if (err < 0) {
			err = enter_failed(ring, err, tries);
			if (err < 0)
				return err;
		}
		taken = completions_take(ring);
		if (unlikely(sq_is_inherited(&ring->sq)))
			return -ECHILD;
		if (taken == 0)
			break;
		left -= taken < left ? taken : left;
	}
	return 0;
}

/* All that happens before the kernel is entered. */
static void turn_prepare(struct a10_ring *ring)
{
	if (unlikely(inbox_has_work(ring))) {
		ring->brought = true;
		inbox_take(ring);
	}
	if (unlikely(pools_have_returns(ring)))
		pools_collect(ring);
	if (heap_first(&ring->timers))
		timers_expire(ring);
	if (unlikely(ring->tasks.first))
		ring->tasks.run(ring);
	/* A callback forked, and this is the child: the maps are not here. */
	if (unlikely(sq_is_inherited(&ring->sq)))
		return;
	queue_fill(ring);
	if (unlikely(has_finished(ring)))
		finished_deliver(ring);
}

/*
 * Of what others set. Taken by an exchange, since who set it once more meanwhile
 * is heard by that; looked at without, since most times it is not set.
 */
static __attribute__((noinline)) bool flag_clear(_Atomic uint32_t *flag)
{
	/* Acquire: pairs with the release of sq_signal and a10_sq_stop. */
	return atomic_exchange_explicit(flag, 0, memory_order_acquire);
}

static inline bool flag_take(_Atomic uint32_t *flag)
{
	return unlikely(atomic_load_explicit(flag, memory_order_relaxed)) &&
	       flag_clear(flag);
}

/*
 * Other threads were busy here, and may be waiting for this CPU to go on: to
 * sleep now and be woken for each of their submissions costs two switches every
 * time, ten times what the submissions do. Once for each time they brought
 * something.
 */
static bool others_rest(struct a10_ring *ring)
{
	ring->brought = false;
	sched_yield();
	return !inbox_has_work(ring);
}

static int turn(struct a10_ring *ring, int64_t deadline, uint32_t *tries)
{
	bool wait, dozing = false;
	int err;

	ring->clock_valid = false;
	turn_prepare(ring);
	if (unlikely(sq_is_inherited(&ring->sq)))
		return -ECHILD;
	wait = deadline != 0 && ring->delivered == 0 && !has_finished(ring) &&
	       !ring->tasks.first && !queue_can_move(ring) &&
	       !ring_has_completions(ring);
	if (wait && unlikely(ring->brought))
		wait = others_rest(ring);
	if (wait)
		wait = dozing = bell_doze(ring, BELL_DOZING);
	err = turn_enter(ring, wait, deadline == 0, deadline, tries);
	if (dozing)
		bell_rise(ring);
	if (err < 0)
		return err;
	completions_take(ring);
	if (unlikely(sq_is_inherited(&ring->sq)))
		return -ECHILD;
	err = take_rest(ring, tries);
	if (unlikely(err == -ECHILD))
		return err;
	if (heap_first(&ring->timers))
		timers_expire(ring);
	if (unlikely(has_finished(ring)))
		finished_deliver(ring);
	if (unlikely(sq_is_inherited(&ring->sq)))
		return -ECHILD;
	foreign_slots_return(ring);
	return err;
}

/* While it is destroyed: the library's own operations are over too. */
static bool is_drained(const struct a10_ring *ring)
{
	return ring->closing && ring->running == ring->bells;
}

/* Until the kernel has all, or takes no more for now. */
static int flush(struct a10_ring *ring)
{
	uint32_t tries = 0, submit;
	int ret;

	for (;;) {
		uint32_t flags;

		queue_fill(ring);
		flags = enter_flags(ring) & ~BACKEND_GETEVENTS;
		submit = ring->kernel_thread ? 0 : sq_ready(ring);
		if (submit == 0 && flags == 0)
			return 0;
		ret = ring_enter(ring, submit, 0, flags, BACKEND_NO_DEADLINE);
		/* Nothing is taken from the queue of completions here. */
		if (ret < 0 && !cq_is_empty(ring) && ++tries >= AGAIN_TRIES)
			return ret;
		if (ret < 0)
			ret = enter_failed(ring, ret, &tries);
		else if (ret == 0 && !ring->kernel_thread)
			return 0;
		if (ret < 0)
			return ret;
	}
}

/* Somebody else's loop will sleep: nothing may be left that poll would do. */
static void leave(struct a10_ring *ring)
{
	if (ring_is_unsubmitted(ring))
		(void)flush(ring);
	ready_end(ring);
}

int ring_poll_until(struct a10_ring *ring, int64_t deadline)
{
	/*
	 * So many turns start all that is queued by now; what comes later
	 * waits.
	 */
	size_t turns = ring->pending / ring->view.sq_entries + 2;
	uint32_t tries = 0;
	int err;

	if (unlikely(ring->sq.ready_fd >= 0))
		ready_begin(ring);
	ring_here = ring;
	ring->delivered = 0;
	for (;;) {
		err = turn(ring, deadline, &tries);
		if (err < 0)
			break;
		if (queue_can_move(ring) && turns > 0) {
			turns--;
			continue;
		}
		if (ring->delivered > 0 || flag_take(&ring->sq.woken) ||
		    is_drained(ring) || deadline == 0)
			break;
		if (deadline != BACKEND_NO_DEADLINE &&
		    ring_clock(ring) >= deadline)
			break;
	}
	ring_here = NULL;
	ring->clock_valid = false;
	if (unlikely(ring->sq.ready_fd >= 0) && err != -ECHILD)
		leave(ring);
	/* What was delivered is told before what failed. */
	return ring->delivered > 0 ? (int)ring->delivered : err;
}

int a10_ring_poll(struct a10_ring *ring, int64_t timeout_ns)
{
	int64_t deadline = 0;
	int ret;

	ret = ring_enter_check(ring);
	if (ret < 0)
		return ret;
	if (timeout_ns == A10_FOREVER)
		deadline = BACKEND_NO_DEADLINE;
	else if (timeout_ns > 0)
		deadline =
			time_after(ring->calls->now(ring->backend), timeout_ns);
	return ring_poll_until(ring, deadline);
}

int a10_ring_run(struct a10_ring *ring)
{
	int ret;

	for (;;) {
		ret = ring_enter_check(ring);
		if (ret < 0)
			return ret;
		if (flag_take(&ring->sq.stopped))
			return 1;
		if (a10_ring_pending(ring) == 0)
			return 0;
		ret = a10_ring_poll(ring, A10_FOREVER);
		if (ret < 0)
			return ret;
	}
}

int a10_ring_flush(struct a10_ring *ring)
{
	int err = ring_enter_check(ring);

	if (err < 0)
		return err;
	ring->clock_valid = false;
	if (unlikely(ring->sq.ready_fd >= 0))
		ready_begin(ring);
	if (inbox_has_work(ring))
		inbox_take(ring);
	err = flush(ring);
	if (unlikely(ring->sq.ready_fd >= 0))
		ready_end(ring);
	return err;
}

size_t a10_ring_pending(const struct a10_ring *ring)
{
	check_owner(&ring->sq);
	return ring->pending + inbox_count(ring);
}

int64_t a10_now(void)
{
	const struct a10_ring *ring = a10_ring_current();
	struct timespec now;

	if (ring)
		return ring->calls->now(ring->backend);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * A10_SECOND + now.tv_nsec;
}
