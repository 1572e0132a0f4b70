/* Children that nobody waits for. */
#ifndef WORK_REAP_H
#define WORK_REAP_H

#include <sys/types.h>

/*
 * Any thread. Waits for the child on a helper thread and forgets how it ended,
 * so that it is no zombie. Takes pidfd, its descriptor, or -1.
 */
void child_reap(pid_t pid, int pidfd);

#endif
