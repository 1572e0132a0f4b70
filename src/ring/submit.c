/*
 * The verbs that start operations. The owner's plain path is here in one piece:
 * no lock, no atomic read-modify-write, no allocation, one cache line of slot,
 * one of request and one of the submission queue. All else goes the longer way:
 * describe, then admit, or, from another thread, the inbox.
 */
#include "fd/registry.h"
#include "ring/above.h"
#include "ring/accept.h"
#include "ring/life.h"

#include <errno.h>
#include <sys/socket.h>

/* A close is carried out whatever becomes of the ring. */
static void close_anyway(struct a10_sq *sq, const struct a10_op *op)
{
	struct a10_fd fd;

	if (op->request.opcode != A10_OPCODE_CLOSE ||
	    op->extra.flags & A10_WITH_RAW)
		return;
	fd.plus_one = (int32_t)((uint32_t)op->request.fd + 1);
	fd.ring = op->extra.ring;
	fd_close_now(sq, fd);
}

a10_id op_refuse(struct a10_sq *sq, const struct a10_op *op, int err)
{
	if (err == -ESHUTDOWN)
		close_anyway(sq, op);
	op_give_up(op);
	return err;
}

static int submit_check(struct a10_sq *sq)
{
	if (sq_is_inherited(sq))
		return -ECHILD;
	if (atomic_load_explicit(&sq->closed, memory_order_acquire))
		return -ESHUTDOWN;
	return 0;
}

a10_id owner_submit(struct a10_ring *ring, const struct a10_op *op,
		    struct a10_scope *scope, a10_done *done, void *data)
{
	struct slot *slot;
	uint32_t index;
	a10_id id;
	int err;

	/* What others have on the descriptor by now, the close must know. */
	if (op->request.opcode == A10_OPCODE_CLOSE && inbox_has_work(ring))
		inbox_take(ring);
	index = slot_take(ring);
	if (index == NO_SLOT)
		return -ENOMEM;
	slot = slot_at(ring, index);
	err = slot_describe(ring, index, true, op, scope, done, data);
	if (err < 0) {
		slot_free(ring, slot);
		return err;
	}
	id = (a10_id)id_plain(slot->id);
	if (scope)
		scope->count++;
	slot_admit(ring, slot);
	return id;
}

static a10_id submit_owner(struct a10_ring *ring, const struct a10_op *op,
			   struct a10_scope *scope, a10_done *done, void *data)
{
	const a10_id id = owner_submit(ring, op, scope, done, data);

	return id < 0 ? op_refuse(&ring->sq, op, (int)id) : id;
}

/* Its own, should it become the owner and then end: see orphan.c. */
static void creator_note(struct a10_sq *sq, uint32_t index)
{
	if (ring_of(sq)->creator == thread_number_cached)
		sq->slots[index].flags |= SLOT_CREATOR;
}

static a10_id submit_foreign(struct a10_sq *sq, const struct a10_op *op,
			     struct a10_scope *scope, a10_done *done,
			     void *data)
{
	const uint32_t index = foreign_slot_take(sq);
	a10_id id;
	int err;

	if (index == NO_SLOT)
		return op_refuse(sq, op, -ENOMEM);
	err = slot_describe(ring_of(sq), index, false, op, scope, done, data);
	if (err < 0)
		goto give_slot;
	creator_note(sq, index);
	id = (a10_id)id_plain(sq->slots[index].id);
	if (scope)
		scope->count++;
	err = inbox_push(sq, index);
	if (err == 0)
		return id;
	if (scope)
		scope->count--;
	slot_undescribe(sq, index, false);
give_slot:
	foreign_slot_give(sq, index, index);
	return op_refuse(sq, op, err);
}

a10_id a10_sq_submit_op(struct a10_sq *sq, const struct a10_op *op,
			struct a10_scope *scope, a10_done *done, void *data)
{
	const int err = submit_check(sq);

