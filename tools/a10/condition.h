/*
 * condition.h - whether a client has already what it asks for, or no longer
 * what it thinks it has: RFC 9110, section 13.
 */
#ifndef CONDITION_H
#define CONDITION_H

#include "request.h"

#include <sys/stat.h>
#include <time.h>

enum {
	ETAG_SIZE = 80, /* terminated */
};

/* What identifies the bytes that would be sent. */
struct validator {
	char etag[ETAG_SIZE]; /* strong, with its quotes */
	time_t modified;
};

/*
 * Of a file: when its content and when anything of it was changed, to the
 * nanosecond, its size, and which one it is. suffix: what tells its encodings
 * apart, or "". Of a file from the future it is said that it was modified now.
 */
void validator_of(const struct stat *status, const char *suffix, time_t now,
		  struct validator *ret_validator);

/*
 * The status to answer with instead of 200: 304 or 412; or 200. An entity tag
 * tells more than a time, so where there are both the time is not looked at.
 */
int condition_judge(const struct request *request,
		    const struct validator *validator);

/*
 * Whether If-Range, if there is one, lets a range of it be sent. A date never
 * does: the file could have changed twice in that second, and nobody knows
 * which of the two the client has. It has been told an entity tag, too.
 */
bool condition_allows_range(const struct request *request,
			    const struct validator *validator);

#endif
