/* What sockets are set to, and who they are. */
#include "support.h"

#include "ring/core.h"

struct line {
	struct a10_fd fd; /* ours, perhaps direct */
	int ours, theirs;
	struct a10_address our_name, their_name;
};

static void line_open(struct a10_ring *ring, bool direct, struct line *line)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t length = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(
		getsockname(listener, (struct sockaddr *)&name, &length), 0);
	line->ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(line->ours, (struct sockaddr *)&name, length),
			 0);
	line->theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(line->theirs, 0);
	ck_assert_int_eq(close(listener), 0);
	line->our_name.length = sizeof(line->our_name.as);
	ck_assert_int_eq(getsockname(line->ours, &line->our_name.as.any,
				     &line->our_name.length),
			 0);
	line->their_name.length = sizeof(line->their_name.as);
	ck_assert_int_eq(getpeername(line->ours, &line->their_name.as.any,
				     &line->their_name.length),
			 0);
	line->fd = a10_fd_regular(line->ours);
	if (direct)
		line->fd = fd_of(ring, a10_fd_register(line->fd));
}

static void line_close(struct a10_ring *ring, struct line *line)
{
	if (a10_fd_is_direct(line->fd))
		fd_close(ring, line->fd);
	ck_assert_int_eq(close(line->ours), 0);
	ck_assert_int_eq(close(line->theirs), 0);
}

/*
 * Of both kinds of descriptors. A direct one needs a kernel that has the
 * command (6.7), or can lend a regular one (6.8).
 */
static void with_lines(void (*body)(struct a10_ring *ring, struct line *line))
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct line line;

		line_open(ring, direct, &line);
		if (direct && !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
			ck_assert_int_eq(
				value_of(ring, a10_sockopt_no_delay(line.fd)),
				-EOPNOTSUPP);
		else
			body(ring, &line);
		line_close(ring, &line);
	}
	ring_close(ring);
}

static void test_told(struct a10_ring *ring, struct line *line)
{
	struct a10_fd fd = line->fd;

	ck_assert_int_eq(value_of(ring, a10_sockopt_type(fd)), SOCK_STREAM);
	ck_assert_int_eq(value_of(ring, a10_sockopt_domain(fd)), AF_INET);
	ck_assert_int_eq(value_of(ring, a10_sockopt_protocol(fd)), IPPROTO_TCP);
	ck_assert_int_eq(value_of(ring, a10_sockopt_accepts(fd)), 0);
	ck_assert_int_eq(value_of(ring, a10_sockopt_error(fd)), 0);
	ck_assert_int_eq(value_of(ring, a10_sockopt_send_low_water(fd)), 1);
}

TEST(a_socket_tells_what_it_is)
{
	with_lines(test_told);
}

static void test_set(struct a10_ring *ring, struct line *line)
{
	struct a10_fd fd = line->fd;
	const struct {
		struct a10_op set, get;
		int value;
	} rows[] = {
		{ a10_sockopt_set_keep_alive(fd, true),
		  a10_sockopt_keep_alive(fd), 1 },
		{ a10_sockopt_set_reuse_address(fd, true),
		  a10_sockopt_reuse_address(fd), 1 },
		{ a10_sockopt_set_reuse_port(fd, true),
		  a10_sockopt_reuse_port(fd), 1 },
		{ a10_sockopt_set_receive_buffer(fd, 10000),
		  a10_sockopt_receive_buffer(fd), 20000 },
		{ a10_sockopt_set_send_buffer(fd, 10000),
		  a10_sockopt_send_buffer(fd), 20000 },
		{ a10_sockopt_set_receive_low_water(fd, 7),
		  a10_sockopt_receive_low_water(fd), 7 },
		{ a10_sockopt_set_no_delay(fd, true), a10_sockopt_no_delay(fd),
		  1 },
		{ a10_sockopt_set_cork(fd, true), a10_sockopt_cork(fd), 1 },
		{ a10_sockopt_set_keep_alive_count(fd, 5),
		  a10_sockopt_keep_alive_count(fd), 5 },
		{ a10_sockopt_set_keep_alive_idle(fd, 60),
		  a10_sockopt_keep_alive_idle(fd), 60 },
		{ a10_sockopt_set_keep_alive_interval(fd, 9),
		  a10_sockopt_keep_alive_interval(fd), 9 },
		{ a10_sockopt_set_incoming_cpu(fd, 0),
		  a10_sockopt_incoming_cpu(fd), 0 },
		{ a10_sockopt_set_no_delay(fd, false), a10_sockopt_no_delay(fd),
		  0 },
		{ a10_sockopt_set(fd, IPPROTO_IP, IP_TTL, 33),
		  a10_sockopt_get(fd, IPPROTO_IP, IP_TTL), 33 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(value_of(ring, rows[i].set), 0);
		ck_assert_msg(value_of(ring, rows[i].get) == rows[i].value,
			      "row %zu", i);
	}
}

TEST(each_option_is_set_and_told)
{
	with_lines(test_set);
}

static void test_bytes(struct a10_ring *ring, struct line *line)
{
	struct linger linger = { 0, 0 };
	struct tcp_info info;
	int value = 44;

	ck_assert_int_eq(
		value_of(ring, a10_sockopt_set_linger(line->fd, true, 12)), 0);
	ck_assert_int_eq(value_of(ring, a10_sockopt_linger(line->fd, &linger)),
			 sizeof(linger));
	ck_assert_int_eq(linger.l_onoff, 1);
	ck_assert_int_eq(linger.l_linger, 12);
	ck_assert_int_gt(value_of(ring, a10_getsockopt(line->fd, IPPROTO_TCP,
						       TCP_INFO, &info,
						       sizeof(info))),
			 0);
	ck_assert_uint_eq(info.tcpi_state, TCP_ESTABLISHED);
	ck_assert_int_eq(value_of(ring,
				  a10_setsockopt(line->fd, IPPROTO_IP, IP_TTL,
						 &value, sizeof(value))),
			 0);
	value = 0;
	ck_assert_int_eq(value_of(ring,
				  a10_getsockopt(line->fd, IPPROTO_IP, IP_TTL,
						 &value, sizeof(value))),
			 sizeof(value));
	ck_assert_int_eq(value, 44);
}

TEST(options_that_are_no_numbers_are_bytes)
{
	with_lines(test_bytes);
}

static void test_refused(struct a10_ring *ring, struct line *line)
{
	int value = 1;

	ck_assert_int_eq(value_of(ring,
				  a10_sockopt_get(line->fd, SOL_SOCKET, 9999)),
			 -ENOPROTOOPT);
	ck_assert_int_eq(
		value_of(ring, a10_sockopt_set(line->fd, IPPROTO_TCP, 9999, 1)),
		-ENOPROTOOPT);
	ck_assert_int_eq(value_of(ring, a10_sockopt_set(line->fd, IPPROTO_TCP,
							TCP_KEEPCNT, -1)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring,
				  a10_setsockopt(line->fd, SOL_SOCKET,
						 SO_KEEPALIVE, &value, 1)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring,
				    a10_setsockopt(line->fd, SOL_SOCKET,
						   SO_KEEPALIVE, NULL, 4)),
			 -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_getsockopt(line->fd, SOL_SOCKET,
							 SO_LINGER, NULL, 64)),
			 -EFAULT);
}

