/*
 * Messages: a slot each, which another thread brings in the inbox as it brings
 * an operation, so that the order of each thread is kept; then it stands in
 * ring.mail until somebody receives it. It is the library's own (SLOT_INTERNAL):
 * the ring ends without it. Both are brought together where callbacks may run.
 */
#include "fd/registry.h"
#include "ring/life.h"

#include <errno.h>

#include <a10/io.h>
#include <a10/msg.h>

int a10_message_post(struct a10_sq *sq, uint64_t message)
{
	struct a10_op op = a10_op_make(A10_OPCODE_MESSAGE_POST, a10_fd_none(),
				       NULL, 0, message, 0);
	a10_id id;

	op.extra.flags |= A10_WITH_LIBRARY;
	id = a10_sq_submit_op(sq, &op, NULL, NULL, NULL);
	return id < 0 ? (int)id : 0;
}

static struct a10_sq *other_sq(struct a10_ring *ring, const struct slot *slot)
{
	return (struct a10_sq *)(uintptr_t)request_at(ring, slot_index(slot))
		->address;
}

void message_send(struct a10_ring *ring, struct slot *slot)
{
	const uint64_t message = request_at(ring, slot_index(slot))->offset;

	slot_finish(ring, slot,
		    a10_message_post(other_sq(ring, slot), message));
}

void message_arrived(struct a10_ring *ring, struct slot *slot)
{
	slot_park(ring, slot, PARK_MAIL);
	slot->next = NO_SLOT;
	if (ring->mail_first == NO_SLOT)
		ring->mail_first = slot_index(slot);
	else
		slot_at(ring, ring->mail_last)->next = slot_index(slot);
	ring->mail_last = slot_index(slot);
}

void message_receive(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);

	slot_park(ring, slot, PARK_MESSAGE);
	cold->park_next = NO_SLOT;
	cold->park_prev = ring->readers_last;
	if (ring->readers_last == NO_SLOT)
		ring->readers_first = index;
	else
		cold_at(ring, ring->readers_last)->park_next = index;
	ring->readers_last = index;
}

void message_forget(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (cold->park_prev != NO_SLOT)
		cold_at(ring, cold->park_prev)->park_next = cold->park_next;
	else
		ring->readers_first = cold->park_next;
	if (cold->park_next != NO_SLOT)
		cold_at(ring, cold->park_next)->park_prev = cold->park_prev;
	else
		ring->readers_last = cold->park_prev;
}

static uint64_t mail_take(struct a10_ring *ring)
{
	struct slot *slot = slot_at(ring, ring->mail_first);
	const uint64_t message = request_at(ring, ring->mail_first)->offset;

	ring->mail_first = slot->next;
	slot_free(ring, slot);
	return message;
}

void messages_deliver(struct a10_ring *ring)
{
	/* What callbacks send to their own ring waits for the next turn. */
	const uint32_t last = ring->mail_last;

	for (bool more = true; more && messages_can_move(ring);) {
		struct slot *slot = slot_at(ring, ring->readers_first);
		const struct cold *cold = cold_at(ring, ring->readers_first);
		struct a10_result r = { .value = 0 };

		more = ring->mail_first != last;
		r.extra[0] = mail_take(ring);
		if (cold->flags & A10_WITH_MULTISHOT) {
			if (cold->flags & A10_WITH_TIMEOUT)
				timer_progress(ring, slot);
			slot_deliver_more(ring, slot, &r);
			if (slot->marks & MARK_HELD && !is_ending(slot)) {
				slot_unpark(ring, slot);
				slot_hold(ring, slot);
			}
		} else {
			slot_unpark(ring, slot);
			slot_deliver(ring, slot, &r);
		}
	}
}

/* ---- a10_fd_move --------------------------------------------------------- */

/*
 * The other ring may be destroyed meanwhile, and its number be another ring's
 * by the time the kernel looks: it is named by a descriptor of our own.
 */
void move_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	struct a10_sq *other = other_sq(ring, slot);
	int fd = -EINVAL;

	/* The kernel's own word for it would be that the table is full. */
	if (request->flags & URING_SQE_FIXED_FILE)
		fd = ring_of(other)->direct_limit ? registry_open(other) :
						    -ENXIO;
	if (fd < 0) {
		slot_finish(ring, slot, fd);
		return;
	}
	cold->fd_value = fd;
	cold->cell = request->fd;
	cold->argument[0] = other->number;
	*request = (struct a10_request){
		.opcode = URING_OP_MSG_RING,
		.fd = fd,
		.address = URING_MSG_SEND_FD,
		.address3 = (uint32_t)cold->cell,
		.index = (int32_t)URING_FILE_INDEX_ALLOC,
		.op_flags = URING_MSG_RING_CQE_SKIP,
		.user_data = id_plain(slot->id),
	};
	queue_push(ring, slot);
}

void move_completed(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	struct a10_result r = { .value = res };
	struct a10_fd from;
	struct a10_op op;

	if (is_interrupted(res) && !is_ending(slot)) {
		slot_restart(ring, slot);
		return;
	}
	fd_close_now(&ring->sq, a10_fd_regular(cold->fd_value));
	cold->fd_value = -1;
	if (res < 0) {
		if (is_ending(slot) && is_ended(res))
			r.value = (ssize_t)slot_reason(slot, res);
		slot_deliver(ring, slot, &r);
		return;
	}
	from.plus_one = cold->cell + 1;
	from.ring = ring->sq.number;
	r.value = 0;
	r.fd.plus_one = res + 1;
	r.fd.ring = (uint32_t)cold->argument[0];
	slot_deliver(ring, slot, &r);
	op = a10_close(from);
	if (ring->closing || internal_submit(ring, &op, NULL, NULL) == NO_SLOT)
		fd_close_now(&ring->sq, from);
}
