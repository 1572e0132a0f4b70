/* An owner that ends: what is done then by those who know how. All the owner's. */
#ifndef RING_ORPHAN_H
#define RING_ORPHAN_H

#include "ring/core.h"

/* ---- destroy.c ----------------------------------------------------------- */

/* From here on submitting is refused. */
void ring_shut(struct a10_ring *ring);
/* Nothing is under way. */
bool ring_is_idle(const struct a10_ring *ring);
/* Ends all. false: it cannot be, or the time is over. */
bool ring_drain(struct a10_ring *ring, int64_t deadline);

/* ---- a callback has ended its thread ------------------------------------- */

/* In turn.c: the ring whose callback it was, or NULL; it is not polled now. */
struct a10_ring *ring_cut_short(void);
/* Of that ring: all that was being delivered, by those below. */
void ring_resume(struct a10_ring *ring);
/* In finish.c: what is due after a callback, also in the usual course. */
void delivery_end(struct a10_ring *ring);
/* The rest of the batch ... */
void completions_resume(struct a10_ring *ring);
/* ... of the finished list, also in the usual course ... */
void finished_resume(struct a10_ring *ring);
/* ... and of a chain, the callback of whose member did not return. */
void chain_resume(struct a10_ring *ring, struct slot *slot);

#endif
