/*
 * files.c - the ways in which bytes of a cached file get to a TCP socket, and
 * what they cost: microseconds of the sender's CPU for each file, workers of
 * the kernel included, by size. The receiver, a process of its own on another
 * CPU, drops what it gets. What "a10 serve" chooses from was measured by this.
 *
 *	files [SECONDS-PER-CELL]
 */
#include <a10.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	CHUNK = 128 * 1024, /* what passes through a buffer at once */
	LARGEST = 1 << 20,
	LAP = 50, /* files */
};

struct bench {
	struct a10_sq *sq;
	struct a10_region *region;
	int socket;
	int file;
	int pipe[2];
	char *buf;
};

static void must(int64_t value, const char *what)
{
	if (value >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror((int)-value));
	exit(1);
}

static ssize_t await(struct bench *bench, struct a10_op op)
{
	const ssize_t value = a10_await_on(bench->sq, op, NULL);

	must(value, "await");
	return value;
}

static size_t chunk(size_t left)
{
	return left < CHUNK ? left : CHUNK;
}

/* ---- ways --------------------------------------------------------------- */

static void wait_writable(const struct bench *bench)
{
	struct pollfd writable = { .fd = bench->socket, .events = POLLOUT };

	poll(&writable, 1, -1);
}

/* Until all of it is out, as a server that does not block would. */
static void send_all(const struct bench *bench, const char *bytes,
		     size_t length)
{
	while (length > 0) {
		const ssize_t sent =
			send(bench->socket, bytes, length, MSG_DONTWAIT);

		if (sent < 0) {
			wait_writable(bench);
			continue;
		}
		bytes += sent;
		length -= (size_t)sent;
	}
}

static void by_calls(struct bench *bench, size_t size)
{
	for (size_t at = 0; at < size; at += CHUNK) {
		const size_t length = chunk(size - at);

		must(pread(bench->file, bench->buf, length, (off_t)at),
		     "pread");
		send_all(bench, bench->buf, length);
	}
}

static void by_sendfile(struct bench *bench, size_t size)
{
	off_t at = 0;

	while (at < (off_t)size) {
		if (sendfile(bench->socket, bench->file, &at,
			     size - (size_t)at) < 0)
			wait_writable(bench);
	}
}

static void by_mmap(struct bench *bench, size_t size)
{
	char *map =
		(char *)mmap(NULL, size, PROT_READ, MAP_SHARED, bench->file, 0);

	send_all(bench, map, size);
	munmap(map, size);
}

static void by_ring(struct bench *bench, size_t size)
{
	const struct a10_fd file = a10_fd_regular(bench->file);
	const struct a10_fd socket = a10_fd_regular(bench->socket);

	for (size_t at = 0; at < size; at += CHUNK) {
		const size_t length = chunk(size - at);

		await(bench, a10_pread(file, bench->buf, length, at));
		await(bench, a10_all(a10_send(socket, bench->buf, length, 0)));
	}
}

static void by_ring_fixed(struct bench *bench, size_t size)
{
	const struct a10_fd file = a10_fd_regular(bench->file);
	const struct a10_fd socket = a10_fd_regular(bench->socket);

	for (size_t at = 0; at < size; at += CHUNK) {
		const size_t length = chunk(size - at);

		await(bench, a10_fixed(a10_pread(file, bench->buf, length, at),
				       bench->region));
		await(bench, a10_all(a10_send(socket, bench->buf, length, 0)));
	}
}

static void by_zero_copy(struct bench *bench, size_t size)
{
	const struct a10_fd file = a10_fd_regular(bench->file);
	const struct a10_fd socket = a10_fd_regular(bench->socket);

	for (size_t at = 0; at < size; at += CHUNK) {
		const size_t length = chunk(size - at);
		struct a10_op op = a10_send(socket, bench->buf, length, 0);

		await(bench, a10_pread(file, bench->buf, length, at));
		await(bench, a10_all(a10_zero_copy(op)));
	}
}

