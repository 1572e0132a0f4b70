/*
 * Completions that are not simply the end: what was interrupted or came too
 * early is started again, what was short goes on, what gives many results is
 * kept going, and what the kernel ended for reasons of its own is begun anew. A
 * slot that somebody wants to end is never started again.
 */
#include "buf/pool.h"
#include "ring/accept.h"
#include "ring/bundle.h"
#include "ring/life.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <a10/net.h>

/* How long to wait after what will not be better at once (no descriptors). */
#define RETRY_FIRST_NS INT64_C(1000000)
#define RETRY_LAST_NS  INT64_C(100000000)
/* -EAGAIN although the descriptor is ready, over and over, is an answer. */
#define READY_TRIES 16

/* Not in errno.h: a worker that was cancelled lets them out (6.18). */
#define RESTART_FIRST 512
#define RESTART_LAST  516

bool is_interrupted(int64_t value)
{
	return value == -EINTR ||
	       (value <= -RESTART_FIRST && value >= -RESTART_LAST);
}

bool is_ended(int64_t value)
{
	return value == -ECANCELED || value == -EAGAIN || is_interrupted(value);
}

void slot_park(struct a10_ring *ring, struct slot *slot, enum slot_park park)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);

	slot->state = SLOT_PARKED;
	slot->park = (uint8_t)park;
	if (park != PARK_POOL)
		return;
	cold->park_prev = NO_SLOT;
	cold->park_next = ring->starved;
	if (ring->starved != NO_SLOT)
		cold_at(ring, ring->starved)->park_prev = index;
	ring->starved = index;
	pool_set_hungry(cold->pool);
}

void slot_unpark(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	check(slot->state == SLOT_PARKED);
	if (slot->park == PARK_POOL) {
		if (cold->park_prev != NO_SLOT)
			cold_at(ring, cold->park_prev)->park_next =
				cold->park_next;
		else
			ring->starved = cold->park_next;
		if (cold->park_next != NO_SLOT)
			cold_at(ring, cold->park_next)->park_prev =
				cold->park_prev;
	} else if (slot->park == PARK_SCOPE) {
		if (op_row(slot->opcode)->own == OWN_SCOPE_ROOM)
			scope_room_forget(ring, slot);
		else
			scope_wait_forget(ring, slot);
	} else if (slot->park == PARK_MESSAGE) {
		message_forget(ring, slot);
	}
	slot->park = PARK_NONE;
}

void slot_restart(struct a10_ring *ring, struct slot *slot)
{
	/* A pause that is not needed any more must not hit the new one. */
	if (slot->marks & MARK_LISTED && !is_ending(slot))
		slot_cancel_forget(ring, slot);
	slot->marks &= (uint16_t)~MARK_PAUSE;
	queue_push_again(ring, slot);
}

static void retry_later(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	int64_t wait = RETRY_FIRST_NS
		       << (cold->retries < 8 ? cold->retries : 8);

	cold->retries++;
	if (wait > RETRY_LAST_NS)
		wait = RETRY_LAST_NS;
	cold->retry_at = ring_clock(ring) + wait;
	slot_park(ring, slot, PARK_RETRY);
	timer_update(ring, slot);
}

static bool said_not_to_wait(const struct a10_request *request,
			     const struct op_row *row)
{
	switch ((enum op_nowait)row->nowait) {
	case NOWAIT_MSG:
		return request->op_flags & MSG_DONTWAIT;
	case NOWAIT_RWF:
		return request->op_flags & RWF_NOWAIT;
	case NOWAIT_ACCEPT:
		return request->priority & URING_ACCEPT_DONTWAIT;
	case NOWAIT_NONE:
		break;
	}
	return false;
}

/* Poll first, then again. false: -EAGAIN is the answer. */
static bool restart_when_ready(struct a10_ring *ring, struct slot *slot,
			       const struct op_row *row)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	if (row->direction == READY_NEVER || said_not_to_wait(request, row))
		return false;
	if (slot->tries++ >= READY_TRIES)
		return false;
	slot->step = STEP_READY;
	slot->id |= TAG_SPECIAL;
	slot_restart(ring, slot);
	return true;
}

/*
 * What is sent without copying counts against the memlock limit of a user who
 * has one. Copying is slower, but it is what was asked for.
 */
