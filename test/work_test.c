/* Blocking code on helper threads, as operations. */
#include "support.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static unsigned int at_first;

static struct a10_ring *ring_begin(const struct a10_config *config)
{
	if (at_first == 0)
		at_first = open_descriptors();
	return ring_open(config);
}

/* A helper thread gives its reference back a moment after its result. */
static void ring_end(struct a10_ring *ring)
{
	ring_close(ring);
	WAIT_UNTIL(open_descriptors() <= at_first);
}

struct gate {
	sem_t open;
	atomic_uint begun;
	atomic_uint ended;
	_Atomic pthread_t thread;
};

static void gate_make(struct gate *gate)
{
	memset(gate, 0, sizeof(*gate));
	ck_assert_int_eq(sem_init(&gate->open, 0, 0), 0);
}

static ssize_t pass(void *data)
{
	struct gate *gate = data;
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	ck_assert_int_eq(sigismember(&blocked, SIGTERM), 1);
	atomic_store(&gate->thread, pthread_self());
	atomic_fetch_add(&gate->begun, 1);
	while (sem_wait(&gate->open) != 0)
		continue;
	return (ssize_t)atomic_fetch_add(&gate->ended, 1) + 100;
}

static ssize_t refuse(void *data)
{
	(void)data;
	return -EDOM;
}

static ssize_t add(void *data)
{
	atomic_fetch_add((atomic_uint *)data, 1);
	return 0;
}

TEST(work_is_done_on_another_thread)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct gate gate;
	struct seen seen;
	sigset_t blocked;

	gate_make(&gate);
	start(ring, a10_work(pass, &gate), &seen);
	run_for(ring, A_MOMENT);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	ck_assert_int_eq(sigismember(&blocked, SIGTERM), 0);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_uint_eq(a10_ring_pending(ring), 1);
	ck_assert_int_eq(sem_post(&gate.open), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 100);
	ck_assert(!pthread_equal(atomic_load(&gate.thread), pthread_self()));
	for (int i = 0; i < 10; i++) {
		/* A thread is idle a moment after its job. */
		nap(A10_MILLISECOND / 2);
		ck_assert_int_eq(value_of(ring, a10_work(refuse, NULL)), -EDOM);
	}
	ck_assert_uint_le(a10_work_threads(), 3);
	ring_end(ring);
}

TEST(many_jobs_have_no_more_threads_than_allowed_and_all_end)
{
	struct a10_ring *ring = ring_begin(NULL);
	static struct seen seen[200];
	struct gate gate;

	gate_make(&gate);
	a10_work_limit(3);
	for (int i = 0; i < 200; i++)
		start(ring, a10_work(pass, &gate), &seen[i]);
	ck_assert_uint_le(a10_work_threads(), 3);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 3);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(atomic_load(&gate.begun), 3);
	ck_assert_uint_eq(a10_work_threads(), 3);
	/* Fewer from now on; those there are end when they can. */
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(sem_post(&gate.open), 0);
	RUN_UNTIL(ring, atomic_load(&gate.ended) == 100);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 103);
	a10_work_limit(1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sem_post(&gate.open), 0);
	RUN_UNTIL(ring, a10_work_threads() == 1);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 104);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(atomic_load(&gate.begun), 104);
	for (int i = 0; i < 97; i++)
		ck_assert_int_eq(sem_post(&gate.open), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	WAIT_UNTIL(a10_work_threads() == 1);
	for (int i = 0; i < 200; i++)
		ck_assert_int_ge(seen[i].last.value, 100);
	a10_work_limit(0);
	ring_end(ring);
}

static ssize_t end_thread(void *data)
{
	(void)data;
	pthread_exit(NULL);
}

TEST(a_job_that_ends_its_thread_is_over_and_another_thread_goes_on)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct seen ended[3], after;
	atomic_uint count = 0;

	a10_work_limit(1);
	for (int i = 0; i < 3; i++)
		start(ring, a10_work(end_thread, NULL), &ended[i]);
	start(ring, a10_work(add, &count), &after);
	RUN_UNTIL(ring, after.ended == 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ended[i].last.value, -EOWNERDEAD);
	ck_assert_uint_eq(atomic_load(&count), 1);
	ck_assert_uint_eq(a10_work_threads(), 1);
	a10_work_limit(0);
	ring_end(ring);
}

TEST(work_that_has_not_begun_is_cancelled)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct seen running, cancelled, timed, forgotten;
	struct gate gate;
	a10_id id;

	gate_make(&gate);
	a10_work_limit(1);
	id = start(ring, a10_work(pass, &gate), &running);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 1);
	/* What has begun goes on, whoever cancels it. */
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	id = start(ring, a10_work(pass, &gate), &cancelled);
	start(ring, a10_timeout(a10_work(pass, &gate), A_MOMENT), &timed);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, cancelled.ended == 1 && timed.ended == 1);
	ck_assert_int_eq(cancelled.last.value, -ECANCELED);
	ck_assert_int_eq(timed.last.value, -ETIME);
	ck_assert_uint_eq(running.count, 0);
	id = start(ring, a10_work(pass, &gate), &forgotten);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	ck_assert_int_eq(sem_post(&gate.open), 0);
	RUN_UNTIL(ring, running.ended == 1);
	ck_assert_int_eq(running.last.value, 100);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(forgotten.count, 0);
	ck_assert_uint_eq(atomic_load(&gate.begun), 1);
	a10_work_limit(0);
	ring_end(ring);
}

