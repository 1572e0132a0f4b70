/*
 * Changing what is under way: the events of a poll, the time of a timer. What
 * the kernel has is changed by a request; what waits here, here.
 */
#include "ring/life.h"

#include <errno.h>
#include <linux/time_types.h>

/* The operation meant, if it is one that can be changed this way. */
static struct slot *target_find(struct a10_ring *ring, const struct slot *slot,
				uint8_t opcode)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));
	struct slot *target = slot_find(ring, cold->argument[0]);

	if (!target || target->opcode != opcode || is_ending(target) ||
	    target->state == SLOT_FINISHED ||
	    target->flags & (SLOT_CHAIN | SLOT_INTERNAL))
		return NULL;
	return target;
}

/* A request about another one. */
static void ask(struct a10_ring *ring, struct slot *slot, uint8_t opcode,
		const struct slot *target, uint64_t offset, uint32_t length,
		uint32_t op_flags)
{
	*request_at(ring, slot_index(slot)) = (struct a10_request){
		.opcode = opcode,
		.fd = -1,
		.offset = offset,
		.address = id_plain(target->id),
		.length = length,
		.op_flags = op_flags,
		.user_data = id_plain(slot->id),
	};
	queue_push(ring, slot);
}

void poll_update_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t events = request_at(ring, slot_index(slot))->op_flags;
	struct slot *target = target_find(ring, slot, URING_OP_POLL_ADD);
	struct a10_request *request;

	if (!target) {
		slot_finish(ring, slot, -ENOENT);
		return;
	}
	/* So it is if it has to be started again, too. */
	request = request_at(ring, slot_index(target));
	request->op_flags = events;
	if (target->state == SLOT_RUNNING)
		ask(ring, slot, URING_OP_POLL_REMOVE, target, 0,
		    URING_POLL_UPDATE_EVENTS |
			    (request->length & URING_POLL_ADD_MULTI),
		    events);
	else
		slot_finish(ring, slot, 0);
}

static void time_fill(struct __kernel_timespec *time, int64_t ns)
{
	time->tv_sec = ns > 0 ? ns / 1000000000 : 0;
	time->tv_nsec = ns > 0 ? ns % 1000000000 : 0;
}

/*
 * One that the kernel keeps, or is to keep. It reads the new time when the
 * request has its turn, by when the timer, and what was captured for it, may be
 * no more: the time is the update's own.
 */
static void kernel_timer_update(struct a10_ring *ring, struct slot *slot,
				struct slot *target, int64_t at)
{
	struct cold *cold = cold_at(ring, slot_index(target));
	struct capture *own;

	if (target->state != SLOT_RUNNING) {
		time_fill(capture_data(cold->captured), at);
		cold->argument[0] = (uint64_t)at;
		slot_finish(ring, slot, 0);
		return;
	}
	own = capture_take(&ring->captures, sizeof(struct __kernel_timespec));
	if (!own) {
		slot_finish(ring, slot, -ENOMEM);
		return;
	}
	time_fill(capture_data(own), at);
	cold_at(ring, slot_index(slot))->captured = own;
	cold->argument[0] = (uint64_t)at;
	ask(ring, slot, URING_OP_TIMEOUT_REMOVE, target,
	    (uintptr_t)capture_data(own), 0,
	    URING_TIMEOUT_UPDATE | URING_TIMEOUT_ABS);
}

void timer_update_begin(struct a10_ring *ring, struct slot *slot)
{
	const int64_t ns =
		(int64_t)cold_at(ring, slot_index(slot))->argument[1];
	struct slot *target = target_find(ring, slot, URING_OP_TIMEOUT);
	struct cold *cold;

	if (!target) {
		slot_finish(ring, slot, -ENOENT);
		return;
	}
	cold = cold_at(ring, slot_index(target));
	if (target->state != SLOT_PARKED) {
		kernel_timer_update(ring, slot, target, ns);
		return;
	}
	if (cold->flags & A10_WITH_MULTISHOT && ns <= 0) {
		slot_finish(ring, slot, -EINVAL);
		return;
	}
	if (request_at(ring, slot_index(target))->op_flags & URING_TIMEOUT_ABS)
		cold->retry_at = ns;
	else
		cold->retry_at =
			time_after(ring_clock_anew(ring), ns > 0 ? ns : 0);
	cold->argument[0] = (uint64_t)ns;
	timer_update(ring, target);
	slot_finish(ring, slot, 0);
}
