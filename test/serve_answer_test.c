/*
 * "a10 serve": parts of files, what a client has already, compressed siblings,
 * types, and what listings show.
 */
#include "web.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BIG = 3 * 1000 * 1000 + 1,
	ETAG_LENGTH = 96,
};

/* GET of the path with these fields. */
static void ask(const struct server *server, const char *path,
		const char *fields, struct answer *answer)
{
	char text[1024];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "%s\r\n", path,
		 fields);
	if (answer->fd > 0)
		close(answer->fd);
	answer->fd = client_dial(server);
	client_say(answer->fd, text);
	client_hear(answer->fd, answer);
}

static void done(struct answer *answer)
{
	free(answer->body);
	if (answer->fd > 0)
		close(answer->fd);
	answer->fd = 0;
}

static void assert_header(const struct answer *answer, const char *name,
			  const char *value)
{
	const char *found = answer_header(answer, name);

	if (value == NULL)
		ck_assert_msg(found == NULL, "%s: %s", name, found);
	else
		ck_assert_msg(found != NULL && strcmp(found, value) == 0,
			      "%s: %s, not %s", name,
			      found != NULL ? found : "nothing", value);
}

/* ---- ranges ------------------------------------------------------------- */

static void assert_part(const struct server *server, const char *range,
			const char *content_range, const char *body)
{
	struct answer answer = { 0 };
	char field[256];

	snprintf(field, sizeof(field), "Range: %s\r\n", range);
	ask(server, "/hello.txt", field, &answer);
	ck_assert_msg(answer.status == 206, "%s: %d", range, answer.status);
	assert_header(&answer, "Content-Range", content_range);
	assert_header(&answer, "Content-Type", "text/plain; charset=utf-8");
	ck_assert_str_eq(answer.body, body);
	done(&answer);
}

TEST(a_part_of_a_file_is_served)
{
	struct server server;
	struct answer answer = { 0 };

	server_start(&server, NULL, NULL);
	assert_part(&server, "bytes=1-2", "bytes 1-2/6", "el");
	assert_part(&server, "bytes=1-", "bytes 1-5/6", "ello\n");
	assert_part(&server, "bytes=-2", "bytes 4-5/6", "o\n");
	assert_part(&server, "bytes=0-99", "bytes 0-5/6", "hello\n");
	assert_part(&server, "bytes=9-, 0-0", "bytes 0-0/6", "h");
	ask(&server, "/hello.txt", "", &answer);
	ck_assert_int_eq(answer.status, 200);
	assert_header(&answer, "Accept-Ranges", "bytes");
	done(&answer);
	ask(&server, "/hello.txt", "Range: bytes=6-\r\n", &answer);
	ck_assert_int_eq(answer.status, 416);
	assert_header(&answer, "Content-Range", "bytes */6");
	done(&answer);
	ask(&server, "/hello.txt", "Range: lines=1-\r\n", &answer);
	ck_assert_int_eq(answer.status, 200);
	done(&answer);
	ask(&server, "/empty", "Range: bytes=0-\r\n", &answer);
	ck_assert_int_eq(answer.status, 200);
	done(&answer);
	ask(&server, "/list/", "Range: bytes=0-1\r\n", &answer);
	ck_assert_int_eq(answer.status, 200);
	done(&answer);
	server_end(&server);
}

TEST(a_range_is_nothing_to_head)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "HEAD /hello.txt HTTP/1.1\r\n" HOST
		       "Range: bytes=9-\r\n\r\n");
	client_hear_head(fd, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_uint_eq(answer.length, 6);
	server_leave(&server, fd);
}

