/*
 * Chains. The kernel runs a chain that was submitted in one piece, each member
 * when the one before has succeeded in full. Here a chain is its members'
 * slots, linked, under the id of the first. What comes back is kept in its slot
 * until all before it has been delivered, so results are in order whatever the
 * kernel does.
 *
 *  QUEUED   is to run; the first such is in the queue and stands for the rest
 *  RUNNING  is with the kernel
 *  PARKED   is back: cold.value is what the kernel said
 *  FINISHED was delivered; slots are freed together, at the end
 *
 * A member that was short and is a10_all goes on: once all the others are back
 * (they were cancelled by the kernel, since it was short) the rest is queued
 * again, from that member on. A hard link would let the next one start although
 * such a member was short: there the kernel's chain ends, and the rest is
 * queued when the member is whole.
 */
#include "ring/life.h"
#include "ring/orphan.h"

#include <errno.h>

static struct slot *chain_first(struct a10_ring *ring, struct slot *slot)
{
	return slot_at(ring, cold_at(ring, slot_index(slot))->chain_first);
}

static struct slot *chain_after(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t next = cold_at(ring, slot_index(slot))->chain_next;

	return next == NO_SLOT ? NULL : slot_at(ring, next);
}

static void member_admit(struct a10_ring *ring, struct slot *slot,
			 uint32_t first)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	uint32_t descriptor;

	slot->id |= TAG_SPECIAL;
	slot->flags |= SLOT_CHAIN;
	slot->state = SLOT_QUEUED;
	cold->chain_first = first;
	if (slot->flags & SLOT_STARTED)
		cold_at(ring, first)->chain_running++;
	ring->pending++;
	if (op_row(request->opcode)->fd == FD_OPERAND) {
		descriptor =
			descriptor_of(ring, request->fd,
				      request->flags & URING_SQE_FIXED_FILE);
		if (descriptor)
			descriptor_join(ring, slot, descriptor);
	}
	timer_update(ring, slot);
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_SUBMIT, slot, 0);
}

/* Another thread has started it; of the time-outs only the first's counts. */
static void member_begun(struct a10_ring *ring, struct slot *slot,
			 const struct slot *first)
{
	slot->state = SLOT_RUNNING;
	slot->next = ring->published;
	ring->running++;
	if (slot == first &&
	    cold_at(ring, slot_index(slot))->flags & A10_WITH_TIMEOUT) {
		slot->marks |= MARK_ARMED;
		timer_update(ring, slot);
	}
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
}

void chain_admit(struct a10_ring *ring, struct slot *first)
{
	const uint32_t index = slot_index(first);
	struct cold *cold = cold_at(ring, index);
	struct slot *slot;
	bool drained = false;
	int err;

	cold->chain_turn = index;
	cold->chain_running = 0;
	cold->chain_redo = false;
	cold->chain_broken = false;
	for (slot = first; slot; slot = chain_after(ring, slot)) {
		member_admit(ring, slot, index);
		drained |= request_at(ring, slot_index(slot))->flags &
			   URING_SQE_IO_DRAIN;
		if (op_row(slot->opcode)->own != OWN_TIMEOUT)
			continue;
		err = timeout_request(ring, slot);
		if (err < 0)
			chain_cancel(ring, slot, MARK_CANCEL);
	}
	/* Of one member it is of all: the first stands for them. */
	if (drained) {
		request_at(ring, index)->flags |= URING_SQE_IO_DRAIN;
		ring->drains++;
	}
	if (!(first->flags & SLOT_STARTED)) {
		queue_push(ring, first);
		return;
	}
	for (slot = first; slot; slot = chain_after(ring, slot))
		member_begun(ring, slot, first);
}

/* The first that is with the kernel: it does not find those behind it. */
static void running_cancel(struct a10_ring *ring, struct slot *first)
{
	struct slot *member = first;

	while (member && member->state != SLOT_RUNNING)
		member = chain_after(ring, member);
	if (member && is_ending(member))
		slot_cancel_send(ring, member);
}

void chain_cancel(struct a10_ring *ring, struct slot *slot, uint16_t mark)
{
	struct slot *first = chain_first(ring, slot), *member;

	/* By the chain's id: it means the member whose turn it is. */
	if (slot->state == SLOT_FINISHED)
		slot = slot_at(ring,
			       cold_at(ring, slot_index(first))->chain_turn);
	for (member = first; member; member = chain_after(ring, member)) {
		if (member->state != SLOT_FINISHED &&
		    !(member->marks & MARK_ENDING))
			member->marks |= member == slot ? mark : MARK_CANCEL;
	}
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_CANCEL, first, 0);
	ring->queue_dirty = true;
	running_cancel(ring, first);
}

