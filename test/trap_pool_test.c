/* Multishots and the pools they fill: what ends them, and what does not. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "harness.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static struct a10_pool *pool_of(struct scripted *kernel, uint32_t count,
				uint32_t flags)
{
	struct a10_pool *pool = NULL;

	ck_assert_int_eq(
		a10_pool_create(kernel->ring, count, 4096, flags, &pool), 0);
	ck_assert_uint_eq(a10_pool_available(pool), count);
	return pool;
}

static struct a10_op receive(struct a10_pool *pool)
{
	return a10_multishot(a10_recv_pooled(FD, pool, 0));
}

static void receives(struct scripted *kernel, struct scripted_request *recv,
		     const char *text)
{
	ck_assert(scripted_receive(kernel, recv, text, (uint32_t)strlen(text),
				   URING_CQE_F_MORE));
	scripted_settle(kernel);
}

TEST(a_multishot_gives_results_until_the_end_of_the_file)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 4, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	ck_assert(recv->sqe.ioprio & URING_RECV_MULTISHOT);
	receives(kernel, recv, "one");
	receives(kernel, recv, "three");
	scripted_answer(kernel, recv, 0, 0);
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_int_eq(notes.at[0].value, 3);
	ck_assert_uint_eq(notes.at[0].buf.length, 3);
	ck_assert_mem_eq(notes.at[0].buf.data, "one", 3);
	ck_assert_mem_eq(notes.at[1].buf.data, "three", 5);
	ck_assert(notes.at[0].more);
	ck_assert(notes.at[1].more);
	ck_assert_int_eq(notes.at[2].value, 0);
	ck_assert_ptr_null(notes.at[2].buf.data);
	ck_assert(!notes.at[2].more);
	scripted_no_more(kernel);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	a10_buf_release(notes.at[0].buf);
	a10_buf_release(notes.at[1].buf);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	scripted_destroy(kernel);
}

TEST(a_multishot_that_the_kernel_ends_for_no_reason_is_started_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 4, 0);
	struct notes notes = { 0 };

	scripted_submit(kernel, receive(pool), &notes);
	ck_assert(scripted_receive(kernel, scripted_next(kernel, URING_OP_RECV),
				   "a", 1, 0));
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert(notes.at[0].more);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV),
			-ECONNRESET, 0);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[1].value, -ECONNRESET);
	ck_assert(!notes.at[1].more);
	scripted_no_more(kernel);
	a10_buf_release(notes.at[0].buf);
	scripted_destroy(kernel);
}

TEST(a_multishot_ended_by_an_overflow_is_started_again)
{
	struct a10_config config = { .submission_entries = 4,
				     .completion_entries = 4 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(kernel, a10_multishot(a10_poll(FD, 1)), &notes);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	for (int i = 1; i <= 8; i++)
		scripted_post(kernel, poll, i, URING_CQE_F_MORE);
	scripted_settle(kernel);
	/* The fifth ended it; the other three have not happened. */
	ck_assert_int_eq(poll->state, SCRIPTED_OVER);
	ck_assert_uint_eq(notes.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert(notes.at[i].more);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	ck_assert_uint_eq(poll->sqe.len, URING_POLL_ADD_MULTI);
	scripted_answer(kernel, poll, 6, URING_CQE_F_MORE);
	ck_assert_uint_eq(notes.count, 6);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_multishot_without_buffers_waits_for_its_pool)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	receives(kernel, recv, "b");
	ck_assert(!scripted_receive(kernel, recv, "c", 1, URING_CQE_F_MORE));
	scripted_answer(kernel, recv, -ENOBUFS, 0);
	scripted_pass(kernel, 100 * A10_SECOND);
	ck_assert_uint_eq(notes.count, 2);
	scripted_no_more(kernel);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	recv = scripted_next(kernel, URING_OP_RECV);
	ck_assert(recv->sqe.ioprio & URING_RECV_MULTISHOT);
	receives(kernel, recv, "c");
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_mem_eq(notes.at[2].buf.data, "c", 1);
	a10_buf_release(notes.at[1].buf);
	a10_buf_release(notes.at[2].buf);
	scripted_destroy(kernel);
}

/* Another has given a buffer back between the completion and its delivery. */
TEST(a_multishot_without_buffers_starts_at_once_if_there_are_some_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 1, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	scripted_post(kernel, recv, -ENOBUFS, 0);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	receives(kernel, scripted_next(kernel, URING_OP_RECV), "b");
	ck_assert_uint_eq(notes.count, 2);
	a10_buf_release(notes.at[1].buf);
	scripted_destroy(kernel);
}

