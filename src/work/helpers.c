/*
 * A bounded pool: a thread is made when a job comes and none is idle, and ends
 * when it has been idle for a while. They block all signals, and hold nothing of
 * any ring. A forked child begins with none.
 *
 * What may wait for ever has a thread of its own: in the pool it would keep a
 * place from others for ever. And what starts children has one that never ends,
 * since to a child its parent has died when the thread that started it has
 * (PR_SET_PDEATHSIG).
 */
#include "work/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "base/thread.h"

#include <a10/work.h>

#define DEFAULT_LIMIT 64
#define LIMIT_MOST    1024
#define ALONE_MOST    1024
#define IDLE_SECONDS  5
#define STACK_SIZE    (1u << 20)

/* All under the lock. */
struct helper_pool {
	struct job queue;
	pthread_cond_t wanted;
	uint32_t threads;
	uint32_t idle; /* of those, also who has yet to begin */
	uint32_t queued;
	uint32_t limit;
	bool stays; /* its threads do not end */
	bool made;  /* wanted is there, and queue a ring */
};

#define BEGINS (UINT64_C(1) << 63)

static _Atomic uint64_t process; /* whose all this is, or BEGINS to be */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All under the lock. */
static struct helper_pool shared = { .limit = DEFAULT_LIMIT };
static struct helper_pool staying = { .limit = 1, .stays = true };
static uint32_t alone;

/* Where the process may run: written once, before there is a second thread. */
static cpu_set_t cpus;
static bool has_cpus;

static void pool_forget(struct helper_pool *pool)
{
	pool->threads = 0;
	pool->idle = 0;
	pool->queued = 0;
	pool->made = false;
}

/*
 * A child has none of its parent's threads, its jobs are not the child's, and
 * the lock may have been taken when it began. Of its threads one does this.
 */
static void child_begin(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	pool_forget(&shared);
	pool_forget(&staying);
	alone = 0;
}

static void lock_take(void)
{
	const uint64_t token = process_token();
	uint64_t before = atomic_load(&process);

	while (before != token) {
		/* Another thread of the child does: nothing is right till then. */
		if (before == (token | BEGINS)) {
			sched_yield();
			before = atomic_load(&process);
		} else if (atomic_compare_exchange_weak(&process, &before,
							token | BEGINS)) {
			if (before != 0)
				child_begin();
			atomic_store(&process, token);
			break;
		}
	}
	pthread_mutex_lock(&lock);
}

static void lock_give(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void cpus_keep(void)
{
	has_cpus = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
}

static void pool_make(struct helper_pool *pool)
{
	pthread_condattr_t attr;

	if (pool->made)
		return;
	pool->queue.next = &pool->queue;
	pool->queue.prev = &pool->queue;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->wanted, &attr);
	pthread_condattr_destroy(&attr);
	pool->made = true;
}

static void threads_make(struct helper_pool *pool);

static void unlink_job(struct job *job)
{
	job->prev->next = job->next;
	job->next->prev = job->prev;
	job->pool->queued--;
	job->pool = NULL;
}

/* With the lock. false: there was nothing for long, or there are too many. */
static bool wait_for_job(struct helper_pool *pool)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	pool->idle++;
	while (pool->queued == 0 && err == 0 && pool->threads <= pool->limit)
		err = pool->stays ? pthread_cond_wait(&pool->wanted, &lock) :
				    pthread_cond_timedwait(&pool->wanted, &lock,
							   &until);
	pool->idle--;
	return pool->queued > 0;
}

/* A job has ended its thread; what waits may need another. */
static void helper_lost(void *data)
{
	struct helper_pool *pool = data;

	pthread_mutex_lock(&lock);
	pool->threads--;
	threads_make(pool);
	pthread_mutex_unlock(&lock);
}

static void helper_work(struct helper_pool *pool)
{
	pthread_mutex_lock(&lock);
	pool->idle--; /* as it was counted from when it was made */
	while (pool->threads <= pool->limit &&
	       (pool->queued > 0 || wait_for_job(pool))) {
		struct job *job = pool->queue.next;

		unlink_job(job);
		pthread_mutex_unlock(&lock);
		job->run(job);
		pthread_mutex_lock(&lock);
	}
	pool->threads--;
	pthread_mutex_unlock(&lock);
}

static void *helper(void *data)
{
	pthread_setname_np(pthread_self(), "a10-work");
	/* It ends by itself, or by a job: never with the lock. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_push(helper_lost, data);
	helper_work(data);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *helper_alone(void *data)
{
	struct job *job = data;

	pthread_setname_np(pthread_self(), "a10-wait");
	job->run(job);
	pthread_mutex_lock(&lock);
	alone--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/*
 * Signals are the program's threads' affair. Nor is a helper tied to the
 * processor of the thread that happens to need one first.
 */
static int helper_start(void *(*run)(void *data), void *data)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err = EINVAL;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (has_cpus &&
	    pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus) == 0)
		err = pthread_create(&thread, &attr, run, data);
	/* They may have been taken away since. */
	if (err == EINVAL) {
		pthread_attr_setaffinity_np(&attr, 0, &cpus);
		err = pthread_create(&thread, &attr, run, data);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static int submit_alone(struct job *job)
{
	int ret = -EAGAIN;

	job->pool = NULL;
	lock_take();
	if (alone < ALONE_MOST && helper_start(helper_alone, job) == 0) {
		alone++;
		ret = 0;
	}
	lock_give();
	return ret;
}

/* With the lock: as many as there are jobs for, and may be. */
static void threads_make(struct helper_pool *pool)
{
	while (pool->queued > pool->idle && pool->threads < pool->limit) {
		if (helper_start(helper, pool) != 0)
			return;
		pool->threads++;
		pool->idle++;
	}
}

int helpers_submit(struct job *job, enum helper helper_kind)
{
	struct helper_pool *pool =
		helper_kind == HELPER_STAYS ? &staying : &shared;
	int ret = 0;

	if (helper_kind == HELPER_ALONE)
		return submit_alone(job);
	lock_take();
	pool_make(pool);
	job->next = &pool->queue;
	job->prev = pool->queue.prev;
	job->prev->next = job;
	pool->queue.prev = job;
	job->pool = pool;
	pool->queued++;
	threads_make(pool);
	if (pool->threads == 0) {
		unlink_job(job);
		ret = -EAGAIN;
	} else {
		pthread_cond_signal(&pool->wanted);
	}
	lock_give();
	return ret;
}

bool helpers_withdraw(struct job *job)
{
	bool queued_still;

	lock_take();
	queued_still = job->pool != NULL;
	if (queued_still)
		unlink_job(job);
	lock_give();
	return queued_still;
}

void a10_work_limit(uint32_t count)
{
	lock_take();
	if (count == 0)
		count = DEFAULT_LIMIT;
	shared.limit = count < LIMIT_MOST ? count : LIMIT_MOST;
	if (shared.made)
		pthread_cond_broadcast(&shared.wanted);
	threads_make(&shared);
	lock_give();
}

uint32_t a10_work_threads(void)
{
	uint32_t count;

	lock_take();
	count = shared.threads;
	lock_give();
	return count;
}
