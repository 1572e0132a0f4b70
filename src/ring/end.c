/*
 * The verbs that end operations: the owner at once, another thread by asking.
 */
#include <errno.h>

#include "ring/life.h"

static int sq_check(const struct a10_sq *sq)
{
	if (sq_is_inherited(sq))
		return -ECHILD;
	if (sq_is_mine(sq))
		return 0;
	return atomic_load_explicit(&sq->closed, memory_order_acquire) ?
		       -ESHUTDOWN :
		       0;
}

/* The owner's: what others have submitted by now is meant too. */
static struct a10_ring *ring_with_all(struct a10_sq *sq)
{
	struct a10_ring *ring = ring_of(sq);

	if (inbox_has_work(ring))
		inbox_take(ring);
	return ring;
}

int a10_cancel(struct a10_sq *sq, a10_id id)
{
	const int err = sq_check(sq);
	struct slot *slot;

	if (err < 0)
		return err;
	if (!sq_is_mine(sq))
		return sq_ask(sq, id, ASK_CANCEL);
	slot = slot_find(ring_with_all(sq), (uint64_t)id);
	if (slot)
		slot_cancel(ring_of(sq), slot, MARK_CANCEL);
	return 0;
}

int a10_detach(struct a10_sq *sq, a10_id id)
{
	const int err = sq_check(sq);
	struct slot *slot;

	if (err < 0)
		return err;
	if (!sq_is_mine(sq))
		return sq_ask(sq, id, ASK_DETACH);
	slot = slot_find(ring_with_all(sq), (uint64_t)id);
	if (slot)
		slot_detach(ring_of(sq), slot);
	return 0;
}

void cancel_fd_now(struct a10_ring *ring, struct a10_fd fd)
{
	const uint32_t descriptor = descriptor_of(
		ring, (int32_t)((uint32_t)fd.plus_one - 1), fd.ring != 0);

	if (descriptor)
		cancel_descriptor(ring, descriptor);
}

/* Runs at the owner's when it is admitted; its result is nobody's. */
static int wish(struct a10_sq *sq, enum a10_opcode opcode, struct a10_fd fd)
{
	struct a10_op op = a10_op_make(opcode, fd, NULL, 0, 0, 0);
	a10_id id;

	op.extra.flags |= A10_WITH_LIBRARY;
	id = a10_sq_submit_op(sq, &op, NULL, NULL, NULL);
	return id < 0 ? (int)id : 0;
}

int a10_cancel_fd(struct a10_sq *sq, struct a10_fd fd)
{
	const int err = sq_check(sq);

	if (err < 0)
		return err;
	if (fd.ring && fd.ring != sq->number)
		return -EXDEV;
	if (!sq_is_mine(sq))
		return wish(sq, A10_OPCODE_CANCEL_FD, fd);
	cancel_fd_now(ring_with_all(sq), fd);
	return 0;
}

int a10_cancel_all(struct a10_sq *sq)
{
	const int err = sq_check(sq);

	if (err < 0)
		return err;
	if (!sq_is_mine(sq))
		return wish(sq, A10_OPCODE_CANCEL_ALL, a10_fd_none());
	cancel_everything(ring_with_all(sq), false);
	return 0;
}
