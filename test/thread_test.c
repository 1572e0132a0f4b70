/* Other threads submit, cancel, forget, await and wake while the owner polls. */
#include "support.h"

#include <stdatomic.h>
#include <sys/socket.h>

#define THREADS 4

/* Results are the owner's; what a thread reads of them is atomic. */
struct tally {
	atomic_uint submitted;
	atomic_uint ended;
	atomic_uint cancelled;
};

struct worker {
	struct a10_sq *sq;
	struct tally *tally;
	struct a10_fd fd;
	unsigned int count;
	unsigned int number;
	unsigned int next; /* the owner's: which is due */
	uint64_t random;
	char byte;
};

static void workers_start(struct a10_ring *ring, struct worker *workers,
			  struct tally *tally, unsigned int count,
			  void *(*body)(void *), pthread_t *threads)
{
	uint64_t seed = test_seed();

	for (unsigned int i = 0; i < THREADS; i++) {
		workers[i].sq = a10_ring_sq(ring);
		workers[i].tally = tally;
		workers[i].count = count;
		workers[i].number = i;
		workers[i].random = seed + i;
		threads[i] = thread_start(body, &workers[i]);
	}
}

/* Polls until every thread has ended. */
static void workers_join(struct a10_ring *ring, pthread_t *threads)
{
	for (unsigned int i = 0; i < THREADS; i++)
		RUN_UNTIL(ring, pthread_tryjoin_np(threads[i], NULL) == 0);
}

/* ---- submitting --------------------------------------------------------------- */

struct ticket {
	struct worker *worker;
	unsigned int number;
};

static void on_ticket(void *data, const struct a10_result *r)
{
	struct ticket *ticket = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_eq(ticket->number, ticket->worker->next);
	ticket->worker->next++;
	atomic_fetch_add(&ticket->worker->tally->ended, 1);
	free(ticket);
}

static void *submit_tickets(void *data)
{
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		struct ticket *ticket = malloc(sizeof(*ticket));

		ck_assert_ptr_nonnull(ticket);
		ticket->worker = worker;
		ticket->number = i;
		ck_assert_int_gt(a10_submit(worker->sq, a10_nop(), on_ticket,
					    ticket),
				 0);
		atomic_fetch_add(&worker->tally->submitted, 1);
		if (test_random(&worker->random) % 64 == 0)
			nap(A10_MICROSECOND);
	}
	return NULL;
}

static void test_submitting(const struct a10_config *config)
{
	struct a10_ring *ring = ring_open(config);
	struct worker workers[THREADS] = { 0 };
	unsigned int count = test_scaled(5000);
	pthread_t threads[THREADS];
	struct tally tally = { 0 };

	ring_bind(ring);
	workers_start(ring, workers, &tally, count, submit_tickets, threads);
	workers_join(ring, threads);
	RUN_UNTIL(ring, atomic_load(&tally.ended) == THREADS * count);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(atomic_load(&tally.submitted), THREADS * count);
	ring_close(ring);
}

static void *rings_come_and_go(void *data)
{
	atomic_bool *over = data;

	for (int i = 0; i < 20; i++)
		ring_close(ring_open(NULL));
	atomic_store_explicit(over, true, memory_order_relaxed);
	return NULL;
}

