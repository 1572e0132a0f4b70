/*
 * a10_listen_on and a10_connect_to. Making a socket, binding and listening do
 * not wait, and not every kernel has requests for them: system calls.
 * Connecting is a request, so it can be cancelled and timed out as one. Names go
 * by dial.c. A
 * direct descriptor is made of the regular one at the end.
 */
#include "ring/life.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <a10/net.h>

#define LISTEN_BACKLOG     4096 /* the kernel cuts it to net.core.somaxconn */
#define COMMAND_SETSOCKOPT 3    /* SOCKET_URING_OP_SETSOCKOPT */

static int sync_call(struct a10_ring *ring, const struct uring_sqe *request)
{
	return ring->calls->sync(ring->backend, request, NULL);
}

static int sync_socket(struct a10_ring *ring, int domain, int type)
{
	const struct uring_sqe request = {
		.opcode = URING_OP_SOCKET,
		.fd = domain,
		.off = (uint32_t)(type | SOCK_CLOEXEC),
	};

	return sync_call(ring, &request);
}

static int sync_option(struct a10_ring *ring, int fd, int level, int name,
		       int value)
{
	const struct uring_sqe request = {
		.opcode = URING_OP_URING_CMD,
		.fd = fd,
		.off = COMMAND_SETSOCKOPT,
		.addr = (uint32_t)level | (uint64_t)(uint32_t)name << 32,
		.file_index = sizeof(value),
		.addr3 = (uintptr_t)&value,
	};

	return sync_call(ring, &request);
}

static void sync_close(struct a10_ring *ring, int fd)
{
	const struct uring_sqe request = {
		.opcode = URING_OP_CLOSE,
		.fd = fd,
	};

	sync_call(ring, &request);
}

static int listen_options(struct a10_ring *ring, int fd,
			  const struct a10_address *address, uint32_t flags)
{
	const int family = address->as.any.sa_family;
	int err = 0;

	if (family == AF_UNIX)
		return 0;
	if (!(flags & A10_DATAGRAM))
		err = sync_option(ring, fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (err == 0 && flags & A10_REUSE_PORT)
		err = sync_option(ring, fd, SOL_SOCKET, SO_REUSEPORT, 1);
	/* Said either way: the system's default may be either. */
	if (err == 0 && family == AF_INET6)
		err = sync_option(ring, fd, IPPROTO_IPV6, IPV6_V6ONLY,
				  flags & A10_V6_ONLY ? 1 : 0);
	return err;
}

static int bind_and_listen(struct a10_ring *ring, int fd,
			   const struct a10_address *address, uint32_t flags)
{
	const struct uring_sqe bind = {
		.opcode = URING_OP_BIND,
		.fd = fd,
		.addr = (uintptr_t)&address->as,
		.off = address->length,
	};
	const struct uring_sqe listen = {
		.opcode = URING_OP_LISTEN,
		.fd = fd,
		.len = LISTEN_BACKLOG,
	};
	int err;

	err = listen_options(ring, fd, address, flags);
	if (err < 0)
		return err;
	err = sync_call(ring, &bind);
	if (err < 0 || flags & A10_DATAGRAM)
		return err;
	return sync_call(ring, &listen);
}

void made(struct a10_ring *ring, struct slot *slot, int fd)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);

	cold->fd_value = fd;
	if (!(cold->flags & A10_WITH_DIRECT)) {
		slot_finish(ring, slot, 0);
		return;
	}
	cold->cell = fd;
	slot->step = STEP_CONVERT;
	*request_at(ring, index) = (struct a10_request){
		.opcode = URING_OP_FILES_UPDATE,
		.flags = request_at(ring, index)->flags & URING_SQE_IO_DRAIN,
		.offset = URING_FILE_INDEX_ALLOC,
		.address = (uintptr_t)&cold->cell,
		.length = 1,
		.user_data = id_plain(slot->id),
	};
	queue_push_again(ring, slot);
}

int socket_open(struct a10_ring *ring, const struct a10_address *address,
		uint32_t flags)
{
	return sync_socket(ring, address->as.any.sa_family,
			   flags & A10_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM);
}

static bool is_every_v6(const struct a10_address *address, uint32_t flags)
{
	return address->as.any.sa_family == AF_INET6 &&
	       !(flags & A10_V6_ONLY) &&
	       IN6_IS_ADDR_UNSPECIFIED(&address->as.in6.sin6_addr);
}

