/*
 * pushers.h - threads that push NOPs to a loop, each so many under way at most.
 *
 * An entrant says how one is pushed, and what the loop does until all are over: it
 * calls pusher_done for each.
 */
#ifndef PUSHERS_H
#define PUSHERS_H

#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>

#define PUSHERS_MAX 4

struct pushers;

struct pusher {
	struct pushers *all;
	pthread_t thread;
	uint64_t pushed;
	/* Of a cache line of its own: the loop writes it, the thread looks. */
	_Alignas(64) _Atomic uint64_t done;
};

struct pushers {
	const struct work_args *args;
	void *side; /* the entrant's */
	int (*push)(struct pushers *all, struct pusher *pusher);
	int (*loop)(struct pushers *all);
	uint64_t total;
	uint64_t over; /* the loop's */
	_Atomic int err;
	struct pusher pusher[PUSHERS_MAX];
};

static inline void pusher_done(struct pusher *pusher)
{
	atomic_store_explicit(
		&pusher->done,
		atomic_load_explicit(&pusher->done, memory_order_relaxed) + 1,
		memory_order_release);
	pusher->all->over++;
}

/* Runs it; time per operation. */
int pushers_run(struct pushers *all, struct sample *ret_sample);

#endif
