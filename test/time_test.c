/* a10_now, a10_after and a10_at with each clock, once and periodic. */
#include "support.h"

static int64_t clock_read(clockid_t clock)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(clock, &now), 0);
	return now.tv_sec * A10_SECOND + now.tv_nsec;
}

TEST(now_is_the_monotonic_clock)
{
	int64_t before = clock_read(CLOCK_MONOTONIC);
	int64_t now = a10_now();
	int64_t after = clock_read(CLOCK_MONOTONIC);

	ck_assert_int_le(before, now);
	ck_assert_int_le(now, after);
}

static void on_time_told(void *data, const struct a10_result *r)
{
	int64_t now = a10_now();

	(void)r;
	ck_assert_int_le(now, clock_read(CLOCK_MONOTONIC));
	ck_assert_int_ge(now, *(int64_t *)data);
	*(int64_t *)data = now;
}

TEST(now_does_not_go_back_in_callbacks)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t last = a10_now();

	for (int i = 0; i < 100; i++) {
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_time_told, &last),
				 0);
		ck_assert_int_ge(a10_ring_poll(ring, A10_MILLISECOND / 10), 0);
		ck_assert_int_ge(a10_now(), last);
	}
	ring_close(ring);
}

TEST(after_is_over_after_that_time_and_not_before)
{
	struct a10_ring *ring = ring_open(NULL);
	static const int64_t times[] = { 1, 1000, A10_MILLISECOND, A_MOMENT };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t before = a10_now();

		ck_assert_int_eq(value_of(ring, a10_after(times[i])), 0);
		ck_assert_int_ge(a10_now() - before, times[i]);
	}
	ring_close(ring);
}

TEST(no_time_or_less_is_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	static const int64_t times[] = { 0, -1, INT64_MIN };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct seen seen;

		start(ring, a10_after(times[i]), &seen);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 1);
		ck_assert_uint_eq(seen.ended, 1);
		ck_assert_int_eq(seen.last.value, 0);
	}
	ring_close(ring);
}

TEST(for_ever_is_not_over_soon)
{
	struct a10_ring *ring = ring_open(NULL);
	static const int64_t times[] = { A10_FOREVER, A10_FOREVER - 1,
					 A10_SECOND * 3600 };
	struct seen seen[3];

	for (int i = 0; i < 3; i++)
		start(ring, a10_after(times[i]), &seen[i]);
	run_for(ring, A_MOMENT);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(seen[i].count, 0);
	ring_close(ring);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(seen[i].last.value, -ECANCELED);
}

struct due {
	int64_t at;
	int64_t *last;
	unsigned int *left;
};

static void on_due(void *data, const struct a10_result *r)
{
	struct due *due = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_int_ge(a10_now(), due->at);
	ck_assert_int_le(*due->last, due->at);
	*due->last = due->at;
	--*due->left;
}

TEST(timers_are_over_in_the_order_of_their_times)
{
	struct a10_ring *ring = ring_open(NULL);
	uint64_t random = test_seed();
	unsigned int left = 1000;
	static struct due due[1000];
	int64_t now = a10_now();
	int64_t last = 0;

	for (int i = 0; i < 1000; i++) {
		due[i].at = now + (int64_t)(test_random(&random) %
					    (200 * A10_MILLISECOND));
		due[i].last = &last;
		due[i].left = &left;
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
					    a10_at(CLOCK_MONOTONIC, due[i].at),
					    on_due, &due[i]),
				 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(left, 0);
	ring_close(ring);
}

TEST(at_is_over_when_its_clock_reads_that)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					    CLOCK_REALTIME };
	struct a10_ring *ring = ring_open(NULL);

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int64_t at = clock_read(clocks[i]) + A_MOMENT;
		struct seen seen;

		start(ring, a10_at(clocks[i], at), &seen);
		run_for(ring, A10_MILLISECOND);
		/* Unless this took longer. */
		if (clock_read(clocks[i]) < at)
			ck_assert_uint_eq(seen.count, 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 0);
		ck_assert_int_ge(clock_read(clocks[i]), at);
		/* What is past already is over at once. */
		ck_assert_int_eq(value_of(ring, a10_at(clocks[i], at)), 0);
		ck_assert_int_eq(value_of(ring, a10_at(clocks[i], 0)), 0);
	}
	ring_close(ring);
}

