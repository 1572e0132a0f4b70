/*
 * Rings with a kernel thread. It takes what is in the submission queue whatever
 * the owner does, so what another thread submits does not wait for the owner
 * either: that thread writes the request itself and puts the slot into the inbox
 * marked SLOT_STARTED. The owner finds it there, at its next turn or when its
 * completion comes, and only does the books.
 *
 * start_lock guards the tail of the submission queue, which on these rings is
 * the truth: ring.tail is only right while the owner has the lock, in
 * queue_fill. It also covers inbox_link, so that who has it knows whether
 * anything in the inbox was not started. No other ring has any of this, and the
 * plain path is closed here (window_open).
 *
 * What only the owner can begin waits for it: what stands behind others on its
 * descriptor, whole jobs and waits of the library's own, closes, drained
 * operations; and so does all that others submit after it, since the order of
 * each thread is kept (start_waits). But of times, messages, work and names nobody
 * can tell whether what came after them began before: they wait alone.
 */
#include "base/memory.h"
#include "buf/pool.h"
#include "ring/accept.h"
#include "ring/life.h"

/* The kernel thread is asked for room that long. */
#define ROOM_PATIENCE_NS INT64_C(10000000)
/* Others go on submitting while the owner takes: not for ever. */
#define TAKE_TRIES 64

static uint32_t with_of(const struct a10_sq *sq, uint32_t index)
{
	return sq->slots[index].flags & SLOT_COLD ? sq->colds[index].flags : 0;
}

static bool may_start(const struct a10_sq *sq, uint32_t index)
{
	const struct slot *slot = &sq->slots[index];
	const struct a10_request *request = &sq->requests[index];
	const struct op_row *row = op_row(slot->opcode);
	struct a10_ring *ring = ring_of((struct a10_sq *)(uintptr_t)sq);
	const uint32_t with = with_of(sq, index);

	if (row->own != OWN_NONE || with & A10_WITH_ORDER ||
	    request->flags & URING_SQE_IO_DRAIN)
		return false;
	if (standin_is_needed(ring, slot) || accept_is_hurried(ring, request))
		return false;
	if (!(with & A10_WITH_ALL))
		return true;
	/* See ends_batch in chain.c, and order.c. */
	if (slot->flags & SLOT_CHAIN)
		return !(request->flags & URING_SQE_IO_HARDLINK ||
			 with & A10_WITH_TIMEOUT);
	return !is_stream(request, row);
}

static uint32_t member_after(const struct a10_sq *sq, uint32_t index)
{
	return sq->slots[index].flags & SLOT_CHAIN ?
		       sq->colds[index].chain_next :
		       NO_SLOT;
}

/* How many requests it is; 0: the owner has to begin it. */
static uint32_t count_to_start(const struct a10_sq *sq, uint32_t index)
{
	uint32_t count = 0;

	for (; index != NO_SLOT; index = member_after(sq, index)) {
		if (!may_start(sq, index))
			return 0;
		count++;
	}
	return count;
}

static uint32_t room(const struct a10_ring *ring)
{
	const struct backend_view *view = &ring->view;

	/* Acquire: pairs with the kernel's release when it has read them. */
	return view->sq_entries -
	       (atomic_load_explicit(view->sq_tail, memory_order_relaxed) -
		atomic_load_explicit(view->sq_head, memory_order_acquire));
}

/* Waits for the kernel thread, never for the owner. */
static bool room_comes(struct a10_ring *ring, uint32_t count)
{
	const struct backend_calls *calls = ring->sq.calls;
	int64_t until;

	if (room(ring) >= count)
		return true;
	until = calls->now(ring->backend) + ROOM_PATIENCE_NS;
	do {
		calls->wake(ring->backend, BACKEND_SQ_WAKEUP | BACKEND_SQ_WAIT);
		if (room(ring) >= count)
			return true;
	} while (calls->now(ring->backend) < until);
	return false;
}

static void mark_started(struct a10_ring *ring, uint32_t index)
{
	struct a10_sq *sq = &ring->sq;

	/* Of a chain the others begin later. */
	if (with_of(sq, index) & A10_WITH_TIMEOUT)
		sq->colds[index].progress_at = sq->calls->now(ring->backend);
	for (; index != NO_SLOT; index = member_after(sq, index))
		sq->slots[index].flags |= SLOT_STARTED;
}

/* What the tail is to be then. */
static uint32_t requests_write(struct a10_ring *ring, uint32_t index)
{
	const struct backend_view *view = &ring->view;
	struct a10_sq *sq = &ring->sq;
	uint32_t tail =
		atomic_load_explicit(view->sq_tail, memory_order_relaxed);

	for (uint32_t next; index != NO_SLOT; index = next) {
		struct uring_sqe *sqe = sqe_at(ring, tail++);

		next = member_after(sq, index);
		memcpy(sqe, &sq->requests[index], sizeof(*sqe));
		if (unlikely(ring->sqe_shift))
			request_rest(ring, &sq->slots[index], sqe);
		/* A link on the last would tie it to what comes next. */
		if (next == NO_SLOT)
			sqe->flags &= (uint8_t)~URING_SQE_IO_HARDLINK;
		else if (!(sqe->flags & URING_SQE_IO_HARDLINK))
			sqe->flags |= URING_SQE_IO_LINK;
	}
	return tail;
}

