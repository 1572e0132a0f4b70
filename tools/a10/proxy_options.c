#include "proxy_options.h"

#include "command.h"
#include "option.h"

#include <getopt.h>
#include <stdio.h>

enum {
	CONNECTIONS_DEFAULT = 1000,
	CONNECTIONS_MOST = 1000000,
};

#define CONNECT_DEFAULT (10 * A10_SECOND)
#define IDLE_DEFAULT    (600 * A10_SECOND)
#define STOP_DEFAULT    (10 * A10_SECOND)

void proxy_options_help(void)
{
	printf("Usage: a10 proxy [OPTION...] HOST:PORT\n\n"
	       "Passes TCP connections on to HOST:PORT, or to unix:PATH, until "
	       "it is\n"
	       "interrupted: then it takes no more and lets those that are "
	       "there finish; a\n"
	       "second time it ends at once. SIGUSR1 makes it say how many "
	       "there were.\n\n"
	       "  --listen ADDRESS:PORT      default %s; port 0 takes a free "
	       "one;\n"
	       "                             an empty address is every one of "
	       "this machine;\n"
	       "                             or unix:PATH; may be given several "
	       "times;\n"
	       "                             not needed with sockets of systemd "
	       "(LISTEN_FDS)\n",
	       PROXY_LISTEN);
	printf("  --connections NUMBER       so many at once, others wait; "
	       "default %d\n"
	       "  --connect-timeout SECONDS  for HOST to answer; default %d\n"
	       "  --idle-timeout SECONDS     without a byte either way; "
	       "0: no limit;\n"
	       "                             default %d\n"
	       "  --stop-timeout SECONDS     for what runs when it is "
	       "interrupted; default %d\n"
	       "  --help                     show this\n",
	       CONNECTIONS_DEFAULT, (int)(CONNECT_DEFAULT / A10_SECOND),
	       (int)(IDLE_DEFAULT / A10_SECOND),
	       (int)(STOP_DEFAULT / A10_SECOND));
}

enum {
	OPTION_HELP = 'h',
	OPTION_LISTEN = 256,
	OPTION_CONNECTIONS,
	OPTION_CONNECT_TIMEOUT,
	OPTION_IDLE_TIMEOUT,
	OPTION_STOP_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "connections", required_argument, NULL, OPTION_CONNECTIONS },
	{ "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
	{ "idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT },
	{ "stop-timeout", required_argument, NULL, OPTION_STOP_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static int add_address(struct proxy_options *options, const char *text)
{
	struct a10_address address;

	if (options->address_count == LISTENERS_MAX)
		return -E2BIG;
	options->addresses[options->address_count++] = text;
	return a10_address_parse(text, &address);
}

static int take_idle_timeout(struct proxy_settings *settings)
{
	settings->idle_timeout_ns = 0;
	if (strcmp(optarg, "0") == 0)
		return 0;
	return option_seconds(optarg, &settings->idle_timeout_ns);
}

/* One option and its argument. 0 or -errno: the argument. */
static int take_option(struct proxy_options *options, int option)
{
	struct proxy_settings *settings = &options->settings;

	switch (option) {
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_LISTEN:
		return add_address(options, optarg);
	case OPTION_CONNECTIONS:
		return option_count(optarg, CONNECTIONS_MOST,
				    &settings->connections_max);
	case OPTION_CONNECT_TIMEOUT:
		return option_seconds(optarg, &settings->connect_timeout_ns);
	case OPTION_IDLE_TIMEOUT:
		return take_idle_timeout(settings);
	default:
		return option_seconds(optarg, &settings->stop_timeout_ns);
	}
}

int proxy_options_parse(struct proxy_options *options, int argc, char **argv)
{
	int option;

	options->settings = (struct proxy_settings){
		.connections_max = CONNECTIONS_DEFAULT,
		.connect_timeout_ns = CONNECT_DEFAULT,
		.idle_timeout_ns = IDLE_DEFAULT,
		.stop_timeout_ns = STOP_DEFAULT,
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) !=
	       -1) {
		if (option == '?' || option == ':')
			return option_complain("proxy", option,
					       argv[optind - 1]);
		if (take_option(options, option) < 0)
			return option_complain_of_argument("proxy");
	}
	if (options->help)
		return EXIT_OK;
	if (argc - optind != 1) {
		complain(argc == optind ?
				 "proxy: where to? a10 proxy HOST:PORT" :
				 "proxy: one target, and not '%s' too",
			 argv[argc - 1]);
		return EXIT_USAGE;
	}
	options->settings.target = argv[optind];
	return EXIT_OK;
}
