/*
 * ours_echo_task.c - the echo server in straight lines: a task a connection,
 * and streams for what is accepted and received.
 */
#include "ours.h"

#include <errno.h>
#include <poll.h>

struct server {
	struct a10_pool *pool;
	struct a10_scope connections;
	int listen_fd;
	int stop_fd;
};

struct connection {
	struct a10_fd fd;
	struct a10_pool *pool;
};

static int echo(void *data)
{
	const struct connection *connection = data;
	struct a10_stream *received = a10_stream_open(
		a10_recv_pooled(connection->fd, connection->pool, 0), 64);
	struct a10_result r;
	ssize_t n = 1;

	while (n > 0 && a10_await_result(a10_stream_next(received), &r) > 0) {
		n = a10_await(a10_send(connection->fd, r.buf.data, r.buf.length,
				       MSG_WAITALL));
		a10_buf_release(r.buf);
	}
	a10_stream_close(received);
	return (int)a10_await(a10_close(connection->fd));
}

static int listen_for_ever(void *data)
{
	struct server *server = data;
	struct a10_op accept =
		a10_accept(a10_fd_regular(server->listen_fd), NULL, 0);
	struct a10_stream *accepted = a10_stream_open(a10_direct(accept), 64);
	struct connection connection = { .pool = server->pool };
	int err;

	while ((err = a10_await_fd(a10_stream_next(accepted),
				   &connection.fd)) == 0) {
		if (a10_scope_spawn(&server->connections, echo, &connection,
				    sizeof(connection)) < 0)
			a10_fd_release(connection.fd);
	}
	a10_stream_close(accepted);
	return err;
}

static int run_server(void *data)
{
	struct server *server = data;
	struct a10_scope listener;

	a10_scope_open(&server->connections, NULL, 0);
	a10_scope_open(&listener, NULL, 0);
	a10_scope_spawn(&listener, listen_for_ever, server, 0);
	a10_await(a10_poll(a10_fd_regular(server->stop_fd), POLLIN | POLLHUP));
	a10_scope_close(&listener);
	a10_scope_close(&server->connections);
	return 0;
}

static int server_start(struct a10_ring *ring, struct a10_pool *pool,
			int listen_fd, int stop_fd)
{
	const struct server server = { .pool = pool,
				       .listen_fd = listen_fd,
				       .stop_fd = stop_fd };
	const a10_id id = a10_task_spawn(a10_ring_sq(ring), run_server, &server,
					 sizeof(server));

	return id < 0 ? (int)id : 0;
}

static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	return ours_serve(args, server_start, listen_fd, stop_fd);
}

static const struct entrant entrant = {
	.family = "echo-task",
	.name = "ours",
	.serve = serve,
};

BENCH_ENTRANT(entrant)
