/* a10_close and a10_fd_release: what is pending, whose it is, what is left. */
#include "blocked.h"

TEST(close_closes_both_kinds_once)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_op op = a10_open("/dev/null", O_RDONLY, 0);
	struct a10_fd plain = fd_of(ring, op);
	struct a10_fd direct = fd_of(ring, a10_direct(op));

	ck_assert(number_is_open(a10_fd_number(plain)));
	ck_assert_int_eq(value_of(ring, a10_close(plain)), 0);
	ck_assert(!number_is_open(a10_fd_number(plain)));
	ck_assert_int_eq(value_of(ring, a10_close(plain)), -EBADF);
	ck_assert_int_eq(value_of(ring, a10_close(direct)), 0);
	ck_assert_int_eq(value_of(ring, a10_close(direct)), -EBADF);
	ck_assert_int_eq(outcome_of(ring, a10_close(A10_NO_FD)), -EBADF);
	ring_close(ring);
}

struct last {
	struct seen seen;
	const unsigned int *ended; /* of what must have come before */
	unsigned int needed;
};

static void on_closed(void *data, const struct a10_result *r)
{
	struct last *last = data;

	ck_assert_uint_eq(*last->ended, last->needed);
	on_seen(&last->seen, r);
}

struct counted {
	unsigned int ended;
	ssize_t value;
};

static void on_counted(void *data, const struct a10_result *r)
{
	struct counted *counted = data;

	counted->ended += !r->more;
	ck_assert_int_eq(r->value, counted->value);
}

/* Its result is the last of the descriptor. */
static void test_close_ends(struct a10_ring *ring, bool direct)
{
	struct a10_sq *sq = a10_ring_sq(ring);
	struct counted counted = { 0, -ECANCELED };
	struct last last = { .ended = &counted.ended, .needed = 40 };
	struct a10_pool *pool;
	struct pair pair;
	char bytes[8];

	ck_assert_int_eq(a10_pool_create(ring, 4, 4096, 0, &pool), 0);
	pair_open(ring, direct, &pair);
	for (int i = 0; i < 10; i++) {
		const struct a10_op ops[] = {
			a10_recv(pair.ours, bytes, 8, 0),
			a10_all(a10_recv(pair.ours, bytes, 8, 0)),
			a10_poll(pair.ours, POLLIN),
			a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		};

		for (int k = 0; k < 4; k++)
			ck_assert_int_gt(a10_submit(sq, ops[k], on_counted,
						    &counted),
					 0);
		if (i == 5)
			run_for(ring, A10_MILLISECOND);
	}
	ck_assert_int_gt(a10_submit(sq, a10_close(pair.ours), on_closed, &last),
			 0);
	RUN_UNTIL(ring, last.seen.ended == 1);
	ck_assert_int_eq(last.seen.last.value, 0);
	ck_assert_uint_eq(counted.ended, 40);
	ck_assert_int_eq(recv(pair.theirs, bytes, 8, 0), 0);
	ck_assert_int_eq(close(pair.theirs), 0);
	a10_pool_destroy(pool);
}

TEST(close_ends_what_is_pending_and_comes_last)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_close_ends(ring, false);
	test_close_ends(ring, true);
	ring_close(ring);
}

TEST(close_leaves_other_descriptors_alone)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct pair kept[2];
	struct pair closed[2];
	struct seen seen[2];
	char bytes[2];

	for (int i = 0; i < 2; i++) {
		pair_open(ring, i, &kept[i]);
		pair_open(ring, i, &closed[i]);
		start(ring, a10_recv(kept[i].ours, &bytes[i], 1, 0), &seen[i]);
	}
	for (int i = 0; i < 2; i++)
		pair_close(ring, &closed[i]);
	run_for(ring, A10_MILLISECOND);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(seen[i].count, 0);
		ck_assert_int_eq(write(kept[i].theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen[i].ended == 1);
		ck_assert_int_eq(seen[i].last.value, 1);
		pair_close(ring, &kept[i]);
	}
	ring_close(ring);
}

