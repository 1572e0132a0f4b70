/*
 * Requests done at once, by the system call they stand for: on kernels that
 * lack the opcode, and where nothing can be queued. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <a10/op.h>

#include "backend/kernel/kernel.h"
#include "backend/kernel/sync.h"

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

static int sync_clone(const struct uring_sqe *request)
{
	const int fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int sync_ftruncate(const struct uring_sqe *request)
{
	return ftruncate(request->fd, (off_t)request->off) < 0 ? -errno : 0;
}

/* Of a length that the request has no room for. */
static int sync_fadvise(const struct uring_sqe *request)
{
	const uint64_t length = request->addr ? request->addr : request->len;

	return -posix_fadvise(request->fd, (off_t)request->off, (off_t)length,
			      (int)request->op_flags);
}

static int sync_madvise(const struct uring_sqe *request)
{
	const uint64_t length = request->off ? request->off : request->len;

	return madvise((void *)(uintptr_t)request->addr, length,
		       (int)request->op_flags) < 0 ?
		       -errno :
		       0;
}

/* Both ends as regular ones. */
static int sync_pipe(const struct uring_sqe *request)
{
	int *const ends = (int *)(uintptr_t)request->addr;

	if (request->file_index != 0)
		return -EOPNOTSUPP;
	return pipe2(ends, (int)request->op_flags) < 0 ? -errno : 0;
}

/* -EAGAIN: nothing yet. */
static int sync_epoll_wait(const struct uring_sqe *request)
{
	struct epoll_event *const events = (void *)(uintptr_t)request->addr;
	const int ready = epoll_wait(request->fd, events, (int)request->len, 0);

	if (ready == 0)
		return -EAGAIN;
	return ready < 0 ? -errno : ready;
}

/* What may be waited for as long as it takes, and what is only asked here. */
static int sync_slow(const struct uring_sqe *request, struct halt *halt)
{
	switch (request->opcode) {
	case URING_OP_FUTEX_WAIT:
		return sync_futex_wait(request, halt);
	case URING_OP_FUTEX_WAITV:
		return sync_futex_waitv(request, halt);
	case A10_OPCODE_SENDFILE:
		return sync_sendfile(request, halt);
	case A10_OPCODE_COPY_FILE_RANGE:
		return sync_copy_file_range(request, halt);
	default:
		return -EOPNOTSUPP;
	}
}

int kernel_sync(struct backend *backend, const struct uring_sqe *request,
		struct halt *halt)
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
		return sync_socket_command(request);
	case URING_OP_WAITID:
		return sync_waitid(request, halt);
	case A10_OPCODE_PIDFD:
		return sync_pidfd(request);
	case A10_OPCODE_PROCESS_SPAWN:
		return sync_spawn(request);
	case A10_OPCODE_SIGNAL_READ:
		return sync_signal_read(request);
	case URING_OP_FUTEX_WAKE:
		return sync_futex_wake(request);
	case A10_OPCODE_FD_CLONE:
		return sync_clone(request);
	case URING_OP_FTRUNCATE:
		return sync_ftruncate(request);
	case URING_OP_FADVISE:
		return sync_fadvise(request);
	case URING_OP_MADVISE:
		return sync_madvise(request);
	case URING_OP_PIPE:
		return sync_pipe(request);
	case URING_OP_EPOLL_WAIT:
		return sync_epoll_wait(request);
	case A10_OPCODE_READLINKAT:
		return sync_readlinkat(request);
	case A10_OPCODE_GETDENTS64:
		return sync_getdents64(request);
	default:
		return halt ? sync_slow(request, halt) : -EOPNOTSUPP;
	}
}
