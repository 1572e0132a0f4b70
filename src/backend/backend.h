/*
 * The narrow waist: above it nothing knows who does the work.
 *
 * A backend is a pair of queues in memory, in io_uring's layout, and a handful
 * of calls. The library writes requests and reads completions through the view;
 * the calls do the rest. Everything here is the ring's owner's, but that open
 * may be called by another thread before, and now by any thread at any time.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include <stdatomic.h>
#include <stdint.h>

#include <a10/config.h>

#include "uapi/io_uring.h"

/*
 * The queues. Indexes run free and wrap at 2^32; entry n is at n & mask. The
 * library writes sq_tail and cq_head, the backend all else. sqes may be filled
 * in order without an index array, whatever the kernel wants.
 */
struct backend_view {
	_Atomic uint32_t *sq_head;
	_Atomic uint32_t *sq_tail;
	_Atomic uint32_t *sq_flags; /* URING_SQ_* */
	_Atomic uint32_t *cq_head;
	_Atomic uint32_t *cq_tail;
	_Atomic uint32_t *cq_overflow; /* completions that found no room */
	struct uring_sqe *sqes;
	unsigned char *cqes; /* struct uring_cqe, 1 << cqe_shift bytes apart */
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t cqe_shift; /* 4, or 5 with 32-byte completions */
};

/* What open found and was granted; a10_ring_info tells it. */
struct backend_grant {
	struct backend_view view;
	uint32_t setup_flags;   /* URING_SETUP_* granted */
	uint32_t setup_dropped; /* asked for by default and refused */
	uint32_t features;      /* URING_FEAT_* */
	int32_t setup_error;    /* the first refusal, -errno, or 0 */
	uint64_t opcodes[4];    /* bit n: opcode n works */
	bool abs_timer;         /* enter takes absolute times */
	int32_t descriptor;     /* what other rings name it by, or -1 */
	bool incremental;       /* pools can be URING_PBUF_RING_INC */
};

/* Other sizes for the queues; where they are then. */
struct backend_resize {
	uint32_t submission_entries;
	uint32_t completion_entries;
	struct backend_view view; /* written */
};

struct halt;
struct backend; /* whatever the implementation needs; it begins with calls */

/* enter's flags, besides what its arguments say. */
#define BACKEND_GETEVENTS \
	(1u << 0) /* run what is deferred, even if wait is 0 */
#define BACKEND_SQ_WAKEUP (1u << 1) /* the kernel thread sleeps */
#define BACKEND_SQ_WAIT   (1u << 2) /* wait for room in the submission queue */

#define BACKEND_NO_DEADLINE INT64_MAX

struct backend_calls {
	const char *name; /* "kernel" */

	/*
	 * Makes one as config asks. 0, or -errno and the reason in words by
	 * reason_set. The queues are disabled (URING_SETUP_R_DISABLED) until
	 * control says URING_REGISTER_ENABLE_RINGS, so that the thread that
	 * will own them is the one that does. attach: a descriptor of the
	 * ring to share with, the caller's; -1: none.
	 */
	int (*open)(const struct a10_config *config, int attach,
		    struct backend **ret_backend,
		    struct backend_grant *ret_grant);

	/*
	 * Hands over submit requests, waits for wait completions or until now
	 * >= deadline. Returns how many requests were taken, or -errno: -ETIME,
	 * -EINTR, -EAGAIN, -EBUSY ... as io_uring_enter(2). With a deadline
	 * that passed after requests were taken: their number.
	 */
	int (*enter)(struct backend *backend, uint32_t submit, uint32_t wait,
		     uint32_t flags, int64_t deadline);

	/*
	 * io_uring_register(2), but that RESIZE_RINGS takes a struct
	 * backend_resize. >= 0 or -errno.
	 */
	int (*control)(struct backend *backend, unsigned int opcode, void *arg,
		       unsigned int count);

	/* The clock of deadlines, in ns: CLOCK_MONOTONIC, or a virtual one. */
	int64_t (*now)(struct backend *backend);

	/*
	 * Does one request by system call. At once: SOCKET, BIND, LISTEN, CLOSE
	 * (also of a direct descriptor), URING_CMD's for sockets, PIPE,
	 * FUTEX_WAKE, the library's FD_CLONE and PIDFD; EPOLL_WAIT, WAITID and
	 * SIGNAL_READ (-EAGAIN: nothing yet). What waits for a disk, for another
	 * process or for ever is asked for on a helper thread, with a halt, and
	 * ends soon (-ECANCELED) when that is asked: FTRUNCATE, FADVISE,
	 * MADVISE, BIND of a path, PROCESS_SPAWN, block discard, READLINKAT,
	 * GETDENTS64, SENDFILE (-EAGAIN: no room in where it goes),
	 * COPY_FILE_RANGE, FUTEX_WAIT, FUTEX_WAITV; WAITID waits then. Its res;
	 * -EOPNOTSUPP: it cannot. May be called from any thread.
	 */
	int (*sync)(struct backend *backend, const struct uring_sqe *request,
		    struct halt *halt);

	/*
	 * Called by the thread that will own it, once, after it was enabled: a
	 * place to register the ring's own descriptor. Returns 1 if so, else 0.
	 */
	int (*bind)(struct backend *backend);

	/*
	 * Any thread, of a ring with a kernel thread: BACKEND_SQ_WAKEUP and
	 * BACKEND_SQ_WAIT, as enter understands them. 0 or -errno.
	 */
	int (*wake)(struct backend *backend, uint32_t flags);

	/*
	 * Ends it: gives back all but what the kernel may still write to.
	 * inherited: in a forked child; touches no mapping and no kernel state,
	 * only closes descriptors and frees memory.
	 */
	void (*close)(struct backend *backend, bool inherited);
};

struct backend {
	const struct backend_calls *calls;
};

extern const struct backend_calls backend_kernel;

#endif