static bool restart_copying(struct a10_ring *ring, struct slot *slot)
{
	struct a10_request *request = request_at(ring, slot_index(slot));
	struct cold *cold = cold_at(ring, slot_index(slot));

	if (!(slot->flags & SLOT_COLD) || cold->flags & A10_WITH_RAW ||
	    !(cold->flags & A10_WITH_ZERO_COPY))
		return false;
	cold->flags = (cold->flags & ~A10_WITH_ZERO_COPY) | COLD_COPIES;
	request->opcode = slot->opcode;
	request->priority &= (uint16_t) ~(URING_SEND_ZC_REPORT_USAGE |
					  URING_RECVSEND_FIXED_BUF);
	request->buffer = 0;
	slot_restart(ring, slot);
	return true;
}

/* For want of a buffer; or of room for completions, which are taken by now. */
static bool is_starved(struct a10_ring *ring, const struct slot *slot,
		       int64_t value)
{
	const uint32_t index = slot_index(slot);

	if (!(slot->flags & SLOT_COLD) ||
	    !(cold_at(ring, index)->flags & A10_WITH_POOL))
		return false;
	if (request_at(ring, index)->opcode == URING_OP_RECV_ZC)
		return value == -ENOMEM || value == -ENOSPC;
	return value == -ENOBUFS;
}

static void restart_fed(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	struct a10_pool *pool = cold_at(ring, slot_index(slot))->pool;
	const enum pool_advice advice =
		value == -ENOSPC ? POOL_AGAIN : pool_advise(ring, pool);

	if (advice == POOL_AGAIN)
		slot_restart(ring, slot);
	else if (advice == POOL_LATER)
		retry_later(ring, slot);
	else
		slot_park(ring, slot, PARK_POOL);
}

/* Whether a failure was none, and it has been started again. */
static bool restart_failed(struct a10_ring *ring, struct slot *slot,
			   const struct op_row *row, int64_t value)
{
	/* A close that fails has closed; again would close another's. */
	if (is_unstoppable(slot))
		return false;
	if (is_starved(ring, slot, value)) {
		restart_fed(ring, slot, value);
		return true;
	}
	if (is_interrupted(value)) {
		slot_restart(ring, slot);
		return true;
	}
	if (value == -ENOMEM)
		return restart_copying(ring, slot);
	if (value == -EAGAIN)
		return restart_when_ready(ring, slot, row);
	return standin_after(ring, slot, value);
}

/* The buffer the kernel picked, whatever the result says. */
void result_buffer(struct a10_ring *ring, struct slot *slot,
		   const struct completion *completion, struct a10_result *r)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const bool counted = cold->flags & A10_WITH_BOUND;
	const uint64_t source = counted ? id_plain(slot->id) : 0;

	if (!cold->pool)
		return;
	if (completion->flags & URING_CQE_F_BUFFER)
		pool_lend(cold->pool, completion->res, completion->flags,
			  source, &r->buf);
	else if (completion->res > 0 && pool_is_zero_copy(cold->pool))
		pool_lend_at(cold->pool, completion->res, r->extra[0], source,
			     &r->buf);
	if (counted && r->buf.data)
		cold->lent++;
}

static void result_descriptor(struct a10_ring *ring, const struct cold *cold,
			      const struct completion *completion,
			      struct a10_result *r)
{
	r->fd = a10_fd_regular(completion->res);
	if (cold->flags & A10_WITH_DIRECT)
		r->fd.ring = ring->sq.number;
	r->value = 0;
}

