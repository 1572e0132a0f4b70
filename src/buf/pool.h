/*
 * What the ring needs of pools and regions; what they are is in their .c files.
 */
#ifndef BUF_POOL_H
#define BUF_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <a10/pool.h>
#include <a10/region.h>

struct a10_ring;
struct uring_cqe;

/* The kernel's buffer group. */
uint16_t pool_group(const struct a10_pool *pool);

/*
 * Whether it belongs to this ring and is not destroyed. Any thread; pool may be
 * one that is gone: it is looked up, not looked into.
 */
bool pool_is_usable(const struct a10_pool *pool, const struct a10_ring *ring);

/*
 * For as long as an operation uses the pool, so that a late completion still
 * finds it: a destroyed pool lives on, unusable, until it is dropped. hold: any
 * thread; -ENXIO if the pool is not usable. drop: any thread that knows the
 * operation is over.
 */
int pool_hold(struct a10_pool *pool, struct a10_ring *ring);
void pool_drop(struct a10_pool *pool);

/*
 * The buffer of a completion (URING_CQE_F_BUFFER is set in cqe_flags) with res
 * bytes in it, as a loan. source: the id of the multishot it is counted for
 * (a10_bounded), or 0; told back by ring_loan_ended. res <= 0: *ret_buf is
 * none, and the buffer goes back if the kernel has not kept it. Completions
 * are to come here in their order: so pieces of incremental buffers are found.
 */
void pool_lend(struct a10_pool *pool, int32_t res, uint32_t cqe_flags,
	       uint64_t source, struct a10_buf *ret_buf);

/*
 * The same of a pool that a network card fills, of which the completion says
 * where: pool_zero_copy. res > 0.
 */
void pool_lend_at(struct a10_pool *pool, int32_t res, uint64_t offset,
		  uint64_t source, struct a10_buf *ret_buf);

/* Whether a network card fills it, and its number then. The pool is held. */
bool pool_is_zero_copy(const struct a10_pool *pool);
uint32_t pool_zero_copy_id(const struct a10_pool *pool);

/* The kernel has found no buffer: what is an operation to do? The owner. */
enum pool_advice {
	POOL_AGAIN, /* begin again at once */
	POOL_LATER, /* ... after a while */
	POOL_WAIT   /* wait for one to be given back */
};
enum pool_advice pool_advise(struct a10_ring *ring, struct a10_pool *pool);

/* When a pool must be looked after again, whatever happens; or INT64_MAX. */
int64_t pools_next(struct a10_ring *ring);

/*
 * An operation waits for buffers of the pool (owner). Another thread that gives
 * one back rings the bell from then on; when the kernel has a buffer again the
 * owner is told by ring_pool_refilled, once, and has to say so again. Of a loan
 * with a source the bell is always rung.
 */
void pool_set_hungry(struct a10_pool *pool);

/* Whether a buffer serves several receives. The pool is held. */
bool pool_is_incremental(const struct a10_pool *pool);

/* The buffer that lies behind this one in the kernel's ring. */
uint16_t pool_next(const struct a10_pool *pool, uint16_t id);

/* Takes back what other threads released; the owner, at every poll. */
void pools_collect(struct a10_ring *ring);

/* Whether pools_collect has something to do: the owner may not sleep then. */
bool pools_have_returns(const struct a10_ring *ring);

/* Whether a call that registers may be made here, now: 0 or -errno. */
int ring_registrable(const struct a10_ring *ring);

/* At the end of the ring: unregisters and frees all but what is still lent. */
void pools_finish(struct a10_ring *ring, bool inherited);
void regions_finish(struct a10_ring *ring, bool inherited);

/*
 * The registered buffer's index, for as long as an operation names it; -EXDEV:
 * of another ring, or destroyed. hold: any thread. drop: the owner, or who held
 * it and did not submit.
 */
int region_hold(struct a10_region *region, const struct a10_ring *ring);
void region_drop(struct a10_region *region);
/* Whether all that the vector names lies in it. */
struct iovec;
bool region_holds(const struct a10_region *region, const struct iovec *iov,
		  size_t count);

/*
 * tag.c: a number by which the kernel tells that an entry of a table is not used
 * any more. make: 0, there is no memory. forget: the kernel was not told of it.
 * arrived: it has said so; the owner, where callbacks may run. finish: at the end
 * of the ring, all that are left.
 */
uint64_t tag_make(struct a10_ring *ring, void (*release)(void *owned),
		  void *owned);
void tag_forget(struct a10_ring *ring, uint64_t user_data);
void tag_arrived(struct a10_ring *ring, uint64_t user_data);
void tags_finish(struct a10_ring *ring);

/* The calls back, in ring/again.c and ring/cancel.c. */
void ring_pool_refilled(struct a10_ring *ring, struct a10_pool *pool);
void ring_loan_ended(struct a10_ring *ring, uint64_t source);
/* The pool is destroyed: what waits for its buffers is -ECANCELED now. */
void ring_pool_closed(struct a10_ring *ring, struct a10_pool *pool);

/* In ring/wake.c: another thread gave something back; wakes a dozing owner. */
struct a10_sq;
void sq_ring_bell(struct a10_sq *sq);

#endif
