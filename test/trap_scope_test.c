/* Scopes: operations that end together, whoever ends them. */
#include <errno.h>
#include <stdlib.h>

#include "harness.h"
#include "scripted.h"

#define FD    a10_fd_regular(100)
#define OTHER a10_fd_regular(101)

static char buf[10];

static a10_id scope_submit(struct scripted *kernel, struct a10_scope *scope,
			   struct a10_op op, struct notes *notes)
{
	const a10_id id = a10_scope_submit(scope, op, notes_take, notes);

	ck_assert_int_gt(id, 0);
	scripted_settle(kernel);
	return id;
}

TEST(a_scope_wait_is_over_when_the_last_in_it_was_delivered)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes first = { 0 }, second = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &first);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &second);
	ck_assert_uint_eq(a10_scope_count(&scope), 2);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(a10_scope_count(&scope), 1);
	ck_assert_uint_eq(wait.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(a10_scope_count(&scope), 0);
	ck_assert_int_eq(notes_only(&wait)->value, 0);
	ck_assert_uint_gt(wait.order[0], second.order[0]);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_wait_for_an_empty_scope_is_over_at_the_next_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	a10_submit(kernel->sq, a10_scope_wait(&scope), notes_take, &wait);
	ck_assert_uint_eq(wait.count, 0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	ck_assert_int_eq(notes_only(&wait)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_scope_wait_gives_the_first_error)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	for (int i = 0; i < 3; i++)
		scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EIO, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ),
			-ECONNRESET, 0);
	ck_assert_int_eq(notes_only(&wait)->value, -EIO);
	scripted_destroy(kernel);
}

/* Or every graceful stop would end as a failure. */
TEST(a_scopes_own_cancel_is_no_error_of_what_is_in_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scope_submit(kernel, &scope, a10_after(A10_SECOND), &notes);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	a10_scope_cancel(&scope);
	a10_scope_cancel(&scope);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.total, 2 * -ECANCELED);
	ck_assert_int_eq(notes_only(&wait)->value, 0);
	scripted_destroy(kernel);
}

/* One that the program itself cancelled is an error of it. */
TEST(a_cancel_of_one_in_a_scope_is_an_error_of_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, wait = { 0 };
	a10_id id;

	a10_scope_open(&scope, kernel->sq, 0);
	id = scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&wait)->value, -ECANCELED);
	scripted_destroy(kernel);
}

TEST(in_a_cancelled_scope_only_closes_and_what_is_shielded_are_carried_out)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes early = { 0 }, late = { 0 }, shielded = { 0 };
	struct notes closed = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_shielded(a10_write(FD, buf, 1)),
		     &early);
	a10_scope_cancel(&scope);
	scripted_settle(kernel);
	ck_assert_uint_eq(early.count, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &late);
	ck_assert_int_eq(notes_only(&late)->value, -ECANCELED);
	scope_submit(kernel, &scope, a10_shielded(a10_fsync(FD)), &shielded);
	scope_submit(kernel, &scope, a10_close(OTHER), &closed);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_WRITE), 1, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC), 0, 0);
	ck_assert_uint_eq(wait.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_int_eq(notes_only(&early)->value, 1);
	ck_assert_int_eq(notes_only(&shielded)->value, 0);
	ck_assert_int_eq(notes_only(&closed)->value, 0);
	ck_assert_int_eq(notes_only(&wait)->value, 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(fail_fast_cancels_the_rest_at_the_first_error)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes good = { 0 }, bad = { 0 }, rest = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, A10_SCOPE_FAIL_FAST);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &good);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &bad);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &rest);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(rest.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EIO, 0);
	ck_assert_int_eq(notes_only(&rest)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&wait)->value, -EIO);
	scripted_destroy(kernel);
}

TEST(first_wins_cancels_the_rest_at_the_first_success)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes good = { 0 }, bad = { 0 }, rest = { 0 };

	a10_scope_open(&scope, kernel->sq, A10_SCOPE_FIRST_WINS);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &bad);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &good);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &rest);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EIO, 0);
	ck_assert_uint_eq(rest.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&rest)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&good)->value, 1);
	scripted_destroy(kernel);
}

