/*
 * Threads of the process that do what blocks. Any thread may call these but where
 * it says otherwise.
 */
#ifndef WORK_HELPERS_H
#define WORK_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

/* Which thread a job is for. */
enum helper {
	HELPER_SHARED, /* one of a bounded number */
	HELPER_ALONE, /* its own: it may wait for ever, and must hold up none */
	HELPER_STAYS, /* the one that lasts as long as the process */
};

struct helper_pool;

/* Embedded in what is to be done; nobody's but the helpers' from submit on. */
struct job {
	struct job *next;
	struct job *prev;
	struct helper_pool *pool; /* where it is queued; NULL: it is begun */
	/* On a helper, once, with no lock held: then job is the caller's. */
	void (*run)(struct job *job);
};

/* 0, or -EAGAIN: there is no thread, and none can be made. */
int helpers_submit(struct job *job, enum helper helper);

/* true: it will not be run, and is the caller's again. */
bool helpers_withdraw(struct job *job);

#endif
