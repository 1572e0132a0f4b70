#include "support.h"

#include <sys/mman.h>

#include "buf/pool.h"
#include "ring/core.h"

static struct a10_ring *ring_with(uint32_t slots)
{
	struct a10_config config = { .registered_buffers = slots };

	return ring_open(&config);
}

static struct a10_region *region_open(struct a10_ring *ring, void *memory,
				      size_t size)
{
	struct a10_region *region = NULL;
	const int err = a10_region_create(ring, memory, size, &region);

	ck_assert_msg(err == 0, "no region: %s", strerror(-err));
	ck_assert_ptr_nonnull(region);
	return region;
}

/* A file with a pattern in it. */
static int file_open(size_t length)
{
	unsigned char *data = malloc(length);
	struct folder folder;
	int fd;

	pattern_fill(data, length, 0);
	folder_open(&folder);
	file_write(folder_file(&folder, "data"), data, length);
	fd = open(folder.file, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	folder_close(&folder);
	free(data);
	return fd;
}

TEST(memory_of_the_librarys_is_a_pages_and_can_be_read_into)
{
	struct a10_ring *ring = ring_with(4);
	struct a10_region *region = region_open(ring, NULL, 10000);
	unsigned char *data = a10_region_data(region);
	const int fd = file_open(10000);

	ck_assert_uint_eq((uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE),
			  0);
	ck_assert_int_eq(value_of(ring,
				  a10_fixed(a10_pread(a10_fd_regular(fd),
						      data + 100, 9000, 50),
					    region)),
			 9000);
	pattern_check(data + 100, 9000, 50);
	pattern_fill(data, 100, 7);
	ck_assert_int_eq(value_of(ring, a10_fixed(a10_pwrite(a10_fd_regular(fd),
							     data, 100, 0),
						  region)),
			 100);
	memset(data, 0, 100);
	ck_assert_int_eq(pread(fd, data, 100, 0), 100);
	pattern_check(data, 100, 7);
	a10_region_destroy(region);
	close(fd);
	ring_close(ring);
}

TEST(memory_of_the_callers_is_used_where_it_is)
{
	struct a10_ring *ring = ring_with(1);
	unsigned char *memory = malloc(5000);
	struct a10_region *region = region_open(ring, memory + 1, 4999);
	const int fd = file_open(5000);

	ck_assert_ptr_eq(a10_region_data(region), memory + 1);
	ck_assert_int_eq(value_of(ring,
				  a10_fixed(a10_pread(a10_fd_regular(fd),
						      memory + 1, 4999, 0),
					    region)),
			 4999);
	pattern_check(memory + 1, 4999, 0);
	ck_assert_int_eq(value_of(ring, a10_fixed(a10_pread(a10_fd_regular(fd),
							    memory, 10, 0),
						  region)),
			 -EFAULT);
	a10_region_destroy(region);
	free(memory);
	close(fd);
	ring_close(ring);
}

TEST(slots_are_as_many_as_asked_for_and_used_again)
{
	enum {
		SLOTS = 8
	};
	struct a10_ring *ring = ring_with(SLOTS);
	struct a10_region *regions[SLOTS], *other = NULL;
	uint64_t state = test_seed();
	bool used[SLOTS];

	for (int i = 0; i < SLOTS; i++)
		regions[i] = region_open(ring, NULL, 100);
	for (int round = 0; round < 200; round++) {
		const size_t i = test_random(&state) % SLOTS;

		ck_assert_int_eq(a10_region_create(ring, NULL, 100, &other),
				 -ENFILE);
		ck_assert_ptr_null(other);
		a10_region_destroy(regions[i]);
		regions[i] = region_open(ring, NULL, 100);
		memset(used, 0, sizeof(used));
		for (int j = 0; j < SLOTS; j++) {
			const int index = region_hold(regions[j], ring);

			region_drop(regions[j]);

			ck_assert_int_ge(index, 0);
			ck_assert_int_lt(index, SLOTS);
			ck_assert(!used[index]);
			used[index] = true;
		}
	}
	for (int i = 0; i < SLOTS / 2; i++)
		a10_region_destroy(regions[i]);
	ring_close(ring); /* destroys the others */
}

TEST(what_cannot_be_a_region_is_refused)
{
	struct a10_ring *ring = ring_with(2);
	struct a10_ring *without = ring_open(NULL);
	struct a10_region *region = NULL;
	void *hole =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_int_eq(a10_region_create(without, NULL, 100, &region),
			 -ENFILE);
	ck_assert_int_eq(a10_region_create(ring, NULL, 0, &region), -EINVAL);
	ck_assert_int_eq(a10_region_create(ring, NULL, SIZE_MAX, &region),
			 -EINVAL);
	ck_assert_int_eq(a10_region_create(ring, NULL, ((size_t)1 << 30) + 1,
					   &region),
			 -EINVAL);
	ck_assert_int_eq(a10_region_create(ring, hole, 4096, &region), -EFAULT);
	ck_assert_ptr_null(region);
	a10_region_destroy(NULL);
	/* None of these took a slot. */
	region = region_open(ring, NULL, 1);
	ck_assert_int_eq(region_hold(region, ring), 0);
	region_drop(region);
	ck_assert_int_eq(region_hold(region, without), -EXDEV);
	ck_assert_int_eq(region_hold(NULL, ring), -EXDEV);
	munmap(hole, 4096);
	ring_close(without);
	ring_close(ring);
}

TEST(a_region_of_another_ring_is_refused)
{
	struct a10_ring *ring = ring_with(1);
	struct a10_ring *other = ring_with(1);
	struct a10_region *region = region_open(other, NULL, 100);
	void *data = a10_region_data(region);

	ck_assert_int_eq(
		refusal_of(ring,
			   a10_fixed(a10_read(A10_STDIN, data, 100), region)),
		-EXDEV);
	ring_close(other);
	ring_close(ring);
}

static void *create_elsewhere(void *data)
{
	struct a10_region *region = NULL;
	const int err = a10_region_create(data, NULL, 100, &region);

	if (err == 0)
		return region;
	ck_assert_int_eq(err, -EPERM);
	return NULL;
}

TEST(any_thread_makes_one_before_the_ring_is_bound_then_only_the_owner)
{
	struct a10_ring *ring = ring_with(2);
	struct a10_region *region =
		thread_join(thread_start(create_elsewhere, ring));

	ck_assert_ptr_nonnull(region);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ck_assert_ptr_null(thread_join(thread_start(create_elsewhere, ring)));
	a10_region_destroy(region);
	region_open(ring, NULL, 100);
	ring_close(ring);
}

/* The kernel has the pages: neither they nor their addresses need to stay. */
TEST(a_region_can_be_destroyed_while_it_is_written_to)
{
	struct a10_ring *ring = ring_with(1);
	struct a10_region *region = region_open(ring, NULL, 4096);
	void *data = a10_region_data(region), *again;
	struct seen seen;
	int ends[2];

	pipe_open(ends);
	start(ring,
	      a10_fixed(a10_read(a10_fd_regular(ends[0]), data, 4096), region),
	      &seen);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	a10_region_destroy(region);
	/* Perhaps at the same address, and not to be written to. */
	again = mmap(data, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(again, MAP_FAILED);
	ck_assert_int_eq(write(ends[1], "xyz", 3), 3);
	RUN_UNTIL(ring, seen.ended > 0);
	ck_assert_int_eq(((char *)again)[0], 0);
	munmap(again, 4096);
	pipe_close(ends);
	ring_close(ring);
}

/* The slot and the memory of a destroyed one are nobody's while it is named. */
TEST(what_goes_on_in_a_destroyed_region_does_not_reach_the_next)
{
	struct a10_ring *ring = ring_with(2);
	struct a10_region *first = region_open(ring, NULL, 4096), *second;
	struct a10_region *third = NULL;
	unsigned char *data = a10_region_data(first), *other;
	struct seen queued, all;
	int ends[2];

	pipe_open(ends);
	start(ring,
	      a10_fixed(a10_all(a10_read(a10_fd_regular(ends[0]), data, 20)),
			first),
	      &all);
	ck_assert_int_eq(write(ends[1], "0123456789", 10), 10);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(all.count, 0);
	/* This one is only queued when it is destroyed. */
	start(ring,
	      a10_fixed(a10_write(a10_fd_regular(ends[1]), data, 10), first),
	      &queued);
	a10_region_destroy(first);
	second = region_open(ring, NULL, 4096);
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &third), -ENFILE);
	other = a10_region_data(second);
	memset(other, 'x', 4096);
	RUN_UNTIL(ring, queued.ended && all.ended);
	ck_assert_int_eq(queued.last.value, 10);
	ck_assert_int_eq(all.last.value, 20);
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(other[i], 'x');
	/* Now its slot is free again. */
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &third), 0);
	ck_assert_int_eq(refusal_of(ring, a10_fixed(a10_nop(), second)),
			 -EINVAL);
	pipe_close(ends);
	ring_close(ring);
}

