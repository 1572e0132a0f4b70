/* Closing: last, always, and a direct descriptor by its place in the table. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "scripted.h"

#define FD    a10_fd_regular(100)
#define OTHER a10_fd_regular(101)

static char buf[10];

static int open_something(void)
{
	const int fd = fcntl(0, F_DUPFD_CLOEXEC, 200);

	ck_assert_int_ge(fd, 200);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static struct scripted *ring_with_table(void)
{
	struct a10_config config = { .direct_descriptors = 8 };

	return scripted_ring(&config);
}

/* The direct descriptor that an accept puts into that slot. */
static struct a10_fd direct_at(struct scripted *kernel, int slot)
{
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_direct(a10_accept(FD, NULL, 0)), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), slot,
			0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert(a10_fd_is_direct(notes.at[0].fd));
	return notes.at[0].fd;
}

TEST(a_close_with_nothing_pending_is_only_a_close)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *request;

	scripted_submit(kernel, a10_read(OTHER, buf, 1), &notes);
	scripted_next(kernel, URING_OP_READ);
	scripted_submit(kernel, a10_close(FD), &notes);
	request = scripted_next(kernel, URING_OP_CLOSE);
	ck_assert_int_eq(request->sqe.fd, 100);
	ck_assert_int_eq(request->sqe.file_index, 0);
	ck_assert_uint_eq(kernel->cancels, 0);
	scripted_answer(kernel, request, -EIO, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -EIO);
	scripted_destroy(kernel);
}

/* A close that fails halfway has closed: again would close another's. */
TEST(a_close_that_was_interrupted_is_not_started_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_close(FD), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), -EINTR,
			0);
	ck_assert_uint_eq(notes.count, 1);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_close_cancels_what_is_pending_on_it_and_comes_last)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, poll = { 0 }, closed = { 0 }, other = { 0 };

	scripted_submit(kernel, a10_read(FD, buf, 1), &read);
	scripted_submit(kernel, a10_multishot(a10_poll(FD, 1)), &poll);
	scripted_submit(kernel, a10_read(OTHER, buf, 1), &other);
	scripted_next(kernel, URING_OP_READ);
	scripted_next(kernel, URING_OP_POLL_ADD);
	scripted_next(kernel, URING_OP_READ);
	/* The first two times the kernel does not find what it is to end. */
	scripted_cancel_answers(kernel, -ENOENT, 2);
	scripted_submit(kernel, a10_close(FD), &closed);
	for (int i = 0; i < 20 && poll.count + read.count < 2; i++)
		scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&read)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&poll)->value, -ECANCELED);
	ck_assert_uint_eq(closed.count, 0);
	ck_assert_uint_eq(other.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_int_eq(notes_only(&closed)->value, 0);
	ck_assert_uint_gt(closed.order[0], read.order[0]);
	ck_assert_uint_gt(closed.order[0], poll.order[0]);
	scripted_destroy(kernel);
}

