/* Waking, stopping and running, from threads and from signal handlers. */
#include "ping.h"
#include "support.h"

#include <linux/io_uring.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

static struct a10_sq *for_signals;
static volatile sig_atomic_t signals;

static void on_signal_wake(int number)
{
	(void)number;
	signals++;
	(void)a10_sq_wake(for_signals);
}

static void on_signal_stop(int number)
{
	(void)number;
	signals++;
	(void)a10_sq_stop(for_signals);
}

static void on_signal_nothing(int number)
{
	(void)number;
	signals++;
}

/* One SIGALRM after ns, and then every ns if it is said again. */
static void alarm_in(void (*handler)(int), int64_t ns, bool again)
{
	struct sigaction action = { .sa_handler = handler };
	struct itimerval timer = {
		.it_value = { .tv_usec = ns / 1000 },
		.it_interval = { .tv_usec = again ? ns / 1000 : 0 },
	};

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

struct later {
	struct a10_sq *sq;
	int (*call)(struct a10_sq *sq);
	int64_t ns;
};

static void *call_later(void *data)
{
	struct later *later = data;

	nap(later->ns);
	ck_assert_int_eq(later->call(later->sq), 0);
	return NULL;
}

TEST(a_wake_ends_a_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	struct later later = { a10_ring_sq(ring), a10_sq_wake, A_MOMENT };
	pthread_t thread = thread_start(call_later, &later);
	int64_t before = a10_now();

	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	ck_assert_int_lt(a10_now() - before, PATIENCE);
	thread_join(thread);
	ring_close(ring);
}

TEST(a_wake_before_the_poll_is_not_lost)
{
	struct a10_ring *ring = ring_open(NULL);

	/* Before it is bound, and after. */
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(a10_sq_wake(a10_ring_sq(ring)), 0);
		ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	}
	ring_close(ring);
}

TEST(many_wakes_are_one)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t before;

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(a10_sq_wake(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	before = a10_now();
	ck_assert_int_eq(a10_ring_poll(ring, A_MOMENT), 0);
	ck_assert_int_ge(a10_now() - before, A_MOMENT);
	ring_close(ring);
}

TEST(a_wake_is_no_result)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;

	ring_bind(ring);
	start(ring, a10_nop(), &seen);
	ck_assert_int_eq(a10_sq_wake(a10_ring_sq(ring)), 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
}

static void on_done_wake(void *data, const struct a10_result *r)
{
	on_seen(data, r);
	ck_assert_int_eq(a10_sq_wake(r->sq), 0);
}

TEST(a_wake_in_a_callback_ends_the_next_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen = { 0 };

	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(), on_done_wake,
				    &seen),
			 0);
	while (seen.count == 0)
		ck_assert_int_ge(a10_ring_poll(ring, PATIENCE), 0);
	/* Of this poll, if it looked for more; or else of the next. */
	ck_assert_int_eq(a10_sq_wake(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	ring_close(ring);
}

TEST(a_signal_handler_wakes)
{
	struct a10_ring *ring = ring_open(NULL);

	for_signals = a10_ring_sq(ring);
	alarm_in(on_signal_wake, A_MOMENT, false);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	ck_assert_int_eq(signals, 1);
	ring_close(ring);
}

TEST(a_signal_handler_wakes_between_polls)
{
	struct a10_ring *ring = ring_open(NULL);

	for_signals = a10_ring_sq(ring);
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	alarm_in(on_signal_wake, A10_MILLISECOND, false);
	while (signals == 0)
		nap(A10_MILLISECOND);
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	ring_close(ring);
}

TEST(a_signal_that_does_not_wake_ends_no_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t before = a10_now();

	alarm_in(on_signal_nothing, 5 * A10_MILLISECOND, true);
	ck_assert_int_eq(a10_ring_poll(ring, 5 * A_MOMENT), 0);
	ck_assert_int_ge(a10_now() - before, 5 * A_MOMENT);
	alarm_in(on_signal_nothing, 0, false);
	ck_assert_int_ge(signals, 2);
	ring_close(ring);
}

TEST(signals_disturb_no_operation)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	char bytes[16];

	pair_open(ring, false, &pair);
	alarm_in(on_signal_nothing, A10_MILLISECOND, true);
	for (int i = 0; i < 20; i++) {
		struct seen seen;

		start(ring, a10_recv(pair.ours, bytes, sizeof(bytes), 0),
		      &seen);
		run_for(ring, 3 * A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 1);
		ck_assert_int_eq(value_of(ring, a10_forced_async(a10_nop())),
				 0);
	}
	alarm_in(on_signal_nothing, 0, false);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(run_ends_when_nothing_is_under_way)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[10];

	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 10; i++)
		start(ring, a10_after(i * A10_MILLISECOND), &seen[i]);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	ring_close(ring);
}

