/* Threads that keep the owner of a ring busy, in any mode. */
#ifndef CREW_H
#define CREW_H

#include "modes.h"

#include <poll.h>

#define HANDS 3

struct crew;

struct hand {
	struct crew *crew;
	unsigned int number;
	unsigned int next; /* the owner's: whose result is due */
	uint64_t random;
};

/* What callbacks count is the owner's; others read it. */
struct crew {
	struct place place;
	struct a10_sq *sq;
	unsigned int count; /* of what each does */
	void (*body)(struct hand *hand);
	struct hand hands[HANDS];
	pthread_t threads[HANDS];
	int ends[2]; /* a pipe with nothing in it */
	a10_id old;  /* of an operation that is over */
	atomic_uint working;
	atomic_uint submitted;
	atomic_uint ended;
	atomic_uint cancelled;
	atomic_uint released;
};

static inline void *hand_body(void *data)
{
	struct hand *hand = data;

	hand->crew->body(hand);
	atomic_fetch_sub(&hand->crew->working, 1);
	ck_assert_int_eq(a10_sq_wake(hand->crew->sq), 0);
	return NULL;
}

static inline void crew_open(struct crew *crew, const struct mode *mode)
{
	memset(crew, 0, sizeof(*crew));
	place_make(&crew->place, mode);
	crew->sq = crew->place.sq;
	pipe_open(crew->ends);
}

/* They work while this thread is the owner, until all that they began is over. */
static inline void crew_work(struct crew *crew, unsigned int count,
			     void (*body)(struct hand *hand))
{
	const uint64_t seed = test_seed();

	crew->count = count;
	crew->body = body;
	atomic_store(&crew->working, HANDS);
	for (unsigned int i = 0; i < HANDS; i++) {
		crew->hands[i].crew = crew;
		crew->hands[i].number = i;
		crew->hands[i].next = 0;
		crew->hands[i].random = seed + i;
		crew->threads[i] = thread_start(hand_body, &crew->hands[i]);
	}
	PLACE_UNTIL(&crew->place, atomic_load(&crew->working) == 0);
	for (unsigned int i = 0; i < HANDS; i++)
		thread_join(crew->threads[i]);
	PLACE_UNTIL(&crew->place, a10_ring_pending(crew->place.ring) == 0);
}

static inline void crew_close(struct crew *crew)
{
	pipe_close(crew->ends);
	place_close(&crew->place);
}

/* It does not end by itself. */
static inline struct a10_op crew_waits(struct crew *crew)
{
	return is_busy_polled(&crew->place) ?
		       a10_after(A10_SECOND * 3600) :
		       a10_poll(a10_fd_regular(crew->ends[0]), POLLIN);
}

/* An a10_done of what is cancelled, perhaps. */
static inline void on_ended(void *data, const struct a10_result *r)
{
	struct crew *crew = data;

	atomic_fetch_add(&crew->ended, 1);
	if (r->value == -ECANCELED)
		atomic_fetch_add(&crew->cancelled, 1);
}

static inline a10_id crew_submit(struct crew *crew, struct a10_op op)
{
	const a10_id id = a10_submit(crew->sq, op, on_ended, crew);

	ck_assert_int_gt(id, 0);
	atomic_fetch_add(&crew->submitted, 1);
	return id;
}

#endif