	if (err < 0)
		return op_refuse(sq, op, err);
	if (op->request.flags & URING_SQE_IO_HARDLINK &&
	    op->extra.flags & A10_WITH_SQE_FLAGS)
		return op_refuse(sq, op, -EINVAL); /* nothing to link it to */
	if (sq_is_mine(sq))
		return submit_owner(ring_of(sq), op, scope, done, data);
	/* A scope is the owner's; before there is one, its order is kept. */
	if (scope && sq_is_bound(sq))
		return op_refuse(sq, op, -EPERM);
	return submit_foreign(sq, op, scope, done, data);
}

struct a10_op op_from_words(uint32_t ring, uint64_t head, uint64_t offset,
			    uint64_t address, uint64_t tail)
{
	struct a10_op op = a10_nop();

	op.request.opcode = (uint8_t)head;
	op.request.flags = (uint8_t)(head >> 8);
	op.request.priority = (uint16_t)(head >> 16);
	op.request.fd = (int32_t)(uint32_t)(head >> 32);
	op.request.offset = offset;
	op.request.address = address;
	op.request.length = (uint32_t)tail;
	op.request.op_flags = (uint32_t)(tail >> 32);
	op.extra.flags = ring ? A10_WITH_DIRECT_FD : 0;
	op.extra.ring = ring;
	op.extra.length = op.request.length;
	return op;
}

static __attribute__((noinline)) a10_id
submit_words_slow(struct a10_sq *sq, uint64_t head, uint64_t offset,
		  uint64_t address, uint64_t tail, a10_done *done, void *data)
{
	const struct a10_op op = op_from_words(0, head, offset, address, tail);

	return a10_sq_submit_op(sq, &op, NULL, done, data);
}

static __attribute__((noinline)) a10_id
submit_direct_slow(struct a10_sq *sq, uint32_t ring, uint64_t head,
		   uint64_t offset, uint64_t address, uint64_t tail,
		   a10_done *done, void *data)
{
	const struct a10_op op =
		op_from_words(ring, head, offset, address, tail);

	return a10_sq_submit_op(sq, &op, NULL, done, data);
}

/*
 * The request where the kernel reads it, and what differs where it is kept.
 * First of all that is written: after it the arguments need no registers any
 * more.
 */
static inline void request_write(raw_word *sqe, raw_word *kept, uint64_t id,
				 uint64_t head, uint64_t offset,
				 uint64_t address, uint64_t tail)
{
	sqe[0] = kept[0] = head;
	sqe[1] = kept[1] = offset;
	sqe[2] = kept[2] = address;
	sqe[3] = kept[3] = tail;
	sqe[4] = id;
	sqe[5] = 0;
	sqe[6] = 0;
	sqe[7] = 0;
	__asm__("" : : : "memory");
}

/* of_ring: the ring its descriptor is direct on; 0: it is regular. */
static inline __attribute__((always_inline)) a10_id
submit_words(struct a10_sq *sq, uint32_t of_ring, uint64_t head,
	     uint64_t offset, uint64_t address, uint64_t tail, a10_done *done,
	     void *data)
{
	struct a10_ring *ring = ring_of(sq);
	const uint32_t flags = of_ring ? URING_SQE_FIXED_FILE : 0;
	/* With other flags it is larger than any opcode. */
	const uint32_t opcode = ((uint32_t)head & 0xffff) ^ flags << 8;
	uint32_t at, index, number;
	struct slot *slot;
	uint64_t id;

	if (unlikely(!sq_is_mine(sq) || opcode >= 64))
		goto slow;
	at = ring->tail;
	index = ring->free_first;
	if (unlikely(ring->window == at || index == NO_SLOT))
		goto slow;
	number = (uint32_t)(head >> 32);
	if (of_ring && unlikely(of_ring != sq->number))
		goto slow;
	if ((of_ring || opcode != URING_OP_NOP) &&
	    (!(ring->plain >> opcode & 1) ||
	     number >= (of_ring ? ring->direct_limit : ring->regular_limit)))
		goto slow;
	slot = slot_at(ring, index);
	slot->done = done;
	slot->data = data;
	id = slot->id;
	request_write((void *)&ring->sqes[at & ring->sq_mask],
		      (void *)request_at(ring, index), id, head, offset,
		      address, tail);
	if (of_ring)
		descriptor_join(ring, slot, ring->direct_base + number);
	else if (opcode == URING_OP_NOP)
		slot->descriptor = 0;
	else
		descriptor_join(ring, slot, number + 1);
	ring->free_first = slot->next;
	ring->tail = at + 1;
	ring->pending++;
	slot->next = at;
	slot->status = SLOT_RUNNING | opcode << 8 | (uint64_t)SLOT_SHORT << 48;
	return (a10_id)id;
slow:
	return of_ring ? submit_direct_slow(sq, of_ring, head, offset, address,
					    tail, done, data) :
			 submit_words_slow(sq, head, offset, address, tail,
					   done, data);
}