/* Nothing of it runs any more: what was queued is back as cancelled. */
static void chain_withdraw(struct a10_ring *ring, struct slot *slot)
{
	struct slot *member;

	for (member = slot; member; member = chain_after(ring, member)) {
		if (member->state != SLOT_QUEUED)
			continue;
		cold_at(ring, slot_index(member))->value = -ECANCELED;
		cold_at(ring, slot_index(member))->cqe_flags = 0;
		slot_park(ring, member, PARK_CHAIN);
	}
	/* Delivered later: this may be a flush, which delivers nothing. */
	slot_finish(ring, slot, -ECANCELED);
}

static bool is_hard(struct a10_ring *ring, const struct slot *slot)
{
	return request_at(ring, slot_index(slot))->flags &
	       URING_SQE_IO_HARDLINK;
}

/*
 * The kernel would start the next one before it is whole: it is hard-linked,
 * or its progress must be seen, so that it cannot be MSG_WAITALL.
 */
static bool ends_batch(struct a10_ring *ring, const struct slot *slot)
{
	const uint32_t with = cold_at(ring, slot_index(slot))->flags;

	return with & A10_WITH_ALL &&
	       (is_hard(ring, slot) ||
		(with & A10_WITH_TIMEOUT &&
		 op_row(slot->opcode)->nowait == NOWAIT_MSG));
}

/* Nothing after it is to run, as the kernel would have it. */
static bool breaks(struct a10_ring *ring, const struct slot *slot,
		   const struct a10_result *r)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	/* It did not run, for one before it failed; nor does the rest. */
	if (r->value == -ECANCELED)
		return true;
	return !is_hard(ring, slot) &&
	       (r->value < 0 || cold->bytes < cold->total);
}

bool chain_fill(struct a10_ring *ring, struct slot *slot)
{
	struct cold *first = cold_at(ring, slot_index(chain_first(ring, slot)));
	struct uring_sqe *sqe = NULL;
	struct slot *member;
	uint32_t count = 0;

	if (is_ending(slot)) {
		chain_withdraw(ring, slot);
		return true;
	}
	for (member = slot; member; member = chain_after(ring, member))
		count += member->state == SLOT_QUEUED;
	/* The queue has become shorter since it was submitted. */
	if (unlikely(count > ring->view.sq_entries)) {
		chain_withdraw(ring, slot);
		return true;
	}
	if (queue_room(ring) < count)
		return false;
	for (member = slot; member; member = chain_after(ring, member)) {
		if (member->state != SLOT_QUEUED)
			continue;
		sqe = slot_start(ring, member);
		first->chain_running++;
		if (!(sqe->flags & URING_SQE_IO_HARDLINK))
			sqe->flags |= URING_SQE_IO_LINK;
		if (ends_batch(ring, member))
			break;
	}
	/* A link on the last would tie it to what comes next, by a worker. */
	if (sqe)
		sqe->flags &=
			(uint8_t) ~(URING_SQE_IO_LINK | URING_SQE_IO_HARDLINK);
	return true;
}

/* What is back is the member's result; false: it has to go on. */
static bool member_is_over(struct a10_ring *ring, struct slot *slot,
			   struct a10_result *r)
{
	const uint32_t index = slot_index(slot);
	const struct op_row *row = op_row(slot->opcode);
	const struct cold *cold = cold_at(ring, index);
	const struct completion completion = {
		.res = (int32_t)cold->value,
		.flags = cold->cqe_flags & ~URING_NOTIF_USAGE_ZC_COPIED,
	};
	bool over;

	result_make(ring, slot, row, &completion, r);
	r->buf = cold->picked;
	if (cold->cqe_flags & URING_NOTIF_USAGE_ZC_COPIED &&
	    cold->flags & A10_WITH_ZERO_COPY)
		r->flags |= A10_RESULT_COPIED;
	if (r->value < 0 && is_ending(slot) && is_ended(r->value))
		r->value = (ssize_t)slot_reason(slot, r->value);
	if (r->value < 0 && !is_ending(slot) && is_interrupted(r->value))
		return false;
	over = !(cold->flags & A10_WITH_ALL) ||
	       !all_goes_on(ring, slot, row, r);
	if (over && ends_batch(ring, slot) && breaks(ring, slot, r))
		cold_at(ring, cold->chain_first)->chain_broken = true;
	return over;
}