void result_make(struct a10_ring *ring, struct slot *slot,
		 const struct op_row *row, const struct completion *completion,
		 struct a10_result *r)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	mark_written(ring, slot, row, completion->res);
	r->value = completion->res;
	if (completion->flags & URING_CQE_F_SOCK_NONEMPTY)
		r->flags |= A10_RESULT_NONEMPTY;
	/* Of what is delivered now; what is kept has no more than res. */
	if (unlikely(ring->batch_extra) && completion >= ring->batch &&
	    completion < ring->batch + COMPLETION_BATCH)
		memcpy(r->extra, ring->batch_extra[completion - ring->batch],
		       sizeof(r->extra));
	if (!(slot->flags & SLOT_COLD) || cold->flags & A10_WITH_RAW) {
		if (completion->res > 0)
			r->count = (size_t)completion->res;
		return;
	}
	result_buffer(ring, slot, completion, r);
	if (row->own == OWN_TIMEOUT && r->value == -ETIME)
		r->value = 0;
	if (r->value < 0)
		return;
	if (row->data == DATA_MESSAGE)
		message_make(ring, slot, r);
	if (row->result == RESULT_DESCRIPTOR)
		result_descriptor(ring, cold, completion, r);
	else
		r->count = (size_t)r->value;
	if (cold->flags & COLD_COPIES)
		r->flags |= A10_RESULT_COPIED;
	if (slot->opcode == A10_OPCODE_SOCKET_TIMESTAMPS) {
		r->count = completion->flags >> URING_TIMESTAMP_TYPE_SHIFT;
		if (completion->flags & URING_CQE_F_TSTAMP_HW)
			r->flags |= A10_RESULT_HARDWARE;
	}
}

bool all_goes_on(struct a10_ring *ring, struct slot *slot,
		 const struct op_row *row, struct a10_result *r)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);
	struct a10_request *request = request_at(ring, index);
	uint64_t left;

	if (r->value > 0)
		cold->bytes += (uint64_t)r->value;
	/* With MSG_TRUNC the kernel tells of more than there was room for. */
	if (cold->bytes > cold->total)
		cold->bytes = cold->total;
	left = cold->total - cold->bytes;
	r->count = (size_t)cold->bytes;
	if (r->value < 0)
		return false;
	if (r->value == 0 || left == 0) {
		r->value = (ssize_t)cold->bytes;
		return false;
	}
	if (is_ending(slot)) {
		r->value = (ssize_t)slot_reason(slot, 0);
		return false;
	}
	capture_advance(row, request, (uint64_t)r->value, left);
	slot->tries = 0;
	if (cold->flags & A10_WITH_TIMEOUT)
		timer_progress(ring, slot);
	return true;
}

/*
 * The same of this slot: what would have been started again, had nobody asked
 * for its end, is not an answer either.
 */
static bool is_ended_here(struct a10_ring *ring, const struct slot *slot,
			  const struct op_row *row, int64_t value)
{
	const uint32_t with = slot->flags & SLOT_COLD ?
				      cold_at(ring, slot_index(slot))->flags :
				      0;

	return is_ended(value) || is_starved(ring, slot, value) ||
	       (with & A10_WITH_MULTISHOT && accept_is_transient(row, value)) ||
	       standin_follows(ring, slot, value);
}

/* The second completion of a zero-copy send: the buffer is free. */
static void zero_copy_notified(struct a10_ring *ring, struct slot *slot,
			       const struct op_row *row,
			       const struct completion *completion)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	struct a10_result r = { .value = (ssize_t)cold->value };

	if ((uint32_t)completion->res & URING_NOTIF_USAGE_ZC_COPIED)
		r.flags |= A10_RESULT_COPIED;
	if (r.value < 0 && !is_ending(slot) &&
	    restart_failed(ring, slot, row, r.value))
		return;
	if (r.value < 0 && is_ending(slot) && is_ended(r.value))
		r.value = (ssize_t)slot_reason(slot, r.value);
	if (r.value > 0)
		r.count = (size_t)r.value;
	if (cold->flags & A10_WITH_ALL && all_goes_on(ring, slot, row, &r))
		slot_restart(ring, slot);
	else
		slot_deliver(ring, slot, &r);
}

void slot_hold(struct a10_ring *ring, struct slot *slot)
{
	slot_cancel_forget(ring, slot);
	slot->marks &= (uint16_t)~MARK_PAUSE;
	slot_park(ring, slot, PARK_BOUND);
}

/* The kernel has ended a multishot that nobody else wants to end. */
static void multishot_again(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (slot->marks & MARK_HELD ||
	    (cold->flags & A10_WITH_BOUND && cold->lent >= cold->bound))
		slot_hold(ring, slot);
	else
		slot_restart(ring, slot);
}

