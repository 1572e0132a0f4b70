/* Streams: what went wrong once. */
#include "support.h"

#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <a10/msg.h>
#include <a10/process.h>
#include <a10/stream.h>
#include <a10/task.h>
#include <a10/watch.h>

#define BUFFERS 16
#define SENT    150

struct pooled {
	struct a10_ring *ring;
	struct a10_pool *pool;
	int ends[2];
	int value;
};

static void pooled_run(struct pooled *pooled, a10_task_fn *fn)
{
	struct a10_ring *ring = ring_open(NULL);

	ring_needs(ring, A10_OPCODE_SOCKET);
	pooled->ring = ring;
	ck_assert_int_eq(a10_pool_create(ring, BUFFERS, 64, 0, &pooled->pool),
			 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				    pooled->ends),
			 0);
	for (int i = 0; i < SENT; i++)
		ck_assert_int_eq(send(pooled->ends[1], "x", 1, MSG_DONTWAIT),
				 1);
	ck_assert_int_gt(a10_task_spawn(a10_ring_sq(ring), fn, pooled, 0), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
	close(pooled->ends[0]);
	close(pooled->ends[1]);
}

static void take_one(struct a10_stream *stream)
{
	struct a10_result r;

	ck_assert_int_eq(
		a10_await_result(a10_timeout(a10_stream_next(stream), PATIENCE),
				 &r),
		1);
	a10_buf_release(r.buf);
}

/* At first the kernel takes all there are before it can be told to stop. */
static int drain_the_pool(void *data)
{
	struct pooled *pooled = data;
	struct a10_op recv = a10_recv_pooled(a10_fd_regular(pooled->ends[0]),
					     pooled->pool, 0);
	struct a10_stream *stream = a10_stream_open(recv, 2);
	const int64_t end = a10_now() + PATIENCE;
	unsigned int i;

	while (a10_pool_available(pooled->pool) > 0 && a10_now() < end)
		a10_sleep(A10_MILLISECOND);
	for (i = 0; i < 8; i++) {
		take_one(stream);
		a10_sleep(A10_MILLISECOND);
	}
	/* What was given back is not filled again. */
	ck_assert_uint_ge(a10_pool_available(pooled->pool), 8);
	for (; i < SENT; i++)
		take_one(stream);
	a10_stream_close(stream);
	return 0;
}

TEST(a_stream_is_bounded_though_its_pool_ran_dry)
{
	struct pooled pooled;

	pooled_run(&pooled, drain_the_pool);
}

#define SILENCE ((int64_t)(test_slowed(0.05) * A10_SECOND))

static int be_slower_than_a_time_out(void *data)
{
	struct pooled *pooled = data;
	struct a10_op recv = a10_recv_pooled(a10_fd_regular(pooled->ends[0]),
					     pooled->pool, 0);
	struct a10_stream *stream =
		a10_stream_open(a10_timeout(recv, SILENCE), 2);
	unsigned int i;

	for (i = 0; i < SENT; i++) {
		if (i == 20 || i == 60)
			a10_sleep(2 * SILENCE);
		take_one(stream);
	}
	/* Now it is the other side that is silent. */
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -ETIME);
	a10_stream_close(stream);
	return 0;
}

TEST(a_slow_reader_is_no_reason_for_a_streams_time_out)
{
	struct pooled pooled;

	pooled_run(&pooled, be_slower_than_a_time_out);
}

static int listener_open(struct sockaddr_in *name)
{
	socklen_t length = sizeof(*name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(name, 0, sizeof(*name));
	name->sin_family = AF_INET;
	name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)name, length), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)name, &length);
	return fd;
}

struct left {
	int listener;
	struct a10_stream *stream;
};

static int leave_a_stream(void *data)
{
	struct left *left = data;

	left->stream = a10_stream_open(
		a10_accept(a10_fd_regular(left->listener), NULL, 0), 4);
	return a10_sleep(A_MOMENT);
}

