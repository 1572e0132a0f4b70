/* The watchdog of tasks. */
#include "support.h"

#include <a10/task.h>
#include <signal.h>
#include <stdatomic.h>

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
