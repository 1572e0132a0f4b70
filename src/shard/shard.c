/*
 * Shards: threads with a ring each, on public calls only. They begin together when
 * all rings are there, and end together: a shard with nothing under way rests but
 * still polls, for another may submit to it. When all rest, each looks once more
 * (a round), since what one submitted before it came to rest may not have been
 * seen by the other; who finds something rests no more, and there will be another
 * round. A shard that failed counts as one that rests.
 *
 * What a program has of it is a handle that is never freed, but used for another
 * run when this one is over: so who drains or stops too late, in a signal handler
 * perhaps, does no harm.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/event.h"
#include "base/log.h"
#include "base/thread.h"

#include <a10/poll.h>
#include <a10/shard.h>

#define SHARDS_MOST  1024
#define STOP_LOOK_NS (5 * A10_MILLISECOND)

struct member {
	struct a10_shard shard;
	struct a10_sq *_Atomic sq; /* a reference, from when it has a ring */
	pthread_t thread;
	uint32_t round; /* the last it looked in */
	bool rests;
	bool failed;
	bool started;
	bool left; /* its thread has ended in a callback, and its ring is there */
};

struct run {
	pthread_mutex_t lock; /* guards all up to the next empty line */
	pthread_cond_t changed;
	uint32_t ready;     /* have a ring, or failed */
	uint32_t resting;   /* have nothing under way, or failed */
	uint32_t confirmed; /* ... and still had nothing in this round */
	uint32_t failed;
	_Atomic uint32_t round;
	int error;        /* the first ... */
	char reason[512]; /* ... in words, if it is a ring's */
	bool done;

	atomic_bool stopping;
	/* Of the process whose it is: a child has the eventfd too. */
	uint64_t token;
	int drain_fd; /* can be read from a10_shards_drain on */
	uint32_t count;
	const struct a10_config *config;
	a10_shard_fn *fn;
	struct a10_shards *handle;
	struct member members[];
};

struct a10_shards {
	struct run *_Atomic run;  /* NULL: none */
	_Atomic uint32_t callers; /* that use it: it may not go yet */
	atomic_bool taken;
	struct a10_shards *next;
};

/* All there ever were. */
static struct a10_shards *_Atomic handles;

static struct a10_shards *handle_take(void)
{
	struct a10_shards *handle, *first = atomic_load(&handles);

	for (handle = first; handle; handle = handle->next)
		if (!atomic_exchange(&handle->taken, true))
			return handle;
	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return NULL;
	atomic_store(&handle->taken, true);
	do {
		handle->next = first;
	} while (!atomic_compare_exchange_weak(&handles, &first, handle));
	return handle;
}

/* Nobody has the run any more when it returns. */
static void handle_give(struct a10_shards *handle)
{
	atomic_store(&handle->run, NULL);
	while (atomic_load(&handle->callers) > 0)
		sched_yield();
	atomic_store(&handle->taken, false);
}

static void wake_all(struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++) {
		struct a10_sq *sq = atomic_load(&run->members[i].sq);

		if (sq)
			(void)a10_sq_wake(sq);
	}
	pthread_cond_broadcast(&run->changed);
}

/* With the lock: whether all is over, or all have to look again. */
static void look(struct run *run)
{
	if (run->resting < run->count)
		return;
	if (run->confirmed + run->failed == run->count)
		run->done = true;
	else if (run->confirmed == 0)
		run->round++;
	else
		return;
	wake_all(run);
}

static void fail(struct run *run, struct member *member, int err)
{
	pthread_mutex_lock(&run->lock);
	if (run->error == 0) {
		run->error = err;
		if (!member->shard.ring)
			snprintf(run->reason, sizeof(run->reason), "%s",
				 reason_text());
	}
	if (!member->failed) {
		member->failed = true;
		run->failed++;
		if (!member->rests)
			run->resting++;
		else if (member->round == run->round && run->confirmed > 0)
			run->confirmed--;
		look(run);
	}
	pthread_mutex_unlock(&run->lock);
	a10_shards_stop(run->handle);
}

