/* a10_timeout and a10_deadline: -ETIME, in time, and progress that counts. */
#include "blocked.h"

/* Ends soon, but not before. */
static void assert_in_time(int64_t before, int64_t ns)
{
	int64_t passed = a10_now() - before;

	ck_assert_int_ge(passed, ns);
	ck_assert_int_lt(passed, ns + PATIENCE);
}

static bool times_itself(int kind)
{
	return kind == BLOCKED_AFTER || kind == BLOCKED_AFTER_MULTISHOT ||
	       kind == BLOCKED_AT_BOOTTIME || kind == BLOCKED_AT_REALTIME;
}

static void test_kind(struct a10_ring *ring, const struct blocked *world,
		      int kind)
{
	const int64_t ns = 3 * A10_MILLISECOND;

	for (int way = 0; way < 3; way++) {
		struct a10_op op = blocked_op(world, kind);
		int64_t before = a10_now();
		struct seen seen;

		if (way != 1)
			op = a10_timeout(op, way == 0 ? ns : A10_FOREVER);
		if (way != 0)
			op = a10_deadline(op, before + ns);
		start(ring, op, &seen);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_uint_eq(seen.count, 1);
		ck_assert_msg(seen.last.value == -ETIME, "%s gives %zd",
			      blocked_names[kind], seen.last.value);
		ck_assert_uint_eq(seen.last.count, 0);
		ck_assert(!a10_fd_valid(seen.last.fd));
		ck_assert_ptr_null(seen.last.buf.data);
		assert_in_time(before, ns);
	}
}

TEST(every_kind_of_operation_is_given_up_in_time)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++)
		if (blocked_works(ring, kind) && !times_itself(kind))
			test_kind(ring, &world, kind);
	ck_assert_uint_eq(a10_pool_available(world.pool), 8);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}

TEST(timers_too_are_given_up_in_time)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++)
		if (times_itself(kind))
			test_kind(ring, &world, kind);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}

TEST(what_is_over_in_time_is_not_cut_short)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;
		char byte;

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(
			value_of(ring, a10_timeout(a10_nop(), PATIENCE)), 0);
		start(ring,
		      a10_deadline(a10_timeout(a10_recv(pair.ours, &byte, 1, 0),
					       PATIENCE),
				   a10_now() + PATIENCE),
		      &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 1);
		/* And its timer is gone with it. */
		ck_assert_int_eq(a10_ring_run(ring), 0);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(an_error_is_not_made_a_time_out)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd bad = a10_fd_regular(9999);
	char byte;

	ck_assert_int_eq(
		value_of(ring, a10_timeout(a10_read(bad, &byte, 1), PATIENCE)),
		-EBADF);
	ck_assert_int_eq(value_of(ring, a10_deadline(a10_read(bad, &byte, 1),
						     a10_now() + PATIENCE)),
			 -EBADF);
	ring_close(ring);
}

TEST(a_cancel_before_the_time_is_a_cancel)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte;
	a10_id id;

	pair_open(ring, false, &pair);
	id = start(ring,
		   a10_timeout(a10_recv(pair.ours, &byte, 1, 0),
			       A10_MILLISECOND),
		   &seen);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	/* The time passes before the ring is polled: the cancel was first. */
	nap(2 * A10_MILLISECOND);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_deadline_that_is_past_gives_up_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 3; i++) {
		int64_t at = i == 0 ? 0 : i == 1 ? -5 : a10_now();
		int64_t before = a10_now();

		start(ring, a10_deadline(a10_recv(pair.ours, &byte, 1, 0), at),
		      &seen);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ETIME);
		ck_assert_int_lt(a10_now() - before, A10_SECOND);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

