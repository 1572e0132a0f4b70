/* Sockets are made, bound, connected, accepted and shut down. */
#include "support.h"

#include "backend/kernel/valgrind.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

static struct a10_op with_kind(struct a10_op op, bool direct)
{
	return direct ? a10_direct(op) : op;
}

/* A plain listener on the loopback, and where it listens. */
static int listener_open(int backlog, struct a10_address *ret_address)
{
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = loopback(0);
	ck_assert_int_ge(number, 0);
	ck_assert_int_eq(
		bind(number, &ret_address->as.any, ret_address->length), 0);
	ck_assert_int_eq(listen(number, backlog), 0);
	ck_assert_int_eq(getsockname(number, &ret_address->as.any,
				     &ret_address->length),
			 0);
	return number;
}

static int dial(const struct a10_address *address)
{
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(number, 0);
	ck_assert_int_eq(connect(number, &address->as.any, address->length), 0);
	return number;
}

static void assert_connected(struct a10_ring *ring, struct a10_fd fd, int peer)
{
	char bytes[4] = "";

	ck_assert_int_eq(value_of(ring, a10_send(fd, "ping", 4, 0)), 4);
	ck_assert_int_eq(recv(peer, bytes, 4, MSG_WAITALL), 4);
	ck_assert_mem_eq(bytes, "ping", 4);
	ck_assert_int_eq(send(peer, "pong", 4, 0), 4);
	ck_assert_int_eq(value_of(ring, a10_all(a10_recv(fd, bytes, 4, 0))), 4);
	ck_assert_mem_eq(bytes, "pong", 4);
}

TEST(a_socket_is_closed_on_exec)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd fd = fd_of(ring, a10_socket(AF_INET, SOCK_STREAM, 0));

	ck_assert(!a10_fd_is_direct(fd));
	ck_assert_int_eq(fcntl(a10_fd_number(fd), F_GETFD), FD_CLOEXEC);
	fd_close(ring, fd);
	fd = fd_of(ring, a10_direct(a10_socket(AF_INET, SOCK_STREAM, 0)));
	ck_assert(a10_fd_is_direct(fd));
	fd_close(ring, fd);
	for (int direct = 0; direct < 2; direct++) {
		ck_assert_int_eq(
			value_of(ring,
				 with_kind(a10_socket(12345, SOCK_STREAM, 0),
					   direct)),
			-EAFNOSUPPORT);
		ck_assert_int_eq(
			value_of(ring,
				 with_kind(a10_socket(AF_INET, SOCK_STREAM,
						      IPPROTO_UDP),
					   direct)),
			-EPROTONOSUPPORT);
	}
	ring_close(ring);
}

/* Before 6.11 binding is a system call, and that of regular ones only. */
static void test_server(struct a10_ring *ring, bool direct)
{
	struct a10_address address = loopback(0);
	struct a10_fd listener;
	struct a10_fd other;
	struct a10_fd conn;
	int peer;

	if (direct && !ring_has(ring, A10_OPCODE_BIND)) {
		listener = fd_of(
			ring, a10_direct(a10_socket(AF_INET, SOCK_STREAM, 0)));
		ck_assert_int_eq(value_of(ring, a10_bind(listener, &address)),
				 -EOPNOTSUPP);
		fd_close(ring, listener);
		return;
	}
	listener = fd_of(ring, with_kind(a10_socket(AF_INET, SOCK_STREAM, 0),
					 direct));
	other = fd_of(ring,
		      with_kind(a10_socket(AF_INET, SOCK_STREAM, 0), direct));
	/* A free port, found by somebody else and let go. */
	ck_assert_int_eq(close(listener_open(1, &address)), 0);
	ck_assert_int_eq(value_of(ring, a10_bind(listener, &address)), 0);
	ck_assert_int_eq(value_of(ring, a10_bind(listener, &address)), -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_listen(listener, 4)), 0);
	ck_assert_int_eq(value_of(ring, a10_bind(other, &address)),
			 -EADDRINUSE);
	peer = dial(&address);
	conn = fd_of(ring, with_kind(a10_accept(listener, NULL, 0), direct));
	ck_assert(a10_fd_is_direct(conn) == direct);
	assert_connected(ring, conn, peer);
	fd_close(ring, conn);
	fd_close(ring, other);
	fd_close(ring, listener);
	ck_assert_int_eq(close(peer), 0);
}

TEST(a_server_binds_listens_and_accepts)
{
	struct a10_ring *ring = ring_open_direct(8);

	test_server(ring, false);
	test_server(ring, true);
	ring_close(ring);
}

