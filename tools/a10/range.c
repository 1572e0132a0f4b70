#include "range.h"

#include <string.h>
#include <strings.h>

/*
 * "2-5", "2-" or "-5". false: not even written right. A length of 0: not in
 * the file.
 */
static bool parse_one(struct view piece, uint64_t size, struct range *ret_range)
{
	const char *dash = (const char *)memchr(piece.at, '-', piece.length);
	struct view first;
	struct view last;
	uint64_t from = 0;
	uint64_t to = 0;

	if (!dash)
		return false;
	first.at = piece.at;
	first.length = (size_t)(dash - piece.at);
	last.at = dash + 1;
	last.length = piece.length - first.length - 1;
	ret_range->length = 0;
	if (first.length == 0) {
		if (view_number(last, &to) < 0)
			return false;
		ret_range->length = to < size ? to : size;
		ret_range->offset = size - ret_range->length;
		return true;
	}
	if (view_number(first, &from) < 0 ||
	    (last.length > 0 && view_number(last, &to) < 0))
		return false;
	if (last.length == 0)
		to = UINT64_MAX;
	if (to < from)
		return false;
	if (from >= size)
		return true;
	ret_range->offset = from;
	ret_range->length = (to < size - 1 ? to : size - 1) - from + 1;
	return true;
}

enum range_verdict range_parse(struct view value, uint64_t size,
			       struct ranges *ret_ranges)
{
	struct view piece;
	struct range range;
	uint64_t total = 0;
	bool any = false;

	ret_ranges->count = 0;
	if (value.length < 6 || strncasecmp(value.at, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	value.at += 6;
	value.length -= 6;
	while (view_take(&value, ',', &piece)) {
		if (piece.length == 0)
			continue;
		if (!parse_one(piece, size, &range))
			return RANGE_WHOLE;
		any = true;
		if (range.length == 0)
			continue;
		if (ret_ranges->count == RANGES_MAX ||
		    range.length > size - total)
			return RANGE_WHOLE;
		total += range.length;
		ret_ranges->at[ret_ranges->count++] = range;
	}
	if (!any)
		return RANGE_WHOLE;
	/* The last bytes of nothing are all there is. */
	if (ret_ranges->count == 0 && size == 0)
		return RANGE_WHOLE;
	return ret_ranges->count > 0 ? RANGE_SOME : RANGE_NONE;
}