TEST(a_scopes_deadline_ends_all_in_it_and_what_is_added_later_with_etime)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes in = { 0 }, later = { 0 }, wait = { 0 };
	const int64_t now = atomic_load(&kernel->clock);

	a10_scope_open(&scope, kernel->sq, 0);
	a10_scope_set_deadline(&scope, now + A10_SECOND);
	a10_scope_set_deadline(&scope, now + 2 * A10_SECOND);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &in);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_uint_eq(in.count, 0);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&in)->value, -ETIME);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &later);
	ck_assert_int_eq(notes_only(&later)->value, -ETIME);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_READ), 1);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	ck_assert_uint_eq(wait.count, 1);
	scripted_destroy(kernel);
}

TEST(a_scopes_deadline_can_be_taken_back)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 };
	const int64_t now = atomic_load(&kernel->clock);

	a10_scope_open(&scope, kernel->sq, 0);
	a10_scope_set_deadline(&scope, now + A10_SECOND);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	a10_scope_set_deadline(&scope, A10_FOREVER);
	scripted_pass(kernel, 10 * A10_SECOND);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_destroy(kernel);
}

TEST(a_scopes_deadline_counts_for_what_is_in_it_but_not_for_the_shielded)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes in = { 0 }, shielded = { 0 };
	const int64_t now = atomic_load(&kernel->clock);

	a10_scope_open(&scope, kernel->sq, 0);
	a10_scope_set_deadline(&scope, now + 10 * A10_SECOND);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &in);
	scope_submit(kernel, &scope, a10_shielded(a10_write(FD, buf, 1)),
		     &shielded);
	a10_scope_set_deadline(&scope, now + A10_SECOND);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&in)->value, -ETIME);
	scripted_pass(kernel, 20 * A10_SECOND);
	ck_assert_uint_eq(shielded.count, 0);
	scripted_next(kernel, URING_OP_READ);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_WRITE), 1, 0);
	ck_assert_int_eq(notes_only(&shielded)->value, 1);
	scripted_destroy(kernel);
}

static void adds_to_scope(void *data, const struct a10_result *result)
{
	(void)result;
	ck_assert_int_gt(
		a10_scope_submit(data, a10_read(OTHER, buf, 1), NULL, NULL), 0);
}

/* It was empty for a moment, in the middle of a batch. */
TEST(a_scope_wait_looks_again_when_it_is_delivered)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, wait = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	a10_submit(kernel->sq, a10_nop(), adds_to_scope, &scope);
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_uint_eq(wait.count, 0);
	ck_assert_uint_eq(a10_scope_count(&scope), 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&wait)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_cancelled_scope_wait_does_not_end_the_scope)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, wait = { 0 }, timed = { 0 };
	a10_id id;

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	id = scripted_submit(kernel, a10_scope_wait(&scope), &wait);
	scripted_submit(kernel, a10_timeout(a10_scope_wait(&scope), 5), &timed);
	a10_cancel_all(kernel->sq);
	a10_scope_cancel(&scope);
	ck_assert_uint_eq(wait.count, 0);
	scripted_cancel_answers(kernel, -EALREADY, 1);
	scripted_settle(kernel);
	ck_assert_uint_eq(wait.count, 0);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&wait)->value, -ECANCELED);
	scripted_pass(kernel, 5);
	ck_assert_int_eq(timed.at[0].value, notes.count ? 0 : -ETIME);
	scripted_destroy(kernel);
}

TEST(a_scope_close_polls_until_all_in_it_is_over)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct notes notes = { 0 }, other = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scope_submit(kernel, &scope, a10_read(FD, buf, 1), &notes);
	scripted_submit(kernel, a10_read(FD, buf, 1), &other);
	scripted_cancel_answers(kernel, -ENOENT, 2);
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_uint_eq(other.count, 0);
	scripted_destroy(kernel);
}

struct connection {
	struct a10_scope scope;
	struct scripted *kernel;
	uint32_t *freed;
};

static void connection_adds(void *data, const struct a10_result *result)
{
	struct connection *connection = data;

	ck_assert_int_eq(result->value, 1);
	ck_assert_int_gt(a10_scope_submit(&connection->scope,
					  a10_read(OTHER, buf, 1), NULL, NULL),
			 0);
}

static void connection_free(void *data, const struct a10_result *result)
{
	struct connection *connection = data;

	ck_assert_int_eq(result->value, 0);
	++*connection->freed;
	free(connection);
}

