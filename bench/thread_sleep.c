/* thread_sleep.c - what a thread takes that sleeps; the kernel's part is not
 * counted. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *wait_at_the_gate(void *data)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return data;
}

/* A tenth of the work: a process has so many threads. */
static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t count = args->operations / 10;
	pthread_t *threads = calloc(count, sizeof(*threads));
	const double before = memory_used();
	uint64_t begun = 0;
	int err = threads ? 0 : -ENOMEM;

	pthread_mutex_lock(&gate);
	while (err == 0 && begun < count) {
		err = -pthread_create(&threads[begun], NULL, wait_at_the_gate,
				      NULL);
		begun += err == 0;
	}
	ret_sample->value[0] = (memory_used() - before) / (double)count;
	pthread_mutex_unlock(&gate);
	while (begun > 0)
		pthread_join(threads[--begun], NULL);
	free(threads);
	return err;
}

static const struct entrant entrant = {
	.family = "sleep",
	.name = "thread",
	.run = run,
};

BENCH_ENTRANT(entrant)
