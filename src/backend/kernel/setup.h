/* io_uring_setup(2): what to ask for, and what to do when it is refused. */
#ifndef KERNEL_SETUP_H
#define KERNEL_SETUP_H

#include <stdint.h>

#include <a10/config.h>

#include "uapi/io_uring.h"

struct setup_request {
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t flags;    /* URING_SETUP_* */
	uint32_t insisted; /* those of them that are never dropped */
	uint32_t thread_cpu;
	uint32_t thread_idle_ms;
	int attach_fd;   /* with URING_SETUP_ATTACH_WQ */
	bool sq_default; /* not asked for, so it may be smaller */
	bool cq_default;
};

struct setup_result {
	struct uring_params params;
	uint32_t dropped;
	int first_error; /* -errno of the first refusal, or 0 */
};

/* io_uring_setup(2), or what stands in for it in a test. */
typedef int setup_call(uint32_t entries, struct uring_params *params);

/* attach_fd: of the ring to share workers with, or -1. */
void setup_describe(const struct a10_config *config, int attach_fd,
		    struct setup_request *ret_request);

/* The ring's descriptor, or -errno and the reason by reason_set. */
int setup_negotiate(setup_call *call, const struct setup_request *request,
		    struct setup_result *ret_result);

#endif
