/* Messages with senders and control data, and such as are not copied. */
#include "support.h"

#include <netinet/in.h>

/* Two plain UDP sockets, the second connected to nobody. */
static int udp_open(struct a10_address *ret_address)
{
	int number = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->as.in.sin_family = AF_INET;
	ret_address->as.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret_address->length = sizeof(ret_address->as.in);
	ck_assert_int_eq(
		bind(number, &ret_address->as.any, ret_address->length), 0);
	ck_assert_int_eq(getsockname(number, &ret_address->as.any,
				     &ret_address->length),
			 0);
	return number;
}

static struct a10_fd fd_of_number(struct a10_ring *ring, int number,
				  bool direct)
{
	struct a10_fd fd = a10_fd_regular(number);

	return direct ? fd_of(ring, a10_fd_register(fd)) : fd;
}

struct udp {
	int ours, theirs;
	struct a10_fd fd; /* ours, perhaps as a direct one */
	struct a10_address our_name, their_name;
};

static void udp_pair(struct a10_ring *ring, bool direct, struct udp *ret_udp)
{
	ret_udp->ours = udp_open(&ret_udp->our_name);
	ret_udp->theirs = udp_open(&ret_udp->their_name);
	ret_udp->fd = fd_of_number(ring, ret_udp->ours, direct);
}

static void udp_end(struct a10_ring *ring, struct udp *udp)
{
	if (a10_fd_is_direct(udp->fd))
		fd_close(ring, udp->fd);
	ck_assert_int_eq(close(udp->ours), 0);
	ck_assert_int_eq(close(udp->theirs), 0);
}

static void tell(const struct udp *udp, const char *text, size_t length)
{
	ck_assert_int_eq(sendto(udp->theirs, text, length, 0,
				&udp->our_name.as.any, udp->our_name.length),
			 (ssize_t)length);
}

TEST(a_datagram_says_who_sent_it)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_address from;
		char bytes[8] = "";
		struct seen seen;
		struct udp udp;

		memset(&from, 0xff, sizeof(from));
		udp_pair(ring, direct, &udp);
		start(ring, a10_recvfrom(udp.fd, bytes, 8, 0, &from), &seen);
		run_for(ring, A_MOMENT);
		ck_assert_uint_eq(seen.count, 0);
		tell(&udp, "abc", 3);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, 3);
		ck_assert_str_eq(bytes, "abc");
		ck_assert_uint_eq(from.length, udp.their_name.length);
		ck_assert_mem_eq(&from.as, &udp.their_name.as, from.length);
		/* And back. */
		ck_assert_int_eq(value_of(ring,
					  a10_sendto(udp.fd, "d", 1, 0, &from)),
				 1);
		ck_assert_int_eq(recv(udp.theirs, bytes, 8, 0), 1);
		ck_assert_int_eq(value_of(ring,
					  a10_recvfrom(udp.fd, bytes, 8,
						       MSG_DONTWAIT, &from)),
				 -EAGAIN);
		udp_end(ring, &udp);
	}
	ring_close(ring);
}

/* What is told of beyond the buffer is nowhere; tools must not look for it. */
TEST(a_datagram_that_is_cut_tells_its_length)
{
	struct a10_ring *ring = ring_open(NULL);
	char sent[500] = "", byte, *got = malloc(10);
	struct a10_address from;
	int ends[2];

	ck_assert_ptr_nonnull(got);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], sent, sizeof(sent)), sizeof(sent));
	ck_assert_int_eq(write(ends[1], sent, sizeof(sent)), sizeof(sent));
	ck_assert_int_eq(value_of(ring,
				  a10_recvfrom(a10_fd_regular(ends[0]), got, 10,
					       MSG_TRUNC, &from)),
			 sizeof(sent));
	ck_assert_int_eq(value_of(ring, a10_recv(a10_fd_regular(ends[0]), &byte,
						 1, MSG_TRUNC)),
			 sizeof(sent));
	free(got);
	pipe_close(ends);
	ring_close(ring);
}

