/*
 * Names: resolved, connected to, listened on, by a resolver of the test's own.
 */
#include "resolver.h"
#include "support.h"

static unsigned int at_first;

static struct a10_ring *ring_begin(const struct a10_config *config)
{
	if (at_first == 0)
		at_first = open_descriptors();
	return ring_open(config);
}

/* A helper thread gives its reference back a moment after its result. */
static void ring_end(struct a10_ring *ring)
{
	ring_close(ring);
	WAIT_UNTIL(open_descriptors() <= at_first);
}

/* ---- resolving --------------------------------------------------------------- */

TEST(a_name_is_resolved)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct a10_address found[3], beyond;
	char name[] = "www.example.org:80";
	struct seen seen;
	char text[64];

	hosts[0] = "192.0.2.1";
	hosts[1] = "2001:db8::1";
	hosts[2] = "unix:/not/for/us";
	hosts[3] = "192.0.2.2";
	memset(&beyond, 0x55, sizeof(beyond));
	found[2] = beyond;
	start(ring, a10_resolve(name, found, 2), &seen);
	memset(name, 'x', sizeof(name)); /* it was copied */
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 3);
	a10_address_format(&found[0], text, sizeof(text));
	ck_assert_str_eq(text, "192.0.2.1:80");
	a10_address_format(&found[1], text, sizeof(text));
	ck_assert_str_eq(text, "[2001:db8::1]:80");
	ck_assert_mem_eq(&found[2], &beyond, sizeof(beyond));
	ck_assert_int_eq(value_of(ring, a10_resolve("a.b:1", NULL, 0)), 3);
	/* An address needs no resolver. */
	atomic_store(&asked, 0);
	ck_assert_int_eq(value_of(ring, a10_resolve("[::1]:5", found, 2)), 1);
	a10_address_format(&found[0], text, sizeof(text));
	ck_assert_str_eq(text, "[::1]:5");
	ck_assert_uint_eq(atomic_load(&asked), 0);
	ring_end(ring);
}

TEST(what_is_no_name_is_einval)
{
	struct a10_ring *ring = ring_begin(NULL);
	static const char *const texts[] = {
		"",           "name",           "name:",  ":x",
		"na me:80",   "a..b:1",         ".a:1",   "1.2.3.4.5:80",
		"name:99999", "name:080",       "a:b:80", "name:-1",
		"a.1:80",     "n\xc3\xa4me:80", "999:80",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(value_of(ring, a10_resolve(texts[i], NULL, 0)) ==
				      -EINVAL,
			      "%s", texts[i]);
	ck_assert_uint_eq(atomic_load(&asked), 0);
	ring_end(ring);
}

TEST(what_the_resolver_says_is_an_errno)
{
	struct a10_ring *ring = ring_begin(NULL);
	static const struct {
		int says;
		int is;
	} rows[] = { { EAI_NONAME, -ENOENT },
		     { EAI_AGAIN, -EAGAIN },
		     { EAI_FAIL, -EIO },
		     { EAI_MEMORY, -ENOMEM },
		     { EAI_BADFLAGS, -EINVAL } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		failure = rows[i].says;
		ck_assert_int_eq(value_of(ring, a10_resolve("n:1", NULL, 0)),
				 rows[i].is);
		ck_assert_int_eq(value_of(ring, a10_connect_to("n:1", 0)),
				 rows[i].is);
	}
	failure = 0; /* and none at all */
	ck_assert_int_eq(value_of(ring, a10_resolve("n:1", NULL, 0)), -ENOENT);
	ring_end(ring);
}

/* A resolver that does not answer holds up neither them nor the ring's end. */
TEST(resolving_is_over_at_once_when_it_is_cancelled_or_timed_out)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct seen cancelled, forgotten, left;
	struct a10_address found;
	unsigned int before;
	int value = 1;
	a10_id id;

	ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
	blocked = true;
	hosts[0] = "192.0.2.1";
	ck_assert_int_eq(
		value_of(ring,
			 a10_timeout(a10_resolve("n:1", &found, 1), A_MOMENT)),
		-ETIME);
	ck_assert_int_eq(
		value_of(ring, a10_timeout(a10_connect_to("n:1", 0), A_MOMENT)),
		-ETIME);
	/* A busy machine may not even have begun those. */
	before = atomic_load(&asked);
	id = start(ring, a10_resolve("n:1", &found, 1), &cancelled);
	RUN_UNTIL(ring, atomic_load(&asked) >= before + 1);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, cancelled.ended == 1);
	ck_assert_int_eq(cancelled.last.value, -ECANCELED);
	id = start(ring, a10_resolve("n:1", &found, 1), &forgotten);
	RUN_UNTIL(ring, atomic_load(&asked) >= before + 2);
	ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	/* Two come back before the ring is gone, the others after. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(sem_post(&gate), 0);
	WAIT_UNTIL(sem_getvalue(&gate, &value) == 0 && value == 0);
	start(ring, a10_connect_to("n:1", 0), &left);
	run_for(ring, A_MOMENT);
	ring_close(ring);
	ck_assert_int_eq(left.last.value, -ECANCELED);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(sem_post(&gate), 0);
	WAIT_UNTIL(open_descriptors() <= at_first);
}

/* ---- connecting ---------------------------------------------------------------- */

