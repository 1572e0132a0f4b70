/*
 * Shards: threads with a ring each, on public calls only. They begin together when
 * all rings are there, and end together: a shard with nothing under way rests but
 * still polls, for another may submit to it. When all rest, each looks once more
 * (a round), since what one submitted before it came to rest may not have been
 * seen by the other; who finds something rests no more, and there will be another
 * round. A shard that failed counts as one that rests.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/event.h"

#include <a10/poll.h>
#include <a10/shard.h>

#define SHARDS_MOST 1024

struct member {
	struct a10_shard shard;
	struct a10_sq *sq; /* a reference, from when all are ready */
	pthread_t thread;
	uint32_t round; /* the last it looked in */
	bool rests;
	bool started;
	bool stop_waits; /* its operation that hears of the stop */
};

struct a10_shards {
	pthread_mutex_t lock; /* guards all up to the next empty line */
	pthread_cond_t changed;
	uint32_t ready;     /* have a ring, or failed */
	uint32_t resting;   /* have nothing under way, or failed */
	uint32_t confirmed; /* ... and still had nothing in this round */
	uint32_t failed;
	_Atomic uint32_t round;
	int error; /* the first */
	bool done;

	_Atomic uint32_t callers; /* in drain or stop: it may not go yet */
	atomic_bool stopping;
	int drain_fd; /* can be read from a10_shards_drain on */
	int stop_fd;  /* from a10_shards_stop on */
	uint32_t count;
	const struct a10_config *config;
	a10_shard_fn *fn;
	struct member members[];
};

static void wake_all(struct a10_shards *shards)
{
	for (uint32_t i = 0; i < shards->count; i++)
		if (shards->members[i].sq)
			(void)a10_sq_wake(shards->members[i].sq);
	pthread_cond_broadcast(&shards->changed);
}

/* With the lock: whether all is over, or all have to look again. */
static void look(struct a10_shards *shards)
{
	if (shards->resting < shards->count)
		return;
	if (shards->confirmed + shards->failed == shards->count)
		shards->done = true;
	else if (shards->confirmed == 0)
		shards->round++;
	else
		return;
	wake_all(shards);
}

static void fail(struct a10_shards *shards, struct member *member, int err)
{
	pthread_mutex_lock(&shards->lock);
	if (shards->error == 0)
		shards->error = err;
	shards->failed++;
	if (!member->rests)
		shards->resting++;
	look(shards);
	pthread_mutex_unlock(&shards->lock);
	a10_shards_stop(shards);
}

/* This one has a ring, or has none; waits for all the others. */
static bool all_ready(struct a10_shards *shards)
{
	bool well;

	pthread_mutex_lock(&shards->lock);
	shards->ready++;
	pthread_cond_broadcast(&shards->changed);
	while (shards->ready < shards->count)
		pthread_cond_wait(&shards->changed, &shards->lock);
	well = shards->error == 0;
	pthread_mutex_unlock(&shards->lock);
	return well;
}

/*
 * Says whether it rests; true: all is over. Only what was seen after a round
 * began counts in it; and who has delivered something meanwhile did not rest,
 * for what it called back may have submitted elsewhere.
 */
static bool rest(struct a10_shards *shards, struct member *member,
		 bool delivered)
{
	const uint32_t round = atomic_load(&shards->round);
	const bool idle = !delivered && a10_ring_pending(member->shard.ring) ==
						member->stop_waits;
	bool done;

	pthread_mutex_lock(&shards->lock);
	if (!idle && member->rests) {
		shards->resting--;
		shards->confirmed = 0;
	} else if (idle && !member->rests) {
		shards->resting++;
		look(shards);
	}
	member->rests = idle;
	if (idle && shards->resting == shards->count &&
	    round == shards->round && member->round != round) {
		member->round = round;
		shards->confirmed++;
		if (shards->confirmed + shards->failed == shards->count)
			look(shards);
	}
	done = shards->done;
	pthread_mutex_unlock(&shards->lock);
	return done;
}

static void on_stop(void *data, const struct a10_result *r)
{
	struct member *member = data;

	(void)r;
	member->stop_waits = false;
}

static int work(struct a10_shards *shards, struct member *member)
{
	struct a10_ring *ring = member->shard.ring;
	const struct a10_op stop =
		a10_poll(a10_fd_regular(shards->stop_fd), POLLIN);
	a10_id id;
	int n = shards->fn(&member->shard);

	if (n < 0)
		return n;
	member->stop_waits = true;
	id = a10_submit(member->sq, stop, on_stop, member);
	if (id < 0)
		return (int)id;
	for (n = 1;;) {
		/* Also what was submitted since the last time. */
		if (atomic_load(&shards->stopping))
			(void)a10_cancel_all(member->sq);
		if (rest(shards, member, n > 0))
			return 0;
		/* After what moved it may rest at once. */
		n = a10_ring_poll(ring, n > 0 ? 0 : A10_FOREVER);
		if (n < 0)
			return n;
	}
}

