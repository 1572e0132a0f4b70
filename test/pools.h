/*
 * Pools of a ring, what is received into them, and whether all of one is there.
 */
#ifndef POOLS_H
#define POOLS_H

#include "support.h"

#include "buf/loan.h"
#include "ring/core.h"

static inline struct a10_pool *pool_open(struct a10_ring *ring, uint32_t count,
					 uint32_t size, uint32_t flags)
{
	struct a10_pool *pool = NULL;
	const int err = a10_pool_create(ring, count, size, flags, &pool);

	if (err == -EOPNOTSUPP)
		SKIP("the kernel has no rings of buffers");
	ck_assert_msg(err == 0, "no pool: %s", strerror(-err));
	return pool;
}

static inline struct a10_pool *
pool_open_incremental(struct a10_ring *ring, uint32_t count, uint32_t size)
{
	if (!ring->grant.incremental)
		SKIP("the kernel has no incremental buffers");
	return pool_open(ring, count, size, A10_POOL_INCREMENTAL);
}

static inline void put(int fd, const void *data, size_t length)
{
	ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
}

static inline void buf_is(struct a10_buf buf, const char *text)
{
	ck_assert_uint_eq(buf.length, strlen(text));
	ck_assert_mem_eq(buf.data, text, buf.length);
}

static inline struct a10_buf received(struct a10_ring *ring, struct pair *pair,
				      struct a10_pool *pool)
{
	const struct a10_result r =
		result_of(ring, a10_recv_pooled(pair->ours, pool, 0));

	ck_assert_int_gt(r.value, 0);
	ck_assert_ptr_nonnull(r.buf.data);
	ck_assert_ptr_eq(r.buf.pool, pool);
	ck_assert_uint_eq(r.buf.length, (size_t)r.value);
	ck_assert_uint_eq(r.count, (size_t)r.value);
	return r.buf;
}

/*
 * All of a pool's memory is given out once, piece by piece, and no two pieces
 * share a byte: so no buffer is lost, and none is in the kernel's ring twice.
 */
static inline void pool_is_whole(struct a10_ring *ring, struct a10_pool *pool)
{
	const size_t total =
		(size_t)a10_pool_available(pool) * a10_pool_buffer_size(pool);
	unsigned char *seen = calloc(1, pool->memory_size);
	struct a10_buf *bufs = calloc(4 * (size_t)pool->count, sizeof(*bufs));
	unsigned char *data = calloc(1, pool->size);
	size_t count = 0, sum = 0;
	struct pair pair;

	ck_assert_uint_eq(total, pool->memory_size);
	pair_open(ring, false, &pair);
	while (sum < total) {
		const struct a10_buf *buf = &bufs[count];

		put(pair.theirs, data, pool->size);
		ck_assert_uint_lt(count, 4 * (size_t)pool->count);
		bufs[count++] = received(ring, &pair, pool);
		for (uint32_t i = 0; i < buf->length; i++) {
			unsigned char *at = &seen[buf->data - pool->memory + i];

			ck_assert_uint_eq(*at, 0);
			*at = 1;
		}
		sum += buf->length;
	}
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	while (count > 0)
		a10_buf_release(bufs[--count]);
	ck_assert_uint_eq(a10_pool_available(pool), pool->count);
	pair_close(ring, &pair);
	free(data);
	free(bufs);
	free(seen);
}

/* Polls until what became of the buffers is known. */
static inline void pool_settles(struct a10_ring *ring, struct a10_pool *pool)
{
	while (pool->doubts > 0)
		ring_step(ring, a10_now() + PATIENCE, "doubts", __LINE__);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
}

#endif
