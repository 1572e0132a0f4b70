/* stream.h - a multishot operation's results, one at a time. */
#ifndef A10_STREAM_H
#define A10_STREAM_H

#include <a10/op.h>

A10_BEGIN

struct a10_stream;

/*
 * Starts op as a multishot on the ring this thread is polling: in a task or a
 * callback, on its owner's thread. When bound results (at least 1) wait to be taken it is paused until
 * half of them are; what the kernel has under way by then comes all the same.
 * A timer does not pause: what waits last counts its periods. a10_signal_read
 * and a10_watch_next pause after each result, whatever bound says: what they
 * wrote stays until the next one is asked for. NULL: no memory; what is wrong
 * with op, a10_stream_next says.
 */
A10_API struct a10_stream *a10_stream_open(struct a10_op op, uint32_t bound);

/*
 * The next result, as if of op itself: value, fd, buf. After the last one: what
 * that said, 0 or the error, again and again. Of the stream's ring. One at a
 * time: -EBUSY. Given up, it has taken nothing. stream NULL: -ENOMEM, as nobody
 * looked whether it was made.
 */
A10_OP a10_stream_next(struct a10_stream *stream)
{
	struct a10_op op = a10_op_make(A10_OPCODE_STREAM_NEXT, a10_fd_none(),
				       stream, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * No more is to come: what has come by then can still be taken, and then next
 * says -ECANCELED. Once or often is the same. On its ring's owner's thread. NULL:
 * nothing.
 */
A10_API void a10_stream_cancel(struct a10_stream *stream);

/*
 * Cancels it, closes and gives back what was not taken, frees it. In a task it
 * waits until the kernel is done with it. Nobody may wait for it. On its ring's
 * owner's thread, when the ring is gone on any. NULL: nothing.
 */
A10_API void a10_stream_close(struct a10_stream *stream);

A10_END
#endif
