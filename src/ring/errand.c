/*
 * a10_work, a10_resolve, and system calls that wait. A helper thread gets an
 * errand, of which it knows no more than what to do, and brings it back to a stack
 * of the ring's sq; the owner takes that with the inbox. The slot is PARKED
 * meanwhile. A job of the program's is waited for, since its data is; so is a
 * system call, which is told to end; of a name that nobody wants any more the
 * errand is left to the helper, and freed when it is back, with or without its
 * ring.
 */
#include "ring/errand.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "op/name.h"
#include "ring/life.h"
#include "watch/watch.h"

static struct errand *errand_of(struct a10_ring *ring, const struct slot *slot)
{
	return (struct errand *)(uintptr_t)cold_at(ring, slot_index(slot))
		->argument[0];
}

#define SETTLE_LOOKS 100
#define SETTLE_NS    50000

/*
 * What is always awaited needs no reference: the ring outlives its helper, but
 * for the moment between its result and its last look at the sq, which the end of
 * the ring waits for in errands_settle. So nothing of a ring that has ended is
 * open or allocated for a moment longer.
 */
static void errand_join(struct a10_sq *sq, const struct errand *errand)
{
	if (errand->kind == ERRAND_RESOLVE)
		a10_sq_ref(sq);
	else
		atomic_fetch_add_explicit(&sq->helped, 1, memory_order_relaxed);
}

/* Whoever called errand_join, or the helper, as the last thing that it does. */
static void errand_leave(struct a10_sq *sq, enum errand_kind kind)
{
	if (kind == ERRAND_RESOLVE)
		a10_sq_unref(sq);
	else /* Release: pairs with the acquire in errands_settle. */
		atomic_fetch_sub_explicit(&sq->helped, 1, memory_order_release);
}

void errands_settle(struct a10_sq *sq)
{
	const struct timespec pause = { 0, SETTLE_NS };
	int looks = 0;

	/* Sleeping, to one that may not run before this thread does not. */
	while (atomic_load_explicit(&sq->helped, memory_order_acquire) != 0) {
		if (looks++ < SETTLE_LOOKS)
			sched_yield();
		else
			nanosleep(&pause, NULL);
	}
}

static void errand_free(struct errand *errand)
{
	free(errand->found);
	free(errand);
}

/* On the helper. */
static int64_t errand_call(struct errand *errand)
{
	const struct uring_sqe *request = &errand->request;
	struct a10_sq *sq = errand->sq;

	switch (request->opcode) {
	case A10_OPCODE_WATCH_NEXT:
		watch_walk(errand->data);
		return 0;
	case A10_OPCODE_WATCH_TREE:
		return watch_add(errand->data,
				 (const char *)(uintptr_t)request->addr,
				 request->op_flags, A10_WATCH_TREE,
				 &errand->halt);
	default:
		return sq->calls->sync(sq->backend, request, &errand->halt);
	}
}

/* On the helper: back to the owner. */
static void errand_return(void *data)
{
	struct errand *errand = data;
	const enum errand_kind kind = errand->kind;
	struct a10_sq *sq = errand->sq;
	struct errand *first;

	first = atomic_load_explicit(&sq->errands, memory_order_relaxed);
	do {
		errand->next = first;
		/* Pairs with the acquire in errands_take, and see wake.c. */
	} while (!atomic_compare_exchange_weak_explicit(
		&sq->errands, &first, errand, memory_order_seq_cst,
		memory_order_relaxed));
	sq_ring_bell_if_dozing(sq);
	errand_leave(sq, kind);
}

/* On the helper. */
static void errand_run(struct job *job)
{
	struct errand *errand = container_of(job, struct errand, job);

	errand->value = -EOWNERDEAD;
	/* A job of the program's may end its thread. */
	pthread_cleanup_push(errand_return, errand);
	switch (errand->kind) {
	case ERRAND_WORK:
		errand->value = errand->fn(errand->data);
		break;
	case ERRAND_RESOLVE:
		errand->value = errand_resolve(errand);
		break;
	case ERRAND_CALL:
		errand->value = errand_call(errand);
		break;
	}
	pthread_cleanup_pop(1);
}

/* 0; or the slot is finished. */
static int errand_begin(struct a10_ring *ring, struct slot *slot,
			struct errand *errand, enum helper helper)
{
	int err;

	errand->job.run = errand_run;
	errand->id = id_plain(slot->id);
	errand->sq = &ring->sq;
	errand_join(&ring->sq, errand);
	err = helpers_submit(&errand->job, helper);
	if (err < 0) {
		errand_leave(&ring->sq, errand->kind);
		errand_free(errand);
		slot_finish(ring, slot, err);
		return err;
	}
	cold_at(ring, slot_index(slot))->argument[0] = (uintptr_t)errand;
	slot_park(ring, slot, PARK_WORK);
	return 0;
}

void call_begin(struct a10_ring *ring, struct slot *slot, enum helper helper)
{
	const uint32_t index = slot_index(slot);
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand) {
		slot_finish(ring, slot, -ENOMEM);
		return;
	}
	if (cold_at(ring, index)->flags & A10_WITH_TIMEOUT &&
	    !(slot->marks & MARK_ARMED)) {
		ring_clock_anew(ring);
		timer_progress(ring, slot);
	}
	errand->kind = ERRAND_CALL;
	errand->data = cold_at(ring, index)->output;
	memcpy(&errand->request, request_at(ring, index),
	       sizeof(errand->request));
	if (errand_begin(ring, slot, errand, helper) == 0)
		ring->away++;
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
	(void)errand_begin(ring, slot, errand, HELPER_SHARED);
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
		errand->kind = ERRAND_RESOLVE;
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
	(void)errand_begin(ring, slot, errand, HELPER_SHARED);
}

bool errand_let_go(struct a10_ring *ring, struct slot *slot)
{
	struct errand *errand = errand_of(ring, slot);
	const enum errand_kind kind = errand->kind;

	if (helpers_withdraw(&errand->job)) {
		ring->away -= kind == ERRAND_CALL;
		errand_leave(&ring->sq, kind);
		errand_free(errand);
		return true;
	}
	if (kind == ERRAND_CALL)
		halt_ask(&errand->halt);
	return kind == ERRAND_RESOLVE;
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
	if (errand->kind == ERRAND_CALL) {
		ring->away--;
		standin_called(ring, slot, errand->value, errand->halt.done);
		return;
	}
	if (errand->kind == ERRAND_RESOLVE && errand->value > 0) {
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
