/*
 * Other threads cancel and forget what a ring has under way, and give its buffers
 * back, in every mode.
 */
#include "crew.h"

/* ---- one at a time ------------------------------------------------------------- */

/* It may wait in the inbox, in the queue, in the kernel, or be over. */
static struct a10_op any_op(struct hand *hand)
{
	switch (test_random(&hand->random) % 4) {
	case 0:
		return a10_after(0);
	case 1:
		return a10_after(A10_SECOND * 3600);
	default:
		return crew_waits(hand->crew);
	}
}

static void spin(struct hand *hand)
{
	for (uint64_t i = test_random(&hand->random) % 300; i > 0; i--)
		atomic_load(&hand->crew->ended);
}

static void submit_and_cancel(struct hand *hand)
{
	struct crew *crew = hand->crew;

	for (unsigned int i = 0; i < crew->count; i++) {
		const a10_id id = crew_submit(crew, any_op(hand));

		spin(hand);
		ck_assert_int_eq(a10_cancel(crew->sq, id), 0);
		if (i % 7 == 0)
			ck_assert_int_eq(a10_cancel(crew->sq, id), 0);
	}
}

static void what_threads_cancel_ends_once(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, test_scaled(40), submit_and_cancel);
	ck_assert_uint_eq(atomic_load(&crew.ended),
			  atomic_load(&crew.submitted));
	ck_assert_uint_gt(atomic_load(&crew.cancelled), 0);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(what_threads_cancel_ends_once)

static void on_crew_release(void *owned)
{
	atomic_fetch_add((atomic_uint *)owned, 1);
}

static void submit_and_forget(struct hand *hand)
{
	struct crew *crew = hand->crew;

	for (unsigned int i = 0; i < crew->count; i++) {
		const a10_id id = crew_submit(
			crew, a10_owning(crew_waits(crew), &crew->released,
					 on_crew_release));

		spin(hand);
		ck_assert_int_eq(a10_detach(crew->sq, id), 0);
	}
}

static void what_threads_forget_is_released_once(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, test_scaled(40), submit_and_forget);
	ck_assert_uint_eq(atomic_load(&crew.ended), 0);
	ck_assert_uint_eq(atomic_load(&crew.released),
			  atomic_load(&crew.submitted));
	crew_close(&crew);
}

TEST_IN_EACH_MODE(what_threads_forget_is_released_once)

/* The owner sleeps, or is about to: nothing else would wake it. */
static void cancel_and_wait(struct hand *hand)
{
	struct crew *crew = hand->crew;

	if (hand->number != 0)
		return;
	for (unsigned int i = 1; i <= crew->count; i++) {
		a10_id id = crew_submit(crew, crew_waits(crew));

		nap(i % 2 ? A10_MILLISECOND : A10_MICROSECOND);
		place_rests(&crew->place);
		ck_assert_int_eq(a10_cancel(crew->sq, id), 0);
		while (atomic_load(&crew->cancelled) != i)
			sched_yield();
		id = crew_submit(crew,
				 a10_owning(crew_waits(crew), &crew->released,
					    on_crew_release));
		nap(i % 2 ? A10_MICROSECOND : A10_MILLISECOND);
		ck_assert_int_eq(a10_detach(crew->sq, id), 0);
		while (atomic_load(&crew->released) != i)
			sched_yield();
	}
}

static void a_cancel_wakes_the_owner(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, 6, cancel_and_wait);
	ck_assert_uint_eq(atomic_load(&crew.ended), 6);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(a_cancel_wakes_the_owner)

static void *submit_after(void *data)
{
	struct crew *crew = data;
	/* The first is over, its place is used again. */
	const a10_id id = crew_submit(crew, crew_waits(crew));

	ck_assert_uint_eq((uint32_t)id, (uint32_t)crew->old);
	ck_assert_int_ne(id, crew->old);
	ck_assert_int_eq(a10_cancel(crew->sq, id), 0);
	ck_assert_int_eq(a10_cancel(crew->sq, crew->old), 0);
	return NULL;
}

static void *submit_first(void *data)
{
	struct crew *crew = data;

	crew->old = crew_submit(crew, a10_after(0));
	return NULL;
}

/* The owner is awake and has not looked: both asks are for one place. */
static void a_stale_cancel_does_not_undo_another(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	thread_join(thread_start(submit_first, &crew));
	PLACE_UNTIL(&crew.place, atomic_load(&crew.ended) == 1);
	/* It goes back at the end of a turn. */
	ck_assert_int_ge(a10_ring_poll(crew.place.ring, 0), 0);
	thread_join(thread_start(submit_after, &crew));
	PLACE_UNTIL(&crew.place, atomic_load(&crew.ended) == 2);
	ck_assert_uint_eq(atomic_load(&crew.cancelled), 1);
	crew_close(&crew);
}

TEST_IN_EACH_MODE(a_stale_cancel_does_not_undo_another)

