/*
 * Sends that go out together: those that are "all" and "bundled" and stand one
 * behind the other on a descriptor (order.c). The first that is started takes
 * along what is behind it by then, as one SENDMSG of all their pieces; the others
 * are PARKED meanwhile. What came back is counted into them in their order: who
 * is whole is over, the first of the rest goes on with who is behind it.
 *
 * The kernel has bundles of its own, of buffers in a ring that is made known to
 * it. Each socket would need such a ring, at least a page that counts against the
 * memlock limit, and it is no faster: the trip is what costs, not the piece.
 *
 * To end a member is to have the kernel give the whole back, for it knows of one
 * request only (bundle_pause); what is before it then goes on.
 */
#include "ring/bundle.h"
#include "ring/life.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PARTS_MOST 256u
#define BYTES_MOST (UINT64_C(1) << 30)

struct bundle {
	struct msghdr header;
	struct iovec parts[];
};

/* What can go in one trip with others of its kind. */
bool bundle_is_possible(const struct a10_op *op, const struct op_row *row)
{
	const uint32_t flags = op->extra.flags;

	/* What MSG_TRUNC tells of is in no buffer. */
	if (row == op_row(URING_OP_RECV))
		return flags & A10_WITH_MULTISHOT &&
		       !(op->request.op_flags & MSG_TRUNC);
	return row == op_row(URING_OP_SEND) && flags & A10_WITH_ALL &&
	       !(flags & A10_WITH_ZERO_COPY) && !op->request.offset;
}

static uint64_t left_of(const struct cold *cold)
{
	return cold->total - cold->bytes;
}

/* With a time-out it would have to tell of its own progress. */
static bool may_bundle(struct a10_ring *ring, const struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	const struct cold *cold = cold_at(ring, index);

	if (slot->opcode != A10_OPCODE_SEND || slot->flags & SLOT_CHAIN ||
	    slot->step != STEP_SELF || request->flags & URING_SQE_IO_DRAIN)
		return false;
	if (!(cold->flags & A10_WITH_BUNDLE) || cold->flags & A10_WITH_TIMEOUT)
		return false;
	return request->length > 0 && request->length == left_of(cold);
}

static bool is_alike(const struct a10_request *one,
		     const struct a10_request *other)
{
	return one->flags == other->flags && one->priority == other->priority &&
	       one->op_flags == other->op_flags &&
	       one->personality == other->personality;
}

/* How many go out with it, itself included. */
static uint32_t parts_count(struct a10_ring *ring, const struct slot *slot)
{
	const uint32_t first = slot_index(slot);
	uint64_t bytes = request_at(ring, first)->length;
	uint32_t index = cold_at(ring, first)->order_next, count = 1;

	for (; index != NO_SLOT && count < PARTS_MOST; count++) {
		const struct slot *member = slot_at(ring, index);

		if (member->state != SLOT_PARKED ||
		    member->park != PARK_ORDER || !may_bundle(ring, member) ||
		    !is_alike(request_at(ring, first), request_at(ring, index)))
			break;
		bytes += request_at(ring, index)->length;
		if (bytes > BYTES_MOST)
			break;
		index = cold_at(ring, index)->order_next;
	}
	return count;
}

void bundle_gather(struct a10_ring *ring, struct slot *slot,
		   struct uring_sqe *sqe)
{
	uint32_t index = slot_index(slot), count;
	struct capture *capture;
	struct bundle *bundle;

	if (!slot->descriptor || !may_bundle(ring, slot) || ring->restricted ||
	    !ring_knows(ring, URING_OP_SENDMSG) ||
	    ring->descriptors[slot->descriptor].order_first != index)
		return;
	count = parts_count(ring, slot);
	if (count < 2)
		return;
	capture = capture_take(&ring->captures,
			       sizeof(*bundle) +
				       count * sizeof(bundle->parts[0]));
	if (!capture)
		return; /* alone, then */
	bundle = capture_data(capture);
	memset(&bundle->header, 0, sizeof(bundle->header));
	bundle->header.msg_iov = bundle->parts;
	bundle->header.msg_iovlen = count;
	cold_at(ring, index)->captured = capture;
	for (uint32_t i = 0; i < count; i++) {
		const struct a10_request *request = request_at(ring, index);

		bundle->parts[i] = (struct iovec){
			.iov_base = (void *)(uintptr_t)request->address,
			.iov_len = request->length,
		};
		if (i > 0)
			slot_at(ring, index)->park = PARK_BUNDLE;
		index = cold_at(ring, index)->order_next;
	}
	sqe->opcode = URING_OP_SENDMSG;
	sqe->addr = (uintptr_t)&bundle->header;
	sqe->len = 1;
}

bool bundle_leads(struct a10_ring *ring, const struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	/* A bundled send has nothing else that is captured. */
	return slot->opcode == A10_OPCODE_SEND && slot->flags & SLOT_COLD &&
	       cold->flags & A10_WITH_BUNDLE && cold->captured;
}

/* It was in flight, and bytes of it and those behind it went out. */
static bool member_over(struct a10_ring *ring, struct slot *slot,
			uint64_t *bytes)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const uint64_t left = left_of(cold);
	const uint64_t done = *bytes < left ? *bytes : left;

	*bytes -= done;
	cold->bytes += done;
	if (done < left && !is_ending(slot)) {
		if (done > 0)
			capture_advance(op_row(slot->opcode),
					request_at(ring, slot_index(slot)),
					done, left - done);
		slot->park = PARK_ORDER;
		return false;
	}
	slot_unpark(ring, slot);
	slot_finish(ring, slot,
		    done < left ? slot_reason(slot, 0) : (int64_t)cold->bytes);
	return true;
}

bool bundle_completed(struct a10_ring *ring, struct slot *slot,
		      struct completion *completion, uint32_t *ret_count)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	uint32_t index = cold->order_next, count = 0;
	uint64_t bytes = 0;

	capture_give(&ring->captures, cold->captured);
	cold->captured = NULL;
	if (completion->res > 0 && (uint64_t)completion->res > left_of(cold)) {
		bytes = (uint64_t)completion->res - left_of(cold);
		completion->res = (int32_t)left_of(cold);
	}
	while (index != NO_SLOT) {
		struct slot *member = slot_at(ring, index);

		index = cold_at(ring, index)->order_next;
		if (member->state != SLOT_PARKED || member->park != PARK_BUNDLE)
			break;
		count += member_over(ring, member, &bytes);
	}
	*ret_count = count;
	/* It was given back for the sake of a member. */
	if (completion->res == -ECANCELED && !is_ending(slot)) {
		slot_restart(ring, slot);
		return false;
	}
	return true;
}

bool bundle_pause(struct a10_ring *ring, const struct slot *member)
{
	const uint32_t first =
		ring->descriptors[member->descriptor].order_first;
	struct slot *leader = slot_at(ring, first);

	if (leader->state != SLOT_RUNNING || !bundle_leads(ring, leader))
		return false;
	slot_pause(ring, leader);
	return true;
}