static struct a10_address every_v4(const struct a10_address *address)
{
	struct a10_address every;

	memset(&every, 0, sizeof(every));
	every.as.in.sin_family = AF_INET;
	every.as.in.sin_port = address->as.in6.sin6_port;
	every.length = sizeof(every.as.in);
	return every;
}

int listening_socket_open(struct a10_ring *ring,
			  const struct a10_address *address, uint32_t flags)
{
	struct a10_address every;
	int err, fd = socket_open(ring, address, flags);

	/* Every address there is, on a machine without IPv6. */
	if (fd == -EAFNOSUPPORT && is_every_v6(address, flags)) {
		every = every_v4(address);
		address = &every;
		fd = socket_open(ring, address, flags);
	}
	if (fd < 0)
		return fd;
	err = bind_and_listen(ring, fd, address, flags);
	if (err < 0) {
		sync_close(ring, fd);
		return err;
	}
	return fd;
}

void listen_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));
	const char *text = (const char *)(uintptr_t)request->address;
	const uint32_t known = A10_REUSE_PORT | A10_DATAGRAM | A10_V6_ONLY;
	struct a10_address address;
	int fd = -EINVAL;

	if (request->op_flags & ~known)
		goto finish;
	/* A socket is made, bound and asked for by system call. */
	fd = -EOPNOTSUPP;
	if (request->personality)
		goto finish;
	fd = -EINVAL;
	if (a10_address_parse(text, &address) < 0) {
		if (dial_begin(ring, slot, true))
			return;
		goto finish;
	}
	fd = listening_socket_open(ring, &address, request->op_flags);
	if (fd < 0)
		goto finish;
	made(ring, slot, fd);
	return;
finish:
	slot_finish(ring, slot, fd);
}

void connect_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	struct a10_address address, *kept;
	struct capture *capture;
	int fd, err;

	err = -EINVAL;
	if (request->op_flags & ~A10_DATAGRAM)
		goto finish;
	err = -EOPNOTSUPP;
	if (request->personality)
		goto finish;
	err = -EINVAL;
	if (a10_address_parse((const char *)(uintptr_t)request->address,
			      &address) < 0) {
		if (dial_begin(ring, slot, false))
			return;
		goto finish;
	}
	err = -EOPNOTSUPP;
	if (unlikely(!ring_knows(ring, URING_OP_CONNECT)))
		goto finish;
	err = -ENOMEM;
	capture = capture_take(&ring->captures, sizeof(address));
	if (!capture)
		goto finish;
	capture_give(&ring->captures, cold->captured);
	cold->captured = capture;
	kept = capture_data(capture);
	*kept = address;
	fd = socket_open(ring, &address, request->op_flags);
	err = fd;
	if (fd < 0)
		goto finish;
	cold->fd_value = fd;
	*request = (struct a10_request){
		.opcode = URING_OP_CONNECT,
		.fd = fd,
		.address = (uintptr_t)&kept->as,
		.offset = address.length,
		.user_data = id_plain(slot->id),
	};
	queue_push(ring, slot);
	return;
finish:
	slot_finish(ring, slot, err);
}

static void deliver_made(struct a10_ring *ring, struct slot *slot,
			 int64_t value, struct a10_fd fd)
{
	struct a10_result r = { .value = (ssize_t)value, .fd = fd };

	slot_deliver(ring, slot, &r);
}

void made_completed(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const struct a10_fd regular = a10_fd_regular(cold->fd_value);
	struct a10_fd direct;

	if (res < 0) {
		if (is_interrupted(res) && !is_ending(slot)) {
			slot_restart(ring, slot);
			return;
		}
		if (is_ending(slot) && is_ended(res))
			res = (int32_t)slot_reason(slot, res);
		deliver_made(ring, slot, res, regular);
	} else if (slot->step == STEP_CONVERT) {
		sync_close(ring, cold->fd_value);
		direct.plus_one = cold->cell + 1;
		direct.ring = ring->sq.number;
		deliver_made(ring, slot, 0, direct);
	} else if (cold->flags & A10_WITH_DIRECT && !is_ending(slot)) {
		made(ring, slot, cold->fd_value);
	} else if (cold->flags & A10_WITH_DIRECT) {
		/* Connected, but ended before it could become direct. */
		deliver_made(ring, slot, slot_reason(slot, 0), regular);
	} else {
		deliver_made(ring, slot, 0, regular);
	}
}
