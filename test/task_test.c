/* Tasks: straight-line code on a ring. */
#include "support.h"

#include <sys/wait.h>

#include <a10/task.h>

#include "rig.h"

/* Runs fn(data) as a program; the test is skipped where there is no ring. */
static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *probe = ring_open(NULL);

	ring_close(probe);
	return a10_run(NULL, fn, data);
}

/* ---- running ---------------------------------------------------------------- */

static int give_forty_two(void *data)
{
	*(int *)data += 1;
	return 42;
}

TEST(run_gives_what_the_task_returned)
{
	int count = 0;

	ck_assert_int_eq(run(give_forty_two, &count), 42);
	ck_assert_int_eq(count, 1);
}

static int fail_with_eio(void *data)
{
	(void)data;
	return -EIO;
}

TEST(run_gives_the_tasks_error)
{
	ck_assert_int_eq(run(fail_with_eio, NULL), -EIO);
}

static int talk_through_a_pipe(void *data)
{
	int *ends = data;
	char bytes[8] = "";
	ssize_t n;

	n = a10_await(a10_write(a10_fd_regular(ends[1]), "hello", 5));
	ck_assert_int_eq(n, 5);
	n = a10_await(a10_read(a10_fd_regular(ends[0]), bytes, sizeof(bytes)));
	ck_assert_int_eq(n, 5);
	ck_assert_str_eq(bytes, "hello");
	return (int)n;
}

TEST(await_gives_the_result)
{
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(run(talk_through_a_pipe, ends), 5);
	pipe_close(ends);
}

static int wait_by_hand(void *data)
{
	const struct a10_op op = a10_after(1);
	const uint64_t nowhere = (uint64_t)UINT32_MAX << 32;
	struct a10_result r;

	(void)data;
	ck_assert_int_eq(a10_task_await_op(&op, &r), 0);
	ck_assert_int_eq(a10_task_await_words(0, A10_OPCODE_NOP, 0, 0, 0), 0);
	ck_assert_int_eq(a10_task_await_words(0, A10_OPCODE_READ | nowhere, 0,
					      0, 0),
			 -EBADF);
	return 0;
}

TEST(an_operation_is_awaited_as_words_or_whole)
{
	ck_assert_int_eq(run(wait_by_hand, NULL), 0);
}

static int sleep_a_moment(void *data)
{
	const int64_t start = a10_now();

	(void)data;
	ck_assert_int_eq(a10_sleep(A_MOMENT), 0);
	ck_assert_int_ge(a10_now() - start, A_MOMENT);
	return 0;
}

TEST(sleep_takes_its_time)
{
	ck_assert_int_eq(run(sleep_a_moment, NULL), 0);
}

TEST(what_waits_is_refused_outside_of_tasks)
{
	struct a10_op ops[1] = { a10_nop() };
	struct a10_result r[1];

	ck_assert_int_eq(a10_await(a10_nop()), -EDEADLK);
	ck_assert_int_eq(a10_await(a10_after(1)), -EDEADLK);
	ck_assert_int_eq(a10_await_result(a10_nop(), r), -EDEADLK);
	ck_assert_int_eq(r->value, -EDEADLK);
	ck_assert_int_eq(a10_await_linked(ops, 1, r), -EDEADLK);
	ck_assert_int_eq(a10_await_every(ops, 1, r), -EDEADLK);
	ck_assert_int_eq(a10_await_first(ops, 1, NULL), -EDEADLK);
	ck_assert_int_eq(a10_sleep(1), -EDEADLK);
	ck_assert_int_eq(a10_yield(), -EDEADLK);
	ck_assert_int_eq(a10_task_current(), 0);
	ck_assert(!a10_task_cancelled());
	ck_assert(!a10_task_shield(true));
	ck_assert(!a10_task_shield(false));
	ck_assert_str_eq(a10_task_name(), "");
	ck_assert_int_eq(a10_task_set_local(r, r), -EDEADLK);
	ck_assert_ptr_null(a10_task_local(r));
	a10_task_set_name("nobody");
}

