/*
 * serve.c - a10 serve: what a server needs to run, and the signals that end it.
 */
#include "command.h"
#include "descriptors.h"
#include "listeners.h"
#include "mime.h"
#include "serve_options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LISTINGS = 4,          /* that are made at a time */
	FILES_RESERVED = 1024, /* for files, where there are enough */
	ADDRESS_SIZE = 128,
	SIGNALLED = 128, /* + the signal: what shells call an exit by one */
};

struct serve {
	struct serve_options *options;
	struct a10_ring *ring; /* of several threads: only to open listeners */
	struct server *servers;
	struct crowd crowd;
	struct a10_fd signals;
	int ended_by; /* the second signal, or 0 */
};

static const struct a10_config ring_config = {
	.completion_entries = COMPLETIONS,
};

/* ---- what it needs ------------------------------------------------------ */

/*
 * Each connection takes a descriptor, and another one while it sends a large
 * file or waits for a disk: so unless more is asked for, no more than half of
 * them are connections. 0 or -errno.
 */
static int limit_connections(const struct serve_options *options,
			     struct server_settings *settings)
{
	const uint32_t addresses =
		options->address_count > 0 ? options->address_count : 1;
	uint32_t most;
	const int err = descriptors_left(options->threads, addresses, &most);

	if (err < 0)
		return err;
	if (settings->connections_max == 0) {
		settings->connections_max = CONNECTIONS_MAX;
		most /= 2;
	} else {
		most -= most / 4 < FILES_RESERVED ? most / 4 : FILES_RESERVED;
	}
	if (settings->connections_max <= most)
		return 0;
	if (settings->connections_max > CONNECTIONS_MAX)
		descriptors_complain("serve", most);
	settings->connections_max = most;
	return 0;
}

/* Of this thread, before there are others, so that they inherit it. */
static int open_signals(struct serve *serve)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return a10_signals_open(&set, &serve->signals);
}

static int open_ring(struct serve *serve)
{
	int err = a10_ring_create(&ring_config, &serve->ring);

	if (err < 0)
		return complain("serve: no ring: %s (%s)", a10_ring_reason(),
				strerror(-err));
	serve->servers[0].ring = serve->ring;
	serve->servers[0].sq = a10_ring_sq(serve->ring);
	/* Listings are made by helpers, and until then nobody counts them. */
	a10_work_limit(LISTINGS);
	return EXIT_OK;
}

static int open_folder(struct serve *serve)
{
	const char *folder = serve->options->folder;
	const int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return complain("serve: %s: %s", folder, strerror(errno));
	for (uint32_t i = 0; i < serve->crowd.count; i++)
		serve->servers[i].root = root;
	return EXIT_OK;
}

/* The system's table may be missing, one that was asked for may not. */
static int open_tables(struct serve *serve)
{
	const struct serve_options *options = serve->options;
	int err = mime_load(options->mime_types ? options->mime_types :
						  MIME_SYSTEM_TABLE);

	if (err < 0 && options->mime_types)
		return complain("serve: %s: %s", options->mime_types,
				strerror(-err));
	if (options->log == LOG_NONE)
		return EXIT_OK;
	err = log_open(&serve->servers[0].log, options->log, options->log_path);
	if (err < 0)
		return complain("serve: %s: %s", options->log_path,
				strerror(-err));
	for (uint32_t i = 1; i < serve->crowd.count; i++)
		log_share(&serve->servers[i].log, &serve->servers[0].log);
	return EXIT_OK;
}

/* ---- where it listens --------------------------------------------------- */

/*
 * One for each other thread. Where that cannot be, as for Unix sockets and those
 * inherited, the first thread listens and deals clients out.
 */
static void share_listener(struct serve *serve, struct listener *first)
{
	for (uint32_t i = 1; i < serve->crowd.count && !first->dealt; i++) {
		struct server *server = &serve->servers[i];
		struct listener *listener =
			&server->listeners[server->listener_count];

		if (listener_join(listener, serve->servers[0].sq, first) == 0)
			server->listener_count++;
		else
			first->dealt = true;
	}
}

static int open_listeners(struct serve *serve)
{
	const struct listeners_wish wish = {
		.command = "serve",
		.addresses = serve->options->addresses,
		.address_count = serve->options->address_count,
		.fallback = "127.0.0.1:8010",
	};
	struct server *first = &serve->servers[0];
	const int status = listeners_open(&wish, first->sq, first->listeners,
					  &first->listener_count);

	for (uint32_t i = 0; i < first->listener_count; i++)
		share_listener(serve, &first->listeners[i]);
	return status;
}

/* To standard output, unless that is the log's. */
static void announce(const struct serve *serve)
{
	const struct serve_options *options = serve->options;
	const bool logs = options->log != LOG_NONE && !options->log_path;
	FILE *out = logs ? stderr : stdout;
	char text[ADDRESS_SIZE];

	for (uint32_t i = 0; i < serve->servers[0].listener_count; i++) {
		const struct a10_address *address =
			&serve->servers[0].listeners[i].address;
		const bool local = address->as.any.sa_family == AF_UNIX;

		a10_address_format(address, text, sizeof(text));
		fprintf(out, "a10: serving %s on %s%s%s\n", options->folder,
			local ? "" : "http://", text, local ? "" : "/");
	}
	/* Nobody may be reading: that is no reason not to serve. */
	fflush(out);
	clearerr(out);
}