TEST(a_close_waits_for_what_cannot_be_cancelled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, closed = { 0 };

	scripted_submit(kernel, a10_read(FD, buf, 1), &read);
	scripted_cancel_answers(kernel, -EALREADY, UINT32_MAX);
	scripted_submit(kernel, a10_close(FD), &closed);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_CLOSE), 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&read)->value, 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_int_eq(notes_only(&closed)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_close_ends_what_is_queued_parked_and_waiting_its_turn)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 }, closed = { 0 };

	scripted_submit(kernel, a10_all(a10_send(FD, "1", 1, 0)), &notes);
	scripted_submit(kernel, a10_all(a10_send(FD, "2", 1, 0)), &notes);
	scripted_submit(kernel, a10_ordered(a10_shutdown(FD, SHUT_WR)), &notes);
	scripted_submit(kernel, a10_recv(FD, buf, 1, 0), &notes);
	scripted_next(kernel, URING_OP_SEND);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), -EAGAIN,
			0);
	scripted_next(kernel, URING_OP_POLL_ADD);
	a10_submit(kernel->sq, a10_read(FD, buf, 1), notes_take, &notes);
	a10_submit(kernel->sq, a10_close(FD), notes_take, &closed);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 5);
	ck_assert_int_eq(notes.total, 5 * -ECANCELED);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_READ), 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_int_eq(notes_only(&closed)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_cancelled_close_is_carried_out)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, closed = { 0 };
	struct scripted_request *request;
	a10_id id;

	scripted_submit(kernel, a10_read(FD, buf, 1), &read);
	scripted_cancel_answers(kernel, -EALREADY, 1);
	id = scripted_submit(kernel, a10_close(FD), &closed);
	a10_cancel(kernel->sq, id);
	a10_detach(kernel->sq, id);
	a10_cancel_all(kernel->sq);
	scripted_settle(kernel);
	request = scripted_next(kernel, URING_OP_READ);
	if (request->state != SCRIPTED_OVER)
		scripted_answer(kernel, request, 1, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_uint_eq(read.count, 1);
	ck_assert_uint_eq(closed.count, 0); /* it was detached */
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

TEST(a_direct_close_says_file_index_and_not_fixed_file)
{
	struct scripted *kernel = ring_with_table();
	struct a10_fd fd = direct_at(kernel, 5);
	struct notes notes = { 0 };
	struct scripted_request *request;

	scripted_submit(kernel, a10_close(fd), &notes);
	request = scripted_next(kernel, URING_OP_CLOSE);
	ck_assert_int_eq(request->sqe.file_index, 6);
	ck_assert_int_eq(request->sqe.fd, 0);
	ck_assert_uint_eq(request->sqe.flags, 0);
	scripted_answer(kernel, request, 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_direct_descriptor_is_used_by_its_slot_and_not_by_the_same_number)
{
	struct scripted *kernel = ring_with_table();
	struct a10_fd fd = direct_at(kernel, 5);
	struct notes direct = { 0 }, regular = { 0 }, closed = { 0 };
	struct scripted_request *read;

	scripted_submit(kernel, a10_read(fd, buf, 1), &direct);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_int_eq(read->sqe.fd, 5);
	ck_assert_uint_eq(read->sqe.flags, URING_SQE_FIXED_FILE);
	scripted_submit(kernel, a10_read(a10_fd_regular(5), buf, 1), &regular);
	ck_assert_uint_eq(scripted_next(kernel, URING_OP_READ)->sqe.flags, 0);
	scripted_submit(kernel, a10_close(fd), &closed);
	ck_assert_int_eq(notes_only(&direct)->value, -ECANCELED);
	ck_assert_uint_eq(regular.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	scripted_destroy(kernel);
}

TEST(a_direct_descriptor_of_another_ring_is_exdev)
{
	struct scripted *kernel = ring_with_table();
	struct scripted *other = ring_with_table();
	struct a10_fd fd = direct_at(kernel, 5);
	struct notes notes = { 0 };
	uint32_t released = 0;

	ck_assert_int_eq(a10_submit(other->sq,
				    a10_owning(a10_read(fd, buf, 1), &released,
					       notes_release),
				    notes_take, &notes),
			 -EXDEV);
	ck_assert_uint_eq(released, 1);
	ck_assert_int_eq(a10_submit(other->sq, a10_fsync(fd), notes_take,
				    &notes),
			 -EXDEV);
	ck_assert_int_eq(a10_submit(other->sq, a10_close(fd), notes_take,
				    &notes),
			 -EXDEV);
	ck_assert_int_eq(a10_submit(other->sq,
				    a10_splice(fd, A10_NO_OFFSET, FD,
					       A10_NO_OFFSET, 1, 0),
				    notes_take, &notes),
			 -EXDEV);
	scripted_settle(other);
	scripted_no_more(other);
	ck_assert_uint_eq(notes.count, 0);
	scripted_destroy(other);
	scripted_destroy(kernel);
}

/* Both ends are in use, though a request has only one descriptor. */
TEST(a_splice_says_which_of_its_ends_are_direct)
{
	struct scripted *kernel = ring_with_table();
	struct a10_fd fd = direct_at(kernel, 5);
	struct notes notes = { 0 };
	struct scripted_request *splice;

	scripted_submit(kernel, a10_splice(fd, 7, FD, A10_NO_OFFSET, 9, 0),
			&notes);
	splice = scripted_next(kernel, URING_OP_SPLICE);
	ck_assert_int_eq(splice->sqe.file_index, 5);
	ck_assert_uint_eq(splice->sqe.op_flags, URING_SPLICE_F_FD_IN_FIXED);
	ck_assert_int_eq(splice->sqe.fd, 100);
	ck_assert_uint_eq(splice->sqe.flags, 0);
	ck_assert_uint_eq(splice->sqe.addr, 7);
	ck_assert_uint_eq(splice->sqe.off, UINT64_MAX);
	ck_assert_uint_eq(splice->sqe.len, 9);
	scripted_submit(kernel, a10_splice(FD, A10_NO_OFFSET, fd, 8, 9, 0),
			&notes);
	splice = scripted_next(kernel, URING_OP_SPLICE);
	ck_assert_uint_eq(splice->sqe.op_flags, 0);
	ck_assert_uint_eq(splice->sqe.flags, URING_SQE_FIXED_FILE);
	scripted_destroy(kernel);
}

TEST(without_a_table_nothing_becomes_direct)
{
	struct scripted *kernel = scripted_ring(NULL);

	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_direct(a10_accept(FD, NULL, 0)),
				    notes_take, NULL),
			 -ENXIO);
	scripted_destroy(kernel);
}

TEST(a_new_direct_descriptor_is_not_close_on_exec_and_a_regular_one_is)
{
	struct scripted *kernel = ring_with_table();
	struct notes notes = { 0 };
	struct scripted_request *request;

	scripted_submit(kernel, a10_openat(A10_CWD, "x", O_RDONLY, 0), &notes);
	request = scripted_next(kernel, URING_OP_OPENAT);
	ck_assert(request->sqe.op_flags & O_CLOEXEC);
	ck_assert_int_eq(request->sqe.file_index, 0);
	/* The kernel says -EINVAL to both together. */
	scripted_submit(kernel,
			a10_direct(a10_openat(A10_CWD, "x", O_RDONLY, 0)),
			&notes);
	request = scripted_next(kernel, URING_OP_OPENAT);
	ck_assert(!(request->sqe.op_flags & O_CLOEXEC));
	ck_assert_uint_eq((uint32_t)request->sqe.file_index,
			  URING_FILE_INDEX_ALLOC);
	scripted_submit(kernel, a10_socket(AF_INET, SOCK_STREAM, 0), &notes);
	request = scripted_next(kernel, URING_OP_SOCKET);
	ck_assert_uint_eq(request->sqe.off, SOCK_STREAM | SOCK_CLOEXEC);
	scripted_submit(kernel, a10_direct(a10_accept(FD, NULL, 0)), &notes);
	request = scripted_next(kernel, URING_OP_ACCEPT);
	ck_assert_uint_eq(request->sqe.op_flags, 0);
	scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	request = scripted_next(kernel, URING_OP_ACCEPT);
	ck_assert_uint_eq(request->sqe.op_flags, SOCK_CLOEXEC);
	scripted_destroy(kernel);
}

static void release_in_callback(void *data, const struct a10_result *result)
{
	(void)result;
	a10_fd_release(*(struct a10_fd *)data);
}

TEST(a_release_in_a_callback_cancels_what_the_ring_has_pending_on_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	const int number = open_something();
	struct a10_fd fd = a10_fd_regular(number);
	struct notes notes = { 0 };

	kernel->real_close = true;
	scripted_submit(kernel, a10_read(fd, buf, 1), &notes);
	a10_submit(kernel->sq, a10_after(0), release_in_callback, &fd);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert(!is_open(number));
	scripted_destroy(kernel);
}

TEST(a_release_outside_a_ring_closes_at_once)
{
	const int number = open_something();

	a10_fd_release(a10_fd_regular(number));
	ck_assert(!is_open(number));
	a10_fd_release(a10_fd_none());
}

TEST(a_release_of_a_direct_descriptor_is_safe_after_its_ring_is_gone)
{
	struct scripted *kernel = ring_with_table();
	struct a10_fd fd = direct_at(kernel, 5);
	struct scripted_request *request;

	a10_fd_release(fd);
	scripted_settle(kernel);
	if (kernel->sync_count == 0) {
		request = scripted_next(kernel, URING_OP_CLOSE);
		ck_assert_int_eq(request->sqe.file_index, 6);
	} else {
		ck_assert_int_eq(kernel->syncs[0].file_index, 6);
	}
	scripted_destroy(kernel);
	a10_fd_release(fd);
}

/* ---- whole jobs: a socket on the way to an error is nobody's ------------- */

static struct scripted_request *connecting(struct scripted *kernel,
					   struct notes *notes, a10_id *ret_id)
{
	kernel->real_close = true;
	*ret_id = scripted_submit(kernel, a10_connect_to("127.0.0.1:7", 0),
				  notes);
	return scripted_next(kernel, URING_OP_CONNECT);
}

TEST(a_connection_that_was_refused_leaves_no_socket)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id;
	struct scripted_request *request = connecting(kernel, &notes, &id);
	const struct sockaddr_in *to = (void *)(uintptr_t)request->sqe.addr;

	ck_assert_uint_eq(to->sin_port, htons(7));
	ck_assert(is_open(request->sqe.fd));
	scripted_answer(kernel, request, -ECONNREFUSED, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECONNREFUSED);
	ck_assert(!a10_fd_valid(notes.at[0].fd));
	ck_assert(!is_open(request->sqe.fd));
	scripted_destroy(kernel);
}

