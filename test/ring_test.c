/* A ring is made, bound to its owner, polled, looked at and destroyed. */
#include "support.h"

#include <linux/io_uring.h>

static void *poll_elsewhere(void *data)
{
	struct a10_ring *ring = data;

	ck_assert_int_eq(a10_ring_poll(ring, 0), -EPERM);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), -EPERM);
	ck_assert_int_eq(a10_ring_run(ring), -EPERM);
	ck_assert_int_eq(a10_ring_flush(ring), -EPERM);
	ck_assert_int_eq(a10_ring_destroy(ring, 0), -EPERM);
	return NULL;
}

TEST(the_version_is_that_of_the_header)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", A10_VERSION_MAJOR,
		 A10_VERSION_MINOR, A10_VERSION_PATCH);
	ck_assert_str_eq(a10_version(), text);
}

/* Not in the header of every system. */
#define NO_SQARRAY (1u << 16)

TEST(a_ring_of_defaults_is_the_fastest_safe_one)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring_info info;

	memset(&info, 0xff, sizeof(info));
	a10_ring_info(ring, &info);
	ck_assert_str_eq(info.backend, "kernel");
	ck_assert_uint_eq(info.submission_entries, 128);
	ck_assert_uint_eq(info.completion_entries, 512);
	ck_assert_uint_eq(info.direct_descriptors, 0);
	ck_assert_uint_eq(info.setup_flags & IORING_SETUP_SQPOLL, 0);
	ck_assert_uint_eq(info.setup_flags & IORING_SETUP_IOPOLL, 0);
	ck_assert_uint_eq(info.setup_flags & info.setup_dropped, 0);
	for (int i = 0; i < 3; i++) {
		const uint32_t flags[] = { IORING_SETUP_SUBMIT_ALL,
					   IORING_SETUP_TASKRUN_FLAG,
					   NO_SQARRAY };
		const uint32_t flag = flags[i];

		if ((info.setup_dropped & flag) == 0)
			ck_assert_uint_ne(info.setup_flags & flag, 0);
	}
	if ((info.setup_dropped & IORING_SETUP_DEFER_TASKRUN) == 0)
		ck_assert_uint_ne(info.setup_flags & IORING_SETUP_DEFER_TASKRUN,
				  0);
	if ((info.setup_dropped & IORING_SETUP_SINGLE_ISSUER) == 0)
		ck_assert_uint_ne(info.setup_flags & IORING_SETUP_SINGLE_ISSUER,
				  0);
	ck_assert_int_le(info.setup_error, 0);
	ck_assert(info.opcodes[0] & 1);
	ck_assert_uint_eq(info.overflows, 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
}

TEST(a_ring_that_does_not_defer_is_not_interrupted_either)
{
	const uint32_t flags =
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
	struct a10_config config = { .defer_task_run = A10_OFF };
	struct a10_ring *ring = ring_open(&config);
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	ck_assert_uint_eq(info.setup_flags & IORING_SETUP_DEFER_TASKRUN, 0);
	ck_assert_uint_eq((info.setup_flags | info.setup_dropped) & flags,
			  flags);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
}

TEST(destroying_none_is_fine)
{
	ck_assert_int_eq(a10_ring_destroy(NULL, 0), 0);
	ck_assert_int_eq(a10_ring_destroy(NULL, A10_FOREVER), 0);
	a10_sq_unref(NULL);
}

TEST(a_ring_never_used_is_destroyed)
{
	struct a10_config config = { .disabled = A10_ON,
				     .direct_descriptors = 8,
				     .registered_buffers = 8 };

	ring_close(ring_open(NULL));
	ring_close(ring_open(&config));
}

static void *close_elsewhere(void *data)
{
	ring_close(data);
	return NULL;
}

TEST(destroying_is_a_first_use_that_binds)
{
	thread_join(thread_start(close_elsewhere, ring_open(NULL)));
}

