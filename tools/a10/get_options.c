#include "get_options.h"

#include "command.h"
#include "option.h"

#include <getopt.h>
#include <stdio.h>

enum {
	PARALLEL_DEFAULT = 4,
	PARALLEL_MOST = 1000,
	REDIRECTS_DEFAULT = 10,
	REDIRECTS_MOST = 1000,
};

#define CONNECT_DEFAULT (10 * A10_SECOND)
#define STALL_DEFAULT   (30 * A10_SECOND)

void get_options_help(void)
{
	printf("Usage: a10 get [OPTION...] URL...\n\n"
	       "Downloads each http:// URL into a file named as the last part "
	       "of its path.\n"
	       "It is written to NAME.part, which becomes NAME when it is "
	       "whole. What is\n"
	       "interrupted stays there for --continue. A file that is there "
	       "is left alone.\n\n"
	       "  -o, --output FILE          the name, of one URL; - is "
	       "standard output\n"
	       "  -C, --continue             go on with NAME.part if the "
	       "server still has the\n"
	       "                             same version, else begin anew\n"
	       "  -f, --force                replace what is there\n"
	       "  --parallel NUMBER          so many at once; default %d\n"
	       "  --redirects NUMBER         follow so many; default %d\n",
	       PARALLEL_DEFAULT, REDIRECTS_DEFAULT);
	printf("  --connect-timeout SECONDS  for the server to answer; "
	       "default %d\n"
	       "  --stall-timeout SECONDS    without a byte; default %d\n"
	       "  -q, --quiet                say only what fails\n"
	       "  --help                     show this\n",
	       (int)(CONNECT_DEFAULT / A10_SECOND),
	       (int)(STALL_DEFAULT / A10_SECOND));
}

enum {
	OPTION_HELP = 'h',
	OPTION_OUTPUT = 'o',
	OPTION_CONTINUE = 'C',
	OPTION_FORCE = 'f',
	OPTION_QUIET = 'q',
	OPTION_PARALLEL = 256,
	OPTION_REDIRECTS,
	OPTION_CONNECT_TIMEOUT,
	OPTION_STALL_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "continue", no_argument, NULL, OPTION_CONTINUE },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "parallel", required_argument, NULL, OPTION_PARALLEL },
	{ "redirects", required_argument, NULL, OPTION_REDIRECTS },
	{ "connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT },
	{ "stall-timeout", required_argument, NULL, OPTION_STALL_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/* One that needs no argument. false: it is none of these. */
static bool take_word(struct get_options *options, int option)
{
	switch (option) {
	case OPTION_HELP:
		options->help = true;
		return true;
	case OPTION_CONTINUE:
		options->settings.resume = true;
		return true;
	case OPTION_FORCE:
		options->settings.replace = true;
		return true;
	case OPTION_QUIET:
		options->quiet = true;
		return true;
	default:
		return false;
	}
}

static int take_redirects(struct download_settings *settings)
{
	settings->redirects_max = 0;
	if (strcmp(optarg, "0") == 0)
		return 0;
	return option_count(optarg, REDIRECTS_MOST, &settings->redirects_max);
}

/* One option and its argument, if it has one. 0 or -errno: the argument. */
static int take_option(struct get_options *options, int option)
{
	struct download_settings *settings = &options->settings;

	if (take_word(options, option))
		return 0;
	switch (option) {
	case OPTION_OUTPUT:
		options->output = optarg;
		return optarg[0] == '\0' ||
				       strlen(optarg) >= DOWNLOAD_PATH_MAX ?
			       -EINVAL :
			       0;
	case OPTION_PARALLEL:
		return option_count(optarg, PARALLEL_MOST, &options->parallel);
	case OPTION_REDIRECTS:
		return take_redirects(settings);
	case OPTION_CONNECT_TIMEOUT:
		return option_seconds(optarg, &settings->connect_timeout_ns);
	default:
		return option_seconds(optarg, &settings->stall_timeout_ns);
	}
}

/* What is there besides options. EXIT_OK or EXIT_USAGE. */
static int take_urls(struct get_options *options, int count, char **urls)
{
	options->url_count = count;
	options->urls = urls;
	if (count == 0)
		complain("get: what? a10 get URL...");
	else if (count > 1 && options->output)
		complain("get: --output is for one URL, and not for '%s' too",
			 urls[1]);
	else
		return EXIT_OK;
	return EXIT_USAGE;
}

int get_options_parse(struct get_options *options, int argc, char **argv)
{
	int option;

	*options = (struct get_options){
		.settings = {
			.redirects_max = REDIRECTS_DEFAULT,
			.connect_timeout_ns = CONNECT_DEFAULT,
			.stall_timeout_ns = STALL_DEFAULT,
		},
		.parallel = PARALLEL_DEFAULT,
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":ho:Cfq", long_options,
				     NULL)) != -1) {
		if (option == '?' || option == ':')
			return option_complain("get", option, argv[optind - 1]);
		if (take_option(options, option) < 0)
			return option_complain_of_argument("get");
	}
	if (options->help)
		return EXIT_OK;
	return take_urls(options, argc - optind, argv + optind);
}
