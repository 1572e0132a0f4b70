/*
 * What the kernel here cannot do is done by the system call that it stands for,
 * if that does not wait; else it is -EOPNOTSUPP. A system call takes no direct
 * descriptor, and some requests do not either: then a regular one for the same
 * file is installed first, borrowed for this operation and closed after it.
 *
 *	INSTALL ---> the request, with the borrowed one ---> over
 *	        \--> the system call --------------------/
 *
 * epoll_wait is the one that waits: it is a poll, then a look, as often as it
 * takes.
 */
#include "fd/registry.h"
#include "ring/life.h"

#include <errno.h>
#include <fcntl.h>

static bool is_fixed(struct a10_ring *ring, const struct slot *slot)
{
	return request_at(ring, slot_index(slot))->flags & URING_SQE_FIXED_FILE;
}

bool standin_is_needed(struct a10_ring *ring, const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	if (slot->opcode == OP_RAW)
		return false;
	if (!ring_knows(ring, request->opcode))
		return true;
	return op_row(slot->opcode)->borrows && is_fixed(ring, slot);
}

static void finish(struct a10_ring *ring, struct slot *slot, int res)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	if (res >= 0 && op_row(slot->opcode)->result == RESULT_DESCRIPTOR) {
		made(ring, slot, res);
		return;
	}
	if (res > 0)
		cold->bytes = (uint64_t)res;
	slot_finish(ring, slot, res);
}

/* A pipe by system call, both ends of which become direct. */
static void pair_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	int32_t *cells = capture_data(cold_at(ring, index)->captured);
	struct a10_request regular = *request;
	int res;

	regular.index = 0;
	regular.op_flags |= O_CLOEXEC;
	res = ring->calls->sync(ring->backend, (const void *)&regular);
	if (res < 0) {
		finish(ring, slot, res);
		return;
	}
	memcpy(&cells[2], cells, 2 * sizeof(*cells));
	slot->step = STEP_CONVERT;
	*request = (struct a10_request){
		.opcode = URING_OP_FILES_UPDATE,
		.offset = URING_FILE_INDEX_ALLOC,
		.address = (uintptr_t)cells,
		.length = 2,
		.user_data = id_plain(slot->id),
	};
	queue_push(ring, slot);
}

static void deliver(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	struct a10_result r = { .value = (ssize_t)value };

	if (r.value < 0 && is_ending(slot) && is_ended(r.value))
		r.value = (ssize_t)slot_reason(slot, r.value);
	slot_deliver(ring, slot, &r);
}

void pair_converted(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	const int32_t *cells =
		capture_data(cold_at(ring, slot_index(slot))->captured);
	struct a10_fd one = { .ring = ring->sq.number };

	if (is_interrupted(res) && !is_ending(slot)) {
		slot_restart(ring, slot);
		return;
	}
	fd_close_now(&ring->sq, a10_fd_regular(cells[2]));
	fd_close_now(&ring->sq, a10_fd_regular(cells[3]));
	if (res == 1) { /* room for one is room for none */
		one.plus_one = cells[0] + 1;
		fd_close_now(&ring->sq, one);
		res = -ENFILE;
	}
	deliver(ring, slot, res < 0 ? res : 0);
}

static void call(struct a10_ring *ring, struct slot *slot)
{
	const void *request = request_at(ring, slot_index(slot));
	const int res = ring->calls->sync(ring->backend, request);

	if (res != -EAGAIN || op_row(slot->opcode)->direction == READY_NEVER) {
		finish(ring, slot, res);
		return;
	}
	slot->step = STEP_READY;
	queue_push(ring, slot);
}

void standin_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct op_row *row = op_row(slot->opcode);

	if ((row->sync || row->borrows) && is_fixed(ring, slot) &&
	    ring_knows(ring, URING_OP_FIXED_FD_INSTALL)) {
		slot->step = STEP_INSTALL;
		queue_push(ring, slot);
	} else if (row->result == RESULT_PAIR &&
		   cold_at(ring, slot_index(slot))->flags & A10_WITH_DIRECT) {
		pair_begin(ring, slot);
	} else {
		call(ring, slot);
	}
}

void standin_installed(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);

	if (is_interrupted(res) && !is_ending(slot)) {
		slot_restart(ring, slot);
		return;
	}
	slot->step = STEP_SELF;
	if (res < 0) {
		deliver(ring, slot, res);
		return;
	}
	cold->cell = res;
	cold->flags |= COLD_BORROWED;
	request->fd = res;
	request->flags &= (uint8_t)~URING_SQE_FIXED_FILE;
	if (is_ending(slot)) {
		deliver(ring, slot, -ECANCELED);
	} else if (slot->opcode == A10_OPCODE_FD_CLONE) {
		cold->flags &= ~COLD_BORROWED;
		made(ring, slot, res);
	} else if (standin_is_needed(ring, slot) ||
		   cold->flags & COLD_BY_CALL) {
		call(ring, slot);
	} else {
		slot_restart(ring, slot);
	}
}

/* More than 32 bits of length, which this kernel's request does not have. */
static bool is_too_long(const struct a10_request *request)
{
	return (request->opcode == URING_OP_FADVISE && request->address) ||
	       (request->opcode == URING_OP_MADVISE && request->offset);
}

bool standin_after(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);

	if (!op_row(slot->opcode)->sync || !(slot->flags & SLOT_COLD) ||
	    slot->flags & SLOT_CHAIN || cold->flags & COLD_BY_CALL)
		return false;
	/* A socket does not know the command, or its file no commands. */
	if (request_at(ring, index)->opcode == URING_OP_URING_CMD) {
		if (value != -EOPNOTSUPP)
			return false;
	} else if (value != -EINVAL || !is_too_long(request_at(ring, index))) {
		return false;
	}
	cold->flags |= COLD_BY_CALL;
	standin_begin(ring, slot);
	return true;
}
