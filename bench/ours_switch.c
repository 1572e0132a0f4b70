/* ours_switch.c - from one stack to another and back, by the library. */
#include "bench.h"

#include <stdlib.h>

#define STACK_SIZE ((size_t)64 << 10)

/* The library's own, which no public header shows. */
typedef void *context_place;

context_place context_make(void *high, void (*fn)(void *argument),
			   void *argument);
ssize_t context_switch(context_place *ret_from, context_place to,
		       ssize_t value);

static context_place here, there;

static void come_back(void *argument)
{
	(void)argument;
	for (;;)
		context_switch(&there, here, 0);
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS;
	char *stack = aligned_alloc(4096, STACK_SIZE);
	struct laps laps;

	there = context_make(stack + STACK_SIZE, come_back, NULL);
	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS; i++) {
		for (uint64_t j = 0; j < per_lap; j += 2)
			context_switch(&here, there, 0);
		laps_mark(&laps);
	}
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	free(stack);
	return 0;
}

static const struct entrant entrant = {
	.family = "switch",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
