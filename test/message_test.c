/* Sending and receiving: streams, datagrams, headers, control data, pools. */
#include "support.h"

static int datagram_open(struct a10_address *ret_address)
{
	int number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_address = loopback(0);
	ck_assert_int_ge(number, 0);
	ck_assert_int_eq(
		bind(number, &ret_address->as.any, ret_address->length), 0);
	ck_assert_int_eq(getsockname(number, &ret_address->as.any,
				     &ret_address->length),
			 0);
	return number;
}

TEST(send_and_recv_move_bytes)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct pair pair;
		char bytes[16] = "";

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(
			value_of(ring, a10_send(pair.ours, "hello", 5, 0)), 5);
		ck_assert_int_eq(recv(pair.theirs, bytes, 16, 0), 5);
		ck_assert_mem_eq(bytes, "hello", 5);
		ck_assert_int_eq(send(pair.theirs, "abcdef", 6, 0), 6);
		ck_assert_int_eq(
			value_of(ring, a10_recv(pair.ours, bytes, 3, MSG_PEEK)),
			3);
		ck_assert_int_eq(
			value_of(ring, a10_recv(pair.ours, bytes, 4, 0)), 4);
		ck_assert_mem_eq(bytes, "abcd", 4);
		ck_assert_int_eq(
			value_of(ring, a10_recv(pair.ours, bytes, 16, 0)), 2);
		ck_assert_mem_eq(bytes, "ef", 2);
		ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "", 0, 0)),
				 0);
		ck_assert_int_eq(close(pair.theirs), 0);
		pair.theirs = -1;
		ck_assert_int_eq(
			value_of(ring, a10_recv(pair.ours, bytes, 16, 0)), 0);
		/* And no SIGPIPE, which would end this test. */
		ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "x", 1, 0)),
				 -EPIPE);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(recv_that_must_not_wait_says_so)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct pair pair;
		char byte;

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(value_of(ring, a10_recv(pair.ours, &byte, 1,
							 MSG_DONTWAIT)),
				 -EAGAIN);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_nonblocking_socket_waits_all_the_same)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	struct pair pair;
	char byte = 0;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(fcntl(a10_fd_number(pair.ours), F_SETFL, O_NONBLOCK),
			 0);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(send(pair.theirs, "x", 1, 0), 1);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_int_eq(byte, 'x');
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(what_is_no_socket_is_enotsock)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address address = loopback(9);
	struct iovec iov;
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	char byte = 0;
	int ends[2];

	iov.iov_base = &byte;
	iov.iov_len = 1;
	pipe_open(ends);
	for (int closed = 0; closed < 2; closed++) {
		struct a10_fd fd = a10_fd_regular(closed ? 9999 : ends[0]);
		ssize_t value = closed ? -EBADF : -ENOTSOCK;

		ck_assert_int_eq(value_of(ring, a10_send(fd, &byte, 1, 0)),
				 value);
		ck_assert_int_eq(
			value_of(ring, a10_sendto(fd, &byte, 1, 0, &address)),
			value);
		ck_assert_int_eq(value_of(ring, a10_recv(fd, &byte, 1, 0)),
				 value);
		ck_assert_int_eq(value_of(ring, a10_sendmsg(fd, &header, 0)),
				 value);
		ck_assert_int_eq(value_of(ring, a10_recvmsg(fd, &header, 0)),
				 value);
	}
	pipe_close(ends);
	ring_close(ring);
}

TEST(sendto_reaches_the_address)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address to[2];
	struct a10_address unused;
	int theirs[2] = { datagram_open(&to[0]), datagram_open(&to[1]) };
	int ours = datagram_open(&unused);
	char bytes[8];

	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(value_of(ring,
					  a10_sendto(a10_fd_regular(ours),
						     i % 2 ? "odd" : "even", 3,
						     0, &to[i % 2])),
				 3);
		ck_assert_int_eq(recv(theirs[i % 2], bytes, 8, 0), 3);
		ck_assert_mem_eq(bytes, i % 2 ? "odd" : "eve", 3);
	}
	ck_assert_int_eq(close(ours), 0);
	ck_assert_int_eq(close(theirs[0]), 0);
	ck_assert_int_eq(close(theirs[1]), 0);
	ring_close(ring);
}