TEST(bind_and_listen_say_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address address = loopback(0);
	int ends[2];

	pipe_open(ends);
	for (int closed = 0; closed < 2; closed++) {
		struct a10_fd fd = a10_fd_regular(closed ? 9999 : ends[0]);
		ssize_t value = closed ? -EBADF : -ENOTSOCK;

		ck_assert_int_eq(value_of(ring, a10_bind(fd, &address)), value);
		ck_assert_int_eq(value_of(ring, a10_listen(fd, 1)), value);
		ck_assert_int_eq(value_of(ring, a10_connect(fd, &address)),
				 value);
		ck_assert_int_eq(value_of(ring, a10_accept(fd, NULL, 0)),
				 value);
		ck_assert_int_eq(value_of(ring, a10_shutdown(fd, SHUT_WR)),
				 value);
	}
	/* An address nobody here has. */
	address.as.in.sin_addr.s_addr = htonl(0xc0000201);
	{
		struct a10_fd fd =
			fd_of(ring, a10_socket(AF_INET, SOCK_STREAM, 0));

		ck_assert_int_eq(value_of(ring, a10_bind(fd, &address)),
				 -EADDRNOTAVAIL);
		fd_close(ring, fd);
	}
	pipe_close(ends);
	ring_close(ring);
}

static void test_client(struct a10_ring *ring, bool direct)
{
	struct a10_address address;
	int listener = listener_open(4, &address);
	struct a10_op op = a10_socket(AF_INET, SOCK_STREAM, 0);
	struct a10_fd fd = fd_of(ring, with_kind(op, direct));
	int peer;

	ck_assert_int_eq(value_of(ring, a10_connect(fd, &address)), 0);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_connected(ring, fd, peer);
	ck_assert_int_eq(value_of(ring, a10_connect(fd, &address)), -EISCONN);
	fd_close(ring, fd);
	ck_assert_int_eq(close(peer), 0);
	ck_assert_int_eq(close(listener), 0);
	fd = fd_of(ring, with_kind(op, direct));
	ck_assert_int_eq(value_of(ring, a10_connect(fd, &address)),
			 -ECONNREFUSED);
	fd_close(ring, fd);
}

TEST(a_client_connects_or_is_refused)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_client(ring, false);
	test_client(ring, true);
	ring_close(ring);
}

TEST(accept_waits_and_tells_the_peer)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_address address;
	int listener = listener_open(4, &address);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_address peer_address;
		struct sockaddr_in own = { 0 };
		socklen_t length = sizeof(own);
		struct seen seen;
		int peer;

		memset(&peer_address, 0xff, sizeof(peer_address));
		start(ring,
		      with_kind(a10_accept(a10_fd_regular(listener),
					   &peer_address, 0),
				direct),
		      &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		peer = dial(&address);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 0);
		ck_assert_int_eq(
			getsockname(peer, (struct sockaddr *)&own, &length), 0);
		ck_assert_uint_eq(peer_address.length, sizeof(own));
		ck_assert_int_eq(peer_address.as.in.sin_port, own.sin_port);
		ck_assert_uint_eq(peer_address.as.in.sin_addr.s_addr,
				  own.sin_addr.s_addr);
		assert_connected(ring, seen.last.fd, peer);
		fd_close(ring, seen.last.fd);
		ck_assert_int_eq(close(peer), 0);
	}
	ck_assert_int_eq(close(listener), 0);
	ring_close(ring);
}

TEST(an_accepted_socket_has_the_flags_asked_for)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address address;
	int listener = listener_open(4, &address);

	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		int peer = dial(&address);
		struct a10_fd fd = fd_of(
			ring, a10_accept(a10_fd_regular(listener), NULL,
					 nonblocking ? SOCK_NONBLOCK : 0));

		ck_assert_int_eq(fcntl(a10_fd_number(fd), F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(!!(fcntl(a10_fd_number(fd), F_GETFL) &
				    O_NONBLOCK),
				 nonblocking);
		fd_close(ring, fd);
		ck_assert_int_eq(close(peer), 0);
	}
	ck_assert_int_eq(close(listener), 0);
	ring_close(ring);
}

