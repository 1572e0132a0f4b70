/*
 * task.h - straight-line code on a ring.
 *
 * A task is a function with a stack of its own that runs on its ring's thread,
 * inside a10_ring_poll. It waits by a10_await, and others run meanwhile; nothing
 * interrupts it in between. It is an operation too: its id serves a10_cancel and
 * a10_detach, it belongs to a scope or the ring, and is over when its function
 * has returned.
 *
 * A cancelled task gets -ECANCELED (-ETIME, if a deadline of its scope passed)
 * from what it waits for and from every a10_await that follows, without
 * starting it. a10_close and what is a10_shielded is carried out all the same.
 *
 * What waits, and what is of the task itself, any thread may call: outside of
 * tasks it says so.
 */
#ifndef A10_TASK_H
#define A10_TASK_H

#include <a10/ring.h>
#include <a10/scope.h>
#include <a10/time.h>

A10_BEGIN

struct a10_stream;

/*
 * Returns >= 0, or -errno. An exception of C++ that leaves it ends the program;
 * inside it they are thrown, handled and in flight as ever, across what it
 * awaits. It must return, and not by longjmp.
 */
typedef int a10_task_fn(void *data);

/* ---- starting ------------------------------------------------------------ */

/*
 * A ring, fn(data) as a task on it, until it and all that was started on the
 * ring are over, or a10_sq_stop cancelled it. Returns what fn returned, or
 * -errno of the ring. The main() of a program. -EDEADLK: in a task or callback;
 * -EBADFD: config.disabled. Any thread.
 */
A10_API int a10_run(const struct a10_config *config, a10_task_fn *fn,
		    void *data);

/* How to start a task. Zero means default everywhere. */
struct a10_task_options {
	struct a10_sq *sq;       /* the current ring's */
	struct a10_scope *scope; /* none: it is the ring's */
	const char *name;        /* copied; see a10_task_set_name */
	size_t stack_size; /* 64 KiB, of which untouched pages cost nothing */
	uint64_t reserved[4]; /* must be 0 */
};

/*
 * Starts fn as a task, at the next turn of poll. size bytes of data are copied
 * to the task's own stack and fn gets the copy; size 0: fn gets data itself. In
 * a cancelled scope, or by a cancelled task that is not shielded, it is started
 * as well, cancelled from birth, so that it gives back what data names. In a
 * task it waits while the scope is at its limit. Any thread; with a scope the
 * owner's. Returns its id. Not started, and what data names still yours:
 * -ENOMEM; -ESHUTDOWN; -EPERM; -EINVAL: no ring; -E2BIG: larger than 1 GiB, or
 * data more than half of its stack, less the guard page and 3 KiB; -EAGAIN: the
 * scope is at its limit, and this is no task.
 */
A10_API a10_id a10_task_spawn_with(const struct a10_task_options *options,
				   a10_task_fn *fn, const void *data,
				   size_t size);

/* As a10_task_spawn_with, in the scope. */
A10_API a10_id a10_scope_spawn(struct a10_scope *scope, a10_task_fn *fn,
			       const void *data, size_t size);

/* Likewise, on a ring, from any thread; NULL: on the current one. */
A10_API a10_id a10_task_spawn(struct a10_sq *sq, a10_task_fn *fn,
			      const void *data, size_t size);

/*
 * Over when the task of this ring is: value is what it returned. -ESRCH: it is
 * over already, or no task; -EDEADLK: it is the one that asks. A result nobody waits for when the task ends goes
 * to its scope only.
 */
