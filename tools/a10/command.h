/* command.h - the subcommands, and how all of them speak. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* it did not work                */
	EXIT_USAGE = 2,  /* the command line makes no sense */
};

/*
 * Whether a few lines can be written there without waiting: to a pipe that is
 * full, or a terminal that was stopped, they cannot.
 */
bool has_room(int fd);

/* Prints "a10: " and a line to standard error. Returns EXIT_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * argv[0] is the name of the subcommand; what is returned is the exit status of
 * the process.
 */
int get_run(int argc, char **argv);
int probe_run(int argc, char **argv);
int proxy_run(int argc, char **argv);
int serve_run(int argc, char **argv);

#endif
