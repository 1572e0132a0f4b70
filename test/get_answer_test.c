/*
 * "a10 get" as a whole, with a server that the test writes itself, for what no
 * decent one would say.
 */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK_LINE "HTTP/1.1 200 OK\r\n"

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
	struct sockaddr_in address = { .sin_port = 0 };
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
	struct server folder = { .port = 0 };

	close(visit->listener);
	snprintf(folder.top, sizeof(folder.top), "%s", visit->folder);
	server_remove_folder(&folder);
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

/* What is answered, then to what else is asked, and what is in the file then. */
struct answer_case {
	const char *answer;
	const char *second;  /* NULL: nothing else is asked */
	const char *content; /* NULL: there is none */
};

enum {
	CASES_MAX = 16,
};

/* All by one command, one after the other: f0, f1 and so on. */
static void visit_start_many(struct visit *visit, const char *option,
			     size_t count)
{
	static char urls[CASES_MAX][64];
	const char *arguments[CASES_MAX + 5] = { "get", "--parallel", "1",
						 option };
	size_t used = option ? 4 : 3;

	ck_assert_uint_le(count, CASES_MAX);
	for (size_t i = 0; i < count; i++) {
		snprintf(urls[i], sizeof(*urls), "http://127.0.0.1:%u/f%zu",
			 visit->port, i);
		arguments[used++] = urls[i];
	}
	arguments[used] = NULL;
	command_start(&visit->command, arguments);
}

static const char *file_of(size_t i, const char *ending)
{
	static char name[32];

	snprintf(name, sizeof(name), "f%zu%s", i, ending);
	return name;
}

static void assert_answered(const struct visit *visit, size_t i,
			    const struct answer_case *wanted, bool continued)
{
	char words[32];

	if (wanted->content != NULL) {
		assert_file(file_of(i, ""), wanted->content);
		assert_none(file_of(i, ".part"));
		assert_none(file_of(i, ".part.tag"));
		return;
	}
	assert_none(file_of(i, ""));
	if (continued)
		assert_file(file_of(i, ".part"), "01234");
	snprintf(words, sizeof(words), "a10: get: f%zu: ", i);
	assert_said(&visit->command, words);
}

/* With option -C "01234" of a version "v1" is there before. */
static void assert_answers(const char *option, const struct answer_case *cases,
			   size_t count)
{
	struct visit visit;
	int status = 0;

	visit_begin(&visit);
	for (size_t i = 0; i < count && option != NULL; i++) {
		put(file_of(i, ".part"), "01234");
		put(file_of(i, ".part.tag"), "\"v1\"");
	}
	visit_start_many(&visit, option, count);
	for (size_t i = 0; i < count; i++) {
		visit_answer(&visit, cases[i].answer);
		if (cases[i].second != NULL) {
			visit_answer(&visit, cases[i].second);
			ck_assert_ptr_null(strstr(visit.request, "Range"));
		}
		if (cases[i].content == NULL)
			status = 1;
	}
	ck_assert_msg(visit_wait(&visit) == status, "%s", visit.command.text);
	for (size_t i = 0; i < count; i++)
		assert_answered(&visit, i, &cases[i], option != NULL);
	visit_end(&visit);
}

TEST(a_body_ends_where_it_is_said_to)
{
	static const struct answer_case cases[] = {
		{ OK_LINE "Content-Length: 5\r\n\r\nhello", NULL, "hello" },
		{ OK_LINE "Content-Length: 0\r\n\r\n", NULL, "" },
		{ OK_LINE "\r\nuntil it closes", NULL, "until it closes" },
		{ "HTTP/1.0 200 OK\r\n\r\nold", NULL, "old" },
		{ OK_LINE "Transfer-Encoding: chunked\r\n\r\n"
			  "5\r\nhello\r\n3;x\r\n, y\r\n0\r\nT: r\r\n\r\n",
		  NULL, "hello, y" },
		{ "HTTP/1.1 100 Continue\r\n\r\n"
		  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_LINE
		  "Content-Length: 2\r\n\r\nok",
		  NULL, "ok" },
		{ "HTTP/1.1 203 Else\r\nContent-Length: 2\r\n\r\nok", NULL,
		  "ok" },
	};

	assert_answers(NULL, cases, sizeof(cases) / sizeof(*cases));
}

