/*
 * What a request says of the file it wants: its conditions, ranges and codings.
 */
#include "harness.h"

#include "coding.h"
#include "condition.h"
#include "range.h"
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

static struct request request;

static void parse(const char *text)
{
	request_init(&request);
	request_parse(&request, text, strlen(text));
}

/* ---- conditions ------------------------------------------------------------- */

#define DATE_ITS    "Sun, 06 Nov 1994 08:49:37 GMT"
#define DATE_BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE_AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct validator its = { .etag = "\"x,y\"",
				      .modified = 784111777 };

/* Of a request with these fields. */
static int judge(const char *fields)
{
	static char text[1024]; /* the request points into it */

	snprintf(text, sizeof(text), GET "%s\r\n", fields);
	parse(text);
	ck_assert_int_eq(request.status, 200);
	return condition_judge(&request, &its);
}

TEST(a_client_that_has_it_is_told_so)
{
	ck_assert_int_eq(judge(""), 200);
	ck_assert_int_eq(judge("If-None-Match: \"x,y\"\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: W/\"x,y\"\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\", W/\"b\",\"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-None-Match: *\r\n"), 304);
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: x,y\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: \"x,y\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match: \"a\" \"x,y\"\r\n"), 200);
	ck_assert_int_eq(judge("If-None-Match:\r\n"), 200);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_ITS "\r\n"), 304);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_AFTER "\r\n"), 304);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_BEFORE "\r\n"), 200);
	ck_assert_int_eq(judge("If-Modified-Since: soon\r\n"), 200);
}

TEST(a_tag_tells_more_than_a_date)
{
	ck_assert_int_eq(judge("If-None-Match: \"a\"\r\n"
			       "If-Modified-Since: " DATE_AFTER "\r\n"),
			 200);
	ck_assert_int_eq(judge("If-Modified-Since: " DATE_BEFORE "\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"
			       "If-Unmodified-Since: " DATE_BEFORE "\r\n"),
			 200);
}

