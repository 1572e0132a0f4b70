/*
 * Scopes. An operation belongs to its scope until its last callback has
 * returned, since that callback may go on in the scope; a scope_wait is over
 * when the count has come to zero, and looks again when it is delivered.
 */
#include "ring/above.h"
#include "ring/life.h"

#include <errno.h>

#define SCOPE_CANCELLED (1u << 0)
#define SCOPE_WON       (1u << 1) /* first wins, and one has */

/*
 * The owner, and its process, as check_owner would know them; but the scope may
 * be counted when the ring is gone, and sq with it. 0: it has no owner yet, or
 * nobody checks.
 */
static uint64_t opener_word(const struct a10_sq *sq)
{
#ifdef A10_DEBUG
	if (sq_is_mine(sq))
		return sq->token << 40 | thread_number_cached;
#endif
	(void)sq;
	return 0;
}

static void check_opener(const struct a10_scope *scope, const char *call)
{
#ifdef A10_DEBUG
	if (scope->opener != 0 && scope->opener >> 40 == *process_word &&
	    scope->opener != (*process_word << 40 | thread_number_cached))
		panic("a10: %s: " NOT_THE_OWNER, call);
#endif
	(void)scope;
	(void)call;
}

void a10_scope_open(struct a10_scope *scope, struct a10_sq *sq, uint32_t flags)
{
	memset(scope, 0, sizeof(*scope));
	if (!sq) {
		check_use(a10_ring_current(),
			  "sq is NULL, and this thread is polling no ring");
		sq = a10_ring_sq(a10_ring_current());
	}
	check_owner(sq);
	scope->sq = sq;
	scope->flags = flags;
	scope->deadline = INT64_MAX;
	scope->opener = opener_word(sq);
}

uint32_t a10_scope_count(const struct a10_scope *scope)
{
	check_opener(scope, __func__);
	return scope->count;
}

bool scope_is_cancelled(const struct a10_scope *scope)
{
	return scope->state & SCOPE_CANCELLED;
}

void scope_join(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);
	struct a10_scope *scope = cold->scope;

	cold->scope_prev = NO_SLOT;
	cold->scope_next = scope->first;
	if (scope->first != NO_SLOT)
		cold_at(ring, scope->first)->scope_prev = index;
	scope->first = index;
}

void scope_unlink(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (cold->scope_prev != NO_SLOT)
		cold_at(ring, cold->scope_prev)->scope_next = cold->scope_next;
	else
		cold->scope->first = cold->scope_next;
	if (cold->scope_next != NO_SLOT)
		cold_at(ring, cold->scope_next)->scope_prev = cold->scope_prev;
}

/* Nothing is left: those that wait are told, at the next turn of poll. */
static void scope_emptied(struct a10_ring *ring, struct a10_scope *scope)
{
	while (scope->waiters != NO_SLOT) {
		struct slot *slot = slot_at(ring, scope->waiters);

		slot_unpark(ring, slot);
		slot_finish(ring, slot, scope->error);
	}
}

/* One of those that wait for room goes on; it looks again itself. */
static void scope_room_made(struct a10_ring *ring, struct a10_scope *scope)
{
	struct slot *slot = slot_at(ring, scope->rooms);

	if (scope->limit && scope->count >= scope->limit)
		return;
	slot_unpark(ring, slot);
	slot_finish(ring, slot, 0);
}

/* Who loses may well fail: no error of the scope. */
static void scope_note(struct a10_scope *scope, int64_t value)
{
	const bool own = scope_is_cancelled(scope) && value == -ECANCELED;
	const bool fast = scope->flags & A10_SCOPE_FAIL_FAST;

	if (value < 0) {
		if (!own && scope->error == 0 && !(scope->state & SCOPE_WON))
			scope->error = (int32_t)value;
	} else if (scope->flags & A10_SCOPE_FIRST_WINS &&
		   !(fast && scope->error)) {
		scope->state |= SCOPE_WON;
		scope->error = 0;
	}
}

void scope_leave(struct a10_ring *ring, struct a10_scope *scope, int64_t value)
{
	const uint32_t cancels =
		value < 0 ? A10_SCOPE_FAIL_FAST : A10_SCOPE_FIRST_WINS;

	if (value != SCOPE_FORGOTTEN) {
		scope_note(scope, value);
		if (scope->flags & cancels)
			a10_scope_cancel(scope);
	}
	scope->count--;
	if (scope->rooms != NO_SLOT)
		scope_room_made(ring, scope);
	if (scope->count == 0)
		scope_emptied(ring, scope);
}

void a10_scope_cancel(struct a10_scope *scope)
{
	struct a10_ring *ring = ring_of(scope->sq);
	uint32_t index = scope->first;

	check_owner(scope->sq);
	if (scope_is_cancelled(scope))
		return;
	scope->state |= SCOPE_CANCELLED;
	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);
		const struct cold *cold = cold_at(ring, index);

		index = cold->scope_next;
		if (!(cold->flags & A10_WITH_SHIELD))
			slot_cancel(ring, slot, MARK_CANCEL);
	}
}

