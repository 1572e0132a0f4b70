/*
 * sq.h - the submitters' side of a ring, and the verbs.
 *
 * Any thread may call what takes an a10_sq; what takes an a10_ring is for the
 * owner's. After the ring is destroyed every call here says -ESHUTDOWN, in
 * a forked child -ECHILD.
 */
#ifndef A10_SQ_H
#define A10_SQ_H

#include <a10/op.h>

A10_BEGIN

/* One more reference, which outlives the ring. Returns sq. Any thread. */
A10_API struct a10_sq *a10_sq_ref(struct a10_sq *sq);

/* Gives a reference back. NULL: nothing. Any thread. */
A10_API void a10_sq_unref(struct a10_sq *sq);

/*
 * Makes a10_ring_poll return, the next one if none is under way. Many wakes are
 * one. Any thread; in signal handlers too. 0 or -ESHUTDOWN.
 */
A10_API int a10_sq_wake(struct a10_sq *sq);

/*
 * Makes a10_ring_run return 1. Any thread; in signal handlers too. 0 or
 * -ESHUTDOWN.
 */
A10_API int a10_sq_stop(struct a10_sq *sq);

/*
 * Gets each result of an operation, on the owner's thread, in a10_ring_poll.
 * May use every call but those that wait. r is gone when it returns. No
 * exception may leave it.
 */
typedef void a10_done(void *data, const struct a10_result *r);

/* ---- what a10_submit is made of; use that -------------------------------- */

/* The request's first half as words; the rest is zero. Else as a10_submit. */
A10_API a10_id a10_sq_submit_words(struct a10_sq *sq, uint64_t head,
				   uint64_t offset, uint64_t address,
				   uint64_t tail, a10_done *done, void *data);

/* The same on a direct descriptor of the ring of that number. */
A10_API a10_id a10_sq_submit_direct_words(struct a10_sq *sq, uint32_t ring,
					  uint64_t head, uint64_t offset,
					  uint64_t address, uint64_t tail,
					  a10_done *done, void *data);

/* Any operation; scope NULL: none. op is copied. Else as a10_submit. */
A10_API a10_id a10_sq_submit_op(struct a10_sq *sq, const struct a10_op *op,
				struct a10_scope *scope, a10_done *done,
				void *data);

/* ---- verbs --------------------------------------------------------------- */

/*
 * Starts op, at once if the owner is in poll or the ring has a kernel thread
 * (but times, work and names, which only the owner can begin, and what is
 * submitted after a10_all, a10_ordered, a close or a whole job, likewise), else
 * when the owner polls or flushes:
 * done(data, result) gets its results; done NULL: what they bring is closed or
 * given back. Returns its id; never fails for lack of room. -ENOMEM, -ESHUTDOWN,
 * -EINVAL (cannot be), -EXDEV (of another ring), -ENXIO (no table, no pool),
 * -ENAMETOOLONG (a path), -E2BIG (a vector), -EFAULT, -EPERM (another thread's
 * scope): not started, done is not called, what it owns is released.
 */
A10_INLINE a10_id a10_submit(struct a10_sq *sq, struct a10_op op,
			     a10_done *done, void *data)
{
	const uint64_t head = (uint64_t)op.request.opcode |
			      (uint64_t)op.request.flags << 8 |
			      (uint64_t)op.request.priority << 16 |
			      (uint64_t)(uint32_t)op.request.fd << 32;
	const uint64_t tail = (uint64_t)op.request.length |
			      (uint64_t)op.request.op_flags << 32;

	if (op.extra.flags == 0)
		return a10_sq_submit_words(sq, head, op.request.offset,
					   op.request.address, tail, done,
					   data);
	if (op.extra.flags == A10_WITH_DIRECT_FD)
		return a10_sq_submit_direct_words(sq, op.extra.ring, head,
						  op.request.offset,
						  op.request.address, tail,
						  done, data);
	{
		/* A copy: op's own address never escapes: it is registers. */
		const struct a10_op copy = op;

		return a10_sq_submit_op(sq, &copy, NULL, done, data);
	}
}

/*
 * Starts a chain: each begins when the one before succeeded in full, else it is
 * -ECANCELED. done gets one result per operation, in order (result.index), more
 * is false in the last. One id for all. -E2BIG: longer than the submission
 * queue; -EINVAL: none, or one that cannot be linked (many results, ordered,
 * a10_close, the library's own waits); else as a10_submit. [IO_LINK]
 */
A10_API a10_id a10_submit_linked(struct a10_sq *sq, const struct a10_op *ops,
				 size_t count, a10_done *done, void *data);

/*
 * Starts op and waits until it is over, from wherever this is: the owner polls
 * its ring, any other thread sleeps. Of a ring nobody has polled yet its
 * creator becomes the owner. ret_result may be NULL; it is written always.
 * Returns its value. -EDEADLK: in a callback; -EBADFD: by who made a disabled
 * ring; -EINVAL: a multishot. Any thread.
 */
A10_API ssize_t a10_await_on(struct a10_sq *sq, struct a10_op op,
			     struct a10_result *ret_result);

/*
 * Asks to end it: it is delivered once all the same, with its result or
 * -ECANCELED. Never lost; a stale id is harmless. 0 or -ESHUTDOWN.
 * [ASYNC_CANCEL]
 */
A10_API int a10_cancel(struct a10_sq *sq, a10_id id);

/*
 * The same for all this ring has under way on fd. -EXDEV, -ENOMEM: not asked.
 */
A10_API int a10_cancel_fd(struct a10_sq *sq, struct a10_fd fd);

/*
 * The same for all this ring has under way but a10_close, a10_scope_wait and
 * what is shielded. -ENOMEM: not asked.
 */
A10_API int a10_cancel_all(struct a10_sq *sq);

/*
 * Forget it: cancelled, done is not called again, what it owns is released when
 * the kernel is done with it, what a late success brings is closed or given
 * back. The owner may free at once what done would have used; buffers lent to it
 * not: own those. Any thread. 0 or -ESHUTDOWN.
 */
A10_API int a10_detach(struct a10_sq *sq, a10_id id);

A10_END
#endif