TEST(a_multishot_that_waits_for_its_pool_can_be_cancelled_and_timed)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 1, 0);
	struct notes notes = { 0 }, cancelled = { 0 }, late = { 0 };
	struct scripted_request *recv;
	a10_id id;

	scripted_submit(kernel, receive(pool), &notes);
	receives(kernel, scripted_next(kernel, URING_OP_RECV), "a");
	id = scripted_submit(kernel, receive(pool), &cancelled);
	recv = scripted_next(kernel, URING_OP_RECV);
	scripted_answer(kernel, recv, -ENOBUFS, 0);
	scripted_submit(kernel, a10_timeout(receive(pool), A10_SECOND), &late);
	recv = scripted_next(kernel, URING_OP_RECV);
	scripted_answer(kernel, recv, -ENOBUFS, 0);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&cancelled)->value, -ECANCELED);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&late)->value, -ETIME);
	ck_assert_uint_eq(kernel->cancels, 0);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

static void *thread_releases(void *data)
{
	a10_buf_release(*(struct a10_buf *)data);
	return NULL;
}

/* Nobody to wait for any more, once the second is there. */
static void step_receives(struct scripted *kernel)
{
	if (scripted_requests(kernel, URING_OP_RECV) == 2)
		kernel->patience_ms = 0;
}

TEST(a_buffer_released_by_another_thread_starts_what_waits_for_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 1, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	pthread_t thread;

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	scripted_answer(kernel, recv, -ENOBUFS, 0);
	kernel->patience_ms = (uint32_t)(test_slowed(8) * 1000);
	kernel->step = step_receives;
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_releases,
					&notes.at[0].buf),
			 0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_SECOND), 0);
	pthread_join(thread, NULL);
	scripted_next(kernel, URING_OP_RECV);
	scripted_destroy(kernel);
}

TEST(a_buffer_that_comes_with_an_error_or_nothing_goes_back)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	const int results[] = { -ECONNRESET, 0, -ECONNRESET, 0 };
	struct notes notes = { 0 };
	struct scripted_group *group;
	struct scripted_request *recv;

	/* Both of them, each twice: what leaked would be missing in the end. */
	for (uint32_t i = 0; i < 4; i++) {
		scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
		recv = scripted_next(kernel, URING_OP_RECV);
		group = scripted_group(kernel, recv->sqe.buf_index);
		ck_assert_ptr_nonnull(group);
		scripted_answer(kernel, recv, results[i], scripted_pick(group));
		ck_assert_uint_eq(notes.count, i + 1);
		ck_assert_int_eq(notes.at[i].value, results[i]);
		ck_assert_ptr_null(notes.at[i].buf.data);
		ck_assert_uint_eq(a10_pool_available(pool), 2);
	}
	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	receives(kernel, recv, "b");
	a10_buf_release(notes.at[4].buf);
	a10_buf_release(notes.at[5].buf);
	scripted_destroy(kernel);
}

/* Some kernels name it and keep it. Twice in the ring is worse. */
TEST(a_buffer_named_by_an_error_that_the_kernel_kept_is_not_given_twice)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	struct notes notes = { 0 };
	struct scripted_group *group;
	struct scripted_request *recv;

	scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	group = scripted_group(kernel, recv->sqe.buf_index);
	scripted_post(kernel, recv, -ECONNRESET, scripted_pick(group));
	group->head--;
	scripted_settle(kernel);
	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	receives(kernel, recv, "b");
	ck_assert(!scripted_receive(kernel, recv, "c", 1, URING_CQE_F_MORE));
	ck_assert_ptr_ne(notes.at[1].buf.data, notes.at[2].buf.data);
	a10_buf_release(notes.at[1].buf);
	a10_buf_release(notes.at[2].buf);
	scripted_destroy(kernel);
}