static void by_splice(struct bench *bench, size_t size)
{
	const struct a10_fd file = a10_fd_regular(bench->file);
	const struct a10_fd socket = a10_fd_regular(bench->socket);
	const struct a10_fd in = a10_fd_regular(bench->pipe[1]);
	const struct a10_fd out = a10_fd_regular(bench->pipe[0]);
	size_t at = 0;

	/* Of a socket that does not block a worker would come back at once. */
	fcntl(bench->socket, F_SETFL, 0);
	while (at < size) {
		ssize_t left =
			await(bench, a10_splice(file, (int64_t)at, in,
						A10_NO_OFFSET, size - at, 0));

		at += (size_t)left;
		while (left > 0)
			left -= await(bench, a10_splice(out, A10_NO_OFFSET,
							socket, A10_NO_OFFSET,
							(size_t)left, 0));
	}
}

static const struct {
	const char *name;
	void (*send)(struct bench *bench, size_t size);
} ways[] = {
	{ "pread + send", by_calls },
	{ "sendfile", by_sendfile },
	{ "mmap + send", by_mmap },
	{ "ring: read + send", by_ring },
	{ "ring: fixed read + send", by_ring_fixed },
	{ "ring: read + send_zc", by_zero_copy },
	{ "ring: splice + splice", by_splice },
};

/* ---- the rest ----------------------------------------------------------- */

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The least of many laps: what else runs on the machine only adds. */
static double measure(struct bench *bench, size_t way, size_t size,
		      double seconds)
{
	const double end = cpu_seconds() + seconds;
	double least = 1e9;
	double now;

	do {
		const double before = cpu_seconds();
		double lap;

		for (int i = 0; i < LAP; i++)
			ways[way].send(bench, size);
		now = cpu_seconds();
		lap = (now - before) / LAP * 1e6;
		least = lap < least ? lap : least;
	} while (now < end);
	return least;
}

/* sender: the other end, which must not stay open here. */
static void receive(int listener, int sender)
{
	const int fd = accept(listener, NULL, NULL);

	close(sender);
	/* Of a TCP socket this drops the bytes without copying them. */
	while (recv(fd, NULL, LARGEST, MSG_TRUNC) > 0)
		;
	_exit(0);
}

static int connect_to_receiver(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr =
					       htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int fd =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	must(bind(listener, (struct sockaddr *)&address, length), "bind");
	must(listen(listener, 1), "listen");
	getsockname(listener, (struct sockaddr *)&address, &length);
	/* Under way, as it does not block; the first wait is for it. */
	(void)connect(fd, (struct sockaddr *)&address, length);
	if (fork() == 0)
		receive(listener, fd);
	close(listener);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int make_file(void)
{
	char name[] = "/tmp/a10-files-XXXXXX";
	const int fd = mkstemp(name);
	char *bytes = (char *)malloc(LARGEST);

	must(fd, "mkstemp");
	unlink(name);
	memset(bytes, 'x', LARGEST);
	must(write(fd, bytes, LARGEST), "write");
	free(bytes);
	return fd;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 1024,       4096,      16 * 1024,
					32 * 1024,  64 * 1024, 100 * 1024,
					256 * 1024, LARGEST };
	const size_t size_count = sizeof(sizes) / sizeof(*sizes);
	const double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.3;
	const struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring;
	struct bench bench;

	signal(SIGPIPE, SIG_IGN);
	bench.file = make_file();
	bench.socket = connect_to_receiver();
	must(pipe2(bench.pipe, O_CLOEXEC), "pipe");
	fcntl(bench.pipe[0], F_SETPIPE_SZ, LARGEST);
	must(a10_ring_create(&config, &ring), "ring");
	bench.sq = a10_ring_sq(ring);
	must(a10_region_create(ring, NULL, CHUNK, &bench.region), "region");
	bench.buf = (char *)a10_region_data(bench.region);
	printf("%-28s", "CPU us per file of KiB");
	for (size_t i = 0; i < size_count; i++)
		printf("%8zu", sizes[i] / 1024);
	printf("\n");
	for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		printf("%-28s", ways[way].name);
		for (size_t i = 0; i < size_count; i++) {
			printf("%8.1f",
			       measure(&bench, way, sizes[i], seconds));
			fflush(stdout);
		}
		printf("\n");
	}
	return a10_ring_destroy(ring, A10_SECOND);
}
