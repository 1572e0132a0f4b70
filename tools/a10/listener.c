#include "listener.h"

#include "connection.h"
#include "server.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define RETRY_AFTER (100 * A10_MILLISECOND) /* when accepting failed */

enum {
	ADDRESS_SIZE = 128,
};

/* ---- sockets ------------------------------------------------------------ */

/*
 * Whether the file of a Unix socket is what somebody left behind. Who connects
 * to what is no socket is refused too.
 */
static bool is_left_behind(const struct a10_address *address)
{
	struct stat status;
	bool refused;
	int fd;

	if (lstat(address->as.un.sun_path, &status) < 0 ||
	    !S_ISSOCK(status.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, &address->as.any, address->length) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static bool has_file(const struct a10_address *address)
{
	return address->as.any.sa_family == AF_UNIX &&
	       address->length > offsetof(struct sockaddr_un, sun_path) &&
	       address->as.un.sun_path[0] != '\0';
}

/* Which file it is, so that no other is removed in its place. */
static void note_file(struct listener *listener)
{
	struct stat status;

	if (!has_file(&listener->address) ||
	    lstat(listener->address.as.un.sun_path, &status) < 0)
		return;
	listener->has_file = true;
	listener->file_device = status.st_dev;
	listener->file_number = status.st_ino;
}

static void remove_file(struct listener *listener)
{
	const char *path = listener->address.as.un.sun_path;
	struct stat status;

	if (listener->has_file && lstat(path, &status) == 0 &&
	    status.st_dev == listener->file_device &&
	    status.st_ino == listener->file_number)
		unlink(path);
	listener->has_file = false;
}

/*
 * Connections inherit it. Responses go out whole, so there is nothing to gain
 * by holding back their ends; a Unix socket never does.
 */
static int listener_take(struct listener *listener)
{
	const int fd = a10_fd_number(listener->socket);
	const int on = 1;

	listener->address.length = sizeof(listener->address.as);
	if (getsockname(fd, &listener->address.as.any,
			&listener->address.length) < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int listener_open(struct listener *listener, struct a10_sq *sq,
		  const char *address)
{
	struct a10_address parsed;
	struct a10_result result;
	ssize_t err = a10_address_parse(address, &parsed);

	if (err < 0)
		return (int)err;
	err = a10_await_on(sq, a10_listen_on(address, 0), &result);
	if (err == -EADDRINUSE && has_file(&parsed) &&
	    is_left_behind(&parsed) && unlink(parsed.as.un.sun_path) == 0)
		err = a10_await_on(sq, a10_listen_on(address, 0), &result);
	if (err < 0)
		return (int)err;
	listener->socket = result.fd;
	err = listener_take(listener);
	if (err == 0)
		note_file(listener);
	return (int)err;
}

/*
 * The first was alone there when it was opened, as the kernel would not see to
 * if it had been open to others then.
 */
int listener_join(struct listener *listener, struct a10_sq *sq,
		  struct listener *first)
{
	const int on = 1;
	struct a10_result result;
	char text[ADDRESS_SIZE];
	ssize_t err;

	if (first->inherited || first->address.as.any.sa_family == AF_UNIX)
		return -EOPNOTSUPP;
	if (setsockopt(a10_fd_number(first->socket), SOL_SOCKET, SO_REUSEPORT,
		       &on, sizeof(on)) < 0)
		return -errno;
	a10_address_format(&first->address, text, sizeof(text));
	err = a10_await_on(sq, a10_listen_on(text, A10_REUSE_PORT), &result);
	if (err < 0)
		return (int)err;
	listener->socket = result.fd;
	return listener_take(listener);
}

int listener_inherit(struct listener *listener, int socket)
{
	socklen_t length = sizeof(int);
	int listens = 0;
	int type = 0;

	if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) <
	    0)
		return -errno;
	if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
		return -errno;
	if (!listens || type != SOCK_STREAM)
		return -EINVAL;
	fcntl(socket, F_SETFD, FD_CLOEXEC);
	listener->socket = a10_fd_regular(socket);
	listener->inherited = true;
	return listener_take(listener);
}

void listener_finish(struct listener *listener)
{
	remove_file(listener);
	a10_fd_release(listener->socket);
	listener->socket = A10_NO_FD;
}

/* ---- the door ----------------------------------------------------------- */

static void listener_pause(struct listener *listener)
{
	if (listener->door != DOOR_OPEN && listener->door != DOOR_AJAR)
		return;
	listener->door = DOOR_SHUTTING;
	a10_cancel(listener->server->sq, listener->accepting);
}

static void on_retry(void *data, const struct a10_result *r)
{
	(void)r;
	listener_resume((struct listener *)data);
}

static void on_last_accepted(struct listener *listener, bool failed)
{
	failed = failed && listener->door != DOOR_SHUTTING;
	listener->door = DOOR_SHUT;
	listener->accepting = 0;
	/* For lack of something: more of it will be there in a while. */
	if (failed)
		a10_submit(listener->server->sq, a10_after(RETRY_AFTER),
			   on_retry, listener);
	else
		listener_resume(listener);
}

static bool is_nearly_full(const struct server *server)
{
	return crowd_connections(server) + server->connections_late >
	       server->settings.connections_max;
}

static bool is_full(const struct server *server)
{
	return crowd_connections(server) >= server->settings.connections_max;
}

/* The last that may: the others are not to bring one more each. */
static void pause_all(struct server *server)
{
	for (uint32_t i = 0; i < server->listener_count; i++)
		listener_pause(&server->listeners[i]);
}

static void on_accepted(void *data, const struct a10_result *r)
{
	struct listener *listener = (struct listener *)data;
	struct server *server = listener->server;

	if (a10_fd_valid(r->fd) && server->stopping)
		a10_fd_release(r->fd);
	else if (a10_fd_valid(r->fd) && listener->dealt)
		crowd_deal(server, a10_fd_number(r->fd));
	else if (a10_fd_valid(r->fd))
		connection_create(server, a10_fd_number(r->fd));
	if (!r->more)
		on_last_accepted(listener, r->value < 0);
	else if (is_nearly_full(server))
		listener_pause(listener);
	if (is_full(server))
		pause_all(server);
}

void listener_resume(struct listener *listener)
{
	struct server *server = listener->server;
	const bool few = is_nearly_full(server);
	struct a10_op op;

	if (server->stopping || listener->door != DOOR_SHUT ||
	    crowd_waits(server))
		return;
	op = a10_accept(listener->socket, NULL, SOCK_NONBLOCK);
	if (!few)
		op = a10_multishot(op);
	listener->accepting = a10_submit(server->sq, op, on_accepted, listener);
	if (listener->accepting > 0)
		listener->door = few ? DOOR_AJAR : DOOR_OPEN;
}

void listener_review(struct listener *listener)
{
	if (is_nearly_full(listener->server))
		listener_pause(listener);
	listener_resume(listener);
}

void listener_start(struct listener *listener, struct server *server)
{
	listener->server = server;
	listener_resume(listener);
}

void listener_stop(struct listener *listener)
{
	listener_pause(listener);
	/* Who comes now shall be told; but others may have it open as well. */
	if (listener->inherited)
		return;
	remove_file(listener);
	a10_fd_release(listener->socket);
	listener->socket = A10_NO_FD;
}