TEST(a_late_buffer_of_a_detached_operation_goes_back)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	a10_id id = scripted_submit(kernel, receive(pool), &notes);

	recv = scripted_next(kernel, URING_OP_RECV);
	kernel->hold_cancels = true;
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	receives(kernel, recv, "late");
	ck_assert(scripted_receive(kernel, recv, "last", 4, 0));
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_bounded_multishot_pauses_while_its_buffers_are_out)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 8, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, a10_bounded(receive(pool), 2), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	receives(kernel, recv, "a");
	ck_assert_int_eq(recv->state, SCRIPTED_STARTED);
	kernel->hold_cancels = true;
	receives(kernel, recv, "b");
	/* A third that was on its way is not lost. */
	ck_assert(scripted_receive(kernel, recv, "c", 1, URING_CQE_F_MORE));
	scripted_post(kernel, recv, -ECANCELED, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL), 0,
			0);
	ck_assert_uint_eq(notes.count, 3);
	ck_assert(notes.at[2].more);
	scripted_pass(kernel, 100 * A10_SECOND);
	scripted_no_more(kernel);
	a10_buf_release(notes.at[1].buf);
	scripted_settle(kernel);
	scripted_no_more(kernel);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	recv = scripted_next(kernel, URING_OP_RECV);
	kernel->hold_cancels = false;
	scripted_answer(kernel, recv, 0, 0);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert(!notes.at[3].more);
	a10_buf_release(notes.at[2].buf);
	scripted_destroy(kernel);
}

TEST(a_paused_multishot_can_be_cancelled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 8, 0);
	struct notes notes = { 0 };
	a10_id id =
		scripted_submit(kernel, a10_bounded(receive(pool), 1), &notes);

	receives(kernel, scripted_next(kernel, URING_OP_RECV), "a");
	ck_assert_uint_eq(notes.count, 1);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[1].value, -ECANCELED);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_multishot_accept_without_descriptors_tries_again_after_a_while)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *accept;
	const int errors[] = { -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS };

	scripted_submit(kernel, a10_multishot(a10_accept(FD, NULL, 0)), &notes);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		accept = scripted_next(kernel, URING_OP_ACCEPT);
		ck_assert(accept->sqe.ioprio & URING_ACCEPT_MULTISHOT);
		scripted_answer(kernel, accept, errors[i], 0);
		/* At once would be a loop without an end. */
		scripted_no_more(kernel);
		scripted_pass(kernel, 2 * A10_SECOND);
	}
	ck_assert_uint_eq(notes.count, 0);
	accept = scripted_next(kernel, URING_OP_ACCEPT);
	scripted_answer(kernel, accept, 300, URING_CQE_F_MORE);
	ck_assert_int_eq(a10_fd_number(notes.at[0].fd), 300);
	ck_assert(notes.at[0].more);
	scripted_destroy(kernel);
}

TEST(a_multishot_accept_goes_on_after_a_client_that_gave_up)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_multishot(a10_accept(FD, NULL, 0)), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT),
			-ECONNABORTED, 0);
	scripted_pass(kernel, 2 * A10_SECOND);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), -EBADF,
			0);
	ck_assert_int_eq(notes_only(&notes)->value, -EBADF);
	scripted_destroy(kernel);
}

TEST(what_a_multishot_gives_after_its_cancel_is_delivered)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 4, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	a10_id id = scripted_submit(kernel, receive(pool), &notes);

	recv = scripted_next(kernel, URING_OP_RECV);
	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	receives(kernel, recv, "late");
	scripted_post(kernel, recv, -ECANCELED, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL), 0,
			0);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[0].value, 4);
	ck_assert(notes.at[0].more);
	ck_assert_int_eq(notes.at[1].value, -ECANCELED);
	ck_assert(!notes.at[1].more);
	a10_buf_release(notes.at[0].buf);
	scripted_destroy(kernel);
}

/* It needs no other end: it is one. */
TEST(a_last_result_of_a_multishot_after_its_cancel_is_the_success_it_is)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 4, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	a10_id id = scripted_submit(kernel, receive(pool), &notes);

	recv = scripted_next(kernel, URING_OP_RECV);
	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert(scripted_receive(kernel, recv, "late", 4, 0));
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	a10_buf_release(notes.at[0].buf);
	scripted_destroy(kernel);
}

/* The ring's tail has 16 bits. */
TEST(a_pools_indexes_wrap_at_two_to_the_16)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 4, 0);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	for (uint32_t i = 0; i < 70000; i += 3) {
		notes.count = 0;
		for (int j = 0; j < 3; j++)
			ck_assert(scripted_receive(kernel, recv, &i, sizeof(i),
						   URING_CQE_F_MORE));
		ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 3);
		for (uint32_t j = 0; j < 3; j++) {
			ck_assert_mem_eq(notes.at[j].buf.data, &i, sizeof(i));
			a10_buf_release(notes.at[j].buf);
		}
	}
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	scripted_destroy(kernel);
}