/* ---- running ------------------------------------------------------------ */

/* A task: the first asks to stop, the second does not ask. */
static int heed_signals(void *data)
{
	struct serve *serve = (struct serve *)data;
	struct server *first = &serve->servers[0];
	ssize_t n = a10_await(a10_signal_read(serve->signals, NULL));

	if (n > 0) {
		server_stop(first);
		n = a10_await(a10_signal_read(serve->signals, NULL));
	}
	if (n < 0)
		return 0; /* all is over */
	serve->ended_by = (int)n;
	/* What would have to be undone was when it was asked to. */
	if (serve->crowd.count > 1)
		_exit(SIGNALLED + serve->ended_by);
	a10_sq_stop(first->sq);
	return 0;
}

/* On each ring. 0 or -errno. */
static int begin(struct serve *serve, struct server *server)
{
	const int err = server_start(server);
	a10_id id;

	if (err < 0 || server != &serve->servers[0])
		return err;
	id = a10_task_spawn(server->sq, heed_signals, serve, 0);
	if (id < 0)
		return (int)id;
	announce(serve);
	return 0;
}

/* On this thread alone. 0 or -errno. */
static int run_one(struct serve *serve)
{
	const int err = begin(serve, &serve->servers[0]);

	return err < 0 ? err : a10_ring_run(serve->ring);
}

/* In each thread. */
static int begin_shard(const struct a10_shard *shard)
{
	struct serve *serve = (struct serve *)shard->data;
	struct server *server = &serve->servers[shard->index];
	const int err = crowd_join(server, shard);

	return err < 0 ? err : begin(serve, server);
}

static int run_several(struct serve *serve)
{
	a10_ring_destroy(serve->ring, A10_SECOND);
	serve->ring = NULL;
	return a10_shards_run(serve->crowd.count, &ring_config, begin_shard,
			      serve);
}

/* Until it is stopped. Returns the exit status. */
static int run(struct serve *serve)
{
	const int err =
		serve->crowd.count > 1 ? run_several(serve) : run_one(serve);

	/* The first ring was there, others may not be. */
	if (err < 0 && serve->crowd.count > 1 && *a10_ring_reason() != '\0')
		return complain("serve: no rings for %u threads: %s (%s)",
				serve->crowd.count, a10_ring_reason(),
				strerror(-err));
	if (err < 0)
		return complain("serve: %s", strerror(-err));
	return serve->ended_by > 0 ? SIGNALLED + serve->ended_by : EXIT_OK;
}

static int open_all(struct serve *serve)
{
	struct server_settings *settings = &serve->options->settings;
	int err = limit_connections(serve->options, settings);

	if (err < 0)
		return descriptors_complain_of_none("serve");
	crowd_init(&serve->crowd, serve->servers, serve->options->threads,
		   settings->connections_max);
	for (uint32_t i = 0; i < serve->crowd.count; i++)
		serve->servers[i].settings = *settings;
	/* A log that is a FIFO has to be waited for, and that can be ended. */
	if (open_folder(serve) != EXIT_OK || open_tables(serve) != EXIT_OK)
		return EXIT_FAILED;
	err = open_signals(serve);
	if (err < 0)
		return complain("serve: signals: %s", strerror(-err));
	if (open_ring(serve) != EXIT_OK || open_listeners(serve) != EXIT_OK)
		return EXIT_FAILED;
	return EXIT_OK;
}

static void close_all(struct serve *serve)
{
	const int root = serve->servers[0].root;

	/* The first has what others share. */
	for (uint32_t i = serve->crowd.count; i > 0; i--)
		server_finish(&serve->servers[i - 1]);
	free(serve->servers);
	mime_unload();
	a10_fd_release(serve->signals);
	if (root >= 0)
		close(root);
}

int serve_run(int argc, char **argv)
{
	struct serve_options options = {
		.folder = ".",
		.threads = 1,
		.settings = {
			.idle_timeout_ns = IDLE_TIMEOUT,
			.request_timeout_ns = REQUEST_TIMEOUT,
			.send_timeout_ns = SEND_TIMEOUT,
			.stop_timeout_ns = STOP_TIMEOUT,
		},
	};
	struct serve serve = { .options = &options };
	int status = serve_options_parse(&options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (options.help) {
		serve_options_help();
		return EXIT_OK;
	}
	serve.crowd.count = options.threads;
	serve.servers =
		(struct server *)calloc(options.threads, sizeof(struct server));
	if (!serve.servers)
		return complain("serve: %s", strerror(ENOMEM));
	for (uint32_t i = 0; i < options.threads; i++)
		serve.servers[i].root = -1;
	status = open_all(&serve);
	if (status == EXIT_OK)
		status = run(&serve);
	/* All is over when the rings are, and nothing uses them any more. */
	a10_ring_destroy(serve.ring, A10_SECOND);
	close_all(&serve);
	return status;
}
