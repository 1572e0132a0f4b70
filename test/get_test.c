/*
 * "a10 get": its parts on their own, then the real command with a10 serve as
 * the server, and with one that the test writes itself, for what no decent
 * server would say.
 */
#include "web.h"

#include "body.h"
#include "progress.h"
#include "url.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- URLs ----------------------------------------------------------------- */

static const char *check_url(const char *text, char *ret_whole, size_t size)
{
	struct url url;
	const char *fault = url_parse(view_of(text), &url);

	if (fault == NULL)
		snprintf(ret_whole, size, "%s %u %s", url.host, url.port,
			 url.target);
	return fault;
}

TEST(a_url_is_a_host_a_port_and_what_is_asked_for)
{
	static const char *const urls[][2] = {
		{ "http://example.org", "example.org 80 /" },
		{ "HTTP://example.org/", "example.org 80 /" },
		{ "example.org:8010/a?b#c", "example.org 8010 /a?b" },
		{ "localhost:8010", "localhost 8010 /" },
		{ "http://[::1]/x", "[::1] 80 /x" },
		{ "http://[fe80::1]:81?x", "[fe80::1] 81 /?x" },
		{ "http://127.0.0.1:1/%2e%2E/x", "127.0.0.1 1 /%2e%2E/x" },
		{ "http://h:/x", "h 80 /x" },
		{ "http://h/a/./b/../c", "h 80 /a/c" },
		{ "http://h/..", "h 80 /" },
		{ "http://h/../../x/.", "h 80 /x/" },
		{ "http://h/a/b/..?c/../d", "h 80 /a/?c/../d" },
		{ "http://h//a/..x/...", "h 80 //a/..x/..." },
		{ "http://h#/x", "h 80 /" },
	};
	static const char *const wrong[] = {
		"",
		"http://",
		"https://example.org/",
		"ftp://example.org/",
		"http://user@h/",
		"http://user:secret@h/",
		"http://h:0/",
		"http://h:65536/",
		"http://h:80x/",
		"http://h:-1/",
		"http://a b/",
		"http://h/a b",
		"http://h/a\r\nX: y",
		"http://h/\x7f",
		"http://[::1/",
		"http://[]/",
		"http://[::1]x/",
		"http://[localhost]/",
		"http://h\\/",
		"file:///etc/passwd",
		"/etc/passwd",
	};
	char whole[URL_TEXT_MAX];

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		ck_assert_ptr_null(check_url(urls[i][0], whole, sizeof(whole)));
		ck_assert_str_eq(whole, urls[i][1]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(check_url(wrong[i], whole, sizeof(whole)) != NULL,
			      "%s", wrong[i]);
}

TEST(a_url_may_be_long_and_not_longer)
{
	static char text[3 * URL_TARGET_MAX];
	struct url url;

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "http://h/", 9);
	ck_assert_ptr_nonnull(url_parse(view_of(text), &url));
	text[8 + URL_TARGET_MAX] = '\0';
	ck_assert_ptr_null(url_parse(view_of(text), &url));
	ck_assert_uint_eq(strlen(url.target), URL_TARGET_MAX);
	ck_assert_ptr_nonnull(
		url_resolve(&url, view_of("?another one behind it"), &url));
	memset(text, 'h', sizeof(text) - 1);
	ck_assert_ptr_nonnull(url_parse(view_of(text), &url));
	text[URL_HOST_MAX] = '\0';
	ck_assert_ptr_null(url_parse(view_of(text), &url));
}

TEST(a_location_may_be_relative_in_any_way)
{
	/* Those of RFC 3986, 5.4, as far as they are of paths. */
	static const char *const locations[][2] = {
		{ "http://other:81/x", "other 81 /x" },
		{ "//other/x", "other 80 /x" },
		{ "g", "a 8010 /b/c/g" },
		{ "./g", "a 8010 /b/c/g" },
		{ "g/", "a 8010 /b/c/g/" },
		{ "/g", "a 8010 /g" },
		{ "?y", "a 8010 /b/c/d;p?y" },
		{ "g?y", "a 8010 /b/c/g?y" },
		{ "#s", "a 8010 /b/c/d;p?q" },
		{ "", "a 8010 /b/c/d;p?q" },
		{ ".", "a 8010 /b/c/" },
		{ "..", "a 8010 /b/" },
		{ "../g", "a 8010 /b/g" },
		{ "../../../g", "a 8010 /g" },
		{ "g;x=1/../y", "a 8010 /b/c/y" },
		{ "g?y/../x", "a 8010 /b/c/g?y/../x" },
	};
	struct url base, url;
	char whole[URL_TEXT_MAX];

	ck_assert_ptr_null(
		url_parse(view_of("http://a:8010/b/c/d;p?q"), &base));
	for (size_t i = 0; i < sizeof(locations) / sizeof(*locations); i++) {
		ck_assert_ptr_null(
			url_resolve(&base, view_of(locations[i][0]), &url));
		snprintf(whole, sizeof(whole), "%s %u %s", url.host, url.port,
			 url.target);
		ck_assert_str_eq(whole, locations[i][1]);
	}
	ck_assert_ptr_nonnull(
		url_resolve(&base, view_of("https://a/secret"), &url));
	ck_assert_ptr_nonnull(
		url_resolve(&base, view_of("file:///etc/passwd"), &url));
	ck_assert_ptr_nonnull(url_resolve(&base, view_of("a b"), &url));
	ck_assert_ptr_nonnull(
		url_resolve(&base, (struct view){ "a\0b", 3 }, &url));
}

