/* What is in files: lengths, holes, advice, ranges, and flags of transfers. */
#include "support.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

#define FALLOC_KEEP  1
#define FALLOC_PUNCH 2
#define BEYOND_32    (INT64_C(5) << 30)

struct file {
	struct folder folder;
	struct a10_fd fd;
	int number; /* the same file, for system calls */
};

static void file_open(struct a10_ring *ring, bool direct, struct file *ret_file)
{
	struct a10_op op;

	folder_open(&ret_file->folder);
	file_write(folder_file(&ret_file->folder, "f"), "0123456789", 10);
	op = a10_open(ret_file->folder.file, O_RDWR, 0);
	ret_file->fd = fd_of(ring, direct ? a10_direct(op) : op);
	ret_file->number = open(ret_file->folder.file, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(ret_file->number, 0);
}

static void file_close(struct a10_ring *ring, struct file *file)
{
	ck_assert_int_eq(close(file->number), 0);
	fd_close(ring, file->fd);
	folder_close(&file->folder);
}

static struct stat file_stat(const struct file *file)
{
	struct stat status;

	ck_assert_int_eq(fstat(file->number, &status), 0);
	return status;
}

/* Of both kinds of descriptors. */
static void with_both(void (*body)(struct a10_ring *ring, struct file *file))
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct file file;

		file_open(ring, direct, &file);
		body(ring, &file);
		file_close(ring, &file);
	}
	ring_close(ring);
}

static void test_truncate(struct a10_ring *ring, struct file *file)
{
	/* A direct one has no system call, nor can one be borrowed. */
	if (!ring_has(ring, A10_OPCODE_FTRUNCATE) &&
	    a10_fd_is_direct(file->fd) &&
	    !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL)) {
		ck_assert_int_eq(value_of(ring, a10_ftruncate(file->fd, 4)),
				 -EOPNOTSUPP);
		return;
	}
	ck_assert_int_eq(value_of(ring, a10_ftruncate(file->fd, 4)), 0);
	ck_assert_int_eq(file_stat(file).st_size, 4);
	ck_assert_int_eq(value_of(ring, a10_ftruncate(file->fd, BEYOND_32)), 0);
	ck_assert_int_eq(file_stat(file).st_size, BEYOND_32);
	ck_assert_int_eq(value_of(ring, a10_ftruncate(file->fd, -1)), -EINVAL);
}

TEST(a_file_is_cut_and_made_longer_beyond_32_bits)
{
	with_both(test_truncate);
}

TEST(truncating_says_what_is_wrong)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd = fd_of(ring, a10_open("/proc/version", O_RDONLY, 0));

	ck_assert_int_eq(value_of(ring, a10_ftruncate(a10_fd_regular(9999), 0)),
			 -EBADF);
	ck_assert_int_eq(value_of(ring, a10_ftruncate(fd, 0)), -EINVAL);
	fd_close(ring, fd);
	ring_close(ring);
}

static void test_allocate(struct a10_ring *ring, struct file *file)
{
	ssize_t value = value_of(ring, a10_fallocate(file->fd, 0, 0, 8192));

	if (value == -EOPNOTSUPP)
		SKIP("this file system cannot allocate");
	ck_assert_int_eq(value, 0);
	ck_assert_int_eq(file_stat(file).st_size, 8192);
	ck_assert_int_eq(value_of(ring, a10_fallocate(file->fd, FALLOC_KEEP,
						      BEYOND_32, 4096)),
			 0);
	ck_assert_int_eq(file_stat(file).st_size, 8192);
	ck_assert_int_eq(value_of(ring, a10_fallocate(file->fd, 0, 0, 0)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring,
				  a10_fallocate(file->fd, FALLOC_PUNCH, 0, 1)),
			 -EOPNOTSUPP);
}

TEST(space_is_allocated_within_the_file_and_beyond_its_end)
{
	with_both(test_allocate);
}

static void test_advise(struct a10_ring *ring, struct file *file)
{
	const bool called = a10_fd_is_direct(file->fd) &&
			    !ring_has(ring, A10_OPCODE_BIND) &&
			    !ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL);

	ck_assert_int_eq(value_of(ring, a10_fadvise(file->fd, 0, 10,
						    POSIX_FADV_WILLNEED)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_fadvise(file->fd, 0, 0,
						    POSIX_FADV_DONTNEED)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_fadvise(file->fd, 0, 10, 99)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_fadvise(file->fd, 0, BEYOND_32,
						    POSIX_FADV_RANDOM)),
			 called ? -EOPNOTSUPP : 0);
	ck_assert_int_eq(value_of(ring,
				  a10_fadvise(file->fd, 0, BEYOND_32, 99)),
			 called ? -EOPNOTSUPP : -EINVAL);
}

TEST(advice_of_more_than_32_bits_is_given)
{
	with_both(test_advise);
}

