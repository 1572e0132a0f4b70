/* Waiting until a descriptor is ready, once and again and again. */
#include "support.h"

#include <linux/io_uring.h>

TEST(poll_gives_the_events_that_hold)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(value_of(ring, a10_poll(pair.ours, POLLOUT)),
				 POLLOUT);
		start(ring, a10_poll(pair.ours, POLLIN), &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, POLLIN);
		ck_assert_int_eq(
			value_of(ring, a10_poll(pair.ours, POLLIN | POLLOUT)),
			POLLIN | POLLOUT);
		ck_assert_int_eq(close(pair.theirs), 0);
		pair.theirs = -1;
		ck_assert_int_ne(value_of(ring, a10_poll(pair.ours, POLLIN)) &
					 POLLHUP,
				 0);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(poll_tells_errors_that_were_not_asked_for)
{
	struct a10_ring *ring = ring_open(NULL);
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(close(ends[0]), 0);
	ends[0] = -1;
	ck_assert_int_ne(value_of(ring, a10_poll(a10_fd_regular(ends[1]), 0)) &
				 POLLERR,
			 0);
	pipe_close(ends);
	ring_close(ring);
}

TEST(poll_of_no_descriptor_is_ebadf)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd bad = a10_fd_regular(9999);

	ck_assert_int_eq(value_of(ring, a10_poll(bad, POLLIN)), -EBADF);
	ck_assert_int_eq(value_of(ring, a10_multishot(a10_poll(bad, POLLIN))),
			 -EBADF);
	ring_close(ring);
}

TEST(a_file_is_always_ready)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct a10_fd fd;

	folder_open(&folder);
	fd = fd_of(ring,
		   a10_open(folder_file(&folder, "f"), O_RDWR | O_CREAT, 0600));
	ck_assert_int_eq(value_of(ring, a10_poll(fd, POLLIN)), POLLIN);
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_multishot_poll_tells_every_change)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct seen seen;
		struct pair pair;
		char byte;
		a10_id id;

		pair_open(ring, direct, &pair);
		id = start(ring, a10_multishot(a10_poll(pair.ours, POLLIN)),
			   &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		for (unsigned int i = 0; i < 10; i++) {
			unsigned int before = seen.count;

			ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
			RUN_UNTIL(ring, seen.count > before);
			ck_assert_int_ne(seen.last.value & POLLIN, 0);
			ck_assert(seen.last.more);
			ck_assert_int_eq(seen.last.id, id);
			ck_assert_int_eq(value_of(ring, a10_recv(pair.ours,
								 &byte, 1, 0)),
					 1);
		}
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(many_polls_of_one_descriptor_are_all_told)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct seen seen[1000];
	int ends[2];

	pipe_open(ends);
	for (int i = 0; i < 1000; i++)
		start(ring, a10_poll(a10_fd_regular(ends[0]), POLLIN),
		      &seen[i]);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(seen[i].last.value, POLLIN);
	pipe_close(ends);
	ring_close(ring);
}

/* It is over when the last has come, whoever made the request. */
TEST(a_raw_request_with_many_results_can_be_awaited)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.poll32_events = POLLIN,
		.len = IORING_POLL_ADD_MULTI,
	};
	struct a10_result result;
	int ends[2];

	pipe_open(ends);
	sqe.fd = ends[0];
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring),
				      a10_timeout(a10_raw(&sqe), A_MOMENT),
				      &result),
			 -ETIME);
	ck_assert(!result.more);
	pipe_close(ends);
	ring_close(ring);
}
