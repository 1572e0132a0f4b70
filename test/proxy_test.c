/*
 * "a10 proxy": the real command, with clients and targets that are plain
 * sockets of the test, and once with a10 serve behind it.
 */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LARGE = 6 << 20, /* more than all buffers between here and there */
	STEP = 1 << 17,
};

struct proxy {
	struct command command;
	int listener; /* the target's */
	uint16_t port;
};

/* ---- a target and a proxy in front of it ---------------------------------- */

static void have_patience(int fd)
{
	const struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	return ntohs(address.sin_port);
}

static int listen_here(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_addr.s_addr =
						     htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	have_patience(fd);
	return fd;
}

static int dial(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	have_patience(fd);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address,
				 sizeof(address)),
			 0);
	return fd;
}

static int accept_one(int listener)
{
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", strerror(errno));
	have_patience(fd);
	return fd;
}

/* What it says first: where it listens. */
static void proxy_hear(struct proxy *proxy)
{
	command_read(&proxy->command, true);
	if (strstr(proxy->command.text, "no ring") != NULL)
		SKIP("%s", proxy->command.text);
	ck_assert_msg(strncmp(proxy->command.text, "a10: passing on to ", 19) ==
			      0,
		      "%s", proxy->command.text);
	proxy->port = (uint16_t)strtoul(strrchr(proxy->command.text, ':') + 1,
					NULL, 10);
}

static void proxy_start_to(struct proxy *proxy, const char *target,
			   const char *option, const char *value)
{
	const char *const arguments[] = { "proxy",       target, "--listen",
					  "127.0.0.1:0", option, value,
					  NULL };

	command_start(&proxy->command, arguments);
	proxy_hear(proxy);
}

static void proxy_start(struct proxy *proxy, const char *option,
			const char *value)
{
	char target[32];

	proxy->listener = listen_here();
	snprintf(target, sizeof(target), "127.0.0.1:%u",
		 port_of(proxy->listener));
	proxy_start_to(proxy, target, option, value);
}

/* It ends content when it is asked to; its last words are in text. */
static void proxy_stop(struct proxy *proxy)
{
	ck_assert_int_eq(kill(proxy->command.pid, SIGTERM), 0);
	command_read(&proxy->command, false);
	ck_assert_int_eq(command_wait(&proxy->command), 0);
}

static void proxy_end(struct proxy *proxy)
{
	proxy_stop(proxy);
	close(proxy->listener);
}

static void assert_said(const struct proxy *proxy, const char *words)
{
	ck_assert_msg(strstr(proxy->command.text, words) != NULL, "%s",
		      proxy->command.text);
}

/* A client and what the target has of it. */
static void meet(const struct proxy *proxy, int *ret_client, int *ret_peer)
{
	*ret_client = dial(proxy->port);
	*ret_peer = accept_one(proxy->listener);
}

static void assert_passes(int from, int to, const char *text)
{
	char heard[64] = "";

	client_say(from, text);
	client_hear_bytes(to, heard, strlen(text));
	ck_assert_str_eq(heard, text);
}

static size_t descriptors_of(const struct proxy *proxy)
{
	const struct server server = { .command = proxy->command };

	return count_descriptors(&server);
}

static void assert_descriptors_of(const struct proxy *proxy, size_t count)
{
	const struct server server = { .command = proxy->command };

	assert_descriptors(&server, count);
}

/* ---- bytes ----------------------------------------------------------------- */

TEST(what_is_said_arrives_on_the_other_side)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	for (int i = 0; i < 3; i++) {
		assert_passes(client, peer, "ping");
		assert_passes(peer, client, "the answer");
	}
	close(client);
	client_hear_end(peer);
	close(peer);
	proxy_end(&proxy);
	assert_said(&proxy, ": 1 connections, 0 of them now; 0 not taken");
	assert_said(&proxy, "; 12 B to the target, 30 B from it");
}

/* One side of a transfer in steps, neither of which waits. */
struct transfer {
	int fd;
	size_t sent;
	size_t heard;
	char *out;
	char *in;
};

