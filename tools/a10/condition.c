#include "condition.h"

#include "date.h"

#include <assert.h>
#include <string.h>

/* Returns where it ends. */
static char *put_hex(char *at, uint64_t number)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int shift = 60;

	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	do {
		*at++ = digits[number >> shift & 15];
		shift -= 4;
	} while (shift < 64);
	return at;
}

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

/*
 * For every file that is served, so not by snprintf. The time of the content
 * alone would not do: that can be set, and is by what copies files with it.
 */
void validator_of(const struct stat *status, const char *suffix, time_t now,
		  struct validator *ret_validator)
{
	const size_t length = strlen(suffix);
	char *at = ret_validator->etag;

	assert(length < ETAG_SIZE - 4 * 17 - 2);
	*at++ = '"';
	at = put_hex(at, nanoseconds(&status->st_mtim));
	*at++ = '-';
	at = put_hex(at, (uint64_t)status->st_size);
	*at++ = '-';
	at = put_hex(at, (uint64_t)status->st_ino);
	*at++ = '-';
	at = put_hex(at, nanoseconds(&status->st_ctim));
	memcpy(at, suffix, length + 1);
	memcpy(at + length, "\"", 2);
	ret_validator->modified =
		status->st_mtime < now ? status->st_mtime : now;
}

/*
 * Takes an entity tag off the front: W/"..." or "...". Commas may be in it.
 * false: there is none.
 */
static bool take_etag(struct view *rest, bool *ret_weak, struct view *ret_etag)
{
	const char *end;

	*rest = view_trimmed(*rest);
	*ret_weak = rest->length >= 2 && memcmp(rest->at, "W/", 2) == 0;
	if (*ret_weak) {
		rest->at += 2;
		rest->length -= 2;
	}
	if (rest->length < 2 || rest->at[0] != '"')
		return false;
	end = (const char *)memchr(rest->at + 1, '"', rest->length - 1);
	if (!end)
		return false;
	ret_etag->at = rest->at;
	ret_etag->length = (size_t)(end + 1 - rest->at);
	rest->at += ret_etag->length;
	rest->length -= ret_etag->length;
	return true;
}

static bool is_etag(struct view etag, const struct validator *validator)
{
	return etag.length == strlen(validator->etag) &&
	       memcmp(etag.at, validator->etag, etag.length) == 0;
}

/* Whether one of them is ours, or "*". A weak one is none when strong. */
static bool lists_etag(struct view list, bool strong,
		       const struct validator *validator)
{
	struct view etag;
	bool weak;

	list = view_trimmed(list);
	if (list.length == 1 && list.at[0] == '*')
		return true;
	while (take_etag(&list, &weak, &etag)) {
		if (is_etag(etag, validator) && !(weak && strong))
			return true;
		list = view_trimmed(list);
		if (list.length == 0 || list.at[0] != ',')
			return false;
		list.at++;
		list.length--;
	}
	return false;
}

/* Of all lines of that field. *ret_any: there is a line at all. */
static bool has_etag(const struct request *request, enum field field,
		     bool strong, const struct validator *validator,
		     bool *ret_any)
{
	struct view value;
	bool found = false;
	uint32_t at = 0;

	*ret_any = false;
	while (request_field(request, field, &at, &value)) {
		*ret_any = true;
		found = found || lists_etag(value, strong, validator);
	}
	return found;
}

/* A date that is none is as if the field were not there. */
static bool has_date(const struct request *request, enum field field,
		     time_t *ret_date)
{
	struct view value;

	return request_only(request, field, &value) &&
	       date_parse(value, ret_date) == 0;
}

int condition_judge(const struct request *request,
		    const struct validator *validator)
{
	bool any;
	bool found;
	time_t date;

	if (request->field_count == 0)
		return 200;
	found = has_etag(request, FIELD_IF_MATCH, true, validator, &any);
	if (any && !found)
		return 412;
	if (!any && has_date(request, FIELD_IF_UNMODIFIED_SINCE, &date) &&
	    validator->modified > date)
		return 412;
	found = has_etag(request, FIELD_IF_NONE_MATCH, false, validator, &any);
	if (any)
		return found ? 304 : 200;
	if (has_date(request, FIELD_IF_MODIFIED_SINCE, &date) &&
	    validator->modified <= date)
		return 304;
	return 200;
}

bool condition_allows_range(const struct request *request,
			    const struct validator *validator)
{
	struct view value;
	struct view etag;
	bool weak;
	uint32_t at = 0;

	if (!request_field(request, FIELD_IF_RANGE, &at, &value))
		return true;
	return take_etag(&value, &weak, &etag) && value.length == 0 && !weak &&
	       is_etag(etag, validator);
}
