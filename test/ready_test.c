/* A ring in somebody else's loop: its descriptor is readable when it should be. */
#include "pools.h"
#include "support.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static const char *mode = "default";

static bool readable_within(int fd, int64_t ns)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&wait, 1, (int)(ns / A10_MILLISECOND));
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

static bool is_ready(struct a10_ring *ring)
{
	return readable_within(a10_ring_fd(ring), PATIENCE);
}

/* Polls, as an outer loop does, until there is nothing more to do. */
static void settle(struct a10_ring *ring)
{
	for (int i = 0; readable_within(a10_ring_fd(ring), 0); i++) {
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ck_assert_int_lt(i, 100);
	}
}

/* The condition must come about by polling when the descriptor says so. */
#define LOOP_UNTIL(ring, condition)                                         \
	do {                                                                \
		while (!(condition)) {                                      \
			ck_assert_msg(is_ready(ring), "%s: not told of %s", \
				      mode, #condition);                    \
			ck_assert_int_ge(a10_ring_poll((ring), 0), 0);      \
		}                                                           \
	} while (0)

struct mode {
	struct a10_config config;
	const char *name;
};

static const struct mode modes[] = {
	{ { 0 }, "default" },
	{ { .defer_task_run = A10_OFF }, "not deferred" },
	{ { .single_issuer = A10_OFF }, "shared" },
	{ { .kernel_thread = A10_ON }, "kernel thread" },
	{ { .submission_entries = 1, .completion_entries = 2 }, "small" },
};

static void in_each_mode(void (*test)(struct a10_ring *ring))
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct a10_ring *ring = ring_open(&modes[i].config);
		int fd = a10_ring_fd(ring);

		mode = modes[i].name;
		ck_assert_msg(fd >= 0, "%s: %d", mode, fd);
		ck_assert_int_eq(a10_ring_fd(ring), fd);
		settle(ring);
		test(ring);
		settle(ring);
		ring_close(ring);
		ck_assert(!number_is_open(fd));
	}
}

static void test_results(struct a10_ring *ring)
{
	struct seen seen;
	char byte;
	int ends[2];

	pipe_open(ends);
	for (int i = 0; i < 3; i++) {
		start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
		ck_assert_int_eq(a10_ring_flush(ring), 0);
		settle(ring);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(write(ends[1], "x", 1), 1);
		LOOP_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 1);
		settle(ring);
		ck_assert(!readable_within(a10_ring_fd(ring), A_MOMENT));
	}
	pipe_close(ends);
}

TEST(a_ring_tells_of_results)
{
	in_each_mode(test_results);
}

/* Some kernels lose what one eventfd has to tell another, but the first. */
static void test_eventfd(struct a10_ring *ring)
{
	int number = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct seen seen;
	uint64_t count;

	for (unsigned int i = 0; i < 5; i++) {
		start(ring, a10_read(a10_fd_regular(number), &count, 8), &seen);
		ck_assert_int_eq(a10_ring_flush(ring), 0);
		settle(ring);
		ck_assert_uint_eq(seen.count, 0);
		count = 1;
		ck_assert_int_eq(write(number, &count, 8), 8);
		LOOP_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 8);
	}
	ck_assert_int_eq(close(number), 0);
}

TEST(a_ring_tells_of_an_eventfd_that_is_written)
{
	in_each_mode(test_eventfd);
}

static void test_many(struct a10_ring *ring)
{
	static struct seen seen[100];
	unsigned int over = 0;

	for (int i = 0; i < 100; i++)
		start(ring, i % 2 ? a10_nop() : a10_forced_async(a10_nop()),
		      &seen[i]);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	while (over < 100) {
		ck_assert_msg(is_ready(ring), "not told after %u", over);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		over = 0;
		for (int i = 0; i < 100; i++)
			over += seen[i].ended;
	}
}

TEST(a_ring_tells_of_all_results_of_many)
{
	in_each_mode(test_many);
}

static void *release_buffer(void *data)
{
	a10_buf_release(*(struct a10_buf *)data);
	return NULL;
}

static void on_release_elsewhere(void *data, const struct a10_result *r)
{
	ck_assert_int_eq(r->value, 0);
	thread_join(thread_start(release_buffer, data));
}

/*
 * Another thread gives it back while nobody wants one, so without a word; and in
 * the same turn one is missed.
 */
static void test_buffer(struct a10_ring *ring)
{
	struct a10_pool *pool = pool_open(ring, 1, 64, 0);
	struct seen first, second;
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	start(ring, a10_recv_pooled(pair.ours, pool, 0), &first);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	LOOP_UNTIL(ring, first.ended == 1);
	ck_assert_int_eq(write(pair.theirs, "y", 1), 1);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
				    on_release_elsewhere, &first.last.buf),
			 0);
	start(ring, a10_recv_pooled(pair.ours, pool, 0), &second);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	LOOP_UNTIL(ring, second.ended == 1);
	ck_assert_int_eq(second.last.value, 1);
	a10_buf_release(second.last.buf);
	settle(ring);
	a10_pool_destroy(pool);
	pair_close(ring, &pair);
}

