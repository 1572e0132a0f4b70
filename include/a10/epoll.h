/* epoll.h - somebody else's epoll instance, used on a ring. */
#ifndef A10_EPOLL_H
#define A10_EPOLL_H

#include <a10/op.h>
#include <sys/epoll.h>

A10_BEGIN

/*
 * epoll_ctl(2): operation is EPOLL_CTL_*; the event is copied, and NULL is fine
 * for EPOLL_CTL_DEL. fd is a regular one (else -EBADF); epoll may be a direct
 * one (before Linux 6.8, and in a chain, -EOPNOTSUPP). [EPOLL_CTL]
 */
A10_OP a10_epoll_ctl(struct a10_fd epoll, int operation, struct a10_fd fd,
		     const struct epoll_event *event)
{
	struct a10_op op = a10_op_make(A10_OPCODE_EPOLL_CTL, epoll, event,
				       (uint32_t)operation,
				       (uint32_t)a10_fd_number(fd), 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * epoll_wait(2) for as long as it takes: value is how many of ret_events, lent,
 * were written. Before Linux 6.15 a poll and the system call. [EPOLL_WAIT]
 */
A10_OP a10_epoll_wait(struct a10_fd epoll, struct epoll_event *ret_events,
		      int count)
{
	struct a10_op op = a10_op_make(A10_OPCODE_EPOLL_WAIT, epoll, ret_events,
				       (uint32_t)count, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