static const char *name_of(const char *text)
{
	static char name[URL_NAME_MAX + 1];
	struct url url;

	ck_assert_ptr_null(url_parse(view_of(text), &url));
	return url_name(&url, name) == NULL ? name : "(none)";
}

TEST(a_name_is_the_last_part_of_a_path_and_never_more)
{
	static char long_one[400] = "h/";

	ck_assert_str_eq(name_of("h/a/b.tar?x/y"), "b.tar");
	ck_assert_str_eq(name_of("h/a/%2e%2e%2fb"), "%2e%2e%2fb");
	ck_assert_str_eq(name_of("h/a/.."), "(none)");
	ck_assert_str_eq(name_of("h/a/."), "(none)");
	ck_assert_str_eq(name_of("h"), "(none)");
	ck_assert_str_eq(name_of("h/?name"), "(none)");
	memset(long_one + 2, 'n', 300);
	ck_assert_str_eq(name_of(long_one), "(none)");
}

/* ---- heads and bodies ------------------------------------------------------ */

struct head_case {
	const char *text;
	int status; /* 0: it is refused */
	enum reply_body body;
	uint64_t length;
};

#define OK_LINE "HTTP/1.1 200 OK\r\n"

static const struct head_case heads[] = {
	{ OK_LINE "\r\n", 200, REPLY_UNTIL_CLOSE, 0 },
	{ "HTTP/1.0 404\r\n\r\n", 404, REPLY_UNTIL_CLOSE, 0 },
	{ OK_LINE "Content-Length: 5\r\n\r\n", 200, REPLY_LENGTH, 5 },
	{ "HTTP/1.1 200 OK\ncontent-length:5\n\n", 200, REPLY_LENGTH, 5 },
	{ OK_LINE "Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\n", 200,
	  REPLY_LENGTH, 5 },
	{ OK_LINE "Transfer-Encoding: Chunked\r\n\r\n", 200, REPLY_CHUNKED, 0 },
	{ "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", 304, REPLY_EMPTY, 9 },
	{ "HTTP/1.1 204 x\r\n\r\n", 204, REPLY_EMPTY, 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", 100, REPLY_EMPTY, 0 },
	{ OK_LINE "X: \xff\ty\r\n\r\n", 200, REPLY_UNTIL_CLOSE, 0 },
	/* Not HTTP, or not of our kind. */
	{ "\r\n", 0, 0, 0 },
	{ "<html>", 0, 0, 0 },
	{ "HTTP/2 200 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1  200 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 20 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 2000 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 099 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 600 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 2x0 OK\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.1 200 O\rK\r\n\r\n", 0, 0, 0 },
	/* Where it ends is in doubt. */
	{ OK_LINE "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 5,6\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: \r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: -1\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: +1\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 0x10\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 5 5\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 9223372036854775808\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 99999999999999999999999\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
	  0, 0 },
	{ OK_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
	  0, 0, 0 },
	{ OK_LINE "Transfer-Encoding: identity\r\n\r\n", 0, 0, 0 },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Content-Length : 5\r\n\r\n", 0, 0, 0 },
	{ OK_LINE " Content-Length: 5\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "X: y\r\n folded\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "nonsense\r\n\r\n", 0, 0, 0 },
	{ OK_LINE ": x\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "X: a\rb\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "Location: a\r\nLocation: b\r\n\r\n", 0, 0, 0 },
	{ OK_LINE "ETag: \"a\"\r\nETag: \"b\"\r\n\r\n", 0, 0, 0 },
};

/* In steps of that many bytes. */
static int parse_in_steps(struct reply *reply, const char *text, size_t length,
			  size_t step)
{
	char *copy = (char *)malloc(length);
	int found = 0;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, length);
	reply_init(reply);
	for (size_t at = 0; at < length && found == 0;) {
		at = at + step < length ? at + step : length;
		found = reply_parse(reply, copy, at);
	}
	/* What it points to is gone with the copy, and not looked at. */
	free(copy);
	return found;
}

TEST(a_head_is_understood_or_refused_in_whatever_pieces_it_comes)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const struct head_case *head = &heads[i];
		const size_t length = strlen(head->text);

		for (size_t step = 1; step <= length; step++) {
			struct reply reply;
			const int found = parse_in_steps(&reply, head->text,
							 length, step);

			ck_assert_msg((found > 0) == (head->status > 0),
				      "%s: %d", head->text, found);
			if (found < 0) {
				ck_assert_ptr_nonnull(reply.fault);
				continue;
			}
			ck_assert_int_eq(reply.status, head->status);
			ck_assert_int_eq(reply.body, head->body);
			ck_assert_uint_eq(reply.length, head->length);
			ck_assert_uint_eq(reply.head_length, length);
		}
	}
}

TEST(a_head_with_a_nul_in_it_is_refused)
{
	static const char in_line[] = "HTTP/1.1 200 O\0K\r\n\r\n";
	static const char in_name[] = OK_LINE "a\0b: c\r\n\r\n";
	static const char in_value[] = OK_LINE "a: b\0c\r\n\r\n";
	struct reply reply;

	ck_assert_int_lt(
		parse_in_steps(&reply, in_line, sizeof(in_line) - 1, 1000), 0);
	ck_assert_int_lt(
		parse_in_steps(&reply, in_name, sizeof(in_name) - 1, 1000), 0);
	ck_assert_int_lt(parse_in_steps(&reply, in_value, sizeof(in_value) - 1,
					1000),
			 0);
}