TEST(a_ring_tells_of_a_buffer_that_came_back_as_one_was_missed)
{
	in_each_mode(test_buffer);
}

static void test_times(struct a10_ring *ring)
{
	struct seen late, soon, timed;
	int64_t before = a10_now();
	int ends[2];

	pipe_open(ends);
	start(ring, a10_after(3 * A_MOMENT), &late);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	settle(ring);
	/* Sooner than what the timer is set to. */
	start(ring, a10_after(A_MOMENT), &soon);
	start(ring,
	      a10_timeout(a10_poll(a10_fd_regular(ends[0]), POLLIN),
			  2 * A_MOMENT),
	      &timed);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	LOOP_UNTIL(ring, soon.ended == 1);
	ck_assert_int_ge(a10_now() - before, A_MOMENT);
	LOOP_UNTIL(ring, timed.ended == 1);
	ck_assert_int_eq(timed.last.value, -ETIME);
	LOOP_UNTIL(ring, late.ended == 1);
	ck_assert_int_ge(a10_now() - before, 3 * A_MOMENT);
	pipe_close(ends);
}

TEST(a_ring_tells_of_times)
{
	in_each_mode(test_times);
}

static void on_again(void *data, const struct a10_result *r)
{
	int *left = data;

	if (--*left > 0)
		ck_assert_int_gt(a10_submit(r->sq, a10_nop(), on_again, left),
				 0);
}

/* What a callback submits is started although nobody flushes. */
static void test_callbacks(struct a10_ring *ring)
{
	int left = 20;

	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring), a10_nop(), on_again, &left), 0);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	LOOP_UNTIL(ring, left == 0);
}

TEST(a_ring_tells_of_what_callbacks_have_submitted)
{
	in_each_mode(test_callbacks);
}

struct other {
	struct a10_sq *sq;
	atomic_uint ended;
	a10_id id;
};

static void on_other(void *data, const struct a10_result *r)
{
	struct other *other = data;

	(void)r;
	atomic_fetch_add(&other->ended, 1);
}

static void *submit_elsewhere(void *data)
{
	struct other *other = data;

	other->id = a10_submit(other->sq, a10_after(10 * PATIENCE), on_other,
			       other);
	ck_assert_int_gt(other->id, 0);
	ck_assert_int_gt(a10_submit(other->sq, a10_nop(), on_other, other), 0);
	return NULL;
}

static void *cancel_elsewhere(void *data)
{
	struct other *other = data;

	ck_assert_int_eq(a10_cancel(other->sq, other->id), 0);
	return NULL;
}

static void test_threads(struct a10_ring *ring)
{
	struct other other = { .sq = a10_ring_sq(ring) };

	thread_join(thread_start(submit_elsewhere, &other));
	LOOP_UNTIL(ring, atomic_load(&other.ended) == 1);
	settle(ring);
	thread_join(thread_start(cancel_elsewhere, &other));
	LOOP_UNTIL(ring, atomic_load(&other.ended) == 2);
	settle(ring);
	ck_assert_int_eq(a10_sq_wake(other.sq), 0);
	ck_assert(is_ready(ring));
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	/* The kernel may answer a cancel after what was cancelled has ended. */
	for (unsigned int late = 0;; late++) {
		settle(ring);
		if (!readable_within(a10_ring_fd(ring), A_MOMENT))
			break;
		ck_assert_msg(late < 2, "%s", mode);
	}
}

TEST(a_ring_tells_of_what_other_threads_want)
{
	in_each_mode(test_threads);
}

static void *release_elsewhere(void *data)
{
	a10_buf_release(*(struct a10_buf *)data);
	return NULL;
}

TEST(a_ring_tells_of_buffers_that_are_back)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	struct seen seen;
	struct pair pair;
	struct a10_buf buf;

	ck_assert_int_eq(a10_pool_create(ring, 1, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)), &seen);
	ck_assert_int_eq(send(pair.theirs, "1", 1, 0), 1);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	LOOP_UNTIL(ring, seen.count == 1);
	ck_assert_int_eq(send(pair.theirs, "2", 1, 0), 1);
	buf = seen.last.buf;
	run_for(ring, A10_MILLISECOND);
	settle(ring);
	ck_assert_uint_eq(seen.count, 1);
	thread_join(thread_start(release_elsewhere, &buf));
	LOOP_UNTIL(ring, seen.count == 2);
	ck_assert_mem_eq(seen.last.buf.data, "2", 1);
	a10_buf_release(seen.last.buf);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* ---- all at once --------------------------------------------------------------- */

struct crowd {
	struct a10_sq *sq;
	unsigned int count;
	uint64_t random;
	atomic_uint *ended;
};

static void on_crowd(void *data, const struct a10_result *r)
{
	(void)r;
	atomic_fetch_add((atomic_uint *)data, 1);
}

