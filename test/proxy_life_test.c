/*
 * "a10 proxy": its limits and times, how it ends, where from and where to it
 * passes on.
 */
#include "proxied.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
	assert_reset(client);
	assert_reset(peer);
	ck_assert_double_gt(now() - since, 0.1);
	close(client);
	close(peer);
	proxy_end(&proxy);
	assert_said(&proxy.command, "0 broken, 1 idle for too long");
}

enum {
	DESCRIPTORS = 160, /* that the proxy may have */
	BURST = 120,       /* who need two each       */
};

/* All of them are in the queue when it first looks. */
TEST(a_burst_waits_until_there_are_descriptors_for_both_sides)
{
	const struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
	struct proxy proxy;
	int fds[BURST];

	if (on_valgrind())
		SKIP("valgrind keeps the limit of descriptors to itself");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	proxy_start(&proxy, "--connections", "40");
	ck_assert_int_eq(kill(proxy.command.pid, SIGSTOP), 0);
	for (int i = 0; i < BURST; i++)
		client_say(fds[i] = dial(proxy.port), "x");
	ck_assert_int_eq(kill(proxy.command.pid, SIGCONT), 0);
	for (int i = 0; i < BURST; i++) {
		const int peer = accept_one(proxy.listener);

		client_hear_bytes(peer, (char[2]){ 0 }, 1);
		reset(peer);
	}
	for (int i = 0; i < BURST; i++)
		close(fds[i]);
	proxy_end(&proxy);
	assert_said(&proxy.command, "120 connections");
	assert_said(&proxy.command, "; 0 not taken by the target");
}

TEST(what_it_tells_and_nobody_reads_holds_nobody_up)
{
	struct proxy proxy;
	int client, peer;

	proxy_start(&proxy, NULL, NULL);
	meet(&proxy, &client, &peer);
	ck_assert_int_ge(fcntl(proxy.command.output, F_SETPIPE_SZ, 4096), 0);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(kill(proxy.command.pid, SIGUSR1), 0);
		assert_passes(client, peer, "x");
		pause_ms(1);
	}
	close(client);
	close(peer);
	proxy_end(&proxy);
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
	assert_said(&proxy.command, target);
	assert_said(&proxy.command, ": Connection refused\n");
	ck_assert_ptr_null(
		strstr(strstr(proxy.command.text, "refused") + 1, "refused"));
	assert_said(&proxy.command, "2 not taken by the target");
}

/* What was asked for by signals fills the pipe, in which one page has room. */
TEST(a_target_that_is_down_is_told_of_when_there_is_room)
{
	struct proxy proxy;
	struct pollfd printed = { .events = POLLIN };
	int listener = listen_here();
	char target[32];

	snprintf(target, sizeof(target), "127.0.0.1:%u", port_of(listener));
	close(listener);
	proxy_start_to(&proxy, target, NULL, NULL);
	printed.fd = proxy.command.output;
	ck_assert_int_ge(fcntl(proxy.command.output, F_SETPIPE_SZ, 4096), 0);
	ck_assert_int_eq(kill(proxy.command.pid, SIGUSR1), 0);
	while (poll(&printed, 1, 1000) == 0)
		;
	assert_turned_away(proxy.port);
	command_read(&proxy.command, true);
	assert_turned_away(proxy.port);
	command_read(&proxy.command, true);
	assert_said(&proxy.command, ": Connection refused\n");
	proxy_stop(&proxy);
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
		(void)connect(fillers[i], (const struct sockaddr *)&address,
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
	assert_said(&proxy.command, ": no answer\n");
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
	assert_said(&proxy.command, "1 of them now");
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
	assert_reset(client);
	assert_reset(peer);
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
	assert_reset(client);
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

/* An abstract one, of that name. */
static int listen_unix(const char *name)
{
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	const socklen_t length = fill_abstract(&address, name);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length),
			 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	have_patience(listener);
	return listener;
}

TEST(both_sides_may_be_unix_sockets)
{
	struct sockaddr_un address;
	char target[64], path[64];
	const char *const arguments[] = { "proxy", target, "--listen", path,
					  NULL };
	static char bytes[LARGE];
	struct command command;
	int listener, client, peer;
	socklen_t length;

	snprintf(target, sizeof(target), "unix:@a10-proxy-%d", (int)getpid());
	snprintf(path, sizeof(path), "unix:@a10-proxied-%d", (int)getpid());
	listener = listen_unix(target);
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
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), 0);
}

TEST(an_answer_of_a_unix_socket_that_is_closed_arrives_whole)
{
	static char bytes[LARGE];
	struct proxy proxy;
	char target[64];
	int client, peer;

	snprintf(target, sizeof(target), "unix:@a10-proxy-%d", (int)getpid());
	proxy.listener = listen_unix(target);
	proxy_start_to(&proxy, target, NULL, NULL);
	meet(&proxy, &client, &peer);
	if (fork() == 0) {
		send_large(peer, bytes);
		_exit(0);
	}
	close(peer);
	pause_ms(200); /* all that there is room for is on its way */
	client_hear_bytes(client, bytes, LARGE);
	client_hear_end(client);
	close(client);
	proxy_end(&proxy);
	assert_said(&proxy.command, " 0 broken");
}

/* A listener on the loopback of IPv6, or -1. */
static int listen_on_six(uint16_t *ret_port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = in6addr_loopback };
	socklen_t length = sizeof(address);
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	*ret_port = ntohs(address.sin6_port);
	have_patience(fd);
	return fd;
}

TEST(an_address_of_ipv6_stands_in_brackets)
{
	struct proxy proxy;
	uint16_t port = 0;
	char target[32];
	int client, peer;

	proxy.listener = listen_on_six(&port);
	if (proxy.listener < 0)
		SKIP("no IPv6");
	snprintf(target, sizeof(target), "[::1]:%u", port);
	proxy_start_to(&proxy, target, NULL, NULL);
	meet(&proxy, &client, &peer);
	assert_passes(client, peer, "x");
	close(client);
	close(peer);
	proxy_end(&proxy);
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

/* Where the only server of names is this socket, which does not answer. */
static int enter_network_without_names(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(53),
					     .sin_addr.s_addr =
						     htonl(INADDR_LOOPBACK) };
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char path[] = "/tmp/a10-names-XXXXXX";
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET |
		    (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		SKIP("no network of its own: %s", strerror(errno));
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "nameserver 127.0.0.1\n"), 0);
	close(fd);
	fd = mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
	if (fd == 0)
		fd = mount(path, "/etc/resolv.conf", "none", MS_BIND, NULL);
	unlink(path);
	if (fd < 0)
		SKIP("no names of its own: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &loopback), 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	have_patience(fd);
	return fd;
}

TEST(looking_for_the_target_can_be_ended)
{
	const int names = enter_network_without_names();
	const char *const arguments[] = { "proxy", "nowhere.example:80", NULL };
	struct command command;
	char question[512];

	command_start(&command, arguments);
	if (recv(names, question, sizeof(question), 0) < 0)
		SKIP("nobody asks for a name");
	ck_assert_int_eq(kill(command.pid, SIGTERM), 0);
	ck_assert_int_eq(command_wait(&command), -SIGTERM);
	close(names);
}
