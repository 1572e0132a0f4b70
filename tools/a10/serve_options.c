#include "serve_options.h"

#include "command.h"
#include "mime.h"
#include "option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

void serve_options_help(void)
{
	printf("Usage: a10 serve [OPTION...] [FOLDER]\n\n"
	       "Serves the files of FOLDER (default: where you are) over HTTP "
	       "until it is\n"
	       "interrupted: then it finishes what runs, and a second time it "
	       "ends at once.\n"
	       "Nothing outside of FOLDER is ever served.\n\n"
	       "  --listen ADDRESS:PORT      default 127.0.0.1:8010; port 0 "
	       "takes a free one;\n"
	       "                             an empty address is every one of "
	       "this machine;\n"
	       "                             or unix:PATH; may be given several "
	       "times;\n"
	       "                             not needed with sockets of systemd "
	       "(LISTEN_FDS)\n"
	       "  --connections NUMBER       so many at once, others wait; "
	       "default %d\n"
	       "  --threads NUMBER           serve on so many threads, each "
	       "with a CPU and a\n"
	       "                             ring; default 1\n"
	       "  --hidden                   serve names that begin with a dot, "
	       "too; what a\n"
	       "                             link without one leads to is served "
	       "anyhow\n"
	       "  --mime-types FILE          a table of types; default "
	       "%s\n",
	       CONNECTIONS_MAX, MIME_SYSTEM_TABLE);
	printf("  --log[=FILE]               a line for each answer, in the "
	       "common log format;\n"
	       "                             without FILE to standard output\n"
	       "  --json-log[=FILE]          the same in JSON\n"
	       "  --stats                    counts and times on the page\n"
	       "                             %s\n"
	       "  --idle-timeout SECONDS     between two requests; default "
	       "%d\n"
	       "  --request-timeout SECONDS  for a request to arrive; default "
	       "%d\n"
	       "  --send-timeout SECONDS     without the client taking a byte; "
	       "default %d\n"
	       "  --stop-timeout SECONDS     for what runs when it is "
	       "interrupted; default %d\n"
	       "  --help                     show this\n",
	       STATS_PATH, (int)(IDLE_TIMEOUT / A10_SECOND),
	       (int)(REQUEST_TIMEOUT / A10_SECOND),
	       (int)(SEND_TIMEOUT / A10_SECOND),
	       (int)(STOP_TIMEOUT / A10_SECOND));
}

static int add_address(struct serve_options *options, const char *text)
{
	struct a10_address address;

	if (options->address_count == LISTENERS_MAX)
		return -E2BIG;
	options->addresses[options->address_count++] = text;
	return a10_address_parse(text, &address);
}

enum {
	OPTION_HELP = 'h',
	OPTION_LISTEN = 256,
	OPTION_CONNECTIONS,
	OPTION_THREADS,
	OPTION_HIDDEN,
	OPTION_MIME_TYPES,
	OPTION_LOG,
	OPTION_JSON_LOG,
	OPTION_STATS,
	OPTION_IDLE_TIMEOUT,
	OPTION_REQUEST_TIMEOUT,
	OPTION_SEND_TIMEOUT,
	OPTION_STOP_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "connections", required_argument, NULL, OPTION_CONNECTIONS },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "hidden", no_argument, NULL, OPTION_HIDDEN },
	{ "mime-types", required_argument, NULL, OPTION_MIME_TYPES },
	{ "log", optional_argument, NULL, OPTION_LOG },
	{ "json-log", optional_argument, NULL, OPTION_JSON_LOG },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT },
	{ "request-timeout", required_argument, NULL, OPTION_REQUEST_TIMEOUT },
	{ "send-timeout", required_argument, NULL, OPTION_SEND_TIMEOUT },
	{ "stop-timeout", required_argument, NULL, OPTION_STOP_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/* One that needs no argument. false: it is none of these. */
static bool take_word(struct serve_options *options, int option)
{
	switch (option) {
	case OPTION_HELP:
		options->help = true;
		return true;
	case OPTION_HIDDEN:
		options->settings.hidden = true;
		return true;
	case OPTION_STATS:
		options->settings.stats_page = true;
		return true;
	case OPTION_LOG:
	case OPTION_JSON_LOG:
		options->log = option == OPTION_LOG ? LOG_COMMON : LOG_JSON;
		options->log_path = optarg;
		return true;
	default:
		return false;
	}
}

/* One option and its argument, if it has one. 0 or -errno: the argument. */
static int take_option(struct serve_options *options, int option)
{
	struct server_settings *settings = &options->settings;

	if (take_word(options, option))
		return 0;
	switch (option) {
	case OPTION_LISTEN:
		return add_address(options, optarg);
	case OPTION_CONNECTIONS:
		return option_count(optarg, CONNECTIONS_LIMIT,
				    &settings->connections_max);
	case OPTION_THREADS:
		return option_count(optarg, THREADS_MAX, &options->threads);
	case OPTION_MIME_TYPES:
		options->mime_types = optarg;
		return 0;
	case OPTION_IDLE_TIMEOUT:
		return option_seconds(optarg, &settings->idle_timeout_ns);
	case OPTION_REQUEST_TIMEOUT:
		return option_seconds(optarg, &settings->request_timeout_ns);
	case OPTION_STOP_TIMEOUT:
		return option_seconds(optarg, &settings->stop_timeout_ns);
	default:
		return option_seconds(optarg, &settings->send_timeout_ns);
	}
}

int serve_options_parse(struct serve_options *options, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) !=
	       -1) {
		if (option == '?' || option == ':')
			return option_complain("serve", option,
					       argv[optind - 1]);
		if (take_option(options, option) < 0)
			return option_complain_of_argument("serve");
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