/* Regular 5 and direct 5 are two. */
TEST(close_tells_regular_and_direct_numbers_apart)
{
	struct a10_ring *ring = ring_open_direct(64);
	struct a10_op op = a10_direct(a10_open("/dev/null", O_RDONLY, 0));
	struct a10_fd direct[64];
	struct seen seen;
	int ends[2];
	char byte;

	for (int i = 0; i < 64; i++)
		direct[i] = fd_of(ring, op);
	pipe_open(ends);
	ck_assert_int_lt(ends[0], 64);
	start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
	for (int i = 0; i < 64; i++)
		fd_close(ring, direct[i]);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	pipe_close(ends);
	ring_close(ring);
}

static void on_closed_free(void *data, const struct a10_result *r)
{
	void **memory = data;

	ck_assert_int_eq(r->value, 0);
	free(*memory);
	*memory = NULL;
}

TEST(what_operations_used_may_be_freed_when_close_is_delivered)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);

	for (int i = 0; i < 100; i++) {
		void *memory = malloc(4096);
		struct counted counted = { 0, -ECANCELED };
		struct pair pair;

		ck_assert_ptr_nonnull(memory);
		pair_open(ring, false, &pair);
		for (int k = 0; k < 5; k++)
			ck_assert_int_gt(
				a10_submit(sq,
					   a10_recv(pair.ours, memory, 4096, 0),
					   on_counted, &counted),
				0);
		if (i % 2)
			run_for(ring, A10_MILLISECOND / 10);
		ck_assert_int_gt(a10_submit(sq, a10_close(pair.ours),
					    on_closed_free, &memory),
				 0);
		RUN_UNTIL(ring, memory == NULL);
		ck_assert_uint_eq(counted.ended, 5);
		ck_assert_int_eq(close(pair.theirs), 0);
	}
	ring_close(ring);
}

TEST(two_closes_of_one_descriptor_close_it_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
	run_for(ring, A10_MILLISECOND);
	start(ring, a10_close(pair.ours), &seen[1]);
	start(ring, a10_close(pair.ours), &seen[2]);
	RUN_UNTIL(ring, seen[0].ended && seen[1].ended && seen[2].ended);
	ck_assert_int_eq(seen[0].last.value, -ECANCELED);
	/* Whichever it was. */
	ck_assert_int_eq(seen[1].last.value + seen[2].last.value, -EBADF);
	ck_assert(seen[1].last.value == 0 || seen[2].last.value == 0);
	ck_assert_int_eq(close(pair.theirs), 0);
	ring_close(ring);
}

TEST(close_of_every_kind_of_operation)
{
	struct a10_ring *ring = ring_open_direct(8);

	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		struct blocked world;
		struct a10_op op;
		struct seen seen;
		struct seen closed;
		int *number;

		blocked_open(ring, &world);
		op = blocked_op(&world, kind);
		number = op.request.fd == world.empty[0] ? &world.empty[0] :
			 op.request.fd == world.full[1]  ? &world.full[1] :
			 op.request.fd == world.quiet[0] ? &world.quiet[0] :
			 op.request.fd == world.stuck[0] ? &world.stuck[0] :
							   NULL;
		if (number != NULL && op.extra.ring == 0 &&
		    blocked_works(ring, kind)) {
			start(ring, op, &seen);
			run_for(ring, A10_MILLISECOND);
			ck_assert_uint_eq(seen.count, 0);
			start(ring, a10_close(a10_fd_regular(*number)),
			      &closed);
			RUN_UNTIL(ring, closed.ended == 1);
			ck_assert_msg(seen.ended == 1, "%s",
				      blocked_names[kind]);
			ck_assert_msg(seen.last.value == -ECANCELED, "%s: %zd",
				      blocked_names[kind], seen.last.value);
			ck_assert_int_eq(closed.last.value, 0);
			*number = -1;
		}
		a10_pool_destroy(world.pool);
		fd_close(ring, world.direct);
		blocked_close(&world);
	}
	ring_close(ring);
}

TEST(close_is_carried_out_in_a_cancelled_scope)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_scope scope;
		struct seen seen = { 0 };
		struct pair pair;
		char byte;

		pair_open(ring, direct, &pair);
		a10_scope_open(&scope, a10_ring_sq(ring), 0);
		a10_scope_cancel(&scope);
		ck_assert_int_gt(a10_scope_submit(&scope, a10_close(pair.ours),
						  on_seen, &seen),
				 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 0);
		ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
		ck_assert_int_eq(close(pair.theirs), 0);
		ck_assert_uint_eq(a10_scope_count(&scope), 0);
	}
	ring_close(ring);
}

