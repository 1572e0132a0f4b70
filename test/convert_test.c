/* Descriptors made of descriptors: registered, installed, cloned, replaced. */
#include "support.h"

static void assert_same_file(struct a10_ring *ring, struct a10_fd fd, int peer)
{
	char byte = 0;

	ck_assert_int_eq(value_of(ring, a10_write(fd, "x", 1)), 1);
	ck_assert_int_eq(read(peer, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
}

TEST(a_descriptor_becomes_direct_and_regular_again)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd direct, regular;
	int ends[2];

	pipe_open(ends);
	direct = fd_of(ring, a10_fd_register(a10_fd_regular(ends[1])));
	ck_assert(a10_fd_is_direct(direct));
	assert_same_file(ring, direct, ends[0]);
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL)) {
		regular = fd_of(ring, a10_fd_install(direct, 0));
		ck_assert_int_eq(fcntl(a10_fd_number(regular), F_GETFD),
				 FD_CLOEXEC);
		assert_same_file(ring, regular, ends[0]);
		fd_close(ring, regular);
		regular = fd_of(ring, a10_fd_install(direct, A10_FD_INHERIT));
		ck_assert_int_eq(fcntl(a10_fd_number(regular), F_GETFD), 0);
		fd_close(ring, regular);
	} else {
		ck_assert_int_eq(value_of(ring, a10_fd_install(direct, 0)),
				 -EOPNOTSUPP);
	}
	/* Each lives by itself. */
	ck_assert_int_eq(close(ends[1]), 0);
	ends[1] = -1;
	assert_same_file(ring, direct, ends[0]);
	fd_close(ring, direct);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_descriptor_is_cloned_as_what_it_is)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd regular, direct, copy;
	unsigned int before;
	int ends[2];

	pipe_open(ends);
	ring_bind(ring);
	before = open_descriptors();
	regular = a10_fd_regular(ends[1]);
	copy = fd_of(ring, a10_fd_clone(regular));
	ck_assert(!a10_fd_is_direct(copy));
	ck_assert_int_eq(fcntl(a10_fd_number(copy), F_GETFD), FD_CLOEXEC);
	assert_same_file(ring, copy, ends[0]);
	fd_close(ring, copy);
	direct = fd_of(ring, a10_direct(a10_fd_clone(regular)));
	ck_assert(a10_fd_is_direct(direct));
	assert_same_file(ring, direct, ends[0]);
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL)) {
		copy = fd_of(ring, a10_fd_clone(direct));
		ck_assert(a10_fd_is_direct(copy));
		ck_assert(!a10_fd_equal(copy, direct));
		assert_same_file(ring, copy, ends[0]);
		fd_close(ring, copy);
	} else {
		ck_assert_int_eq(value_of(ring, a10_fd_clone(direct)),
				 -EOPNOTSUPP);
	}
	fd_close(ring, direct);
	ck_assert_uint_eq(open_descriptors(), before);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_conversion_without_a_place_for_it_leaks_nothing)
{
	struct a10_ring *ring = ring_open_direct(1);
	struct a10_fd direct;
	unsigned int before;
	int ends[2];

	pipe_open(ends);
	direct = fd_of(ring, a10_fd_register(a10_fd_regular(ends[1])));
	before = open_descriptors();
	ck_assert_int_eq(value_of(ring,
				  a10_fd_register(a10_fd_regular(ends[1]))),
			 -ENFILE);
	ck_assert_int_eq(value_of(ring, a10_direct(a10_fd_clone(
						a10_fd_regular(ends[1])))),
			 -ENFILE);
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
		ck_assert_int_eq(value_of(ring, a10_fd_clone(direct)), -ENFILE);
	ck_assert_uint_eq(open_descriptors(), before);
	fd_close(ring, direct);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_conversion_that_cannot_be_says_so)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_ring *plain = ring_open(NULL);
	struct a10_fd none = a10_fd_regular(9999), direct;

	ck_assert_int_eq(value_of(ring, a10_fd_register(none)), -EBADF);
	ck_assert_int_eq(value_of(ring, a10_fd_clone(none)), -EBADF);
	ck_assert_int_eq(refusal_of(plain, a10_fd_register(A10_STDIN)), -ENXIO);
	direct = fd_of(ring, a10_fd_register(A10_STDIN));
	ck_assert_int_eq(refusal_of(ring, a10_fd_register(direct)), -EINVAL);
	ck_assert_int_eq(refusal_of(plain, a10_fd_install(direct, 0)), -EXDEV);
	ck_assert_int_eq(refusal_of(plain, a10_fd_clone(direct)), -ENXIO);
	ck_assert_int_lt(outcome_of(ring, a10_fd_install(A10_STDIN, 0)), 0);
	fd_close(ring, direct);
	ck_assert_int_lt(outcome_of(ring, a10_fd_install(direct, 0)), 0);
	ring_close(plain);
	ring_close(ring);
}