/* OK_LINE, and count fields. */
static size_t fill_fields(char *text, size_t size, unsigned int count)
{
	size_t length = (size_t)snprintf(text, size, OK_LINE);

	for (unsigned int i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, size - length,
					   "Field-%u: x\r\n", i);
	length += (size_t)snprintf(text + length, size - length, "\r\n");
	return length;
}

TEST(a_head_is_bounded)
{
	static char text[2 * REPLY_HEAD_MAX];
	struct reply reply;
	size_t length;

	length = fill_fields(text, sizeof(text), REPLY_LINES_MAX);
	ck_assert_int_eq(parse_in_steps(&reply, text, length, 1000), 1);
	length = fill_fields(text, sizeof(text), REPLY_LINES_MAX + 1);
	ck_assert_int_lt(parse_in_steps(&reply, text, length, 1000), 0);
	memset(text, 'x', sizeof(text));
	memcpy(text, OK_LINE "a:", strlen(OK_LINE "a:"));
	ck_assert_int_eq(parse_in_steps(&reply, text, REPLY_HEAD_MAX - 1, 1000),
			 0);
	ck_assert_int_lt(parse_in_steps(&reply, text, REPLY_HEAD_MAX, 1000), 0);
	memcpy(text + REPLY_HEAD_MAX - 3, "\r\n\r\n", 4);
	ck_assert_int_lt(parse_in_steps(&reply, text, REPLY_HEAD_MAX + 1,
					REPLY_HEAD_MAX + 1),
			 0);
}

static struct reply_range range_of(const char *value)
{
	struct reply reply;
	char text[256];

	snprintf(text, sizeof(text), OK_LINE "Content-Range: %s\r\n\r\n",
		 value);
	ck_assert_int_eq(parse_in_steps(&reply, text, strlen(text), 1000), 1);
	return reply.range;
}

TEST(a_part_says_which_it_is)
{
	static const char *const wrong[] = {
		"",
		"bytes",
		"bytes ",
		"bytes 1-2",
		"bytes 2-1/3",
		"bytes 1-3/3",
		"bytes -1/3",
		"bytes 1-/3",
		"bytes 1-2-3/9",
		"bytes 1-2/x",
		"bytes 1-2/",
		"bytes 1-18446744073709551615/*",
		"lines 1-2/3",
	};
	struct reply_range range = range_of("bytes 1-2/3");

	ck_assert(range.known && range.some && range.has_total);
	ck_assert_uint_eq(range.first, 1);
	ck_assert_uint_eq(range.last, 2);
	ck_assert_uint_eq(range.total, 3);
	range = range_of("Bytes 0-0/*");
	ck_assert(range.known && range.some && !range.has_total);
	range = range_of("bytes */7");
	ck_assert(range.known && !range.some && range.total == 7);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(!range_of(wrong[i]).known, "%s", wrong[i]);
}

struct body_case {
	const char *text;
	const char *data; /* NULL: it is refused */
	bool over;
};

static const struct body_case bodies[] = {
	{ "0\r\n\r\n", "", true },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", true },
	{ "5\r\nhello\r\n006;x=\"y\"\r\n world\r\n0\r\nTrailer: x\r\n\r\n",
	  "hello world", true },
	{ "a \r\n0123456789\r\n000\r\n\r\n", "0123456789", true },
	{ "5\r\nhel", "hel", false },
	{ "5\r\nhello\r\n", "hello", false },
	{ "5\r\nhello\r\n0\r\n", "hello", false },
	{ "0\r\n\r\nmore", NULL, false },
	{ "5\nhello\r\n0\r\n\r\n", NULL, false },
	{ "5\r\nhelloX\r\n0\r\n\r\n", NULL, false },
	{ "5\r\nhello0\r\n\r\n", NULL, false },
	{ "-5\r\nhello\r\n0\r\n\r\n", NULL, false },
	{ "+5\r\nhello\r\n0\r\n\r\n", NULL, false },
	{ "0x5\r\nhello\r\n0\r\n\r\n", NULL, false },
	{ "\r\n", NULL, false },
	{ ";x\r\n", NULL, false },
	{ "g\r\n", NULL, false },
	{ "5 5\r\nhello\r\n", NULL, false },
	{ "5;\x01\r\nhello\r\n", NULL, false },
	{ "fffffffffffffffff\r\n", NULL, false },
	{ "8000000000000000\r\n", NULL, false },
	{ "10000000000000005\r\nhello", NULL, false },
};

/* In steps; the data there is, or false. */
static bool decode(struct body *body, const char *text, size_t length,
		   size_t step, char *ret_data)
{
	size_t used = 0;

	for (size_t at = 0; at < length; at += step) {
		const size_t size = length - at < step ? length - at : step;
		char *piece = (char *)malloc(size);
		ssize_t n;

		ck_assert_ptr_nonnull(piece);
		memcpy(piece, text + at, size);
		n = body_take(body, piece, size);
		if (n > 0) {
			memcpy(ret_data + used, piece, (size_t)n);
			used += (size_t)n;
		}
		free(piece);
		if (n < 0)
			return false;
	}
	ret_data[used] = '\0';
	return true;
}

