/* Short transfers, and a10_all, which goes on after them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "harness.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static const void *address_of(const struct scripted_request *request)
{
	return (const void *)(uintptr_t)request->sqe.addr;
}

/* The bytes a vector names, each as an address: what the kernel would touch. */
static uint32_t flatten(const struct iovec *iov, size_t count,
			const char **ret_bytes)
{
	uint32_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < iov[i].iov_len; j++)
			ret_bytes[bytes++] = (const char *)iov[i].iov_base + j;
	}
	return bytes;
}

TEST(a_short_read_is_the_result_unless_all_was_asked_for)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char buf[10];

	scripted_submit(kernel, a10_pread(FD, buf, 10, 0), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 3, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 3);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(all_goes_on_where_a_short_read_stopped)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *read;
	char buf[10];

	scripted_submit(kernel, a10_all(a10_pread(FD, buf, 10, 100)), &notes);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_uint_eq(read->sqe.off, 100);
	ck_assert_uint_eq(read->sqe.len, 10);
	scripted_answer(kernel, read, 4, 0);
	ck_assert_uint_eq(notes.count, 0);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_int_eq(read->sqe.fd, 100);
	ck_assert_uint_eq(read->sqe.off, 104);
	ck_assert_uint_eq(read->sqe.len, 6);
	ck_assert_ptr_eq(address_of(read), buf + 4);
	scripted_answer(kernel, read, 1, 0);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_uint_eq(read->sqe.off, 105);
	ck_assert_ptr_eq(address_of(read), buf + 5);
	scripted_answer(kernel, read, 5, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	ck_assert_uint_eq(notes.at[0].count, 10);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(all_at_the_files_own_position_stays_there)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *write;

	scripted_submit(kernel, a10_all(a10_write(FD, "0123456789", 10)),
			&notes);
	write = scripted_next(kernel, URING_OP_WRITE);
	ck_assert_uint_eq(write->sqe.off, UINT64_MAX);
	scripted_answer(kernel, write, 4, 0);
	write = scripted_next(kernel, URING_OP_WRITE);
	ck_assert_uint_eq(write->sqe.off, UINT64_MAX);
	scripted_answer(kernel, write, 6, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	scripted_destroy(kernel);
}

TEST(all_ends_where_the_file_ends)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char buf[10];

	scripted_submit(kernel, a10_all(a10_read(FD, buf, 10)), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 4, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(all_tells_how_much_was_done_before_an_error)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_all(a10_send(FD, "0123456789", 10, 0)),
			&notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), 4, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_SEND), -EPIPE,
			0);
	ck_assert_int_eq(notes_only(&notes)->value, -EPIPE);
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_destroy(kernel);
}

TEST(all_tells_how_much_was_done_before_a_cancel)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char buf[10];
	const a10_id id = scripted_submit(
		kernel, a10_all(a10_recv(FD, buf, 10, 0)), &notes);

	scripted_answer(kernel, scripted_next(kernel, URING_OP_RECV), 4, 0);
	scripted_next(kernel, URING_OP_RECV);
	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_destroy(kernel);
}

/* A part that came with the cancel's race counts, and nothing starts anew. */
TEST(all_that_is_cancelled_after_a_part_does_not_go_on)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char buf[10];
	const a10_id id = scripted_submit(
		kernel, a10_all(a10_recv(FD, buf, 10, 0)), &notes);
	struct scripted_request *recv = scripted_next(kernel, URING_OP_RECV);

	kernel->hold_cancels = true;
	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
	scripted_settle(kernel);
	scripted_post(kernel, recv, 4, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert_uint_eq(notes.at[0].count, 4);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(all_goes_on_after_an_interrupt_in_the_middle)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *read;
	char buf[10];

	scripted_submit(kernel, a10_all(a10_pread(FD, buf, 10, 0)), &notes);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 4, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), -EINTR,
			0);
	read = scripted_next(kernel, URING_OP_READ);
	ck_assert_uint_eq(read->sqe.off, 4);
	ck_assert_uint_eq(read->sqe.len, 6);
	ck_assert_ptr_eq(address_of(read), buf + 4);
	scripted_answer(kernel, read, 6, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	scripted_destroy(kernel);
}