static short transfer_waits(const struct transfer *transfer)
{
	return transfer->sent < LARGE ? POLLIN | POLLOUT : POLLIN;
}

static void transfer_step(struct transfer *transfer)
{
	const size_t left = LARGE - transfer->sent;
	ssize_t n;

	if (left > 0) {
		n = send(transfer->fd, transfer->out + transfer->sent,
			 left < STEP ? left : STEP,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		ck_assert(n > 0 || errno == EAGAIN);
		transfer->sent += n > 0 ? (size_t)n : 0;
	}
	n = recv(transfer->fd, transfer->in + transfer->heard,
		 LARGE - transfer->heard, MSG_DONTWAIT);
	ck_assert(n >= 0 || errno == EAGAIN);
	transfer->heard += n > 0 ? (size_t)n : 0;
}

static void transfer_begin(struct transfer *transfer, int fd, uint64_t seed)
{
	transfer->fd = fd;
	transfer->sent = 0;
	transfer->heard = 0;
	transfer->out = (char *)malloc(LARGE);
	transfer->in = (char *)malloc(LARGE);
	ck_assert(transfer->out != NULL && transfer->in != NULL);
	for (size_t i = 0; i < LARGE; i += sizeof(uint64_t)) {
		const uint64_t word = test_random(&seed);

		memcpy(transfer->out + i, &word, sizeof(word));
	}
}

static void transfer_end(struct transfer *transfer)
{
	free(transfer->out);
	free(transfer->in);
}

/* Pipes are kept for the next, but not many. */
TEST(much_goes_both_ways_at_once_and_is_whole)
{
	struct transfer ours, theirs;
	struct proxy proxy;
	size_t descriptors;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	descriptors = descriptors_of(&proxy);
	meet(&proxy, &client, &peer);
	transfer_begin(&ours, client, 1);
	transfer_begin(&theirs, peer, 2);
	while (ours.heard < LARGE || theirs.heard < LARGE) {
		struct pollfd ready[] = {
			{ client, transfer_waits(&ours), 0 },
			{ peer, transfer_waits(&theirs), 0 },
		};

		ck_assert_int_gt(poll(ready, 2, (int)test_slowed(10000)), 0);
		transfer_step(&ours);
		transfer_step(&theirs);
	}
	ck_assert(memcmp(ours.in, theirs.out, LARGE) == 0);
	ck_assert(memcmp(theirs.in, ours.out, LARGE) == 0);
	transfer_end(&ours);
	transfer_end(&theirs);
	assert_passes(client, peer, "small again");
	close(client);
	close(peer);
	assert_descriptors_of(&proxy, descriptors + 4);
	proxy_end(&proxy);
}

TEST(an_end_of_one_side_lets_the_other_go_on)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		meet(&proxy, &client, &peer);
		assert_passes(client, peer, "first");
		ck_assert_int_eq(shutdown(i ? client : peer, SHUT_WR), 0);
		client_hear_end(i ? peer : client);
		assert_passes(i ? peer : client, i ? client : peer, "still");
		ck_assert_int_eq(shutdown(i ? peer : client, SHUT_WR), 0);
		client_hear_end(i ? client : peer);
		close(client);
		close(peer);
	}
	proxy_end(&proxy);
	assert_said(&proxy, "0 broken, 0 idle");
}

static void send_large(int fd, char *bytes)
{
	size_t sent = 0;

	while (sent < LARGE) {
		const ssize_t n =
			send(fd, bytes + sent, LARGE - sent, MSG_NOSIGNAL);

		ck_assert_msg(n > 0, "%s", strerror(errno));
		sent += (size_t)n;
	}
}

static double cpu_of(const struct proxy *proxy)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)proxy->command.pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file,
				"%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u "
				"%*u %*u %lu %lu",
				&user, &system),
			 2);
	fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* For such a client a poll ends at once, whether it takes anything or not. */
