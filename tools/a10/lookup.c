/*
 * What a path leads to:
 *
 *   /name          a file: itself; a folder: a redirect to /name/
 *   /name/         its index.html, or else a listing; a file: not found
 *
 * Each is opened below the root, and the kernel sees to it that no link leads
 * out. Type, size and time are asked of what was opened: nobody can exchange it
 * in between.
 */
#include "lookup.h"

#include "connection.h"
#include "listing.h"
#include "response.h"
#include "server.h"
#include "transfer.h"

#include <fcntl.h>
#include <linux/openat2.h>

/*
 * Not blocking, so that a FIFO without a writer opens at once and can be told
 * by its type (a writer that waited for a reader has one for that moment), and
 * without making a terminal ours.
 */
static void lookup_open(struct connection *connection, uint64_t flags,
			connection_done *done)
{
	const struct open_how how = {
		.flags = flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	connection_submit(connection,
			  a10_openat2(connection->server->root,
				      path_to_open(&connection->path), &how,
				      sizeof(how)),
			  done);
}

static void on_directory_opened(struct connection *connection,
				const struct a10_result *r)
{
	struct body *body = &connection->body;
	struct listing listing = { 0 };
	int err = (int)r->value;

	if (err == 0) {
		body->file = r->fd;
		err = listing_read(&listing,
				   a10_fd_number(connection->server->root),
				   connection->path.name,
				   a10_fd_number(body->file));
	}
	if (err == 0)
		listing_add_page(&body->text, &listing, connection->path.name);
	listing_finish(&listing);
	if (err == 0)
		transfer_page(connection, 200);
	else
		transfer_error(connection, response_status_of_error(err));
}

/* Of a folder without an index.html, which the path still ends with. */
static void lookup_directory(struct connection *connection)
{
	path_remove_last(&connection->path);
	lookup_open(connection, O_DIRECTORY, on_directory_opened);
}

/*
 * From here on it may wait, as files do. Otherwise a read of what is not in
 * memory fails with -EAGAIN on older kernels; newer ones try it in the ring's
 * thread, also where the file system is known to keep that waiting.
 */
static void send_file(struct connection *connection)
{
	const int fd = a10_fd_number(connection->body.file);

	if (fcntl(fd, F_SETFL, 0) < 0)
		transfer_error(connection, 500);
	else
		transfer_file(connection);
}

static void on_status(struct connection *connection, const struct a10_result *r)
{
	const unsigned int mode = connection->status.stx_mode;

	if (r->value < 0)
		transfer_error(connection,
			       response_status_of_error((int)r->value));
	else if (S_ISREG(mode))
		send_file(connection);
	else if (!S_ISDIR(mode))
		transfer_error(connection, 403);
	else if (!connection->path.is_directory)
		transfer_redirect(connection);
	else {
		/* A folder that is called index.html. */
		a10_fd_release(connection->body.file);
		connection->body.file = A10_NO_FD;
		lookup_directory(connection);
	}
}

static void on_opened(struct connection *connection, const struct a10_result *r)
{
	struct a10_op op;

	if (r->value == -ENOENT && connection->path.is_directory) {
		lookup_directory(connection);
	} else if (r->value < 0) {
		transfer_error(connection,
			       response_status_of_error((int)r->value));
	} else {
		connection->body.file = r->fd;
		op = a10_statx(r->fd, "", AT_EMPTY_PATH,
			       STATX_TYPE | STATX_SIZE | STATX_MTIME,
			       &connection->status);
		connection_submit(connection, op, on_status);
	}
}

void lookup_start(struct connection *connection)
{
	const struct request *request = &connection->request;
	struct path *path = &connection->path;
	int err;

	connection_move(connection, CONNECTION_LOOKING);
	err = path_decode(request->url + request->path_offset,
			  request->path_length, path);
	if (err == 0 && path->is_directory)
		err = path_append(path, "index.html");
	if (err == 0)
		lookup_open(connection, 0, on_opened);
	else
		transfer_error(connection,
			       err == -EINVAL ? 400 :
						response_status_of_error(err));
}
