/* ours_nop.c - NOPs by the library. */
#include "bench.h"

#include <a10.h>

#include <assert.h>

static void on_nop(void *data, const struct a10_result *result)
{
	uint64_t *finished = data;

	*finished += result->value == 0;
}

static int run_lap(struct a10_ring *ring, uint32_t batch, uint64_t operations)
{
	struct a10_sq *sq = a10_ring_sq(ring);
	uint64_t finished = 0;
	uint64_t started = 0;
	int n;

	while (finished < operations) {
		for (uint32_t i = 0; i < batch; i++)
			a10_submit(sq, a10_nop(), on_nop, &finished);
		started += batch;
		while (finished < started) {
			n = a10_ring_poll(ring, A10_FOREVER);
			if (n < 0)
				return n;
		}
	}
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS;
	struct a10_ring *ring;
	struct laps laps;
	int err;

	assert(per_lap % args->batch == 0);
	err = a10_ring_create(NULL, &ring);
	if (err < 0)
		return err;
	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS && err == 0; i++) {
		err = run_lap(ring, args->batch, per_lap);
		laps_mark(&laps);
	}
	a10_ring_destroy(ring, A10_FOREVER);
	if (err < 0)
		return err;
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	return 0;
}

static const struct entrant entrant = {
	.family = "nop",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
