/* Scopes of tasks: leaving one, every child is over. */
#include "support.h"

#include <a10/task.h>

static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *probe = ring_open(NULL);

	ring_close(probe);
	return a10_run(NULL, fn, data);
}

static int sleep_and_count(void *data)
{
	const int err = a10_sleep(A10_MILLISECOND);

	++*(int *)data;
	return err;
}

static int sleep_for_ever(void *data)
{
	const int err = a10_sleep(A10_FOREVER);

	if (data)
		++*(int *)data;
	return err;
}

static int end_badly(void *data)
{
	a10_yield();
	return data ? (int)(intptr_t)data : -EIO;
}

static int succeed(void *data)
{
	(void)data;
	a10_sleep(1000);
	return 0;
}

/* ---- waiting, failing, winning ------------------------------------------------- */

static int wait_for_all(void *data)
{
	struct a10_scope scope;
	int *count = data;

	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(
			a10_scope_spawn(&scope, sleep_and_count, count, 0), 0);
	ck_assert_uint_eq(a10_scope_count(&scope), 100);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
	ck_assert_int_eq(*count, 100);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	return 0;
}

TEST(a_scope_waits_for_all_its_tasks)
{
	int count = 0;

	ck_assert_int_eq(run(wait_for_all, &count), 0);
}

static int fail_fast(void *data)
{
	struct a10_scope scope;
	int *count = data;

	a10_scope_open(&scope, NULL, A10_SCOPE_FAIL_FAST);
	for (int i = 0; i < 10; i++)
		a10_scope_spawn(&scope, sleep_for_ever, count, 0);
	a10_scope_spawn(&scope, end_badly, NULL, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), -EIO);
	ck_assert_int_eq(*count, 10);
	ck_assert_int_eq(a10_scope_close(&scope), -EIO);
	return 0;
}

TEST(the_first_error_cancels_the_rest_and_reaches_the_parent)
{
	int count = 0;

	ck_assert_int_eq(run(fail_fast, &count), 0);
}

static int try_the_first(void *data)
{
	const uint32_t flags = *(const uint32_t *)data;
	struct a10_scope scope;
	int count = 0, err;

	a10_scope_open(&scope, NULL, flags);
	a10_scope_spawn(&scope, end_badly, NULL, 0);
	for (int i = 0; i < 2; i++)
		a10_scope_spawn(&scope, sleep_for_ever, &count, 0);
	a10_sleep(A10_MILLISECOND);
	a10_scope_spawn(&scope, succeed, NULL, 0);
	err = (int)a10_await(a10_scope_wait(&scope));
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(a10_scope_close(&scope), err);
	return err;
}

TEST(who_wins_makes_good_what_failed_before)
{
	uint32_t flags = A10_SCOPE_FIRST_WINS;

	ck_assert_int_eq(run(try_the_first, &flags), 0);
	/* Here the error was the first. */
	flags |= A10_SCOPE_FAIL_FAST;
	ck_assert_int_eq(run(try_the_first, &flags), -EIO);
}

static int first_wins(void *data)
{
	struct a10_scope scope;
	int *count = data;

	a10_scope_open(&scope, NULL, A10_SCOPE_FIRST_WINS);
	for (int i = 0; i < 10; i++)
		a10_scope_spawn(&scope, sleep_for_ever, count, 0);
	a10_scope_spawn(&scope, succeed, NULL, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
	ck_assert_int_eq(*count, 10);
	return 0;
}

TEST(the_first_success_cancels_the_rest)
{
	int count = 0;

	ck_assert_int_eq(run(first_wins, &count), 0);
}

static int remember_the_first(void *data)
{
	struct a10_scope scope;

	(void)data;
	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, end_badly, (void *)(intptr_t)-EPERM, 0);
	a10_scope_spawn(&scope, end_badly, (void *)(intptr_t)-EIO, 0);
	a10_scope_spawn(&scope, succeed, NULL, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), -EPERM);
	return 0;
}

TEST(a_scope_tells_its_first_error)
{
	ck_assert_int_eq(run(remember_the_first, NULL), 0);
}

