/*
 * ring.h - the owner's side of a ring.
 *
 * The owner is the thread that first polls, runs, flushes, enables or destroys
 * the ring, or whose a10_await_on is the first on a ring it created. Until then
 * any thread may register (pools, regions); afterwards only the owner may use
 * an a10_ring. The owner destroys its ring before it exits: a thread that ends
 * and leaves one is told to the log, its own operations are forgotten, those of
 * others end as in a10_ring_destroy, which anybody may call then. The same if it
 * ends in a callback or a task, by pthread_exit or a cancel. Until then its end is
 * held up: by what others have under way as long as that takes, by its own for a
 * second.
 */
#ifndef A10_RING_H
#define A10_RING_H

#include <a10/config.h>
#include <a10/sq.h>
#include <a10/time.h>

A10_BEGIN

/*
 * config NULL: the defaults. 0; -EINVAL: options that contradict each other;
 * -EOPNOTSUPP: the kernel lacks what is required or insisted on; -ENOMEM: memory
 * or the memlock limit; -EPERM, -ENOSYS, -EACCES: io_uring is blocked; -EMFILE,
 * -ENFILE, -EAGAIN: no descriptors or threads; -ESHUTDOWN: attach is destroyed.
 * a10_ring_reason says it in words. Any thread. [io_uring_setup]
 */
A10_API int a10_ring_create(const struct a10_config *config,
			    struct a10_ring **ret_ring);

/*
 * Why this thread's last a10_ring_create failed, and what to do about it, in
 * words; "" if none did. Valid until the thread's next a10_ring_create. Any thread.
 */
A10_API const char *a10_ring_reason(void);

/*
 * Cancels all, polls until nothing is under way (callbacks are called), frees.
 * Returns 0, or how many operations were not over after timeout_ns: they and the
 * ring are leaked then, for the kernel may still write, and logged. -EPERM: not
 * the owner; -EDEADLK: in a callback; neither frees anything. In a forked child
 * it only frees. NULL: nothing. Owner's thread, or any before the ring is bound
 * and after its owner has ended.
 */
A10_API int a10_ring_destroy(struct a10_ring *ring, int64_t timeout_ns);

/*
 * Ends config.disabled, and binds the ring to this thread. 0; -EBADFD: it was
 * not disabled, or another thread has enabled it. Any thread.
 * [REGISTER_ENABLE_RINGS]
 */
A10_API int a10_ring_enable(struct a10_ring *ring);

/* The ring this thread is polling, in callbacks that is; else NULL. Any thread. */
A10_API struct a10_ring *a10_ring_current(void);

/*
 * The handle for a10_submit. Lives as long as the ring, longer if referenced. The
 * same every time: two that are equal are of one ring. Any thread.
 */
A10_API struct a10_sq *a10_ring_sq(struct a10_ring *ring);

/*
 * Starts what is queued, waits at most timeout_ns (0: not; A10_FOREVER) for a
 * first result, delivers all there are. Returns how many were delivered; 0: the
 * time is over, or a wake. -EBADFD: disabled; -EPERM: not the owner; -EDEADLK:
 * in a callback; -ECHILD: in a forked child; -EAGAIN, -EBUSY: the kernel is out
 * of memory, again and again. Owner's thread; of a ring that is not bound any,
 * which it binds. [io_uring_enter]
 */
A10_API int a10_ring_poll(struct a10_ring *ring, int64_t timeout_ns);

/*
 * Polls until nothing is under way (0), until a10_sq_stop (1), or until polling
 * fails (-errno). Owner's thread, as a10_ring_poll.
 */
A10_API int a10_ring_run(struct a10_ring *ring);

/*
 * Starts what is queued, delivers nothing: before a program sleeps elsewhere.
 * Returns 0 or -errno as a10_ring_poll. Owner's thread, as there.
 */
A10_API int a10_ring_flush(struct a10_ring *ring);

/*
 * A descriptor for a loop that is somebody else's (epoll, GLib, libuv ...): can
 * be read (POLLIN) whenever a10_ring_poll(ring, 0) would do something. Then
 * call that; it makes the descriptor quiet again. What the owner submits
 * outside callbacks is started by a poll or flush before the loop sleeps. Binds
 * the ring to this thread; the same descriptor every time; the ring's to close.
 * With defer_task_run off the loop's own wait can end early, by EINTR. Owner's
 * thread. -EOPNOTSUPP: config.iopoll; else as a10_ring_poll, and what a
 * descriptor can lack. [eventfd, REGISTER_EVENTFD]
 */
A10_API int a10_ring_fd(struct a10_ring *ring);

/*
 * On another ring: this one has something to poll (value POLLIN). Once, or with
 * a10_multishot each time. Its result -EBADF: there is no descriptor, see
 * a10_ring_fd. Made on this ring's owner's thread. If the other ring is itself
 * waited for by its descriptor, turn its defer_task_run off: else the kernel tells
 * some 10 ms late. [POLL_ADD]
 */
A10_MUST_USE A10_API struct a10_op a10_ring_pollable(struct a10_ring *ring);

/*
 * Direct descriptors are put into these places of the table only, the others
 * are left to a10_fd_replace. -EINVAL: not all of it is in the table. Owner's
 * thread, or any before the ring is bound. [REGISTER_FILE_ALLOC_RANGE]
 */
A10_API int a10_ring_set_direct_range(struct a10_ring *ring, uint32_t first,
				      uint32_t count);

/*
 * Puts the file of fd, a regular descriptor, in the place of direct, and calls
 * release(owned) once, at a poll, when that was closed or replaced and no request
 * uses the file by this place any more: a10_raw's neither. Else at the end of the
 * ring. -EXDEV: of another ring; -EINVAL: the one is no direct descriptor, or the
 * other is; -EBADF. Owner's thread, or any before the ring is bound.
 * [tags of REGISTER_FILES_UPDATE2]
 */
A10_API int a10_ring_tag_direct(struct a10_ring *ring, struct a10_fd direct,
				struct a10_fd fd, void (*release)(void *owned),
				void *owned);

/* The direct descriptor in that place of the ring's table. Any thread. */
A10_API struct a10_fd a10_ring_direct(const struct a10_ring *ring,
				      uint32_t place);

/* Operations that are not over. Owner's thread. */
A10_API size_t a10_ring_pending(const struct a10_ring *ring);

/* What was asked for, what was granted. All flags are the kernel's. */
struct a10_ring_info {
	const char *backend; /* "kernel" */
	uint32_t submission_entries;
	uint32_t completion_entries;
	uint32_t setup_flags;   /* IORING_SETUP_* granted */
	uint32_t setup_dropped; /* ... asked for by default and refused */
	uint32_t features;      /* IORING_FEAT_* */
	int32_t setup_error;    /* the first refusal, -errno, or 0 */
	uint32_t direct_descriptors;
	bool registered_ring; /* the ring's own descriptor is one */
	bool incremental_pools;
	uint8_t reserved0[2];
	uint64_t opcodes[4]; /* bit n: this ring has opcode n */
	uint64_t enters;     /* io_uring_enter calls so far */
	uint64_t overflows;  /* completions the kernel lost, out of memory */
	uint64_t reserved[6];
};

/* Owner's thread, or any before the ring is bound. */
A10_API void a10_ring_info(const struct a10_ring *ring,
			   struct a10_ring_info *ret_info);

/*
 * One line of text per operation that is not over: what, on which descriptor,
 * in which state, what it waits for. Owner's thread.
 */
A10_API void a10_ring_dump(const struct a10_ring *ring,
			   void (*line)(void *data, const char *text),
			   void *data);

A10_END
#endif