TEST(sendmsg_and_recvmsg_carry_addresses)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address to;
	struct a10_address from;
	struct a10_address told;
	int theirs = datagram_open(&to);
	int ours = datagram_open(&from);
	char a[4] = "ab";
	char b[4] = "cde";
	char got[3] = "";
	char rest[16] = "";
	struct iovec out[2] = { { a, 2 }, { b, 3 } };
	struct iovec in[2] = { { got, 3 }, { rest, 16 } };
	struct msghdr send_header = { .msg_name = &to.as.any,
				      .msg_namelen = to.length,
				      .msg_iov = out,
				      .msg_iovlen = 2 };
	struct msghdr header = { .msg_name = &told.as.any,
				 .msg_namelen = sizeof(told.as),
				 .msg_iov = in,
				 .msg_iovlen = 2,
				 .msg_flags = ~0 };

	ck_assert_int_eq(value_of(ring, a10_sendmsg(a10_fd_regular(ours),
						    &send_header, 0)),
			 5);
	ck_assert_int_eq(
		value_of(ring, a10_recvmsg(a10_fd_regular(theirs), &header, 0)),
		5);
	ck_assert_mem_eq(got, "abc", 3);
	ck_assert_mem_eq(rest, "de", 2);
	ck_assert_uint_eq(header.msg_namelen, from.length);
	ck_assert_int_eq(told.as.in.sin_port, from.as.in.sin_port);
	ck_assert_int_eq(header.msg_flags & MSG_TRUNC, 0);
	/* The header is the caller's: what it names is what it named. */
	ck_assert_ptr_eq(header.msg_iov, in);
	ck_assert_ptr_eq(header.msg_name, &told.as.any);
	ck_assert_uint_eq(header.msg_iovlen, 2);
	/* What does not fit is cut, and the header tells. */
	header.msg_namelen = sizeof(told.as);
	header.msg_iovlen = 1;
	ck_assert_int_eq(value_of(ring, a10_sendmsg(a10_fd_regular(ours),
						    &send_header, 0)),
			 5);
	ck_assert_int_eq(
		value_of(ring, a10_recvmsg(a10_fd_regular(theirs), &header, 0)),
		3);
	ck_assert_int_ne(header.msg_flags & MSG_TRUNC, 0);
	ck_assert_int_eq(close(ours), 0);
	ck_assert_int_eq(close(theirs), 0);
	ring_close(ring);
}

/* Room for one descriptor in control data, aligned as it must be. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void control_hold(union control *control, struct msghdr *header,
			 int number)
{
	struct cmsghdr *message;

	memset(control, 0, sizeof(*control));
	header->msg_control = control;
	header->msg_controllen = sizeof(*control);
	message = CMSG_FIRSTHDR(header);
	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(message), &number, sizeof(int));
}

TEST(a_descriptor_is_passed_in_control_data)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		char byte = 'x';
		struct iovec iov = { &byte, 1 };
		struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct msghdr got = { .msg_iov = &iov, .msg_iovlen = 1 };
		struct cmsghdr *message;
		union control control;
		union control room;
		struct pair pair;
		int ends[2];
		int passed;

		pipe_open(ends);
		pair_open(ring, direct, &pair);
		control_hold(&control, &header, ends[1]);
		/* There, by a plain call; and back, by ours. */
		ck_assert_int_eq(
			value_of(ring, a10_sendmsg(pair.ours, &header, 0)), 1);
		got.msg_control = &room;
		got.msg_controllen = sizeof(room);
		ck_assert_int_eq(recvmsg(pair.theirs, &got, MSG_CMSG_CLOEXEC),
				 1);
		message = CMSG_FIRSTHDR(&got);
		ck_assert_ptr_nonnull(message);
		memcpy(&passed, CMSG_DATA(message), sizeof(int));
		control_hold(&control, &header, passed);
		ck_assert_int_eq(sendmsg(pair.theirs, &header, 0), 1);
		ck_assert_int_eq(close(passed), 0);
		memset(&room, 0, sizeof(room));
		got.msg_control = &room;
		got.msg_controllen = sizeof(room);
		ck_assert_int_eq(value_of(ring, a10_recvmsg(pair.ours, &got,
							    MSG_CMSG_CLOEXEC)),
				 1);
		ck_assert_uint_eq(got.msg_controllen, sizeof(room.bytes));
		message = CMSG_FIRSTHDR(&got);
		ck_assert_ptr_nonnull(message);
		ck_assert_int_eq(message->cmsg_type, SCM_RIGHTS);
		memcpy(&passed, CMSG_DATA(message), sizeof(int));
		ck_assert_int_eq(write(passed, "y", 1), 1);
		ck_assert_int_eq(read(ends[0], &byte, 1), 1);
		ck_assert_int_eq(byte, 'y');
		ck_assert_int_eq(close(passed), 0);
		pipe_close(ends);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(recvmsg_waits_and_then_fills_the_header)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address to;
	struct a10_address from;
	struct a10_address told;
	int theirs = datagram_open(&from);
	int ours = datagram_open(&to);
	char bytes[8];
	struct iovec iov = { bytes, 8 };
	struct msghdr header = { .msg_name = &told.as.any,
				 .msg_namelen = sizeof(told.as),
				 .msg_iov = &iov,
				 .msg_iovlen = 1 };
	struct seen seen;

	start(ring, a10_recvmsg(a10_fd_regular(ours), &header, 0), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(sendto(theirs, "late", 4, 0, &to.as.any, to.length),
			 4);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 4);
	ck_assert_mem_eq(bytes, "late", 4);
	ck_assert_uint_eq(header.msg_namelen, sizeof(struct sockaddr_in));
	ck_assert_int_eq(told.as.in.sin_port, from.as.in.sin_port);
	ck_assert_int_eq(close(ours), 0);
	ck_assert_int_eq(close(theirs), 0);
	ring_close(ring);
}

