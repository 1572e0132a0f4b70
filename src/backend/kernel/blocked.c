/*
 * io_uring is switched off in many places, each with an errno of its own, and
 * the errno alone tells nobody what to do: a container engine says EPERM or
 * ENOSYS, a sysctl EPERM, a security module EACCES. /proc knows more.
 */
#include "backend/kernel/blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

#define DISABLED_PATH "/proc/sys/kernel/io_uring_disabled"
#define GROUP_PATH    "/proc/sys/kernel/io_uring_group"
#define STATUS_PATH   "/proc/self/status"

/* The beginning of a file as a string; false if there is none to read. */
static bool file_read(const char *path, char *ret_text, size_t size)
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

	if (!file_read(path, text, sizeof(text)))
		return -1;
	return (int)strtol(text, NULL, 10);
}

void blocked_facts_read(struct blocked_facts *ret_facts)
{
	static const char key[] = "\nSeccomp:";
	char status[4096];
	const char *line;

	ret_facts->disabled = number_read(DISABLED_PATH);
	ret_facts->group = number_read(GROUP_PATH);
	ret_facts->seccomp = -1;
	if (!file_read(STATUS_PATH, status, sizeof(status)))
		return;
	line = strstr(status, key);
	if (line)
		ret_facts->seccomp =
			(int)strtol(line + sizeof(key) - 1, NULL, 10);
}

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
	default:
		snprintf(text, size, "error %d", -err);
		return text;
	}
}

#define SECCOMP_WORDS                                                      \
	"a seccomp filter refuses it, as the default profiles of Docker, " \
	"containerd and Podman do: run with a profile that allows "        \
	"io_uring_setup, io_uring_enter and io_uring_register"

void blocked_explain(const char *call, int err,
		     const struct blocked_facts *facts, char *ret_text,
		     size_t size)
{
	char number[32];
	const char *name = blocked_error_name(err, number, sizeof(number));

	if (err == -EPERM && facts->disabled >= 2)
		snprintf(ret_text, size,
			 "%s: %s: io_uring is switched off on this machine "
			 "(kernel.io_uring_disabled is %d): as root, sysctl "
			 "kernel.io_uring_disabled=0",
			 call, name, facts->disabled);
	else if (err == -EPERM && facts->disabled == 1)
		snprintf(ret_text, size,
			 "%s: %s: io_uring is for few on this machine "
			 "(kernel.io_uring_disabled is 1): join the group that "
			 "kernel.io_uring_group names (%d), or have "
			 "CAP_SYS_ADMIN, or set the sysctl to 0",
			 call, name, facts->group);
	else if (facts->seccomp == 2 && (err == -EPERM || err == -ENOSYS))
		snprintf(ret_text, size, "%s: %s: " SECCOMP_WORDS, call, name);
	else if (err == -ENOSYS)
		snprintf(ret_text, size,
			 "%s: %s: this kernel has no io_uring: Linux 5.11 or "
			 "newer with CONFIG_IO_URING is needed",
			 call, name);
	else if (err == -EPERM || err == -EACCES)
		snprintf(ret_text, size,
			 "%s: %s: a security module (SELinux, AppArmor ...) or "
			 "a sandbox refuses it: its policy must allow io_uring",
			 call, name);
	else
		snprintf(ret_text, size,
			 "%s: %s: this kernel, or what stands in for one here, "
			 "does not offer io_uring",
			 call, name);
}

static int memory_reason(const char *call)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		reason_set("%s: ENOMEM: not enough memory", call);
	else
		reason_set("%s: ENOMEM: memory, or the memlock limit: a ring "
			   "counts against it since Linux 6.14, and this user "
			   "may have %llu KiB in all: raise it (ulimit -l, "
			   "LimitMEMLOCK=, --ulimit memlock=), or have fewer "
			   "or smaller rings",
			   call, (unsigned long long)limit.rlim_cur / 1024);
	return -ENOMEM;
}

int blocked_reason(const char *call, int err)
{
	struct blocked_facts facts;
	char text[400];

	switch (-err) {
	case ENOMEM:
		return memory_reason(call);
	case EMFILE:
		reason_set("%s: EMFILE: this process has as many descriptors "
			   "as it may (ulimit -n)",
			   call);
		return err;
	case ENFILE:
		reason_set("%s: ENFILE: the machine has as many files open as "
			   "it may (sysctl fs.file-max)",
			   call);
		return err;
	case EAGAIN:
		reason_set("%s: EAGAIN: a thread could not be started: this "
			   "user has as many as it may (ulimit -u)",
			   call);
		return err;
	default:
		blocked_facts_read(&facts);
		blocked_explain(call, err, &facts, text, sizeof(text));
		reason_set("%s", text);
		return err;
	}
}
