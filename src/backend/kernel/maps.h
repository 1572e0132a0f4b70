/* The memory a ring shares with the kernel. */
#ifndef KERNEL_MAPS_H
#define KERNEL_MAPS_H

#include <stddef.h>

#include "backend/backend.h"

struct map {
	void *memory; /* NULL: none */
	size_t size;
};

struct maps {
	struct map sq; /* with SINGLE_MMAP of the completions too */
	struct map cq;
	struct map sqes;
};

/* 0, or -errno and the reason by reason_set; nothing is mapped then. */
int maps_open(int fd, const struct uring_params *params, struct maps *ret_maps);

void maps_close(struct maps *maps);

/* Where all is in them; makes the index array, if there is one, invisible. */
void maps_view(const struct maps *maps, const struct uring_params *params,
	       struct backend_view *ret_view);

#endif