static int poll_here(void *data)
{
	struct a10_scope scope;

	ck_assert_int_eq(a10_ring_poll(data, 0), -EDEADLK);
	ck_assert_int_eq(a10_ring_run(data), -EDEADLK);
	ck_assert_int_eq(a10_ring_destroy(data, 0), -EDEADLK);
	ck_assert_int_eq(a10_run(NULL, give_forty_two, NULL), -EDEADLK);
	ck_assert_ptr_eq(a10_ring_current(), data);
	a10_scope_open(&scope, NULL, 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	return 0;
}

TEST(a_task_cannot_poll)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_gt(a10_task_spawn(a10_ring_sq(ring), poll_here, ring, 0),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
}

/* ---- spawning, joining ------------------------------------------------------- */

struct copied {
	int number;
	char text[4000];
	_Alignas(64) int last;
};

static int look_at_the_copy(void *data)
{
	const struct copied *copied = data;

	ck_assert_uint_eq((uintptr_t)copied % 64, 0);
	ck_assert_int_eq(copied->number, 7);
	ck_assert_int_eq(copied->text[3999], 'x');
	ck_assert_int_eq(copied->last, 9);
	return copied->number;
}

static int spawn_with_a_copy(void *data)
{
	struct copied copied = { .number = 7, .last = 9 };
	a10_id id;

	(void)data;
	copied.text[3999] = 'x';
	id = a10_task_spawn(NULL, look_at_the_copy, &copied, sizeof(copied));
	memset(&copied, 0, sizeof(copied));
	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(a10_await(a10_task_join(id)), 7);
	ck_assert_int_eq(a10_await(a10_task_join(id)), -ESRCH);
	ck_assert_int_eq(a10_await(a10_task_join(a10_task_current())),
			 -EDEADLK);
	ck_assert_int_eq(a10_await(a10_task_join(0)), -ESRCH);
	return 0;
}

TEST(data_is_copied_to_the_tasks_stack)
{
	ck_assert_int_eq(run(spawn_with_a_copy, NULL), 0);
}

static int join_with_a_timeout(void *data)
{
	a10_id id = a10_task_spawn(NULL, sleep_a_moment, data, 0);

	ck_assert_int_eq(a10_await(a10_timeout(a10_task_join(id), 1000)),
			 -ETIME);
	ck_assert_int_eq(a10_await(a10_task_join(id)), 0);
	return 0;
}

TEST(a_join_can_be_given_up)
{
	ck_assert_int_eq(run(join_with_a_timeout, NULL), 0);
}

static void *spawn_from_a_thread(void *data)
{
	int *count = data;
	struct a10_sq *sq = *(struct a10_sq **)(void *)(count + 2);

	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(a10_task_spawn(sq, give_forty_two, count, 0),
				 0);
	return NULL;
}

TEST(any_thread_spawns)
{
	struct a10_ring *ring = ring_open(NULL);
	struct {
		int count;
		int unused;
		struct a10_sq *sq;
	} shared = { .sq = a10_ring_sq(ring) };
	pthread_t thread;

	ring_bind(ring);
	thread = thread_start(spawn_from_a_thread, &shared);
	RUN_UNTIL(ring, shared.count == 100);
	thread_join(thread);
	ring_close(ring);
}

TEST(what_cannot_be_spawned_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_task_options options = { .sq = a10_ring_sq(ring) };
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	char large[40 << 10] = "";

	ck_assert_int_eq(a10_task_spawn(NULL, give_forty_two, NULL, 0),
			 -EINVAL);
	ck_assert_int_eq(a10_task_spawn(sq, give_forty_two, large,
					sizeof(large)),
			 -E2BIG);
	options.stack_size = (size_t)2 << 30;
	ck_assert_int_eq(a10_task_spawn_with(&options, give_forty_two, NULL, 0),
			 -E2BIG);
	options.stack_size = 0;
	options.reserved[2] = 1;
	ck_assert_int_eq(a10_task_spawn_with(&options, give_forty_two, NULL, 0),
			 -EINVAL);
	ring_close(ring);
	ck_assert_int_eq(a10_task_spawn(sq, give_forty_two, NULL, 0),
			 -ESHUTDOWN);
	a10_sq_unref(sq);
}

/* ---- cancelling --------------------------------------------------------------- */

struct cancelled {
	int ends[2];
	ssize_t first, second, shielded, closed, after, tried;
	bool told;
};

static int be_cancelled(void *data)
{
	struct cancelled *it = data;
	struct a10_fd in = a10_fd_regular(it->ends[0]);
	char byte;

	it->first = a10_await(a10_read(in, &byte, 1));
	it->told = a10_task_cancelled();
	it->second = a10_await(a10_nop());
	it->shielded = a10_await(a10_shielded(a10_after(1000)));
	a10_task_shield(true);
	it->tried = a10_sleep(1000);
	a10_task_shield(false);
	it->after = a10_sleep(1);
	it->closed = a10_await(a10_close(in));
	return -ECANCELED;
}

TEST(a_cancelled_task_gets_ecanceled_but_can_still_close)
{
	struct a10_ring *ring = ring_open(NULL);
	struct cancelled it = { .first = 1 };
	a10_id id;

	pipe_open(it.ends);
	id = a10_task_spawn(a10_ring_sq(ring), be_cancelled, &it, 0);
	ck_assert_int_gt(id, 0);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(it.first, 1);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(it.first, -ECANCELED);
	ck_assert(it.told);
	ck_assert_int_eq(it.second, -ECANCELED);
	ck_assert_int_eq(it.shielded, 0);
	ck_assert_int_eq(it.tried, 0);
	ck_assert_int_eq(it.after, -ECANCELED);
	ck_assert_int_eq(it.closed, 0);
	ck_assert(!number_is_open(it.ends[0]));
	it.ends[0] = -1;
	pipe_close(it.ends);
	ring_close(ring);
}

TEST(destroying_the_ring_ends_its_tasks_in_order)
{
	struct a10_ring *ring = ring_open(NULL);
	struct cancelled it = { .first = 1 };

	pipe_open(it.ends);
	a10_task_spawn(a10_ring_sq(ring), be_cancelled, &it, 0);
	run_for(ring, A_MOMENT);
	ring_close(ring);
	ck_assert_int_eq(it.first, -ECANCELED);
	ck_assert_int_eq(it.closed, 0);
	ck_assert(!number_is_open(it.ends[0]));
	it.ends[0] = -1;
	pipe_close(it.ends);
}

struct joins {
	a10_id sleeper;
	unsigned int begun;
	ssize_t plain[2], modified;
};

static int sleep_till_cancelled(void *data)
{
	(void)data;
	return a10_sleep(A10_FOREVER);
}

static int join_plainly(void *data)
{
	struct joins *joins = data;
	const unsigned int at = joins->begun++;

	joins->plain[at] = a10_await(a10_task_join(joins->sleeper));
	return 0;
}

static int join_otherwise(void *data)
{
	struct joins *joins = data;

	joins->modified = a10_await(
		a10_timeout(a10_task_join(joins->sleeper), 60 * A10_SECOND));
	return 0;
}

static int cancel_joins(void *data)
{
	struct joins joins = { .plain = { 1, 1 }, .modified = 1 };
	struct a10_scope scope;

	(void)data;
	joins.sleeper = a10_task_spawn(NULL, sleep_till_cancelled, NULL, 0);
	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, join_plainly, &joins, 0);
	a10_scope_spawn(&scope, join_plainly, &joins, 0);
	a10_scope_spawn(&scope, join_otherwise, &joins, 0);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_int_eq(joins.plain[0], -ECANCELED);
	ck_assert_int_eq(joins.plain[1], -ECANCELED);
	ck_assert_int_eq(joins.modified, -ECANCELED);
	/* Who still waits is told. */
	a10_cancel(a10_ring_sq(a10_ring_current()), joins.sleeper);
	return (int)a10_await(a10_task_join(joins.sleeper));
}

