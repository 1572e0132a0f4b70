/* process.c - a pinned process for each measurement, and other programs. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* No measurement takes longer, not even on a slow and busy machine. */
#define PATIENCE_SECONDS 60

static cpu_set_t allowed; /* as it was before the first pinning */
static bool known;

void process_unpin(void)
{
	if (known)
		sched_setaffinity(0, sizeof(allowed), &allowed);
}

void process_pin(enum side side)
{
	cpu_set_t one;
	size_t first = CPU_SETSIZE;
	size_t last = 0;

	if (!known)
		known = sched_getaffinity(0, sizeof(allowed), &allowed) == 0;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		if (first == CPU_SETSIZE)
			first = cpu;
		last = cpu;
	}
	if (first == CPU_SETSIZE)
		return;
	CPU_ZERO(&one);
	CPU_SET(side == SIDE_SERVER ? first : last, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* A child that cannot outlive whoever measures it. */
static pid_t fork_bound(void)
{
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

int process_finish(pid_t child, double seconds)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint64_t deadline = clock_ns() + (uint64_t)(seconds * 1e9);
	int status;
	pid_t ended;

	for (;;) {
		ended = waitpid(child, &status, WNOHANG);
		if (ended == child || (ended < 0 && errno != EINTR))
			break;
		if (clock_ns() > deadline) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -ETIMEDOUT;
		}
		nanosleep(&pause, NULL);
	}
	if (ended < 0)
		return -errno;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "died: %s\n", strsignal(WTERMSIG(status)));
	return -ECHILD;
}

int entrant_measure(const struct entrant *entrant, const struct work_args *args,
		    struct sample *ret_sample)
{
	if (entrant->run)
		return entrant->run(args, ret_sample);
	return echo_measure(entrant, args, ret_sample);
}

/* What a child writes down its pipe. */
struct outcome {
	int err;
	struct sample sample;
};

static _Noreturn void child_measure(const struct entrant *entrant,
				    const struct work_args *args, int out)
{
	struct outcome outcome = { 0 };
	ssize_t n;

	process_pin(SIDE_CLIENT);
	outcome.err = entrant_measure(entrant, args, &outcome.sample);
	n = write(out, &outcome, sizeof(outcome));
	_exit(n != sizeof(outcome));
}

int process_measure(const struct entrant *entrant, const struct work_args *args,
		    struct sample *ret_sample)
{
	struct outcome outcome = { 0 };
	struct pollfd event = { .events = POLLIN };
	int ends[2];
	pid_t child;
	ssize_t n;
	int err;

	if (pipe(ends) < 0)
		return -errno;
	child = fork_bound();
	if (child == 0)
		child_measure(entrant, args, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	event.fd = ends[0];
	poll(&event, 1, PATIENCE_SECONDS * 1000);
	err = process_finish(child, event.revents ? 5 : 0);
	n = read(ends[0], &outcome, sizeof(outcome));
	close(ends[0]);
	if (err < 0)
		return err;
	if (n != sizeof(outcome))
		return -ECHILD;
	if (outcome.err == 0)
		*ret_sample = outcome.sample;
	return outcome.err;
}

static bool program_exists(const char *name)
{
	const char *search = getenv("PATH");
	char path[512];

	while (search && *search) {
		const size_t length = strcspn(search, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)length, search,
			 name);
		if (access(path, X_OK) == 0)
			return true;
		search += length + (search[length] == ':');
	}
	return strchr(name, '/') && access(name, X_OK) == 0;
}

/* What does not fit is read all the same, or the program would block. */
static void read_all(int fd, char *text, size_t size)
{
	char rest[512];
	size_t length = 0;
	ssize_t n;

	do {
		if (length + 1 < size)
			n = read(fd, text + length, size - 1 - length);
		else
			n = read(fd, rest, sizeof(rest));
		if (n > 0 && length + 1 < size)
			length += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	text[length] = '\0';
}

int program_run(const char *const *argv, char *text, size_t size)
{
	int ends[2];
	pid_t child;

	assert(size > 0);
	if (!program_exists(argv[0]))
		return -ENOPKG;
	if (pipe(ends) < 0)
		return -errno;
	child = fork_bound();
	if (child == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		/* POSIX: the strings are not written to, whatever the type. */
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	read_all(ends[0], text, size);
	close(ends[0]);
	return process_finish(child, 5);
}
