#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Since Linux 5.12; the system's header may be older. */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

struct open_how file_how(uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return how;
}

int file_open(int root, const char *path, uint64_t flags)
{
	struct open_how how = file_how(flags);
	long fd;

	how.resolve |= RESOLVE_CACHED;
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	/* A kernel that does not know the flag waits in the ring. */
	return errno == EINVAL ? -EAGAIN : -errno;
}

void file_close(struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	file->may_wait = false;
}

ssize_t file_read(const struct file *file, char *buf, size_t length,
		  uint64_t offset)
{
	const struct iovec iov = { .iov_base = buf, .iov_len = length };
	const int flags = file->in_memory ? 0 : RWF_NOWAIT;
	const ssize_t got = preadv2(file->fd, &iov, 1, (off_t)offset, flags);

	if (got >= 0)
		return got;
	return errno == EOPNOTSUPP || errno == EINTR ? -EAGAIN : -errno;
}

ssize_t file_send(int socket, const struct file *file, size_t length,
		  uint64_t offset)
{
	off_t at = (off_t)offset;
	const ssize_t sent = sendfile(socket, file->fd, &at, length);

	return sent >= 0 ? sent : -errno;
}

bool file_is_cached(const struct file *file, uint64_t offset, size_t length)
{
	char byte;

	return file->in_memory ||
	       (file_read(file, &byte, 1, offset) == 1 &&
		file_read(file, &byte, 1, offset + length - 1) == 1);
}

int file_let_wait(struct file *file)
{
	if (!file->may_wait && fcntl(file->fd, F_SETFL, 0) < 0)
		return -errno;
	file->may_wait = true;
	return 0;
}
