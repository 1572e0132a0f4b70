/* ours_sleep.c - what a task takes that sleeps, its operations too. */
#include "bench.h"

#include <a10.h>

struct sleepers {
	const struct work_args *args;
	struct sample *sample;
};

static int sleep_for_ever(void *data)
{
	(void)data;
	return a10_sleep(A10_FOREVER);
}

static int hold(void *data)
{
	const struct sleepers *it = data;
	const double before = memory_used();
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	for (uint64_t i = 0; i < it->args->operations; i++) {
		if (a10_scope_spawn(&scope, sleep_for_ever, NULL, 0) < 0)
			break;
	}
	a10_sleep(A10_MILLISECOND);
	it->sample->value[0] =
		(memory_used() - before) / (double)it->args->operations;
	return a10_scope_close(&scope);
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct sleepers it = { .args = args, .sample = ret_sample };

	return a10_run(NULL, hold, &it);
}

static const struct entrant entrant = {
	.family = "sleep",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
