/*
 * proxy.h - what the connections of one a10 proxy share. All of it belongs to
 * the thread of its ring.
 */
#ifndef PROXY_H
#define PROXY_H

#include "pipes.h"

#include <a10.h>

struct proxy_settings {
	const char *target; /* where all connections go */
	uint32_t connections_max;
	int64_t connect_timeout_ns;
	int64_t idle_timeout_ns; /* 0: none */
	int64_t stop_timeout_ns;
};

/* Of connections, and of bytes. */
struct proxy_counts {
	uint64_t accepted;
	uint64_t now;
	uint64_t failed; /* the target did not take them        */
	uint64_t broken; /* one side was reset                  */
	uint64_t idle;   /* nothing came or went for too long   */
	uint64_t to_target;
	uint64_t from_target;
};

struct proxy {
	struct proxy_settings settings;
	struct proxy_counts counts;
	struct pipes pipes;
	int trouble; /* what was told of the target, -errno, or 0: nothing */
};

#endif
