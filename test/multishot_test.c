/* One submission, many results: with pools, bounds, and what does not end it. */
#include "support.h"

#include <stdatomic.h>

/* Keeps what it is given, and checks the bytes of the stream. */
struct stream {
	struct seen seen;
	struct a10_buf kept[64];
	unsigned int keep; /* how many to keep; the others are given back */
	unsigned int held;
	uint64_t bytes;
};

static void on_piece(void *data, const struct a10_result *r)
{
	struct stream *stream = data;

	on_seen(&stream->seen, r);
	if (r->value <= 0) {
		ck_assert_ptr_null(r->buf.data);
		return;
	}
	ck_assert_ptr_nonnull(r->buf.data);
	ck_assert_uint_eq(r->buf.length, (size_t)r->value);
	pattern_check(r->buf.data, r->buf.length, stream->bytes);
	stream->bytes += r->buf.length;
	if (stream->held < stream->keep)
		stream->kept[stream->held++] = r->buf;
	else
		a10_buf_release(r->buf);
}

static void stream_release(struct stream *stream)
{
	while (stream->held > 0)
		a10_buf_release(stream->kept[--stream->held]);
}

static a10_id stream_start(struct a10_ring *ring, struct a10_op op,
			   struct stream *stream)
{
	a10_id id = a10_submit(a10_ring_sq(ring), op, on_piece, stream);

	ck_assert_int_gt(id, 0);
	return id;
}

/* Writes the pattern from a position on; as much as goes in at once. */
static uint64_t send_pattern(int number, uint64_t from, size_t length)
{
	unsigned char bytes[65536];
	ssize_t n;

	ck_assert_uint_le(length, sizeof(bytes));
	pattern_fill(bytes, length, from);
	n = send(number, bytes, length, MSG_DONTWAIT);
	return from + (n > 0 ? (size_t)n : 0);
}

TEST(a_multishot_receive_gives_the_stream_until_its_end)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct stream stream = { .keep = 0 };
		struct a10_pool *pool;
		struct pair pair;
		uint64_t sent = 0;
		a10_id id;

		ck_assert_int_eq(a10_pool_create(ring, 8, 1000, 0, &pool), 0);
		pair_open(ring, direct, &pair);
		id = stream_start(
			ring,
			a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
			&stream);
		while (sent < 3 << 20) {
			sent = send_pattern(pair.theirs, sent, 50000);
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		}
		RUN_UNTIL(ring, stream.bytes == sent);
		ck_assert_uint_eq(stream.seen.ended, 0);
		ck_assert_int_eq(close(pair.theirs), 0);
		pair.theirs = -1;
		RUN_UNTIL(ring, stream.seen.ended == 1);
		ck_assert_int_eq(stream.seen.last.value, 0);
		ck_assert_int_eq(stream.seen.last.id, id);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(stream.seen.ended, 1);
		ck_assert_uint_eq(a10_pool_available(pool), 8);
		pair_close(ring, &pair);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

TEST(a_pool_without_buffers_does_not_end_a_multishot)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .keep = 2 };
	struct a10_pool *pool;
	struct pair pair;
	uint64_t sent = 0;

	ck_assert_int_eq(a10_pool_create(ring, 2, 100, 0, &pool), 0);
	pair_open(ring, false, &pair);
	stream_start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		     &stream);
	sent = send_pattern(pair.theirs, sent, 1000);
	ck_assert_uint_eq(sent, 1000);
	RUN_UNTIL(ring, stream.held == 2);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(stream.seen.count, 2);
	ck_assert_uint_eq(stream.seen.ended, 0);
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	/* Idle: it waits for a buffer, not by asking again and again. */
	{
		struct a10_ring_info before;
		struct a10_ring_info after;

		a10_ring_info(ring, &before);
		run_for(ring, A_MOMENT);
		a10_ring_info(ring, &after);
		ck_assert_uint_lt(after.enters - before.enters, 20);
	}
	stream.keep = 0;
	stream_release(&stream);
	RUN_UNTIL(ring, stream.bytes == sent);
	ck_assert_uint_eq(stream.seen.ended, 0);
	sent = send_pattern(pair.theirs, sent, 500);
	RUN_UNTIL(ring, stream.bytes == sent);
	ck_assert_int_eq(a10_cancel_all(a10_ring_sq(ring)), 0);
	RUN_UNTIL(ring, stream.seen.ended == 1);
	ck_assert_int_eq(stream.seen.last.value, -ECANCELED);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* Of a stream that nobody else uses any more. */
