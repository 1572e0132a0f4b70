/*
 * What every_test.c works on: descriptors of both kinds with somebody at their
 * other ends, a pool, a region, a watch, a child, another ring.
 */
#ifndef EVERY_WORLD_H
#define EVERY_WORLD_H

#include "support.h"

#include <a10/channel.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "ring/core.h"

/* What operations work on, and may write to. */
struct world {
	struct a10_ring *ring, *other; /* to which messages go */
	struct a10_sq *sq;
	struct folder folder;
	struct a10_pool *pool;
	struct a10_region *region;
	void *fixed; /* what is in it */
	struct a10_fd file[2], in[2], out[2], socket[2], listener[2], epoll[2],
		directory[2], dialer[2];
	int far_in, far_out, far_socket;
	int full[2]; /* a listener nobody else can connect to, and who did */
	struct a10_address busy; /* that one's */
	char name[64];           /* of the listener that accepts */
	uint64_t random;
	struct a10_watch *watch;
	struct a10_fd signals;
	struct a10_scope scope;
	struct a10_channel *channel;
	struct a10_semaphore semaphore;
	struct a10_process_options options;
	struct a10_process child; /* which stays */
	struct open_how how;
	bool forces; /* not before 6.7, see run_modified */
};

static inline uint64_t pick(struct world *world, uint64_t of)
{
	return test_random(&world->random) % of;
}

static inline void both_of(struct a10_ring *ring, int number,
			   struct a10_fd fds[2])
{
	ck_assert_int_ge(number, 0);
	fds[0] = a10_fd_regular(number);
	fds[1] = fd_of(ring, a10_fd_register(fds[0]));
}

/* Streams, pipes, and a place that cannot be connected to for now. */
static inline void world_connect(struct world *world)
{
	const struct a10_op accepts = a10_listen_on("127.0.0.1:0", 0);
	struct a10_address name;
	socklen_t length = sizeof(sa_family_t);
	int ends[2];

	pipe_open(ends);
	world->far_in = ends[1];
	both_of(world->ring, ends[0], world->in);
	pipe_open(ends);
	world->far_out = ends[0];
	both_of(world->ring, ends[1], world->out);

	world->listener[0] = fd_of(world->ring, accepts);
	world->listener[1] =
		fd_of(world->ring, a10_fd_register(world->listener[0]));
	ck_assert_int_eq(value_of(world->ring,
				  a10_getsockname(world->listener[0], &name)),
			 0);
	ck_assert_int_gt(
		a10_address_format(&name, world->name, sizeof(world->name)), 0);
	world->far_socket = a10_fd_number(
		fd_of(world->ring, a10_connect_to(world->name, 0)));
	both_of(world->ring,
		a10_fd_number(fd_of(world->ring,
				    a10_accept(world->listener[0], NULL, 0))),
		world->socket);

	/* Of no name the kernel makes one. */
	memset(&world->busy, 0, sizeof(world->busy));
	world->busy.as.un.sun_family = AF_UNIX;
	for (int i = 0; i < 2; i++)
		world->full[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(world->full[0], &world->busy.as.any, length), 0);
	ck_assert_int_eq(listen(world->full[0], 0), 0);
	length = sizeof(world->busy.as);
	ck_assert_int_eq(
		getsockname(world->full[0], &world->busy.as.any, &length), 0);
	world->busy.length = length;
	ck_assert_int_eq(connect(world->full[1], &world->busy.as.any, length),
			 0);
	both_of(world->ring, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		world->dialer);
}

