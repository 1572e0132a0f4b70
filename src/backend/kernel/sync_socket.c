/* What sockets are asked by commands of URING_OP_URING_CMD, by system call. */
#include "backend/kernel/sync.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Level and name are the halves of addr, the value is at addr3. */
static int option_set(const struct uring_sqe *request)
{
	const int level = (int)(uint32_t)request->addr;
	const int name = (int)(request->addr >> 32);
	const void *const value = (const void *)(uintptr_t)request->addr3;

	if (setsockopt(request->fd, level, name, value,
		       (socklen_t)request->file_index) < 0)
		return -errno;
	return 0;
}

static int option_get(const struct uring_sqe *request)
{
	const int level = (int)(uint32_t)request->addr;
	const int name = (int)(request->addr >> 32);
	void *const value = (void *)(uintptr_t)request->addr3;
	socklen_t length = (socklen_t)request->file_index;

	if (getsockopt(request->fd, level, name, value, &length) < 0)
		return -errno;
	return (int)length;
}

static int name_get(const struct uring_sqe *request)
{
	struct sockaddr *const name = (void *)(uintptr_t)request->addr;
	socklen_t *const length = (void *)(uintptr_t)request->addr3;
	const int err = request->file_index ?
				getpeername(request->fd, name, length) :
				getsockname(request->fd, name, length);

	return err < 0 ? -errno : 0;
}

static int queue_get(const struct uring_sqe *request)
{
	int bytes = 0;

	if (ioctl(request->fd, request->off ? SIOCOUTQ : SIOCINQ, &bytes) < 0)
		return -errno;
	return bytes;
}

/* Not of a socket, and the only one: its driver had no answer. */
static int block_discard(const struct uring_sqe *request)
{
	uint64_t range[2] = { request->addr, request->addr3 };

	if (ioctl(request->fd, BLKDISCARD, range) == 0)
		return 0;
	return errno == ENOTTY ? -EOPNOTSUPP : -errno;
}

int sync_socket_command(const struct uring_sqe *request)
{
	if (request->op_flags != 0)
		return -EOPNOTSUPP;
	switch ((uint32_t)request->off) {
	case URING_SOCKET_OP_SIOCINQ:
	case URING_SOCKET_OP_SIOCOUTQ:
		return queue_get(request);
	case URING_SOCKET_OP_GETSOCKOPT:
		return option_get(request);
	case URING_SOCKET_OP_SETSOCKOPT:
		return option_set(request);
	case URING_SOCKET_OP_GETSOCKNAME:
		return name_get(request);
	case URING_BLOCK_CMD_DISCARD:
		return block_discard(request);
	default:
		return -EOPNOTSUPP;
	}
}
