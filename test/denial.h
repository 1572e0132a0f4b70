/*
 * A process of its own in which calls of io_uring are refused by a seccomp
 * filter, and what a probe says there and here.
 */
#ifndef DENIAL_H
#define DENIAL_H

#include "harness.h"

#include <a10.h>

#define KILL    (-4096)
#define TRAP    (-4097)
#define NO_CALL 100000 /* far beyond the last number */

/* What is done to the calls from first to last, and what a probe says then. */
struct denial {
	long first;
	long last;
	int err;   /* or KILL, TRAP */
	int setup; /* what the probe says of each call */
	int enter;
	int registered;
	const char *reason;
	bool late; /* as a security module does it */
};

/* One of every kind. */
#define DENIALS 12
extern const struct denial denials[DENIALS];

/* Cannot be tried: valgrind itself ends by such a signal. */
bool denial_is_beyond(const struct denial *denial);

/*
 * In a child under the filter, runs act on data. Its exit status, or minus the
 * signal that ended it.
 */
int under(const struct denial *denial, void (*act)(void *data), void *data);

/* What a probe says here, and under the filter: sound in itself. */
struct a10_probe probe_here(void);
struct a10_probe probe_under(const struct denial *denial);

/* The same as here, but skips the test where io_uring cannot be used. */
struct a10_probe probe_usable(void);

/* Whatever the verdict, it says the same everywhere. */
void assert_sound(const struct a10_probe *probe);

void assert_has(const char *text, const char *word);

#endif
