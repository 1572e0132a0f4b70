/*
 * libuv_submit.c - what libuv has for other threads: a queue under a mutex, and
 * uv_async_send. Nothing is submitted to the kernel; the loop only counts.
 */
#include "pushers.h"

#include <uv.h>

#define QUEUE_MAX 4096

struct sides {
	uv_loop_t loop;
	uv_async_t async;
	uv_mutex_t lock;
	struct pushers *all;
	struct pusher *queue[QUEUE_MAX];
	uint32_t count;
};

static int push(struct pushers *all, struct pusher *pusher)
{
	struct sides *side = all->side;

	uv_mutex_lock(&side->lock);
	side->queue[side->count++] = pusher;
	uv_mutex_unlock(&side->lock);
	return uv_async_send(&side->async);
}

static void on_async(uv_async_t *async)
{
	static struct pusher *taken[QUEUE_MAX];
	struct sides *side = container_of(async, struct sides, async);
	uint32_t count;

	uv_mutex_lock(&side->lock);
	count = side->count;
	for (uint32_t i = 0; i < count; i++)
		taken[i] = side->queue[i];
	side->count = 0;
	uv_mutex_unlock(&side->lock);
	for (uint32_t i = 0; i < count; i++)
		pusher_done(taken[i]);
	if (side->all->over == side->all->total)
		uv_close((uv_handle_t *)async, NULL);
}

static int loop(struct pushers *all)
{
	struct sides *side = all->side;

	return uv_run(&side->loop, UV_RUN_DEFAULT);
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct pushers all = { .args = args, .push = push, .loop = loop };
	static struct sides side;
	int err;

	uv_loop_init(&side.loop);
	uv_mutex_init(&side.lock);
	uv_async_init(&side.loop, &side.async, on_async);
	side.all = &all;
	all.side = &side;
	err = pushers_run(&all, ret_sample);
	uv_loop_close(&side.loop);
	return err;
}

static const struct entrant entrant = {
	.family = "submit",
	.name = "libuv",
	.run = run,
};

BENCH_ENTRANT(entrant)