TEST(a_cancelled_join_leaves_the_other_task_alone)
{
	ck_assert_int_eq(run(cancel_joins, NULL), -ECANCELED);
}

static int give_seven_when_cancelled(void *data)
{
	(void)data;
	a10_sleep(A10_FOREVER);
	return 7;
}

static int leave_one_joining(void *data)
{
	struct joins joins = { .plain = { 1, 1 } };
	a10_id older, newer;

	(void)data;
	joins.sleeper =
		a10_task_spawn(NULL, give_seven_when_cancelled, NULL, 0);
	older = a10_task_spawn(NULL, join_plainly, &joins, 0);
	newer = a10_task_spawn(NULL, join_plainly, &joins, 0);
	a10_sleep(A10_MILLISECOND);
	a10_cancel(a10_ring_sq(a10_ring_current()), older);
	a10_await(a10_task_join(older));
	a10_cancel(a10_ring_sq(a10_ring_current()), joins.sleeper);
	a10_await(a10_task_join(newer));
	ck_assert_int_eq(joins.plain[0], -ECANCELED);
	return (int)joins.plain[1];
}

TEST(who_still_joins_is_told_when_another_has_given_up)
{
	ck_assert_int_eq(run(leave_one_joining, NULL), 7);
}

static int born_cancelled(void *data)
{
	ck_assert(a10_task_cancelled());
	ck_assert_int_eq(a10_sleep(A10_SECOND), -ECANCELED);
	++*(int *)data;
	return -ECANCELED;
}

