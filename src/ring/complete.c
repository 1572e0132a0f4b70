/*
 * What comes back from the backend. Completions are copied out and the head is
 * published before anything is delivered: a callback may submit and cancel, and
 * must not find the queue half read; a slot can have several in a batch; and
 * the kernel has room again while callbacks run.
 */
#include "buf/pool.h"
#include "ring/life.h"
#include "ring/orphan.h"

#include <errno.h>

#include "base/log.h"
#include "base/memory.h"

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
char kernel_order;
#endif

/*
 * count of 16 bytes, one behind the other. The slot of an id is at its lower
 * half times two, less what the tag adds: that is the same line.
 */
static inline void copy_small(struct completion *to, const raw_word *cqe,
			      uint32_t count, const struct slot *slots)
{
	const raw_word *end = cqe + (size_t)count * 2;
	const uintptr_t line = (uintptr_t)slots;

	_Static_assert(sizeof(*slots) == 2 * (ID_TAG_MASK + 1), "id_slot");
	for (; cqe != end; cqe += 2, to++) {
		const size_t at = (uint32_t)cqe[0];

		memcpy(to, cqe, sizeof(*to));
		__builtin_prefetch((const void *)(line + 2 * at));
	}
}

/* The same of 32 bytes, whose second half is kept beside. */
static void copy_large(struct a10_ring *ring, uint32_t at, const raw_word *cqe,
		       uint32_t count)
{
	for (; count > 0; count--, at++, cqe += 4) {
		memcpy(&ring->batch[at], cqe, sizeof(ring->batch[at]));
		memcpy(ring->batch_extra[at], cqe + 2,
		       sizeof(ring->batch_extra[at]));
	}
}

/* Some that do not wrap, into the batch from at on. */
static inline void copy_span(struct a10_ring *ring, uint32_t at, uint32_t head,
			     uint32_t count)
{
	const struct backend_view *view = &ring->view;
	const size_t index = head & (view->cq_entries - 1);
	const void *cqe = view->cqes + (index << view->cqe_shift);

	if (likely(view->cqe_shift == 4))
		copy_small(&ring->batch[at], cqe, count, ring->sq.slots);
	else
		copy_large(ring, at, cqe, count);
}

/* At most COMPLETION_BATCH into ring.batch. */
static uint32_t completions_copy(struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	/* Acquire: pairs with the kernel's release of a completion. */
	const uint32_t tail =
		atomic_load_explicit(view->cq_tail, memory_order_acquire);
	const uint32_t head =
		atomic_load_explicit(view->cq_head, memory_order_relaxed);
	const uint32_t left =
		view->cq_entries - (head & (view->cq_entries - 1));
	/* Indexes run free and wrap: two can differ, none is the greater. */
	uint32_t count = tail - head;

	check(count <= view->cq_entries);
	KERNEL_GIVES();
	if (count > COMPLETION_BATCH)
		count = COMPLETION_BATCH;
	copy_span(ring, 0, head, count < left ? count : left);
	if (unlikely(count > left))
		copy_span(ring, left, head + left, count - left);
	/* Release: pairs with the kernel's acquire before it writes again. */
	atomic_store_explicit(view->cq_head, head + count,
			      memory_order_release);
	return count;
}

static void completion_special(struct a10_ring *ring,
			       const struct completion *completion)
{
	const uint64_t id = completion->user_data;
	struct slot *slot;

	if (id & ID_TAG_MASK) {
		if ((id & ID_TAG_MASK) == TAG_CANCEL)
			cancel_answered(ring, id_plain(id), completion->res);
		else if ((id & ID_TAG_MASK) == TAG_ENTRY)
			tag_arrived(ring, id);
		return;
	}
	/* Another thread has asked the kernel to end it, and the owner before. */
	if (unlikely(ring->kernel_thread && completion->res < 0 &&
		     inbox_has_work(ring)))
		inbox_take(ring);
	slot = slot_find(ring, id);
	/* Another thread started it, and the owner has not heard of it yet. */
	if (unlikely(!slot) && ring->kernel_thread &&
	    id_slot(id) >= ring->sq.foreign_base) {
		inbox_admit_all(ring);
		slot = slot_find(ring, id);
	}
	if (!slot || slot->state != SLOT_RUNNING) {
		log_line(A10_LOG_DEBUG,
			 "a10: completion of an operation that is over: "
			 "id %llx, res %d",
			 (unsigned long long)id, completion->res);
		return;
	}
	if (!(completion->flags & URING_CQE_F_MORE)) {
		ring->running--;
		if (is_bell(slot))
			ring->bells--;
	}
	ring->live = id;
	ring->live_over = !(completion->flags & URING_CQE_F_MORE);
	if (slot->flags & SLOT_CHAIN)
		chain_completed(ring, slot, completion);
	else
		slot_completed(ring, slot, completion);
	ring->live = 0;
}

