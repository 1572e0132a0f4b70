/*
 * "a10 serve": where it listens, what it writes to its logs, and what it tells
 * about itself.
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
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int dial_to(const void *address, socklen_t length, int family)
{
	const struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_msg(connect(fd, (const struct sockaddr *)address, length) ==
			      0,
		      "%s", strerror(errno));
	return fd;
}

static void assert_hello_on(int fd)
{
	struct answer answer;

	client_say(fd, GET_HELLO);
	client_hear(fd, &answer);
	ck_assert_str_eq(answer.body, "hello\n");
	free(answer.body);
	close(fd);
}

static void fill_unix(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
}

static bool has_ipv6(void)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					      .sin6_addr = in6addr_loopback };
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool bound =
		fd >= 0 && bind(fd, (const struct sockaddr *)&address,
				sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return bound;
}

/* A path for a socket that nobody else has, and the option that names it. */
static const char *socket_path(char ret_option[64])
{
	snprintf(ret_option, 64, "unix:/tmp/a10-socket-%d", (int)getpid());
	return ret_option + 5;
}

/* ---- where it listens --------------------------------------------------- */

TEST(it_listens_on_several_addresses)
{
	struct sockaddr_un local;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_addr = in6addr_loopback };
	struct server server;
	char local_option[64];
	const char *path = socket_path(local_option);
	const char *const options[] = {
		"--listen",
		"127.0.0.1:0",
		"--listen",
		local_option,
		has_ipv6() ? "--listen" : NULL,
		"[::1]:0",
		NULL,
	};

	server_start_with(&server, options);
	assert_hello_on(client_dial(&server));
	command_read(&server.command, true);
	ck_assert_ptr_nonnull(strstr(server.command.text, local_option));
	fill_unix(&local, path);
	assert_hello_on(dial_to(&local, sizeof(local), AF_UNIX));
	if (has_ipv6()) {
		command_read(&server.command, true);
		ck_assert_ptr_nonnull(
			strstr(server.command.text, " on http://[::1]:"));
		six.sin6_port = htons((uint16_t)strtoul(
			strrchr(server.command.text, ':') + 1, NULL, 10));
		assert_hello_on(dial_to(&six, sizeof(six), AF_INET6));
	}
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&server.command), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	server_remove_folder(&server);
}

/* A ring keeps its sockets for a moment after its process was killed. */
static void await_refusal(const struct sockaddr_un *address)
{
	for (int i = 0; i < 2000; i++) {
		const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const bool refused =
			connect(fd, (const struct sockaddr *)address,
				sizeof(*address)) < 0 &&
			errno == ECONNREFUSED;

		close(fd);
		if (refused)
			return;
		usleep(1000);
	}
	ck_abort_msg("still listening");
}

TEST(a_socket_file_that_was_left_behind_is_no_obstacle)
{
	struct sockaddr_un local;
	struct server server;
	struct server second;
	char option[64];
	const char *path = socket_path(option);
	const char *const options[] = { "--listen", option, NULL };
	const char *const again[] = { "serve", ".", "--listen", option, NULL };

	server_start_with(&server, options);
	/* Not while somebody listens there. */
	ck_assert_int_eq(command_run(&second.command, again), 1);
	ck_assert_ptr_nonnull(strstr(second.command.text, "in use"));
	ck_assert_int_eq(kill(server.command.pid, SIGKILL), 0);
	ck_assert_int_eq(command_wait(&server.command), -SIGKILL);
	fill_unix(&local, path);
	await_refusal(&local);
	command_start(&second.command, again);
	command_read(&second.command, true);
	ck_assert_ptr_nonnull(strstr(second.command.text, " on unix:"));
	assert_hello_on(dial_to(&local, sizeof(local), AF_UNIX));
	ck_assert_int_eq(kill(second.command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&second.command), 0);
	/* What is no socket is nobody's to remove. */
	put(path, "precious");
	ck_assert_int_eq(command_run(&second.command, again), 1);
	ck_assert_int_eq(unlink(path), 0);
	server_remove_folder(&server);
}

/* A socket that listens at descriptor 3, as systemd hands it over. */
static int listen_at_three(bool listens)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_addr.s_addr =
						     htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	if (listens)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

