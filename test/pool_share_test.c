/*
 * What is shared: buffers that are lent piece by piece, and a pool by streams that
 * come and go.
 */
#include "pools.h"

/* ---- incremental --------------------------------------------------------- */

TEST(an_incremental_buffer_is_lent_piece_by_piece)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open_incremental(ring, 2, 4096);
	struct a10_buf bufs[4];
	struct pair pair;

	ck_assert_uint_eq(a10_pool_buffer_size(pool), 4096);
	pair_open(ring, false, &pair);
	for (int i = 0; i < 4; i++) {
		put(pair.theirs, "0123456789", 10);
		bufs[i] = received(ring, &pair, pool);
		buf_is(bufs[i], "0123456789");
		ck_assert_ptr_eq(bufs[i].data, bufs[0].data + 10 * i);
		ck_assert_uint_eq(a10_pool_available(pool), 2);
	}
	/* The kernel is not done with it, so it stays where it is. */
	for (int i = 0; i < 4; i++)
		a10_buf_release(bufs[i]);
	put(pair.theirs, "x", 1);
	bufs[1] = received(ring, &pair, pool);
	ck_assert_ptr_eq(bufs[1].data, bufs[0].data + 40);
	a10_buf_release(bufs[1]);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(an_incremental_buffer_goes_back_with_its_last_piece)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open_incremental(ring, 2, 64);
	struct a10_buf bufs[4];
	unsigned char data[64];
	struct pair pair;

	pair_open(ring, false, &pair);
	pattern_fill(data, sizeof(data), 0);
	for (int i = 0; i < 4; i++) {
		put(pair.theirs, data + i * 16, 16);
		bufs[i] = received(ring, &pair, pool);
	}
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	for (int i = 0; i < 4; i++)
		pattern_check(bufs[i].data, 16, (uint64_t)i * 16);
	a10_buf_release(bufs[3]);
	a10_buf_release(bufs[0]);
	a10_buf_release(bufs[1]);
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	pattern_check(bufs[2].data, 16, 32);
	a10_buf_release(bufs[2]);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	pool_is_whole(ring, pool);
	/* More than the rest of it is two pieces, the second of the next. */
	put(pair.theirs, data, 64);
	put(pair.theirs, data, 40);
	for (int i = 0; i < 2; i++)
		bufs[i] = received(ring, &pair, pool);
	put(pair.theirs, data + 40, 24);
	bufs[2] = received(ring, &pair, pool);
	pattern_check(bufs[0].data, bufs[0].length, 0);
	pattern_check(bufs[1].data, 40, 0);
	pattern_check(bufs[2].data, 24, 40);
	for (int i = 0; i < 3; i++)
		a10_buf_release(bufs[i]);
	pool_is_whole(ring, pool);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(pieces_can_be_many_and_small)
{
	const uint32_t size = test_scaled(2500);
	const uint32_t pieces = 4 * size;
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open_incremental(ring, 4, size);
	struct a10_buf *bufs = calloc(pieces, sizeof(*bufs));
	uint64_t state = test_seed();
	struct pair pair;

	pair_open(ring, false, &pair);
	for (uint32_t i = 0; i < pieces; i++) {
		const unsigned char byte = pattern_byte(i);

		put(pair.theirs, &byte, 1);
		bufs[i] = received(ring, &pair, pool);
		ck_assert_uint_eq(bufs[i].length, 1);
	}
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	for (uint32_t left = pieces; left > 0; left--) {
		const uint32_t i = (uint32_t)(test_random(&state) % left);

		a10_buf_release(bufs[i]);
		bufs[i] = bufs[left - 1];
	}
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pool_is_whole(ring, pool);
	pair_close(ring, &pair);
	free(bufs);
	ring_close(ring);
}

