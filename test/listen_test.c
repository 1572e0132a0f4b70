/* a10_listen_on and a10_connect_to: an address in words, a socket in one step. */
#include "support.h"

static struct a10_op with_kind(struct a10_op op, bool direct)
{
	return direct ? a10_direct(op) : op;
}

/* Where a regular listener listens, in words that connect_to takes. */
static void address_of(struct a10_fd fd, char *text, size_t size)
{
	struct a10_address address = { .length = sizeof(address.as) };

	ck_assert_int_eq(getsockname(a10_fd_number(fd), &address.as.any,
				     &address.length),
			 0);
	ck_assert_int_gt(a10_address_format(&address, text, size), 0);
}

static int option_of(struct a10_fd fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	ck_assert_int_eq(
		getsockopt(a10_fd_number(fd), level, name, &value, &length), 0);
	return value;
}

/* Bytes go from one to the other and back. */
static void assert_talk(struct a10_ring *ring, struct a10_fd one,
			struct a10_fd other)
{
	char bytes[4];

	ck_assert_int_eq(value_of(ring, a10_send(one, "ping", 4, 0)), 4);
	ck_assert_int_eq(value_of(ring, a10_all(a10_recv(other, bytes, 4, 0))),
			 4);
	ck_assert_mem_eq(bytes, "ping", 4);
	ck_assert_int_eq(value_of(ring, a10_send(other, "pong", 4, 0)), 4);
	ck_assert_int_eq(value_of(ring, a10_all(a10_recv(one, bytes, 4, 0))),
			 4);
	ck_assert_mem_eq(bytes, "pong", 4);
}

/* where NULL: what the listener, a regular one, says. */
static void test_round(struct a10_ring *ring, const char *listen_text,
		       const char *where, bool direct_listener,
		       bool direct_client)
{
	struct a10_fd listener;
	struct a10_fd client;
	struct a10_fd server;
	char text[128];

	listener = fd_of(ring, with_kind(a10_listen_on(listen_text, 0),
					 direct_listener));
	ck_assert(a10_fd_is_direct(listener) == direct_listener);
	if (where == NULL)
		address_of(listener, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", where);
	client = fd_of(ring, with_kind(a10_connect_to(text, 0), direct_client));
	ck_assert(a10_fd_is_direct(client) == direct_client);
	server = fd_of(ring, with_kind(a10_accept(listener, NULL, 0),
				       direct_listener));
	assert_talk(ring, client, server);
	fd_close(ring, server);
	fd_close(ring, client);
	fd_close(ring, listener);
	/* Of a direct one 6.1 lets go a little later. */
	for (int64_t until = a10_now() + PATIENCE; a10_now() < until;) {
		struct a10_result result =
			result_of(ring, a10_connect_to(text, 0));

		if (result.value == -ECONNREFUSED)
			return;
		ck_assert_int_eq(result.value, 0);
		fd_close(ring, result.fd);
		nap(A10_MILLISECOND);
	}
	ck_abort_msg("a listener that was closed still listens");
}

TEST(listen_on_and_connect_to_meet_over_ipv4)
{
	struct a10_ring *ring = ring_open_direct(8);

	test_round(ring, "127.0.0.1:0", NULL, false, false);
	test_round(ring, "127.0.0.1:0", NULL, false, true);
	ring_close(ring);
}

static bool have_ipv6(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int number = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have = number >= 0 && bind(number, (struct sockaddr *)&address,
					sizeof(address)) == 0;

	if (number >= 0)
		close(number);
	return have;
}

TEST(listen_on_and_connect_to_meet_over_ipv6)
{
	struct a10_ring *ring = ring_open_direct(8);

	if (!have_ipv6())
		SKIP("no IPv6 here");
	test_round(ring, "[::1]:0", NULL, false, false);
	test_round(ring, "[::1]:0", NULL, false, true);
	ring_close(ring);
}

TEST(listen_on_and_connect_to_meet_at_a_path)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct folder folder;
	char text[256];

	folder_open(&folder);
	for (int direct = 0; direct < 4; direct++) {
		snprintf(text, sizeof(text), "unix:%s",
			 folder_file(&folder, "socket"));
		test_round(ring, text, text, direct & 1, direct & 2);
		ck_assert_int_eq(unlink(folder.file), 0);
	}
	ck_assert_int_eq(value_of(ring, a10_connect_to(text, 0)), -ENOENT);
	folder_close(&folder);
	ring_close(ring);
}

