/*
 * An NVMe disk: commands handed through to its driver, and busy-polled reads and
 * writes. It overwrites /dev/nvme0n1, so only where A10_TEST_DISK is set, as it is
 * in the machines of scripts/vm-check.
 */
#include "support.h"

#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define BLOCK 4096

enum {
	READ = 2,
	WRITE = 1,
	IDENTIFY = 6
};

static void disk_needed(const char *path)
{
	if (getenv("A10_TEST_DISK") == NULL)
		SKIP("no disk to write to");
	if (access(path, R_OK | W_OK) != 0)
		SKIP("no %s", path);
}

static unsigned char *pages_new(size_t count)
{
	unsigned char *pages = aligned_alloc(BLOCK, count * BLOCK);

	ck_assert_ptr_nonnull(pages);
	memset(pages, 0, count * BLOCK);
	return pages;
}

/* ---- handed through --------------------------------------------------------- */

static struct a10_ring *ring_open_large(bool polled)
{
	struct a10_config config = { .large_requests = A10_ON,
				     .large_completions = A10_ON,
				     .direct_descriptors = 4,
				     .iopoll = polled ? A10_ON : A10_OFF };

	return ring_open(&config);
}

static struct a10_fd disk_open(const char *path, int flags)
{
	int number = open(path, O_RDWR | O_CLOEXEC | flags);

	ck_assert_int_ge(number, 0);
	return a10_fd_regular(number);
}

static struct a10_op command(struct a10_fd disk, uint8_t opcode, uint32_t block,
			     void *bytes, uint32_t blocks)
{
	static struct nvme_uring_cmd cmd; /* copied by the verb */

	cmd = (struct nvme_uring_cmd){
		.opcode = opcode,
		.nsid = 1,
		.addr = (uint64_t)(uintptr_t)bytes,
		.data_len = blocks * 512,
		.cdw10 = block,
		.cdw12 = blocks - 1,
	};

	return a10_uring_cmd(disk, NVME_URING_CMD_IO, &cmd, sizeof(cmd));
}

static void test_commands(bool polled)
{
	struct a10_ring *ring;
	struct a10_fd disk;
	unsigned char *pages;

	disk_needed("/dev/ng0n1");
	ring = ring_open_large(polled);
	disk = disk_open("/dev/ng0n1", 0);
	pages = pages_new(2);
	pattern_fill(pages, BLOCK, 7);
	ck_assert_int_eq(value_of(ring, command(disk, WRITE, 64, pages, 8)), 0);
	ck_assert_int_eq(
		value_of(ring, command(disk, READ, 64, pages + BLOCK, 8)), 0);
	pattern_check(pages + BLOCK, BLOCK, 7);
	/* What the disk itself refuses is above 0: an opcode it has not. */
	ck_assert_int_gt(value_of(ring, command(disk, 0x7f, 0, NULL, 0)), 0);
	/* And a block behind its end. */
	ck_assert_int_gt(
		value_of(ring, command(disk, READ, 1u << 30, pages, 8)), 0);
	ck_assert_int_eq(value_of(ring, a10_uring_cmd(disk, 1, pages, 72)),
			 -ENOTTY);
	ck_assert_int_eq(close(a10_fd_number(disk)), 0);
	ring_close(ring);
	free(pages);
}

TEST(a_disk_takes_commands)
{
	test_commands(false);
}

TEST(a_disk_takes_commands_and_is_polled_for_their_end)
{
	test_commands(true);
}

/* ---- busy-polled ------------------------------------------------------------- */

static struct a10_ring *ring_open_polled(void)
{
	struct a10_config config = { .iopoll = A10_ON,
				     .direct_descriptors = 4,
				     .registered_buffers = 4 };

	return ring_open(&config);
}

