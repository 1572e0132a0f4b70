/*
 * io_uring is switched off in many places, each with an errno of its own, and
 * the errno alone tells nobody what to do: a container engine says EPERM or
 * ENOSYS, a sysctl EPERM, a security module EACCES. /proc knows more.
 */
#include "backend/kernel/blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

#define DISABLED_PATH "/proc/sys/kernel/io_uring_disabled"
#define GROUP_PATH    "/proc/sys/kernel/io_uring_group"
#define STATUS_PATH   "/proc/self/status"
#define IPC_LOCK_BIT  14 /* CAP_IPC_LOCK */

/* ---- what /proc says ----------------------------------------------------- */

bool blocked_file_read(const char *path, char *ret_text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = read(fd, ret_text + used, size - 1 - used);
		if (got > 0)
			used += (size_t)got;
	} while (got > 0 && used < size - 1);
	close(fd);
	ret_text[used] = '\0';
	return used > 0;
}

static int number_read(const char *path)
{
	char text[32];

	if (!blocked_file_read(path, text, sizeof(text)))
		return -1;
	return (int)strtol(text, NULL, 10);
}

/* What follows "\nKey:" in a status; NULL: it has no such line. */
static const char *value_of(const char *status, const char *key)
{
	const char *const line = strstr(status, key);

	return line ? line + strlen(key) : NULL;
}

static void status_read(struct blocked_facts *facts)
{
	char status[4096];
	const char *value;

	if (!blocked_file_read(STATUS_PATH, status, sizeof(status))) {
		/* Without /proc. In strict mode we had not come so far. */
		facts->seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
		return;
	}
	value = value_of(status, "\nSeccomp:");
	if (value)
		facts->seccomp = (int)strtol(value, NULL, 10);
	value = value_of(status, "\nSeccomp_filters:");
	if (value)
		facts->filters = (int)strtol(value, NULL, 10);
	value = value_of(status, "\nCapEff:");
	if (value)
		facts->may_lock = strtoull(value, NULL, 16) >> IPC_LOCK_BIT & 1;
}

void blocked_facts_read(struct blocked_facts *ret_facts)
{
	struct rlimit limit;

	*ret_facts = (struct blocked_facts){
		.disabled = number_read(DISABLED_PATH),
		.group = number_read(GROUP_PATH),
		.seccomp = -1,
		.filters = -1,
		.may_lock = -1,
		.memlock = UINT64_MAX,
	};
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		ret_facts->memlock = limit.rlim_cur;
	status_read(ret_facts);
}

/* ---- who it is ----------------------------------------------------------- */

const char *blocked_error_name(int err, char *text, size_t size)
{
	switch (-err) {
	case EPERM:
		return "EPERM";
	case EACCES:
		return "EACCES";
	case ENOSYS:
		return "ENOSYS";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	case EINVAL:
		return "EINVAL";
	case ENOMEM:
		return "ENOMEM";
	case EMFILE:
		return "EMFILE";
	case ENFILE:
		return "ENFILE";
	case EAGAIN:
		return "EAGAIN";
	case EBADF:
		return "EBADF";
	case EFAULT:
		return "EFAULT";
	case -A10_PROBE_KILLS:
		return "SIGSYS";
	default:
		snprintf(text, size, "error %d", -err);
		return text;
	}
}

/*
 * A filter and the sysctl both say EPERM. If both are there the sysctl is
 * named: it is certain, and the filter shows when it is gone.
 */
enum a10_probe_cause blocked_cause(int err, const struct blocked_facts *facts)
{
	switch (-err) {
	case EPERM:
		if (facts->disabled >= 1)
			return A10_PROBE_BY_SYSCTL;
		return facts->seccomp == 2 ? A10_PROBE_BY_SECCOMP :
					     A10_PROBE_BY_POLICY;
	case ENOSYS:
		return facts->seccomp == 2 ? A10_PROBE_BY_SECCOMP :
					     A10_PROBE_NO_IO_URING;
	case EACCES:
		return A10_PROBE_BY_POLICY;
	case ENOMEM:
		return facts->memlock == UINT64_MAX ? A10_PROBE_NO_MEMORY :
						      A10_PROBE_BY_MEMLOCK;
	case EMFILE:
		return A10_PROBE_NO_DESCRIPTOR;
	case ENFILE:
		return A10_PROBE_NO_FILE;
	case EAGAIN:
		return A10_PROBE_NO_THREAD;
	case -A10_PROBE_KILLS:
		return A10_PROBE_BY_SECCOMP;
	default:
		return A10_PROBE_UNKNOWN;
	}
}

static void who_by_sysctl(const struct blocked_facts *facts, char *ret_text,
			  size_t size)
{
	snprintf(ret_text, size,
		 facts->disabled == 1 ?
			 "io_uring is for few on this machine "
			 "(kernel.io_uring_disabled is %d)" :
			 "io_uring is switched off on this machine "
			 "(kernel.io_uring_disabled is %d)",
		 facts->disabled);
}