TEST(chunks_are_put_together_or_refused_in_whatever_pieces_they_come)
{
	const struct reply chunked = { .body = REPLY_CHUNKED };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		const struct body_case *wanted = &bodies[i];
		const size_t length = strlen(wanted->text);

		for (size_t step = 1; step <= length; step++) {
			struct body body;
			char data[64];
			bool good;

			body_init(&body, &chunked);
			good = decode(&body, wanted->text, length, step, data);
			ck_assert_msg(good == (wanted->data != NULL), "%s",
				      wanted->text);
			if (!good)
				continue;
			ck_assert_str_eq(data, wanted->data);
			ck_assert_int_eq(body_is_over(&body), wanted->over);
			ck_assert_int_eq(body_may_end(&body), wanted->over);
		}
	}
}

TEST(what_is_between_chunks_is_bounded)
{
	const struct reply chunked = { .body = REPLY_CHUNKED };
	static char text[70000];
	struct body body;
	char data[8];

	memset(text, 'x', sizeof(text));
	memcpy(text, "1;", 2);
	body_init(&body, &chunked);
	ck_assert(!decode(&body, text, sizeof(text), 1000, data));
	memset(text, '0', sizeof(text));
	body_init(&body, &chunked);
	ck_assert(!decode(&body, text, sizeof(text), 1000, data));
	memcpy(text, "0\r\n", 3);
	for (size_t i = 3; i + 5 < sizeof(text); i += 5)
		memcpy(text + i, "a:b\r\n", 5);
	body_init(&body, &chunked);
	ck_assert(!decode(&body, text, sizeof(text), 1000, data));
}

TEST(a_body_of_a_length_has_that_and_no_more)
{
	const struct reply five = { .body = REPLY_LENGTH, .length = 5 };
	const struct reply none = { .body = REPLY_LENGTH };
	const struct reply open = { .body = REPLY_UNTIL_CLOSE };
	struct body body;
	char data[16];

	body_init(&body, &five);
	ck_assert(decode(&body, "hell", 4, 3, data));
	ck_assert(!body_may_end(&body));
	ck_assert(decode(&body, "o", 1, 1, data));
	ck_assert(body_is_over(&body));
	ck_assert(!decode(&body, "!", 1, 1, data));
	body_init(&body, &none);
	ck_assert(body_is_over(&body));
	body_init(&body, &open);
	ck_assert(decode(&body, "all of it", 9, 4, data));
	ck_assert(body_may_end(&body) && !body_is_over(&body));
}

/* ---- how far it is ---------------------------------------------------------- */

TEST(a_line_of_progress_fits)
{
	static struct download download = { .total = 1 << 30, .begun = 1 };
	char line[512];

	snprintf(download.path, sizeof(download.path),
		 "a-name-that-is-longer-than-there-is-room-for.tar.gz");
	for (int columns = 20; columns <= 300; columns++) {
		for (int i = 0; i <= 4; i++) {
			download.count = (uint64_t)i << 28;
			progress_line(&download, 10 * A10_SECOND, columns, line,
				      sizeof(line));
			ck_assert_uint_le(strlen(line), (size_t)columns);
		}
	}
	download.count = 1 << 29;
	progress_line(&download, 10 * A10_SECOND, 100, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "is-room-for.tar.gz ["));
	ck_assert_ptr_nonnull(strstr(line, "=> "));
	ck_assert_ptr_nonnull(strstr(line, " 50 %  512 MiB"));
	ck_assert_ptr_nonnull(strstr(line, "/s 0:10"));
	/* Of which nothing is known, and more than was said. */
	download.total = 0;
	progress_line(&download, 1, 100, line, sizeof(line));
	ck_assert_ptr_null(strstr(line, "%"));
	download.total = 1;
	progress_line(&download, 0, 100, line, sizeof(line));
}

/* ---- the command, with a10 serve ------------------------------------------- */

static void assert_file(const char *path, const char *content)
{
	char text[4096] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_str_eq(text, content);
}

static void assert_same(const char *path, const char *other)
{
	char command[512];

	snprintf(command, sizeof(command), "cmp -s '%s' '%s'", path, other);
	ck_assert_msg(system(command) == 0, "%s, %s", path, other);
}

static void assert_none(const char *path)
{
	ck_assert_msg(access(path, F_OK) < 0, "%s", path);
}

static void assert_said(const struct command *command, const char *words)
{
	ck_assert_msg(strstr(command->text, words) != NULL, "%s",
		      command->text);
}

/* In a folder of its own beside the server's. */
static void begin_with_server(struct server *server)
{
	server_start(server, NULL, NULL);
	ck_assert_int_eq(mkdir("../down", 0755), 0);
	ck_assert_int_eq(chdir("../down"), 0);
}

static const char *at_server(const struct server *server, const char *path)
{
	static char url[4][256];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(url[turn], sizeof(*url), "http://127.0.0.1:%u/%s",
		 server->port, path);
	return url[turn];
}

TEST(files_come_whole_and_under_their_names)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 3000000);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"),
			at_server(&server, "empty"),
			at_server(&server, "large"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	assert_said(&command, "hello.txt: 6 B in ");
	assert_file("hello.txt", "hello\n");
	assert_file("empty", "");
	assert_same("large", "../folder/large");
	assert_none("large.part");
	assert_none("large.part.tag");
	assert_none("empty.part");
	server_end(&server);
}

