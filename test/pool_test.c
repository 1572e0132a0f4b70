/*
 * Pools on the real kernel: what a result's buffer holds, and that each buffer
 * is in exactly one place, the kernel's ring or a holder's hands, whatever
 * happens. Releasing from other threads and after the end is in loan_test.c.
 */
#include "support.h"

#include "buf/loan.h"
#include "ring/core.h"

static struct a10_pool *pool_open(struct a10_ring *ring, uint32_t count,
				  uint32_t size, uint32_t flags)
{
	struct a10_pool *pool = NULL;
	const int err = a10_pool_create(ring, count, size, flags, &pool);

	if (err == -EOPNOTSUPP)
		SKIP("the kernel has no rings of buffers");
	ck_assert_msg(err == 0, "no pool: %s", strerror(-err));
	return pool;
}

static struct a10_pool *pool_open_incremental(struct a10_ring *ring,
					      uint32_t count, uint32_t size)
{
	if (!ring->grant.incremental)
		SKIP("the kernel has no incremental buffers");
	return pool_open(ring, count, size, A10_POOL_INCREMENTAL);
}

static void put(int fd, const void *data, size_t length)
{
	ck_assert_int_eq(write(fd, data, length), (ssize_t)length);
}

static void buf_is(struct a10_buf buf, const char *text)
{
	ck_assert_uint_eq(buf.length, strlen(text));
	ck_assert_mem_eq(buf.data, text, buf.length);
}

static struct a10_buf received(struct a10_ring *ring, struct pair *pair,
			       struct a10_pool *pool)
{
	const struct a10_result r =
		result_of(ring, a10_recv_pooled(pair->ours, pool, 0));

	ck_assert_int_gt(r.value, 0);
	ck_assert_ptr_nonnull(r.buf.data);
	ck_assert_ptr_eq(r.buf.pool, pool);
	ck_assert_uint_eq(r.buf.length, (size_t)r.value);
	ck_assert_uint_eq(r.count, (size_t)r.value);
	return r.buf;
}

/*
 * All of a pool's memory is given out once, piece by piece, and no two pieces
 * share a byte: so no buffer is lost, and none is in the kernel's ring twice.
 */
static void pool_is_whole(struct a10_ring *ring, struct a10_pool *pool)
{
	const size_t total =
		(size_t)a10_pool_available(pool) * a10_pool_buffer_size(pool);
	unsigned char *seen = calloc(1, pool->memory_size);
	struct a10_buf *bufs = calloc(4 * (size_t)pool->count, sizeof(*bufs));
	unsigned char *data = calloc(1, pool->size);
	size_t count = 0, sum = 0;
	struct pair pair;

	ck_assert_uint_eq(total, pool->memory_size);
	pair_open(ring, false, &pair);
	while (sum < total) {
		const struct a10_buf *buf = &bufs[count];

		put(pair.theirs, data, pool->size);
		ck_assert_uint_lt(count, 4 * (size_t)pool->count);
		bufs[count++] = received(ring, &pair, pool);
		for (uint32_t i = 0; i < buf->length; i++) {
			unsigned char *at = &seen[buf->data - pool->memory + i];

			ck_assert_uint_eq(*at, 0);
			*at = 1;
		}
		sum += buf->length;
	}
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	while (count > 0)
		a10_buf_release(bufs[--count]);
	ck_assert_uint_eq(a10_pool_available(pool), pool->count);
	pair_close(ring, &pair);
	free(data);
	free(bufs);
	free(seen);
}

/* ---- making one ---------------------------------------------------------- */

TEST(sizes_that_cannot_be_are_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = NULL;

	ck_assert_int_eq(a10_pool_create(ring, 0, 64, 0, &pool), -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 3, 64, 0, &pool), -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 65536, 64, 0, &pool), -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, UINT32_MAX, 64, 0, &pool),
			 -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 4, 0, 0, &pool), -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 4, UINT32_MAX, 0, &pool),
			 -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 2, &pool), -EINVAL);
	ck_assert_int_eq(a10_pool_create(ring, 32768, 1u << 30, 0, &pool),
			 -EINVAL);
	ck_assert_ptr_null(pool);
	a10_pool_destroy(NULL);
	ring_close(ring);
}

