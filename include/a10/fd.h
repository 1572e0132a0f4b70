/* fd.h - a descriptor: a regular one, or a direct one of one ring. */
#ifndef A10_FD_H
#define A10_FD_H

#include <a10/base.h>
#include <fcntl.h>

A10_BEGIN

/*
 * A value; copy it freely, close it once. All zero is "no descriptor", so a
 * zeroed struct never means standard input. A direct descriptor knows its ring:
 * used on another one it gives -EXDEV, not somebody else's file.
 */
struct a10_fd {
	int32_t plus_one; /* the number + 1 */
	uint32_t ring;    /* 0: regular; else the ring it belongs to */
};

/* The descriptor number (as open(2) returns it); a negative one is none. */
A10_INLINE struct a10_fd a10_fd_regular(int number)
{
	struct a10_fd fd;

	fd.plus_one = (int32_t)((uint32_t)number + 1);
	fd.ring = 0;
	return fd;
}

/* No descriptor. */
A10_INLINE struct a10_fd a10_fd_none(void)
{
	return a10_fd_regular(-1);
}

/* Whether it is a descriptor at all; says nothing about it being open. */
A10_INLINE bool a10_fd_valid(struct a10_fd fd)
{
	return fd.plus_one != 0;
}

/* Whether it is a slot in a ring's table, not in the process's. */
A10_INLINE bool a10_fd_is_direct(struct a10_fd fd)
{
	return fd.ring != 0;
}

/* The number of a regular descriptor; -1 of a direct one or none. */
A10_INLINE int a10_fd_number(struct a10_fd fd)
{
	return fd.ring ? -1 : (int)((uint32_t)fd.plus_one - 1);
}

/* Whether both name the same descriptor. */
A10_INLINE bool a10_fd_equal(struct a10_fd a, struct a10_fd b)
{
	return a.plus_one == b.plus_one && a.ring == b.ring;
}

/*
 * Closes it without waiting and without telling how it went. Any thread; never
 * fails; none: nothing. What the ring it belongs to (a direct one), or in a
 * callback the ring that calls it (a regular one), has pending on it is
 * cancelled first. The operation a10_close tells the result. [close, CLOSE]
 */
A10_API void a10_fd_release(struct a10_fd fd);

#define A10_NO_FD  a10_fd_none()
#define A10_STDIN  a10_fd_regular(0)
#define A10_STDOUT a10_fd_regular(1)
#define A10_STDERR a10_fd_regular(2)
#define A10_CWD    a10_fd_regular(AT_FDCWD) /* for dirfd arguments only */

A10_END
#endif
