/* Forgetting: nothing is delivered, nothing leaks, what it used may go. */
#include "blocked.h"

static char of_detached[] = "a detached operation";

static a10_id forget(struct a10_ring *ring, struct a10_op op, int way)
{
	struct a10_sq *sq = a10_ring_sq(ring);
	a10_id id = a10_submit(sq, op, on_never, of_detached);

	ck_assert_int_gt(id, 0);
	if (way == 1)
		ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_int_eq(a10_detach(sq, id), 0);
	return id;
}

TEST(every_kind_of_operation_is_forgotten)
{
	struct a10_ring *ring = ring_open_direct(8);
	struct blocked world;

	blocked_open(ring, &world);
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		for (int way = 0; way < 2 && blocked_works(ring, kind); way++) {
			a10_id id = forget(ring, blocked_op(&world, kind), way);

			ck_assert_int_eq(a10_ring_run(ring), 0);
			ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
			ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		}
	}
	ck_assert_uint_eq(a10_pool_available(world.pool), 8);
	fd_close(ring, world.direct);
	ring_close(ring);
	blocked_close(&world);
}

TEST(what_was_forgotten_after_its_success_leaves_nothing)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_op op = a10_open("/dev/null", O_RDONLY, 0);
	struct a10_pool *pool;
	unsigned int before;
	struct pair pair;

	ck_assert_int_eq(a10_pool_create(ring, 2, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	before = open_descriptors();
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		forget(ring, op, 1);
		forget(ring, a10_direct(op), 1);
		forget(ring, a10_recv_pooled(pair.ours, pool, 0), 1);
		forget(ring, a10_socket(AF_INET, SOCK_STREAM, 0), 1);
		forget(ring, a10_listen_on("127.0.0.1:0", 0), i % 2);
		ck_assert_int_eq(a10_ring_run(ring), 0);
	}
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(open_descriptors(), before);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	for (int i = 0; i < 2; i++)
		(void)fd_of(ring, a10_direct(op));
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_connection_accepted_for_nobody_is_closed)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	char text[64];
	char byte;

	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	a10_address_format(&address, text, sizeof(text));
	for (int way = 0; way < 4; way++) {
		struct a10_op op = a10_accept(listener, NULL, 0);
		struct a10_fd client = fd_of(ring, a10_connect_to(text, 0));

		if (way & 1)
			op = a10_direct(op);
		if (way & 2)
			op = a10_multishot(op);
		forget(ring, op, 1);
		/* Its peer sees the end: nobody holds the other one. */
		ck_assert_int_eq(
			value_of(ring,
				 a10_timeout(a10_recv(client, &byte, 1, 0),
					     PATIENCE)),
			0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		fd_close(ring, client);
	}
	fd_close(ring, listener);
	ring_close(ring);
}

static void on_tick_forget(void *data, const struct a10_result *r)
{
	unsigned int *calls = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_eq(++*calls, 1);
	ck_assert_int_eq(a10_detach(r->sq, r->id), 0);
}

TEST(a_multishot_forgets_itself_in_its_callback)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int calls = 0;
	unsigned int released = 0;

	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring),
			   a10_owning(a10_multishot(a10_after(A10_MILLISECOND)),
				      &released, on_release),
			   on_tick_forget, &calls),
		0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(released, 1);
	ring_close(ring);
}

static void on_accept_forget(void *data, const struct a10_result *r)
{
	unsigned int *calls = data;

	ck_assert_int_eq(r->value, 0);
	++*calls;
	a10_fd_release(r->fd);
	ck_assert_int_eq(a10_detach(r->sq, r->id), 0);
}

/* The other connections are in the same batch: they are closed. */
TEST(what_a_multishot_brings_after_it_was_forgotten_is_closed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	unsigned int calls = 0;
	int peers[8];
	char byte;

	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	for (int i = 0; i < 8; i++) {
		peers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(
			connect(peers[i], &address.as.any, address.length), 0);
	}
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring),
			   a10_multishot(a10_accept(listener, NULL, 0)),
			   on_accept_forget, &calls),
		0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(calls, 1);
	fd_close(ring, listener);
	run_for(ring, A10_MILLISECOND);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_le(recv(peers[i], &byte, 1, 0), 0);
		ck_assert_int_eq(close(peers[i]), 0);
	}
	ring_close(ring);
}

static void on_forget_other(void *data, const struct a10_result *r)
{
	ck_assert_int_eq(a10_detach(r->sq, *(a10_id *)data), 0);
	*(a10_id *)data = 0;
}

/* It is in the same batch, behind the one whose callback forgets it. */
TEST(what_is_forgotten_in_the_same_batch_is_not_delivered)
{
	struct a10_ring *ring = ring_open(NULL);
	a10_id id = 0;

	for (int i = 0; i < 100; i++) {
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_forget_other, &id),
				 0);
		id = a10_submit(a10_ring_sq(ring), a10_nop(), on_never,
				of_detached);
		ck_assert_int_gt(id, 0);
		RUN_UNTIL(ring, id == 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
}

/* On the owner's thread what done would have used may be freed at once. */
TEST(the_data_of_what_is_forgotten_may_be_freed_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	static char byte;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 300; i++) {
		char *name = strdup("freed");
		a10_id id = a10_submit(
			a10_ring_sq(ring),
			i % 3 ? a10_recv(pair.ours, &byte, 1, 0) : a10_nop(),
			on_never, name);

		ck_assert_int_gt(id, 0);
		if (i % 2)
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
		memset(name, 0xee, 5);
		free(name);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(cancelled_and_then_forgotten_is_forgotten)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	static char byte;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 20; i++) {
		struct a10_sq *sq = a10_ring_sq(ring);
		a10_id id = a10_submit(sq, a10_recv(pair.ours, &byte, 1, 0),
				       on_never, of_detached);

		if (i % 2)
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		ck_assert_int_eq(a10_cancel(sq, id), 0);
		if (i % 4 == 3)
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		ck_assert_int_eq(a10_detach(sq, id), 0);
		ck_assert_int_eq(a10_cancel(sq, id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}
