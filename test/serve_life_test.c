/*
 * "a10 serve" over time: slow and silent clients, too many of them, those that
 * leave; how it is stopped, and how it is started wrongly.
 */
#include "web.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CLIENTS = 200,
};

/* ---- slow and silent clients -------------------------------------------- */

TEST(a_request_may_come_in_pieces)
{
	static const char text[] = GET_HELLO GET_HELLO;
	struct server server;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		client_say_bytes(fd, text + i, 1);
		pause_ms(1);
	}
	assert_hello(fd);
	assert_hello(fd);
	server_leave(&server, fd);
}

TEST(empty_lines_are_no_requests)
{
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		client_say(fd, "\r\n");
		pause_ms(20);
		client_say(fd, "\r\n" GET_HELLO);
		assert_hello(fd);
	}
	for (int i = 0; i < 3; i++) {
		client_say(fd, "\r\n");
		pause_ms(20);
	}
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 400);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(an_idle_connection_is_closed)
{
	struct server server;
	double before;
	int fresh;
	int fd;

	server_start(&server, "--idle-timeout", "0.4");
	before = now();
	fresh = client_dial(&server);
	fd = client_dial(&server);
	client_say(fd, GET_HELLO);
	assert_hello(fd);
	client_hear_end(fresh);
	client_hear_end(fd);
	ck_assert(now() - before > 0.35);
	close(fresh);
	server_leave(&server, fd);
}

TEST(a_request_that_takes_too_long_is_given_up)
{
	struct server server;
	struct answer answer;
	double before;
	int fd;

	fd = server_meet(&server, "--request-timeout", "0.4");
	before = now();
	client_say(fd, "GET / HTTP/1.1\r\n");
	/* Drop by drop does not help. */
	for (int i = 0; i < 10; i++) {
		pause_ms(20);
		client_say(fd, "A: b\r\n");
	}
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 408);
	ck_assert(now() - before > 0.35);
	client_hear_end(fd);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(a_client_that_does_not_read_is_given_up)
{
	struct server server;
	size_t before;
	int fd;

	server_start(&server, "--send-timeout", "0.4");
	before = count_descriptors(&server);
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	pause_ms(200);
	ck_assert_uint_gt(count_descriptors(&server), before);
	/* It is told by the end, when it reads. */
	assert_descriptors(&server, before);
	ck_assert_uint_lt(client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

TEST(a_client_that_asks_and_does_not_read_is_given_up)
{
	static char text[64 * 1024];
	struct server server;
	size_t length = 0;
	size_t before;
	int fd;

	server_start(&server, "--send-timeout", "0.4");
	while (length < sizeof(text) - 100)
		length +=
			(size_t)snprintf(text + length, sizeof(text) - length,
					 "GET /list/ HTTP/1.1\r\n" HOST "\r\n");
	before = count_descriptors(&server);
	fd = client_dial(&server);
	/* Until neither side takes any more. */
	for (int i = 0; i < 100; i++) {
		if (send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			pause_ms(2);
	}
	assert_descriptors(&server, before);
	close(fd);
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
}

/*
 * Less in a time-out than would make the socket writable again; but with a
 * buffer that lets it tell soon that it has read.
 */
TEST(a_client_that_reads_slowly_is_not)
{
	static char bytes[64 * 1024];
	const int small = sizeof(bytes);
	struct server server;
	struct answer answer;
	size_t slowly = 0;
	int fd;

	server_start(&server, "--send-timeout", "0.4");
	put_huge();
	fd = client_dial(&server);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small,
				    sizeof(small)),
			 0);
	client_say(fd, GET_HUGE);
	client_hear_head(fd, &answer);
	ck_assert_uint_eq(answer.length, HUGE_SIZE);
	for (; slowly < 24 * sizeof(bytes); slowly += sizeof(bytes)) {
		client_hear_bytes(fd, bytes, sizeof(bytes));
		pause_ms(50);
	}
	client_say(fd, "GET /none HTTP/1.0\r\n\r\n");
	ck_assert_uint_gt(slowly + client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

TEST(a_file_that_shrinks_ends_its_connection)
{
	struct server server;
	struct answer answer;
	int fd;

	server_start(&server, NULL, NULL);
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	client_hear_head(fd, &answer);
	ck_assert_int_eq(truncate("huge.bin", 0), 0);
	ck_assert_uint_lt(client_drain(fd), HUGE_SIZE);
	server_leave(&server, fd);
}

/* ---- bodies ------------------------------------------------------------- */

TEST(a_body_is_passed_over)
{
	struct server server;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST
		       "Content-Length: 5\r\n\r\nhello" GET_HELLO);
	assert_hello(fd);
	assert_hello(fd);
	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST
		       "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
	assert_hello(fd);
	pause_ms(50);
	client_say(fd, "lo\r\n0\r\n\r\n" GET_HELLO);
	assert_hello(fd);
	server_leave(&server, fd);
}

TEST(a_body_that_does_not_come_is_not_waited_for_long)
{
	struct server server;
	int fd;

	fd = server_meet(&server, "--request-timeout", "0.3");
	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST
		       "Content-Length: 5\r\n\r\nhe");
	assert_hello(fd);
	client_hear_end(fd);
	server_leave(&server, fd);
}

TEST(a_body_that_makes_no_sense_ends_the_connection)
{
	struct server server;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "GET /hello.txt HTTP/1.1\r\n" HOST
		       "Transfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1");
	assert_hello(fd);
	ck_assert_uint_eq(client_drain(fd), 0);
	server_leave(&server, fd);
}

