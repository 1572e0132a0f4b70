/*
 * What the kernel lacks is done by a system call, or with a descriptor that is
 * borrowed. The kernel here has it all; the ring is told that it has not.
 */
#include "support.h"

#include <sys/epoll.h>

#include "ring/core.h"

static void ring_forget(struct a10_ring *ring, uint32_t opcode)
{
	ring->grant.opcodes[opcode / 64] &= ~(UINT64_C(1) << opcode % 64);
}

static struct a10_fd null_fd(struct a10_ring *ring, bool direct)
{
	struct a10_op op = a10_open("/dev/null", O_RDWR, 0);

	return fd_of(ring, direct ? a10_direct(op) : op);
}

TEST(a_file_is_cut_by_system_call_whatever_its_descriptor)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;
	struct stat status;

	ring_needs(ring, A10_OPCODE_FIXED_FD_INSTALL);
	ring_forget(ring, A10_OPCODE_FTRUNCATE);
	folder_open(&folder);
	for (int direct = 0; direct < 2; direct++) {
		struct a10_op op = a10_open(folder_file(&folder, "f"),
					    O_RDWR | O_CREAT, 0600);
		struct a10_fd fd = fd_of(ring, direct ? a10_direct(op) : op);
		const unsigned int before = open_descriptors();

		ck_assert_int_eq(value_of(ring, a10_ftruncate(fd, 77 + direct)),
				 0);
		ck_assert_int_eq(stat(folder.file, &status), 0);
		ck_assert_int_eq(status.st_size, 77 + direct);
		ck_assert_int_eq(value_of(ring, a10_ftruncate(fd, -1)),
				 -EINVAL);
		ck_assert_uint_eq(open_descriptors(), before);
		fd_close(ring, fd);
		ck_assert_int_eq(value_of(ring, a10_ftruncate(fd, 0)), -EBADF);
	}
	folder_close(&folder);
	ring_close(ring);
}

TEST(what_can_neither_be_called_nor_borrowed_is_eopnotsupp)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_op chain[2] = { a10_nop(), a10_ftruncate(A10_STDIN, 0) };
	struct a10_fd fd = null_fd(ring, true);
	struct statx status;

	ring_forget(ring, A10_OPCODE_FTRUNCATE);
	ring_forget(ring, A10_OPCODE_FIXED_FD_INSTALL);
	ring_forget(ring, A10_OPCODE_MKDIRAT);
	ck_assert_int_eq(value_of(ring, a10_ftruncate(fd, 0)), -EOPNOTSUPP);
	ck_assert_int_eq(value_of(ring, a10_statx(fd, "", AT_EMPTY_PATH,
						  STATX_SIZE, &status)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(value_of(ring, a10_mkdirat(A10_CWD, "/tmp", 0)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(a10_submit_linked(a10_ring_sq(ring), chain, 2, NULL,
					   NULL),
			 -EOPNOTSUPP);
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(a_pipe_by_system_call_has_the_ends_that_were_asked_for)
{
	struct a10_ring *ring = ring_open_direct(3);
	const unsigned int before = open_descriptors();

	ring_bind(ring);
	ring_forget(ring, A10_OPCODE_PIPE);
	for (int direct = 0; direct < 2; direct++) {
		struct a10_fd ends[2], more[2];
		struct a10_op op = a10_pipe(ends, O_NONBLOCK);
		char byte = 0;

		ck_assert_int_eq(value_of(ring, direct ? a10_direct(op) : op),
				 0);
		ck_assert(a10_fd_is_direct(ends[0]) == direct);
		ck_assert(a10_fd_is_direct(ends[1]) == direct);
		ck_assert_int_eq(value_of(ring, a10_write(ends[1], "x", 1)), 1);
		ck_assert_int_eq(value_of(ring, a10_read(ends[0], &byte, 1)),
				 1);
		ck_assert_int_eq(byte, 'x');
		/* There is one place left, and a pipe needs two. */
		if (direct)
			ck_assert_int_eq(
				value_of(ring, a10_direct(a10_pipe(more, 0))),
				-ENFILE);
		fd_close(ring, ends[0]);
		fd_close(ring, ends[1]);
	}
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_direct(a10_pipe(
					    (struct a10_fd[2]){ { 0, 0 } }, 0)),
				    NULL, NULL),
			 0);
	RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
	run_for(ring, A_MOMENT);
	/* The bell's own, and the poll's, are of the ring. */
	ck_assert_uint_le(open_descriptors(), before + 1);
	ring_close(ring);
}

TEST(a_pipe_that_is_cancelled_on_its_way_into_the_table_is_closed)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd ends[2];
	unsigned int before;

	ring_bind(ring);
	ring_forget(ring, A10_OPCODE_PIPE);
	before = open_descriptors();
	for (int turns = 0; turns < 3; turns++) {
		struct seen seen;
		a10_id id = start(ring, a10_direct(a10_pipe(ends, 0)), &seen);

		for (int i = 0; i < turns; i++)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended);
		if (seen.last.value == 0) {
			fd_close(ring, ends[0]);
			fd_close(ring, ends[1]);
		}
		ck_assert_uint_eq(open_descriptors(), before);
	}
	ring_close(ring);
}