TEST(recvfrom_is_cancelled_and_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address from;
	struct seen seen;
	struct udp udp;
	char byte;
	a10_id id;

	udp_pair(ring, false, &udp);
	id = start(ring, a10_recvfrom(udp.fd, &byte, 1, 0, &from), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_eq(refusal_of(ring,
				    a10_recvfrom(udp.fd, &byte, 1, 0, NULL)),
			 -EFAULT);
	ck_assert_int_eq(value_of(ring, a10_recvfrom(a10_fd_regular(9999),
						     &byte, 1, 0, &from)),
			 -EBADF);
	udp_end(ring, &udp);
	ring_close(ring);
}

/* ---- many messages, each with what comes before it ----------------------- */

struct messages {
	unsigned int count;
	unsigned int empty;
	char text[16];
	struct a10_address from;
	int flags;
	ssize_t end; /* the value of the last result, 1 before */
};

static void on_message(void *data, const struct a10_result *r)
{
	struct messages *messages = data;
	struct a10_message message;

	if (!r->more)
		messages->end = r->value;
	if (!r->buf.data)
		return;
	ck_assert_int_eq(a10_message_parse(r->buf, &message), 0);
	ck_assert_int_eq(r->value, (ssize_t)message.length);
	messages->count++;
	messages->empty += message.length == 0;
	memset(messages->text, 0, sizeof(messages->text));
	memcpy(messages->text, message.data,
	       message.length < 15 ? message.length : 15);
	messages->from.length = message.header.msg_namelen;
	if (message.header.msg_namelen > 0)
		memcpy(&messages->from.as, message.header.msg_name,
		       message.header.msg_namelen);
	messages->flags = message.header.msg_flags;
	a10_buf_release(r->buf);
}

static void test_messages(struct a10_ring *ring, struct a10_pool *pool,
			  bool direct)
{
	struct messages messages = { .end = 1 };
	char large[300];
	struct udp udp;
	a10_id id;

	udp_pair(ring, direct, &udp);
	id = a10_submit(a10_ring_sq(ring),
			a10_multishot(a10_recvmsg_pooled(udp.fd, pool, 0, 0)),
			on_message, &messages);
	ck_assert_int_gt(id, 0);
	tell(&udp, "one", 3);
	RUN_UNTIL(ring, messages.count == 1);
	ck_assert_str_eq(messages.text, "one");
	ck_assert_uint_eq(messages.from.length, udp.their_name.length);
	ck_assert_mem_eq(&messages.from.as, &udp.their_name.as,
			 messages.from.length);
	/* One without bytes is no end. */
	tell(&udp, "", 0);
	tell(&udp, "two", 3);
	RUN_UNTIL(ring, messages.count == 3);
	ck_assert_uint_eq(messages.empty, 1);
	ck_assert_str_eq(messages.text, "two");
	ck_assert_int_eq(messages.flags & MSG_TRUNC, 0);
	/* One that has no room says so. */
	memset(large, 'x', sizeof(large));
	tell(&udp, large, sizeof(large));
	RUN_UNTIL(ring, messages.count == 4);
	ck_assert_int_eq(messages.flags & MSG_TRUNC, MSG_TRUNC);
	/* More than there are buffers. */
	for (int i = 0; i < 20; i++)
		tell(&udp, "many", 4);
	RUN_UNTIL(ring, messages.count == 24);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, messages.end != 1);
	ck_assert_int_eq(messages.end, -ECANCELED);
	ck_assert_uint_eq(a10_pool_available(pool), 8);
	udp_end(ring, &udp);
}

TEST(datagrams_come_one_after_the_other_with_their_senders)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(ring, 8, 256, 0, &pool), 0);
	test_messages(ring, pool, false);
	test_messages(ring, pool, true);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(messages_of_a_stream_end_with_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct messages messages = { .end = 1 };
	struct a10_pool *pool;
	struct pair pair;

	ck_assert_int_eq(a10_pool_create(ring, 8, 256, 0, &pool), 0);
	pair_open(ring, false, &pair);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_multishot(a10_recvmsg_pooled(
					    pair.ours, pool, 64, 0)),
				    on_message, &messages),
			 0);
	ck_assert_int_eq(send(pair.theirs, "abc", 3, 0), 3);
	RUN_UNTIL(ring, messages.count == 1);
	ck_assert_str_eq(messages.text, "abc");
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	RUN_UNTIL(ring, messages.end != 1);
	ck_assert_int_eq(messages.end, 0);
	ck_assert_uint_eq(a10_pool_available(pool), 8);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

