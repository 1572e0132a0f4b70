/*
 * Starting a child. Pipes are made and /dev/null is opened here, so that what
 * fails fails before there is a child. Nothing but the three is inherited,
 * whatever else is open here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <a10/process.h>

#include "backend/kernel/sync.h"
#include "op/spawn.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* What the child gets as 0, 1 and 2; -1: ours. All above, as they are made. */
struct plumbing {
	int theirs[3];
};

static void close_all(const int *numbers)
{
	for (int i = 0; i < 3; i++)
		if (numbers[i] >= 0)
			close(numbers[i]);
}

/*
 * Where 0, 1 or 2 is closed here, what is opened gets that number: to be
 * replaced in the child before it is used. Takes number, or the errno it is.
 */
static int lift(int number)
{
	int above;

	if (number < 0)
		return -errno;
	if (number > 2)
		return number;
	above = fcntl(number, F_DUPFD_CLOEXEC, 3);
	if (above < 0)
		above = -errno;
	close(number);
	return above;
}

static int plumb_pipe(struct spawn *spawn, struct plumbing *plumbing, int which)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* The child reads its input and writes all else. */
	spawn->ends[which] = ends[which == 0 ? 1 : 0];
	plumbing->theirs[which] = lift(ends[which == 0 ? 0 : 1]);
	return plumbing->theirs[which] < 0 ? plumbing->theirs[which] : 0;
}

static int plumb(struct spawn *spawn, struct plumbing *plumbing, int which)
{
	switch ((enum a10_stdio)spawn->stdio[which]) {
	case A10_STDIO_PIPE:
		return plumb_pipe(spawn, plumbing, which);
	case A10_STDIO_NULL:
		plumbing->theirs[which] =
			lift(open("/dev/null", O_RDWR | O_CLOEXEC));
		return plumbing->theirs[which] < 0 ? plumbing->theirs[which] :
						     0;
	case A10_STDIO_FD:
		/* A copy: it may be one of the three, which are replaced. */
		plumbing->theirs[which] =
			fcntl(spawn->fds[which], F_DUPFD_CLOEXEC, 3);
		return plumbing->theirs[which] < 0 ? -errno : 0;
	case A10_STDIO_INHERIT:
	case A10_STDIO_AS_OUT:
		break;
	}
	return 0;
}

static int actions_fill(posix_spawn_file_actions_t *actions,
			const struct spawn *spawn,
			const struct plumbing *plumbing)
{
	int err = 0;

	for (int i = 0; i < 3 && err == 0; i++) {
		if (plumbing->theirs[i] >= 0)
			err = posix_spawn_file_actions_adddup2(
				actions, plumbing->theirs[i], i);
		else if (spawn->stdio[i] == A10_STDIO_AS_OUT)
			err = posix_spawn_file_actions_adddup2(actions, 1, i);
	}
	if (err == 0)
		err = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	if (err == 0 && spawn->directory)
		err = posix_spawn_file_actions_addchdir_np(actions,
							   spawn->directory);
	return -err;
}

/* As if it were started by a shell: no signal blocked, none ignored. */
static int attributes_fill(posix_spawnattr_t *attributes,
			   const struct spawn *spawn)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	if (spawn->flags & A10_PROCESS_GROUP)
		flags |= POSIX_SPAWN_SETPGROUP;
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	return -posix_spawnattr_setflags(attributes, flags);
}

static int start(struct spawn *spawn, const struct plumbing *plumbing)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid = -1;
	int err;

	err = -posix_spawn_file_actions_init(&actions);
	if (err < 0)
		return err;
	err = -posix_spawnattr_init(&attributes);
	if (err < 0)
		goto destroy_actions;
	err = actions_fill(&actions, spawn, plumbing);
	if (err == 0)
		err = attributes_fill(&attributes, spawn);
	if (err == 0)
		err = -posix_spawnp(&pid, spawn->argv[0], &actions, &attributes,
				    spawn->argv,
				    spawn->environment ? spawn->environment :
							 environ);
	spawn->pid = pid;
	posix_spawnattr_destroy(&attributes);
destroy_actions:
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

int sync_spawn(const struct uring_sqe *request)
{
	struct spawn *const spawn = (void *)(uintptr_t)request->addr;
	struct plumbing plumbing = { .theirs = { -1, -1, -1 } };
	int err = 0;

	for (int i = 0; i < 3 && err == 0; i++)
		err = plumb(spawn, &plumbing, i);
	if (err == 0)
		err = start(spawn, &plumbing);
	close_all(plumbing.theirs);
	if (err < 0) {
		close_all(spawn->ends);
		return err;
	}
	/* Until it is waited for its number is nobody else's. */
	spawn->pidfd = (int)syscall(SYS_pidfd_open, spawn->pid, 0);
	return 0;
}
