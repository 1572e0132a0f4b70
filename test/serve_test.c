/*
 * "a10 serve" from outside: what it serves, what it keeps to itself, and how it
 * speaks HTTP.
 */
#include "web.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BIG = 5 * 1000 * 1000 + 3,
};

/* ---- what is served ----------------------------------------------------- */

TEST(a_file_is_served)
{
	struct server server;
	struct answer answer;

	server_start(&server, NULL, NULL);
	client_get(&server, "/hello.txt", &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body, "hello\n");
	ck_assert_str_eq(answer_header(&answer, "Content-Type"),
			 "text/plain; charset=utf-8");
	ck_assert_ptr_nonnull(answer_header(&answer, "Last-Modified"));
	ck_assert_ptr_null(answer_header(&answer, "Connection"));
	free(answer.body);
	assert_body(&server, "/empty", "");
	assert_body(&server, "/hello.txt?query=1", "hello\n");
	assert_body(&server, "http://elsewhere/hello.txt", "hello\n");
	assert_body(&server, "/100%25.txt", "percent");
	assert_body(&server, "/a%20b.html", "<p>space");
	assert_body(&server, "/%C3%A4.txt", "umlaut");
	assert_body(&server, "/\xc3\xa4.txt", "umlaut");
	assert_body(&server, "//sub/./page.html", "<h1>page</h1>");
	assert_body(&server, "/list/inside", "hello\n");
	server_end(&server);
}

TEST(head_is_get_without_the_body)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "HEAD /hello.txt HTTP/1.1\r\n" HOST "\r\n"
		       "HEAD /none HTTP/1.1\r\n" HOST "\r\n"
		       "HEAD /list/ HTTP/1.1\r\n" HOST "\r\n");
	client_hear_head(fd, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_uint_eq(answer.length, 6);
	client_hear_head(fd, &answer);
	ck_assert_int_eq(answer.status, 404);
	client_hear_head(fd, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_uint_gt(answer.length, 500);
	server_leave(&server, fd);
}

TEST(a_folder_is_its_index_or_a_listing)
{
	struct server server;
	struct answer answer;

	server_start(&server, NULL, NULL);
	assert_body(&server, "/sub/", "<h1>index</h1>");
	client_get(&server, "/list/", &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer_header(&answer, "Content-Type"),
			 "text/html; charset=utf-8");
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\"inner/\""));
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\"%3Cb%3E%26.txt\""));
	ck_assert_ptr_nonnull(strstr(answer.body, "&lt;b&gt;&amp;.txt"));
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\"inside\""));
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\"../\""));
	ck_assert_ptr_null(strstr(answer.body, ".dot"));
	ck_assert_ptr_null(strstr(answer.body, "\"outside"));
	ck_assert_ptr_null(strstr(answer.body, "\"absolute"));
	ck_assert_ptr_null(strstr(answer.body, "\"upper"));
	free(answer.body);
	client_get(&server, "/", &answer);
	ck_assert_ptr_nonnull(strstr(answer.body, "href=\"%C3%A4.txt\""));
	ck_assert_ptr_null(strstr(answer.body, "href=\"../\""));
	ck_assert_ptr_null(strstr(answer.body, "fifo"));
	free(answer.body);
	server_end(&server);
}

static void assert_redirect(const struct server *server, const char *path,
			    const char *location)
{
	struct answer answer;

	client_get(server, path, &answer);
	ck_assert_int_eq(answer.status, 301);
	ck_assert_str_eq(answer_header(&answer, "Location"), location);
	free(answer.body);
}

TEST(a_folder_without_its_slash_is_redirected)
{
	struct server server;

	server_start(&server, NULL, NULL);
	assert_redirect(&server, "/sub", "/sub/");
	assert_redirect(&server, "/sub?a=b", "/sub/?a=b");
	assert_redirect(&server, "/list/inner", "/list/inner/");
	/* An address that begins with two slashes is another host's. */
	assert_redirect(&server, "//sub", "/sub/");
	server_end(&server);
}

TEST(a_raw_nul_is_refused)
{
	static const char text[] = "GET /hello.txt\0 HTTP/1.1\r\n" HOST "\r\n";
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say_bytes(fd, text, sizeof(text) - 1);
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 400);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(files_of_all_sizes_arrive_whole)
{
	/* Around what goes out in one piece, and much more than that. */
	static const size_t sizes[] = {
		1,
		4096,
		65536,
		131072 - 400,
		131072 - 300,
		131072 - 200,
		131071,
		131072,
		131073,
		2 * 131072,
		BIG,
	};
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_pattern("big.bin", sizes[i]);
		client_say(fd, "GET /big.bin HTTP/1.1\r\n" HOST "\r\n");
		client_hear(fd, &answer);
		ck_assert_uint_eq(answer.length, sizes[i]);
		assert_pattern(answer.body, answer.length);
		free(answer.body);
	}
	server_leave(&server, fd);
}

