/*
 * Reads and writes with protection information. A disk that keeps such is
 * /dev/nvme0n2 in the machines of scripts/vm -n, whose kernel is to be 6.14 at
 * least; it is overwritten, so only where A10_TEST_DISK is set.
 */
#include "support.h"

#include "scripted.h"

#include <sys/sysmacros.h>
#include <sys/uio.h>

#define FD    a10_fd_regular(100)
#define BLOCK 512
#define COUNT 8
#define TUPLE 8 /* guard, application tag, reference tag: big-endian */

/* ---- what the kernel is asked ----------------------------------------------- */

static struct uring_attr_pi attribute_of(const struct scripted_request *request)
{
	struct uring_attr_pi attribute;

	ck_assert_uint_eq(request->sqe.pad, URING_RW_ATTR_FLAG_PI);
	memcpy(&attribute, (const void *)(uintptr_t)request->sqe.addr3,
	       sizeof(attribute));
	return attribute;
}

static void check_attribute(const struct scripted_request *request,
			    const void *data)
{
	const struct uring_attr_pi attribute = attribute_of(request);

	ck_assert_uint_eq(attribute.flags, 5);
	ck_assert_uint_eq(attribute.app_tag, 0x1234);
	ck_assert_uint_eq(attribute.len, 16);
	ck_assert_uint_eq(attribute.addr, (uintptr_t)data);
	ck_assert_uint_eq(attribute.seed, UINT64_C(77) << 32);
	ck_assert_uint_eq(attribute.rsvd, 0);
}

static struct a10_protection protection_of(void *data)
{
	return (struct a10_protection){
		.data = data,
		.length = 16,
		.flags = A10_PROTECTION_GUARD | A10_PROTECTION_APP,
		.app_tag = 0x1234,
		.seed = UINT64_C(77) << 32,
	};
}

TEST(protection_is_copied_and_said_again_when_it_is_started_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_protection protection;
	struct scripted_request *request;
	struct notes notes = { 0 };
	char bytes[1024], tuples[16];

	protection = protection_of(tuples);
	scripted_submit(kernel,
			a10_protected(a10_pwrite(FD, bytes, sizeof(bytes), 512),
				      &protection),
			&notes);
	memset(&protection, 0xee, sizeof(protection));
	for (int i = 0; i < 2; i++) {
		request = scripted_next(kernel, URING_OP_WRITE);
		check_attribute(request, tuples);
		ck_assert_uint_eq(request->sqe.addr, (uintptr_t)bytes);
		ck_assert_uint_eq(request->sqe.off, 512);
		scripted_answer(kernel, request, i ? 1024 : -EINTR, 0);
	}
	ck_assert_int_eq(notes_only(&notes)->value, 1024);
	scripted_destroy(kernel);
}

TEST(protection_goes_with_vectors_and_registered_buffers)
{
	struct scripted *kernel =
		scripted_ring(&(struct a10_config){ .registered_buffers = 2 });
	struct a10_region *region;
	struct a10_protection protection;
	struct scripted_request *request;
	char tuples[16];
	struct iovec parts[2];
	struct notes notes[2] = { 0 };
	char *bytes;

	ck_assert_int_eq(a10_region_create(kernel->ring, NULL, 4096, &region),
			 0);
	bytes = a10_region_data(region);
	protection = protection_of(tuples);
	parts[0] = (struct iovec){ bytes + 512, 512 };
	parts[1] = (struct iovec){ bytes, 512 };
	scripted_submit(kernel,
			a10_protected(a10_preadv(FD, parts, 2, 0), &protection),
			&notes[0]);
	scripted_submit(kernel,
			a10_fixed(a10_protected(a10_pread(FD, bytes, 1024, 0),
						&protection),
				  region),
			&notes[1]);
	memset(parts, 0xee, sizeof(parts));
	memset(&protection, 0xee, sizeof(protection));
	request = scripted_next(kernel, URING_OP_READV);
	check_attribute(request, tuples);
	memcpy(parts, (void *)(uintptr_t)request->sqe.addr, sizeof(parts));
	ck_assert_ptr_eq(parts[0].iov_base, bytes + 512);
	ck_assert_ptr_eq(parts[1].iov_base, bytes);
	scripted_answer(kernel, request, 1024, 0);
	request = scripted_next(kernel, URING_OP_READ_FIXED);
	check_attribute(request, tuples);
	scripted_answer(kernel, request, 1024, 0);
	ck_assert_int_eq(notes_only(&notes[0])->value, 1024);
	ck_assert_int_eq(notes_only(&notes[1])->value, 1024);
	a10_region_destroy(region);
	scripted_destroy(kernel);
}

static void without_attributes(struct backend_grant *grant)
{
	grant->features &= ~URING_FEAT_RW_ATTR;
}