/* All bytes of a pattern file, and the part of it that a range says. */
TEST(parts_of_large_files_arrive_whole)
{
	static const size_t parts[][2] = {
		{ 0, 1 },       { 1, 32768 },           { 4095, 32769 },
		{ 7, 65536 },   { 100, 1000000 },       { 1, BIG - 1 },
		{ BIG - 1, 1 }, { BIG - 70000, 70000 },
	};
	struct server server;
	struct answer whole = { 0 };
	struct answer answer = { 0 };
	char field[64];

	server_start(&server, NULL, NULL);
	put_pattern("big.bin", BIG);
	ask(&server, "/big.bin", "", &whole);
	assert_pattern(whole.body, BIG);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		snprintf(field, sizeof(field), "Range: bytes=%zu-%zu\r\n",
			 parts[i][0], parts[i][0] + parts[i][1] - 1);
		ask(&server, "/big.bin", field, &answer);
		ck_assert_int_eq(answer.status, 206);
		ck_assert_uint_eq(answer.length, parts[i][1]);
		ck_assert_int_eq(memcmp(answer.body, whole.body + parts[i][0],
					answer.length),
				 0);
		done(&answer);
	}
	done(&whole);
	server_end(&server);
}

/* Takes a part off the body: what it says of itself, and its bytes. */
static char *take_part(char *at, const char *boundary, const char *range,
		       const char *bytes, size_t length)
{
	char expected[512];
	size_t used = (size_t)snprintf(
		expected, sizeof(expected),
		"\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
		"Content-Range: bytes %s\r\n\r\n",
		boundary, range);

	ck_assert_msg(strncmp(at, expected, used) == 0, "%.200s", at);
	ck_assert_int_eq(memcmp(at + used, bytes, length), 0);
	return at + used + length;
}