TEST(a_client_that_shut_its_side_gets_all_and_costs_nothing_while_it_waits)
{
	char *bytes = (char *)malloc(LARGE);
	char *heard = (char *)malloc(LARGE);
	struct proxy proxy;
	int client, peer;
	double cpu;
	pid_t child;

	ck_assert(bytes != NULL && heard != NULL);
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7 + (i >> 9));
	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	client_say(client, "all of it");
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	client_hear_bytes(peer, heard, 9);
	client_hear_end(peer);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		send_large(peer, bytes);
		_exit(0);
	}
	close(peer);
	pause_ms((long)test_slowed(100));
	cpu = cpu_of(&proxy);
	pause_ms(200);
	ck_assert_double_lt(cpu_of(&proxy) - cpu, 0.1);
	client_hear_bytes(client, heard, LARGE);
	client_hear_end(client);
	ck_assert(memcmp(bytes, heard, LARGE) == 0);
	close(client);
	free(bytes);
	free(heard);
	proxy_end(&proxy);
}

/* Ends with a reset, not with an end. */
static void reset(int fd)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

TEST(a_side_that_is_reset_closes_the_other)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	reset(client);
	client_hear_end(peer);
	close(peer);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	reset(peer);
	client_hear_end(client);
	close(client);
	proxy_end(&proxy);
	assert_said(&proxy, "2 broken");
}

