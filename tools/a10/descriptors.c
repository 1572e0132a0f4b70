#include "descriptors.h"

#include "command.h"

#include <errno.h>
#include <sys/resource.h>

/* A listener has one who is let in and waits for room, beside itself. */
enum {
	OF_PROCESS = 48,
	OF_THREAD = 16,
	OF_LISTENER = 2,
};

uint32_t descriptors_raise(void)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	/* As many as we may have; if that is refused, what there is. */
	most = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		most = limit.rlim_cur;
	return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

int descriptors_left(uint32_t threads, uint32_t listeners, uint32_t *ret_count)
{
	const rlim_t others =
		OF_PROCESS +
		(rlim_t)threads * (OF_THREAD + (rlim_t)listeners * OF_LISTENER);
	const uint32_t most = descriptors_raise();

	if (most <= others)
		return -EMFILE;
	*ret_count = most - (uint32_t)others;
	return 0;
}

void descriptors_complain(const char *command, uint32_t connections)
{
	complain("%s: not more than %u connections at once; for more raise "
		 "the limit, ulimit -n",
		 command, connections);
}

int descriptors_complain_of_none(const char *command)
{
	return complain("%s: too few descriptors are allowed; raise the limit "
			"with ulimit -n 4096",
			command);
}
