/*
 * The life of a slot, and the calls that make each move.
 *
 *            queue_push                 slot_start
 *   FREE ------------------> QUEUED ------------------> RUNNING
 *    ^ |                      ^  |    slot_restart        |  |
 *    | |                      |  | <----------------------+  |
 *    | | slot_park            |  |                           |
 *    | +-----------> PARKED --+  | slot_finish               |
 *    |                 | slot_   |  (ended before it ran)    |
 *    |                 | restart |                           |
 *    |     slot_finish v         v                           |
 *    +------------- FINISHED <---+                           |
 *    |  slot_deliver                                         |
 *    +-------------------------------------------------------+
 *       slot_deliver, completion_plain
 *
 * Besides: FREE to RUNNING is a10_sq_submit_words, which writes the request at
 * once; RUNNING to PARKED is slot_park, for buffers, a later try or the rest of
 * a chain; RUNNING to FINISHED is what queue_withdraw took back in time;
 * FINISHED to PARKED is a scope_wait whose scope is not empty after all; and
 * slot_free_special leaves RETIRED behind.
 *
 *  QUEUED    described and captured; the backend has not seen it.
 *  RUNNING   the backend may read the request and touch its buffers.
 *  PARKED    waits for what is not the backend's: a time, buffers, an order.
 *  FINISHED  its value is known; delivered at the next turn of poll.
 *
 * A cancel, a detach and a passed deadline are marks, not states: they say how
 * a slot leaves its state, never where it is.
 *
 * Slots lie in one reservation of address space each for hot part, request and
 * cold part, of which memory is taken in steps: they never move, and twelve
 * million of the owner's have room. The lower part is the owner's, with a plain
 * free list. The upper part is the other threads': they pop free ones from a
 * list whose head has a tag against reuse, and the owner gives back what it has
 * delivered.
 */
#include "ring/life.h"

#include <errno.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RESERVED_SLOTS (1u << 20) /* their shadow must not grow too large */
#else
#define RESERVED_SLOTS (1u << 24)
#endif
#define RESERVED_LEAST (1u << 14)
#define SLOT_STEP      1024u

static void *reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* A huge page would cost an idle ring 2 MiB; not having it is fine. */
	(void)madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

