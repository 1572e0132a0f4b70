/*
 * Deadlines are the library's: a heap of times, of which poll passes the first
 * to the backend, so that one mechanism serves single, repeated and multishot
 * operations, every backend and virtual time. A slot's place in the heap is a
 * lower bound of its next time: what makes progress only notes when, and is put
 * in its new place when the old time comes.
 */
#include "buf/pool.h"
#include "ring/life.h"

int64_t ring_clock(struct a10_ring *ring)
{
	if (!ring->clock_valid) {
		ring->clock = ring->calls->now(ring->backend);
		ring->clock_valid = true;
	}
	return ring->clock;
}

int64_t ring_clock_anew(struct a10_ring *ring)
{
	ring->clock_valid = false;
	return ring_clock(ring);
}

int64_t time_after(int64_t at, int64_t ns)
{
	int64_t sum;

	return __builtin_add_overflow(at, ns, &sum) ? INT64_MAX : sum;
}

/* When it is to be cancelled. */
static int64_t slot_deadline(const struct slot *slot, const struct cold *cold)
{
	int64_t at = cold->deadline_ns, other;

	if (cold->scope && !(cold->flags & A10_WITH_SHIELD) &&
	    cold->scope->deadline < at)
		at = cold->scope->deadline;
	if (slot->marks & MARK_ARMED && !(slot->marks & MARK_HELD)) {
		other = time_after(cold->progress_at, cold->timeout_ns);
		if (other < at)
			at = other;
	}
	return at;
}

static int64_t slot_next_time(const struct slot *slot, const struct cold *cold)
{
	const int64_t at = slot_deadline(slot, cold);

	return cold->retry_at < at ? cold->retry_at : at;
}

void timer_forget(struct a10_ring *ring, struct slot *slot)
{
	if (!(slot->marks & MARK_TIMED))
		return;
	heap_remove(&ring->timers, &cold_at(ring, slot_index(slot))->timer);
	slot->marks &= (uint16_t)~MARK_TIMED;
}

void timer_update(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const int64_t at = slot_next_time(slot, cold);

	/*
	 * Later than its place says: that is seen to when the place comes up.
	 */
	if (slot->marks & MARK_TIMED && at >= cold->timer.key)
		return;
	timer_forget(ring, slot);
	if (at == INT64_MAX)
		return;
	cold->timer.key = at;
	heap_insert(&ring->timers, &cold->timer);
	slot->marks |= MARK_TIMED;
}

void timer_progress(struct a10_ring *ring, struct slot *slot)
{
	cold_at(ring, slot_index(slot))->progress_at = ring_clock(ring);
	slot->marks |= MARK_ARMED;
	timer_update(ring, slot);
}

static void timer_passed(struct a10_ring *ring, struct slot *slot,
			 struct cold *cold, int64_t now)
{
	int64_t due;

	if (slot_deadline(slot, cold) <= now) {
		slot_cancel(ring, slot, MARK_TIME);
		return;
	}
	if (cold->retry_at > now) {
		timer_update(ring, slot);
		return;
	}
	due = cold->retry_at;
	cold->retry_at = INT64_MAX;
	if (slot->park == PARK_TIMER) {
		timeout_expired(ring, slot, due);
	} else if (slot->park == PARK_RETRY) {
		slot_unpark(ring, slot);
		slot_restart(ring, slot);
		timer_update(ring, slot);
	}
}

void timers_expire(struct a10_ring *ring)
{
	const int64_t now = ring->timers.root ? ring_clock(ring) : 0;
	struct heap_node *first;

	while ((first = heap_first(&ring->timers)) && first->key <= now) {
		struct cold *cold = container_of(first, struct cold, timer);
		struct slot *slot = slot_of_cold(ring, cold);

		timer_forget(ring, slot);
		timer_passed(ring, slot, cold, now);
	}
}

int64_t timers_next(struct a10_ring *ring)
{
	const struct heap_node *first = heap_first(&ring->timers);
	int64_t at = first ? first->key : INT64_MAX;

	if (unlikely(ring->owing > 0)) {
		const int64_t again = pools_next(ring);

		if (again < at)
			at = again;
	}
	if (ring->cancel_retries > 0 && ring->cancel_at < at)
		at = ring->cancel_at;
	return at;
}
