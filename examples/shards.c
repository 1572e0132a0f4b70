/*
 * shards [ADDRESS] - sends back what it gets, on all cores.
 *
 * Each core has a thread with a ring, tasks and a listener of its own: the kernel
 * deals the clients out, and nothing is shared. At SIGTERM nobody comes in any
 * more, and who is there is served until they go; at the second all ends.
 */
#include <a10.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

struct part {
	struct a10_shard shard;
	struct a10_fd listener;
	a10_id accepting;
};

static struct a10_shards *_Atomic shards;
static atomic_int asked;

static void on_signal(int number)
{
	(void)number;
	if (atomic_fetch_add(&asked, 1) == 0)
		a10_shards_drain(atomic_load(&shards));
	else
		a10_shards_stop(atomic_load(&shards));
}

static int echo(void *data)
{
	const struct a10_fd *fd = data;
	char bytes[4096];
	ssize_t n;

	while ((n = a10_await(a10_recv(*fd, bytes, sizeof(bytes), 0))) > 0)
		if (a10_await(a10_all(a10_send(*fd, bytes, (size_t)n, 0))) < 0)
			break;
	a10_await(a10_close(*fd));
	return 0;
}

static int accept_all(void *data)
{
	const struct a10_fd *listener = data;
	struct a10_fd fd;

	while (a10_await_fd(a10_accept(*listener, NULL, 0), &fd) == 0)
		if (a10_task_spawn(a10_ring_sq(a10_ring_current()), echo, &fd,
				   sizeof(fd)) < 0)
			a10_fd_release(fd);
	a10_await(a10_close(*listener));
	return 0;
}

static int drain(void *data)
{
	struct part *part = data;

	a10_await(a10_shard_draining(&part->shard));
	return a10_cancel(a10_ring_sq(part->shard.ring), part->accepting);
}

/* A shard's work begins: when this and all tasks are over it is. */
static int serve(const struct a10_shard *shard)
{
	struct a10_sq *sq = a10_ring_sq(shard->ring);
	struct part part = { .shard = *shard };
	struct a10_result r;
	ssize_t err;
	a10_id id;

	atomic_store(&shards, shard->shards);
	err = a10_await_on(sq, a10_listen_on(shard->data, A10_REUSE_PORT), &r);
	if (err < 0)
		return (int)err;
	signal(SIGTERM, on_signal);
	part.accepting = a10_task_spawn(sq, accept_all, &r.fd, sizeof(r.fd));
	if (part.accepting < 0)
		return (int)part.accepting;
	id = a10_task_spawn(sq, drain, &part, sizeof(part));
	return id < 0 ? (int)id : 0;
}

int main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : ":8011";
	int err = a10_shards_run(0, NULL, serve, (void *)address);

	if (err < 0)
		fprintf(stderr, "shards: %s: %s\n", address, strerror(-err));
	return err < 0;
}