/* Of what the library closes the numbers are others' without any order. */
TEST(rings_come_and_go_beside_descriptors_of_others)
{
	atomic_bool over = false;
	int numbers[16], ends[2];
	pthread_t thread;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, rings_come_and_go, &over), 0);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		for (int i = 0; i < 16; i++)
			numbers[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		for (int i = 0; i < 16; i++)
			ck_assert_int_eq(close(numbers[i]), 0);
		pipe_open(ends);
		pipe_close(ends);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

TEST(what_each_thread_submits_is_done_in_its_order)
{
	test_submitting(NULL);
}

TEST(what_each_thread_submits_goes_through_a_short_queue)
{
	struct a10_config config = { .submission_entries = 1,
				     .reserved_operations = 1 };

	test_submitting(&config);
}

TEST(what_each_thread_submits_is_taken_by_a_kernel_thread)
{
	struct a10_config config = { .kernel_thread = A10_ON };

	test_submitting(&config);
}

TEST(other_threads_submit_before_the_ring_is_bound)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct tally tally = { 0 };

	workers_start(ring, workers, &tally, 500, submit_tickets, threads);
	for (unsigned int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	ck_assert_uint_eq(atomic_load(&tally.ended), 0);
	RUN_UNTIL(ring, atomic_load(&tally.ended) == THREADS * 500);
	ring_close(ring);
}

/* The kernel gets it at once if the owner is in poll, for however long. */
TEST(a_submission_wakes_the_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[1] = { 0 };
	struct tally tally = { 0 };
	pthread_t thread;

	ring_bind(ring);
	for (int i = 0; i < 20; i++) {
		int64_t before = a10_now();

		workers[0] = (struct worker){ .sq = a10_ring_sq(ring),
					      .tally = &tally,
					      .count = 1,
					      .random = (uint64_t)i };
		thread = thread_start(submit_tickets, workers);
		while (atomic_load(&tally.ended) != (unsigned int)i + 1)
			ck_assert_int_ge(a10_ring_poll(ring, 4 * PATIENCE), 0);
		ck_assert_int_lt(a10_now() - before, 2 * PATIENCE);
		thread_join(thread);
	}
	ring_close(ring);
}

static void on_byte(void *data, const struct a10_result *r)
{
	struct worker *worker = data;

	ck_assert_int_eq(r->value, 1);
	ck_assert_int_eq(worker->byte, 'x');
	atomic_fetch_add(&worker->tally->ended, 1);
}

static void *submit_byte(void *data)
{
	struct worker *worker = data;

	ck_assert_int_gt(a10_submit(worker->sq,
				    a10_recv(worker->fd, &worker->byte, 1, 0),
				    on_byte, worker),
			 0);
	return NULL;
}

TEST(an_operation_outlives_the_thread_that_submitted_it)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct tally tally = { 0 };

	ring_bind(ring);
	for (int direct = 0; direct < 2; direct++) {
		struct worker worker = { .sq = a10_ring_sq(ring),
					 .tally = &tally };
		struct pair pair;

		pair_open(ring, direct, &pair);
		worker.fd = pair.ours;
		thread_join(thread_start(submit_byte, &worker));
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, atomic_load(&tally.ended) ==
					(unsigned int)direct + 1);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

/* ---- chains ------------------------------------------------------------------- */

struct links {
	struct worker *worker;
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
	atomic_fetch_add(&links->worker->tally->ended, 1);
	free(links);
}

static void *submit_chains(void *data)
{
	const struct a10_op ops[3] = { a10_nop(), a10_nop(), a10_nop() };
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		struct links *links = calloc(1, sizeof(*links));

		ck_assert_ptr_nonnull(links);
		links->worker = worker;
		ck_assert_int_gt(a10_submit_linked(worker->sq, ops, 3, on_link,
						   links),
				 0);
	}
	return NULL;
}

TEST(chains_of_several_threads_are_not_torn)
{
	struct a10_config config = { .submission_entries = 4 };
	struct a10_ring *ring = ring_open(&config);
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct tally tally = { 0 };

	ring_bind(ring);
	workers_start(ring, workers, &tally, 1000, submit_chains, threads);
	workers_join(ring, threads);
	RUN_UNTIL(ring, atomic_load(&tally.ended) == THREADS * 1000);
	ring_close(ring);
}

/* ---- cancelling and forgetting -------------------------------------------------- */

static void on_maybe(void *data, const struct a10_result *r)
{
	struct tally *tally = data;

	ck_assert(!r->more);
	ck_assert(r->value == 0 || r->value == -ECANCELED ||
		  r->value == POLLIN);
	atomic_fetch_add(&tally->ended, 1);
	if (r->value == -ECANCELED)
		atomic_fetch_add(&tally->cancelled, 1);
}

static void *submit_and_cancel(void *data)
{
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		struct a10_op op = i % 4 == 0 ? a10_nop() :
				   i % 4 == 1 ? a10_after(A10_SECOND * 3600) :
						a10_poll(worker->fd, POLLIN);
		a10_id id = a10_submit(worker->sq, op, on_maybe, worker->tally);

		ck_assert_int_gt(id, 0);
		atomic_fetch_add(&worker->tally->submitted, 1);
		for (uint64_t spin = test_random(&worker->random) % 300;
		     spin > 0; spin--)
			atomic_load(&worker->tally->ended);
		ck_assert_int_eq(a10_cancel(worker->sq, id), 0);
		if (i % 7 == 0)
			ck_assert_int_eq(a10_cancel(worker->sq, id), 0);
		/* As many under way as a test may have at once. */
		while (atomic_load(&worker->tally->submitted) -
			       atomic_load(&worker->tally->ended) >
		       1000)
			sched_yield();
	}
	return NULL;
}

