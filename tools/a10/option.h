/* option.h - what the arguments of options say, the same for all commands. */
#ifndef OPTION_H
#define OPTION_H

#include <stdint.h>

enum {
	SECONDS_MAX = 86400,
};

/* "0.5": 500 ms. 0 or -EINVAL: none, less than 1 ns, or more than a day. */
int option_seconds(const char *text, int64_t *ret_ns);

/* 1 to most. 0 or -EINVAL. */
int option_count(const char *text, uint32_t most, uint32_t *ret_count);

/*
 * Says what getopt_long did not like about that word of the command's: problem
 * is what it returned, '?' or ':'. Returns EXIT_USAGE.
 */
int option_complain(const char *command, int problem, const char *word);

/* Says that optarg makes no sense. Returns EXIT_USAGE. */
int option_complain_of_argument(const char *command);

#endif
