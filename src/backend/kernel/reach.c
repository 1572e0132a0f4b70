/*
 * Each system call is made in a way that the kernel itself refuses, with an
 * error that nothing else gives: any other answer comes from who stands before
 * it. So a profile that forbids only one of the three is found, also where the
 * first is refused already.
 *
 * A filter may also kill who calls. Where there is one, each call is made by a
 * child of its own, which does nothing else. It is a copy that no waiting by
 * the program sees, and no handler of SIGCHLD.
 */
#include "backend/kernel/reach.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <a10/probe.h>

#include "backend/kernel/syscall.h"

/* A descriptor that nobody has; -1 means something to newer kernels. */
#define NO_DESCRIPTOR INT_MAX

/* The child's exit status is a byte: an errno, or this for all others. */
#define OTHER_ERROR 255

typedef int attempt(void);

static int attempt_setup(void)
{
	struct uring_params params = { 0 };
	const int fd = syscall_setup(1, &params);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* The sysctl comes before the address is looked at, the rest after. */
static int attempt_early(void)
{
	const int err = syscall_setup(1, NULL);

	return err == -EFAULT ? 0 : err;
}

static int attempt_enter(void)
{
	const int err = syscall_enter(NO_DESCRIPTOR, 0, 0, 0, NULL, 0);

	return err == -EBADF ? 0 : err;
}

static int attempt_register(void)
{
	const int err = syscall_register(NO_DESCRIPTOR, URING_REGISTER_BUFFERS,
					 NULL, 0);

	return err == -EBADF ? 0 : err;
}

/* As who may have no locked memory; the limit is the child's alone. */
static int attempt_poor(void)
{
	const uint64_t none[2] = { 0, 0 }; /* the kernel's rlimit64 */

	if (syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, none, NULL) < 0)
		return -errno;
	return attempt_setup();
}

static _Noreturn void child_main(attempt *call)
{
	const int err = -call();

	for (;;)
		syscall(SYS_exit_group, err < OTHER_ERROR ? err : OTHER_ERROR);
}

/* As fork, but without a signal at its end, and without fork's handlers. */
static pid_t child_start(attempt *call)
{
	const long child = syscall(SYS_clone, 0, 0, 0, 0, 0);

	if (child == 0)
		child_main(call);
	return (pid_t)child;
}

/* Where there can be no child it is not tried: better than to be killed. */
static int attempt_in_child(attempt *call)
{
	const pid_t child = child_start(call);
	int status = 0;
	pid_t ended;

	if (child < 0)
		return -errno;
	do {
		ended = waitpid(child, &status, __WALL);
	} while (ended < 0 && errno == EINTR);
	if (ended < 0)
		return -errno;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? A10_PROBE_KILLS : -EINTR;
	return -WEXITSTATUS(status);
}

void reach_read(bool filtered, struct reach *ret_reach)
{
	static attempt *const calls[] = { attempt_setup, attempt_early,
					  attempt_enter, attempt_register };
	int said[4];

	for (int i = 0; i < 4; i++)
		said[i] = filtered ? attempt_in_child(calls[i]) : calls[i]();
	*ret_reach = (struct reach){ .setup = said[0],
				     .early = said[1],
				     .enter = said[2],
				     .registered = said[3] };
}

bool reach_memory_counts(void)
{
	return attempt_in_child(attempt_poor) == -ENOMEM;
}

bool reach_is_seen(const struct reach *reach)
{
	return reach->early == 0;
}
