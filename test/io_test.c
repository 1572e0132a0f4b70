/* Bytes in and out of files, pipes and sockets, of both kinds of descriptors. */
#include "support.h"

#include <signal.h>
#include <sys/mman.h>

/* A file of a pattern, opened for reading and writing. */
struct file {
	struct folder folder;
	struct a10_fd fd;
};

static void file_open(struct a10_ring *ring, bool direct, size_t size,
		      struct file *ret_file)
{
	unsigned char *bytes = malloc(size + 1);
	struct a10_op op;

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, size, 0);
	folder_open(&ret_file->folder);
	file_write(folder_file(&ret_file->folder, "f"), bytes, size);
	op = a10_open(ret_file->folder.file, O_RDWR, 0);
	ret_file->fd = fd_of(ring, direct ? a10_direct(op) : op);
	ck_assert(a10_fd_is_direct(ret_file->fd) == direct);
	free(bytes);
}

static void file_close(struct a10_ring *ring, struct file *file)
{
	fd_close(ring, file->fd);
	folder_close(&file->folder);
}

static void assert_file_is(struct file *file, const char *content)
{
	char text[256] = "";
	int fd = open(file->folder.file, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_str_eq(text, content);
}

static void test_reads(struct a10_ring *ring, bool direct)
{
	unsigned char bytes[256];
	struct file file;

	file_open(ring, direct, 1000, &file);
	/* At the position, which moves; at an offset, which does not. */
	for (uint64_t at = 0; at < 1000; at += 250) {
		ck_assert_int_eq(value_of(ring, a10_read(file.fd, bytes, 250)),
				 250);
		pattern_check(bytes, 250, at);
		ck_assert_int_eq(value_of(ring,
					  a10_pread(file.fd, bytes, 100, 77)),
				 100);
		pattern_check(bytes, 100, 77);
	}
	ck_assert_int_eq(value_of(ring, a10_read(file.fd, bytes, 250)), 0);
	ck_assert_int_eq(value_of(ring, a10_pread(file.fd, bytes, 250, 990)),
			 10);
	pattern_check(bytes, 10, 990);
	ck_assert_int_eq(value_of(ring, a10_pread(file.fd, bytes, 1, 1000)), 0);
	ck_assert_int_eq(value_of(ring, a10_pread(file.fd, bytes, 1, 1 << 30)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_read(file.fd, bytes, 0)), 0);
	file_close(ring, &file);
}

TEST(read_moves_the_position_and_pread_does_not)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_reads(ring, false);
	test_reads(ring, true);
	ring_close(ring);
}

static void test_writes(struct a10_ring *ring, bool direct)
{
	struct file file;

	file_open(ring, direct, 0, &file);
	ck_assert_int_eq(value_of(ring, a10_write(file.fd, "hello", 5)), 5);
	ck_assert_int_eq(value_of(ring, a10_write(file.fd, " world", 6)), 6);
	assert_file_is(&file, "hello world");
	ck_assert_int_eq(value_of(ring, a10_pwrite(file.fd, "J", 1, 0)), 1);
	ck_assert_int_eq(value_of(ring, a10_write(file.fd, "!", 1)), 1);
	assert_file_is(&file, "Jello world!");
	ck_assert_int_eq(value_of(ring, a10_write(file.fd, "", 0)), 0);
	ck_assert_int_eq(value_of(ring, a10_pwrite(file.fd, "ab", 2, 11)), 2);
	assert_file_is(&file, "Jello worldab");
	file_close(ring, &file);
}

TEST(write_moves_the_position_and_pwrite_does_not)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_writes(ring, false);
	test_writes(ring, true);
	ring_close(ring);
}

static void test_vectors(struct a10_ring *ring, bool direct)
{
	char a[3] = "", b[4] = "", c[8] = "";
	struct iovec out[3] = { { (void *)"one", 3 },
				{ (void *)"", 0 },
				{ (void *)"two.", 4 } };
	struct iovec in[3] = { { a, 3 }, { b, 4 }, { c, 8 } };
	struct file file;

	file_open(ring, direct, 0, &file);
	ck_assert_int_eq(value_of(ring, a10_writev(file.fd, out, 3)), 7);
	ck_assert_int_eq(value_of(ring, a10_pwritev2(file.fd, out, 1, 10, 0)),
			 3);
	ck_assert_int_eq(value_of(ring, a10_pwritev2(file.fd, out, 1,
						     A10_AT_POSITION, 0)),
			 3);
	ck_assert_int_eq(value_of(ring, a10_preadv2(file.fd, in, 3, 0, 0)), 13);
	ck_assert_mem_eq(a, "one", 3);
	ck_assert_mem_eq(b, "two.", 4);
	ck_assert_mem_eq(c, "oneone", 6);
	/* The position stands behind what writev wrote. */
	ck_assert_int_eq(value_of(ring, a10_readv(file.fd, in, 1)), 3);
	ck_assert_mem_eq(a, "one", 3);
	ck_assert_int_eq(value_of(ring, a10_preadv2(file.fd, in, 1, 13, 0)), 0);
	file_close(ring, &file);
}

