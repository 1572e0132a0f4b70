/* What callbacks may do, to whom, in the middle of a batch. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "ring/core.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static char buf[10];

struct again {
	struct scripted *kernel;
	uint32_t left;
	uint32_t calls;
};

static void submits_the_next(void *data, const struct a10_result *result)
{
	struct again *again = data;

	again->calls++;
	if (again->left-- > 1)
		ck_assert_int_gt(a10_submit(result->sq, a10_nop(),
					    submits_the_next, again),
				 0);
}

TEST(a_callback_may_submit_without_end)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct again again = { .kernel = kernel, .left = 1000 };

	kernel->start = scripted_all_succeed;
	a10_submit(kernel->sq, a10_nop(), submits_the_next, &again);
	ck_assert_int_eq(a10_ring_run(kernel->ring), 0);
	ck_assert_uint_eq(again.calls, 1000);
	scripted_destroy(kernel);
}

/* What is done to others, and when: at the first result that comes. */
struct deed {
	void (*doit)(struct a10_sq *sq, a10_id id);
	a10_id ids[3];
	uint32_t calls;
	struct notes notes;
	int fd;
};

static void cancels(struct a10_sq *sq, a10_id id)
{
	ck_assert_int_eq(a10_cancel(sq, id), 0);
}

static void detaches(struct a10_sq *sq, a10_id id)
{
	ck_assert_int_eq(a10_detach(sq, id), 0);
}

static void does_it(void *data, const struct a10_result *result)
{
	struct deed *deed = data;

	notes_take(&deed->notes, result);
	if (deed->calls++ > 0)
		return;
	for (int i = 0; i < 3; i++)
		deed->doit(result->sq, deed->ids[i]);
}

static void three_in_a_batch(struct scripted *kernel, struct deed *deed)
{
	for (int i = 0; i < 3; i++)
		deed->ids[i] = a10_submit(kernel->sq, a10_read(FD, buf, 1),
					  does_it, deed);
	scripted_settle(kernel);
	for (int i = 1; i <= 3; i++)
		scripted_post(kernel, scripted_next(kernel, URING_OP_READ), i,
			      0);
	scripted_settle(kernel);
}

/* They were over already, though nobody knew yet. */
TEST(a_cancel_of_what_lies_in_the_same_batch_changes_nothing)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct deed deed = { .doit = cancels };

	three_in_a_batch(kernel, &deed);
	ck_assert_uint_eq(deed.notes.count, 3);
	ck_assert_int_eq(deed.notes.total, 6);
	ck_assert_uint_eq(kernel->cancels, 0);
	scripted_destroy(kernel);
}

TEST(a_detach_of_what_lies_in_the_same_batch_silences_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct deed deed = { .doit = detaches };

	three_in_a_batch(kernel, &deed);
	ck_assert_uint_eq(deed.notes.count, 1);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

static void ends_itself(void *data, const struct a10_result *result)
{
	ck_assert_int_eq(a10_cancel(result->sq, result->id), 0);
	ck_assert_int_eq(a10_detach(result->sq, result->id), 0);
	notes_take(data, result);
}

/* It is over before its callback is called, whatever it was. */
TEST(an_operation_that_ends_itself_in_its_callback_is_over_already)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = {
		a10_read(FD, buf, 1),
		a10_timeout(a10_read(FD, buf, 1), A10_SECOND),
		a10_all(a10_read(FD, buf, 1)), a10_after(0)
	};

	kernel->start = scripted_all_succeed;
	for (int i = 0; i < 4; i++)
		ck_assert_int_gt(
			a10_submit(kernel->sq, ops[i], ends_itself, &notes), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_uint_eq(kernel->cancels, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

TEST(a_descriptor_of_a_detached_one_in_the_same_batch_is_closed)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct deed deed = { .doit = detaches };
	const int fd = fcntl(0, F_DUPFD_CLOEXEC, 200);

	kernel->real_close = true;
	deed.ids[0] = a10_submit(kernel->sq, a10_nop(), does_it, &deed);
	deed.ids[1] =
		a10_submit(kernel->sq, a10_accept(FD, NULL, 0), does_it, &deed);
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	scripted_post(kernel, scripted_next(kernel, URING_OP_ACCEPT), fd, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(deed.notes.count, 1);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	scripted_destroy(kernel);
}

/* Two completions of one slot in a batch, and the first ends its interest. */
static void multishot_does_it(void (*doit)(struct a10_sq *, a10_id),
			      uint32_t expected)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct deed deed = { .doit = doit };
	struct scripted_request *poll;

	deed.ids[0] = a10_submit(kernel->sq, a10_multishot(a10_poll(FD, 1)),
				 does_it, &deed);
	scripted_settle(kernel);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	scripted_post(kernel, poll, 1, URING_CQE_F_MORE);
	scripted_post(kernel, poll, 2, URING_CQE_F_MORE);
	scripted_post(kernel, poll, 3, URING_CQE_F_MORE);
	scripted_settle(kernel);
	ck_assert_int_eq(poll->state, SCRIPTED_OVER);
	ck_assert_uint_eq(deed.notes.count, expected);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_multishot_that_cancels_itself_hears_what_came_before_its_end)
{
	multishot_does_it(cancels, 4);
}

TEST(a_multishot_that_detaches_itself_hears_nothing_more)
{
	multishot_does_it(detaches, 1);
}

TEST(a_multishots_last_two_completions_may_lie_in_one_batch)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(kernel, a10_multishot(a10_poll(FD, 1)), &notes);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	scripted_post(kernel, poll, 1, URING_CQE_F_MORE);
	scripted_post(kernel, poll, -EBADF, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert(notes.at[0].more);
	ck_assert_int_eq(notes.at[1].value, -EBADF);
	ck_assert(!notes.at[1].more);
	scripted_destroy(kernel);
}

struct reuse {
	struct notes notes;
	a10_id id;
};

static void takes_the_slot_again(void *data, const struct a10_result *result)
{
	struct reuse *reuse = data;

	ck_assert_int_eq(result->value, 0);
	reuse->id = a10_submit(result->sq, a10_read(FD, buf, 1), notes_take,
			       &reuse->notes);
}

/* The slot has a new life when the second of the batch is looked at. */
TEST(a_completion_too_many_does_not_hit_the_slots_next_life)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct reuse reuse = { 0 };
	a10_id id =
		a10_submit(kernel->sq, a10_nop(), takes_the_slot_again, &reuse);
	struct scripted_request *nop;

	scripted_settle(kernel);
	nop = scripted_next(kernel, URING_OP_NOP);
	scripted_post(kernel, nop, 0, 0);
	scripted_post_stray(kernel, nop->sqe.user_data, 1, 0);
	scripted_settle(kernel);
	ck_assert_int_ne(reuse.id, id);
	ck_assert_uint_eq(reuse.notes.count, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&reuse.notes)->value, 1);
	scripted_destroy(kernel);
}