/* Also those that came while there were fewer. */
TEST(a_higher_limit_starts_what_waits)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct seen seen[4];
	struct gate gate;

	gate_make(&gate);
	a10_work_limit(1);
	for (int i = 0; i < 4; i++)
		start(ring, a10_work(pass, &gate), &seen[i]);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 1);
	a10_work_limit(3);
	WAIT_UNTIL(atomic_load(&gate.begun) == 3);
	ck_assert_uint_eq(a10_work_threads(), 3);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(sem_post(&gate.open), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(atomic_load(&gate.ended), 4);
	a10_work_limit(0);
	ring_end(ring);
}

/* A user whose threads are too many already; may be undone. */
static void threads_allow(bool some)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	limit.rlim_cur = some ? limit.rlim_max : 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
}

TEST(where_no_thread_can_be_made_work_says_so)
{
	struct a10_ring *ring = ring_begin(NULL);
	atomic_uint done = 0;

	ring_bind(ring);
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		SKIP("this user may make threads anyhow");
	threads_allow(false);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(value_of(ring, a10_work(add, &done)), -EAGAIN);
	ck_assert_uint_eq(a10_work_threads(), 0);
	threads_allow(true);
	ck_assert_int_eq(value_of(ring, a10_work(add, &done)), 0);
	ck_assert_uint_eq(atomic_load(&done), 1);
	ring_end(ring);
}

static void *open_later(void *data)
{
	struct gate *gate = data;

	nap(A_MOMENT);
	ck_assert_int_eq(sem_post(&gate->open), 0);
	return NULL;
}

/* What it works on may be freed once the ring is destroyed. */
TEST(a_ring_is_not_destroyed_before_its_work_is_done)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct seen running, waiting;
	struct gate gate;
	pthread_t thread;

	gate_make(&gate);
	a10_work_limit(1);
	start(ring, a10_work(pass, &gate), &running);
	start(ring, a10_work(pass, &gate), &waiting);
	RUN_UNTIL(ring, atomic_load(&gate.begun) == 1);
	thread = thread_start(open_later, &gate);
	ring_end(ring);
	ck_assert_uint_eq(atomic_load(&gate.ended), 1);
	ck_assert_int_eq(running.last.value, 100);
	ck_assert_int_eq(waiting.last.value, -ECANCELED);
	thread_join(thread);
	a10_work_limit(0);
}

struct sum {
	struct a10_sq *sq;
	atomic_uint done;
};

static void *await_work(void *data)
{
	struct sum *sum = data;

	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(a10_await_on(sum->sq,
					      a10_work(add, &sum->done), NULL),
				 0);
	return NULL;
}

TEST(other_threads_await_work)
{
	struct a10_config threaded = { .kernel_thread = A10_ON };

	for (int i = 0; i < 2; i++) {
		struct a10_ring *ring = ring_begin(i ? &threaded : NULL);
		struct sum sum = { .sq = a10_ring_sq(ring) };
		pthread_t threads[3];

		ring_bind(ring);
		for (int k = 0; k < 3; k++)
			threads[k] = thread_start(await_work, &sum);
		for (int k = 0; k < 3; k++)
			RUN_UNTIL(ring,
				  pthread_tryjoin_np(threads[k], NULL) == 0);
		ck_assert_uint_eq(atomic_load(&sum.done), 600);
		ring_end(ring);
	}
}

static int work_in_child(atomic_uint *done)
{
	struct a10_ring *own;

	alarm(10);
	if (a10_work_threads() != 0 || a10_ring_create(NULL, &own) < 0)
		return 1;
	if (a10_await_on(a10_ring_sq(own), a10_work(add, done), NULL))
		return 2;
	return atomic_load(done) == 2 ? 0 : 3;
}

TEST(a_forked_child_has_helpers_of_its_own)
{
	struct a10_ring *ring = ring_begin(NULL);
	atomic_uint done = 0;
	int status;
	pid_t child;

#ifdef __SANITIZE_THREAD__
	SKIP("the sanitizer lets no forked child make threads");
#endif
	if (on_valgrind())
		SKIP("valgrind does not know MADV_DONTFORK");
	/* Behind the back of pthread_atfork, too. */
	for (int plain = 0; plain < 2; plain++) {
		atomic_store(&done, 0);
		ck_assert_int_eq(value_of(ring, a10_work(add, &done)), 0);
		child = plain ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) :
				fork();
		if (child == 0)
			_exit(work_in_child(&done));
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(value_of(ring, a10_work(add, &done)), 0);
	ring_end(ring);
}
