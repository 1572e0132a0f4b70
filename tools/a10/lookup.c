/*
 * What a path leads to:
 *
 *   /name          a file: itself; a folder: a redirect to /name/
 *   /name/         its index.html, or else a listing; a file: not found
 *
 * and of a file that compresses, the sibling that is compressed already, if the
 * client takes it, all of it or one part, and it is smaller than the file and
 * not older.
 *
 * Each is opened below the root, and the kernel sees to it that no link leads
 * out. Type, size and time are asked of what was opened: nobody can exchange it
 * in between.
 */
#include "lookup.h"

#include "connection.h"
#include "listing.h"
#include "mime.h"
#include "server.h"
#include "stats.h"

#include <linux/openat2.h>
#include <unistd.h>

enum {
	TRIES_MAX = 8, /* of an open that somebody disturbs */
};

#define PAUSE (50 * A10_MILLISECOND) /* until there may be a descriptor */

/* ---- opening ------------------------------------------------------------ */

/* What the path says by now. The descriptor, or -errno. */
static int open_once(struct connection *connection, uint64_t flags)
{
	const int root = connection->server->root;
	const char *path = path_to_open(&connection->exchange->path);
	const struct open_how how = file_how(flags);
	struct a10_fd opened;
	int fd = file_open(root, path, flags);

	if (fd != -EAGAIN)
		return fd;
	connection_will_wait(connection);
	fd = a10_await_fd(a10_openat2(a10_fd_regular(root), path, &how,
				      sizeof(how)),
			  &opened);
	return fd < 0 ? fd : a10_fd_number(opened);
}

/* Again, when something was moved while ".." in a link was followed. */
static int open_now(struct connection *connection, uint64_t flags)
{
	int fd = open_once(connection, flags);

	for (int i = 0; i < TRIES_MAX && fd == -EAGAIN; i++)
		fd = open_once(connection, flags);
	return fd;
}

/* Where no descriptor is left it waits for one, as long as a request may. */
static int open_wanted(struct connection *connection, uint64_t flags)
{
	int fd = open_now(connection, flags);

	while (fd == -EMFILE && a10_now() < connection_deadline(connection) &&
	       connection_await(connection, a10_after(PAUSE)) == 0)
		fd = open_now(connection, flags);
	return fd;
}

/* ---- folders ------------------------------------------------------------ */

/* Without an index.html. A helper thread makes the page. */
static int show_folder(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct server *server = connection->server;
	struct listing_job job = {
		.listing = { .hidden = server->settings.hidden,
			     .order = listing_order(exchange->request.query) },
		.root = server->root,
		.name = exchange->path.name,
		.text = &exchange->body.text,
	};
	int err;

	job.directory = open_wanted(connection, O_DIRECTORY);
	if (job.directory < 0)
		return response_status_of_error(job.directory);
	err = (int)connection_await(connection, a10_work(listing_make, &job));
	close(job.directory);
	/* Clients that ask and do not read must not take all the memory. */
	if (err == 0 && !server_keep_page(server, exchange))
		err = -ENOMEM;
	exchange->response.type = TYPE_HTML;
	return err == 0 ? 200 : response_status_of_error(err);
}

/* ---- files -------------------------------------------------------------- */

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec :
					a->tv_nsec > b->tv_nsec;
}

/* In place of the file. false: there is none, or it is no good. */
static bool take_sibling(struct connection *connection, enum coding coding)
{
	struct exchange *exchange = connection->exchange;
	const char *suffix = coding_suffixes[coding];
	struct stat status;
	int fd;

	if (path_add_suffix(&exchange->path, suffix) < 0)
		return false;
	fd = open_now(connection, 0);
	path_remove_suffix(&exchange->path, suffix);
	if (fd < 0)
		return false;
	/* One that is larger serves nobody. */
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size >= exchange->status.st_size ||
	    is_newer(&exchange->status.st_mtim, &status.st_mtim)) {
		close(fd);
		return false;
	}
	file_close(&exchange->body.file);
	exchange->body.file.fd = fd;
	exchange->status = status;
	exchange->coding = coding;
	return true;
}

/*
 * Content-Encoding would be said of the parts and their frames as a whole, which
 * are not encoded.
 */
static bool wants_parts(const struct request *request)
{
	struct view value;

	return request_only(request, FIELD_RANGE, &value) &&
	       memchr(value.at, ',', value.length) != NULL;
}

/* Opened. The best of its siblings that the client takes; none: itself. */
static void choose_coding(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct codings codings = { .count = 0 };

	exchange->response.type = mime_type(exchange->path.name);
	exchange->response.vary = mime_is_compressible(exchange->response.type);
	if (!exchange->response.vary || wants_parts(&exchange->request))
		return;
	coding_accepted(&exchange->request, &codings);
	for (uint32_t i = 0; i < codings.count; i++) {
		if (take_sibling(connection, codings.at[i]))
			return;
	}
}

/* ---- paths -------------------------------------------------------------- */

static bool is_stats(const struct connection *connection)
{
	const struct view path = connection->exchange->request.path;

	return connection->server->settings.stats_page &&
	       path.length == strlen(STATS_PATH) &&
	       memcmp(path.at, STATS_PATH, path.length) == 0;
}

static int show_stats(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	stats_add_json(&exchange->body.text, connection->server);
	exchange->response.type = TYPE_JSON;
	return 200;
}

/* What is no folder by its name, or the index.html of one. */
static int find_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct path *path = &exchange->path;
	const int fd = open_wanted(connection, 0);

	if (fd < 0)
		return fd;
	exchange->body.file.fd = fd;
	if (fstat(fd, &exchange->status) < 0)
		return -errno;
	if (S_ISDIR(exchange->status.st_mode)) {
		/* A folder that is called index.html is none. */
		file_close(&exchange->body.file);
		return path->is_directory ? -ENOENT : 301;
	}
	if (!S_ISREG(exchange->status.st_mode))
		return 403;
	choose_coding(connection);
	return 200;
}

int lookup(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct view url = exchange->request.path;
	struct path *path = &exchange->path;
	int found;

	if (is_stats(connection))
		return show_stats(connection);
	found = path_decode(url.at, url.length,
			    connection->server->settings.hidden, path);
	if (found == -EINVAL)
		return 400;
	if (found == 0 && path->is_directory)
		found = path_append(path, "index.html");
	if (found < 0)
		return response_status_of_error(found);
	found = find_file(connection);
	if (found == -ENOENT && path->is_directory) {
		path_remove_last(path);
		return show_folder(connection);
	}
	return found < 0 ? response_status_of_error(found) : found;
}