static void test_cancelling(const struct a10_config *config)
{
	struct a10_ring *ring = ring_open(config);
	struct worker workers[THREADS] = { 0 };
	unsigned int count = test_scaled(3000);
	pthread_t threads[THREADS];
	struct tally tally = { 0 };
	int ends[2];

	pipe_open(ends);
	ring_bind(ring);
	for (int i = 0; i < THREADS; i++)
		workers[i].fd = a10_fd_regular(ends[0]);
	workers_start(ring, workers, &tally, count, submit_and_cancel, threads);
	workers_join(ring, threads);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(atomic_load(&tally.ended), THREADS * count);
	ck_assert_uint_ge(atomic_load(&tally.cancelled),
			  THREADS * (count / 4 * 3));
	pipe_close(ends);
	ring_close(ring);
}

TEST(what_other_threads_cancel_is_delivered_once)
{
	test_cancelling(NULL);
}

TEST(what_other_threads_cancel_goes_through_a_short_queue)
{
	struct a10_config config = { .submission_entries = 2 };

	test_cancelling(&config);
}

static void on_any(void *data, const struct a10_result *r)
{
	struct tally *tally = data;

	(void)r;
	atomic_fetch_add(&tally->ended, 1);
}

static void on_owned_gone(void *data)
{
	atomic_fetch_add((atomic_uint *)data, 1);
}

/* Delivered before it was forgotten, or never; released always. */
static void *submit_and_forget(void *data)
{
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		struct a10_op op =
			i % 2 ? a10_poll(worker->fd, POLLIN) : a10_nop();
		a10_id id = a10_submit(worker->sq,
				       a10_owning(op, &worker->tally->cancelled,
						  on_owned_gone),
				       on_any, worker->tally);

		ck_assert_int_gt(id, 0);
		ck_assert_int_eq(a10_detach(worker->sq, id), 0);
	}
	return NULL;
}

TEST(what_other_threads_forget_is_released_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[THREADS] = { 0 };
	unsigned int count = test_scaled(3000);
	pthread_t threads[THREADS];
	struct tally tally = { 0 };
	int ends[2];

	pipe_open(ends);
	ring_bind(ring);
	for (int i = 0; i < THREADS; i++)
		workers[i].fd = a10_fd_regular(ends[0]);
	workers_start(ring, workers, &tally, count, submit_and_forget, threads);
	workers_join(ring, threads);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_le(atomic_load(&tally.ended), THREADS * count / 2);
	ck_assert_uint_eq(atomic_load(&tally.cancelled), THREADS * count);
	pipe_close(ends);
	ring_close(ring);
}

static void *forget_and_cancel(void *data)
{
	struct seen *seen = data;

	/* Both in the slot's one word, before the owner looks. */
	ck_assert_int_eq(a10_detach(seen->last.sq, seen->last.id), 0);
	ck_assert_int_eq(a10_cancel(seen->last.sq, seen->last.id), 0);
	return NULL;
}

TEST(a_cancel_does_not_take_back_that_it_was_forgotten)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen = { .last.sq = a10_ring_sq(ring) };
	unsigned int released = 0;

	ring_bind(ring);
	seen.last.id = a10_submit(a10_ring_sq(ring),
				  a10_owning(a10_after(A10_SECOND * 3600),
					     &released, on_release),
				  on_never, NULL);
	ck_assert_int_gt(seen.last.id, 0);
	thread_join(thread_start(forget_and_cancel, &seen));
	RUN_UNTIL(ring, released == 1);
	ring_close(ring);
}

static void *cancel_all_of_them(void *data)
{
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		if (worker->number % 2)
			ck_assert_int_eq(a10_cancel_all(worker->sq), 0);
		else
			ck_assert_int_eq(a10_cancel_fd(worker->sq, worker->fd),
					 0);
		nap(A10_MICROSECOND);
	}
	return NULL;
}

TEST(other_threads_cancel_all)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct tally tally = { 0 };
	static struct seen seen[500];
	int ends[2];

	pipe_open(ends);
	for (int i = 0; i < 500; i++)
		start(ring, a10_poll(a10_fd_regular(ends[0]), POLLIN),
		      &seen[i]);
	run_for(ring, A10_MILLISECOND);
	for (int i = 0; i < THREADS; i++)
		workers[i].fd = a10_fd_regular(ends[0]);
	workers_start(ring, workers, &tally, 20, cancel_all_of_them, threads);
	workers_join(ring, threads);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(seen[i].last.value, -ECANCELED);
	pipe_close(ends);
	ring_close(ring);
}

/* ---- two rings ---------------------------------------------------------------- */

/* Two threads with a ring each, and only pipes between them. */
struct turn {
	int from;
	int to;
	unsigned int rounds;
	unsigned int *count; /* of who has had the last byte */
};

