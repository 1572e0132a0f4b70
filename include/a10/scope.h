/*
 * scope.h - owns operations and tasks, so that they end together.
 *
 * Embed it in what the operations use (a connection), submit into it, and let
 * a10_scope_wait tell when the last one is over: that is when to free. All
 * calls here are for the owner's thread, or any before the ring is bound.
 */
#ifndef A10_SCOPE_H
#define A10_SCOPE_H

#include <a10/ring.h>

A10_BEGIN

#define A10_SCOPE_FAIL_FAST  (1u << 0) /* the first error cancels the rest */
#define A10_SCOPE_FIRST_WINS (1u << 1) /* the first success cancels the rest */

/* In place; its fields are the library's. Must not move while open. */
struct a10_scope {
	struct a10_sq *sq;
	uint32_t first;   /* its operations and tasks, a list of slots */
	uint32_t waiters; /* scope_wait operations, likewise */
	uint32_t count;
	uint32_t flags;
	int32_t error;
	uint32_t state;
	int64_t deadline;
	uint32_t limit;
	uint32_t
		rooms; /* spawns that wait for one to end: slots, in turn ... */
	uint32_t rooms_last;
	uint32_t reserved0;
	uint64_t opener;
	uint64_t reserved;
};

/*
 * Empty, and of sq's ring; NULL: of the ring this thread is polling. flags:
 * A10_SCOPE_*; with others all that is submitted into it is -EINVAL. A scope
 * needs no finish call.
 */
A10_API void a10_scope_open(struct a10_scope *scope, struct a10_sq *sq,
			    uint32_t flags);

/*
 * As a10_submit; the operation belongs to the scope: until its last result was
 * delivered the scope is not empty. In a cancelled scope it is -ECANCELED, by
 * its result, but a10_close and what is shielded are carried out.
 */
A10_INLINE a10_id a10_scope_submit(struct a10_scope *scope, struct a10_op op,
				   a10_done *done, void *data)
{
	const struct a10_op copy = op;

	return a10_sq_submit_op(scope->sq, &copy, scope, done, data);
}

/*
 * All in it that is not shielded gets -ETIME when a10_now() >= at, and what is
 * added later too. Again: the new one counts; A10_FOREVER: none.
 */
A10_API void a10_scope_set_deadline(struct a10_scope *scope, int64_t at);

/*
 * At most so many tasks and operations at a time: a10_scope_spawn then waits for
 * one to end; a10_scope_submit never does. 0: no limit.
 */
A10_API void a10_scope_set_limit(struct a10_scope *scope, uint32_t limit);

/* Cancels all in it and what is added later. Once or often is the same. */
A10_API void a10_scope_cancel(struct a10_scope *scope);

/* Operations in it that are not over; also once its ring is destroyed. */
A10_API uint32_t a10_scope_count(const struct a10_scope *scope);

/*
 * Over when nothing is left in the scope: value 0, or the first error of an
 * operation in it that the scope's own cancel did not cause; of a scope of which
 * the first wins 0 if one has succeeded. Itself not in it: -EDEADLK. Empty now:
 * over at the next poll. Only a10_cancel of it and its own time-out cut it
 * short.
 */
A10_OP a10_scope_wait(struct a10_scope *scope)
{
	struct a10_op op = a10_op_make(A10_OPCODE_SCOPE_WAIT, a10_fd_none(),
				       scope, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * Cancels what is left, waits until all of it is over and the kernel is done
 * with it, returns as a10_scope_wait. In a task it is never cut short, whatever
 * is asked of the task; else it polls the ring. In callbacks: -EDEADLK.
 */
A10_API int a10_scope_close(struct a10_scope *scope);

A10_END
#endif