TEST(advice_on_a_pipe_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(value_of(ring, a10_fadvise(a10_fd_regular(ends[0]), 0,
						    1, POSIX_FADV_NORMAL)),
			 -ESPIPE);
	ck_assert_int_eq(value_of(ring, a10_fadvise(a10_fd_regular(9999), 0, 1,
						    POSIX_FADV_NORMAL)),
			 -EBADF);
	pipe_close(ends);
	ring_close(ring);
}

static void test_sync_ranges(struct a10_ring *ring, struct file *file)
{
	ck_assert_int_eq(value_of(ring, a10_fsync_range(file->fd, 2, 4, false)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_fsync_range(file->fd, 2, 0, true)),
			 0);
	ck_assert_int_eq(value_of(ring,
				  a10_sync_file_range(file->fd, 0, 4,
						      SYNC_FILE_RANGE_WRITE)),
			 0);
	ck_assert_int_eq(value_of(ring,
				  a10_sync_file_range(file->fd, 0, 0, 0x100)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring,
				  a10_sync_file_range(file->fd, -1, 4, 0)),
			 -EINVAL);
}

TEST(ranges_of_a_file_are_synced)
{
	with_both(test_sync_ranges);
}

/* Pages of the file that are not on their way to the disk; 0: nobody knows. */
static uint64_t pages_dirty(const struct file *file)
{
	const uint64_t all[2] = { 0, 0 };
	uint64_t pages[5] = { 0 }; /* cached, dirty, being written ... */

	if (syscall(451 /* cachestat */, file->number, all, pages, 0) < 0)
		return 0;
	return pages[1];
}

/* Every fourth page, so that none is written for the sake of another. */
static void pages_soil(const struct file *file)
{
	for (off_t at = 0; at < 1 << 20; at += 1 << 14)
		ck_assert_int_eq(pwrite(file->number, "x", 1, at), 1);
}

static void test_long_ranges(struct a10_ring *ring, struct file *file)
{
	static char zeroes[1 << 20];
	const struct a10_op ops[5] = {
		a10_fsync_range(file->fd, 4096, 0, true),
		a10_fsync_range(file->fd, 0, (UINT64_C(1) << 32) + 1, true),
		a10_fsync_range(file->fd, 1, UINT64_MAX, false),
		a10_sync_file_range(file->fd, 0, (INT64_C(1) << 32) + 1, 7),
		a10_sync_file_range(file->fd, 0, INT64_MAX, 7),
	};

	ck_assert_int_eq(pwrite(file->number, zeroes, 1 << 20, 0), 1 << 20);
	ck_assert_int_eq(fsync(file->number), 0);
	for (int i = 0; i < 5; i++) {
		pages_soil(file);
		ck_assert_int_eq(value_of(ring, ops[i]), 0);
		ck_assert_uint_eq(pages_dirty(file), 0);
	}
	ck_assert_int_eq(value_of(ring,
				  a10_sync_file_range(file->fd, 0, -1, 0)),
			 -EINVAL);
	ck_assert_int_eq(
		value_of(ring, a10_fsync_range(file->fd, UINT64_MAX, 0, false)),
		-EINVAL);
	ck_assert_int_eq(
		value_of(ring, a10_fsync_range(file->fd, 4096, 9, false)), 0);
}

TEST(a_range_that_is_long_or_has_no_end_is_synced_to_its_end)
{
	with_both(test_long_ranges);
}

/* ---- flags of transfers -------------------------------------------------- */

static void test_flags(struct a10_ring *ring, struct file *file)
{
	char bytes[8] = "";
	struct iovec iov = { bytes, 2 };

	ck_assert_int_eq(
		value_of(ring,
			 a10_rwf(a10_pwrite(file->fd, "ab", 2, 4), RWF_DSYNC)),
		2);
	ck_assert_int_eq(
		value_of(ring,
			 a10_rwf(a10_pread(file->fd, bytes, 3, 3), RWF_SYNC)),
		3);
	ck_assert_str_eq(bytes, "3ab");
	ck_assert_int_eq(
		value_of(ring,
			 a10_rwf(a10_pwrite(file->fd, "zz", 2, 0), RWF_APPEND)),
		2);
	ck_assert_int_eq(file_stat(file).st_size, 12);
	ck_assert_int_eq(value_of(ring, a10_preadv(file->fd, &iov, 1, 10)), 2);
	ck_assert_mem_eq(bytes, "zz", 2);
	bytes[0] = 'x';
	bytes[1] = 'y';
	ck_assert_int_eq(value_of(ring, a10_pwritev(file->fd, &iov, 1, 0)), 2);
	ck_assert_int_eq(pread(file->number, bytes, 4, 0), 4);
	ck_assert_mem_eq(bytes, "xy23", 4);
	ck_assert_int_eq(
		value_of(ring,
			 a10_rwf(a10_pread(file->fd, bytes, 3, 3), 1 << 30)),
		-EOPNOTSUPP);
}

TEST(reads_and_writes_take_the_flags_of_preadv2)
{
	with_both(test_flags);
}

