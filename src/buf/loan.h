/*
 * What a pool is made of; for pool.c, which makes and ends pools, and loan.c,
 * which lends their buffers.
 *
 * The kernel has a ring of buffers to pick from. A completion tells which it
 * picked; what it filled is lent to whoever gets the result, and goes back
 * into the ring when that is given back. Of an incremental pool a buffer is
 * lent piece by piece, and goes back when the kernel is done with it and no
 * piece is out.
 *
 * A loan is named by its index and a lease, which is odd while it is out. The
 * owner ends one by plain loads and stores. Another thread claims it by a
 * compare-exchange of the lease and pushes it on a stack, which the owner takes
 * as a whole, so nothing can be pushed twice under it.
 *
 * The end. A pool is freed when its last reference is given back. While it is
 * open, only the owner's own one and those of other threads are counted there;
 * what is lent the owner counts for itself, without atomics. Destroying it
 * adds all that is lent as references, then puts LOANS_CLOSED in place of the
 * stack: what was on it is given back, and what comes later finds the mark and
 * gives back a reference instead of the loan. A thread takes a reference of
 * its own before it pushes, for once its loan is on the stack nothing else
 * keeps the pool.
 */
#ifndef BUF_LOAN_H
#define BUF_LOAN_H

#include "buf/pool.h"
#include "ring/core.h"

#define NO_LOAN      0u         /* links are index + 1 */
#define LOANS_CLOSED UINT32_MAX /* in place of the first of the stack */

struct loan {
	_Atomic uint32_t lease; /* odd: out */
	uint16_t buffer;
	bool out; /* the owner's word for it: not yet given back to it */
	uint8_t unused;
	uint64_t source;
	uint32_t next_free;
	/* Written by who claimed it, read by the owner after its exchange. */
	uint32_t next_returned;
};

/* What is known of a buffer of an incremental pool, and of one in doubt. */
struct buffer {
	uint16_t place;  /* in the kernel's ring, when it was last given */
	uint32_t offset; /* where the kernel goes on writing */
	uint32_t pieces; /* lent */
	bool done;       /* the kernel will not write to it again */
	bool doubtful;   /* see doubt.c */
};

/*
 * Of a pool whose buffers a network card fills: the ring by which the kernel gets
 * each piece back. The owner's, but for what the kernel reads and writes.
 */
struct refill {
	_Atomic uint32_t *head; /* the kernel's */
	_Atomic uint32_t *tail; /* ours */
	struct uring_zcrx_rqe *entries;
	void *memory;
	size_t memory_size;
	uint64_t token; /* of the memory, in what is given back */
	uint32_t id;
	uint32_t count; /* of entries, a power of two */
	uint32_t at;    /* the tail */
	uint32_t owed;  /* loans that found no room, by next_free */
	bool flushes;   /* the kernel can be told to take all that is there */
};

struct a10_pool {
	/* Never change. */
	struct refill *refill; /* NULL: the kernel picks from a ring */
	struct a10_sq *sq;     /* a reference, for its bell and its owner */
	struct uring_buf *ring;
	_Atomic uint16_t *ring_tail;
	unsigned char *memory;
	struct loan *loans; /* a reservation, so loans never move */
	struct buffer *buffers;
	size_t ring_size;
	size_t memory_size;
	size_t loans_size;
	uint32_t count;
	uint32_t size;
	uint16_t group;
	bool incremental;

	/* The owner's. */
	bool closed;   /* destroyed: another thread's way for all that is out */
	bool refilled; /* hungry, and there is a buffer again: to be told */
	uint16_t tail;
	uint32_t available; /* buffers the kernel can pick */
	uint32_t doubts;
	uint32_t loan_limit;
	uint32_t loans_used; /* from 0 ever taken */
	uint32_t free_first; /* of those that are not out */
	int64_t lent;        /* loans that are out ... */
	int64_t held;        /* ... and holds; negative: of other threads */
	struct a10_pool *next;

	/* Any thread's. */
	_Atomic uint32_t loans_ready; /* have memory; the owner writes it */
	_Atomic uint32_t returned;    /* the stack of what others gave back */
	_Atomic uint32_t hungry;
	_Atomic int64_t references;
};

/* Gives references back; frees the pool with the last. Any thread. */
void pool_unref(struct a10_pool *pool, int64_t count);

/* Memory for count loans more. false: there is none. */
bool loans_grow(struct a10_pool *pool, uint32_t count);

/* The kernel may pick buffer id again, from its beginning. */
void pool_give(struct a10_pool *pool, uint16_t id);

/*
 * Takes the stack of what other threads gave back, leaves replacement, ends the
 * loans. Returns how many.
 */
uint32_t loans_collect(struct a10_ring *ring, struct a10_pool *pool,
		       uint32_t replacement);

/* Maps memory that reads as 0; NULL: there is none. */
void *map_pages(size_t size, int protection);
/* The owner's: what to lend from, made and not yet known to others. */
struct a10_pool *pool_new(struct a10_ring *ring, uint32_t count, uint32_t size);
void pool_link(struct a10_ring *ring, struct a10_pool *pool);
/* Of one that was never linked, or whose last reference is given back. */
void pool_free(struct a10_pool *pool);
/* length bytes at data, in buffer id, as a loan. false: no memory for it. */
bool pool_lend_piece(struct a10_pool *pool, uint16_t id, unsigned char *data,
		     uint32_t length, uint64_t source, struct a10_buf *ret_buf);

/* refill.c: a loan of such a pool is over. */
void refill_give(struct a10_ring *ring, struct a10_pool *pool, uint32_t index);
/* Something is owed to the kernel, and there is room for it. */
bool refill_can_settle(const struct a10_pool *pool);
void refill_settle(struct a10_ring *ring, struct a10_pool *pool);
/* The pool is closed: nothing goes back any more. */
void refill_close(struct a10_ring *ring, struct a10_pool *pool);
void refill_free(struct refill *refill);

/* doubt.c: a completion without data names buffer id. */
void doubt_add(struct a10_pool *pool, uint16_t id);
/* One with data does, so the kernel had it still. */
void doubt_end(struct a10_pool *pool, uint16_t id);
/* Finds out, if that can be done now. */
void doubts_settle(struct a10_ring *ring, struct a10_pool *pool);

#endif
