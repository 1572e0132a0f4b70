/* Why io_uring is refused, and what to do about it, in words. */
#ifndef KERNEL_BLOCKED_H
#define KERNEL_BLOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <a10/probe.h>

/* What /proc says of this machine and process; -1: it does not say. */
struct blocked_facts {
	int disabled;     /* sysctl kernel.io_uring_disabled */
	int group;        /* sysctl kernel.io_uring_group */
	int seccomp;      /* 0 none, 1 strict, 2 a filter */
	int filters;      /* how many */
	int may_lock;     /* CAP_IPC_LOCK: 0 no, 1 yes */
	uint64_t memlock; /* RLIMIT_MEMLOCK in bytes, UINT64_MAX: none */
};

/* The beginning of a file as a string; false if there is none to read. */
bool blocked_file_read(const char *path, char *ret_text, size_t size);

void blocked_facts_read(struct blocked_facts *ret_facts);

/* Who is behind an error (-errno) of one of the three system calls. */
enum a10_probe_cause blocked_cause(int err, const struct blocked_facts *facts);

/* Who that is, and what to do about it; text is cut if there is no room. */
void blocked_who(enum a10_probe_cause cause, const struct blocked_facts *facts,
		 char *ret_text, size_t size);
void blocked_remedy(enum a10_probe_cause cause,
		    const struct blocked_facts *facts, char *ret_text,
		    size_t size);

/* Both in one line, after the call and what it said. */
void blocked_explain(const char *call, int err,
		     const struct blocked_facts *facts, char *ret_text,
		     size_t size);

/* The same by reason_set, as things are. Returns err. */
int blocked_reason(const char *call, int err);

/* "EPERM", or "error 133". Of -errno; the text is the caller's or static. */
const char *blocked_error_name(int err, char *text, size_t size);

#endif