TEST(a_disk_is_busy_polled)
{
	struct a10_region *region;
	struct a10_ring *ring;
	struct iovec parts[3];
	unsigned char *pages;
	struct a10_fd disk;

	disk_needed("/dev/nvme0n1");
	ring = ring_open_polled();
	disk = disk_open("/dev/nvme0n1", O_DIRECT);
	pages = pages_new(32);
	pattern_fill(pages, 16 * BLOCK, 3);
	ck_assert_int_eq(a10_region_create(ring, pages, 32 * BLOCK, &region),
			 0);
	ck_assert_int_eq(value_of(ring, a10_all(a10_pwrite(disk, pages,
							   16 * BLOCK, BLOCK))),
			 16 * BLOCK);
	ck_assert_int_eq(value_of(ring, a10_pread(disk, pages + 16 * BLOCK,
						  16 * BLOCK, BLOCK)),
			 16 * BLOCK);
	pattern_check(pages + 16 * BLOCK, 16 * BLOCK, 3);
	memset(pages + 16 * BLOCK, 0, 16 * BLOCK);
	ck_assert_int_eq(value_of(ring,
				  a10_fixed(a10_pread(disk, pages + 16 * BLOCK,
						      2 * BLOCK, 3 * BLOCK),
					    region)),
			 2 * BLOCK);
	pattern_check(pages + 16 * BLOCK, 2 * BLOCK, 2 * BLOCK + 3);
	for (int i = 0; i < 3; i++)
		parts[i] = (struct iovec){ pages + (20 + i) * BLOCK, BLOCK };
	ck_assert_int_eq(value_of(ring, a10_preadv(disk, parts, 3, BLOCK)),
			 3 * BLOCK);
	pattern_check(pages + 20 * BLOCK, 3 * BLOCK, 3);
	a10_region_destroy(region);
	ck_assert_int_eq(value_of(ring, a10_close(disk)), 0);
	ring_close(ring);
	free(pages);
}

TEST(what_a_polled_ring_cannot_is_not_supported)
{
	const struct a10_fd nothing = a10_fd_regular(AT_FDCWD);
	struct folder folder;
	struct a10_ring *ring;
	struct a10_fd file;
	struct statx status;
	struct iovec part;
	int ends[2];
	char byte;
	struct a10_op ops[12];
	size_t count = 0;

	ring = ring_open_polled();
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "abc", 3);
	file = disk_open(folder.file, 0); /* not O_DIRECT */
	pipe_open(ends);
	part = (struct iovec){ &byte, 1 };
	ops[count++] = a10_pread(file, &byte, 1, 0);
	ops[count++] = a10_read(a10_fd_regular(ends[0]), &byte, 1);
	ops[count++] = a10_writev(a10_fd_regular(ends[1]), &part, 1);
	ops[count++] = a10_fsync(file);
	ops[count++] = a10_poll(file, 1);
	ops[count++] = a10_open("/dev/null", O_RDONLY, 0);
	ops[count++] = a10_statx(nothing, "/", 0, STATX_SIZE, &status);
	ops[count++] = a10_at(CLOCK_REALTIME, 1);
	ops[count++] = a10_connect_to("unix:@nobody", 0);
	ops[count++] = a10_fd_install(file, 0);
	ops[count++] = a10_all(a10_send(file, "a", 1, 0));
	ops[count++] = a10_timeout(a10_recv(file, &byte, 1, 0), A10_SECOND);
	for (size_t i = 0; i < count; i++) {
		const ssize_t value = outcome_of(ring, ops[i]);

		ck_assert_msg(value == -EOPNOTSUPP, "operation %zu: %s", i,
			      strerror((int)-value));
	}
	pipe_close(ends);
	/* What the library does by itself, or by system calls, works. */
	ck_assert_int_eq(value_of(ring, a10_after(A10_MILLISECOND)), 0);
	ck_assert_int_eq(value_of(ring, a10_close(file)), 0);
	ck_assert(!number_is_open(a10_fd_number(file)));
	ring_close(ring);
	folder_close(&folder);
}

TEST(a_polled_ring_has_direct_descriptors)
{
	struct a10_ring *ring;
	struct a10_fd disk;
	struct a10_fd direct;
	unsigned char *pages;

	disk_needed("/dev/nvme0n1");
	ring = ring_open_polled();
	disk = disk_open("/dev/nvme0n1", O_DIRECT);
	pages = pages_new(1);
	for (int i = 0; i < 10; i++) { /* of a table of four */
		direct = fd_of(ring, a10_fd_register(disk));
		ck_assert_int_eq(value_of(ring,
					  a10_pread(direct, pages, BLOCK, 0)),
				 BLOCK);
		ck_assert_int_eq(value_of(ring, a10_close(direct)), 0);
		ck_assert_int_eq(value_of(ring,
					  a10_pread(direct, pages, BLOCK, 0)),
				 -EBADF);
	}
	a10_fd_release(disk);
	ring_close(ring);
	free(pages);
}