static const char *const who[] = {
	[A10_PROBE_USABLE] = "nobody is in the way",
	[A10_PROBE_NO_IO_URING] = "this kernel has no io_uring",
	[A10_PROBE_TOO_OLD] = "the io_uring of this kernel is too old",
	[A10_PROBE_BY_SECCOMP] =
		"a seccomp filter refuses it, as the default profiles of "
		"Docker, containerd and Podman do",
	[A10_PROBE_BY_POLICY] =
		"a security module (SELinux, AppArmor ...) or a sandbox "
		"refuses it",
	[A10_PROBE_NO_MEMORY] = "not enough memory",
	[A10_PROBE_NO_DESCRIPTOR] =
		"this process has as many descriptors as it may",
	[A10_PROBE_NO_FILE] = "the machine has as many files open as it may",
	[A10_PROBE_NO_THREAD] = "a thread could not be started: this user has "
				"as many as it may",
	[A10_PROBE_UNKNOWN] = "this kernel, or what stands in for one here, "
			      "does not offer io_uring",
};

void blocked_who(enum a10_probe_cause cause, const struct blocked_facts *facts,
		 char *ret_text, size_t size)
{
	if (cause == A10_PROBE_BY_SYSCTL)
		who_by_sysctl(facts, ret_text, size);
	else if (cause == A10_PROBE_BY_MEMLOCK)
		snprintf(ret_text, size,
			 "memory, or the memlock limit, which rings count "
			 "against: this user may have %llu KiB in all",
			 (unsigned long long)facts->memlock / 1024);
	else
		snprintf(ret_text, size, "%s", who[cause]);
}

static void remedy_of_sysctl(const struct blocked_facts *facts, char *ret_text,
			     size_t size)
{
	if (facts->disabled >= 2)
		snprintf(ret_text, size,
			 "as root, sysctl kernel.io_uring_disabled=0");
	else
		snprintf(ret_text, size,
			 "join the group that kernel.io_uring_group names "
			 "(%d), or have CAP_SYS_ADMIN, or as root set the "
			 "sysctl to 0",
			 facts->group);
}

static const char *const remedies[] = {
	[A10_PROBE_USABLE] = "nothing",
	[A10_PROBE_NO_IO_URING] =
		"Linux 5.11 or newer with CONFIG_IO_URING is needed",
	[A10_PROBE_TOO_OLD] = "Linux 5.11 or newer is needed",
	[A10_PROBE_BY_SECCOMP] =
		"run with a profile that allows io_uring_setup, "
		"io_uring_enter and io_uring_register (--security-opt "
		"seccomp=FILE, SystemCallFilter=@aio)",
	[A10_PROBE_BY_POLICY] = "its policy must allow io_uring",
	[A10_PROBE_BY_MEMLOCK] =
		"raise it (ulimit -l, LimitMEMLOCK=, --ulimit memlock=), or "
		"have fewer or smaller rings",
	[A10_PROBE_NO_MEMORY] = "have fewer or smaller rings",
	[A10_PROBE_NO_DESCRIPTOR] = "raise the limit (ulimit -n)",
	[A10_PROBE_NO_FILE] = "raise the limit (sysctl fs.file-max)",
	[A10_PROBE_NO_THREAD] = "raise the limit (ulimit -u)",
	[A10_PROBE_UNKNOWN] = "Linux 5.11 or newer is needed, and nothing "
			      "that plays one",
};

void blocked_remedy(enum a10_probe_cause cause,
		    const struct blocked_facts *facts, char *ret_text,
		    size_t size)
{
	if (cause == A10_PROBE_BY_SYSCTL)
		remedy_of_sysctl(facts, ret_text, size);
	else
		snprintf(ret_text, size, "%s", remedies[cause]);
}

void blocked_explain(const char *call, int err,
		     const struct blocked_facts *facts, char *ret_text,
		     size_t size)
{
	const enum a10_probe_cause cause = blocked_cause(err, facts);
	char number[32], why[256], remedy[256];

	blocked_who(cause, facts, why, sizeof(why));
	blocked_remedy(cause, facts, remedy, sizeof(remedy));
	snprintf(ret_text, size, "%s: %s: %s: %s", call,
		 blocked_error_name(err, number, sizeof(number)), why, remedy);
}

int blocked_reason(const char *call, int err)
{
	struct blocked_facts facts;
	char text[500];

	blocked_facts_read(&facts);
	/* The sysctl refuses new rings, and nothing of a ring that is there. */
	if (strcmp(call, "io_uring_setup") != 0)
		facts.disabled = 0;
	blocked_explain(call, err, &facts, text, sizeof(text));
	reason_set("%s", text);
	return err;
}
