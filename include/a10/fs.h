/* fs.h - files and directories. A dirfd is regular, or A10_CWD. */
#ifndef A10_FS_H
#define A10_FS_H

#include <a10/op.h>

struct open_how;
struct statx;

A10_BEGIN

/* The constructors' constructor: a request with a path, which is copied. */
A10_OP a10_fs_op(enum a10_opcode opcode, struct a10_fd fd, const char *path,
		 uint64_t length, uint64_t offset, uint32_t op_flags)
{
	struct a10_op op =
		a10_op_make(opcode, fd, path, length, offset, op_flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * openat(2): result.fd, value 0 or -errno. O_CLOEXEC always, as of every
 * descriptor made here. A FIFO opened for writing without a reader is -ENXIO at
 * once; for reading it opens at once. [OPENAT]
 */
A10_OP a10_openat(struct a10_fd dirfd, const char *path, int flags, mode_t mode)
{
	return a10_fs_op(A10_OPCODE_OPENAT, dirfd, path, mode, 0,
			 (uint32_t)flags);
}

/* open(2): a10_openat relative to the working directory. [OPENAT] */
A10_OP a10_open(const char *path, int flags, mode_t mode)
{
	return a10_openat(A10_CWD, path, flags, mode);
}

/* openat2(2): how (of size bytes) is copied. Else as a10_openat. [OPENAT2] */
A10_OP a10_openat2(struct a10_fd dirfd, const char *path,
		   const struct open_how *how, size_t size)
{
	return a10_fs_op(A10_OPCODE_OPENAT2, dirfd, path, size,
			 (uint64_t)(uintptr_t)how, 0);
}

/*
 * statx(2) into *ret_statx, lent until it is over. Of a descriptor: path "" and
 * AT_EMPTY_PATH; of a direct one the kernel says -EBADF. [STATX]
 */
A10_OP a10_statx(struct a10_fd dirfd, const char *path, int flags,
		 unsigned int mask, struct statx *ret_statx)
{
	return a10_fs_op(A10_OPCODE_STATX, dirfd, path, mask,
			 (uint64_t)(uintptr_t)ret_statx, (uint32_t)flags);
}

/* fsync(2). [FSYNC] */
A10_OP a10_fsync(struct a10_fd fd)
{
	return a10_op_make(A10_OPCODE_FSYNC, fd, NULL, 0, 0, 0);
}

/* fdatasync(2). [FSYNC] */
A10_OP a10_fdatasync(struct a10_fd fd)
{
	return a10_op_make(A10_OPCODE_FSYNC, fd, NULL, 0, 0, 1u);
}

A10_END
#endif