/* By pthread_exit, or a cancel: the others must not wait for it. */
static void end_in_callback(void *data)
{
	struct member *member = data;

	member->left = true;
	fail(atomic_load(&member->shard.shards->run), member, -EOWNERDEAD);
}

/* This one has a ring, or has none; waits for all the others. */
static bool all_ready(struct run *run)
{
	bool well;

	pthread_mutex_lock(&run->lock);
	run->ready++;
	pthread_cond_broadcast(&run->changed);
	while (run->ready < run->count)
		pthread_cond_wait(&run->changed, &run->lock);
	well = run->error == 0;
	pthread_mutex_unlock(&run->lock);
	return well;
}

/*
 * Says whether it rests; true: all is over. Only what was seen after a round
 * began counts in it; and who has delivered something meanwhile did not rest,
 * for what it called back may have submitted elsewhere.
 */
static bool rest(struct run *run, struct member *member, bool delivered)
{
	const uint32_t round = atomic_load(&run->round);
	const bool idle =
		!delivered && a10_ring_pending(member->shard.ring) == 0;
	bool done;

	pthread_mutex_lock(&run->lock);
	if (!idle && member->rests) {
		run->resting--;
		run->confirmed = 0;
	} else if (idle && !member->rests) {
		run->resting++;
		look(run);
	}
	member->rests = idle;
	if (idle && run->resting == run->count && round == run->round &&
	    member->round != round) {
		member->round = round;
		run->confirmed++;
		if (run->confirmed + run->failed == run->count)
			look(run);
	}
	done = run->done;
	pthread_mutex_unlock(&run->lock);
	return done;
}

/* At the stop it looks for what other shards submit to it. */
static int64_t patience(struct run *run)
{
	return atomic_load(&run->stopping) ? STOP_LOOK_NS : A10_FOREVER;
}

static int work(struct run *run, struct member *member)
{
	struct a10_ring *ring = member->shard.ring;
	int n = run->fn(&member->shard);

	if (n < 0)
		return n;
	for (n = 1;;) {
		/* Also what was submitted since the last time. */
		if (atomic_load(&run->stopping))
			(void)a10_cancel_all(a10_ring_sq(ring));
		if (rest(run, member, n > 0))
			return 0;
		/* After what moved it may rest at once. */
		n = a10_ring_poll(ring, n > 0 ? 0 : patience(run));
		if (n < 0)
			return n;
	}
}

static void shard_live(struct run *run, struct member *member)
{
	int err = a10_ring_create(run->config, &member->shard.ring);

	/* The owner from now on, as all can see in each other's rings. */
	if (err == 0) {
		atomic_store(&member->sq,
			     a10_sq_ref(a10_ring_sq(member->shard.ring)));
		err = a10_ring_flush(member->shard.ring);
	}
	if (err < 0)
		fail(run, member, err);
	if (!all_ready(run) && err == 0)
		fail(run, member, -ECANCELED);
	else if (err == 0) {
		err = work(run, member);
		if (err < 0)
			fail(run, member, err);
	}
	a10_ring_destroy(member->shard.ring, A10_FOREVER);
}

static void *body(void *data)
{
	struct member *member = data;

	pthread_cleanup_push(end_in_callback, member);
	shard_live(atomic_load(&member->shard.shards->run), member);
	pthread_cleanup_pop(0);
	return NULL;
}

/* The CPUs this thread may run on, in turn; -1: who knows. */
static int cpu_after(const cpu_set_t *allowed, int cpu)
{
	for (int i = 0; i < CPU_SETSIZE; i++) {
		cpu = (cpu + 1) % CPU_SETSIZE;
		if (CPU_ISSET((size_t)cpu, allowed))
			return cpu;
	}
	return -1;
}

/* cpu < 0: anywhere. */
static int member_start_on(struct member *member, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t one;
	int err;

	pthread_attr_init(&attr);
	if (cpu >= 0) {
		CPU_ZERO(&one);
		CPU_SET((size_t)cpu, &one);
		(void)pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	}
	err = pthread_create(&member->thread, &attr, body, member);
	pthread_attr_destroy(&attr);
	return -err;
}

