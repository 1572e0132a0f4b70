/* Pipes and epoll instances, made and used on a ring. */
#include "support.h"

/*
 * The kernel takes the number of a direct one for a regular one, which is
 * somebody else's.
 */
TEST(a_direct_epoll_instance_is_the_one_that_is_changed)
{
	struct a10_ring *ring = ring_open_direct(64);
	int mine = epoll_create1(EPOLL_CLOEXEC);
	int other = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN }, got;
	struct a10_fd direct;
	int stranger, ends[2];
	ssize_t value;

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	stranger = fcntl(other, F_DUPFD_CLOEXEC, 40);
	ck_assert_int_ge(stranger, 40);
	ck_assert_int_lt(stranger, 64);
	direct = a10_ring_direct(ring, (uint32_t)stranger);
	ck_assert_int_eq(value_of(ring,
				  a10_fd_replace(direct, a10_fd_regular(mine))),
			 0);
	value = value_of(ring, a10_epoll_ctl(direct, EPOLL_CTL_ADD,
					     a10_fd_regular(ends[0]), &event));
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL)) {
		ck_assert_int_eq(value, 0);
		ck_assert_int_eq(epoll_wait(mine, &got, 1, 0), 1);
	} else {
		ck_assert_int_eq(value, -EOPNOTSUPP);
	}
	ck_assert_int_eq(epoll_wait(stranger, &got, 1, 0), 0);
	fd_close(ring, direct);
	pipe_close(ends);
	ck_assert_int_eq(close(stranger), 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(close(mine), 0);
	ring_close(ring);
}

/* ---- pipes ---------------------------------------------------------------- */

static void test_pipe(struct a10_ring *ring, bool direct)
{
	struct a10_fd ends[2];
	struct a10_op op = a10_pipe(ends, 0);
	char bytes[8] = "";

	ck_assert_int_eq(value_of(ring, direct ? a10_direct(op) : op), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert(a10_fd_is_direct(ends[i]) == direct);
		if (!direct)
			ck_assert_int_eq(fcntl(a10_fd_number(ends[i]), F_GETFD),
					 FD_CLOEXEC);
	}
	ck_assert_int_eq(value_of(ring, a10_write(ends[1], "abc", 3)), 3);
	ck_assert_int_eq(value_of(ring, a10_read(ends[0], bytes, 8)), 3);
	ck_assert_str_eq(bytes, "abc");
	fd_close(ring, ends[1]);
	ck_assert_int_eq(value_of(ring, a10_read(ends[0], bytes, 8)), 0);
	fd_close(ring, ends[0]);
}

TEST(a_pipe_is_made_of_both_kinds_of_descriptors)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_pipe(ring, false);
	test_pipe(ring, true);
	ring_close(ring);
}

TEST(a_pipe_for_which_there_is_half_the_room_is_none)
{
	struct a10_ring *ring = ring_open_direct(1);
	struct a10_fd ends[2] = { A10_STDIN, A10_STDIN };
	struct a10_fd fd;

	ck_assert_int_eq(value_of(ring, a10_direct(a10_pipe(ends, 0))),
			 -ENFILE);
	ck_assert(a10_fd_equal(ends[0], A10_STDIN));
	/* And what there is is free again. */
	fd = fd_of(ring, a10_direct(a10_open("/dev/null", O_RDWR, 0)));
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(a_pipe_nobody_wants_is_closed)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_fd ends[2];
	unsigned int before;

	ring_bind(ring);
	before = open_descriptors();
	ck_assert_int_gt(a10_submit(sq, a10_pipe(ends, 0), NULL, NULL), 0);
	ck_assert_int_gt(
		a10_submit(sq, a10_direct(a10_pipe(ends, 0)), NULL, NULL), 0);
	RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(open_descriptors(), before);
	test_pipe(ring, true); /* the table is empty again */
	ring_close(ring);
}