TEST(a_place_of_the_table_gets_another_file)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_ring *other = ring_open_direct(4);
	struct a10_fd place = a10_ring_direct(ring, 3), fd;
	int one[2], two[2];

	pipe_open(one);
	pipe_open(two);
	ck_assert_int_eq(a10_ring_set_direct_range(ring, 0, 3), 0);
	ck_assert_int_eq(
		value_of(ring, a10_fd_replace(place, a10_fd_regular(one[1]))),
		0);
	assert_same_file(ring, place, one[0]);
	ck_assert_int_eq(
		value_of(ring, a10_fd_replace(place, a10_fd_regular(two[1]))),
		0);
	assert_same_file(ring, place, two[0]);
	/* The kernel picks from the first three only. */
	for (int i = 0; i < 3; i++)
		(void)fd_of(ring, a10_fd_register(a10_fd_regular(one[1])));
	ck_assert_int_eq(value_of(ring,
				  a10_fd_register(a10_fd_regular(one[1]))),
			 -ENFILE);
	ck_assert_int_eq(refusal_of(other, a10_fd_replace(place, A10_STDIN)),
			 -EXDEV);
	ck_assert_int_eq(refusal_of(ring, a10_fd_replace(A10_STDIN, A10_STDIN)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_fd_replace(place, place)),
			 -EINVAL);
	/* To the kernel some of them say what nobody has asked for. */
	for (int number = -3; number < 0; number++)
		ck_assert_int_eq(
			refusal_of(ring,
				   a10_fd_replace(place,
						  a10_fd_regular(number))),
			-EBADF);
	assert_same_file(ring, place, two[0]);
	ck_assert_int_eq(value_of(ring,
				  a10_fd_replace(place, a10_fd_regular(9999))),
			 -EBADF);
	fd = a10_ring_direct(ring, 4);
	ck_assert(!a10_fd_valid(fd));
	ck_assert_int_eq(a10_ring_set_direct_range(ring, 2, 3), -EINVAL);
	ck_assert_int_eq(a10_ring_set_direct_range(ring, 0, 4), 0);
	pipe_close(one);
	pipe_close(two);
	ring_close(other);
	ring_close(ring);
}

TEST(a_descriptor_nobody_wants_is_closed_however_it_was_made)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_sq *sq = a10_ring_sq(ring);
	unsigned int before;

	ring_bind(ring);
	before = open_descriptors();
	for (int i = 0; i < 4; i++) {
		struct a10_op ops[] = {
			a10_fd_register(A10_STDIN),
			a10_fd_clone(A10_STDIN),
			a10_direct(a10_fd_clone(A10_STDIN)),
		};

		for (size_t j = 0; j < 3; j++) {
			a10_id id = a10_submit(sq, ops[j], NULL, NULL);

			ck_assert_int_gt(id, 0);
			if (i == 1)
				ck_assert_int_eq(a10_cancel(sq, id), 0);
			if (i == 2)
				ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
			if (i >= 2)
				ck_assert_int_eq(a10_detach(sq, id), 0);
			RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
			run_for(ring, A10_MILLISECOND);
		}
	}
	ck_assert_uint_eq(open_descriptors(), before);
	for (int i = 0; i < 2; i++) /* the table is empty */
		(void)fd_of(ring, a10_fd_register(A10_STDIN));
	ring_close(ring);
}