/* A system call, though, has its turn as requests have. */
TEST(what_is_drained_holds_back_system_calls_and_is_held_back)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct seen first, drained, behind;
	struct folder folder;
	struct stat status;
	struct a10_fd fd;
	struct pair pair;
	char byte;

	ring_forget(ring, A10_OPCODE_FTRUNCATE);
	folder_open(&folder);
	fd = fd_of(ring,
		   a10_open(folder_file(&folder, "f"), O_RDWR | O_CREAT, 0600));
	for (int round = 0; round < 2; round++) {
		const bool by_call = round == 0;

		pair_open(ring, false, &pair);
		start(ring, a10_recv(pair.ours, &byte, 1, 0), &first);
		start(ring,
		      a10_drained(by_call ? a10_ftruncate(fd, 5) : a10_nop()),
		      &drained);
		start(ring, by_call ? a10_nop() : a10_ftruncate(fd, 9),
		      &behind);
		run_for(ring, A_MOMENT);
		ck_assert_uint_eq(first.count + drained.count + behind.count,
				  0);
		ck_assert_int_eq(stat(folder.file, &status), 0);
		ck_assert_int_eq(status.st_size, by_call ? 0 : 5);
		ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
		RUN_UNTIL(ring, behind.ended);
		ck_assert_int_eq(drained.last.value, 0);
		ck_assert_int_eq(behind.last.value, 0);
		pair_close(ring, &pair);
	}
	ck_assert_int_eq(stat(folder.file, &status), 0);
	ck_assert_int_eq(status.st_size, 9);
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

/* What takes several requests is drained until the last of them. */
TEST(what_is_drained_and_takes_several_steps_is_over_once)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct epoll_event got;
	struct a10_fd epoll = a10_fd_regular(epoll_create1(EPOLL_CLOEXEC));
	struct a10_fd ends[2], fd = null_fd(ring, true);
	struct seen waits, behind;
	struct statx status;
	a10_id id;

	ring_forget(ring, A10_OPCODE_PIPE);
	ring_forget(ring, A10_OPCODE_EPOLL_WAIT);
	ck_assert_int_eq(
		value_of(ring, a10_drained(a10_direct(a10_pipe(ends, 0)))), 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL))
		ck_assert_int_eq(value_of(ring, a10_drained(a10_statx(
							fd, "", AT_EMPTY_PATH,
							STATX_SIZE, &status))),
				 0);
	id = start(ring, a10_drained(a10_epoll_wait(epoll, &got, 1)), &waits);
	start(ring, a10_nop(), &behind);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(behind.count, 0);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, behind.ended);
	ck_assert_int_eq(waits.last.value, -ECANCELED);
	ck_assert_int_eq(behind.last.value, 0);
	/* What is always a call has no place where it would wait. */
	ck_assert_int_eq(refusal_of(ring, a10_drained(a10_fd_clone(fd))),
			 -EINVAL);
	fd_close(ring, ends[0]);
	fd_close(ring, ends[1]);
	fd_close(ring, fd);
	fd_close(ring, epoll);
	ring_close(ring);
}

/* A member of a chain is the kernel's, or it would be too late to say so. */
TEST(what_has_a_standin_alone_is_refused_in_a_chain)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd direct = null_fd(ring, true);
	struct epoll_event event = { .events = EPOLLIN };
	struct a10_address name;
	struct statx status;
	struct pair pair;

	pair_open(ring, false, &pair);
	{
		const struct a10_op ops[] = {
			a10_statx(direct, "", AT_EMPTY_PATH, STATX_SIZE,
				  &status),
			a10_epoll_ctl(direct, EPOLL_CTL_ADD, pair.ours, &event),
			a10_sockopt_no_delay(pair.ours),
			a10_getsockname(pair.ours, &name),
		};

		/* Of 6.19, as the name of a socket is. */
		ring_forget(ring, URING_OP_NOP128);
		for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
			const struct a10_op chain[2] = { ops[i], a10_nop() };

			ck_assert_int_eq(a10_submit_linked(a10_ring_sq(ring),
							   chain, 2, NULL,
							   NULL),
					 -EOPNOTSUPP);
		}
	}
	pair_close(ring, &pair);
	fd_close(ring, direct);
	ring_close(ring);
}

