/*
 * Every operation, begun, cancelled and forgotten at random, on both kinds of
 * descriptors: each is over once, and nothing is left open, lent or under way.
 */
#include "support.h"

#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/ioctl.h>

#include "ring/core.h"

enum {
	BYTES = 64,
	CHUNK = 24, /* under way at a time */
};

/* What operations work on, and may write to. */
struct world {
	struct a10_ring *ring;
	struct a10_sq *sq;
	struct folder folder;
	struct a10_pool *pool;
	struct a10_fd file[2], in[2], out[2], socket[2], listener[2], epoll[2],
		directory[2];
	int far_in, far_out, far_socket;
	uint64_t random;
	struct a10_watch *watch;
	struct a10_fd signals;
};

/* One operation, with all that is lent to it. */
struct run {
	struct world *world;
	unsigned int ended;
	bool detached;
	unsigned char bytes[BYTES];
	struct iovec iov;
	struct msghdr header;
	struct statx status;
	struct a10_address address;
	struct a10_fd pair[2];
	struct epoll_event event;
	struct signalfd_siginfo info;
	struct a10_watch_event change;
	siginfo_t child;
	uint32_t word;
	struct futex_waitv wait;
};

static uint64_t pick(struct world *world, uint64_t of)
{
	return test_random(&world->random) % of;
}

static void take(void *data, const struct a10_result *r)
{
	struct run *run = data;

	a10_buf_release(r->buf);
	a10_fd_release(r->fd);
	if (r->value >= 0 && a10_fd_valid(run->pair[0])) {
		a10_fd_release(run->pair[0]);
		a10_fd_release(run->pair[1]);
	}
	run->pair[0] = run->pair[1] = a10_fd_none();
	run->ended += !r->more;
}

static ssize_t work_little(void *data)
{
	return data != NULL;
}

typedef struct a10_op make_op(struct run *run, int direct);

/* One line for each: what is made with "run", of which "w" is the world. */
#define EVERY(name, expression)                                   \
	static struct a10_op every_##name(struct run *run, int d) \
	{                                                         \
		struct world *w = run->world;                     \
                                                                  \
		(void)w;                                          \
		(void)d;                                          \
		return expression;                                \
	}