/* Of 6.9, 6.14 and 6.18; what a kernel does not know is -EOPNOTSUPP. */
TEST(newer_flags_of_writes_have_their_effect_or_are_not_supported)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	struct a10_op op;
	ssize_t value;
	char bytes[8];
	int ends[2];
	int number;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "0123456789", 10);
	number = open(folder.file, O_RDWR | O_APPEND | O_CLOEXEC);
	op = a10_pwrite(a10_fd_regular(number), "ab", 2, 4);
	value = value_of(ring, a10_rwf(op, RWF_NOAPPEND));
	ck_assert(value == 2 || value == -EOPNOTSUPP);
	ck_assert_int_eq(lseek(number, 0, SEEK_END), 10);
	ck_assert_int_eq(pread(number, bytes, 2, 4), 2);
	ck_assert_mem_eq(bytes, value == 2 ? "ab" : "45", 2);
	value = value_of(ring, a10_rwf(op, RWF_DONTCACHE));
	ck_assert(value == 2 || value == -EOPNOTSUPP);
	value = value_of(ring, a10_rwf(op, RWF_ATOMIC));
	/* Of a file that is not written past the cache. */
	ck_assert(value == -EOPNOTSUPP || value == -EINVAL);
	pipe_open(ends);
	ck_assert_int_eq(close(ends[0]), 0);
	/* A signal would end the test. */
	value = value_of(ring,
			 a10_rwf(a10_write(a10_fd_regular(ends[1]), "x", 1),
				 RWF_NOSIGNAL));
	ck_assert(value == -EPIPE || value == -EOPNOTSUPP);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(close(number), 0);
	folder_close(&folder);
	ring_close(ring);
}

TEST(flags_of_reads_are_refused_for_what_is_none)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(refusal_of(ring, a10_rwf(a10_send(A10_STDIN, "", 0, 0),
						  RWF_DSYNC)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_rwf(a10_nop(), 0)), -EINVAL);
	ring_close(ring);
}

TEST(a_read_that_may_not_wait_says_so)
{
	struct a10_ring *ring = ring_open(NULL);
	char byte;
	int ends[2];
	ssize_t value;

	pipe_open(ends);
	value = value_of(ring,
			 a10_rwf(a10_read(a10_fd_regular(ends[0]), &byte, 1),
				 RWF_NOWAIT));
	/* -EOPNOTSUPP of a pipe on 6.1. */
	ck_assert(value == -EAGAIN || value == -EOPNOTSUPP);
	pipe_close(ends);
	ring_close(ring);
}

/* ---- statx of a direct one ------------------------------------------------ */

TEST(metadata_of_a_direct_descriptor_is_told)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct statx status = { .stx_size = 99 };
	struct file file;
	unsigned int before;

	file_open(ring, true, &file);
	before = open_descriptors();
	if (ring_has(ring, A10_OPCODE_FIXED_FD_INSTALL)) {
		ck_assert_int_eq(value_of(ring,
					  a10_statx(file.fd, "", AT_EMPTY_PATH,
						    STATX_SIZE, &status)),
				 0);
		ck_assert_uint_eq(status.stx_size, 10);
	} else {
		ck_assert_int_lt(
			outcome_of(ring, a10_statx(file.fd, "", AT_EMPTY_PATH,
						   STATX_SIZE, &status)),
			0);
	}
	ck_assert_uint_eq(open_descriptors(), before);
	file_close(ring, &file);
	ring_close(ring);
}

/* ---- memory ---------------------------------------------------------------- */

TEST(memory_is_advised)
{
	struct a10_ring *ring = ring_open(NULL);
	const size_t size = 1 << 20;
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	memset(memory, 1, size);
	ck_assert_int_eq(
		value_of(ring, a10_madvise(memory, size, MADV_DONTNEED)), 0);
	ck_assert_uint_eq(memory[0], 0);
	ck_assert_int_eq(value_of(ring,
				  a10_madvise(memory + 1, size, MADV_DONTNEED)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_madvise(memory, size, 9999)),
			 -EINVAL);
	ck_assert_int_eq(munmap(memory, size), 0);
	ck_assert_int_eq(value_of(ring,
				  a10_madvise(memory, size, MADV_WILLNEED)),
			 -ENOMEM);
	ring_close(ring);
}

TEST(more_memory_than_32_bits_can_say_is_advised)
{
	struct a10_ring *ring = ring_open(NULL);
	const size_t size = (size_t)5 << 30;
	unsigned char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		SKIP("no 5 GiB of addresses");
	memory[size - 1] = 1;
	ck_assert_int_eq(
		value_of(ring, a10_madvise(memory, size, MADV_DONTNEED)), 0);
	ck_assert_uint_eq(memory[size - 1], 0);
	ck_assert_int_eq(value_of(ring, a10_madvise(memory, size, 9999)),
			 -EINVAL);
	ck_assert_int_eq(munmap(memory, size), 0);
	ring_close(ring);
}
