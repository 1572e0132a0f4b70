/* Queues of another size: the kernel copies what is in them, we map them. */
#include <errno.h>

#include "backend/kernel/kernel.h"
#include "backend/kernel/syscall.h"
#include "base/assert.h"

int kernel_resize(struct kernel *kernel, struct backend_resize *resize)
{
	struct uring_params params = {
		.sq_entries = resize->submission_entries,
		.cq_entries = resize->completion_entries,
		.flags = URING_SETUP_CQSIZE | URING_SETUP_CLAMP,
	};
	struct maps maps;
	int err;

	err = syscall_register(kernel->fd, URING_REGISTER_RESIZE_RINGS, &params,
			       1);
	if (err < 0)
		return err;
	/* What it does not tell again is as it was. */
	params.flags |= kernel->setup_flags;
	params.features = kernel->features;
	err = maps_open(kernel->fd, &params, &maps);
	if (err < 0)
		panic("the queues have another size and cannot be mapped");
	maps_close(&kernel->maps);
	kernel->maps = maps;
	maps_view(&maps, &params, &resize->view);
	kernel->cq_head = resize->view.cq_head;
	kernel->cq_tail = resize->view.cq_tail;
	return 0;
}