EVERY(nop, a10_nop())
EVERY(read, a10_read(w->in[d], run->bytes, BYTES))
EVERY(pread, a10_pread(w->file[d], run->bytes, BYTES, 0))
EVERY(write, a10_write(w->out[d], run->bytes, 1))
EVERY(pwrite, a10_all(a10_pwrite(w->file[d], run->bytes, BYTES, 0)))
EVERY(readv, a10_preadv2(w->file[d], &run->iov, 1, 0, 0))
EVERY(writev, a10_pwritev2(w->file[d], &run->iov, 1, 0, 0))
EVERY(read_pooled, a10_read_pooled(w->in[d], w->pool))
EVERY(reads, a10_multishot(a10_read_pooled(w->in[d], w->pool)))
EVERY(splice, a10_splice(w->in[d], A10_NO_OFFSET, w->file[d], 0, 1, 0))
EVERY(tee, a10_tee(w->in[d], w->out[d], 1, 0))
EVERY(pipe, a10_pipe(run->pair, 0))
EVERY(pipe_direct, a10_direct(a10_pipe(run->pair, 0)))
EVERY(fsync, a10_fsync(w->file[d]))
EVERY(range, a10_sync_file_range(w->file[d], 0, 1, 0))
EVERY(truncate, a10_ftruncate(w->file[d], 100))
EVERY(allocate, a10_fallocate(w->file[d], 0, 0, 100))
EVERY(fadvise, a10_fadvise(w->file[d], 0, INT64_C(1) << 33, 0))
EVERY(madvise, a10_madvise(run, (size_t)1 << 33, 9999))
EVERY(open, a10_open("/dev/null", O_RDWR, 0))
EVERY(open_direct, a10_direct(a10_open("/dev/null", O_RDWR, 0)))
EVERY(statx, a10_statx(w->file[d], "", AT_EMPTY_PATH, STATX_SIZE, &run->status))
EVERY(mkdir, a10_mkdirat(A10_CWD, "/proc", 0))
EVERY(unlink, a10_unlinkat(A10_CWD, "/no/such", 0))
EVERY(rename, a10_renameat(A10_CWD, "/no/such", A10_CWD, "/no"))
EVERY(link, a10_linkat(A10_CWD, "/no/such", A10_CWD, "/no", 0))
EVERY(symlink, a10_symlinkat("x", A10_CWD, "/proc/x"))
EVERY(getxattr, a10_fgetxattr(w->file[d], "user.x", run->bytes, BYTES))
EVERY(setxattr, a10_setxattr("/no/such", "user.x", "v", 1, 0))
EVERY(poll, a10_poll(w->in[d], POLLIN))
EVERY(polls, a10_multishot(a10_poll(w->socket[d], POLLIN)))
EVERY(epoll_wait, a10_epoll_wait(w->epoll[d], &run->event, 1))
EVERY(epoll_ctl, a10_epoll_ctl(w->epoll[d], EPOLL_CTL_DEL, A10_STDIN, NULL))
EVERY(socket, a10_socket(AF_INET, SOCK_STREAM, 0))
EVERY(accept, a10_accept(w->listener[d], &run->address, 0))
EVERY(accepts, a10_multishot(a10_direct(a10_accept(w->listener[d], NULL, 0))))
EVERY(accept_now, a10_accept_now(w->listener[d], NULL, 0))
EVERY(connect_to, a10_connect_to("unix:@nobody-is-here", 0))
EVERY(listen_on, a10_direct(a10_listen_on("127.0.0.1:0", 0)))
EVERY(recv, a10_recv(w->socket[d], run->bytes, BYTES, 0))
EVERY(recvs,
      a10_bundled(a10_multishot(a10_recv_pooled(w->socket[d], w->pool, 0))))
EVERY(recvfrom, a10_recvfrom(w->socket[d], run->bytes, BYTES, 0, &run->address))
EVERY(recvmsg, a10_recvmsg(w->socket[d], &run->header, 0))
EVERY(recvmsgs, a10_multishot(a10_recvmsg_pooled(w->socket[d], w->pool, 64, 0)))
EVERY(send, a10_all(a10_send(w->socket[d], run->bytes, 1, 0)))
EVERY(sendmsg, a10_sendmsg(w->socket[d], &run->header, 0))
EVERY(send_copyless, a10_zero_copy(a10_send(w->socket[d], run->bytes, 1, 0)))
EVERY(option, a10_sockopt_type(w->socket[d]))
EVERY(option_tcp, a10_sockopt_no_delay(w->socket[d]))
EVERY(option_set, a10_sockopt_set_keep_alive(w->socket[d], true))
EVERY(getsockname, a10_getsockname(w->socket[d], &run->address))
EVERY(unread, a10_socket_unread(w->socket[d]))
EVERY(register_fd, a10_fd_register(w->file[0]))
EVERY(install, a10_fd_install(w->file[1], 0))
EVERY(clone, a10_fd_clone(w->file[d]))
EVERY(replace, a10_fd_replace(a10_ring_direct(w->ring, 63), w->file[0]))
EVERY(after, a10_after(A10_MILLISECOND))
EVERY(periods, a10_multishot(a10_after(A10_MILLISECOND)))
EVERY(at, a10_at(CLOCK_BOOTTIME, INT64_MAX / 2))
EVERY(poll_update, a10_poll_update((a10_id)pick(w, 1 << 30), POLLIN))
EVERY(timer_update, a10_timer_update((a10_id)pick(w, 1 << 30), 1))
EVERY(waitid, a10_waitid(P_PID, 1, &run->child, WEXITED))
EVERY(futex_wait, a10_futex_wait(&run->word, 0, 0))
EVERY(futex_wake, a10_futex_wake(&run->word, 1, 0))
EVERY(signal, a10_signal_read(w->signals, &run->info))
EVERY(signals, a10_multishot(a10_signal_read(w->signals, &run->info)))
EVERY(watch, a10_watch_next(w->watch, &run->change))
EVERY(watches, a10_multishot(a10_watch_next(w->watch, &run->change)))