TEST(polling_nothing_gives_zero_after_the_time)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t before = a10_now();

	ck_assert_int_eq(a10_ring_poll(ring, A_MOMENT), 0);
	ck_assert_int_ge(a10_now() - before, A_MOMENT);
	before = a10_now();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	ck_assert_int_lt(a10_now() - before, A10_SECOND);
	ring_close(ring);
}

TEST(poll_says_how_many_were_delivered)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[10];
	int delivered = 0;

	ring_bind(ring);
	for (int i = 0; i < 10; i++)
		start(ring, a10_nop(), &seen[i]);
	ck_assert_uint_eq(a10_ring_pending(ring), 10);
	while (delivered < 10) {
		int n = a10_ring_poll(ring, PATIENCE);

		ck_assert_int_gt(n, 0);
		delivered += n;
	}
	ck_assert_int_eq(delivered, 10);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	ring_close(ring);
}

TEST(what_is_ready_at_once_comes_in_one_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[100];
	int ends[2];

	/* More than a deferred ring's kernel hands out in one call: twenty. */
	pipe_open(ends);
	for (int i = 0; i < 100; i++)
		start(ring, a10_poll(a10_fd_regular(ends[0]), POLLIN),
		      &seen[i]);
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 100);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(seen[i].last.value, POLLIN);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_disabled_ring_is_not_polled)
{
	struct a10_config config = { .disabled = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen;

	ck_assert_int_eq(a10_ring_poll(ring, 0), -EBADFD);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), -EBADFD);
	ck_assert_int_eq(a10_ring_run(ring), -EBADFD);
	ck_assert_int_eq(a10_ring_flush(ring), -EBADFD);
	/* What was submitted before waits for it. */
	start(ring, a10_nop(), &seen);
	ck_assert_int_eq(a10_ring_poll(ring, 0), -EBADFD);
	ck_assert_int_eq(a10_ring_enable(ring), 0);
	ck_assert_uint_eq(seen.count, 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_int_eq(a10_ring_enable(ring), -EBADFD);
	ring_close(ring);
}

TEST(a_ring_that_is_not_disabled_cannot_be_enabled)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(a10_ring_enable(ring), -EBADFD);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ck_assert_int_eq(a10_ring_enable(ring), -EBADFD);
	ring_close(ring);
}

static void *enable_and_poll(void *data)
{
	struct a10_ring *ring = data;

	ck_assert_int_eq(a10_ring_enable(ring), 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
	return NULL;
}

TEST(enabling_makes_the_owner)
{
	struct a10_config config = { .disabled = A10_ON };

	thread_join(thread_start(enable_and_poll, ring_open(&config)));
}

static void *use_and_close(void *data)
{
	struct a10_ring *ring = data;

	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
	return NULL;
}

TEST(the_thread_of_the_first_poll_is_the_owner_not_the_creator)
{
	thread_join(thread_start(use_and_close, ring_open(NULL)));
}

TEST(another_thread_than_the_owner_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;

	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	start(ring, a10_nop(), &seen);
	thread_join(thread_start(poll_elsewhere, ring));
	ck_assert_uint_eq(seen.count, 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ring_close(ring);
}

struct inside {
	struct a10_ring *ring;
	struct a10_scope scope;
	unsigned int calls;
};

static void on_inside(void *data, const struct a10_result *r)
{
	struct inside *inside = data;
	struct a10_ring *ring = inside->ring;
	struct a10_result result;

	ck_assert_ptr_eq(a10_ring_current(), ring);
	ck_assert_ptr_eq(r->sq, a10_ring_sq(ring));
	ck_assert_int_eq(a10_ring_poll(ring, 0), -EDEADLK);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), -EDEADLK);
	ck_assert_int_eq(a10_ring_run(ring), -EDEADLK);
	ck_assert_int_eq(a10_ring_destroy(ring, 0), -EDEADLK);
	ck_assert_int_eq(a10_await_on(r->sq, a10_nop(), &result), -EDEADLK);
	ck_assert_int_eq(result.value, -EDEADLK);
	ck_assert_int_eq(a10_scope_close(&inside->scope), -EDEADLK);
	inside->calls++;
}

