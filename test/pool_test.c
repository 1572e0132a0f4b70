/*
 * Pools on the real kernel: what a result's buffer holds, and that each buffer
 * is in exactly one place, the kernel's ring or a holder's hands, whatever
 * happens. Releasing from other threads and after the end is in loan_test.c.
 */
#include "pools.h"

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
