#include "ring/life.h"

#include "base/memory.h"

/*
 * Somebody wants to be told what the kernel wrote, of every operation. Of
 * valgrind's tools only memcheck does; it is the one that answers this request.
 */
static bool is_watched(void)
{
#if __has_feature(memory_sanitizer)
	return true;
#elif defined(A10_VALGRIND)
	unsigned char bits, byte = 0;

	return VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
#else
	return false;
#endif
}

void ring_update_slow(struct a10_ring *ring)
{
	ring->slow = ring->trace || ring->closing || is_watched() ||
		     ring->sqe_shift != 0 || ring->iopoll;
	ring->window = ring->tail;
}

static void all_special(struct a10_ring *ring, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		struct slot *slot = slot_at(ring, from);

		if (slot->state != SLOT_FREE && slot->state != SLOT_RETIRED)
			slot->id |= TAG_SPECIAL;
	}
}

void a10_ring_set_trace(struct a10_ring *ring, a10_trace_fn *fn, void *data)
{
	check_owner(&ring->sq);
	ring->trace = fn;
	ring->trace_data = data;
	ring_update_slow(ring);
	/* What is under way would be delivered on the plain path, untold. */
	if (fn) {
		all_special(ring, 1, slots_end(ring, false));
		all_special(ring, ring->sq.foreign_base, slots_end(ring, true));
	}
}

static struct a10_fd traced_fd(const struct a10_ring *ring,
			       const struct a10_request *request)
{
	struct a10_fd fd = a10_fd_none();

	if (op_row(request->opcode)->fd == FD_NONE)
		return fd;
	fd.plus_one = (int32_t)((uint32_t)request->fd + 1);
	if (request->flags & URING_SQE_FIXED_FILE)
		fd.ring = ring->sq.number;
	return fd;
}

void trace_event(struct a10_ring *ring, enum a10_trace_kind kind,
		 const struct slot *slot, int64_t value)
{
	struct a10_trace_event event = {
		.kind = kind,
		.value = value,
		.at_ns = ring->calls->now(ring->backend),
	};
	const struct a10_request *request;

	if (slot) {
		if (slot->flags & SLOT_INTERNAL)
			return;
		request = request_at(ring, slot_index(slot));
		event.opcode =
			slot->opcode == OP_RAW ? request->opcode : slot->opcode;
		event.id = (a10_id)id_plain(slot->id);
		event.fd = traced_fd(ring, request);
	}
	ring->trace(ring->trace_data, &event);
}

const char *a10_opcode_name(uint32_t opcode)
{
	return opcode == OP_RAW ? "?" : op_row(opcode)->name;
}