/* ---- all there is ---------------------------------------------------------------- */

/* Chains too: two of these on the pipe, one behind the other. */
static void submit_and_cancel_all(struct hand *hand)
{
	struct crew *crew = hand->crew;
	const bool busy = is_busy_polled(&crew->place);
	const struct a10_fd fd = a10_fd_regular(crew->ends[0]);
	struct a10_op ops[2] = { crew_waits(crew), crew_waits(crew) };

	/* One after the other: what one cancels is nobody else's. */
	if (hand->number != 0)
		return;
	for (unsigned int i = 0; i < crew->count; i++) {
		for (int k = 0; k < 4; k++)
			crew_submit(crew, crew_waits(crew));
		if (!busy) {
			ck_assert_int_gt(a10_submit_linked(crew->sq, ops, 2,
							   on_ended, crew),
					 0);
			atomic_fetch_add(&crew->submitted, 2);
		}
		if (i % 2 == 0)
			place_rests(&crew->place);
		ck_assert_int_eq(i % 4 < 2 || busy ?
					 a10_cancel_all(crew->sq) :
					 a10_cancel_fd(crew->sq, fd),
				 0);
		while (atomic_load(&crew->ended) !=
		       atomic_load(&crew->submitted))
			sched_yield();
	}
}

static void what_a_thread_has_there_is_all_cancelled(const struct mode *mode)
{
	struct crew crew;

	crew_open(&crew, mode);
	place_bind(&crew.place);
	crew_work(&crew, 8, submit_and_cancel_all);
	ck_assert_uint_eq(atomic_load(&crew.cancelled),
			  atomic_load(&crew.submitted));
	crew_close(&crew);
}

TEST_IN_EACH_MODE(what_a_thread_has_there_is_all_cancelled)

/* ---- buffers ---------------------------------------------------------------------- */

#define BUFFERS 4
#define BYTES   64 /* of each */

/* The owner puts buffers in, another thread gives them back. */
struct loans {
	struct crew crew; /* first: what a hand knows */
	struct a10_buf bufs[BUFFERS];
	atomic_uint put;
	atomic_uint taken;
	size_t received;
	int socket;
};

static void on_bytes(void *data, const struct a10_result *r)
{
	struct loans *loans = data;

	if (r->value <= 0) {
		ck_assert_int_eq(r->value, 0);
		return;
	}
	loans->received += (size_t)r->value;
	loans->bufs[atomic_load(&loans->put) % BUFFERS] = r->buf;
	atomic_fetch_add(&loans->put, 1);
}

static void give_back(struct loans *loans)
{
	const unsigned int next = atomic_load(&loans->taken);

	if (next == atomic_load(&loans->put)) {
		sched_yield();
		return;
	}
	a10_buf_release(loans->bufs[next % BUFFERS]);
	atomic_store(&loans->taken, next + 1);
}

static void send_and_give_back(struct hand *hand)
{
	struct loans *loans = (struct loans *)(void *)hand->crew;
	static const char bytes[BYTES];

	if (hand->number == 0) {
		for (unsigned int i = 0; i < hand->crew->count; i++)
			ck_assert_int_eq(write(loans->socket, bytes, BYTES),
					 BYTES);
		ck_assert_int_eq(shutdown(loans->socket, SHUT_WR), 0);
	} else if (hand->number == 1) {
		/* All there are are out, time and again. */
		while (atomic_load(&loans->taken) < hand->crew->count)
			give_back(loans);
	}
}

static void buffers_that_others_give_back_are_used(const struct mode *mode)
{
	const unsigned int count = test_scaled(60);
	struct a10_pool *pool = NULL;
	struct loans loans;
	int sockets[2];

	memset(&loans, 0, sizeof(loans));
	crew_open(&loans.crew, mode);
	if (is_busy_polled(&loans.crew.place))
		SKIP("a busy-polled ring receives nothing");
	/* Each message is a buffer's. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				    sockets),
			 0);
	loans.socket = sockets[1];
	ck_assert_int_eq(a10_pool_create(loans.crew.place.ring, BUFFERS, BYTES,
					 0, &pool),
			 0);
	place_bind(&loans.crew.place);
	ck_assert_int_gt(
		a10_submit(loans.crew.sq,
			   a10_multishot(a10_recv_pooled(
				   a10_fd_regular(sockets[0]), pool, 0)),
			   on_bytes, &loans),
		0);
	crew_work(&loans.crew, count, send_and_give_back);
	ck_assert_uint_eq(loans.received, (size_t)count * BYTES);
	ck_assert_int_eq(a10_ring_poll(loans.crew.place.ring, 0), 0);
	ck_assert_uint_eq(a10_pool_available(pool), BUFFERS);
	pipe_close(sockets);
	crew_close(&loans.crew);
}

TEST_IN_EACH_MODE(buffers_that_others_give_back_are_used)
