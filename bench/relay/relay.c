/*
 * relay.c - the ways of passing a TCP connection on, and what they cost: GB of
 * one large stream for each second of the relay's CPU, workers of the kernel
 * included; and of 64 bytes there and back the median time, and the CPU. The
 * ends are processes of their own. What "a10 proxy" chooses from was measured
 * by this.
 *
 *	relay [SECONDS-PER-CELL [PORT]]
 *
 * With a PORT it also measures what listens there and passes on to PORT + 1,
 * whose process must then be the one that A10_RELAY_PID names.
 */
#include <a10.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PIECE = 1 << 18, /* of the stream's sender */
	MESSAGE = 64,
	MESSAGES_MAX = 1 << 20,
};

struct way {
	const char *name;
	int (*move)(struct a10_fd from, struct a10_fd to, size_t size);
	size_t size;
};

/* One direction of a connection, a task. */
struct direction {
	const struct way *way;
	struct a10_fd from;
	struct a10_fd to;
};

/* Where the relay lets the client in, and where it connects to. */
struct place {
	const struct way *way;
	int listener;
	struct sockaddr_in target;
};

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- ways ---------------------------------------------------------------- */

static int copy(struct a10_fd from, struct a10_fd to, size_t size)
{
	char *bytes = malloc(size);
	ssize_t n;

	must(bytes != NULL, "memory");
	while ((n = a10_await(a10_recv(from, bytes, size, 0))) > 0) {
		n = a10_await(a10_all(a10_send(to, bytes, (size_t)n, 0)));
		if (n < 0)
			break;
	}
	free(bytes);
	return (int)n;
}

static void pipe_open(int ends[2], size_t size)
{
	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe");
	fcntl(ends[1], F_SETPIPE_SZ, (int)size);
}

static int ring_splice(struct a10_fd from, struct a10_fd to, size_t size)
{
	int ends[2];
	ssize_t n;

	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	fcntl(ends[1], F_SETPIPE_SZ, (int)size);
	while ((n = a10_await(a10_splice(from, A10_NO_OFFSET,
					 a10_fd_regular(ends[1]), A10_NO_OFFSET,
					 size, SPLICE_F_MOVE))) > 0) {
		for (ssize_t step; n > 0; n -= step) {
			step = a10_await(a10_splice(
				a10_fd_regular(ends[0]), A10_NO_OFFSET, to,
				A10_NO_OFFSET, (size_t)n, SPLICE_F_MOVE));
			if (step <= 0)
				return (int)step;
		}
	}
	return (int)n;
}

/* splice(2), and the ring's poll where it has to wait. Else as splice(2). */
static ssize_t splice_or_wait(int from, int to, size_t size, int waited_for,
			      uint32_t events)
{
	ssize_t n;

	while ((n = splice(from, NULL, to, NULL, size,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK)) < 0 &&
	       errno == EAGAIN) {
		if (a10_await(a10_poll(a10_fd_regular(waited_for), events)) < 0)
			return -1;
	}
	return n;
}

static int plain_splice(struct a10_fd from, struct a10_fd to, size_t size)
{
	const int in = a10_fd_number(from);
	const int out = a10_fd_number(to);
	int ends[2];
	ssize_t n;

	pipe_open(ends, size);
	fcntl(in, F_SETFL, O_RDWR | O_NONBLOCK);
	fcntl(out, F_SETFL, O_RDWR | O_NONBLOCK);
	while ((n = splice_or_wait(in, ends[1], size, in, POLLIN)) > 0) {
		for (ssize_t step; n > 0; n -= step) {
			step = splice_or_wait(ends[0], out, (size_t)n, out,
					      POLLOUT);
			if (step <= 0)
				return (int)step;
		}
	}
	return (int)n;
}

static const struct way ways[] = {
	{ "recv + send, 16 KiB", copy, 16 << 10 },
	{ "recv + send, 256 KiB", copy, 256 << 10 },
	{ "splices of the ring, 256 KiB", ring_splice, 256 << 10 },
	{ "splice(2) and polls, 64 KiB", plain_splice, 64 << 10 },
	{ "splice(2) and polls, 256 KiB", plain_splice, 256 << 10 },
	{ "splice(2) and polls, 1 MiB", plain_splice, 1 << 20 },
};

/* ---- the relay ----------------------------------------------------------- */

static int direction_run(void *data)
{
	const struct direction *direction = data;

	return direction->way->move(direction->from, direction->to,
				    direction->way->size);
}