TEST(it_takes_sockets_that_are_open_already)
{
	static const char *const arguments[] = { "serve", NULL };
	struct server server;
	struct command command;
	int fd;

	server_start(&server, NULL, NULL);
	fd = listen_at_three(true);
	command_start_with(&command, arguments, fd);
	close(fd);
	command_read(&command, true);
	server.port =
		(uint16_t)strtoul(strrchr(command.text, ':') + 1, NULL, 10);
	ck_assert_msg(server.port != 0 && server.port != 8010, "%s",
		      command.text);
	assert_hello_on(client_dial(&server));
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
	fd = listen_at_three(false);
	command_start_with(&command, arguments, fd);
	close(fd);
	command_read(&command, false);
	ck_assert_ptr_nonnull(strstr(command.text, "LISTEN_FDS"));
	ck_assert_int_eq(command_wait(&command), 1);
	server_end(&server);
}

/* ---- logs --------------------------------------------------------------- */

/* Without what the connection ends with, which is not logged. */
static void ask_three(const struct server *server)
{
	struct answer answer;
	int fd = client_dial(server);

	client_say(fd, GET_HELLO "HEAD /a\"\\\xff?b HTTP/1.0\r\n"
				 "Connection: keep-alive\r\n\r\n");
	client_hear(fd, &answer);
	free(answer.body);
	client_hear_head(fd, &answer);
	client_say(fd, "\x16\x03\x01");
	client_hear(fd, &answer);
	free(answer.body);
	close(fd);
}

/* The lines of the log, which is complete when the server has ended. */
static void read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	ck_assert_ptr_nonnull(file);
	length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
}

static void end_and_read(struct server *server, const char *path, char *text,
			 size_t size)
{
	ck_assert_int_eq(kill(server->command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&server->command), 0);
	read_file(path, text, size);
	server_remove_folder(server);
}

TEST(a_log_has_a_line_for_each_answer)
{
	static char text[8192];
	struct server server;

	server_start(&server, "--log=../log", NULL);
	ask_three(&server);
	end_and_read(&server, "../log", text, sizeof(text));
	ck_assert_msg(strncmp(text, "127.0.0.1 - - [", 15) == 0, "%s", text);
	ck_assert_ptr_nonnull(
		strstr(text, "] \"GET /hello.txt HTTP/1.1\" 200 6\n"));
	ck_assert_ptr_nonnull(strstr(
		text, "] \"HEAD /a\\x22\\x5c\\xff?b HTTP/1.0\" 404 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "] \"\\x16\\x03\\x01\" 400 "));
}

TEST(a_log_may_be_json)
{
	static char text[8192];
	struct server server;

	server_start(&server, "--json-log=../log", NULL);
	ask_three(&server);
	end_and_read(&server, "../log", text, sizeof(text));
	ck_assert_msg(strncmp(text, "{\"time\":\"20", 11) == 0, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "\"peer\":\"127.0.0.1:"));
	ck_assert_ptr_nonnull(
		strstr(text, "\"method\":\"GET\",\"target\":\"/hello.txt\","
			     "\"status\":200,\"bytes\":6,\"us\":"));
	ck_assert_ptr_nonnull(strstr(text, "\"target\":\"/a\\\"\\\\\xef\xbf\xbd"
					   "?b\",\"status\":404,\"bytes\":0,"));
	ck_assert_ptr_nonnull(strstr(text, "\"line\":\"\\u0016\\u0003\\u0001\","
					   "\"status\":400,"));
}

/* It was moved to the front of the buffer when it had to be waited for. */
TEST(a_request_that_takes_too_long_is_logged_as_it_came)
{
	const char *const options[] = { "--request-timeout", "0.2",
					"--log=../log", NULL };
	static char text[8192];
	struct server server;
	struct answer answer;
	int fd;

	server_start_with(&server, options);
	fd = client_dial(&server);
	client_say(fd, GET_HELLO "GET /the-second-one HTTP/1.1\r\n"
				 "Cookie: a secret that is long enough\r\n");
	assert_hello(fd);
	client_hear(fd, &answer);
	ck_assert_int_eq(answer.status, 408);
	free(answer.body);
	close(fd);
	end_and_read(&server, "../log", text, sizeof(text));
	ck_assert_msg(strstr(text, "\"GET /the-second-one HTTP/1.1\" 408 ") !=
			      NULL,
		      "%s", text);
}

TEST(a_log_goes_to_standard_output)
{
	struct server server;

	server_start(&server, "--log", NULL);
	assert_hello_on(client_dial(&server));
	command_read(&server.command, true);
	ck_assert_ptr_nonnull(strstr(server.command.text,
				     "\"GET /hello.txt HTTP/1.1\" 200 6\n"));
	server_end(&server);
}

