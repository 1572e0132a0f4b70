/*
 * probe.h - what io_uring offers here, or who is in its way.
 *
 * For programs that choose what to run on, and for whoever has to find out why
 * a ring is refused. Nothing of it needs a ring, and nothing of it is found by
 * the kernel's version: all is asked for, or tried.
 */
#ifndef A10_PROBE_H
#define A10_PROBE_H

#include <a10/base.h>

A10_BEGIN

/* Who is in the way. */
enum a10_probe_cause {
	A10_PROBE_USABLE = 0,      /* nobody: a ring can be had */
	A10_PROBE_NO_IO_URING = 1, /* the kernel was built without it */
	A10_PROBE_TOO_OLD = 2,     /* it is older than Linux 5.11's */
	A10_PROBE_BY_SYSCTL = 3,   /* kernel.io_uring_disabled */
	A10_PROBE_BY_SECCOMP = 4,  /* a filter, as container engines have */
	A10_PROBE_BY_POLICY = 5,   /* a security module, or a sandbox */
	A10_PROBE_BY_MEMLOCK = 6,  /* RLIMIT_MEMLOCK: a ring is locked memory */
	A10_PROBE_NO_MEMORY = 7,   /* there is none */
	A10_PROBE_NO_DESCRIPTOR = 8, /* RLIMIT_NOFILE */
	A10_PROBE_NO_FILE = 9,       /* the machine's limit of files */
	A10_PROBE_NO_THREAD = 10,    /* RLIMIT_NPROC */
	A10_PROBE_UNKNOWN = 11       /* an error that none of these gives */
};

/* A system call that a seccomp filter answers by killing who makes it. */
#define A10_PROBE_KILLS (-4096)

/*
 * Of a mask bit n stands for the number n of its list. 0 in a mask of what the
 * kernel has: it could not be asked, since the call that tells is refused.
 */
struct a10_probe {
	int32_t error;  /* 0: usable; else -errno, as a10_ring_create's */
	uint32_t cause; /* enum a10_probe_cause */

	/* 0: it can be called; else its -errno, or A10_PROBE_KILLS */
	int32_t setup_error;    /* [io_uring_setup] of a ring of one entry */
	int32_t enter_error;    /* [io_uring_enter] */
	int32_t register_error; /* [io_uring_register] */

	/* What a ring is granted that asks for nothing special; usable only. */
	uint32_t granted; /* IORING_SETUP_* */
	uint32_t dropped; /* ... asked for by default and refused */
	uint32_t submission_entries;
	uint32_t completion_entries;

	/* What the kernel has. */
	uint32_t setup_flags; /* A10_PROBE_SETUP_FLAGS */
	uint32_t features;    /* A10_PROBE_FEATURES */
	uint32_t enter_flags; /* A10_PROBE_ENTER_FLAGS */
	uint64_t register_calls[2];
	uint64_t opcodes[4];
	bool incremental_pools; /* [IOU_PBUF_RING_INC] */

	/* The most there can be; of workers and memory 0 where not known. */
	bool memory_counts; /* a ring counts against memlock_bytes */
	uint8_t reserved0[2];
	uint32_t submission_entries_max;
	uint32_t completion_entries_max;
	uint32_t direct_descriptors_max; /* RLIMIT_NOFILE, or the kernel's */
	uint32_t registered_buffers_max;
	uint32_t workers_bounded;   /* threads for files ... */
	uint32_t workers_unbounded; /* ... and for all else */
	uint64_t memlock_bytes;     /* RLIMIT_MEMLOCK; UINT64_MAX: none */

	/* What the machine says; -1: nothing. */
	int32_t sysctl_disabled; /* kernel.io_uring_disabled */
	int32_t sysctl_group;    /* kernel.io_uring_group; -1 also: nobody */
	int32_t seccomp;         /* 0 none, 1 strict, 2 a filter */
	int32_t seccomp_filters; /* how many */

	char kernel[96];   /* "Linux 6.12.1 x86_64", to be shown, not parsed */
	char modules[128]; /* security modules, with commas; "": not known */
	char profile[128]; /* what they call this process; "": nothing */

	/* In words, without a line's end; "" if it is usable. */
	char reason[256];    /* what said no, and who is behind it */
	char remedy[384];    /* what to do about it */
	char evidence[1024]; /* how that was found out: a line for each fact */

	uint64_t reserved[8];
};

/*
 * Finds out all of it; takes some milliseconds. Where a seccomp filter is
 * installed the three calls are tried in child processes first, for a filter
 * may kill. Any thread; a10_ring_reason is left as it is.
 */
A10_API void a10_probe_run(struct a10_probe *ret_probe);

enum a10_probe_list {
	A10_PROBE_OPCODES = 0,        /* "readv": as a10_opcode_name */
	A10_PROBE_SETUP_FLAGS = 1,    /* "SQPOLL" of IORING_SETUP_SQPOLL */
	A10_PROBE_FEATURES = 2,       /* "NODROP" of IORING_FEAT_NODROP */
	A10_PROBE_ENTER_FLAGS = 3,    /* "EXT_ARG" of IORING_ENTER_EXT_ARG */
	A10_PROBE_REGISTER_CALLS = 4, /* "BUFFERS", "UNREGISTER_BUFFERS" */
	A10_PROBE_CAUSES = 5          /* "seccomp"; no kernel's */
};

/* The kernel's name of a number in a list; NULL: none known. Any thread. */
A10_API const char *a10_probe_name(enum a10_probe_list list, uint32_t number);

/*
 * The first kernel that has it: 518 for Linux 5.18, 601 for 6.1; 0: not known.
 * Any thread.
 */
A10_API uint32_t a10_probe_since(enum a10_probe_list list, uint32_t number);

A10_END
#endif
