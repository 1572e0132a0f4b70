/*
 * What other threads bring to a ring. Submissions: slots in a list to which any
 * thread prepends and which the owner takes whole and turns round, so that the
 * order of each thread is kept. It has no bound by design: a submitter made to
 * wait would deadlock with an owner that joins it. INBOX_CLOSED in place of the
 * first slot ends it, so that nothing is lost when the ring is destroyed: a
 * submission is in the list and will be delivered, or is refused.
 *
 * Cancels and detaches: a word in the slot they are meant for,
 *
 *	generation << 32 | LISTED | what is asked
 *
 * changed by compare-and-exchange. Whoever sets LISTED puts the slot into the
 * list of asks; only the owner clears it. The owner's own path never looks at
 * the word: a generation that is over by then is found stale.
 */
#include "ring/above.h"
#include "ring/life.h"

#include <errno.h>

#define ASK_LISTED (1u << 31)
#define ASK_BITS   (ASK_CANCEL | ASK_DETACH | ASK_WAKE)

int inbox_link(struct a10_sq *sq, uint32_t index)
{
	uint32_t first = atomic_load_explicit(&sq->inbox, memory_order_relaxed);

	do {
		if (first == INBOX_CLOSED)
			return -ESHUTDOWN;
		sq->slots[index].next = first;
		/* Pairs with the acquire in inbox_take, and see wake.c. */
	} while (!atomic_compare_exchange_weak_explicit(
		&sq->inbox, &first, index, memory_order_seq_cst,
		memory_order_relaxed));
	return 0;
}

int inbox_push(struct a10_sq *sq, uint32_t index)
{
	const int err =
		sq->starts ? start_push(sq, index) : inbox_link(sq, index);

	if (err == 0)
		sq_ring_bell_if_dozing(sq);
	return err < 0 ? err : 0;
}

static void inbox_admit(struct a10_ring *ring, uint32_t index)
{
	uint32_t reversed = NO_SLOT;

	while (index != NO_SLOT) {
		struct slot *slot = slot_at(ring, index);
		const uint32_t next = slot->next;

		slot->next = reversed;
		reversed = index;
		index = next;
	}
	while (reversed != NO_SLOT) {
		struct slot *slot = slot_at(ring, reversed);

		reversed = slot->next;
		if (slot->flags & SLOT_CHAIN)
			chain_admit(ring, slot);
		else
			slot_admit(ring, slot);
	}
}

void inbox_admit_all(struct a10_ring *ring)
{
	uint32_t first =
		atomic_load_explicit(&ring->sq.inbox, memory_order_relaxed);

	if (first == NO_SLOT || first == INBOX_CLOSED)
		return;
	first = atomic_exchange_explicit(&ring->sq.inbox, NO_SLOT,
					 memory_order_acquire);
	inbox_admit(ring, first);
}

struct slot *slot_find_new(struct a10_ring *ring, uint64_t id)
{
	const uint32_t index = id_slot(id);
	struct slot *slot = slot_find(ring, id);

	if (slot || index < ring->sq.foreign_base ||
	    index >= slots_end(ring, true))
		return slot;
	/* What is over is of another generation, and changes no order here. */
	slot = slot_at(ring, index);
	if (id_plain(slot->id) != id_plain(id) || slot->state != SLOT_FREE)
		return NULL;
	inbox_admit_all(ring);
	return slot_find(ring, id);
}

static void ask_carry_out(struct a10_ring *ring, uint32_t index)
{
	struct slot *slot = slot_at(ring, index);
	/* Acquires what the asker saw; a later ask lists the slot anew. */
	const uint64_t word =
		atomic_exchange_explicit(&slot->asked, 0, memory_order_acq_rel);
	const uint64_t id = (word >> 32 << 32) | (uint64_t)index << 5;

	/*
	 * The ask may have replaced an older one that was listed already, and
	 * be for an operation that came into the inbox since it was taken.
	 */
	slot = slot_find_new(ring, id);
	if (!slot)
		return;
	if (word & ASK_WAKE)
		above_wake(ring, slot);
	if (word & ASK_DETACH)
		slot_detach(ring, slot);
	else if (word & ASK_CANCEL)
		slot_cancel(ring, slot, MARK_CANCEL);
}

/*
 * The asks are taken before the inbox and carried out after it: an operation
 * that somebody wants to end was submitted before, so it has been admitted by
 * then, with one exception that ask_carry_out sees to.
 */