TEST(the_least_and_the_most_buffers_can_be_had)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *one = pool_open(ring, 1, 1, 0);
	struct a10_pool *most = pool_open(ring, 32768, 16, 0);
	struct a10_buf bufs[2];
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_uint_eq(a10_pool_available(one), 1);
	ck_assert_uint_eq(a10_pool_buffer_size(one), 1);
	ck_assert_uint_eq(a10_pool_available(most), 32768);
	put(pair.theirs, "ab", 2);
	bufs[0] = received(ring, &pair, one);
	buf_is(bufs[0], "a");
	ck_assert_uint_eq(a10_pool_available(one), 0);
	bufs[1] = received(ring, &pair, most);
	buf_is(bufs[1], "b");
	a10_buf_release(bufs[0]);
	a10_buf_release(bufs[1]);
	pool_is_whole(ring, one);
	pool_is_whole(ring, most);
	pair_close(ring, &pair);
	ring_close(ring); /* destroys them */
}

TEST(pools_of_a_ring_come_and_go_and_do_not_mix)
{
	enum {
		POOLS = 20
	};
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pools[POOLS];
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < POOLS; i++)
		pools[i] = pool_open(ring, 2, 64, 0);
	for (int round = 0; round < 30; round++) {
		const int i = round % POOLS;

		a10_pool_destroy(pools[i]);
		pools[i] = pool_open(ring, 2, 64, 0);
		ck_assert(pool_is_usable(pools[i], ring));
		for (int j = 0; j < i; j++)
			ck_assert_uint_ne(pool_group(pools[i]),
					  pool_group(pools[j]));
	}
	for (int i = 0; i < POOLS; i++) {
		struct a10_buf buf;

		put(pair.theirs, "text", 4);
		buf = received(ring, &pair, pools[i]);
		for (int j = 0; j < POOLS; j++)
			ck_assert_uint_eq(a10_pool_available(pools[j]),
					  i == j ? 1 : 2);
		a10_buf_release(buf);
	}
	for (int i = POOLS; i-- > 0;)
		a10_pool_destroy(pools[i]);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* The number the library would take next may be another's. */
TEST(a_group_that_exists_is_passed_over)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *first = pool_open(ring, 2, 64, 0);
	struct a10_pool *second;

	ring->next_group = pool_group(first);
	second = pool_open(ring, 2, 64, 0);
	ck_assert_uint_ne(pool_group(first), pool_group(second));
	ring->next_group = UINT16_MAX;
	ck_assert_uint_eq(pool_group(pool_open(ring, 2, 64, 0)), UINT16_MAX);
	a10_pool_destroy(second);
	second = pool_open(ring, 2, 64, 0);
	pool_is_whole(ring, first);
	pool_is_whole(ring, second);
	ring_close(ring);
}

static void *create_elsewhere(void *data)
{
	struct a10_pool *pool = NULL;
	const int err = a10_pool_create(data, 2, 64, 0, &pool);

	if (err == 0)
		return pool;
	ck_assert_int_eq(err, -EPERM);
	return NULL;
}

TEST(any_thread_makes_one_before_the_ring_is_bound_then_only_the_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool =
		thread_join(thread_start(create_elsewhere, ring));

	ck_assert_ptr_nonnull(pool);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ck_assert_ptr_null(thread_join(thread_start(create_elsewhere, ring)));
	pool_is_whole(ring, pool);
	a10_pool_destroy(pool);
	ring_close(ring);
}

static void on_closing(void *data, const struct a10_result *r)
{
	struct a10_pool *pool;
	struct a10_ring *ring = a10_ring_current();
	int *err = data;

	ck_assert_int_eq(r->value, -ECANCELED);
	*err = a10_pool_create(ring, 2, 64, 0, &pool);
}

TEST(a_ring_that_ends_gets_no_new_ones)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;
	char byte;
	int err = 0;

	pair_open(ring, false, &pair);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_recv(pair.ours, &byte, 1, 0),
				    on_closing, &err),
			 0);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ring_close(ring);
	ck_assert_int_eq(err, -ESHUTDOWN);
	close(pair.theirs);
	close(a10_fd_number(pair.ours));
}

/* ---- receiving ----------------------------------------------------------- */

