#include "backend/kernel/tables.h"

#include <errno.h>
#include <sys/resource.h>

#include "backend/kernel/blocked.h"
#include "backend/kernel/syscall.h"
#include "base/log.h"

/* A table of empty slots. */
static int register_sparse(int fd, unsigned int opcode, uint32_t count)
{
	struct uring_rsrc_register table = {
		.nr = count,
		.flags = URING_RSRC_REGISTER_SPARSE,
	};

	return syscall_register(fd, opcode, &table, sizeof(table));
}

static int register_descriptors(int fd, uint32_t count)
{
	const int err = register_sparse(fd, URING_REGISTER_FILES2, count);
	struct rlimit limit = { 0 };

	switch (-err) {
	case 0:
		return 0;
	case EINVAL:
		reason_set("direct_descriptors: this kernel has no table of "
			   "empty slots; Linux 5.19 has");
		return -EOPNOTSUPP;
	case EMFILE:
		getrlimit(RLIMIT_NOFILE, &limit);
		reason_set("direct_descriptors: %u are more than this process "
			   "may have: %llu (ulimit -n)",
			   count, (unsigned long long)limit.rlim_cur);
		return err;
	default:
		return blocked_reason("direct_descriptors", err);
	}
}

static int register_buffers(int fd, uint32_t count)
{
	const int err = register_sparse(fd, URING_REGISTER_BUFFERS2, count);

	if (err == 0)
		return 0;
	if (err != -EINVAL)
		return blocked_reason("registered_buffers", err);
	reason_set("registered_buffers: this kernel has no table of %u empty "
		   "slots; Linux 5.19 has",
		   count);
	return -EOPNOTSUPP;
}

int tables_limit_workers(int fd, const uint32_t limits[2])
{
	/* The kernel writes the old ones here. */
	uint32_t both[2] = {
		[URING_WQ_BOUND] = limits[URING_WQ_BOUND],
		[URING_WQ_UNBOUND] = limits[URING_WQ_UNBOUND],
	};

	if (both[0] == 0 && both[1] == 0)
		return 0;
	return syscall_register(fd, URING_REGISTER_IOWQ_MAX_WORKERS, both, 2);
}

/* Once here, to learn whether it can be done; bind does it for the owner. */
static int register_workers(int fd, const struct a10_config *config)
{
	const uint32_t limits[2] = {
		[URING_WQ_BOUND] = config->workers_bounded,
		[URING_WQ_UNBOUND] = config->workers_unbounded,
	};
	const int err = tables_limit_workers(fd, limits);

	if (err >= 0)
		return 0;
	if (err != -EINVAL)
		return blocked_reason("workers_bounded, workers_unbounded",
				      err);
	reason_set("workers_bounded, workers_unbounded: this kernel does not "
		   "limit them; Linux 5.15 does");
	return -EOPNOTSUPP;
}

int tables_register(int fd, const struct a10_config *config)
{
	int err = 0;

	if (config->direct_descriptors)
		err = register_descriptors(fd, config->direct_descriptors);
	if (err == 0 && config->registered_buffers)
		err = register_buffers(fd, config->registered_buffers);
	if (err == 0)
		err = register_workers(fd, config);
	return err;
}
