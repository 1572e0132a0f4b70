/*
 * glib - a ring in a GLib main loop: three ticks of the ring's, then the loop ends.
 *
 * The ring's descriptor is a source as any other; what it calls polls the ring,
 * which calls back. The last callback submits from there, which is started
 * before the loop sleeps.
 */
#include <a10.h>
#include <glib-unix.h>
#include <stdio.h>

struct ticks {
	GMainLoop *loop;
	int count;
};

static void on_tick(void *data, const struct a10_result *r)
{
	struct ticks *ticks = data;

	if (r->value < 0 || ticks->count == 3) {
		g_main_loop_quit(ticks->loop);
		return;
	}
	printf("tick %d\n", ++ticks->count);
	a10_submit(r->sq, a10_after(10 * A10_MILLISECOND), on_tick, ticks);
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data)
{
	struct a10_ring *ring = data;

	(void)fd;
	(void)condition;
	return a10_ring_poll(ring, 0) < 0 ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

int main(void)
{
	struct ticks ticks = { g_main_loop_new(NULL, FALSE), 0 };
	struct a10_ring *ring;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "glib: %s\n", a10_ring_reason());
		return 1;
	}
	g_unix_fd_add(a10_ring_fd(ring), G_IO_IN, on_ready, ring);
	a10_submit(a10_ring_sq(ring), a10_nop(), on_tick, &ticks);
	a10_ring_flush(ring); /* before the loop sleeps for the first time */
	g_main_loop_run(ticks.loop);
	g_main_loop_unref(ticks.loop);
	return a10_ring_destroy(ring, A10_FOREVER) != 0;
}
