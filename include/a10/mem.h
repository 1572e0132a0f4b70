/* mem.h - the process's own memory. */
#ifndef A10_MEM_H
#define A10_MEM_H

#include <a10/op.h>
#include <sys/mman.h>

A10_BEGIN

/*
 * madvise(2): advice is MADV_*. More than 4 GiB is the system call, by a helper
 * thread, where the kernel's own takes no more. [MADVISE]
 */
A10_OP a10_madvise(void *memory, size_t length, int advice)
{
	struct a10_op op = a10_op_make(A10_OPCODE_MADVISE, a10_fd_none(),
				       memory, 0, 0, (uint32_t)advice);

	if ((uint64_t)length > UINT32_MAX)
		op.request.offset = length;
	else
		op.request.length = (uint32_t)length;
	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
