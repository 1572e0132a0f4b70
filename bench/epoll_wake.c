/* epoll_wake.c - an eventfd that epoll watches. */
#include "wakes.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sides {
	int epoll;
	int event;
};

static void wake(struct wakes *wakes)
{
	const struct sides *side = wakes->side;
	const uint64_t one = 1;
	const ssize_t n = write(side->event, &one, sizeof(one));

	(void)n;
}

static int loop(struct wakes *wakes)
{
	const struct sides *side = wakes->side;
	struct epoll_event event;
	uint64_t count;

	do {
		if (epoll_wait(side->epoll, &event, 1, -1) < 0 ||
		    read(side->event, &count, sizeof(count)) < 0)
			return -errno;
	} while (!wakes_awake(wakes));
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct sides side = { epoll_create1(EPOLL_CLOEXEC),
			      eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct wakes wakes = { .side = &side, .wake = wake, .loop = loop };
	int err = 0;

	if (side.epoll < 0 || side.event < 0 ||
	    epoll_ctl(side.epoll, EPOLL_CTL_ADD, side.event, &event) < 0)
		err = -errno;
	if (err == 0)
		err = wakes_run(&wakes, args, ret_sample);
	close(side.epoll);
	close(side.event);
	return err;
}

static const struct entrant entrant = {
	.family = "wake",
	.name = "epoll",
	.run = run,
};

BENCH_ENTRANT(entrant)
