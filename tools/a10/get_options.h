/* get_options.h - the command line of a10 get. */
#ifndef GET_OPTIONS_H
#define GET_OPTIONS_H

#include "download.h"

struct get_options {
	struct download_settings settings;
	uint32_t parallel;
	const char *output; /* NULL: named by the URL; "-": standard output */
	bool quiet;
	bool help;
	int url_count;
	char **urls;
};

/* Defaults first. EXIT_OK, or EXIT_USAGE: it was said what is wrong. */
int get_options_parse(struct get_options *options, int argc, char **argv);

void get_options_help(void);

#endif
