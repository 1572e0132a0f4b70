/*
 * Owners that end in the middle of things: in a callback, in a task, with scopes
 * on their stacks. Others get what they wait for.
 */
#include "support.h"

#include <poll.h>
#include <stdatomic.h>

#define WAITERS 9

struct leaver {
	struct a10_ring *ring;
	struct a10_sq *sq;
	int pipe[2];
	atomic_bool bound;
	atomic_bool go;
	atomic_uint released;
	atomic_uint told; /* warnings and errors but the one that is due */
	atomic_uint called;
	const struct a10_config *config;
	void (*leave)(struct leaver *leaver);
};

static void on_log(void *data, enum a10_log_level level, const char *text)
{
	struct leaver *leaver = data;

	if (level <= A10_LOG_WARNING && !strstr(text, "did not destroy") &&
	    !strstr(text, "given up"))
		fprintf(stderr, "%s\n", text),
			atomic_fetch_add(&leaver->told, 1);
}

static void *leaver_run(void *data)
{
	struct leaver *leaver = data;

	ring_bind(leaver->ring);
	atomic_store(&leaver->bound, true);
	WAIT_UNTIL(atomic_load(&leaver->go));
	leaver->leave(leaver);
	return NULL;
}

static void on_bye(void *data, const struct a10_result *r)
{
	(void)data;
	(void)r;
	pthread_exit(NULL);
}

static void on_released(void *owned)
{
	atomic_fetch_add((atomic_uint *)owned, 1);
}

static void poll_for_ever(struct leaver *leaver)
{
	for (;;)
		ck_assert_int_ge(a10_ring_poll(leaver->ring, A10_SECOND), 0);
}

struct waiting {
	struct leaver *leaver;
	unsigned int number;
};

static ssize_t some_work(void *data)
{
	(void)data;
	nap(A_MOMENT);
	return 7;
}

/* What is there at once, what only ends by a cancel, what somebody works on. */
static void *await_something(void *data)
{
	struct waiting *waiting = data;
	struct leaver *leaver = waiting->leaver;
	ssize_t value;

	switch (waiting->number % 3) {
	case 0:
		value = a10_await_on(leaver->sq, a10_nop(), NULL);
		ck_assert(value == 0 || value == -ECANCELED);
		break;
	case 1:
		value = a10_await_on(leaver->sq,
				     a10_poll(a10_fd_regular(leaver->pipe[0]),
					      POLLIN),
				     NULL);
		ck_assert_int_eq(value, -ECANCELED);
		break;
	default:
		value = a10_await_on(leaver->sq, a10_work(some_work, NULL),
				     NULL);
		ck_assert(value == 7 || value == -ECANCELED);
	}
	return NULL;
}

static void leaver_open(struct leaver *leaver, void (*leave)(struct leaver *))
{
	leaver->ring = ring_open(leaver->config);
	leaver->sq = a10_sq_ref(a10_ring_sq(leaver->ring));
	leaver->leave = leave;
	pipe_open(leaver->pipe);
	a10_set_log(on_log, leaver);
}

static void leaver_close(struct leaver *leaver)
{
	/* Nothing is left of it. */
	ck_assert_int_eq(a10_ring_destroy(leaver->ring, 0), 0);
	ck_assert_uint_eq(atomic_load(&leaver->told), 0);
	a10_set_log(NULL, NULL);
	a10_sq_unref(leaver->sq);
	pipe_close(leaver->pipe);
}

/* Others wait, all of it in one batch, and the owner leaves in its midst. */
static void test_leaving(const struct a10_config *config,
			 void (*leave)(struct leaver *))
{
	struct leaver leaver = { .config = config };
	struct waiting waiting[WAITERS];
	pthread_t owner, threads[WAITERS];
	int64_t begin;

	leaver_open(&leaver, leave);
	owner = thread_start(leaver_run, &leaver);
	WAIT_UNTIL(atomic_load(&leaver.bound));
	for (unsigned int i = 0; i < WAITERS; i++) {
		waiting[i] = (struct waiting){ &leaver, i };
		threads[i] = thread_start(await_something, &waiting[i]);
	}
	nap(A_MOMENT);
	begin = a10_now();
	atomic_store(&leaver.go, true);
	thread_join(owner);
	ck_assert_int_lt(a10_now() - begin, PATIENCE);
	for (unsigned int i = 0; i < WAITERS; i++)
		thread_join(threads[i]);
	leaver_close(&leaver);
}

/* ---- in a callback ------------------------------------------------------------- */

