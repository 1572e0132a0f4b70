/* a10_owning and a10_owning_buf: released exactly once, whatever happens. */
#include "blocked.h"

/* Released after its last result was delivered, on the owner's thread. */
struct owned {
	unsigned int released;
	unsigned int results;
	unsigned int ended;
	pthread_t thread;
};

static void on_owned_release(void *data)
{
	struct owned *owned = data;

	owned->released++;
	owned->thread = pthread_self();
}

static void on_owned_result(void *data, const struct a10_result *r)
{
	struct owned *owned = data;

	ck_assert_uint_eq(owned->released, 0);
	owned->results++;
	owned->ended += !r->more;
	if (a10_fd_valid(r->fd))
		a10_fd_release(r->fd);
	a10_buf_release(r->buf);
}

static void assert_released(const struct owned *owned, const char *what)
{
	ck_assert_msg(owned->released == 1, "%s: released %u times", what,
		      owned->released);
	ck_assert(pthread_equal(owned->thread, pthread_self()));
}

static struct a10_op owning(struct a10_op op, struct owned *owned)
{
	memset(owned, 0, sizeof(*owned));
	return a10_owning(op, owned, on_owned_release);
}

TEST(what_is_owned_is_released_when_it_is_over)
{
	struct a10_ring *ring = ring_open(NULL);
	struct owned owned[4];
	struct a10_fd bad = a10_fd_regular(9999);
	struct a10_sq *sq = a10_ring_sq(ring);
	char byte;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	{
		const struct a10_op ops[] = {
			owning(a10_nop(), &owned[0]),
			owning(a10_read(bad, &byte, 1), &owned[1]),
			owning(a10_all(a10_read(a10_fd_regular(ends[0]), &byte,
						1)),
			       &owned[2]),
			owning(a10_after(1), &owned[3]),
		};

		for (int i = 0; i < 4; i++)
			ck_assert_int_gt(a10_submit(sq, ops[i], on_owned_result,
						    &owned[i]),
					 0);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(owned[i].released, 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(owned[i].ended, 1);
		assert_released(&owned[i], "over");
	}
	pipe_close(ends);
	ring_close(ring);
}

TEST(what_is_owned_by_what_is_refused_is_released_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	struct a10_op chain[2];
	struct owned owned[2];
	struct a10_op op;

	op = owning(a10_timeout(a10_nop(), -1), &owned[0]);
	ck_assert_int_eq(a10_submit(sq, op, on_never, NULL), -EINVAL);
	assert_released(&owned[0], "refused");
	op = owning(a10_timeout(a10_nop(), -1), &owned[0]);
	ck_assert_int_eq(a10_await_on(sq, op, NULL), -EINVAL);
	assert_released(&owned[0], "refused await");
	chain[0] = owning(a10_nop(), &owned[0]);
	chain[1] = owning(a10_close(A10_NO_FD), &owned[1]);
	ck_assert_int_eq(a10_submit_linked(sq, chain, 2, on_never, NULL),
			 -EINVAL);
	assert_released(&owned[0], "refused chain");
	assert_released(&owned[1], "refused chain");
	ring_close(ring);
	op = owning(a10_nop(), &owned[0]);
	ck_assert_int_eq(a10_submit(sq, op, on_never, NULL), -ESHUTDOWN);
	assert_released(&owned[0], "shut down");
	a10_sq_unref(sq);
}

enum end {
	END_CANCEL,
	END_CANCEL_QUEUED,
	END_DETACH,
	END_DETACH_QUEUED,
	END_TIMEOUT,
	END_NO_INTEREST,
	ENDS
};

static const char *const end_names[ENDS] = {
	"cancelled",   "cancelled in the queue",
	"detached",    "detached in the queue",
	"out of time", "of no interest",
};

static void test_end(struct a10_ring *ring, struct a10_op op, int end,
		     const char *name)
{
	struct a10_sq *sq = a10_ring_sq(ring);
	struct owned owned;
	char text[80];
	a10_id id;

	if (end == END_TIMEOUT)
		op = a10_timeout(op, A10_MILLISECOND / 2);
	id = a10_submit(sq, owning(op, &owned),
			end == END_NO_INTEREST ? NULL : on_owned_result,
			&owned);
	ck_assert_int_gt(id, 0);
	if (end != END_CANCEL_QUEUED && end != END_DETACH_QUEUED)
		run_for(ring, A10_MILLISECOND / 5);
	if (end == END_CANCEL || end == END_CANCEL_QUEUED ||
	    end == END_NO_INTEREST)
		ck_assert_int_eq(a10_cancel(sq, id), 0);
	else if (end != END_TIMEOUT)
		ck_assert_int_eq(a10_detach(sq, id), 0);
	RUN_UNTIL(ring, owned.released > 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	snprintf(text, sizeof(text), "%s, %s", name, end_names[end]);
	assert_released(&owned, text);
	ck_assert_msg(owned.ended ==
			      (end == END_CANCEL || end == END_CANCEL_QUEUED ||
			       end == END_TIMEOUT),
		      "%s: %u results", text, owned.results);
}

TEST(what_is_owned_is_released_once_however_it_ends)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		if (!blocked_works(ring, kind))
			continue;
		for (int end = 0; end < ENDS; end++)
			test_end(ring, blocked_op(&world, kind), end,
				 blocked_names[kind]);
	}
	ck_assert_uint_eq(a10_pool_available(world.pool), 8);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}

