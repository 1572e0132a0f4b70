/*
 * Streams. A multishot's results are kept, in order, until a10_stream_next asks
 * for them. When as many wait as the stream may have, the kernel's part of the
 * multishot is ended and its slot held: parked until half of them were taken.
 *
 *            bound results wait           half of them taken
 *   FLOWS ----------------------> HELD ---------------------> FLOWS
 *     |                            |
 *     +------- the last result ----+----> ENDED
 *
 * What writes each result to the same place, which was lent, is held after each,
 * until the next is asked for.
 */
#include "task/core.h"

#include <errno.h>
#include <stdlib.h>

#include <a10/stream.h>

/* A few results lie together. */
#define CHUNK 16u

struct chunk {
	struct chunk *next;
	struct a10_result results[CHUNK];
};

struct a10_stream {
	/* What each result uses, together. */
	struct a10_ring *ring;
	a10_id id;          /* of the multishot; 0: it has ended */
	struct task *asker; /* waits for the next, without a slot; or ... */
	uint32_t waiting;   /* ... the slot of who does */
	uint32_t count;     /* results that wait */
	bool held;
	bool lent;      /* a result is where the next one will be, too */
	bool cancelled; /* hold it no more */
	bool closing;   /* keep nothing more */
	uint32_t bound;
	uint32_t opcode;
	uint32_t from; /* in the first chunk */
	uint32_t to;   /* in the last one */
	struct chunk *first;
	struct chunk *last;
	ssize_t end;         /* what the last result said */
	struct task *closer; /* waits for the end */
};

/* ---- what waits ---------------------------------------------------------------- */

/* false: no memory. */
static bool results_put(struct a10_stream *stream, const struct a10_result *r)
{
	struct chunk *chunk;

	if (!stream->last || stream->to == CHUNK) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return false;
		chunk->next = NULL;
		if (stream->last)
			stream->last->next = chunk;
		else
			stream->first = chunk;
		stream->last = chunk;
		stream->to = 0;
	}
	stream->last->results[stream->to++] = *r;
	stream->count++;
	return true;
}

static void results_take(struct a10_stream *stream, struct a10_result *ret_r)
{
	struct chunk *chunk = stream->first;

	*ret_r = chunk->results[stream->from++];
	stream->count--;
	if (stream->count == 0) {
		/* The one chunk that is left begins anew. */
		stream->from = 0;
		stream->to = 0;
	} else if (stream->from == CHUNK) {
		stream->first = chunk->next;
		stream->from = 0;
		free(chunk);
	}
}

static void results_drop(struct a10_stream *stream)
{
	struct chunk *chunk;
	struct a10_result r;

	while (stream->count > 0) {
		results_take(stream, &r);
		result_drop(stream->ring, &r);
	}
	while ((chunk = stream->first)) {
		stream->first = chunk->next;
		free(chunk);
	}
	stream->last = NULL;
}

/* ---- the multishot --------------------------------------------------------------- */

static struct slot *stream_slot(struct a10_stream *stream)
{
	return stream->id > 0 ? slot_find(stream->ring, (uint64_t)stream->id) :
				NULL;
}

static void stream_hold(struct a10_stream *stream)
{
	struct slot *slot = stream_slot(stream);

	stream->held = true;
	/* Between two results it is parked or queued; then it has ended. */
	if (!slot || slot->opcode == A10_OPCODE_TIMEOUT)
		return;
	slot->marks |= MARK_HELD;
	/* The kernel has nothing of what is lent: it was a poll, and is over. */
	if (slot->state == SLOT_RUNNING && !stream->lent)
		slot_pause(stream->ring, slot);
}

static void stream_flow(struct a10_stream *stream)
{
	struct slot *slot = stream_slot(stream);

	stream->held = false;
	if (!slot || !(slot->marks & MARK_HELD))
		return;
	slot->marks &= (uint16_t)~MARK_HELD;
	slot_unhold(stream->ring, slot);
}

static void stream_take(struct a10_stream *stream, struct a10_result *r);

/* A timer's periods add up in what waits last. */
static bool is_merged(struct a10_stream *stream, const struct a10_result *r)
{
	if (stream->opcode != A10_OPCODE_TIMEOUT || !r->more ||
	    stream->count < stream->bound)
		return false;
	stream->last->results[stream->to - 1].count += r->count;
	return true;
}

/* What next says, of what is or was the first that waits. */
static ssize_t next_told(struct a10_stream *stream,
			 struct a10_result *ret_result,
			 const struct a10_result *r)
{
	if (ret_result) {
		*ret_result = *r;
		ret_result->id = 0;
		ret_result->more = false;
	} else if (a10_fd_valid(r->fd) || r->buf.data) {
		struct a10_result unwanted = *r;

		result_drop(stream->ring, &unwanted);
	}
	return r->value;
}

