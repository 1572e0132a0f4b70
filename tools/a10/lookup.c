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
 *
 *   look ---> in memory: looked_up
 *     |                      ^
 *     +---> openat2 ---> on_opened
 *
 * Where no descriptor is left it waits for one, until the time for the request
 * is over.
 */
#include "lookup.h"

#include "connection.h"
#include "listing.h"
#include "mime.h"
#include "server.h"
#include "stats.h"
#include "transfer.h"

#include <linux/openat2.h>
#include <unistd.h>

enum {
	TRIES_MAX = 8,
};

#define PAUSE (50 * A10_MILLISECOND) /* until there may be a descriptor */

static void looked_up(struct connection *connection, int fd);

static void on_opened(struct connection *connection, const struct a10_result *r)
{
	looked_up(connection,
		  r->value < 0 ? (int)r->value : a10_fd_number(r->fd));
}

static void look(struct connection *connection, enum lookup_step step)
{
	struct exchange *exchange = connection->exchange;
	const int root = connection->server->root;
	const uint64_t flags = step == LOOKUP_FOLDER ? O_DIRECTORY : 0;
	const char *path = path_to_open(&exchange->path);
	const struct open_how how = file_how(flags);
	int fd;

	exchange->step = step;
	fd = file_open(root, path, flags);
	if (fd != -EAGAIN)
		looked_up(connection, fd);
	else
		connection_submit(connection,
				  a10_openat2(a10_fd_regular(root), path, &how,
					      sizeof(how)),
				  on_opened);
}

static void on_paused(struct connection *connection, const struct a10_result *r)
{
	(void)r;
	look(connection, connection->exchange->step);
}

static void fail(struct connection *connection, int err)
{
	transfer_error(connection, response_status_of_error(err));
}

/* ---- folders ------------------------------------------------------------ */

static void on_listed(struct connection *connection, const struct a10_result *r)
{
	struct exchange *exchange = connection->exchange;
	int err = (int)r->value;

	/* Clients that ask and do not read must not take all the memory. */
	if (err == 0 && !server_keep_page(connection->server, exchange))
		err = -ENOMEM;
	if (err == 0)
		transfer_page(connection, TYPE_HTML);
	else
		fail(connection, err);
}

static void show_folder(struct connection *connection, int fd)
{
	struct exchange *exchange = connection->exchange;
	struct server *server = connection->server;

	exchange->listing = (struct listing_job){
		.listing = { .hidden = server->settings.hidden,
			     .order = listing_order(exchange->request.query) },
		.root = server->root,
		.directory = fd,
		.name = exchange->path.name,
		.text = &exchange->body.text,
	};
	connection_submit(connection,
			  a10_work(listing_make, &exchange->listing),
			  on_listed);
}

/* Of a folder without an index.html, which the path still ends with. */
static void look_for_folder(struct connection *connection)
{
	path_remove_last(&connection->exchange->path);
	look(connection, LOOKUP_FOLDER);
}

/* ---- files -------------------------------------------------------------- */

/* The next of its siblings that the client takes; none: the file it is. */
static void look_for_coding(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	enum coding coding;

	if (exchange->codings_tried == exchange->codings.count) {
		exchange->coding = CODING_COUNT;
		transfer_file(connection);
		return;
	}
	coding = exchange->codings.at[exchange->codings_tried++];
	exchange->coding = coding;
	if (path_add_suffix(&exchange->path, coding_suffixes[coding]) < 0) {
		look_for_coding(connection);
		return;
	}
	look(connection, LOOKUP_CODING);
	/* Nothing here: the connection may be gone on already. */
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec :
					a->tv_nsec > b->tv_nsec;
}

static void found_coding(struct connection *connection, int fd)
{
	struct exchange *exchange = connection->exchange;
	struct stat status;
	bool good;

	path_remove_suffix(&exchange->path, coding_suffixes[exchange->coding]);
	/* One that is larger serves nobody. */
	good = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_size < exchange->status.st_size &&
	       !is_newer(&exchange->status.st_mtim, &status.st_mtim);
	if (!good) {
		if (fd >= 0)
			close(fd);
		look_for_coding(connection);
		return;
	}
	file_close(&exchange->body.file);
	exchange->body.file.fd = fd;
	exchange->status = status;
	transfer_file(connection);
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

static void found_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	exchange->response.type = mime_type(exchange->path.name);
	exchange->response.vary = mime_is_compressible(exchange->response.type);
	if (exchange->response.vary && !wants_parts(&exchange->request))
		coding_accepted(&exchange->request, &exchange->codings);
	look_for_coding(connection);
}

/* Opened; now what is it? */
static void found(struct connection *connection, int fd)
{
	struct exchange *exchange = connection->exchange;
	struct stat *status = &exchange->status;

	exchange->body.file.fd = fd;
	if (fstat(fd, status) < 0) {
		fail(connection, -errno);
	} else if (S_ISREG(status->st_mode)) {
		found_file(connection);
	} else if (!S_ISDIR(status->st_mode)) {
		transfer_error(connection, 403);
	} else if (exchange->step == LOOKUP_FILE) {
		transfer_redirect(connection);
	} else {
		/* A folder that is called index.html. */
		file_close(&exchange->body.file);
		look_for_folder(connection);
	}
}

static void looked_up(struct connection *connection, int fd)
{
	struct exchange *exchange = connection->exchange;

	/* Something was moved while ".." in a link was followed. */
	if (fd == -EAGAIN && exchange->tries++ < TRIES_MAX) {
		look(connection, exchange->step);
	} else if (exchange->step == LOOKUP_CODING) {
		found_coding(connection, fd);
	} else if (fd == -EMFILE && a10_now() < connection->deadline) {
		connection_submit(connection, a10_after(PAUSE), on_paused);
	} else if (fd == -ENOENT && exchange->step == LOOKUP_INDEX) {
		look_for_folder(connection);
	} else if (fd < 0) {
		fail(connection, fd);
	} else if (exchange->step == LOOKUP_FOLDER) {
		exchange->body.file.fd = fd;
		show_folder(connection, fd);
	} else {
		found(connection, fd);
	}
}

static bool is_stats(const struct connection *connection)
{
	const struct view path = connection->exchange->request.path;

	return connection->server->settings.stats_page &&
	       path.length == strlen(STATS_PATH) &&
	       memcmp(path.at, STATS_PATH, path.length) == 0;
}

void lookup_start(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct view url = exchange->request.path;
	struct path *path = &exchange->path;
	int err;

	connection_move(connection, CONNECTION_LOOKING);
	if (is_stats(connection)) {
		stats_add_json(&exchange->body.text, connection->server);
		transfer_page(connection, TYPE_JSON);
		return;
	}
	err = path_decode(url.at, url.length,
			  connection->server->settings.hidden, path);
	if (err == 0 && path->is_directory)
		err = path_append(path, "index.html");
	if (err == -EINVAL)
		transfer_error(connection, 400);
	else if (err < 0)
		fail(connection, err);
	else
		look(connection,
		     path->is_directory ? LOOKUP_INDEX : LOOKUP_FILE);
}
