/* proxy_options.h - the command line of a10 proxy. */
#ifndef PROXY_OPTIONS_H
#define PROXY_OPTIONS_H

#include "listeners.h"
#include "proxy.h"

#define PROXY_LISTEN "127.0.0.1:8011" /* unless something else is said */

struct proxy_options {
	uint32_t address_count; /* 0: none was given */
	const char *addresses[LISTENERS_MAX];
	struct proxy_settings settings;
	bool help;
};

/* Defaults first. EXIT_OK, or EXIT_USAGE: it was said what is wrong. */
int proxy_options_parse(struct proxy_options *options, int argc, char **argv);

void proxy_options_help(void);

#endif
