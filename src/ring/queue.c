/*
 * Slots wait here until poll or flush writes their requests into the submission
 * queue: so an operation can be submitted when the queue is full, before there
 * is an owner or while the ring is disabled, be restarted, and be cancelled
 * without the backend ever seeing it.
 *
 * When nothing waits, the owner's plain path writes its request into the queue
 * at once (ring.window says how many it may). The backend does not know of it
 * until the tail is published, by poll or flush, so it can still be taken back.
 */
#include "base/memory.h"
#include "ring/accept.h"
#include "ring/bundle.h"
#include "ring/life.h"

#include <poll.h>

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
 * By words: a wider load of what was just stored in words would have to wait.
 */
static inline void request_copy(struct uring_sqe *sqe,
				const struct a10_request *request)
{
	const raw_word *from = (const raw_word *)(const void *)request;
	volatile raw_word *to = (volatile raw_word *)(void *)sqe;

	for (int i = 0; i < 8; i++)
		to[i] = from[i];
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

/* A regular descriptor for a direct one of the request's: the first there is. */
static void request_install(struct uring_sqe *sqe,
			    const struct a10_request *request)
{
	struct a10_request install = {
		.opcode = URING_OP_FIXED_FD_INSTALL,
		.flags = URING_SQE_FIXED_FILE,
		.fd = request->flags & URING_SQE_FIXED_FILE ? request->fd :
							      request->index,
		.user_data = request->user_data,
	};

	request_copy(sqe, &install);
}

/* Nothing: only its turn is waited for. */
static void request_turn(struct uring_sqe *sqe,
			 const struct a10_request *request)
{
	struct a10_request turn = {
		.opcode = URING_OP_NOP,
		.fd = -1,
		.user_data = request->user_data,
	};

	request_copy(sqe, &turn);
}

/* What a drained operation is known by: of a chain its first. */
static uint32_t drain_of(struct a10_ring *ring, const struct slot *slot)
{
	const uint32_t index = slot_index(slot);

	return slot->flags & SLOT_CHAIN ? cold_at(ring, index)->chain_first :
					  index;
}

/* Behind another member, which has to be over first. */
static bool waits_in_chain(struct a10_ring *ring, const struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	return slot->flags & SLOT_CHAIN &&
	       cold_at(ring, cold->chain_first)->chain_turn != slot_index(slot);
}

static bool waits_for_child(struct a10_ring *ring, const struct slot *slot)
{
	return request_at(ring, slot_index(slot))->opcode == URING_OP_WAITID &&
	       slot->opcode != OP_RAW;
}

/* What only some need on their way to the kernel. */
static void slot_start_special(struct a10_ring *ring, struct slot *slot,
			       struct uring_sqe *sqe)
{
	if (slot->step == STEP_TURN) {
		request_turn(sqe, request_at(ring, slot_index(slot)));
	} else if (slot->step == STEP_READY) {
		request_ready(sqe, request_at(ring, slot_index(slot)),
			      op_row(slot->opcode));
		/* Of a child it is the descriptor that stands for it. */
		if (waits_for_child(ring, slot))
			sqe->fd = cold_at(ring, slot_index(slot))->cell;
	} else if (slot->step == STEP_INSTALL) {
		request_install(sqe, request_at(ring, slot_index(slot)));
	} else if (slot->marks & MARK_ORDERED) {
		bundle_gather(ring, slot, sqe);
	}
	if (slot->opcode == A10_OPCODE_ACCEPT &&
	    accept_is_hurried(ring, request_at(ring, slot_index(slot)))) {
		sqe->ioprio &= (uint16_t)~URING_ACCEPT_DONTWAIT;
		slot_pause(ring, slot);
		ring->cancels_wait = true; /* one turn more */
	}
	if (slot->flags & SLOT_COLD &&
	    cold_at(ring, slot_index(slot))->flags & A10_WITH_TIMEOUT &&
	    !(slot->marks & MARK_ARMED) && !waits_in_chain(ring, slot))
		timer_progress(ring, slot);
	sqe->flags &= (uint8_t)~URING_SQE_IO_DRAIN;
	if (is_bell(slot))
		ring->bells++;
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
}

/* The plain path has not kept what is the same in all its requests. */
static void request_complete(struct slot *slot, struct a10_request *request)
{
	slot->flags &= (uint8_t)~SLOT_SHORT;
	request->user_data = id_plain(slot->id);
	request->buffer = 0;
	request->personality = 0;
	request->index = 0;
	request->address3 = 0;
	request->reserved = 0;
}

void request_rest(struct a10_ring *ring, const struct slot *slot,
		  struct uring_sqe *sqe)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));
	const char *bytes;

	memset(sqe + 1, 0, sizeof(*sqe));
	if (op_row(slot->opcode)->capture != CAPTURE_COMMAND)
		return;
	bytes = capture_data(cold->captured);
	memcpy(sqe + 1, bytes + COMMAND_SMALL, COMMAND_SIZE - COMMAND_SMALL);
}

