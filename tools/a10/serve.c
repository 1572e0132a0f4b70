/*
 * serve.c - a10 serve: the command line, what a server needs to run, and the
 * signals that end it.
 */
#include "command.h"
#include "server.h"

#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	DESCRIPTORS_OTHER = 64, /* than those of connections and their files */
	ADDRESS_SIZE = 128,
	SECONDS_MAX = 86400,
	SIGNALLED = 128, /* + the signal: what shells call an exit by one */
};

struct options {
	const char *folder;
	const char *address;
	struct server_settings settings;
	bool help;
};

struct serve {
	const struct options *options;
	struct a10_ring *ring;
	struct server server;
	struct a10_address address; /* what it really listens on */
	struct a10_fd signals;
	struct signalfd_siginfo signal;
	int ended_by; /* the second signal, or 0 */
};

/* ---- the command line --------------------------------------------------- */

static void show_help(void)
{
	printf("Usage: a10 serve [OPTION...] [FOLDER]\n\n"
	       "Serves the files of FOLDER (default: where you are) over HTTP "
	       "until it is\n"
	       "interrupted. Nothing outside of FOLDER is ever served, and no "
	       "file or folder\n"
	       "whose name begins with a dot.\n\n"
	       "  --listen ADDRESS:PORT      default 127.0.0.1:8010; port 0 "
	       "takes a free one;\n"
	       "                             an empty address is every one of "
	       "this machine;\n"
	       "                             or unix:PATH\n"
	       "  --connections NUMBER       so many at once, others wait; "
	       "default %d\n"
	       "  --idle-timeout SECONDS     between two requests; default "
	       "%d\n"
	       "  --request-timeout SECONDS  for a request to arrive; default "
	       "%d\n"
	       "  --send-timeout SECONDS     without the client taking a byte; "
	       "default %d\n"
	       "  --help                     show this\n",
	       CONNECTIONS_MAX, (int)(IDLE_TIMEOUT / A10_SECOND),
	       (int)(REQUEST_TIMEOUT / A10_SECOND),
	       (int)(SEND_TIMEOUT / A10_SECOND));
}

/* "0.5": 500 ms. 0 or -EINVAL. */
static int parse_seconds(const char *text, int64_t *ret_ns)
{
	char *end;
	const double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0) ||
	    seconds > SECONDS_MAX)
		return -EINVAL;
	*ret_ns = (int64_t)(seconds * (double)A10_SECOND);
	return 0;
}

static int parse_count(const char *text, uint32_t *ret_count)
{
	char *end;
	const unsigned long count = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || count == 0 ||
	    count > CONNECTIONS_MAX)
		return -EINVAL;
	*ret_count = (uint32_t)count;
	return 0;
}

enum {
	OPTION_HELP = 'h',
	OPTION_LISTEN = 256,
	OPTION_CONNECTIONS,
	OPTION_IDLE_TIMEOUT,
	OPTION_REQUEST_TIMEOUT,
	OPTION_SEND_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "connections", required_argument, NULL, OPTION_CONNECTIONS },
	{ "idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT },
	{ "request-timeout", required_argument, NULL, OPTION_REQUEST_TIMEOUT },
	{ "send-timeout", required_argument, NULL, OPTION_SEND_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/* One option and its argument, if it has one. 0 or -EINVAL: the argument. */
static int take_option(struct options *options, int option)
{
	struct server_settings *settings = &options->settings;
	struct a10_address address;

	switch (option) {
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_LISTEN:
		options->address = optarg;
		return a10_address_parse(optarg, &address);
	case OPTION_CONNECTIONS:
		return parse_count(optarg, &settings->connections_max);
	case OPTION_IDLE_TIMEOUT:
		return parse_seconds(optarg, &settings->idle_timeout_ns);
	case OPTION_REQUEST_TIMEOUT:
		return parse_seconds(optarg, &settings->request_timeout_ns);
	default:
		return parse_seconds(optarg, &settings->send_timeout_ns);
	}
}

/* What getopt_long did not like. It may stand among other letters: -xh. */
static void complain_of_option(int problem, const char *word)
{
	if (problem == ':')
		complain("serve: %s lacks its argument", word);
	else if (strncmp(word, "--", 2) == 0)
		complain("serve: unknown option '%s'; see a10 serve --help",
			 word);
	else
		complain("serve: unknown option '-%c'; see a10 serve --help",
			 optopt);
}

/* EXIT_OK, or EXIT_USAGE: it was said what is wrong. */
static int parse_options(struct options *options, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) !=
	       -1) {
		if (option == '?' || option == ':') {
			complain_of_option(option, argv[optind - 1]);
			return EXIT_USAGE;
		}
		if (take_option(options, option) < 0) {
			complain("serve: '%s' is no good here; see a10 serve "
				 "--help",
				 optarg);
			return EXIT_USAGE;
		}
	}
	if (argc - optind > 1) {
		complain("serve: one folder at a time, and not '%s' too",
			 argv[optind + 1]);
		return EXIT_USAGE;
	}
	if (optind < argc)
		options->folder = argv[optind];
	return EXIT_OK;
}

