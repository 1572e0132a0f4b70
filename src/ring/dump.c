/* What a ring can tell of itself. */
#include <stdio.h>

#include "ring/above.h"
#include "ring/life.h"

static const char *const states[] = {
	[SLOT_FREE] = "free",         [SLOT_QUEUED] = "queued",
	[SLOT_RUNNING] = "running",   [SLOT_PARKED] = "waiting",
	[SLOT_FINISHED] = "finished", [SLOT_RETIRED] = "retired",
};

static const char *const parks[] = {
	[PARK_NONE] = "",
	[PARK_TIMER] = " for its time",
	[PARK_RETRY] = " to try again",
	[PARK_POOL] = " for buffers",
	[PARK_BOUND] = " for its buffers to come back",
	[PARK_ORDER] = " for those before it",
	[PARK_BUNDLE] = " for the send that it goes out with",
	[PARK_CLOSE] = " for what it cancelled",
	[PARK_SCOPE] = " for its scope",
	[PARK_CHAIN] = " for its chain",
	[PARK_MESSAGE] = " for a message",
	[PARK_MAIL] = " for a reader",
	[PARK_WORK] = " for a helper thread",
	[PARK_DIAL] = " for an address that answers",
	[PARK_ABOVE] = "",
};

static const char *marks_text(const struct slot *slot)
{
	if (slot->marks & MARK_DETACH)
		return ", detached";
	if (slot->marks & MARK_TIME)
		return ", its time is over";
	if (slot->marks & MARK_CANCEL)
		return ", cancelled";
	if (slot->marks & MARK_PAUSE)
		return ", pausing";
	return "";
}

static void slot_line(struct a10_ring *ring, const struct slot *slot,
		      void (*line)(void *data, const char *text), void *data)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));
	const uint8_t opcode =
		slot->opcode == OP_RAW ? request->opcode : slot->opcode;
	const struct op_row *row = op_row(opcode);
	char text[256], fd[64] = "";

	if (row->fd != FD_NONE)
		snprintf(fd, sizeof(fd), " %s %d",
			 request->flags & URING_SQE_FIXED_FILE ? "direct" :
								 "fd",
			 request->fd);
	else if (row->own == OWN_ABOVE && above_of(slot->opcode) &&
		 above_of(slot->opcode)->describe)
		above_of(slot->opcode)->describe(ring, slot, fd, sizeof(fd));
	snprintf(text, sizeof(text), "%s%s id %llx: %s%s%s", row->name, fd,
		 (unsigned long long)id_plain(slot->id), states[slot->state],
		 parks[slot->park], marks_text(slot));
	line(data, text);
}

static void dump_range(struct a10_ring *ring, uint32_t from, uint32_t to,
		       void (*line)(void *data, const char *text), void *data)
{
	for (; from < to; from++) {
		const struct slot *slot = slot_at(ring, from);

		if (slot->state == SLOT_FREE || slot->state == SLOT_RETIRED)
			continue;
		if (!(slot->flags & SLOT_INTERNAL))
			slot_line(ring, slot, line, data);
	}
}

void a10_ring_dump(const struct a10_ring *ring,
		   void (*line)(void *data, const char *text), void *data)
{
	struct a10_ring *all = (struct a10_ring *)(uintptr_t)ring;

	check_owner(&ring->sq);
	dump_range(all, 1, slots_end(ring, false), line, data);
	dump_range(all, ring->sq.foreign_base, slots_end(ring, true), line,
		   data);
}

void a10_ring_info(const struct a10_ring *ring, struct a10_ring_info *ret_info)
{
	const struct backend_grant *grant = &ring->grant;

	check_owner(&ring->sq);
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->backend = ring->calls->name;
	ret_info->submission_entries = ring->view.sq_entries;
	ret_info->completion_entries = ring->view.cq_entries;
	/* Every ring is disabled until its owner binds it. */
	ret_info->setup_flags = grant->setup_flags & ~URING_SETUP_R_DISABLED;
	if (ring_is_disabled(ring))
		ret_info->setup_flags |= URING_SETUP_R_DISABLED;
	ret_info->setup_dropped = grant->setup_dropped;
	ret_info->features = grant->features;
	ret_info->setup_error = grant->setup_error;
	ret_info->direct_descriptors = ring->direct_limit;
	ret_info->registered_ring = ring->grant_bound;
	ret_info->incremental_pools = grant->incremental;
	memcpy(ret_info->opcodes, grant->opcodes, sizeof(grant->opcodes));
	ret_info->enters = ring->enters;
	if (sq_is_inherited(&ring->sq))
		return; /* the queues are not there in a child */
	ret_info->overflows = atomic_load_explicit(ring->view.cq_overflow,
						   memory_order_relaxed);
}