static void *submit_into_region(void *data)
{
	void **parts = data;
	struct a10_ring *ring = parts[0];
	struct a10_region *region = parts[1];

	start(ring,
	      a10_fixed(a10_pread(a10_fd_regular(*(int *)parts[2]),
				  a10_region_data(region), 10, 0),
			region),
	      parts[3]);
	return NULL;
}

TEST(a_region_that_another_thread_named_lives_until_that_is_over)
{
	struct a10_ring *ring = ring_with(1);
	struct a10_region *region, *next = NULL;
	int fd = file_open(10);
	struct seen seen;
	void *parts[4] = { ring, NULL, &fd, &seen };

	ring_bind(ring);
	region = parts[1] = region_open(ring, NULL, 4096);
	thread_join(thread_start(submit_into_region, parts));
	a10_region_destroy(region);
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &next), -ENFILE);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 10);
	ck_assert_int_eq(a10_region_create(ring, NULL, 4096, &next), 0);
	close(fd);
	ring_close(ring);
}

TEST(a_clone_keeps_the_memory_of_a_region_that_is_gone)
{
	struct a10_ring *one = ring_with(2);
	struct a10_ring *two = ring_with(2);
	struct a10_region *region = region_open(one, NULL, 8192);
	struct a10_region *clone = NULL;
	unsigned char *data = a10_region_data(region);
	const int fd = file_open(8192);

	ck_assert_int_eq(a10_region_clone(region, two, &clone), 0);
	memset(data, 1, 8192);
	a10_region_destroy(region);
	ring_close(one);
	ck_assert_ptr_eq(a10_region_data(clone), data);
	ck_assert_int_eq(data[8191], 1);
	ck_assert_int_eq(value_of(two, a10_fixed(a10_pread(a10_fd_regular(fd),
							   data, 8192, 0),
						 clone)),
			 8192);
	pattern_check(data, 8192, 0);
	a10_region_destroy(clone);
	ring_close(two);
	ck_assert_int_eq(close(fd), 0);
}

