/* Making a ring on a given backend: a10_ring_create, and the tests. */
#ifndef RING_CREATE_H
#define RING_CREATE_H

#include <a10/ring.h>

#include "backend/backend.h"

int ring_create_on(const struct a10_config *config,
		   const struct backend_calls *calls,
		   struct a10_ring **ret_ring);

/* Gives back all that belongs to the ring but its sq; see destroy.c. */
void ring_free(struct a10_ring *ring, bool inherited);

#endif