static void leave_in_plain_callback(struct leaver *leaver)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_gt(a10_submit(leaver->sq, a10_nop(), NULL, NULL),
				 0);
	ck_assert_int_gt(a10_submit(leaver->sq, a10_nop(), on_bye, NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_gt(
			a10_submit(leaver->sq, a10_nop(), on_never, NULL), 0);
	poll_for_ever(leaver);
}

TEST(an_owner_may_end_in_a_callback_of_a_batch)
{
	struct a10_config shared = { .single_issuer = A10_OFF };
	struct a10_config threaded = { .kernel_thread = A10_ON };
	struct a10_config tiny = { .submission_entries = 2 };

	test_leaving(NULL, leave_in_plain_callback);
	test_leaving(&shared, leave_in_plain_callback);
	test_leaving(&threaded, leave_in_plain_callback);
	test_leaving(&tiny, leave_in_plain_callback);
}

/* Of what is finished without the kernel: its list is cut short. */
static void leave_in_finished_callback(struct leaver *leaver)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_gt(a10_submit(leaver->sq,
					    a10_after(A10_SECOND * 3600),
					    i ? on_never : on_bye, NULL),
				 0);
	ck_assert_int_ge(a10_ring_poll(leaver->ring, 0), 0);
	ck_assert_int_eq(a10_cancel_all(leaver->sq), 0);
	poll_for_ever(leaver);
}

TEST(an_owner_may_end_in_a_callback_of_what_was_cancelled)
{
	test_leaving(NULL, leave_in_finished_callback);
}

static void leave_in_owning_callback(struct leaver *leaver)
{
	ck_assert_int_gt(a10_submit(leaver->sq,
				    a10_owning(a10_nop(), &leaver->released,
					       on_released),
				    on_bye, NULL),
			 0);
	poll_for_ever(leaver);
}

TEST(what_an_operation_owns_is_released_though_its_callback_did_not_return)
{
	struct leaver leaver = { .config = NULL };

	leaver_open(&leaver, leave_in_owning_callback);
	atomic_store(&leaver.go, true);
	thread_join(thread_start(leaver_run, &leaver));
	ck_assert_uint_eq(atomic_load(&leaver.released), 1);
	leaver_close(&leaver);
}

static void on_second_bye(void *data, const struct a10_result *r)
{
	if (r->index == 1)
		on_bye(data, r);
}

/* In the middle of a chain, and in its last. */
static void leave_in_chain(struct leaver *leaver, unsigned int members)
{
	struct a10_op ops[3] = { a10_nop(), a10_nop(), a10_nop() };

	ops[0] = a10_owning(ops[0], &leaver->released, on_released);
	ck_assert_int_gt(a10_submit_linked(leaver->sq, ops, members,
					   on_second_bye, NULL),
			 0);
	poll_for_ever(leaver);
}

static void leave_in_long_chain(struct leaver *leaver)
{
	leave_in_chain(leaver, 3);
}

static void leave_at_end_of_chain(struct leaver *leaver)
{
	leave_in_chain(leaver, 2);
}

TEST(an_owner_may_end_in_a_callback_of_a_chain)
{
	for (int i = 0; i < 2; i++) {
		struct leaver leaver = { .config = NULL };

		leaver_open(&leaver,
			    i ? leave_in_long_chain : leave_at_end_of_chain);
		atomic_store(&leaver.go, true);
		thread_join(thread_start(leaver_run, &leaver));
		ck_assert_uint_eq(atomic_load(&leaver.released), 1);
		leaver_close(&leaver);
	}
}

/* One that goes on, with the kernel and without. */
static void leave_in_multishot(struct leaver *leaver)
{
	ck_assert_int_gt(
		a10_submit(leaver->sq,
			   a10_multishot(a10_poll(
				   a10_fd_regular(leaver->pipe[0]), POLLIN)),
			   on_bye, NULL),
		0);
	ck_assert_int_eq(write(leaver->pipe[1], "x", 1), 1);
	poll_for_ever(leaver);
}

static void leave_in_tick(struct leaver *leaver)
{
	ck_assert_int_gt(a10_submit(leaver->sq,
				    a10_multishot(a10_after(A10_MILLISECOND)),
				    on_bye, NULL),
			 0);
	poll_for_ever(leaver);
}

static void on_buffer_bye(void *data, const struct a10_result *r)
{
	a10_buf_release(r->buf);
	on_bye(data, r);
}

static void leave_in_read(struct leaver *leaver)
{
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(leaver->ring, 2, 4096, 0, &pool), 0);
	ck_assert_int_eq(write(leaver->pipe[1], "abc", 3), 3);
	ck_assert_int_gt(
		a10_submit(leaver->sq,
			   a10_multishot(a10_read_pooled(
				   a10_fd_regular(leaver->pipe[0]), pool)),
			   on_buffer_bye, NULL),
		0);
	poll_for_ever(leaver);
}

