/*
 * What comes back from the backend. Completions are copied out and the head is
 * published before anything is delivered: a callback may submit and cancel, and
 * must not find the queue half read; a slot can have several in a batch; and the
 * kernel has room again while callbacks run.
 */
#include "ring/life.h"

#include "base/log.h"

/* At most COMPLETION_BATCH into ring.batch. */
static uint32_t completions_copy(struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	/* Acquire: pairs with the kernel's release of a completion. */
	const uint32_t tail = atomic_load_explicit(view->cq_tail,
						   memory_order_acquire);
	uint32_t head = atomic_load_explicit(view->cq_head,
					     memory_order_relaxed);
	const uint32_t mask = view->cq_entries - 1;
	uint32_t count = 0;

	check(tail - head <= view->cq_entries);
	/* Indexes run free and wrap: two can differ, none is the greater. */
	for (; head != tail && count < COMPLETION_BATCH; head++) {
		const void *at = view->cqes +
				 ((size_t)(head & mask) << view->cqe_shift);
		const struct uring_cqe *cqe = at;
		struct completion *completion = &ring->batch[count];

		completion->user_data = cqe->user_data;
		completion->res = cqe->res;
		completion->flags = cqe->flags;
		if (unlikely(view->cqe_shift == 5))
			memcpy(completion->extra, cqe + 1,
			       sizeof(completion->extra));
		if (likely(!(completion->flags & URING_CQE_F_SKIP)))
			count++;
		__builtin_prefetch(slot_at(ring, id_slot(cqe->user_data)));
	}
	/* Release: pairs with the kernel's acquire before it writes again. */
	atomic_store_explicit(view->cq_head, head, memory_order_release);
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
		return;
	}
	slot = slot_find(ring, id);
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
			ring->bells = 0;
	}
	if (slot->flags & SLOT_CHAIN)
		chain_completed(ring, slot, completion);
	else
		slot_completed(ring, slot, completion);
}

/* Nothing about it is special: it is over, and this is its result. */
static inline void completion_plain(struct a10_ring *ring, struct slot *slot,
				    const struct completion *completion)
{
	struct a10_result *r = &ring->result;
	a10_done *done = slot->done;
	void *data = slot->data;

	ring->running--;
	ring->pending--;
	ring->delivered++;
	if (slot->descriptor)
		descriptor_unlink(ring, slot);
	slot_free(ring, slot);
	if (!done)
		return;
	r->value = completion->res;
	r->count = (size_t)completion->res;
	r->flags = completion->flags & URING_CQE_F_SOCK_NONEMPTY ?
			   A10_RESULT_NONEMPTY : 0;
	r->id = (a10_id)completion->user_data;
	done(data, r);
}

static inline void completion_deliver(struct a10_ring *ring,
				      const struct completion *completion)
{
	const uint64_t id = completion->user_data;
	const uint32_t index = id_slot(id);

	if (likely(index < ring->slots_used)) {
		struct slot *slot = slot_at(ring, index);

		if (likely(slot->id == id && slot->state == SLOT_RUNNING &&
			   completion->res >= 0)) {
			completion_plain(ring, slot, completion);
			return;
		}
	}
	completion_special(ring, completion);
}

uint32_t completions_take(struct a10_ring *ring)
{
	uint32_t total = 0, count;

	do {
		count = completions_copy(ring);
		ring->batch_count = count;
		for (ring->batch_head = 0; ring->batch_head < count;)
			completion_deliver(ring,
					   &ring->batch[ring->batch_head++]);
		total += count;
	} while (count == COMPLETION_BATCH);
	return total;
}
