/* Cancelling: by id, by descriptor, all; never lost, harmless when too late. */
#include "blocked.h"

TEST(every_kind_of_operation_is_cancelled)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		/* In the queue, with the kernel, and after it had a while. */
		for (int way = 0; way < 3 && blocked_works(ring, kind); way++) {
			struct seen seen;
			a10_id id =
				start(ring, blocked_op(&world, kind), &seen);

			if (way == 1)
				ck_assert_int_eq(a10_ring_flush(ring), 0);
			if (way == 2)
				run_for(ring, A10_MILLISECOND);
			ck_assert_uint_eq(seen.count, 0);
			ck_assert_int_eq(a10_cancel(sq, id), 0);
			ck_assert_uint_eq(seen.count, 0);
			RUN_UNTIL(ring, seen.ended == 1);
			ck_assert_msg(seen.last.value == -ECANCELED,
				      "%s gives %zd", blocked_names[kind],
				      seen.last.value);
			ck_assert_uint_eq(seen.count, 1);
			ck_assert_int_eq(seen.last.id, id);
			ck_assert(!a10_fd_valid(seen.last.fd));
			ck_assert_ptr_null(seen.last.buf.data);
		}
	}
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	ck_assert_uint_eq(a10_pool_available(world.pool), 8);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}

/* Of so many one had the place that another operation has now. */
TEST(a_stale_id_is_harmless)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	static a10_id ids[5000] = { 0, -1, 1, INT64_MAX, INT64_MIN };
	struct seen seen;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	for (int i = 5; i < 5000; i++) {
		ids[i] = start(ring, a10_nop(), &seen);
		RUN_UNTIL(ring, seen.ended == 1);
	}
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
	for (int polled = 0; polled < 2; polled++) {
		for (int i = 0; i < 5000; i++) {
			ck_assert_int_eq(a10_cancel(sq, ids[i]), 0);
			ck_assert_int_eq(a10_detach(sq, ids[i]), 0);
		}
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
	}
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(cancelling_twice_is_cancelling_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	for (int polled = 0; polled < 2; polled++) {
		a10_id id =
			start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);

		if (polled)
			run_for(ring, A10_MILLISECOND);
		for (int i = 0; i < 5; i++)
			ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ck_assert_uint_eq(seen.count, 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

/* The byte is there before the cancel: the success is delivered as one. */
TEST(a_success_before_the_cancel_stays_one)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte = 0;
	a10_id id;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	id = start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_int_eq(byte, 'x');
	pair_close(ring, &pair);
	ring_close(ring);
}

/* No byte is lost: what is not in a result is still in the socket. */
TEST(a_race_of_cancel_and_success_loses_nothing)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int rounds = test_scaled(2000);
	unsigned int got = 0;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	for (unsigned int i = 0; i < rounds; i++) {
		struct seen seen;
		a10_id id =
			start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);

		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		if (i % 2)
			ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		if (i % 2 == 0)
			ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen.ended == 1);
		if (seen.last.value == 1)
			got++;
		else
			ck_assert_int_eq(seen.last.value, -ECANCELED);
		while (recv(a10_fd_number(pair.ours), &byte, 1, MSG_DONTWAIT) ==
		       1)
			got++;
		ck_assert_uint_eq(got, i + 1);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

static void on_cancel_other(void *data, const struct a10_result *r)
{
	ck_assert_int_eq(a10_cancel(r->sq, *(a10_id *)data), 0);
}

TEST(a_callback_cancels)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte;
	a10_id id;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 10; i++) {
		id = start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_cancel_other, &id),
				 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

/* Each is in the batch of results when the one before it cancels it. */
struct domino {
	a10_id next;
	unsigned int *fallen;
};

static void on_domino(void *data, const struct a10_result *r)
{
	struct domino *domino = data;

	ck_assert(r->value == 0 || r->value == -ECANCELED);
	++*domino->fallen;
	ck_assert_int_eq(a10_cancel(r->sq, domino->next), 0);
}

TEST(cancelling_what_is_in_the_same_batch_delivers_it_once)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct domino dominoes[200];
	unsigned int fallen = 0;
	a10_id ids[200];

	for (int i = 0; i < 200; i++) {
		dominoes[i].fallen = &fallen;
		ids[i] = a10_submit(a10_ring_sq(ring), a10_nop(), on_domino,
				    &dominoes[i]);
		ck_assert_int_gt(ids[i], 0);
	}
	for (int i = 0; i < 199; i++)
		dominoes[i].next = ids[i + 1];
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(fallen, 200);
	ring_close(ring);
}