static void *take_turns(void *data)
{
	const struct turn *turn = data;
	struct a10_ring *ring = ring_open(NULL);
	char byte = 'x';

	for (unsigned int i = 0; i < turn->rounds; i++) {
		ck_assert_int_eq(value_of(ring,
					  a10_read(a10_fd_regular(turn->from),
						   &byte, 1)),
				 1);
		++*turn->count;
		ck_assert_int_eq(
			value_of(ring,
				 a10_write(a10_fd_regular(turn->to), &byte, 1)),
			1);
	}
	ring_close(ring);
	return NULL;
}

/* So it is to ThreadSanitizer as well: see KERNEL_TAKES. */
TEST(what_a_ring_has_read_is_after_what_another_did_before_it_wrote)
{
	unsigned int count = 0;
	struct turn turns[2];
	pthread_t threads[2];
	int there[2], back[2];

	pipe_open(there);
	pipe_open(back);
	turns[0] = (struct turn){ there[0], back[1], 50, &count };
	turns[1] = (struct turn){ back[0], there[1], 50, &count };
	for (int i = 0; i < 2; i++)
		threads[i] = thread_start(take_turns, &turns[i]);
	ck_assert_int_eq(write(there[1], "x", 1), 1);
	for (int i = 0; i < 2; i++)
		thread_join(threads[i]);
	ck_assert_uint_eq(count, 100);
	pipe_close(there);
	pipe_close(back);
}

/* ---- awaiting, and the end ------------------------------------------------------ */

static void *await_many(void *data)
{
	struct worker *worker = data;

	for (unsigned int i = 0; i < worker->count; i++) {
		struct a10_op op =
			i % 3 ? a10_nop() : a10_after(A10_MICROSECOND);
		struct a10_result result;

		ck_assert_int_eq(a10_await_on(worker->sq, op, &result), 0);
		ck_assert_int_eq(result.value, 0);
		atomic_fetch_add(&worker->tally->ended, 1);
	}
	return NULL;
}

TEST(other_threads_await)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct tally tally = { 0 };

	ring_bind(ring);
	workers_start(ring, workers, &tally, 1000, await_many, threads);
	workers_join(ring, threads);
	ck_assert_uint_eq(atomic_load(&tally.ended), THREADS * 1000);
	ring_close(ring);
}

/* They go on until they are told; all they started is delivered or refused. */
static void *submit_until_shut_down(void *data)
{
	struct worker *worker = data;

	for (;;) {
		a10_id id = a10_submit(worker->sq, a10_nop(), on_any,
				       worker->tally);

		if (id == -ESHUTDOWN)
			break;
		/* As many as there can be wait for an owner who has no turn. */
		if (id == -ENOMEM) {
			sched_yield();
			continue;
		}
		ck_assert_int_gt(id, 0);
		atomic_fetch_add(&worker->tally->submitted, 1);
	}
	ck_assert_int_eq(a10_cancel(worker->sq, 1), -ESHUTDOWN);
	ck_assert_int_eq(a10_sq_wake(worker->sq), -ESHUTDOWN);
	ck_assert_int_eq(a10_await_on(worker->sq, a10_nop(), NULL), -ESHUTDOWN);
	a10_sq_unref(worker->sq);
	return NULL;
}

TEST(none_is_lost_between_submitting_and_the_end_of_the_ring)
{
	unsigned int count = test_scaled(50);

	for (unsigned int i = 0; i < count; i++) {
		struct a10_ring *ring = ring_open(NULL);
		struct worker workers[THREADS] = { 0 };
		pthread_t threads[THREADS];
		struct tally tally = { 0 };

		ring_bind(ring);
		for (int k = 0; k < THREADS; k++)
			a10_sq_ref(a10_ring_sq(ring));
		workers_start(ring, workers, &tally, 0, submit_until_shut_down,
			      threads);
		run_for(ring, A10_MILLISECOND / 2);
		ring_close(ring);
		for (int k = 0; k < THREADS; k++)
			thread_join(threads[k]);
		ck_assert_uint_eq(atomic_load(&tally.ended),
				  atomic_load(&tally.submitted));
	}
}

/* One that never ran is awaited: the ring's end must let it go. */
static void *await_for_ever(void *data)
{
	struct worker *worker = data;

	ck_assert_int_eq(a10_await_on(worker->sq, a10_after(A10_SECOND * 3600),
				      NULL),
			 -ECANCELED);
	a10_sq_unref(worker->sq);
	return NULL;
}

TEST(the_end_of_the_ring_ends_what_others_await)
{
	struct a10_ring *ring = ring_open(NULL);
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	struct tally tally = { 0 };

	ring_bind(ring);
	for (int i = 0; i < THREADS; i++)
		a10_sq_ref(a10_ring_sq(ring));
	workers_start(ring, workers, &tally, 0, await_for_ever, threads);
	RUN_UNTIL(ring, a10_ring_pending(ring) == THREADS);
	ring_close(ring);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
}