/* The last one's callback adds another: the scope is not empty after all. */
TEST(a_connection_frees_itself_when_its_scope_is_empty)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct connection *connection = calloc(1, sizeof(*connection));
	uint32_t freed = 0;

	connection->freed = &freed;
	a10_scope_open(&connection->scope, kernel->sq, 0);
	a10_scope_submit(&connection->scope, a10_read(FD, buf, 1),
			 connection_adds, connection);
	a10_submit(kernel->sq, a10_scope_wait(&connection->scope),
		   connection_free, connection);
	scripted_settle(kernel);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(freed, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(freed, 1);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

/* ---- a wait that was over, and is not any more ---------------------------- */

struct relapse {
	struct scripted *kernel;
	struct a10_scope scope;
	struct notes wait;
	struct notes added;
	a10_id id;
	void (*meanwhile)(struct relapse *relapse);
};

/* Runs after the scope became empty, before its wait is delivered. */
static void relapse_now(void *data, const struct a10_result *r)
{
	struct relapse *relapse = data;

	(void)r;
	relapse->meanwhile(relapse);
	ck_assert_int_gt(a10_scope_submit(&relapse->scope, a10_read(FD, buf, 1),
					  notes_take, &relapse->added),
			 0);
}

static void relapse_run(struct relapse *relapse, struct a10_op wait)
{
	struct scripted *kernel = relapse->kernel;
	struct scripted_request *in, *out;

	ck_assert_int_gt(
		a10_scope_submit(&relapse->scope, a10_nop(), NULL, NULL), 0);
	relapse->id = a10_submit(kernel->sq, wait, notes_take, &relapse->wait);
	ck_assert_int_gt(relapse->id, 0);
	ck_assert_int_gt(
		a10_submit(kernel->sq, a10_nop(), relapse_now, relapse), 0);
	scripted_settle(kernel);
	in = scripted_next(kernel, URING_OP_NOP);
	out = scripted_next(kernel, URING_OP_NOP);
	scripted_post(kernel, in, 0, 0);
	scripted_post(kernel, out, 0, 0);
	scripted_settle(kernel);
	scripted_settle(kernel);
}

static void relapse_end(struct relapse *relapse)
{
	struct scripted *kernel = relapse->kernel;

	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&relapse->added)->value, 1);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

static void relapse_cancel(struct relapse *relapse)
{
	ck_assert_int_eq(a10_cancel(relapse->kernel->sq, relapse->id), 0);
}

static void relapse_detach(struct relapse *relapse)
{
	ck_assert_int_eq(a10_detach(relapse->kernel->sq, relapse->id), 0);
}

static void relapse_let_time_pass(struct relapse *relapse)
{
	atomic_fetch_add(&relapse->kernel->clock, A10_SECOND);
}

TEST(a_cancel_of_a_wait_that_is_parked_again_is_not_lost)
{
	struct relapse relapse = { .kernel = scripted_ring(NULL),
				   .meanwhile = relapse_cancel };

	a10_scope_open(&relapse.scope, relapse.kernel->sq, 0);
	relapse_run(&relapse, a10_scope_wait(&relapse.scope));
	ck_assert_int_eq(notes_only(&relapse.wait)->value, -ECANCELED);
	relapse_end(&relapse);
}

TEST(a_wait_that_is_detached_before_it_is_parked_again_is_forgotten)
{
	struct relapse relapse = { .kernel = scripted_ring(NULL),
				   .meanwhile = relapse_detach };

	a10_scope_open(&relapse.scope, relapse.kernel->sq, 0);
	relapse_run(&relapse, a10_scope_wait(&relapse.scope));
	ck_assert_uint_eq(relapse.wait.count, 0);
	ck_assert_uint_eq(a10_ring_pending(relapse.kernel->ring), 1);
	relapse_end(&relapse);
}

TEST(the_time_out_of_a_wait_that_is_parked_again_is_not_lost)
{
	struct relapse relapse = { .kernel = scripted_ring(NULL),
				   .meanwhile = relapse_let_time_pass };

	a10_scope_open(&relapse.scope, relapse.kernel->sq, 0);
	relapse_run(&relapse, a10_timeout(a10_scope_wait(&relapse.scope),
					  A10_SECOND / 2));
	scripted_pass(relapse.kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&relapse.wait)->value, -ETIME);
	relapse_end(&relapse);
}
