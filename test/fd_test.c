/* a10_fd: a value that is a regular descriptor, a direct one, or none. */
#include "support.h"

TEST(zero_is_no_descriptor)
{
	struct a10_fd fd;

	memset(&fd, 0, sizeof(fd));
	ck_assert(!a10_fd_valid(fd));
	ck_assert(!a10_fd_is_direct(fd));
	ck_assert_int_eq(a10_fd_number(fd), -1);
	ck_assert(a10_fd_equal(fd, A10_NO_FD));
	ck_assert(!a10_fd_equal(fd, A10_STDIN));
}

TEST(a_number_goes_in_and_comes_out)
{
	static const int numbers[] = { 0, 1, 2, 3, 1000, INT32_MAX - 2 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct a10_fd fd = a10_fd_regular(numbers[i]);

		ck_assert(a10_fd_valid(fd));
		ck_assert(!a10_fd_is_direct(fd));
		ck_assert_int_eq(a10_fd_number(fd), numbers[i]);
		ck_assert(a10_fd_equal(fd, a10_fd_regular(numbers[i])));
		ck_assert(!a10_fd_equal(fd, a10_fd_regular(numbers[i] + 1)));
	}
	ck_assert_int_eq(a10_fd_number(A10_STDIN), 0);
	ck_assert_int_eq(a10_fd_number(A10_STDOUT), 1);
	ck_assert_int_eq(a10_fd_number(A10_STDERR), 2);
}

TEST(minus_one_is_none)
{
	ck_assert(!a10_fd_valid(a10_fd_regular(-1)));
	ck_assert(a10_fd_equal(a10_fd_regular(-1), A10_NO_FD));
}

TEST(a_direct_one_is_told_from_a_regular_one)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_op op = a10_open("/dev/null", O_RDONLY, 0);
	struct a10_fd direct[2];
	struct a10_fd plain;

	direct[0] = fd_of(ring, a10_direct(op));
	direct[1] = fd_of(ring, a10_direct(op));
	plain = fd_of(ring, op);
	ck_assert(a10_fd_is_direct(direct[0]) && a10_fd_is_direct(direct[1]));
	ck_assert(!a10_fd_is_direct(plain));
	ck_assert_int_eq(a10_fd_number(direct[0]), -1);
	ck_assert(a10_fd_valid(direct[0]) && a10_fd_valid(direct[1]));
	ck_assert(!a10_fd_equal(direct[0], direct[1]));
	ck_assert(a10_fd_equal(direct[0], direct[0]));
	ck_assert_int_eq(direct[0].ring, direct[1].ring);
	ck_assert(!a10_fd_equal(direct[0],
				a10_fd_regular(direct[0].plus_one - 1)));
	fd_close(ring, direct[0]);
	fd_close(ring, direct[1]);
	fd_close(ring, plain);
	ring_close(ring);
}

/* Else a descriptor that outlives its ring would be one of the next. */
TEST(rings_have_numbers_of_their_own)
{
	uint32_t last = 0;

	for (int i = 0; i < 20; i++) {
		struct a10_ring *ring = ring_open_direct(1);
		struct a10_fd fd = fd_of(
			ring, a10_direct(a10_open("/dev/null", O_RDONLY, 0)));

		ck_assert_uint_ne(fd.ring, 0);
		ck_assert_uint_ne(fd.ring, last);
		last = fd.ring;
		ring_close(ring);
	}
}

TEST(a_direct_descriptor_takes_no_number_of_the_process)
{
	struct a10_ring *ring = ring_open_direct(16);
	unsigned int before = open_descriptors();
	struct a10_fd fds[16];

	for (int i = 0; i < 16; i++)
		fds[i] = fd_of(ring,
			       a10_direct(a10_open("/dev/null", O_RDONLY, 0)));
	ck_assert_uint_eq(open_descriptors(), before);
	for (int i = 0; i < 16; i++)
		fd_close(ring, fds[i]);
	ring_close(ring);
}
