/* The watchdog of tasks. */
#include "support.h"

#include <a10/process.h>
#include <a10/task.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic unsigned int told;
static _Atomic unsigned int frames;

static void hear(void *data, enum a10_log_level level, const char *text)
{
	(void)data;
	if (level == A10_LOG_WARNING && strstr(text, "task miner") != NULL)
		told++;
	if (strstr(text, "a10:   #") != NULL)
		frames++;
}

static int compute(void *data)
{
	const int64_t until = a10_now() + PATIENCE;

	a10_task_set_name("miner");
	while (told == *(unsigned int *)data && a10_now() < until)
		;
	ck_assert_uint_eq(told, *(unsigned int *)data + 1);
	/* One that waits in between is not told of. */
	for (int i = 0; i < 20; i++)
		a10_sleep(A10_MILLISECOND);
	return 0;
}

static int watch_and_compute(void *data)
{
	struct a10_ring *ring = a10_ring_current();
	unsigned int before = told;

	ck_assert_int_eq(a10_task_watch(ring, -1), -EINVAL);
	ck_assert_int_eq(a10_task_watch(ring, 10 * A10_MILLISECOND), 0);
	for (int i = 0; i < 2; i++, before++) {
		a10_id id =
			a10_task_spawn(NULL, compute, &before, sizeof(before));

		ck_assert_int_eq(a10_await(a10_task_join(id)), 0);
	}
	if (data)
		ck_assert_int_eq(a10_task_watch(ring, 0), 0);
	return 0;
}

TEST(a_task_that_computes_too_long_is_told_of_by_name)
{
	ring_close(ring_open(NULL));
	a10_set_log(hear, NULL);
	ck_assert_int_eq(a10_run(NULL, watch_and_compute, &told), 0);
	ck_assert_uint_gt(frames, 2);
	/* Or the end of the ring ends it. */
	ck_assert_int_eq(a10_run(NULL, watch_and_compute, NULL), 0);
}

static void on_urgent(int signal)
{
	(void)signal;
}

TEST(a_watchdog_leaves_a_programs_own_handler_alone)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(a10_task_watch(ring, A10_SECOND), -EPERM);
	ring_bind(ring);
	ck_assert(signal(SIGURG, on_urgent) == SIG_DFL);
	ck_assert_int_eq(a10_task_watch(ring, A10_SECOND), -EBUSY);
	ck_assert_int_eq(a10_task_watch(ring, 0), 0);
	ring_close(ring);
}

/* As long as it takes until somebody has asked where it is. */
static int compute_deaf(void *data)
{
	const int64_t until = a10_now() + PATIENCE;
	sigset_t *urgent = data, pending;

	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, urgent, NULL), 0);
	do {
		sigpending(&pending);
	} while (!sigismember(&pending, SIGURG) && a10_now() < until);
	ck_assert_int_eq(sigismember(&pending, SIGURG), 1);
	return 0;
}

static int compute_nothing(void *data)
{
	a10_task_set_name("miner");
	ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, data, NULL), 0);
	for (int i = 0; i < 20; i++)
		a10_sleep(A10_MILLISECOND);
	return 0;
}

static int compute_in_turn(void *data)
{
	a10_id id;

	ck_assert_int_eq(a10_task_watch(a10_ring_current(), A10_MILLISECOND),
			 0);
	id = a10_task_spawn(NULL, compute_deaf, data, 0);
	ck_assert_int_eq(a10_await(a10_task_join(id)), 0);
	id = a10_task_spawn(NULL, compute_nothing, data, 0);
	return (int)a10_await(a10_task_join(id));
}

TEST(a_task_is_not_told_of_for_what_another_has_computed)
{
	sigset_t urgent;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	a10_set_log(hear, NULL);
	ck_assert_int_eq(a10_run(NULL, compute_in_turn, &urgent), 0);
	ck_assert_uint_eq(told, 0);
}

static int wait_for_a_signal(void *data)
{
	struct a10_fd signals;
	sigset_t set;

	(void)data;
	ck_assert_int_eq(a10_task_watch(a10_ring_current(), A10_SECOND), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ck_assert_int_eq(a10_signals_open(&set, &signals), 0);
	a10_sleep(20 * A10_MILLISECOND); /* a thread begins with all blocked */
	ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
	ck_assert_int_eq(a10_await(a10_timeout(a10_signal_read(signals, NULL),
					       PATIENCE)),
			 SIGUSR1);
	return (int)a10_await(a10_close(signals));
}

TEST(a_watchdog_takes_no_signal_that_is_the_programs)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, wait_for_a_signal, NULL), 0);
}