TEST(a_buffer_is_lent_with_what_came_and_used_again)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 4096, 0);
	struct pair pair;
	struct a10_buf buf;

	pair_open(ring, false, &pair);
	put(pair.theirs, "hello", 5);
	buf = received(ring, &pair, pool);
	buf_is(buf, "hello");
	ck_assert_uint_eq(a10_pool_available(pool), 3);
	a10_buf_release(buf);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pool_is_whole(ring, pool);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

/* The kernel's ring is counted by 16 bits. */
TEST(a_pool_is_used_more_often_than_its_index_can_count)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, 0);
	struct seen seen;
	struct pair pair;

	pair_open(ring, false, &pair);
	start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)), &seen);
	for (uint32_t i = 0; i < 70000; i++) {
		put(pair.theirs, &i, sizeof(i));
		while (seen.count == i)
			ck_assert_int_ge(a10_ring_poll(ring, PATIENCE), 0);
		ck_assert_uint_eq(seen.count, i + 1);
		ck_assert_uint_eq(seen.last.buf.length, sizeof(i));
		ck_assert_mem_eq(seen.last.buf.data, &i, sizeof(i));
		a10_buf_release(seen.last.buf);
	}
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	RUN_UNTIL(ring, seen.ended > 0);
	ck_assert_int_eq(seen.last.value, 0);
	pool_is_whole(ring, pool);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* With MSG_TRUNC recv(2) tells how long a datagram was, not what it got. */
TEST(a_datagram_that_was_longer_is_lent_as_long_as_the_buffer)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 2, 16, 0);
	struct a10_result r;
	int ends[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	put(ends[1], "0123456789abcdefghijkl", 22);
	r = result_of(ring, a10_recv_pooled(a10_fd_regular(ends[0]), pool,
					    MSG_TRUNC));
	ck_assert_int_eq(r.value, 22);
	buf_is(r.buf, "0123456789abcdef");
	a10_buf_release(r.buf);
	pool_is_whole(ring, pool);
	close(ends[0]);
	close(ends[1]);
	ring_close(ring);
}

/* ---- more receivers than buffers ----------------------------------------- */

TEST(receivers_that_find_no_buffer_get_one_when_it_is_back)
{
	enum {
		RECEIVERS = 8
	};
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 2, 64, 0);
	struct pair pairs[RECEIVERS];
	struct seen seen[RECEIVERS];
	bool released[RECEIVERS] = { false };
	unsigned int done = 0;

	for (int i = 0; i < RECEIVERS; i++) {
		pair_open(ring, false, &pairs[i]);
		start(ring, a10_recv_pooled(pairs[i].ours, pool, 0), &seen[i]);
	}
	for (int i = 0; i < RECEIVERS; i++)
		put(pairs[i].theirs, &"abcdefgh"[i], 1);
	run_for(ring, A_MOMENT);
	for (int i = 0; i < RECEIVERS; i++)
		done += seen[i].count;
	ck_assert_uint_eq(done, 2);
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	for (done = 0; done < RECEIVERS;) {
		const unsigned int before = done;

		for (int i = 0; i < RECEIVERS; i++) {
			if (seen[i].count == 0 || released[i])
				continue;
			ck_assert_int_eq(seen[i].last.value, 1);
			ck_assert_int_eq(seen[i].last.buf.data[0],
					 "abcdefgh"[i]);
			a10_buf_release(seen[i].last.buf);
			released[i] = true;
			done++;
			break;
		}
		if (done == before)
			ring_step(ring, a10_now() + PATIENCE, "a buffer",
				  __LINE__);
	}
	for (int i = 0; i < RECEIVERS; i++)
		pair_close(ring, &pairs[i]);
	pool_is_whole(ring, pool);
	ring_close(ring);
}

TEST(a_multishot_goes_on_when_buffers_are_back)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 16, 0);
	unsigned char data[16 * 10];
	struct seen seen;
	struct pair pair;

	pattern_fill(data, sizeof(data), 0);
	pair_open(ring, false, &pair);
	start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)), &seen);
	put(pair.theirs, data, sizeof(data));
	RUN_UNTIL(ring, seen.count == 4);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 4);
	for (unsigned int i = 0; i < 10; i++) {
		RUN_UNTIL(ring, seen.count > i);
		ck_assert(seen.at[i].more);
		ck_assert_uint_eq(seen.at[i].buf.length, 16);
		pattern_check(seen.at[i].buf.data, 16, i * UINT64_C(16));
		a10_buf_release(seen.at[i].buf);
	}
	ck_assert_uint_eq(seen.ended, 0);
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	RUN_UNTIL(ring, seen.ended > 0);
	ck_assert_int_eq(seen.last.value, 0);
	ck_assert_ptr_null(seen.last.buf.data);
	pool_is_whole(ring, pool);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* ---- ends and errors ----------------------------------------------------- */