static void unreserve(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

static void slots_unmap(struct a10_sq *sq, uint32_t count)
{
	unreserve(sq->slots, count * sizeof(*sq->slots));
	unreserve(sq->requests, count * sizeof(*sq->requests));
	unreserve(sq->colds, count * sizeof(*sq->colds));
	sq->slots = NULL;
	sq->requests = NULL;
	sq->colds = NULL;
}

int slots_init(struct a10_sq *sq)
{
	uint32_t count = RESERVED_SLOTS;

	/* RLIMIT_AS may not allow the largest; fewer slots still serve. */
	for (; count >= RESERVED_LEAST; count /= 4) {
		sq->slots = reserve(count * sizeof(*sq->slots));
		sq->requests = reserve(count * sizeof(*sq->requests));
		sq->colds = reserve(count * sizeof(*sq->colds));
		if (sq->slots && sq->requests && sq->colds) {
			sq->slot_limit = count;
			sq->foreign_base = count / 4 * 3;
			return 0;
		}
		slots_unmap(sq, count);
	}
	return -ENOMEM;
}

void slots_finish(struct a10_sq *sq)
{
	slots_unmap(sq, sq->slot_limit);
}

/* Memory for slots [from, to), whole steps. */
static int slots_commit(struct a10_sq *sq, uint32_t from, uint32_t to)
{
	const size_t count = to - from;

	if (mprotect(&sq->slots[from], count * sizeof(*sq->slots),
		     PROT_READ | PROT_WRITE) < 0 ||
	    mprotect(&sq->requests[from], count * sizeof(*sq->requests),
		     PROT_READ | PROT_WRITE) < 0 ||
	    mprotect(&sq->colds[from], count * sizeof(*sq->colds),
		     PROT_READ | PROT_WRITE) < 0)
		return -ENOMEM;
	return 0;
}

int slots_reserve(struct a10_ring *ring, uint32_t count)
{
	const uint32_t limit = ring->sq.foreign_base;
	uint32_t ready;
	int err;

	/* Slot 0 is none. */
	if (count >= limit)
		return -ENOMEM;
	ready = (count + 1 + SLOT_STEP - 1) / SLOT_STEP * SLOT_STEP;
	if (ready > limit)
		ready = limit;
	if (ready <= ring->slots_ready)
		return 0;
	err = slots_commit(&ring->sq, ring->slots_ready, ready);
	if (err < 0)
		return err;
	if (ring->slots_used == 0) {
		/* Slot 0 is none, and no completion may find it. */
		slot_at(ring, 0)->id = TAG_SPECIAL;
		ring->slots_used = 1;
	}
	ring->slots_ready = ready;
	/* Release: another thread may look at these slots from now on. */
	atomic_store_explicit(&ring->sq.owner_ready, ready,
			      memory_order_release);
	return 0;
}

uint32_t slot_take_fresh(struct a10_ring *ring)
{
	uint32_t index;

	if (ring->slots_used == ring->slots_ready &&
	    slots_reserve(ring, ring->slots_ready) < 0)
		return NO_SLOT;
	index = ring->slots_used++;
	slot_at(ring, index)->id = ID_GENERATION | (uint64_t)index << 5;
	return index;
}

void slot_free_special(struct a10_ring *ring, struct slot *slot, uint64_t id)
{
	const uint32_t index = id_slot(id);

	/* The next generation would be an old id again, or negative. */
	if (id >> 63) {
		slot->state = SLOT_RETIRED;
		return;
	}
	/* Given back together, once a poll: see foreign_slots_return. */
	slot->id = id;
	slot->state = SLOT_FREE;
	atomic_store_explicit(&slot->free_next, ring->foreign_done,
			      memory_order_relaxed);
	if (ring->foreign_done == NO_SLOT)
		ring->foreign_last = index;
	ring->foreign_done = index;
}

void foreign_slots_return(struct a10_ring *ring)
{
	if (likely(ring->foreign_done == NO_SLOT))
		return;
	foreign_slot_give(&ring->sq, ring->foreign_done, ring->foreign_last);
	ring->foreign_done = NO_SLOT;
}

void foreign_slot_give(struct a10_sq *sq, uint32_t first, uint32_t last)
{
	uint64_t head =
		atomic_load_explicit(&sq->foreign_free, memory_order_relaxed);
	uint64_t next;

	do {
		atomic_store_explicit(&sq->slots[last].free_next,
				      (uint32_t)head, memory_order_relaxed);
		next = ((head >> 32) + 1) << 32 | first;
		/* Release: pairs with the acquire in foreign_slot_take. */
	} while (!atomic_compare_exchange_weak_explicit(
		&sq->foreign_free, &head, next, memory_order_release,
		memory_order_relaxed));
}

static uint32_t foreign_slot_fresh(struct a10_sq *sq)
{
	uint32_t index = NO_SLOT, used;

	pthread_mutex_lock(&sq->foreign_lock);
	used = atomic_load_explicit(&sq->foreign_used, memory_order_relaxed);
	if (used == sq->foreign_ready) {
		const uint32_t from = sq->foreign_base + sq->foreign_ready;

		if (from + SLOT_STEP > sq->slot_limit ||
		    slots_commit(sq, from, from + SLOT_STEP) < 0)
			goto unlock;
		sq->foreign_ready += SLOT_STEP;
	}
	index = sq->foreign_base + used;
	sq->slots[index].id = ID_GENERATION | (uint64_t)index << 5;
	/* Release: pairs with the acquires in slots_end and is_slot_of. */
	atomic_store_explicit(&sq->foreign_used, used + 1,
			      memory_order_release);
unlock:
	pthread_mutex_unlock(&sq->foreign_lock);
	return index;
}

uint32_t foreign_slot_take(struct a10_sq *sq)
{
	/* Acquire: pairs with the release in foreign_slot_give. */
	uint64_t head =
		atomic_load_explicit(&sq->foreign_free, memory_order_acquire);

	while ((uint32_t)head != NO_SLOT) {
		const uint32_t index = (uint32_t)head;
		/* May be another's by now; then the tag has changed too. */
		const uint32_t rest = atomic_load_explicit(
			&sq->slots[index].free_next, memory_order_relaxed);
		const uint64_t next = ((head >> 32) + 1) << 32 | rest;

		if (atomic_compare_exchange_weak_explicit(
			    &sq->foreign_free, &head, next,
			    memory_order_acquire, memory_order_acquire))
			return index;
	}
	return foreign_slot_fresh(sq);
}

struct slot *slot_find(struct a10_ring *ring, uint64_t id)
{
	const uint32_t index = id_slot(id);
	struct slot *slot;

	if (index == NO_SLOT || id >> 63)
		return NULL;
	if (index < ring->sq.foreign_base) {
		if (index >= ring->slots_used)
			return NULL;
	} else if (index >= slots_end(ring, true)) {
		return NULL;
	}
	slot = slot_at(ring, index);
	if (id_plain(slot->id) != id_plain(id) || slot->state == SLOT_FREE ||
	    slot->state == SLOT_RETIRED)
		return NULL;
	return slot;
}

uint32_t slots_end(const struct a10_ring *ring, bool foreign)
{
	const struct a10_sq *sq = &ring->sq;

	if (!foreign)
		return ring->slots_used;
	/* Acquire: pairs with the release in foreign_slot_fresh. */
	return sq->foreign_base +
	       atomic_load_explicit(&sq->foreign_used, memory_order_acquire);
}
