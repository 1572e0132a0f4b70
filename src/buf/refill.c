/*
 * Pools that a network card fills. Their memory is the card's: a completion says
 * where in it something came, which is lent, and every piece that is given back is
 * an entry of a ring that the kernel reads when the card wants for pages. A page
 * can be out in several pieces, and is free again with the last.
 *
 * The kernel takes nothing from that ring but when the card, or the copying that
 * stands in for it, wants pages. So it can be full: what finds no room is owed, and
 * tried again in later turns, a millisecond apart at most. From Linux 6.19 on the
 * kernel can be told to take it all, which is also what helps when it has found no
 * page.
 *
 * The kernel keeps its part until the ring is closed; its pages are pinned, so the
 * memory here may be unmapped before.
 */
#include "base/memory.h"
#include "buf/loan.h"
#include "ring/life.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <a10/time.h>

#define COUNT_MAX     65536u /* a loan has 16 bits for it */
#define PIECES_MAX    (UINT64_C(1) << 22)
#define ENTRIES_MAX   32768u /* the kernel's */
#define ENTRIES_FIRST 64u
#define SETTLE_NS     A10_MILLISECOND

/* ---- giving back --------------------------------------------------------- */

static uint32_t unread(const struct refill *refill)
{
	/* Acquire: pairs with the kernel's release of what it has read. */
	return refill->at -
	       atomic_load_explicit(refill->head, memory_order_acquire);
}

/* The kernel takes what is in the ring. false: this one cannot be told to. */
static bool refill_flush(struct a10_ring *ring, struct refill *refill)
{
	struct uring_zcrx_ctrl ctrl = {
		.zcrx_id = refill->id,
		.op = URING_ZCRX_CTRL_FLUSH_RQ,
	};

	if (refill->flushes)
		refill->flushes = ring->calls->control(ring->backend,
						       URING_REGISTER_ZCRX_CTRL,
						       &ctrl, 0) >= 0;
	return refill->flushes;
}

/* false: there is no room. */
static bool refill_put(struct a10_pool *pool, uint32_t index)
{
	struct refill *refill = pool->refill;
	struct loan *loan = &pool->loans[index];
	struct uring_zcrx_rqe *entry;

	if (unread(refill) == refill->count)
		return false;
	entry = &refill->entries[refill->at & (refill->count - 1)];
	entry->off = refill->token | (uint64_t)loan->buffer * pool->size;
	entry->len = pool->size;
	entry->pad = 0;
	refill->at++;
	/* Release: pairs with the kernel's acquire when it reads entries. */
	atomic_store_explicit(refill->tail, refill->at, memory_order_release);
	loan->next_free = pool->free_first;
	pool->free_first = index + 1;
	return true;
}

void refill_give(struct a10_ring *ring, struct a10_pool *pool, uint32_t index)
{
	struct refill *refill = pool->refill;
	struct loan *loan = &pool->loans[index];
	struct buffer *buffer = &pool->buffers[loan->buffer];

	check(buffer->pieces > 0);
	buffer->pieces--;
	pool->available += buffer->pieces == 0;
	if (pool->closed)
		return;
	if (unlikely(atomic_load_explicit(&pool->hungry, memory_order_relaxed)))
		pool->refilled = true;
	if (likely(refill_put(pool, index)))
		return;
	if (refill_flush(ring, refill) && refill_put(pool, index))
		return;
	ring->owing += refill->owed == NO_LOAN;
	loan->next_free = refill->owed;
	refill->owed = index + 1;
}

bool refill_can_settle(const struct a10_pool *pool)
{
	const struct refill *refill = pool->refill;

	return unlikely(refill) && refill->owed != NO_LOAN &&
	       unread(refill) < refill->count;
}

void refill_settle(struct a10_ring *ring, struct a10_pool *pool)
{
	struct refill *refill = pool->refill;

	if (likely(refill->owed == NO_LOAN))
		return;
	while (refill->owed != NO_LOAN) {
		const uint32_t index = refill->owed - 1;
		const uint32_t next = pool->loans[index].next_free;

		if (!refill_put(pool, index))
			return;
		refill->owed = next;
	}
	ring->owing--;
}

void refill_close(struct a10_ring *ring, struct a10_pool *pool)
{
	if (!pool->refill || pool->refill->owed == NO_LOAN)
		return;
	pool->refill->owed = NO_LOAN;
	ring->owing--;
}

int64_t pools_next(struct a10_ring *ring)
{
	return ring->owing > 0 ? ring_clock(ring) + SETTLE_NS : INT64_MAX;
}

enum pool_advice pool_advise(struct a10_ring *ring, struct a10_pool *pool)
{
	const struct refill *refill = pool->refill;

	if (!refill || pool->closed)
		return pool->available > 0 && !pool->closed ? POOL_AGAIN :
							      POOL_WAIT;
	if (unread(refill) > 0)
		return refill_flush(ring, pool->refill) ? POOL_AGAIN :
							  POOL_LATER;
	/* The card has them, or there are none. */
	return pool->available > 0 ? POOL_LATER : POOL_WAIT;
}

/* ---- lending ------------------------------------------------------------- */

void pool_lend_at(struct a10_pool *pool, int32_t res, uint64_t offset,
		  uint64_t source, struct a10_buf *ret_buf)
{
	const uint64_t at = offset & ~URING_ZCRX_AREA_MASK;
	const uint16_t id = (uint16_t)(at / pool->size);

	check(at < pool->memory_size);
	check((uint64_t)res <= pool->memory_size - at);
	if (!pool_lend_piece(pool, id, pool->memory + at, (uint32_t)res, source,
			     ret_buf))
		return;
	pool->available -= pool->buffers[id].pieces == 0;
	pool->buffers[id].pieces++;
}