TEST(many_are_cancelled_through_a_short_queue)
{
	static const uint32_t sizes[] = { 1, 2, 128 };
	static struct seen seen[2000];
	static a10_id ids[2000];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct a10_config config = { .submission_entries = sizes[i] };
		struct a10_ring *ring = ring_open(&config);
		struct pair pair;
		char byte;

		pair_open(ring, false, &pair);
		for (int k = 0; k < 2000; k++)
			ids[k] = start(ring, a10_recv(pair.ours, &byte, 1, 0),
				       &seen[k]);
		run_for(ring, A10_MILLISECOND);
		for (int k = 0; k < 2000; k++)
			ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), ids[k]),
					 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		for (int k = 0; k < 2000; k++) {
			ck_assert_uint_eq(seen[k].count, 1);
			ck_assert_int_eq(seen[k].last.value, -ECANCELED);
		}
		pair_close(ring, &pair);
		ring_close(ring);
	}
}

TEST(cancel_fd_ends_all_of_that_descriptor_and_nothing_else)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_sq *sq = a10_ring_sq(ring);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen[2][6];
		struct pair pairs[2];
		char byte;

		for (int i = 0; i < 2; i++) {
			pair_open(ring, direct, &pairs[i]);
			for (int k = 0; k < 6; k++) {
				struct a10_fd fd = pairs[i].ours;

				start(ring,
				      k % 2 ? a10_poll(fd, POLLIN) :
					      a10_recv(fd, &byte, 1, 0),
				      &seen[i][k]);
				if (k == 3)
					run_for(ring, A10_MILLISECOND);
			}
		}
		ck_assert_int_eq(a10_cancel_fd(sq, pairs[0].ours), 0);
		for (int k = 0; k < 6; k++) {
			RUN_UNTIL(ring, seen[0][k].ended == 1);
			ck_assert_int_eq(seen[0][k].last.value, -ECANCELED);
		}
		run_for(ring, A10_MILLISECOND);
		for (int k = 0; k < 6; k++)
			ck_assert_uint_eq(seen[1][k].count, 0);
		ck_assert_int_eq(a10_cancel_fd(sq, pairs[0].ours), 0);
		ck_assert_int_eq(a10_cancel_fd(sq, pairs[1].ours), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		for (int k = 0; k < 6; k++)
			ck_assert_int_eq(seen[1][k].last.value, -ECANCELED);
		pair_close(ring, &pairs[0]);
		pair_close(ring, &pairs[1]);
	}
	ck_assert_int_eq(a10_cancel_fd(sq, A10_NO_FD), 0);
	ck_assert_int_eq(a10_cancel_fd(sq, a10_fd_regular(999999)), 0);
	ring_close(ring);
}

TEST(cancel_fd_spares_what_is_submitted_after_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen before;
	struct seen after;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &before);
	ck_assert_int_eq(a10_cancel_fd(a10_ring_sq(ring), pair.ours), 0);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &after);
	RUN_UNTIL(ring, before.ended == 1);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(before.last.value, -ECANCELED);
	ck_assert_uint_eq(after.count, 0);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, after.ended == 1);
	ck_assert_int_eq(after.last.value, 1);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(cancel_all_ends_all_but_what_is_exempt)
{
	struct a10_ring *ring = ring_open_direct(8);
	static struct seen seen[BLOCKED_KINDS];
	struct a10_scope scope;
	struct seen shielded;
	struct seen waiting;
	struct seen held = { 0 };
	struct seen closed;
	struct blocked world;
	int ends[2];
	char byte;

	blocked_open(ring, &world);
	pipe_open(ends);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		start(ring, blocked_op(&world, kind), &seen[kind]);
		if (kind == BLOCKED_KINDS / 2)
			run_for(ring, A10_MILLISECOND);
	}
	start(ring, a10_shielded(a10_read(a10_fd_regular(ends[0]), &byte, 1)),
	      &shielded);
	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_int_gt(
		a10_scope_submit(
			&scope,
			a10_shielded(a10_poll(a10_fd_regular(ends[0]), POLLIN)),
			on_seen, &held),
		0);
	start(ring, a10_scope_wait(&scope), &waiting);
	start(ring, a10_close(a10_fd_regular(world.quiet[1])), &closed);
	world.quiet[1] = -1;
	ck_assert_int_eq(a10_cancel_all(a10_ring_sq(ring)), 0);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++)
		RUN_UNTIL(ring, seen[kind].ended == 1);
	RUN_UNTIL(ring, closed.ended == 1);
	ck_assert_int_eq(closed.last.value, 0);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(shielded.count, 0);
	ck_assert_uint_eq(waiting.count, 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, shielded.ended && waiting.ended);
	ck_assert_int_eq(shielded.last.value, 1);
	ck_assert_int_eq(waiting.last.value, 0);
	ck_assert_uint_eq(held.ended, 1);
	fd_close(ring, world.direct);
	ring_close(ring);
	pipe_close(ends);
	blocked_close(&world);
}

