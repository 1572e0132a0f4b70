/* Chains: whole, in order, and restarted where they were short. */
#include <errno.h>
#include <sys/socket.h>

#include "harness.h"
#include "scripted.h"

#define FD    a10_fd_regular(100)
#define OTHER a10_fd_regular(101)

#define LINK     URING_SQE_IO_LINK
#define HARDLINK URING_SQE_IO_HARDLINK

static char buf[10];

static a10_id submit_chain(struct scripted *kernel, const struct a10_op *ops,
			   size_t count, struct notes *notes)
{
	const a10_id id =
		a10_submit_linked(kernel->sq, ops, count, notes_take, notes);

	ck_assert_int_gt(id, 0);
	scripted_settle(kernel);
	return id;
}

/* One result per operation, in order, more until the last, one id. */
static void chain_gave(const struct notes *notes, a10_id id, uint32_t count,
		       const ssize_t *values)
{
	ck_assert_uint_eq(notes->count, count);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_int_eq(notes->at[i].value, values[i]);
		ck_assert_uint_eq(notes->at[i].index, i);
		ck_assert_int_eq(notes->at[i].more, i + 1 < count);
		ck_assert_int_eq(notes->at[i].id, id);
	}
}

TEST(a_chain_links_all_but_its_last_request)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_pread(FD, buf, 10, 0),
				      a10_hard_linked(a10_fsync(FD)),
				      a10_nop() };
	struct scripted_request *read, *fsync, *nop;
	a10_id id = submit_chain(kernel, ops, 3, &notes);

	read = scripted_next(kernel, URING_OP_READ);
	fsync = scripted_next(kernel, URING_OP_FSYNC);
	nop = scripted_next(kernel, URING_OP_NOP);
	ck_assert_uint_eq(read->sqe.flags, LINK);
	ck_assert(fsync->sqe.flags & HARDLINK);
	ck_assert_uint_eq(nop->sqe.flags, 0);
	scripted_answer(kernel, read, 10, 0);
	scripted_answer(kernel, fsync, -EIO, 0);
	scripted_answer(kernel, nop, 0, 0);
	chain_gave(&notes, id, 3, (const ssize_t[]){ 10, -EIO, 0 });
	scripted_destroy(kernel);
}

TEST(a_chain_of_one_is_no_chain)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op op = a10_fsync(FD);
	a10_id id = submit_chain(kernel, &op, 1, &notes);
	struct scripted_request *fsync = scripted_next(kernel, URING_OP_FSYNC);

	ck_assert_uint_eq(fsync->sqe.flags, 0);
	scripted_answer(kernel, fsync, 0, 0);
	chain_gave(&notes, id, 1, (const ssize_t[]){ 0 });
	scripted_destroy(kernel);
}

TEST(what_comes_after_a_failure_in_a_chain_is_ecanceled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_nop(), a10_read(FD, buf, 10),
				      a10_fsync(FD), a10_nop() };
	a10_id id = submit_chain(kernel, ops, 4, &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EIO, 0);
	chain_gave(&notes, id, 4,
		   (const ssize_t[]){ 0, -EIO, -ECANCELED, -ECANCELED });
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_FSYNC), 1);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_NOP), 2);
	scripted_destroy(kernel);
}

TEST(a_short_transfer_in_a_chain_is_its_end_unless_all_was_asked_for)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_write(FD, buf, 10), a10_fsync(FD) };
	a10_id id = submit_chain(kernel, ops, 2, &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_WRITE), 4, 0);
	chain_gave(&notes, id, 2, (const ssize_t[]){ 4, -ECANCELED });
	scripted_destroy(kernel);
}

TEST(a_short_transfer_of_an_all_member_starts_the_rest_of_the_chain_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_nop(),
				      a10_all(a10_pwrite(FD, buf, 10, 20)),
				      a10_fsync(FD), a10_nop() };
	a10_id id = submit_chain(kernel, ops, 4, &notes);
	struct scripted_request *write, *fsync;

	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	write = scripted_next(kernel, URING_OP_WRITE);
	fsync = scripted_next(kernel, URING_OP_FSYNC);
	scripted_next(kernel, URING_OP_NOP);
	scripted_answer(kernel, write, 4, 0);
	/* The kernel has cancelled the rest, and nobody has heard of it. */
	ck_assert_int_eq(fsync->state, SCRIPTED_OVER);
	ck_assert_uint_eq(notes.count, 1);
	write = scripted_next(kernel, URING_OP_WRITE);
	ck_assert_uint_eq(write->sqe.off, 24);
	ck_assert_uint_eq(write->sqe.len, 6);
	ck_assert_uint_eq(write->sqe.flags, LINK);
	fsync = scripted_next(kernel, URING_OP_FSYNC);
	ck_assert_int_eq(fsync->state, SCRIPTED_BEHIND);
	scripted_answer(kernel, write, 6, 0);
	scripted_answer(kernel, fsync, 0, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	chain_gave(&notes, id, 4, (const ssize_t[]){ 0, 10, 0, 0 });
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* A short send does not break a chain unless the kernel is told to wait. */
TEST(an_all_send_in_a_chain_is_whole_before_what_follows_starts)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_all(a10_send(FD, buf, 10, 0)),
				      a10_shutdown(FD, SHUT_WR) };
	a10_id id = submit_chain(kernel, ops, 2, &notes);
	struct scripted_request *send, *shutdown_request;

	send = scripted_next(kernel, URING_OP_SEND);
	shutdown_request = scripted_next(kernel, URING_OP_SHUTDOWN);
	scripted_post(kernel, send, 4, 0);
	ck_assert_int_ne(shutdown_request->state, SCRIPTED_STARTED);
	scripted_settle(kernel);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 6, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SHUTDOWN), 0, 0);
	chain_gave(&notes, id, 2, (const ssize_t[]){ 10, 0 });
	scripted_destroy(kernel);
}

