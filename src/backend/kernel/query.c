#include <errno.h>

#include <a10/setting.h>

#include "backend/kernel/syscall.h"

int a10_kernel_query(struct a10_kernel *ret_kernel)
{
	struct uring_query_opcode answer = { .nr_request_opcodes = 0 };
	struct uring_query_hdr header = {
		.query_data = (uintptr_t)&answer,
		.query_op = URING_QUERY_OPCODES,
		.size = sizeof(answer),
	};
	struct a10_kernel kernel = { .opcodes = 0 };

	if (syscall_register(-1, URING_REGISTER_QUERY, &header, 0) < 0 ||
	    header.result < 0)
		return -EOPNOTSUPP;
	kernel.opcodes = answer.nr_request_opcodes;
	kernel.register_opcodes = answer.nr_register_opcodes;
	kernel.features = answer.feature_flags;
	kernel.setup_flags = answer.ring_setup_flags;
	kernel.enter_flags = answer.enter_flags;
	kernel.sqe_flags = answer.sqe_flags;
	*ret_kernel = kernel;
	return 0;
}