/* It would write the data and forget the rest. */
TEST(a_kernel_that_does_not_look_at_protection_is_not_given_any)
{
	struct scripted *kernel =
		scripted_ring_unbound(NULL, without_attributes);
	struct a10_protection protection;
	char bytes[512], tuples[16];

	protection = protection_of(tuples);
	ck_assert_int_eq(a10_submit(kernel->sq,
				    a10_protected(a10_pwrite(FD, bytes, 512, 0),
						  &protection),
				    NULL, NULL),
			 -EOPNOTSUPP);
	scripted_settle(kernel);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

/* ---- what it says ------------------------------------------------------------ */

TEST(protection_is_of_reads_and_writes_only)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_protection protection;
	struct iovec many[1] = { { NULL, 0 } };
	struct a10_pool *pool;
	char bytes[512], tuples[16];
	struct a10_op refused[6];
	struct a10_op op;

	protection = protection_of(tuples);
	op = a10_pread(FD, bytes, 512, 0);
	ck_assert_int_eq(a10_pool_create(ring, 2, 4096, 0, &pool), 0);
	refused[0] = a10_all(op);
	refused[1] = a10_recv(FD, bytes, 512, 0);
	refused[2] = a10_read_pooled(FD, pool);
	refused[3] = a10_multishot(a10_read_pooled(FD, pool));
	refused[4] = a10_fsync(FD);
	refused[5] = a10_nop();
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(refusal_of(ring, a10_protected(refused[i],
								&protection)),
				 -EINVAL);
	a10_pool_destroy(pool);
	if (refusal_of(ring, a10_protected(op, NULL)) == -EOPNOTSUPP)
		SKIP("no IORING_FEAT_RW_ATTR");
	ck_assert_int_eq(refusal_of(ring, a10_protected(op, NULL)), -EFAULT);
	op = a10_preadv(FD, many, 1025, 0);
	ck_assert_int_eq(refusal_of(ring, a10_protected(op, &protection)),
			 -EINVAL);
	op = a10_preadv(FD, NULL, 1, 0);
	ck_assert_int_eq(refusal_of(ring, a10_protected(op, &protection)),
			 -EFAULT);
	ring_close(ring);
}

/* -EINVAL, whether it is opened with O_DIRECT or not. */
TEST(a_file_without_metadata_takes_no_protection)
{
	struct a10_protection protection;
	struct folder folder;
	struct a10_ring *ring;
	struct iovec part;
	char bytes[512] = "", tuples[16] = "";
	struct a10_fd file;
	a10_id id;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "abc", 3);
	ring = ring_open(NULL);
	file = fd_of(ring, a10_open(folder.file, O_RDWR, 0));
	protection = protection_of(tuples);
	part = (struct iovec){ bytes, 3 };
	id = a10_submit(a10_ring_sq(ring),
			a10_protected(a10_pread(file, bytes, 3, 0),
				      &protection),
			NULL, NULL);
	if (id < 0) {
		ck_assert_int_eq(id, -EOPNOTSUPP);
	} else {
		ck_assert_int_eq(
			outcome_of(ring,
				   a10_protected(a10_pread(file, bytes, 3, 0),
						 &protection)),
			-EINVAL);
		ck_assert_int_eq(
			outcome_of(ring,
				   a10_protected(a10_pwritev(file, &part, 1, 0),
						 &protection)),
			-EINVAL);
		/* The same bytes without it are read. */
		ck_assert_int_eq(value_of(ring, a10_pread(file, bytes, 3, 0)),
				 3);
	}
	fd_close(ring, file);
	ring_close(ring);
	folder_close(&folder);
}

/* ---- a disk that has it ------------------------------------------------------ */

/* CRC-16 of T10: polynomial 0x8bb7. */
static uint16_t guard_of(const unsigned char *block)
{
	uint16_t sum = 0;

	for (int i = 0; i < BLOCK; i++) {
		sum = (uint16_t)(sum ^ block[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			sum = (uint16_t)(sum & 0x8000 ? sum << 1 ^ 0x8bb7 :
							sum << 1);
	}
	return sum;
}

static void tuples_make(const unsigned char *blocks, uint32_t first,
			unsigned char *tuples)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		const uint16_t guard = guard_of(blocks + (size_t)i * BLOCK);
		unsigned char *tuple = tuples + (size_t)i * TUPLE;

		tuple[0] = (unsigned char)(guard >> 8);
		tuple[1] = (unsigned char)guard;
		tuple[2] = 0x12;
		tuple[3] = 0x34;
		for (uint32_t byte = 0; byte < 4; byte++)
			tuple[4 + byte] =
				(unsigned char)((first + i) >> (24 - 8 * byte));
	}
}

struct disk {
	struct a10_ring *ring;
	struct a10_fd fd;
	unsigned char *blocks; /* COUNT, twice */
	unsigned char *tuples; /* the same of them */
};

/* A machine that has just begun may not have asked its disk yet. */
static bool disk_is_protected(void)
{
	const int64_t until = a10_now() + A10_SECOND;
	struct stat status;
	char name[64], format[16];
	FILE *file;

	if (stat("/dev/nvme0n2", &status) != 0)
		return false;
	/* Its name may be another there. */
	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/integrity/format",
		 major(status.st_rdev), minor(status.st_rdev));
	do {
		file = fopen(name, "r");
		if (file == NULL)
			return false;
		format[0] = '\0';
		(void)fgets(format, sizeof(format), file);
		fclose(file);
		if (strncmp(format, "T10", 3) == 0)
			return true;
		nap(10 * A10_MILLISECOND);
	} while (a10_now() < until);
	return false;
}