TEST(what_waits_is_refused_in_a_callback)
{
	struct inside inside = { .ring = ring_open(NULL) };
	struct a10_sq *sq = a10_ring_sq(inside.ring);

	a10_scope_open(&inside.scope, sq, 0);
	ck_assert_ptr_null(a10_ring_current());
	ck_assert_int_gt(a10_submit(sq, a10_nop(), on_inside, &inside), 0);
	RUN_UNTIL(inside.ring, inside.calls == 1);
	ck_assert_ptr_null(a10_ring_current());
	ck_assert_int_eq(value_of(inside.ring, a10_nop()), 0);
	ring_close(inside.ring);
}

TEST(flush_starts_what_is_queued_and_delivers_nothing)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	int ends[2];
	char byte = 0;

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	start(ring, a10_send(a10_fd_regular(ends[1]), "x", 1, 0), &seen);
	ck_assert_int_eq(read(ends[0], &byte, 1), -1);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	WAIT_UNTIL(read(ends[0], &byte, 1) == 1);
	ck_assert_int_eq(byte, 'x');
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 1);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_uint_eq(seen.count, 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	pipe_close(ends);
	ring_close(ring);
}

TEST(pending_counts_what_is_not_over)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	int ends[2];

	pipe_open(ends);
	ring_bind(ring);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct a10_fd end = a10_fd_regular(ends[0]);

		start(ring, a10_poll(end, POLLIN), &seen[i]);
		ck_assert_uint_eq(a10_ring_pending(ring), i + 1);
	}
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 3);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), 0), 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 3);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, seen[0].ended && seen[1].ended && seen[2].ended);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	pipe_close(ends);
	ring_close(ring);
}

TEST(info_counts_the_calls_of_the_kernel)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring_info before;
	struct a10_ring_info after;
	struct seen seen[64];

	a10_ring_info(ring, &before);
	for (int i = 0; i < 64; i++)
		start(ring, a10_nop(), &seen[i]);
	RUN_UNTIL(ring, seen[63].ended == 1);
	a10_ring_info(ring, &after);
	ck_assert_uint_gt(after.enters, before.enters);
	/* They go in together: that is what a queue is for. */
	ck_assert_uint_lt(after.enters - before.enters, 8);
	ring_close(ring);
}

/* More results than the queue holds come all the same, and multishots go on. */
TEST(results_that_find_no_room_are_not_lost)
{
	struct a10_config config = { .submission_entries = 1,
				     .completion_entries = 2 };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen[200];
	int ends[2];

	pipe_open(ends);
	for (int i = 0; i < 200; i++) {
		struct a10_op op = a10_poll(a10_fd_regular(ends[0]), POLLIN);

		start(ring, i % 2 ? a10_multishot(op) : op, &seen[i]);
	}
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 200; i++)
		RUN_UNTIL(ring, seen[i].count > 0);
	for (int i = 0; i < 200; i++)
		ck_assert_uint_eq(seen[i].ended, i % 2 ? 0 : 1);
	ck_assert_int_eq(a10_cancel_all(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 200; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_thousand_rings_one_after_the_other)
{
	unsigned int count = test_scaled(1000);

	for (unsigned int i = 0; i < count; i++) {
		struct a10_ring *ring = ring_open(NULL);

		ck_assert_int_eq(value_of(ring, a10_nop()), 0);
		ring_close(ring);
	}
}

TEST(rings_are_used_side_by_side)
{
	struct a10_ring *rings[16];
	struct seen seen[16];

	for (int i = 0; i < 16; i++) {
		rings[i] = ring_open(NULL);
		start(rings[i], a10_nop(), &seen[i]);
	}
	for (int i = 15; i >= 0; i--) {
		RUN_UNTIL(rings[i], seen[i].ended == 1);
		ck_assert_ptr_eq(seen[i].last.sq, a10_ring_sq(rings[i]));
	}
	for (int i = 0; i < 16; i++)
		ring_close(rings[i]);
}
