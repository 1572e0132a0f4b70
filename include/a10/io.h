/* io.h - bytes in and out of any descriptor. */
#ifndef A10_IO_H
#define A10_IO_H

#include <a10/op.h>
#include <sys/uio.h>

A10_BEGIN

#define A10_AT_POSITION UINT64_MAX /* an offset: the file's own position */

/* read(2), at the file's own position. value: bytes, 0 at the end. [READ] */
A10_OP a10_read(struct a10_fd fd, void *buf, size_t length)
{
	return a10_op_make(A10_OPCODE_READ, fd, buf, length, A10_AT_POSITION,
			   0);
}

/* pread(2): at offset. [READ] */
A10_OP a10_pread(struct a10_fd fd, void *buf, size_t length, uint64_t offset)
{
	return a10_op_make(A10_OPCODE_READ, fd, buf, length, offset, 0);
}

/*
 * write(2), at the file's own position. value: bytes. Into a pipe nobody reads
 * it may raise SIGPIPE, as write(2) does. [WRITE]
 */
A10_OP a10_write(struct a10_fd fd, const void *buf, size_t length)
{
	return a10_op_make(A10_OPCODE_WRITE, fd, buf, length, A10_AT_POSITION,
			   0);
}

/* pwrite(2): at offset. [WRITE] */
A10_OP a10_pwrite(struct a10_fd fd, const void *buf, size_t length,
		  uint64_t offset)
{
	return a10_op_make(A10_OPCODE_WRITE, fd, buf, length, offset, 0);
}

/*
 * preadv2(2): flags are RWF_*. The array is copied, what it points to is lent.
 * offset A10_AT_POSITION: the file's own position. [READV]
 */
A10_OP a10_preadv2(struct a10_fd fd, const struct iovec *iov, size_t count,
		   uint64_t offset, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_READV, fd, iov, count, offset,
				       (uint32_t)flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* pwritev2(2), as a10_preadv2. [WRITEV] */
A10_OP a10_pwritev2(struct a10_fd fd, const struct iovec *iov, size_t count,
		    uint64_t offset, int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_WRITEV, fd, iov, count,
				       offset, (uint32_t)flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* preadv(2): at offset. [READV] */
A10_OP a10_preadv(struct a10_fd fd, const struct iovec *iov, size_t count,
		  uint64_t offset)
{
	return a10_preadv2(fd, iov, count, offset, 0);
}

/* pwritev(2): at offset. [WRITEV] */
A10_OP a10_pwritev(struct a10_fd fd, const struct iovec *iov, size_t count,
		   uint64_t offset)
{
	return a10_pwritev2(fd, iov, count, offset, 0);
}

/* readv(2), at the file's own position. [READV] */
A10_OP a10_readv(struct a10_fd fd, const struct iovec *iov, size_t count)
{
	return a10_preadv2(fd, iov, count, A10_AT_POSITION, 0);
}

/* writev(2), at the file's own position. [WRITEV] */
A10_OP a10_writev(struct a10_fd fd, const struct iovec *iov, size_t count)
{
	return a10_pwritev2(fd, iov, count, A10_AT_POSITION, 0);
}

/* struct a10_protection.flags: what the device is to check of it. */
#define A10_PROTECTION_GUARD     (1u << 0)
#define A10_PROTECTION_REFERENCE (1u << 1)
#define A10_PROTECTION_APP       (1u << 2)

/* What a disk keeps beside its blocks: a check sum of each, and tags. */
struct a10_protection {
	void *data;      /* that of all blocks, one behind the other; lent */
	uint32_t length; /* of data: as many bytes as belong to the blocks */
	uint16_t flags;  /* A10_PROTECTION_* */
	uint16_t app_tag;
	uint64_t seed; /* the first block's reference tag */
};

/*
 * Of a read or a write, not of a pool and not "all": the disk's metadata of the
 * blocks comes or goes with them. *protection is copied by the verb, what its
 * data points to is lent. -EILSEQ: a check failed; -EINVAL: the file has no
 * metadata, or data is not enough; -EOPNOTSUPP: before Linux 6.14, or not opened
 * with O_DIRECT; -EFAULT: NULL. [RW_ATTR_FLAG_PI]
 */
A10_OP a10_protected(struct a10_op op, const struct a10_protection *protection)
{
	op.request.address3 = (uintptr_t)protection;
	op.extra.flags |= A10_WITH_PROTECTED;
	return op;
}

/*
 * read(2) into a buffer of the pool, picked when there is data: result.buf; at
 * the end of file value 0 and none. With a10_multishot: again and again, of
 * what can be polled (pipes, terminals, sockets). [READ, READ_MULTISHOT]
 */
A10_OP a10_read_pooled(struct a10_fd fd, struct a10_pool *pool)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_READ, fd, NULL, 0, A10_AT_POSITION, 0);

	op.extra.flags |= A10_WITH_POOL;
	op.extra.pool = pool;
	return op;
}

/*
 * close(2). Cancels what this ring has pending on fd and waits for it: its
 * result is the last of fd. Always carried out: under a cancelled scope too,
 * and at once if the verb says -ESHUTDOWN. [CLOSE]
 */