a10_id a10_sq_submit_words(struct a10_sq *sq, uint64_t head, uint64_t offset,
			   uint64_t address, uint64_t tail, a10_done *done,
			   void *data)
{
	return submit_words(sq, 0, head, offset, address, tail, done, data);
}

a10_id a10_sq_submit_direct_words(struct a10_sq *sq, uint32_t ring,
				  uint64_t head, uint64_t offset,
				  uint64_t address, uint64_t tail,
				  a10_done *done, void *data)
{
	if (unlikely(!ring))
		return a10_sq_submit_words(sq, head, offset, address, tail,
					   done, data);
	return submit_words(sq, ring, head, offset, address, tail, done, data);
}

/* ---- chains -------------------------------------------------------------- */

/* A raw request with many results. */
static bool is_raw_multishot(const struct a10_op *op, const struct op_row *row)
{
	const uint32_t value = row->multishot_value;

	if (!(op->extra.flags & A10_WITH_RAW))
		return false;
	if (op->request.opcode == A10_OPCODE_TIMEOUT)
		return op->request.op_flags & URING_TIMEOUT_MULTISHOT;
	if (row->multishot == MULTISHOT_PRIORITY)
		return op->request.priority & value;
	return row->multishot == MULTISHOT_LENGTH && op->request.length & value;
}

/* Of this kernel's request and what it is for: there is no such. */
static bool needs_standin(const struct a10_ring *ring, const struct a10_op *op,
			  const struct op_row *row)
{
	switch (op->request.opcode) {
	case A10_OPCODE_GETSOCKOPT:
		return (uint32_t)op->request.address != SOL_SOCKET;
	case A10_OPCODE_GETSOCKNAME: /* of 6.19, as this opcode is */
		return !ring_knows(ring, URING_OP_NOP128);
	case A10_OPCODE_ACCEPT:
		return accept_is_hurried(ring, &op->request);
	default:
		return row->borrows && op->request.flags & URING_SQE_FIXED_FILE;
	}
}

static int check_member(const struct a10_ring *ring, const struct a10_op *op)
{
	const struct op_row *row = op_row(op->request.opcode);
	const uint32_t never = A10_WITH_MULTISHOT | A10_WITH_ORDER;
	const uint32_t opcode = row->kernel ? row->kernel : op->request.opcode;

	if (!row->linked || op->extra.flags & never ||
	    is_raw_multishot(op, row))
		return -EINVAL;
	/* The kernel runs it as one: nothing can stand in for a member. */
	if (!(op->extra.flags & A10_WITH_RAW) &&
	    (!ring_knows(ring, opcode) || needs_standin(ring, op, row)))
		return -EOPNOTSUPP;
	return 0;
}

