/*
 * a10_work and a10_resolve. A helper thread gets an errand, of which it knows no
 * more than what to do, and brings it back to a stack of the ring's sq; the owner
 * takes that with the inbox. The slot is PARKED meanwhile. A job of the program's is
 * waited for, since its data is; of a name that nobody wants any more the errand is
 * left to the helper, and freed when it is back, with or without its ring.
 */
#include "ring/errand.h"

#include <errno.h>
#include <stdlib.h>

#include "op/name.h"
#include "ring/life.h"

static struct errand *errand_of(struct a10_ring *ring, const struct slot *slot)
{
	return (struct errand *)(uintptr_t)cold_at(ring, slot_index(slot))
		->argument[0];
}

static void errand_free(struct errand *errand)
{
	free(errand->found);
	free(errand);
}

/* On the helper. */
static void errand_run(struct job *job)
{
	struct errand *errand = container_of(job, struct errand, job);
	struct a10_sq *sq = errand->sq;
	struct errand *first;

	errand->value =
		errand->fn ? errand->fn(errand->data) : errand_resolve(errand);
	first = atomic_load_explicit(&sq->errands, memory_order_relaxed);
	do {
		errand->next = first;
		/* Pairs with the acquire in errands_take, and see wake.c. */
	} while (!atomic_compare_exchange_weak_explicit(
		&sq->errands, &first, errand, memory_order_seq_cst,
		memory_order_relaxed));
	sq_ring_bell_if_dozing(sq);
	a10_sq_unref(sq);
}

static void errand_begin(struct a10_ring *ring, struct slot *slot,
			 struct errand *errand)
{
	int err;

	errand->job.run = errand_run;
	errand->id = id_plain(slot->id);
	errand->sq = a10_sq_ref(&ring->sq);
	err = helpers_submit(&errand->job);
	if (err < 0) {
		a10_sq_unref(&ring->sq);
		errand_free(errand);
		slot_finish(ring, slot, err);
		return;
	}
	cold_at(ring, slot_index(slot))->argument[0] = (uintptr_t)errand;
	slot_park(ring, slot, PARK_WORK);
}

void work_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand) {
		slot_finish(ring, slot, -ENOMEM);
		return;
	}
	errand->fn =
		(a10_work_fn *)(uintptr_t)cold_at(ring, index)->argument[0];
	errand->data = (void *)(uintptr_t)request_at(ring, index)->address;
	errand_begin(ring, slot, errand);
}

void resolve_begin(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));
	const char *text = (const char *)(uintptr_t)request->address;
	const size_t size = strlen(text) + 1;
	char host[NAME_SIZE_MOST], port[PORT_SIZE_MOST];
	struct a10_address address;
	struct errand *errand;

	if (a10_address_parse(text, &address) == 0) {
		if (request->length > 0)
			memcpy((void *)(uintptr_t)request->offset, &address,
			       sizeof(address));
		slot_finish(ring, slot, 1);
		return;
	}
	if (name_split(text, host, port) < 0) {
		slot_finish(ring, slot, -EINVAL);
		return;
	}
	errand = calloc(1, sizeof(*errand) + size);
	if (errand) {
		errand->most = request->length;
		errand->found = calloc(errand->most ? errand->most : 1,
				       sizeof(*errand->found));
		memcpy(errand->text, text, size);
	}
	if (!errand || !errand->found) {
		free(errand);
		slot_finish(ring, slot, -ENOMEM);
		return;
	}
	errand_begin(ring, slot, errand);
}

bool errand_let_go(struct a10_ring *ring, struct slot *slot)
{
	struct errand *errand = errand_of(ring, slot);
	const bool is_name = errand->fn == NULL;

	if (helpers_withdraw(&errand->job)) {
		a10_sq_unref(&ring->sq);
		errand_free(errand);
		return true;
	}
	return is_name;
}

static void errand_finish(struct a10_ring *ring, struct errand *errand)
{
	struct slot *slot = slot_find(ring, errand->id);
	const struct a10_request *request;
	size_t count;

	/* Let go: its slot is over, or about to be. */
	if (!slot || slot->state != SLOT_PARKED || slot->park != PARK_WORK)
		return;
	slot_unpark(ring, slot);
	if (!errand->fn && errand->value > 0) {
		request = request_at(ring, slot_index(slot));
		count = (size_t)errand->value < errand->most ?
				(size_t)errand->value :
				errand->most;
		if (count > 0)
			memcpy((void *)(uintptr_t)request->offset,
			       errand->found, count * sizeof(*errand->found));
	}
	slot_finish(ring, slot, errand->value);
}

void errands_take(struct a10_ring *ring)
{
	struct errand *errand = atomic_exchange_explicit(
		&ring->sq.errands, NULL, memory_order_acquire);
	struct errand *first = NULL, *next;

	/* In the order they came. */
	for (; errand; errand = next) {
		next = errand->next;
		errand->next = first;
		first = errand;
	}
	for (; first; first = next) {
		next = first->next;
		errand_finish(ring, first);
		errand_free(first);
	}
}

void errands_drop(struct a10_sq *sq)
{
	struct errand *errand = atomic_exchange_explicit(&sq->errands, NULL,
							 memory_order_acquire);
	struct errand *next;

	for (; errand; errand = next) {
		next = errand->next;
		errand_free(errand);
	}
}