TEST(close_that_is_cancelled_closes)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_sq *sq = a10_ring_sq(ring);

	for (int way = 0; way < 6; way++) {
		struct seen seen;
		struct seen pending;
		struct pair pair;
		char byte;
		a10_id id;

		pair_open(ring, way & 1, &pair);
		start(ring, a10_recv(pair.ours, &byte, 1, 0), &pending);
		id = start(ring, a10_close(pair.ours), &seen);
		if (way / 2 == 0)
			ck_assert_int_eq(a10_cancel_all(sq), 0);
		else if (way / 2 == 1)
			ck_assert_int_eq(a10_cancel(sq, id), 0);
		else
			ck_assert_int_eq(a10_detach(sq, id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ck_assert_uint_eq(seen.ended, way / 2 < 2);
		if (way / 2 < 2)
			ck_assert_int_eq(seen.last.value, 0);
		ck_assert_uint_eq(pending.ended, 1);
		ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
		ck_assert_int_eq(close(pair.theirs), 0);
	}
	ring_close(ring);
}

TEST(close_after_the_ring_is_gone_is_done_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	int ends[2];

	pipe_open(ends);
	ring_close(ring);
	ck_assert_int_eq(a10_submit(sq, a10_close(a10_fd_regular(ends[0])),
				    on_never, NULL),
			 -ESHUTDOWN);
	ck_assert(!number_is_open(ends[0]));
	ck_assert_int_eq(a10_await_on(sq, a10_close(a10_fd_regular(ends[1])),
				      NULL),
			 -ESHUTDOWN);
	ck_assert(!number_is_open(ends[1]));
	a10_sq_unref(sq);
}

/* ---- a10_fd_release --------------------------------------------------------- */

TEST(releasing_none_does_nothing)
{
	unsigned int before = open_descriptors();

	a10_fd_release(A10_NO_FD);
	ck_assert_uint_eq(open_descriptors(), before);
}

TEST(a_plain_descriptor_is_released_without_any_ring)
{
	int ends[2];

	pipe_open(ends);
	a10_fd_release(a10_fd_regular(ends[0]));
	a10_fd_release(a10_fd_regular(ends[1]));
	ck_assert(!number_is_open(ends[0]));
	ck_assert(!number_is_open(ends[1]));
}

static void on_release_fd(void *data, const struct a10_result *r)
{
	struct pair *pair = data;

	(void)r;
	a10_fd_release(pair->ours);
}

/* What the ring has pending on it is cancelled first. */
TEST(releasing_in_a_callback_ends_what_is_pending)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;
		char byte;

		pair_open(ring, direct, &pair);
		start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_release_fd, &pair),
				 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(recv(pair.theirs, &byte, 1, 0), 0);
		ck_assert_int_eq(close(pair.theirs), 0);
	}
	ring_close(ring);
}

TEST(a_released_slot_of_the_table_is_free_again)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_op op = a10_direct(a10_open("/dev/null", O_RDONLY, 0));

	for (int i = 0; i < 100; i++) {
		a10_fd_release(fd_of(ring, op));
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	ring_close(ring);
}

static void *release_elsewhere(void *data)
{
	a10_fd_release(*(struct a10_fd *)data);
	return NULL;
}

TEST(another_thread_releases)
{
	struct a10_ring *ring = ring_open_direct(1);
	struct a10_op op = a10_open("/dev/null", O_RDONLY, 0);
	struct a10_fd fd = fd_of(ring, op);

	thread_join(thread_start(release_elsewhere, &fd));
	run_for(ring, A10_MILLISECOND);
	ck_assert(!number_is_open(a10_fd_number(fd)));
	for (int i = 0; i < 20; i++) {
		fd = fd_of(ring, a10_direct(op));
		thread_join(thread_start(release_elsewhere, &fd));
		run_for(ring, A10_MILLISECOND);
	}
	ring_close(ring);
}

TEST(a_direct_descriptor_is_released_after_its_ring)
{
	struct a10_ring *ring = ring_open_direct(1);
	struct a10_fd fd =
		fd_of(ring, a10_direct(a10_open("/dev/null", O_RDONLY, 0)));
	unsigned int before;

	ring_close(ring);
	before = open_descriptors();
	a10_fd_release(fd);
	ck_assert_uint_eq(open_descriptors(), before);
}