/* A listener on that address; its port. */
static struct a10_fd listener(struct a10_ring *ring, const char *address,
			      char *port, size_t size)
{
	struct a10_address name = { .length = sizeof(name.as) };
	struct a10_fd fd = fd_of(ring, a10_listen_on(address, 0));
	char text[64];

	ck_assert_int_eq(
		getsockname(a10_fd_number(fd), &name.as.any, &name.length), 0);
	a10_address_format(&name, text, sizeof(text));
	snprintf(port, size, "name:%s", strrchr(text, ':') + 1);
	return fd;
}

static void needs_v6(void)
{
	int number = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int err = bind(number, (struct sockaddr *)&address, sizeof(address));

	close(number);
	if (number < 0 || err < 0)
		SKIP("no IPv6 here");
}

TEST(a_name_is_connected_to)
{
	struct a10_ring *ring =
		ring_begin(&(struct a10_config){ .direct_descriptors = 4 });
	char name[32];
	struct a10_fd server =
		listener(ring, "127.0.0.1:0", name, sizeof(name));

	hosts[0] = "127.0.0.1";
	for (int direct = 0; direct < 2; direct++) {
		struct a10_op op = a10_connect_to(name, 0);
		struct a10_fd client =
			fd_of(ring, direct ? a10_direct(op) : op);
		struct a10_fd peer = fd_of(ring, a10_accept(server, NULL, 0));

		ck_assert(a10_fd_is_direct(client) == (direct == 1));
		ck_assert_int_eq(value_of(ring, a10_send(client, "x", 1, 0)),
				 1);
		fd_close(ring, client);
		fd_close(ring, peer);
	}
	fd_close(ring, server);
	ring_end(ring);
}

/* The first refuses, so the second is tried at once and not after a while. */
TEST(an_address_that_refuses_is_followed_by_the_next_at_once)
{
	struct a10_ring *ring = ring_begin(NULL);
	char name[32];
	struct a10_fd server =
		listener(ring, "127.0.0.1:0", name, sizeof(name));
	int64_t before = a10_now();
	struct a10_fd client;

	for (int i = 0; i < 7; i++)
		hosts[i] = "127.0.0.2";
	hosts[7] = "127.0.0.1";
	client = fd_of(ring, a10_connect_to(name, 0));
	ck_assert_int_lt(a10_now() - before, A10_SECOND);
	fd_close(ring, client);
	hosts[7] = "127.0.0.3";
	ck_assert_int_eq(value_of(ring, a10_connect_to(name, 0)),
			 -ECONNREFUSED);
	fd_close(ring, server);
	ring_end(ring);
}

/* One that takes no connections and does not refuse them either. */
static int deaf_listener(const char *host, const char *port)
{
	struct a10_address address;
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	snprintf(text, sizeof(text), "%s:%s", host, port);
	ck_assert_int_eq(a10_address_parse(text, &address), 0);
	ck_assert_int_eq(bind(number, &address.as.any, address.length), 0);
	ck_assert_int_eq(listen(number, 0), 0);
	return number;
}

