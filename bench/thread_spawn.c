/* thread_spawn.c - a thread is started and waited for. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>

static void *nothing(void *data)
{
	return data;
}

/* A hundredth of the work: it is that much slower. */
static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS / 100 + 1;
	struct laps laps;

	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS; i++) {
		for (uint64_t j = 0; j < per_lap; j++) {
			pthread_t thread;

			if (pthread_create(&thread, NULL, nothing, NULL) != 0)
				return -EAGAIN;
			pthread_join(thread, NULL);
		}
		laps_mark(&laps);
	}
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	return 0;
}

static const struct entrant entrant = {
	.family = "spawn",
	.name = "thread",
	.run = run,
};

BENCH_ENTRANT(entrant)
