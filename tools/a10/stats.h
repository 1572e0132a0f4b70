/*
 * stats.h - what a server has done: counted always, told on a page if that is
 * asked for. How long answers take is known only then.
 */
#ifndef STATS_H
#define STATS_H

#include "text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct a10_ring;
struct exchange;
struct server;

#define STATS_PATH "/.well-known/a10/stats"

enum {
	STATUS_FIRST = 200, /* of those that are counted */
	STATUS_LAST = 505,
	/* Four per power of two, from 1 us to 2^26 us, which is a minute. */
	HISTOGRAM_STEPS = 4,
	HISTOGRAM_BUCKETS = 26 * HISTOGRAM_STEPS,
};

/*
 * One thread counts, any may read: so no step of it needs a lock, and a sum over
 * several is not of one moment.
 */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(
		counter,
		atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Microseconds. Bucket n holds what is less than its limit; the last the rest */
struct histogram {
	_Atomic uint64_t count;
	_Atomic uint64_t sum;
	_Atomic uint64_t greatest;
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

struct stats {
	int64_t started_at;
	_Atomic uint64_t accepted;
	_Atomic uint64_t requests; /* answered, or broken off meanwhile */
	_Atomic uint64_t bytes_sent;
	_Atomic uint64_t idle_timeouts;
	_Atomic uint64_t request_timeouts;
	_Atomic uint64_t send_timeouts;
	_Atomic uint64_t ring_pending; /* as of a second ago or so */
	_Atomic uint64_t ring_enters;
	_Atomic uint64_t ring_overflows;
	_Atomic uint64_t statuses[STATUS_LAST - STATUS_FIRST + 1];
	struct histogram first_byte; /* from the last of the request ... */
	struct histogram last_byte;  /* ... to this one of the answer    */
};

void stats_init(struct stats *stats);

/* An answer is over. now: of server_clock. */
void stats_note(struct stats *stats, const struct exchange *exchange,
		int64_t now);

/* What only the ring's own thread can ask it. */
void stats_note_ring(struct stats *stats, const struct a10_ring *ring);

/* The page: of all servers, if there are several. */
void stats_add_json(struct text *text, struct server *server);

void histogram_note(struct histogram *histogram, uint64_t us);

/*
 * The limit of the bucket that the given part of all is in; 0 of nothing.
 * permille: 500 is the median.
 */
uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int permille);

/* Exclusive, in microseconds. */
uint64_t histogram_limit(unsigned int bucket);

#endif
