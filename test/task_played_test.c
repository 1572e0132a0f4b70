/*
 * Tasks where there is no ring of the kernel's: it is played, by one that does
 * all it is asked for at once, and whose clock goes on when there is nothing
 * else to do. So these run under emulation, too: scripts/check-aarch64.
 */
#include "support.h"

#include <fenv.h>

#include <a10/channel.h>
#include <a10/stream.h>
#include <a10/task.h>

#include "scripted.h"

static void play(a10_task_fn *fn, void *data)
{
	struct scripted *kernel = scripted_ring(NULL);

	kernel->start = scripted_all_succeed;
	ck_assert_int_gt(a10_task_spawn(kernel->sq, fn, data, 0), 0);
	ck_assert_int_eq(a10_ring_run(kernel->ring), 0);
	scripted_destroy(kernel);
}

/* ---- going from one to the other --------------------------------------------- */

static const int roundings[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
				 FE_TOWARDZERO };

/* Waits in each way there is; what lives across that is looked at behind. */
static int wait_in_turns(void *data)
{
	const int depth = (int)(intptr_t)data;
	double a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
	a10_id child;

	fesetround(roundings[depth % 4]);
	errno = depth;
	for (int i = 0; i < 20; i++) {
		a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7, h += 8;
		if (i % 2)
			ck_assert_int_eq(a10_yield(), 0);
		else
			ck_assert_int_eq(a10_await(a10_nop()), 0);
		ck_assert_int_eq(errno, depth);
		ck_assert_int_eq(fegetround(), roundings[depth % 4]);
	}
	ck_assert(a == 21 && b == 42 && c == 63 && d == 84);
	ck_assert(e == 105 && f == 126 && g == 147 && h == 168);
	if (depth > 0) {
		child = a10_task_spawn(NULL, wait_in_turns,
				       (void *)(intptr_t)(depth - 1), 0);
		ck_assert_int_eq(a10_await(a10_task_join(child)), depth - 1);
	}
	ck_assert_int_eq(errno, depth);
	ck_assert_int_eq(fegetround(), roundings[depth % 4]);
	return depth;
}

static int start_in_a_scope(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	for (intptr_t i = 0; i < 30; i++)
		ck_assert_int_gt(a10_scope_spawn(&scope, wait_in_turns,
						 (void *)i, 0),
				 0);
	*(ssize_t *)data = a10_await(a10_scope_wait(&scope));
	return 0;
}

TEST(tasks_keep_what_is_theirs_without_a_kernel)
{
	ssize_t value = 1;

	play(start_in_a_scope, &value);
	ck_assert_int_eq(value, 0);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
}

/* ---- time --------------------------------------------------------------------- */

struct sleeper {
	int64_t ns;
	unsigned int *awake;
};

static int sleep_and_count(void *data)
{
	const struct sleeper *sleeper = data;

	ck_assert_int_eq(a10_sleep(sleeper->ns), 0);
	/* They wake in the order of their times. */
	ck_assert_int_eq(sleeper->ns / A10_SECOND, ++*sleeper->awake);
	return 0;
}

static int start_sleepers(void *data)
{
	for (int i = 200; i > 0; i--) {
		const struct sleeper sleeper = { i * A10_SECOND, data };

		ck_assert_int_gt(a10_task_spawn(NULL, sleep_and_count, &sleeper,
						sizeof(sleeper)),
				 0);
	}
	return 0;
}

TEST(tasks_wake_in_the_order_of_their_times)
{
	unsigned int awake = 0;

	play(start_sleepers, &awake);
	ck_assert_uint_eq(awake, 200);
}

static int sleep_for_ever(void *data)
{
	*(int *)data = a10_sleep(A10_FOREVER);
	return *(int *)data;
}

static int fail_late(void *data)
{
	(void)data;
	ck_assert_int_eq(a10_sleep(A10_SECOND), 0);
	return -EIO;
}

static int end_by_an_error_and_in_time(void *data)
{
	struct a10_scope scope;
	int ended = 0;

	(void)data;
	a10_scope_open(&scope, NULL, A10_SCOPE_FAIL_FAST);
	a10_scope_spawn(&scope, sleep_for_ever, &ended, 0);
	a10_scope_spawn(&scope, fail_late, NULL, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), -EIO);
	ck_assert_int_eq(ended, -ECANCELED);
	a10_scope_open(&scope, NULL, 0);
	a10_scope_set_deadline(&scope, a10_now() + A10_SECOND);
	a10_scope_spawn(&scope, sleep_for_ever, &ended, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), -ETIME);
	ck_assert_int_eq(ended, -ETIME);
	return 0;
}

TEST(a_scope_ends_by_an_error_and_in_time_without_a_kernel)
{
	play(end_by_an_error_and_in_time, NULL);
}

/* ---- streams, channels ---------------------------------------------------------- */

static int take_ticks(void *data)
{
	struct a10_stream *stream =
		a10_stream_open(a10_multishot(a10_after(A10_SECOND)), 4);

	(void)data;
	ck_assert_ptr_nonnull(stream);
	for (int i = 0; i < 10; i++)
		ck_assert_int_ge(a10_await(a10_stream_next(stream)), 0);
	a10_stream_close(stream);
	return 0;
}

TEST(a_stream_of_a_timer_is_taken_without_a_kernel)
{
	play(take_ticks, NULL);
}

struct market {
	struct a10_channel *channel;
	struct a10_semaphore room;
	unsigned int sum;
};

static int bring(void *data)
{
	struct market *market = data;

	for (int i = 1; i <= 100; i++) {
		ck_assert_int_eq(
			a10_await(a10_semaphore_acquire(&market->room)), 0);
		ck_assert_int_eq(a10_await(a10_channel_send(market->channel, &i,
							    sizeof(i))),
				 1);
		a10_semaphore_release(&market->room);
	}
	return 0;
}

static int fetch(void *data)
{
	struct market *market = data;
	int item;

	while (a10_await(a10_channel_receive(market->channel, &item,
					     sizeof(item))) > 0)
		market->sum += (unsigned int)item;
	return 0;
}

static int hold_a_market(void *data)
{
	struct market market = { .channel = a10_channel_create(sizeof(int), 3,
							       NULL) };
	struct a10_scope all, bringers;

	ck_assert_ptr_nonnull(market.channel);
	a10_semaphore_init(&market.room, 2);
	a10_scope_open(&all, NULL, 0);
	a10_scope_open(&bringers, NULL, 0);
	for (int i = 0; i < 5; i++) {
		a10_scope_spawn(&bringers, bring, &market, 0);
		a10_scope_spawn(&all, fetch, &market, 0);
	}
	ck_assert_int_eq(a10_await(a10_scope_wait(&bringers)), 0);
	a10_channel_close(market.channel);
	ck_assert_int_eq(a10_await(a10_scope_wait(&all)), 0);
	a10_channel_unref(market.channel);
	a10_semaphore_finish(&market.room);
	*(unsigned int *)data = market.sum;
	return 0;
}

TEST(what_is_brought_is_fetched_without_a_kernel)
{
	unsigned int sum = 0;

	play(hold_a_market, &sum);
	ck_assert_uint_eq(sum, 5 * 5050);
}