static int open_wrongly(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 1u << 7);
	ck_assert_int_eq(a10_scope_spawn(&scope, sleep_for_ever, data, 0),
			 -EINVAL);
	return a10_scope_close(&scope);
}

TEST(a_scope_of_unknown_flags_takes_no_task)
{
	ck_assert_int_eq(run(open_wrongly, NULL), 0);
}

static int close_early(void *data)
{
	struct a10_scope scope;
	int *count = data;

	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 10; i++)
		a10_scope_spawn(&scope, sleep_for_ever, count, 0);
	a10_yield();
	/* That it cancelled them is no error. */
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_int_eq(*count, 10);
	return 0;
}

TEST(closing_a_scope_cancels_and_waits)
{
	int count = 0;

	ck_assert_int_eq(run(close_early, &count), 0);
}

/* ---- limits --------------------------------------------------------------------- */

struct crowd {
	struct a10_scope scope;
	int inside, most, done;
};

struct pass {
	struct crowd *crowd;
};

static int be_inside(void *data)
{
	struct crowd *crowd = ((struct pass *)data)->crowd;

	crowd->inside++;
	if (crowd->inside > crowd->most)
		crowd->most = crowd->inside;
	a10_sleep(10000);
	crowd->inside--;
	crowd->done++;
	return 0;
}

static int spawn_forty(void *data)
{
	const struct pass pass = { .crowd = data };

	for (int i = 0; i < 40; i++)
		ck_assert_int_gt(a10_scope_spawn(&pass.crowd->scope, be_inside,
						 &pass, sizeof(pass)),
				 0);
	return 0;
}

static int crowd_in(void *data)
{
	struct crowd *crowd = data;
	struct a10_scope spawners;

	a10_scope_open(&crowd->scope, NULL, 0);
	a10_scope_set_limit(&crowd->scope, 5);
	a10_scope_open(&spawners, NULL, 0);
	a10_scope_spawn(&spawners, spawn_forty, crowd, 0);
	a10_scope_spawn(&spawners, spawn_forty, crowd, 0);
	a10_await(a10_scope_wait(&spawners));
	a10_await(a10_scope_wait(&crowd->scope));
	ck_assert_int_eq(crowd->done, 80);
	return crowd->most;
}

TEST(no_more_tasks_than_its_limit_are_in_a_scope)
{
	struct crowd crowd = { .most = 0 };

	ck_assert_int_eq(run(crowd_in, &crowd), 5);
}

TEST(only_a_task_waits_for_room_in_a_scope)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	int count = 0;

	ring_bind(ring);
	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	a10_scope_set_limit(&scope, 1);
	ck_assert_int_gt(a10_scope_spawn(&scope, sleep_and_count, &count, 0),
			 0);
	ck_assert_int_eq(a10_scope_spawn(&scope, sleep_and_count, &count, 0),
			 -EAGAIN);
	a10_scope_set_limit(&scope, 0);
	ck_assert_int_gt(a10_scope_spawn(&scope, sleep_and_count, &count, 0),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(count, 2);
	ring_close(ring);
}

static int raise_the_limit(void *data)
{
	struct a10_scope scope;
	int *count = data;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_set_limit(&scope, 1);
	a10_scope_spawn(&scope, sleep_for_ever, count, 0);
	ck_assert_int_eq(a10_await(a10_timeout(a10_nop(), A10_SECOND)), 0);
	a10_scope_set_limit(&scope, 2);
	a10_scope_spawn(&scope, sleep_for_ever, count, 0);
	return a10_scope_close(&scope);
}

TEST(a_higher_limit_lets_more_in)
{
	int count = 0;

	ck_assert_int_eq(run(raise_the_limit, &count), 0);
	ck_assert_int_eq(count, 2);
}

/* ---- deadlines, nesting ----------------------------------------------------------- */

