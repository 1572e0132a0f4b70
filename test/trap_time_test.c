/* Times on a clock that stands, jumps, and is the kernel's only. */
#include <errno.h>

#include "harness.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static char buf[10];

static int64_t clock_now(struct scripted *kernel)
{
	return atomic_load(&kernel->clock);
}

TEST(a_timeout_gives_etime_and_not_ecanceled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int64_t began = clock_now(kernel);

	a10_submit(kernel->sq, a10_timeout(a10_read(FD, buf, 1), 7000),
		   notes_take, &notes);
	while (notes.count == 0)
		ck_assert_int_ge(a10_ring_poll(kernel->ring, A10_FOREVER), 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIME);
	ck_assert_int_eq(clock_now(kernel), began + 7000);
	ck_assert_uint_eq(kernel->cancels, 1);
	scripted_destroy(kernel);
}

TEST(etimedout_is_tcps_and_passes_through)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel,
			a10_timeout(a10_recv(FD, buf, 1, 0), A10_SECOND),
			&notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV),
			-ETIMEDOUT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIMEDOUT);
	scripted_destroy(kernel);
}

TEST(a_late_success_after_the_time_is_a_success)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *read;

	scripted_submit(kernel, a10_timeout(a10_read(FD, buf, 1), A10_SECOND),
			&notes);
	read = scripted_next(kernel, URING_OP_READ);
	kernel->hold_cancels = true;
	scripted_pass(kernel, 2 * A10_SECOND);
	scripted_post(kernel, read, 1, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 1);
	scripted_destroy(kernel);
}

TEST(the_timeout_of_all_counts_from_the_last_progress)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(
		kernel,
		a10_all(a10_timeout(a10_recv(FD, buf, 10, 0), 10 * A10_SECOND)),
		&notes);
	for (int i = 0; i < 4; i++) {
		scripted_pass(kernel, 8 * A10_SECOND);
		scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), 1,
				0);
		ck_assert_uint_eq(notes.count, 0);
	}
	scripted_pass(kernel, 10 * A10_SECOND - 1);
	ck_assert_uint_eq(notes.count, 0);
	scripted_pass(kernel, 1);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIME);
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_destroy(kernel);
}

TEST(the_timeout_of_a_multishot_counts_from_the_last_result)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(
		kernel,
		a10_multishot(a10_timeout(a10_poll(FD, 1), 10 * A10_SECOND)),
		&notes);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	for (uint32_t i = 1; i <= 4; i++) {
		scripted_pass(kernel, 8 * A10_SECOND);
		scripted_answer(kernel, poll, 1, URING_CQE_F_MORE);
		ck_assert_uint_eq(notes.count, i);
		ck_assert(notes.at[i - 1].more);
	}
	scripted_pass(kernel, 10 * A10_SECOND);
	ck_assert_uint_eq(notes.count, 5);
	ck_assert_int_eq(notes.at[4].value, -ETIME);
	ck_assert(!notes.at[4].more);
	scripted_destroy(kernel);
}

TEST(a_deadline_counts_whatever_the_progress)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int64_t at = clock_now(kernel) + 10 * A10_SECOND;

	scripted_submit(kernel,
			a10_deadline(a10_all(a10_recv(FD, buf, 10, 0)), at),
			&notes);
	scripted_pass(kernel, 8 * A10_SECOND);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), 1, 0);
	scripted_pass(kernel, 2 * A10_SECOND - 1);
	ck_assert_uint_eq(notes.count, 0);
	scripted_pass(kernel, 1);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIME);
	ck_assert_uint_eq(notes.at[0].count, 1);
	scripted_destroy(kernel);
}

TEST(of_a_timeout_and_a_deadline_the_first_counts)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes first = { 0 }, second = { 0 };
	const int64_t now = clock_now(kernel);

	scripted_submit(kernel,
			a10_timeout(a10_deadline(a10_read(FD, buf, 1),
						 now + A10_SECOND),
				    3 * A10_SECOND),
			&first);
	scripted_submit(kernel,
			a10_timeout(a10_deadline(a10_read(FD, buf, 1),
						 now + 3 * A10_SECOND),
				    A10_SECOND),
			&second);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&first)->value, -ETIME);
	ck_assert_int_eq(notes_only(&second)->value, -ETIME);
	scripted_destroy(kernel);
}

TEST(of_a_cancel_and_a_time_the_first_is_the_reason)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes cancelled = { 0 }, late = { 0 };
	a10_id first, second;

	first = scripted_submit(
		kernel, a10_timeout(a10_read(FD, buf, 1), 2 * A10_SECOND),
		&cancelled);
	second = scripted_submit(
		kernel, a10_timeout(a10_read(FD, buf, 1), A10_SECOND), &late);
	scripted_cancel_answers(kernel, -EALREADY, 4);
	a10_cancel(kernel->sq, first);
	scripted_pass(kernel, A10_SECOND);
	a10_cancel(kernel->sq, second);
	for (int i = 0; i < 20; i++)
		scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&cancelled)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&late)->value, -ETIME);
	scripted_destroy(kernel);
}

TEST(a_deadline_in_the_past_is_etime)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_deadline(a10_read(FD, buf, 1), 1), &notes);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIME);
	scripted_destroy(kernel);
}

