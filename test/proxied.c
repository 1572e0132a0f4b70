#include "proxied.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void have_patience(int fd)
{
	const struct timeval patience = { .tv_sec = (time_t)test_slowed(10) };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

uint16_t port_of(int fd)
{
	struct sockaddr_in address = { .sin_port = 0 };
	socklen_t length = sizeof(address);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	return ntohs(address.sin_port);
}

int listen_here(void)
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

int dial(uint16_t port)
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

int accept_one(int listener)
{
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", strerror(errno));
	have_patience(fd);
	return fd;
}

void reset(int fd)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* An end would say that it was whole. */
/* What it says first: where it listens. */
void proxy_hear(struct proxy *proxy)
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

void proxy_start_to(struct proxy *proxy, const char *target, const char *option,
		    const char *value)
{
	const char *const arguments[] = { "proxy",       target, "--listen",
					  "127.0.0.1:0", option, value,
					  NULL };

	command_start(&proxy->command, arguments);
	proxy_hear(proxy);
}

void proxy_start(struct proxy *proxy, const char *option, const char *value)
{
	char target[32];

	proxy->listener = listen_here();
	snprintf(target, sizeof(target), "127.0.0.1:%u",
		 port_of(proxy->listener));
	proxy_start_to(proxy, target, option, value);
}

/* It ends content when it is asked to; its last words are in text. */
void proxy_stop(struct proxy *proxy)
{
	ck_assert_int_eq(kill(proxy->command.pid, SIGTERM), 0);
	command_read(&proxy->command, false);
	ck_assert_int_eq(command_wait(&proxy->command), 0);
}

void proxy_end(struct proxy *proxy)
{
	proxy_stop(proxy);
	close(proxy->listener);
}

/* A client and what the target has of it. */
void meet(const struct proxy *proxy, int *ret_client, int *ret_peer)
{
	*ret_client = dial(proxy->port);
	*ret_peer = accept_one(proxy->listener);
}

void assert_passes(int from, int to, const char *text)
{
	char heard[64] = "";

	client_say(from, text);
	client_hear_bytes(to, heard, strlen(text));
	ck_assert_str_eq(heard, text);
}

size_t descriptors_of(const struct proxy *proxy)
{
	const struct server server = { .command = proxy->command };

	return count_descriptors(&server);
}

void assert_descriptors_of(const struct proxy *proxy, size_t count)
{
	const struct server server = { .command = proxy->command };

	assert_descriptors(&server, count);
}

void send_large(int fd, const char *bytes)
{
	size_t sent = 0;

	while (sent < LARGE) {
		const ssize_t n =
			send(fd, bytes + sent, LARGE - sent, MSG_NOSIGNAL);

		ck_assert_msg(n > 0, "%s", strerror(errno));
		sent += (size_t)n;
	}
}

void assert_reset(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
}
