/* ours_spawn.c - a task is started and waited for, by the library. */
#include "bench.h"

#include <a10.h>

struct spawn {
	const struct work_args *args;
	struct sample *sample;
};

static int nothing(void *data)
{
	(void)data;
	return 0;
}

static int spawn_and_join(void *data)
{
	const struct spawn *spawn = data;
	const uint64_t per_lap = spawn->args->operations / LAPS;
	struct laps laps;
	a10_id id;

	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS; i++) {
		for (uint64_t j = 0; j < per_lap; j++) {
			id = a10_task_spawn(NULL, nothing, NULL, 0);
			if (a10_await(a10_task_join(id)) < 0)
				return -EIO;
		}
		laps_mark(&laps);
	}
	spawn->sample->value[0] = laps_figure(&laps, per_lap);
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct spawn spawn = { .args = args, .sample = ret_sample };

	return a10_run(NULL, spawn_and_join, &spawn);
}

static const struct entrant entrant = {
	.family = "spawn",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