TEST(a_negative_timeout_is_einval)
{
	struct scripted *kernel = scripted_ring(NULL);

	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_timeout(a10_read(FD, buf, 1), -1),
				    notes_take, NULL),
			 -EINVAL);
	scripted_destroy(kernel);
}

TEST(a_clock_that_jumps_lets_everything_happen_once_and_in_order)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes timers[20] = { 0 };

	/* In an order of submission that is not that of their times. */
	for (int i = 0; i < 20; i++)
		scripted_submit(kernel,
				a10_after((i * 7 % 20 + 1) * A10_SECOND),
				&timers[i * 7 % 20]);
	scripted_pass(kernel, INT64_C(1000000) * A10_SECOND);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(notes_only(&timers[i])->value, 0);
		if (i > 0)
			ck_assert_uint_lt(timers[i - 1].order[0],
					  timers[i].order[0]);
	}
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(poll_sleeps_until_the_first_time_and_no_longer)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int64_t began = clock_now(kernel);

	scripted_submit(kernel, a10_after(5000), &notes);
	scripted_submit(kernel, a10_after(3000), &notes);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	ck_assert_int_eq(clock_now(kernel), began + 3000);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 1000), 0);
	ck_assert_int_eq(clock_now(kernel), began + 4000);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	ck_assert_int_eq(clock_now(kernel), began + 5000);
	ck_assert_uint_eq(notes.count, 2);
	scripted_destroy(kernel);
}

TEST(poll_without_time_does_not_sleep)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int64_t began = clock_now(kernel);

	scripted_submit(kernel, a10_after(A10_SECOND), &notes);
	scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 0);
	ck_assert_int_eq(clock_now(kernel), began);
	scripted_destroy(kernel);
}

TEST(a_time_that_is_over_already_is_over_at_the_next_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	a10_submit(kernel->sq, a10_after(0), notes_take, &notes);
	a10_submit(kernel->sq, a10_after(-5), notes_take, &notes);
	a10_submit(kernel->sq, a10_after(INT64_MIN), notes_take, &notes);
	a10_submit(kernel->sq, a10_at(CLOCK_MONOTONIC, 1), notes_take, &notes);
	ck_assert_uint_eq(notes.count, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_int_eq(notes.total, 0);
	scripted_destroy(kernel);
}

/* now + ns would wrap, and be over at once. */
TEST(times_beyond_the_end_of_the_clock_never_come)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_after(INT64_MAX), &notes);
	scripted_submit(kernel, a10_timeout(a10_read(FD, buf, 1), INT64_MAX),
			&notes);
	scripted_submit(kernel, a10_deadline(a10_read(FD, buf, 1), A10_FOREVER),
			&notes);
	scripted_pass(kernel, INT64_C(1000000000) * A10_SECOND);
	ck_assert_uint_eq(notes.count, 0);
	scripted_destroy(kernel);
}

TEST(a_repeated_timer_tells_the_periods_it_missed)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(
		kernel, a10_multishot(a10_after(A10_SECOND)), &notes);

	scripted_pass(kernel, A10_SECOND);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_uint_eq(notes.at[0].count, 1);
	/* Late by two periods and a half: counted, and the rhythm kept. */
	scripted_pass(kernel, 3 * A10_SECOND + A10_SECOND / 2);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_uint_eq(notes.at[1].count, 3);
	scripted_pass(kernel, A10_SECOND / 2);
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_uint_eq(notes.at[2].count, 1);
	ck_assert(notes.at[2].more);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_int_eq(notes.at[3].value, -ECANCELED);
	ck_assert(!notes.at[3].more);
	ck_assert_uint_eq(kernel->cancels, 0);
	scripted_destroy(kernel);
}

TEST(a_clock_that_can_jump_is_left_to_the_kernel)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *timeout;
	const struct uring_timespec *spec;

	scripted_submit(kernel, a10_at(CLOCK_REALTIME, 5 * A10_SECOND + 7),
			&notes);
	timeout = scripted_next(kernel, URING_OP_TIMEOUT);
	ck_assert_uint_eq(timeout->sqe.op_flags,
			  URING_TIMEOUT_ABS | URING_TIMEOUT_REALTIME);
	spec = (const void *)(uintptr_t)timeout->sqe.addr;
	ck_assert_int_eq(spec->tv_sec, 5);
	ck_assert_int_eq(spec->tv_nsec, 7);
	scripted_answer(kernel, timeout, -ETIME, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_clock_nobody_keeps_is_einval)
{
	struct scripted *kernel = scripted_ring(NULL);

	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_at(CLOCK_PROCESS_CPUTIME_ID, 1),
				    notes_take, NULL),
			 -EINVAL);
	scripted_destroy(kernel);
}

static void notes_clock(void *data, const struct a10_result *result)
{
	(void)result;
	*(int64_t *)data = a10_now();
}

TEST(a10_now_in_a_callback_is_the_rings_clock)
{
	struct scripted *kernel = scripted_ring(NULL);
	int64_t seen = 0;

	a10_submit(kernel->sq, a10_after(12345), notes_clock, &seen);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	ck_assert_int_eq(seen, clock_now(kernel));
	scripted_destroy(kernel);
}
