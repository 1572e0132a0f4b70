/* Waiting that is more than a time. */
#ifndef KERNEL_WAITS_H
#define KERNEL_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include <a10/config.h>

#include "uapi/io_uring.h"

struct kernel;

struct waits {
	struct uring_reg_wait *region; /* where the kernel reads, or NULL */
	uint32_t batch;  /* so many completions, 0: as enter is asked */
	uint32_t min_us; /* if they come that soon */
	bool any;        /* whether there is anything of this */
};

/* 0, or -errno and the reason. */
int waits_open(int fd, const struct a10_config *config, uint32_t features,
	       struct waits *ret_waits);
void waits_close(struct waits *waits);
/* enter that waits, with any. */
int waits_enter(struct kernel *kernel, uint32_t submit, uint32_t wait,
		uint32_t flags, int64_t deadline);

#endif
