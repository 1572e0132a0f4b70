/*
 * Buffers in doubt.
 *
 * A completion with an error or at the end of a file may name a buffer too.
 * Some kernels have used it up then, some have left it where it was, the next
 * to be picked, and the completion does not tell. To give it back when the
 * kernel still has it would have it in the ring twice, and two receives write
 * to the same memory; not to give it back when the kernel has not would lose
 * it.
 *
 * So it is put aside. If a completion with data names it, the kernel had it.
 * Else, when there are no completions left to be seen, the kernel is asked how
 * far it is in the ring: that call takes the lock under which it picks buffers
 * and posts their completions, so none is half-way. A kernel that cannot tell
 * (before 6.8) is one that has used it up.
 */
#include "buf/loan.h"

void doubt_add(struct a10_pool *pool, uint16_t id)
{
	struct buffer *buffer = &pool->buffers[id];

	if (buffer->doubtful)
		return;
	buffer->doubtful = true;
	pool->doubts++;
	pool->available--;
}

void doubt_end(struct a10_pool *pool, uint16_t id)
{
	struct buffer *buffer = &pool->buffers[id];

	if (!buffer->doubtful)
		return;
	buffer->doubtful = false;
	pool->doubts--;
	pool->available++;
}

/* How far the kernel is in the ring of buffers; false: it cannot tell. */
static bool pool_head(struct a10_ring *ring, const struct a10_pool *pool,
		      uint16_t *ret_head)
{
	struct uring_buf_status status = { .buf_group = pool->group };

	if (ring->calls->control(ring->backend, URING_REGISTER_PBUF_STATUS,
				 &status, 1) < 0)
		return false;
	*ret_head = (uint16_t)status.head;
	return true;
}

/* Whether all that the kernel did so far is known here. */
static bool completions_seen(const struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	/* Acquire: pairs with the kernel's release of completions. */
	const uint32_t tail =
		atomic_load_explicit(view->cq_tail, memory_order_acquire);

	return ring->batch_head >= ring->batch_count &&
	       tail == atomic_load_explicit(view->cq_head,
					    memory_order_relaxed) &&
	       !(atomic_load_explicit(view->sq_flags, memory_order_relaxed) &
		 URING_SQ_CQ_OVERFLOW);
}

/* Whether id is among those that the kernel has still to pick. */
static bool ring_has(const struct a10_pool *pool, uint16_t id, uint16_t head)
{
	for (uint16_t at = head; at != pool->tail; at++) {
		if (pool->ring[at & (pool->count - 1)].bid == id)
			return true;
	}
	return false;
}

static void doubt_settle(struct a10_pool *pool, uint16_t id, bool used_up)
{
	struct buffer *buffer = &pool->buffers[id];

	doubt_end(pool, id);
	if (!used_up) {
		/* It was not missing, but who waits was told so. */
		if (atomic_load_explicit(&pool->hungry, memory_order_relaxed))
			pool->refilled = true;
		return;
	}
	pool->available--;
	buffer->done = true;
	if (buffer->pieces == 0)
		pool_give(pool, id);
}

void doubts_settle(struct a10_ring *ring, struct a10_pool *pool)
{
	uint16_t head = 0;
	bool told;

	if (!completions_seen(ring))
		return;
	told = pool_head(ring, pool, &head);
	/* Completions that came meanwhile may be about these buffers. */
	if (!completions_seen(ring))
		return;
	for (uint32_t id = 0; id < pool->count && pool->doubts > 0; id++) {
		if (pool->buffers[id].doubtful)
			doubt_settle(pool, (uint16_t)id,
				     !told || !ring_has(pool, (uint16_t)id,
							head));
	}
}