void inbox_take(struct a10_ring *ring)
{
	struct a10_sq *sq = &ring->sq;
	uint32_t asks = atomic_exchange_explicit(&sq->asks, NO_SLOT,
						 memory_order_acquire);

	inbox_admit_all(ring);
	while (asks != NO_SLOT) {
		/* Read before LISTED is cleared: then it may change. */
		const uint32_t next = slot_at(ring, asks)->asked_next;

		ask_carry_out(ring, asks);
		asks = next;
	}
	if (atomic_load_explicit(&sq->errands, memory_order_relaxed))
		errands_take(ring);
}

void inbox_close(struct a10_ring *ring)
{
	const uint32_t first = atomic_exchange_explicit(
		&ring->sq.inbox, INBOX_CLOSED, memory_order_acquire);

	if (first != INBOX_CLOSED)
		inbox_admit(ring, first);
}

bool inbox_has_submissions(const struct a10_ring *ring)
{
	const uint32_t first =
		atomic_load_explicit(&ring->sq.inbox, memory_order_seq_cst);

	return first != NO_SLOT && first != INBOX_CLOSED;
}

bool inbox_has_work(const struct a10_ring *ring)
{
	return inbox_has_submissions(ring) ||
	       atomic_load_explicit(&ring->sq.errands, memory_order_seq_cst) ||
	       atomic_load_explicit(&ring->sq.asks, memory_order_seq_cst) !=
		       NO_SLOT;
}

size_t inbox_count(const struct a10_ring *ring)
{
	const struct a10_sq *sq = &ring->sq;
	/* Acquire: nobody but the owner takes, so the list stays as it is. */
	uint32_t index = atomic_load_explicit(&sq->inbox, memory_order_acquire);
	size_t count = 0;

	if (index == INBOX_CLOSED)
		return 0;
	for (; index != NO_SLOT; index = sq->slots[index].next) {
		const struct slot *slot = &sq->slots[index];
		uint32_t member = index;

		if (slot->flags & SLOT_INTERNAL)
			continue;
		count++;
		while (slot->flags & SLOT_CHAIN &&
		       (member = sq->colds[member].chain_next) != NO_SLOT)
			count++;
	}
	return count;
}

static void asks_push(struct a10_sq *sq, uint32_t index)
{
	uint32_t first = atomic_load_explicit(&sq->asks, memory_order_relaxed);

	do {
		sq->slots[index].asked_next = first;
		/* Pairs with the acquire in inbox_take, and see wake.c. */
	} while (!atomic_compare_exchange_weak_explicit(
		&sq->asks, &first, index, memory_order_seq_cst,
		memory_order_relaxed));
}

static bool is_slot_of(struct a10_sq *sq, uint64_t id)
{
	const uint32_t index = id_slot(id);

	/* Memory that was never taken cannot be looked at. */
	if (index < sq->foreign_base)
		return index != NO_SLOT &&
		       index < atomic_load_explicit(&sq->owner_ready,
						    memory_order_acquire);
	/* Acquire: pairs with the release in foreign_slot_fresh. */
	return index - sq->foreign_base <
	       atomic_load_explicit(&sq->foreign_used, memory_order_acquire);
}

int sq_ask(struct a10_sq *sq, a10_id id, uint32_t what)
{
	const uint64_t generation = (uint64_t)id >> 32;
	_Atomic uint64_t *asked;
	uint64_t word, next;

	if (id <= 0 || !is_slot_of(sq, (uint64_t)id))
		return 0;
	asked = &sq->slots[id_slot((uint64_t)id)].asked;
	word = atomic_load_explicit(asked, memory_order_relaxed);
	do {
		/* An ask for an operation that is over is replaced or void. */
		if (word & ASK_LISTED && word >> 32 > generation)
			return 0;
		next = generation << 32 | ASK_LISTED | what;
		if (word & ASK_LISTED && word >> 32 == generation)
			next |= word & ASK_BITS;
		/* Release: pairs with the exchange in ask_carry_out. */
	} while (!atomic_compare_exchange_weak_explicit(asked, &word, next,
							memory_order_acq_rel,
							memory_order_relaxed));
	if (!(word & ASK_LISTED))
		asks_push(sq, id_slot((uint64_t)id));
	/* Not again, if somebody has, and the owner has not heard of it. */
	if (sq->starts && what & (ASK_CANCEL | ASK_DETACH) &&
	    !(word & ASK_LISTED && word >> 32 == generation &&
	      word & (ASK_CANCEL | ASK_DETACH)))
		start_cancel(sq, (uint64_t)id);
	sq_ring_bell_if_dozing(sq);
	return 0;
}

void sq_wake_parked(struct a10_sq *sq, a10_id id)
{
	sq_ask(sq, id, ASK_WAKE);
}