TEST(all_of_more_than_a_request_can_do_is_several_requests)
{
	const uint64_t size = UINT64_C(5) << 30;
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	uint64_t left = size;
	char *memory = mmap(NULL, size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	scripted_submit(kernel, a10_all(a10_pwrite(FD, memory, size, 7)),
			&notes);
	while (left > 0) {
		const uint64_t most =
			left < A10_LENGTH_MAX ? left : A10_LENGTH_MAX;
		struct scripted_request *write =
			scripted_next(kernel, URING_OP_WRITE);

		ck_assert_ptr_eq(address_of(write), memory + (size - left));
		ck_assert_uint_eq(write->sqe.off, 7 + size - left);
		ck_assert_uint_eq(write->sqe.len, most);
		scripted_answer(kernel, write, (int32_t)most, 0);
		left -= most;
	}
	ck_assert_int_eq(notes_only(&notes)->value, (int64_t)size);
	scripted_destroy(kernel);
	munmap(memory, size);
}

TEST(all_of_a_vector_goes_on_inside_it_and_leaves_the_callers_array_alone)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char a[3], b[5], c[4];
	struct iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 5 }, { c, 4 } };
	const struct iovec same[] = {
		{ a, 3 }, { NULL, 0 }, { b, 5 }, { c, 4 }
	};
	const char *expected[12];
	const char *seen[12];
	uint32_t done = 0;

	ck_assert_uint_eq(flatten(iov, 4, expected), 12);
	scripted_submit(kernel, a10_all(a10_preadv2(FD, iov, 4, 50, 0)),
			&notes);
	ck_assert_mem_eq(iov, same, sizeof(iov));
	for (uint32_t step = 5; done < 12; step = 3) {
		struct scripted_request *read =
			scripted_next(kernel, URING_OP_READV);

		ck_assert_uint_eq(read->sqe.off, 50 + done);
		ck_assert_uint_eq(flatten(address_of(read), read->sqe.len,
					  seen),
				  12 - done);
		ck_assert_mem_eq(seen, expected + done,
				 (12 - done) * sizeof(*seen));
		step = step < 12 - done ? step : 12 - done;
		scripted_answer(kernel, read, (int32_t)step, 0);
		done += step;
	}
	ck_assert_int_eq(notes_only(&notes)->value, 12);
	ck_assert_mem_eq(iov, same, sizeof(iov));
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* Descriptors in control data would arrive twice. */
TEST(all_of_a_message_sends_its_control_data_once)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char a[] = "abc", b[] = "defgh";
	struct iovec iov[] = { { a, 3 }, { b, 5 } };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	const struct msghdr header = { .msg_iov = iov,
				       .msg_iovlen = 2,
				       .msg_control = &control,
				       .msg_controllen = sizeof(control) };
	struct scripted_request *send;
	const struct msghdr *seen;
	const char *bytes[8];

	scripted_submit(kernel, a10_all(a10_sendmsg(FD, &header, 0)), &notes);
	send = scripted_next(kernel, URING_OP_SENDMSG);
	seen = address_of(send);
	ck_assert_uint_eq(seen->msg_controllen, sizeof(control));
	scripted_answer(kernel, send, 4, 0);
	send = scripted_next(kernel, URING_OP_SENDMSG);
	seen = address_of(send);
	ck_assert_uint_eq(seen->msg_controllen, 0);
	ck_assert_uint_eq(flatten(seen->msg_iov, seen->msg_iovlen, bytes), 4);
	ck_assert_ptr_eq(bytes[0], b + 1);
	scripted_answer(kernel, send, 4, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 8);
	scripted_destroy(kernel);
}

TEST(sendmsgs_control_data_is_read_late_and_so_kept_until_delivery)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = 77 };
	struct iovec iov = { "abc", 3 };
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr header = { .msg_name = &to,
				 .msg_namelen = sizeof(to),
				 .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct scripted_request *send;
	const struct msghdr *seen;

	memset(control, 0x11, sizeof(control));
	a10_submit(kernel->sq, a10_sendmsg(FD, &header, 0), notes_take, &notes);
	memset(control, 0xee, sizeof(control));
	memset(&to, 0xee, sizeof(to));
	memset(&iov, 0xee, sizeof(iov));
	memset(&header, 0xee, sizeof(header));
	scripted_settle(kernel);
	send = scripted_next(kernel, URING_OP_SENDMSG);
	/* A wait for room in the socket, and only then does it look. */
	scripted_pass(kernel, A10_SECOND);
	seen = address_of(send);
	ck_assert_uint_eq(seen->msg_controllen, sizeof(control));
	for (size_t i = 0; i < sizeof(control); i++)
		ck_assert_int_eq(((const char *)seen->msg_control)[i], 0x11);
	ck_assert_uint_eq(
		((const struct sockaddr_in *)seen->msg_name)->sin_port, 77);
	ck_assert_uint_eq(seen->msg_iov[0].iov_len, 3);
	scripted_answer(kernel, send, 3, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 3);
	scripted_destroy(kernel);
}

