/*
 * ours_echo.c - an echo server by the library: direct descriptors, multishot
 * accept and recv, and the pool's buffers sent back as they are. What the raw
 * server does by hand - order of sends, buffers that run out, when to close -
 * the library does here.
 */
#include "ours.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct connection {
	struct a10_scope scope; /* all its operations; empty: it is over */
	struct a10_fd fd;
};

static void on_over(void *data, const struct a10_result *result)
{
	struct connection *connection = data;

	(void)result;
	a10_fd_release(connection->fd);
	free(connection);
}

static void on_sent(void *data, const struct a10_result *result)
{
	struct connection *connection = data;

	if (result->value < 0)
		a10_scope_cancel(&connection->scope);
}

static void on_received(void *data, const struct a10_result *result)
{
	struct connection *connection = data;
	struct a10_op op;

	/* The end, or an error: what is being sent is still sent. */
	if (result->value <= 0)
		return;
	op = a10_send(connection->fd, result->buf.data, result->buf.length, 0);
	op = a10_owning_buf(a10_all(op), result->buf);
	a10_scope_submit(&connection->scope, op, on_sent, connection);
}

static void on_accepted(void *data, const struct a10_result *result)
{
	struct a10_pool *pool = data;
	struct connection *connection;
	struct a10_op op;

	if (result->value < 0)
		return; /* the ring is being stopped */
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		a10_fd_release(result->fd);
		return;
	}
	connection->fd = result->fd;
	a10_scope_open(&connection->scope, result->sq, 0);
	op = a10_multishot(a10_recv_pooled(connection->fd, pool, 0));
	a10_scope_submit(&connection->scope, op, on_received, connection);
	a10_submit(result->sq, a10_scope_wait(&connection->scope), on_over,
		   connection);
}

static void on_stop(void *data, const struct a10_result *result)
{
	(void)data;
	if (result->value >= 0)
		a10_sq_stop(result->sq);
}

static int server_start(struct a10_ring *ring, struct a10_pool *pool,
			int listen_fd, int stop_fd)
{
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_op op;
	a10_id id;

	op = a10_accept(a10_fd_regular(listen_fd), NULL, 0);
	id = a10_submit(sq, a10_multishot(a10_direct(op)), on_accepted, pool);
	if (id < 0)
		return (int)id;
	op = a10_poll(a10_fd_regular(stop_fd), POLLIN | POLLHUP);
	id = a10_submit(sq, op, on_stop, NULL);
	return id < 0 ? (int)id : 0;
}

static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	return ours_serve(args, server_start, listen_fd, stop_fd);
}

static const struct entrant entrant = {
	.family = "echo",
	.name = "ours",
	.serve = serve,
};

BENCH_ENTRANT(entrant)

/* Whom the server of tasks is compared with. */
static const struct entrant callbacks = {
	.family = "echo-task",
	.name = "callback",
	.serve = serve,
};

BENCH_ENTRANT(callbacks)
