/* Splice: bytes from one descriptor to another, one of which is a pipe. */
#include "support.h"

/* in and out are plain; each is made direct on request by opening its path. */
static struct a10_fd fd_to(struct a10_ring *ring, int number, int flags,
			   bool direct)
{
	char path[64];

	if (!direct)
		return a10_fd_regular(number);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", number);
	return fd_of(ring, a10_direct(a10_open(path, flags, 0)));
}

static void test_splice(struct a10_ring *ring, bool direct_in, bool direct_out)
{
	struct a10_fd in;
	struct a10_fd out;
	struct folder folder;
	char bytes[16] = "";
	int ends[2];
	int file;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "0123456789", 10);
	file = open(folder.file, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	pipe_open(ends);
	in = fd_to(ring, file, O_RDWR, direct_in);
	out = fd_to(ring, ends[1], O_WRONLY, direct_out);
	/* From an offset, then from the file's own position. */
	ck_assert_int_eq(
		value_of(ring, a10_splice(in, 4, out, A10_NO_OFFSET, 3, 0)), 3);
	ck_assert_int_eq(value_of(ring, a10_splice(in, A10_NO_OFFSET, out,
						   A10_NO_OFFSET, 2, 0)),
			 2);
	ck_assert_int_eq(read(ends[0], bytes, sizeof(bytes)), 5);
	ck_assert_mem_eq(bytes, "45601", 5);
	ck_assert_int_eq(value_of(ring,
				  a10_splice(in, 10, out, A10_NO_OFFSET, 3, 0)),
			 0);
	/* And the other way, to an offset. */
	ck_assert_int_eq(write(ends[1], "ab", 2), 2);
	ck_assert_int_eq(value_of(ring, a10_splice(a10_fd_regular(ends[0]),
						   A10_NO_OFFSET, in, 7, 2, 0)),
			 2);
	ck_assert_int_eq(pread(file, bytes, sizeof(bytes), 0), 10);
	ck_assert_mem_eq(bytes, "0123456ab9", 10);
	if (direct_in)
		fd_close(ring, in);
	if (direct_out)
		fd_close(ring, out);
	ck_assert_int_eq(close(file), 0);
	pipe_close(ends);
	folder_close(&folder);
}

TEST(splice_moves_bytes_between_a_file_and_a_pipe)
{
	struct a10_ring *ring = ring_open_direct(8);

	for (int direct = 0; direct < 4; direct++)
		test_splice(ring, direct & 1, direct & 2);
	ring_close(ring);
}

TEST(splice_waits_for_something_to_move)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen;
	char bytes[8];
	int from[2];
	int to[2];

	pipe_open(from);
	pipe_open(to);
	start(ring,
	      a10_splice(a10_fd_regular(from[0]), A10_NO_OFFSET,
			 a10_fd_regular(to[1]), A10_NO_OFFSET, 8, 0),
	      &seen);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(write(from[1], "abc", 3), 3);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 3);
	ck_assert_int_eq(read(to[0], bytes, 8), 3);
	ck_assert_mem_eq(bytes, "abc", 3);
	pipe_close(from);
	pipe_close(to);
	ring_close(ring);
}

TEST(splice_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd zero = fd_of(ring, a10_open("/dev/zero", O_RDWR, 0));
	struct a10_fd bad = a10_fd_regular(9999);
	struct a10_fd pipe_end;
	int ends[2];

	pipe_open(ends);
	pipe_end = a10_fd_regular(ends[1]);
	ck_assert_int_eq(value_of(ring, a10_splice(bad, A10_NO_OFFSET, pipe_end,
						   A10_NO_OFFSET, 1, 0)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring, a10_splice(zero, A10_NO_OFFSET, bad,
						   A10_NO_OFFSET, 1, 0)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring, a10_splice(zero, A10_NO_OFFSET, zero,
						   A10_NO_OFFSET, 1, 0)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_splice(zero, A10_NO_OFFSET,
						   pipe_end, 0, 1, 0)),
			 -ESPIPE);
	pipe_close(ends);
	fd_close(ring, zero);
	ring_close(ring);
}
