/* Streams: a multishot's results, one at a time. */
#include "support.h"

#include <netinet/in.h>

#include <a10/stream.h>
#include <a10/task.h>

static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *ring = ring_open(NULL);
	int value = -1;

	ring_needs(ring, A10_OPCODE_SOCKET);
	ring_close(ring);
	value = a10_run(NULL, fn, data);
	return value;
}

struct listener {
	struct a10_fd fd;
	struct sockaddr_in name;
};

static void listener_open(struct listener *listener)
{
	socklen_t length = sizeof(listener->name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	memset(&listener->name, 0, sizeof(listener->name));
	listener->name.sin_family = AF_INET;
	listener->name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&listener->name, length),
			 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	getsockname(fd, (struct sockaddr *)&listener->name, &length);
	listener->fd = a10_fd_regular(fd);
}

static int peer_open(const struct listener *listener)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&listener->name,
				 sizeof(listener->name)),
			 0);
	return fd;
}

static int accept_twenty(void *data)
{
	struct listener *listener = data;
	struct a10_stream *stream =
		a10_stream_open(a10_accept(listener->fd, NULL, 0), 4);
	int peers[20];
	struct a10_fd fd;

	for (int i = 0; i < 20; i++)
		peers[i] = peer_open(listener);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(
			a10_await_fd(a10_timeout(a10_stream_next(stream),
						 PATIENCE),
				     &fd),
			0);
		ck_assert_int_eq(a10_await(a10_close(fd)), 0);
	}
	ck_assert_int_eq(a10_await(a10_timeout(a10_stream_next(stream), 1000)),
			 -ETIME);
	a10_stream_close(stream);
	for (int i = 0; i < 20; i++)
		close(peers[i]);
	return 0;
}

TEST(a_stream_gives_every_connection_once)
{
	struct listener listener;

	listener_open(&listener);
	ck_assert_int_eq(run(accept_twenty, &listener), 0);
	close(a10_fd_number(listener.fd));
}

static int cancel_and_take(void *data)
{
	struct listener *listener = data;
	struct a10_stream *stream =
		a10_stream_open(a10_accept(listener->fd, NULL, 0), 4);
	int peers[12];
	struct a10_fd fd;

	/* More than the stream holds, so it is held. */
	for (int i = 0; i < 12; i++)
		peers[i] = peer_open(listener);
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(a10_yield(), 0);
	a10_sleep(A10_MILLISECOND);
	a10_stream_cancel(stream);
	a10_stream_cancel(stream);
	a10_stream_cancel(NULL);
	for (int i = 0; i < 12; i++) {
		if (a10_await_fd(a10_timeout(a10_stream_next(stream), PATIENCE),
				 &fd) < 0)
			break;
		ck_assert_int_eq(a10_await(a10_close(fd)), 0);
		ck_assert_int_eq(recv(peers[i], &fd, sizeof(fd), 0), 0);
	}
	/* Whoever comes now is not let in by it. */
	ck_assert_int_eq(
		a10_await(a10_timeout(a10_stream_next(stream), PATIENCE)),
		-ECANCELED);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -ECANCELED);
	a10_stream_close(stream);
	for (int i = 0; i < 12; i++)
		close(peers[i]);
	return 0;
}

TEST(what_came_before_a_stream_was_cancelled_can_be_taken)
{
	struct listener listener;

	listener_open(&listener);
	ck_assert_int_eq(run(cancel_and_take, &listener), 0);
	close(a10_fd_number(listener.fd));
}

static int accept_nothing(void *data)
{
	struct listener *listener = data;
	const unsigned int before = open_descriptors();
	struct a10_stream *stream =
		a10_stream_open(a10_accept(listener->fd, NULL, 0), 4);
	unsigned int accepted;
	int peers[40];
	struct a10_fd fd;

	for (int i = 0; i < 40; i++) {
		peers[i] = peer_open(listener);
		a10_sleep(A10_MILLISECOND / 2);
	}
	accepted = open_descriptors() - before - 40;
	ck_assert_uint_ge(accepted, 4);
	ck_assert_uint_le(accepted, 20);
	/* The others come when these are taken. */
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(a10_await_fd(a10_stream_next(stream), &fd), 0);
		ck_assert_int_eq(a10_await(a10_close(fd)), 0);
	}
	a10_stream_close(stream);
	for (int i = 0; i < 40; i++)
		close(peers[i]);
	return 0;
}

TEST(a_stream_takes_no_more_than_it_may_hold)
{
	struct listener listener;

	listener_open(&listener);
	ck_assert_int_eq(run(accept_nothing, &listener), 0);
	close(a10_fd_number(listener.fd));
}

static int leave_some(void *data)
{
	struct listener *listener = data;
	struct a10_stream *stream =
		a10_stream_open(a10_accept(listener->fd, NULL, 0), 64);
	int peers[9];
	struct a10_fd fd;

	for (int i = 0; i < 9; i++)
		peers[i] = peer_open(listener);
	ck_assert_int_eq(a10_await_fd(a10_stream_next(stream), &fd), 0);
	ck_assert_int_eq(a10_await(a10_close(fd)), 0);
	a10_stream_close(stream);
	for (int i = 0; i < 9; i++)
		close(peers[i]);
	return 0;
}