/* Which it would not be if the connection were reset. */
TEST(an_answer_to_a_body_that_makes_no_sense_is_heard)
{
	static char upload[200000];
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	ck_assert_int_eq(kill(server.command.pid, SIGSTOP), 0);
	client_say(fd, "POST /hello.txt HTTP/1.1\r\n" HOST
		       "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
	client_say_bytes(fd, upload, sizeof(upload));
	ck_assert_int_eq(kill(server.command.pid, SIGCONT), 0);
	pause_ms(100);
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 405);
	client_hear_end(fd);
	free(answer.body);
	server_leave(&server, fd);
}

TEST(an_upload_is_refused_so_that_it_is_heard)
{
	static char upload[1 << 20];
	struct server server;
	struct answer answer;
	int fd;

	fd = server_meet(&server, NULL, NULL);
	client_say(fd, "POST /hello.txt HTTP/1.1\r\n" HOST
		       "Content-Length: 1048576\r\n\r\n");
	client_say_bytes(fd, upload, sizeof(upload));
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 405);
	client_hear_end(fd);
	free(answer.body);
	server_leave(&server, fd);
}

/* ---- many clients ------------------------------------------------------- */

TEST(many_connections_are_served_at_once)
{
	struct server server;
	int fds[CLIENTS];

	server_start(&server, NULL, NULL);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = client_dial(&server);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CLIENTS; i++)
			client_say(fds[i], GET_HELLO);
		for (int i = 0; i < CLIENTS; i++)
			assert_hello(fds[i]);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	server_end(&server);
}

TEST(connections_over_the_limit_wait)
{
	struct pollfd waiting = { .events = POLLIN };
	struct server server;
	int first;
	int second;

	server_start(&server, "--connections", "2");
	for (int i = 0; i < 20; i++) {
		first = client_dial(&server);
		client_say(first, GET_HELLO);
		assert_hello(first);
		second = client_dial(&server);
		client_say(second, GET_HELLO);
		assert_hello(second);
		waiting.fd = client_dial(&server);
		client_say(waiting.fd, GET_HELLO);
		if (i == 0)
			ck_assert_int_eq(poll(&waiting, 1, 300), 0);
		close(first);
		assert_hello(waiting.fd);
		close(waiting.fd);
		close(second);
	}
	server_end(&server);
}

TEST(clients_that_leave_take_nothing_with_them)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	struct server server;
	size_t before;
	int fd;

	server_start(&server, NULL, NULL);
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HELLO);
	assert_hello(fd);
	close(fd);
	before = count_descriptors(&server);
	for (int i = 0; i < 60; i++) {
		fd = client_dial(&server);
		if (i % 3 > 0)
			client_say(fd, i % 3 == 1 ? GET_HUGE : "GET / HT");
		if (i % 2 > 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard,
				   sizeof(hard));
		pause_ms(i % 5);
		close(fd);
	}
	assert_descriptors(&server, before);
	assert_body(&server, "/hello.txt", "hello\n");
	server_end(&server);
}

/* ---- the stop ----------------------------------------------------------- */

TEST(a_stop_ends_idle_connections_at_once)
{
	struct server server;
	double before;
	int fresh;
	int fd;

	server_start(&server, NULL, NULL);
	fresh = client_dial(&server);
	fd = client_dial(&server);
	client_say(fd, GET_HELLO);
	assert_hello(fd);
	before = now();
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	client_hear_end(fd);
	client_hear_end(fresh);
	close(fd);
	close(fresh);
	ck_assert_int_eq(server_wait(&server), 0);
	ck_assert(now() - before < test_slowed(2));
}