TEST(an_option_that_is_none_is_what_the_system_call_says)
{
	struct a10_ring *ring = ring_open(NULL);
	int ends[2];

	with_lines(test_refused);
	pipe_open(ends);
	ck_assert_int_eq(value_of(ring,
				  a10_sockopt_type(a10_fd_regular(ends[0]))),
			 -ENOTSOCK);
	ck_assert_int_eq(value_of(ring, a10_sockopt_type(a10_fd_regular(9999))),
			 -EBADF);
	pipe_close(ends);
	ring_close(ring);
}

TEST(the_value_of_an_option_may_be_freed_when_the_verb_returns)
{
	struct a10_ring *ring = ring_open(NULL);
	struct line line;
	struct seen seen;
	int value = 1;

	line_open(ring, false, &line);
	start(ring,
	      a10_setsockopt(line.fd, SOL_SOCKET, SO_KEEPALIVE, &value,
			     sizeof(value)),
	      &seen);
	value = 0;
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_int_eq(value_of(ring, a10_sockopt_keep_alive(line.fd)), 1);
	line_close(ring, &line);
	ring_close(ring);
}

static void test_names(struct a10_ring *ring, struct line *line)
{
	struct a10_address name;

	memset(&name, 0xff, sizeof(name));
	ck_assert_int_eq(value_of(ring, a10_getsockname(line->fd, &name)), 0);
	ck_assert_uint_eq(name.length, line->our_name.length);
	ck_assert_mem_eq(&name.as, &line->our_name.as, name.length);
	ck_assert_int_eq(value_of(ring, a10_getpeername(line->fd, &name)), 0);
	ck_assert_uint_eq(name.length, line->their_name.length);
	ck_assert_mem_eq(&name.as, &line->their_name.as, name.length);
}

TEST(both_ends_of_a_socket_have_their_names)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address name;
	struct a10_fd fd = fd_of(ring, a10_socket(AF_INET, SOCK_STREAM, 0));

	with_lines(test_names);
	ck_assert_int_eq(value_of(ring, a10_getpeername(fd, &name)), -ENOTCONN);
	ck_assert_int_eq(value_of(ring,
				  a10_getsockname(a10_fd_regular(9999), &name)),
			 -EBADF);
	fd_close(ring, fd);
	ring_close(ring);
}

static void test_queues(struct a10_ring *ring, struct line *line)
{
	ck_assert_int_eq(value_of(ring, a10_socket_unread(line->fd)), 0);
	ck_assert_int_eq(send(line->theirs, "abc", 3, 0), 3);
	WAIT_UNTIL(value_of(ring, a10_socket_unread(line->fd)) == 3);
	ck_assert_int_ge(value_of(ring, a10_socket_unsent(line->fd)), 0);
}

TEST(what_a_socket_has_not_read_and_sent_is_told)
{
	with_lines(test_queues);
}

/* Whoever has the commands of sockets has them all by system call too. */
TEST(what_the_commands_say_the_system_calls_say)
{
	struct a10_ring *ring = ring_open_direct(4);

	ring_needs(ring, A10_OPCODE_FIXED_FD_INSTALL);
	ring->grant.opcodes[0] &= ~(UINT64_C(1) << A10_OPCODE_URING_CMD);
	for (int direct = 0; direct < 2; direct++) {
		struct line line;
		unsigned int before;

		line_open(ring, direct, &line);
		before = open_descriptors();
		test_told(ring, &line);
		test_set(ring, &line);
		test_bytes(ring, &line);
		test_refused(ring, &line);
		test_names(ring, &line);
		test_queues(ring, &line);
		ck_assert_uint_eq(open_descriptors(), before);
		line_close(ring, &line);
	}
	ring_close(ring);
}