static void multishot_failed(struct a10_ring *ring, struct slot *slot,
			     const struct op_row *row, struct a10_result *r)
{
	if (is_ending(slot)) {
		if (is_ended_here(ring, slot, row, r->value))
			r->value = (ssize_t)slot_reason(slot, r->value);
		slot_deliver(ring, slot, r);
	} else if ((slot->marks & MARK_PAUSE && is_ended(r->value)) ||
		   (slot->marks & MARK_HELD &&
		    is_ended_here(ring, slot, row, r->value))) {
		/* Held, it has to end, for want of buffers perhaps. */
		multishot_again(ring, slot);
	} else if (accept_is_transient(row, r->value)) {
		retry_later(ring, slot);
	} else if (!restart_failed(ring, slot, row, r->value)) {
		slot_deliver(ring, slot, r);
	}
}

/* Of what gives bytes: there are no more. */
static bool is_end(struct a10_ring *ring, const struct slot *slot,
		   const struct op_row *row, struct a10_result *r)
{
	if (row->result != RESULT_BYTES || r->value != 0)
		return false;
	if (row->data == DATA_MESSAGE)
		return message_is_end(ring, slot, r);
	return row->nowait != NOWAIT_MSG || !is_of_datagrams(ring, slot);
}

static void multishot_completed(struct a10_ring *ring, struct slot *slot,
				const struct op_row *row,
				const struct completion *completion)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const bool more = completion->flags & URING_CQE_F_MORE;
	struct a10_result r = { .value = 0 };
	struct completion last;

	if (unlikely(cold->flags & A10_WITH_BUNDLE)) {
		last = *completion;
		bundle_deliver(ring, slot, &last);
		completion = &last;
	}
	result_make(ring, slot, row, completion, &r);
	if (r.value < 0) {
		multishot_failed(ring, slot, row, &r);
		return;
	}
	cold->retries = 0;
	slot->tries = 0;
	/* The end of file ends it, and what came after a cancel. */
	if (!more && (is_end(ring, slot, row, &r) || is_ending(slot))) {
		slot_deliver(ring, slot, &r);
		return;
	}
	if (cold->flags & A10_WITH_TIMEOUT)
		timer_progress(ring, slot);
	slot_deliver_more(ring, slot, &r);
	if (more) {
		if (cold->flags & A10_WITH_BOUND && cold->lent >= cold->bound)
			slot_pause(ring, slot);
	} else if (is_ending(slot)) {
		slot_finish(ring, slot, slot_reason(slot, 0));
	} else {
		multishot_again(ring, slot);
	}
}

/* One that has ended without an error that means it must go on. */
static void single_completed(struct a10_ring *ring, struct slot *slot,
			     const struct op_row *row,
			     const struct completion *completion)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));
	const uint32_t with = slot->flags & SLOT_COLD ? cold->flags : 0;
	struct a10_result r = { .value = 0 };

	/* It is carried out, whoever has found it with the kernel. */
	if (unlikely(row->own == OWN_CLOSE && completion->res == -ECANCELED &&
		     !(with & A10_WITH_RAW))) {
		slot_restart(ring, slot);
		return;
	}
	result_make(ring, slot, row, completion, &r);
	if (r.value < 0) {
		if (is_ending(slot)) {
			if (is_ended_here(ring, slot, row, r.value))
				r.value = (ssize_t)slot_reason(slot, r.value);
		} else if (slot->marks & MARK_PAUSE && is_ended(r.value)) {
			r.value = -EAGAIN; /* accept_is_hurried */
		} else if (!(with & A10_WITH_RAW) &&
			   restart_failed(ring, slot, row, r.value)) {
			return;
		}
	}
	if (with & A10_WITH_ALL && all_goes_on(ring, slot, row, &r))
		slot_restart(ring, slot);
	else
		slot_deliver(ring, slot, &r);
}

/* Those that went out with it are told at once, as it is. */
static void bundled_completed(struct a10_ring *ring, struct slot *slot,
			      const struct op_row *row,
			      const struct completion *completion)
{
	struct completion own = *completion;
	uint32_t count;

	if (bundle_completed(ring, slot, &own, &count))
		single_completed(ring, slot, row, &own);
	if (count > 0)
		finished_deliver(ring);
}