static int note_reason(void *data)
{
	int *reason = data;

	*reason = a10_sleep(A10_FOREVER);
	ck_assert_int_eq(a10_await(a10_nop()), *reason);
	ck_assert_int_eq(a10_yield(), *reason);
	ck_assert(a10_task_cancelled());
	return *reason;
}

static int run_out_of_time(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_set_deadline(&scope, a10_now() + A10_MILLISECOND);
	a10_scope_spawn(&scope, note_reason, data, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), -ETIME);
	return 0;
}

TEST(tasks_of_a_scope_get_etime_at_its_deadline)
{
	int reason = 0;

	ck_assert_int_eq(run(run_out_of_time, &reason), 0);
	ck_assert_int_eq(reason, -ETIME);
}

struct level {
	int depth;
	int *ended;
};

/* Each waits in its own scope for the next. */
static int descend(void *data)
{
	struct level level = *(struct level *)data;
	struct a10_scope scope;
	int err;

	if (level.depth == 0) {
		err = a10_sleep(A10_FOREVER);
		++*level.ended;
		return err;
	}
	level.depth--;
	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, descend, &level, sizeof(level));
	a10_scope_spawn(&scope, descend, &level, sizeof(level));
	err = (int)a10_await(a10_scope_wait(&scope));
	a10_scope_close(&scope);
	/* Also while the ring is destroyed: it lies on this stack. */
	ck_assert_uint_eq(a10_scope_count(&scope), 0);
	++*level.ended;
	return err;
}

static int cancel_the_top(void *data)
{
	struct level level = { .depth = 5, .ended = data };
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, descend, &level, sizeof(level));
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	return *level.ended;
}

TEST(a_cancel_at_the_top_ends_all_below)
{
	int ended = 0;

	ck_assert_int_eq(run(cancel_the_top, &ended), 63);
}

TEST(destroying_a_ring_ends_nested_scopes_in_order)
{
	struct a10_ring *ring = ring_open(NULL);
	int ended = 0;
	struct level level = { .depth = 5, .ended = &ended };

	a10_task_spawn(a10_ring_sq(ring), descend, &level, sizeof(level));
	/* 63 tasks, of which 31 wait for a scope, and 32 sleep. */
	RUN_UNTIL(ring, a10_ring_pending(ring) == 126);
	ring_close(ring);
	ck_assert_int_eq(ended, 63);
}

/* ---- several ------------------------------------------------------------------------ */

static int wait_for_several(void *data)
{
	struct a10_op ops[20];
	struct a10_result results[20];
	int ends[2];
	char byte;

	(void)data;
	for (int i = 0; i < 20; i++)
		ops[i] = a10_after(i < 19 ? A10_SECOND / 4 : A10_MILLISECOND);
	ck_assert_int_eq(a10_await_every(ops, 20, results), 0);
	for (unsigned int i = 0; i < 20; i++) {
		ck_assert_int_eq(results[i].value, 0);
		ck_assert_uint_eq(results[i].index, i);
	}
	ck_assert_int_eq(a10_await_first(ops, 20, NULL), 19);
	/* One is refused: it is over first. */
	ops[3] = a10_multishot(a10_nop());
	ck_assert_int_eq(a10_await_every(ops, 20, results), -EINVAL);
	ck_assert_int_eq(a10_await_first(ops, 20, results), 3);
	ck_assert_int_eq(results[3].value, -EINVAL);
	ck_assert_int_eq(results[4].value, -ECANCELED);
	ck_assert_int_eq(a10_await_every(ops, 0, NULL), 0);
	ck_assert_int_eq(a10_await_first(ops, 0, NULL), -EINVAL);
	/* A chain: its first error ends it. */
	pipe_open(ends);
	ops[0] = a10_write(a10_fd_regular(ends[1]), "x", 1);
	ops[1] = a10_read(a10_fd_regular(ends[0]), &byte, 1);
	ops[2] = a10_read(a10_fd_regular(ends[1]), &byte, 1);
	ops[3] = a10_nop();
	ck_assert_int_eq(a10_await_linked(ops, 2, results), 1);
	ck_assert_int_eq(results[0].value, 1);
	ck_assert_int_eq(a10_await_linked(ops, 4, results), -EBADF);
	ck_assert_int_eq(results[3].value, -ECANCELED);
	ops[3] = a10_multishot(a10_nop());
	ck_assert_int_eq(a10_await_linked(ops, 4, results), -EINVAL);
	pipe_close(ends);
	return 0;
}

