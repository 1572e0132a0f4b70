/*
 * "a10 serve --threads": every thread serves, and what is said of the server is
 * said of all of them together.
 */
#include "web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET_STATS "GET /.well-known/a10/stats HTTP/1.1\r\n" HOST "\r\n"

enum {
	THREADS = 2,
	CLIENTS = 40,
};

/* What the page says: of all, and of each. */
struct page {
	unsigned long open;
	unsigned long accepted;
	unsigned long requests;
	unsigned long timed;
	struct {
		unsigned long open;
		unsigned long accepted;
		unsigned long requests;
	} threads[THREADS];
};

static unsigned long number_after(const char **text, const char *name)
{
	const char *found = strstr(*text, name);

	ck_assert_msg(found != NULL, "no %s in %s", name, *text);
	*text = found + strlen(name);
	return strtoul(*text, NULL, 10);
}

static void page_read(const struct server *server, struct page *page)
{
	struct answer answer;
	const char *text;

	client_ask(server, GET_STATS, &answer);
	ck_assert_int_eq(answer.status, 200);
	text = answer.body;
	page->open = number_after(&text, "\"connections\":{\"open\":");
	page->accepted = number_after(&text, "\"accepted\":");
	page->requests = number_after(&text, "\"requests\":");
	page->timed = number_after(&text, "\"first_byte\":{\"count\":");
	text = strstr(text, "\"threads\":[");
	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < THREADS; i++) {
		page->threads[i].open = number_after(&text, "{\"open\":");
		page->threads[i].accepted =
			number_after(&text, "\"accepted\":");
		page->threads[i].requests =
			number_after(&text, "\"requests\":");
	}
	free(answer.body);
}

/* Once all have been counted, for that is after the answer. */
static void page_await(const struct server *server, unsigned long requests,
		       struct page *page)
{
	for (int i = 0; i < 200; i++) {
		page_read(server, page);
		if (page->requests >= requests)
			return;
		pause_ms(5);
		requests++; /* that one was a request, too */
	}
	ck_abort_msg("%lu requests are missing", requests - page->requests);
}

static void start_threads(struct server *server, const char *option,
			  const char *value)
{
	const char *const options[] = { "--threads", "2",   "--stats",
					option,      value, NULL };

	server_start_with(server, options);
}

static int dial_and_ask(const struct server *server)
{
	int fd = client_dial(server);

	client_say(fd, GET_HELLO);
	assert_hello(fd);
	return fd;
}

TEST(the_page_adds_up_what_all_threads_count)
{
	struct server server;
	struct page page;
	int fds[CLIENTS];

	start_threads(&server, NULL, NULL);
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = dial_and_ask(&server);
	page_await(&server, CLIENTS, &page);
	/* Who asks for the page is there as well. */
	ck_assert_uint_eq(page.open, CLIENTS + 1);
	ck_assert_uint_gt(page.accepted, CLIENTS);
	ck_assert_uint_eq(page.timed, page.requests);
	ck_assert_uint_eq(page.open,
			  page.threads[0].open + page.threads[1].open);
	ck_assert_uint_eq(page.accepted,
			  page.threads[0].accepted + page.threads[1].accepted);
	ck_assert_uint_eq(page.requests,
			  page.threads[0].requests + page.threads[1].requests);
	/* All of 40 to one: 1 in 2^39. */
	for (int i = 0; i < THREADS; i++) {
		ck_assert_uint_gt(page.threads[i].open, 0);
		ck_assert_uint_gt(page.threads[i].requests, 0);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	server_end(&server);
}

/* ---- one socket for all --------------------------------------------------- */

static int listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

TEST(connections_of_one_socket_are_dealt_out_in_turn)
{
	static const char *const arguments[] = { "serve", "--threads", "2",
						 "--stats", NULL };
	struct command command;
	struct server server; /* its port, and a folder */
	struct page page;
	int fds[8];
	int fd;

	server_start(&server, NULL, NULL);
	fd = listen_somewhere(&server.port);
	command_start_with(&command, arguments, fd);
	close(fd);
	command_read(&command, true);
	for (int i = 0; i < 8; i++)
		fds[i] = dial_and_ask(&server);
	page_read(&server, &page);
	ck_assert_uint_eq(page.open, 9);
	ck_assert_uint_eq(page.threads[0].open, 5);
	ck_assert_uint_eq(page.threads[1].open, 4);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
	server_end(&server);
}

/* Those of the port, whoever has them. */
static int count_listeners(uint16_t port)
{
	FILE *file = fopen("/proc/net/tcp", "re");
	char wanted[16];
	char line[256];
	int count = 0;

	ck_assert_ptr_nonnull(file);
	snprintf(wanted, sizeof(wanted), ":%04X ", port);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, wanted) && strstr(line, " 0A ");
	fclose(file);
	return count;
}