TEST(an_interrupted_system_call_is_not_told)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	int from[2];
	int to[2];
	a10_id id;

	/* A worker sleeps in it: what it leaks of a signal is no result. */
	for (int i = 0; i < 50; i++) {
		pipe_open(from);
		pipe_open(to);
		id = start(ring,
			   a10_splice(a10_fd_regular(from[0]), A10_NO_OFFSET,
				      a10_fd_regular(to[1]), A10_NO_OFFSET, 1,
				      0),
			   &seen);
		ck_assert_int_eq(a10_ring_flush(ring), 0);
		if (i % 2)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
		pipe_close(from);
		pipe_close(to);
	}
	ring_close(ring);
}

/* ---- no room for the request that cancels --------------------------------- */

static struct a10_ring *ring_of_entries(uint32_t entries)
{
	struct a10_config config = { .submission_entries = entries };
	struct a10_ring *ring = ring_open(&config);
	struct a10_ring_info info;

	ring_bind(ring);
	a10_ring_info(ring, &info);
	ck_assert_uint_eq(info.submission_entries, entries);
	/* The plain path takes slots that were used before. */
	for (int i = 0; i < 64; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(), NULL,
					    NULL),
				 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	return ring;
}

/* As many plain requests as the queue holds, one behind the other. */
static void queue_fill_up(struct a10_ring *ring, int number, uint32_t entries,
			  struct seen *seen)
{
	static char bytes[64];

	memset(seen, 0, sizeof(*seen));
	for (uint32_t i = 0; i < entries; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
					    a10_read(a10_fd_regular(number),
						     &bytes[i], 1),
					    on_seen, seen),
				 0);
}

TEST(a_cancel_finds_room_in_a_queue_full_of_plain_requests)
{
	enum {
		ENTRIES = 4
	};
	struct a10_ring *ring = ring_of_entries(ENTRIES);
	struct seen seen, others;
	int ends[2];
	char byte;
	a10_id id;

	pipe_open(ends);
	id = start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	queue_fill_up(ring, ends[0], ENTRIES, &others);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	/* One sleep: nothing else would wake it. */
	ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_uint_eq(others.count, 0);
	ring_close(ring);
	pipe_close(ends);
}

struct mill {
	struct seen *stop;
	uint64_t turns;
};

static void mill_on(void *data, const struct a10_result *r)
{
	struct mill *mill = data;

	mill->turns++;
	if (mill->stop->ended == 0)
		ck_assert_int_gt(a10_submit(r->sq, a10_nop(), mill_on, mill),
				 0);
}

TEST(a_time_out_finds_room_beside_what_fills_the_queue_for_ever)
{
	enum {
		ENTRIES = 8
	};
	struct a10_ring *ring = ring_of_entries(ENTRIES);
	struct seen seen;
	struct mill mill = { .stop = &seen };
	const int64_t begin = a10_now();
	int ends[2];
	char byte;

	pipe_open(ends);
	start(ring,
	      a10_timeout(a10_read(a10_fd_regular(ends[0]), &byte, 1),
			  A_MOMENT),
	      &seen);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	for (int i = 0; i < ENTRIES; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    mill_on, &mill),
				 0);
	while (seen.ended == 0 && a10_now() - begin < PATIENCE)
		ck_assert_int_gt(a10_ring_poll(ring, A10_SECOND), 0);
	ck_assert_int_eq(seen.last.value, -ETIME);
	ck_assert_uint_gt(mill.turns, ENTRIES);
	ring_close(ring);
	pipe_close(ends);
}
