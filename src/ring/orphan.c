/*
 * Owners that end without destroying their rings: a bug of the program's, which
 * is told, and must not be paid for by other threads that wait for something on
 * such a ring. Each thread has a list of the rings it owns; what is left of it
 * when the thread ends is abandoned on that very thread, the last one that can
 * enter them.
 *
 * The thread may have ended in a callback or a task, by pthread_exit or a cancel:
 * then what poll was about to deliver is delivered first (ring_resume). Its own
 * operations are forgotten, since what their callbacks would use may be gone with
 * its stack; so may be scopes, of which nothing is touched that lay there. Those of
 * others are ended, and waited for as long as that takes.
 */
#include <errno.h>
#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "ring/life.h"
#include "ring/orphan.h"

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>

/* To tell of use after return, what is on a stack can be kept elsewhere. */
static bool is_on_fake_stack(const void *place)
{
	/* Poisoned: of a function that has returned. */
	return __asan_address_is_poisoned(place) ||
	       __asan_addr_is_in_fake_stack(__asan_get_current_fake_stack(),
					    (void *)(uintptr_t)place, NULL,
					    NULL);
}
/* A cancelled thread leaves its functions' marks behind on the stack. */
#define STACK_UNMARK() __asan_handle_no_return()
#else
#define is_on_fake_stack(place) ((void)(place), false)
#define STACK_UNMARK()          ((void)0)
#endif

/* How long the end of a thread is held up by what is its own. */
#define ABANDON_NS INT64_C(1000000000)

static _Thread_local struct a10_ring *owned; /* by owned_next */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

/* ---- what lay on the thread's stack ---------------------------------------- */

struct stack_span {
	uintptr_t low;
	size_t size;
};

static struct stack_span stack_here(void)
{
	struct stack_span span = { .size = 0 };
	pthread_attr_t attr;
	void *low = NULL;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return span;
	if (pthread_attr_getstack(&attr, &low, &span.size) != 0)
		span.size = 0;
	span.low = (uintptr_t)low;
	pthread_attr_destroy(&attr);
	return span;
}

static bool is_stranded(const struct stack_span *span, const void *place)
{
	return (uintptr_t)place - span->low < span->size ||
	       is_on_fake_stack(place);
}

static void scope_strand(struct a10_ring *ring, struct slot *slot,
			 const struct stack_span *span)
{
	const uint32_t index = slot_index(slot);
	struct cold *cold = cold_at(ring, index);
	const uint64_t address = request_at(ring, index)->address;
	const uint8_t own = op_row(slot->opcode)->own;

	if (is_stranded(span, cold->output))
		cold->flags |= COLD_STRANDED;
	if (is_stranded(span, cold->scope)) {
		cold->scope = NULL;
		timer_update(ring, slot);
	}
	if ((own != OWN_SCOPE_WAIT && own != OWN_SCOPE_ROOM) ||
	    !is_stranded(span, (const void *)(uintptr_t)address))
		return;
	/* It does not look at the scope then, when it is delivered. */
	slot->marks |= MARK_CANCEL;
	if (slot->state != SLOT_PARKED)
		return;
	slot->park = PARK_NONE;
	slot_finish(ring, slot, -ECANCELED);
}

/* ---- whose operations are whose --------------------------------------------- */

static bool is_over(const struct slot *slot)
{
	return slot->state == SLOT_FREE || slot->state == SLOT_RETIRED ||
	       slot->flags & SLOT_INTERNAL;
}

static bool is_own(const struct a10_ring *ring, const struct slot *slot)
{
	/* A task's is not on the thread's stack, and goes on; so is a stream's. */
	if (ring->tasks.awaits && ring->tasks.awaits(slot->done))
		return false;
	if (slot->done && slot->done == ring->tasks.streams)
		return false;
	if (slot_index(slot) < ring->sq.foreign_base)
		return true;
	return slot->flags & SLOT_CREATOR && ring->creator == thread_number();
}

static void range_forget(struct a10_ring *ring, uint32_t from, uint32_t to,
			 const struct stack_span *span)
{
	for (; from < to; from++) {
		struct slot *slot = slot_at(ring, from);

		if (is_over(slot))
			continue;
		if (slot->flags & SLOT_COLD)
			scope_strand(ring, slot, span);
		if (!is_own(ring, slot))
			continue;
		log_line(A10_LOG_ERROR, "a10: given up: %s",
			 op_row(slot->opcode)->name);
		slot_detach(ring, slot);
	}
}

/* All of it is the thread's, or nobody's. */
static bool is_own_only(struct a10_ring *ring)
{
	const uint32_t end = slots_end(ring, true);

	for (uint32_t i = ring->sq.foreign_base; i < end; i++) {
		const struct slot *slot = slot_at(ring, i);

		if (!is_over(slot) && !(slot->marks & MARK_DETACH))
			return false;
	}
	return true;
}

static void log_leaked(void *data, const char *text)
{
	(void)data;
	log_line(A10_LOG_ERROR,
		 "a10: not over when its owner ended, leaked: %s", text);
}

static void ring_abandon(struct a10_ring *ring, bool cut_short)
{
	const struct stack_span span = stack_here();
	int64_t deadline;

	log_line(A10_LOG_ERROR, "a10: a thread has ended that did not destroy "
				"its ring");
	ring_shut(ring);
	if (is_stranded(&span, ring->after.scope))
		ring->after.scope = NULL;
	range_forget(ring, 1, slots_end(ring, false), &span);
	range_forget(ring, ring->sq.foreign_base, slots_end(ring, true), &span);
	if (cut_short)
		ring_resume(ring);
	do {
		deadline =
			time_after(ring->calls->now(ring->backend), ABANDON_NS);
		if (ring_drain(ring, deadline))
			break;
		/* A job, say, for which another thread waits. */
	} while (!is_own_only(ring) &&
		 ring->calls->now(ring->backend) >= deadline);
	if (!ring_is_idle(ring))
		a10_ring_dump(ring, log_leaked, NULL);
	ring->abandoned = true;
	/* Release: pairs with the acquire in a10_ring_destroy. */
	atomic_store_explicit(&ring->sq.owner, OWNER_GONE,
			      memory_order_release);
}

/* ---- the end of a thread ------------------------------------------------------ */

static void thread_ends(void *unused)
{
	struct a10_ring *cut = ring_cut_short();

	(void)unused;
	STACK_UNMARK();
	/* It first: in the others' callbacks no task of it may seem to run. */
	if (cut && !sq_is_inherited(&cut->sq)) {
		owned_remove(cut);
		ring_abandon(cut, true);
	}
	while (owned) {
		struct a10_ring *ring = owned;

		owned = ring->owned_next;
		/* A forked child's only thread has its parent's list. */
		if (!sq_is_inherited(&ring->sq))
			ring_abandon(ring, false);
	}
}

static void key_make(void)
{
	has_key = pthread_key_create(&key, thread_ends) == 0;
}

void owned_add(struct a10_ring *ring)
{
	pthread_once(&once, key_make);
	/* Without it nobody is told, and that is all. */
	if (has_key)
		(void)pthread_setspecific(key, &once);
	ring->owned_next = owned;
	owned = ring;
}

void owned_remove(struct a10_ring *ring)
{
	struct a10_ring **link = &owned;

	while (*link && *link != ring)
		link = &(*link)->owned_next;
	if (*link)
		*link = ring->owned_next;
}