/* The fence is that of enter_flags, of which another thread is the other. */
static void kernel_thread_wake(struct a10_ring *ring)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(ring->view.sq_flags, memory_order_relaxed) &
	    URING_SQ_NEED_WAKEUP)
		ring->sq.calls->wake(ring->backend, BACKEND_SQ_WAKEUP);
}

/* Nothing but its completion concerns the owner. */
static bool is_quiet(const struct a10_sq *sq, uint32_t index)
{
	return !(with_of(sq, index) & (A10_WITH_TIMEOUT | A10_WITH_DEADLINE)) &&
	       !(sq->slots[index].flags & SLOT_CHAIN);
}

/* What comes after it may begin before it. */
static bool waits_alone(const struct a10_sq *sq, uint32_t index)
{
	const struct slot *slot = &sq->slots[index];

	if (slot->flags & SLOT_CHAIN || with_of(sq, index) & A10_WITH_ORDER ||
	    sq->requests[index].flags & URING_SQE_IO_DRAIN)
		return false;
	switch (op_row(slot->opcode)->own) {
	case OWN_TIMEOUT:
	case OWN_MESSAGE_POST:
	case OWN_WORK:
	case OWN_RESOLVE:
		return true;
	default:
		return false;
	}
}

int start_push(struct a10_sq *sq, uint32_t index)
{
	struct a10_ring *ring = ring_of(sq);
	uint32_t count = 0, tail = 0;
	bool quiet = false, alone;
	int err;

	pthread_mutex_lock(&sq->start_lock);
	alone = waits_alone(sq, index);
	if (sq->start_open && !sq->start_waits)
		count = count_to_start(sq, index);
	if (count > 0 && !room_comes(ring, count))
		count = 0;
	if (count > 0) {
		mark_started(ring, index);
		quiet = is_quiet(sq, index);
		tail = requests_write(ring, index);
	}
	/* From here on the slot is the owner's, who knows that it runs. */
	err = inbox_link(sq, index);
	if (err == 0 && count > 0) {
		KERNEL_TAKES();
		/* Release: pairs with the kernel's acquire of tail. */
		atomic_store_explicit(ring->view.sq_tail, tail,
				      memory_order_release);
		kernel_thread_wake(ring);
	} else if (err == 0 && !alone) {
		sq->start_waits = true;
	}
	pthread_mutex_unlock(&sq->start_lock);
	return err < 0 ? err : quiet;
}

/*
 * What the kernel does not find, or cannot stop, the owner sees to: it was asked
 * before, so it knows of the cancel when it sees what that has brought about.
 */
void start_cancel(struct a10_sq *sq, uint64_t id)
{
	struct a10_ring *ring = ring_of(sq);
	uint32_t tail;

	pthread_mutex_lock(&sq->start_lock);
	if (sq->start_open && room_comes(ring, 1)) {
		tail = atomic_load_explicit(ring->view.sq_tail,
					    memory_order_relaxed);
		cancel_write(ring, sqe_at(ring, tail), id);
		/* Release: pairs with the kernel's acquire of tail. */
		atomic_store_explicit(ring->view.sq_tail, tail + 1,
				      memory_order_release);
		kernel_thread_wake(ring);
	}
	pthread_mutex_unlock(&sq->start_lock);
}

void start_allow(struct a10_sq *sq)
{
	pthread_mutex_lock(&sq->start_lock);
	sq->start_open = true;
	pthread_mutex_unlock(&sq->start_lock);
}

void start_forbid(struct a10_sq *sq)
{
	pthread_mutex_lock(&sq->start_lock);
	sq->start_open = false;
	pthread_mutex_unlock(&sq->start_lock);
}

void start_take(struct a10_ring *ring)
{
	struct a10_sq *sq = &ring->sq;

	pthread_mutex_lock(&sq->start_lock);
	/*
	 * What has not been started goes into the queue, so that nothing waits
	 * behind it any more; a drained one must know all that was. Not under
	 * the lock: what is admitted may be a message to another such ring.
	 */
	for (int i = 0; i < TAKE_TRIES; i++) {
		if ((!sq->start_waits && ring->drains == 0) ||
		    !inbox_has_submissions(ring))
			break;
		pthread_mutex_unlock(&sq->start_lock);
		inbox_admit_all(ring);
		pthread_mutex_lock(&sq->start_lock);
	}
	ring->tail =
		atomic_load_explicit(ring->view.sq_tail, memory_order_relaxed);
	ring->published = ring->tail;
}

void start_give(struct a10_ring *ring)
{
	struct a10_sq *sq = &ring->sq;

	if (!inbox_has_submissions(ring))
		sq->start_waits = !queue_is_empty(ring) || ring->drains > 0 ||
				  ring->cancels_wait;
	pthread_mutex_unlock(&sq->start_lock);
}

void start_admit(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t with = with_of(&ring->sq, slot_index(slot));

	slot->state = SLOT_RUNNING;
	slot->next = ring->published; /* too late to be withdrawn */
	ring->running++;
	if (with & A10_WITH_TIMEOUT) {
		slot->marks |= MARK_ARMED;
		timer_update(ring, slot);
	}
	if (unlikely(ring->trace))
		trace_event(ring, A10_TRACE_START, slot, 0);
	if (with & A10_WITH_POOL &&
	    !pool_is_usable(cold_at(ring, slot_index(slot))->pool, ring))
		slot_cancel(ring, slot, MARK_CANCEL);
}
