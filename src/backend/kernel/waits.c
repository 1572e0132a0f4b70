/*
 * Waiting that is more than a time: for several completions if they come soon,
 * and with its arguments where the kernel reads them without a copy.
 */
#include <errno.h>
#include <sys/mman.h>

#include "backend/kernel/blocked.h"
#include "backend/kernel/kernel.h"
#include "backend/kernel/syscall.h"
#include "base/log.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_US INT64_C(1000)
#define PAGE      4096u

/* While the ring is disabled, and for good. */
static int register_region(int fd, struct uring_reg_wait **ret_wait)
{
	void *const page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uring_region_desc region = {
		.user_addr = (uintptr_t)page,
		.size = PAGE,
		.flags = URING_MEM_REGION_TYPE_USER,
	};
	struct uring_mem_region_reg memory = {
		.region_uptr = (uintptr_t)&region,
		.flags = URING_MEM_REGION_REG_WAIT_ARG,
	};
	int err;

	if (page == MAP_FAILED)
		return -ENOMEM;
	err = syscall_register(fd, URING_REGISTER_MEM_REGION, &memory, 1);
	if (err < 0) {
		munmap(page, PAGE);
		return err;
	}
	*ret_wait = page;
	return 0;
}

int waits_open(int fd, const struct a10_config *config, uint32_t features,
	       struct waits *ret_waits)
{
	struct waits waits = { .batch = config->batch_completions };
	int err;

	waits.min_us = (uint32_t)(config->batch_wait_ns / NS_PER_US);
	/* Before 6.12 nothing waits for several: they come as they come. */
	if (!(features & URING_FEAT_MIN_TIMEOUT) || waits.min_us == 0)
		waits.batch = 0;
	if (waits.batch < 2)
		waits.batch = waits.min_us = 0;
	if (config->registered_wait == A10_ON) {
		err = register_region(fd, &waits.region);
		if (err == -EINVAL) {
			reason_set("registered_wait: this kernel does not have "
				   "it; Linux 6.13 does");
			return -EOPNOTSUPP;
		}
		if (err < 0)
			return blocked_reason("registered_wait", err);
	}
	waits.any = waits.batch > 0 || waits.region;
	*ret_waits = waits;
	return 0;
}

void waits_close(struct waits *waits)
{
	if (waits->region)
		munmap(waits->region, PAGE);
	waits->region = NULL;
}

int waits_enter(struct kernel *kernel, uint32_t submit, uint32_t wait,
		uint32_t flags, int64_t deadline)
{
	struct waits *const waits = &kernel->waits;
	const bool timed = deadline != BACKEND_NO_DEADLINE;
	struct uring_timespec time = { 0 };
	struct uring_getevents_arg arg = { 0 };
	int64_t ns = deadline > 0 ? deadline : 0;

	if (timed && kernel->abs_timer) {
		flags |= URING_ENTER_ABS_TIMER;
	} else if (timed) {
		ns -= kernel->backend.calls->now(&kernel->backend);
		ns = ns > 0 ? ns : 0;
	}
	if (timed) {
		time.tv_sec = ns / NS_PER_S;
		time.tv_nsec = ns % NS_PER_S;
	}
	if (wait < waits->batch)
		wait = waits->batch;
	if (waits->region) {
		waits->region->ts = time;
		waits->region->min_wait_usec = waits->min_us;
		waits->region->flags = timed ? URING_REG_WAIT_TS : 0;
		/* Its place in the region, which begins with it. */
		return syscall_enter(kernel->enter_fd, submit, wait,
				     flags | URING_ENTER_EXT_ARG |
					     URING_ENTER_EXT_ARG_REG,
				     NULL, sizeof(*waits->region));
	}
	arg.min_wait_usec = waits->min_us;
	arg.ts = timed ? (uintptr_t)&time : 0;
	return syscall_enter(kernel->enter_fd, submit, wait,
			     flags | URING_ENTER_EXT_ARG, &arg, sizeof(arg));
}
