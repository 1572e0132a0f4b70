/* The kernel's word for it that an entry of a table is not used any more. */
#include "support.h"

#include <linux/io_uring.h>

struct world {
	struct a10_ring *ring;
	struct a10_fd direct;
	int ends[2];
	unsigned char memory[2][4096];
};

static void world_open(struct world *world)
{
	struct a10_config config = {
		.registered_buffers = 4,
		.direct_descriptors = 4,
	};

	memset(world, 0, sizeof(*world));
	world->ring = ring_open(&config);
	pipe_open(world->ends);
	world->direct = fd_of(world->ring,
			      a10_fd_register(a10_fd_regular(world->ends[0])));
}

static void world_close(struct world *world)
{
	pipe_close(world->ends);
	ring_close(world->ring);
}

/* One that the library does not count, of entry 0 of each table. */
static void raw_start(struct world *world, struct seen *seen)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_READ_FIXED;
	sqe.flags = IOSQE_FIXED_FILE;
	sqe.fd = world->direct.plus_one - 1;
	sqe.addr = (uintptr_t)world->memory[0];
	sqe.len = sizeof(world->memory[0]);
	sqe.off = UINT64_MAX;
	start(world->ring, a10_raw(&sqe), seen);
	run_for(world->ring, A_MOMENT);
	ck_assert_uint_eq(seen->count, 0);
}

static void raw_end(struct world *world, struct seen *seen)
{
	ck_assert_int_eq(write(world->ends[1], "abc", 3), 3);
	RUN_UNTIL(world->ring, seen->ended);
	ck_assert_int_eq(seen->last.value, 3);
	ck_assert_mem_eq(world->memory[0], "abc", 3);
}

static struct a10_region *region_open(struct world *world)
{
	struct a10_region *region;

	ck_assert_int_eq(a10_region_create(world->ring, world->memory[0],
					   sizeof(world->memory[0]), &region),
			 0);
	return region;
}

static void test_buffer(bool update)
{
	unsigned int told = 0, counted = 0;
	struct a10_region *region;
	struct world world;
	struct seen seen;

	world_open(&world);
	region = region_open(&world);
	ck_assert_int_eq(a10_region_set_tag(region, on_release, &told), 0);
	ck_assert_int_eq(a10_region_set_release(region, on_release, &counted),
			 0);
	raw_start(&world, &seen);
	if (update)
		ck_assert_int_eq(a10_region_update(region, world.memory[1],
						   sizeof(world.memory[1])),
				 0);
	else
		a10_region_destroy(region);
	/* As far as the library knows, nothing uses it. */
	ck_assert_uint_eq(counted, 1);
	run_for(world.ring, A_MOMENT);
	ck_assert_uint_eq(told, 0);
	raw_end(&world, &seen);
	RUN_UNTIL(world.ring, told == 1);
	/* What came in its place has none, and may have one. */
	if (update) {
		ck_assert_int_eq(a10_region_set_tag(region, on_release, &told),
				 0);
		a10_region_destroy(region);
		RUN_UNTIL(world.ring, told == 2);
	}
	world_close(&world);
	ck_assert_uint_eq(told, 1 + update);
}

TEST(a_tag_tells_when_no_request_uses_a_registered_buffer)
{
	test_buffer(false);
	test_buffer(true);
}

TEST(a_tag_tells_when_no_request_uses_a_direct_descriptor)
{
	unsigned int told = 0;
	struct a10_region *region;
	struct world world;
	struct seen seen;

	world_open(&world);
	region = region_open(&world);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, world.direct,
					     a10_fd_regular(world.ends[0]),
					     on_release, &told),
			 0);
	raw_start(&world, &seen);
	ck_assert_int_eq(
		value_of(world.ring,
			 a10_fd_replace(world.direct,
					a10_fd_regular(world.ends[1]))),
		0);
	run_for(world.ring, A_MOMENT);
	ck_assert_uint_eq(told, 0);
	raw_end(&world, &seen);
	RUN_UNTIL(world.ring, told == 1);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, world.direct,
					     a10_fd_regular(world.ends[0]),
					     on_release, &told),
			 0);
	fd_close(world.ring, world.direct);
	RUN_UNTIL(world.ring, told == 2);
	a10_region_destroy(region);
	world_close(&world);
	ck_assert_uint_eq(told, 2);
}

TEST(what_a_tag_did_not_tell_the_end_of_its_ring_tells)
{
	unsigned int told = 0;
	struct world world;

	world_open(&world);
	ck_assert_int_eq(
		a10_region_set_tag(region_open(&world), on_release, &told), 0);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, world.direct,
					     a10_fd_regular(world.ends[0]),
					     on_release, &told),
			 0);
	run_for(world.ring, A_MOMENT);
	ck_assert_uint_eq(told, 0);
	world_close(&world);
	ck_assert_uint_eq(told, 2);
}

TEST(tags_that_cannot_be_are_refused_and_told_of_nothing)
{
	const struct a10_fd none = a10_fd_regular(1 << 19);
	struct a10_region *region, *clone;
	unsigned int told = 0;
	struct world world, other;
	struct a10_fd regular;
	struct seen seen;

	world_open(&world);
	world_open(&other);
	region = region_open(&world);
	regular = a10_fd_regular(world.ends[0]);
	start(world.ring,
	      a10_fixed(a10_read(regular, world.memory[0], 1), region), &seen);
	ck_assert_int_eq(a10_region_set_tag(region, on_release, &told), -EBUSY);
	ck_assert_int_eq(write(world.ends[1], "x", 1), 1);
	RUN_UNTIL(world.ring, seen.ended);
	ck_assert_int_eq(a10_region_set_tag(region, on_release, &told), 0);
	ck_assert_int_eq(a10_region_set_tag(region, on_release, &told), -EBUSY);
	/* What shares its memory has an entry of its own. */
	ck_assert_int_eq(a10_region_clone(region, other.ring, &clone), 0);
	a10_region_destroy(region);
	RUN_UNTIL(world.ring, told == 1);
	ck_assert_int_eq(a10_region_set_tag(clone, on_release, &told), 0);
	a10_region_destroy(clone);
	RUN_UNTIL(other.ring, told == 2);
	ck_assert_int_eq(a10_ring_tag_direct(other.ring, world.direct, regular,
					     on_release, &told),
			 -EXDEV);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, regular, regular,
					     on_release, &told),
			 -EINVAL);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, world.direct,
					     world.direct, on_release, &told),
			 -EINVAL);
	ck_assert_int_eq(a10_ring_tag_direct(world.ring, world.direct, none,
					     on_release, &told),
			 -EBADF);
	world_close(&world);
	world_close(&other);
	ck_assert_uint_eq(told, 2);
}