static void *release_elsewhere(void *data)
{
	nap(A10_MILLISECOND);
	stream_release(data);
	return NULL;
}

TEST(a_buffer_released_elsewhere_starts_it_again)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .keep = 2 };
	struct stream taken;
	struct a10_pool *pool;
	struct pair pair;
	pthread_t thread;

	ck_assert_int_eq(a10_pool_create(ring, 2, 100, 0, &pool), 0);
	pair_open(ring, false, &pair);
	stream_start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		     &stream);
	ck_assert_uint_eq(send_pattern(pair.theirs, 0, 1000), 1000);
	RUN_UNTIL(ring, stream.held == 2);
	run_for(ring, A10_MILLISECOND);
	taken = stream;
	stream.keep = 0;
	stream.held = 0;
	thread = thread_start(release_elsewhere, &taken);
	/* One long sleep: the release itself must wake the owner. */
	while (stream.bytes < 1000) {
		int64_t before = a10_now();

		ck_assert_int_ge(a10_ring_poll(ring, 2 * PATIENCE), 0);
		ck_assert_int_lt(a10_now() - before, PATIENCE);
	}
	thread_join(thread);
	ck_assert_uint_eq(stream.seen.ended, 0);
	ring_close(ring);
	ck_assert_int_eq(close(pair.theirs), 0);
	a10_fd_release(pair.ours);
}

TEST(a_bounded_multishot_pauses_while_its_buffers_are_out)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct stream greedy = { .keep = 64 };
		struct stream other = { .keep = 0 };
		struct a10_pool *pool;
		struct pair pairs[2];
		uint64_t sent = 0;

		ck_assert_int_eq(a10_pool_create(ring, 64, 100, 0, &pool), 0);
		pair_open(ring, direct, &pairs[0]);
		pair_open(ring, direct, &pairs[1]);
		stream_start(ring,
			     a10_bounded(a10_multishot(a10_recv_pooled(
						 pairs[0].ours, pool, 0)),
					 4),
			     &greedy);
		stream_start(
			ring,
			a10_multishot(a10_recv_pooled(pairs[1].ours, pool, 0)),
			&other);
		for (int i = 0; i < 100; i++) {
			sent = send_pattern(pairs[0].theirs, sent, 100);
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		}
		run_for(ring, A10_MILLISECOND);
		/* At its bound, and a few more; far from all. */
		ck_assert_uint_ge(greedy.held, 4);
		ck_assert_uint_lt(greedy.held, 48);
		ck_assert_uint_eq(send_pattern(pairs[1].theirs, 0, 5000), 5000);
		RUN_UNTIL(ring, other.bytes == 5000);
		ck_assert_uint_eq(greedy.seen.ended, 0);
		greedy.keep = 0;
		stream_release(&greedy);
		RUN_UNTIL(ring, greedy.bytes == sent);
		sent = send_pattern(pairs[0].theirs, sent, 1000);
		RUN_UNTIL(ring, greedy.bytes == sent);
		pair_close(ring, &pairs[0]);
		pair_close(ring, &pairs[1]);
		ck_assert_uint_eq(greedy.seen.ended, 1);
		ck_assert_uint_eq(other.seen.ended, 1);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

