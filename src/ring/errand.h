/* What a helper thread does for a slot, and how it comes back. */
#ifndef RING_ERRAND_H
#define RING_ERRAND_H

#include <a10/net.h>
#include <a10/work.h>

#include "uapi/io_uring.h"
#include "work/halt.h"
#include "work/helpers.h"

struct a10_sq;

enum errand_kind {
	ERRAND_WORK,    /* fn(data) */
	ERRAND_RESOLVE, /* text */
	ERRAND_CALL,    /* request, by system call */
};

struct errand {
	struct job job;
	struct errand *next; /* in sq.errands */
	struct a10_sq *sq;   /* kept while a helper has it: errand_join */
	uint64_t id;         /* of its slot, or stale: then nobody wants it */
	enum errand_kind kind;
	a10_work_fn *fn;
	void *data; /* of a call: what its slot has as output */
	struct uring_sqe request;
	struct halt halt; /* of a call */
	int64_t value;
	struct a10_address *found; /* of a name; as many as value, or most */
	size_t most;
	char text[]; /* a name and a port */
};

/* On a helper: text into found; how many there are, or -errno. */
int64_t errand_resolve(struct errand *errand);

#endif
