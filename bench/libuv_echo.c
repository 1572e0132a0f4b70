/*
 * libuv_echo.c - an echo server on libuv. One buffer for all reads; an answer
 * is tried at once and only what does not fit is copied and queued.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BACKLOG     4096
#define BUFFER_SIZE 65536

struct server {
	uv_loop_t loop;
	uv_tcp_t listener;
	uv_poll_t stop;
	char buffer[BUFFER_SIZE];
};

struct rest {
	uv_write_t request;
	char data[];
};

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void connection_close(uv_stream_t *stream)
{
	if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret_buf)
{
	struct server *server = handle->loop->data;

	(void)size;
	*ret_buf = uv_buf_init(server->buffer, BUFFER_SIZE);
}

static void on_written(uv_write_t *request, int status)
{
	struct rest *rest = container_of(request, struct rest, request);

	if (status < 0)
		connection_close(request->handle);
	free(rest);
}

static void write_rest(uv_stream_t *stream, const char *data, size_t length)
{
	struct rest *rest = malloc(sizeof(*rest) + length);
	uv_buf_t buf;

	if (!rest) {
		connection_close(stream);
		return;
	}
	memcpy(rest->data, data, length);
	buf = uv_buf_init(rest->data, (unsigned)length);
	if (uv_write(&rest->request, stream, &buf, 1, on_written) < 0) {
		free(rest);
		connection_close(stream);
	}
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buf)
{
	uv_buf_t echo;
	int n;

	if (length < 0) {
		connection_close(stream);
		return;
	}
	if (length == 0)
		return;
	echo = uv_buf_init(buf->base, (unsigned)length);
	n = uv_try_write(stream, &echo, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0)
		connection_close(stream);
	else if (n < length)
		write_rest(stream, buf->base + n, (size_t)(length - n));
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *connection;

	if (status < 0)
		return;
	connection = malloc(sizeof(*connection));
	if (!connection)
		return;
	uv_tcp_init(listener->loop, connection);
	if (uv_accept(listener, (uv_stream_t *)connection) < 0 ||
	    uv_read_start((uv_stream_t *)connection, on_alloc, on_read) < 0)
		connection_close((uv_stream_t *)connection);
}

static void on_stop(uv_poll_t *stop, int status, int events)
{
	(void)status;
	(void)events;
	uv_stop(stop->loop);
}

/* The process ends after it: what is still open ends with that. */
static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	struct server *server = calloc(1, sizeof(*server));
	int err;

	(void)args;
	if (!server)
		return -ENOMEM;
	err = uv_loop_init(&server->loop);
	if (err < 0)
		return err;
	server->loop.data = server;
	uv_tcp_init(&server->loop, &server->listener);
	uv_poll_init(&server->loop, &server->stop, stop_fd);
	err = uv_tcp_open(&server->listener, listen_fd);
	if (err == 0)
		err = uv_listen((uv_stream_t *)&server->listener, BACKLOG,
				on_connection);
	if (err == 0)
		err = uv_poll_start(&server->stop, UV_READABLE | UV_DISCONNECT,
				    on_stop);
	if (err == 0)
		uv_run(&server->loop, UV_RUN_DEFAULT);
	return err;
}

static const struct entrant entrant = {
	.family = "echo",
	.name = "libuv",
	.serve = serve,
};

BENCH_ENTRANT(entrant)