TEST(at_of_another_clock_is_einval)
{
	struct a10_ring *ring = ring_open(NULL);
	static const clockid_t clocks[] = { CLOCK_PROCESS_CPUTIME_ID,
					    CLOCK_THREAD_CPUTIME_ID, CLOCK_TAI,
					    99, -1 };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		ck_assert_int_eq(outcome_of(ring, a10_at(clocks[i], 1)),
				 -EINVAL);
	ring_close(ring);
}

TEST(at_is_cancelled_whatever_its_clock)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					    CLOCK_REALTIME };
	struct a10_ring *ring = ring_open(NULL);

	for (int i = 0; i < 6; i++) {
		int64_t at = clock_read(clocks[i / 2]) + 3600 * A10_SECOND;
		struct seen seen;
		a10_id id = start(ring, a10_at(clocks[i / 2], at), &seen);

		if (i % 2)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
	}
	ring_close(ring);
}

TEST(a_periodic_timer_ticks_until_it_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	const int64_t period = 5 * A10_MILLISECOND;
	int64_t before = a10_now();
	uint64_t periods = 0;
	struct seen seen;
	a10_id id = start(ring, a10_multishot(a10_after(period)), &seen);
	int64_t passed;

	RUN_UNTIL(ring, seen.count >= 10);
	passed = a10_now() - before;
	ck_assert_uint_eq(seen.ended, 0);
	for (unsigned int i = 0; i < seen.count; i++) {
		ck_assert_int_eq(seen.at[i].value, 0);
		ck_assert(seen.at[i].more);
		ck_assert_uint_ge(seen.at[i].count, 1);
		periods += seen.at[i].count;
	}
	/* They are counted, none twice, none left out, and they do not drift. */
	ck_assert_uint_le(periods, (uint64_t)(passed / period));
	ck_assert_uint_ge(periods + (uint64_t)(2 * test_slowed(1)),
			  (uint64_t)(passed / period));
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ring_close(ring);
}

TEST(a_late_program_is_told_how_many_periods_passed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	a10_id id = start(ring, a10_multishot(a10_after(2 * A10_MILLISECOND)),
			  &seen);
	unsigned int told;

	RUN_UNTIL(ring, seen.count >= 1);
	told = seen.count;
	nap(21 * A10_MILLISECOND);
	RUN_UNTIL(ring, seen.count > told);
	ck_assert_uint_ge(seen.at[told].count, 10);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.ended, 1);
	ring_close(ring);
}

/* Two rings, one clock: what one waits does not hold up the other. */
TEST(a_timer_does_not_keep_poll_from_results)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen timer;
	struct seen other;
	int64_t before;

	start(ring, a10_after(3600 * A10_SECOND), &timer);
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	before = a10_now();
	start(ring, a10_nop(), &other);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 1);
	ck_assert_int_lt(a10_now() - before, PATIENCE);
	ck_assert_uint_eq(other.ended, 1);
	ck_assert_uint_eq(timer.count, 0);
	ring_close(ring);
}

TEST(a_poll_ends_with_the_timer_before_its_own_time)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;

	start(ring, a10_after(A_MOMENT), &seen);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 1);
	ck_assert_uint_eq(seen.ended, 1);
	start(ring, a10_after(3 * A_MOMENT), &seen);
	ck_assert_int_eq(a10_ring_poll(ring, A_MOMENT), 0);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 1);
	ring_close(ring);
}

static void compute(void *data, const struct a10_result *r)
{
	int64_t *until = data;
	const int64_t begin = a10_now();

	while (a10_now() < begin + 5 * A10_MILLISECOND)
		continue;
	*until = a10_now() + 3 * A10_MILLISECOND;
	a10_submit(r->sq, a10_after(3 * A10_MILLISECOND), NULL, NULL);
}

/* The ring's clock stands still in a callback, and between two polls. */
TEST(a_timer_does_not_begin_before_it_is_submitted)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t until = 0;

	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring), a10_nop(), compute, &until), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_ge(a10_now(), until);
	nap(5 * A10_MILLISECOND);
	until = a10_now() + 3 * A10_MILLISECOND;
	ck_assert_int_eq(value_of(ring, a10_after(3 * A10_MILLISECOND)), 0);
	ck_assert_int_ge(a10_now(), until);
	ring_close(ring);
}

/* Each tick is progress. */
TEST(a_time_out_of_a_period_counts_from_the_last_tick)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	a10_id id;

	id = start(ring,
		   a10_timeout(a10_multishot(a10_after(A10_MILLISECOND)),
			       PATIENCE / 100),
		   &seen);
	run_for(ring, PATIENCE / 30);
	ck_assert_uint_eq(seen.ended, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ring_close(ring);
}