TEST(listen_on_and_connect_to_meet_at_an_abstract_name)
{
	struct a10_ring *ring = ring_open_direct(8);
	char text[64];

	for (int direct = 0; direct < 4; direct++) {
		snprintf(text, sizeof(text), "unix:@a10-test-%d-%d", getpid(),
			 direct);
		test_round(ring, text, text, direct & 1, direct & 2);
	}
	ring_close(ring);
}

TEST(every_address_takes_clients_of_both_families)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd listener = fd_of(ring, a10_listen_on(":0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	char text[64];

	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	for (int v6 = 0; v6 < (have_ipv6() ? 2 : 1); v6++) {
		struct a10_fd client;
		struct a10_fd server;

		snprintf(text, sizeof(text), "%s:%d",
			 v6 ? "[::1]" : "127.0.0.1",
			 ntohs(address.as.in.sin_port));
		client = fd_of(ring, a10_connect_to(text, 0));
		server = fd_of(ring, a10_accept(listener, NULL, 0));
		assert_talk(ring, client, server);
		fd_close(ring, client);
		fd_close(ring, server);
	}
	fd_close(ring, listener);
	ring_close(ring);
}

TEST(an_ipv6_address_can_be_closed_to_ipv4)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd listener;
	struct a10_address address = { .length = sizeof(address.as) };
	char text[64];

	if (!have_ipv6())
		SKIP("no IPv6 here");
	listener = fd_of(ring, a10_listen_on("[::]:0", A10_V6_ONLY));
	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	snprintf(text, sizeof(text), "127.0.0.1:%d",
		 ntohs(address.as.in6.sin6_port));
	ck_assert_int_eq(value_of(ring, a10_connect_to(text, 0)),
			 -ECONNREFUSED);
	fd_close(ring, listener);
	ring_close(ring);
}