/* In the middle of what is spliced, when the pipe is not empty. */
TEST(a_stream_that_breaks_off_leaves_no_pipe_behind)
{
	char *bytes = (char *)calloc(1, LARGE);
	struct proxy proxy;
	size_t descriptors;

	ck_assert_ptr_nonnull(bytes);
	proxy_start(&proxy, NULL, NULL);
	descriptors = descriptors_of(&proxy);
	for (int i = 0; i < 4; i++) {
		int client, peer;
		size_t sent = 0;
		ssize_t n = 1;

		meet(&proxy, &client, &peer);
		assert_passes(client, peer, "x");
		/* Until nothing goes: all between here and there is full. */
		for (int idle = 0; idle<10; idle = n> 0 ? 0 : idle + 1) {
			n = send(client, bytes, LARGE,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
			pause_ms(2);
		}
		ck_assert_uint_gt(sent, 16384 * 4);
		reset(i % 2 ? client : peer);
		close(i % 2 ? peer : client);
	}
	assert_descriptors_of(&proxy, descriptors);
	free(bytes);
	proxy_end(&proxy);
}

TEST(many_connections_leave_nothing_behind)
{
	const unsigned int count = test_scaled(400);
	struct proxy proxy;
	size_t descriptors;
	char expected[64];

	proxy_start(&proxy, NULL, NULL);
	descriptors = descriptors_of(&proxy);
	for (unsigned int i = 0; i < count; i++) {
		int client, peer;

		meet(&proxy, &client, &peer);
		if (i % 3 == 0)
			assert_passes(client, peer, "x");
		if (i % 7 == 0)
			reset(client);
		else
			close(client);
		if (i % 3 == 0 && i % 7 != 0)
			client_hear_end(peer);
		close(peer);
	}
	assert_descriptors_of(&proxy, descriptors);
	proxy_end(&proxy);
	snprintf(expected, sizeof(expected), ": %u connections, 0 of them now;",
		 count);
	assert_said(&proxy, expected);
}

/* ---- limits and times ------------------------------------------------------ */

TEST(at_the_limit_the_next_one_waits)
{
	struct proxy proxy;
	int first, second, peer;
	struct pollfd knock;

	proxy_start(&proxy, "--connections", "1");
	meet(&proxy, &first, &peer);
	second = dial(proxy.port);
	client_say(second, "me too");
	knock = (struct pollfd){ .fd = proxy.listener, .events = POLLIN };
	ck_assert_int_eq(poll(&knock, 1, 50), 0);
	assert_passes(first, peer, "x");
	close(first);
	close(peer);
	peer = accept_one(proxy.listener);
	client_hear_bytes(peer, (char[8]){ 0 }, 6);
	close(second);
	close(peer);
	proxy_end(&proxy);
}

/* What goes one way only keeps both open. */
TEST(who_is_idle_for_too_long_is_let_go)
{
	struct proxy proxy;
	int client, peer;
	double since;

	proxy_start(&proxy, "--idle-timeout", "0.2");
	meet(&proxy, &client, &peer);
	for (int i = 0; i < 8; i++) {
		assert_passes(client, peer, "x");
		pause_ms(50);
	}
	since = now();
	client_hear_end(client);
	client_hear_end(peer);
	ck_assert_double_gt(now() - since, 0.1);
	close(client);
	close(peer);
	proxy_end(&proxy);
	assert_said(&proxy, "0 broken, 1 idle for too long");
}

/* It has closed the client's connection, without a word. */
static void assert_turned_away(uint16_t port)
{
	const int client = dial(port);

	client_hear_end(client);
	close(client);
}

TEST(a_target_that_is_down_is_told_of_once)
{
	struct proxy proxy;
	int listener = listen_here();
	char target[32];

	snprintf(target, sizeof(target), "127.0.0.1:%u", port_of(listener));
	close(listener);
	proxy_start_to(&proxy, target, NULL, NULL);
	assert_turned_away(proxy.port);
	assert_turned_away(proxy.port);
	proxy_stop(&proxy);
	assert_said(&proxy, target);
	assert_said(&proxy, ": Connection refused\n");
	ck_assert_ptr_null(
		strstr(strstr(proxy.command.text, "refused") + 1, "refused"));
	assert_said(&proxy, "2 not taken by the target");
}

/* Its queue is full, so who comes gets no answer. */
TEST(a_target_that_does_not_answer_is_given_up)
{
	struct proxy proxy;
	int fillers[3];
	double since;

	proxy.listener = listen_here();
	ck_assert_int_eq(listen(proxy.listener, 0), 0);
	for (size_t i = 0; i < 3; i++) {
		const struct sockaddr_in address = {
			.sin_family = AF_INET,
			.sin_port = htons(port_of(proxy.listener)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};

		fillers[i] = socket(
			AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fillers[i], (const struct sockaddr *)&address,
			sizeof(address));
	}
	{
		char target[32];

		snprintf(target, sizeof(target), "127.0.0.1:%u",
			 port_of(proxy.listener));
		proxy_start_to(&proxy, target, "--connect-timeout", "0.1");
	}
	since = now();
	assert_turned_away(proxy.port);
	ck_assert_double_lt(now() - since, test_slowed(2));
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	proxy_end(&proxy);
	assert_said(&proxy, ": no answer\n");
}

/* ---- the end --------------------------------------------------------------- */

/* Asks it to stop, and waits until nobody is let in any more. */
static void ask_to_stop(const struct proxy *proxy, int signal)
{
	const size_t descriptors = descriptors_of(proxy);

	ck_assert_int_eq(kill(proxy->command.pid, signal), 0);
	assert_descriptors_of(proxy, descriptors - 1);
}

TEST(the_first_signal_lets_what_runs_finish)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "before");
	ask_to_stop(&proxy, SIGTERM);
	assert_passes(peer, client, "after");
	/* It answers questions still. */
	ck_assert_int_eq(kill(proxy.command.pid, SIGUSR1), 0);
	command_read(&proxy.command, true);
	assert_said(&proxy, "1 of them now");
	close(client);
	close(peer);
	ck_assert_int_eq(command_wait(&proxy.command), 0);
	close(proxy.listener);
}

TEST(a_second_signal_ends_it_at_once)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "before");
	ask_to_stop(&proxy, SIGINT);
	ck_assert_int_eq(kill(proxy.command.pid, SIGINT), 0);
	client_hear_end(client);
	client_hear_end(peer);
	ck_assert_int_eq(command_wait(&proxy.command), 128 + SIGINT);
	close(client);
	close(peer);
	close(proxy.listener);
}

TEST(what_does_not_finish_in_time_is_ended)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, "--stop-timeout", "0.1");
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "before");
	proxy_end(&proxy);
	client_hear_end(client);
	close(client);
	close(peer);
}

/* ---- where from and where to ----------------------------------------------- */