static void on_counted(void *data, const struct a10_result *r)
{
	unsigned int *counts = data; /* messages, ends */

	counts[r->more ? 0 : 1]++;
	if (r->buf.data)
		a10_buf_release(r->buf);
}

/* The same of a receive that is not told of senders at all. */
TEST(an_empty_datagram_does_not_end_a_receive)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int counts[2] = { 0, 0 };
	struct a10_pool *pool;
	int ends[2];

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_multishot(a10_recv_pooled(
					    a10_fd_regular(ends[0]), pool, 0)),
				    on_counted, counts),
			 0);
	ck_assert_int_eq(send(ends[1], "a", 1, 0), 1);
	ck_assert_int_eq(send(ends[1], "", 0, 0), 0);
	ck_assert_int_eq(send(ends[1], "", 0, 0), 0);
	ck_assert_int_eq(send(ends[1], "b", 1, 0), 1);
	RUN_UNTIL(ring, counts[0] == 4 || counts[1] > 0);
	ck_assert_uint_eq(counts[1], 0);
	fd_close(ring, a10_fd_regular(ends[0]));
	RUN_UNTIL(ring, counts[1] == 1);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	a10_pool_destroy(pool);
	ring_close(ring);
}

/* Nobody is named who sent it: only the socket's type says what it is. */
TEST(an_empty_message_without_a_sender_is_no_end)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_pool *pool;
	int ends[2];

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	for (int direct = 0; direct < 2; direct++) {
		unsigned int counts[2] = { 0, 0 };
		struct a10_fd fd;

		if (direct && !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
			break;
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC,
					    0, ends),
				 0);
		fd = a10_fd_regular(ends[0]);
		if (direct)
			fd = fd_of(ring, a10_fd_register(fd));
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
					    a10_multishot(a10_recvmsg_pooled(
						    fd, pool, 0, 0)),
					    on_counted, counts),
				 0);
		ck_assert_int_eq(send(ends[1], "a", 1, 0), 1);
		ck_assert_int_eq(send(ends[1], "", 0, 0), 0);
		ck_assert_int_eq(send(ends[1], "b", 1, 0), 1);
		RUN_UNTIL(ring, counts[0] == 3);
		ck_assert_uint_eq(counts[1], 0);
		fd_close(ring, fd);
		RUN_UNTIL(ring, counts[1] == 1);
		if (direct)
			ck_assert_int_eq(close(ends[0]), 0);
		ck_assert_int_eq(close(ends[1]), 0);
	}
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(messages_that_cannot_be_are_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool, *odd, *incremental;
	struct a10_message message;
	struct a10_buf none = { .data = NULL };

	ck_assert_int_eq(a10_pool_create(ring, 2, 200, 0, &pool), 0);
	ck_assert_int_eq(a10_pool_create(ring, 2, 1001, 0, &odd), 0);
	ck_assert_int_eq(a10_pool_create(ring, 2, 8192, A10_POOL_INCREMENTAL,
					 &incremental),
			 0);
	ck_assert_int_eq(refusal_of(ring,
				    a10_recvmsg_pooled(A10_STDIN, pool, 0, 0)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_multishot(a10_recvmsg_pooled(
						  A10_STDIN, pool, 56, 0))),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_multishot(a10_recvmsg_pooled(
						  A10_STDIN, odd, 0, 0))),
			 -EINVAL);
	if (a10_pool_buffer_size(incremental) == 8192)
		ck_assert_int_eq(
			refusal_of(ring,
				   a10_multishot(a10_recvmsg_pooled(
					   A10_STDIN, incremental, 0, 0))),
			-EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_multishot(a10_recvmsg_pooled(
						  A10_STDIN, NULL, 0, 0))),
			 -ENXIO);
	ck_assert_int_eq(value_of(ring, a10_multishot(a10_recvmsg_pooled(
						A10_STDIN, pool, 0, 0))),
			 -ENOTSOCK);
	ck_assert_int_eq(a10_message_parse(none, &message), -EINVAL);
	ring_close(ring);
}