static void on_done_again(void *data, const struct a10_result *r)
{
	unsigned int *left = data;

	if (--*left > 0)
		ck_assert_int_gt(
			a10_submit(r->sq, a10_nop(), on_done_again, left), 0);
}

TEST(run_goes_on_with_what_callbacks_submit)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int left = 1000;

	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(), on_done_again,
				    &left),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(left, 0);
	ring_close(ring);
}

TEST(a_wake_does_not_end_a_run)
{
	struct a10_ring *ring = ring_open(NULL);
	struct later later = { a10_ring_sq(ring), a10_sq_wake, A_MOMENT / 4 };
	pthread_t thread = thread_start(call_later, &later);
	struct seen seen;

	start(ring, a10_after(A_MOMENT), &seen);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.ended, 1);
	thread_join(thread);
	ring_close(ring);
}

TEST(stop_ends_a_run_from_another_thread)
{
	struct a10_ring *ring = ring_open(NULL);
	struct later later = { a10_ring_sq(ring), a10_sq_stop, A_MOMENT };
	pthread_t thread = thread_start(call_later, &later);
	struct seen seen;

	start(ring, a10_after(A10_SECOND * 3600), &seen);
	ck_assert_int_eq(a10_ring_run(ring), 1);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 1);
	thread_join(thread);
	/* It is over with that: the next run is not stopped. */
	ck_assert_int_eq(a10_cancel_all(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.ended, 1);
	ring_close(ring);
}

TEST(stop_ends_a_run_from_a_signal_handler)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;

	for_signals = a10_ring_sq(ring);
	start(ring, a10_after(A10_SECOND * 3600), &seen);
	alarm_in(on_signal_stop, A_MOMENT, false);
	ck_assert_int_eq(a10_ring_run(ring), 1);
	ck_assert_int_eq(signals, 1);
	ring_close(ring);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
}

TEST(stop_before_a_run_is_not_lost)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;

	start(ring, a10_after(A10_SECOND * 3600), &seen);
	ck_assert_int_eq(a10_sq_stop(a10_ring_sq(ring)), 0);
	ck_assert_int_eq(a10_ring_run(ring), 1);
	ring_close(ring);
}

static void on_done_stop(void *data, const struct a10_result *r)
{
	on_seen(data, r);
	ck_assert_int_eq(a10_sq_stop(r->sq), 0);
}

TEST(stop_ends_a_run_from_a_callback)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen stopping = { 0 };
	struct seen seen;

	start(ring, a10_after(A10_SECOND * 3600), &seen);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(), on_done_stop,
				    &stopping),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 1);
	ck_assert_uint_eq(stopping.ended, 1);
	ring_close(ring);
}

TEST(no_wake_is_lost_in_a_race)
{
	struct a10_ring *ring = ring_open(NULL);
	struct ping work = { .sq = a10_ring_sq(ring),
			     .rounds = test_scaled(2000) };
	pthread_t thread = thread_start(ping, &work);
	int64_t until = a10_now() + 2 * PATIENCE;

	while (atomic_load(&work.answered) < work.rounds) {
		/* A wake that got lost shows as a poll of that length. */
		ck_assert_int_ge(a10_ring_poll(ring, PATIENCE), 0);
		atomic_store(&work.answered, atomic_load(&work.asked));
		ck_assert_int_lt(a10_now(), until);
	}
	thread_join(thread);
	ring_close(ring);
}

static int64_t time_of_thread(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
	return now.tv_sec * A10_SECOND + now.tv_nsec;
}

/* It watches the eventfd itself, which nobody else reads. */
TEST(a_busy_polled_ring_rests_after_it_was_woken)
{
	struct a10_config config = { .iopoll = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct later later = { a10_ring_sq(ring), a10_sq_wake, A_MOMENT };
	pthread_t thread = thread_start(call_later, &later);
	int64_t begin;

	ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 0);
	thread_join(thread);
	begin = time_of_thread();
	ck_assert_int_eq(a10_ring_poll(ring, 5 * A_MOMENT), 0);
	ck_assert_int_lt(time_of_thread() - begin, A_MOMENT / 4);
	ring_close(ring);
}

static void *wake_later(void *data)
{
	nap(A_MOMENT);
	ck_assert_int_eq(a10_sq_wake(data), 0);
	return NULL;
}

/* A request that cancels all hits the library's own poll too. */
TEST(what_ends_the_poll_that_wakes_the_owner_does_not_end_waking)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL,
		.fd = -1,
		.cancel_flags =
			IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
	};
	pthread_t thread;
	int64_t begin;

	ck_assert_int_eq(value_of(ring, a10_raw(&sqe)), 1);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	for (int i = 0; i < 2; i++) {
		thread = thread_start(wake_later, a10_ring_sq(ring));
		begin = a10_now();
		ck_assert_int_eq(a10_ring_poll(ring, 2 * PATIENCE), 0);
		ck_assert_int_lt(a10_now() - begin, PATIENCE);
		thread_join(thread);
	}
	ring_close(ring);
}
