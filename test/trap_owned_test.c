/* What an operation owns is released once, however it ends. */
#include <errno.h>
#include <pthread.h>

#include "harness.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static char buf[10];

/* Released after the last result, which is when the user may count on it. */
struct owner {
	struct notes notes;
	uint32_t released;
	uint32_t results_then;
};

static void owner_release(void *owned)
{
	struct owner *owner = owned;

	owner->released++;
	owner->results_then = owner->notes.count;
}

static a10_id submit_owned(struct scripted *kernel, struct a10_op op,
			   struct owner *owner)
{
	*owner = (struct owner){ 0 };
	return scripted_submit(kernel, a10_owning(op, owner, owner_release),
			       &owner->notes);
}

static void released_after(const struct owner *owner, uint32_t results)
{
	ck_assert_uint_eq(owner->released, 1);
	ck_assert_uint_eq(owner->results_then, results);
	ck_assert_uint_eq(owner->notes.count, results);
}

TEST(what_an_operation_owns_is_released_after_its_result)
{
	struct scripted *kernel = scripted_ring(NULL);
	const int results[] = { 1, -EIO, -ECANCELED, 0 };
	struct owner owner;

	for (int i = 0; i < 4; i++) {
		submit_owned(kernel, a10_read(FD, buf, 1), &owner);
		ck_assert_uint_eq(owner.released, 0);
		scripted_answer(kernel, scripted_next(kernel, URING_OP_READ),
				results[i], 0);
		released_after(&owner, 1);
	}
	scripted_destroy(kernel);
}

TEST(what_it_owns_is_released_without_a_callback_too)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner owner = { 0 };

	scripted_submit(kernel,
			a10_owning(a10_read(FD, buf, 1), &owner, owner_release),
			NULL);
	ck_assert_uint_eq(owner.released, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	released_after(&owner, 0);
	scripted_destroy(kernel);
}

TEST(what_it_owns_is_released_after_a_cancel_wherever_it_is)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner queued = { 0 }, running, waiting, first, timer;
	a10_id id;

	id = a10_submit(kernel->sq,
			a10_owning(a10_read(FD, buf, 1), &queued,
				   owner_release),
			notes_take, &queued.notes);
	a10_cancel(kernel->sq, id);
	ck_assert_uint_eq(queued.released, 0);
	scripted_settle(kernel);
	released_after(&queued, 1);

	id = submit_owned(kernel, a10_read(FD, buf, 1), &running);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&running, 1);

	submit_owned(kernel, a10_all(a10_send(FD, "1", 1, 0)), &first);
	id = submit_owned(kernel, a10_all(a10_send(FD, "2", 1, 0)), &waiting);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&waiting, 1);
	ck_assert_uint_eq(first.released, 0);

	id = submit_owned(kernel, a10_after(A10_SECOND), &timer);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&timer, 1);
	scripted_destroy(kernel);
	released_after(&first, 1);
}

TEST(what_it_owns_is_released_after_a_detach_wherever_it_is)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner queued = { 0 }, running, timer;
	a10_id id;

	id = a10_submit(kernel->sq,
			a10_owning(a10_read(FD, buf, 1), &queued,
				   owner_release),
			notes_take, &queued.notes);
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&queued, 0);

	id = submit_owned(kernel, a10_read(FD, buf, 1), &running);
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&running, 0);

	id = submit_owned(kernel, a10_after(A10_SECOND), &timer);
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&timer, 0);
	scripted_destroy(kernel);
}

TEST(what_it_owns_is_released_after_a_time_that_is_over)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner owner;

	submit_owned(kernel, a10_timeout(a10_read(FD, buf, 1), 5), &owner);
	scripted_pass(kernel, 5);
	released_after(&owner, 1);
	ck_assert_int_eq(owner.notes.at[0].value, -ETIME);
	scripted_destroy(kernel);
}

TEST(what_a_multishot_owns_is_released_after_its_last_result)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner owner;
	struct scripted_request *poll;

	submit_owned(kernel, a10_multishot(a10_poll(FD, 1)), &owner);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	scripted_answer(kernel, poll, 1, URING_CQE_F_MORE);
	scripted_answer(kernel, poll, 1, URING_CQE_F_MORE);
	ck_assert_uint_eq(owner.released, 0);
	scripted_answer(kernel, poll, -EBADF, 0);
	released_after(&owner, 3);
	scripted_destroy(kernel);
}

TEST(what_an_all_owns_is_released_after_the_last_part)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner owner;

	submit_owned(kernel, a10_all(a10_read(FD, buf, 2)), &owner);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(owner.released, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EINTR,
			0);
	ck_assert_uint_eq(owner.released, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	released_after(&owner, 1);
	scripted_destroy(kernel);
}

/* Each of these verbs fails, and has released before it returns. */
static void fails_with(struct scripted *kernel, struct a10_op op, int err)
{
	struct owner owner = { 0 };

	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_owning(op, &owner, owner_release),
				    notes_take, &owner.notes),
			 err);
	released_after(&owner, 0);
	scripted_settle(kernel);
	released_after(&owner, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
}

