/*
 * load.c - the load generator of the echo works.
 *
 * Each connection sends one message, waits until all of it is back and sends
 * the next. It is the same plain epoll loop for every server: its own cost is
 * in messages/s, but not in the server's CPU time.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 256
/* A server that says nothing for so long has hung. */
#define SILENCE_MS 5000
/* Part of the measured time that goes by unmeasured, before it. */
#define WARM_UP 0.25

struct connection {
	int fd;
	uint32_t sent;
	uint32_t received;
	bool blocked; /* epoll waits for room to send the rest */
};

struct generator {
	const struct load *load;
	struct connection *connections;
	unsigned char *message; /* what is sent */
	unsigned char *scratch; /* what comes back, of any connection */
	uint64_t finished;
	int epoll;
	bool verify;
};

static int connection_open(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	const int one = 1;
	int fd;
	int err;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int connection_watch(const struct generator *generator,
			    struct connection *connection, int verb)
{
	struct epoll_event event = {
		.events = EPOLLIN | (connection->blocked ? EPOLLOUT : 0),
		.data = { .ptr = connection },
	};

	if (epoll_ctl(generator->epoll, verb, connection->fd, &event) < 0)
		return -errno;
	return 0;
}

static int connection_send(struct generator *generator,
			   struct connection *connection)
{
	const uint32_t size = generator->load->message_size;
	const bool was_blocked = connection->blocked;
	ssize_t n;

	n = send(connection->fd, generator->message + connection->sent,
		 size - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n > 0)
		connection->sent += (uint32_t)n;
	connection->blocked = connection->sent < size;
	if (connection->blocked == was_blocked)
		return 0;
	return connection_watch(generator, connection, EPOLL_CTL_MOD);
}

static int connection_receive(struct generator *generator,
			      struct connection *connection)
{
	const uint32_t size = generator->load->message_size;
	const uint32_t at = connection->received;
	ssize_t n;

	n = recv(connection->fd, generator->scratch + at, size - at,
		 MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	if (generator->verify &&
	    memcmp(generator->scratch + at, generator->message + at,
		   (size_t)n) != 0)
		return -EBADMSG;
	connection->received += (uint32_t)n;
	if (connection->received < size)
		return 0;
	if (connection->sent < size)
		return -EBADMSG; /* more came back than had been sent */
	generator->finished++;
	connection->received = 0;
	connection->sent = 0;
	return connection_send(generator, connection);
}

static int generator_step(struct generator *generator)
{
	struct epoll_event events[EVENTS_MAX];
	int n;
	int err = 0;

	n = epoll_wait(generator->epoll, events, EVENTS_MAX, SILENCE_MS);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ETIMEDOUT;
	for (int i = 0; i < n && err == 0; i++) {
		struct connection *connection = events[i].data.ptr;

		if (events[i].events & EPOLLOUT)
			err = connection_send(generator, connection);
		if (err == 0 && events[i].events & ~(uint32_t)EPOLLOUT)
			err = connection_receive(generator, connection);
	}
	return err;
}

static uint64_t server_cpu_ns(pid_t server)
{
	struct timespec used;
	clockid_t clock;

	if (!server || clock_getcpuclockid(server, &clock) != 0 ||
	    clock_gettime(clock, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* What comes back is compared while it warms up, then only counted. */
static int generator_run(struct generator *generator,
			 struct load_result *ret_result)
{
	const struct load *load = generator->load;
	uint64_t deadline =
		clock_ns() + (uint64_t)(load->seconds * WARM_UP * 1e9);
	uint64_t begun;
	uint64_t finished;
	uint64_t cpu;
	int err = 0;

	generator->verify = true;
	while (err == 0 && clock_ns() < deadline)
		err = generator_step(generator);
	generator->verify = false;
	finished = generator->finished;
	cpu = server_cpu_ns(load->server);
	begun = clock_ns();
	deadline = begun + (uint64_t)(load->seconds * 1e9);
	while (err == 0 &&
	       (load->messages ? generator->finished < load->messages :
				 clock_ns() < deadline))
		err = generator_step(generator);
	if (err < 0)
		return err;
	ret_result->seconds = (double)(clock_ns() - begun) / 1e9;
	ret_result->messages = generator->finished - finished;
	ret_result->server_cpu_seconds =
		(double)(server_cpu_ns(load->server) - cpu) / 1e9;
	return 0;
}

static int generator_connect(struct generator *generator)
{
	const struct load *load = generator->load;
	int err = 0;

	for (uint32_t i = 0; i < load->connections && err == 0; i++) {
		struct connection *connection = &generator->connections[i];

		connection->fd = connection_open(load->port);
		if (connection->fd < 0)
			return connection->fd;
		err = connection_watch(generator, connection, EPOLL_CTL_ADD);
	}
	for (uint32_t i = 0; i < load->connections && err == 0; i++)
		err = connection_send(generator, &generator->connections[i]);
	return err;
}

int load_run(const struct load *load, struct load_result *ret_result)
{
	struct generator generator = { .load = load, .epoll = -1 };
	int err = -ENOMEM;

	generator.connections =
		calloc(load->connections, sizeof(*generator.connections));
	generator.message = malloc(load->message_size);
	generator.scratch = malloc(load->message_size);
	if (!generator.connections || !generator.message || !generator.scratch)
		goto out;
	for (uint32_t i = 0; i < load->connections; i++)
		generator.connections[i].fd = -1;
	/* No two 256-byte pieces alike: what is out of order is noticed. */
	for (uint32_t i = 0; i < load->message_size; i++)
		generator.message[i] = (unsigned char)(i * 31 + (i >> 8) * 7);
	generator.epoll = epoll_create1(EPOLL_CLOEXEC);
	err = generator.epoll < 0 ? -errno : generator_connect(&generator);
	if (err == 0)
		err = generator_run(&generator, ret_result);
out:
	for (uint32_t i = 0; generator.connections && i < load->connections;
	     i++) {
		if (generator.connections[i].fd >= 0)
			close(generator.connections[i].fd);
	}
	if (generator.epoll >= 0)
		close(generator.epoll);
	free(generator.connections);
	free(generator.message);
	free(generator.scratch);
	return err;
}
