/*
 * fs.h - files and directories. A dirfd is regular, or A10_CWD. Whoever names
 * them includes what has them: <sys/stat.h> struct statx and STATX_*,
 * <linux/openat2.h> struct open_how, <stdio.h> RENAME_*, <dirent.h> DT_*,
 * <sys/xattr.h> XATTR_*.
 */
#ifndef A10_FS_H
#define A10_FS_H

#include <a10/op.h>
#include <string.h>

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
 * AT_EMPTY_PATH; of a direct one too (before Linux 6.8, and in a chain,
 * -EOPNOTSUPP). [STATX]
 */
A10_OP a10_statx(struct a10_fd dirfd, const char *path, int flags,
		 unsigned int mask, struct statx *ret_statx)
{
	return a10_fs_op(A10_OPCODE_STATX, dirfd, path, mask,
			 (uint64_t)(uintptr_t)ret_statx, (uint32_t)flags);
}

/* ---- names --------------------------------------------------------------- */

/* mkdirat(2). [MKDIRAT] */
A10_OP a10_mkdirat(struct a10_fd dirfd, const char *path, mode_t mode)
{
	return a10_fs_op(A10_OPCODE_MKDIRAT, dirfd, path, mode, 0, 0);
}

/* unlinkat(2): flags 0, or AT_REMOVEDIR for a directory. [UNLINKAT] */
A10_OP a10_unlinkat(struct a10_fd dirfd, const char *path, int flags)
{
	return a10_fs_op(A10_OPCODE_UNLINKAT, dirfd, path, 0, 0,
			 (uint32_t)flags);
}

/* The constructors' constructor: two names, both of which are copied. */
A10_OP a10_fs_op_two(enum a10_opcode opcode, struct a10_fd old_dirfd,
		     const char *old_path, struct a10_fd new_dirfd,
		     const char *new_path, uint32_t op_flags)
{
	struct a10_op op = a10_fs_op(opcode, old_dirfd, old_path, 0,
				     (uint64_t)(uintptr_t)new_path, op_flags);

	/*
	 * Not a length, which would be cut: A10_CWD is negative. A direct one
	 * is none here: -EBADF, not somebody else's folder.
	 */
	op.request.length = (uint32_t)a10_fd_number(new_dirfd);
	return op;
}

/* renameat2(2): flags are RENAME_NOREPLACE, RENAME_EXCHANGE ... [RENAMEAT] */
A10_OP a10_renameat2(struct a10_fd old_dirfd, const char *old_path,
		     struct a10_fd new_dirfd, const char *new_path,
		     unsigned int flags)
{
	return a10_fs_op_two(A10_OPCODE_RENAMEAT, old_dirfd, old_path,
			     new_dirfd, new_path, flags);
}