/* Read by the ring, where the file system lets go of it. */
TEST(files_that_are_not_in_memory_arrive_whole)
{
	static const size_t sizes[] = { 1, 5000, 200000, BIG };
	struct server server;
	struct answer answer;
	int fd;

	server_start(&server, NULL, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_pattern("cold.bin", sizes[i]);
		fd = open("cold.bin", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fsync(fd), 0);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
		client_get(&server, "/cold.bin", &answer);
		ck_assert_uint_eq(answer.length, sizes[i]);
		assert_pattern(answer.body, answer.length);
		free(answer.body);
	}
	server_end(&server);
}

TEST(files_that_are_always_in_memory_arrive_whole)
{
	struct server server;
	struct answer answer;

	if (access("/dev/shm", W_OK) != 0)
		SKIP("there is no /dev/shm");
	setenv("TMPDIR", "/dev/shm", 1);
	server_start(&server, NULL, NULL);
	assert_body(&server, "/hello.txt", "hello\n");
	put_pattern("big.bin", BIG);
	client_get(&server, "/big.bin", &answer);
	assert_pattern(answer.body, BIG);
	free(answer.body);
	server_end(&server);
}

/* ---- how HTTP is spoken ------------------------------------------------- */

TEST(what_cannot_be_answered_has_its_status)
{
	static const char end[] = " HTTP/1.1\r\n" HOST "\r\n";
	static char text[40000];
	struct server server;

	server_start(&server, NULL, NULL);
	assert_status(&server, "GET /none HTTP/1.1\r\n" HOST "\r\n", 404);
	assert_status(&server, "POST / HTTP/1.1\r\n" HOST "\r\n", 405);
	assert_status(&server, "GET / HTTP/1.1\r\n\r\n", 400);
	assert_status(&server, "GET / HTTP/1.1\r\nbroken\r\n\r\n", 400);
	assert_status(&server, "BREW / HTTP/1.1\r\n\r\n", 501);
	assert_status(&server,
		      "GET / HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n",
		      413);
	assert_status(&server, "GET / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n",
		      417);
	assert_status(&server, "GET / HTTP/3.0\r\n\r\n", 505);
	assert_status(&server, "\x16\x03\x01\x02\x01", 400);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	memcpy(text + 9000, end, sizeof(end));
	assert_status(&server, text, 414);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	text[sizeof(text) - 1] = '\0';
	assert_status(&server, text, 431);
	server_end(&server);
}

TEST(another_method_is_told_which_there_are)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "DELETE /hello.txt HTTP/1.1\r\n" HOST "\r\n");
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 405);
	ck_assert_str_eq(answer_header(&answer, "Allow"), "GET, HEAD");
	free(answer.body);
	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 200);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(a_connection_takes_request_after_request)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	for (int i = 0; i < 100; i++) {
		client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
		client_hear(fd, &answer);
		ck_assert_str_eq(answer.body, "hello\n");
		free(answer.body);
	}
	server_leave(&server, fd);
}

TEST(pipelined_requests_are_answered_in_order)
{
	static const struct {
		const char *text;
		int status;
	} asked[] = {
		{ "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n", 200 },
		{ "GET /none HTTP/1.1\r\n" HOST "\r\n", 404 },
		{ "GET /sub HTTP/1.1\r\n" HOST "\r\n", 301 },
	};
	struct server server;
	struct answer answer;
	int fd;

	server_start(&server, NULL, NULL);
	put_pattern("big.bin", BIG);
	fd = client_dial(&server);
	for (int i = 0; i < 300; i++)
		client_say(fd, asked[i % 3].text);
	client_say(fd, "GET /big.bin HTTP/1.1\r\n" HOST "\r\n"
		       "GET /hello.txt HTTP/1.0\r\n\r\n"
		       "GET /never HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 300; i++) {
		client_hear(fd, &answer);
		ck_assert_int_eq(answer.status, asked[i % 3].status);
		free(answer.body);
	}
	client_hear(fd, &answer);
	assert_pattern(answer.body, BIG);
	free(answer.body);
	client_hear(fd, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	ck_assert_str_eq(answer_header(&answer, "Connection"), "close");
	client_hear_end(fd);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(pipelined_requests_may_come_all_at_once)
{
	static char text[60000];
	struct server server;
	struct answer answer;
	size_t length = 0;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	for (int i = 0; i < 1000; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "GET /hello.txt?%d HTTP/1.1\r\n" HOST
					   "\r\n",
					   i);
	client_say(fd, text);
	for (int i = 0; i < 1000; i++) {
		client_hear(fd, &answer);
		ck_assert_str_eq(answer.body, "hello\n");
		free(answer.body);
	}
	server_leave(&server, fd);
}
