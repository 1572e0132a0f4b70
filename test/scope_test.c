/* Scopes: operations that end together, and the wait that tells when. */
#include "support.h"

static a10_id scope_start(struct a10_scope *scope, struct a10_op op,
			  struct seen *seen)
{
	a10_id id;

	memset(seen, 0, sizeof(*seen));
	id = a10_scope_submit(scope, op, on_seen, seen);
	ck_assert_int_gt(id, 0);
	return id;
}

/* A scope with receives in it on which nothing comes yet. */
struct held {
	struct a10_scope scope;
	struct pair pair;
	struct seen seen[4];
	char bytes[4];
};

static void held_open(struct a10_ring *ring, struct held *held, uint32_t flags)
{
	ring_bind(ring);
	pair_open(ring, false, &held->pair);
	a10_scope_open(&held->scope, a10_ring_sq(ring), flags);
	for (int i = 0; i < 4; i++)
		scope_start(&held->scope,
			    a10_recv(held->pair.ours, &held->bytes[i], 1, 0),
			    &held->seen[i]);
	ck_assert_uint_eq(a10_scope_count(&held->scope), 4);
}

static void held_close(struct a10_ring *ring, struct held *held)
{
	ck_assert_uint_eq(a10_scope_count(&held->scope), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(held->seen[i].ended, 1);
	pair_close(ring, &held->pair);
}

TEST(an_empty_scope_is_over_at_the_next_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen seen;

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_uint_eq(a10_scope_count(&scope), 0);
	start(ring, a10_scope_wait(&scope), &seen);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 1);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ring_close(ring);
}

TEST(a_wait_is_over_when_the_last_operation_is)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen waits[3];

	held_open(ring, &held, 0);
	for (int i = 0; i < 3; i++)
		start(ring, a10_scope_wait(&held.scope), &waits[i]);
	/* The wait itself is not in it. */
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	for (unsigned int i = 0; i < 4; i++) {
		for (int k = 0; k < 3; k++)
			ck_assert_uint_eq(waits[k].count, 0);
		ck_assert_int_eq(write(held.pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, a10_scope_count(&held.scope) == 3 - i);
	}
	for (int k = 0; k < 3; k++) {
		RUN_UNTIL(ring, waits[k].ended == 1);
		ck_assert_int_eq(waits[k].last.value, 0);
	}
	held_close(ring, &held);
	ring_close(ring);
}

TEST(cancelling_a_scope_cancels_what_is_in_it_and_what_comes)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held other;
	struct held held;
	struct seen late;
	struct seen wait;

	for (int polled = 0; polled < 2; polled++) {
		held_open(ring, &held, 0);
		held_open(ring, &other, 0);
		if (polled)
			run_for(ring, A10_MILLISECOND);
		for (int i = 0; i < 3; i++)
			a10_scope_cancel(&held.scope);
		scope_start(&held.scope, a10_nop(), &late);
		ck_assert_uint_eq(late.count, 0);
		start(ring, a10_scope_wait(&held.scope), &wait);
		RUN_UNTIL(ring, wait.ended == 1);
		/* The scope's own cancel is no error. */
		ck_assert_int_eq(wait.last.value, 0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(held.seen[i].last.value, -ECANCELED);
		ck_assert_uint_eq(late.ended, 1);
		ck_assert_int_eq(late.last.value, -ECANCELED);
		ck_assert_uint_eq(a10_scope_count(&other.scope), 4);
		ck_assert_int_eq(a10_scope_close(&other.scope), 0);
		held_close(ring, &held);
		held_close(ring, &other);
	}
	ring_close(ring);
}

TEST(the_first_error_is_what_a_wait_says)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen seen[3];

	held_open(ring, &held, 0);
	scope_start(&held.scope, a10_fsync(a10_fd_regular(9999)), &seen[0]);
	RUN_UNTIL(ring, seen[0].ended == 1);
	scope_start(&held.scope,
		    a10_timeout(a10_recv(held.pair.ours, held.bytes, 1, 0), 1),
		    &seen[1]);
	RUN_UNTIL(ring, seen[1].ended == 1);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	a10_scope_cancel(&held.scope);
	ck_assert_int_eq(value_of(ring, a10_scope_wait(&held.scope)), -EBADF);
	ck_assert_int_eq(a10_scope_close(&held.scope), -EBADF);
	held_close(ring, &held);
	ring_close(ring);
}

