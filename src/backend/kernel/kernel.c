/* Using a ring of the kernel's, and giving it back. */
#include "backend/kernel/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backend/kernel/syscall.h"
#include "backend/kernel/tables.h"
#include "base/assert.h"
#include "base/thread.h"

#define NS_PER_S INT64_C(1000000000)

/* The waist's flags are the kernel's: nothing to translate. */
#define SAME_FLAGS                                     \
	(BACKEND_GETEVENTS == URING_ENTER_GETEVENTS && \
	 BACKEND_SQ_WAKEUP == URING_ENTER_SQ_WAKEUP && \
	 BACKEND_SQ_WAIT == URING_ENTER_SQ_WAIT)
_Static_assert(SAME_FLAGS, "BACKEND_* are not URING_ENTER_*");

static int64_t kernel_now(struct backend *backend)
{
	struct timespec time;

	clock_gettime(kernel_of(backend)->clock, &time); /* cannot fail */
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* As few completions as wait, counted the way only the owner can. */
static bool is_short(const struct kernel *kernel, uint32_t wait)
{
	const uint32_t head =
		atomic_load_explicit(kernel->cq_head, memory_order_relaxed);
	const uint32_t tail =
		atomic_load_explicit(kernel->cq_tail, memory_order_relaxed);

	return tail - head < wait;
}

/*
 * The owner polls the device itself, and the kernel then knows no time: it
 * polls until something completes. So it is asked to look once, and the caller
 * comes again until the deadline; with nothing under way at the device enter
 * returns at once in any case. The one enter that returns before it is time.
 */
static int enter_busy(struct kernel *kernel, uint32_t submit, uint32_t wait,
		      uint32_t flags, int64_t deadline)
{
	const int taken =
		syscall_enter(kernel->enter_fd, submit, 0, flags, NULL, 0);

	if (taken == 0 && is_short(kernel, wait) &&
	    kernel_now(&kernel->backend) >= deadline)
		return -ETIME;
	return taken;
}

static int enter_until(struct kernel *kernel, uint32_t submit, uint32_t wait,
		       uint32_t flags, int64_t deadline)
{
	struct uring_getevents_arg arg = { 0 };
	struct uring_timespec time;
	int64_t ns = deadline;

	/* Before the clock began is as over as at its start. */
	if (ns < 0)
		ns = 0;
	if (kernel->abs_timer) {
		flags |= URING_ENTER_ABS_TIMER;
	} else {
		ns -= kernel_now(&kernel->backend);
		if (ns < 0)
			ns = 0;
	}
	time.tv_sec = ns / NS_PER_S;
	time.tv_nsec = ns % NS_PER_S;
	arg.ts = (uintptr_t)&time;
	return syscall_enter(kernel->enter_fd, submit, wait,
			     flags | URING_ENTER_EXT_ARG, &arg, sizeof(arg));
}

/*
 * Sleeps by a call that valgrind knows to sleep, a little at a time, and only
 * looks by enter. What was taken counts for more than how the wait ended.
 */
static int enter_awake(struct kernel *kernel, uint32_t submit, uint32_t wait,
		       uint32_t flags, int64_t deadline)
{
	const struct timespec moment = { .tv_nsec = 500000 };
	const int taken = enter_until(kernel, submit, wait, flags, 0);
	int err = taken;

	while ((err == -ETIME || err >= 0) && is_short(kernel, wait) &&
	       kernel_now(&kernel->backend) < deadline) {
		err = nanosleep(&moment, NULL) < 0 ? -errno : 0;
		if (err == 0)
			err = enter_until(kernel, 0, wait, flags, 0);
	}
	return taken > 0 ? taken : err;
}

static int kernel_enter(struct backend *backend, uint32_t submit, uint32_t wait,
			uint32_t flags, int64_t deadline)
{
	struct kernel *const kernel = kernel_of(backend);

	flags |= kernel->enter_flags;
	if (wait == 0)
		return syscall_enter(kernel->enter_fd, submit, 0, flags, NULL,
				     0);
	flags |= URING_ENTER_GETEVENTS | kernel->wait_flags;
	if (unlikely(kernel->awake))
		return enter_awake(kernel, submit, wait, flags, deadline);
	if (unlikely(kernel->waits.any))
		return waits_enter(kernel, submit, wait, flags, deadline);
	if (deadline == BACKEND_NO_DEADLINE)
		return syscall_enter(kernel->enter_fd, submit, wait, flags,
				     NULL, 0);
	if (kernel->busy_polled)
		return enter_busy(kernel, submit, wait, flags, deadline);
	return enter_until(kernel, submit, wait, flags, deadline);
}

/* The registered ring is the owner's alone; sync may call from elsewhere. */
int kernel_control(struct backend *backend, unsigned int opcode, void *arg,
		   unsigned int count)
{
	struct kernel *const kernel = kernel_of(backend);
	int ret;

	if (opcode == URING_REGISTER_RESIZE_RINGS)
		return kernel_resize(kernel, arg);
	if (opcode == URING_REGISTER_CLOCK) {
		const struct uring_clock_register *clock = arg;

		ret = syscall_register(kernel->fd, opcode, arg, count);
		if (ret >= 0)
			kernel->clock = (clockid_t)clock->clockid;
		return ret;
	}
	if (kernel->control_flags && kernel->bound == thread_number())
		return syscall_register(kernel->enter_fd,
					opcode | kernel->control_flags, arg,
					count);
	return syscall_register(kernel->fd, opcode, arg, count);
}

/*
 * A registered descriptor saves the kernel looking it up in each enter. A
 * thread has room for 16, and Linux before 5.18 for none: then we do without.
 */
static int kernel_bind(struct backend *backend)
{
	struct kernel *const kernel = kernel_of(backend);
	struct uring_rsrc_update ring = {
		.offset = UINT32_MAX, /* any place */
		.data = (uint32_t)kernel->fd,
	};

	check(kernel->bound == 0);
	/*
	 * Workers belong to the thread that submits. Their limits were set for
	 * the one that opened this, which told us that they can be.
	 */
	(void)tables_limit_workers(kernel->fd, kernel->workers);
	if (syscall_register(kernel->fd, URING_REGISTER_RING_FDS, &ring, 1) !=
	    1)
		return 0;
	kernel->bound = thread_number();
	kernel->enter_fd = (int)ring.offset;
	kernel->enter_flags = URING_ENTER_REGISTERED_RING;
	if (kernel->features & URING_FEAT_REG_REG_RING)
		kernel->control_flags = URING_REGISTER_USE_REGISTERED_RING;
	return 1;
}

/* The registered descriptor is the owner's: this is for all others. */
static int kernel_wake(struct backend *backend, uint32_t flags)
{
	const int err =
		syscall_enter(kernel_of(backend)->fd, 0, 0, flags, NULL, 0);

	return err < 0 ? err : 0;
}

/*
 * A registered descriptor holds the ring: it goes with its thread, unless that
 * is this one.
 */
static void unbind(struct kernel *kernel)
{
	struct uring_rsrc_update ring = {
		.offset = (uint32_t)kernel->enter_fd,
	};

	if (kernel->bound == 0 || kernel->bound != thread_number())
		return;
	(void)syscall_register(kernel->fd, URING_UNREGISTER_RING_FDS, &ring, 1);
}

static void kernel_close(struct backend *backend, bool inherited)
{
	struct kernel *const kernel = kernel_of(backend);

	/* A forked child has neither the maps nor the registered ring. */
	if (!inherited) {
		unbind(kernel);
		maps_close(&kernel->maps);
		waits_close(&kernel->waits);
	}
	close(kernel->fd);
	free(kernel);
}

const struct backend_calls backend_kernel = {
	.name = "kernel",
	.open = kernel_open,
	.enter = kernel_enter,
	.control = kernel_control,
	.now = kernel_now,
	.sync = kernel_sync,
	.bind = kernel_bind,
	.wake = kernel_wake,
	.close = kernel_close,
};
