/*
 * The watchdog: a thread that looks now and then whether the same task still
 * runs that ran when it last looked. If so it interrupts the ring's owner by a
 * signal, whose handler notes where the task is; names of functions are looked
 * up, and the log is written, by the thread.
 *
 *	owner                   the thread                 the handler
 *	stint: odd, a task
 *	runs; even, poll        the same odd one again?
 *	                        WATCH_ASKED, pthread_kill
 *	                                                   frames, WATCH_NOTED
 *	                        logs, WATCH_IDLE
 */
#include "task/core.h"

#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define FRAMES 32

enum watch_state {
	WATCH_IDLE,
	WATCH_ASKED,
	WATCH_NOTED,
};

struct watch {
	pthread_t thread;
	pthread_t owner;
	struct a10_ring *ring;
	int64_t ns;
	sem_t end;              /* posted once: the thread is to end */
	_Atomic uint32_t state; /* enum watch_state */
	_Atomic uint32_t told;  /* the stint that is told of: the thread's */
	/* The handler's until WATCH_NOTED, then the thread's. */
	int count;
	void *frames[FRAMES];
	char name[32];
	uint64_t id;
};

static _Thread_local struct watch *watch_here
	__attribute__((tls_model("initial-exec")));

static uint32_t stint_of(const struct watch *watch)
{
	return atomic_load_explicit(&watch->ring->tasks.stint,
				    memory_order_relaxed);
}

static uint32_t told_of(const struct watch *watch)
{
	return atomic_load_explicit(&watch->told, memory_order_relaxed);
}

static void note(int signal)
{
	struct watch *watch = watch_here;
	const struct task *task = task_here;
	const int kept = errno;

	(void)signal;
	/* Acquire: pairs with the release in ask. */
	if (!watch || atomic_load_explicit(&watch->state,
					   memory_order_acquire) != WATCH_ASKED)
		return;
	watch->count = 0;
	/* Another may have begun before the signal came. */
	if (task && stint_of(watch) == told_of(watch)) {
		memcpy(watch->name, task->name, sizeof(watch->name));
		watch->id = task->id;
		watch->count = backtrace(watch->frames, FRAMES);
	}
	/* Release: pairs with the acquire in tell. */
	atomic_store_explicit(&watch->state, WATCH_NOTED, memory_order_release);
	errno = kept;
}

static void tell(struct watch *watch)
{
	char **names = backtrace_symbols(watch->frames, watch->count);
	int i;

	log_line(A10_LOG_WARNING,
		 "a10: task %s (id %llx) has computed for %lld ms or more",
		 watch->name, (unsigned long long)watch->id,
		 (long long)(watch->ns / 1000000));
	for (i = 0; names && i < watch->count; i++)
		log_line(A10_LOG_WARNING, "a10:   #%d %s", i, names[i]);
	free(names);
}

static void ask(struct watch *watch)
{
	/* Release: pairs with the acquire in note. */
	atomic_store_explicit(&watch->state, WATCH_ASKED, memory_order_release);
	pthread_kill(watch->owner, SIGURG);
}

/* true: the time is over; false: the thread is to end. */
static bool watch_sleep(struct watch *watch)
{
	struct timespec until;
	int64_t at;

	clock_gettime(CLOCK_MONOTONIC, &until);
	at = until.tv_sec * INT64_C(1000000000) + until.tv_nsec + watch->ns;
	until.tv_sec = at / 1000000000;
	until.tv_nsec = at % 1000000000;
	while (sem_clockwait(&watch->end, CLOCK_MONOTONIC, &until) < 0) {
		if (errno != EINTR)
			return true;
	}
	return false;
}

static void *watch_run(void *data)
{
	struct watch *watch = data;
	uint32_t last = 0, now;

	while (watch_sleep(watch)) {
		/* Acquire: pairs with the release in note. */
		if (atomic_load_explicit(&watch->state, memory_order_acquire) ==
		    WATCH_NOTED) {
			if (watch->count > 0)
				tell(watch);
			atomic_store_explicit(&watch->state, WATCH_IDLE,
					      memory_order_relaxed);
		}
		now = stint_of(watch);
		if (now % 2 && now == last && now != told_of(watch)) {
			atomic_store_explicit(&watch->told, now,
					      memory_order_relaxed);
			ask(watch);
		}
		last = now;
	}
	return NULL;
}

static void watch_end(struct a10_ring *ring)
{
	struct watch *watch = ring->tasks.watch;

	ring->tasks.watch = NULL;
	ring->tasks.watch_end = NULL;
	sem_post(&watch->end);
	pthread_join(watch->thread, NULL);
	if (watch_here == watch)
		watch_here = NULL;
	sem_destroy(&watch->end);
	free(watch);
}

/* 0, or -EBUSY: it is somebody else's. */
static int signal_take(void)
{
	struct sigaction action = { .sa_handler = note,
				    .sa_flags = SA_RESTART | SA_ONSTACK };
	struct sigaction now;
	void *frame;

	/* The first one loads a library, which a handler must not. */
	(void)backtrace(&frame, 1);
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGURG, NULL, &now) < 0)
		return -errno;
	if (now.sa_flags & SA_SIGINFO ||
	    (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN &&
	     now.sa_handler != note))
		return -EBUSY;
	return sigaction(SIGURG, &action, NULL) < 0 ? -errno : 0;
}

/* Signals are the program's threads' affair. */
static int watch_start(struct watch *watch)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&watch->thread, NULL, watch_run, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int watch_begin(struct a10_ring *ring, int64_t ns)
{
	struct watch *watch;
	int err = signal_take();

	if (err < 0)
		return err;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->ring = ring;
	watch->owner = pthread_self();
	/* Twice the same in a row is at least so long. */
	watch->ns = ns;
	sem_init(&watch->end, 0, 0);
	watch_here = watch;
	err = watch_start(watch);
	if (err) {
		watch_here = NULL;
		sem_destroy(&watch->end);
		free(watch);
		return -err;
	}
	ring->tasks.watch = watch;
	ring->tasks.watch_end = watch_end;
	return 0;
}

int a10_task_watch(struct a10_ring *ring, int64_t ns)
{
	if (sq_is_inherited(&ring->sq))
		return -ECHILD;
	if (ns < 0)
		return -EINVAL;
	if (!sq_is_mine(&ring->sq))
		return -EPERM;
	if (ring->tasks.watch)
		watch_end(ring);
	if (watch_here)
		return ns ? -EBUSY : 0;
	overflow_watch();
	return ns ? watch_begin(ring, ns) : 0;
}
