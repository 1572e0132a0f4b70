/*
 * An owner that is away: it binds its ring, does something else until it is told,
 * then runs it to its end. What comes of what others submit is counted.
 */
#ifndef AWAY_H
#define AWAY_H

#include "support.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

struct owner {
	struct a10_ring *ring;
	struct a10_sq *sq;
	pthread_t thread;
	sem_t bound;
	sem_t go;
	const struct count *count; /* for who waits for some */
};

static inline void *owner_body(void *data)
{
	struct owner *owner = data;

	ring_bind(owner->ring);
	ck_assert_int_eq(sem_post(&owner->bound), 0);
	ck_assert_int_eq(sem_wait(&owner->go), 0);
	ck_assert_int_eq(a10_ring_run(owner->ring), 0);
	ring_close(owner->ring);
	return NULL;
}

/* body gets the owner, and posts bound. */
static inline void owner_start_as(struct owner *owner,
				  const struct a10_config *config,
				  void *(*body)(void *data))
{
	owner->ring = ring_open(config);
	owner->sq = a10_sq_ref(a10_ring_sq(owner->ring));
	ck_assert_int_eq(sem_init(&owner->bound, 0, 0), 0);
	ck_assert_int_eq(sem_init(&owner->go, 0, 0), 0);
	owner->thread = thread_start(body, owner);
	ck_assert_int_eq(sem_wait(&owner->bound), 0);
}

static inline void owner_start(struct owner *owner,
			       const struct a10_config *config)
{
	owner_start_as(owner, config, owner_body);
}

/* It is to poll until nothing is under way, and end. */
static inline void owner_finish(struct owner *owner)
{
	ck_assert_int_eq(sem_post(&owner->go), 0);
	thread_join(owner->thread);
	a10_sq_unref(owner->sq);
}

static inline void owner_start_with_thread(struct owner *owner,
					   uint32_t entries)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .submission_entries = entries };

	owner_start(owner, &config);
}

struct count {
	atomic_uint results;
	atomic_uint cancelled;
	_Atomic ssize_t last;
};

static inline void on_count(void *data, const struct a10_result *r)
{
	struct count *count = data;

	atomic_fetch_add(&count->results, 1);
	if (r->value == -ECANCELED)
		atomic_fetch_add(&count->cancelled, 1);
	atomic_store(&count->last, r->value);
}

static inline a10_id submit(struct owner *owner, struct a10_op op,
			    struct count *count)
{
	a10_id id = a10_submit(owner->sq, op, on_count, count);

	ck_assert_int_gt(id, 0);
	return id;
}

static inline bool readable_within(int fd, int64_t ns)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, (int)(ns / A10_MILLISECOND)) == 1;
}

static inline char byte_of(int fd)
{
	char byte = 0;

	ck_assert_msg(readable_within(fd, PATIENCE), "it was not started");
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	return byte;
}

#endif
