/* "a10 proxy": what is said on one side, and how it arrives on the other. */
#include "proxied.h"

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
#include <time.h>
#include <unistd.h>

enum {
	STEP = 1 << 17,
};

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
	assert_said(&proxy.command,
		    ": 1 connections, 0 of them now; 0 not taken");
	assert_said(&proxy.command, "; 12 B to the target, 30 B from it");
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
	assert_said(&proxy.command, "0 broken, 0 idle");
}

static double cpu_of(const struct proxy *proxy)
{
	struct timespec time;
	clockid_t clock;

	ck_assert_int_eq(clock_getcpuclockid(proxy->command.pid, &clock), 0);
	ck_assert_int_eq(clock_gettime(clock, &time), 0);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* For such a client a poll ends at once, whether it takes anything or not. */
TEST(a_client_that_shut_its_side_gets_all_and_costs_nothing_while_it_waits)
{
	static char bytes[LARGE];
	static char heard[LARGE];
	struct proxy proxy;
	int client, peer;
	double cpu;
	pid_t child;

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
	proxy_end(&proxy);
}

/* Ends with a reset, not with an end. */
TEST(a_side_that_is_reset_resets_the_other)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	reset(client);
	assert_reset(peer);
	close(peer);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	reset(peer);
	assert_reset(client);
	close(client);
	proxy_end(&proxy);
	assert_said(&proxy.command, "2 broken");
}

/* "413" and gone, say, with the rest of the request unread. */
/* As poll tells: a receive says that it has ended, as it had before. */
static void assert_reset_after_its_end(int fd)
{
	struct pollfd gone = { .fd = fd };

	ck_assert_int_eq(poll(&gone, 1, (int)(test_slowed(5) * 1000)), 1);
	ck_assert(gone.revents & POLLERR);
}

/* Nothing is received from it any more, and nothing is there to be sent. */
TEST(a_side_that_is_reset_after_its_end_resets_the_other)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	client_hear_end(peer);
	assert_passes(peer, client, "still there");
	reset(client);
	assert_reset_after_its_end(peer);
	close(peer);
	meet(&proxy, &client, &peer);
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	client_hear_end(client);
	assert_passes(client, peer, "still there");
	reset(peer);
	assert_reset_after_its_end(client);
	close(client);
	/* Without one it is an end like any other. */
	meet(&proxy, &client, &peer);
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	client_hear_end(peer);
	close(peer);
	client_hear_end(client);
	close(client);
	proxy_end(&proxy);
	assert_said(&proxy.command, "0 of them now");
	assert_said(&proxy.command, " 2 broken");
}

TEST(an_answer_that_comes_before_the_question_is_out_is_passed_on)
{
	static char bytes[65536];
	struct proxy proxy;

	proxy_start(&proxy, NULL, NULL);
	for (int i = 0; i < 10; i++) {
		char answer[8] = "";
		int client, peer;
		ssize_t n;

		meet(&proxy, &client, &peer);
		do
			n = send(client, bytes, sizeof(bytes),
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		while (n > 0);
		ck_assert_int_eq(send(peer, "no", 2, MSG_NOSIGNAL), 2);
		close(peer);
		ck_assert_int_eq(recv(client, answer, sizeof(answer), 0), 2);
		ck_assert_str_eq(answer, "no");
		close(client);
	}
	proxy_end(&proxy);
}

/*
 * Until nothing more goes, and then a reset. The proxy is sending to the other
 * then, and hears of the reset by what it sends to this one.
 */
static void fill_and_reset(int fd, int other)
{
	static char bytes[65536];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		pause_ms(1);
	reset(fd);
	client_say(other, "x");
	pause_ms(20);
}

static void assert_cut(int fd)
{
	static char bytes[65536];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0);
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(fd);
}

TEST(what_was_cut_short_while_it_was_sent_to_does_not_look_whole)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	fill_and_reset(client, peer);
	assert_cut(peer);
	meet(&proxy, &client, &peer);
	fill_and_reset(peer, client);
	assert_cut(client);
	proxy_end(&proxy);
	assert_said(&proxy.command, "2 broken");
}

/* Who has said all may go without an answer: what was said is not lost by that. */
TEST(what_was_passed_on_arrives_before_a_reset)
{
	enum {
		SAID = 100000
	}; /* more than peer has room for */

	static char bytes[SAID];
	const int little = 4096;
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	ck_assert_int_eq(setsockopt(proxy.listener, SOL_SOCKET, SO_RCVBUF,
				    &little, sizeof(little)),
			 0);
	meet(&proxy, &client, &peer);
	client_say_bytes(client, bytes, SAID);
	ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
	client_say(peer, "x");
	pause_ms(50);
	reset(client);
	pause_ms(50);
	client_hear_bytes(peer, bytes, SAID);
	close(peer);
	proxy_end(&proxy);
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
	/* But one that was just empty is kept for the next. */
	assert_descriptors_of(&proxy, descriptors + 2);
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
	assert_said(&proxy.command, expected);
}
