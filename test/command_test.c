/* Requests handed through to drivers; rings with large requests. */
#include "support.h"

#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "ring/core.h"
#include "uapi/io_uring.h"

static void test_socket_command(struct a10_ring *ring)
{
	for (int direct = 0; direct < 2; direct++) {
		unsigned char bytes[16] = { 0 };
		struct pair pair;
		ssize_t value;

		pair_open(ring, direct, &pair);
		ck_assert_int_eq(send(pair.theirs, "abc", 3, 0), 3);
		/* SIOCINQ, which is for UDP and TCP, or nothing it knows. */
		value = value_of(ring, a10_uring_cmd(pair.ours, 0, bytes,
						     sizeof(bytes)));
		ck_assert(value == 3 || value == -EOPNOTSUPP ||
			  value == -EINVAL || value == -ENOTTY);
		ck_assert_int_eq(
			value_of(ring, a10_uring_cmd(pair.ours, 9999, NULL, 0)),
			-EOPNOTSUPP);
		pair_close(ring, &pair);
	}
}

TEST(a_command_says_what_its_driver_says)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd file =
		fd_of(ring, a10_open("/proc/version", O_RDONLY, 0));
	unsigned char bytes[81] = { 0 };

	test_socket_command(ring);
	ck_assert_int_eq(value_of(ring, a10_uring_cmd(file, 1, bytes, 16)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(value_of(ring, a10_uring_cmd(a10_fd_regular(9999), 1,
						      bytes, 16)),
			 -EBADF);
	ck_assert_int_eq(refusal_of(ring, a10_uring_cmd(file, 1, bytes, 17)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_uring_cmd(file, 1, NULL, 1)),
			 -EFAULT);
	fd_close(ring, file);
	ring_close(ring);
}

static void on_ended(void *data, const struct a10_result *r)
{
	ck_assert_int_eq(r->value, 0);
	++*(unsigned int *)data;
}

TEST(a_ring_with_large_requests_does_what_others_do)
{
	struct a10_config config = { .submission_entries = 8,
				     .direct_descriptors = 4,
				     .large_requests = A10_ON,
				     .large_completions = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct a10_op chain[3] = { a10_nop(), a10_nop(), a10_nop() };
	struct a10_fd file =
		fd_of(ring, a10_open("/proc/version", O_RDONLY, 0));
	unsigned char bytes[81] = { 0 };
	unsigned int ended = 0;
	struct seen seen;
	struct pair pair;
	a10_id id;

	/* Around the queue a few times, with all its places in use. */
	for (int i = 0; i < 50; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_ended, &ended),
				 0);
	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(ring), chain, 3,
					   on_ended, &ended),
			 0);
	RUN_UNTIL(ring, ended == 53);
	pair_open(ring, false, &pair);
	id = start(ring, a10_recv(pair.ours, bytes, 1, 0), &seen);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	id = start(ring, a10_recv(pair.ours, bytes, 1, 0), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	pair_close(ring, &pair);
	test_socket_command(ring);
	ck_assert_int_eq(value_of(ring, a10_uring_cmd(file, 1, bytes, 80)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(refusal_of(ring, a10_uring_cmd(file, 1, bytes, 81)),
			 -EINVAL);
	fd_close(ring, file);
	ring_close(ring);
}

/* A block device over a file; skips where there is none to be had. */
static int loop_open(const char *path)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file, loop, number;
	char name[32];

	if (control < 0)
		SKIP("no loop devices: %s", strerror(errno));
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(name, sizeof(name), "/dev/loop%d", number);
	loop = open(name, O_RDWR | O_CLOEXEC);
	if (number < 0 || loop < 0)
		SKIP("no free loop device");
	file = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	if (ioctl(loop, LOOP_SET_FD, file) < 0)
		SKIP("no loop device: %s", strerror(errno));
	ck_assert_int_eq(close(file), 0);
	return loop;
}

static ssize_t test_discard(struct a10_ring *ring, int loop, off_t at)
{
	static unsigned char bytes[65536];
	const struct a10_fd fd = a10_fd_regular(loop);
	const ssize_t value = value_of(ring, a10_block_discard(fd, (uint64_t)at,
							       sizeof(bytes)));

	if (value < 0)
		return value;
	ck_assert_int_eq(pread(loop, bytes, sizeof(bytes), at), sizeof(bytes));
	ck_assert_uint_eq(bytes[0], 0);
	ck_assert_uint_eq(bytes[65535], 0);
	ck_assert_int_eq(value_of(ring, a10_block_discard(fd, 1, 4096)),
			 -EINVAL);
	return 0;
}

TEST(blocks_are_discarded)
{
	struct a10_ring *ring = ring_open(NULL);
	const size_t size = 1 << 20;
	unsigned char *bytes = malloc(size);
	struct folder folder;
	struct a10_fd fd;
	ssize_t value;
	int loop;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 7, size);
	folder_open(&folder);
	file_write(folder_file(&folder, "f"), bytes, size);
	fd = fd_of(ring, a10_open(folder.file, O_RDWR, 0));
	ck_assert_int_eq(value_of(ring, a10_block_discard(fd, 0, 4096)),
			 -EOPNOTSUPP);
	fd_close(ring, fd);
	loop = loop_open(folder.file);
	value = test_discard(ring, loop, 65536);
	/* As if the kernel were an older one. */
	ring->grant.opcodes[0] &= ~(UINT64_C(1) << A10_OPCODE_URING_CMD);
	if (value == 0)
		ck_assert_int_eq(test_discard(ring, loop, 65536 * 3), 0);
	ck_assert_int_eq(value_of(ring, a10_block_discard(A10_STDIN, 0, 4096)),
			 -EOPNOTSUPP);
	ck_assert_int_eq(ioctl(loop, LOOP_CLR_FD, 0), 0);
	ck_assert_int_eq(close(loop), 0);
	folder_close(&folder);
	free(bytes);
	ring_close(ring);
	if (value < 0)
		SKIP("not discarded: %s", strerror((int)-value));
}

/* As <linux/io_uring.h> has it from 6.14 on. */
struct protection {
	uint16_t flags;
	uint16_t application_tag;
	uint32_t length;
	uint64_t address;
	uint64_t seed;
	uint64_t reserved;
};

TEST(a_raw_read_with_protection_is_for_disks_that_have_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring_info info;
	unsigned char bytes[8];
	unsigned char checks[8];
	const struct protection protection = {
		.length = sizeof(checks),
		.address = (uint64_t)(uintptr_t)checks,
	};
	struct a10_fd file = fd_of(ring, a10_open("/dev/zero", O_RDONLY, 0));
	struct a10_request request = {
		.opcode = A10_OPCODE_READ,
		.fd = a10_fd_number(file),
		.address = (uint64_t)(uintptr_t)bytes,
		.length = sizeof(bytes),
	};

	ck_assert_int_eq(value_of(ring, a10_raw(&request)), sizeof(bytes));
	a10_ring_info(ring, &info);
	if (!(info.features & URING_FEAT_RW_ATTR))
		SKIP("the kernel has no RW_ATTR");
	/* attr_ptr, attr_type_mask: IORING_RW_ATTR_FLAG_PI. */
	request.address3 = (uint64_t)(uintptr_t)&protection;
	request.reserved = 1;
	ck_assert_int_eq(value_of(ring, a10_raw(&request)), -EINVAL);
	fd_close(ring, file);
	ring_close(ring);
}
