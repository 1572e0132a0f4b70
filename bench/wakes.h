/*
 * wakes.h - a thread that wakes a loop, and how long that takes: from before the
 * call until the loop is awake.
 */
#ifndef WAKES_H
#define WAKES_H

#include "bench.h"

#include <stdatomic.h>

struct wakes {
	void *side; /* the entrant's */
	/* The thread's: called when the loop sleeps, or is about to. */
	void (*wake)(struct wakes *wakes);
	/* The loop: calls wakes_awake whenever it is; ends when that is true. */
	int (*loop)(struct wakes *wakes);
	_Atomic uint64_t woken_at;
	_Atomic uint32_t seen;
	uint32_t count;
	uint64_t *ns;
};

/* true: that was the last. */
bool wakes_awake(struct wakes *wakes);

/* p50 and p99 of args->operations wakes. */
int wakes_run(struct wakes *wakes, const struct work_args *args,
	      struct sample *ret_sample);

#endif
