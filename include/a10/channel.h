/*
 * channel.h - items from one to another: between tasks, callbacks, rings and
 * threads; and semaphores.
 */
#ifndef A10_CHANNEL_H
#define A10_CHANNEL_H

#include <a10/op.h>

A10_BEGIN

struct a10_channel;

/*
 * Holds capacity items of item_size bytes each; capacity 0: each send waits for
 * its receive. drop (or NULL) is called for each item that nobody received,
 * when the last reference is gone and nobody waits any more, on the thread where
 * that is so last. Any thread. NULL: no memory, or item_size 0.
 */
A10_API struct a10_channel *
a10_channel_create(size_t item_size, size_t capacity, void (*drop)(void *item));

/* One more reference. Returns channel. Any thread. */
A10_API struct a10_channel *a10_channel_ref(struct a10_channel *channel);

/*
 * Gives a reference back. The last one closes it: who waits is told, or was
 * served, and needs no reference for that; but nothing may begin to send or
 * receive after it, and what another thread submitted begins at the next poll
 * of its ring. NULL: nothing. Any thread.
 */
A10_API void a10_channel_unref(struct a10_channel *channel);

/*
 * No more sends: -EPIPE, also for those that wait. What is in it can still be
 * received. Once or often is the same. Any thread.
 */
A10_API void a10_channel_close(struct a10_channel *channel);

/*
 * size is in bytes, a multiple of the item's (else -EINVAL), of which
 * A10_LENGTH_MAX count at most, with a10_all too; what items
 * points to is copied by the verb; value is in items. Waits while the channel
 * is full: >= 1 that were sent, in order, with a10_all all of them. An error
 * (-EPIPE, -ETIME, -ECANCELED) says that no item went over, with a10_all that
 * count items did. channel NULL: -ENOMEM, as nobody looked whether it was made.
 */
A10_OP a10_channel_send(struct a10_channel *channel, const void *items,
			size_t size)
{
	struct a10_op op = a10_op_make(A10_OPCODE_CHANNEL_SEND, a10_fd_none(),
				       items, size, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)(uintptr_t)channel;
	return op;
}

/*
 * Waits while the channel is empty: >= 1 items received, in the order they were
 * sent; 0: closed and empty. An error says that none was. items is lent; what
 * comes for a receive without a callback goes to drop. a10_all: -EINVAL. Else as
 * a10_channel_send.
 */
A10_OP a10_channel_receive(struct a10_channel *channel, void *items,
			   size_t size)
{
	struct a10_op op = a10_op_make(A10_OPCODE_CHANNEL_RECEIVE,
				       a10_fd_none(), items, size, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)(uintptr_t)channel;
	return op;
}

/* The same at once: items, or -EAGAIN if it would have to wait. Any thread. */
A10_API ssize_t a10_channel_try_send(struct a10_channel *channel,
				     const void *items, size_t size);

/* Likewise; 0: closed and empty. Any thread. */
A10_API ssize_t a10_channel_try_receive(struct a10_channel *channel,
					void *items, size_t size);

/*
 * In place; its fields are the library's. Must not move while somebody waits.
 * Who has acquired it may finish and free it at once: a release does not touch
 * it any more then.
 */
struct a10_semaphore {
	uint32_t lock;
	uint32_t value;
	void *first;
	void *last;
	uint64_t reserved[3];
};

/* So many may acquire it before one must wait. Any thread. */
A10_API void a10_semaphore_init(struct a10_semaphore *semaphore,
				uint32_t value);

/* Nobody may wait for it any more. Any thread. */
A10_API void a10_semaphore_finish(struct a10_semaphore *semaphore);

/* Lets one more acquire it: who has waited longest. Any thread. */
A10_API void a10_semaphore_release(struct a10_semaphore *semaphore);

/* Acquires it if that is possible at once. Any thread. */
A10_API bool a10_semaphore_try_acquire(struct a10_semaphore *semaphore);

/*
 * Waits until it is acquired: 0. An error says that it was not. In turn.
 */
A10_OP a10_semaphore_acquire(struct a10_semaphore *semaphore)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SEMAPHORE_ACQUIRE,
				       a10_fd_none(), semaphore, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
