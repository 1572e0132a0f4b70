/* Modifiers that are flags: drained, forced, fixed, zero-copy, personality. */
#include "support.h"

/* ---- drained ---------------------------------------------------------------- */

TEST(a_drained_operation_starts_when_all_before_it_is_over)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	struct pair pair;
	char byte;

	for (int round = 0; round < 3; round++) {
		pair_open(ring, false, &pair);
		start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
		start(ring, a10_drained(a10_nop()), &seen[1]);
		start(ring, a10_nop(), &seen[2]);
		run_for(ring, A_MOMENT);
		for (int i = 0; i < 3; i++)
			ck_assert_uint_eq(seen[i].count, 0);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, seen[2].ended == 1);
		ck_assert_int_eq(seen[0].last.value, 1);
		ck_assert_int_eq(seen[1].last.value, 0);
		ck_assert_int_eq(seen[2].last.value, 0);
		pair_close(ring, &pair);
		/* Nothing of it is left. */
		ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	}
	ring_close(ring);
}

TEST(a_drained_operation_before_which_is_nothing_starts_at_once)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(value_of(ring, a10_drained(a10_nop())), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(value_of(ring, a10_drained(a10_nop())), 0);
	ring_close(ring);
}

/* A cancel request would queue up behind the drain. */
TEST(what_holds_up_a_drain_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	struct pair pair;
	char byte;
	a10_id id;

	pair_open(ring, false, &pair);
	id = start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
	start(ring, a10_drained(a10_nop()), &seen[1]);
	start(ring, a10_nop(), &seen[2]);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen[0].ended && seen[1].ended && seen[2].ended);
	ck_assert_int_eq(seen[0].last.value, -ECANCELED);
	ck_assert_int_eq(seen[1].last.value, 0);
	ck_assert_int_eq(seen[2].last.value, 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_drained_operation_that_waits_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	struct pair pair;
	char byte;
	a10_id id;

	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
	id = start(ring, a10_drained(a10_nop()), &seen[1]);
	start(ring, a10_timeout(a10_nop(), A_MOMENT), &seen[2]);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen[0].count, 0);
	/* The kernel cannot end it before its turn: then, or never, it ran. */
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, seen[0].ended && seen[1].ended && seen[2].ended);
	ck_assert_int_eq(seen[0].last.value, 1);
	ck_assert(seen[1].last.value == -ECANCELED || seen[1].last.value == 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_ring_with_a_drain_is_destroyed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[3];
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
	start(ring, a10_drained(a10_nop()), &seen[1]);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[2]);
	run_for(ring, A10_MILLISECOND);
	ring_close(ring);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	ck_assert_int_eq(seen[0].last.value, -ECANCELED);
	ck_assert_int_eq(seen[2].last.value, -ECANCELED);
	ck_assert_int_eq(close(pair.theirs), 0);
	a10_fd_release(pair.ours);
}

/* ---- forced_async -------------------------------------------------------------- */

TEST(what_is_forced_to_a_worker_gives_the_same)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct pair pair;
		char bytes[8];

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(value_of(ring, a10_forced_async(a10_nop())),
				 0);
		ck_assert_int_eq(
			value_of(ring, a10_forced_async(a10_send(pair.ours,
								 "abc", 3, 0))),
			3);
		ck_assert_int_eq(recv(pair.theirs, bytes, 8, 0), 3);
		ck_assert_int_eq(value_of(ring, a10_forced_async(a10_read(
							a10_fd_regular(9999),
							bytes, 1))),
				 -EBADF);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(what_is_forced_to_a_worker_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	char byte;
	int ends[2];

	pipe_open(ends);
	for (int i = 0; i < 20; i++) {
		struct seen seen;
		a10_id id = start(ring,
				  a10_forced_async(a10_read(
					  a10_fd_regular(ends[0]), &byte, 1)),
				  &seen);

		if (i % 2)
			run_for(ring, A10_MILLISECOND);
		else
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, -ECANCELED);
	}
	pipe_close(ends);
	ring_close(ring);
}

/* ---- fixed --------------------------------------------------------------------- */