/* The harness counts descriptors. */
TEST(a_stream_is_closed_after_its_ring_is_gone)
{
	struct a10_ring *ring = ring_open(NULL);
	struct left left = { .stream = NULL };
	struct sockaddr_in name;
	int peer;

	ring_needs(ring, A10_OPCODE_SOCKET);
	left.listener = listener_open(&name);
	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(peer, (struct sockaddr *)&name, sizeof(name)),
			 0);
	a10_task_spawn(a10_ring_sq(ring), leave_a_stream, &left, 0);
	run_for(ring, 2 * A_MOMENT);
	ring_close(ring);
	a10_stream_close(left.stream);
	close(left.listener);
	close(peer);
}

static int close_a_running_stream(void *data)
{
	struct pooled *pooled = data;
	struct a10_op recv = a10_recv_pooled(a10_fd_regular(pooled->ends[0]),
					     pooled->pool, 0);
	const size_t before = a10_ring_pending(pooled->ring);
	struct a10_stream *stream = a10_stream_open(recv, SENT + 1);

	for (unsigned int i = 0; i < SENT; i++)
		take_one(stream);
	ck_assert_uint_gt(a10_ring_pending(pooled->ring), before);
	a10_stream_close(stream);
	ck_assert_uint_eq(a10_ring_pending(pooled->ring), before);
	return 0;
}

TEST(a_task_that_closes_a_stream_waits_until_it_is_over)
{
	struct pooled pooled;

	pooled_run(&pooled, close_a_running_stream);
}

/* ---- what comes between a result and its callback ------------------------------------- */

struct between {
	a10_id id;
	struct seen seen;
	void (*meanwhile)(struct between *between);
	bool hit; /* on a busy machine it may come after all */
};

static void between_cancel(struct between *between)
{
	a10_cancel(a10_ring_sq(a10_ring_current()), between->id);
}

static void between_detach(struct between *between)
{
	a10_detach(a10_ring_sq(a10_ring_current()), between->id);
}

static void between_nothing(struct between *between)
{
	(void)between;
}

static void on_meanwhile(void *data, const struct a10_result *r)
{
	struct between *between = data;

	ck_assert(r->more);
	if (between->seen.count > 0 || between->hit)
		return;
	between->hit = true;
	between->meanwhile(between);
}

/* The tick and what comes next are due in the same turn, one by one. */
static struct a10_stream *tick(struct between *between, int64_t timeout)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct a10_stream *stream = a10_stream_open(a10_after(A_MOMENT), 2);
	a10_id id;

	between->id =
		a10_submit(sq, a10_timeout(a10_stream_next(stream), timeout),
			   on_seen, &between->seen);
	/* A multishot's callback is called at once. */
	id = a10_submit(sq,
			a10_multishot(a10_after(A_MOMENT + A10_MILLISECOND)),
			on_meanwhile, between);
	a10_sleep(0);
	nap(A_MOMENT + 3 * A10_MILLISECOND);
	a10_sleep(0);
	a10_detach(sq, id);
	return stream;
}

static int cancel_late(void *data)
{
	struct between between = { .meanwhile = between_cancel };
	struct a10_stream *stream = tick(&between, PATIENCE);

	(void)data;
	if (between.hit) {
		ck_assert_uint_eq(between.seen.ended, 1);
		ck_assert_int_eq(between.seen.last.value, 0);
	}
	a10_stream_close(stream);
	return 0;
}

static int time_out_late(void *data)
{
	struct between between = { .meanwhile = between_nothing };
	struct a10_stream *stream =
		tick(&between, A_MOMENT + 2 * A10_MILLISECOND);

	(void)data;
	if (between.hit) {
		ck_assert_uint_eq(between.seen.ended, 1);
		ck_assert_int_eq(between.seen.last.value, 0);
	}
	a10_stream_close(stream);
	return 0;
}

static int forget_late(void *data)
{
	struct between between = { .meanwhile = between_detach };
	struct a10_stream *stream = tick(&between, PATIENCE);

	(void)data;
	/* It has taken nothing. */
	if (between.hit) {
		ck_assert_uint_eq(between.seen.count, 0);
		ck_assert_int_eq(a10_await(a10_timeout(a10_stream_next(stream),
						       A10_MILLISECOND)),
				 0);
	}
	a10_stream_close(stream);
	return 0;
}