EVERY(futex_waitv, a10_futex_waitv(&run->wait, 1))
EVERY(waitid_any, a10_waitid(P_ALL, 0, &run->child, WEXITED))
EVERY(discard, a10_block_discard(w->file[d], 0, 4096))
EVERY(bind, a10_bind(w->socket[d], &run->address))
EVERY(readlink, a10_readlink("/proc/self/exe", (char *)run->bytes, BYTES))
EVERY(getdents, a10_getdents64(w->directory[d], run->bytes, BYTES))
EVERY(sendfile, a10_all(a10_sendfile(w->socket[d], w->file[d], 0, 5)))
EVERY(sendfile_pipe, a10_sendfile(w->out[d], w->file[!d], 2, 5))
EVERY(copy_range, a10_copy_file_range(w->file[!d], 0, w->file[d], 50, 5))
EVERY(watch_tree, a10_watch_tree(w->watch, w->folder.path, IN_ATTRIB))
EVERY(work, a10_work(work_little, run))
EVERY(resolve, a10_resolve("127.0.0.1:80", &run->address, 1))

static make_op *const makers[] = {
	every_nop,
	every_read,
	every_pread,
	every_write,
	every_pwrite,
	every_readv,
	every_writev,
	every_read_pooled,
	every_reads,
	every_splice,
	every_tee,
	every_pipe,
	every_pipe_direct,
	every_fsync,
	every_range,
	every_truncate,
	every_allocate,
	every_fadvise,
	every_madvise,
	every_open,
	every_open_direct,
	every_statx,
	every_mkdir,
	every_unlink,
	every_rename,
	every_link,
	every_symlink,
	every_getxattr,
	every_setxattr,
	every_poll,
	every_polls,
	every_epoll_wait,
	every_epoll_ctl,
	every_socket,
	every_accept,
	every_accepts,
	every_accept_now,
	every_connect_to,
	every_listen_on,
	every_recv,
	every_recvs,
	every_recvfrom,
	every_recvmsg,
	every_recvmsgs,
	every_send,
	every_sendmsg,
	every_send_copyless,
	every_option,
	every_option_tcp,
	every_option_set,
	every_getsockname,
	every_unread,
	every_register_fd,
	every_install,
	every_clone,
	every_replace,
	every_after,
	every_periods,
	every_at,
	every_poll_update,
	every_timer_update,
	every_waitid,
	every_futex_wait,
	every_futex_wake,
	every_signal,
	every_signals,
	every_watch,
	every_watches,
	every_futex_waitv,
	every_waitid_any,
	every_discard,
	every_bind,
	every_readlink,
	every_getdents,
	every_sendfile,
	every_sendfile_pipe,
	every_copy_range,
	every_watch_tree,
	every_work,
	every_resolve,
};

#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* ---- the world --------------------------------------------------------------- */

static void both_of(struct a10_ring *ring, int number, struct a10_fd fds[2])
{
	ck_assert_int_ge(number, 0);
	fds[0] = a10_fd_regular(number);
	fds[1] = fd_of(ring, a10_fd_register(fds[0]));
}