TEST(what_is_not_what_it_was_is_a_failed_precondition)
{
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"), 200);
	ck_assert_int_eq(judge("If-Match: *\r\n"), 200);
	ck_assert_int_eq(judge("If-Match: \"a\"\r\n"), 412);
	ck_assert_int_eq(judge("If-Match: W/\"x,y\"\r\n"), 412);
	ck_assert_int_eq(judge("If-Match: \"a\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 412);
	ck_assert_int_eq(judge("If-Match: \"x,y\"\r\n"
			       "If-None-Match: \"x,y\"\r\n"),
			 304);
	ck_assert_int_eq(judge("If-Unmodified-Since: " DATE_ITS "\r\n"), 200);
	ck_assert_int_eq(judge("If-Unmodified-Since: " DATE_BEFORE "\r\n"),
			 412);
	ck_assert_int_eq(judge("If-Unmodified-Since: never\r\n"), 200);
}

static bool allows(const char *condition)
{
	char field[256];

	snprintf(field, sizeof(field), "If-Range: %s\r\n", condition);
	ck_assert_int_eq(judge(field), 200);
	return condition_allows_range(&request, &its);
}

TEST(a_range_may_be_of_what_it_was_only)
{
	ck_assert_int_eq(judge(""), 200);
	ck_assert(condition_allows_range(&request, &its));
	ck_assert(allows("\"x,y\""));
	ck_assert(!allows("W/\"x,y\""));
	ck_assert(!allows("\"a\""));
	ck_assert(!allows("\"x,y\", \"a\""));
	ck_assert(!allows("nonsense"));
	ck_assert(!allows(DATE_AFTER));
	ck_assert(!allows(DATE_BEFORE));
	/* It could have changed twice in that second. */
	ck_assert(!allows(DATE_ITS));
}

TEST(a_tag_changes_with_the_file)
{
	struct stat status = {
		.st_size = 255,
		.st_ino = 16,
		.st_mtim = { .tv_sec = 1, .tv_nsec = 1 },
		.st_ctim = { .tv_sec = 2, .tv_nsec = 2 },
	};
	struct validator validator;

	validator_of(&status, ".gz", 100, &validator);
	ck_assert_str_eq(validator.etag, "\"3b9aca01-ff-10-77359402.gz\"");
	ck_assert_int_eq(validator.modified, 1);
	status.st_size = 0;
	validator_of(&status, "", 100, &validator);
	ck_assert_str_eq(validator.etag, "\"3b9aca01-0-10-77359402\"");
	status.st_size = -1;
	status.st_ino = (ino_t)-1;
	status.st_mtim.tv_sec = 0;
	status.st_mtim.tv_nsec = -1;
	status.st_ctim = status.st_mtim;
	validator_of(&status, ".gz", 100, &validator);
	ck_assert_str_eq(validator.etag,
			 "\"ffffffffffffffff-ffffffffffffffff-"
			 "ffffffffffffffff-ffffffffffffffff.gz\"");
}

TEST(no_file_is_from_the_future)
{
	struct stat status = { .st_mtim = { .tv_sec = 100, .tv_nsec = 1 } };
	struct validator validator;

	validator_of(&status, "", 101, &validator);
	ck_assert_int_eq(validator.modified, 100);
	validator_of(&status, "", 99, &validator);
	ck_assert_int_eq(validator.modified, 99);
}

/* ---- ranges ------------------------------------------------------------- */

static struct ranges ranges;

static enum range_verdict ranges_of(const char *value, uint64_t size)
{
	return range_parse(view_of(value), size, &ranges);
}

static void assert_range(const char *value, uint64_t size, uint64_t offset,
			 uint64_t length)
{
	ck_assert_msg(ranges_of(value, size) == RANGE_SOME, "%s", value);
	ck_assert_uint_eq(ranges.count, 1);
	ck_assert_uint_eq(ranges.at[0].offset, offset);
	ck_assert_uint_eq(ranges.at[0].length, length);
}

TEST(a_range_is_read)
{
	assert_range("bytes=0-0", 10, 0, 1);
	assert_range("bytes=2-5", 10, 2, 4);
	assert_range("BYTES= 2-5 ", 10, 2, 4);
	assert_range("bytes=2-", 10, 2, 8);
	assert_range("bytes=9-9", 10, 9, 1);
	assert_range("bytes=2-99", 10, 2, 8);
	assert_range("bytes=-3", 10, 7, 3);
	assert_range("bytes=-99", 10, 0, 10);
	assert_range("bytes=,,2-5,,", 10, 2, 4);
	assert_range("bytes=2-5, 10-12", 10, 2, 4);
	assert_range("bytes=0-18446744073709551615", 10, 0, 10);
	assert_range("bytes=0-", UINT64_MAX, 0, UINT64_MAX);
}

TEST(several_ranges_keep_their_order)
{
	ck_assert_int_eq(ranges_of("bytes=8-, 0-1 ,-1", 10), RANGE_SOME);
	ck_assert_uint_eq(ranges.count, 3);
	ck_assert_uint_eq(ranges.at[0].offset, 8);
	ck_assert_uint_eq(ranges.at[1].offset, 0);
	ck_assert_uint_eq(ranges.at[2].offset, 9);
}

TEST(ranges_behind_the_end_are_none)
{
	ck_assert_int_eq(ranges_of("bytes=10-", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=10-11,99-", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=-0", 10), RANGE_NONE);
	ck_assert_int_eq(ranges_of("bytes=0-", 0), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=-5", 0), RANGE_WHOLE);
}

TEST(ranges_that_make_no_sense_are_passed_over)
{
	static const char *const senseless[] = {
		"",           "bytes",
		"bytes=",     "bytes=,",
		"bytes=a-b",  "bytes=5",
		"bytes=5-2",  "bytes=--2",
		"bytes=1-2-", "bytes=-",
		"bytes=+1-",  "bytes=1-2;3-4",
		"lines=1-2",  "bytes 1-2",
		"bytes=0x1-", "bytes=1 - 2 x",
		"bytes=0-1x", "bytes=99999999999999999999-",
	};

	for (size_t i = 0; i < sizeof(senseless) / sizeof(*senseless); i++)
		ck_assert_msg(ranges_of(senseless[i], 10) == RANGE_WHOLE, "%s",
			      senseless[i]);
}

TEST(ranges_do_not_multiply_what_a_request_costs)
{
	ck_assert_int_eq(ranges_of("bytes=0-,0-", 10), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=0-5,5-9", 10), RANGE_WHOLE);
	ck_assert_int_eq(ranges_of("bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,"
				   "0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0",
				   1000),
			 RANGE_WHOLE);
}

/* ---- compressed siblings ------------------------------------------------ */

/* "br gzip", in the order in which they are wanted. */
static const char *accepted(const char *value)
{
	static char text[256];
	static char names[32];
	struct codings codings;
	size_t length = 0;

	snprintf(text, sizeof(text), GET "%s%s\r\n\r\n",
		 value != NULL ? "Accept-Encoding: " : "A:",
		 value != NULL ? value : "b");
	parse(text);
	coding_accepted(&request, &codings);
	names[0] = '\0';
	for (uint32_t i = 0; i < codings.count; i++)
		length +=
			(size_t)snprintf(names + length, sizeof(names) - length,
					 "%s%s", i > 0 ? " " : "",
					 coding_names[codings.at[i]]);
	return names;
}

TEST(a_client_says_which_codings_it_takes)
{
	ck_assert_str_eq(accepted(NULL), "");
	ck_assert_str_eq(accepted(""), "");
	ck_assert_str_eq(accepted("gzip"), "gzip");
	ck_assert_str_eq(accepted("GZIP, deflate, br"), "br gzip");
	ck_assert_str_eq(accepted("x-gzip"), "gzip");
	ck_assert_str_eq(accepted("gzip;q=0, br;q=0.001"), "br");
	ck_assert_str_eq(accepted("gzip ; q=0.5 , identity;q=0.6"), "");
	ck_assert_str_eq(accepted("*"), "br gzip");
	ck_assert_str_eq(accepted("*;q=0"), "");
	ck_assert_str_eq(accepted("br;q=0, *"), "gzip");
	ck_assert_str_eq(accepted("gzip;q=nonsense"), "");
	ck_assert_str_eq(accepted("gzip;q=2"), "");
	ck_assert_str_eq(accepted("identity"), "");
}

TEST(the_coding_that_is_wanted_most_comes_first)
{
	ck_assert_str_eq(accepted("br;q=0.001, gzip;q=1"), "gzip br");
	ck_assert_str_eq(accepted("gzip, br;q=0.999"), "gzip br");
	ck_assert_str_eq(accepted("gzip;q=0.5, br;q=0.5"), "br gzip");
	ck_assert_str_eq(accepted("br;q=0.5, *"), "gzip br");
}