TEST(it_takes_a_socket_that_is_open_already)
{
	struct proxy proxy = { .listener = listen_here() };
	const int inherited = listen_here();
	char target[32];
	const char *const arguments[] = { "proxy", target, NULL };
	int client, peer;

	snprintf(target, sizeof(target), "127.0.0.1:%u",
		 port_of(proxy.listener));
	command_start_with(&proxy.command, arguments, inherited);
	proxy_hear(&proxy);
	ck_assert_uint_eq(proxy.port, port_of(inherited));
	close(inherited);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	close(client);
	close(peer);
	proxy_end(&proxy);
}

/* Of "unix:@name". */
static socklen_t fill_abstract(struct sockaddr_un *address, const char *text)
{
	const size_t length = strlen(text + 6);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, text + 6, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

TEST(both_sides_may_be_unix_sockets)
{
	struct sockaddr_un address;
	char target[64], path[64];
	const char *const arguments[] = { "proxy", target, "--listen", path,
					  NULL };
	char *bytes = (char *)calloc(1, LARGE);
	struct command command;
	int listener, client, peer;
	socklen_t length;

	ck_assert_ptr_nonnull(bytes);
	snprintf(target, sizeof(target), "unix:@a10-proxy-%d", (int)getpid());
	snprintf(path, sizeof(path), "unix:@a10-proxied-%d", (int)getpid());
	length = fill_abstract(&address, target);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length),
			 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	command_start(&command, arguments);
	command_read(&command, true);
	if (strstr(command.text, "no ring") != NULL)
		SKIP("%s", command.text);
	length = fill_abstract(&address, path);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	have_patience(client);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, length),
			 0);
	peer = accept_one(listener);
	assert_passes(client, peer, "x");
	if (fork() == 0) {
		send_large(peer, bytes);
		_exit(0);
	}
	client_hear_bytes(client, bytes, LARGE);
	assert_passes(peer, client, "y");
	close(client);
	close(peer);
	close(listener);
	free(bytes);
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
}

TEST(a_name_will_do_as_a_target)
{
	struct proxy proxy = { .listener = listen_here() };
	char target[32];
	int client, peer;

	snprintf(target, sizeof(target), "localhost:%u",
		 port_of(proxy.listener));
	proxy_start_to(&proxy, target, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	close(client);
	close(peer);
	proxy_end(&proxy);
}

TEST(a_server_behind_it_is_as_before)
{
	struct server server;
	struct server seen;
	struct proxy proxy;
	struct answer answer;
	char target[32];

	server_start(&server, NULL, NULL);
	put_pattern("pattern", LARGE);
	snprintf(target, sizeof(target), "127.0.0.1:%u", server.port);
	proxy_start_to(&proxy, target, NULL, NULL);
	seen.port = proxy.port;
	assert_body(&seen, "/hello.txt", "hello\n");
	client_get(&seen, "/pattern", &answer);
	ck_assert_uint_eq(answer.length, LARGE);
	assert_pattern(answer.body, LARGE);
	free(answer.body);
	proxy_stop(&proxy);
	server_end(&server);
}

/* ---- the command line ------------------------------------------------------ */

static void assert_refused(const char *const *arguments, int status,
			   const char *words)
{
	struct command command;

	ck_assert_int_eq(command_run(&command, arguments), status);
	if (strstr(command.text, "no ring") != NULL)
		SKIP("%s", command.text);
	ck_assert_msg(strstr(command.text, words) != NULL, "%s", command.text);
}

TEST(what_makes_no_sense_is_refused_in_words)
{
	static const char *const none[] = { "proxy", NULL };
	static const char *const two[] = { "proxy", "a:1", "b:1", NULL };
	static const char *const no_port[] = { "proxy", "localhost", NULL };
	static const char *const odd[] = { "proxy", "--idle-timeout", "x",
					   "a:1", NULL };
	static const char *const unknown[] = { "proxy", "--fast", NULL };

	assert_refused(none, 2, "where to?");
	assert_refused(two, 2, "and not 'b:1' too");
	assert_refused(no_port, 2, "HOST:PORT");
	assert_refused(odd, 2, "'x' is no good");
	assert_refused(unknown, 2, "unknown option '--fast'");
}
