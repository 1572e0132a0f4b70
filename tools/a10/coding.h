/* coding.h - which compressed forms of a file a client takes. */
#ifndef CODING_H
#define CODING_H

#include "request.h"

/* Those there may be beside a file, the better first. */
enum coding {
	CODING_BROTLI,
	CODING_GZIP,
	CODING_COUNT, /* none: the file as it is */
};

extern const char *const coding_names[CODING_COUNT];    /* "br", "gzip" */
extern const char *const coding_suffixes[CODING_COUNT]; /* ".br", ".gz" */

struct codings {
	uint32_t count;
	enum coding at[CODING_COUNT];
};

/*
 * Those that are wanted no less than the file as it is: what is wanted most
 * first, and of what is wanted alike the better.
 */
void coding_accepted(const struct request *request,
		     struct codings *ret_codings);

#endif