TEST(several_parts_are_served_in_one_answer)
{
	static const char type[] = "multipart/byteranges; boundary=";
	struct server server;
	struct answer whole = { 0 };
	struct answer answer = { 0 };
	char boundary[64];
	char ranges[128];
	char *at;

	server_start(&server, NULL, NULL);
	put_pattern("big.bin", BIG);
	ask(&server, "/big.bin", "", &whole);
	ask(&server, "/big.bin",
	    "Range: bytes=200000-1200000, 5-6, 9999999-, -1, 0-65535\r\n",
	    &answer);
	ck_assert_int_eq(answer.status, 206);
	assert_header(&answer, "Content-Range", NULL);
	ck_assert_int_eq(strncmp(answer_header(&answer, "Content-Type"), type,
				 sizeof(type) - 1),
			 0);
	snprintf(boundary, sizeof(boundary), "%s",
		 answer_header(&answer, "Content-Type") + sizeof(type) - 1);
	snprintf(ranges, sizeof(ranges), "200000-1200000/%d", BIG);
	at = take_part(answer.body, boundary, ranges, whole.body + 200000,
		       1000001);
	snprintf(ranges, sizeof(ranges), "5-6/%d", BIG);
	at = take_part(at, boundary, ranges, whole.body + 5, 2);
	snprintf(ranges, sizeof(ranges), "%d-%d/%d", BIG - 1, BIG - 1, BIG);
	at = take_part(at, boundary, ranges, whole.body + BIG - 1, 1);
	snprintf(ranges, sizeof(ranges), "0-65535/%d", BIG);
	at = take_part(at, boundary, ranges, whole.body, 65536);
	snprintf(ranges, sizeof(ranges), "\r\n--%s--\r\n", boundary);
	ck_assert_str_eq(at, ranges);
	/* And the connection goes on behind it. */
	client_say(answer.fd, "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
	free(answer.body);
	client_hear(answer.fd, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	done(&answer);
	done(&whole);
	server_end(&server);
}

/* Which is up to who made the link. */
TEST(a_link_shows_what_is_hidden)
{
	struct server server;

	server_start(&server, NULL, NULL);
	ck_assert_int_eq(symlink(".hidden", "shown"), 0);
	assert_status(&server, "GET /.hidden HTTP/1.0\r\n\r\n", 404);
	assert_body(&server, "/shown", "HIDDEN");
	server_end(&server);
}

/* ---- conditions --------------------------------------------------------- */

static void assert_condition(const struct server *server, const char *name,
			     const char *value, int status)
{
	struct answer answer = { 0 };
	char fields[256];

	snprintf(fields, sizeof(fields), "%s: %s\r\nRange: bytes=0-0\r\n", name,
		 value);
	ask(server, "/hello.txt", fields, &answer);
	ck_assert_msg(answer.status == status, "%s: %s: %d", name, value,
		      answer.status);
	done(&answer);
}

/* Of the same size, and with the same time, which was set. */
TEST(what_was_replaced_has_another_tag)
{
	static const struct timespec past[2] = { { .tv_sec = 784111777 },
						 { .tv_sec = 784111777 } };
	struct server server;
	struct answer answer = { 0 };
	char etag[ETAG_LENGTH];

	server_start(&server, NULL, NULL);
	ck_assert_int_eq(utimensat(AT_FDCWD, "hello.txt", past, 0), 0);
	ask(&server, "/hello.txt", "", &answer);
	snprintf(etag, sizeof(etag), "%s", answer_header(&answer, "ETag"));
	done(&answer);
	assert_condition(&server, "If-None-Match", etag, 304);
	put("other.txt", "HELLO\n");
	ck_assert_int_eq(utimensat(AT_FDCWD, "other.txt", past, 0), 0);
	ck_assert_int_eq(rename("other.txt", "hello.txt"), 0);
	assert_condition(&server, "If-None-Match", etag, 206);
	server_end(&server);
}

TEST(what_a_client_has_is_not_sent_again)
{
	static const struct timespec past[2] = { { .tv_sec = 784111777 },
						 { .tv_sec = 784111777 } };
	static const struct timespec future[2] = { { .tv_sec = 4000000000 },
						   { .tv_sec = 4000000000 } };
	struct server server;
	struct answer answer = { 0 };
	char etag[ETAG_LENGTH];
	char date[64];

	server_start(&server, NULL, NULL);
	ck_assert_int_eq(utimensat(AT_FDCWD, "hello.txt", past, 0), 0);
	ask(&server, "/hello.txt", "", &answer);
	assert_header(&answer, "Last-Modified",
		      "Sun, 06 Nov 1994 08:49:37 GMT");
	snprintf(etag, sizeof(etag), "%s", answer_header(&answer, "ETag"));
	done(&answer);
	assert_condition(&server, "If-None-Match", etag, 304);
	assert_condition(&server, "If-None-Match", "\"other\"", 206);
	assert_condition(&server, "If-Match", etag, 206);
	assert_condition(&server, "If-Match", "\"other\"", 412);
	assert_condition(&server, "If-Modified-Since",
			 "Sun, 06 Nov 1994 08:49:37 GMT", 304);
	assert_condition(&server, "If-Modified-Since",
			 "Sun, 06 Nov 1994 08:49:36 GMT", 206);
	assert_condition(&server, "If-Unmodified-Since",
			 "Sun, 06 Nov 1994 08:49:36 GMT", 412);
	assert_condition(&server, "If-Range", etag, 206);
	assert_condition(&server, "If-Range", "\"other\"", 200);
	assert_condition(&server, "If-Range", "Sun, 06 Nov 1994 08:49:37 GMT",
			 200);
	ck_assert_int_eq(utimensat(AT_FDCWD, "hello.txt", future, 0), 0);
	ask(&server, "/hello.txt", "", &answer);
	snprintf(date, sizeof(date), "%s", answer_header(&answer, "Date"));
	assert_header(&answer, "Last-Modified", date);
	done(&answer);
	put("hello.txt", "HELLO\n");
	assert_condition(&server, "If-None-Match", etag, 206);
	assert_condition(&server, "If-Range", etag, 200);
	assert_condition(&server, "If-Match", etag, 412);
	server_end(&server);
}

TEST(an_answer_without_a_body_is_followed_by_the_next)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd,
		   "GET /hello.txt HTTP/1.1\r\n" HOST "If-None-Match: *\r\n\r\n"
		   "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 304);
	ck_assert_ptr_nonnull(answer_header(&answer, "ETag"));
	free(answer.body);
	client_hear(fd, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	free(answer.body);
	server_leave(&server, fd);
}

/* ---- compressed siblings ------------------------------------------------ */

static void assert_coding(const struct server *server, const char *accept,
			  const char *coding, const char *body)
{
	struct answer answer = { 0 };
	char field[256];

	snprintf(field, sizeof(field), "Accept-Encoding: %s\r\n", accept);
	ask(server, "/page.txt", field, &answer);
	ck_assert_int_eq(answer.status, 200);
	assert_header(&answer, "Content-Encoding", coding);
	assert_header(&answer, "Vary", "Accept-Encoding");
	assert_header(&answer, "Content-Type", "text/plain; charset=utf-8");
	ck_assert_str_eq(answer.body, body);
	done(&answer);
}

/* A file with two siblings, of one time. */
static void put_siblings(void)
{
	static const char *const names[] = { "page.txt", "page.txt.gz",
					     "page.txt.br" };
	static const char *const contents[] = { "the page itself", "the gzip",
						"the br" };
	static const struct timespec past[2] = { { .tv_sec = 784111777 },
						 { .tv_sec = 784111777 } };

	for (int i = 0; i < 3; i++) {
		put(names[i], contents[i]);
		ck_assert_int_eq(utimensat(AT_FDCWD, names[i], past, 0), 0);
	}
}

TEST(a_compressed_sibling_is_served_to_who_takes_it)
{
	struct server server;
	struct answer answer = { 0 };
	char plain[ETAG_LENGTH];

	server_start(&server, NULL, NULL);
	put_siblings();
	assert_coding(&server, "gzip, br", "br", "the br");
	assert_coding(&server, "gzip", "gzip", "the gzip");
	assert_coding(&server, "br;q=0, gzip;q=0.1", "gzip", "the gzip");
	assert_coding(&server, "br;q=0.1, gzip;q=1", "gzip", "the gzip");
	assert_coding(&server, "deflate", NULL, "the page itself");
	assert_coding(&server, "", NULL, "the page itself");
	ask(&server, "/page.txt", "", &answer);
	snprintf(plain, sizeof(plain), "%s", answer_header(&answer, "ETag"));
	done(&answer);
	ask(&server, "/page.txt", "Accept-Encoding: br\r\n", &answer);
	ck_assert_str_ne(answer_header(&answer, "ETag"), plain);
	done(&answer);
	ask(&server, "/page.txt", "Accept-Encoding: br\r\nRange: bytes=4-\r\n",
	    &answer);
	ck_assert_int_eq(answer.status, 206);
	ck_assert_str_eq(answer.body, "br");
	assert_header(&answer, "Content-Encoding", "br");
	done(&answer);
	/* Several parts of it in a frame would not be what is said of them. */
	ask(&server, "/page.txt",
	    "Accept-Encoding: br\r\nRange: bytes=0-2,4-7\r\n", &answer);
	ck_assert_int_eq(answer.status, 206);
	assert_header(&answer, "Content-Encoding", NULL);
	assert_header(&answer, "Vary", "Accept-Encoding");
	assert_header(&answer, "ETag", plain);
	ck_assert_ptr_nonnull(strstr(answer.body, "\r\n\r\npage\r\n"));
	done(&answer);
	/* Errors are not compressed. */
	ask(&server, "/page.txt", "Accept-Encoding: br\r\nRange: bytes=99-\r\n",
	    &answer);
	ck_assert_int_eq(answer.status, 416);
	assert_header(&answer, "Content-Encoding", NULL);
	done(&answer);
	/* Itself it is a file like others. */
	ask(&server, "/page.txt.gz", "Accept-Encoding: gzip\r\n", &answer);
	assert_header(&answer, "Content-Type", "application/gzip");
	assert_header(&answer, "Content-Encoding", NULL);
	assert_header(&answer, "Vary", NULL);
	done(&answer);
	server_end(&server);
}

TEST(a_sibling_that_is_no_good_is_passed_over)
{
	struct server server;

	server_start(&server, NULL, NULL);
	put_siblings();
	/* Older than what it should be a form of. */
	put("page.txt", "the page changed");
	assert_coding(&server, "gzip, br", NULL, "the page changed");
	put("page.txt.br", "larger than the page was");
	put("page.txt.gz", "a new gzip");
	assert_coding(&server, "gzip, br", "gzip", "a new gzip");
	ck_assert_int_eq(unlink("page.txt.gz"), 0);
	ck_assert_int_eq(symlink("../secret", "page.txt.gz"), 0);
	assert_coding(&server, "gzip, br", NULL, "the page changed");
	ck_assert_int_eq(unlink("page.txt.br"), 0);
	ck_assert_int_eq(mkdir("page.txt.br", 0755), 0);
	assert_coding(&server, "gzip, br", NULL, "the page changed");
	ck_assert_int_eq(unlink("page.txt.gz"), 0);
	ck_assert_int_eq(mkfifo("page.txt.gz", 0644), 0);
	assert_coding(&server, "gzip, br", NULL, "the page changed");
	server_end(&server);
}

/* ---- options about files ------------------------------------------------ */

TEST(hidden_files_are_served_if_asked_for)
{
	struct server server;
	struct answer answer = { 0 };

	server_start_with(&server, (const char *const[]){ "--hidden", NULL });
	assert_body(&server, "/.hidden", "HIDDEN");
	assert_body(&server, "/list/.dot", "HIDDEN");
	ask(&server, "/list/", "", &answer);
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\".dot\""));
	ck_assert_ptr_null(strstr(answer.body, "href=\".\""));
	ck_assert_ptr_null(strstr(answer.body, "href=\"..\""));
	done(&answer);
	assert_status(&server, "GET /../secret HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status(&server, "GET /.. HTTP/1.1\r\n" HOST "\r\n", 400);
	assert_status(&server, "GET /.none HTTP/1.1\r\n" HOST "\r\n", 404);
	server_end(&server);
}

TEST(types_come_from_the_table_that_is_said)
{
	char name[] = "/tmp/a10-types-XXXXXX";
	const int fd = mkstemp(name);
	struct server server;
	struct answer answer = { 0 };

	ck_assert_int_ge(fd, 0);
	close(fd);
	put(name, "application/x-tea tea\nimage/mine txt\n");
	server_start(&server, "--mime-types", name);
	unlink(name);
	put("cup.tea", "tea");
	ask(&server, "/cup.tea", "", &answer);
	assert_header(&answer, "Content-Type", "application/x-tea");
	done(&answer);
	ask(&server, "/hello.txt", "", &answer);
	assert_header(&answer, "Content-Type", "image/mine");
	assert_header(&answer, "Vary", NULL);
	done(&answer);
	ask(&server, "/sub/", "", &answer);
	assert_header(&answer, "Content-Type", "text/html; charset=utf-8");
	done(&answer);
	server_end(&server);
}

TEST(a_listing_is_sorted_on_request)
{
	struct server server;
	struct answer answer = { 0 };

	server_start(&server, NULL, NULL);
	put("list/large", "0123456789");
	put("list/small", "0");
	ask(&server, "/list/?sort=-size", "", &answer);
	ck_assert_ptr_nonnull(strstr(answer.body, "aria-sort=\"descending\""));
	ck_assert(strstr(answer.body, "href=\"large\"") <
		  strstr(answer.body, "href=\"small\""));
	ck_assert_ptr_nonnull(strstr(answer.body, "<td>10 B</td>"));
	done(&answer);
	ask(&server, "/list/?sort=size", "", &answer);
	ck_assert(strstr(answer.body, "href=\"large\"") >
		  strstr(answer.body, "href=\"small\""));
	done(&answer);
	server_end(&server);
}
