/* ours.h - what the library's echo servers have in common: ring and pool. */
#ifndef OURS_H
#define OURS_H

#include "bench.h"

#include <a10.h>

/* Submits what there is to do until stop_fd tells. Zero, or -errno. */
typedef int ours_start(struct a10_ring *ring, struct a10_pool *pool,
		       int listen_fd, int stop_fd);

/* Makes them, starts and runs. Zero, or -errno. */
int ours_serve(const struct work_args *args, ours_start *start, int listen_fd,
	       int stop_fd);

#endif