static void *body(void *data)
{
	struct member *member = data;
	struct a10_shards *shards = member->shard.shards;
	int err = a10_ring_create(shards->config, &member->shard.ring);

	/* The owner from now on, as all can see in each other's rings. */
	if (err == 0) {
		member->sq = a10_sq_ref(a10_ring_sq(member->shard.ring));
		err = a10_ring_flush(member->shard.ring);
	}
	if (err < 0)
		fail(shards, member, err);
	if (!all_ready(shards) && err == 0)
		fail(shards, member, -ECANCELED);
	else if (err == 0) {
		err = work(shards, member);
		if (err < 0)
			fail(shards, member, err);
	}
	/* Others may submit to it until all is over. */
	pthread_mutex_lock(&shards->lock);
	while (!shards->done && shards->error == 0)
		pthread_cond_wait(&shards->changed, &shards->lock);
	pthread_mutex_unlock(&shards->lock);
	a10_ring_destroy(member->shard.ring, A10_FOREVER);
	return NULL;
}

/* The CPUs this thread may run on, in turn. */
static int cpu_after(const cpu_set_t *allowed, int cpu)
{
	for (int i = 0; i < CPU_SETSIZE; i++) {
		cpu = (cpu + 1) % CPU_SETSIZE;
		if (CPU_ISSET((size_t)cpu, allowed))
			break;
	}
	return cpu;
}

static int member_start(struct member *member, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t one;
	int err;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	pthread_attr_init(&attr);
	(void)pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	err = pthread_create(&member->thread, &attr, body, member);
	pthread_attr_destroy(&attr);
	return -err;
}

static void members_run(struct a10_shards *shards, const cpu_set_t *allowed)
{
	int cpu = -1;

	for (uint32_t i = 0; i < shards->count; i++) {
		struct member *member = &shards->members[i];
		int err;

		cpu = cpu_after(allowed, cpu);
		err = member_start(member, cpu);
		member->started = err == 0;
		if (err < 0) {
			fail(shards, member, err);
			pthread_mutex_lock(&shards->lock);
			shards->ready++;
			pthread_cond_broadcast(&shards->changed);
			pthread_mutex_unlock(&shards->lock);
		}
	}
	for (uint32_t i = 0; i < shards->count; i++)
		if (shards->members[i].started)
			pthread_join(shards->members[i].thread, NULL);
	for (uint32_t i = 0; i < shards->count; i++)
		a10_sq_unref(shards->members[i].sq);
}

static int shards_make(uint32_t count, void *data, struct a10_shards **ret_made)
{
	struct a10_shards *shards =
		calloc(1, sizeof(*shards) + count * sizeof(struct member));
	int err;

	if (!shards)
		return -ENOMEM;
	shards->drain_fd = event_open();
	shards->stop_fd = event_open();
	if (shards->drain_fd < 0 || shards->stop_fd < 0) {
		err = shards->drain_fd < 0 ? shards->drain_fd : shards->stop_fd;
		goto close_events;
	}
	pthread_mutex_init(&shards->lock, NULL);
	pthread_cond_init(&shards->changed, NULL);
	shards->count = count;
	for (uint32_t i = 0; i < count; i++) {
		shards->members[i].shard.shards = shards;
		shards->members[i].shard.index = i;
		shards->members[i].shard.count = count;
		shards->members[i].shard.data = data;
	}
	*ret_made = shards;
	return 0;
close_events:
	if (shards->drain_fd >= 0)
		close(shards->drain_fd);
	if (shards->stop_fd >= 0)
		close(shards->stop_fd);
	free(shards);
	return err;
}

int a10_shards_run(uint32_t count, const struct a10_config *config,
		   a10_shard_fn *fn, void *data)
{
	struct a10_shards *shards;
	cpu_set_t allowed;
	int err;

	if (config && (config->disabled == A10_ON || config->attach))
		return -EINVAL;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) {
		CPU_ZERO(&allowed);
		CPU_SET(0, &allowed);
	}
	if (count == 0)
		count = (uint32_t)CPU_COUNT(&allowed);
	if (count > SHARDS_MOST)
		return -EINVAL;
	err = shards_make(count, data, &shards);
	if (err < 0)
		return err;
	shards->config = config;
	shards->fn = fn;
	members_run(shards, &allowed);
	err = shards->error;
	while (atomic_load(&shards->callers) > 0)
		sched_yield();
	pthread_cond_destroy(&shards->changed);
	pthread_mutex_destroy(&shards->lock);
	close(shards->drain_fd);
	close(shards->stop_fd);
	free(shards);
	return err;
}

struct a10_sq *a10_shard_sq(const struct a10_shard *shard, uint32_t index)
{
	return index < shard->count ? shard->shards->members[index].sq : NULL;
}

/* What the first write tells may end all before the second. */
static void tell(struct a10_shards *shards, bool stop)
{
	atomic_fetch_add(&shards->callers, 1);
	if (stop)
		atomic_store(&shards->stopping, true);
	event_set(shards->drain_fd);
	if (stop)
		event_set(shards->stop_fd);
	atomic_fetch_sub(&shards->callers, 1);
}

void a10_shards_drain(struct a10_shards *shards)
{
	tell(shards, false);
}

void a10_shards_stop(struct a10_shards *shards)
{
	tell(shards, true);
}

struct a10_op a10_shard_draining(const struct a10_shard *shard)
{
	return a10_poll(a10_fd_regular(shard->shards->drain_fd), POLLIN);
}