TEST(what_it_owns_is_released_when_the_verb_fails)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_op op;

	fails_with(kernel, a10_timeout(a10_nop(), -1), -EINVAL);
	fails_with(kernel, a10_bounded(a10_multishot(a10_poll(FD, 1)), 0),
		   -EINVAL);
	fails_with(kernel, a10_direct(a10_accept(FD, NULL, 0)), -ENXIO);
	fails_with(kernel, a10_multishot(a10_fsync(FD)), -EINVAL);
	op = a10_nop();
	op.extra.flags |= A10_WITH_KNOWN + 1;
	fails_with(kernel, op, -EINVAL);
	op = a10_nop();
	op.extra.reserved[2] = 1;
	op.extra.flags |= A10_WITH_LIBRARY;
	fails_with(kernel, op, -EINVAL);
	op = a10_openat(A10_CWD, NULL, 0, 0);
	fails_with(kernel, op, -EFAULT);
	scripted_destroy(kernel);
}

TEST(what_it_owns_is_released_in_a_cancelled_scope)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_scope scope;
	struct owner owner = { 0 };

	a10_scope_open(&scope, kernel->sq, 0);
	a10_scope_cancel(&scope);
	ck_assert_int_gt(a10_scope_submit(&scope,
					  a10_owning(a10_read(FD, buf, 1),
						     &owner, owner_release),
					  notes_take, &owner.notes),
			 0);
	scripted_settle(kernel);
	released_after(&owner, 1);
	ck_assert_int_eq(owner.notes.at[0].value, -ECANCELED);
	scripted_destroy(kernel);
}

TEST(what_it_owns_is_released_at_the_end_of_the_ring)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner running, queued = { 0 };

	submit_owned(kernel, a10_read(FD, buf, 1), &running);
	a10_submit(kernel->sq,
		   a10_owning(a10_read(FD, buf, 1), &queued, owner_release),
		   notes_take, &queued.notes);
	scripted_destroy(kernel);
	released_after(&running, 1);
	released_after(&queued, 1);
}

struct elsewhere {
	struct a10_sq *sq;
	struct owner *owner;
	struct a10_op op;
	a10_id id;
};

static void *thread_submits(void *data)
{
	struct elsewhere *elsewhere = data;

	elsewhere->id = a10_submit(elsewhere->sq,
				   a10_owning(elsewhere->op, elsewhere->owner,
					      owner_release),
				   notes_take, &elsewhere->owner->notes);
	return NULL;
}

static a10_id submit_elsewhere(struct scripted *kernel, struct a10_op op,
			       struct owner *owner)
{
	struct elsewhere elsewhere = { kernel->sq, owner, op, 0 };
	pthread_t thread;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, thread_submits, &elsewhere), 0);
	pthread_join(thread, NULL);
	return elsewhere.id;
}

TEST(what_another_threads_operation_owns_is_released_once)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct owner owner = { 0 }, cancelled = { 0 }, bad = { 0 };
	struct owner left = { 0 };
	a10_id id;

	ck_assert_int_gt(submit_elsewhere(kernel, a10_read(FD, buf, 1), &owner),
			 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(owner.released, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	released_after(&owner, 1);
	/* Cancelled before the owner has ever seen it. */
	id = submit_elsewhere(kernel, a10_read(FD, buf, 1), &cancelled);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	released_after(&cancelled, 1);
	ck_assert_int_eq(cancelled.notes.at[0].value, -ECANCELED);
	ck_assert_int_eq(submit_elsewhere(kernel, a10_timeout(a10_nop(), -1),
					  &bad),
			 -EINVAL);
	released_after(&bad, 0);
	ck_assert_int_gt(submit_elsewhere(kernel, a10_read(FD, buf, 1), &left),
			 0);
	scripted_destroy(kernel);
	released_after(&left, 1);
}

/* A pool's buffer that an operation owns: a forwarding proxy's send. */
TEST(a_buffer_an_operation_owns_goes_back_when_it_is_over)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = NULL;
	struct notes notes = { 0 }, sent = { 0 };
	struct a10_buf kept;

	ck_assert_int_eq(a10_pool_create(kernel->ring, 2, 4096, 0, &pool), 0);
	for (uint32_t i = 0; i < 2; i++) {
		scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
		ck_assert(scripted_receive(kernel,
					   scripted_next(kernel, URING_OP_RECV),
					   "abcd", 4, 0));
		scripted_settle(kernel);
		kept = notes.at[i].buf;
		scripted_submit(
			kernel,
			a10_owning_buf(a10_send(FD, kept.data, kept.length, 0),
				       kept),
			&sent);
		ck_assert_uint_eq(a10_pool_available(pool), 1);
		scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND),
				i ? -EPIPE : 4, 0);
		ck_assert_uint_eq(sent.count, i + 1);
		ck_assert_uint_eq(a10_pool_available(pool), 2);
	}
	/* And when the verb fails. */
	scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
	ck_assert(scripted_receive(kernel, scripted_next(kernel, URING_OP_RECV),
				   "abcd", 4, 0));
	scripted_settle(kernel);
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_timeout(a10_owning_buf(a10_nop(),
							       notes.at[2].buf),
						-1),
				    NULL, NULL),
			 -EINVAL);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	scripted_destroy(kernel);
}
