/*
 * Requests and their bodies, as "a10 serve" takes them apart.
 */
#include "harness.h"

#include "request.h"
#include "upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct request request;

/* What was received so far is looked at after each piece of that size. */
static void parse_bytes(const char *text, size_t length, size_t piece)
{
	size_t used = 0;

	request_init(&request);
	while (used < length && request.progress != REQUEST_COMPLETE) {
		used += length - used < piece ? length - used : piece;
		request_parse(&request, text, used);
	}
}

static void parse(const char *text)
{
	parse_bytes(text, strlen(text), strlen(text));
}

static void assert_status(const char *text, int status, bool keep_alive)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		parse_bytes(text, strlen(text), piece);
		ck_assert_msg(request.progress == REQUEST_COMPLETE, "%s", text);
		ck_assert_msg(request.status == status,
			      "%s: %d in pieces of %zu", text, request.status,
			      piece);
		ck_assert_msg((request.keep_alive && !request.broken) ==
				      keep_alive,
			      "%s", text);
	}
}

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

TEST(a_good_request_is_understood_in_pieces_of_any_size)
{
	assert_status(GET "\r\n", 200, true);
	assert_status("HEAD / HTTP/1.1\r\nhost:\r\n\r\n", 200, true);
	assert_status("\r\n\r\n" GET "\r\n", 200, true);
	assert_status("GET / HTTP/1.1\nHost: a\n\n", 200, true);
	assert_status(
		"GET / HTTP/1.1\r\nX-Host: b\r\nHOST: \ta\t \r\nHos: c\r\n"
		"Hostt: d\r\nConnection: x , Close\r\n\r\n",
		200, false);
	assert_status("GET / HTTP/1.0\r\n\r\n", 200, false);
	assert_status("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
		      true);
	assert_status("GET / HTTP/1.7\r\nHost: [::1]:80\r\n\r\n", 200, true);
	assert_status("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 200,
		      true);
	assert_status(GET "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200,
		      true);
	assert_status(GET "Content-Length: 0\r\n\r\n", 200, true);
	assert_status(GET "A: \x80\xff\tb\r\n\r\n", 200, true);
	assert_status(GET "Empty:\r\n\r\n", 200, true);
}

TEST(a_request_may_have_a_body)
{
	assert_status(GET "Content-Length: 3\r\n\r\n", 200, true);
	ck_assert_int_eq(request.upload, UPLOAD_LENGTH);
	ck_assert_uint_eq(request.upload_length, 3);
	assert_status(GET "Transfer-Encoding: Chunked\r\n\r\n", 200, true);
	ck_assert_int_eq(request.upload, UPLOAD_CHUNKED);
	assert_status(GET "Content-Length: 3, 3\r\nContent-Length: 3\r\n\r\n",
		      200, true);
	assert_status(POST "Content-Length: 3\r\n\r\n", 405, true);
	assert_status(POST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
		      405, false);
	assert_status(GET "Content-Length: 65537\r\n\r\n", 413, false);
	assert_status(POST "Content-Length: 65537\r\n\r\n", 405, false);
	assert_status(GET "Expect: 100-continue\r\n\r\n", 200, true);
	assert_status(GET "Expect: tea\r\n\r\n", 417, true);
}

