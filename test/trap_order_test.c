/* Sends of one descriptor in order, and sends that do not copy. */
#include <errno.h>
#include <sys/socket.h>

#include "harness.h"
#include "scripted.h"

#define FD    a10_fd_regular(100)
#define OTHER a10_fd_regular(101)

static struct a10_op send_all(struct a10_fd fd, const char *data)
{
	return a10_all(a10_send(fd, data, strlen(data), 0));
}

/* Two sends in flight on one socket interleave. */
TEST(sends_of_one_descriptor_that_are_all_go_one_after_the_other)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes[3] = { 0 };
	const char *data[] = { "first", "second", "third" };
	struct scripted_request *send;

	for (int i = 0; i < 3; i++)
		scripted_submit(kernel, send_all(FD, data[i]), &notes[i]);
	for (int i = 0; i < 3; i++) {
		const int32_t length = (int32_t)strlen(data[i]);

		send = scripted_next(kernel, URING_OP_SEND);
		ck_assert_ptr_eq((void *)(uintptr_t)send->sqe.addr, data[i]);
		scripted_no_more(kernel);
		scripted_answer(kernel, send, 2, 0);
		send = scripted_next(kernel, URING_OP_SEND);
		ck_assert_uint_eq(send->sqe.len, (uint32_t)length - 2);
		scripted_no_more(kernel);
		scripted_answer(kernel, send, length - 2, 0);
		ck_assert_int_eq(notes_only(&notes[i])->value, length);
	}
	scripted_destroy(kernel);
}

TEST(sends_of_other_descriptors_and_plain_ones_do_not_wait)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, send_all(FD, "first"), &notes);
	scripted_submit(kernel, send_all(OTHER, "other"), &notes);
	scripted_submit(kernel, a10_send(FD, "plain", 5, 0), &notes);
	scripted_next(kernel, URING_OP_SEND);
	ck_assert_int_eq(scripted_next(kernel, URING_OP_SEND)->sqe.fd, 101);
	ck_assert_int_eq(scripted_next(kernel, URING_OP_SEND)->sqe.fd, 100);
	scripted_destroy(kernel);
}

TEST(sends_queued_behind_one_that_failed_are_cancelled_and_later_ones_are_not)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes first = { 0 }, second = { 0 }, third = { 0 },
		     later = { 0 };

	scripted_submit(kernel, send_all(FD, "first"), &first);
	scripted_submit(kernel, send_all(FD, "second"), &second);
	scripted_submit(kernel, a10_ordered(a10_shutdown(FD, SHUT_WR)), &third);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), -EPIPE,
			0);
	ck_assert_int_eq(notes_only(&first)->value, -EPIPE);
	ck_assert_int_eq(notes_only(&second)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&third)->value, -ECANCELED);
	ck_assert_uint_lt(first.order[0], second.order[0]);
	ck_assert_uint_lt(second.order[0], third.order[0]);
	scripted_no_more(kernel);
	scripted_submit(kernel, send_all(FD, "later"), &later);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 5, 0);
	ck_assert_int_eq(notes_only(&later)->value, 5);
	scripted_destroy(kernel);
}

TEST(an_ordered_shutdown_goes_behind_the_last_send)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *send;

	scripted_submit(kernel, send_all(FD, "first"), &notes);
	scripted_submit(kernel, a10_ordered(a10_shutdown(FD, SHUT_WR)), &notes);
	send = scripted_next(kernel, URING_OP_SEND);
	scripted_answer(kernel, send, 4, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 1, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SHUTDOWN), 0, 0);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[0].value, 5);
	ck_assert_int_eq(notes.at[1].value, 0);
	scripted_destroy(kernel);
}

TEST(a_send_cancelled_while_it_waits_its_turn_never_reaches_the_kernel)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes first = { 0 }, second = { 0 }, third = { 0 };
	a10_id id;

	scripted_submit(kernel, send_all(FD, "first"), &first);
	id = scripted_submit(kernel, send_all(FD, "second"), &second);
	scripted_submit(kernel, send_all(FD, "third"), &third);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&second)->value, -ECANCELED);
	ck_assert_uint_eq(kernel->cancels, 0);
	ck_assert_uint_eq(first.count, 0);
	/* There would be a hole in the stream. */
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 5, 0);
	ck_assert_int_eq(notes_only(&first)->value, 5);
	ck_assert_int_eq(notes_only(&third)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* Out of the middle and off the end of those that wait. */
TEST(a_send_after_cancelled_ones_still_gets_its_turn)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes first = { 0 }, cancelled = { 0 }, last = { 0 };
	a10_id id;

	scripted_submit(kernel, send_all(FD, "first"), &first);
	id = scripted_submit(kernel, send_all(FD, "second"), &cancelled);
	scripted_submit(kernel, send_all(FD, "third"), &cancelled);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	id = scripted_submit(kernel, send_all(FD, "fourth"), &cancelled);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_uint_eq(cancelled.count, 3);
	ck_assert_int_eq(cancelled.total, 3 * -ECANCELED);
	scripted_submit(kernel, send_all(FD, "last"), &last);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 5, 0);
	ck_assert_int_eq(notes_only(&first)->value, 5);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 4, 0);
	ck_assert_int_eq(notes_only(&last)->value, 4);
	scripted_destroy(kernel);
}

