/*
 * stats.h - what a server has done: counted always, told on a page if that is
 * asked for. How long answers take is known only then.
 */
#ifndef STATS_H
#define STATS_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

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

/* Microseconds. Bucket n holds what is less than its limit; the last the rest */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t greatest;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

struct stats {
	int64_t started_at;
	uint64_t accepted;
	uint64_t requests; /* answered, or broken off while that went on */
	uint64_t bytes_sent;
	uint64_t idle_timeouts;
	uint64_t request_timeouts;
	uint64_t send_timeouts;
	uint64_t statuses[STATUS_LAST - STATUS_FIRST + 1];
	struct histogram first_byte; /* from the last of the request ... */
	struct histogram last_byte;  /* ... to this one of the answer    */
};

void stats_init(struct stats *stats);

/* An answer is over. now: of server_clock. */
void stats_note(struct stats *stats, const struct exchange *exchange,
		int64_t now);

/* The page. */
void stats_add_json(struct text *text, const struct server *server);

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