/* The last was delivered: all slots, and what they own. */
static void chain_end(struct a10_ring *ring, struct slot *first)
{
	struct slot *slot = first;

	if (request_at(ring, slot_index(first))->flags & URING_SQE_IO_DRAIN)
		drain_over(ring, first);
	while (slot) {
		const struct cold *cold = cold_at(ring, slot_index(slot));
		const struct a10_buf owned_buf = cold->owned_buf;
		void (*release)(void *owned) = cold->release;
		const uint32_t with = cold->flags;
		void *owned = cold->owned;
		struct slot *next = chain_after(ring, slot);

		slot_free(ring, slot);
		if (with & A10_WITH_OWNED && release)
			release(owned);
		if (with & A10_WITH_OWNED_BUF)
			a10_buf_release(owned_buf);
		slot = next;
	}
}

/* It begins when the one before is over, and so does its time-out. */
static void member_arm(struct a10_ring *ring, struct slot *slot)
{
	if (cold_at(ring, slot_index(slot))->flags & A10_WITH_TIMEOUT &&
	    slot->state == SLOT_RUNNING && !(slot->marks & MARK_ARMED))
		timer_progress(ring, slot);
}

static void member_deliver(struct a10_ring *ring, struct slot *first,
			   struct slot *slot, struct a10_result *r)
{
	const uint32_t next = cold_at(ring, slot_index(slot))->chain_next;
	a10_done *done = slot->marks & MARK_DETACH ? NULL : first->done;

	cold_at(ring, slot_index(first))->chain_turn = next;
	r->id = (a10_id)id_plain(first->id);
	r->index = cold_at(ring, slot_index(slot))->index;
	r->more = next != NO_SLOT;
	slot->state = SLOT_FINISHED;
	slot_settle(ring, slot, r);
	slot->descriptor = 0;
	call_back(ring, done, first->data, r);
	if (next == NO_SLOT)
		chain_end(ring, first);
	else
		member_arm(ring, slot_at(ring, next));
}

/* All that is back and has no result of its own is to run again. */
static void chain_requeue(struct a10_ring *ring, struct slot *turn)
{
	struct slot *member;

	for (member = turn; member; member = chain_after(ring, member))
		if (member == turn ||
		    cold_at(ring, slot_index(member))->value == -ECANCELED)
			member->state = SLOT_QUEUED;
	queue_push_again(ring, turn);
}

void chain_turn(struct a10_ring *ring, struct slot *slot)
{
	struct slot *first = chain_first(ring, slot), *turn;
	struct cold *cold = cold_at(ring, slot_index(first));

	while (!cold->chain_redo) {
		struct a10_result r = { .value = 0 };

		turn = slot_at(ring, cold->chain_turn);
		if (turn->state != SLOT_PARKED)
			break;
		if (!member_is_over(ring, turn, &r)) {
			cold->chain_redo = true;
			break;
		}
		/* After the last one there is no chain any more. */
		if (cold_at(ring, slot_index(turn))->chain_next == NO_SLOT) {
			member_deliver(ring, first, turn, &r);
			return;
		}
		member_deliver(ring, first, turn, &r);
		/* The rest is told in the parent. */
		if (unlikely(sq_is_inherited(&ring->sq)))
			return;
	}
	turn = slot_at(ring, cold->chain_turn);
	if (cold->chain_running > 0) {
		running_cancel(ring, first);
	} else if (cold->chain_redo) {
		cold->chain_redo = false;
		chain_requeue(ring, turn);
	} else if (cold->chain_broken) {
		chain_withdraw(ring, turn);
	} else {
		queue_push_again(ring, turn);
	}
}

void chain_resume(struct a10_ring *ring, struct slot *slot)
{
	struct slot *first = chain_first(ring, slot);
	const uint32_t turn = cold_at(ring, slot_index(first))->chain_turn;

	if (turn == NO_SLOT)
		chain_end(ring, first);
	else
		chain_turn(ring, first);
}

void chain_completed(struct a10_ring *ring, struct slot *slot,
		     const struct completion *completion)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	/* Sent without copying: the buffer is free at the second. */
	if (completion->flags & URING_CQE_F_NOTIF) {
		cold->cqe_flags |=
			(uint32_t)completion->res & URING_NOTIF_USAGE_ZC_COPIED;
	} else {
		struct a10_result r = { .value = 0 };

		/* Now, not at its turn: see pool_lend. */
		result_buffer(ring, slot, completion, &r);
		cold->picked = r.buf;
		cold->value = completion->res;
		cold->cqe_flags = completion->flags &
				  ~(URING_CQE_F_MORE | URING_CQE_F_BUFFER);
	}
	if (completion->flags & URING_CQE_F_MORE)
		return;
	cold_at(ring, cold->chain_first)->chain_running--;
	slot_park(ring, slot, PARK_CHAIN);
	chain_turn(ring, slot);
}
