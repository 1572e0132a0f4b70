/* ours_submit.c - NOPs from other threads, by the library. */
#include "pushers.h"

#include <a10.h>

static void on_nop(void *data, const struct a10_result *result)
{
	(void)result;
	pusher_done(data);
}

static int push(struct pushers *all, struct pusher *pusher)
{
	const a10_id id =
		a10_submit(a10_ring_sq(all->side), a10_nop(), on_nop, pusher);

	return id < 0 ? (int)id : 0;
}

static int loop(struct pushers *all)
{
	int n = 0;

	while (all->over < all->total && n >= 0)
		n = a10_ring_poll(all->side, A10_FOREVER);
	return n < 0 ? n : 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct pushers all = { .args = args, .push = push, .loop = loop };
	struct a10_ring *ring;
	int err;

	err = a10_ring_create(NULL, &ring);
	if (err < 0)
		return err;
	all.side = ring;
	err = a10_ring_flush(ring);
	if (err == 0)
		err = pushers_run(&all, ret_sample);
	a10_ring_destroy(ring, A10_FOREVER);
	return err;
}

static const struct entrant entrant = {
	.family = "submit",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
