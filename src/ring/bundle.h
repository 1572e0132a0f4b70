/*
 * Sends that go out together; see bundle.c. All are the owner's but the first.
 */
#ifndef RING_BUNDLE_H
#define RING_BUNDLE_H

#include "ring/core.h"
#include "uapi/io_uring.h"

/* Whether it is one of those, or a receive, that can be bundled. */
bool bundle_is_possible(const struct a10_op *op, const struct op_row *row);
/* Its request stands at sqe: with those of who can go along, if any can. */
void bundle_gather(struct a10_ring *ring, struct slot *slot,
		   struct uring_sqe *sqe);
/* Whether what it has in flight is more than its own. */
bool bundle_leads(struct a10_ring *ring, const struct slot *slot);
/*
 * Gives each its part of what went out; *completion is the leader's own then.
 * Those that are over are finished: *ret_count. false: it is started again.
 */
bool bundle_completed(struct a10_ring *ring, struct slot *slot,
		      struct completion *completion, uint32_t *ret_count);
/* A member is to end. false: nothing of it is in flight. */
bool bundle_pause(struct a10_ring *ring, const struct slot *member);

#endif