bool pool_is_zero_copy(const struct a10_pool *pool)
{
	return pool->refill;
}

uint32_t pool_zero_copy_id(const struct a10_pool *pool)
{
	return pool->refill->id;
}

/* ---- making and ending --------------------------------------------------- */

void refill_free(struct refill *refill)
{
	if (!refill)
		return;
	if (refill->memory)
		munmap(refill->memory, refill->memory_size);
	free(refill);
}

/* A page is in few pieces as a rule, and what finds no room is owed. */
static uint32_t entries_for(uint32_t pages)
{
	uint32_t entries = ENTRIES_FIRST;

	while (entries < ENTRIES_MAX && entries < pages * 4)
		entries *= 2;
	return entries;
}

static int refill_allocate(struct a10_pool *pool)
{
	struct refill *refill = calloc(1, sizeof(*refill));
	uint64_t pieces;

	if (!refill)
		return -ENOMEM;
	pool->refill = refill;
	refill->flushes = true;
	refill->count = entries_for(pool->count);
	/* Before the entries lie indexes, less than a page of them. */
	refill->memory_size = refill->count * sizeof(*refill->entries);
	refill->memory_size =
		(refill->memory_size / pool->size + 2) * pool->size;
	refill->memory = map_pages(refill->memory_size, PROT_READ | PROT_WRITE);
	pool->memory_size = (size_t)pool->count * pool->size;
	pool->memory = map_pages(pool->memory_size, PROT_READ | PROT_WRITE);
	pieces = pool->memory_size;
	pool->loan_limit =
		(uint32_t)(pieces < PIECES_MAX ? pieces : PIECES_MAX);
	pool->loans_size = pool->loan_limit * sizeof(*pool->loans);
	pool->loans = map_pages(pool->loans_size, PROT_NONE);
	pool->buffers = calloc(pool->count, sizeof(*pool->buffers));
	if (!refill->memory || !pool->memory || !pool->loans || !pool->buffers)
		return -ENOMEM;
	return loans_grow(pool, 1) ? 0 : -ENOMEM;
}

static int refill_register(struct a10_ring *ring, struct a10_pool *pool,
			   uint32_t interface, uint32_t queue)
{
	struct refill *refill = pool->refill;
	struct uring_zcrx_area_reg area = {
		.addr = (uintptr_t)pool->memory,
		.len = pool->memory_size,
	};
	struct uring_region_desc region = {
		.user_addr = (uintptr_t)refill->memory,
		.size = refill->memory_size,
		.flags = URING_MEM_REGION_TYPE_USER,
	};
	struct uring_zcrx_ifq_reg reg = {
		.if_idx = interface,
		.if_rxq = queue,
		.rq_entries = refill->count,
		.flags = interface ? 0 : URING_ZCRX_REG_NODEV,
		.area_ptr = (uintptr_t)&area,
		.region_ptr = (uintptr_t)&region,
	};
	const int err = ring->calls->control(ring->backend,
					     URING_REGISTER_ZCRX_IFQ, &reg, 1);

	/* Nothing about it is wrong but that this kernel wants a card. */
	if (err == -EINVAL && !interface)
		return -EOPNOTSUPP;
	if (err < 0)
		return err;
	memory_written(&reg, sizeof(reg));
	memory_written(&area, sizeof(area));
	if (reg.rq_entries != refill->count ||
	    reg.offsets.rqes + refill->count * sizeof(*refill->entries) >
		    refill->memory_size)
		return -EPROTO;
	refill->head = (void *)((char *)refill->memory + reg.offsets.head);
	refill->tail = (void *)((char *)refill->memory + reg.offsets.tail);
	refill->entries = (void *)((char *)refill->memory + reg.offsets.rqes);
	refill->token = area.rq_area_token;
	refill->id = reg.zcrx_id;
	return 0;
}

static int check_ring(const struct a10_ring *ring, uint32_t interface,
		      uint32_t queue, uint32_t count)
{
	int err;

	if (count == 0 || count > COUNT_MAX || queue == UINT32_MAX ||
	    interface > INT32_MAX || (!interface && queue))
		return -EINVAL;
	err = ring_registrable(ring);
	if (err < 0)
		return err;
	if (!ring_knows(ring, URING_OP_RECV_ZC))
		return -EOPNOTSUPP;
	if (!ring->batch_extra ||
	    !(ring->grant.setup_flags & URING_SETUP_DEFER_TASKRUN))
		return -EINVAL;
	return 0;
}

int a10_pool_create_zero_copy(struct a10_ring *ring, uint32_t interface,
			      uint32_t queue, uint32_t count,
			      struct a10_pool **ret_pool)
{
	const uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);
	struct a10_pool *pool;
	int err;

	err = check_ring(ring, interface, queue, count);
	if (err < 0)
		return err;
	pool = pool_new(ring, count, size);
	if (!pool)
		return -ENOMEM;
	err = refill_allocate(pool);
	if (err == 0)
		err = refill_register(ring, pool, interface, queue);
	if (err < 0) {
		pool_free(pool);
		return err;
	}
	pool->available = count;
	pool_link(ring, pool);
	*ret_pool = pool;
	return 0;
}