TEST(a_body_whose_end_is_doubtful_is_refused)
{
	assert_status(GET "Content-Length: 3\r\nTransfer-Encoding: chunked"
			  "\r\n\r\n",
		      400, false);
	assert_status(GET "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400,
		      false);
	assert_status(GET "Content-Length: 3, 4\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: +3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: -3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: 0x3\r\n\r\n", 400, false);
	assert_status(GET "Content-Length:\r\n\r\n", 400, false);
	assert_status(GET "Content-Length: 18446744073709551616\r\n\r\n", 400,
		      false);
	assert_status(GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 501,
		      false);
	assert_status(GET "Transfer-Encoding: identity\r\n\r\n", 501, false);
	assert_status(GET "Transfer-Encoding: chunked\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n",
		      501, false);
	assert_status(GET "Transfer-Encoding : chunked\r\n\r\n", 400, false);
	assert_status(GET "Transfer-Encoding: \x0b"
			  "chunked\r\n\r\n",
		      400, false);
	assert_status("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		      400, false);
}

TEST(a_bad_request_says_what_is_bad)
{
	assert_status("GET / HTTP/1.1\r\n\r\n", 400, true);
	assert_status(GET "Host: b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true);
	assert_status("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, false);
	assert_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false);
	assert_status("GET /\r\n\r\n", 505, false);
	assert_status("GET / HTTP/1.x\r\n\r\n", 505, false);
	assert_status("GET / HTTP/1.10\r\n\r\n", 505, false);
	assert_status("GET / http/1.1\r\n\r\n", 400, false);
	assert_status("GET HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET HTTP/1.0\r\n\r\n", 400, false);
	assert_status("GET HTTP/2.0\r\n\r\n", 505, false);
	assert_status("GET / \r\n\r\n", 400, false);
	assert_status("GET  HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET  / HTTP/1.1\r\n\r\n", 400, false);
	assert_status("GET\r\n\r\n", 400, false);
	assert_status(" GET / HTTP/1.1\r\n\r\n", 400, false);
	assert_status("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true);
	assert_status("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, true);
	assert_status("\x16\x03\x01", 400, false);
	assert_status("{\"a\":1}", 400, false);
	assert_status("\r\n\r\n\r\n", 400, false);
	assert_status("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status("GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400, false);
	assert_status(GET "A\x01: b\r\n\r\n", 400, false);
	assert_status(GET "A: b\x01\r\n\r\n", 400, false);
	assert_status(GET "A: b\rc: d\r\n\r\n", 400, false);
	assert_status(GET " folded\r\n\r\n", 400, false);
	assert_status(GET "no colon\r\n\r\n", 400, false);
	assert_status(GET ": no name\r\n\r\n", 400, false);
	assert_status(GET "Expect: 100-continue\r\nExpect: b\r\n\r\n", 417,
		      true);
	assert_status("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, true);
	assert_status("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405, false);
}

TEST(a_nul_in_a_head_is_refused)
{
	static const char path[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char field[] = GET "A: b\0c\r\n\r\n";
	static const char name[] = GET "A\0: b\r\n\r\n";
	static const char host[] = "GET / HTTP/1.1\r\nHost: \0\r\n\r\n";

	parse_bytes(path, sizeof(path) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(field, sizeof(field) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(name, sizeof(name) - 1, 100);
	ck_assert_int_eq(request.status, 400);
	parse_bytes(host, sizeof(host) - 1, 100);
	ck_assert_int_eq(request.status, 400);
}

static void assert_view(struct view view, const char *expected)
{
	ck_assert_msg(view.length == strlen(expected) &&
			      memcmp(view.at, expected, view.length) == 0,
		      "%.*s, not %s", (int)view.length, view.at, expected);
}

static void assert_target(const char *target, const char *path,
			  const char *query)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
		 target);
	parse(text);
	ck_assert_int_eq(request.status, 200);
	assert_view(request.target, target);
	assert_view(request.path, path);
	if (query[0] == '\0')
		ck_assert_uint_eq(request.query.length, 0);
	else
		assert_view(request.query, query);
}

TEST(a_target_has_a_path_and_a_query)
{
	assert_target("/", "/", "");
	assert_target("/a?b=c", "/a", "b=c");
	assert_target("/a?b?c", "/a", "b?c");
	assert_target("/a?", "/a", "");
	assert_target("/a#b?c", "/a", "");
	assert_target("?a", "/", "a");
	assert_target("*", "*", "");
	assert_target("http://host/a?b", "/a", "b");
	assert_target("HTTPS://host:80", "/", "");
	assert_target("http://host?a", "/", "a");
	assert_target("http://", "/", "");
	assert_target("ftp://host/a", "ftp://host/a", "");
}

TEST(what_follows_a_request_is_left)
{
	const char *text = "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\nGET /d";

	parse(text);
	ck_assert_str_eq(text + request.head_length, "GET /d");
	assert_view(request.line, "GET /a?b=c HTTP/1.1");
	request_init(&request);
	ck_assert_int_eq(request.progress, REQUEST_NONE);
	request_parse(&request, "\r\n", 2);
	ck_assert_int_eq(request.progress, REQUEST_NONE);
	request_parse(&request, "GET /d", 6);
	ck_assert_int_eq(request.progress, REQUEST_PARTIAL);
	request_init(&request);
	request.blanks = 4;
	request_parse(&request, "\n", 1);
	ck_assert_int_eq(request.status, 400);
}

TEST(a_field_may_be_in_several_lines)
{
	struct view value;
	uint32_t at = 0;

	parse(GET "If-Match: \"a\"\r\nX: y\r\nif-match:\"b\" \r\n"
		  "Range: bytes=1-\r\n\r\n");
	ck_assert(request_field(&request, FIELD_IF_MATCH, &at, &value));
	assert_view(value, "\"a\"");
	ck_assert(request_field(&request, FIELD_IF_MATCH, &at, &value));
	assert_view(value, "\"b\"");
	ck_assert(!request_field(&request, FIELD_IF_MATCH, &at, &value));
	ck_assert(!request_only(&request, FIELD_IF_MATCH, &value));
	ck_assert(!request_only(&request, FIELD_IF_RANGE, &value));
	ck_assert(request_only(&request, FIELD_RANGE, &value));
	assert_view(value, "bytes=1-");
}

/* begin, then count letters, then end. */
static int status_of_long(const char *begin, size_t count, const char *end)
{
	char *letters = (char *)malloc(count + 1);
	char *text = NULL;

	ck_assert_ptr_nonnull(letters);
	memset(letters, 'a', count);
	letters[count] = '\0';
	ck_assert_int_gt(asprintf(&text, "%s%s%s", begin, letters, end), 0);
	parse_bytes(text, strlen(text), 1000);
	free(text);
	free(letters);
	ck_assert_int_eq(request.progress, REQUEST_COMPLETE);
	return request.status;
}

TEST(what_is_too_long_is_refused)
{
	const char *end = " HTTP/1.1\r\nHost: a\r\n\r\n";

	ck_assert_int_eq(status_of_long("GET /", TARGET_MAX - 1, end), 200);
	ck_assert_int_eq(status_of_long("GET /", TARGET_MAX, end), 414);
	ck_assert_int_eq(status_of_long("GET /", 10 * HEAD_MAX, end), 414);
	ck_assert_int_eq(status_of_long(GET "A: ", HEAD_MAX, "\r\n\r\n"), 431);
	ck_assert_int_eq(status_of_long(GET, HEAD_MAX, ": b\r\n\r\n"), 431);
	ck_assert_int_eq(status_of_long("", 5000, " / HTTP/1.1\r\n\r\n"), 400);
}

/* So many lines of that kind. */
static int status_of_many(const char *line, int count)
{
	static char text[HEAD_MAX];
	size_t length = (size_t)snprintf(text, sizeof(text), GET);

	while (count-- > 0)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s", line);
	snprintf(text + length, sizeof(text) - length, "\r\n");
	parse(text);
	return request.status;
}

TEST(what_is_too_much_is_refused)
{
	ck_assert_int_eq(status_of_many("A: b\r\n", FIELD_LINES_MAX - 1), 200);
	ck_assert_int_eq(status_of_many("A: b\r\n", FIELD_LINES_MAX), 431);
	ck_assert_int_eq(status_of_many("If-Match: *\r\n", FIELDS_MAX - 1),
			 200);
	ck_assert_int_eq(status_of_many("If-Match: *\r\n", FIELDS_MAX), 431);
}

/* ---- bodies of requests ------------------------------------------------- */

/*
 * How much of the text is the body, in pieces of any size; -1: it is not over
 * yet; else the error.
 */
static ssize_t body_length(const char *fields, const char *text)
{
	const size_t length = strlen(text);
	ssize_t result = -1;
	char head[256];

	snprintf(head, sizeof(head), GET "%s\r\n", fields);
	for (size_t piece = 1; piece <= length + 1; piece++) {
		struct upload upload;
		size_t used = 0;
		ssize_t step = 0;

		parse(head);
		upload_init(&upload, &request);
		while (used < length && step >= 0 &&
		       upload.state != UPLOAD_OVER) {
			size_t left = length - used;

			step = upload_skip(&upload, text + used,
					   left < piece ? left : piece);
			used += step > 0 ? (size_t)step : 0;
		}
		if (step >= 0)
			step = upload.state == UPLOAD_OVER ? (ssize_t)used : -1;
		ck_assert(piece == 1 || step == result);
		result = step;
	}
	return result;
}

#define LENGTH_5 "Content-Length: 5\r\n"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"

TEST(a_body_is_skipped_to_its_end)
{
	ck_assert_int_eq(body_length("", "GET"), 0);
	ck_assert_int_eq(body_length(LENGTH_5, "helloGET"), 5);
	ck_assert_int_eq(body_length(LENGTH_5, "hell"), -1);
	ck_assert_int_eq(body_length(CHUNKED, "0\r\n\r\nGET"), 5);
	ck_assert_int_eq(body_length(CHUNKED, "5\r\nhello\r\n0\r\n\r\nGET"),
			 15);
	ck_assert_int_eq(body_length(CHUNKED, "3 \r\nabc\r\n000\r\n\r\nG"), 16);
	ck_assert_int_eq(body_length(CHUNKED, "1;a=b\r\nx\r\n0\r\n\r\nG"), 15);
	ck_assert_int_eq(body_length(CHUNKED, "0\r\nA: b\r\n\r\nGET"), 11);
	ck_assert_int_eq(body_length(CHUNKED, "A\r\n0123456789\r\n0\r\n"), -1);
}

TEST(a_body_that_makes_no_sense_is_not_skipped)
{
	ck_assert_int_eq(body_length(CHUNKED, "hello"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "-1\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "1\r\nab\r\n"), -EBADMSG);
	ck_assert_int_eq(body_length(CHUNKED, "10001\r\n"), -E2BIG);
	ck_assert_int_eq(body_length(CHUNKED, "fffffffffffffffff\r\n"), -E2BIG);
}

/* Or a proxy would see other requests than we do. */
TEST(what_frames_a_chunk_is_taken_as_it_must_be)
{
	static const char *const wrong[] = {
		"2\nxx\r\n0\r\n\r\n",
		"2;\nxx\r\n0\r\n\r\n",
		"2;\rxx\r\nxx\r\n0\r\n\r\n",
		"2\rjunk\r\nxx\r\n0\r\n\r\n",
		"2 junk\r\nxx\r\n0\r\n\r\n",
		"2;\x01\r\nxx\r\n0\r\n\r\n",
		"2\r\nxx\n0\r\n\r\n",
		"2\r\nxx\r\r\n0\r\n\r\n",
		"2\r\nxx0\r\n\r\n",
		"2 2\r\nxx\r\n0\r\n\r\n",
		"0\r\n\n",
		"0\r\n\rA: b\r\n\r\n",
		"0\r\nA: b\n\r\n",
		"0\r\nA: \x7f\r\n\r\n",
		"0x2\r\nxx\r\n0\r\n\r\n",
		" 2\r\nxx\r\n0\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(body_length(CHUNKED, wrong[i]) == -EBADMSG, "%s",
			      wrong[i]);
}