/* Somebody else's cancel is an error of the operation. */
TEST(a_cancel_that_is_not_the_scopes_is_an_error)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;

	held_open(ring, &held, 0);
	ck_assert_int_eq(a10_cancel_fd(a10_ring_sq(ring), held.pair.ours), 0);
	ck_assert_int_eq(value_of(ring, a10_scope_wait(&held.scope)),
			 -ECANCELED);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(fail_fast_cancels_the_rest_at_the_first_error)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen failing;
	struct seen late;
	struct seen wait;

	held_open(ring, &held, A10_SCOPE_FAIL_FAST);
	ck_assert_int_eq(write(held.pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, a10_scope_count(&held.scope) == 3);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 3);
	scope_start(&held.scope, a10_fsync(a10_fd_regular(9999)), &failing);
	start(ring, a10_scope_wait(&held.scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_int_eq(wait.last.value, -EBADF);
	scope_start(&held.scope, a10_nop(), &late);
	RUN_UNTIL(ring, late.ended == 1);
	ck_assert_int_eq(late.last.value, -ECANCELED);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(first_wins_cancels_the_rest_at_the_first_success)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen failing;
	struct seen wait;
	unsigned int cancelled = 0;

	held_open(ring, &held, A10_SCOPE_FIRST_WINS);
	/* An error is no success: the others go on. */
	scope_start(&held.scope, a10_fsync(a10_fd_regular(9999)), &failing);
	RUN_UNTIL(ring, failing.ended == 1);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	ck_assert_int_eq(write(held.pair.theirs, "x", 1), 1);
	start(ring, a10_scope_wait(&held.scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1);
	for (int i = 0; i < 4; i++)
		cancelled += held.seen[i].last.value == -ECANCELED;
	ck_assert_uint_eq(cancelled, 3);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(a_deadline_gives_up_all_in_it_and_what_comes)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen late;
	int64_t before = a10_now();

	held_open(ring, &held, 0);
	a10_scope_set_deadline(&held.scope, before + A_MOMENT);
	for (int i = 0; i < 4; i++)
		RUN_UNTIL(ring, held.seen[i].ended == 1);
	ck_assert_int_ge(a10_now() - before, A_MOMENT);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(held.seen[i].last.value, -ETIME);
	scope_start(&held.scope, a10_recv(held.pair.ours, held.bytes, 1, 0),
		    &late);
	RUN_UNTIL(ring, late.ended == 1);
	ck_assert_int_eq(late.last.value, -ETIME);
	held_close(ring, &held);
	/* Nothing of it holds up the ring's end. */
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
}

TEST(a_deadline_is_moved_and_taken_back)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	int64_t now = a10_now();

	held_open(ring, &held, 0);
	a10_scope_set_deadline(&held.scope, now + A10_MILLISECOND);
	a10_scope_set_deadline(&held.scope, A10_FOREVER);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	a10_scope_set_deadline(&held.scope, now + PATIENCE);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	now = a10_now();
	a10_scope_set_deadline(&held.scope, now + A_MOMENT);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_ge(a10_now() - now, A_MOMENT);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(held.seen[i].last.value, -ETIME);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(what_is_shielded_outlives_the_cancel_of_its_scope)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen shielded[2];
	struct seen wait;
	struct held held;
	char byte;

	held_open(ring, &held, 0);
	scope_start(&held.scope,
		    a10_shielded(a10_recv(held.pair.ours, &byte, 1, 0)),
		    &shielded[0]);
	a10_scope_cancel(&held.scope);
	scope_start(&held.scope,
		    a10_shielded(a10_recv(held.pair.ours, &byte, 1, 0)),
		    &shielded[1]);
	start(ring, a10_scope_wait(&held.scope), &wait);
	for (int i = 0; i < 4; i++)
		RUN_UNTIL(ring, held.seen[i].ended == 1);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(wait.count, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(shielded[i].count, 0);
		ck_assert_int_eq(write(held.pair.theirs, "x", 1), 1);
	}
	RUN_UNTIL(ring, wait.ended == 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(shielded[i].last.value, 1);
	held_close(ring, &held);
	ring_close(ring);
}

struct continuing {
	struct a10_scope *scope;
	struct seen *wait;
	unsigned int left;
};

static void on_continue(void *data, const struct a10_result *r)
{
	struct continuing *it = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_eq(it->wait->count, 0);
	if (--it->left > 0)
		ck_assert_int_gt(a10_scope_submit(it->scope, a10_nop(),
						  on_continue, it),
				 0);
}

TEST(what_the_last_callback_submits_keeps_a_scope_open)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen wait;
	struct continuing it = { &scope, &wait, 100 };

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	start(ring, a10_scope_wait(&scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1); /* it was empty */
	ck_assert_int_gt(a10_scope_submit(&scope, a10_nop(), on_continue, &it),
			 0);
	start(ring, a10_scope_wait(&scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_uint_eq(it.left, 0);
	ring_close(ring);
}

static void on_cancelled_continue(void *data, const struct a10_result *r)
{
	struct continuing *it = data;

	ck_assert_int_eq(r->value, -ECANCELED);
	if (--it->left > 0)
		ck_assert_int_gt(a10_scope_submit(it->scope, a10_nop(),
						  on_cancelled_continue, it),
				 0);
}

TEST(a_submit_into_a_cancelled_scope_ends_by_its_result)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen wait;
	struct continuing it = { &scope, &wait, 50 };

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	a10_scope_cancel(&scope);
	ck_assert_int_gt(a10_scope_submit(&scope, a10_nop(),
					  on_cancelled_continue, &it),
			 0);
	start(ring, a10_scope_wait(&scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_uint_eq(it.left, 0);
	ck_assert_int_eq(wait.last.value, 0);
	ring_close(ring);
}

TEST(a_wait_is_cut_short_only_by_its_own_cancel)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct held held;
	struct seen wait;
	a10_id id;

	held_open(ring, &held, 0);
	id = start(ring, a10_scope_wait(&held.scope), &wait);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(sq, id), 0);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_int_eq(wait.last.value, -ECANCELED);
	ck_assert_uint_eq(a10_scope_count(&held.scope), 4);
	id = start(ring, a10_scope_wait(&held.scope), &wait);
	ck_assert_int_eq(a10_detach(sq, id), 0);
	ck_assert_int_eq(a10_scope_close(&held.scope), 0);
	ck_assert_uint_eq(wait.count, 0);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(close_cancels_what_is_left_and_waits_for_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen outside;

	for (int polled = 0; polled < 2; polled++) {
		held_open(ring, &held, 0);
		start(ring, a10_nop(), &outside);
		if (polled)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_scope_close(&held.scope), 0);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(held.seen[i].last.value, -ECANCELED);
		held_close(ring, &held);
		RUN_UNTIL(ring, outside.ended == 1);
		ck_assert_int_eq(outside.last.value, 0);
	}
	ring_close(ring);
}

TEST(what_is_detached_leaves_its_scope_when_it_is_over)
{
	struct a10_ring *ring = ring_open(NULL);
	struct held held;
	struct seen seen;
	struct seen wait;
	a10_id id;

	held_open(ring, &held, 0);
	id = scope_start(&held.scope, a10_after(A10_SECOND * 3600), &seen);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(write(held.pair.theirs, "x", 1), 1);
	start(ring, a10_scope_wait(&held.scope), &wait);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_int_eq(wait.last.value, 0);
	ck_assert_uint_eq(seen.count, 0);
	held_close(ring, &held);
	ring_close(ring);
}

TEST(a_scope_filled_before_the_first_poll_is_one_all_the_same)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen seen[2];
	struct pair pair;
	char byte;

	for (int cancelled = 0; cancelled < 2; cancelled++) {
		struct a10_ring *fresh = cancelled ? ring_open(NULL) : ring;

		pair_open(fresh, false, &pair);
		a10_scope_open(&scope, a10_ring_sq(fresh), 0);
		scope_start(&scope, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
		if (cancelled)
			a10_scope_cancel(&scope);
		scope_start(&scope, a10_recv(pair.ours, &byte, 1, 0), &seen[1]);
		ck_assert_int_eq(a10_scope_close(&scope), 0);
		for (int i = 0; i < 2; i++) {
			ck_assert_uint_eq(seen[i].ended, 1);
			ck_assert_int_eq(seen[i].last.value, -ECANCELED);
		}
		pair_close(fresh, &pair);
		ring_close(fresh);
	}
}

TEST(a_multishot_is_in_its_scope_until_its_last_result)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen seen;
	struct seen wait;

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	scope_start(&scope, a10_multishot(a10_after(A10_MILLISECOND)), &seen);
	start(ring, a10_scope_wait(&scope), &wait);
	RUN_UNTIL(ring, seen.count == 3);
	ck_assert_uint_eq(wait.count, 0);
	a10_scope_cancel(&scope);
	RUN_UNTIL(ring, wait.ended == 1);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ring_close(ring);
}

/* ---- a connection with callbacks: no counts, no flags ----------------------- */

struct connection {
	struct a10_scope scope;
	struct a10_fd fd;
	unsigned int *freed;
};

static void on_connection_over(void *data, const struct a10_result *r)
{
	struct connection *connection = data;

	(void)r;
	a10_fd_release(connection->fd);
	++*connection->freed;
	free(connection);
}

static void on_echo_sent(void *data, const struct a10_result *r)
{
	struct connection *connection = data;

	if (r->value < 0)
		a10_scope_cancel(&connection->scope);
}

static void on_echo_received(void *data, const struct a10_result *r)
{
	struct connection *connection = data;
	struct a10_op op;

	if (r->value <= 0)
		return;
	op = a10_send(connection->fd, r->buf.data, r->buf.length, 0);
	op = a10_owning_buf(a10_all(op), r->buf);
	ck_assert_int_gt(a10_scope_submit(&connection->scope, op, on_echo_sent,
					  connection),
			 0);
}

static void connection_start(struct a10_ring *ring, struct a10_pool *pool,
			     struct a10_fd fd, unsigned int *freed)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_op op = a10_multishot(a10_recv_pooled(fd, pool, 0));

	ck_assert_ptr_nonnull(connection);
	connection->fd = fd;
	connection->freed = freed;
	a10_scope_open(&connection->scope, sq, 0);
	ck_assert_int_gt(a10_scope_submit(&connection->scope,
					  a10_bounded(op, 4), on_echo_received,
					  connection),
			 0);
	ck_assert_int_gt(a10_submit(sq, a10_scope_wait(&connection->scope),
				    on_connection_over, connection),
			 0);
}

TEST(connections_embed_a_scope_and_free_themselves)
{
	struct a10_ring *ring = ring_open_direct(64);
	struct a10_pool *pool;
	struct pair pairs[32];
	unsigned int freed = 0;
	char bytes[100];
	char got[100];

	ck_assert_int_eq(a10_pool_create(ring, 16, 64, 0, &pool), 0);
	for (int i = 0; i < 32; i++) {
		pair_open(ring, i % 2, &pairs[i]);
		connection_start(ring, pool, pairs[i].ours, &freed);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 32; i++) {
			memset(bytes, round + i, sizeof(bytes));
			ck_assert_int_eq(write(pairs[i].theirs, bytes, 100),
					 100);
		}
		for (int i = 0; i < 32; i++) {
			size_t total = 0;

			while (total < 100) {
				ssize_t n;

				ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
				n = recv(pairs[i].theirs, got, sizeof(got),
					 MSG_DONTWAIT);
				for (ssize_t k = 0; k < n; k++)
					ck_assert(got[k] == (char)(round + i));
				total += n > 0 ? (size_t)n : 0;
			}
		}
	}
	ck_assert_uint_eq(freed, 0);
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(close(pairs[i].theirs), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(freed, 32);
	ck_assert_uint_eq(a10_pool_available(pool), 16);
	ring_close(ring);
}

TEST(a_wait_on_another_ring_than_the_scopes_is_refused)
{
	struct a10_ring *ring = ring_open(NULL), *other = ring_open(NULL);
	struct a10_scope scope;

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_int_eq(refusal_of(other, a10_scope_wait(&scope)), -EXDEV);
	ck_assert_int_eq(value_of(ring, a10_scope_wait(&scope)), 0);
	ring_close(other);
	ring_close(ring);
}

TEST(a_wait_for_a_scope_is_not_taken_into_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_int_eq(a10_scope_submit(&scope, a10_scope_wait(&scope),
					  on_never, NULL),
			 -EDEADLK);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ring_close(ring);
}

TEST(a_scope_with_flags_that_are_not_known_takes_nothing)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;

	a10_scope_open(&scope, a10_ring_sq(ring), 1u << 7);
	ck_assert_int_eq(a10_scope_submit(&scope, a10_nop(), on_never, NULL),
			 -EINVAL);
	ck_assert_uint_eq(a10_scope_count(&scope), 0);
	ring_close(ring);
}

TEST(what_is_detached_is_not_the_first_that_wins)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;
	struct seen winner = { 0 };
	a10_id id;

	a10_scope_open(&scope, a10_ring_sq(ring), A10_SCOPE_FIRST_WINS);
	id = a10_scope_submit(&scope, a10_after(A10_SECOND), on_never, NULL);
	ck_assert_int_gt(a10_scope_submit(&scope, a10_after(A_MOMENT), on_seen,
					  &winner),
			 0);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, winner.ended);
	ck_assert_int_eq(winner.last.value, 0);
	ring_close(ring);
}
