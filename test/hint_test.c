/* What is said of how to transfer: in bundles, polling first, not waiting. */
#include "support.h"

#include "ring/core.h"

/* ---- bundles ----------------------------------------------------------------- */

struct stream {
	unsigned char bytes[4096];
	size_t length;
	unsigned int pieces;
	bool ended;
	struct a10_buf kept[4];
	unsigned int keep;
};

static void on_piece(void *data, const struct a10_result *r)
{
	struct stream *stream = data;

	stream->ended |= !r->more;
	if (!r->buf.data)
		return;
	ck_assert_int_eq(r->value, (ssize_t)r->buf.length);
	memcpy(stream->bytes + stream->length, r->buf.data, r->buf.length);
	stream->length += r->buf.length;
	stream->pieces++;
	/* Some come back late, so the kernel's order is no simple one. */
	if (stream->pieces % 3 == 0 && stream->keep < 4)
		stream->kept[stream->keep++] = r->buf;
	else
		a10_buf_release(r->buf);
	if (stream->pieces % 8 == 0)
		while (stream->keep > 0)
			a10_buf_release(stream->kept[--stream->keep]);
}

static void test_bundle(uint32_t flags)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char sent[4096];
	struct stream stream = { .length = 0 };
	struct a10_pool *pool;
	struct pair pair;

	pattern_fill(sent, sizeof(sent), 0);
	ck_assert_int_eq(a10_pool_create(ring, 16, 64, flags, &pool), 0);
	pair_open(ring, false, &pair);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_bundled(a10_multishot(a10_recv_pooled(
					    pair.ours, pool, 0))),
				    on_piece, &stream),
			 0);
	for (size_t at = 0; at < sizeof(sent);) {
		size_t part = 1 + at * 7 % 700;

		if (part > sizeof(sent) - at)
			part = sizeof(sent) - at;
		ck_assert_int_eq(send(pair.theirs, sent + at, part, 0),
				 (ssize_t)part);
		at += part;
		if (at % 3 == 0)
			RUN_UNTIL(ring, stream.length == at);
	}
	RUN_UNTIL(ring, stream.length == sizeof(sent));
	pattern_check(stream.bytes, sizeof(sent), 0);
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	RUN_UNTIL(ring, stream.ended);
	while (stream.keep > 0)
		a10_buf_release(stream.kept[--stream.keep]);
	ck_assert_uint_eq(a10_pool_available(pool), 16);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(a_bundle_is_delivered_buffer_by_buffer)
{
	test_bundle(0);
	test_bundle(A10_POOL_INCREMENTAL);
}

TEST(a_bundle_is_a_multishot_receive_from_a_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	ck_assert_int_eq(refusal_of(ring, a10_bundled(a10_recv_pooled(
						  A10_STDIN, pool, 0))),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring,
				    a10_bundled(a10_multishot(
					    a10_read_pooled(A10_STDIN, pool)))),
			 -EINVAL);
	/* The kernel would tell of bytes, and buffers, that are not filled. */
	ck_assert_int_eq(refusal_of(ring,
				    a10_bundled(a10_multishot(a10_recv_pooled(
					    A10_STDIN, pool, MSG_TRUNC)))),
			 -EINVAL);
	ring_close(ring);
}

/* ---- hints ------------------------------------------------------------------- */

TEST(polling_first_changes_nothing_of_the_result)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		char bytes[8] = "";
		struct pair pair;
		struct seen seen;

		pair_open(ring, direct, &pair);
		start(ring, a10_poll_first(a10_recv(pair.ours, bytes, 8, 0)),
		      &seen);
		run_for(ring, A_MOMENT);
		ck_assert_int_eq(send(pair.theirs, "abc", 3, 0), 3);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, 3);
		ck_assert_int_eq(value_of(ring, a10_poll_first(a10_send(
							pair.ours, "d", 1, 0))),
				 1);
		ck_assert_int_eq(recv(pair.theirs, bytes, 8, 0), 1);
		pair_close(ring, &pair);
	}
	ck_assert_int_eq(refusal_of(ring, a10_poll_first(a10_nop())), -EINVAL);
	ring_close(ring);
}

TEST(an_accept_polls_first_or_does_not_wait)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address name, peer;
	struct seen seen;
	int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	start(ring, a10_poll_first(a10_direct(a10_accept(listener, &peer, 0))),
	      &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(value_of(ring, a10_getsockname(listener, &name)), 0);
	ck_assert_int_eq(connect(number, &name.as.any, name.length), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert(a10_fd_is_direct(seen.last.fd));
	ck_assert_uint_eq(peer.length, sizeof(peer.as.in));
	ck_assert_int_eq(
		value_of(ring, a10_getpeername(seen.last.fd, &name)),
		ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL) ? 0 : -EOPNOTSUPP);
	fd_close(ring, seen.last.fd);
	fd_close(ring, listener);
	ck_assert_int_eq(close(number), 0);
	ring_close(ring);
}

static void test_now(struct a10_ring *ring, bool older, bool direct)
{
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_op now = a10_accept_now(listener, NULL, 0);
	struct a10_address name;
	struct seen seen[4];
	int clients[2];

	if (older)
		ring->grant.features &= ~URING_FEAT_RECVSEND_BUNDLE;
	if (direct)
		now = a10_direct(now);
	ck_assert_int_eq(value_of(ring, a10_getsockname(listener, &name)), 0);
	ck_assert_int_eq(value_of(ring, now), -EAGAIN);
	for (int i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(connect(clients[i], &name.as.any, name.length),
				 0);
	}
	/* More than there are: each is let in once. */
	for (int i = 0; i < 4; i++)
		start(ring, now, &seen[i]);
	for (int i = 0; i < 4; i++) {
		RUN_UNTIL(ring, seen[i].ended);
		ck_assert_int_eq(seen[i].last.value, i < 2 ? 0 : -EAGAIN);
		ck_assert(a10_fd_valid(seen[i].last.fd) == (i < 2));
		ck_assert(a10_fd_is_direct(seen[i].last.fd) ==
			  (i < 2 && direct));
		if (i < 2)
			fd_close(ring, seen[i].last.fd);
		if (i < 2)
			ck_assert_int_eq(close(clients[i]), 0);
	}
	if (older)
		ck_assert_int_eq(outcome_of(ring, a10_multishot(now)),
				 -EOPNOTSUPP);
	fd_close(ring, listener);
	ring_close(ring);
}

TEST(an_accept_that_does_not_wait_says_that_there_is_nobody)
{
	struct a10_config config = {
		.direct_descriptors = 4,
		.kernel_thread = A10_ON,
	};

	for (int direct = 0; direct < 2; direct++) {
		test_now(ring_open_direct(4), false, direct);
		test_now(ring_open_direct(4), true, direct);
		test_now(ring_open(&config), true, direct);
	}
}
