/*
 * What other threads submit in every mode: it starts at once if the owner sleeps
 * in poll, also through a full queue; the order of each thread is kept; and while
 * the ring is not bound it waits.
 */
#include "crew.h"

/* ---- order --------------------------------------------------------------------- */

struct ticket {
	struct hand *hand;
	unsigned int number;
};

static void on_ticket(void *data, const struct a10_result *r)
{
	struct ticket *ticket = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_eq(ticket->number, ticket->hand->next);
	ticket->hand->next++;
	free(ticket);
}

static void submit_tickets(struct hand *hand)
{
	for (unsigned int i = 0; i < hand->crew->count; i++) {
		struct ticket *ticket = malloc(sizeof(*ticket));

		ck_assert_ptr_nonnull(ticket);
		ticket->hand = hand;
		ticket->number = i;
		ck_assert_int_gt(a10_submit(hand->crew->sq, a10_nop(),
					    on_ticket, ticket),
				 0);
		if (test_random(&hand->random) % 64 == 0)
			nap(A10_MICROSECOND);
	}
}

static void each_thread_is_served_in_its_order(const struct mode *mode)
{
	const unsigned int count = test_scaled(100);
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, count, submit_tickets);
	for (int i = 0; i < HANDS; i++)
		ck_assert_uint_eq(crew.hands[i].next, count);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(each_thread_is_served_in_its_order)

struct links {
	struct hand *hand;
	uint32_t next;
};

static void on_link(void *data, const struct a10_result *r)
{
	struct links *links = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_eq(r->index, links->next);
	links->next++;
	if (r->more)
		return;
	ck_assert_uint_eq(links->next, 3);
	links->hand->next++;
	free(links);
}

static void submit_chains(struct hand *hand)
{
	const struct a10_op ops[3] = { a10_nop(), a10_nop(), a10_nop() };

	for (unsigned int i = 0; i < hand->crew->count; i++) {
		struct links *links = calloc(1, sizeof(*links));

		ck_assert_ptr_nonnull(links);
		links->hand = hand;
		ck_assert_int_gt(a10_submit_linked(hand->crew->sq, ops, 3,
						   on_link, links),
				 0);
	}
}

static void chains_of_threads_are_not_torn(const struct mode *mode)
{
	const unsigned int count = test_scaled(30);
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, count, submit_chains);
	for (int i = 0; i < HANDS; i++)
		ck_assert_uint_eq(crew.hands[i].next, count);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(chains_of_threads_are_not_torn)

/* ---- at once ------------------------------------------------------------------- */

/* One after the other: each finds the owner asleep, or about to. */
static void submit_and_wait(struct hand *hand)
{
	struct crew *crew = hand->crew;

	if (hand->number != 0)
		return;
	for (unsigned int i = 0; i < crew->count; i++) {
		place_rests(&crew->place);
		crew_submit(crew, i % 2 ? a10_nop() : a10_after(0));
		while (atomic_load(&crew->ended) != i + 1)
			sched_yield();
	}
}

static void what_a_thread_submits_starts_at_once(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	/* The owner's sleeps are longer than it has. */
	crew_work(&crew, 10, submit_and_wait);
	ck_assert_uint_eq(atomic_load(&crew.ended), 10);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(what_a_thread_submits_starts_at_once)

static void await_many(struct hand *hand)
{
	for (unsigned int i = 0; i < hand->crew->count; i++) {
		struct a10_result result;

		ck_assert_int_eq(a10_await_on(hand->crew->sq,
					      a10_after(A10_MICROSECOND),
					      &result),
				 0);
		ck_assert_int_eq(result.value, 0);
	}
}

static void threads_await_on_a_ring(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, test_scaled(20), await_many);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(threads_await_on_a_ring)

/* ---- before there is an owner -------------------------------------------------- */

static void *submit_early(void *data)
{
	struct crew *crew = data;
	struct a10_op ops[2] = { crew_waits(crew), crew_waits(crew) };
	a10_id id;

	crew_submit(crew, a10_after(0));
	ck_assert_int_eq(a10_cancel(crew->sq, crew_submit(crew, ops[0])), 0);
	ck_assert_int_eq(a10_detach(crew->sq, crew_submit(crew, ops[0])), 0);
	if (is_busy_polled(&crew->place))
		return NULL;
	id = a10_submit_linked(crew->sq, ops, 2, on_ended, crew);
	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(a10_cancel(crew->sq, id), 0);
	crew_submit(crew, ops[0]);
	ck_assert_int_eq(a10_cancel_fd(crew->sq, a10_fd_regular(crew->ends[0])),
			 0);
	return NULL;
}

static void *submit_early_and_cancel_all(void *data)
{
	struct crew *crew = data;

	for (int i = 0; i < 3; i++)
		crew_submit(crew, crew_waits(crew));
	ck_assert_int_eq(a10_cancel_all(crew->sq), 0);
	return NULL;
}

static void what_waits_for_an_owner_is_cancelled_there(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	thread_join(thread_start(submit_early, &crew));
	ck_assert_uint_eq(atomic_load(&crew.ended), 0);
	place_bind(&crew.place);
	PLACE_UNTIL(&crew.place, a10_ring_pending(crew.place.ring) == 0);
	/* One is over, one was forgotten. */
	ck_assert_uint_eq(atomic_load(&crew.ended),
			  is_busy_polled(&crew.place) ? 2 : 5);
	ck_assert_uint_eq(atomic_load(&crew.cancelled),
			  is_busy_polled(&crew.place) ? 1 : 4);
	crew_close(&crew);

	crew_open(&crew, mode);
	thread_join(thread_start(submit_early_and_cancel_all, &crew));
	place_bind(&crew.place);
	PLACE_UNTIL(&crew.place, a10_ring_pending(crew.place.ring) == 0);
	ck_assert_uint_eq(atomic_load(&crew.cancelled), 3);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(what_waits_for_an_owner_is_cancelled_there)
