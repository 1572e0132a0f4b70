#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_AFTER (100 * A10_MILLISECOND) /* when accepting failed */

enum {
	ADDRESS_SIZE = 128,
	ACCEPTED_MAX = 64, /* that wait for their turn */
	LATE_MARGIN = 64,
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

/* What a stream can accept before that is heard of and it is ended. */
uint32_t listener_late(const struct a10_ring *ring)
{
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	return 2 * info.completion_entries + LATE_MARGIN;
}

void listener_slow(struct listener *listener)
{
	if (listener->accepted)
		a10_stream_cancel(listener->accepted);
}

/* 0 or -errno; -ECANCELED also after the last of a stream. */
static int await_one(struct listener *listener, bool few,
		     struct a10_fd *ret_client)
{
	const struct a10_op op =
		a10_accept(listener->socket, NULL, SOCK_NONBLOCK);
	int err;

	if (few && !listener->accepted)
		return a10_await_fd(op, ret_client);
	if (few)
		listener_slow(listener);
	else if (!listener->accepted)
		listener->accepted = a10_stream_open(op, ACCEPTED_MAX);
	err = a10_await_fd(a10_stream_next(listener->accepted), ret_client);
	if (err < 0) {
		a10_stream_close(listener->accepted);
		listener->accepted = NULL;
	}
	return err;
}

int listener_await(struct listener *listener, bool few,
		   struct a10_fd *ret_client)
{
	while (!a10_task_cancelled()) {
		const int err = await_one(listener, few, ret_client);

		if (err == 0)
			return 0;
		few = true; /* or the stream would not have ended */
		if (err != -ECANCELED)
			/* For lack of something: there will be more of it. */
			a10_sleep(RETRY_AFTER);
	}
	a10_stream_close(listener->accepted);
	listener->accepted = NULL;
	return -ECANCELED;
}

void listener_stop(struct listener *listener)
{
	/* Who comes now shall be told; but others may have it open as well. */
	if (listener->inherited)
		return;
	remove_file(listener);
	a10_fd_release(listener->socket);
	listener->socket = A10_NO_FD;
}