/* The task goes on at once; it may close the stream. */
static inline __attribute__((always_inline)) void
asker_resume(struct a10_stream *stream, const struct a10_result *r)
{
	struct task *task = stream->asker;

	stream->asker = NULL;
	task_resume(task, next_told(stream, task->waits_result, r));
}

static void stream_result(void *data, const struct a10_result *r)
{
	struct a10_stream *stream = data;
	struct a10_result copy;
	bool kept = false;

	if (likely(r->more && stream->asker)) {
		if (unlikely(stream->lent))
			stream_hold(stream);
		asker_resume(stream, r);
		return;
	}
	copy = *r;
	if (!r->more) {
		stream->id = 0;
		if (!stream->end && r->value < 0)
			stream->end = r->value;
		/* An error, or the end, is said by next for ever after. */
		kept = r->value <= 0 && !a10_fd_valid(r->fd) && !r->buf.data;
	}
	if (stream->closing) {
		result_drop(stream->ring, &copy);
		if (!r->more && stream->closer)
			task_ready(stream->closer);
		return;
	}
	if (!kept && !is_merged(stream, r) && !results_put(stream, r)) {
		result_drop(stream->ring, &copy);
		stream->end = -ENOMEM;
		if (stream->id)
			a10_cancel(r->sq, stream->id);
	}
	if (r->more && !stream->held && !stream->cancelled &&
	    stream->count >= stream->bound)
		stream_hold(stream);
	if (stream->asker) {
		stream_take(stream, &copy);
		asker_resume(stream, &copy);
	} else if (stream->waiting != NO_SLOT) {
		struct slot *slot = slot_at(stream->ring, stream->waiting);

		stream->waiting = NO_SLOT;
		slot_unpark(stream->ring, slot);
		slot_finish(stream->ring, slot, 0);
	}
}

/* ---- a10_stream_next ---------------------------------------------------------------- */

static struct a10_stream *slot_stream(struct a10_ring *ring,
				      const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	return (struct a10_stream *)(uintptr_t)request->address;
}

static bool has_next(const struct a10_stream *stream)
{
	return stream->count > 0 || stream->id == 0;
}

/* Somebody waits: what was told last may be written over. */
static void stream_asked(struct a10_stream *stream)
{
	if (stream->held)
		stream_flow(stream);
}

static void next_park(struct a10_ring *ring, struct slot *slot)
{
	struct a10_stream *stream = slot_stream(ring, slot);

	stream->waiting = slot_index(slot);
	slot_park(ring, slot, PARK_ABOVE);
	stream_asked(stream);
}

static void next_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_stream *stream = slot_stream(ring, slot);

	if (!stream)
		slot_finish(ring, slot, -ENOMEM);
	else if (stream->ring != ring)
		slot_finish(ring, slot, -EXDEV);
	else if (stream->waiting != NO_SLOT || stream->asker)
		slot_finish(ring, slot, -EBUSY);
	else if (has_next(stream))
		slot_finish(ring, slot, 0);
	else
		next_park(ring, slot);
}

static void next_cancel(struct a10_ring *ring, struct slot *slot)
{
	slot_stream(ring, slot)->waiting = NO_SLOT;
	slot_unpark(ring, slot);
	slot_finish(ring, slot, slot_reason(slot, 0));
}

static void stream_take(struct a10_stream *stream, struct a10_result *r)
{
	struct a10_result taken;

	if (stream->count == 0) {
		r->value = stream->end;
		return;
	}
	results_take(stream, &taken);
	r->value = taken.value;
	r->count = taken.count;
	r->fd = taken.fd;
	r->buf = taken.buf;
	r->flags = taken.flags;
	memcpy(r->extra, taken.extra, sizeof(r->extra));
	if (stream->held && !stream->lent && stream->count <= stream->bound / 2)
		stream_flow(stream);
}

/* Only now is it taken: a time-out until here has taken nothing. */
static void next_deliver(struct a10_ring *ring, struct slot *slot,
			 struct a10_result *r)
{
	struct a10_stream *stream = slot_stream(ring, slot);

	if (r->value < 0 || slot->marks & MARK_DETACH)
		return;
	if (has_next(stream))
		stream_take(stream, r);
	else
		r->value = -EBUSY; /* a task has come in between */
}

