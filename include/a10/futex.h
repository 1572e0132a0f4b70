/*
 * futex.h - waiting for a word in memory to change. The word is the caller's,
 * and stays where it is until the operation is over.
 */
#ifndef A10_FUTEX_H
#define A10_FUTEX_H

#include <a10/op.h>
#include <linux/futex.h>

A10_BEGIN

#define A10_FUTEX_SHARED (1u << 0) /* with other processes */

/* The constructors' constructor. */
A10_OP a10_futex_op(enum a10_opcode opcode, const uint32_t *word,
		    uint64_t value, uint32_t flags)
{
	/* FUTEX2_SIZE_U32, and FUTEX2_PRIVATE; 64 is nothing: -EINVAL. */
	const uint32_t kind = flags & ~A10_FUTEX_SHARED ? 64u :
			      flags                     ? 0u :
							  128u;
	struct a10_op op = a10_op_make(opcode, a10_fd_regular((int)(kind | 2)),
				       word, 0, value, 0);

	op.request.address3 = UINT32_MAX; /* any of those that wait */
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

/*
 * Over when somebody wakes the word: value 0; -EAGAIN at once if it is not
 * value. flags: 0 or A10_FUTEX_SHARED; others are -EINVAL. Before Linux 6.7 a
 * thread waits for each, 1024 at most (-EAGAIN besides); before 5.16 it may miss
 * a wake-up that leaves the word as it was. [FUTEX_WAIT]
 */
A10_OP a10_futex_wait(const uint32_t *word, uint32_t value, uint32_t flags)
{
	return a10_futex_op(A10_OPCODE_FUTEX_WAIT, word, value, flags);
}

/*
 * Wakes count of those that wait for the word, UINT32_MAX: all. value is how
 * many. [FUTEX_WAKE]
 */
A10_OP a10_futex_wake(const uint32_t *word, uint32_t count, uint32_t flags)
{
	/* The kernel's count has a sign. */
	return a10_futex_op(A10_OPCODE_FUTEX_WAKE, word,
			    count < INT32_MAX ? count : INT32_MAX, flags);
}

/*
 * Over when somebody wakes any of at most 128 words: value says which. The
 * array is copied; each has its own flags. Before Linux 6.7 a thread waits, which
 * of 128 may miss a wake-up that leaves the word as it was; before 5.16 it is
 * -EOPNOTSUPP. [FUTEX_WAITV]
 */
A10_OP a10_futex_waitv(const struct futex_waitv *words, uint32_t count)
{
	struct a10_op op = a10_op_make(A10_OPCODE_FUTEX_WAITV,
				       a10_fd_regular(0), words, count, 0, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
