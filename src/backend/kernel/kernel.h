/* A backend that is a ring of the kernel's. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <time.h>

#include "backend/backend.h"
#include "backend/kernel/maps.h"
#include "backend/kernel/setup.h"
#include "backend/kernel/waits.h"

struct kernel {
	struct backend backend;

	/* What enter needs, on one line of the cache. */
	int enter_fd;         /* fd, or its place among the owner's rings */
	uint32_t enter_flags; /* in every call: REGISTERED_RING, if it is */
	uint32_t wait_flags;  /* in those that wait: NO_IOWAIT */
	bool abs_timer;
	bool busy_polled; /* IOPOLL: the caller of enter polls the device */
	bool awake;       /* enter must not sleep: see valgrind.h */
	_Atomic uint32_t *cq_head;
	_Atomic uint32_t *cq_tail;

	int fd;
	uint32_t control_flags; /* USE_REGISTERED_RING, if it may be used */
	uint32_t features;
	uint32_t setup_flags;
	clockid_t clock; /* of enter's times */
	struct waits waits;
	uint32_t workers[2]; /* limits that the owner gets at bind, or 0 */
	uint64_t bound;      /* the thread whose registered ring it is, or 0 */
	struct maps maps;
};

static inline struct kernel *kernel_of(struct backend *backend)
{
	return (struct kernel *)backend;
}

/* open by another io_uring_setup, for tests. As backend_calls.open. */
int kernel_open_by(setup_call *call, const struct a10_config *config,
		   int attach, struct backend **ret_backend,
		   struct backend_grant *ret_grant);

/* As backend_calls. */
int kernel_open(const struct a10_config *config, int attach,
		struct backend **ret_backend, struct backend_grant *ret_grant);
int kernel_control(struct backend *backend, unsigned int opcode, void *arg,
		   unsigned int count);
/* Of RESIZE_RINGS. */
int kernel_resize(struct kernel *kernel, struct backend_resize *resize);
int kernel_sync(struct backend *backend, const struct uring_sqe *request,
		struct halt *halt);

#endif
