/* Why io_uring is refused, and what to do about it, in words. */
#ifndef KERNEL_BLOCKED_H
#define KERNEL_BLOCKED_H

#include <stddef.h>

/* What /proc says of this machine and process; -1: it does not say. */
struct blocked_facts {
	int disabled; /* sysctl kernel.io_uring_disabled */
	int group;    /* sysctl kernel.io_uring_group */
	int seccomp;  /* 0 none, 1 strict, 2 a filter */
};

void blocked_facts_read(struct blocked_facts *ret_facts);

/* Why call said err (-errno), if it is not for memory or descriptors. */
void blocked_explain(const char *call, int err,
		     const struct blocked_facts *facts, char *ret_text,
		     size_t size);

/* The same by reason_set, of any error and as things are. Returns err. */
int blocked_reason(const char *call, int err);

/* "EPERM", or "error 133". Of -errno; the text is the caller's or static. */
const char *blocked_error_name(int err, char *text, size_t size);

#endif