TEST(what_is_there_is_left_alone_unless_it_is_to_be_replaced)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put("hello.txt", "mine");
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	assert_said(&command, "--force");
	assert_file("hello.txt", "mine");
	{
		const char *const arguments[] = {
			"get", "-qf", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	ck_assert_str_eq(command.text, "");
	assert_file("hello.txt", "hello\n");
	server_end(&server);
}

TEST(a_name_may_be_chosen_and_be_standard_output)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	{
		const char *const arguments[] = {
			"get", "-o", "-", "-q", at_server(&server, "hello.txt"),
			NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	ck_assert_str_eq(command.text, "hello\n");
	{
		const char *const arguments[] = {
			"get", "--output", "sub/x",
			at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "sub/x: cannot be written: No such");
		ck_assert_int_eq(mkdir("sub", 0755), 0);
		ck_assert_int_eq(command_run(&command, arguments), 0);
	}
	assert_file("sub/x", "hello\n");
	server_end(&server);
}

TEST(what_fails_is_told_and_the_rest_is_done)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "none"),
			at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	assert_said(&command, "a10: get: none: the server says 404 Not Found");
	assert_file("hello.txt", "hello\n");
	assert_none("none");
	assert_none("none.part");
	server_end(&server);
}

/* What an interrupted one leaves: the first length bytes, and the tag. */
static void leave_part(const struct server *server, const char *name,
		       size_t length)
{
	struct answer answer;
	char path[64];
	char *part = (char *)malloc(length);
	int fd;

	snprintf(path, sizeof(path), "/%s", name);
	client_get(server, path, &answer);
	ck_assert_uint_ge(answer.length, length);
	memcpy(part, answer.body, length);
	free(answer.body);
	snprintf(path, sizeof(path), "%s.part.tag", name);
	put(path, answer_header(&answer, "ETag"));
	path[strlen(path) - 4] = '\0';
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(write(fd, part, length), (ssize_t)length);
	close(fd);
	free(part);
}

TEST(what_was_interrupted_goes_on)
{
	const size_t lengths[] = { 1, 700000, 999999, 1000000 };
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 1000000);
	for (size_t i = 0; i < 4; i++) {
		const char *const arguments[] = { "get", "-C",
						  at_server(&server, "large"),
						  NULL };

		leave_part(&server, "large", lengths[i]);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_said(&command, "gone on with");
		assert_same("large", "../folder/large");
		assert_none("large.part.tag");
		ck_assert_int_eq(unlink("large"), 0);
	}
	server_end(&server);
}

TEST(what_has_changed_since_begins_anew)
{
	struct server server;
	struct command command;

	begin_with_server(&server);
	put_pattern("../folder/large", 1000000);
	leave_part(&server, "large", 500000);
	put_pattern("../folder/large", 900001);
	{
		const char *const arguments[] = { "get", "-C",
						  at_server(&server, "large"),
						  NULL };

		ck_assert_int_eq(command_run(&command, arguments), 0);
		ck_assert_ptr_null(strstr(command.text, "gone on with"));
		assert_same("large", "../folder/large");
		ck_assert_int_eq(unlink("large"), 0);
		/* Nobody knows of what this is a part. */
		leave_part(&server, "large", 500000);
		ck_assert_int_eq(unlink("large.part.tag"), 0);
		ck_assert_int_eq(command_run(&command, arguments), 0);
		assert_same("large", "../folder/large");
	}
	server_end(&server);
}

