/*
 * sd_event - a ring in sd-event's loop: three ticks of the ring's, then it ends.
 *
 * The ring's descriptor is an I/O source; what it calls polls the ring, which
 * calls back.
 */
#include <a10.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

struct ticks {
	sd_event *event;
	int count;
};

static void on_tick(void *data, const struct a10_result *r)
{
	struct ticks *ticks = data;

	if (r->value < 0 || ticks->count == 3) {
		sd_event_exit(ticks->event, r->value < 0);
		return;
	}
	printf("tick %d\n", ++ticks->count);
	a10_submit(r->sq, a10_after(10 * A10_MILLISECOND), on_tick, ticks);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events,
		    void *data)
{
	struct a10_ring *ring = data;
	int n = a10_ring_poll(ring, 0);

	(void)source;
	(void)fd;
	(void)events;
	return n < 0 ? n : 0;
}

int main(void)
{
	struct ticks ticks = { NULL, 0 };
	struct a10_ring *ring;
	int err;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "sd_event: %s\n", a10_ring_reason());
		return 1;
	}
	err = sd_event_default(&ticks.event);
	if (err >= 0)
		err = sd_event_add_io(ticks.event, NULL, a10_ring_fd(ring),
				      EPOLLIN, on_ready, ring);
	if (err >= 0) {
		a10_submit(a10_ring_sq(ring), a10_nop(), on_tick, &ticks);
		a10_ring_flush(ring); /* before it sleeps for the first time */
		err = sd_event_loop(ticks.event);
	}
	sd_event_unref(ticks.event);
	return a10_ring_destroy(ring, A10_FOREVER) != 0 || err != 0;
}
