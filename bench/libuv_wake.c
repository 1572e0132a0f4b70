/* libuv_wake.c - uv_async_send. */
#include "wakes.h"

#include <uv.h>

struct sides {
	uv_loop_t loop;
	uv_async_t async;
	struct wakes *wakes;
};

static void wake(struct wakes *wakes)
{
	struct sides *side = wakes->side;

	(void)uv_async_send(&side->async);
}

static void on_async(uv_async_t *async)
{
	struct sides *side = container_of(async, struct sides, async);

	if (wakes_awake(side->wakes))
		uv_close((uv_handle_t *)async, NULL);
}

static int loop(struct wakes *wakes)
{
	struct sides *side = wakes->side;

	return uv_run(&side->loop, UV_RUN_DEFAULT);
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct wakes wakes = { .wake = wake, .loop = loop };
	static struct sides side;
	int err;

	uv_loop_init(&side.loop);
	uv_async_init(&side.loop, &side.async, on_async);
	side.wakes = &wakes;
	wakes.side = &side;
	err = wakes_run(&wakes, args, ret_sample);
	uv_loop_close(&side.loop);
	return err;
}

static const struct entrant entrant = {
	.family = "wake",
	.name = "libuv",
	.run = run,
};

BENCH_ENTRANT(entrant)
