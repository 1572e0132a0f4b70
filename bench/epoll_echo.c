/*
 * epoll_echo.c - an echo server on epoll, level-triggered: one read, one
 * write, and back to epoll_wait, which says so if there is more.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX  256
#define BUFFER_SIZE 65536

struct connection {
	int fd;
	size_t length; /* of what could not be sent yet */
	size_t sent;
	unsigned char *rest; /* NULL: nothing */
};

struct server {
	int epoll;
	int listen_fd;
	unsigned char buffer[BUFFER_SIZE];
};

static int watch(struct server *server, int verb, int fd, uint32_t events,
		 void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	return epoll_ctl(server->epoll, verb, fd, &event) < 0 ? -errno : 0;
}

static void connection_close(struct connection *connection)
{
	close(connection->fd); /* epoll forgets it by that */
	free(connection->rest);
	free(connection);
}

/* Nothing more is read before the rest is sent: that bounds the rest. */
static int connection_keep(struct server *server, struct connection *connection,
			   const unsigned char *data, size_t length)
{
	connection->rest = malloc(length);
	if (!connection->rest)
		return -ENOMEM;
	memcpy(connection->rest, data, length);
	connection->length = length;
	connection->sent = 0;
	return watch(server, EPOLL_CTL_MOD, connection->fd, EPOLLOUT,
		     connection);
}

static int connection_flush(struct server *server,
			    struct connection *connection)
{
	ssize_t n;

	n = send(connection->fd, connection->rest + connection->sent,
		 connection->length - connection->sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	connection->sent += (size_t)n;
	if (connection->sent < connection->length)
		return 0;
	free(connection->rest);
	connection->rest = NULL;
	return watch(server, EPOLL_CTL_MOD, connection->fd, EPOLLIN,
		     connection);
}

static int connection_echo(struct server *server, struct connection *connection)
{
	ssize_t length;
	ssize_t n;

	length =
		recv(connection->fd, server->buffer, BUFFER_SIZE, MSG_DONTWAIT);
	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (length == 0)
		return -ECONNRESET;
	n = send(connection->fd, server->buffer, (size_t)length,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n < 0)
		n = 0;
	if (n < length)
		return connection_keep(server, connection, server->buffer + n,
				       (size_t)(length - n));
	return 0;
}

static void connection_step(struct server *server,
			    struct connection *connection)
{
	int err;

	if (connection->rest)
		err = connection_flush(server, connection);
	else
		err = connection_echo(server, connection);
	if (err < 0)
		connection_close(connection);
}

static int accept_one(struct server *server)
{
	struct connection *connection;
	int err;
	int fd;

	fd = accept4(server->listen_fd, NULL, NULL,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return errno == EAGAIN || errno == ECONNABORTED ? 0 : -errno;
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		close(fd);
		return -ENOMEM;
	}
	connection->fd = fd;
	err = watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
	if (err < 0)
		connection_close(connection);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): epoll has it now */
	return err;
}

static int server_run(struct server *server, int stop_fd)
{
	struct epoll_event events[EVENTS_MAX];
	bool stopped = false;
	int err;
	int n;

	err = watch(server, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN,
		    &server->listen_fd);
	if (err == 0)
		err = watch(server, EPOLL_CTL_ADD, stop_fd, EPOLLIN, NULL);
	while (err == 0 && !stopped) {
		n = epoll_wait(server->epoll, events, EVENTS_MAX, -1);
		if (n < 0 && errno != EINTR)
			err = -errno;
		for (int i = 0; i < n && err == 0; i++) {
			void *data = events[i].data.ptr;

			if (!data)
				stopped = true;
			else if (data == &server->listen_fd)
				err = accept_one(server);
			else
				connection_step(server, data);
		}
	}
	return err;
}

static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	struct server *server = calloc(1, sizeof(*server));
	int err;

	(void)args;
	if (!server)
		return -ENOMEM;
	server->listen_fd = listen_fd;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = server->epoll < 0 ? -errno : server_run(server, stop_fd);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
	return err;
}

static const struct entrant entrant = {
	.family = "echo",
	.name = "epoll",
	.serve = serve,
};

BENCH_ENTRANT(entrant)