/* Nothing about it is special: it is over, and this is its result. */
static inline void completion_plain(struct a10_ring *ring, struct slot *slot,
				    const struct completion *completion)
{
	const uint64_t id = completion->user_data;
	struct a10_result *r = &ring->result;
	a10_done *done = slot->done;
	void *data = slot->data;

	ring->pending--;
	if (slot->descriptor)
		descriptor_unlink(ring, slot);
	/* slot_free, of one that is known to be the owner's. */
	slot->state = SLOT_FREE;
	slot->next = ring->free_first;
	slot->id = id + ID_GENERATION;
	if (likely((int64_t)slot->id > 0))
		ring->free_first = id_slot(id);
	else
		slot->state = SLOT_RETIRED;
	if (!done)
		return;
	r->value = completion->res;
	r->count = (size_t)completion->res;
	r->flags = completion->flags & URING_CQE_F_SOCK_NONEMPTY ?
			   A10_RESULT_NONEMPTY :
			   0;
	r->id = (a10_id)id;
	done(data, r);
}

/* Whether it is one for completion_plain; its slot if so, else NULL. */
static inline struct slot *completion_slot(struct a10_ring *ring,
					   const struct completion *completion)
{
	const uint64_t id = completion->user_data;
	const uint32_t index = id_slot(id);
	struct slot *slot = slot_at(ring, index);

	if (likely(index < ring->slots_used && slot->id == id &&
		   slot->state == SLOT_RUNNING && completion->res >= 0))
		return slot;
	return NULL;
}

/* Delivers ring.batch, from there on. */
static inline void completions_deliver(struct a10_ring *ring, uint32_t from,
				       uint32_t count)
{
	const struct completion *completion = ring->batch + from;
	const struct completion *end = ring->batch + count;
	uint32_t plain = count - from;

	ring->batch_count = count;
	for (; completion != end; completion++) {
		struct slot *slot = completion_slot(ring, completion);

		if (likely(slot)) {
			completion_plain(ring, slot, completion);
			continue;
		}
		plain--;
		/* It only lags on the plain path: less is known to be seen. */
		ring->batch_head = (uint32_t)(completion + 1 - ring->batch);
		completion_special(ring, completion);
	}
	ring->batch_head = count;
	ring->running -= plain;
	ring->delivered += plain;
}

uint32_t completions_take(struct a10_ring *ring)
{
	uint32_t total = 0, count;

	do {
		count = completions_copy(ring);
		ring->batch_head = 0;
		completions_deliver(ring, 0, count);
		total += count;
	} while (count == COMPLETION_BATCH && !sq_is_inherited(&ring->sq));
	return total;
}

/* Of what is left each is nobody's then; and no more of what runs now. */
void completions_forget(struct a10_ring *ring)
{
	struct slot *slot = ring->live ? slot_find(ring, ring->live) : NULL;

	for (uint32_t i = 0; i < ring->batch_count; i++)
		ring->batch[i].user_data = TAG_NOBODY;
	if (slot)
		slot->marks |= MARK_DETACH;
}

/* Whose callback it was that did not return, if that is not over yet. */
static void live_end(struct a10_ring *ring)
{
	struct slot *slot = ring->live ? slot_find(ring, ring->live) : NULL;

	ring->live = 0;
	if (!slot)
		return;
	if (slot->flags & SLOT_CHAIN)
		chain_resume(ring, slot);
	else if (slot->state == SLOT_RUNNING && ring->live_over)
		slot_finish(ring, slot, -ECANCELED);
}

static size_t count_running(struct a10_ring *ring, uint32_t from, uint32_t to)
{
	size_t count = 0;

	for (; from < to; from++)
		count += slot_at(ring, from)->state == SLOT_RUNNING;
	return count;
}

/*
 * Of what was delivered on the plain path since batch_head the ids are stale,
 * and are passed over; but running was not told of it.
 */
void completions_resume(struct a10_ring *ring)
{
	live_end(ring);
	ring->running = count_running(ring, 1, slots_end(ring, false)) +
			count_running(ring, ring->sq.foreign_base,
				      slots_end(ring, true)) -
			(ring->tail - ring->published);
	completions_deliver(ring, ring->batch_head, ring->batch_count);
}