static void world_open(struct world *world)
{
	struct a10_config config = { .direct_descriptors = 64 };
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t signals;
	int ends[2];

	memset(world, 0, sizeof(*world));
	world->random = test_seed();
	world->ring = ring_open(&config);
	world->sq = a10_ring_sq(world->ring);
	folder_open(&world->folder);
	ck_assert_int_eq(a10_ring_set_direct_range(world->ring, 0, 60), 0);
	ck_assert_int_eq(a10_pool_create(world->ring, 16, 512, 0, &world->pool),
			 0);
	file_write(folder_file(&world->folder, "f"), "0123456789", 10);
	both_of(world->ring, open(world->folder.file, O_RDWR | O_CLOEXEC),
		world->file);
	pipe_open(ends);
	world->far_in = ends[1];
	both_of(world->ring, ends[0], world->in);
	pipe_open(ends);
	world->far_out = ends[0];
	both_of(world->ring, ends[1], world->out);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	world->far_socket = ends[1];
	both_of(world->ring, ends[0], world->socket);
	world->listener[0] =
		fd_of(world->ring, a10_listen_on("127.0.0.1:0", 0));
	world->listener[1] =
		fd_of(world->ring, a10_fd_register(world->listener[0]));
	both_of(world->ring, epoll_create1(EPOLL_CLOEXEC), world->epoll);
	both_of(world->ring,
		open(world->folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		world->directory);
	ck_assert_int_eq(epoll_ctl(a10_fd_number(world->epoll[0]),
				   EPOLL_CTL_ADD, a10_fd_number(world->in[0]),
				   &event),
			 0);
	ck_assert_int_eq(a10_watch_create(world->sq, &world->watch), 0);
	ck_assert_int_gt(a10_watch_add(world->watch, world->folder.path,
				       IN_MODIFY, 0),
			 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	ck_assert_int_eq(a10_signals_open(&signals, &world->signals), 0);
}

/* Something for those that wait, and room for those that write. */
static void world_stir(struct world *world)
{
	char bytes[4096];
	int there = 0;

	switch (pick(world, 6)) {
	case 0:
		ck_assert_int_eq(write(world->far_in, "x", 1), 1);
		break;
	case 1:
		ck_assert_int_gt(send(world->far_socket, "xyz", 3, 0), 0);
		break;
	case 2:
		kill(getpid(), SIGUSR1);
		break;
	default:
		break;
	}
	if (ioctl(world->far_out, FIONREAD, &there) == 0 && there > 0)
		ck_assert_int_gt(read(world->far_out, bytes, sizeof(bytes)), 0);
	while (recv(world->far_socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void world_close(struct world *world)
{
	struct a10_fd *all[] = { world->file,     world->in,       world->out,
				 world->socket,   world->listener, world->epoll,
				 world->directory };

	a10_watch_destroy(world->watch);
	fd_close(world->ring, world->signals);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		fd_close(world->ring, all[i][1]);
		fd_close(world->ring, all[i][0]);
	}
	ck_assert_int_eq(close(world->far_in), 0);
	ck_assert_int_eq(close(world->far_out), 0);
	ck_assert_int_eq(close(world->far_socket), 0);
	folder_close(&world->folder);
	ring_close(world->ring);
}

/* ---- random sequences ---------------------------------------------------------- */

static a10_id run_begin(struct world *world, struct run *run, size_t which,
			int direct)
{
	a10_id id;

	memset(run, 0, sizeof(*run));
	run->world = world;
	run->iov = (struct iovec){ run->bytes, BYTES };
	run->header.msg_iov = &run->iov;
	run->header.msg_iovlen = 1;
	run->wait.uaddr = (uintptr_t)&run->word;
	run->wait.flags = 2 | FUTEX_PRIVATE_FLAG;
	ck_assert_int_eq(
		a10_address_parse("unix:/no/such/place", &run->address), 0);
	id = a10_submit(world->sq, makers[which](run, direct), take, run);
	if (id < 0)
		run->ended = 1; /* refused: it will not be delivered */
	return id;
}

static void run_meddle(struct world *world, struct run *run, a10_id id)
{
	if (id < 0)
		return;
	switch (pick(world, 4)) {
	case 0:
		ck_assert_int_eq(a10_cancel(world->sq, id), 0);
		break;
	case 1:
		/* What is lent to it stays: the runs outlive the turn. */
		ck_assert_int_eq(a10_detach(world->sq, id), 0);
		run->detached = true;
		break;
	default:
		break;
	}
}

static void chunk(struct world *world, struct run *runs)
{
	a10_id ids[CHUNK];

	for (int i = 0; i < CHUNK; i++) {
		ids[i] = run_begin(world, &runs[i], pick(world, MAKERS),
				   (int)pick(world, 2));
		if (pick(world, 3) == 0)
			run_meddle(world, &runs[i], ids[i]);
		if (pick(world, 6) == 0)
			ck_assert_int_ge(a10_ring_poll(world->ring, 0), 0);
		if (pick(world, 4) == 0)
			world_stir(world);
	}
	ck_assert_int_ge(a10_ring_poll(world->ring, 0), 0);
	for (int i = 0; i < CHUNK; i++) {
		if (ids[i] > 0)
			ck_assert_int_eq(a10_cancel(world->sq, ids[i]), 0);
	}
	RUN_UNTIL(world->ring, a10_ring_pending(world->ring) == 0);
	for (int i = 0; i < CHUNK; i++)
		if (runs[i].ended != (runs[i].detached ? runs[i].ended : 1))
			ck_abort_msg("delivered %u times", runs[i].ended);
}

/* As if the kernel were an older one. */
static void world_forget(struct world *world)
{
	static const uint8_t newer[] = {
		A10_OPCODE_PIPE,      A10_OPCODE_FTRUNCATE,
		A10_OPCODE_WAITID,    A10_OPCODE_EPOLL_WAIT,
		A10_OPCODE_URING_CMD, A10_OPCODE_FUTEX_WAKE,
		A10_OPCODE_FADVISE,   A10_OPCODE_READV_FIXED,
		A10_OPCODE_MADVISE,   A10_OPCODE_FUTEX_WAIT,
		A10_OPCODE_BIND,      A10_OPCODE_FUTEX_WAITV,
	};

	for (size_t i = 0; i < sizeof(newer); i++)
		world->ring->grant.opcodes[newer[i] / 64] &=
			~(UINT64_C(1) << newer[i] % 64);
}

/* All places of the table but those of the world are free. */
static unsigned int table_free(struct world *world)
{
	struct a10_fd fds[64];
	unsigned int count = 0;

	for (;;) {
		struct a10_result r =
			result_of(world->ring, a10_fd_register(world->file[0]));

		if (r.value < 0)
			break;
		fds[count++] = r.fd;
	}
	for (unsigned int i = 0; i < count; i++)
		fd_close(world->ring, fds[i]);
	return count;
}

static void test_many(bool older, unsigned int count)
{
	static struct run runs[CHUNK];
	const unsigned int chunks = test_scaled(count / CHUNK) + 1;
	struct world world;
	unsigned int before, places;

	world_open(&world);
	if (older)
		world_forget(&world);
	places = table_free(&world);
	before = open_descriptors();
	for (unsigned int i = 0; i < chunks; i++)
		chunk(&world, runs);
	run_for(world.ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_uint_eq(table_free(&world), places);
	ck_assert_uint_eq(a10_pool_available(world.pool), 16);
	world_close(&world);
}

TEST_TIMEOUT(ten_thousand_operations_begun_and_forgotten_leave_nothing, 60)
{
	test_many(false, 10000);
}

TEST_TIMEOUT(what_system_calls_stand_in_for_leaves_nothing_either, 60)
{
	test_many(true, 5000);
}

/* Each by itself: before it is started, once it is, and by its descriptor. */
TEST(every_operation_is_cancelled_in_flight)
{
	static struct run run;
	struct world world;
	unsigned int before;

	world_open(&world);
	before = open_descriptors();
	for (size_t which = 0; which < MAKERS; which++) {
		for (int way = 0; way < 6; way++) {
			const a10_id id =
				run_begin(&world, &run, which, way & 1);

			if (way >= 2)
				ck_assert_int_ge(a10_ring_poll(world.ring, 0),
						 0);
			if (way >= 4)
				ck_assert_int_ge(
					a10_ring_poll(world.ring,
						      A10_MILLISECOND / 10),
					0);
			ck_assert_int_eq(a10_cancel(world.sq, id), 0);
			RUN_UNTIL(world.ring, run.ended);
			ck_assert_uint_eq(run.ended, 1);
		}
	}
	RUN_UNTIL(world.ring, a10_ring_pending(world.ring) == 0);
	run_for(world.ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_uint_eq(a10_pool_available(world.pool), 16);
	world_close(&world);
}