static void waits(void *data, const struct a10_result *result)
{
	struct scripted *kernel = data;
	struct a10_scope scope;
	struct a10_result inner;

	a10_scope_open(&scope, result->sq, 0);
	kernel->data = kernel;
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), -EDEADLK);
	ck_assert_int_eq(a10_ring_run(kernel->ring), -EDEADLK);
	ck_assert_int_eq(a10_ring_destroy(kernel->ring, 0), -EDEADLK);
	ck_assert_int_eq(a10_await_on(result->sq, a10_nop(), &inner), -EDEADLK);
	ck_assert_int_eq(inner.value, -EDEADLK);
	ck_assert_int_eq(a10_scope_close(&scope), -EDEADLK);
	ck_assert_ptr_eq(a10_ring_current(), kernel->ring);
}

TEST(what_waits_is_edeadlk_in_a_callback)
{
	struct scripted *kernel = scripted_ring(NULL);

	a10_submit(kernel->sq, a10_after(0), waits, kernel);
	ck_assert_ptr_null(a10_ring_current());
	scripted_settle(kernel);
	ck_assert_ptr_eq(kernel->data, kernel);
	ck_assert_ptr_null(a10_ring_current());
	scripted_destroy(kernel);
}

static void frees(void *data, const struct a10_result *result)
{
	(void)result;
	free(data);
}

/* Under a sanitizer a touch of it afterwards is seen. */
TEST(a_callback_may_free_what_the_operation_used)
{
	struct scripted *kernel = scripted_ring(NULL);

	for (int i = 0; i < 3; i++) {
		char *memory = malloc(100);
		struct a10_op op = a10_read(FD, memory, 100);
		const struct iovec iov = { memory, 100 };

		if (i == 1)
			op = a10_all(a10_readv(FD, &iov, 1));
		if (i == 2)
			op = a10_timeout(op, A10_SECOND);
		a10_submit(kernel->sq, op, frees, memory);
	}
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_READ), 100, 0);
	scripted_post(kernel, scripted_next(kernel, URING_OP_READV), 100, 0);
	scripted_post(kernel, scripted_next(kernel, URING_OP_READ), 100, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

TEST(a_result_says_where_it_ran_and_what_it_is_of)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 1), &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_ptr_eq(notes_only(&notes)->sq, kernel->sq);
	ck_assert_int_eq(notes.at[0].id, id);
	ck_assert(!a10_fd_valid(notes.at[0].fd));
	ck_assert_ptr_null(notes.at[0].buf.data);
	ck_assert_uint_eq(notes.at[0].index, 0);
	/* And a result that has one leaves nothing in the next. */
	scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), 300, 0);
	scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), -EINVAL,
			0);
	ck_assert(a10_fd_valid(notes.at[1].fd));
	ck_assert(!a10_fd_valid(notes.at[2].fd));
	scripted_destroy(kernel);
}