static void next_give_up(struct task *task)
{
	struct a10_stream *stream = task->waits_in;
	const struct a10_result r = { .value = task->reason, .sq = task->sq };

	stream->asker = NULL;
	task->given = next_told(stream, task->waits_result, &r);
	task_ready(task);
}

/* Whether the task can do without a slot. */
static inline bool next_is_ours(const struct a10_stream *stream,
				const struct task *task)
{
	return stream && stream->ring == task->ring &&
	       stream->waiting == NO_SLOT && !stream->asker;
}

static inline void next_wait(struct a10_stream *stream, struct task *task,
			     struct a10_result *ret_result)
{
	stream->asker = task;
	task->waits_result = ret_result;
	task_waits_in(task, stream, next_give_up);
	stream_asked(stream);
}

static enum await_how next_await(const struct a10_op *op,
				 struct a10_result *ret_result,
				 ssize_t *ret_value)
{
	struct a10_stream *stream =
		(struct a10_stream *)(uintptr_t)op->request.address;
	struct task *task = task_here;
	struct a10_result r = { .sq = task->sq };

	if (!next_is_ours(stream, task))
		return AWAIT_BY_SLOT;
	if (has_next(stream)) {
		/* With a slot, others have their turn. */
		if (++task->streak >= STREAK_MOST)
			return AWAIT_BY_SLOT;
		stream_take(stream, &r);
		*ret_value = next_told(stream, ret_result, &r);
		return AWAIT_OVER;
	}
	next_wait(stream, task, ret_result);
	return AWAIT_BEGUN;
}

static __attribute__((noinline)) ssize_t next_slow(struct a10_stream *stream,
						   struct a10_result *ret_r)
{
	const struct a10_op op = a10_stream_next(stream);

	return a10_task_await_op(&op, ret_r);
}

/* The short way of what is usual: nobody has cancelled it, and it must wait. */
ssize_t a10_task_await_next(struct a10_stream *stream,
			    struct a10_result *ret_result)
{
	struct task *task = task_here;

	if (unlikely(!task || (task->reason | task->shield) ||
		     sq_is_inherited(task->sq) || !next_is_ours(stream, task) ||
		     has_next(stream)))
		return next_slow(stream, ret_result);
	next_wait(stream, task, ret_result);
	return task_suspend(task);
}

static const struct above_calls next_calls = {
	.begin = next_begin,
	.cancel = next_cancel,
	.deliver = next_deliver,
	.await = next_await,
};

/* ---- opening and closing ---------------------------------------------------------------- */

struct a10_stream *a10_stream_open(struct a10_op op, uint32_t bound)
{
	struct a10_ring *ring = a10_ring_current();
	struct a10_stream *stream;
	a10_id id;

	above_register(A10_OPCODE_STREAM_NEXT, &next_calls);
	check_use(ring, "this thread is polling no ring: it is for tasks and "
			"callbacks");
	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		op_give_up(&op);
		return NULL;
	}
	/* What was not taken is given back through it, also when it is gone. */
	a10_sq_ref(a10_ring_sq(ring));
	ring->tasks.streams = stream_result;
	stream->ring = ring;
	stream->opcode = op.request.opcode;
	stream->lent = op_row(stream->opcode)->multishot == MULTISHOT_CALL;
	stream->bound = bound && !stream->lent ? bound : 1;
	id = a10_submit(a10_ring_sq(ring), a10_multishot(op), stream_result,
			stream);
	if (id < 0)
		stream->end = (ssize_t)id;
	else
		stream->id = id;
	return stream;
}

void a10_stream_cancel(struct a10_stream *stream)
{
	struct slot *slot;

	if (!stream || sq_is_inherited(&stream->ring->sq))
		return;
	check_owner(&stream->ring->sq);
	stream->cancelled = true;
	slot = stream_slot(stream);
	if (slot) {
		slot->marks &= (uint16_t)~MARK_HELD;
		slot_cancel(stream->ring, slot, MARK_CANCEL);
	}
}

void a10_stream_close(struct a10_stream *stream)
{
	struct task *task = task_here;

	if (!stream)
		return;
	/* Its descriptors and buffers are the parent's. */
	if (sq_is_inherited(&stream->ring->sq))
		return;
	check_owner(&stream->ring->sq);
	check_use(stream->waiting == NO_SLOT && !stream->asker,
		  "somebody waits for its next result");
	stream->closing = true;
	a10_stream_cancel(stream);
	if (stream->id && task) {
		stream->closer = task;
		task_suspend(task);
	} else if (stream->id) {
		a10_detach(&stream->ring->sq, stream->id);
	}
	results_drop(stream);
	a10_sq_unref(&stream->ring->sq);
	free(stream);
}
