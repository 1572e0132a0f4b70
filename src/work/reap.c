#include "work/reap.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <a10/trace.h>

#include "base/assert.h"
#include "base/log.h"
#include "work/helpers.h"

struct reap {
	struct job job;
	pid_t pid;
	int pidfd;
};

static void reap_end(struct reap *reap)
{
	if (reap->pidfd >= 0)
		close(reap->pidfd);
	free(reap);
}

/* By its descriptor it is never somebody else's child of that number. */
static void reap_run(struct job *job)
{
	struct reap *reap = container_of(job, struct reap, job);
	const idtype_t type = reap->pidfd >= 0 ? P_PIDFD : P_PID;
	const id_t id = (id_t)(reap->pidfd >= 0 ? reap->pidfd : reap->pid);
	siginfo_t info;

	while (waitid(type, id, &info, WEXITED) < 0 && errno == EINTR)
		continue;
	reap_end(reap);
}

void child_reap(pid_t pid, int pidfd)
{
	struct reap *reap = calloc(1, sizeof(*reap));

	if (!reap) {
		if (pidfd >= 0)
			close(pidfd);
		return;
	}
	reap->job.run = reap_run;
	reap->pid = pid;
	reap->pidfd = pidfd;
	if (helpers_submit(&reap->job, HELPER_ALONE) < 0) {
		log_line(A10_LOG_ERROR, "a10: no thread to wait for child %d",
			 (int)pid);
		reap_end(reap);
	}
}
