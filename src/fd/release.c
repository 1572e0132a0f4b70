#include "fd/registry.h"

#include <errno.h>

#include <a10/io.h>
#include <a10/ring.h>

static void release_on(struct a10_sq *sq, struct a10_fd fd)
{
	const a10_id id = a10_submit(sq, a10_close(fd), NULL, NULL);

	/* -ESHUTDOWN: the verb has closed it itself. */
	if (id < 0 && id != -ESHUTDOWN)
		fd_close_now(sq, fd);
}

void a10_fd_release(struct a10_fd fd)
{
	struct a10_ring *ring = a10_ring_current();
	struct a10_sq *sq;

	if (!a10_fd_valid(fd))
		return;
	if (fd.ring) {
		sq = registry_find(fd.ring);
		if (!sq)
			return; /* it was closed with its ring */
		release_on(sq, fd);
		a10_sq_unref(sq);
	} else if (ring) {
		release_on(a10_ring_sq(ring), fd);
	} else {
		fd_close_now(NULL, fd);
	}
}