static void deafen(int client[4], const char *host, const char *port)
{
	struct a10_address address;
	char text[64];

	snprintf(text, sizeof(text), "%s:%s", host, port);
	ck_assert_int_eq(a10_address_parse(text, &address), 0);
	for (int i = 0; i < 4; i++) {
		client[i] = socket(
			AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(client[i], &address.as.any, address.length);
	}
	nap(A_MOMENT);
}

TEST(an_address_that_does_not_answer_is_overtaken)
{
	struct a10_ring *ring = ring_begin(NULL);
	char name[32];
	struct a10_fd server =
		listener(ring, "127.0.0.1:0", name, sizeof(name));
	int deaf = deaf_listener("127.0.0.2", name + 5);
	unsigned int open_before;
	int64_t before, took;
	struct a10_fd client;
	int fill[4];

	deafen(fill, "127.0.0.2", name + 5);
	hosts[0] = "127.0.0.2";
	hosts[1] = "127.0.0.1";
	open_before = open_descriptors();
	before = a10_now();
	client = fd_of(ring, a10_connect_to(name, 0));
	took = a10_now() - before;
	ck_assert_int_ge(took, 200 * A10_MILLISECOND);
	ck_assert_int_lt(took, 2 * A10_SECOND);
	fd_close(ring, client);
	/* The one that lost is closed. */
	ck_assert_int_eq(a10_ring_run(ring), 0);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), open_before);
	/* And one that never ends is cut short. */
	hosts[1] = "127.0.0.2";
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_connect_to(name, 0),
						    3 * A_MOMENT)),
			 -ETIME);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), open_before);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(close(fill[i]), 0);
	ck_assert_int_eq(close(deaf), 0);
	fd_close(ring, server);
	ring_end(ring);
}

/* IPv6 stands last in the list, and is the second to be tried. */
TEST(families_take_turns)
{
	struct a10_ring *ring = ring_begin(NULL);
	struct a10_address peer = { .length = sizeof(peer.as) };
	char name[32];
	struct a10_fd server, client;
	int64_t before;
	int fill[4];
	int deaf;

	needs_v6();
	server = listener(ring, "[::1]:0", name, sizeof(name));
	deaf = deaf_listener("127.0.0.2", name + 5);
	deafen(fill, "127.0.0.2", name + 5);
	for (int i = 0; i < 6; i++)
		hosts[i] = "127.0.0.2";
	hosts[6] = "::1";
	before = a10_now();
	client = fd_of(ring, a10_connect_to(name, 0));
	ck_assert_int_lt(a10_now() - before, 1200 * A10_MILLISECOND);
	ck_assert_int_eq(getpeername(a10_fd_number(client), &peer.as.any,
				     &peer.length),
			 0);
	ck_assert_int_eq(peer.as.any.sa_family, AF_INET6);
	fd_close(ring, client);
	run_for(ring, A_MOMENT);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(close(fill[i]), 0);
	ck_assert_int_eq(close(deaf), 0);
	fd_close(ring, server);
	ring_end(ring);
}

/* At any moment. */
TEST(a_connect_to_a_name_is_cancelled)
{
	struct a10_ring *ring = ring_begin(NULL);
	char name[32];
	struct a10_fd server =
		listener(ring, "127.0.0.1:0", name, sizeof(name));
	uint64_t random = test_seed();
	unsigned int open_before = open_descriptors();

	hosts[0] = "127.0.0.2";
	hosts[1] = "127.0.0.1";
	for (unsigned int i = 0; i < test_scaled(100); i++) {
		struct seen seen;
		a10_id id = start(ring, a10_connect_to(name, 0), &seen);

		if (i % 2)
			run_for(ring, (int64_t)(test_random(&random) % 300) *
					      A10_MICROSECOND);
		if (i % 3)
			ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		else
			ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		if (seen.ended)
			a10_fd_release(seen.last.fd);
	}
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), open_before);
	fd_close(ring, server);
	ring_end(ring);
}

TEST(a_name_is_listened_on)
{
	struct a10_ring *ring =
		ring_begin(&(struct a10_config){ .direct_descriptors = 4 });
	struct a10_fd client, server;
	char name[64];
	struct a10_address address = { .length = sizeof(address.as) };
	char text[64];

	hosts[0] = "192.0.2.1"; /* nobody's here */
	hosts[1] = "127.0.0.1";
	server = fd_of(ring, a10_listen_on("name:0", A10_REUSE_PORT));
	ck_assert_int_eq(getsockname(a10_fd_number(server), &address.as.any,
				     &address.length),
			 0);
	a10_address_format(&address, text, sizeof(text));
	snprintf(name, sizeof(name), "name:%s", strrchr(text, ':') + 1);
	hosts[0] = "127.0.0.1";
	client = fd_of(ring, a10_connect_to(name, 0));
	fd_close(ring, client);
	fd_close(ring, server);
	server = fd_of(ring, a10_direct(a10_listen_on("name:0", 0)));
	ck_assert(a10_fd_is_direct(server));
	fd_close(ring, server);
	hosts[0] = hosts[1] = "192.0.2.1";
	ck_assert_int_eq(value_of(ring, a10_listen_on("name:0", 0)),
			 -EADDRNOTAVAIL);
	ring_end(ring);
}
