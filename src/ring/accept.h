/* What accepts have of their own. */
#ifndef RING_ACCEPT_H
#define RING_ACCEPT_H

#include "ring/core.h"

/* Of an accept: a failure of the moment, which does not end a multishot. */
bool accept_is_transient(const struct op_row *row, int64_t value);
/* One that does not wait, of which this kernel has no flag. Any thread. */
bool accept_is_hurried(const struct a10_ring *ring,
		       const struct a10_request *request);

#endif