#define PAGES_SIZE 4096

/* Older kernels do not take what a program's file is mapped to. */
static unsigned char *pages_open(void)
{
	unsigned char *pages = aligned_alloc(PAGES_SIZE, PAGES_SIZE);

	ck_assert_ptr_nonnull(pages);
	return pages;
}

TEST(memory_is_released_when_its_last_region_is_gone)
{
	unsigned char *bytes = pages_open();
	unsigned char *others = pages_open();
	struct a10_ring *one = ring_with(2);
	struct a10_ring *two = ring_with(2);
	struct a10_region *region = region_open(one, bytes, PAGES_SIZE);
	struct a10_region *clone = NULL;
	unsigned int released[2] = { 0 };

	ck_assert_int_eq(
		a10_region_set_release(region, on_release, &released[0]), 0);
	ck_assert_int_eq(a10_region_clone(region, two, &clone), 0);
	/* Its place is another's; the clone still has it. */
	ck_assert_int_eq(a10_region_update(region, others, PAGES_SIZE), 0);
	ck_assert_int_eq(
		a10_region_set_release(region, on_release, &released[1]), 0);
	ck_assert_ptr_eq(a10_region_data(clone), bytes);
	ck_assert_uint_eq(released[0], 0);
	a10_region_destroy(clone);
	ck_assert_uint_eq(released[0], 1);
	/* What cannot be in its place leaves it. */
	ck_assert_int_eq(a10_region_update(region, NULL, 1), -EINVAL);
	ck_assert_uint_eq(released[1], 0);
	ring_close(one); /* with a region left */
	ck_assert_uint_eq(released[1], 1);
	ring_close(two);
	ck_assert_uint_eq(released[0], 1);
	free(bytes);
	free(others);
}

TEST(memory_is_not_released_before_what_names_it_is_over)
{
	unsigned char *bytes = pages_open();
	struct a10_ring *ring = ring_with(2);
	struct a10_region *region = region_open(ring, bytes, PAGES_SIZE);
	unsigned int released = 0;
	struct seen seen;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(a10_region_set_release(region, on_release, &released),
			 0);
	start(ring,
	      a10_fixed(a10_read(a10_fd_regular(ends[0]), bytes, 1), region),
	      &seen);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	a10_region_destroy(region);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(released, 0);
	ck_assert_int_eq(write(ends[1], "a", 1), 1);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	RUN_UNTIL(ring, released == 1);
	pipe_close(ends);
	ring_close(ring);
	free(bytes);
}
