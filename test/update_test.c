/* Polls and timers that are under way are changed. */
#include "support.h"

static void test_poll(bool again)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	struct a10_op op;
	a10_id id;

	pair_open(ring, false, &pair);
	op = a10_poll(pair.ours, POLLIN);
	id = start(ring, again ? a10_multishot(op) : op, &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(value_of(ring, a10_poll_update(id, POLLOUT)), 0);
	RUN_UNTIL(ring, seen.count > 0);
	ck_assert_int_eq(seen.last.value, POLLOUT);
	if (again) {
		ck_assert_uint_eq(seen.ended, 0);
		ck_assert_int_eq(value_of(ring, a10_poll_update(id, POLLIN)),
				 0);
		ck_assert_int_eq(send(pair.theirs, "x", 1, 0), 1);
		RUN_UNTIL(ring, seen.last.value & POLLIN);
		ck_assert_uint_eq(seen.ended, 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	}
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(value_of(ring, a10_poll_update(id, POLLIN)), -ENOENT);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_poll_waits_for_other_events)
{
	test_poll(false);
	test_poll(true);
}

TEST(a_poll_that_has_not_begun_is_changed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen poll, update;
	struct pair pair;
	a10_id id;

	pair_open(ring, false, &pair);
	ring_bind(ring);
	id = start(ring, a10_poll(pair.ours, POLLIN), &poll);
	start(ring, a10_poll_update(id, POLLOUT), &update);
	RUN_UNTIL(ring, poll.ended && update.ended);
	ck_assert_int_eq(update.last.value, 0);
	ck_assert_int_eq(poll.last.value, POLLOUT);
	/* What is no poll is not changed. */
	id = start(ring, a10_recv(pair.ours, &poll, 1, 0), &poll);
	ck_assert_int_eq(value_of(ring, a10_poll_update(id, POLLOUT)), -ENOENT);
	ck_assert_int_eq(value_of(ring, a10_poll_update(0, POLLOUT)), -ENOENT);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_timer_is_over_sooner_or_later_than_it_was_to_be)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	int64_t begun;
	a10_id id = start(ring, a10_after(100 * A10_SECOND), &seen);

	ck_assert_int_eq(value_of(ring, a10_timer_update(id, A_MOMENT)), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 0);
	begun = a10_now();
	id = start(ring, a10_at(CLOCK_MONOTONIC, begun + A_MOMENT / 2), &seen);
	ck_assert_int_eq(
		value_of(ring, a10_timer_update(id, begun + 3 * A_MOMENT)), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_ge(a10_now() - begun, 3 * A_MOMENT);
	ck_assert_int_eq(value_of(ring, a10_timer_update(id, 1)), -ENOENT);
	ring_close(ring);
}

TEST(a_period_is_changed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	a10_id id =
		start(ring, a10_multishot(a10_after(100 * A10_SECOND)), &seen);

	ck_assert_int_eq(value_of(ring, a10_timer_update(id, 0)), -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_timer_update(id, A10_MILLISECOND)),
			 0);
	RUN_UNTIL(ring, seen.count >= 3);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ring_close(ring);
}

TEST(a_timer_of_a_clock_that_can_jump_is_changed)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_BOOTTIME };
	struct a10_ring *ring = ring_open(NULL);

	for (int i = 0; i < 4; i++) {
		struct timespec now;
		struct seen seen, update;
		int64_t at;
		a10_id id;

		ck_assert_int_eq(clock_gettime(clocks[i % 2], &now), 0);
		at = now.tv_sec * A10_SECOND + now.tv_nsec;
		id = start(ring, a10_at(clocks[i % 2], at + 100 * A10_SECOND),
			   &seen);
		if (i >= 2) /* the kernel has it by then */
			run_for(ring, A10_MILLISECOND);
		start(ring, a10_timer_update(id, at + A_MOMENT), &update);
		RUN_UNTIL(ring, seen.ended && update.ended);
		ck_assert_int_eq(update.last.value, 0);
		ck_assert_int_eq(seen.last.value, 0);
		ck_assert_int_eq(clock_gettime(clocks[i % 2], &now), 0);
		ck_assert_int_ge(now.tv_sec * A10_SECOND + now.tv_nsec,
				 at + A_MOMENT);
	}
	ring_close(ring);
}

struct stale {
	struct a10_ring *ring;
	struct seen seen;
	a10_id timer;
};

static void on_stale(void *data, const struct a10_result *r)
{
	struct stale *stale = data;

	(void)r;
	start(stale->ring, a10_timer_update(stale->timer, A10_SECOND),
	      &stale->seen);
}

/* Takes the block in which the timer's time was, and fills it. */
static void on_timer(void *data, const struct a10_result *r)
{
	struct stale *stale = data;
	char name[48];

	(void)r;
	memset(name, 0xff, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_gt(a10_submit(a10_ring_sq(stale->ring),
				    a10_unlinkat(A10_CWD, name, 0), NULL, NULL),
			 0);
}

TEST(a_timer_that_ends_before_its_update_is_read_is_not_there)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stale stale = { .ring = ring };
	struct timespec now;

	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
	stale.timer = a10_submit(a10_ring_sq(ring),
				 a10_at(CLOCK_REALTIME,
					now.tv_sec * A10_SECOND + now.tv_nsec +
						20 * A10_MILLISECOND),
				 on_timer, &stale);
	ck_assert_int_gt(stale.timer, 0);
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring), a10_nop(), on_stale, &stale), 0);
	ck_assert_int_ge(a10_ring_flush(ring), 0);
	nap(50 * A10_MILLISECOND);
	RUN_UNTIL(ring, stale.seen.ended);
	/* It is no time at all that the kernel must not find there. */
	ck_assert(stale.seen.last.value == -ENOENT ||
		  stale.seen.last.value == 0);
	ring_close(ring);
}