TEST(without_incremental_buffers_the_memory_is_cut_smaller)
{
	static const struct {
		uint32_t count, size, then_count, then_size;
	} cases[] = {
		{ 16, 65536, 256, 4096 },
		{ 4, 4096, 4, 4096 },
		{ 8, 100, 8, 100 },
		{ 1, 4097, 2, 4096 },
		{ 16, 100 * 1024, 512, 4096 },
		{ 32768, 8192, 32768, 8192 },
		{ 4, 64 << 20, 32768, 8192 },
		{ 1, (256 << 20) + 1, 32768, 12288 },
	};
	struct a10_ring *ring = ring_open(NULL);

	ring->grant.incremental = false;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct a10_pool *pool =
			pool_open(ring, cases[i].count, cases[i].size,
				  A10_POOL_INCREMENTAL);

		ck_assert_uint_eq(a10_pool_available(pool),
				  cases[i].then_count);
		ck_assert_uint_eq(a10_pool_buffer_size(pool),
				  cases[i].then_size);
		if (i == 0)
			pool_is_whole(ring, pool);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

/* ---- all at once --------------------------------------------------------- */

#define STREAMS 6
#define HELD    24

/* A stream of a pattern, which ends now and then and begins anew. */
struct stream {
	struct a10_ring *ring;
	struct a10_pool *pool;
	struct pair pair; /* or a pipe */
	bool pipe;
	bool busy;
	uint64_t sent;
	uint64_t seen;
	struct {
		struct a10_buf buf;
		uint64_t from;
	} held[HELD];
	unsigned int held_count;
	unsigned int ends;
};

static void stream_open(struct stream *stream)
{
	int ends[2];

	stream->sent = 0;
	stream->seen = 0;
	if (!stream->pipe) {
		pair_open(stream->ring, false, &stream->pair);
		return;
	}
	pipe_open(ends);
	stream->pair.ours = a10_fd_regular(ends[0]);
	stream->pair.theirs = ends[1];
}

static void stream_release(struct stream *stream, unsigned int i)
{
	/* Still what it was: nobody else was given these bytes. */
	pattern_check(stream->held[i].buf.data, stream->held[i].buf.length,
		      stream->held[i].from);
	a10_buf_release(stream->held[i].buf);
	stream->held[i] = stream->held[--stream->held_count];
}

static void on_stream(void *data, const struct a10_result *r)
{
	struct stream *stream = data;

	ck_assert_int_ge(r->value, 0);
	stream->busy = false;
	if (r->value == 0) {
		ck_assert_ptr_null(r->buf.data);
		ck_assert_uint_eq(stream->seen, stream->sent);
		close(a10_fd_number(stream->pair.ours));
		stream->ends++;
		stream_open(stream);
		return;
	}
	pattern_check(r->buf.data, (size_t)r->value, stream->seen);
	stream->held[stream->held_count].buf = r->buf;
	stream->held[stream->held_count++].from = stream->seen;
	stream->seen += (uint64_t)r->value;
}

static void stream_step(struct stream *stream, uint64_t *state)
{
	unsigned char data[200];
	const size_t length = test_random(state) % sizeof(data) + 1;
	struct a10_op op =
		stream->pipe ?
			a10_read_pooled(stream->pair.ours, stream->pool) :
			a10_recv_pooled(stream->pair.ours, stream->pool, 0);

	if (!stream->busy && stream->held_count < HELD) {
		ck_assert_int_gt(a10_submit(a10_ring_sq(stream->ring), op,
					    on_stream, stream),
				 0);
		stream->busy = true;
	}
	if (stream->held_count > 0 && test_random(state) % 2)
		stream_release(stream, (unsigned int)(test_random(state) %
						      stream->held_count));
	if (stream->pair.theirs < 0)
		return;
	if (stream->sent - stream->seen < 4096) {
		pattern_fill(data, length, stream->sent);
		put(stream->pair.theirs, data, length);
		stream->sent += length;
	}
	if (test_random(state) % 20 == 0) {
		close(stream->pair.theirs);
		stream->pair.theirs = -1;
	}
}

static void stream_finish(struct stream *stream)
{
	if (stream->pair.theirs >= 0)
		close(stream->pair.theirs);
	while (stream->held_count > 0)
		stream_release(stream, 0);
	fd_close(stream->ring, stream->pair.ours);
}

static void streams_share(uint32_t flags)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 512, flags);
	struct stream streams[STREAMS];
	uint64_t state = test_seed();
	unsigned int ends = 0;

	memset(streams, 0, sizeof(streams));
	for (int i = 0; i < STREAMS; i++) {
		streams[i].ring = ring;
		streams[i].pool = pool;
		streams[i].pipe = i % 2;
		stream_open(&streams[i]);
	}
	for (unsigned int step = 0; step < test_scaled(20000); step++) {
		stream_step(&streams[test_random(&state) % STREAMS], &state);
		if (test_random(&state) % 3 == 0)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &streams[i];

		if (stream->pair.theirs >= 0)
			close(stream->pair.theirs);
		stream->pair.theirs = -1;
	}
	/* All that waits gets a buffer as the others give theirs back. */
	for (int i = 0; i < STREAMS; i++) {
		struct stream *stream = &streams[i];

		while (stream->held_count > 0)
			stream_release(stream, 0);
		while (stream->busy) {
			ring_step(ring, a10_now() + PATIENCE, "a stream",
				  __LINE__);
			for (int j = 0; j < STREAMS; j++) {
				while (streams[j].held_count > 0)
					stream_release(&streams[j], 0);
			}
		}
	}
	for (int i = 0; i < STREAMS; i++) {
		ends += streams[i].ends;
		stream_finish(&streams[i]);
	}
	ck_assert_uint_gt(ends, 0);
	pool_settles(ring, pool);
	ck_assert_uint_eq(a10_pool_available(pool), pool->count);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(streams_that_come_and_go_share_a_pool)
{
	streams_share(0);
}

TEST(streams_that_come_and_go_share_an_incremental_pool)
{
	streams_share(A10_POOL_INCREMENTAL);
}
