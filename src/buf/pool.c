/*
 * Pools: memory for buffers, and the ring from which the kernel picks one when
 * it has data. What becomes of a buffer it picked is in loan.c.
 */
#include "base/fork.h"
#include "base/log.h"
#include "buf/loan.h"
#include "ring/life.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define COUNT_MAX  32768u
#define SPLIT_SIZE 4096u
#define MEMORY_MAX (UINT64_C(1) << 40)
#define GROUPS     65536u
#define LOANS_STEP 2048u
#define PIECES_MAX (UINT64_C(1) << 22)

/*
 * For other threads that look a pool up; the owner alone changes the lists, and
 * looks without it. One for all rings: another thread rarely starts a receive.
 */
static pthread_mutex_t lists_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void lists_keep(void)
{
	fork_keep(&lists_lock);
}

_Static_assert(ATOMIC_SHORT_LOCK_FREE == 2, "the kernel reads the tail too");

/* ---- memory -------------------------------------------------------------- */

void *map_pages(size_t size, int protection)
{
	void *memory = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_pages(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void pool_free(struct a10_pool *pool)
{
	struct a10_sq *sq = pool->sq;

	refill_free(pool->refill);
	unmap_pages(pool->ring, pool->ring_size);
	unmap_pages(pool->memory, pool->memory_size);
	unmap_pages(pool->loans, pool->loans_size);
	free(pool->buffers);
	free(pool);
	a10_sq_unref(sq);
}

void pool_unref(struct a10_pool *pool, int64_t count)
{
	/* What each thread did with the pool is before its end. */
	const int64_t before = atomic_fetch_sub_explicit(
		&pool->references, count, memory_order_acq_rel);

	check(before >= count);
	if (before == count)
		pool_free(pool);
}

bool loans_grow(struct a10_pool *pool, uint32_t count)
{
	const uint32_t ready =
		atomic_load_explicit(&pool->loans_ready, memory_order_relaxed);
	uint32_t wanted = pool->loan_limit;

	if (count > pool->loan_limit - ready)
		return false;
	if (count < LOANS_STEP)
		count = LOANS_STEP;
	if (count < wanted - ready)
		wanted = ready + count;
	/* All of it: what has memory keeps it, and the address is a page's. */
	if (mprotect(pool->loans, wanted * sizeof(*pool->loans),
		     PROT_READ | PROT_WRITE) < 0)
		return false;
	/* Release: whoever sees the number may look at the loan's lease. */
	atomic_store_explicit(&pool->loans_ready, wanted, memory_order_release);
	return true;
}

/*
 * Pieces can be as small as a byte. There is room for so many that only who
 * never gives one back will run out.
 */
static uint32_t loans_needed(const struct a10_pool *pool)
{
	const uint64_t bytes = (uint64_t)pool->count * pool->size;

	if (!pool->incremental)
		return pool->count;
	return (uint32_t)(bytes < PIECES_MAX ? bytes : PIECES_MAX);
}

static int pool_allocate(struct a10_pool *pool)
{
	pool->ring_size = pool->count * sizeof(*pool->ring);
	pool->memory_size = (size_t)pool->count * pool->size;
	pool->loan_limit = loans_needed(pool);
	pool->loans_size = pool->loan_limit * sizeof(*pool->loans);
	pool->ring = map_pages(pool->ring_size, PROT_READ | PROT_WRITE);
	pool->memory = map_pages(pool->memory_size, PROT_READ | PROT_WRITE);
	pool->loans = map_pages(pool->loans_size, PROT_NONE);
	pool->buffers = calloc(pool->count, sizeof(*pool->buffers));
	if (!pool->ring || !pool->memory || !pool->loans || !pool->buffers)
		return -ENOMEM;
	if (!loans_grow(pool, pool->incremental ? 1 : pool->count))
		return -ENOMEM;
	pool->ring_tail =
		(_Atomic uint16_t *)(void *)((char *)pool->ring +
					     URING_BUF_RING_TAIL_OFFSET);
	return 0;
}

/* ---- the kernel's ring --------------------------------------------------- */

/* Member by member: the last word of entry 0 is the tail. */
static void ring_write(struct a10_pool *pool, uint16_t id)
{
	struct uring_buf *entry = &pool->ring[pool->tail & (pool->count - 1)];

	entry->addr = (uintptr_t)(pool->memory + (size_t)id * pool->size);
	entry->len = pool->size;
	entry->bid = id;
	pool->buffers[id].place = pool->tail;
	pool->tail++;
}

static void ring_publish(struct a10_pool *pool)
{
	/* Release: pairs with the kernel's acquire when it picks a buffer. */
	atomic_store_explicit(pool->ring_tail, pool->tail,
			      memory_order_release);
}

void pool_give(struct a10_pool *pool, uint16_t id)
{
	struct buffer *buffer = &pool->buffers[id];

	if (pool->closed)
		return;
	if (pool->incremental) {
		buffer->offset = 0;
		buffer->done = false;
	}
	ring_write(pool, id);
	ring_publish(pool);
	pool->available++;
	if (unlikely(atomic_load_explicit(&pool->hungry, memory_order_relaxed)))
		pool->refilled = true;
}

static void ring_fill(struct a10_pool *pool)
{
	for (uint32_t id = 0; id < pool->count; id++)
		ring_write(pool, (uint16_t)id);
	ring_publish(pool);
	pool->available = pool->count;
}

/* With the next number that no group of the ring has. */
static int pool_register(struct a10_ring *ring, struct a10_pool *pool)
{
	struct uring_buf_reg reg = {
		.ring_addr = (uintptr_t)pool->ring,
		.ring_entries = pool->count,
		.flags = pool->incremental ? URING_PBUF_INC : 0,
	};
	int err = -EEXIST;

	for (uint32_t i = 0; i < GROUPS && err == -EEXIST; i++) {
		reg.bgid = ring->next_group++;
		err = ring->calls->control(ring->backend,
					   URING_REGISTER_PBUF_RING, &reg, 1);
	}
	/* The arguments are right, so it is the call that is not known. */
	if (err == -EINVAL)
		return -EOPNOTSUPP;
	if (err < 0)
		return err;
	pool->group = reg.bgid;
	return 0;
}

/* What a card fills is the kernel's until the ring is closed. */
static void pool_unregister(struct a10_ring *ring, struct a10_pool *pool)
{
	struct uring_buf_reg reg = { .bgid = pool->group };
	int err;

	if (pool->refill)
		return;
	err = ring->calls->control(ring->backend, URING_UNREGISTER_PBUF_RING,
				   &reg, 1);
	if (err < 0)
		log_line(A10_LOG_WARNING, "pool %u: not unregistered: %s",
			 (unsigned int)pool->group, strerror(-err));
}

/* ---- making and ending --------------------------------------------------- */

/*
 * Without incremental buffers a large one would be used up by the first small
 * message, so the same memory is cut smaller: into 4 KiB, or the least that
 * needs no more buffers than a ring can have.
 */
static void pool_split(struct a10_pool *pool)
{
	const uint64_t total = (uint64_t)pool->count * pool->size;
	uint32_t count = pool->count;
	uint64_t pages;

	while (count < COUNT_MAX && (uint64_t)count * SPLIT_SIZE < total)
		count *= 2;
	pages = (total - 1) / ((uint64_t)count * SPLIT_SIZE) + 1;
	pool->count = count;
	pool->size = (uint32_t)pages * SPLIT_SIZE;
}

static int pool_check(const struct a10_ring *ring, uint32_t count,
		      uint32_t size, uint32_t flags)
{
	if (count == 0 || count > COUNT_MAX || (count & (count - 1)) != 0)
		return -EINVAL;
	if (size == 0 || size > A10_LENGTH_MAX ||
	    (uint64_t)count * size > MEMORY_MAX)
		return -EINVAL;
	if (flags & ~A10_POOL_INCREMENTAL)
		return -EINVAL;
	return ring_registrable(ring);
}

struct a10_pool *pool_new(struct a10_ring *ring, uint32_t count, uint32_t size)
{
	struct a10_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->sq = a10_sq_ref(&ring->sq);
	pool->count = count;
	pool->size = size;
	atomic_init(&pool->references, 1);
	return pool;
}

void pool_link(struct a10_ring *ring, struct a10_pool *pool)
{
	pthread_mutex_lock(&lists_lock);
	pool->next = ring->pools.first;
	ring->pools.first = pool;
	pthread_mutex_unlock(&lists_lock);
}

int a10_pool_create(struct a10_ring *ring, uint32_t count, uint32_t size,
		    uint32_t flags, struct a10_pool **ret_pool)
{
	struct a10_pool *pool;
	int err;

	err = pool_check(ring, count, size, flags);
	if (err < 0)
		return err;
	pool = pool_new(ring, count, size);
	if (!pool)
		return -ENOMEM;
	if (flags & A10_POOL_INCREMENTAL) {
		pool->incremental = ring->grant.incremental;
		if (!pool->incremental && size > SPLIT_SIZE)
			pool_split(pool);
	}
	err = pool_allocate(pool);
	if (err < 0)
		goto free_pool;
	ring_fill(pool);
	err = pool_register(ring, pool);
	if (err < 0)
		goto free_pool;
	pool_link(ring, pool);
	*ret_pool = pool;
	return 0;

free_pool:
	pool_free(pool);
	return err;
}

static void pool_unlink(struct a10_ring *ring, struct a10_pool *pool)
{
	struct a10_pool **link = &ring->pools.first;

	while (*link && *link != pool)
		link = &(*link)->next;
	check(*link == pool);
	*link = pool->next;
}

/* All but the last reference. loan.h says in which order, and why. */
static void pool_close(struct a10_ring *ring, struct a10_pool *pool,
		       bool inherited)
{
	/* A lock of the parent's may be held for ever in a child. */
	if (!inherited)
		pthread_mutex_lock(&lists_lock);
	pool_unlink(ring, pool);
	if (!inherited)
		pthread_mutex_unlock(&lists_lock);
	/* Of one whose owner is gone nobody else may; its close does it. */
	if (!inherited && !ring->abandoned)
		pool_unregister(ring, pool);
	pool->closed = true;
	refill_close(ring, pool);
	atomic_fetch_add_explicit(&pool->references, pool->lent + pool->held,
				  memory_order_relaxed);
	atomic_fetch_sub_explicit(&pool->references,
				  loans_collect(ring, pool, LOANS_CLOSED),
				  memory_order_relaxed);
}

void a10_pool_destroy(struct a10_pool *pool)
{
	struct a10_ring *ring;
	bool inherited;

	if (!pool)
		return;
	ring = ring_of(pool->sq);
	check_use(ring_registrable(ring) != -EPERM, NOT_THE_OWNER);
	inherited = sq_is_inherited(pool->sq);
	pool_close(ring, pool, inherited);
	if (!inherited)
		ring_pool_closed(ring, pool);
	pool_unref(pool, 1);
}

void pools_finish(struct a10_ring *ring, bool inherited)
{
	while (ring->pools.first) {
		struct a10_pool *pool = ring->pools.first;

		pool_close(ring, pool, inherited);
		pool_unref(pool, 1);
	}
}

/* ---- who uses it --------------------------------------------------------- */

static bool list_has(const struct a10_ring *ring, const struct a10_pool *pool)
{
	const struct a10_pool *other = ring->pools.first;

	while (other && other != pool)
		other = other->next;
	return other;
}

bool pool_is_usable(const struct a10_pool *pool, const struct a10_ring *ring)
{
	bool found;

	if (likely(sq_is_mine(&ring->sq)))
		return list_has(ring, pool);
	pthread_mutex_lock(&lists_lock);
	found = list_has(ring, pool);
	pthread_mutex_unlock(&lists_lock);
	return found;
}

int pool_hold(struct a10_pool *pool, struct a10_ring *ring)
{
	int err = -ENXIO;

	if (likely(sq_is_mine(&ring->sq))) {
		if (!list_has(ring, pool))
			return -ENXIO;
		pool->held++;
		return 0;
	}
	pthread_mutex_lock(&lists_lock);
	if (atomic_load_explicit(&ring->sq.closed, memory_order_relaxed)) {
		err = -ESHUTDOWN;
	} else if (list_has(ring, pool)) {
		/* Under the lock it is open: the owner's own counts. */
		atomic_fetch_add_explicit(&pool->references, 1,
					  memory_order_relaxed);
		err = 0;
	}
	pthread_mutex_unlock(&lists_lock);
	return err;
}

void pool_drop(struct a10_pool *pool)
{
	if (likely(sq_is_mine(pool->sq)) && !pool->closed)
		pool->held--;
	else
		pool_unref(pool, 1);
}

uint16_t pool_group(const struct a10_pool *pool)
{
	return pool->group;
}

bool pool_is_incremental(const struct a10_pool *pool)
{
	return pool->incremental;
}

/*
 * Its place is not written again before it is given back, for there are as many
 * places as buffers.
 */
uint16_t pool_next(const struct a10_pool *pool, uint16_t id)
{
	const uint32_t place = pool->buffers[id].place + 1u;
	const uint16_t next = pool->ring[place & (pool->count - 1)].bid;

	check(next < pool->count);
	return next;
}

uint32_t a10_pool_available(const struct a10_pool *pool)
{
	check_owner(pool->sq);
	return pool->available;
}

int a10_pool_left(const struct a10_pool *pool)
{
	struct uring_buf_status status = { .buf_group = pool->group };
	struct a10_ring *ring = ring_of(pool->sq);
	int err = ring_registrable(ring);

	if (err == 0 && pool->refill)
		return -EOPNOTSUPP;
	if (err == 0)
		err = ring->calls->control(
			ring->backend, URING_REGISTER_PBUF_STATUS, &status, 1);
	/* Of 6.8, which knows how to install a descriptor. */
	if (err == -EINVAL && !ring_knows(ring, URING_OP_FIXED_FD_INSTALL))
		return -EOPNOTSUPP;
	return err < 0 ? err : (uint16_t)(pool->tail - status.head);
}

uint32_t a10_pool_buffer_size(const struct a10_pool *pool)
{
	return pool->size;
}
