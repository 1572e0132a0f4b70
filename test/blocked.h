/*
 * Operations of every kind that are not over until somebody ends them, for the
 * tests of cancelling, detaching, time-outs, closing and destroying.
 */
#ifndef BLOCKED_H
#define BLOCKED_H

#include "support.h"

#include <linux/io_uring.h>

enum blocked_kind {
	BLOCKED_READ,
	BLOCKED_READV,
	BLOCKED_READ_ALL,
	BLOCKED_READ_ASYNC,
	BLOCKED_READ_POOLED,
	BLOCKED_READ_MULTISHOT,
	BLOCKED_WRITE,
	BLOCKED_WRITEV,
	BLOCKED_RECV,
	BLOCKED_RECV_ALL,
	BLOCKED_RECV_DIRECT,
	BLOCKED_RECV_POOLED,
	BLOCKED_RECV_MULTISHOT,
	BLOCKED_RECVMSG,
	BLOCKED_SEND,
	BLOCKED_SEND_ALL,
	BLOCKED_SENDMSG,
	BLOCKED_SPLICE,
	BLOCKED_ACCEPT,
	BLOCKED_ACCEPT_PEER,
	BLOCKED_ACCEPT_MULTISHOT,
	BLOCKED_ACCEPT_DIRECT,
	BLOCKED_POLL,
	BLOCKED_POLL_MULTISHOT,
	BLOCKED_AFTER,
	BLOCKED_AFTER_MULTISHOT,
	BLOCKED_AT_BOOTTIME,
	BLOCKED_AT_REALTIME,
	BLOCKED_RAW,
	BLOCKED_KINDS
};

static const char *const blocked_names[BLOCKED_KINDS] = {
	"read",        "readv",         "all of read", "forced async read",
	"read pooled", "read many",     "write",       "writev",
	"recv",        "all of recv",   "recv direct", "recv pooled",
	"recv many",   "recvmsg",       "send",        "all of send",
	"sendmsg",     "splice",        "accept",      "accept peer",
	"accept many", "direct accept", "poll",        "poll many",
	"after",       "every",         "at boottime", "at realtime",
	"raw poll",
};

/* What they work on. It outlives them; the memory is from malloc. */
struct blocked {
	int empty[2]; /* a pipe with nothing in it          */
	int sink[2];  /* a pipe that splice would move to   */
	int full[2];  /* a pipe without room                */
	int quiet[2]; /* a socket pair, nobody sends        */
	int stuck[2]; /* a socket pair, ours is full        */
	int listener; /* nobody connects                    */
	struct a10_pool *pool;
	struct a10_fd direct; /* a connection of which ... */
	int direct_peer;      /* ... this is the other end */
	unsigned char *memory;
	size_t size;
	struct a10_address *peer;
	struct msghdr *header;
	struct iovec *iov;
};

/* The ring has room for direct descriptors. */
static inline void blocked_open(struct a10_ring *ring, struct blocked *world)
{
	static unsigned char zeros[4096];

	memset(world, 0, sizeof(*world));
	pipe_open(world->empty);
	pipe_open(world->sink);
	pipe_open(world->full);
	ck_assert_int_eq(fcntl(world->full[1], F_SETFL, O_NONBLOCK), 0);
	while (write(world->full[1], zeros, sizeof(zeros)) > 0)
		continue;
	ck_assert_int_eq(fcntl(world->full[1], F_SETFL, 0), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    world->quiet),
			 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    world->stuck),
			 0);
	while (send(world->stuck[0], zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		continue;
	world->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(world->listener, 0);
	ck_assert_int_eq(listen(world->listener, 8), 0);
	ck_assert_int_eq(a10_pool_create(ring, 8, 4096, 0, &world->pool), 0);
	world->direct = connect_direct(ring, &world->direct_peer);
	world->size = 65536;
	world->memory = (unsigned char *)calloc(1, world->size);
	world->peer = (struct a10_address *)calloc(1, sizeof(*world->peer));
	world->header = (struct msghdr *)calloc(1, sizeof(*world->header));
	world->iov = (struct iovec *)calloc(1, sizeof(*world->iov));
	ck_assert(world->memory && world->peer && world->header && world->iov);
	world->iov->iov_base = world->memory;
	world->iov->iov_len = world->size;
	world->header->msg_iov = world->iov;
	world->header->msg_iovlen = 1;
}

/* What the kernel does not have itself and can free once nothing is pending. */
static inline void blocked_free(struct blocked *world)
{
	free(world->memory);
	free(world->peer);
	free(world->header);
	free(world->iov);
}

/* The descriptor is closed by the ring's end, or here if it is still there. */
static inline void blocked_close(struct blocked *world)
{
	pipe_close(world->empty);
	pipe_close(world->sink);
	pipe_close(world->full);
	pipe_close(world->quiet);
	pipe_close(world->stuck);
	ck_assert_int_eq(close(world->listener), 0);
	ck_assert_int_eq(close(world->direct_peer), 0);
	blocked_free(world);
}

static inline struct a10_op blocked_raw(const struct blocked *world)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_POLL_ADD;
	sqe.fd = world->empty[0];
	sqe.poll32_events = POLLIN;
	return a10_raw(&sqe);
}