static void on_read(void *data, const struct a10_result *r)
{
	unsigned int *ended = data;

	ck_assert_msg(r->value == BLOCK || r->value == -ECANCELED, "%zd",
		      r->value);
	ck_assert(!r->more);
	++*ended;
}

enum {
	READS = 200
};

static void reads_start(struct a10_ring *ring, struct a10_fd disk,
			unsigned char *pages, a10_id *ids, unsigned int *ended)
{
	for (unsigned int i = 0; i < READS; i++) {
		unsigned char *page = pages + (size_t)i * BLOCK;

		ids[i] = a10_submit(a10_ring_sq(ring),
				    a10_pread(disk, page, BLOCK,
					      (uint64_t)i * BLOCK),
				    on_read, ended);
		ck_assert_int_gt(ids[i], 0);
	}
}

TEST(what_is_polled_for_ends_once_when_cancelled)
{
	unsigned int ended = 0;
	struct a10_ring *ring;
	struct a10_fd disk;
	unsigned char *pages;
	a10_id ids[READS];

	disk_needed("/dev/nvme0n1");
	ring = ring_open_polled();
	disk = disk_open("/dev/nvme0n1", O_DIRECT);
	pages = pages_new(READS);
	reads_start(ring, disk, pages, ids, &ended);
	ck_assert_int_ge(a10_ring_flush(ring), 0);
	for (int i = 0; i < READS; i += 2)
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), ids[i]), 0);
	RUN_UNTIL(ring, ended == READS);
	/* By the descriptor, and by its close. */
	reads_start(ring, disk, pages, ids, &ended);
	ck_assert_int_ge(a10_ring_flush(ring), 0);
	ck_assert_int_eq(a10_cancel_fd(a10_ring_sq(ring), disk), 0);
	reads_start(ring, disk, pages, ids, &ended);
	ck_assert_int_ge(a10_ring_flush(ring), 0);
	ck_assert_int_eq(value_of(ring, a10_close(disk)), 0);
	ck_assert_uint_eq(ended, 3 * READS);
	ring_close(ring);
	free(pages);
}

TEST(a_polled_ring_is_destroyed_with_reads_in_flight)
{
	unsigned int ended = 0;
	struct a10_ring *ring;
	struct a10_fd disk;
	unsigned char *pages;
	a10_id ids[READS];

	disk_needed("/dev/nvme0n1");
	disk = disk_open("/dev/nvme0n1", O_DIRECT);
	pages = pages_new(READS);
	for (unsigned int i = 1; i <= 3; i++) {
		ring = ring_open_polled();
		reads_start(ring, disk, pages, ids, &ended);
		if (i > 1)
			ck_assert_int_ge(a10_ring_flush(ring), 0);
		ring_close(ring);
		ck_assert_uint_eq(ended, i * READS);
	}
	ck_assert_int_eq(close(a10_fd_number(disk)), 0);
	free(pages);
}

static void *wake_later(void *sq)
{
	nap(5 * A10_MILLISECOND);
	ck_assert_int_eq(a10_sq_wake(sq), 0);
	return NULL;
}

TEST(a_polled_ring_that_sleeps_is_woken)
{
	struct a10_ring *ring;
	pthread_t thread;
	int64_t begin;

	ring = ring_open_polled();
	ring_bind(ring);
	begin = a10_now();
	thread = thread_start(wake_later, a10_ring_sq(ring));
	ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 0);
	ck_assert_int_lt(a10_now() - begin, PATIENCE);
	thread_join(thread);
	ring_close(ring);
}

TEST(a_disk_is_told_what_is_not_needed)
{
	struct a10_ring *ring;
	struct a10_fd disk;
	unsigned char *pages;
	ssize_t value;

	disk_needed("/dev/nvme0n1");
	ring = ring_open(NULL);
	disk = disk_open("/dev/nvme0n1", O_DIRECT);
	pages = pages_new(1);
	memset(pages, 7, BLOCK);
	ck_assert_int_eq(value_of(ring, a10_pwrite(disk, pages, BLOCK, 0)),
			 BLOCK);
	value = value_of(ring, a10_block_discard(disk, 0, BLOCK));
	if (value == -EOPNOTSUPP)
		SKIP("no BLOCK_URING_CMD_DISCARD");
	ck_assert_int_eq(value, 0);
	ck_assert_int_eq(value_of(ring, a10_block_discard(disk, 1, BLOCK)),
			 -EINVAL);
	a10_fd_release(disk);
	ring_close(ring);
	free(pages);
}