/* ---- what it needs ------------------------------------------------------ */

/*
 * Each connection takes a direct descriptor, whose table may have no more than
 * the limit, and while it sends a file a regular one. 0 or -EMFILE.
 */
static int limit_connections(struct server_settings *settings)
{
	const rlim_t least = CONNECTIONS_LATE + DESCRIPTORS_OTHER;
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	/* As many as we may have; if that is refused, what there is. */
	most = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		most = limit.rlim_cur;
	if (most <= least)
		return -EMFILE;
	if (settings->connections_max > most - least)
		settings->connections_max = (uint32_t)(most - least);
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
	const struct server_settings *settings = &serve->server.settings;
	const struct a10_config config = {
		.completion_entries = CONNECTIONS_LATE,
		.direct_descriptors =
			settings->connections_max + CONNECTIONS_LATE,
	};
	int err = a10_ring_create(&config, &serve->ring);

	if (err < 0)
		return complain("serve: no ring: %s (%s)", a10_ring_reason(),
				strerror(-err));
	serve->server.sq = a10_ring_sq(serve->ring);
	return 0;
}

static int open_folder(struct serve *serve)
{
	const char *folder = serve->options->folder;
	struct a10_result result;
	ssize_t err;

	err = a10_await_on(serve->server.sq,
			   a10_open(folder, O_PATH | O_DIRECTORY, 0), &result);
	if (err < 0)
		return complain("serve: %s: %s", folder, strerror((int)-err));
	serve->server.root = result.fd;
	return 0;
}

static int complain_of_address(const char *address, int err)
{
	const char *advice = "";

	if (err == -EADDRINUSE)
		advice = "; end the program that has it, or choose another "
			 "with --listen ADDRESS:PORT (port 0: any)";
	else if (err == -EACCES)
		advice = "; ports below 1024 are root's, choose another with "
			 "--listen ADDRESS:PORT";
	else if (err == -EADDRNOTAVAIL)
		advice = "; it is no address of this machine";
	return complain("serve: cannot listen on %s: %s%s", address,
			strerror(-err), advice);
}

static int open_listener(struct serve *serve)
{
	const char *address = serve->options->address;
	const int on = 1;
	struct a10_result result;
	ssize_t err;

	err = a10_await_on(serve->server.sq, a10_listen_on(address, 0),
			   &result);
	if (err < 0)
		return complain_of_address(address, (int)err);
	serve->server.listener = result.fd;
	serve->address.length = sizeof(serve->address.as);
	if (getsockname(a10_fd_number(result.fd), &serve->address.as.any,
			&serve->address.length) < 0)
		return complain_of_address(address, -errno);
	/*
	 * Connections inherit it. Responses go out whole, so there is nothing
	 * to gain by holding back their ends; a Unix socket never does.
	 */
	setsockopt(a10_fd_number(result.fd), IPPROTO_TCP, TCP_NODELAY, &on,
		   sizeof(on));
	return 0;
}

/* A Unix socket's file stays behind, and would be in the next one's way. */
static void remove_socket(const struct serve *serve)
{
	const struct sockaddr_un *un = &serve->address.as.un;

	if (un->sun_family == AF_UNIX && un->sun_path[0] != '\0')
		unlink(un->sun_path);
}

static void announce(const struct serve *serve)
{
	const bool local = serve->address.as.any.sa_family == AF_UNIX;
	char text[ADDRESS_SIZE];

	a10_address_format(&serve->address, text, sizeof(text));
	printf("a10: serving %s on %s%s%s\n", serve->options->folder,
	       local ? "" : "http://", text, local ? "" : "/");
	/* Nobody may be reading: that is no reason not to serve. */
	fflush(stdout);
	clearerr(stdout);
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
	int err;

	await_signal(serve);
	server_start(&serve->server);
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
	    open_listener(serve) != EXIT_OK)
		return EXIT_FAILED;
	return EXIT_OK;
}

int serve_run(int argc, char **argv)
{
	struct options options = {
		.folder = ".",
		.address = "127.0.0.1:8010",
		.settings = {
			.idle_timeout_ns = IDLE_TIMEOUT,
			.request_timeout_ns = REQUEST_TIMEOUT,
			.send_timeout_ns = SEND_TIMEOUT,
			.connections_max = CONNECTIONS_MAX,
		},
	};
	struct serve serve = { .options = &options };
	int status = parse_options(&options, argc, argv);

	if (status != EXIT_OK)
		return status;
	if (options.help) {
		show_help();
		return EXIT_OK;
	}
	serve.server.settings = options.settings;
	status = open_all(&serve);
	if (status == EXIT_OK)
		status = run(&serve);
	/* All is over when the ring is, and nothing uses them any more. */
	a10_ring_destroy(serve.ring, A10_SECOND);
	remove_socket(&serve);
	a10_fd_release(serve.server.listener);
	a10_fd_release(serve.server.root);
	a10_fd_release(serve.signals);
	return status;
}