/* The poll that came before the operation itself. */
static void ready_completed(struct a10_ring *ring, struct slot *slot,
			    int32_t res)
{
	struct a10_result r = { .value = res };

	slot->step = STEP_SELF;
	if (is_ending(slot)) {
		r.value = (ssize_t)slot_reason(slot, res);
		if (slot->flags & SLOT_COLD)
			r.count =
				(size_t)cold_at(ring, slot_index(slot))->bytes;
		slot_deliver(ring, slot, &r);
	} else if (res < 0 && !is_interrupted(res)) {
		slot_deliver(ring, slot, &r);
	} else if (standin_is_needed(ring, slot)) {
		standin_ready(ring, slot);
	} else {
		slot_restart(ring, slot);
	}
}

void slot_completed(struct a10_ring *ring, struct slot *slot,
		    const struct completion *completion)
{
	const uint32_t index = slot_index(slot);
	const struct op_row *row = op_row(slot->opcode);
	struct cold *cold = cold_at(ring, index);
	const uint32_t with = slot->flags & SLOT_COLD ? cold->flags : 0;
	const bool more = completion->flags & URING_CQE_F_MORE;

	if (slot->step == STEP_READY) {
		ready_completed(ring, slot, completion->res);
	} else if (slot->step == STEP_TURN) {
		standin_turned(ring, slot);
	} else if (slot->step == STEP_INSTALL) {
		standin_installed(ring, slot, completion->res);
	} else if (slot->step == STEP_CONVERT && row->result == RESULT_PAIR) {
		pair_converted(ring, slot, completion->res);
	} else if (slot->step == STEP_CONVERT || row->own == OWN_CONNECT_TO ||
		   row->own == OWN_LISTEN_ON) {
		made_completed(ring, slot, completion->res);
	} else if (row->own == OWN_FD_MOVE) {
		move_completed(ring, slot, completion->res);
	} else if (completion->flags & URING_CQE_F_NOTIF) {
		zero_copy_notified(ring, slot, row, completion);
	} else if (more && with & A10_WITH_ZERO_COPY) {
		cold->value = completion->res;
	} else if (with & A10_WITH_MULTISHOT) {
		multishot_completed(ring, slot, row, completion);
	} else if (more) {
		/* One of a10_raw's with many results: as they come. */
		struct a10_result r = { .value = 0 };

		result_make(ring, slot, row, completion, &r);
		slot_deliver_more(ring, slot, &r);
	} else if (unlikely(with & A10_WITH_BUNDLE) &&
		   bundle_leads(ring, slot)) {
		bundled_completed(ring, slot, row, completion);
	} else {
		single_completed(ring, slot, row, completion);
	}
}

void ring_pool_refilled(struct a10_ring *ring, struct a10_pool *pool)
{
	uint32_t index = ring->starved;

	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);
		const struct cold *cold = cold_at(ring, index);

		index = cold->park_next;
		if (cold->pool == pool) {
			slot_unpark(ring, slot);
			slot_restart(ring, slot);
		}
	}
}

void slot_unhold(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	/* What was late until now was not the other side. */
	if (slot->marks & MARK_ARMED)
		timer_progress(ring, slot);
	if (slot->state != SLOT_PARKED || slot->park != PARK_BOUND)
		return;
	if (cold->flags & A10_WITH_BOUND && cold->lent >= cold->bound)
		return;
	slot_unpark(ring, slot);
	if (slot->opcode == A10_OPCODE_MESSAGE_RECEIVE)
		message_receive(ring, slot);
	else if (op_row(slot->opcode)->multishot == MULTISHOT_CALL)
		standin_wait(ring, slot);
	else
		slot_restart(ring, slot);
}

void ring_loan_ended(struct a10_ring *ring, uint64_t source)
{
	struct slot *slot = slot_find(ring, source);
	struct cold *cold;

	if (!slot || !(slot->flags & SLOT_COLD))
		return;
	cold = cold_at(ring, slot_index(slot));
	check(cold->lent > 0);
	cold->lent--;
	if (slot->state == SLOT_PARKED && slot->park == PARK_BOUND &&
	    !(slot->marks & MARK_HELD) && cold->lent < cold->bound) {
		slot_unpark(ring, slot);
		slot_restart(ring, slot);
	}
}