A10_OP a10_task_join(a10_id task)
{
	struct a10_op op = a10_op_make(A10_OPCODE_TASK_JOIN, a10_fd_none(),
				       NULL, 0, (uint64_t)task, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/* ---- waiting: in a task, else -EDEADLK ----------------------------------- */

/*
 * The request's first half as words; the rest is zero. ring: what its descriptor
 * is direct on, or 0. Use a10_await.
 */
A10_API ssize_t a10_task_await_words(uint32_t ring, uint64_t head,
				     uint64_t offset, uint64_t address,
				     uint64_t tail);

/* A stream's next result. Use a10_await, a10_await_result, a10_await_fd. */
A10_API ssize_t a10_task_await_next(struct a10_stream *stream,
				    struct a10_result *ret_result);

/* A join. Use a10_await. */
A10_API ssize_t a10_task_await_join(a10_id task);

/* Any operation. ret_result may be NULL; use a10_await, a10_await_result. */
A10_API ssize_t a10_task_await_op(const struct a10_op *op,
				  struct a10_result *ret_result);

/*
 * Suspends the task until op is over and the kernel is done with its buffers,
 * whatever ended it, so they may lie on the stack. Returns result.value, or
 * what a verb would have refused it with; the whole result also of that. What it
 * brings is the caller's. A multishot: -EINVAL, see a10_stream_open. ret_result
 * NULL: as a10_await.
 */
A10_INLINE ssize_t a10_await_result(struct a10_op op,
				    struct a10_result *ret_result)
{
	if (op.request.opcode == A10_OPCODE_STREAM_NEXT &&
	    op.extra.flags == A10_WITH_LIBRARY)
		return a10_task_await_next(
			(struct a10_stream *)(uintptr_t)op.request.address,
			ret_result);
	{
		/* A copy: op's own address never escapes: it is registers. */
		const struct a10_op copy = op;

		return a10_task_await_op(&copy, ret_result);
	}
}

/*
 * The same for who wants the value only: a descriptor or buffer that it brings is
 * closed or given back, see a10_await_fd.
 */
A10_INLINE ssize_t a10_await(struct a10_op op)
{
	if ((op.extra.flags & ~A10_WITH_DIRECT_FD) == 0)
		return a10_task_await_words(
			op.extra.ring,
			(uint64_t)op.request.opcode |
				(uint64_t)op.request.flags << 8 |
				(uint64_t)op.request.priority << 16 |
				(uint64_t)(uint32_t)op.request.fd << 32,
			op.request.offset, op.request.address,
			(uint64_t)op.request.length |
				(uint64_t)op.request.op_flags << 32);
	if (op.request.opcode == A10_OPCODE_TASK_JOIN &&
	    op.extra.flags == A10_WITH_LIBRARY)
		return a10_task_await_join((a10_id)op.request.offset);
	return a10_await_result(op, NULL);
}

/* Of what makes a descriptor: 0 and the descriptor, or -errno and none. */
A10_INLINE int a10_await_fd(struct a10_op op, struct a10_fd *ret_fd)
{
	struct a10_result r;
	ssize_t value = a10_await_result(op, &r);

	*ret_fd = r.fd;
	return value < 0 ? (int)value : 0;
}

/*
 * A chain, as a10_submit_linked. Returns the first error, or the last one's
 * value. ret_results: NULL, or count of them. A cancel of the task spares it
 * only if each of them is carried out.
 */
A10_API ssize_t a10_await_linked(const struct a10_op *ops, size_t count,
				 struct a10_result *ret_results);

/*
 * All at once; waits for every one. Returns the first error by index, or 0.
 * ret_results: NULL, or count of them.
 */
A10_API ssize_t a10_await_every(const struct a10_op *ops, size_t count,
				struct a10_result *ret_results);

/*
 * All at once; the first that is over cancels the others, and all are waited
 * for. Returns the index of that one. Look at every result: another may have
 * succeeded in the same moment. -ECANCELED, -ETIME: the task was cancelled, and
 * none had succeeded before.
 */
A10_API ssize_t a10_await_first(const struct a10_op *ops, size_t count,
				struct a10_result *ret_results);

/* 0, or -ECANCELED, -ETIME. */
A10_INLINE int a10_sleep(int64_t ns)
{
	return (int)a10_await(a10_after(ns));
}

/*
 * Lets the other tasks run, and results be delivered. 0, or -ECANCELED, -ETIME;
 * -EDEADLK: no task.
 */
A10_API int a10_yield(void);

/* ---- the task itself ------------------------------------------------------ */

/* Its id; 0: this is no task. */
A10_API a10_id a10_task_current(void);

/* Whether it is to end; also while it is shielded. */
A10_API bool a10_task_cancelled(void);

/*
 * true: awaits are not cut short by a cancel of this task, until false. Returns
 * what it was.
 */
A10_API bool a10_task_shield(bool on);

/*
 * For a10_ring_dump and what is said of an overflow; cut to 31 bytes. Outside
 * of tasks: nothing.
 */
A10_API void a10_task_set_name(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Its name; "" if it has none, or this is no task. */
A10_API const char *a10_task_name(void);

/*
 * A value per key for the life of the task; NULL takes it away. 0, -ENOMEM;
 * -EDEADLK: no task.
 */
A10_API int a10_task_set_local(const void *key, void *value);

/* NULL: none. */
A10_API void *a10_task_local(const void *key);

/*
 * A watchdog: a task of this ring that computes without waiting is told of in the
 * log, with its name and a backtrace, once each time: perhaps after ns, surely
 * after two times ns, within as much again. 0: no more. It takes a thread, and SIGURG on the owner's.
 * Owner's thread, else -EPERM; -EBUSY: the program has a handler for SIGURG, or
 * another ring of this thread a watchdog; -EAGAIN: no threads; -ENOMEM; -EINVAL.
 */
A10_API int a10_task_watch(struct a10_ring *ring, int64_t ns);

/* All stacks of the process, in use or kept for the next task. */
struct a10_task_stacks {
	size_t count;
	size_t deepest; /* bytes, in whole pages, that a task has used at most */
	size_t guards_marked; /* guard pages that cost no map (from 6.13) ... */
	size_t guards_protected; /* ... that cost two; at most 30,000 ... */
	size_t guards_canary;    /* ... none: an overflow is noticed late */
	size_t reserved[3];
};

/* Looks at all pages of all stacks: slow. Any thread. */
A10_API void a10_task_stacks(struct a10_task_stacks *ret_stacks);

A10_END
#endif
