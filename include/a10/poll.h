/* poll.h - waiting until a descriptor is ready. */
#ifndef A10_POLL_H
#define A10_POLL_H

#include <a10/op.h>
#include <poll.h>

A10_BEGIN

/*
 * poll(2) of one descriptor: value is the events that hold (POLLIN, POLLERR
 * ...). The kernel adds POLLERR, POLLHUP and, unlike poll(2), POLLRDHUP to what
 * is asked for: where the other side has shut its own, a poll for POLLOUT ends
 * at once, without POLLOUT in its value. With a10_multishot: a result whenever
 * that changes. [POLL_ADD]
 */
A10_OP a10_poll(struct a10_fd fd, uint32_t events)
{
	return a10_op_make(A10_OPCODE_POLL_ADD, fd, NULL, 0, 0, events);
}

/*
 * Other events for a poll of this ring that is under way: value 0; -ENOENT: it
 * is over, or no poll; -EALREADY: it is ending just now. [POLL_REMOVE]
 */
A10_OP a10_poll_update(a10_id id, uint32_t events)
{
	struct a10_op op = a10_op_make(A10_OPCODE_POLL_UPDATE, a10_fd_none(),
				       NULL, 0, 0, events);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)id;
	return op;
}

A10_END
#endif
