/* Sends that go out together, and what becomes of them when they do not. */
#include "support.h"

#define SENDS 40

static struct a10_op bundled(struct a10_fd fd, const void *data, size_t length)
{
	return a10_bundled(a10_all(a10_send(fd, data, length, 0)));
}

/* So little room that what is sent is short. */
static void room_shrink(struct pair *pair)
{
	const int size = 4096;

	ck_assert_int_eq(setsockopt(pair->theirs, SOL_SOCKET, SO_RCVBUF, &size,
				    sizeof(size)),
			 0);
	ck_assert_int_eq(setsockopt(a10_fd_number(pair->ours), SOL_SOCKET,
				    SO_SNDBUF, &size, sizeof(size)),
			 0);
}

/* A message is what one request sends. */
static void messages_open(struct pair *pair)
{
	int ends[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pair->ours = a10_fd_regular(ends[0]);
	pair->theirs = ends[1];
}

TEST(sends_that_are_bundled_go_out_in_one_request)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char sent[5 * 100], bytes[sizeof(sent) + 1];
	struct seen seen[6];
	struct pair pair;

	pattern_fill(sent, sizeof(sent), 0);
	messages_open(&pair);
	ring_bind(ring);
	for (int i = 0; i < 5; i++)
		start(ring, bundled(pair.ours, sent + 100 * i, 100), &seen[i]);
	for (int i = 0; i < 5; i++) {
		RUN_UNTIL(ring, seen[i].ended);
		ck_assert_int_eq(seen[i].last.value, 100);
		ck_assert_uint_eq(seen[i].last.count, 100);
	}
	ck_assert_int_eq(recv(pair.theirs, bytes, sizeof(bytes), MSG_DONTWAIT),
			 sizeof(sent));
	pattern_check(bytes, sizeof(sent), 0);
	/* What is not like the others goes by itself. */
	for (int i = 0; i < 6; i++) {
		struct a10_op op = bundled(pair.ours, sent, 1);

		if (i == 2)
			op = a10_all(a10_send(pair.ours, sent, 1, 0));
		if (i == 3)
			op = a10_bundled(
				a10_all(a10_send(pair.ours, sent, 1, MSG_EOR)));
		if (i == 4)
			op = a10_timeout(op, PATIENCE);
		start(ring, op, &seen[i]);
	}
	for (int i = 0; i < 6; i++) {
		RUN_UNTIL(ring, seen[i].ended);
		ck_assert_int_eq(seen[i].last.value, 1);
	}
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(recv(pair.theirs, bytes, sizeof(bytes),
				      MSG_DONTWAIT),
				 i == 0 ? 2 : 1);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* A sandbox that allows sending allows nothing else. */
TEST(a_ring_that_may_only_send_bundles_nothing)
{
	const enum a10_opcode allowed[] = { A10_OPCODE_SEND };
	struct a10_config config = { .disabled = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen[3];
	struct pair pair;
	char bytes[4];

	ck_assert_int_eq(a10_ring_restrict(ring, allowed, 1), 0);
	ck_assert_int_eq(a10_ring_enable(ring), 0);
	messages_open(&pair);
	for (int i = 0; i < 3; i++)
		start(ring, bundled(pair.ours, "x", 1), &seen[i]);
	for (int i = 0; i < 3; i++) {
		RUN_UNTIL(ring, seen[i].ended);
		ck_assert_int_eq(seen[i].last.value, 1);
		ck_assert_int_eq(recv(pair.theirs, bytes, sizeof(bytes), 0), 1);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

/* ---- in pieces --------------------------------------------------------------- */

struct reader {
	int number;
	size_t size;
	size_t total; /* where it begins */
};

static void *read_slowly(void *data)
{
	struct reader *reader = data;
	unsigned char bytes[7001];
	size_t total = reader->total;

	while (total < reader->size) {
		size_t piece = 1 + total % sizeof(bytes);
		ssize_t n;

		if (piece > reader->size - total)
			piece = reader->size - total;
		n = read(reader->number, bytes, piece);
		ck_assert_int_gt(n, 0);
		pattern_check(bytes, (size_t)n, total);
		total += (size_t)n;
	}
	return NULL;
}

/* The numbers of those that are over, one behind the other. */
struct order {
	unsigned int next;
	size_t size[SENDS];
};

static void on_sent(void *data, const struct a10_result *r)
{
	struct order *order = data;

	ck_assert_uint_lt(order->next, SENDS);
	ck_assert_int_eq(r->value, (ssize_t)order->size[order->next]);
	ck_assert_uint_eq(r->count, order->size[order->next]);
	order->next++;
}

static void test_pieces(bool direct)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct order order = { .next = 0 };
	struct reader reader = { .size = 0 };
	unsigned char *bytes;
	struct pair pair;
	pthread_t thread;
	size_t at = 0;

	ring_bind(ring);
	pair_open(ring, direct, &pair);
	if (!direct)
		room_shrink(&pair);
	for (size_t i = 0; i < SENDS; i++) {
		order.size[i] = 1 + i * i * 131 % 60000;
		reader.size += order.size[i];
	}
	bytes = malloc(reader.size);
	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, reader.size, 0);
	reader.number = pair.theirs;
	thread = thread_start(read_slowly, &reader);
	for (size_t i = 0; i < SENDS; i++) {
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
					    bundled(pair.ours, bytes + at,
						    order.size[i]),
					    on_sent, &order),
				 0);
		at += order.size[i];
		if (i % 7 == 0)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	RUN_UNTIL(ring, order.next == SENDS);
	thread_join(thread);
	free(bytes);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(what_is_sent_together_arrives_in_order_and_is_told_piece_by_piece)
{
	test_pieces(false);
	test_pieces(true);
}

/* ---- ends ---------------------------------------------------------------- */

#define LARGE ((size_t)300000)

/* Four, of which the first has begun and none has room. */
struct four {
	struct a10_ring *ring;
	unsigned char *bytes;
	struct pair pair;
	struct seen seen[4];
	a10_id ids[4];
	size_t before; /* bytes that are in the way */
};

static void bytes_take(const struct four *four, size_t size)
{
	char bytes[1000];

	while (size > 0) {
		const size_t part = size < sizeof(bytes) ? size : sizeof(bytes);
		const ssize_t n = read(four->pair.theirs, bytes, part);

		ck_assert_int_gt(n, 0);
		size -= (size_t)n;
	}
}

static void four_open(struct four *four, int64_t deadline, bool full)
{
	ssize_t n = full;

	memset(four, 0, sizeof(*four));
	four->ring = ring_open(NULL);
	four->bytes = malloc(4 * LARGE);
	ck_assert_ptr_nonnull(four->bytes);
	pattern_fill(four->bytes, 4 * LARGE, 0);
	ring_bind(four->ring);
	pair_open(four->ring, false, &four->pair);
	room_shrink(&four->pair);
	for (; n > 0; four->before += (size_t)n) {
		n = send(a10_fd_number(four->pair.ours), four->bytes, 100,
			 MSG_DONTWAIT);
		if (n < 0)
			break;
	}
	for (size_t i = 0; i < 4; i++) {
		struct a10_op op = bundled(four->pair.ours,
					   four->bytes + i * LARGE, LARGE);

		if (i == 2 && deadline > 0)
			op = a10_deadline(op, a10_now() + deadline);
		four->ids[i] = start(four->ring, op, &four->seen[i]);
	}
	run_for(four->ring, A_MOMENT);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(four->seen[i].count, deadline && i >= 2);
}

static void four_close(struct four *four)
{
	pair_close(four->ring, &four->pair);
	free(four->bytes);
	ring_close(four->ring);
}

/* The others arrive whole, so nothing was sent twice or left out. */
static void four_read(struct four *four, size_t from)
{
	struct reader reader = {
		.number = four->pair.theirs,
		.size = 2 * LARGE,
		.total = from,
	};
	pthread_t thread;

	bytes_take(four, four->before);
	thread = thread_start(read_slowly, &reader);
	RUN_UNTIL(four->ring, four->seen[0].ended && four->seen[1].ended);
	thread_join(thread);
	ck_assert_int_eq(four->seen[0].last.value, LARGE);
	ck_assert_int_eq(four->seen[1].last.value, LARGE);
}

static void test_cancelled(int way)
{
	struct four four;
	char bytes[1000];
	size_t from = 0;

	four_open(&four, 0, way == 1);
	while (way == 2 && from < LARGE + LARGE / 2) {
		const ssize_t n = recv(four.pair.theirs, bytes, sizeof(bytes),
				       MSG_DONTWAIT);

		ck_assert_int_ge(a10_ring_poll(four.ring, 0), 0);
		from += n > 0 ? (size_t)n : 0;
	}
	ck_assert_int_eq(a10_cancel(a10_ring_sq(four.ring), four.ids[2]), 0);
	RUN_UNTIL(four.ring, four.seen[2].ended && four.seen[3].ended);
	ck_assert_int_eq(four.seen[2].last.value, -ECANCELED);
	ck_assert_int_eq(four.seen[3].last.value, -ECANCELED);
	ck_assert_uint_eq(four.seen[0].count, way == 2);
	ck_assert_uint_eq(four.seen[1].count, 0);
	four_read(&four, from);
	four_close(&four);
}

/* The first has some of it out, or nothing; or half of the second is. */
TEST(a_send_of_a_bundle_is_cancelled_and_those_before_it_go_on)
{
	for (int way = 0; way < 3; way++)
		test_cancelled(way);
}

TEST(a_send_of_a_bundle_ends_at_its_deadline)
{
	struct four four;

	four_open(&four, A10_MILLISECOND, false);
	ck_assert_int_eq(four.seen[2].last.value, -ETIME);
	ck_assert_int_eq(four.seen[3].last.value, -ECANCELED);
	four_read(&four, 0);
	four_close(&four);
}

/* What went out of it is told; nothing behind it goes. */
TEST(the_first_of_a_bundle_is_cancelled_and_those_behind_it_too)
{
	for (int detached = 0; detached < 2; detached++) {
		struct four four;
		a10_id id;

		four_open(&four, 0, false);
		id = four.ids[0];
		if (detached)
			ck_assert_int_eq(a10_detach(a10_ring_sq(four.ring), id),
					 0);
		else
			ck_assert_int_eq(a10_cancel(a10_ring_sq(four.ring), id),
					 0);
		RUN_UNTIL(four.ring, four.seen[3].ended);
		ck_assert_uint_eq(four.seen[0].count, !detached);
		if (!detached)
			ck_assert_int_eq(four.seen[0].last.value, -ECANCELED);
		for (int i = 1; i < 4; i++)
			ck_assert_int_eq(four.seen[i].last.value, -ECANCELED);
		four_close(&four);
	}
}

TEST(a_bundle_ends_with_its_descriptor_its_peer_or_its_ring)
{
	struct four four;

	four_open(&four, 0, false);
	fd_close(four.ring, four.pair.ours);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(four.seen[i].last.value, -ECANCELED);
	four.pair.ours = a10_fd_regular(dup(0));
	four_close(&four);

	four_open(&four, 0, false);
	ck_assert_int_eq(close(four.pair.theirs), 0);
	four.pair.theirs = -1;
	RUN_UNTIL(four.ring, four.seen[3].ended);
	ck_assert_int_lt(four.seen[0].last.value, 0);
	ck_assert_int_eq(four.seen[3].last.value, -ECANCELED);
	four_close(&four);

	four_open(&four, 0, false);
	ring_close(four.ring);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(four.seen[i].last.value, -ECANCELED);
	ck_assert_int_eq(close(a10_fd_number(four.pair.ours)), 0);
	ck_assert_int_eq(close(four.pair.theirs), 0);
	free(four.bytes);
}

/* Nothing of it has gone to the kernel yet, or some of it is over. */
TEST(a_bundle_is_cancelled_at_any_moment)
{
	struct a10_ring *ring = ring_open(NULL);
	static char bytes[1000];
	struct seen seen[4];
	struct pair pair;
	a10_id ids[4];

	ring_bind(ring);
	pair_open(ring, false, &pair);
	for (int moment = 0; moment < 3; moment++) {
		for (int which = 0; which < 4; which++) {
			int done = 0;

			for (int i = 0; i < 4; i++)
				ids[i] = start(ring,
					       bundled(pair.ours, bytes, 100),
					       &seen[i]);
			if (moment == 1)
				ck_assert_int_eq(a10_ring_flush(ring), 0);
			if (moment == 2)
				ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
			(void)a10_cancel(a10_ring_sq(ring), ids[which]);
			for (int i = 0; i < 4; i++)
				RUN_UNTIL(ring, seen[i].ended);
			for (int i = 0; i < 4; i++) {
				const ssize_t value = seen[i].last.value;

				ck_assert(value == 100 || value == -ECANCELED);
				ck_assert(value < 0 || done == i);
				done += value > 0;
			}
			ck_assert_int_ge(done, moment == 0 ? which : 0);
			ck_assert_int_eq(recv(pair.theirs, bytes, sizeof(bytes),
					      MSG_DONTWAIT),
					 done > 0 ? done * 100 : -1);
		}
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(only_plain_sends_that_are_all_are_bundled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_address to = loopback(9);
	char bytes[1] = "";

	ck_assert_int_eq(refusal_of(ring, a10_bundled(a10_send(A10_STDOUT,
							       bytes, 1, 0))),
			 -EINVAL);
	ck_assert_int_eq(
		refusal_of(ring, a10_zero_copy(bundled(A10_STDOUT, bytes, 1))),
		-EINVAL);
	ck_assert_int_eq(refusal_of(ring,
				    a10_bundled(a10_all(a10_sendto(
					    A10_STDOUT, bytes, 1, 0, &to)))),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_bundled(a10_all(a10_write(
						  A10_STDOUT, bytes, 1)))),
			 -EINVAL);
	ring_close(ring);
}
