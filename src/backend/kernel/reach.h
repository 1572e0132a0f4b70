/* Which of io_uring's three system calls can be made at all. */
#ifndef KERNEL_REACH_H
#define KERNEL_REACH_H

#include <stdbool.h>

/* Each 0, or -errno, or A10_PROBE_KILLS. */
struct reach {
	int setup; /* of a ring of one entry */
	int early; /* of one with an address that is none: see is_seen */
	int enter;
	int registered; /* io_uring_register */
};

/* filtered: a seccomp filter is there, which may kill who calls. */
void reach_read(bool filtered, struct reach *ret_reach);

/*
 * Whether a ring of this user counts against RLIMIT_MEMLOCK: a child without
 * any finds out.
 */
bool reach_memory_counts(void);

/*
 * Whether the kernel saw setup's arguments before it was refused: no filter
 * and no switch is in the way then, but what decides later.
 */
bool reach_is_seen(const struct reach *reach);

#endif