TEST(what_is_owned_is_released_when_the_ring_is_destroyed)
{
	struct a10_ring *ring = ring_open_direct(8);
	static struct owned owned[BLOCKED_KINDS][3];
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		for (int way = 0; way < 3; way++) {
			struct a10_op op = owning(blocked_op(&world, kind),
						  &owned[kind][way]);
			a10_id id =
				a10_submit(a10_ring_sq(ring), op,
					   way == 1 ? NULL : on_owned_result,
					   &owned[kind][way]);

			ck_assert_int_gt(id, 0);
			if (way == 2)
				ck_assert_int_eq(
					a10_detach(a10_ring_sq(ring), id), 0);
		}
	}
	run_for(ring, A10_MILLISECOND);
	ring_close(ring);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		for (int way = 0; way < 3; way++) {
			assert_released(&owned[kind][way], blocked_names[kind]);
			ck_assert_uint_eq(owned[kind][way].ended, way == 0);
		}
	}
	blocked_close(&world);
}

TEST(each_of_a_chain_releases_what_it_owns)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd bad = a10_fd_regular(9999);
	struct owned owned[3];
	struct a10_op chain[3];
	struct seen seen = { 0 };
	char byte;

	chain[0] = owning(a10_nop(), &owned[0]);
	chain[1] = owning(a10_read(bad, &byte, 1), &owned[1]);
	chain[2] = owning(a10_nop(), &owned[2]);
	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(ring), chain, 3, on_seen,
					   &seen),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.count, 3);
	for (int i = 0; i < 3; i++)
		assert_released(&owned[i], "chain");
	ring_close(ring);
}

TEST(release_comes_after_the_last_callback)
{
	struct a10_ring *ring = ring_open(NULL);
	struct owned owned;
	a10_id id = a10_submit(a10_ring_sq(ring),
			       owning(a10_multishot(a10_after(A10_MILLISECOND)),
				      &owned),
			       on_owned_result, &owned);

	ck_assert_int_gt(id, 0);
	RUN_UNTIL(ring, owned.results >= 5);
	ck_assert_uint_eq(owned.released, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(owned.ended, 1);
	assert_released(&owned, "multishot");
	ring_close(ring);
}

static void free_it(void *memory)
{
	free(memory);
}

TEST(the_buffer_of_what_is_detached_is_freed_by_its_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 200; i++) {
		unsigned char *memory = malloc(4096);
		struct a10_op op = a10_recv(pair.ours, memory, 4096, 0);
		a10_id id;

		ck_assert_ptr_nonnull(memory);
		id = a10_submit(a10_ring_sq(ring),
				a10_owning(op, memory, free_it), on_never,
				NULL);
		ck_assert_int_gt(id, 0);
		if (i % 2)
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		if (i % 5 == 0)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* ---- a pool's buffer -------------------------------------------------------- */

static struct a10_buf buf_take(struct a10_ring *ring, struct a10_pool *pool,
			       struct pair *pair)
{
	struct a10_result result;

	ck_assert_int_eq(write(pair->theirs, "bytes", 5), 5);
	result = result_of(ring, a10_recv_pooled(pair->ours, pool, 0));
	ck_assert_int_eq(result.value, 5);
	return result.buf;
}

TEST(a_pools_buffer_is_given_back_when_it_was_sent)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_pool *pool;
	struct pair pair;

	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	for (int i = 0; i < 5 * 6; i++) {
		struct a10_buf buf = buf_take(ring, pool, &pair);
		struct a10_op op = a10_owning_buf(
			a10_all(a10_send(pair.ours, buf.data, buf.length, 0)),
			buf);
		char bytes[8];
		a10_id id;

		ck_assert_uint_eq(a10_pool_available(pool), 3);
		if (i % 5 == 3)
			op = a10_timeout(op, -1);
		id = a10_submit(sq, op, NULL, NULL);
		ck_assert_int_eq(id > 0, i % 5 != 3);
		if (i % 5 == 1)
			ck_assert_int_eq(a10_cancel(sq, id), 0);
		else if (i % 5 == 2)
			ck_assert_int_eq(a10_detach(sq, id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		while (recv(pair.theirs, bytes, 8, MSG_DONTWAIT) > 0)
			continue;
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_buffer_and_something_else_are_owned_together)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	struct owned owned;
	struct pair pair;
	struct a10_buf buf;

	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	buf = buf_take(ring, pool, &pair);
	ck_assert_int_eq(
		value_of(ring, owning(a10_owning_buf(a10_nop(), buf), &owned)),
		0);
	assert_released(&owned, "both");
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pair_close(ring, &pair);
	ring_close(ring);
}
