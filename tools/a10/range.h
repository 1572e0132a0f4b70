/* range.h - which bytes of a file are asked for: RFC 9110, section 14. */
#ifndef RANGE_H
#define RANGE_H

#include "view.h"

enum {
	RANGES_MAX = 16,
};

struct range {
	uint64_t offset;
	uint64_t length; /* at least 1 */
};

struct ranges {
	uint32_t count;
	struct range at[RANGES_MAX];
};

enum range_verdict {
	RANGE_WHOLE, /* no ranges that make sense to us: all of it     */
	RANGE_SOME,  /* those in ret_ranges, in the order asked for    */
	RANGE_NONE,  /* each begins behind the end                     */
};

/*
 * What a Range field says of a file of that size. Too many of them, or more
 * than the file in all, is RANGE_WHOLE: nobody needs it, and it would multiply
 * what one request costs.
 */
enum range_verdict range_parse(struct view value, uint64_t size,
			       struct ranges *ret_ranges);

#endif
