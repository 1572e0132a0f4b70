/*
 * Who joins a task hands over to whoever poll would have resumed next, and a
 * task that ends does, without going back to poll in between. Nobody is to
 * notice.
 */
#include "support.h"

#include <fenv.h>
#include <sys/wait.h>

#include "task/fiber.h"

#include "rig.h"

/* As the runtime of C++ has it; here for want of one. */
static struct exceptions globals;

void *__cxa_get_globals(void)
{
	return &globals;
}

static int run(a10_task_fn *fn, void *data)
{
	ring_close(ring_open(NULL));
	return a10_run(NULL, fn, data);
}

static a10_id spawn(a10_task_fn *fn, void *data)
{
	const a10_id id = a10_task_spawn(NULL, fn, data, 0);

	ck_assert_int_gt(id, 0);
	return id;
}

/* ---- whose turn it is ------------------------------------------------------ */

static char order[64];

static void note(const char *text)
{
	ck_assert_uint_lt(strlen(order) + strlen(text), sizeof(order));
	memcpy(order + strlen(order), text, strlen(text) + 1);
}

static int note_once(void *data)
{
	note(data);
	return 0;
}

static int note_twice(void *data)
{
	note(data);
	ck_assert_int_eq(a10_yield(), 0);
	note(data);
	return 0;
}

static int note_and_sleep(void *data)
{
	note(data);
	ck_assert_int_eq(a10_sleep(A10_MILLISECOND), 0);
	note(data);
	return 0;
}

static int join_out_of_order(void *data)
{
	char a[] = "a", b[] = "b", c[] = "c", d[] = "d", e[] = "e";
	const a10_id sleeper = spawn(note_and_sleep, a);
	a10_id last;

	(void)data;
	spawn(note_twice, b);
	last = spawn(note_once, c);
	spawn(note_twice, d);
	ck_assert_int_eq(a10_await(a10_task_join(last)), 0);
	note("1");
	spawn(note_once, e);
	ck_assert_int_eq(a10_await(a10_task_join(sleeper)), 0);
	note("2");
	return 0;
}

TEST(tasks_run_in_the_order_they_are_ready_whoever_is_joined)
{
	ck_assert_int_eq(run(join_out_of_order, NULL), 0);
	ck_assert_str_eq(order, "abcdb1dea2");
}

static int nothing(void *data)
{
	(void)data;
	return 0;
}

static void on_time(void *data, const struct a10_result *r)
{
	(void)r;
	*(bool *)data = true;
}

static int join_until_a_result(void *data)
{
	bool over = false;

	(void)data;
	a10_submit(a10_ring_sq(a10_ring_current()), a10_after(A10_MILLISECOND),
		   on_time, &over);
	while (!over)
		ck_assert_int_eq(a10_await(a10_task_join(spawn(nothing, NULL))),
				 0);
	return 0;
}

TEST(who_spawns_and_joins_for_ever_lets_results_come)
{
	ck_assert_int_eq(run(join_until_a_result, NULL), 0);
}

static int hand_on(void *data)
{
	const bool *over = data;

	if (!*over)
		spawn(hand_on, data);
	return 0;
}

static int end_until_a_result(void *data)
{
	static bool over;

	(void)data;
	a10_submit(a10_ring_sq(a10_ring_current()), a10_after(A10_MILLISECOND),
		   on_time, &over);
	spawn(hand_on, &over);
	return 0;
}

TEST(tasks_that_each_start_the_next_let_results_come)
{
	ck_assert_int_eq(run(end_until_a_result, NULL), 0);
}

/* ---- what is each task's own ------------------------------------------------ */

#define DEEP 40

struct own {
	int depth;
	int ends[2];
};

static const int roundings[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
				 FE_TOWARDZERO };

static void own_check(const struct own *own)
{
	ck_assert_int_eq(errno, own->depth);
	ck_assert_int_eq(fegetround(), roundings[own->depth % 4]);
	ck_assert_ptr_eq(globals.caught, own);
	ck_assert_uint_eq(globals.uncaught, (unsigned int)own->depth);
	ck_assert_str_eq(a10_task_name(), "deep");
}