static inline struct a10_op blocked_file_op(const struct blocked *world,
					    enum blocked_kind kind)
{
	const struct a10_fd empty = a10_fd_regular(world->empty[0]);
	const struct a10_fd full = a10_fd_regular(world->full[1]);

	switch (kind) {
	case BLOCKED_READ:
		return a10_read(empty, world->memory, world->size);
	case BLOCKED_READV:
		return a10_readv(empty, world->iov, 1);
	case BLOCKED_READ_ALL:
		return a10_all(a10_read(empty, world->memory, world->size));
	case BLOCKED_READ_ASYNC:
		return a10_forced_async(
			a10_read(empty, world->memory, world->size));
	case BLOCKED_READ_POOLED:
		return a10_read_pooled(empty, world->pool);
	case BLOCKED_READ_MULTISHOT:
		return a10_multishot(a10_read_pooled(empty, world->pool));
	case BLOCKED_WRITE:
		return a10_write(full, world->memory, world->size);
	case BLOCKED_WRITEV:
		return a10_writev(full, world->iov, 1);
	case BLOCKED_SPLICE:
		return a10_splice(empty, A10_NO_OFFSET,
				  a10_fd_regular(world->sink[1]), A10_NO_OFFSET,
				  4096, 0);
	case BLOCKED_POLL:
		return a10_poll(empty, POLLIN);
	case BLOCKED_POLL_MULTISHOT:
		return a10_multishot(a10_poll(empty, POLLIN));
	case BLOCKED_AFTER:
		return a10_after(A10_SECOND * 3600);
	case BLOCKED_AFTER_MULTISHOT:
		return a10_multishot(a10_after(A10_SECOND * 3600));
	case BLOCKED_AT_BOOTTIME:
		return a10_at(CLOCK_BOOTTIME, A10_FOREVER / 2);
	case BLOCKED_AT_REALTIME:
		return a10_at(CLOCK_REALTIME, A10_FOREVER / 2);
	default:
		return blocked_raw(world);
	}
}

static inline struct a10_op blocked_op(const struct blocked *world,
				       enum blocked_kind kind)
{
	const struct a10_fd quiet = a10_fd_regular(world->quiet[0]);
	const struct a10_fd stuck = a10_fd_regular(world->stuck[0]);
	const struct a10_fd listener = a10_fd_regular(world->listener);
	unsigned char *memory = world->memory;
	const size_t size = world->size;

	switch (kind) {
	case BLOCKED_RECV:
		return a10_recv(quiet, memory, size, 0);
	case BLOCKED_RECV_ALL:
		return a10_all(a10_recv(quiet, memory, size, 0));
	case BLOCKED_RECV_DIRECT:
		return a10_recv(world->direct, memory, size, 0);
	case BLOCKED_RECV_POOLED:
		return a10_recv_pooled(quiet, world->pool, 0);
	case BLOCKED_RECV_MULTISHOT:
		return a10_multishot(a10_recv_pooled(quiet, world->pool, 0));
	case BLOCKED_RECVMSG:
		return a10_recvmsg(quiet, world->header, 0);
	case BLOCKED_SEND:
		return a10_send(stuck, memory, size, 0);
	case BLOCKED_SEND_ALL:
		return a10_all(a10_send(stuck, memory, size, 0));
	case BLOCKED_SENDMSG:
		return a10_sendmsg(stuck, world->header, 0);
	case BLOCKED_ACCEPT:
		return a10_accept(listener, NULL, 0);
	case BLOCKED_ACCEPT_PEER:
		return a10_accept(listener, world->peer, 0);
	case BLOCKED_ACCEPT_MULTISHOT:
		return a10_multishot(a10_accept(listener, NULL, 0));
	case BLOCKED_ACCEPT_DIRECT:
		return a10_direct(a10_accept(listener, NULL, 0));
	default:
		return blocked_file_op(world, kind);
	}
}

/* Whether the kernel can do it at all. */
static inline bool blocked_works(const struct a10_ring *ring,
				 enum blocked_kind kind)
{
	return kind != BLOCKED_READ_MULTISHOT ||
	       ring_has(ring, A10_OPCODE_READ_MULTISHOT);
}

#endif