void a10_scope_set_limit(struct a10_scope *scope, uint32_t limit)
{
	struct a10_ring *ring = ring_of(scope->sq);
	uint32_t room = limit ? limit : UINT32_MAX;

	check_owner(scope->sq);
	scope->limit = limit;
	room = room > scope->count ? room - scope->count : 0;
	for (; room > 0 && scope->rooms != NO_SLOT; room--)
		scope_room_made(ring, scope);
}

void a10_scope_set_deadline(struct a10_scope *scope, int64_t at)
{
	struct a10_ring *ring = ring_of(scope->sq);
	uint32_t index = scope->first;

	check_owner(scope->sq);
	scope->deadline = at;
	for (; index != NO_SLOT; index = cold_at(ring, index)->scope_next)
		timer_update(ring, slot_at(ring, index));
}

/*
 * ---- a10_scope_wait
 * -----------------------------------------------------------
 */

static struct a10_scope *waited_for(struct a10_ring *ring,
				    const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	return (struct a10_scope *)(uintptr_t)request->address;
}

static void scope_wait_park(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);
	struct a10_scope *scope = waited_for(ring, slot);

	slot_park(ring, slot, PARK_SCOPE);
	cold->park_prev = NO_SLOT;
	cold->park_next = scope->waiters;
	if (scope->waiters != NO_SLOT)
		cold_at(ring, scope->waiters)->park_prev = index;
	scope->waiters = index;
}

void scope_wait_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_scope *scope = waited_for(ring, slot);

	if (scope->count == 0)
		slot_finish(ring, slot, scope->error);
	else
		scope_wait_park(ring, slot);
}

void scope_wait_forget(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	if (cold->park_prev != NO_SLOT)
		cold_at(ring, cold->park_prev)->park_next = cold->park_next;
	else
		waited_for(ring, slot)->waiters = cold->park_next;
	if (cold->park_next != NO_SLOT)
		cold_at(ring, cold->park_next)->park_prev = cold->park_prev;
}

bool scope_wait_holds(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_scope *scope = waited_for(ring, slot);

	/* Cut short, whatever the scope does, which may be gone by now. */
	if (is_ending(slot) || slot->marks & MARK_DETACH) {
		cold_at(ring, slot_index(slot))->value = slot_reason(slot, 0);
		return true;
	}
	if (scope->count == 0) {
		cold_at(ring, slot_index(slot))->value = scope->error;
		return true;
	}
	scope_wait_park(ring, slot);
	return false;
}

/*
 * ---- room for one more
 * --------------------------------------------------------
 */

void scope_room_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);
	struct a10_scope *scope = waited_for(ring, slot);

	if (!scope->limit || scope->count < scope->limit) {
		slot_finish(ring, slot, 0);
		return;
	}
	/* Behind those that wait already. */
	slot_park(ring, slot, PARK_SCOPE);
	cold->park_next = NO_SLOT;
	cold->park_prev = scope->rooms_last;
	if (scope->rooms != NO_SLOT)
		cold_at(ring, scope->rooms_last)->park_next = index;
	else
		scope->rooms = index;
	scope->rooms_last = index;
}

void scope_room_forget(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct cold *cold = cold_at(ring, index);
	struct a10_scope *scope = waited_for(ring, slot);

	if (scope->rooms != index)
		cold_at(ring, cold->park_prev)->park_next = cold->park_next;
	else
		scope->rooms = cold->park_next;
	if (scope->rooms_last != index)
		cold_at(ring, cold->park_next)->park_prev = cold->park_prev;
	else
		scope->rooms_last = cold->park_prev;
}

static void closed(void *data, const struct a10_result *r)
{
	ssize_t *value = data;

	*value = r->value;
}

int a10_scope_close(struct a10_scope *scope)
{
	struct a10_ring *ring = ring_of(scope->sq);
	const struct waiting_calls *task = waiting_here();
	const struct a10_op wait = a10_scope_wait(scope);
	ssize_t value = 1; /* no result of a wait */
	a10_id id;
	int n;

	if (task && sq_is_mine(scope->sq)) {
		a10_scope_cancel(scope);
		return (int)task->await(scope->sq, &wait, NULL, true);
	}
	n = ring_enter_check(ring);
	if (n < 0)
		return n;
	a10_scope_cancel(scope);
	id = a10_submit(scope->sq, wait, closed, &value);
	if (id < 0)
		return (int)id;
	while (value > 0) {
		n = a10_ring_poll(ring, A10_FOREVER);
		if (n < 0) {
			a10_detach(scope->sq, id);
			return n;
		}
	}
	return (int)value;
}