TEST(a_pipe_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd ends[2];

	ck_assert_int_eq(value_of(ring, a10_pipe(ends, 1 << 30)), -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_pipe(NULL, 0)), -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_direct(a10_pipe(ends, 0))),
			 -ENXIO);
	ring_close(ring);
}

TEST(tee_leaves_in_the_first_what_it_gives_the_second)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_fd from[2], to[2];
		struct a10_op one = a10_pipe(from, 0), two = a10_pipe(to, 0);
		char bytes[8] = "";
		struct seen seen;

		ck_assert_int_eq(value_of(ring, direct ? a10_direct(one) : one),
				 0);
		ck_assert_int_eq(value_of(ring, direct ? a10_direct(two) : two),
				 0);
		start(ring, a10_tee(from[0], to[1], 8, 0), &seen);
		run_for(ring, A_MOMENT);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(value_of(ring, a10_write(from[1], "abc", 3)),
				 3);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, 3);
		ck_assert_int_eq(value_of(ring, a10_read(to[0], bytes, 8)), 3);
		ck_assert_int_eq(value_of(ring, a10_read(from[0], bytes, 8)),
				 3);
		ck_assert_str_eq(bytes, "abc");
		for (int i = 0; i < 2; i++) {
			fd_close(ring, from[i]);
			fd_close(ring, to[i]);
		}
	}
	ck_assert_int_eq(
		value_of(ring, a10_tee(a10_fd_regular(9999), A10_STDIN, 1, 0)),
		-EBADF);
	ring_close(ring);
}

/* ---- epoll ------------------------------------------------------------------ */

TEST(an_epoll_instance_is_filled_and_waited_for)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd epoll = a10_fd_regular(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 42 };
	struct epoll_event got[4];
	struct seen seen;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(value_of(ring, a10_epoll_ctl(epoll, EPOLL_CTL_ADD,
						      a10_fd_regular(ends[0]),
						      &event)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_epoll_ctl(epoll, EPOLL_CTL_ADD,
						      a10_fd_regular(ends[0]),
						      &event)),
			 -EEXIST);
	start(ring, a10_epoll_wait(epoll, got, 4), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_uint_eq(got[0].data.u64, 42);
	ck_assert_uint_eq(got[0].events, EPOLLIN);
	/* At once, if there is something. */
	ck_assert_int_eq(value_of(ring, a10_epoll_wait(epoll, got, 4)), 1);
	ck_assert_int_eq(value_of(ring,
				  a10_epoll_ctl(epoll, EPOLL_CTL_DEL,
						a10_fd_regular(ends[0]), NULL)),
			 0);
	ck_assert_int_eq(
		value_of(ring,
			 a10_timeout(a10_epoll_wait(epoll, got, 4), A_MOMENT)),
		-ETIME);
	ck_assert_int_eq(close(a10_fd_number(epoll)), 0);
	pipe_close(ends);
	ring_close(ring);
}

TEST(an_epoll_wait_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd epoll = a10_fd_regular(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event got[4];
	struct seen seen;
	a10_id id = start(ring, a10_epoll_wait(epoll, got, 4), &seen);

	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	start(ring, a10_epoll_wait(epoll, got, 4), &seen);
	run_for(ring, A_MOMENT);
	fd_close(ring, epoll);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ring_close(ring);
}

TEST(epoll_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd epoll = a10_fd_regular(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = EPOLLIN };
	struct a10_fd bad = a10_fd_regular(9999);

	ck_assert_int_eq(value_of(ring, a10_epoll_wait(bad, &event, 1)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring, a10_epoll_wait(epoll, &event, 0)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_epoll_ctl(epoll, EPOLL_CTL_ADD, bad,
						      &event)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring,
				  a10_epoll_ctl(epoll, 99, epoll, &event)),
			 -EINVAL);
	ck_assert_int_eq(close(a10_fd_number(epoll)), 0);
	ring_close(ring);
}