/* Each has another of all that a switch exchanges, and joins the next. */
static int go_deeper(void *data)
{
	const struct own *own = data;
	struct own next = { own->depth - 1, { own->ends[0], own->ends[1] } };
	char byte;
	a10_id id;

	ck_assert_ptr_null(globals.caught);
	ck_assert_uint_eq(globals.uncaught, 0);
	ck_assert_int_eq(errno, 0);
	a10_task_set_name("deep");
	globals.caught = data;
	globals.uncaught = (unsigned int)own->depth;
	fesetround(roundings[own->depth % 4]);
	errno = own->depth;
	if (own->depth == 0)
		return a10_await(a10_read(a10_fd_regular(own->ends[0]), &byte,
					  1)) == 1 ?
			       0 :
			       -EIO;
	own_check(own);
	id = a10_task_spawn(NULL, go_deeper, &next, sizeof(next));
	ck_assert_int_eq(a10_await(a10_task_join(id)), own->depth - 1);
	own_check(own);
	return own->depth;
}

static int go_deep(void *data)
{
	struct own own = { DEEP, { 0 } };
	a10_id id;

	(void)data;
	pipe_open(own.ends);
	id = a10_task_spawn(NULL, go_deeper, &own, sizeof(own));
	/* They hand over to each other down to the last; then this one. */
	ck_assert_int_eq(a10_sleep(A10_MILLISECOND), 0);
	ck_assert_ptr_null(globals.caught);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
	ck_assert_int_eq(write(own.ends[1], "x", 1), 1);
	ck_assert_int_eq(a10_await(a10_task_join(id)), DEEP);
	ck_assert_ptr_null(globals.caught);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
	pipe_close(own.ends);
	return 0;
}

TEST(what_is_a_tasks_own_stays_so_however_it_is_come_to)
{
	globals.caught = &globals;
	globals.uncaught = 77;
	ck_assert_int_eq(run(go_deep, NULL), 0);
	ck_assert_ptr_eq(globals.caught, &globals);
	ck_assert_uint_eq(globals.uncaught, 77);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
}

/* ---- ends -------------------------------------------------------------------- */

#define MANY 300
#define KEYS 6 /* more than a task has room for by itself */

static int keep_locals(void *data)
{
	static char keys[KEYS];
	const intptr_t number = (intptr_t)data;

	for (int i = 0; number % 8 == 0 && i < KEYS; i++) {
		ck_assert_ptr_null(a10_task_local(&keys[i]));
		ck_assert_int_eq(a10_task_set_local(&keys[i], data), 0);
	}
	return (int)number;
}

static int join_many(void *data)
{
	a10_id ids[MANY];

	(void)data;
	for (int round = 0; round < 2; round++) {
		for (intptr_t i = 0; i < MANY; i++)
			ids[i] = spawn(keep_locals, (void *)(i + 1));
		ck_assert_int_eq(a10_await(a10_task_join(ids[MANY - 1])), MANY);
		ck_assert_int_eq(a10_await(a10_task_join(ids[0])), -ESRCH);
	}
	return 0;
}

static void *run_many(void *data)
{
	ck_assert_int_eq(a10_run(NULL, join_many, NULL), 0);
	return data;
}

/* What one ring has no use for another takes. */
static int join_many_twice(void *data)
{
	join_many(data);
	thread_join(thread_start(run_many, NULL));
	return 0;
}

TEST(more_tasks_end_in_a_turn_than_stacks_are_kept)
{
	struct a10_task_stacks stacks;

	ck_assert_int_eq(run(join_many_twice, NULL), 0);
	a10_task_stacks(&stacks);
	ck_assert_uint_ge(stacks.count, MANY);
	ck_assert_uint_lt(stacks.count, MANY + 150);
}

static void on_trace(void *data, const struct a10_trace_event *event)
{
	unsigned int *counts = data;

	counts[event->kind == A10_TRACE_SUBMIT ? 0 : 1] +=
		event->opcode == A10_OPCODE_TASK &&
		(event->kind == A10_TRACE_SUBMIT ||
		 event->kind == A10_TRACE_RESULT);
}

static int join_traced(void *data)
{
	struct a10_ring *ring = a10_ring_current();

	a10_ring_set_trace(ring, on_trace, data);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(a10_await(a10_task_join(spawn(nothing, NULL))),
				 0);
	a10_ring_set_trace(ring, NULL, NULL);
	return 0;
}

TEST(a_trace_tells_of_each_task_that_is_joined)
{
	unsigned int counts[2] = { 0 };

	ck_assert_int_eq(run(join_traced, counts), 0);
	ck_assert_uint_eq(counts[0], 5);
	ck_assert_uint_eq(counts[1], 5);
}

