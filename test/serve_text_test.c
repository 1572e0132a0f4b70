/*
 * What "a10 serve" writes: text that is escaped, JSON, dates as they are written
 * and read, how long things took.
 */
#include "harness.h"

#include "date.h"
#include "json.h"
#include "stats.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What was added, terminated, until the next call. */
static const char *taken(struct text *text)
{
	static char copy[8192];

	ck_assert(!text->failed);
	ck_assert_uint_lt(text->length, sizeof(copy));
	if (text->length > 0)
		memcpy(copy, text->data, text->length);
	copy[text->length] = '\0';
	text_finish(text);
	return copy;
}

static const char *html(const char *string)
{
	struct text text = { 0 };

	text_add_html(&text, string);
	return taken(&text);
}

static const char *url(const char *path)
{
	struct text text = { 0 };

	text_add_url(&text, path);
	return taken(&text);
}

static const char *size(uint64_t bytes)
{
	struct text text = { 0 };

	text_add_size(&text, bytes);
	return taken(&text);
}

TEST(html_is_escaped)
{
	ck_assert_str_eq(html("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c");
	ck_assert_str_eq(html("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
			 "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(what_is_no_utf8_becomes_a_replacement)
{
#define FFFD "\xef\xbf\xbd"
	ck_assert_str_eq(html("a\xff"), "a" FFFD);
	ck_assert_str_eq(html("\xc3"), FFFD);
	ck_assert_str_eq(html("\xe2\x82"), FFFD FFFD);
	ck_assert_str_eq(html("\xc0\xafx"), FFFD FFFD "x");
	ck_assert_str_eq(html("\xe0\x80\x80"), FFFD FFFD FFFD);
	ck_assert_str_eq(html("\xed\xa0\x80"), FFFD FFFD FFFD);
	ck_assert_str_eq(html("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD);
	ck_assert_str_eq(html("\x01\n\x7f\xc2\x9b"), FFFD FFFD FFFD FFFD);
}

TEST(a_path_is_encoded_for_a_url)
{
	ck_assert_str_eq(url("a/b-c.d_e~f"), "a/b-c.d_e~f");
	ck_assert_str_eq(url(" %?#:&\"<\xc3\xa4\n"),
			 "%20%25%3F%23%3A%26%22%3C%C3%A4%0A");
}

TEST(sizes_are_for_people)
{
	ck_assert_str_eq(size(0), "0 B");
	ck_assert_str_eq(size(999), "999 B");
	ck_assert_str_eq(size(1000), "1.0 KiB");
	ck_assert_str_eq(size(1536), "1.5 KiB");
	ck_assert_str_eq(size(10239), "10 KiB");
	ck_assert_str_eq(size(5 << 20), "5.0 MiB");
	ck_assert_str_eq(size(UINT64_C(999) << 30), "999 GiB");
	ck_assert_str_eq(size(UINT64_MAX), "16 EiB");
}

TEST(a_text_that_has_no_room_says_so)
{
	struct text text;
	char data[4];

	text_init_fixed(&text, data, sizeof(data));
	text_add(&text, "abc");
	ck_assert(!text.failed);
	text_add(&text, "de");
	ck_assert(text.failed);
	text_add(&text, "d");
	ck_assert_uint_eq(text.length, 3);
	text_finish(&text);
}

TEST(a_text_grows)
{
	struct text text = { 0 };

	for (unsigned int i = 0; i < 100000; i++)
		text_add_number(&text, i % 10);
	ck_assert(!text.failed);
	ck_assert_uint_eq(text.length, 100000);
	for (unsigned int i = 0; i < 100000; i++)
		ck_assert_int_eq(text.data[i], (int)('0' + i % 10));
	text_finish(&text);
}

TEST(strings_of_json_are_escaped)
{
	struct text text = { 0 };

	text_add(&text, "{");
	json_add_name(&text, "a\"b");
	json_add_string(&text, view_of("\\ \n\x1f\x7f\xc3\xa4\xff"));
	json_add_number(&text, "c", 5);
	text_add(&text, "}");
	ck_assert_str_eq(taken(&text),
			 "{\"a\\\"b\":\"\\\\ \\u000a\\u001f\\u007f\xc3\xa4" FFFD
			 "\",\"c\":5}");
}

/* ---- dates ------------------------------------------------------------------ */

static time_t date(const char *text)
{
	time_t time = -1;

	if (date_parse(view_of(text), &time) < 0)
		return -1;
	return time;
}

TEST(three_forms_of_dates_are_read)
{
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	ck_assert_int_eq(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	ck_assert_int_eq(date("Sun Nov  6 08:49:37 1994"), 784111777);
	ck_assert_int_eq(date("Sun Nov 16 08:49:37 1994"), 784975777);
	ck_assert_int_eq(date("Tue, 29 Feb 2000 11:59:59 GMT"), 951825599);
	ck_assert_int_eq(date(""), -1);
	ck_assert_int_eq(date("0"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37"), -1);
	ck_assert_int_eq(date("Sun, 06 Nox 1994 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 00 Nov 1994 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 24:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 0a:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sun, 06 Nov 1994 08:49:37 GMTs"), -1);
	ck_assert_int_eq(date(",,,,,, 06-Nov-94 08:49:37 GMT"), -1);
	ck_assert_int_eq(date("Sat, 31 Feb 2099 00:00:00 GMT"), -1);
	ck_assert_int_eq(date("Tue, 29 Feb 1994 11:59:59 GMT"), -1);
	ck_assert_int_eq(date("Thu, 29 Feb 1900 11:59:59 GMT"), -1);
	ck_assert_int_eq(date("Sun, 31 Nov 1994 08:49:37 GMT"), -1);
	ck_assert_int_ne(date("Sat, 31 Dec 1994 23:59:60 GMT"), -1);
}

TEST(logs_write_dates_their_way)
{
	char text[LOG_DATE_SIZE];

	setenv("TZ", "UTC", 1);
	tzset();
	date_format_log(784111777, text);
	ck_assert_str_eq(text, "06/Nov/1994:08:49:37 +0000");
	setenv("TZ", "XXX03:30", 1);
	tzset();
	date_format_log(784111777, text);
	ck_assert_str_eq(text, "06/Nov/1994:05:19:37 -0330");
}

TEST(dates_are_as_http_writes_them)
{
	char text[DATE_SIZE];

	date_format(784111777, text);
	ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	date_format(951825599, text);
	ck_assert_str_eq(text, "Tue, 29 Feb 2000 11:59:59 GMT");
	date_format(-5, text);
	ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	date_format((time_t)INT64_MAX, text);
	ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* ---- histograms ------------------------------------------------------------- */

TEST(a_histogram_tells_how_long_things_take)
{
	static struct histogram histogram;
	unsigned int bucket;

	ck_assert_uint_eq(histogram_percentile(&histogram, 500), 0);
	for (uint64_t us = 0; us < 1000; us++)
		histogram_note(&histogram, us);
	ck_assert_uint_eq(histogram.count, 1000);
	ck_assert_uint_eq(histogram.greatest, 999);
	ck_assert_uint_eq(histogram_percentile(&histogram, 500), 512);
	ck_assert_uint_eq(histogram_percentile(&histogram, 999), 1024);
	histogram_note(&histogram, UINT64_MAX);
	for (bucket = 0; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
		struct histogram one = { 0 };

		ck_assert_uint_lt(histogram_limit(bucket),
				  histogram_limit(bucket + 1));
		histogram_note(&one, histogram_limit(bucket));
		ck_assert_uint_eq(one.buckets[bucket + 1], 1);
		histogram_note(&one, histogram_limit(bucket) - 1);
		ck_assert_uint_eq(one.buckets[bucket], 1);
	}
}
