/*
 * ours_echo_task.c - the echo server in straight lines: a task a connection,
 * and streams for what is accepted and received.
 */
#include "bench.h"

#include <a10.h>

#include <errno.h>
#include <poll.h>

#define CONNECTIONS     4096
#define STOP_TIMEOUT_NS INT64_C(2000000000)

/* As the callbacks' server's. */
#define BUFFERS             2048
#define BUFFER_SIZE         4096
#define INCREMENTAL_BUFFERS 16
#define INCREMENTAL_SIZE    (256 * 1024)

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

static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	const struct a10_config config = {
		.submission_entries = 4096,
		.completion_entries = 16384,
		.reserved_operations = 4096,
		.direct_descriptors = CONNECTIONS,
	};
	struct server server = { .listen_fd = listen_fd, .stop_fd = stop_fd };
	struct a10_ring *ring;
	int err;

	err = a10_ring_create(&config, &ring);
	if (err < 0)
		return err;
	if (args->incremental)
		err = a10_pool_create(ring, INCREMENTAL_BUFFERS,
				      INCREMENTAL_SIZE, A10_POOL_INCREMENTAL,
				      &server.pool);
	else
		err = a10_pool_create(ring, BUFFERS, BUFFER_SIZE, 0,
				      &server.pool);
	if (err == 0)
		err = a10_task_spawn(a10_ring_sq(ring), run_server, &server,
				     0) < 0 ?
			      -ENOMEM :
			      a10_ring_run(ring);
	if (a10_ring_destroy(ring, STOP_TIMEOUT_NS) > 0 && err >= 0)
		err = -EBUSY; /* something did not end */
	return err < 0 ? err : 0;
}

static const struct entrant entrant = {
	.family = "echo-task",
	.name = "ours",
	.serve = serve,
};

BENCH_ENTRANT(entrant)
