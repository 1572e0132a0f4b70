/* What the kernel filled, lent; and how it comes back. The protocol: loan.h. */
#include "buf/loan.h"
#include "base/log.h"
#include "base/memory.h"

/* ---- lending: the owner's ------------------------------------------------ */

/* The link of a loan that is not out; NO_LOAN: no memory. */
static uint32_t loan_take(struct a10_pool *pool)
{
	const uint32_t link = pool->free_first;

	if (likely(link != NO_LOAN)) {
		pool->free_first = pool->loans[link - 1].next_free;
		return link;
	}
	if (pool->loans_used == atomic_load_explicit(&pool->loans_ready,
						     memory_order_relaxed) &&
	    !loans_grow(pool, 1))
		return NO_LOAN;
	return ++pool->loans_used;
}

/* The kernel is done with it and nothing of it is out: it may pick it again. */
static void buffer_end(struct a10_pool *pool, uint16_t id)
{
	if (pool->incremental &&
	    (!pool->buffers[id].done || pool->buffers[id].pieces > 0))
		return;
	pool_give(pool, id);
}

/*
 * A completion without data. Of an incremental buffer that has more the kernel
 * took nothing. A plain one that was there at the end of a file is used up; at
 * an error, and of an incremental one at the end, kernels differ.
 */
static void lend_nothing(struct a10_pool *pool, uint16_t id, int32_t res,
			 uint32_t cqe_flags)
{
	if (pool->closed || cqe_flags & URING_CQE_F_BUF_MORE)
		return;
	if (res == 0 && !pool->incremental) {
		pool->available--;
		pool_give(pool, id);
		return;
	}
	doubt_add(pool, id);
}

/* Where in the buffer the kernel has put res bytes, and what is left of it. */
static unsigned char *buffer_advance(struct a10_pool *pool, uint16_t id,
				     uint32_t *length, uint32_t cqe_flags)
{
	struct buffer *buffer = &pool->buffers[id];
	unsigned char *data = pool->memory + (size_t)id * pool->size;
	uint32_t room = pool->size;

	if (unlikely(pool->doubts > 0))
		doubt_end(pool, id);
	if (pool->incremental) {
		data += buffer->offset;
		room -= buffer->offset;
	}
	/* With MSG_TRUNC a result is what there was, not what had room. */
	if (unlikely(*length > room))
		*length = room;
	if (!pool->incremental) {
		pool->available--;
		return data;
	}
	buffer->offset += *length;
	if (!(cqe_flags & URING_CQE_F_BUF_MORE)) {
		buffer->done = true;
		pool->available--;
	}
	return data;
}

bool pool_lend_piece(struct a10_pool *pool, uint16_t id, unsigned char *data,
		     uint32_t length, uint64_t source, struct a10_buf *ret_buf)
{
	const uint32_t link = loan_take(pool);
	struct loan *loan;

	if (unlikely(link == NO_LOAN)) {
		log_line(A10_LOG_ERROR,
			 "pool %u: no memory for a loan: %u bytes are lost",
			 (unsigned int)pool->group, length);
		return false;
	}
	loan = &pool->loans[link - 1];
	check(!loan->out);
	loan->buffer = id;
	loan->out = true;
	loan->source = source;
	ret_buf->lease =
		atomic_load_explicit(&loan->lease, memory_order_relaxed) + 1;
	atomic_store_explicit(&loan->lease, ret_buf->lease,
			      memory_order_relaxed);
	if (likely(!pool->closed))
		pool->lent++;
	else
		atomic_fetch_add_explicit(&pool->references, 1,
					  memory_order_relaxed);
	memory_written(data, length);
	ret_buf->data = data;
	ret_buf->pool = pool;
	ret_buf->length = length;
	ret_buf->loan = link - 1;
	return true;
}

void pool_lend(struct a10_pool *pool, int32_t res, uint32_t cqe_flags,
	       uint64_t source, struct a10_buf *ret_buf)
{
	const uint16_t id = (uint16_t)(cqe_flags >> URING_CQE_BUFFER_SHIFT);
	const struct a10_buf none = { .data = NULL };
	uint32_t length = (uint32_t)res;
	unsigned char *data;

	check(cqe_flags & URING_CQE_F_BUFFER);
	check(id < pool->count);
	*ret_buf = none;
	if (unlikely(res <= 0)) {
		lend_nothing(pool, id, res, cqe_flags);
		return;
	}
	data = buffer_advance(pool, id, &length, cqe_flags);
	if (pool->incremental)
		pool->buffers[id].pieces++;
	if (likely(pool_lend_piece(pool, id, data, length, source, ret_buf)))
		return;
	if (pool->incremental)
		pool->buffers[id].pieces--;
	buffer_end(pool, id);
}

/* ---- giving back --------------------------------------------------------- */

/* The lease says that it is over. The owner's. */
static void loan_end(struct a10_ring *ring, struct a10_pool *pool,
		     uint32_t index)
{
	struct loan *loan = &pool->loans[index];
	const uint16_t id = loan->buffer;
	const uint64_t source = loan->source;

	loan->out = false;
	pool->lent--;
	if (unlikely(pool->refill)) {
		refill_give(ring, pool, index);
	} else {
		loan->next_free = pool->free_first;
		pool->free_first = index + 1;
		if (pool->incremental)
			pool->buffers[id].pieces--;
		buffer_end(pool, id);
	}
	if (source && !pool->closed)
		ring_loan_ended(ring, source);
}