TEST(two_at_once_do_not_write_to_the_same_file)
{
	struct server server;
	struct command command;
	int fd;

	begin_with_server(&server);
	fd = open("hello.txt.part", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	{
		const char *const arguments[] = {
			"get", at_server(&server, "hello.txt"), NULL
		};

		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_said(&command, "in use");
		close(fd);
		/* Nor to what is somebody else's. */
		ck_assert_int_eq(unlink("hello.txt.part"), 0);
		put("precious", "mine");
		ck_assert_int_eq(symlink("precious", "hello.txt.part"), 0);
		ck_assert_int_eq(command_run(&command, arguments), 1);
		assert_file("precious", "mine");
		ck_assert_int_eq(unlink("hello.txt.part"), 0);
		ck_assert_int_eq(mkfifo("hello.txt.part", 0644), 0);
		ck_assert_int_eq(command_run(&command, arguments), 1);
	}
	server_end(&server);
}

/* ---- the command, with a server of the test's ------------------------------- */

/* A listener, and the command that asks it. */
struct visit {
	struct command command;
	int listener;
	uint16_t port;
	char folder[32];
	char request[4096];
};

static void visit_begin(struct visit *visit)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
					 .sin_addr.s_addr =
						 htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	visit->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(visit->listener, (const struct sockaddr *)&any,
			      sizeof(any)),
			 0);
	ck_assert_int_eq(listen(visit->listener, 8), 0);
	setsockopt(visit->listener, SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	ck_assert_int_eq(getsockname(visit->listener,
				     (struct sockaddr *)&address, &length),
			 0);
	visit->port = ntohs(address.sin_port);
	snprintf(visit->folder, sizeof(visit->folder), "/tmp/a10-get-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(visit->folder));
	ck_assert_int_eq(chdir(visit->folder), 0);
}

static void visit_end(struct visit *visit)
{
	char command[64];

	close(visit->listener);
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r %s", visit->folder);
	ck_assert_int_eq(system(command), 0);
}

static void visit_start(struct visit *visit, const char *option,
			const char *value)
{
	char url[64];
	const char *const arguments[] = { "get", url, option, value, NULL };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/dir/f", visit->port);
	command_start(&visit->command, arguments);
}

/* The next request, up to its empty line. Returns the connection. */
static int visit_hear(struct visit *visit)
{
	const struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };
	const int fd = accept4(visit->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t length = 0;

	if (fd < 0) {
		command_read(&visit->command, false);
		if (strstr(visit->command.text, "no ring") != NULL)
			SKIP("%s", visit->command.text);
		ck_abort_msg("nobody comes: %s", visit->command.text);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do {
		ck_assert_uint_lt(length, sizeof(visit->request) - 1);
		client_hear_bytes(fd, visit->request + length++, 1);
		visit->request[length] = '\0';
	} while (strstr(visit->request, "\r\n\r\n") == NULL);
	return fd;
}

static void visit_answer_bytes(struct visit *visit, const char *text,
			       size_t length)
{
	const int fd = visit_hear(visit);

	client_say_bytes(fd, text, length);
	close(fd);
}

static void visit_answer(struct visit *visit, const char *text)
{
	visit_answer_bytes(visit, text, strlen(text));
}

static int visit_wait(struct visit *visit)
{
	command_read(&visit->command, false);
	return command_wait(&visit->command);
}

/* One answer, what the command makes of it, and what is in the file then. */
static void assert_visit(const char *answer, int status, const char *content)
{
	struct visit visit;

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	visit_answer(&visit, answer);
	ck_assert_msg(visit_wait(&visit) == status, "%s%s", answer,
		      visit.command.text);
	if (content != NULL) {
		assert_file("f", content);
	} else {
		assert_none("f");
		assert_said(&visit.command, "a10: get: f: ");
	}
	visit_end(&visit);
}

TEST(a_body_ends_where_it_is_said_to)
{
	assert_visit(OK_LINE "Content-Length: 5\r\n\r\nhello", 0, "hello");
	assert_visit(OK_LINE "Content-Length: 0\r\n\r\n", 0, "");
	assert_visit(OK_LINE "\r\nuntil it closes", 0, "until it closes");
	assert_visit("HTTP/1.0 200 OK\r\n\r\nold", 0, "old");
	assert_visit(OK_LINE "Transfer-Encoding: chunked\r\n\r\n"
			     "5\r\nhello\r\n3;x\r\n, y\r\n0\r\nT: r\r\n\r\n",
		     0, "hello, y");
	assert_visit("HTTP/1.1 100 Continue\r\n\r\n"
		     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_LINE
		     "Content-Length: 2\r\n\r\nok",
		     0, "ok");
	assert_visit("HTTP/1.1 203 Else\r\nContent-Length: 2\r\n\r\nok", 0,
		     "ok");
}

TEST(what_is_not_whole_or_makes_no_sense_is_no_file)
{
	assert_visit(OK_LINE "Content-Length: 6\r\n\r\nhello", 1, NULL);
	assert_visit(OK_LINE "Content-Length: 4\r\n\r\nhello", 1, NULL);
	assert_visit(OK_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		     1, NULL);
	assert_visit(OK_LINE "Transfer-Encoding: chunked\r\n\r\nhello", 1,
		     NULL);
	assert_visit(OK_LINE
		     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5\r\nhello\r\n0\r\n\r\n",
		     1, NULL);
	assert_visit("", 1, NULL);
	assert_visit("SSH-2.0-OpenSSH_9.2\r\n", 1, NULL);
	assert_visit(OK_LINE "X: y\r\n", 1, NULL);
	assert_visit("HTTP/1.1 204 No Content\r\n\r\n", 1, NULL);
	assert_visit("HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/2\r\n"
		     "Content-Length: 2\r\n\r\nok",
		     1, NULL);
	assert_visit("HTTP/1.1 101 Switching\r\n\r\n", 1, NULL);
	assert_visit("HTTP/1.1 302 Found\r\n\r\n", 1, NULL);
	assert_visit("HTTP/1.1 302 Found\r\nLocation: https://h/x\r\n\r\n", 1,
		     NULL);
	assert_visit("HTTP/1.1 500 \x1b[31mred\r\n\r\n", 1, NULL);
}

TEST(what_a_server_says_cannot_paint_the_terminal)
{
	struct visit visit;

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	visit_answer(&visit, "HTTP/1.1 500 a\x9b\xffz\r\n\r\n");
	ck_assert_int_eq(visit_wait(&visit), 1);
	assert_said(&visit.command, "the server says 500 a??z\n");
	visit_end(&visit);
}

TEST(who_only_says_wait_is_given_up)
{
	static char text[4096];
	size_t length = 0;

	for (int i = 0; i < 50; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "HTTP/1.1 100 Continue\r\n\r\n");
	assert_visit(text, 1, NULL);
}

TEST(a_request_says_what_is_wanted)
{
	struct visit visit;
	char host[64];

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	visit_answer(&visit, OK_LINE "\r\n");
	ck_assert_int_eq(visit_wait(&visit), 0);
	ck_assert_int_eq(strncmp(visit.request, "GET /dir/f HTTP/1.1\r\n", 21),
			 0);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", visit.port);
	ck_assert_ptr_nonnull(strstr(visit.request, host));
	ck_assert_ptr_nonnull(
		strstr(visit.request, "\r\nConnection: close\r\n"));
	ck_assert_ptr_null(strstr(visit.request, "Range"));
	visit_end(&visit);
}

TEST(redirects_are_followed_and_the_name_stays)
{
	struct visit visit;
	char whole[128];

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	visit_answer(&visit, "HTTP/1.1 302 Found\r\nLocation: ../other?x\r\n"
			     "Content-Length: 4\r\n\r\nlook");
	snprintf(whole, sizeof(whole),
		 "HTTP/1.1 308 P\r\nLocation: HTTP://127.0.0.1:%u/a#b\r\n\r\n",
		 visit.port);
	visit_answer(&visit, whole);
	ck_assert_int_eq(strncmp(visit.request, "GET /other?x HTTP/1.1", 21),
			 0);
	visit_answer(&visit, OK_LINE "\r\nhere");
	ck_assert_int_eq(strncmp(visit.request, "GET /a HTTP/1.1", 15), 0);
	ck_assert_int_eq(visit_wait(&visit), 0);
	assert_file("f", "here");
	visit_end(&visit);
}

TEST(redirects_come_to_an_end)
{
	struct visit visit;

	visit_begin(&visit);
	visit_start(&visit, "--redirects", "2");
	for (int i = 0; i < 3; i++)
		visit_answer(&visit, "HTTP/1.1 301 M\r\nLocation: f\r\n\r\n");
	ck_assert_int_eq(visit_wait(&visit), 1);
	assert_said(&visit.command, "from one place to another");
	assert_none("f.part");
	visit_end(&visit);
}

TEST(what_broke_off_stays_and_goes_on_later)
{
	struct visit visit;

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	visit_answer(&visit,
		     OK_LINE "ETag: \"v1\"\r\nContent-Length: 10\r\n\r\n01234");
	ck_assert_int_eq(visit_wait(&visit), 1);
	assert_said(&visit.command, "the connection ended after 5 B of 10 B; "
				    "--continue goes on");
	assert_file("f.part", "01234");
	assert_file("f.part.tag", "\"v1\"");
	visit_start(&visit, "-C", NULL);
	visit_answer(&visit, "HTTP/1.1 206 P\r\nETag: \"v1\"\r\n"
			     "Content-Range: bytes 5-9/10\r\n"
			     "Content-Length: 5\r\n\r\n56789");
	ck_assert_ptr_nonnull(strstr(visit.request, "\r\nRange: bytes=5-\r\n"
						    "If-Range: \"v1\"\r\n"));
	ck_assert_int_eq(visit_wait(&visit), 0);
	assert_file("f", "0123456789");
	visit_end(&visit);
}

/* With "01234" of v1 there, and --continue; what is in f then, or in f.part. */
static void assert_continued(const char *answer, const char *second,
			     const char *content)
{
	struct visit visit;

	visit_begin(&visit);
	put("f.part", "01234");
	put("f.part.tag", "\"v1\"");
	visit_start(&visit, "-C", NULL);
	visit_answer(&visit, answer);
	if (second != NULL) {
		visit_answer(&visit, second);
		ck_assert_ptr_null(strstr(visit.request, "Range"));
	}
	ck_assert_msg(visit_wait(&visit) == (content ? 0 : 1), "%s%s", answer,
		      visit.command.text);
	if (content != NULL) {
		assert_file("f", content);
		assert_none("f.part.tag");
	} else {
		assert_none("f");
		assert_file("f.part", "01234");
	}
	visit_end(&visit);
}

#define PART "HTTP/1.1 206 Part\r\n"
#define NONE "HTTP/1.1 416 No\r\n"

TEST(a_part_is_taken_only_if_it_is_the_right_one)
{
	assert_continued(PART "Content-Range: bytes 5-6/7\r\n\r\n56", NULL,
			 "0123456");
	assert_continued(PART "Content-Range: bytes 5-6/*\r\n\r\n56", NULL,
			 "0123456");
	assert_continued(PART "Content-Range: bytes 4-6/7\r\n\r\n456", NULL,
			 NULL);
	assert_continued(PART "Content-Range: bytes 0-6/7\r\n\r\n0123456", NULL,
			 NULL);
	assert_continued(PART "Content-Range: bytes 5-6/9\r\n\r\n56", NULL,
			 NULL);
	assert_continued(PART "\r\n56", NULL, NULL);
	assert_continued(PART "ETag: \"v2\"\r\n"
			      "Content-Range: bytes 5-6/7\r\n\r\n56",
			 NULL, NULL);
	assert_continued(PART "Content-Length: 3\r\n"
			      "Content-Range: bytes 5-6/7\r\n\r\n567",
			 NULL, NULL);
	assert_continued(OK_LINE "Content-Length: 3\r\n\r\nnew", NULL, "new");
	assert_continued(NONE "Content-Range: bytes */5\r\n\r\n", NULL,
			 "01234");
	assert_continued(NONE "Content-Range: bytes */4\r\n\r\n",
			 OK_LINE "\r\nanew", "anew");
	assert_continued(NONE "\r\n", OK_LINE "\r\nanew", "anew");
	assert_continued("HTTP/1.1 503 Later\r\n\r\n", NULL, NULL);
}

TEST(only_what_tells_versions_apart_is_a_tag)
{
	static const struct {
		const char *fields;
		const char *tag; /* NULL: none */
	} cases[] = {
		{ "ETag: \"v\"", "\"v\"" },
		{ "ETag: W/\"v\"", NULL },
		{ "X: y", NULL },
		{ "Date: Sun, 06 Nov 1994 08:50:37 GMT\r\n"
		  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
		  "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
		  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
		  NULL },
		{ "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct visit visit;
		char text[256];

		visit_begin(&visit);
		put("f.part.tag", "\"of before\"");
		visit_start(&visit, NULL, NULL);
		snprintf(text, sizeof(text),
			 OK_LINE "%s\r\nContent-Length: 9\r\n\r\nx",
			 cases[i].fields);
		visit_answer(&visit, text);
		ck_assert_int_eq(visit_wait(&visit), 1);
		assert_file("f.part", "x");
		if (cases[i].tag != NULL)
			assert_file("f.part.tag", cases[i].tag);
		else
			assert_none("f.part.tag");
		visit_end(&visit);
	}
}

TEST(a_server_that_stalls_is_given_up)
{
	struct visit visit;
	int fd;

	visit_begin(&visit);
	visit_start(&visit, "--stall-timeout", "0.1");
	fd = visit_hear(&visit);
	client_say(fd, OK_LINE "ETag: \"v\"\r\nContent-Length: 9\r\n\r\nx");
	ck_assert_int_eq(visit_wait(&visit), 1);
	assert_said(&visit.command, "127.0.0.1 sends nothing any more");
	assert_file("f.part", "x");
	close(fd);
	visit_end(&visit);
}

TEST(a_server_that_is_not_there_is_told_of)
{
	struct visit visit;

	visit_begin(&visit);
	close(visit.listener);
	visit_start(&visit, NULL, NULL);
	ck_assert_int_eq(visit_wait(&visit), 1);
	if (strstr(visit.command.text, "no ring") != NULL)
		SKIP("%s", visit.command.text);
	assert_said(&visit.command, ": Connection refused");
	visit.listener = open("/dev/null", O_RDONLY | O_CLOEXEC);
	visit_end(&visit);
}

TEST(a_reset_is_no_end)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	struct visit visit;
	int fd;

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	fd = visit_hear(&visit);
	client_say(fd, OK_LINE "\r\nas long as it lasts");
	pause_ms(20);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	ck_assert_int_eq(visit_wait(&visit), 1);
	assert_none("f");
	visit_end(&visit);
}

TEST(an_interruption_keeps_what_there_is)
{
	struct visit visit;
	int fd;

	visit_begin(&visit);
	visit_start(&visit, NULL, NULL);
	fd = visit_hear(&visit);
	client_say(fd, OK_LINE "ETag: \"v\"\r\nContent-Length: 9\r\n\r\nx");
	while (access("f.part.tag", F_OK) < 0)
		pause_ms(1);
	pause_ms(20);
	ck_assert_int_eq(kill(visit.command.pid, SIGINT), 0);
	ck_assert_int_eq(visit_wait(&visit), 128 + SIGINT);
	assert_said(&visit.command, "f: interrupted");
	assert_file("f.part", "x");
	close(fd);
	visit_end(&visit);
}

TEST(so_many_come_at_once_and_no_more)
{
	struct visit visit;
	char urls[3][64];
	const char *const arguments[] = { "get",   "--parallel", "2", urls[0],
					  urls[1], urls[2],      NULL };
	int fds[3];

	visit_begin(&visit);
	for (size_t i = 0; i < 3; i++)
		snprintf(urls[i], sizeof(*urls), "127.0.0.1:%u/f%zu",
			 visit.port, i);
	command_start(&visit.command, arguments);
	fds[0] = visit_hear(&visit);
	fds[1] = visit_hear(&visit);
	fcntl(visit.listener, F_SETFL, O_NONBLOCK);
	pause_ms(30);
	ck_assert_int_eq(accept(visit.listener, NULL, NULL), -1);
	fcntl(visit.listener, F_SETFL, 0);
	client_say(fds[1], OK_LINE "\r\nx");
	close(fds[1]);
	fds[2] = visit_hear(&visit);
	ck_assert_int_eq(strncmp(visit.request, "GET /f2 ", 8), 0);
	for (size_t i = 0; i < 3; i += 2) {
		client_say(fds[i], OK_LINE "\r\nx");
		close(fds[i]);
	}
	ck_assert_int_eq(visit_wait(&visit), 0);
	assert_file("f0", "x");
	assert_file("f1", "x");
	assert_file("f2", "x");
	visit_end(&visit);
}

TEST(what_cannot_be_written_is_told)
{
	struct visit visit;
	int full;

	visit_begin(&visit);
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(full, 0);
	visit_start(&visit, "-fo", "/dev/full/x");
	ck_assert_int_eq(visit_wait(&visit), 1);
	if (strstr(visit.command.text, "no ring") != NULL)
		SKIP("%s", visit.command.text);
	assert_said(&visit.command, "cannot be written: Not a directory");
	close(full);
	visit_end(&visit);
}

TEST(what_makes_no_sense_is_refused_in_words)
{
	static const struct {
		const char *arguments[5];
		const char *words;
	} cases[] = {
		{ { "get" }, "what? a10 get URL" },
		{ { "get", "https://example.org/x" }, "TLS is not spoken" },
		{ { "get", "http://example.org/" }, "--output" },
		{ { "get", "-o", "x", "h/a", "h/b" }, "not for 'h/b' too" },
		{ { "get", "http://u:p@example.org/x" }, "passwords" },
		{ { "get", "--parallel", "0", "h/a" }, "'0' is no good" },
		{ { "get", "--fast" }, "unknown option '--fast'" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *arguments[6] = { NULL };
		struct command command;

		memcpy(arguments, cases[i].arguments,
		       sizeof(cases[i].arguments));
		ck_assert_int_eq(command_run(&command, arguments), 2);
		assert_said(&command, cases[i].words);
	}
}