TEST(a_stop_lets_what_runs_finish)
{
	struct server server;
	struct answer answer;
	int reading;
	int fd;

	server_start(&server, NULL, NULL);
	put_huge();
	fd = client_dial(&server);
	/* So that it is not its first request that runs. */
	client_say(fd, GET_HELLO);
	assert_hello(fd);
	client_say(fd, GET_HUGE);
	client_hear_head(fd, &answer);
	reading = client_dial(&server);
	client_say(reading, "GET /hello.txt HTTP/1.1\r\n");
	pause_ms(100);
	ck_assert_int_eq(kill(server.command.pid, SIGINT), 0);
	pause_ms(100);
	ck_assert_uint_eq(client_drain(fd), HUGE_SIZE);
	client_say(reading, HOST "\r\n");
	client_hear(reading, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	ck_assert_str_eq(answer_header(&answer, "Connection"), "close");
	free(answer.body);
	client_hear_end(reading);
	close(reading);
	close(fd);
	ck_assert_int_eq(server_wait(&server), 0);
}

TEST(a_stop_does_not_wait_for_ever)
{
	struct server server;
	struct answer answer;
	double before;
	int fd;

	server_start(&server, "--stop-timeout", "0.5");
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	client_hear_head(fd, &answer);
	before = now();
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert_int_eq(server_wait(&server), 0);
	ck_assert(now() - before > 0.4);
	ck_assert(now() - before < 0.4 + test_slowed(2));
	close(fd);
}

TEST(a_second_signal_ends_it_at_once)
{
	struct server server;
	struct answer answer;
	double before;
	int fd;

	server_start(&server, NULL, NULL);
	put_huge();
	fd = client_dial(&server);
	client_say(fd, GET_HUGE);
	client_hear_head(fd, &answer);
	before = now();
	ck_assert_int_eq(kill(server.command.pid, SIGINT), 0);
	pause_ms(200);
	ck_assert_int_eq(kill(server.command.pid, SIGINT), 0);
	ck_assert_int_eq(server_wait(&server), 128 + SIGINT);
	ck_assert(now() - before < test_slowed(3));
	close(fd);
}

TEST(a_unix_socket_is_removed_at_the_end)
{
	char name[] = "/tmp/a10-serve-XXXXXX";
	char address[64];
	char path[48];
	struct command command;

	ck_assert_ptr_nonnull(mkdtemp(name));
	snprintf(path, sizeof(path), "%s/socket", name);
	snprintf(address, sizeof(address), "unix:%s", path);
	command_start(&command, (const char *const[]){ "serve", "--listen",
						       address, NULL });
	command_read(&command, true);
	if (strstr(command.text, "no ring") != NULL)
		SKIP("%s", command.text);
	ck_assert_ptr_nonnull(strstr(command.text, " on unix:/tmp/"));
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(name), 0);
}

/* ---- the command line --------------------------------------------------- */

static void assert_run(const char *const *arguments, int status,
		       const char *says)
{
	struct command command;
	int really = command_run(&command, arguments);

	ck_assert_msg(really == status, "%d: %s", really, command.text);
	ck_assert_msg(strstr(command.text, says) != NULL, "%s", command.text);
}

#define ASSERT_RUN(status, says, ...) \
	assert_run((const char *const[]){ __VA_ARGS__, NULL }, status, says)

TEST(help_is_given)
{
	ASSERT_RUN(0, "serve", "--help");
	ASSERT_RUN(0, "a10 0.", "--version");
	ASSERT_RUN(0, "--listen ADDRESS:PORT", "serve", "--help");
	ASSERT_RUN(0, "--listen ADDRESS:PORT", "serve", "-h");
}

TEST(a_wrong_command_line_is_told_so)
{
	assert_run((const char *const[]){ NULL }, 2, "a command is missing");
	ASSERT_RUN(2, "unknown command 'brew'", "brew");
	ASSERT_RUN(2, "unknown option '--brew'", "--brew");
	ASSERT_RUN(2, "unknown option '--brew'", "serve", "--brew");
	ASSERT_RUN(2, "unknown option '-b'", "serve", "-bh");
	ASSERT_RUN(2, "--listen lacks", "serve", "--listen");
	ASSERT_RUN(2, "'here'", "serve", "--listen", "here");
	ASSERT_RUN(2, "'soon'", "serve", "--idle-timeout", "soon");
	ASSERT_RUN(2, "'0'", "serve", "--send-timeout", "0");
	ASSERT_RUN(2, "'-1'", "serve", "--connections", "-1");
	ASSERT_RUN(2, "not 'b' too", "serve", "a", "b");
}

TEST(what_keeps_it_from_serving_is_said)
{
	struct server server;
	char address[32];

	server_start(&server, NULL, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%d", server.port);
	ASSERT_RUN(1, "/none/such: No such file", "serve", "/none/such");
	ASSERT_RUN(1, "Not a directory", "serve", "hello.txt");
	ASSERT_RUN(1, address, "serve", "--listen", address);
	ASSERT_RUN(1, "--listen ADDRESS:PORT", "serve", "--listen", address);
	ASSERT_RUN(1, "no address of this machine", "serve", "--listen",
		   "192.0.2.1:0");
	server_end(&server);
}
