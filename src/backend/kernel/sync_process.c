/*
 * Waiting for children and signals, without waiting: -EAGAIN is "not yet". What
 * a descriptor does not stand for - any child, one that stops - nothing tells of
 * that could be waited for and given up: so it is looked for, again and again.
 */
#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/kernel/sync.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define LOOK_FIRST_NS INT64_C(500000)
#define LOOK_LAST_NS  INT64_C(16000000)

static int waitid_once(const struct uring_sqe *request)
{
	siginfo_t unused, *info = (void *)(uintptr_t)request->off;
	const int options = request->file_index;

	if (!info)
		info = &unused;
	info->si_pid = 0;
	if (waitid((idtype_t)request->len, (id_t)request->fd, info,
		   options | WNOHANG) < 0)
		return -errno;
	return info->si_pid == 0 && !(options & WNOHANG) ? -EAGAIN : 0;
}

int sync_waitid(const struct uring_sqe *request, struct halt *halt)
{
	int64_t ns = LOOK_FIRST_NS;
	int ret = waitid_once(request);

	while (halt && ret == -EAGAIN) {
		if (halt_sleep(halt, ns))
			return -ECANCELED;
		ns = ns * 2 < LOOK_LAST_NS ? ns * 2 : LOOK_LAST_NS;
		ret = waitid_once(request);
	}
	return ret;
}

int sync_pidfd(const struct uring_sqe *request)
{
	const long fd = syscall(SYS_pidfd_open, request->fd, 0);

	return fd < 0 ? -errno : (int)fd;
}

int sync_signal_read(const struct uring_sqe *request)
{
	struct signalfd_siginfo *const info = (void *)(uintptr_t)request->addr;
	const ssize_t n = read(request->fd, info, sizeof(*info));

	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(*info))
		return -EINVAL; /* it is no signalfd */
	return (int)info->ssi_signo;
}
