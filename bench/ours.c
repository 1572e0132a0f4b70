/* ours.c - the ring and the pool of the library's echo servers. */
#include "ours.h"

#include <errno.h>

#define CONNECTIONS     4096
#define STOP_TIMEOUT_NS INT64_C(2000000000)

/* As the raw server's. */
#define BUFFERS     2048
#define BUFFER_SIZE 4096
/* Buffers that many connections fill in turn: few, but large. */
#define INCREMENTAL_BUFFERS 16
#define INCREMENTAL_SIZE    (256 * 1024)

int ours_serve(const struct work_args *args, ours_start *start, int listen_fd,
	       int stop_fd)
{
	const struct a10_config config = {
		.submission_entries = 4096,
		.completion_entries = 16384,
		.reserved_operations = 4096,
		.direct_descriptors = CONNECTIONS,
	};
	struct a10_pool *pool;
	struct a10_ring *ring;
	int err;

	err = a10_ring_create(&config, &ring);
	if (err < 0)
		return err;
	if (args->incremental)
		err = a10_pool_create(ring, INCREMENTAL_BUFFERS,
				      INCREMENTAL_SIZE, A10_POOL_INCREMENTAL,
				      &pool);
	else
		err = a10_pool_create(ring, BUFFERS, BUFFER_SIZE, 0, &pool);
	if (err == 0)
		err = start(ring, pool, listen_fd, stop_fd);
	if (err == 0)
		err = a10_ring_run(ring);
	if (a10_ring_destroy(ring, STOP_TIMEOUT_NS) > 0 && err >= 0)
		err = -EBUSY; /* something did not end */
	return err < 0 ? err : 0;
}
