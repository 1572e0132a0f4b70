/*
 * A bounded pool: a thread is made when a job comes and none is idle, and ends
 * when it has been idle for a while. They block all signals, and hold nothing of
 * any ring. A forked child begins with none.
 */
#include "work/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/thread.h"

#include <a10/work.h>

#define DEFAULT_LIMIT 64
#define LIMIT_MOST    1024
#define IDLE_SECONDS  5
#define STACK_SIZE    (1u << 20)

static _Atomic uint64_t process; /* whose all this is */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All under the lock. */
static pthread_cond_t wanted;
static bool wanted_made;
static struct job queue = { .next = &queue, .prev = &queue };
static uint32_t threads;
static uint32_t idle; /* of those, also who has yet to begin */
static uint32_t queued;
static uint32_t limit = DEFAULT_LIMIT;

/*
 * A child has none of its parent's threads, its jobs are not the child's, and
 * the lock may have been taken when it began. It is alone now.
 */
static void child_begin(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	queue.next = &queue;
	queue.prev = &queue;
	threads = 0;
	idle = 0;
	queued = 0;
	wanted_made = false;
}

static void lock_take(void)
{
	const uint64_t token = process_token();
	uint64_t before = atomic_load(&process);

	if (before != token &&
	    atomic_compare_exchange_strong(&process, &before, token) &&
	    before != 0)
		child_begin();
	pthread_mutex_lock(&lock);
}

static void lock_give(void)
{
	pthread_mutex_unlock(&lock);
}

static void wanted_make(void)
{
	pthread_condattr_t attr;

	if (wanted_made)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wanted, &attr);
	pthread_condattr_destroy(&attr);
	wanted_made = true;
}

static void unlink_job(struct job *job)
{
	job->prev->next = job->next;
	job->next->prev = job->prev;
	job->queued = false;
	queued--;
}

/* With the lock. false: there was nothing for long, or there are too many. */
static bool wait_for_job(void)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	idle++;
	while (queued == 0 && err == 0 && threads <= limit)
		err = pthread_cond_timedwait(&wanted, &lock, &until);
	idle--;
	return queued > 0;
}

static void *helper(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "a10-work");
	pthread_mutex_lock(&lock);
	idle--; /* as it was counted from when it was made */
	while (threads <= limit && (queued > 0 || wait_for_job())) {
		struct job *job = queue.next;

		unlink_job(job);
		pthread_mutex_unlock(&lock);
		job->run(job);
		pthread_mutex_lock(&lock);
	}
	threads--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Signals are the program's threads' affair. */
static int helper_start(void)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, helper, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

/* With the lock: as many as there are jobs for, and may be. */
static void threads_make(void)
{
	while (queued > idle && threads < limit) {
		if (helper_start() != 0)
			return;
		threads++;
		idle++;
	}
}

int helpers_submit(struct job *job)
{
	int ret = 0;

	lock_take();
	wanted_make();
	job->next = &queue;
	job->prev = queue.prev;
	job->prev->next = job;
	queue.prev = job;
	job->queued = true;
	queued++;
	threads_make();
	if (threads == 0) {
		unlink_job(job);
		ret = -EAGAIN;
	} else {
		pthread_cond_signal(&wanted);
	}
	lock_give();
	return ret;
}

bool helpers_withdraw(struct job *job)
{
	bool queued_still;

	lock_take();
	queued_still = job->queued;
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
	limit = count < LIMIT_MOST ? count : LIMIT_MOST;
	if (wanted_made)
		pthread_cond_broadcast(&wanted);
	threads_make();
	lock_give();
}

uint32_t a10_work_threads(void)
{
	uint32_t count;

	lock_take();
	count = threads;
	lock_give();
	return count;
}