TEST(what_recvmsg_writes_arrives_in_the_lent_header)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct sockaddr_storage name;
	char data[10], control[64];
	struct iovec iov = { data, 10 };
	struct msghdr header = { .msg_name = &name,
				 .msg_namelen = sizeof(name),
				 .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct scripted_request *recv;
	struct msghdr *seen;

	a10_submit(kernel->sq, a10_recvmsg(FD, &header, 0), notes_take, &notes);
	memset(&iov, 0xee, sizeof(iov)); /* the array was copied */
	scripted_settle(kernel);
	recv = scripted_next(kernel, URING_OP_RECVMSG);
	seen = (struct msghdr *)(uintptr_t)recv->sqe.addr;
	ck_assert_ptr_eq(seen->msg_name, &name);
	ck_assert_ptr_eq(seen->msg_control, control);
	ck_assert_ptr_eq(seen->msg_iov[0].iov_base, data);
	seen->msg_namelen = 16;
	seen->msg_controllen = 20;
	seen->msg_flags = MSG_TRUNC;
	scripted_answer(kernel, recv, 10, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	ck_assert_uint_eq(header.msg_namelen, 16);
	ck_assert_uint_eq(header.msg_controllen, 20);
	ck_assert_int_eq(header.msg_flags, MSG_TRUNC);
	ck_assert_ptr_eq(header.msg_iov, &iov);
	ck_assert_uint_eq(header.msg_iovlen, 1);
	scripted_destroy(kernel);
}

/* The word that is a file's offset elsewhere is an address here. */
TEST(all_of_a_sendto_goes_to_the_same_address)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct a10_address to = { .length = sizeof(to.as.in) };
	struct scripted_request *send;
	const struct sockaddr_in *seen;

	to.as.in.sin_port = 77;
	a10_submit(kernel->sq, a10_all(a10_sendto(FD, "abcd", 4, 0, &to)),
		   notes_take, &notes);
	memset(&to, 0xee, sizeof(to));
	scripted_settle(kernel);
	for (int i = 0; i < 2; i++) {
		send = scripted_next(kernel, URING_OP_SEND);
		seen = (void *)(uintptr_t)send->sqe.off;
		ck_assert_uint_eq(seen->sin_port, 77);
		ck_assert_int_eq(send->sqe.file_index, sizeof(*seen));
		scripted_answer(kernel, send, 2, 0);
	}
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	scripted_destroy(kernel);
}

/* On a socket in use a path, an address or a time is long gone by then. */
TEST(a_restart_uses_the_copy_of_what_the_verb_was_given)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	char path[] = "/some/path";

	a10_submit(kernel->sq, a10_openat(A10_CWD, path, O_RDONLY, 0),
		   notes_take, &notes);
	memset(path, 'x', sizeof(path) - 1);
	scripted_settle(kernel);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_OPENAT), -EINTR,
			0);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_str_eq(address_of(scripted_next(kernel, URING_OP_OPENAT)),
			 "/some/path");
	scripted_destroy(kernel);
}

TEST(flags_of_a_send_are_those_of_all_its_parts)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct iovec iov = { (char[10]){ 0 }, 10 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct scripted_request *send;

	scripted_submit(kernel, a10_all(a10_sendmsg(FD, &header, MSG_MORE)),
			&notes);
	send = scripted_next(kernel, URING_OP_SENDMSG);
	ck_assert_uint_eq(send->sqe.op_flags & MSG_MORE, MSG_MORE);
	scripted_answer(kernel, send, 4, 0);
	send = scripted_next(kernel, URING_OP_SENDMSG);
	ck_assert_uint_eq(send->sqe.op_flags & (MSG_MORE | MSG_NOSIGNAL),
			  MSG_MORE | MSG_NOSIGNAL);
	scripted_answer(kernel, send, 6, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	scripted_destroy(kernel);
}