TEST(an_owner_may_end_in_a_callback_of_what_goes_on)
{
	void (*const leaves[])(struct leaver *) = { leave_in_multishot,
						    leave_in_tick,
						    leave_in_read };

	for (int i = 0; i < 3; i++) {
		struct leaver leaver = { .config = NULL };

		leaver_open(&leaver, leaves[i]);
		atomic_store(&leaver.go, true);
		thread_join(thread_start(leaver_run, &leaver));
		leaver_close(&leaver);
	}
}

static void leave_while_destroying(struct leaver *leaver)
{
	ck_assert_int_gt(a10_submit(leaver->sq, a10_after(A10_SECOND * 3600),
				    on_bye, NULL),
			 0);
	(void)a10_ring_destroy(leaver->ring, A10_FOREVER);
}

TEST(an_owner_may_end_while_it_destroys_the_ring)
{
	test_leaving(NULL, leave_while_destroying);
}

/* By a cancel that comes to effect in a callback is the same. */
static void on_cancelled_thread(void *data, const struct a10_result *r)
{
	(void)data;
	(void)r;
	(void)pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void leave_by_cancel(struct leaver *leaver)
{
	ck_assert_int_gt(a10_submit(leaver->sq, a10_nop(), on_cancelled_thread,
				    NULL),
			 0);
	poll_for_ever(leaver);
}

TEST(an_owner_may_be_cancelled)
{
	test_leaving(NULL, leave_by_cancel);
}

/* ---- in a task ------------------------------------------------------------------ */

static int task_leaves(void *data)
{
	(void)data;
	pthread_exit(NULL);
}

static int task_waits(void *data)
{
	(void)data;
	ck_assert_int_eq(a10_sleep(A10_SECOND * 3600), -ECANCELED);
	return 0;
}

/* Who is not resumed leaves the pipe behind. */
static int task_reads(void *data)
{
	int ends[2];
	char byte;

	(void)data;
	pipe_open(ends);
	ck_assert_int_eq(a10_await(a10_read(a10_fd_regular(ends[0]), &byte, 1)),
			 -ECANCELED);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int task_reads_two(void *data)
{
	struct a10_op ops[2];
	int ends[2];
	char bytes[2];

	(void)data;
	pipe_open(ends);
	ops[0] = a10_read(a10_fd_regular(ends[0]), &bytes[0], 1);
	ops[1] = a10_read(a10_fd_regular(ends[0]), &bytes[1], 1);
	ck_assert_int_eq(a10_await_every(ops, 2, NULL), -ECANCELED);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int task_streams(void *data)
{
	struct a10_stream *stream;
	int ends[2];

	(void)data;
	pipe_open(ends);
	stream = a10_stream_open(a10_poll(a10_fd_regular(ends[0]), POLLIN), 1);
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -ECANCELED);
	a10_stream_close(stream);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void leave_in_task(struct leaver *leaver)
{
	ck_assert_int_gt(a10_task_spawn(leaver->sq, task_streams, NULL, 0), 0);
	ck_assert_int_gt(a10_task_spawn(leaver->sq, task_waits, NULL, 0), 0);
	ck_assert_int_gt(a10_task_spawn(leaver->sq, task_reads, NULL, 0), 0);
	ck_assert_int_gt(a10_task_spawn(leaver->sq, task_reads_two, NULL, 0),
			 0);
	ck_assert_int_gt(a10_task_spawn(leaver->sq, task_leaves, NULL, 0), 0);
	poll_for_ever(leaver);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true /* they do not know how a stack is left like that */
#else
#define SANITIZED false
#endif

TEST_IF(!SANITIZED, an_owner_may_end_in_a_task, 20)
{
	test_leaving(NULL, leave_in_task);
}

/* ---- what was on its stack -------------------------------------------------------- */

static void scopes_leave(struct leaver *leaver)
{
	struct a10_scope scope, empty;

	a10_scope_open(&scope, leaver->sq, A10_SCOPE_FAIL_FAST);
	a10_scope_open(&empty, leaver->sq, 0);
	a10_scope_set_deadline(&scope, a10_now() + A10_SECOND * 3600);
	for (int i = 0; i < 3; i++)
		ck_assert_int_gt(a10_scope_submit(&scope,
						  a10_after(A10_SECOND * 3600),
						  on_never, NULL),
				 0);
	ck_assert_int_gt(a10_submit(leaver->sq, a10_scope_wait(&scope),
				    on_never, NULL),
			 0);
	ck_assert_int_gt(a10_submit(leaver->sq, a10_scope_wait(&empty),
				    on_never, NULL),
			 0);
}

/* Where it was there is something else by then. */
static void __attribute__((noinline)) stack_overwrite(void)
{
	volatile unsigned char bytes[16384];

	memset((void *)(uintptr_t)bytes, 0xa5, sizeof(bytes));
}

static void leave_scopes(struct leaver *leaver)
{
	scopes_leave(leaver);
	stack_overwrite();
}

TEST(scopes_that_were_on_the_stack_of_an_owner_are_not_touched)
{
	struct leaver leaver = { .config = NULL };

	leaver_open(&leaver, leave_scopes);
	atomic_store(&leaver.go, true);
	thread_join(thread_start(leaver_run, &leaver));
	leaver_close(&leaver);
}

static void *make_and_leave(void *data)
{
	struct leaver *leaver = data;

	leaver_open(leaver, NULL);
	/* Its own, though the ring is not yet bound. */
	ck_assert_int_gt(a10_submit(leaver->sq, a10_after(A10_SECOND * 3600),
				    on_never, NULL),
			 0);
	ring_bind(leaver->ring);
	return NULL;
}

TEST(what_an_owner_submitted_before_the_ring_was_bound_is_its_own_too)
{
	struct leaver leaver = { .config = NULL };

	thread_join(thread_start(make_and_leave, &leaver));
	leaver_close(&leaver);
}

/* ---- what takes longer than others may be held up ---------------------------------- */

static ssize_t long_work(void *data)
{
	(void)data;
	nap(A10_SECOND * 12 / 10);
	return 7;
}

static void *await_long_work(void *data)
{
	struct leaver *leaver = data;

	ck_assert_int_eq(
		a10_await_on(leaver->sq, a10_work(long_work, NULL), NULL), 7);
	atomic_fetch_add(&leaver->called, 1);
	return NULL;
}

static void leave_at_once(struct leaver *leaver)
{
	run_for(leaver->ring, A_MOMENT);
}

TEST(who_waits_for_long_work_on_a_ring_that_is_left_is_told)
{
	struct leaver leaver = { .config = NULL };
	pthread_t owner, thread;

	leaver_open(&leaver, leave_at_once);
	owner = thread_start(leaver_run, &leaver);
	WAIT_UNTIL(atomic_load(&leaver.bound));
	thread = thread_start(await_long_work, &leaver);
	nap(A_MOMENT);
	atomic_store(&leaver.go, true);
	thread_join(owner);
	WAIT_UNTIL(atomic_load(&leaver.called) == 1);
	thread_join(thread);
	leaver_close(&leaver);
}

/* ---- what the ring had ---------------------------------------------------------------- */

TEST(pools_and_regions_of_a_ring_that_was_left_go_with_it)
{
	struct a10_config config = { .registered_buffers = 2 };
	struct leaver leaver = { .config = &config };
	struct a10_pool *pools[2];
	struct a10_region *regions[2];

	leaver_open(&leaver, leave_at_once);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			a10_pool_create(leaver.ring, 2, 4096, 0, &pools[i]), 0);
		ck_assert_int_eq(a10_region_create(leaver.ring, NULL, 4096,
						   &regions[i]),
				 0);
	}
	atomic_store(&leaver.go, true);
	thread_join(thread_start(leaver_run, &leaver));
	a10_pool_destroy(pools[0]);
	a10_region_destroy(regions[0]);
	leaver_close(&leaver);
}

/* ---- threads that are cancelled where they help ----------------------------------------- */

static void *submit_cancelled(void *data)
{
	struct leaver *leaver = data;

	/* The next place where a thread may end is inside. */
	(void)pthread_cancel(pthread_self());
	(void)a10_submit(leaver->sq, a10_nop(), NULL, NULL);
	a10_sq_unref(leaver->sq);
	return NULL;
}

static void on_called(void *data, const struct a10_result *r)
{
	struct leaver *leaver = data;

	ck_assert_int_eq(r->value, 0);
	atomic_fetch_add(&leaver->called, 1);
}

static void wait_for_call(struct leaver *leaver)
{
	while (atomic_load(&leaver->called) == 0)
		ck_assert_int_ge(a10_ring_poll(leaver->ring, 2 * PATIENCE), 0);
	ring_close(leaver->ring);
}

TEST(a_thread_that_is_cancelled_as_it_wakes_the_owner_has_woken_it)
{
	struct leaver leaver = { .config = NULL };
	pthread_t owner;
	int64_t begin;

	leaver_open(&leaver, wait_for_call);
	owner = thread_start(leaver_run, &leaver);
	atomic_store(&leaver.go, true);
	WAIT_UNTIL(atomic_load(&leaver.bound));
	nap(A_MOMENT);
	a10_sq_ref(leaver.sq);
	thread_join(thread_start(submit_cancelled, &leaver));
	nap(A_MOMENT);
	begin = a10_now();
	ck_assert_int_gt(a10_submit(leaver.sq, a10_nop(), on_called, &leaver),
			 0);
	thread_join(owner);
	ck_assert_int_lt(a10_now() - begin, PATIENCE);
	a10_set_log(NULL, NULL);
	a10_sq_unref(leaver.sq);
	pipe_close(leaver.pipe);
}