struct uring_sqe *slot_start(struct a10_ring *ring, struct slot *slot)
{
	struct uring_sqe *sqe = sqe_at(ring, ring->tail);

	if (unlikely(slot->flags & SLOT_SHORT))
		request_complete(slot, request_at(ring, slot_index(slot)));
	request_copy(sqe, request_at(ring, slot_index(slot)));
	if (unlikely(ring->sqe_shift))
		request_rest(ring, slot, sqe);
	slot->state = SLOT_RUNNING;
	slot->next = ring->tail++;
	if (unlikely(slot->flags | slot->step))
		slot_start_special(ring, slot, sqe);
	else if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
	return sqe;
}

uint32_t queue_room(const struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;
	/*
	 * Acquire: pairs with the kernel's release when it has read a request.
	 */
	const uint32_t head =
		atomic_load_explicit(view->sq_head, memory_order_acquire);

	check(ring->tail - head <= view->sq_entries);
	return view->sq_entries - (ring->tail - head);
}

void window_open(struct a10_ring *ring)
{
	/* A cancel that found no room must find it before others do. */
	if (queue_is_empty(ring) && ring->drains == 0 && !ring->slow &&
	    !ring->cancels_wait && !ring->kernel_thread)
		ring->window = ring->tail + queue_room(ring);
	else
		ring->window = ring->tail;
}

/* All that is written so far becomes the backend's. */
static void queue_publish(struct a10_ring *ring)
{
	ring->running += ring->tail - ring->published;
	ring->published = ring->tail;
	KERNEL_TAKES();
	/* Release: pairs with the kernel's acquire of tail. */
	atomic_store_explicit(ring->view.sq_tail, ring->tail,
			      memory_order_release);
}

bool queue_withdraw(struct a10_ring *ring, struct slot *slot)
{
	struct uring_sqe *sqe = sqe_at(ring, slot->next);

	if (slot->next - ring->published >= ring->tail - ring->published ||
	    sqe->user_data != id_plain(slot->id))
		return false;
	/* Its place is taken; what stands there now is nothing to anybody. */
	*sqe = (struct uring_sqe){
		.opcode = URING_OP_NOP,
		.fd = -1,
		.user_data = TAG_NOBODY,
	};
	ring->running--;
	return true;
}

/* It was to end before it began. A close begins all the same. */
static bool is_over_before(const struct slot *slot)
{
	return slot->marks & (MARK_ENDING | MARK_DETACH) &&
	       !(slot->flags & SLOT_CHAIN) && !is_unstoppable(slot);
}

static bool is_drained(struct a10_ring *ring, const struct slot *slot)
{
	return request_at(ring, slot_index(slot))->flags & URING_SQE_IO_DRAIN;
}

/*
 * IO_DRAIN is kept here, not in the kernel: there the library's own poll, which
 * never ends, would hold up a drained operation for ever, and cancel requests
 * would queue up behind it. Whether the first in the queue has to wait: it is
 * drained and others run, or a drained one runs.
 */
static bool is_held(struct a10_ring *ring)
{
	const struct slot *first;

	if (likely(ring->drains == 0) || ring->queue_first == NO_SLOT)
		return false;
	first = slot_at(ring, ring->queue_first);
	if (ring->draining != NO_SLOT)
		return drain_of(ring, first) != ring->draining;
	if (!is_drained(ring, first) || is_over_before(first))
		return false;
	/* Others may have started what the owner has not heard of. */
	if (ring->kernel_thread && inbox_has_submissions(ring))
		return true;
	return ring->running + ring->away + (ring->tail - ring->published) >
	       ring->bells;
}