static int nap_in_a_task(void *data)
{
	(void)data;
	return a10_sleep(1);
}

static int join_sleepers(void *data)
{
	(void)data;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			a10_await(a10_task_join(spawn(nap_in_a_task, NULL))),
			0);
	return 0;
}

/* The child is in the inherited task, and is again whenever it polls no more. */
static int fork_and_join(void *data)
{
	const a10_id self = a10_task_current();
	const pid_t child = fork();
	int status;

	(void)data;
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const int value = a10_run(NULL, join_sleepers, NULL);

		_exit(value == 0 && a10_task_current() == self ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	return 0;
}

TEST(a_child_forked_in_a_task_joins_tasks_of_its_own)
{
	if (on_valgrind())
		SKIP("valgrind does not know MADV_DONTFORK");
	ck_assert_int_eq(run(fork_and_join, NULL), 0);
}

static int end_the_thread(void *data)
{
	(void)data;
	pthread_exit(NULL);
}

static int join_who_leaves(void *data)
{
	*(ssize_t *)data =
		a10_await(a10_task_join(spawn(end_the_thread, NULL)));
	return 0;
}

struct leaver {
	struct a10_ring *ring;
	ssize_t value;
};

static void *run_until_the_end(void *data)
{
	struct leaver *leaver = data;

	ck_assert_int_gt(a10_task_spawn(a10_ring_sq(leaver->ring),
					join_who_leaves, &leaver->value, 0),
			 0);
	a10_ring_run(leaver->ring);
	return NULL;
}

TEST(who_joined_a_task_that_ends_the_thread_is_told)
{
	struct leaver leaver = { NULL, 1 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("a sanitizer knows no thread that ends in a task");
#endif
	leaver.ring = ring_open(NULL);
	thread_join(thread_start(run_until_the_end, &leaver));
	ck_assert_int_eq(leaver.value, -ECANCELED);
	ring_close(leaver.ring);
}

/* ---- refusals ---------------------------------------------------------------- */

static int join_nobody(void *data)
{
	const a10_id over = spawn(nothing, NULL);

	(void)data;
	ck_assert_int_eq(a10_task_await_join(over), 0);
	ck_assert_int_eq(a10_task_await_join(over), -ESRCH);
	ck_assert_int_eq(a10_task_await_join(0), -ESRCH);
	ck_assert_int_eq(a10_task_await_join(-EINVAL), -ESRCH);
	ck_assert_int_eq(a10_task_await_join(a10_task_current()), -EDEADLK);
	ck_assert_int_eq(a10_task_await_join(INT64_MAX), -ESRCH);
	return 0;
}

TEST(what_is_no_task_cannot_be_joined)
{
	ck_assert_int_eq(a10_task_await_join(1), -EDEADLK);
	ck_assert_int_eq(run(join_nobody, NULL), 0);
}

static int join_cancelled(void *data)
{
	const a10_id child = spawn(nothing, NULL);

	(void)data;
	a10_cancel(a10_ring_sq(a10_ring_current()), a10_task_current());
	ck_assert_int_eq(a10_await(a10_task_join(child)), -ECANCELED);
	/* A child of it is cancelled from birth, but runs. */
	ck_assert_int_eq(a10_await(a10_task_join(spawn(nothing, NULL))),
			 -ECANCELED);
	a10_task_shield(true);
	ck_assert_int_eq(a10_await(a10_task_join(spawn(nothing, NULL))), 0);
	return 0;
}

TEST(a_cancelled_task_joins_nobody_unless_it_is_shielded)
{
	ck_assert_int_eq(run(join_cancelled, NULL), 0);
}

static int cancel_it(void *data)
{
	return a10_cancel(a10_ring_sq(a10_ring_current()), *(a10_id *)data);
}

/* The one it waits for cancels it; others join that one, too. */
static int join_who_cancels(void *data)
{
	a10_id self = a10_task_current();
	a10_id child = spawn(cancel_it, &self);

	(void)data;
	ck_assert_int_eq(a10_await(a10_task_join(child)), -ECANCELED);
	return 3;
}

static int join_in_a_row(void *data)
{
	(void)data;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			a10_await(a10_task_join(spawn(join_who_cancels, NULL))),
			3);
	return 0;
}

TEST(a_join_is_given_up_by_the_very_task_that_is_joined)
{
	ck_assert_int_eq(run(join_in_a_row, NULL), 0);
}
