/*
 * msg.h - 64 bits, or a direct descriptor, to another ring.
 *
 * To run code on another ring's thread submit a10_nop to it; this is for data.
 */
#ifndef A10_MSG_H
#define A10_MSG_H

#include <a10/op.h>

A10_BEGIN

/*
 * message to sq's ring, at once and without a ring of one's own. Those of one
 * thread arrive in order, also those that come before anybody receives; kept
 * without a bound until then, dropped at the end of the ring. 0, -ENOMEM,
 * -ESHUTDOWN, -ECHILD. Any thread.
 */
A10_API int a10_message_post(struct a10_sq *sq, uint64_t message);

/*
 * The same as an operation of this ring: 0 when it is there. sq is lent until
 * it is over.
 */
A10_OP a10_message_send(struct a10_sq *sq, uint64_t message)
{
	struct a10_op op = a10_op_make(A10_OPCODE_MESSAGE_SEND, a10_fd_none(),
				       sq, 0, message, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * The next message to this ring: result.extra[0], value 0. With a10_multishot
 * each, until cancelled. Of several that wait the first gets it.
 */
A10_OP a10_message_receive(void)
{
	struct a10_op op = a10_op_make(A10_OPCODE_MESSAGE_RECEIVE,
				       a10_fd_none(), NULL, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * A direct descriptor of this ring into the table of sq's ring, which must have
 * been bound: result.fd is that one's, and fd is closed when it succeeds. value
 * 0; -ENFILE: that table is full; -ENXIO: there is none; -EINVAL: fd is a
 * regular one, which is every ring's: tell its number. sq is lent until it is
 * over. [MSG_RING]
 */
A10_OP a10_fd_move(struct a10_fd fd, struct a10_sq *sq)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FD_MOVE, fd, sq, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