static int member_start(struct member *member, int cpu)
{
	const int err = member_start_on(member, cpu);

	/* That CPU may have gone since we asked which there are. */
	return err == -EINVAL ? member_start_on(member, -1) : err;
}

static void members_run(struct run *run, const cpu_set_t *allowed)
{
	int cpu = -1;

	for (uint32_t i = 0; i < run->count; i++) {
		struct member *member = &run->members[i];
		int err;

		cpu = cpu_after(allowed, cpu);
		err = member_start(member, cpu);
		member->started = err == 0;
		if (err < 0) {
			fail(run, member, err);
			pthread_mutex_lock(&run->lock);
			run->ready++;
			pthread_cond_broadcast(&run->changed);
			pthread_mutex_unlock(&run->lock);
		}
	}
	for (uint32_t i = 0; i < run->count; i++) {
		struct member *member = &run->members[i];

		if (member->started)
			pthread_join(member->thread, NULL);
		/* What could not be ended on its thread was told then. */
		if (member->left)
			(void)a10_ring_destroy(member->shard.ring, 0);
	}
}

static int run_make(uint32_t count, void *data, struct run **ret_run)
{
	struct run *run =
		calloc(1, sizeof(*run) + count * sizeof(*run->members));
	int err = -ENOMEM;

	if (!run)
		return err;
	run->handle = handle_take();
	if (!run->handle)
		goto free_run;
	run->token = process_token();
	run->drain_fd = event_open();
	err = run->drain_fd;
	if (err < 0)
		goto give_handle;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	run->count = count;
	for (uint32_t i = 0; i < count; i++) {
		run->members[i].shard.shards = run->handle;
		run->members[i].shard.index = i;
		run->members[i].shard.count = count;
		run->members[i].shard.data = data;
	}
	atomic_store(&run->handle->run, run);
	*ret_run = run;
	return 0;
give_handle:
	handle_give(run->handle);
free_run:
	free(run);
	return err;
}

static void run_free(struct run *run)
{
	handle_give(run->handle);
	for (uint32_t i = 0; i < run->count; i++)
		a10_sq_unref(atomic_load(&run->members[i].sq));
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	close(run->drain_fd);
	free(run);
}

int a10_shards_run(uint32_t count, const struct a10_config *config,
		   a10_shard_fn *fn, void *data)
{
	struct run *run;
	cpu_set_t allowed;
	int err;

	if (config && (config->disabled == A10_ON || config->attach))
		return -EINVAL;
	/* There may be more than it can tell of. */
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		CPU_ZERO(&allowed);
	if (count == 0)
		count = (uint32_t)CPU_COUNT(&allowed);
	if (count == 0)
		count = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (count > SHARDS_MOST)
		return -EINVAL;
	err = run_make(count, data, &run);
	if (err < 0)
		return err;
	run->config = config;
	run->fn = fn;
	reason_clear();
	members_run(run, &allowed);
	err = run->error;
	reason_set("%s", run->reason);
	run_free(run);
	return err;
}

struct a10_sq *a10_shard_sq(const struct a10_shard *shard, uint32_t index)
{
	struct run *run = atomic_load(&shard->shards->run);

	return index < shard->count ? atomic_load(&run->members[index].sq) :
				      NULL;
}

/* Counted while it is here, for what it tells may end the run. */
static void tell(struct a10_shards *shards, bool stop)
{
	struct run *run;

	atomic_fetch_add(&shards->callers, 1);
	run = atomic_load(&shards->run);
	if (run && run->token != *process_word)
		run = NULL;
	if (run)
		event_set(run->drain_fd);
	if (run && stop) {
		/* Who has no ring yet will see it before it first polls. */
		atomic_store(&run->stopping, true);
		for (uint32_t i = 0; i < run->count; i++) {
			struct a10_sq *sq = atomic_load(&run->members[i].sq);

			if (sq)
				(void)a10_sq_stop(sq);
		}
	}
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
	const struct run *run = atomic_load(&shard->shards->run);

	return a10_poll(a10_fd_regular(run->drain_fd), POLLIN);
}