/* What waits its turn is not started: no progress is no surprise then. */
TEST(a_send_that_waits_its_turn_has_a_deadline_but_no_timeout_yet)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes first = { 0 }, second = { 0 }, third = { 0 };
	const int64_t now = atomic_load(&kernel->clock);

	scripted_submit(kernel, send_all(FD, "first"), &first);
	scripted_submit(kernel, a10_timeout(send_all(FD, "2nd"), A10_SECOND),
			&second);
	scripted_submit(kernel,
			a10_deadline(send_all(FD, "3rd"), now + A10_SECOND),
			&third);
	scripted_pass(kernel, 5 * A10_SECOND);
	ck_assert_int_eq(notes_only(&third)->value, -ETIME);
	ck_assert_uint_eq(second.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 5, 0);
	scripted_next(kernel, URING_OP_SEND);
	scripted_pass(kernel, A10_SECOND / 2);
	ck_assert_uint_eq(second.count, 0);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&second)->value, -ETIME);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_send_without_copying_is_over_at_the_notification)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	uint32_t released = 0;
	struct scripted_request *send;

	scripted_submit(kernel,
			a10_owning(a10_zero_copy(a10_send(FD, "0123", 4, 0)),
				   &released, notes_release),
			&notes);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	scripted_answer(kernel, send, 4, URING_CQE_F_MORE);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(released, 0);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	ck_assert_uint_eq(released, 1);
	scripted_destroy(kernel);
}

TEST(a_send_without_copying_that_failed_is_over_at_the_notification_too)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *send;

	scripted_submit(kernel, a10_zero_copy(a10_send(FD, "0123", 4, 0)),
			&notes);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	scripted_answer(kernel, send, -ECONNRESET, URING_CQE_F_MORE);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_int_eq(notes_only(&notes)->value, -ECONNRESET);
	scripted_destroy(kernel);
}

TEST(a_send_without_copying_that_failed_at_once_has_no_notification)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_zero_copy(a10_send(FD, "0123", 4, 0)),
			&notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND_ZC),
			-EOPNOTSUPP, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -EOPNOTSUPP);
	scripted_destroy(kernel);
}

/* Its result and its notification in one batch, then the rest. */
TEST(a_short_send_without_copying_goes_on_if_it_is_all)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *send;

	scripted_submit(
		kernel,
		a10_all(a10_zero_copy(a10_send(FD, "0123456789", 10, 0))),
		&notes);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	scripted_post(kernel, send, 4, URING_CQE_F_MORE);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_uint_eq(notes.count, 0);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	ck_assert_uint_eq(send->sqe.len, 6);
	scripted_post(kernel, send, 6, URING_CQE_F_MORE);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_cancel_between_the_result_and_the_notification_changes_nothing)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *send;
	a10_id id;

	id = scripted_submit(kernel, a10_zero_copy(a10_send(FD, "0123", 4, 0)),
			     &notes);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	scripted_answer(kernel, send, 4, URING_CQE_F_MORE);
	/* The request is over for the kernel, so it finds nothing to cancel. */
	a10_cancel(kernel->sq, id);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	scripted_destroy(kernel);
}

TEST(a_send_that_copied_after_all_says_so)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *send;

	scripted_submit(kernel, a10_zero_copy(a10_send(FD, "0123", 4, 0)),
			&notes);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	ck_assert(send->sqe.ioprio & URING_SEND_ZC_REPORT_USAGE);
	scripted_post(kernel, send, 4, URING_CQE_F_MORE);
	scripted_answer(kernel, send, INT32_MIN, URING_CQE_F_NOTIF);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	ck_assert(notes.at[0].flags & A10_RESULT_COPIED);
	scripted_destroy(kernel);
}
