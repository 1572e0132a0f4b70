/*
 * relay.h - one client of a10 proxy, and its connection to the target.
 *
 * Three tasks: one connects and closes, and has a scope with one for each
 * direction. A direction that comes to its end shuts the other side for it and
 * only watches then, the other goes on; one that fails ends the other. The scope's
 * deadline is pushed on by every byte, so it is the time without one.
 *
 * A socket says only once that it was reset: if a send hears of it, what is
 * received ends like any other afterwards, so the send notes it for that.
 */
#ifndef RELAY_H
#define RELAY_H

#include "proxy.h"

struct relay {
	struct proxy *proxy;
	struct a10_fd client;
	struct a10_fd target;
	bool broken;       /* a side takes nothing any more */
	struct a10_fd cut; /* the side that was reset while it was sent to */
	int over;          /* directions that are           */
	a10_id watcher;    /* the task of the first of them */
	struct a10_scope directions;
};

/*
 * A task; data is a struct relay with its proxy and its client, a socket that
 * does not block, which it closes whatever happens. Always 0.
 */
int relay_run(void *data);

#endif