TEST(a_registered_region_is_read_and_written)
{
	struct a10_config config = { .registered_buffers = 2,
				     .direct_descriptors = 4 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_region *region = NULL;
	struct folder folder;
	unsigned char *data;

	ck_assert_int_eq(a10_region_create(ring, NULL, 65536, &region), 0);
	data = a10_region_data(region);
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq((uintptr_t)data % 4096, 0);
	folder_open(&folder);
	for (int direct = 0; direct < 2; direct++) {
		struct a10_op op = a10_open(folder_file(&folder, "f"),
					    O_RDWR | O_CREAT | O_TRUNC, 0600);
		struct a10_fd fd = fd_of(ring, direct ? a10_direct(op) : op);
		struct iovec iov[2] = { { data + 20000, 50 },
					{ data + 21000, 50 } };

		pattern_fill(data, 1000, 0);
		ck_assert_int_eq(
			value_of(ring, a10_fixed(a10_pwrite(fd, data, 1000, 0),
						 region)),
			1000);
		ck_assert_int_eq(
			value_of(ring,
				 a10_all(a10_fixed(a10_pread(fd, data + 10000,
							     2000, 0),
						   region))),
			1000);
		pattern_check(data + 10000, 1000, 0);
		ck_assert_int_eq(
			value_of(ring, a10_fixed(a10_preadv2(fd, iov, 2, 7, 0),
						 region)),
			100);
		pattern_check(data + 20000, 50, 7);
		pattern_check(data + 21000, 50, 57);
		ck_assert_int_eq(
			value_of(ring,
				 a10_fixed(a10_pwritev2(fd, iov, 2, 900, 0),
					   region)),
			100);
		ck_assert_int_eq(
			value_of(ring, a10_pread(fd, data + 30000, 200, 850)),
			150);
		pattern_check(data + 30000, 50, 850);
		pattern_check(data + 30050, 50, 7);
		pattern_check(data + 30100, 50, 57);
		iov[1].iov_len = 1 << 20; /* beyond the region */
		ck_assert_int_eq(
			outcome_of(ring,
				   a10_fixed(a10_pwritev2(fd, iov, 2, 7, 0),
					     region)),
			-EFAULT);
		ck_assert_int_eq(
			outcome_of(ring,
				   a10_fixed(a10_preadv2(fd, iov, 2, 7, 0),
					     region)),
			-EFAULT);
		iov[1].iov_len = 50;
		fd_close(ring, fd);
	}
	a10_region_destroy(region);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_buffer_outside_its_region_is_efault)
{
	struct a10_config config = { .registered_buffers = 2 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_fd zero = fd_of(ring, a10_open("/dev/zero", O_RDWR, 0));
	struct a10_region *region;
	static unsigned char other[64];
	unsigned char *memory = aligned_alloc(4096, 8192);

	ck_assert_ptr_nonnull(memory);
	ck_assert_int_eq(a10_region_create(ring, memory, 4096, &region), 0);
	ck_assert_ptr_eq(a10_region_data(region), memory);
	memset(memory, 1, 8192);
	ck_assert_int_eq(
		outcome_of(ring, a10_fixed(a10_read(zero, other, 64), region)),
		-EFAULT);
	ck_assert_int_eq(outcome_of(ring,
				    a10_fixed(a10_read(zero, memory + 4090, 10),
					      region)),
			 -EFAULT);
	ck_assert_int_eq(
		value_of(ring,
			 a10_fixed(a10_read(zero, memory + 4090, 6), region)),
		6);
	ck_assert_uint_eq(memory[4089], 1);
	ck_assert_uint_eq(memory[4090], 0);
	ck_assert_uint_eq(memory[4096], 1);
	a10_region_destroy(region);
	free(memory);
	fd_close(ring, zero);
	ring_close(ring);
}

/* ---- zero copy ----------------------------------------------------------------- */

static struct a10_fd tcp_open(struct a10_ring *ring, int *ret_peer)
{
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	struct a10_fd fd;
	char text[64];

	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	a10_address_format(&address, text, sizeof(text));
	fd = fd_of(ring, a10_connect_to(text, 0));
	*ret_peer = accept4(a10_fd_number(listener), NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_peer, 0);
	fd_close(ring, listener);
	return fd;
}

TEST(a_zero_copy_send_is_over_once_with_its_value)
{
	struct a10_ring *ring = ring_open(NULL);
	static char bytes[100000];
	struct msghdr header = { .msg_iovlen = 1 };
	struct iovec iov = { bytes, 5 };
	unsigned int released = 0;
	struct a10_fd fd;
	int peer;

	ring_needs(ring, A10_OPCODE_SEND_ZC);
	ring_needs(ring, A10_OPCODE_SENDMSG_ZC);
	header.msg_iov = &iov;
	fd = tcp_open(ring, &peer);
	for (int i = 0; i < 10; i++) {
		struct a10_op op = i % 2 ? a10_send(fd, bytes, 5, 0) :
					   a10_sendmsg(fd, &header, 0);
		struct a10_result result =
			result_of(ring, a10_owning(a10_zero_copy(op), &released,
						   on_release));

		ck_assert_int_eq(result.value, 5);
		ck_assert_uint_eq(result.flags & ~(A10_RESULT_COPIED |
						   A10_RESULT_NONEMPTY),
				  0);
		ck_assert_uint_eq(released, (unsigned int)i + 1);
		ck_assert_int_eq(recv(peer, bytes, 5, MSG_WAITALL), 5);
	}
	ck_assert_int_eq(value_of(ring,
				  a10_zero_copy(a10_send(a10_fd_regular(9999),
							 bytes, 5, 0))),
			 -EBADF);
	ck_assert_int_eq(close(peer), 0);
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(a_zero_copy_send_that_waits_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned char *bytes = calloc(1, 8 << 20);
	struct seen seen;
	struct a10_fd fd;
	a10_id id;
	int peer;

	ck_assert_ptr_nonnull(bytes);
	ring_needs(ring, A10_OPCODE_SEND_ZC);
	fd = tcp_open(ring, &peer);
	id = start(ring,
		   a10_all(a10_zero_copy(a10_send(fd, bytes, 8 << 20, 0))),
		   &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	/* What is in the socket must be read for the buffer to be free. */
	while (seen.ended == 0) {
		static char rest[65536];

		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		(void)!recv(peer, rest, sizeof(rest), MSG_DONTWAIT);
	}
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_uint_lt(seen.last.count, 8 << 20);
	free(bytes);
	ck_assert_int_eq(close(peer), 0);
	fd_close(ring, fd);
	ring_close(ring);
}

/* ---- personality ---------------------------------------------------------------- */

TEST(a_personality_that_is_none_is_einval)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(value_of(ring, a10_personality(a10_nop(), 77)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_personality(a10_nop(), 0)), 0);
	ring_close(ring);
}

/* ---- any order ------------------------------------------------------------------ */

TEST(modifiers_may_be_given_in_any_order)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int released = 0;

	for (int order = 0; order < 2; order++) {
		struct pair pair;
		char bytes[6];
		struct seen seen;
		struct a10_op op;

		pair_open(ring, false, &pair);
		op = a10_recv(pair.ours, bytes, 6, 0);
		if (order)
			op = a10_owning(a10_timeout(a10_all(op), PATIENCE),
					&released, on_release);
		else
			op = a10_all(a10_timeout(a10_owning(op, &released,
							    on_release),
						 PATIENCE));
		start(ring, op, &seen);
		for (int i = 0; i < 2; i++) {
			run_for(ring, A10_MILLISECOND);
			ck_assert_uint_eq(seen.count, 0);
			ck_assert_int_eq(write(pair.theirs, "abc", 3), 3);
		}
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 6);
		ck_assert_mem_eq(bytes, "abcabc", 6);
		ck_assert_uint_eq(released, (unsigned int)order + 1);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(what_is_not_the_kernels_cannot_be_drained)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_scope scope;

	a10_scope_open(&scope, a10_ring_sq(ring), 0);
	ck_assert_int_eq(refusal_of(ring, a10_drained(a10_after(0))), -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_drained(a10_scope_wait(&scope))),
			 -EINVAL);
	ck_assert_int_eq(
		refusal_of(ring, a10_drained(a10_listen_on("127.0.0.1:0", 1))),
		-EINVAL);
	ring_close(ring);
}

/* Close-on-exec is what is always meant, also where it means nothing. */
TEST(a_direct_descriptor_may_be_asked_for_with_close_on_exec)
{
	struct a10_ring *ring = ring_open_direct(4);

	fd_close(ring,
		 fd_of(ring, a10_direct(a10_open("/dev/null",
						 O_RDONLY | O_CLOEXEC, 0))));
	if (ring_has(ring, A10_OPCODE_SOCKET))
		fd_close(ring,
			 fd_of(ring, a10_direct(a10_socket(
					     AF_INET,
					     SOCK_STREAM | SOCK_CLOEXEC, 0))));
	ring_close(ring);
}