TEST(vectors_are_read_and_written)
{
	struct a10_ring *ring = ring_open_direct(4);

	test_vectors(ring, false);
	test_vectors(ring, true);
	ring_close(ring);
}

TEST(the_flags_of_pwritev2_and_preadv2_reach_the_kernel)
{
	struct a10_ring *ring = ring_open(NULL);
	struct iovec iov = { (void *)"xyz", 3 };
	struct file file;
	ssize_t n;
	int ends[2];
	char bytes[4];

	file_open(ring, false, 10, &file);
	/* RWF_APPEND: the offset is not looked at. */
	ck_assert_int_eq(
		value_of(ring, a10_pwritev2(file.fd, &iov, 1, 0, RWF_APPEND)),
		3);
	ck_assert_int_eq(value_of(ring, a10_pread(file.fd, bytes, 4, 10)), 3);
	ck_assert_mem_eq(bytes, "xyz", 3);
	/* RWF_NOWAIT: such an -EAGAIN is the answer. 6.1 has it of no pipe. */
	pipe_open(ends);
	iov.iov_base = bytes;
	n = value_of(ring, a10_preadv2(a10_fd_regular(ends[0]), &iov, 1,
				       A10_AT_POSITION, RWF_NOWAIT));
	ck_assert(n == -EAGAIN || n == -EOPNOTSUPP);
	ck_assert_int_lt(
		value_of(ring, a10_preadv2(file.fd, &iov, 1, 0, 1 << 30)), 0);
	pipe_close(ends);
	file_close(ring, &file);
	ring_close(ring);
}

/* Each that works on a descriptor, on one that is none or the wrong way. */
static void assert_all_say(struct a10_ring *ring, struct a10_fd fd,
			   ssize_t reads, ssize_t writes)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };

	ck_assert_int_eq(value_of(ring, a10_read(fd, &byte, 1)), reads);
	ck_assert_int_eq(value_of(ring, a10_pread(fd, &byte, 1, 0)), reads);
	ck_assert_int_eq(value_of(ring, a10_readv(fd, &iov, 1)), reads);
	ck_assert_int_eq(value_of(ring, a10_preadv2(fd, &iov, 1, 0, 0)), reads);
	ck_assert_int_eq(value_of(ring, a10_all(a10_read(fd, &byte, 1))),
			 reads);
	ck_assert_int_eq(value_of(ring, a10_write(fd, &byte, 1)), writes);
	ck_assert_int_eq(value_of(ring, a10_pwrite(fd, &byte, 1, 0)), writes);
	ck_assert_int_eq(value_of(ring, a10_writev(fd, &iov, 1)), writes);
	ck_assert_int_eq(value_of(ring, a10_pwritev2(fd, &iov, 1, 0, 0)),
			 writes);
}

TEST(a_descriptor_that_is_none_is_ebadf)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd direct =
		fd_of(ring, a10_direct(a10_open("/dev/null", O_RDWR, 0)));

	assert_all_say(ring, A10_NO_FD, -EBADF, -EBADF);
	assert_all_say(ring, a10_fd_regular(9999), -EBADF, -EBADF);
	assert_all_say(ring, direct, 0, 1);
	fd_close(ring, direct);
	assert_all_say(ring, direct, -EBADF, -EBADF);
	direct.plus_one = 100; /* outside the table */
	assert_all_say(ring, direct, -EBADF, -EBADF);
	ring_close(ring);
}

TEST(the_wrong_way_is_ebadf)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd out = fd_of(ring, a10_open("/dev/null", O_WRONLY, 0));
	struct a10_fd in = fd_of(ring, a10_open("/dev/null", O_RDONLY, 0));
	struct a10_fd folder = fd_of(ring, a10_open("/", O_RDONLY, 0));

	assert_all_say(ring, out, -EBADF, 1);
	assert_all_say(ring, in, 0, -EBADF);
	assert_all_say(ring, folder, -EISDIR, -EBADF);
	fd_close(ring, out);
	fd_close(ring, in);
	fd_close(ring, folder);
	ring_close(ring);
}

