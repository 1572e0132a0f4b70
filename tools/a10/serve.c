/*
 * serve.c - a10 serve: what a server needs to run, and the signals that end it.
 */
#include "command.h"
#include "listeners.h"
#include "mime.h"
#include "serve_options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	DESCRIPTORS_OTHER = 64, /* than those of connections and their files */
	FILES_RESERVED = 1024,  /* for files, where there are enough         */
	ADDRESS_SIZE = 128,
	SIGNALLED = 128, /* + the signal: what shells call an exit by one */
};

struct serve {
	struct serve_options *options;
	struct a10_ring *ring;
	struct server server;
	struct a10_fd signals;
	struct signalfd_siginfo signal;
	int ended_by; /* the second signal, or 0 */
};

/* ---- what it needs ------------------------------------------------------ */

/*
 * Each connection takes a descriptor, and another one while it sends a large
 * file or waits for a disk: so unless more is asked for, no more than half of
 * them are connections. 0 or -EMFILE.
 */
static int limit_connections(struct server_settings *settings)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	/* As many as we may have; if that is refused, what there is. */
	most = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		most = limit.rlim_cur;
	if (most <= DESCRIPTORS_OTHER)
		return -EMFILE;
	most -= DESCRIPTORS_OTHER;
	if (settings->connections_max == 0) {
		settings->connections_max = CONNECTIONS_MAX;
		most /= 2;
	} else {
		most -= most / 4 < FILES_RESERVED ? most / 4 : FILES_RESERVED;
	}
	if (settings->connections_max <= most)
		return 0;
	if (settings->connections_max > CONNECTIONS_MAX)
		complain("serve: not more than %u connections at once; for "
			 "more raise the limit, ulimit -n",
			 (unsigned int)most);
	settings->connections_max = (uint32_t)most;
	return 0;
}

/* Of this thread, before there are others, so that they inherit it. */
static int open_signals(struct serve *serve)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	serve->signals = a10_fd_regular(fd);
	return fd < 0 ? -errno : 0;
}

static int open_ring(struct serve *serve)
{
	const struct a10_config config = {
		.completion_entries = COMPLETIONS,
	};
	int err = a10_ring_create(&config, &serve->ring);

	if (err < 0)
		return complain("serve: no ring: %s (%s)", a10_ring_reason(),
				strerror(-err));
	serve->server.ring = serve->ring;
	serve->server.sq = a10_ring_sq(serve->ring);
	return EXIT_OK;
}

static int open_folder(struct serve *serve)
{
	const char *folder = serve->options->folder;

	serve->server.root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (serve->server.root < 0)
		return complain("serve: %s: %s", folder, strerror(errno));
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
	err = log_open(&serve->server.log, options->log, options->log_path);
	if (err < 0)
		return complain("serve: %s: %s", options->log_path,
				strerror(-err));
	return EXIT_OK;
}

/* ---- where it listens --------------------------------------------------- */

static int open_listeners(struct serve *serve)
{
	const struct listeners_wish wish = {
		.command = "serve",
		.addresses = serve->options->addresses,
		.address_count = serve->options->address_count,
		.fallback = "127.0.0.1:8010",
	};

	return listeners_open(&wish, serve->server.sq, serve->server.listeners,
			      &serve->server.listener_count);
}

/* To standard output, unless that is the log's. */
static void announce(const struct serve *serve)
{
	const struct serve_options *options = serve->options;
	const bool logs = options->log != LOG_NONE && !options->log_path;
	FILE *out = logs ? stderr : stdout;
	char text[ADDRESS_SIZE];

	for (uint32_t i = 0; i < serve->server.listener_count; i++) {
		const struct a10_address *address =
			&serve->server.listeners[i].address;
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

static void on_signal(void *data, const struct a10_result *r);

static void await_signal(struct serve *serve)
{
	a10_submit(serve->server.sq,
		   a10_all(a10_read(serve->signals, &serve->signal,
				    sizeof(serve->signal))),
		   on_signal, serve);
}

/* The first asks to stop, the second does not ask. */
static void on_signal(void *data, const struct a10_result *r)
{
	struct serve *serve = (struct serve *)data;

	if (r->value < 0)
		return;
	if (serve->server.stopping) {
		serve->ended_by = (int)serve->signal.ssi_signo;
		a10_sq_stop(serve->server.sq);
		return;
	}
	server_stop(&serve->server);
	await_signal(serve);
}

/* Until it is stopped. Returns the exit status. */
static int run(struct serve *serve)
{
	int err = server_start(&serve->server);

	if (err < 0)
		return complain("serve: %s", strerror(-err));
	await_signal(serve);
	announce(serve);
	err = a10_ring_run(serve->ring);
	if (err < 0)
		return complain("serve: %s", strerror(-err));
	return serve->ended_by > 0 ? SIGNALLED + serve->ended_by : EXIT_OK;
}

static int open_all(struct serve *serve)
{
	int err = limit_connections(&serve->server.settings);

	if (err < 0)
		return complain("serve: too few descriptors are allowed; "
				"raise the limit with ulimit -n 4096");
	err = open_signals(serve);
	if (err < 0)
		return complain("serve: signals: %s", strerror(-err));
	if (open_ring(serve) != EXIT_OK || open_folder(serve) != EXIT_OK ||
	    open_tables(serve) != EXIT_OK || open_listeners(serve) != EXIT_OK)
		return EXIT_FAILED;
	return EXIT_OK;
}

int serve_run(int argc, char **argv)
{
	struct serve_options options = {
		.folder = ".",
		.settings = {
			.idle_timeout_ns = IDLE_TIMEOUT,
			.request_timeout_ns = REQUEST_TIMEOUT,
			.send_timeout_ns = SEND_TIMEOUT,
			.stop_timeout_ns = STOP_TIMEOUT,
		},
	};
	struct serve serve = { .options = &options, .server.root = -1 };
	int status = serve_options_parse(&options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (options.help) {
		serve_options_help();
		return EXIT_OK;
	}
	serve.server.settings = options.settings;
	status = open_all(&serve);
	if (status == EXIT_OK)
		status = run(&serve);
	/* All is over when the ring is, and nothing uses them any more. */
	a10_ring_destroy(serve.ring, A10_SECOND);
	server_finish(&serve.server);
	mime_unload();
	a10_fd_release(serve.signals);
	if (serve.server.root >= 0)
		close(serve.server.root);
	return status;
}