static void disk_open(struct disk *disk)
{
	int number;

	if (getenv("A10_TEST_DISK") == NULL)
		SKIP("no disk to write to");
	if (!disk_is_protected())
		SKIP("no disk with protection information");
	disk->ring = ring_open(NULL);
	number = open("/dev/nvme0n2", O_RDWR | O_DIRECT | O_CLOEXEC);
	ck_assert_int_ge(number, 0);
	disk->fd = a10_fd_regular(number);
	disk->blocks = aligned_alloc(4096, 2 * COUNT * BLOCK);
	disk->tuples = aligned_alloc(4096, 4096);
	ck_assert_ptr_nonnull(disk->blocks);
	ck_assert_ptr_nonnull(disk->tuples);
	pattern_fill(disk->blocks, COUNT * BLOCK, 5);
	memset(disk->blocks + COUNT * BLOCK, 0, COUNT * BLOCK);
	memset(disk->tuples, 0, 4096);
	tuples_make(disk->blocks, 64, disk->tuples);
}

static void disk_close(struct disk *disk)
{
	fd_close(disk->ring, disk->fd);
	ring_close(disk->ring);
	free(disk->blocks);
	free(disk->tuples);
}

static struct a10_op guarded(const struct disk *disk, bool writes,
			     uint32_t flags, uint16_t app_tag)
{
	static struct a10_protection protection; /* copied by the verb */
	unsigned char *blocks = disk->blocks + (writes ? 0 : COUNT * BLOCK);
	struct a10_op op;

	protection = (struct a10_protection){
		.data = disk->tuples + (writes ? 0 : COUNT * TUPLE),
		.length = COUNT * TUPLE,
		.flags = (uint16_t)flags,
		.app_tag = app_tag,
		.seed = 64,
	};
	if (writes)
		op = a10_pwrite(disk->fd, blocks, COUNT * BLOCK, 64 * BLOCK);
	else
		op = a10_pread(disk->fd, blocks, COUNT * BLOCK, 64 * BLOCK);
	return a10_protected(op, &protection);
}

#define EVERYTHING \
	(A10_PROTECTION_GUARD | A10_PROTECTION_REFERENCE | A10_PROTECTION_APP)

TEST(blocks_and_what_protects_them_are_written_and_read)
{
	struct disk disk;
	ssize_t value;

	disk_open(&disk);
	value = a10_submit(a10_ring_sq(disk.ring), guarded(&disk, true, 0, 0),
			   NULL, NULL);
	if (value == -EOPNOTSUPP) {
		disk_close(&disk);
		SKIP("no IORING_FEAT_RW_ATTR");
	}
	ck_assert_int_eq(value_of(disk.ring,
				  guarded(&disk, true, EVERYTHING, 0x1234)),
			 COUNT * BLOCK);
	ck_assert_int_eq(value_of(disk.ring,
				  guarded(&disk, false, EVERYTHING, 0x1234)),
			 COUNT * BLOCK);
	ck_assert_mem_eq(disk.blocks, disk.blocks + COUNT * BLOCK,
			 COUNT * BLOCK);
	ck_assert_mem_eq(disk.tuples, disk.tuples + COUNT * TUPLE,
			 COUNT * TUPLE);
	disk_close(&disk);
}

TEST(what_does_not_fit_its_protection_is_refused)
{
	struct a10_protection little = { .length = 8 };
	struct disk disk;
	ssize_t value;

	disk_open(&disk);
	value = a10_submit(a10_ring_sq(disk.ring),
			   guarded(&disk, true, EVERYTHING, 0x1234), NULL,
			   NULL);
	if (value == -EOPNOTSUPP) {
		disk_close(&disk);
		SKIP("no IORING_FEAT_RW_ATTR");
	}
	ck_assert_int_eq(outcome_of(disk.ring,
				    guarded(&disk, false, EVERYTHING, 0x4321)),
			 -EILSEQ);
	disk.blocks[100] ^= 1;
	ck_assert_int_eq(outcome_of(disk.ring,
				    guarded(&disk, true, EVERYTHING, 0x1234)),
			 -EILSEQ);
	/* Nobody looks, and later the disk finds it. */
	ck_assert_int_eq(value_of(disk.ring, guarded(&disk, true, 0, 0)),
			 COUNT * BLOCK);
	ck_assert_int_eq(value_of(disk.ring, guarded(&disk, false, 0, 0)),
			 COUNT * BLOCK);
	ck_assert_int_eq(
		outcome_of(disk.ring,
			   guarded(&disk, false, A10_PROTECTION_GUARD, 0)),
		-EILSEQ);
	little.data = disk.tuples;
	ck_assert_int_eq(
		outcome_of(disk.ring,
			   a10_protected(a10_pread(disk.fd, disk.blocks,
						   COUNT * BLOCK, 0),
					 &little)),
		-EINVAL);
	disk_close(&disk);
}