TEST(what_is_not_whole_or_makes_no_sense_is_no_file)
{
	static const struct answer_case cases[] = {
		{ OK_LINE "Content-Length: 6\r\n\r\nhello", NULL, NULL },
		{ OK_LINE "Content-Length: 4\r\n\r\nhello", NULL, NULL },
		{ OK_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		  NULL, NULL },
		{ OK_LINE "Transfer-Encoding: chunked\r\n\r\nhello", NULL,
		  NULL },
		{ OK_LINE
		  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "5\r\nhello\r\n0\r\n\r\n",
		  NULL, NULL },
		{ "", NULL, NULL },
		{ "SSH-2.0-OpenSSH_9.2\r\n", NULL, NULL },
		{ OK_LINE "X: y\r\n", NULL, NULL },
		{ "HTTP/1.1 204 No Content\r\n\r\n", NULL, NULL },
		{ "HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/2\r\n"
		  "Content-Length: 2\r\n\r\nok",
		  NULL, NULL },
		{ "HTTP/1.1 101 Switching\r\n\r\n", NULL, NULL },
		{ "HTTP/1.1 302 Found\r\n\r\n", NULL, NULL },
		{ "HTTP/1.1 302 Found\r\nLocation: https://h/x\r\n\r\n", NULL,
		  NULL },
		{ "HTTP/1.1 500 \x1b[31mred\r\n\r\n", NULL, NULL },
	};

	assert_answers(NULL, cases, sizeof(cases) / sizeof(*cases));
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
	{
		const struct answer_case only = { text, NULL, NULL };

		assert_answers(NULL, &only, 1);
	}
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

TEST(who_is_to_begin_anew_is_not_sent_elsewhere)
{
	struct visit visit;

	visit_begin(&visit);
	put("f.part", "01234");
	put("f.part.tag", "\"v1\"");
	visit_start(&visit, "-C", "--redirects=0");
	visit_answer(&visit, "HTTP/1.1 416 No\r\n"
			     "Content-Range: bytes */3\r\n\r\n");
	visit_answer(&visit, OK_LINE "\r\nnew");
	ck_assert_int_eq(visit_wait(&visit), 0);
	assert_file("f", "new");
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

#define PART "HTTP/1.1 206 Part\r\n"
#define NONE "HTTP/1.1 416 No\r\n"

TEST(a_part_is_taken_only_if_it_is_the_right_one)
{
	static const struct answer_case cases[] = {
		{ PART "Content-Range: bytes 5-6/7\r\n\r\n56", NULL,
		  "0123456" },
		{ PART "Content-Range: bytes 5-6/*\r\n\r\n56", NULL, NULL },
		{ PART "Content-Range: bytes 4-6/7\r\n\r\n456", NULL, NULL },
		{ PART "Content-Range: bytes 0-6/7\r\n\r\n0123456", NULL,
		  NULL },
		{ PART "Content-Range: bytes 5-6/9\r\n\r\n56", NULL, NULL },
		{ PART "\r\n56", NULL, NULL },
		{ PART "ETag: \"v2\"\r\n"
		       "Content-Range: bytes 5-6/7\r\n\r\n56",
		  NULL, NULL },
		{ PART "Content-Length: 3\r\n"
		       "Content-Range: bytes 5-6/7\r\n\r\n567",
		  NULL, NULL },
		{ OK_LINE "Content-Length: 3\r\n\r\nnew", NULL, "new" },
		{ NONE "Content-Range: bytes */5\r\n\r\n", NULL, "01234" },
		{ NONE "Content-Range: bytes */4\r\n\r\n", OK_LINE "\r\nanew",
		  "anew" },
		{ NONE "\r\n", OK_LINE "\r\nanew", "anew" },
		{ "HTTP/1.1 503 Later\r\n\r\n", NULL, NULL },
	};

	assert_answers("-C", cases, sizeof(cases) / sizeof(*cases));
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

	const size_t count = sizeof(cases) / sizeof(*cases);
	struct visit visit;

	visit_begin(&visit);
	for (size_t i = 0; i < count; i++)
		put(file_of(i, ".part.tag"), "\"of before\"");
	visit_start_many(&visit, NULL, count);
	for (size_t i = 0; i < count; i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 OK_LINE "%s\r\nContent-Length: 9\r\n\r\nx",
			 cases[i].fields);
		visit_answer(&visit, text);
	}
	ck_assert_int_eq(visit_wait(&visit), 1);
	for (size_t i = 0; i < count; i++) {
		assert_file(file_of(i, ".part"), "x");
		if (cases[i].tag != NULL)
			assert_file(file_of(i, ".part.tag"), cases[i].tag);
		else
			assert_file(file_of(i, ".part.tag"), "");
	}
	visit_end(&visit);
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
		{ { "get", "--parallel", "-18446744073709551615", "h/a" },
		  "is no good" },
		{ { "get", "--stall-timeout", "1e-10", "h/a" },
		  "'1e-10' is no good" },
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
