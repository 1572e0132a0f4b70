/* serve_options.h - the command line of a10 serve. */
#ifndef SERVE_OPTIONS_H
#define SERVE_OPTIONS_H

#include "log.h"
#include "server.h"

struct serve_options {
	const char *folder;
	uint32_t address_count; /* 0: none was given */
	const char *addresses[LISTENERS_MAX];
	struct server_settings settings;
	uint32_t threads;
	enum log_form log;
	const char *log_path; /* NULL: standard output */
	const char *mime_types;
	bool help;
};

/* EXIT_OK, or EXIT_USAGE: it was said what is wrong. */
int serve_options_parse(struct serve_options *options, int argc, char **argv);

void serve_options_help(void);

#endif