TEST(an_interrupted_member_starts_the_rest_of_the_chain_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_read(FD, buf, 10), a10_fsync(FD) };
	a10_id id = submit_chain(kernel, ops, 2, &notes);
	struct scripted_request *read = scripted_next(kernel, URING_OP_READ);

	scripted_next(kernel, URING_OP_FSYNC);
	scripted_answer(kernel, read, -EINTR, 0);
	ck_assert_uint_eq(notes.count, 0);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_uint_eq(read->sqe.flags, LINK);
	scripted_answer(kernel, read, 10, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC), 0, 0);
	chain_gave(&notes, id, 2, (const ssize_t[]){ 10, 0 });
	scripted_destroy(kernel);
}

/* A notification comes when it likes, long after what was linked behind. */
TEST(results_of_a_chain_are_in_order_even_if_completions_are_not)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_zero_copy(a10_send(FD, buf, 10, 0)),
				      a10_nop(), a10_fsync(OTHER) };
	a10_id id = submit_chain(kernel, ops, 3, &notes);
	struct scripted_request *send = scripted_next(kernel, URING_OP_SEND_ZC);

	scripted_answer(kernel, send, 10, URING_CQE_F_MORE);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC), 0, 0);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	chain_gave(&notes, id, 3, (const ssize_t[]){ 10, 0, 0 });
	scripted_destroy(kernel);
}

/* The backend sees to it that no batch ends inside a chain. */
TEST(a_chain_waits_for_room_and_is_never_torn)
{
	struct a10_config config = { .submission_entries = 4 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes nops = { 0 }, notes = { 0 };
	const struct a10_op ops[] = { a10_read(FD, buf, 1), a10_nop(),
				      a10_fsync(FD) };

	kernel->start = scripted_all_succeed;
	for (int i = 0; i < 50; i++) {
		a10_submit(kernel->sq, a10_nop(), notes_take, &nops);
		if (i % 3 == 0)
			a10_submit(kernel->sq, a10_nop(), notes_take, &nops);
		ck_assert_int_gt(a10_submit_linked(kernel->sq, ops, 3,
						   notes_take, &notes),
				 0);
	}
	scripted_settle(kernel);
	ck_assert_uint_eq(nops.count, 67);
	ck_assert_uint_eq(notes.count, 150);
	ck_assert_int_eq(notes.total, 50);
	scripted_destroy(kernel);
}

TEST(a_chain_as_long_as_the_queue_goes_in_and_one_longer_is_e2big)
{
	struct a10_config config = { .submission_entries = 4 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes nops = { 0 }, notes = { 0 };
	uint32_t released = 0;
	struct a10_op ops[5];

	kernel->start = scripted_all_succeed;
	for (int i = 0; i < 5; i++)
		ops[i] = a10_owning(a10_nop(), &released, notes_release);
	a10_submit(kernel->sq, a10_nop(), notes_take, &nops);
	ck_assert_int_eq(a10_submit_linked(kernel->sq, ops, 5, notes_take,
					   &notes),
			 -E2BIG);
	ck_assert_uint_eq(released, 5);
	ck_assert_int_gt(
		a10_submit_linked(kernel->sq, ops, 4, notes_take, &notes), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_uint_eq(released, 9);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

TEST(what_cannot_be_linked_is_einval)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op bad[] = { a10_multishot(a10_poll(FD, 1)),
				      a10_close(FD),
				      a10_connect_to("127.0.0.1:1", 0),
				      a10_ordered(a10_shutdown(FD, SHUT_WR)) };
	struct a10_op ops[2];

	ck_assert_int_eq(a10_submit_linked(kernel->sq, ops, 0, notes_take,
					   &notes),
			 -EINVAL);
	for (int i = 0; i < 8; i++) {
		uint32_t released = 0;

		ops[i % 2] = bad[i / 2];
		ops[1 - i % 2] =
			a10_owning(a10_nop(), &released, notes_release);
		ck_assert_int_eq(a10_submit_linked(kernel->sq, ops, 2,
						   notes_take, &notes),
				 -EINVAL);
		ck_assert_uint_eq(released, 1);
	}
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_chain_cancelled_while_it_is_queued_never_reaches_the_kernel)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_read(FD, buf, 1), a10_nop(),
				      a10_nop() };
	a10_id id = a10_submit_linked(kernel->sq, ops, 3, notes_take, &notes);

	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	chain_gave(&notes, id, 3,
		   (const ssize_t[]){ -ECANCELED, -ECANCELED, -ECANCELED });
	scripted_no_more(kernel);
	ck_assert_uint_eq(kernel->cancels, 0);
	scripted_destroy(kernel);
}

/* The kernel says -ENOENT to a member that has not started, and runs it. */
TEST(a_cancel_of_an_unstarted_member_ends_the_running_one)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_read(FD, buf, 1),
				      a10_read(OTHER, buf, 1), a10_nop() };
	a10_id id = submit_chain(kernel, ops, 3, &notes);

	ck_assert_int_eq(a10_cancel_fd(kernel->sq, OTHER), 0);
	for (int i = 0; i < 20 && notes.count < 3; i++)
		scripted_pass(kernel, A10_SECOND);
	chain_gave(&notes, id, 3,
		   (const ssize_t[]){ -ECANCELED, -ECANCELED, -ECANCELED });
	scripted_destroy(kernel);
}

