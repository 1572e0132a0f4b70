/*
 * shards.c - echo servers on two threads, each with a listener of its own by
 * SO_REUSEPORT: the servers of the echo works, twice.
 */
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARDS  2
#define BACKLOG 4096

struct shard {
	const struct entrant *server;
	const struct work_args *args;
	pthread_t thread;
	int listen_fd;
	int stop_fd;
	int err;
};

/* Where the first one listens, which has said that it may be shared. */
static int listener_twin(int listen_fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	const int one = 1;
	int fd, err;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void *shard_main(void *data)
{
	struct shard *shard = data;

	shard->err = shard->server->serve(shard->args, shard->listen_fd,
					  shard->stop_fd);
	return NULL;
}

static int shard_start(struct shard *shard, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t one;
	int err;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	pthread_attr_init(&attr);
	/* Fewer CPUs: where it likes. */
	if (cpu < (int)sysconf(_SC_NPROCESSORS_ONLN))
		pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	err = pthread_create(&shard->thread, &attr, shard_main, shard);
	pthread_attr_destroy(&attr);
	return -err;
}

static int serve_twice(const char *name, const struct work_args *args,
		       int listen_fd, int stop_fd)
{
	struct shard shards[SHARDS];
	int err = 0;

	process_unpin();
	for (int i = 0; i < SHARDS; i++) {
		shards[i] = (struct shard){
			.server = entrant_find("echo", name),
			.args = args,
			.listen_fd =
				i == 0 ? listen_fd : listener_twin(listen_fd),
			.stop_fd = stop_fd,
		};
		if (shards[i].listen_fd < 0)
			return shards[i].listen_fd;
		err = shard_start(&shards[i], i);
		if (err < 0)
			return err; /* the process ends with it */
	}
	for (int i = 0; i < SHARDS; i++) {
		pthread_join(shards[i].thread, NULL);
		if (err == 0)
			err = shards[i].err;
	}
	return err;
}

static int serve_ours(const struct work_args *args, int listen_fd, int stop_fd)
{
	return serve_twice("ours", args, listen_fd, stop_fd);
}

static int serve_epoll(const struct work_args *args, int listen_fd, int stop_fd)
{
	return serve_twice("epoll", args, listen_fd, stop_fd);
}

static const struct entrant ours = {
	.family = "shards",
	.name = "ours",
	.serve = serve_ours,
};

static const struct entrant epolls = {
	.family = "shards",
	.name = "epoll",
	.serve = serve_epoll,
};

BENCH_ENTRANT(ours)
BENCH_ENTRANT(epolls)