TEST(what_ends_a_stream_next_that_has_its_result_is_too_late_or_takes_nothing)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, cancel_late, NULL), 0);
	ck_assert_int_eq(a10_run(NULL, time_out_late, NULL), 0);
	ck_assert_int_eq(a10_run(NULL, forget_late, NULL), 0);
}

/* ---- what the library reads itself ----------------------------------------------------- */

#define SIGNALS 40

static int queue_signals(void *data)
{
	struct signalfd_siginfo info;
	struct a10_stream *stream;
	struct a10_fd fd;
	sigset_t set;

	(void)data;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ck_assert_int_eq(a10_signals_open(&set, &fd), 0);
	stream = a10_stream_open(a10_signal_read(fd, &info), 64);
	for (int i = 0; i < SIGNALS; i++)
		ck_assert_int_eq(sigqueue(getpid(), SIGRTMIN,
					  (union sigval){ .sival_int = i }),
				 0);
	for (int i = 0; i < SIGNALS; i++) {
		struct a10_op next = a10_stream_next(stream);

		/* With a slot and without. */
		if (i % 2)
			next = a10_timeout(next, PATIENCE);
		ck_assert_int_eq(a10_await(next), SIGRTMIN);
		if (i % 3 == 0)
			a10_sleep(100000);
		ck_assert_int_eq(info.ssi_int, i);
	}
	/* Nobody has ended it. */
	ck_assert_int_eq(a10_await(a10_timeout(a10_stream_next(stream),
					       A10_MILLISECOND)),
			 -ETIME);
	ck_assert_int_eq(sigqueue(getpid(), SIGRTMIN,
				  (union sigval){ .sival_int = SIGNALS }),
			 0);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), SIGRTMIN);
	ck_assert_int_eq(info.ssi_int, SIGNALS);
	a10_stream_close(stream);
	ck_assert_int_eq(a10_await(a10_close(fd)), 0);
	return 0;
}

TEST(a_stream_of_signals_leaves_what_it_told_until_the_next_is_asked_for)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, queue_signals, NULL), 0);
}

#define FILES 20

static int watch_files(void *data)
{
	struct a10_watch_event event = { .path = NULL };
	struct a10_stream *stream;
	struct a10_watch *watch;
	struct folder folder;
	char name[16];

	(void)data;
	folder_open(&folder);
	ck_assert_int_eq(
		a10_watch_create(a10_ring_sq(a10_ring_current()), &watch), 0);
	ck_assert_int_gt(a10_watch_add(watch, folder.path, IN_CREATE, 0), 0);
	stream = a10_stream_open(a10_watch_next(watch, &event), 64);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(mkdir(folder_file(&folder, name), 0700), 0);
	}
	for (int i = 0; i < FILES; i++) {
		ck_assert_int_eq(a10_await(a10_stream_next(stream)), 1);
		if (i % 3 == 0)
			a10_sleep(100000);
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_str_eq(event.path, folder_file(&folder, name));
	}
	a10_stream_close(stream);
	a10_watch_destroy(watch);
	folder_close(&folder);
	return 0;
}

TEST(a_stream_of_a_watch_leaves_what_it_told_until_the_next_is_asked_for)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, watch_files, NULL), 0);
}

#define MESSAGES 100

static int leave_messages(void *data)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct a10_stream *stream = a10_stream_open(a10_message_receive(), 4);
	struct a10_result r;
	unsigned int i;

	(void)data;
	for (i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(a10_message_post(sq, i), 0);
	a10_sleep(A10_MILLISECOND);
	/* What it has no room for, another may have. */
	for (i = 4; i < 50; i++) {
		ck_assert_int_eq(
			a10_await_result(a10_timeout(a10_message_receive(),
						     PATIENCE),
					 &r),
			0);
		ck_assert_uint_eq(r.extra[0], i);
	}
	for (i = 0; i < MESSAGES; i++) {
		ck_assert_int_eq(a10_await_result(a10_stream_next(stream), &r),
				 0);
		ck_assert_uint_eq(r.extra[0], i);
		if (i == 3)
			i = 49;
	}
	a10_stream_close(stream);
	return 0;
}

TEST(a_stream_of_messages_takes_no_more_than_it_may_hold)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, leave_messages, NULL), 0);
}