/* ---- descriptors as control data ------------------------------------------ */

static void send_descriptor(int socket_number, int number)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { (char[1]){ 'x' }, 1 };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };

	memset(&control, 0, sizeof(control));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &number, sizeof(number));
	ck_assert_int_eq(sendmsg(socket_number, &header, 0), 1);
}

static void on_rights(void *data, const struct a10_result *r)
{
	struct a10_message message;
	struct cmsghdr *part;

	if (!r->buf.data)
		return;
	ck_assert_int_eq(a10_message_parse(r->buf, &message), 0);
	part = CMSG_FIRSTHDR(&message.header);
	ck_assert_ptr_nonnull(part);
	ck_assert_int_eq(part->cmsg_type, SCM_RIGHTS);
	memcpy(data, CMSG_DATA(part), sizeof(int));
	a10_buf_release(r->buf);
}

TEST(a_descriptor_comes_with_a_message_in_a_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	struct pair pair;
	int got = -1;
	a10_id id;

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	pair_open(ring, false, &pair);
	id = a10_submit(a10_ring_sq(ring),
			a10_multishot(a10_recvmsg_pooled(
				pair.ours, pool, CMSG_SPACE(sizeof(int)),
				MSG_CMSG_CLOEXEC)),
			on_rights, &got);
	send_descriptor(pair.theirs, STDIN_FILENO);
	RUN_UNTIL(ring, got >= 0);
	ck_assert_int_eq(fcntl(got, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(close(got), 0);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(a_descriptor_in_a_message_nobody_wants_is_closed)
{
	struct a10_ring *ring = ring_open(NULL);
	char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct a10_pool *pool;
	struct pair pair;
	unsigned int before;

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	pair_open(ring, false, &pair);
	ring_bind(ring);
	before = open_descriptors();
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_recvmsg(pair.ours, &header, 0), NULL,
				    NULL),
			 0);
	send_descriptor(pair.theirs, STDIN_FILENO);
	RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_multishot(a10_recvmsg_pooled(
					    pair.ours, pool, 64, 0)),
				    NULL, NULL),
			 0);
	send_descriptor(pair.theirs, STDIN_FILENO);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), before);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

/* ---- without copying, from a region --------------------------------------------- */

TEST(a_send_without_copying_comes_from_a_region)
{
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_region *region;
	struct a10_result result;
	unsigned char *data, got[64];
	struct iovec iov[3];
	struct msghdr header = { .msg_iov = iov, .msg_iovlen = 3 };
	struct udp udp;

	ring_needs(ring, A10_OPCODE_SENDMSG_ZC);
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &region), 0);
	data = a10_region_data(region);
	pattern_fill(data, 4096, 0);
	udp_pair(ring, false, &udp);
	ck_assert_int_eq(connect(udp.ours, &udp.their_name.as.any,
				 udp.their_name.length),
			 0);
	result = result_of(
		ring,
		a10_fixed(a10_zero_copy(a10_send(udp.fd, data + 100, 50, 0)),
			  region));
	ck_assert_int_eq(result.value, 50);
	ck_assert_int_eq(recv(udp.theirs, got, sizeof(got), 0), 50);
	pattern_check(got, 50, 100);
	iov[0] = (struct iovec){ data, 10 };
	iov[1] = (struct iovec){ NULL, 0 };
	iov[2] = (struct iovec){ data + 200, 20 };
	result = result_of(
		ring, a10_fixed(a10_zero_copy(a10_sendmsg(udp.fd, &header, 0)),
				region));
	ck_assert_int_eq(result.value, 30);
	ck_assert_int_eq(recv(udp.theirs, got, sizeof(got), 0), 30);
	pattern_check(got + 10, 20, 200);
	ck_assert_int_eq(
		outcome_of(ring,
			   a10_fixed(a10_zero_copy(a10_send(udp.fd, got, 8, 0)),
				     region)),
		-EFAULT);
	ck_assert_int_eq(
		refusal_of(ring,
			   a10_fixed(a10_send(udp.fd, data, 8, 0), region)),
		-EINVAL);
	udp_end(ring, &udp);
	a10_region_destroy(region);
	ring_close(ring);
}