TEST(a_connection_that_was_cancelled_leaves_no_socket)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id;
	struct scripted_request *request = connecting(kernel, &notes, &id);

	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert(!is_open(request->sqe.fd));
	scripted_destroy(kernel);
}

TEST(a_connection_that_took_too_long_is_etime_and_leaves_no_socket)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *request;

	kernel->real_close = true;
	scripted_submit(kernel,
			a10_timeout(a10_connect_to("127.0.0.1:7", 0),
				    A10_SECOND),
			&notes);
	request = scripted_next(kernel, URING_OP_CONNECT);
	scripted_pass(kernel, A10_SECOND);
	ck_assert_int_eq(notes_only(&notes)->value, -ETIME);
	ck_assert(!is_open(request->sqe.fd));
	scripted_destroy(kernel);
}

TEST(a_late_connection_is_a_success_and_a_detached_one_is_closed)
{
	for (int detached = 0; detached < 2; detached++) {
		struct scripted *kernel = scripted_ring(NULL);
		struct notes notes = { 0 };
		a10_id id;
		struct scripted_request *request =
			connecting(kernel, &notes, &id);

		scripted_cancel_answers(kernel, -EALREADY, 1);
		if (detached)
			a10_detach(kernel->sq, id);
		else
			a10_cancel(kernel->sq, id);
		scripted_settle(kernel);
		scripted_answer(kernel, request, 0, 0);
		if (detached) {
			ck_assert_uint_eq(notes.count, 0);
			ck_assert(!is_open(request->sqe.fd));
		} else {
			ck_assert_int_eq(notes_only(&notes)->value, 0);
			ck_assert_int_eq(a10_fd_number(notes.at[0].fd),
					 request->sqe.fd);
			close(request->sqe.fd);
		}
		scripted_destroy(kernel);
	}
}