static void test_accept_many(struct a10_ring *ring, bool direct)
{
	struct a10_address address;
	int listener = listener_open(64, &address);
	struct seen seen;
	int peers[20];
	a10_id id;

	id = start(
		ring,
		a10_multishot(with_kind(
			a10_accept(a10_fd_regular(listener), NULL, 0), direct)),
		&seen);
	for (unsigned int i = 0; i < 20; i++) {
		peers[i] = dial(&address);
		if (i % 3 == 0)
			RUN_UNTIL(ring, seen.count == i + 1);
	}
	RUN_UNTIL(ring, seen.count == 20);
	ck_assert_uint_eq(seen.ended, 0);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(seen.at[i].value, 0);
		ck_assert(seen.at[i].more);
		ck_assert_int_eq(seen.at[i].id, id);
		ck_assert(a10_fd_is_direct(seen.at[i].fd) == direct);
		ck_assert_int_eq(send(peers[i], "x", 1, 0), 1);
		fd_close(ring, seen.at[i].fd);
		ck_assert_int_eq(close(peers[i]), 0);
	}
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_eq(seen.count, 21);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert(!a10_fd_valid(seen.last.fd));
	ck_assert_int_eq(close(listener), 0);
}

TEST(a_multishot_accept_gives_every_connection)
{
	struct a10_ring *ring = ring_open_direct(32);

	test_accept_many(ring, false);
	test_accept_many(ring, true);
	ring_close(ring);
}

TEST(a_full_table_does_not_end_a_multishot_accept)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_address address;
	int listener = listener_open(64, &address);
	struct seen seen;
	int peers[6];

	start(ring,
	      a10_multishot(a10_direct(
		      a10_accept(a10_fd_regular(listener), NULL, 0))),
	      &seen);
	for (int i = 0; i < 6; i++)
		peers[i] = dial(&address);
	RUN_UNTIL(ring, seen.count >= 2);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.ended, 0);
	for (unsigned int i = 0; i < seen.count; i++) {
		ck_assert_int_eq(seen.at[i].value, 0);
		fd_close(ring, seen.at[i].fd);
		run_for(ring, A10_MILLISECOND);
	}
	/* Room again: a new one must come. */
	{
		unsigned int before = seen.count;
		int more = dial(&address);

		RUN_UNTIL(ring, seen.count > before);
		ck_assert_uint_eq(seen.ended, 0);
		ck_assert_int_eq(close(more), 0);
	}
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(close(peers[i]), 0);
	ck_assert_int_eq(close(listener), 0);
	ring_close(ring);
}

/* The kernel ends it with -EMFILE; every server would need the same timer. */
TEST(running_out_of_descriptors_does_not_end_a_multishot_accept)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address address;
	int listener = listener_open(64, &address);
	struct seen seen;
	struct rlimit limit;
	struct rlimit low;
	int peers[4];

	if (ON_VALGRIND)
		SKIP("valgrind keeps the limit to itself");
	start(ring,
	      a10_multishot(a10_accept(a10_fd_regular(listener), NULL, 0)),
	      &seen);
	for (int i = 0; i < 4; i++)
		peers[i] = dial(&address);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)peers[3] + 2; /* one more */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.ended, 0);
	ck_assert_uint_le(seen.count, 2);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	RUN_UNTIL(ring, seen.count == 4);
	ck_assert_uint_eq(seen.ended, 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(seen.at[i].value, 0);
		a10_fd_release(seen.at[i].fd);
		ck_assert_int_eq(close(peers[i]), 0);
	}
	ring_close(ring);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_eq(close(listener), 0);
}

TEST(shutdown_ends_one_way)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;
		char bytes[4];

		pair_open(ring, direct, &pair);
		start(ring, a10_recv(pair.ours, bytes, 4, 0), &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(
			value_of(ring, a10_shutdown(pair.ours, SHUT_WR)), 0);
		ck_assert_int_eq(recv(pair.theirs, bytes, 4, 0), 0);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "x", 1, 0)),
				 -EPIPE);
		ck_assert_int_eq(
			value_of(ring, a10_shutdown(pair.ours, SHUT_RD)), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 0);
		ck_assert_int_eq(value_of(ring, a10_shutdown(pair.ours, 99)),
				 -EINVAL);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_connection_reset_by_the_peer_is_an_error)
{
	struct a10_ring *ring = ring_open(NULL);
	struct linger linger = { 1, 0 };
	struct a10_address address;
	int listener = listener_open(4, &address);
	int peer = dial(&address);
	struct a10_fd fd =
		fd_of(ring, a10_accept(a10_fd_regular(listener), NULL, 0));
	struct seen seen;
	char byte;

	start(ring, a10_recv(fd, &byte, 1, 0), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger,
				    sizeof(linger)),
			 0);
	ck_assert_int_eq(close(peer), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ECONNRESET);
	fd_close(ring, fd);
	ck_assert_int_eq(close(listener), 0);
	ring_close(ring);
}
