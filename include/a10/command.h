/* command.h - what only a driver knows: requests handed through to it. */
#ifndef A10_COMMAND_H
#define A10_COMMAND_H

#include <a10/op.h>

A10_BEGIN

/*
 * A driver's own command, and size bytes of what it takes, copied: at most 16,
 * or 80 with config.large_requests (else -EINVAL). value is the driver's; with
 * config.large_completions so is result.extra. What the bytes point to is lent.
 * NVMe: command is NVME_URING_CMD_IO ..., the bytes struct nvme_uring_cmd, and
 * both config options are on. -EOPNOTSUPP: not of this file. [URING_CMD]
 */
A10_OP a10_uring_cmd(struct a10_fd fd, uint32_t command, const void *bytes,
		     size_t size)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_URING_CMD, fd, bytes, size, command, 0);

	op.extra.flags |= A10_WITH_LIBRARY;
	return op;
}

/*
 * Tells a block device that these bytes are not needed any more; both are
 * multiples of its block size. Before Linux 6.12 the ioctl, by a helper thread,
 * which no cancel ends once it has begun. -EOPNOTSUPP: it is none, or cannot.
 * [BLOCK_URING_CMD_DISCARD]
 */
A10_OP a10_block_discard(struct a10_fd fd, uint64_t offset, uint64_t length)
{
	struct a10_op op =
		a10_op_make(A10_OPCODE_BLOCK_DISCARD, fd, NULL, 0, 0x1200u, 0);

	op.request.address = offset;
	op.request.address3 = length;
	op.extra.flags |= A10_WITH_TAIL | A10_WITH_LIBRARY;
	return op;
}

A10_END
#endif