static struct a10_pool *pool_of_kind(struct a10_ring *ring, bool incremental)
{
	return incremental ? pool_open_incremental(ring, 2, 64) :
			     pool_open(ring, 2, 64, 0);
}

/* Polls until what became of the buffers is known. */
static void pool_settles(struct a10_ring *ring, struct a10_pool *pool)
{
	while (pool->doubts > 0)
		ring_step(ring, a10_now() + PATIENCE, "doubts", __LINE__);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
}

static void ends_lose_nothing(bool incremental)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_of_kind(ring, incremental);
	struct folder folder;
	int file, ends[2];
	struct pair pair;

	folder_open(&folder);
	file_write(folder_file(&folder, "empty"), "", 0);
	file = open(folder.file, O_RDONLY | O_CLOEXEC);
	pair_open(ring, false, &pair);
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	pipe_open(ends);
	close(ends[1]);
	ends[1] = -1;
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(
			value_of(ring, a10_recv_pooled(pair.ours, pool, 0)), 0);
		ck_assert_int_eq(
			value_of(ring,
				 a10_read_pooled(a10_fd_regular(file), pool)),
			0);
		ck_assert_int_eq(
			value_of(ring, a10_read_pooled(a10_fd_regular(ends[0]),
						       pool)),
			0);
	}
	pool_settles(ring, pool);
	pool_is_whole(ring, pool);
	close(file);
	pipe_close(ends);
	pair_close(ring, &pair);
	folder_close(&folder);
	ring_close(ring);
}

TEST(the_end_of_a_file_loses_no_buffer)
{
	ends_lose_nothing(false);
}

TEST(the_end_of_a_file_loses_no_incremental_buffer)
{
	ends_lose_nothing(true);
}

static void errors_lose_nothing(bool incremental)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_of_kind(ring, incremental);
	int file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int write_only[2];

	ck_assert_int_ge(file, 0);
	ck_assert_int_ge(folder, 0);
	pipe_open(write_only);
	for (int i = 0; i < 20; i++) {
		const struct a10_fd ends = a10_fd_regular(write_only[1]);

		ck_assert_int_eq(
			value_of(ring,
				 a10_read_pooled(a10_fd_regular(folder), pool)),
			-EISDIR);
		ck_assert_int_eq(value_of(ring, a10_read_pooled(ends, pool)),
				 -EBADF);
		ck_assert_int_eq(value_of(ring, a10_recv_pooled(ends, pool, 0)),
				 -ENOTSOCK);
		/* Address 0 of this process: nothing is there. */
		ck_assert_int_lt(
			value_of(ring,
				 a10_read_pooled(a10_fd_regular(file), pool)),
			0);
	}
	pool_settles(ring, pool);
	pool_is_whole(ring, pool);
	pipe_close(write_only);
	close(folder);
	close(file);
	ring_close(ring);
}

TEST(an_error_loses_no_buffer)
{
	errors_lose_nothing(false);
}

TEST(an_error_loses_no_incremental_buffer)
{
	errors_lose_nothing(true);
}

/* A peer that resets: the receiver had a buffer, or had not. */
TEST(a_reset_connection_loses_no_buffer)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 2, 64, 0);

	for (int i = 0; i < 20; i++) {
		struct seen seen;
		struct pair pair;

		pair_open(ring, false, &pair);
		start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		      &seen);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		/* Closed with unread data: the other end is reset. */
		put(a10_fd_number(pair.ours), "unread", 6);
		close(pair.theirs);
		pair.theirs = -1;
		RUN_UNTIL(ring, seen.ended > 0);
		ck_assert_int_le(seen.last.value, 0);
		pair_close(ring, &pair);
	}
	pool_settles(ring, pool);
	pool_is_whole(ring, pool);
	ring_close(ring);
}

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
