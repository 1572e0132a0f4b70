/* time.h - every time is an int64_t of nanoseconds. */
#ifndef A10_TIME_H
#define A10_TIME_H

#include <a10/op.h>
#include <time.h>

#define A10_MICROSECOND INT64_C(1000)
#define A10_MILLISECOND INT64_C(1000000)
#define A10_SECOND      INT64_C(1000000000)
#define A10_FOREVER     INT64_MAX

A10_BEGIN

/*
 * The clock of the ring this thread is polling (CLOCK_MONOTONIC on the real
 * kernel); outside a ring CLOCK_MONOTONIC. In nanoseconds. Any thread.
 */
A10_API int64_t a10_now(void);

/*
 * Over in ns nanoseconds: value 0. With a10_multishot: a result every ns
 * nanoseconds until cancelled, count telling how many periods have passed since
 * the one before (1, unless the program was late). ns <= 0: at once; -EINVAL
 * with a10_multishot.
 */
A10_OP a10_after(int64_t ns)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_TIMEOUT, a10_fd_none(), NULL, 1, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)ns;
	return op;
}

/*
 * Over when clock reads at: value 0. CLOCK_MONOTONIC is kept by the library;
 * CLOCK_BOOTTIME and CLOCK_REALTIME, which can jump, by the kernel [TIMEOUT].
 * Another clock, a10_multishot: -EINVAL.
 */
A10_OP a10_at(clockid_t clock, int64_t at)
{
	struct a10_op op = a10_op_make(A10_OPCODE_TIMEOUT, a10_fd_none(), NULL,
				       1, 0, 1u /* ABS */);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)at;
	op.extra.argument[1] = (uint64_t)clock;
	return op;
}

/*
 * Another time for a timer of this ring that is under way: of a10_after ns from
 * now on (and from then the period), of a10_at when its clock reads ns. value
 * 0; -ENOENT: it is over, or no timer; -EALREADY: it is ending just now. One is
 * removed by a10_cancel. [TIMEOUT_REMOVE]
 */
A10_OP a10_timer_update(a10_id id, int64_t ns)
{
	struct a10_op op = a10_op_make(A10_OPCODE_TIMER_UPDATE, a10_fd_none(),
				       NULL, 0, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	op.extra.argument[0] = (uint64_t)id;
	op.extra.argument[1] = (uint64_t)ns;
	return op;
}

A10_END
#endif