static int spawn_into_the_cancelled(void *data)
{
	struct a10_scope scope;
	a10_id id;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_cancel(&scope);
	ck_assert_int_gt(a10_scope_spawn(&scope, born_cancelled, data, 0), 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
	ck_assert_int_eq(*(int *)data, 1);
	/* And in a task that is. */
	id = a10_task_current();
	a10_cancel(a10_ring_sq(a10_ring_current()), id);
	a10_scope_open(&scope, NULL, 0);
	ck_assert_int_gt(a10_scope_spawn(&scope, born_cancelled, data, 0), 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_int_eq(*(int *)data, 2);
	return 3;
}

TEST(a_task_spawned_where_all_is_cancelled_begins_cancelled)
{
	int count = 0;

	ck_assert_int_eq(run(spawn_into_the_cancelled, &count), 3);
}

/* ---- taking turns --------------------------------------------------------------- */

static void on_time(void *data, const struct a10_result *r)
{
	(void)r;
	*(bool *)data = true;
}

static int yield_for_a_while(void *data)
{
	bool over = false;

	(void)data;
	a10_submit(a10_ring_sq(a10_ring_current()), a10_after(A10_MILLISECOND),
		   on_time, &over);
	while (!over)
		ck_assert_int_eq(a10_yield(), 0);
	return 0;
}

static int be_busy_for_a_while(void *data)
{
	struct a10_semaphore semaphore;
	bool over = false;

	(void)data;
	a10_semaphore_init(&semaphore, 1);
	a10_submit(a10_ring_sq(a10_ring_current()), a10_after(A10_MILLISECOND),
		   on_time, &over);
	/* It never has to wait for it. */
	while (!over) {
		ck_assert_int_eq(a10_await(a10_semaphore_acquire(&semaphore)),
				 0);
		a10_semaphore_release(&semaphore);
	}
	a10_semaphore_finish(&semaphore);
	return 0;
}

TEST(tasks_that_are_always_ready_let_results_come)
{
	ck_assert_int_eq(run(yield_for_a_while, NULL), 0);
	ck_assert_int_eq(run(be_busy_for_a_while, NULL), 0);
}

/* ---- itself --------------------------------------------------------------------- */

static int keep_errno(void *data)
{
	const int mine = (int)(intptr_t)data;

	for (int i = 0; i < 10; i++) {
		errno = mine;
		a10_yield();
		ck_assert_int_eq(errno, mine);
		a10_sleep(1000);
		ck_assert_int_eq(errno, mine);
	}
	return 0;
}

static int keep_locals(void *data)
{
	static const char keys[10];
	char values[10];

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(a10_task_set_local(&keys[i], &values[i]), 0);
	a10_task_set_name("keeper %d", (int)(intptr_t)data);
	ck_assert_int_eq(a10_yield(), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_eq(a10_task_local(&keys[i]), &values[i]);
	ck_assert_int_eq(a10_task_set_local(&keys[2], NULL), 0);
	ck_assert_ptr_null(a10_task_local(&keys[2]));
	ck_assert_ptr_null(a10_task_local(values));
	ck_assert_int_eq(strncmp(a10_task_name(), "keeper ", 7), 0);
	return 0;
}

static int spawn_keepers(void *data)
{
	struct a10_scope scope;

	(void)data;
	a10_scope_open(&scope, NULL, 0);
	for (intptr_t i = 1; i < 20; i++) {
		a10_scope_spawn(&scope, keep_errno, (void *)i, 0);
		a10_scope_spawn(&scope, keep_locals, (void *)i, 0);
	}
	return (int)a10_await(a10_scope_wait(&scope));
}

TEST(errno_and_locals_are_each_tasks_own)
{
	ck_assert_int_eq(run(spawn_keepers, NULL), 0);
}

static void find_name(void *data, const char *text)
{
	if (strstr(text, "task 'sleeper'"))
		++*(int *)data;
}

static int sleep_long(void *data)
{
	a10_task_set_name("sleeper");
	*(int *)data = a10_sleep(A10_FOREVER);
	return 0;
}

TEST(a_dump_names_tasks)
{
	struct a10_ring *ring = ring_open(NULL);
	int said = 0, found = 0;

	a10_task_spawn(a10_ring_sq(ring), sleep_long, &said, 0);
	run_for(ring, A_MOMENT);
	a10_ring_dump(ring, find_name, &found);
	ck_assert_int_eq(found, 1);
	ring_close(ring);
	ck_assert_int_eq(said, -ECANCELED);
}

/* ---- in a forked child --------------------------------------------------------- */

static int be_elsewhere(void *data)
{
	*(int *)data = a10_sleep(1);
	return 5;
}

static int fork_a_child(void *data)
{
	struct a10_op ops[2] = { a10_nop(), a10_nop() };
	struct a10_scope scope;
	int status = 0, slept = 1;
	pid_t child;

	(void)data;
	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, give_forty_two, &status, 0);
	child = fork();
	if (child == 0) {
		const bool refused =
			a10_await(a10_nop()) == -ECHILD &&
			a10_sleep(1) == -ECHILD && a10_yield() == -ECHILD &&
			a10_await_every(ops, 2, NULL) == -ECHILD &&
			a10_await_first(ops, 2, NULL) == -ECHILD &&
			a10_await_linked(ops, 2, NULL) == -ECHILD &&
			a10_scope_spawn(&scope, give_forty_two, data, 0) ==
				-ECHILD &&
			a10_scope_close(&scope) == -ECHILD;

		/* But it may have a ring, and tasks, of its own. */
		_exit(refused && a10_run(NULL, be_elsewhere, &slept) == 5 &&
				      slept == 0 ?
			      0 :
			      1);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

TEST(a_child_forked_in_a_task_is_refused_and_may_run_its_own)
{
	if (on_valgrind())
		SKIP("valgrind does not know MADV_DONTFORK");
	ck_assert_int_eq(run(fork_a_child, NULL), 0);
}