TEST(a_buffer_that_is_not_there_is_efault)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd zero = fd_of(ring, a10_open("/dev/zero", O_RDWR, 0));
	void *nowhere =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2];

	ck_assert_ptr_ne(nowhere, MAP_FAILED);
	pipe_open(ends);
	ck_assert_int_eq(value_of(ring, a10_read(zero, nowhere, 4)), -EFAULT);
	ck_assert_int_eq(
		value_of(ring, a10_write(a10_fd_regular(ends[1]), nowhere, 4)),
		-EFAULT);
	fd_close(ring, zero);
	pipe_close(ends);
	ck_assert_int_eq(munmap(nowhere, 4096), 0);
	ring_close(ring);
}

/* read, write: what has to wait does, on blocking and other descriptors. */
TEST(a_pipe_is_read_when_there_is_something)
{
	struct a10_ring *ring = ring_open(NULL);

	for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
		struct seen seen;
		char bytes[8];
		int ends[2];

		pipe_open(ends);
		if (nonblocking)
			ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK),
					 0);
		start(ring, a10_read(a10_fd_regular(ends[0]), bytes, 8), &seen);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(seen.count, 0);
		ck_assert_int_eq(write(ends[1], "abc", 3), 3);
		RUN_UNTIL(ring, seen.ended == 1);
		ck_assert_int_eq(seen.last.value, 3);
		ck_assert_mem_eq(bytes, "abc", 3);
		ck_assert_int_eq(close(ends[1]), 0);
		ends[1] = -1;
		ck_assert_int_eq(
			value_of(ring,
				 a10_read(a10_fd_regular(ends[0]), bytes, 8)),
			0);
		pipe_close(ends);
	}
	ring_close(ring);
}

TEST(a_full_pipe_is_written_when_there_is_room)
{
	struct a10_ring *ring = ring_open(NULL);
	static char block[4096];
	struct seen seen;
	size_t total = 0;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], block, sizeof(block)) > 0)
		total += sizeof(block);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	start(ring, a10_write(a10_fd_regular(ends[1]), "last", 4), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(seen.count, 0);
	for (; total > 0; total -= sizeof(block))
		ck_assert_int_eq(read(ends[0], block, sizeof(block)),
				 sizeof(block));
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 4);
	ck_assert_int_eq(read(ends[0], block, sizeof(block)), 4);
	ck_assert_mem_eq(block, "last", 4);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_pipe_nobody_reads_is_epipe_and_raises_the_signal)
{
	struct a10_ring *ring = ring_open(NULL);
	struct timespec none = { 0, 0 };
	sigset_t set;
	int ends[2];

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	pipe_open(ends);
	ck_assert_int_eq(close(ends[0]), 0);
	ends[0] = -1;
	ck_assert_int_eq(sigtimedwait(&set, NULL, &none), -1);
	ck_assert_int_eq(value_of(ring,
				  a10_write(a10_fd_regular(ends[1]), "x", 1)),
			 -EPIPE);
	/* To whom the thread that wrote belongs: on 6.1 a worker of the kernel's. */
	if (ring_has(ring, A10_OPCODE_READ_MULTISHOT))
		ck_assert_int_eq(sigtimedwait(&set, NULL, &none), SIGPIPE);
	pipe_close(ends);
	ring_close(ring);
}

TEST(read_pooled_brings_a_buffer)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_result result;
		struct a10_pool *pool;
		struct file file;

		ck_assert_int_eq(a10_pool_create(ring, 4, 600, 0, &pool), 0);
		file_open(ring, direct, 1000, &file);
		result = result_of(ring, a10_read_pooled(file.fd, pool));
		ck_assert_int_eq(result.value, 600);
		ck_assert_uint_eq(result.buf.length, 600);
		ck_assert_ptr_eq(result.buf.pool, pool);
		pattern_check(result.buf.data, 600, 0);
		ck_assert_uint_eq(a10_pool_available(pool), 3);
		a10_buf_release(result.buf);
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		result = result_of(ring, a10_read_pooled(file.fd, pool));
		ck_assert_int_eq(result.value, 400);
		pattern_check(result.buf.data, 400, 600);
		a10_buf_release(result.buf);
		result = result_of(ring, a10_read_pooled(file.fd, pool));
		ck_assert_int_eq(result.value, 0);
		ck_assert_ptr_null(result.buf.data);
		ck_assert_uint_eq(a10_pool_available(pool), 4);
		file_close(ring, &file);
		a10_pool_destroy(pool);
	}
	ring_close(ring);
}

TEST(read_pooled_of_no_descriptor_keeps_no_buffer)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(ring, 2, 4096, 0, &pool), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(
			value_of(ring,
				 a10_read_pooled(a10_fd_regular(9999), pool)),
			-EBADF);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	ring_close(ring);
}
