/* wakes.c - the thread of the wake work. */
#include "wakes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

bool wakes_awake(struct wakes *wakes)
{
	const uint64_t now = clock_ns();
	const uint64_t woken_at = atomic_exchange(&wakes->woken_at, 0);
	const uint32_t seen = atomic_load(&wakes->seen);

	/* Awake for something else. */
	if (woken_at == 0)
		return seen == wakes->count;
	wakes->ns[seen] = now - woken_at;
	atomic_store(&wakes->seen, seen + 1);
	return seen + 1 == wakes->count;
}

static void *wake_all(void *data)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	struct wakes *wakes = data;

	for (uint32_t i = 0; i < wakes->count; i++) {
		/* So that it sleeps. */
		nanosleep(&pause, NULL);
		atomic_store(&wakes->woken_at, clock_ns());
		wakes->wake(wakes);
		while (atomic_load(&wakes->seen) == i)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static int compare_ns(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

int wakes_run(struct wakes *wakes, const struct work_args *args,
	      struct sample *ret_sample)
{
	uint32_t p50, p99;
	pthread_t thread;
	int err;

	process_unpin();
	wakes->count = (uint32_t)args->operations;
	wakes->ns = calloc(wakes->count, sizeof(*wakes->ns));
	if (!wakes->ns || wakes->count == 0)
		return -ENOMEM;
	if (pthread_create(&thread, NULL, wake_all, wakes) != 0)
		return -EAGAIN;
	err = wakes->loop(wakes);
	if (err < 0)
		return err; /* the process ends with it */
	pthread_join(thread, NULL);
	qsort(wakes->ns, wakes->count, sizeof(*wakes->ns), compare_ns);
	p50 = wakes->count / 2;
	p99 = wakes->count - 1 - wakes->count / 100;
	ret_sample->value[0] = (double)wakes->ns[p50];
	ret_sample->value[1] = (double)wakes->ns[p99];
	free(wakes->ns);
	return 0;
}