/* "All": when no byte came or went for that long. */
TEST(progress_puts_off_the_time_out_but_not_the_deadline)
{
	struct a10_ring *ring = ring_open(NULL);
	const int64_t ns = 100 * A10_MILLISECOND;

	for (int deadline = 0; deadline < 2; deadline++) {
		struct seen seen;
		struct pair pair;
		char bytes[100];
		struct a10_op op;
		int64_t before = a10_now();

		pair_open(ring, false, &pair);
		op = a10_all(a10_recv(pair.ours, bytes, 100, 0));
		op = deadline ? a10_deadline(op, before + ns) :
				a10_timeout(op, ns);
		start(ring, op, &seen);
		for (int i = 0; i < 10 && seen.ended == 0; i++) {
			ck_assert_int_eq(write(pair.theirs, "0123456789", 10),
					 10);
			if (i < 9)
				run_for(ring, ns / 5);
		}
		RUN_UNTIL(ring, seen.ended == 1);
		if (deadline) {
			ck_assert_int_eq(seen.last.value, -ETIME);
			ck_assert_uint_gt(seen.last.count, 0);
			ck_assert_uint_lt(seen.last.count, 100);
			ck_assert_uint_eq(seen.last.count % 10, 0);
		} else {
			ck_assert_int_ge(a10_now() - before, 9 * ns / 5);
			ck_assert_int_eq(seen.last.value, 100);
		}
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(all_without_progress_is_given_up)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char bytes[100];
	int64_t before = a10_now();

	pair_open(ring, false, &pair);
	start(ring,
	      a10_timeout(a10_all(a10_recv(pair.ours, bytes, 100, 0)),
			  A_MOMENT),
	      &seen);
	run_for(ring, A_MOMENT / 2);
	ck_assert_int_eq(write(pair.theirs, "0123456789", 10), 10);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_ge(a10_now() - before, A_MOMENT + A_MOMENT / 2);
	ck_assert_int_eq(seen.last.value, -ETIME);
	ck_assert_uint_eq(seen.last.count, 10);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_multishot_is_given_up_when_no_result_comes)
{
	struct a10_ring *ring = ring_open(NULL);
	const int64_t ns = 100 * A10_MILLISECOND;

	for (int deadline = 0; deadline < 2; deadline++) {
		int64_t before = a10_now();
		struct a10_pool *pool;
		struct a10_op op;
		struct seen seen;
		struct pair pair;

		ck_assert_int_eq(a10_pool_create(ring, 16, 64, 0, &pool), 0);
		pair_open(ring, false, &pair);
		op = a10_multishot(a10_recv_pooled(pair.ours, pool, 0));
		op = deadline ? a10_deadline(op, before + ns) :
				a10_timeout(op, ns);
		start(ring, op, &seen);
		for (int i = 0; i < 8 && seen.ended == 0; i++) {
			ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
			run_for(ring, ns / 5);
		}
		ck_assert_uint_gt(seen.count, 2);
		ck_assert_uint_eq(seen.ended, deadline);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ETIME);
		for (unsigned int i = 0; i + 1 < seen.count; i++) {
			ck_assert_int_eq(seen.at[i].value, 1);
			a10_buf_release(seen.at[i].buf);
		}
		a10_pool_destroy(pool);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(many_time_outs_end_in_their_order)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct seen seen[500];
	struct pair pair;
	char byte;
	int64_t now = a10_now();

	pair_open(ring, false, &pair);
	for (int i = 0; i < 500; i++) {
		int64_t at = now + (i * 37 % 500) * A10_MILLISECOND / 10;

		start(ring, a10_deadline(a10_recv(pair.ours, &byte, 1, 0), at),
		      &seen[i]);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(seen[i].last.value, -ETIME);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_time_out_below_zero_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(refusal_of(ring, a10_timeout(a10_nop(), -1)), -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_timeout(a10_nop(), INT64_MIN)),
			 -EINVAL);
	ring_close(ring);
}

TEST(time_outs_are_counted_from_the_start_of_the_operation)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	start(ring, a10_timeout(a10_recv(pair.ours, &byte, 1, 0), A_MOMENT),
	      &seen);
	/* Not started: nobody polled. Then it has all of its time. */
	nap(2 * A_MOMENT);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_wait_for_a_scope_is_given_up_in_time)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen seen = { 0 };
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_int_gt(a10_scope_submit(&scope,
					  a10_recv(pair.ours, &byte, 1, 0),
					  on_seen, &seen),
			 0);
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_scope_wait(&scope),
						    A10_MILLISECOND)),
			 -ETIME);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_uint_eq(seen.ended, 1);
	pair_close(ring, &pair);
	ring_close(ring);
}