TEST(a_task_waits_for_every_one_for_the_first_and_for_a_chain)
{
	ck_assert_int_eq(run(wait_for_several, NULL), 0);
}

static int be_cancelled_in_several(void *data)
{
	struct a10_op ops[2] = { a10_after(A10_FOREVER),
				 a10_after(A10_FOREVER) };
	struct a10_result results[2];
	ssize_t *values = data;

	values[0] = a10_await_first(ops, 2, results);
	values[1] = results[0].value;
	values[2] = a10_await_every(ops, 2, results);
	values[3] = a10_await_linked(ops, 2, results);
	return 0;
}

TEST(a_cancel_ends_what_a_task_waits_for_several_of)
{
	struct a10_ring *ring = ring_open(NULL);
	ssize_t values[4] = { 0 };
	a10_id id = a10_task_spawn(a10_ring_sq(ring), be_cancelled_in_several,
				   values, 0);

	run_for(ring, A_MOMENT / 2);
	a10_cancel(a10_ring_sq(ring), id);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(values[i], -ECANCELED);
	ring_close(ring);
}

static void count_release(void *owned)
{
	++*(int *)owned;
}

static int own_something(void *data)
{
	int *count = data;

	ck_assert_int_eq(a10_await(a10_owning(a10_nop(), count, count_release)),
			 0);
	/* Its buffer may be used again. */
	ck_assert_int_eq(*count, 1);
	ck_assert_int_eq(a10_await(a10_owning(a10_multishot(a10_nop()), count,
					      count_release)),
			 -EINVAL);
	ck_assert_int_eq(*count, 2);
	return 0;
}

TEST(what_an_awaited_operation_owned_is_released_when_await_returns)
{
	int count = 0;

	ck_assert_int_eq(run(own_something, &count), 0);
}

/* ---- another ring's ------------------------------------------------------------------- */

static void *run_ring(void *data)
{
	ck_assert_int_ge(a10_ring_run(data), 0);
	ck_assert_int_eq(a10_ring_destroy(data, PATIENCE), 0);
	return NULL;
}

struct away {
	struct a10_sq *sq;
	bool last;
};

static int await_there(void *data)
{
	struct away *away = data;
	struct a10_sq *there = away->sq;
	struct a10_result r;

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(a10_await_on(there, a10_nop(), &r), 0);
	ck_assert_ptr_eq(r.sq, there);
	ck_assert_int_eq(a10_await_on(there,
				      a10_timeout(a10_after(A10_FOREVER), 1000),
				      NULL),
			 -ETIME);
	/* And one's own. */
	ck_assert_int_eq(a10_await_on(a10_ring_sq(a10_ring_current()),
				      a10_after(1000), NULL),
			 0);
	away->last = true;
	return (int)a10_await_on(there, a10_after(A10_FOREVER), NULL);
}

TEST(a_task_waits_for_operations_of_another_threads_ring)
{
	struct a10_ring *there = ring_open(NULL), *here = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(there));
	struct away away = { .sq = sq };
	pthread_t thread;
	struct seen seen;
	a10_id id;

	/* Something that keeps it running. */
	a10_submit(sq, a10_after(A10_FOREVER), NULL, NULL);
	thread = thread_start(run_ring, there);
	ring_bind(here);
	id = a10_task_spawn(a10_ring_sq(here), await_there, &away, 0);
	ck_assert_int_gt(id, 0);
	start(here, a10_task_join(id), &seen);
	RUN_UNTIL(here, away.last);
	a10_cancel(a10_ring_sq(here), id);
	RUN_UNTIL(here, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	a10_sq_stop(sq);
	thread_join(thread);
	a10_sq_unref(sq);
	ring_close(here);
}
