/* Which errors start an operation again, and which are the answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include "harness.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

/* Not for programs: the kernel's own, that leak from cancelled workers. */
static const int leaked[] = { -512, -513, -514, -516 };

static char buf[10];

TEST(an_interrupted_operation_is_started_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *read;

	scripted_submit(kernel, a10_pread(FD, buf, 10, 7), &notes);
	for (int i = 0; i < 3; i++) {
		read = scripted_next(kernel, URING_OP_READ);
		ck_assert_uint_eq(read->sqe.off, 7);
		ck_assert_uint_eq(read->sqe.len, 10);
		ck_assert_ptr_eq((void *)(uintptr_t)read->sqe.addr, buf);
		scripted_answer(kernel, read, -EINTR, 0);
	}
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 5, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 5);
	scripted_destroy(kernel);
}

TEST(a_leaked_restart_code_starts_again_what_nobody_cancelled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_fsync(FD), &notes);
	for (size_t i = 0; i < sizeof(leaked) / sizeof(leaked[0]); i++)
		scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC),
				leaked[i], 0);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC), 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	scripted_destroy(kernel);
}

/* The other ring is a true one, of which only the descriptor is used. */
TEST(an_interrupted_move_to_another_ring_is_started_again)
{
	struct a10_config config = { .direct_descriptors = 8 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	struct a10_ring *other;
	const struct a10_result *result;
	int err = a10_ring_create(&config, &other);

	if (err < 0)
		SKIP("%s", a10_ring_reason());
	scripted_submit(kernel,
			a10_fd_move(a10_ring_direct(kernel->ring, 5),
				    a10_ring_sq(other)),
			&notes);
	for (int i = 0; i < 2; i++) {
		struct scripted_request *move =
			scripted_next(kernel, URING_OP_MSG_RING);

		ck_assert_uint_eq(move->sqe.addr3, 5);
		scripted_answer(kernel, move, i == 0 ? -EINTR : 3, 0);
	}
	result = notes_only(&notes);
	ck_assert_int_eq(result->value, 0);
	ck_assert(a10_fd_equal(result->fd, a10_ring_direct(other, 3)));
	/* It is in one table only. */
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	scripted_destroy(kernel);
	ck_assert_int_eq(a10_ring_destroy(other, A10_FOREVER), 0);
}

/* What the cancelled request may say, and none of it is for the program. */
static void cancelled_with(int res)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *read;
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);

	read = scripted_next(kernel, URING_OP_READ);
	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	scripted_post(kernel, read, res, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-EALREADY, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_leaked_restart_code_after_a_cancel_is_ecanceled)
{
	for (size_t i = 0; i < sizeof(leaked) / sizeof(leaked[0]); i++)
		cancelled_with(leaked[i]);
}

TEST(an_interrupt_after_a_cancel_is_ecanceled)
{
	cancelled_with(-EINTR);
}

TEST(eagain_after_a_cancel_is_ecanceled)
{
	cancelled_with(-EAGAIN);
}

TEST(an_error_that_came_before_the_cancel_is_the_result)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);

	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_READ), -EIO, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -EIO);
	scripted_destroy(kernel);
}

/* op gives -EAGAIN: a poll for events comes, and only then op again. */
static void waits_for(struct a10_op op, enum uring_op opcode, uint32_t events)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(kernel, op, &notes);
	for (int i = 0; i < 2; i++) {
		scripted_answer(kernel, scripted_next(kernel, opcode), -EAGAIN,
				0);
		poll = scripted_next(kernel, URING_OP_POLL_ADD);
		ck_assert_int_eq(poll->sqe.fd, 100);
		ck_assert_uint_eq(poll->sqe.op_flags, events);
		ck_assert_uint_eq(poll->sqe.len, 0);
		scripted_pass(kernel, A10_SECOND);
		scripted_no_more(kernel);
		scripted_answer(kernel, poll, (int32_t)events, 0);
	}
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, opcode), 4, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(eagain_is_started_again_only_when_a_poll_says_ready)
{
	waits_for(a10_recv(FD, buf, 10, 0), URING_OP_RECV, POLLIN);
	waits_for(a10_read(FD, buf, 10), URING_OP_READ, POLLIN);
	waits_for(a10_send(FD, buf, 10, 0), URING_OP_SEND, POLLOUT);
	waits_for(a10_write(FD, buf, 10), URING_OP_WRITE, POLLOUT);
}

TEST(eagain_of_a_vector_is_started_again_only_when_a_poll_says_ready)
{
	const struct iovec iov = { buf, 10 };
	struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)&iov,
				 .msg_iovlen = 1 };

	waits_for(a10_readv(FD, &iov, 1), URING_OP_READV, POLLIN);
	waits_for(a10_writev(FD, &iov, 1), URING_OP_WRITEV, POLLOUT);
	waits_for(a10_recvmsg(FD, &header, 0), URING_OP_RECVMSG, POLLIN);
	waits_for(a10_sendmsg(FD, &header, 0), URING_OP_SENDMSG, POLLOUT);
}

TEST(eagain_of_an_accept_waits_for_a_client)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), -EAGAIN,
			0);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	ck_assert_uint_eq(poll->sqe.op_flags, POLLIN);
	scripted_answer(kernel, poll, POLLIN, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), 300, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_int_eq(a10_fd_number(notes.at[0].fd), 300);
	scripted_destroy(kernel);
}

