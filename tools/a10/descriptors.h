/* descriptors.h - how many connections the limit of open files leaves room for. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <stdint.h>

/* Raises the limit of open files as far as it goes, and says how far that is. */
uint32_t descriptors_raise(void);

/*
 * Does so. What it leaves to connections of a command
 * with so many threads and listeners in each. 0 or -errno, -EMFILE: nothing.
 */
int descriptors_left(uint32_t threads, uint32_t listeners, uint32_t *ret_count);

/* Fewer than were asked for. */
void descriptors_complain(const char *command, uint32_t connections);

/* EXIT_FAILED. */
int descriptors_complain_of_none(const char *command);

#endif