/* What is watched, waited for, and talked to. */
static inline void world_people(struct world *world)
{
	static const char *const stays[] = { "sleep", "999", NULL };
	static const char *const ends[] = { "true", NULL };
	sigset_t signals;

	world->options.argv = stays;
	ck_assert_int_eq(
		value_of(world->ring,
			 a10_process_spawn(&world->options, &world->child)),
		0);
	world->options.argv = ends;
	world->options.in = world->options.out = A10_STDIO_PIPE;
	ck_assert_int_eq(a10_watch_create(world->sq, &world->watch), 0);
	ck_assert_int_gt(a10_watch_add(world->watch, world->folder.path,
				       IN_MODIFY, 0),
			 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	ck_assert_int_eq(a10_signals_open(&signals, &world->signals), 0);
	a10_scope_open(&world->scope, world->sq, 0);
	world->channel = a10_channel_create(8, 4, NULL);
	ck_assert_ptr_nonnull(world->channel);
	a10_semaphore_init(&world->semaphore, 2);
	world->how.flags = O_RDONLY;
}

static inline void world_open(struct world *world, bool large)
{
	struct a10_config config = { .direct_descriptors = 64,
				     .registered_buffers = 2,
				     .large_completions = large };
	struct epoll_event event = { .events = EPOLLIN };

	memset(world, 0, sizeof(*world));
	world->random = test_seed();
	world->ring = ring_open(&config);
	world->other = ring_open_direct(64);
	ring_bind(world->other);
	world->sq = a10_ring_sq(world->ring);
	world->forces = ring_has(world->ring, A10_OPCODE_WAITID);
	folder_open(&world->folder);
	ck_assert_int_eq(a10_ring_set_direct_range(world->ring, 0, 60), 0);
	ck_assert_int_eq(a10_pool_create(world->ring, 16, 512, 0, &world->pool),
			 0);
	ck_assert_int_eq(
		a10_region_create(world->ring, NULL, 4096, &world->region), 0);
	world->fixed = a10_region_data(world->region);
	file_write(folder_file(&world->folder, "f"), "0123456789", 10);
	both_of(world->ring, open(world->folder.file, O_RDWR | O_CLOEXEC),
		world->file);
	world_connect(world);
	both_of(world->ring, epoll_create1(EPOLL_CLOEXEC), world->epoll);
	ck_assert_int_eq(epoll_ctl(a10_fd_number(world->epoll[0]),
				   EPOLL_CTL_ADD, a10_fd_number(world->in[0]),
				   &event),
			 0);
	both_of(world->ring,
		open(world->folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		world->directory);
	world_people(world);
	ck_assert_int_ge(a10_ring_fd(world->other), 0); /* made when asked */
}

/*
 * Takes what has come to the other ends, and says so: a send without copying is
 * over when that is known. Whether nothing is under way any more.
 */
static inline bool world_rests(struct world *world)
{
	char bytes[4096];
	const int now = 1;
	int there = 0;

	if (ioctl(world->far_out, FIONREAD, &there) == 0 && there > 0)
		ck_assert_int_gt(read(world->far_out, bytes, sizeof(bytes)), 0);
	while (recv(world->far_socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(setsockopt(world->far_socket, IPPROTO_TCP,
				    TCP_QUICKACK, &now, sizeof(now)),
			 0);
	ck_assert_int_ge(a10_ring_poll(world->other, 0), 0);
	return a10_ring_pending(world->ring) == 0;
}

/* Something for those that wait, and room for those that write. */
static inline void world_stir(struct world *world)
{
	uint64_t item;

	switch (pick(world, 8)) {
	case 0:
		ck_assert_int_eq(write(world->far_in, "x", 1), 1);
		break;
	case 1:
		ck_assert_int_gt(send(world->far_socket, "xyz", 3, 0), 0);
		break;
	case 2:
		ck_assert_int_eq(a10_signal_send(getpid(), SIGUSR1), 0);
		break;
	case 3:
		ck_assert_int_eq(a10_message_post(world->sq, 7), 0);
		break;
	case 4:
		a10_semaphore_release(&world->semaphore);
		break;
	case 5:
		(void)a10_channel_try_receive(world->channel, &item,
					      sizeof(item));
		break;
	default:
		break;
	}
	(void)world_rests(world);
}

static inline void world_close(struct world *world)
{
	struct a10_fd *all[] = { world->file,   world->in,       world->out,
				 world->socket, world->listener, world->epoll,
				 world->dialer, world->directory };
	const int numbers[] = { world->far_in, world->far_out,
				world->far_socket, world->full[0],
				world->full[1] };

	/* Whoever waited for any child may have had this one. */
	ck_assert_int_eq(a10_process_kill(&world->child, SIGKILL), 0);
	(void)value_of(world->ring, a10_process_wait(&world->child));
	a10_fd_release(world->child.pidfd);
	a10_watch_destroy(world->watch);
	a10_channel_unref(world->channel);
	a10_semaphore_finish(&world->semaphore);
	a10_region_destroy(world->region);
	fd_close(world->ring, world->signals);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		fd_close(world->ring, all[i][1]);
		fd_close(world->ring, all[i][0]);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_int_eq(close(numbers[i]), 0);
	folder_close(&world->folder);
	ring_close(world->other);
	ring_close(world->ring);
}

#endif