void drain_over(struct a10_ring *ring, struct slot *slot)
{
	ring->drains--;
	if (ring->draining == drain_of(ring, slot))
		ring->draining = NO_SLOT;
}

bool queue_can_move(const struct a10_ring *ring)
{
	return ring->cancels_wait ||
	       (!queue_is_empty(ring) &&
		!is_held((struct a10_ring *)(uintptr_t)ring));
}

static void queue_push_first(struct a10_ring *ring, struct slot *slot,
			     uint32_t *link)
{
	slot->state = SLOT_QUEUED;
	slot->next = *link;
	if (slot->next == NO_SLOT)
		ring->queue_link = &slot->next;
	*link = slot_index(slot);
	ring->window = ring->tail;
}

void queue_push_again(struct a10_ring *ring, struct slot *slot)
{
	uint32_t *link = &ring->queue_first;

	if (likely(ring->drains == 0)) {
		queue_push(ring, slot);
		return;
	}
	/* It began before what is drained, but for the one that drains. */
	if (*link != NO_SLOT && ring->draining != NO_SLOT &&
	    drain_of(ring, slot_at(ring, *link)) == ring->draining)
		link = &slot_at(ring, *link)->next;
	queue_push_first(ring, slot, link);
}

/* The first in the queue into the kernel's; false: no room for it. */
static bool queue_start_first(struct a10_ring *ring)
{
	struct slot *slot = slot_at(ring, ring->queue_first);

	if (unlikely(is_over_before(slot))) {
		queue_pop(ring, slot);
		slot_finish(ring, slot, slot_reason(slot, 0));
		return true;
	}
	if (queue_room(ring) == 0)
		return false;
	queue_pop(ring, slot);
	if (unlikely(is_drained(ring, slot)))
		ring->draining = drain_of(ring, slot);
	if (!(slot->flags & SLOT_CHAIN)) {
		slot_start(ring, slot);
		return true;
	}
	if (chain_fill(ring, slot))
		return true;
	queue_push_first(ring, slot, &ring->queue_first);
	return false;
}

/* As long as there is nothing special about the first in the queue. */
static void queue_start_plain(struct a10_ring *ring)
{
	uint32_t room = queue_room(ring), index = ring->queue_first;

	while (index != NO_SLOT && room > 0) {
		struct slot *slot = slot_at(ring, index);

		if (unlikely(slot->marks | (slot->flags & SLOT_CHAIN)))
			break;
		index = slot->next;
		slot_start(ring, slot);
		room--;
	}
	ring->queue_first = index;
	if (index == NO_SLOT)
		ring->queue_link = &ring->queue_first;
}

/* What was cancelled is not held up by what is before it. */
static void queue_sweep(struct a10_ring *ring)
{
	uint32_t *link = &ring->queue_first;

	ring->queue_dirty = false;
	while (*link != NO_SLOT) {
		struct slot *slot = slot_at(ring, *link);
		const bool chain = slot->flags & SLOT_CHAIN;

		if (chain ? !is_ending(slot) : !is_over_before(slot)) {
			link = &slot->next;
			continue;
		}
		*link = slot->next;
		if (chain)
			chain_fill(ring, slot); /* which withdraws it */
		else
			slot_finish(ring, slot, slot_reason(slot, 0));
	}
	ring->queue_link = link;
}

void queue_fill(struct a10_ring *ring)
{
	uint32_t tail;

	if (unlikely(ring->kernel_thread))
		start_take(ring);
	tail = ring->tail;
	if (unlikely(ring->cancels != NO_SLOT))
		cancels_fill(ring);
	while (unlikely(ring->queue_first != NO_SLOT)) {
		if (likely(ring->drains == 0))
			queue_start_plain(ring);
		if (likely(ring->queue_first == NO_SLOT) || is_held(ring) ||
		    !queue_start_first(ring))
			break;
	}
	if (unlikely(ring->queue_dirty))
		queue_sweep(ring);
	queue_publish(ring);
	/* The tail may have gone past the window, which it must not. */
	if (ring->tail != tail)
		window_open(ring);
	if (unlikely(ring->kernel_thread)) {
		ring->window = ring->tail;
		start_give(ring);
	}
}