/* Several results share a buffer, which goes back after the last of them. */
TEST(a_buffer_used_up_piece_by_piece_goes_back_once)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, A10_POOL_INCREMENTAL);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	char all[4096] = "";

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	ck_assert_uint_eq(
		scripted_group(kernel, recv->sqe.buf_index)->reg.flags,
		URING_PBUF_INC);
	receives(kernel, recv, "first");
	receives(kernel, recv, "second");
	ck_assert_ptr_eq(notes.at[1].buf.data, notes.at[0].buf.data + 5);
	ck_assert_mem_eq(notes.at[0].buf.data, "firstsecond", 11);
	/* What is left of it; the next result is of another buffer. */
	ck_assert(scripted_receive(kernel, recv, all, sizeof(all),
				   URING_CQE_F_MORE));
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.at[2].buf.length, 4096 - 11);
	receives(kernel, recv, "other");
	a10_buf_release(notes.at[2].buf);
	a10_buf_release(notes.at[0].buf);
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	a10_buf_release(notes.at[0].buf); /* twice: the lease is stale */
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	a10_buf_release(notes.at[1].buf);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	a10_buf_release(notes.at[3].buf);
	scripted_destroy(kernel);
}

TEST(a_pool_that_is_destroyed_cancels_what_uses_it_and_refuses_more)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	struct a10_pool *left = pool_of(kernel, 2, 0);
	struct notes notes = { 0 }, other = { 0 };

	scripted_submit(kernel, receive(pool), &notes);
	scripted_submit(kernel, receive(left), &other);
	receives(kernel, scripted_next(kernel, URING_OP_RECV), "a");
	a10_pool_destroy(pool);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[1].value, -ECANCELED);
	ck_assert_mem_eq(notes.at[0].buf.data, "a", 1);
	a10_buf_release(notes.at[0].buf);
	ck_assert_uint_eq(other.count, 0);
	scripted_destroy(kernel);
}

TEST(a_buffer_outlives_its_ring)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = pool_of(kernel, 2, 0);
	struct notes notes = { 0 };

	scripted_submit(kernel, receive(pool), &notes);
	receives(kernel, scripted_next(kernel, URING_OP_RECV), "kept");
	scripted_destroy(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_mem_eq(notes.at[0].buf.data, "kept", 4);
	a10_buf_release(notes.at[0].buf);
}

/* A member's result may have to wait for that of one before it. */
TEST(pieces_belong_to_their_completions_in_a_chain_too)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = NULL;
	struct notes chain = { 0 }, many = { 0 };
	struct scripted_request *send, *recv, *multi;
	static char data[100];
	struct a10_op ops[2];

	ck_assert_int_eq(a10_pool_create(kernel->ring, 2, 4096,
					 A10_POOL_INCREMENTAL, &pool),
			 0);
	scripted_submit(
		kernel,
		a10_multishot(a10_recv_pooled(a10_fd_regular(101), pool, 0)),
		&many);
	scripted_settle(kernel);
	multi = scripted_next(kernel, URING_OP_RECV);
	ops[0] = a10_zero_copy(a10_send(FD, data, sizeof(data), 0));
	ops[1] = a10_recv_pooled(FD, pool, 0);
	ck_assert_int_gt(
		a10_submit_linked(kernel->sq, ops, 2, notes_take, &chain), 0);
	scripted_settle(kernel);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	recv = scripted_next(kernel, URING_OP_RECV);
	scripted_answer(kernel, send, 100, URING_CQE_F_MORE);
	ck_assert(scripted_receive(kernel, recv, "CHAIN", 5, 0));
	scripted_settle(kernel);
	ck_assert_uint_eq(chain.count, 0);
	ck_assert(scripted_receive(kernel, multi, "multishot", 9,
				   URING_CQE_F_MORE));
	scripted_settle(kernel);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	scripted_settle(kernel);
	ck_assert_uint_eq(chain.count, 2);
	ck_assert_uint_eq(many.count, 1);
	ck_assert_mem_eq(many.at[0].buf.data, "multishot", 9);
	ck_assert_mem_eq(chain.at[1].buf.data, "CHAIN", 5);
	ck_assert_uint_eq(chain.at[1].buf.length, 5);
	a10_buf_release(many.at[0].buf);
	a10_buf_release(chain.at[1].buf);
	scripted_destroy(kernel);
}
