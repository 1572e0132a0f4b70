/*
 * work.h - what blocks, on helper threads of the process, as an operation.
 */
#ifndef A10_WORK_H
#define A10_WORK_H

#include <a10/op.h>

A10_BEGIN

/* Runs on a helper thread, with all signals blocked and 1 MiB of stack. */
typedef ssize_t a10_work_fn(void *data);

/*
 * Runs fn(data) on a helper thread: value is what it returns. A cancel or a
 * time-out helps only before it starts; afterwards its result is what fn says,
 * and a ring is not destroyed before. data is lent until the result. -EAGAIN: no
 * thread can be made; -EOWNERDEAD: fn has ended its thread. [pthread_create]
 */
A10_OP a10_work(a10_work_fn *fn, void *data)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_WORK, a10_fd_none(), data, 0, 0, 0);

	op.extra.argument[0] = (uint64_t)(uintptr_t)fn;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * So many helper threads at most (0: 64; 1024 are the most), made when they are
 * needed and ended when they are not. What waits for one waits in turn; a name
 * that is being resolved has one too, even if nobody wants it any more. Any
 * thread.
 */
A10_API void a10_work_limit(uint32_t threads);

/* How many there are. Any thread; a snapshot. */
A10_API uint32_t a10_work_threads(void);

A10_END
#endif