/* Once for each time an operation said that it waits. */
static void refilled_tell(struct a10_ring *ring, struct a10_pool *pool)
{
	if (likely(!pool->refilled))
		return;
	pool->refilled = false;
	atomic_store_explicit(&pool->hungry, 0, memory_order_relaxed);
	ring_pool_refilled(ring, pool);
}

/*
 * The lease is this thread's. As long as the stack takes it, the loan counts;
 * this thread has a reference besides, for then the owner may end both.
 */
static void loan_push(struct a10_pool *pool, uint32_t index)
{
	struct loan *loan = &pool->loans[index];
	const bool bounded = loan->source != 0; /* it may wait for this one */
	/* Acquire: pairs with the release in loans_collect, of the mark. */
	uint32_t first =
		atomic_load_explicit(&pool->returned, memory_order_acquire);

	atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
	do {
		if (first == LOANS_CLOSED) {
			pool_unref(pool, 2);
			return;
		}
		loan->next_returned = first;
		/*
		 * Releases the link, to the acquire in loans_collect. And in
		 * the order of all such accesses it is before the look at
		 * hungry, as the owner's store to hungry is before its last
		 * look at the stack: one of the two sees the other.
		 */
	} while (!atomic_compare_exchange_weak_explicit(
		&pool->returned, &first, index + 1, memory_order_seq_cst,
		memory_order_acquire));
	if ((bounded ||
	     atomic_load_explicit(&pool->hungry, memory_order_seq_cst)) &&
	    !sq_is_inherited(pool->sq))
		sq_ring_bell(pool->sq);
	pool_unref(pool, 1);
}

static void release_stale(const struct a10_buf *buf)
{
	log_line(A10_LOG_ERROR, "a buffer of %u bytes was released twice",
		 buf->length);
}

void a10_buf_release(struct a10_buf buf)
{
	struct a10_pool *pool = buf.pool;
	uint32_t lease = buf.lease;
	struct loan *loan;

	if (!buf.data)
		return;
	/* Acquire: pairs with the release in loans_grow. */
	check_use(buf.loan < atomic_load_explicit(&pool->loans_ready,
						  memory_order_acquire) &&
			  lease & 1,
		  "the buffer is none that its pool has lent");
	loan = &pool->loans[buf.loan];
	if (likely(sq_is_mine(pool->sq)) && !pool->closed) {
		if (atomic_load_explicit(&loan->lease, memory_order_relaxed) !=
		    lease) {
			release_stale(&buf);
			return;
		}
		atomic_store_explicit(&loan->lease, lease + 1,
				      memory_order_relaxed);
		loan_end(ring_of(pool->sq), pool, buf.loan);
		refilled_tell(ring_of(pool->sq), pool);
		return;
	}
	if (!atomic_compare_exchange_strong_explicit(
		    &loan->lease, &lease, lease + 1, memory_order_relaxed,
		    memory_order_relaxed)) {
		release_stale(&buf);
		return;
	}
	loan_push(pool, buf.loan);
}

uint32_t loans_collect(struct a10_ring *ring, struct a10_pool *pool,
		       uint32_t replacement)
{
	/*
	 * Acquires the links of all that is on the stack; releases, with the
	 * mark, the references that pool_close added.
	 */
	uint32_t link = atomic_exchange_explicit(&pool->returned, replacement,
						 memory_order_acq_rel);
	uint32_t count = 0;

	while (link != NO_LOAN) {
		const uint32_t index = link - 1;
		const struct loan *loan = &pool->loans[index];

		link = loan->next_returned;
		/* Two threads gave it back at once, and one was the owner. */
		if (!loan->out ||
		    atomic_load_explicit(&loan->lease, memory_order_relaxed) &
			    1) {
			log_line(A10_LOG_ERROR, "a buffer was released twice");
			continue;
		}
		loan_end(ring, pool, index);
		count++;
	}
	return count;
}

/* ---- what the ring asks for at every poll -------------------------------- */

void pools_collect(struct a10_ring *ring)
{
	struct a10_pool *pool = ring->pools.first;

	for (; pool; pool = pool->next) {
		if (atomic_load_explicit(&pool->returned,
					 memory_order_relaxed) != NO_LOAN)
			loans_collect(ring, pool, NO_LOAN);
		if (unlikely(pool->doubts > 0))
			doubts_settle(ring, pool);
		if (unlikely(pool->refill))
			refill_settle(ring, pool);
		refilled_tell(ring, pool);
	}
}

bool pools_have_returns(const struct a10_ring *ring)
{
	const struct a10_pool *pool = ring->pools.first;

	for (; pool; pool = pool->next) {
		/* After the owner's store to hungry, in the order of all. */
		if (atomic_load_explicit(&pool->returned,
					 memory_order_seq_cst) != NO_LOAN)
			return true;
		if (pool->doubts > 0 || pool->refilled ||
		    refill_can_settle(pool))
			return true;
	}
	return false;
}

void pool_set_hungry(struct a10_pool *pool)
{
	/* Before the owner's last look at the stack: see loan_push. */
	atomic_store_explicit(&pool->hungry, 1, memory_order_seq_cst);
}
