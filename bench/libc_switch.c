/* libc_switch.c - from one stack to another and back, by swapcontext. */
#include "bench.h"

#include <stdlib.h>
#include <ucontext.h>

#define STACK_SIZE ((size_t)64 << 10)

static ucontext_t here, there;

static void come_back(void)
{
	for (;;)
		swapcontext(&there, &here);
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS;
	char *stack = aligned_alloc(4096, STACK_SIZE);
	struct laps laps;

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_SIZE;
	makecontext(&there, come_back, 0);
	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS; i++) {
		for (uint64_t j = 0; j < per_lap; j += 2)
			swapcontext(&here, &there);
		laps_mark(&laps);
	}
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	free(stack);
	return 0;
}

static const struct entrant entrant = {
	.family = "switch",
	.name = "swapcontext",
	.run = run,
};

BENCH_ENTRANT(entrant)