/* Nor could they be told there how many are missing. */
TEST(a_log_that_cannot_be_written_is_told_once)
{
	struct server server;
	int fd;

	fd = server_meet(&server, "--log=/dev/full", NULL);
	for (int i = 0; i < 3; i++) {
		client_say(fd, GET_HELLO);
		assert_hello(fd);
		pause_ms(20);
	}
	close(fd);
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert(command_read_line(&server.command));
	ck_assert_str_eq(server.command.text,
			 "a10: serve: the log cannot be written: "
			 "No space left on device\n");
	ck_assert(!command_read_line(&server.command));
	ck_assert_int_eq(server_wait(&server), 0);
}

TEST(lines_that_could_not_be_written_are_counted)
{
	char name[] = "/tmp/a10-log-XXXXXX";
	char option[64];
	char text[512] = "";
	struct server server;
	ssize_t length;
	int reader;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(name));
	snprintf(option, sizeof(option), "--log=%s/fifo", name);
	ck_assert_int_eq(mkfifo(option + 6, 0600), 0);
	reader = open(option + 6, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(reader, 0);
	server_start(&server, option, NULL);
	close(reader);
	fd = client_dial(&server);
	for (int i = 0; i < 4; i++) {
		if (i == 3)
			reader = open(option + 6,
				      O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		client_say(fd, GET_HELLO);
		assert_hello(fd);
		pause_ms((long)test_slowed(50));
	}
	close(fd);
	length = read(reader, text, sizeof(text) - 1);
	ck_assert_int_gt(length, 0);
	ck_assert_msg(strncmp(text, "# 3 lines were lost\n127.", 24) == 0, "%s",
		      text);
	close(reader);
	unlink(option + 6);
	ck_assert_int_eq(rmdir(name), 0);
	server_end(&server);
}

TEST(a_log_that_nobody_reads_does_not_stop_the_server)
{
	struct server server;
	struct answer answer;
	char path[4096];
	int fd;

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	fd = server_meet(&server, "--json-log", NULL);
	/* More than the pipe and LOG_ROOM take. */
	for (int i = 0; i < 400; i++) {
		char text[sizeof(path) + 64];

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "\r\n",
			 path);
		client_say(fd, text);
		client_hear(fd, &answer);
		free(answer.body);
	}
	close(fd);
	/* Who reads now reads how many are missing, when there is a next. */
	for (int i = 0; i < 200; i++)
		command_read_line(&server.command);
	assert_hello_on(client_dial(&server));
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	do {
		ck_assert(command_read_line(&server.command));
	} while (strstr(server.command.text, "{\"lost\":") == NULL);
	while (command_read_line(&server.command))
		;
	ck_assert_int_eq(server_wait(&server), 0);
}

/* It opens when there is somebody who reads. */
TEST(a_log_that_is_waited_for_can_be_given_up)
{
	char folder[] = "/tmp/a10-fifo-XXXXXX";
	const char *const arguments[] = { "serve", "--listen", "127.0.0.1:0",
					  "--log=fifo", NULL };
	struct command command;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	command_start(&command, arguments);
	pause_ms(100);
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), -SIGTERM);
	ck_assert_int_eq(unlink("fifo"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* ---- the page about itself ---------------------------------------------- */

TEST(statistics_are_told_if_asked_for)
{
	struct server server;
	struct answer answer;

	server_start(&server, "--stats", NULL);
	assert_hello_on(client_dial(&server));
	assert_status(&server, "GET /none HTTP/1.1\r\n" HOST "\r\n", 404);
	client_get(&server, "/.well-known/a10/stats?x", &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer_header(&answer, "Content-Type"),
			 "application/json");
	ck_assert_ptr_nonnull(strstr(answer.body, "\"requests\":2,"));
	ck_assert_ptr_nonnull(
		strstr(answer.body, "\"status\":{\"200\":1,\"404\":1}"));
	ck_assert_ptr_nonnull(strstr(answer.body, "\"accepted\":3"));
	ck_assert_ptr_nonnull(
		strstr(answer.body, "\"first_byte\":{\"count\":2,"));
	ck_assert_ptr_nonnull(strstr(answer.body, "\"p99\":"));
	free(answer.body);
	server_end(&server);
}

TEST(statistics_are_nobodys_business_otherwise)
{
	struct server server;

	server_start(&server, NULL, NULL);
	assert_status(&server,
		      "GET /.well-known/a10/stats HTTP/1.1\r\n" HOST "\r\n",
		      404);
	server_end(&server);
}
