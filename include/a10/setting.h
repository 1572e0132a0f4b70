/*
 * setting.h - what of a ring is set while it is there. Owner's thread, or any
 * before the ring is bound (else -EPERM). 0 or -errno; -EOPNOTSUPP: not in this
 * kernel; -ESHUTDOWN, -ECHILD.
 */
#ifndef A10_SETTING_H
#define A10_SETTING_H

#include <a10/ring.h>

A10_BEGIN

/* ---- rights -------------------------------------------------------------- */

/*
 * This thread's credentials under a number, > 0, for a10_personality.
 * [REGISTER_PERSONALITY]
 */
A10_API int a10_ring_add_personality(struct a10_ring *ring);

/* -EINVAL: no such number. [UNREGISTER_PERSONALITY] */
A10_API int a10_ring_remove_personality(struct a10_ring *ring, int personality);

/*
 * A sandbox: from its first poll on, the ring does the opcodes named here, what
 * a10_close, cancels and its own wake-up need, and nothing else: -EACCES.
 * Pools, regions and settings come before; a10_listen_on, a10_connect_to and
 * what is a system call are not the ring's. Once, and before it is bound
 * (-EBADFD). [REGISTER_RESTRICTIONS]
 */
A10_API int a10_ring_restrict(struct a10_ring *ring,
			      const enum a10_opcode *opcodes, size_t count);

/* ---- workers ------------------------------------------------------------- */

/*
 * Most workers for files, and for all else; 0: as it is. ret_before: NULL, or
 * both as they were. Those of the calling thread. [REGISTER_IOWQ_MAX_WORKERS]
 */
A10_API int a10_ring_set_workers(struct a10_ring *ring, uint32_t bounded,
				 uint32_t unbounded, uint32_t ret_before[2]);

/*
 * The CPUs for workers: a cpu_set_t of size bytes; NULL: any. Owner's thread
 * only: they are its. [REGISTER_IOWQ_AFF]
 */
A10_API int a10_ring_set_worker_cpus(struct a10_ring *ring, const void *cpus,
				     size_t size);

/* ---- waiting ------------------------------------------------------------- */

/*
 * Polls network queues for so many microseconds before it sleeps; 0: not. Not
 * with config.iopoll (-EINVAL). [REGISTER_NAPI]
 */
A10_API int a10_ring_set_busy_poll(struct a10_ring *ring, uint32_t us,
				   bool prefer);

/*
 * The ring's clock, of a10_now in its callbacks and of all its times:
 * CLOCK_MONOTONIC, or CLOCK_BOOTTIME, which goes on while the machine sleeps.
 * Before it is bound (-EBADFD). [REGISTER_CLOCK]
 */
A10_API int a10_ring_set_clock(struct a10_ring *ring, clockid_t clock);

/*
 * Other sizes for the queues, 0: as it is; nothing under way is lost. -EINVAL:
 * not a ring that defers (config.defer_task_run), or fewer completions than
 * submissions; -EOVERFLOW: what is in them has no room. Owner's thread only.
 * [REGISTER_RESIZE_RINGS]
 */
A10_API int a10_ring_resize(struct a10_ring *ring, uint32_t submission_entries,
			    uint32_t completion_entries);

/* ---- the kernel ---------------------------------------------------------- */

/* What the kernel knows, masks are its own. */
struct a10_kernel {
	uint32_t opcodes;          /* how many */
	uint32_t register_opcodes; /* how many */
	uint64_t features;         /* IORING_FEAT_* */
	uint64_t setup_flags;      /* IORING_SETUP_* */
	uint64_t enter_flags;      /* IORING_ENTER_* */
	uint64_t sqe_flags;        /* IOSQE_* */
	uint64_t reserved[4];
};

/*
 * Without a ring. -EOPNOTSUPP: before Linux 6.18, or io_uring is blocked. Any
 * thread. [REGISTER_QUERY]
 */
A10_API int a10_kernel_query(struct a10_kernel *ret_kernel);

A10_END
#endif