A10_OP a10_close(struct a10_fd fd)
{
	struct a10_op op = a10_op_make(A10_OPCODE_CLOSE, fd, NULL, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

#define A10_NO_OFFSET INT64_C(-1) /* a10_splice: a pipe, or at its position */

/*
 * splice(2): bytes from in to out, one of which is a pipe. flags: SPLICE_F_*.
 * value: bytes, 0 at the end. a10_close and a10_cancel_fd know it by out.
 * [SPLICE]
 */
A10_OP a10_splice(struct a10_fd in, int64_t in_offset, struct a10_fd out,
		  int64_t out_offset, size_t length, unsigned int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SPLICE, out, NULL, length,
				       (uint64_t)out_offset,
				       flags | (in.ring ? 1u << 31 : 0));

	op.request.address = (uint64_t)in_offset;
	op.request.index = (int32_t)((uint32_t)in.plus_one - 1);
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	op.extra.argument[0] = in.ring;
	return op;
}

/*
 * tee(2): bytes from one pipe to another, that stay in the first. flags:
 * SPLICE_F_*. value: bytes, 0 when there are no more writers. [TEE]
 */
A10_OP a10_tee(struct a10_fd in, struct a10_fd out, size_t length,
	       unsigned int flags)
{
	struct a10_op op = a10_splice(in, 0, out, 0, length, flags);

	op.request.opcode = A10_OPCODE_TEE;
	return op;
}

/* The constructors' constructor: bytes of one file, by a helper thread. */
A10_OP a10_file_op(enum a10_opcode opcode, struct a10_fd in, int64_t in_offset,
		   struct a10_fd out, int64_t out_offset, uint64_t length)
{
	struct a10_op op = a10_splice(in, in_offset, out, out_offset, 0, 0);

	op.request.opcode = (uint8_t)opcode;
	op.request.address3 = length;
	op.extra.length = length;
	return op;
}

/*
 * sendfile(2) of length bytes from in_offset on (A10_NO_OFFSET: from its
 * position, which moves): all of them, also to a socket or a pipe that has no
 * room for now, which the ring waits for. value: bytes, fewer if the file ends;
 * on an error and when cancelled count says how many. a10_all besides: whole and
 * in order among the sends of out. By helper threads, so not in a chain; a
 * socket that blocks costs a copy (O_NONBLOCK does not), a terminal that blocks
 * is waited for. Both direct or regular (direct before Linux 6.8 -EOPNOTSUPP).
 * a10_close and a10_cancel_fd know it by out. [sendfile]
 */
A10_OP a10_sendfile(struct a10_fd out, struct a10_fd in, int64_t in_offset,
		    uint64_t length)
{
	return a10_file_op(A10_OPCODE_SENDFILE, in, in_offset, out,
			   A10_NO_OFFSET, length);
}

/*
 * copy_file_range(2) of length bytes, without their coming by here where the
 * file systems can: all of them, with value, count, descriptors and threads as
 * of a10_sendfile. Where they cannot it says so - -EXDEV (two file systems of
 * different kinds), -EOPNOTSUPP, -EINVAL - and a10_sendfile into out does it.
 * [copy_file_range]
 */
A10_OP a10_copy_file_range(struct a10_fd in, int64_t in_offset,
			   struct a10_fd out, int64_t out_offset,
			   uint64_t length)
{
	return a10_file_op(A10_OPCODE_COPY_FILE_RANGE, in, in_offset, out,
			   out_offset, length);
}

/*
 * pipe2(2): ret_fds, lent, are the end to read from and the end to write to.
 * flags: O_DIRECT, O_NONBLOCK; close-on-exec always. With a10_direct both are
 * direct. Before Linux 6.16 the system call. [PIPE]
 */
A10_OP a10_pipe(struct a10_fd ret_fds[2], int flags)
{
	struct a10_op op = a10_op_make(A10_OPCODE_PIPE, a10_fd_none(), ret_fds,
				       0, 0, (uint32_t)flags);

	op.request.fd = 0;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* ---- descriptors made of descriptors ------------------------------------- */

/*
 * A direct descriptor for the file of a regular one: result.fd. fd stays open.
 * -ENXIO, -ENFILE as a10_direct. [FILES_UPDATE]
 */
A10_OP a10_fd_register(struct a10_fd fd)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FD_REGISTER, fd, NULL, 1,
				       UINT32_MAX /* any place */, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * The file of a regular descriptor in place of what the direct one is; fd stays
 * open. Operations under way keep what they began with. -EBADF: there is no
 * such fd; if the kernel had to find out, the place is empty. [FILES_UPDATE]
 */
A10_OP a10_fd_replace(struct a10_fd direct, struct a10_fd fd)
{
	struct a10_op op = a10_op_make(
		A10_OPCODE_FD_REPLACE, fd, NULL, 1,
		direct.ring ? (uint32_t)direct.plus_one - 1u : UINT64_MAX, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = direct.ring;
	return op;
}

#define A10_FD_INHERIT (1u << 0) /* not close-on-exec */

/*
 * A regular descriptor for the file of a direct one: result.fd. fd stays open.
 * flags: A10_FD_INHERIT. Before Linux 6.8 -EOPNOTSUPP. [FIXED_FD_INSTALL]
 */
A10_OP a10_fd_install(struct a10_fd fd, uint32_t flags)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_FIXED_FD_INSTALL, fd, NULL, 0, 0, flags);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * One more descriptor, of the same kind, for the same file: result.fd. Of a
 * regular one with a10_direct a direct one. Before Linux 6.8 -EOPNOTSUPP of
 * direct ones. [F_DUPFD_CLOEXEC; FIXED_FD_INSTALL, FILES_UPDATE]
 */
A10_OP a10_fd_clone(struct a10_fd fd)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FD_CLONE, fd, NULL, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY | (fd.ring ? A10_WITH_DIRECT : 0);
	return op;
}

A10_END
#endif