static int check_chain(struct a10_sq *sq, const struct a10_op *ops,
		       size_t count)
{
	size_t i;
	int err;

	if (count == 0)
		return -EINVAL;
	if (count > atomic_load_explicit(&sq->chain_most, memory_order_relaxed))
		return -E2BIG;
	for (i = 0; i < count; i++) {
		err = check_member(ring_of(sq), &ops[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

static uint32_t any_slot_take(struct a10_sq *sq, bool owner)
{
	return owner ? slot_take(ring_of(sq)) : foreign_slot_take(sq);
}

/* Backwards along the members that were described. */
static void chain_give_up(struct a10_sq *sq, uint32_t index, bool owner)
{
	while (index != NO_SLOT) {
		const uint32_t next = sq->colds[index].chain_next;

		slot_undescribe(sq, index, owner);
		if (owner)
			slot_free(ring_of(sq), &sq->slots[index]);
		else
			foreign_slot_give(sq, index, index);
		index = next;
	}
}

/* A member has a cold part whatever it is: its place in the chain. */
static int member_describe(struct a10_sq *sq, uint32_t index, bool owner,
			   const struct a10_op *op, uint32_t place,
			   a10_done *done, void *data)
{
	struct cold *cold = &sq->colds[index];
	int err =
		slot_describe(ring_of(sq), index, owner, op, NULL, done, data);

	if (err < 0)
		return err;
	if (!(sq->slots[index].flags & SLOT_COLD)) {
		memset(cold, 0, sizeof(*cold));
		cold->deadline_ns = INT64_MAX;
		cold->retry_at = INT64_MAX;
		cold->fd_value = -1;
	}
	/* Only so is a short one a failure that breaks the kernel's chain. */
	if (op->extra.flags & A10_WITH_ALL &&
	    !(op->extra.flags & A10_WITH_TIMEOUT) &&
	    op_row(op->request.opcode)->nowait == NOWAIT_MSG)
		sq->requests[index].op_flags |= MSG_WAITALL;
	sq->slots[index].flags |= SLOT_COLD | SLOT_CHAIN;
	if (!owner)
		creator_note(sq, index);
	cold->index = place;
	cold->chain_next = NO_SLOT;
	return 0;
}

/* Describes all members; *ret_first is the first slot. */
static int chain_describe(struct a10_sq *sq, const struct a10_op *ops,
			  size_t count, bool owner, a10_done *done, void *data,
			  uint32_t *ret_first)
{
	uint32_t first = NO_SLOT, last = NO_SLOT, index;
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = -ENOMEM;
		index = any_slot_take(sq, owner);
		if (index == NO_SLOT)
			goto give_up;
		err = member_describe(sq, index, owner, &ops[i], (uint32_t)i,
				      done, data);
		if (err < 0) {
			if (owner)
				slot_free(ring_of(sq), &sq->slots[index]);
			else
				foreign_slot_give(sq, index, index);
			goto give_up;
		}
		if (last == NO_SLOT)
			first = index;
		else
			sq->colds[last].chain_next = index;
		last = index;
	}
	*ret_first = first;
	return 0;
give_up:
	chain_give_up(sq, first, owner);
	return err;
}

a10_id a10_submit_linked(struct a10_sq *sq, const struct a10_op *ops,
			 size_t count, a10_done *done, void *data)
{
	const bool owner = sq_is_mine(sq);
	uint32_t first = NO_SLOT;
	a10_id id;
	size_t i;
	int err = submit_check(sq);

	if (err == 0)
		err = check_chain(sq, ops, count);
	if (err == 0)
		err = chain_describe(sq, ops, count, owner, done, data, &first);
	if (err < 0)
		goto give_up;
	id = (a10_id)id_plain(sq->slots[first].id);
	if (owner) {
		chain_admit(ring_of(sq), &sq->slots[first]);
		return id;
	}
	err = inbox_push(sq, first);
	if (err == 0)
		return id;
	chain_give_up(sq, first, false);
give_up:
	for (i = 0; i < count; i++)
		op_give_up(&ops[i]);
	return err;
}
