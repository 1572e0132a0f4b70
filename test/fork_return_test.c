/*
 * A child that returns from the callback or task in which it was forked is
 * delivered nothing more of what its parent's poll had taken; the parent all.
 */
#include "support.h"

#include "backend/kernel/valgrind.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#define RESULTS 6u  /* of most tests; the first of them forks */
#define EVENTS  40u /* more than are read at once: their names are long */

static struct {
	bool in_child;
	unsigned int wanted;
	unsigned int seen;
	/* What a test works on. */
	struct a10_ring *ring;
	struct a10_sq *sq;
	struct a10_watch *watch;
	struct a10_watch_event event;
	struct folder folder;
	int sockets[2];
} here;

static void result_comes(void)
{
	int status = 0;
	pid_t child;

	/* Nothing may come there any more. */
	if (here.in_child)
		_exit(1);
	if (here.seen++ > 0)
		return;
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		alarm(10);
		here.in_child = true;
		return;
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		      "the child: %#x", (unsigned int)status);
}

static void on_result(void *data, const struct a10_result *r)
{
	(void)data;
	/* Not that it was cancelled by the end of the ring. */
	if (r->value != -ECANCELED)
		result_comes();
}

static int task_body(void *data)
{
	(void)data;
	result_comes();
	return 0;
}

static void submit(struct a10_op op)
{
	ck_assert_int_gt(a10_submit(here.sq, op, on_result, NULL), 0);
}

/* ---- what there is to deliver ---------------------------------------------------- */

static void begin_plain(void)
{
	for (unsigned int i = 0; i < RESULTS; i++)
		submit(a10_nop());
}

static void begin_timers(void)
{
	for (unsigned int i = 0; i < RESULTS; i++)
		submit(a10_after(A10_MILLISECOND));
	nap(2 * A10_MILLISECOND);
}

/* They are due in the middle of a turn, all in the same moment. */
static void begin_late_timers(void)
{
	const int64_t at = a10_now() + 5 * A10_MILLISECOND;

	for (unsigned int i = 0; i < RESULTS; i++)
		submit(a10_at(CLOCK_MONOTONIC, at));
}

static void begin_special(void)
{
	for (unsigned int i = 0; i < RESULTS; i++)
		submit(a10_deadline(a10_nop(), a10_now() + A10_SECOND * 3600));
}

static void begin_chain(void)
{
	const struct a10_op ops[RESULTS] = { a10_nop(), a10_nop(), a10_nop(),
					     a10_nop(), a10_nop(), a10_nop() };

	ck_assert_int_gt(
		a10_submit_linked(here.sq, ops, RESULTS, on_result, NULL), 0);
}

static void on_bytes(void *data, const struct a10_result *r)
{
	(void)data;
	if (r->value > 0) {
		a10_buf_release(r->buf);
		result_comes();
	}
}

/* One completion, if the kernel can, of all that has come. */
static void begin_bundle(void)
{
	struct a10_pool *pool;
	char bytes[RESULTS * 64] = "";

	ck_assert_int_eq(a10_pool_create(here.ring, 8, 64, 0, &pool), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    here.sockets),
			 0);
	ck_assert_int_eq(write(here.sockets[1], bytes, sizeof(bytes)),
			 sizeof(bytes));
	ck_assert_int_gt(
		a10_submit(here.sq,
			   a10_bundled(a10_multishot(a10_recv_pooled(
				   a10_fd_regular(here.sockets[0]), pool, 0))),
			   on_bytes, NULL),
		0);
}

static void end_bundle(void)
{
	pipe_close(here.sockets);
}

static void begin_messages(void)
{
	submit(a10_multishot(a10_message_receive()));
	for (unsigned int i = 0; i < RESULTS; i++)
		ck_assert_int_eq(a10_message_post(here.sq, i), 0);
}

static void begin_tasks(void)
{
	for (unsigned int i = 0; i < RESULTS; i++)
		ck_assert_int_gt(a10_task_spawn(here.sq, task_body, NULL, 0),
				 0);
}

/* inotify is shared with children: the parent's events are not theirs. */
static void begin_events(void)
{
	ck_assert_int_ge(a10_watch_create(here.sq, &here.watch), 0);
	folder_open(&here.folder);
	ck_assert_int_gt(
		a10_watch_add(here.watch, here.folder.path, IN_CREATE, 0), 0);
	submit(a10_multishot(a10_watch_next(here.watch, &here.event)));
	here.wanted = EVENTS;
	for (unsigned int i = 0; i < EVENTS; i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%0250u", here.folder.path, i);
		file_write(path, "", 0);
	}
}

static void end_events(void)
{
	a10_watch_destroy(here.watch);
	folder_close(&here.folder);
}

/* ---- in each way ------------------------------------------------------------------ */

static void test_returning(const struct a10_config *config, bool outer,
			   void (*begin)(void))
{
	int got = 0;

	if (ON_VALGRIND)
		SKIP("valgrind does not know MADV_DONTFORK");
	here.seen = 0;
	here.wanted = RESULTS;
	here.ring = ring_open(config);
	here.sq = a10_ring_sq(here.ring);
	ring_bind(here.ring);
	if (outer)
		ck_assert_int_ge(a10_ring_fd(here.ring), 0);
	begin();
	for (int i = 0; here.seen < here.wanted; i++) {
		got = a10_ring_poll(here.ring, A_MOMENT);
		if (here.in_child) {
			/* The poll in which it was forked, and another. */
			if (got < 0 && got != -ECHILD)
				_exit(2);
			if (a10_ring_poll(here.ring, 0) != -ECHILD)
				_exit(3);
			_exit(0);
		}
		ck_assert_int_ge(got, 0);
		ck_assert_int_lt(i, 1000);
	}
}

static void in_each_way(void (*begin)(void), void (*end)(void))
{
	static const struct a10_config configs[] = {
		{ .clamp = A10_AUTO },
		{ .single_issuer = A10_OFF },
		{ .kernel_thread = A10_ON },
	};

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		for (int outer = 0; outer < 2; outer++) {
			test_returning(&configs[i], outer, begin);
			if (end)
				end();
			ring_close(here.ring);
			ck_assert_uint_eq(here.seen, here.wanted);
		}
	}
}

TEST(a_child_is_not_delivered_what_was_completed)
{
	in_each_way(begin_plain, NULL);
}

TEST(a_child_is_not_delivered_what_is_special)
{
	in_each_way(begin_special, NULL);
}

TEST(a_child_is_not_delivered_what_was_finished)
{
	in_each_way(begin_timers, NULL);
}

TEST(a_child_is_not_delivered_what_became_due)
{
	in_each_way(begin_late_timers, NULL);
}

TEST(a_child_is_not_delivered_the_rest_of_a_bundle)
{
	in_each_way(begin_bundle, end_bundle);
}

TEST(a_child_is_not_delivered_the_rest_of_a_chain)
{
	in_each_way(begin_chain, NULL);
}

TEST(a_child_is_not_delivered_messages)
{
	in_each_way(begin_messages, NULL);
}

TEST(a_child_runs_no_other_tasks)
{
	in_each_way(begin_tasks, NULL);
}

TEST(a_child_takes_no_events_of_its_parents)
{
	in_each_way(begin_events, end_events);
}
