/*
 * Opening a ring: the system call, the maps, what it can do, its tables. Each
 * may fail, and then what was made before is undone; why is in words.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/kernel/capability.h"
#include "backend/kernel/kernel.h"
#include "backend/kernel/syscall.h"
#include "backend/kernel/tables.h"
#include "backend/kernel/valgrind.h"
#include "base/log.h"

/* Of what setup granted: is it enough? */
static int check_features(const struct a10_config *config, uint32_t features)
{
	const char *const missing = probe_missing(features);

	if (missing) {
		reason_set("io_uring_setup: this kernel's io_uring lacks %s: "
			   "Linux 5.11 or newer is needed",
			   missing);
		return -EOPNOTSUPP;
	}
	if (config->no_iowait == A10_ON && !(features & URING_FEAT_NO_IOWAIT)) {
		reason_set("no_iowait: this kernel does not have it; Linux "
			   "6.15 does: leave it on auto or off, or use a newer "
			   "kernel");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void init(struct kernel *kernel, int fd, const struct a10_config *config,
		 const struct backend_grant *grant, const struct maps *maps,
		 const struct waits *waits)
{
	const uint32_t flags = grant->setup_flags;

	*kernel = (struct kernel){
		.backend = { .calls = &backend_kernel },
		.enter_fd = fd,
		.abs_timer = grant->abs_timer,
		.busy_polled = (flags & URING_SETUP_IOPOLL) &&
			       !(flags & URING_SETUP_SQPOLL),
		.cq_head = grant->view.cq_head,
		.cq_tail = grant->view.cq_tail,
		.fd = fd,
		.features = grant->features,
		.setup_flags = flags,
		.clock = CLOCK_MONOTONIC,
		.waits = *waits,
		.workers = { [URING_WQ_BOUND] = config->workers_bounded,
			     [URING_WQ_UNBOUND] = config->workers_unbounded },
		.maps = *maps,
	};
	kernel->awake = ON_VALGRIND && !kernel->busy_polled;
	if (config->no_iowait != A10_OFF &&
	    grant->features & URING_FEAT_NO_IOWAIT)
		kernel->wait_flags = URING_ENTER_NO_IOWAIT;
}

int kernel_open_by(setup_call *call, const struct a10_config *config,
		   int attach, struct backend **ret_backend,
		   struct backend_grant *ret_grant)
{
	struct backend_grant grant = { 0 };
	struct setup_request request;
	struct setup_result setup;
	struct kernel *kernel;
	struct waits waits;
	struct maps maps;
	int err, fd;

	if (config->first_index != 0) {
		reason_set("first_index: the kernel's queues begin at 0");
		return -EINVAL;
	}
	setup_describe(config, attach, &request);
	fd = setup_negotiate(call, &request, &setup);
	if (fd < 0)
		return fd;
	grant.descriptor = fd;
	grant.setup_flags = setup.params.flags;
	grant.setup_dropped = setup.dropped;
	grant.setup_error = setup.first_error;
	grant.features = setup.params.features;
	err = check_features(config, grant.features);
	if (err < 0)
		goto close_fd;
	err = probe_ring(fd, &grant);
	if (err < 0)
		goto close_fd;
	err = tables_register(fd, config);
	if (err < 0)
		goto close_fd;
	err = waits_open(fd, config, grant.features, &waits);
	if (err < 0)
		goto close_fd;
	err = maps_open(fd, &setup.params, &maps);
	if (err < 0)
		goto close_waits;
	kernel = malloc(sizeof(*kernel));
	if (!kernel) {
		reason_set("not enough memory");
		err = -ENOMEM;
		goto unmap;
	}
	maps_view(&maps, &setup.params, &grant.view);
	init(kernel, fd, config, &grant, &maps, &waits);
	*ret_backend = &kernel->backend;
	*ret_grant = grant;
	return 0;

unmap:
	maps_close(&maps);
close_waits:
	waits_close(&waits);
close_fd:
	close(fd);
	return err;
}

int kernel_open(const struct a10_config *config, int attach,
		struct backend **ret_backend, struct backend_grant *ret_grant)
{
	return kernel_open_by(syscall_setup, config, attach, ret_backend,
			      ret_grant);
}