TEST(a_paused_multishot_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);

	/* Paused at its bound, and waiting for a buffer of an empty pool. */
	for (int bounded = 0; bounded < 2; bounded++) {
		struct stream stream = { .keep = 4 };
		struct a10_pool *pool;
		struct pair pair;
		struct a10_op op;
		a10_id id;

		ck_assert_int_eq(a10_pool_create(ring, bounded ? 16 : 4, 100, 0,
						 &pool),
				 0);
		pair_open(ring, false, &pair);
		op = a10_multishot(a10_recv_pooled(pair.ours, pool, 0));
		stream.keep = bounded ? 16 : 4;
		id = stream_start(ring, bounded ? a10_bounded(op, 4) : op,
				  &stream);
		ck_assert_uint_eq(send_pattern(pair.theirs, 0, 3000), 3000);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_ge(stream.held, 4);
		ck_assert_uint_eq(stream.seen.ended, 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, stream.seen.ended == 1);
		ck_assert_int_eq(stream.seen.last.value, -ECANCELED);
		stream_release(&stream);
		ck_assert_uint_eq(a10_pool_available(pool), bounded ? 16 : 4);
		pair_close(ring, &pair);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

/* The kernel has said -ENOBUFS already when it is cancelled: no word of that. */
TEST(a_receive_that_found_no_buffer_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);

	for (int way = 0; way < 4; way++) {
		struct stream stream = { .keep = 1 };
		struct a10_pool *pool;
		struct seen seen;
		struct pair pair;
		struct a10_op op;
		a10_id id;

		ck_assert_int_eq(a10_pool_create(ring, 1, 100, 0, &pool), 0);
		pair_open(ring, false, &pair);
		op = a10_recv_pooled(pair.ours, pool, 0);
		stream_start(ring, op, &stream);
		ck_assert_uint_eq(send_pattern(pair.theirs, 0, 300), 300);
		RUN_UNTIL(ring, stream.held == 1);
		op = way & 1 ? a10_multishot(op) : op;
		op = way & 2 ? a10_deadline(op, a10_now() + A10_MILLISECOND) :
			       op;
		id = start(ring, op, &seen);
		ck_assert_int_eq(a10_ring_flush(ring), 0);
		if (way & 2)
			nap(2 * A10_MILLISECOND);
		else
			ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value,
				 way & 2 ? -ETIME : -ECANCELED);
		stream_release(&stream);
		ck_assert_uint_eq(a10_pool_available(pool), 1);
		pair_close(ring, &pair);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

TEST(a_bound_of_one_gives_one_at_a_time)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .keep = 0 };
	struct a10_pool *pool;
	struct pair pair;
	uint64_t sent = 0;

	ck_assert_int_eq(a10_pool_create(ring, 2, 100, 0, &pool), 0);
	pair_open(ring, false, &pair);
	stream_start(
		ring,
		a10_bounded(a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
			    1),
		&stream);
	for (int i = 0; i < 100; i++)
		sent = send_pattern(pair.theirs, sent, 99);
	RUN_UNTIL(ring, stream.bytes == sent);
	ck_assert_uint_eq(stream.seen.ended, 0);
	pair_close(ring, &pair);
	ck_assert_uint_eq(stream.seen.ended, 1);
	ring_close(ring);
}

TEST(a_multishot_read_of_a_pipe_gives_what_comes)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .keep = 0 };
	struct a10_pool *pool;
	unsigned char bytes[300];
	int ends[2];

	ring_needs(ring, A10_OPCODE_READ_MULTISHOT);
	pipe_open(ends);
	ck_assert_int_eq(a10_pool_create(ring, 4, 128, 0, &pool), 0);
	stream_start(
		ring,
		a10_multishot(a10_read_pooled(a10_fd_regular(ends[0]), pool)),
		&stream);
	for (uint64_t at = 0; at < 30000; at += sizeof(bytes)) {
		pattern_fill(bytes, sizeof(bytes), at);
		ck_assert_int_eq(write(ends[1], bytes, sizeof(bytes)),
				 sizeof(bytes));
		RUN_UNTIL(ring, stream.bytes == at + sizeof(bytes));
	}
	ck_assert_uint_eq(stream.seen.ended, 0);
	ck_assert_int_eq(close(ends[1]), 0);
	ends[1] = -1;
	RUN_UNTIL(ring, stream.seen.ended == 1);
	ck_assert_int_eq(stream.seen.last.value, 0);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pipe_close(ends);
	ring_close(ring);
}

TEST(what_ends_a_multishot_is_its_last_result)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_pool *pool;
	struct seen seen;
	struct a10_fd bad = a10_fd_regular(9999);

	ck_assert_int_eq(a10_pool_create(ring, 4, 128, 0, &pool), 0);
	start(ring, a10_multishot(a10_recv_pooled(bad, pool, 0)), &seen);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_int_eq(seen.last.value, -EBADF);
	start(ring, a10_multishot(a10_accept(bad, NULL, 0)), &seen);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -EBADF);
	start(ring, a10_multishot(a10_accept(A10_STDIN, NULL, 0)), &seen);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ENOTSOCK);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	ring_close(ring);
}

