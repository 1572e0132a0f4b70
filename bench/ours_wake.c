/* ours_wake.c - a10_sq_wake ends a10_ring_poll. */
#include "wakes.h"

#include <a10.h>

static void wake(struct wakes *wakes)
{
	(void)a10_sq_wake(a10_ring_sq(wakes->side));
}

static int loop(struct wakes *wakes)
{
	int n;

	do {
		n = a10_ring_poll(wakes->side, A10_FOREVER);
	} while (n >= 0 && !wakes_awake(wakes));
	return n < 0 ? n : 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct wakes wakes = { .wake = wake, .loop = loop };
	struct a10_ring *ring;
	int err;

	err = a10_ring_create(NULL, &ring);
	if (err < 0)
		return err;
	wakes.side = ring;
	err = a10_ring_flush(ring);
	if (err == 0)
		err = wakes_run(&wakes, args, ret_sample);
	a10_ring_destroy(ring, A10_FOREVER);
	return err;
}

static const struct entrant entrant = {
	.family = "wake",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