TEST(eagain_of_a_direct_descriptor_waits_for_that_and_not_for_its_number)
{
	struct a10_config config = { .direct_descriptors = 8 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	struct scripted_request *poll;

	scripted_submit(kernel, a10_direct(a10_accept(FD, NULL, 0)), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), 5, 0);
	scripted_submit(kernel, a10_recv(notes.at[0].fd, buf, 1, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), -EAGAIN,
			0);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	ck_assert_int_eq(poll->sqe.fd, 5);
	ck_assert_uint_eq(poll->sqe.flags, URING_SQE_FIXED_FILE);
	scripted_destroy(kernel);
}

/* Who says "do not wait" wants to hear it. */
static void does_not_wait(struct a10_op op, enum uring_op opcode)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, op, &notes);
	scripted_answer(kernel, scripted_next(kernel, opcode), -EAGAIN, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -EAGAIN);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(eagain_is_the_answer_to_who_does_not_want_to_wait)
{
	const struct iovec iov = { buf, 10 };
	struct msghdr header = { .msg_iov = (struct iovec *)(uintptr_t)&iov,
				 .msg_iovlen = 1 };

	does_not_wait(a10_recv(FD, buf, 10, MSG_DONTWAIT), URING_OP_RECV);
	does_not_wait(a10_send(FD, buf, 10, MSG_DONTWAIT), URING_OP_SEND);
	does_not_wait(a10_recvmsg(FD, &header, MSG_DONTWAIT), URING_OP_RECVMSG);
	does_not_wait(a10_sendmsg(FD, &header, MSG_DONTWAIT), URING_OP_SENDMSG);
	does_not_wait(a10_preadv2(FD, &iov, 1, 0, RWF_NOWAIT), URING_OP_READV);
	does_not_wait(a10_pwritev2(FD, &iov, 1, 0, RWF_NOWAIT),
		      URING_OP_WRITEV);
}

TEST(a_cancel_while_eagain_waits_for_readiness_ends_the_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;
	a10_id id = scripted_submit(kernel, a10_recv(FD, buf, 10, 0), &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), -EAGAIN,
			0);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(poll->state, SCRIPTED_OVER);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* The poll is not the operation: its mask must not become its result. */
TEST(a_late_readiness_after_a_cancel_is_ecanceled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *poll;
	a10_id id = scripted_submit(kernel, a10_recv(FD, buf, 10, 0), &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), -EAGAIN,
			0);
	poll = scripted_next(kernel, URING_OP_POLL_ADD);
	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	scripted_post(kernel, poll, POLLIN, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* For instance of a thread that has exited: again would be for ever. */
TEST(ecanceled_that_nobody_asked_for_is_not_started_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_recv(FD, buf, 10, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV),
			-ECANCELED, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(an_argument_that_is_invalid_is_not_called_an_old_kernel)
{
	struct scripted *kernel = scripted_ring(NULL);
	const int errors[] = { -EINVAL, -EOPNOTSUPP, -EBADF, -ENOSYS };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct notes notes = { 0 };

		scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
		scripted_answer(kernel, scripted_next(kernel, URING_OP_READ),
				errors[i], 0);
		ck_assert_int_eq(notes_only(&notes)->value, errors[i]);
	}
	ck_assert_uint_eq(kernel->sync_count, 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

static void without_bind(struct backend_grant *grant)
{
	grant->opcodes[0] &= ~(UINT64_C(1) << URING_OP_BIND);
}

/* Only the probe says that the kernel is old; then a system call does it. */
TEST(an_opcode_the_probe_does_not_know_is_done_by_system_call)
{
	struct scripted *kernel = scripted_ring_unbound(NULL, without_bind);
	const struct a10_address address = { .length = 16 };
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_bind(FD, &address), &notes);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_uint_eq(kernel->sync_count, 1);
	ck_assert_uint_eq(kernel->syncs[0].opcode, URING_OP_BIND);
	ck_assert_int_eq(kernel->syncs[0].fd, 100);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_raw_request_may_not_skip_its_completion)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct uring_sqe sqe = { .opcode = URING_OP_NOP,
				 .flags = URING_SQE_CQE_SKIP_SUCCESS };

	ck_assert_int_eq(a10_submit(kernel->sq, a10_raw(&sqe), notes_take,
				    &notes),
			 -EINVAL);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_raw_requests_user_data_and_links_are_the_librarys)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *request;
	struct uring_sqe sqe = { .opcode = URING_OP_FADVISE,
				 .flags = URING_SQE_IO_LINK | URING_SQE_ASYNC,
				 .fd = 100,
				 .off = 1,
				 .len = 2,
				 .op_flags = 3,
				 .user_data = 0x1234567890,
				 .addr3 = 4 };

	scripted_submit(kernel, a10_raw(&sqe), &notes);
	request = scripted_next(kernel, URING_OP_FADVISE);
	ck_assert_uint_eq(request->sqe.flags, URING_SQE_ASYNC);
	ck_assert_uint_ne(request->sqe.user_data, 0x1234567890);
	ck_assert_uint_eq(request->sqe.off, 1);
	ck_assert_uint_eq(request->sqe.len, 2);
	ck_assert_uint_eq(request->sqe.op_flags, 3);
	ck_assert_uint_eq(request->sqe.addr3, 4);
	scripted_answer(kernel, request, 17, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 17);
	scripted_destroy(kernel);
}