TEST(a_pool_that_is_destroyed_ends_what_uses_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct stream stream = { .keep = 1 };
	struct a10_pool *pool;
	struct pair pair;
	unsigned char first;

	ck_assert_int_eq(a10_pool_create(ring, 4, 100, 0, &pool), 0);
	pair_open(ring, false, &pair);
	stream_start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		     &stream);
	ck_assert_uint_eq(send_pattern(pair.theirs, 0, 100), 100);
	RUN_UNTIL(ring, stream.held == 1);
	a10_pool_destroy(pool);
	RUN_UNTIL(ring, stream.seen.ended == 1);
	ck_assert_int_eq(stream.seen.last.value, -ECANCELED);
	/* Its memory is there as long as one of its buffers is out. */
	first = stream.kept[0].data[0];
	ck_assert_uint_eq(first, pattern_byte(0));
	stream_release(&stream);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* Many connections, few buffers, everybody gets through. */
TEST(many_multishots_share_a_small_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct stream streams[64];
	struct pair pairs[64];
	struct a10_pool *pool;
	uint64_t sent[64] = { 0 };

	ck_assert_int_eq(a10_pool_create(ring, 4, 256, 0, &pool), 0);
	for (int i = 0; i < 64; i++) {
		pair_open(ring, false, &pairs[i]);
		stream_start(ring,
			     a10_bounded(a10_multishot(a10_recv_pooled(
						 pairs[i].ours, pool, 0)),
					 2),
			     &streams[i]);
	}
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 64; i++)
			sent[i] = send_pattern(pairs[i].theirs, sent[i], 1000);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	for (int i = 0; i < 64; i++)
		RUN_UNTIL(ring, streams[i].bytes == sent[i]);
	for (int i = 0; i < 64; i++) {
		ck_assert_uint_eq(streams[i].seen.ended, 0);
		pair_close(ring, &pairs[i]);
		ck_assert_uint_eq(streams[i].seen.ended, 1);
	}
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	ring_close(ring);
}

/* ---- buffers given back by another thread --------------------------------- */

struct returns {
	struct a10_buf bufs[256];
	atomic_uint given;
	atomic_bool over;
	unsigned int taken;
};

static void *release_all(void *data)
{
	struct returns *returns = data;

	for (;;) {
		bool over = atomic_load(&returns->over);

		while (returns->taken < atomic_load(&returns->given)) {
			a10_buf_release(returns->bufs[returns->taken % 256]);
			returns->taken++;
		}
		if (over)
			return NULL;
		sched_yield();
	}
}

static void on_give(void *data, const struct a10_result *r)
{
	struct returns *returns = data;

	if (r->value <= 0)
		return;
	ck_assert_ptr_nonnull(r->buf.data);
	returns->bufs[atomic_load(&returns->given) % 256] = r->buf;
	atomic_fetch_add(&returns->given, 1);
}

TEST(another_thread_releases_the_buffers)
{
	struct a10_ring *ring = ring_open(NULL);
	struct returns returns = { .taken = 0 };
	unsigned int count = test_scaled(5000);
	struct a10_pool *pool;
	struct pair pair;
	pthread_t thread;

	ck_assert_int_eq(a10_pool_create(ring, 16, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring),
			   a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
			   on_give, &returns),
		0);
	thread = thread_start(release_all, &returns);
	for (unsigned int i = 0; i < count; i++) {
		RUN_UNTIL(ring,
			  send(pair.theirs, "bytes", 5, MSG_DONTWAIT) == 5);
		if (i % 8 == 7)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	ck_assert_int_eq(close(pair.theirs), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	atomic_store(&returns.over, true);
	thread_join(thread);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_gt(atomic_load(&returns.given), count * 5 / 64);
	ck_assert_uint_eq(a10_pool_available(pool), 16);
	fd_close(ring, pair.ours);
	ring_close(ring);
}