TEST(each_thread_has_a_listener_if_that_can_be)
{
	struct server server;
	uint16_t port;

	start_threads(&server, NULL, NULL);
	ck_assert_int_eq(count_listeners(server.port), THREADS);
	port = server.port;
	server_end(&server);
	ck_assert_int_eq(count_listeners(port), 0);
}

TEST(an_address_in_use_is_noticed_with_threads_too)
{
	struct server server;
	struct command second;
	char address[32];
	const char *const arguments[] = { "serve",    "--threads", "2",
					  "--listen", address,     NULL };

	start_threads(&server, NULL, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%d", server.port);
	ck_assert_int_eq(command_run(&second, arguments), 1);
	ck_assert_ptr_nonnull(strstr(second.text, "in use"));
	server_end(&server);
}

/* ---- the limit ------------------------------------------------------------ */

static int count_answered(struct pollfd *waiting, int count)
{
	int answered = 0;

	poll(waiting, (nfds_t)count, 0);
	for (int i = 0; i < count; i++)
		answered += waiting[i].revents != 0;
	return answered;
}

/* Whichever thread has room, and whichever has the client who waits. */
TEST(the_limit_holds_over_all_threads)
{
	struct pollfd waiting[6];
	struct server server;
	int fds[3];

	start_threads(&server, "--connections", "3");
	for (int i = 0; i < 3; i++)
		fds[i] = dial_and_ask(&server);
	for (int i = 0; i < 6; i++) {
		waiting[i].fd = client_dial(&server);
		waiting[i].events = POLLIN;
		client_say(waiting[i].fd, GET_HELLO);
	}
	pause_ms(200);
	ck_assert_int_eq(count_answered(waiting, 6), 0);
	/* One goes, one comes, however many threads have one waiting. */
	close(fds[0]);
	for (int i = 0; i < 400 && count_answered(waiting, 6) == 0; i++)
		pause_ms(5);
	pause_ms(50);
	ck_assert_int_eq(count_answered(waiting, 6), 1);
	/* All go: nobody is forgotten. */
	close(fds[1]);
	close(fds[2]);
	for (int left = 6; left > 0;) {
		for (int i = 0; i < 6; i++) {
			if (waiting[i].fd < 0 ||
			    count_answered(&waiting[i], 1) == 0)
				continue;
			assert_hello(waiting[i].fd);
			close(waiting[i].fd);
			waiting[i].fd = -1;
			left--;
		}
		pause_ms(1);
	}
	server_end(&server);
}

/* The one that listens is not the one that has room. */
TEST(room_on_one_thread_is_told_to_the_one_that_listens)
{
	static const char *const arguments[] = {
		"serve", "--threads", "2", "--stats", "--connections", "2", NULL
	};
	struct command command;
	struct server server;
	int fds[3];
	int fd;

	server_start(&server, NULL, NULL);
	fd = listen_somewhere(&server.port);
	command_start_with(&command, arguments, fd);
	close(fd);
	command_read(&command, true);
	fds[0] = dial_and_ask(&server);
	fds[1] = dial_and_ask(&server);
	for (int i = 0; i < 4; i++) {
		fds[2] = client_dial(&server);
		client_say(fds[2], GET_HELLO);
		pause_ms(10);
		/* In turn: every other one is the second thread's. */
		close(fds[1]);
		assert_hello(fds[2]);
		fds[1] = fds[2];
	}
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
	server_end(&server);
}

/* ---- the log -------------------------------------------------------------- */

enum {
	TARGET = 6000, /* more than a pipe takes in one piece */
	LINES = 120,   /* less than waits to be written, of one thread too */
};

static void ask_at_length(int fd)
{
	static char text[TARGET + 64];
	struct answer answer;
	size_t length = (size_t)snprintf(text, sizeof(text), "GET /");

	memset(text + length, 'x', TARGET);
	snprintf(text + length + TARGET, sizeof(text) - length - TARGET,
		 " HTTP/1.1\r\n" HOST "\r\n");
	client_say(fd, text);
	client_hear(fd, &answer);
	ck_assert_int_ge(answer.status, 400);
	free(answer.body);
}

static void assert_line(const char *line)
{
	static char text[TARGET + 64];

	ck_assert_msg(strncmp(line, "{\"time\":\"", 9) == 0, "%s", line);
	memset(text, 'x', TARGET);
	snprintf(text + TARGET, sizeof(text) - TARGET, "\",\"status\":4");
	ck_assert_msg(strstr(line, text) != NULL, "%s", line);
	ck_assert_ptr_null(strstr(line + 1, "{\"time\""));
}

TEST(lines_of_all_threads_are_whole)
{
	const char *const options[] = { "--threads", "2", "--json-log", NULL };
	static char line[TARGET + 1024];
	struct server server;
	int lines = 0;
	FILE *file;
	int fds[8];

	server_start_with(&server, options);
	for (int i = 0; i < 8; i++)
		fds[i] = client_dial(&server);
	for (int i = 0; i < LINES; i++)
		ask_at_length(fds[i % 8]);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	/* All but the first 64 KiB wait until now. */
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	file = fdopen(dup(server.command.output), "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		assert_line(line);
		lines++;
	}
	fclose(file);
	ck_assert_int_eq(lines, LINES);
	ck_assert_int_eq(server_wait(&server), 0);
}

/* ---- the end -------------------------------------------------------------- */

#define GET_BIG "GET /big.bin HTTP/1.1\r\n" HOST "\r\n"

enum {
	BIG = 16 << 20, /* more than the sockets' buffers hold */
};

static int begin_download(const struct server *server)
{
	struct answer answer;
	int fd = client_dial(server);

	client_say(fd, GET_BIG);
	client_hear_head(fd, &answer);
	ck_assert_uint_eq(answer.length, BIG);
	return fd;
}

static void put_big(void)
{
	FILE *file = fopen("big.bin", "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(ftruncate(fileno(file), BIG), 0);
	fclose(file);
}

TEST(a_stop_lets_what_runs_on_all_threads_finish)
{
	struct server server;
	int fresh[4];
	int fds[4];

	start_threads(&server, NULL, NULL);
	put_big();
	for (int i = 0; i < 4; i++) {
		fds[i] = begin_download(&server);
		fresh[i] = dial_and_ask(&server);
	}
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	for (int i = 0; i < 4; i++) {
		client_hear_end(fresh[i]);
		close(fresh[i]);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(client_drain(fds[i]), BIG);
		close(fds[i]);
	}
	ck_assert_int_eq(server_wait(&server), 0);
}

TEST(a_second_signal_ends_all_threads_at_once)
{
	struct server server;
	double before;
	int fds[4];

	start_threads(&server, NULL, NULL);
	put_big();
	for (int i = 0; i < 4; i++) {
		fds[i] = begin_download(&server);
	}
	before = now();
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	pause_ms(100);
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert_int_eq(server_wait(&server), 128 + SIGTERM);
	ck_assert(now() - before < test_slowed(3));
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

TEST(a_stop_of_all_threads_does_not_wait_for_ever)
{
	struct server server;
	double before;
	int fd;

	start_threads(&server, "--stop-timeout", "0.3");
	put_big();
	fd = begin_download(&server);
	before = now();
	ck_assert_int_eq(kill(server.command.pid, SIGTERM), 0);
	ck_assert_int_eq(server_wait(&server), 0);
	ck_assert(now() - before > 0.25);
	ck_assert(now() - before < 0.25 + test_slowed(2));
	close(fd);
}