TEST(an_interrupted_connect_of_a_whole_job_is_not_told)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id;

	scripted_answer(kernel, connecting(kernel, &notes, &id), -EINTR, 0);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CONNECT), 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	close(a10_fd_number(notes.at[0].fd));
	scripted_destroy(kernel);
}

/* The address is the caller's only once the kernel has written it. */
TEST(an_accept_has_room_for_the_longest_address_each_time)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_address peer = { .length = 3 };
	struct notes notes = { 0 };
	struct scripted_request *accept;
	socklen_t *length;

	scripted_submit(kernel, a10_accept(FD, &peer, 0), &notes);
	for (int i = 0; i < 2; i++) {
		accept = scripted_next(kernel, URING_OP_ACCEPT);
		length = (void *)(uintptr_t)accept->sqe.off;
		ck_assert_ptr_eq((void *)(uintptr_t)accept->sqe.addr, &peer.as);
		ck_assert_uint_eq(*length, sizeof(peer.as));
		if (i == 0)
			scripted_answer(kernel, accept, -EINTR, 0);
	}
	*length = 16;
	scripted_answer(kernel, accept, 300, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_uint_eq(peer.length, 16);
	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_multishot(a10_accept(FD, &peer, 0)),
				    notes_take, &notes),
			 -EINVAL);
	scripted_destroy(kernel);
}