struct late {
	struct a10_ring *ring;
	a10_id id;
};

static void on_cancel(void *data, const struct a10_result *r)
{
	const struct late *late = data;

	(void)r;
	ck_assert_int_eq(a10_cancel(a10_ring_sq(late->ring), late->id), 0);
}

/* The kernel's own no was not the answer, so it is none for a cancel. */
TEST(what_is_cancelled_before_its_system_call_was_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd =
		a10_fd_regular(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct late late = { .ring = ring };
	struct seen seen;

	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring), a10_nop(), on_cancel, &late), 0);
	late.id = start(ring, a10_sockopt_no_delay(fd), &seen);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_ne(seen.last.value, -EOPNOTSUPP);
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(what_a_system_call_does_has_no_personality)
{
	struct a10_ring *ring = ring_open(NULL);
	const int personality = a10_ring_add_personality(ring);
	const unsigned int before = open_descriptors();
	const char *const argv[] = { "true", NULL };
	const struct a10_process_options options = { .argv = argv };
	struct a10_process process;
	struct folder folder;
	struct a10_fd fd;

	ck_assert_int_gt(personality, 0);
	folder_open(&folder);
	fd = fd_of(ring,
		   a10_open(folder_file(&folder, "f"), O_RDWR | O_CREAT, 0600));
	ring_forget(ring, A10_OPCODE_FTRUNCATE);
	ck_assert_int_eq(value_of(ring, a10_personality(a10_ftruncate(fd, 5),
							(uint16_t)personality)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(
		value_of(ring,
			 a10_personality(a10_process_spawn(&options, &process),
					 (uint16_t)personality)),
		-EOPNOTSUPP);
	ck_assert_int_eq(
		value_of(ring, a10_personality(a10_listen_on("127.0.0.1:0", 0),
					       (uint16_t)personality)),
		-EOPNOTSUPP);
	fd_close(ring, fd);
	folder_close(&folder);
	ck_assert_uint_le(open_descriptors(), before + 1);
	ring_close(ring);
}

TEST(an_epoll_wait_by_system_call_waits_and_is_cancelled)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd epoll = a10_fd_regular(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = EPOLLIN }, got;
	struct seen seen;
	a10_id id;
	int ends[2];

	ring_forget(ring, A10_OPCODE_EPOLL_WAIT);
	pipe_open(ends);
	ck_assert_int_eq(epoll_ctl(a10_fd_number(epoll), EPOLL_CTL_ADD, ends[0],
				   &event),
			 0);
	start(ring, a10_epoll_wait(epoll, &got, 1), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	ck_assert_uint_eq(seen.last.count, 1);
	ck_assert_int_eq(value_of(ring, a10_epoll_wait(epoll, &got, 1)), 1);
	ck_assert_int_eq(read(ends[0], &got, 1), 1);
	id = start(ring, a10_epoll_wait(epoll, &got, 1), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	start(ring, a10_timeout(a10_epoll_wait(epoll, &got, 1), A_MOMENT),
	      &seen);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ETIME);
	ck_assert_int_eq(close(a10_fd_number(epoll)), 0);
	pipe_close(ends);
	ring_close(ring);
}

/* A path is of a disk, so a helper binds to it. */
TEST(a_socket_is_bound_to_a_path_without_the_opcode)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_address address;
	struct folder folder;
	char text[160];
	struct a10_fd fd[2];

	ring_forget(ring, A10_OPCODE_BIND);
	folder_open(&folder);
	snprintf(text, sizeof(text), "unix:%s/s", folder.path);
	ck_assert_int_eq(a10_address_parse(text, &address), 0);
	for (int i = 0; i < 2; i++) {
		const struct a10_op op = a10_socket(AF_UNIX, SOCK_STREAM, 0);

		/* Direct ones need the opcode to become regular. */
		fd[i] = fd_of(ring,
			      i && ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL) ?
				      a10_direct(op) :
				      op);
		ck_assert_int_eq(value_of(ring, a10_bind(fd[i], &address)),
				 i ? -EADDRINUSE : 0);
	}
	ck_assert_uint_gt(a10_work_threads(), 0);
	ck_assert_int_eq(access(folder_file(&folder, "s"), F_OK), 0);
	ck_assert_int_eq(a10_address_parse("unix:@a10-test-of-bind", &address),
			 0);
	ck_assert_int_eq(value_of(ring, a10_bind(fd[1], &address)), 0);
	fd_close(ring, fd[0]);
	fd_close(ring, fd[1]);
	folder_close(&folder);
	ring_close(ring);
}