TEST(a_listener_has_the_options_asked_for)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd plain = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_fd shared =
		fd_of(ring, a10_listen_on("127.0.0.1:0", A10_REUSE_PORT));
	struct a10_fd again;
	char text[64];

	ck_assert_int_eq(fcntl(a10_fd_number(plain), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(option_of(plain, SOL_SOCKET, SO_REUSEADDR), 1);
	ck_assert_int_eq(option_of(plain, SOL_SOCKET, SO_REUSEPORT), 0);
	ck_assert_int_eq(option_of(plain, SOL_SOCKET, SO_ACCEPTCONN), 1);
	ck_assert_int_eq(option_of(shared, SOL_SOCKET, SO_REUSEPORT), 1);
	address_of(plain, text, sizeof(text));
	ck_assert_int_eq(value_of(ring, a10_listen_on(text, 0)), -EADDRINUSE);
	address_of(shared, text, sizeof(text));
	again = fd_of(ring, a10_listen_on(text, A10_REUSE_PORT));
	ck_assert_int_eq(value_of(ring, a10_listen_on(text, 0)), -EADDRINUSE);
	fd_close(ring, plain);
	fd_close(ring, shared);
	fd_close(ring, again);
	ring_close(ring);
}

TEST(datagram_sockets_are_bound_and_connected)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd server =
		fd_of(ring, a10_listen_on("127.0.0.1:0", A10_DATAGRAM));
	char bytes[8];
	char text[64];

	ck_assert_int_eq(option_of(server, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	address_of(server, text, sizeof(text));
	for (int direct = 0; direct < 2; direct++) {
		struct a10_fd client = fd_of(
			ring,
			with_kind(a10_connect_to(text, A10_DATAGRAM), direct));

		ck_assert_int_eq(value_of(ring, a10_send(client, "one", 3, 0)),
				 3);
		ck_assert_int_eq(value_of(ring, a10_recv(server, bytes, 8, 0)),
				 3);
		fd_close(ring, client);
	}
	fd_close(ring, server);
	ring_close(ring);
}

TEST(no_address_is_einval)
{
	struct a10_ring *ring = ring_open(NULL);
	static const char *const texts[] = {
		"",          "nowhere",    "local host:80",
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:99999",
		"[::1]",     "unix",       "1.2.3.4:80x"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_int_eq(outcome_of(ring, a10_listen_on(texts[i], 0)),
				 -EINVAL);
		ck_assert_int_eq(outcome_of(ring, a10_connect_to(texts[i], 0)),
				 -EINVAL);
	}
	ck_assert_int_eq(outcome_of(ring,
				    a10_listen_on("127.0.0.1:0", 1u << 20)),
			 -EINVAL);
	ck_assert_int_eq(outcome_of(ring,
				    a10_connect_to("127.0.0.1:9", 1u << 20)),
			 -EINVAL);
	ring_close(ring);
}

TEST(what_fails_leaves_no_socket)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd taken = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	unsigned int before = open_descriptors();
	char text[64];

	address_of(taken, text, sizeof(text));
	for (int i = 0; i < 10; i++) {
		bool direct = i % 2;

		ck_assert_int_eq(
			value_of(ring,
				 with_kind(a10_listen_on(text, 0), direct)),
			-EADDRINUSE);
		ck_assert_int_eq(
			value_of(ring,
				 with_kind(a10_listen_on("192.0.2.1:1", 0),
					   direct)),
			-EADDRNOTAVAIL);
		ck_assert_int_eq(
			value_of(ring,
				 with_kind(a10_connect_to("127.0.0.1:1", 0),
					   direct)),
			-ECONNREFUSED);
	}
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(open_descriptors(), before);
	fd_close(ring, taken);
	for (int i = 0; i < 2; i++)
		(void)fd_of(ring,
			    a10_direct(a10_open("/dev/null", O_RDONLY, 0)));
	ring_close(ring);
}

TEST(without_a_table_there_is_no_direct_socket)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int before = open_descriptors();
	struct a10_fd taken;
	char text[64];

	ck_assert_int_eq(
		outcome_of(ring, a10_direct(a10_listen_on("127.0.0.1:0", 0))),
		-ENXIO);
	taken = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	address_of(taken, text, sizeof(text));
	ck_assert_int_eq(outcome_of(ring, a10_direct(a10_connect_to(text, 0))),
			 -ENXIO);
	fd_close(ring, taken);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(open_descriptors(), before);
	ring_close(ring);
}

/* A connect that nobody answers: what listens has a full queue. */
TEST(a_connect_that_waits_is_cut_short)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_sq *sq = a10_ring_sq(ring);
	unsigned int before = open_descriptors();
	struct a10_fd listener =
		fd_of(ring, a10_socket(AF_INET, SOCK_STREAM, 0));
	struct a10_fd filling[4];
	struct a10_address address;
	unsigned int filled = 0;
	char text[64];

	ck_assert_int_eq(a10_address_parse("127.0.0.1:0", &address), 0);
	ck_assert_int_eq(value_of(ring, a10_bind(listener, &address)), 0);
	ck_assert_int_eq(value_of(ring, a10_listen(listener, 0)), 0);
	address_of(listener, text, sizeof(text));
	while (filled < 4) {
		struct a10_result result = result_of(
			ring, a10_timeout(a10_connect_to(text, 0), A_MOMENT));

		if (result.value < 0) {
			ck_assert_int_eq(result.value, -ETIME);
			break;
		}
		filling[filled++] = result.fd;
	}
	ck_assert_uint_lt(filled, 4);
	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		a10_id id =
			start(ring, with_kind(a10_connect_to(text, 0), direct),
			      &seen);

		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(a10_cancel(sq, id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
		ck_assert(!a10_fd_valid(seen.last.fd));
		id = start(ring, with_kind(a10_connect_to(text, 0), direct),
			   &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_detach(sq, id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ck_assert_uint_eq(seen.count, 0);
	}
	fd_close(ring, listener);
	while (filled > 0)
		fd_close(ring, filling[--filled]);
	ck_assert_uint_eq(open_descriptors(), before);
	ring_close(ring);
}
