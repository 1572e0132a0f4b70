/* poll.h - waiting until a descriptor is ready. */
#ifndef A10_POLL_H
#define A10_POLL_H

#include <a10/op.h>
#include <poll.h>

A10_BEGIN

/*
 * poll(2) of one descriptor: value is the events that hold (POLLIN, POLLERR
 * ...). With a10_multishot: a result whenever that changes. [POLL_ADD]
 */
A10_OP a10_poll(struct a10_fd fd, uint32_t events)
{
	return a10_op_make(A10_OPCODE_POLL_ADD, fd, NULL, 0, 0, events);
}

A10_END
#endif