/* A request for a registered buffer takes them for a mistake. */
TEST(empty_parts_of_a_vector_in_a_region_are_nothing)
{
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_region *region;
	struct seen seen;
	unsigned char *data;
	int ends[2];

	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &region), 0);
	data = a10_region_data(region);
	memcpy(data, "abc", 4);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (int forget = 0; forget < 2; forget++) {
		const struct iovec iov[] = { { data, 0 },
					     { data, 1 },
					     { NULL, 0 },
					     { data + 1, 2 },
					     { data + 9000, 0 } };
		const struct iovec back[] = { { NULL, 0 },
					      { data + 10, 2 },
					      { data + 20, 0 },
					      { data + 20, 4 },
					      { NULL, 0 } };

		if (forget)
			ring_forget(ring, A10_OPCODE_READV_FIXED);
		ck_assert_int_eq(
			value_of(ring,
				 a10_fixed(a10_writev(a10_fd_regular(ends[1]),
						      iov, 5),
					   region)),
			3);
		start(ring,
		      a10_all(a10_fixed(a10_readv(a10_fd_regular(ends[0]), back,
						  5),
					region)),
		      &seen);
		RUN_UNTIL(ring, a10_ring_pending(ring) == 1);
		ck_assert_int_eq(write(ends[1], "def", 3), 3);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, 6);
		ck_assert_mem_eq(data + 10, "ab", 2);
		ck_assert_mem_eq(data + 20, "cdef", 4);
		/* On Linux 6.1 a read of nothing waits until there is some. */
		ck_assert_int_eq(write(ends[1], "g", 1), 1);
		ck_assert_int_eq(
			value_of(ring,
				 a10_fixed(a10_readv(a10_fd_regular(ends[0]),
						     iov, 1),
					   region)),
			0);
		ck_assert_int_eq(read(ends[0], data + 30, 1), 1);
	}
	close(ends[0]);
	close(ends[1]);
	a10_region_destroy(region);
	ring_close(ring);
}

TEST(vectors_in_a_region_are_read_without_the_opcode_for_them)
{
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_fd zero = fd_of(ring, a10_open("/dev/zero", O_RDWR, 0));
	struct a10_region *region;
	struct iovec iov[2];
	unsigned char *data;

	ring_forget(ring, A10_OPCODE_READV_FIXED);
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &region), 0);
	data = a10_region_data(region);
	memset(data, 1, 4096);
	iov[0] = (struct iovec){ data, 10 };
	iov[1] = (struct iovec){ data + 4000, 96 };
	ck_assert_int_eq(value_of(ring,
				  a10_fixed(a10_readv(zero, iov, 2), region)),
			 106);
	ck_assert_uint_eq(data[4095], 0);
	ck_assert_uint_eq(data[10], 1);
	iov[1].iov_len = 97;
	ck_assert_int_eq(refusal_of(ring,
				    a10_fixed(a10_readv(zero, iov, 2), region)),
			 -EFAULT);
	iov[1].iov_base = data - 1;
	ck_assert_int_eq(refusal_of(ring,
				    a10_fixed(a10_readv(zero, iov, 2), region)),
			 -EFAULT);
	a10_region_destroy(region);
	fd_close(ring, zero);
	ring_close(ring);
}

TEST(a_borrowed_descriptor_is_closed_when_its_operation_is_cancelled)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd fd = null_fd(ring, true);
	struct statx status;
	unsigned int before;

	ring_needs(ring, A10_OPCODE_FIXED_FD_INSTALL);
	before = open_descriptors();
	for (int turns = 0; turns < 4; turns++) {
		struct seen seen;
		a10_id id = start(ring,
				  a10_statx(fd, "", AT_EMPTY_PATH, STATX_SIZE,
					    &status),
				  &seen);

		for (int i = 0; i < turns; i++)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
		RUN_UNTIL(ring, seen.ended);
		ck_assert(seen.last.value == 0 ||
			  seen.last.value == -ECANCELED);
		ck_assert_uint_eq(open_descriptors(), before);
	}
	fd_close(ring, fd);
	ring_close(ring);
}