/* The harness counts descriptors. */
TEST(closing_a_stream_gives_back_what_was_not_taken)
{
	struct listener listener;

	listener_open(&listener);
	ck_assert_int_eq(run(leave_some, &listener), 0);
	close(a10_fd_number(listener.fd));
}

struct pooled {
	struct a10_pool *pool;
	int ends[2];
};

static int read_slowly(void *data)
{
	struct pooled *it = data;
	struct a10_op recv =
		a10_recv_pooled(a10_fd_regular(it->ends[0]), it->pool, 0);
	struct a10_stream *stream = a10_stream_open(recv, 3);
	unsigned char bytes[64];
	uint64_t at = 0;
	ssize_t n;

	for (unsigned int i = 0; i < 100; i++) {
		pattern_fill(bytes, sizeof(bytes), i * sizeof(bytes));
		ck_assert_int_eq(send(it->ends[1], bytes, sizeof(bytes), 0),
				 sizeof(bytes));
		if (i % 10 == 9)
			a10_sleep(100000);
	}
	shutdown(it->ends[1], SHUT_WR);
	for (;;) {
		struct a10_result r;

		n = a10_await_result(
			a10_timeout(a10_stream_next(stream), PATIENCE), &r);
		if (n <= 0)
			break;
		pattern_check(r.buf.data, (size_t)n, at);
		at += (uint64_t)n;
		a10_buf_release(r.buf);
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(at, 6400);
	/* The end is said as often as it is asked for. */
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), 0);
	a10_stream_close(stream);
	return 0;
}

TEST(a_slow_readers_stream_loses_nothing)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pooled it;
	int value = 1;

	(void)value;
	ring_needs(ring, A10_OPCODE_SOCKET);
	ck_assert_int_eq(a10_pool_create(ring, 8, 256, 0, &it.pool), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, it.ends), 0);
	ck_assert_int_gt(a10_task_spawn(a10_ring_sq(ring), read_slowly, &it, 0),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
	close(it.ends[0]);
	close(it.ends[1]);
}

static int count_ticks(void *data)
{
	struct a10_stream *stream =
		a10_stream_open(a10_after(A10_MILLISECOND), 2);
	struct a10_result r;
	size_t ticks = 0;

	(void)data;
	a10_sleep(20 * A10_MILLISECOND);
	/* Those that wait have all there were. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(a10_await_result(a10_stream_next(stream), &r),
				 0);
		ticks += r.count;
	}
	ck_assert_uint_ge(ticks, 18);
	while (ticks < 30) {
		ck_assert_int_eq(a10_await_result(a10_stream_next(stream), &r),
				 0);
		ck_assert_uint_ge(r.count, 1);
		ticks += r.count;
	}
	a10_stream_close(stream);
	return 0;
}

TEST(a_timers_ticks_add_up_while_nobody_takes_them)
{
	ck_assert_int_eq(run(count_ticks, NULL), 0);
}

static int refused_streams(void *data)
{
	struct a10_stream *stream = a10_stream_open(a10_nop(), 1);
	struct a10_result r;

	(void)data;
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -EINVAL);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -EINVAL);
	ck_assert_int_eq(a10_await(a10_stream_next(NULL)), -ENOMEM);
	ck_assert_int_eq(a10_task_await_next(NULL, NULL), -ENOMEM);
	ck_assert_int_eq(a10_task_await_next(stream, &r), -EINVAL);
	ck_assert_int_eq(r.value, -EINVAL);
	a10_stream_close(stream);
	a10_stream_close(NULL);
	/* An error ends it, and is said again. */
	stream = a10_stream_open(a10_accept(a10_fd_regular(0x7ffffff), NULL, 0),
				 0);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -EBADF);
	ck_assert_int_eq(a10_await(a10_stream_next(stream)), -EBADF);
	a10_stream_close(stream);
	return 0;
}

TEST(what_is_wrong_with_a_stream_next_says)
{
	ck_assert_int_eq(run(refused_streams, NULL), 0);
	ck_assert_int_eq(a10_task_await_next(NULL, NULL), -EDEADLK);
}

struct both {
	struct a10_stream *stream;
	ssize_t other;
};

static int ask_too(void *data)
{
	struct both *both = data;

	both->other = a10_await(a10_stream_next(both->stream));
	return 0;
}

static int ask_twice(void *data)
{
	struct listener *listener = data;
	struct both both = { .other = 1 };
	a10_id id;

	both.stream = a10_stream_open(a10_accept(listener->fd, NULL, 0), 1);
	id = a10_task_spawn(NULL, ask_too, &both, 0);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(a10_await(a10_stream_next(both.stream)), -EBUSY);
	a10_cancel(a10_ring_sq(a10_ring_current()), id);
	a10_await(a10_task_join(id));
	ck_assert_int_eq(both.other, -ECANCELED);
	a10_stream_close(both.stream);
	return 0;
}

TEST(only_one_asks_a_stream_at_a_time)
{
	struct listener listener;

	listener_open(&listener);
	ck_assert_int_eq(run(ask_twice, &listener), 0);
	close(a10_fd_number(listener.fd));
}