TEST(recv_pooled_brings_a_buffer_when_there_is_data)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(ring, 4, 1024, 0, &pool), 0);
	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;

		pair_open(ring, direct, &pair);
		start(ring, a10_recv_pooled(pair.ours, pool, 0), &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		/* It is picked when there is data, not before. */
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		ck_assert_int_eq(send(pair.theirs, "some data", 9, 0), 9);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 9);
		ck_assert_uint_eq(seen.last.buf.length, 9);
		ck_assert_ptr_eq(seen.last.buf.pool, pool);
		ck_assert_mem_eq(seen.last.buf.data, "some data", 9);
		ck_assert_uint_eq(a10_pool_available(pool), 3);
		a10_buf_release(seen.last.buf);
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		ck_assert_int_eq(close(pair.theirs), 0);
		pair.theirs = -1;
		ck_assert_int_eq(
			value_of(ring, a10_recv_pooled(pair.ours, pool, 0)), 0);
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_receive_waits_for_a_buffer_of_an_empty_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	struct a10_result first;
	struct seen seen;
	struct pair pair;

	ck_assert_int_eq(a10_pool_create(ring, 1, 1024, 0, &pool), 0);
	pair_open(ring, false, &pair);
	ck_assert_int_eq(send(pair.theirs, "one", 3, 0), 3);
	first = result_of(ring, a10_recv_pooled(pair.ours, pool, 0));
	ck_assert_int_eq(first.value, 3);
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	ck_assert_int_eq(send(pair.theirs, "two", 3, 0), 3);
	start(ring, a10_recv_pooled(pair.ours, pool, 0), &seen);
	run_for(ring, A_MOMENT);
	/* A single receive may say -ENOBUFS, but it loses nothing by it. */
	if (seen.ended == 1) {
		ck_assert_int_eq(seen.last.value, -ENOBUFS);
		ck_assert_ptr_null(seen.last.buf.data);
		a10_buf_release(first.buf);
		start(ring, a10_recv_pooled(pair.ours, pool, 0), &seen);
	} else {
		a10_buf_release(first.buf);
	}
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 3);
	ck_assert_mem_eq(seen.last.buf.data, "two", 3);
	a10_buf_release(seen.last.buf);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(nonempty_tells_that_there_is_more)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	struct a10_result result;
	struct a10_fd client;
	struct a10_fd server;
	char bytes[8];
	char text[64];

	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	a10_address_format(&address, text, sizeof(text));
	client = fd_of(ring, a10_connect_to(text, 0));
	server = fd_of(ring, a10_accept(listener, NULL, 0));
	ck_assert_int_eq(value_of(ring, a10_send(client, "123456", 6, 0)), 6);
	result = result_of(ring, a10_recv(server, bytes, 4, 0));
	ck_assert_int_eq(result.value, 4);
	ck_assert_uint_ne(result.flags & A10_RESULT_NONEMPTY, 0);
	result = result_of(ring, a10_recv(server, bytes, 2, 0));
	ck_assert_int_eq(result.value, 2);
	ck_assert_uint_eq(result.flags & A10_RESULT_NONEMPTY, 0);
	fd_close(ring, client);
	fd_close(ring, server);
	fd_close(ring, listener);
	ring_close(ring);
}