/* renameat(2). [RENAMEAT] */
A10_OP a10_renameat(struct a10_fd old_dirfd, const char *old_path,
		    struct a10_fd new_dirfd, const char *new_path)
{
	return a10_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

/* linkat(2): flags are AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. [LINKAT] */
A10_OP a10_linkat(struct a10_fd old_dirfd, const char *old_path,
		  struct a10_fd new_dirfd, const char *new_path, int flags)
{
	return a10_fs_op_two(A10_OPCODE_LINKAT, old_dirfd, old_path, new_dirfd,
			     new_path, (uint32_t)flags);
}

/*
 * Gives an open file without a name, one of O_TMPFILE, its name: it appears
 * whole or not at all. Regular descriptors only; needs /proc. -ENOENT: its name
 * was removed, it was opened with O_EXCL, or there is no such fd. [LINKAT]
 */
A10_OP a10_link_file(struct a10_fd fd, struct a10_fd dirfd, const char *path)
{
	return a10_fs_op_two(A10_OPCODE_LINK_FILE, fd, "", dirfd, path,
			     AT_SYMLINK_FOLLOW);
}

/* symlinkat(2): path will say target. [SYMLINKAT] */
A10_OP a10_symlinkat(const char *target, struct a10_fd dirfd, const char *path)
{
	return a10_fs_op(A10_OPCODE_SYMLINKAT, dirfd, target, 0,
			 (uint64_t)(uintptr_t)path, 0);
}

/*
 * readlinkat(2): what the link at path says, not ended by a zero, into ret_text,
 * lent; value is its length, size if it had to be cut. Path "": the link that
 * dirfd is (O_PATH | O_NOFOLLOW). By a helper thread, so not in a chain.
 * [readlinkat]
 */
A10_OP a10_readlinkat(struct a10_fd dirfd, const char *path, char *ret_text,
		      size_t size)
{
	return a10_fs_op(A10_OPCODE_READLINKAT, dirfd, path, size,
			 (uint64_t)(uintptr_t)ret_text, 0);
}

/* readlink(2): a10_readlinkat relative to the working directory. [readlink] */
A10_OP a10_readlink(const char *path, char *ret_text, size_t size)
{
	return a10_readlinkat(A10_CWD, path, ret_text, size);
}

/* ---- directories --------------------------------------------------------- */

/*
 * getdents64(2): some more entries of a directory into entries, lent, for
 * a10_dirent_next. value: bytes, 0 at the end; -EINVAL: no room for one, which
 * 300 bytes always are. It goes on where the last one on this descriptor
 * stopped: one at a time. By a helper thread, so not in a chain; of a direct
 * descriptor before Linux 6.8 -EOPNOTSUPP. [getdents64]
 */
A10_OP a10_getdents64(struct a10_fd fd, void *entries, size_t size)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_GETDENTS64, fd, entries, size, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* An entry of a directory. */
struct a10_dirent {
	const char *name; /* in what was read */
	size_t length;    /* of the name */
	uint64_t inode;
	int64_t next; /* where the one after it is, for lseek(2) */
	uint8_t type; /* DT_* of readdir(3); DT_UNKNOWN: ask a10_statx */
	uint8_t reserved[7];
};

/*
 * The entries in what a10_getdents64 has read, but for "." and "..": *at is 0 at
 * first. false: no more in here.
 */
A10_INLINE bool a10_dirent_next(const void *entries, size_t length, size_t *at,
				struct a10_dirent *ret_entry)
{
	const char *const all = (const char *)entries;

