/*
 * Slots wait here until poll or flush writes their requests into the submission
 * queue: so an operation can be submitted when the queue is full, before there is
 * an owner or while the ring is disabled, be restarted, and be cancelled without
 * the backend ever seeing it.
 */
#include "ring/life.h"

#include <poll.h>

void queue_push(struct a10_ring *ring, struct slot *slot)
{
	slot->state = SLOT_QUEUED;
	slot->next = NO_SLOT;
	*ring->queue_link = slot_index(slot);
	ring->queue_link = &slot->next;
}

bool queue_is_empty(const struct a10_ring *ring)
{
	return ring->queue_first == NO_SLOT;
}

static void queue_pop(struct a10_ring *ring, struct slot *slot)
{
	ring->queue_first = slot->next;
	if (ring->queue_first == NO_SLOT)
		ring->queue_link = &ring->queue_first;
}

/*
 * By words: a wider load of what was just stored in words would have to wait for
 * the stores to reach the cache.
 */
static inline void request_copy(struct uring_sqe *sqe,
				const struct a10_request *request)
{
	const uint64_t *from = (const uint64_t *)(const void *)request;
	volatile uint64_t *to = (volatile uint64_t *)(void *)sqe;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
	to[4] = from[4];
	to[5] = from[5];
	to[6] = from[6];
	to[7] = from[7];
}

/* Until the descriptor is ready for what the request wants of it. */
static void request_ready(struct uring_sqe *sqe,
			  const struct a10_request *request,
			  const struct op_row *row)
{
	struct a10_request ready = {
		.opcode = URING_OP_POLL_ADD,
		.flags = request->flags & URING_SQE_FIXED_FILE,
		.fd = request->fd,
		.op_flags = row->direction == READY_OUT ? POLLOUT : POLLIN,
		.user_data = request->user_data,
	};

	request_copy(sqe, &ready);
}

/* What only some need on their way to the kernel. */
static void slot_start_special(struct a10_ring *ring, struct slot *slot,
			       struct uring_sqe *sqe)
{
	if (slot->step == STEP_READY)
		request_ready(sqe, request_at(ring, slot_index(slot)),
			      op_row(slot->opcode));
	if (slot->flags & SLOT_COLD &&
	    cold_at(ring, slot_index(slot))->flags & A10_WITH_TIMEOUT &&
	    !(slot->marks & MARK_ARMED))
		timer_progress(ring, slot);
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
}

void slot_start(struct a10_ring *ring, struct slot *slot,
		struct uring_sqe *sqe)
{
	request_copy(sqe, request_at(ring, slot_index(slot)));
	slot->state = SLOT_RUNNING;
	ring->running++;
	if (unlikely(slot->flags | slot->step))
		slot_start_special(ring, slot, sqe);
	else if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
}

uint32_t queue_room(const struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	const uint32_t tail = atomic_load_explicit(view->sq_tail,
						   memory_order_relaxed);
	/* Acquire: pairs with the kernel's release when it has read a request. */
	const uint32_t head = atomic_load_explicit(view->sq_head,
						   memory_order_acquire);

	check(tail - head <= view->sq_entries);
	return view->sq_entries - (tail - head);
}

void queue_fill(struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	uint32_t room, tail;

	if (unlikely(ring->cancels != NO_SLOT))
		cancels_fill(ring);
	room = queue_room(ring);
	tail = atomic_load_explicit(view->sq_tail, memory_order_relaxed);
	while (ring->queue_first != NO_SLOT) {
		struct slot *slot = slot_at(ring, ring->queue_first);

		if (unlikely(slot->marks & (MARK_ENDING | MARK_DETACH)) &&
		    !(slot->flags & SLOT_CHAIN)) {
			queue_pop(ring, slot);
			slot_finish(ring, slot, slot_reason(slot, 0));
			continue;
		}
		if (unlikely(slot->flags & SLOT_CHAIN)) {
			/* Release: pairs with the kernel's acquire of tail. */
			atomic_store_explicit(view->sq_tail, tail,
					      memory_order_release);
			queue_pop(ring, slot);
			if (!chain_fill(ring, slot)) {
				slot->next = ring->queue_first;
				if (slot->next == NO_SLOT)
					ring->queue_link = &slot->next;
				ring->queue_first = slot_index(slot);
				return;
			}
			room = queue_room(ring);
			tail = atomic_load_explicit(view->sq_tail,
						    memory_order_relaxed);
			continue;
		}
		if (room == 0)
			break;
		queue_pop(ring, slot);
		slot_start(ring, slot,
			   &view->sqes[tail & (view->sq_entries - 1)]);
		tail++;
		room--;
	}
	/* Release: pairs with the kernel's acquire of tail. */
	atomic_store_explicit(view->sq_tail, tail, memory_order_release);
}
