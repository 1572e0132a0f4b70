/* config.h - how a ring is set up. All zero is the fastest safe set-up. */
#ifndef A10_CONFIG_H
#define A10_CONFIG_H

#include <a10/base.h>

A10_BEGIN

/*
 * AUTO: on where it helps and the kernel has it. ON: insisted on; a kernel
 * without it is an error, never a silent drop. OFF: off.
 */
enum a10_choice {
	A10_AUTO = 0,
	A10_ON = 1,
	A10_OFF = 2
};

enum a10_backend {
	A10_BACKEND_AUTO = 0,
	A10_BACKEND_KERNEL = 1 /* io_uring, insisted on */
};

/* A size of 0 is the default in brackets. Reserved words are 0. */
struct a10_config {
	uint32_t submission_entries;  /* [128] rounded up to a power of two */
	uint32_t completion_entries;  /* [4 x submission] likewise */
	uint32_t direct_descriptors;  /* [none] size of the table */
	uint32_t registered_buffers;  /* [none] slots for regions */
	uint32_t reserved_operations; /* [1024] memory taken at creation: below
					 that many under way the owner's
					 a10_submit of what needs no copy (a
					 path, a header ...) cannot fail */
	uint32_t workers_bounded;     /* [kernel's] threads for files ... */
	uint32_t workers_unbounded;   /* [kernel's] ... and for all else */
	uint32_t kernel_thread_cpu_plus_one; /* [any] pins the kernel thread */
	int64_t kernel_thread_idle_ns; /* [1 s] until it sleeps; in whole ms,
					  at most UINT32_MAX of them */
	uint32_t first_index;          /* for tests: where the queues' indexes
					 start; 0 on the kernel */

	/* enum a10_choice; what auto means in brackets */
	uint8_t disabled;          /* [off] until a10_ring_enable */
	uint8_t single_issuer;     /* [on]  only the owner enters */
	uint8_t defer_task_run;    /* [on]  completions only in poll */
	uint8_t clamp;             /* [on]  sizes cut to the kernel's most */
	uint8_t no_iowait;         /* [on]  waiting is not CPU iowait */
	uint8_t kernel_thread;     /* [off] a thread that submits, SQPOLL */
	uint8_t iopoll;            /* [off] busy-polled storage: reads, writes
				      and commands; else -EOPNOTSUPP */
	uint8_t hybrid_iopoll;     /* [off] sleep a while, then poll */
	uint8_t large_completions; /* [off] 32 bytes: result.extra */
	uint8_t backend;           /* enum a10_backend */
	uint8_t registered_wait;   /* [off] times of waits are not copied */
	uint8_t grow_completions;  /* [off] a queue that overflowed is made
				      larger, if the ring defers */
	uint8_t large_requests;    /* [off] 128 bytes, for a10_uring_cmd */
	uint8_t reserved_choices[3];

	struct a10_sq *attach;      /* [none] share this ring's workers; of a
					 ring: a10_ring_sq(ring), which must
					 not be destroyed meanwhile */
	int64_t batch_wait_ns;      /* [none] how long a poll waits for ... */
	uint32_t batch_completions; /* [1] ... so many, before one is enough */
	uint32_t reserved_word;
	uint64_t reserved[6];
};

/*
 * 0, or -EINVAL and which options contradict each other, in words. ret_reason
 * may be NULL; written on failure only. Any thread.
 */
A10_API int a10_config_check(const struct a10_config *config,
			     const char **ret_reason);

A10_END
#endif