	/* Inode, next, size of the entry, type, name. */
	while (*at + 19 < length) {
		const char *const entry = all + *at;
		const char *const name = entry + 19;
		uint16_t size;

		memcpy(&size, entry + 16, sizeof(size));
		*at = size > 19 ? *at + size : length;
		if (name[0] == '.' &&
		    (!name[1] || (name[1] == '.' && !name[2])))
			continue;
		memcpy(&ret_entry->inode, entry, 8);
		memcpy(&ret_entry->next, entry + 8, 8);
		ret_entry->type = (uint8_t)entry[18];
		ret_entry->name = name;
		ret_entry->length = strlen(name);
		return true;
	}
	return false;
}

/* ---- extended attributes ------------------------------------------------- */

/* The constructors' constructor. fd none: of path, which is followed. */
A10_OP a10_xattr_op(enum a10_opcode opcode, struct a10_fd fd, const char *path,
		    const char *name, const void *value, size_t size, int flags)
{
	struct a10_op op =
		a10_fs_op(opcode, fd, name, size, (uint64_t)(uintptr_t)value,
			  (uint32_t)flags);

	op.request.address3 = (uint64_t)(uintptr_t)path;
	op.extra.flags |= A10_WITH_TAIL;
	return op;
}

/*
 * setxattr(2): the value is copied, at most 64 KiB (else -E2BIG). flags are
 * XATTR_CREATE, XATTR_REPLACE. [SETXATTR]
 */
A10_OP a10_setxattr(const char *path, const char *name, const void *value,
		    size_t size, int flags)
{
	return a10_xattr_op(A10_OPCODE_SETXATTR, a10_fd_none(), path, name,
			    value, size, flags);
}

/* fsetxattr(2), as a10_setxattr. [FSETXATTR] */
A10_OP a10_fsetxattr(struct a10_fd fd, const char *name, const void *value,
		     size_t size, int flags)
{
	return a10_xattr_op(A10_OPCODE_FSETXATTR, fd, NULL, name, value, size,
			    flags);
}

/*
 * getxattr(2): value is the length; with size 0 that it has, else -ERANGE if it
 * does not fit. ret_value is lent. [GETXATTR]
 */
A10_OP a10_getxattr(const char *path, const char *name, void *ret_value,
		    size_t size)
{
	return a10_xattr_op(A10_OPCODE_GETXATTR, a10_fd_none(), path, name,
			    ret_value, size, 0);
}

/* fgetxattr(2), as a10_getxattr. [FGETXATTR] */
A10_OP a10_fgetxattr(struct a10_fd fd, const char *name, void *ret_value,
		     size_t size)
{
	return a10_xattr_op(A10_OPCODE_FGETXATTR, fd, NULL, name, ret_value,
			    size, 0);
}

/* ---- contents ------------------------------------------------------------ */

/*
 * ftruncate(2). Before Linux 6.9 the system call, by a helper thread; direct
 * ones before 6.8 -EOPNOTSUPP. [FTRUNCATE]
 */
A10_OP a10_ftruncate(struct a10_fd fd, int64_t length)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FTRUNCATE, fd, NULL, 0,
				       (uint64_t)length, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* fallocate(2): mode is FALLOC_FL_*. [FALLOCATE] */
A10_OP a10_fallocate(struct a10_fd fd, int mode, int64_t offset, int64_t length)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FALLOCATE, fd, NULL,
				       (uint32_t)mode, (uint64_t)offset, 0);

	op.request.address = (uint64_t)length;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * posix_fadvise(2): advice is POSIX_FADV_*; length 0: to the end. More than 4
 * GiB is the system call, by a helper thread, where the kernel's own takes no
 * more. [FADVISE]
 */
A10_OP a10_fadvise(struct a10_fd fd, int64_t offset, int64_t length, int advice)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FADVISE, fd, NULL, 0,
				       (uint64_t)offset, (uint32_t)advice);

	if (length < 0 || length > (int64_t)UINT32_MAX)
		op.request.address = (uint64_t)length;
	else
		op.request.length = (uint32_t)length;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * sync_file_range(2): flags are SYNC_FILE_RANGE_*; length 0, or more than 4 GiB:
 * to the end. [SYNC_FILE_RANGE]
 */
A10_OP a10_sync_file_range(struct a10_fd fd, int64_t offset, int64_t length,
			   unsigned int flags)
{
	/* The request has no sign for a length: as the call says, -EINVAL. */
	struct a10_op op =
		a10_op_make(A10_OPCODE_SYNC_FILE_RANGE, fd, NULL, 0,
			    length < 0 ? UINT64_MAX : (uint64_t)offset, flags);

	op.request.length = length > (int64_t)UINT32_MAX ? 0 : (uint32_t)length;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * fsync(2), or with data fdatasync(2), of length bytes from offset on; the file
 * system may do more. length 0: to the end; that, and more than 4 GiB, is all of
 * the file. [FSYNC]
 */
A10_OP a10_fsync_range(struct a10_fd fd, uint64_t offset, uint64_t length,
		       bool data)
{
	/* To the kernel 0 is the end only of what begins at 0. */
	const bool whole = (length == 0 || length > UINT32_MAX) &&
			   offset <= (uint64_t)INT64_MAX;
	struct a10_op op = a10_op_make(A10_OPCODE_FSYNC, fd, NULL, 0,
				       whole ? 0 : offset, data ? 1u : 0);

	op.request.length = whole ? 0 : (uint32_t)length;
	return op;
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
