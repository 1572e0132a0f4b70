/*
 * Helper threads end when there is nothing for them to do for long. Their time is
 * made shorter here: the wait for it is this program's own.
 */
#include "support.h"

#include <semaphore.h>

#define JOBS 8u

/* A fiftieth of the time that is left. The library's waits are of this clock. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			   const struct timespec *until)
{
	struct timespec now, sooner;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (until->tv_sec - now.tv_sec) * A10_SECOND + until->tv_nsec -
	       now.tv_nsec;
	left = now.tv_nsec + left / 50;
	sooner.tv_sec = now.tv_sec + left / A10_SECOND;
	sooner.tv_nsec = left % A10_SECOND;
	return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC,
				      &sooner);
}

static sem_t go;

static ssize_t wait_to_go(void *data)
{
	(void)data;
	while (sem_wait(&go) != 0)
		ck_assert_int_eq(errno, EINTR);
	return 1;
}

static unsigned int threads_of_process(void)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int count = 0;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void *nothing(void *data)
{
	return data;
}

TEST(threads_that_have_nothing_to_do_end)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[JOBS];
	unsigned int before;

	ring_bind(ring);
	/* A sanitizer may begin one of its own with the first. */
	thread_join(thread_start(nothing, NULL));
	before = threads_of_process();
	ck_assert_int_eq(sem_init(&go, 0, 0), 0);
	for (int again = 0; again < 2; again++) {
		for (unsigned int i = 0; i < JOBS; i++)
			start(ring, a10_work(wait_to_go, NULL), &seen[i]);
		RUN_UNTIL(ring, a10_work_threads() == JOBS);
		/* What has something to do stays, however long it takes. */
		nap(5 * A10_SECOND / 50 + A_MOMENT);
		ck_assert_uint_eq(a10_work_threads(), JOBS);
		for (unsigned int i = 1; i < JOBS; i++)
			ck_assert_int_eq(sem_post(&go), 0);
		/* Whichever is left. */
		WAIT_UNTIL(a10_work_threads() == 1);
		nap(A_MOMENT);
		ck_assert_uint_eq(a10_work_threads(), 1);
		ck_assert_int_eq(sem_post(&go), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		WAIT_UNTIL(a10_work_threads() == 0);
		WAIT_UNTIL(threads_of_process() <= before);
	}
	ring_close(ring);
}

/* One may not be back when the next job comes; but they are not one for each. */
TEST(threads_that_are_idle_are_used_again)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(sem_init(&go, 0, 30), 0);
	for (int i = 0; i < 30; i++) {
		ck_assert_int_eq(value_of(ring, a10_work(wait_to_go, NULL)), 1);
		nap(A10_MILLISECOND);
		ck_assert_uint_le(a10_work_threads(), 10);
	}
	ring_close(ring);
}