static int dial(const struct sockaddr_in *address)
{
	const int on = 1;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && connect(fd, (const struct sockaddr *)address,
				sizeof(*address)) == 0,
	     "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int take(int listener)
{
	const int on = 1;
	const int fd = accept(listener, NULL, NULL);

	must(fd >= 0, "accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* One connection; the process is killed in the end. */
static int relay(void *data)
{
	const struct place *place = data;
	const struct a10_fd client = a10_fd_regular(take(place->listener));
	const struct a10_fd target = a10_fd_regular(dial(&place->target));
	const struct direction there = { place->way, client, target };
	const struct direction back = { place->way, target, client };
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, direction_run, &there, sizeof(there));
	a10_scope_spawn(&scope, direction_run, &back, sizeof(back));
	a10_await(a10_scope_wait(&scope));
	return a10_scope_close(&scope);
}

/* ---- the ends ------------------------------------------------------------ */

/* What comes is dropped, or sent back. */
static void sink(int listener, bool echo)
{
	static char bytes[PIECE];
	const int fd = take(listener);
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		if (echo && send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

static double clock_of(clockid_t clock)
{
	struct timespec time;

	must(clock_gettime(clock, &time) == 0, "clock");
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_of(pid_t pid)
{
	clockid_t clock;

	must(clock_getcpuclockid(pid, &clock) == 0, "clock of a process");
	return clock_of(clock);
}

static int compare(const void *a, const void *b)
{
	const float difference = *(const float *)a - *(const float *)b;

	return (difference > 0) - (difference < 0);
}

static void stream(int fd, pid_t pid, double seconds)
{
	static const char bytes[PIECE];
	const double cpu = cpu_of(pid);
	const double until = clock_of(CLOCK_MONOTONIC) + seconds;
	double sent = 0;

	while (clock_of(CLOCK_MONOTONIC) < until) {
		const ssize_t n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);

		must(n > 0, "send");
		sent += (double)n;
	}
	printf(" %8.2f", sent / 1e9 / (cpu_of(pid) - cpu));
}

static void ping(int fd, pid_t pid, double seconds)
{
	static float times[MESSAGES_MAX];
	const double cpu = cpu_of(pid);
	const double until = clock_of(CLOCK_MONOTONIC) + seconds;
	double now = clock_of(CLOCK_MONOTONIC);
	size_t count = 0;

	while (now < until && count < MESSAGES_MAX) {
		char bytes[MESSAGE] = { 0 };
		const double began = now;

		must(send(fd, bytes, MESSAGE, MSG_NOSIGNAL) == MESSAGE &&
			     recv(fd, bytes, MESSAGE, MSG_WAITALL) == MESSAGE,
		     "a message");
		now = clock_of(CLOCK_MONOTONIC);
		times[count++] = (float)(now - began);
	}
	qsort(times, count, sizeof(*times), compare);
	printf(" %8.1f %8.1f\n", (double)times[count / 2] * 1e6,
	       (cpu_of(pid) - cpu) / (double)count * 1e6);
}

/* ---- the whole ----------------------------------------------------------- */

/* On a port of the loopback; 0: any, which is then in the address. */
static int listen_on(uint16_t port, struct sockaddr_in *ret_address)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*ret_address);
	const int on = 1;

	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sin_family = AF_INET;
	ret_address->sin_port = htons(port);
	ret_address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)ret_address, length) == 0 &&
		     listen(fd, 4) == 0 &&
		     getsockname(fd, (struct sockaddr *)ret_address, &length) ==
			     0,
	     "listen");
	return fd;
}

/* fork, and what ends when its parent does. */
static pid_t child(void)
{
	const pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void measure(const struct sockaddr_in *relay_at, int target, pid_t pid,
		    bool large, double seconds)
{
	const pid_t other = child();
	int fd;

	if (other == 0)
		sink(target, !large);
	fd = dial(relay_at);
	(large ? stream : ping)(fd, pid, seconds);
	close(fd);
	end(other);
}

static void try_way(const struct way *way, double seconds)
{
	printf("%-32s", way->name);
	for (int large = 1; large >= 0; large--) {
		struct sockaddr_in address;
		struct place place = { .way = way };
		const int target = listen_on(0, &place.target);
		pid_t pid;

		place.listener = listen_on(0, &address);
		fflush(stdout);
		pid = child();
		if (pid == 0)
			_exit(a10_run(NULL, relay, &place) < 0);
		measure(&address, target, pid, large, seconds);
		end(pid);
		close(place.listener);
		close(target);
	}
}

int main(int argc, char **argv)
{
	const double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	const char *pid = getenv("A10_RELAY_PID");

	signal(SIGPIPE, SIG_IGN);
	printf("%-32s %8s %8s %8s\n", "", "GB/CPU s", "us", "CPU us");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		try_way(&ways[i], seconds);
	if (argc > 2 && pid) {
		struct sockaddr_in address = { .sin_family = AF_INET };
		const uint16_t port = (uint16_t)strtoul(argv[2], NULL, 10);
		const int target = listen_on(port + 1, &address);

		address.sin_port = htons(port);
		printf("%-32s", "what listens there");
		for (int large = 1; large >= 0; large--)
			measure(&address, target, (pid_t)strtol(pid, NULL, 10),
				large, seconds);
		close(target);
	}
	return 0;
}
