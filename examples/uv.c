/*
 * uv - a ring in a libuv loop: three ticks of the ring's, then the loop ends.
 *
 * The ring's descriptor is polled by a uv_poll_t; what that calls polls the ring,
 * which calls back.
 */
#include <a10.h>
#include <stdio.h>
#include <uv.h>

struct program {
	struct a10_ring *ring;
	uv_loop_t loop;
	uv_poll_t poll;
	int count;
};

static void on_tick(void *data, const struct a10_result *r)
{
	struct program *program = data;

	if (r->value < 0 || program->count == 3) {
		uv_close((uv_handle_t *)&program->poll, NULL);
		return;
	}
	printf("tick %d\n", ++program->count);
	a10_submit(r->sq, a10_after(10 * A10_MILLISECOND), on_tick, program);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct program *program = poll->data;

	(void)status;
	(void)events;
	if (a10_ring_poll(program->ring, 0) < 0)
		uv_stop(&program->loop);
}

int main(void)
{
	struct program program = { .count = 0 };
	struct a10_ring *ring;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "uv: %s\n", a10_ring_reason());
		return 1;
	}
	program.ring = ring;
	uv_loop_init(&program.loop);
	uv_poll_init(&program.loop, &program.poll, a10_ring_fd(ring));
	program.poll.data = &program;
	uv_poll_start(&program.poll, UV_READABLE, on_ready);
	a10_submit(a10_ring_sq(ring), a10_nop(), on_tick, &program);
	a10_ring_flush(ring); /* before the loop sleeps for the first time */
	uv_run(&program.loop, UV_RUN_DEFAULT);
	uv_loop_close(&program.loop);
	return a10_ring_destroy(ring, A10_FOREVER) != 0;
}