TEST(a_cancelled_chain_whose_running_member_succeeds_late_goes_no_further)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_read(FD, buf, 1),
				      a10_read(OTHER, buf, 1), a10_nop() };
	a10_id id = submit_chain(kernel, ops, 3, &notes);
	struct scripted_request *first = scripted_next(kernel, URING_OP_READ);
	struct scripted_request *second = scripted_next(kernel, URING_OP_READ);

	scripted_cancel_answers(kernel, -EALREADY, 1);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	scripted_answer(kernel, first, 1, 0);
	/* The second runs now, whatever the answer to a cancel of it was. */
	for (int i = 0; i < 20 && second->state != SCRIPTED_OVER; i++)
		scripted_pass(kernel, A10_SECOND);
	scripted_settle(kernel);
	chain_gave(&notes, id, 3,
		   (const ssize_t[]){ 1, -ECANCELED, -ECANCELED });
	scripted_destroy(kernel);
}

/* The kernel goes on to the next: a hard link is one whatever happens. */
TEST(a_cancel_of_a_chain_is_not_lost_while_an_interrupted_member_waits)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = { a10_hard_linked(a10_read(FD, buf, 1)),
				      a10_read(OTHER, buf, 1), a10_nop() };
	a10_id id = submit_chain(kernel, ops, 3, &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EINTR,
			0);
	a10_cancel(kernel->sq, id);
	for (int i = 0; i < 20 && notes.count < 3; i++)
		scripted_pass(kernel, A10_SECOND);
	chain_gave(&notes, id, 3,
		   (const ssize_t[]){ -ECANCELED, -ECANCELED, -ECANCELED });
	scripted_destroy(kernel);
}

TEST(an_all_member_that_is_hard_linked_is_whole_before_the_next_starts)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = {
		a10_hard_linked(a10_all(a10_write(FD, buf, 10))), a10_fsync(FD)
	};
	a10_id id = submit_chain(kernel, ops, 2, &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_WRITE), 4, 0);
	for (const struct scripted_request *request = kernel->all_first;
	     request; request = request->all_next)
		ck_assert(request->sqe.opcode != URING_OP_FSYNC ||
			  request->state != SCRIPTED_STARTED);
	while (notes.count < 2) {
		struct scripted_request *request = kernel->live_last;

		while (request && request->state != SCRIPTED_STARTED)
			request = request->live_prev;
		ck_assert(request && !request->internal);
		scripted_answer(
			kernel, request,
			request->sqe.opcode == URING_OP_WRITE ? -EIO : 0, 0);
	}
	/* And it is a hard link all the same. */
	chain_gave(&notes, id, 2, (const ssize_t[]){ -EIO, 0 });
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_destroy(kernel);
}

TEST(a_detached_chain_is_ended_and_tells_nothing)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	uint32_t released = 0;
	const struct a10_op ops[] = {
		a10_owning(a10_read(FD, buf, 1), &released, notes_release),
		a10_owning(a10_nop(), &released, notes_release)
	};
	a10_id id = submit_chain(kernel, ops, 2, &notes);

	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(released, 2);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

/* It has not started as long as the one before runs. */
TEST(the_timeout_of_a_member_counts_from_the_end_of_the_one_before)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const struct a10_op ops[] = {
		a10_read(FD, buf, 1),
		a10_timeout(a10_read(OTHER, buf, 1), A10_SECOND), a10_nop()
	};
	a10_id id = submit_chain(kernel, ops, 3, &notes);

	scripted_pass(kernel, 5 * A10_SECOND);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_uint_eq(notes.count, 1);
	scripted_pass(kernel, A10_SECOND - 1);
	ck_assert_uint_eq(notes.count, 1);
	scripted_pass(kernel, 1);
	chain_gave(&notes, id, 3, (const ssize_t[]){ 1, -ETIME, -ECANCELED });
	scripted_destroy(kernel);
}
