/* What "a10 get" reads of a server: heads and bodies, good and hostile. */
#include "harness.h"

#include "body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Over what is there, which goes on behind it. */
static void lay_over(char *at, const char *text)
{
	while (*text != '\0')
		*at++ = *text++;
}

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
	lay_over(text, OK_LINE "a:");
	ck_assert_int_eq(parse_in_steps(&reply, text, REPLY_HEAD_MAX - 1, 1000),
			 0);
	ck_assert_int_lt(parse_in_steps(&reply, text, REPLY_HEAD_MAX, 1000), 0);
	lay_over(text + REPLY_HEAD_MAX - 3, "\r\n\r\n");
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
	lay_over(text, "1;");
	body_init(&body, &chunked);
	ck_assert(!decode(&body, text, sizeof(text), 1000, data));
	memset(text, '0', sizeof(text));
	body_init(&body, &chunked);
	ck_assert(!decode(&body, text, sizeof(text), 1000, data));
	lay_over(text, "0\r\n");
	for (size_t i = 3; i + 5 < sizeof(text); i += 5)
		lay_over(text + i, "a:b\r\n");
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