static void *crowd_body(void *data)
{
	struct crowd *crowd = data;

	for (unsigned int i = 0; i < crowd->count; i++) {
		uint64_t dice = test_random(&crowd->random) % 64;

		ck_assert_int_gt(a10_submit(crowd->sq,
					    dice % 3 ? a10_nop() :
						       a10_after(dice * 1000),
					    on_crowd, crowd->ended),
				 0);
		if (dice == 0)
			ck_assert_int_eq(a10_sq_wake(crowd->sq), 0);
		if (dice < 8)
			nap((int64_t)dice * A10_MICROSECOND * 10);
	}
	return NULL;
}

/* A lost event would leave the loop waiting for ever. */
static void test_crowd(struct a10_ring *ring)
{
	struct crowd crowd[2];
	pthread_t threads[2];
	atomic_uint ended = 0;
	unsigned int count = test_scaled(2000);
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_eq(
		epoll_ctl(epoll, EPOLL_CTL_ADD, a10_ring_fd(ring), &event), 0);
	for (int i = 0; i < 2; i++) {
		crowd[i] = (struct crowd){ a10_ring_sq(ring), count,
					   test_seed() + (uint64_t)i, &ended };
		threads[i] = thread_start(crowd_body, &crowd[i]);
	}
	while (atomic_load(&ended) < 2 * count) {
		int n = epoll_wait(epoll, &event, 1,
				   (int)(PATIENCE / A10_MILLISECOND));

		ck_assert_msg(n == 1 || (n < 0 && errno == EINTR),
			      "%s: an event was lost, %u of %u are over", mode,
			      atomic_load(&ended), 2 * count);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	for (int i = 0; i < 2; i++)
		thread_join(threads[i]);
	ck_assert_int_eq(close(epoll), 0);
}

TEST(no_event_of_many_threads_is_lost_in_epoll)
{
	in_each_mode(test_crowd);
}

/* ---- another ring --------------------------------------------------------------- */

TEST(a_ring_waits_for_another)
{
	struct a10_ring *outer = ring_open(NULL);
	struct a10_ring *inner = ring_open(NULL);
	struct seen pollable, seen;
	int ends[2];
	char byte;
	a10_id id;

	pipe_open(ends);
	id = start(outer, a10_multishot(a10_ring_pollable(inner)), &pollable);
	for (int i = 0; i < 20; i++) {
		start(inner, a10_read(a10_fd_regular(ends[0]), &byte, 1),
		      &seen);
		ck_assert_int_eq(a10_ring_flush(inner), 0);
		settle(inner);
		while (a10_ring_poll(outer, 0) > 0)
			continue;
		pollable.count = 0;
		ck_assert_int_eq(write(ends[1], "x", 1), 1);
		while (seen.ended == 0) {
			RUN_UNTIL(outer, pollable.count > 0);
			ck_assert_int_eq(pollable.last.value & POLLIN, POLLIN);
			ck_assert(pollable.last.more);
			pollable.count = 0;
			ck_assert_int_ge(a10_ring_poll(inner, 0), 0);
		}
	}
	ck_assert_int_eq(a10_cancel(a10_ring_sq(outer), id), 0);
	RUN_UNTIL(outer, pollable.ended == 1);
	ck_assert_int_eq(pollable.last.value, -ECANCELED);
	/* And once. */
	settle(inner);
	start(outer, a10_ring_pollable(inner), &pollable);
	run_for(outer, A10_MILLISECOND);
	ck_assert_uint_eq(pollable.count, 0);
	ck_assert_int_eq(a10_sq_wake(a10_ring_sq(inner)), 0);
	RUN_UNTIL(outer, pollable.ended == 1);
	pipe_close(ends);
	ring_close(inner);
	ring_close(outer);
}

static void *fd_elsewhere(void *data)
{
	ck_assert_int_eq(a10_ring_fd(data), -EPERM);
	return NULL;
}

static void on_fd(void *data, const struct a10_result *r)
{
	*(int *)data = a10_ring_fd(a10_ring_current());
	(void)r;
}

TEST(the_descriptor_of_a_ring_is_its_owners_to_ask_for)
{
	struct a10_config busy = { .iopoll = A10_ON };
	struct a10_config disabled = { .disabled = A10_ON };
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring *other;
	int said = 0;

	ring_bind(ring);
	thread_join(thread_start(fd_elsewhere, ring));
	a10_submit(a10_ring_sq(ring), a10_nop(), on_fd, &said);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(said, -EDEADLK);
	ring_close(ring);
	ring = ring_open(&busy);
	ck_assert_int_eq(a10_ring_fd(ring), -EOPNOTSUPP);
	ring_close(ring);
	ring = ring_open(&disabled);
	ck_assert_int_eq(a10_ring_fd(ring), -EBADFD);
	other = ring_open(NULL);
	ck_assert_int_eq(value_of(other, a10_ring_pollable(ring)), -EBADF);
	ring_close(other);
	ring_close(ring);
}
