/*
 * Requests done at once, by the system call they stand for: on kernels that
 * lack the opcode, and where nothing can be queued. Any thread.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/kernel/kernel.h"

static int sync_socket(const struct uring_sqe *request)
{
	int fd;

	/* A direct one has no system call. */
	if (request->file_index != 0 || request->op_flags != 0)
		return -EOPNOTSUPP;
	fd = socket(request->fd, (int)request->off, (int)request->len);
	return fd < 0 ? -errno : fd;
}

static int sync_bind(const struct uring_sqe *request)
{
	const struct sockaddr *const address =
		(const void *)(uintptr_t)request->addr;
	const int err = bind(request->fd, address, (socklen_t)request->off);

	return err < 0 ? -errno : 0;
}

static int sync_listen(const struct uring_sqe *request)
{
	return listen(request->fd, (int)request->len) < 0 ? -errno : 0;
}

/*
 * The table of a ring that has an owner is that thread's alone: -EEXIST, which
 * is no answer of a close.
 */
static int sync_close_direct(struct backend *backend, uint32_t slot)
{
	int32_t none = -1;
	struct uring_files_update update = {
		.offset = slot,
		.fds = (uintptr_t)&none,
	};
	const int ret = kernel_control(backend, URING_REGISTER_FILES_UPDATE,
				       &update, 1);

	if (ret == -EEXIST)
		return -EOPNOTSUPP;
	return ret < 0 ? ret : 0;
}

static int sync_close(struct backend *backend, const struct uring_sqe *request)
{
	if (request->file_index != 0) {
		if (request->fd != 0)
			return -EINVAL; /* as the kernel says */
		return sync_close_direct(backend,
					 (uint32_t)request->file_index - 1);
	}
	/* Interrupted or not, the descriptor is gone: never close it again. */
	if (close(request->fd) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

/* Level and name are the halves of addr, the value is at addr3. */
static int sync_setsockopt(const struct uring_sqe *request)
{
	const int level = (int)(uint32_t)request->addr;
	const int name = (int)(request->addr >> 32);
	const void *const value = (const void *)(uintptr_t)request->addr3;

	if ((uint32_t)request->off != URING_SOCKET_OP_SETSOCKOPT ||
	    request->op_flags != 0)
		return -EOPNOTSUPP;
	if (setsockopt(request->fd, level, name, value,
		       (socklen_t)request->file_index) < 0)
		return -errno;
	return 0;
}

int kernel_sync(struct backend *backend, const struct uring_sqe *request)
{
	/* fd is a slot then, which no system call knows. */
	if (request->flags & URING_SQE_FIXED_FILE)
		return -EOPNOTSUPP;
	switch (request->opcode) {
	case URING_OP_SOCKET:
		return sync_socket(request);
	case URING_OP_BIND:
		return sync_bind(request);
	case URING_OP_LISTEN:
		return sync_listen(request);
	case URING_OP_CLOSE:
		return sync_close(backend, request);
	case URING_OP_URING_CMD:
		return sync_setsockopt(request);
	default:
		return -EOPNOTSUPP;
	}
}
