/* What of a ring is set while it is there, and what the kernel tells. */
#include "support.h"

#include <sched.h>
#include <sys/uio.h>

#include "uapi/io_uring.h"

static uint32_t setup_flags(const struct a10_ring *ring)
{
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	return info.setup_flags;
}

TEST(a_personality_is_made_used_and_removed)
{
	struct a10_ring *ring = ring_open(NULL);
	int number = a10_ring_add_personality(ring);
	struct a10_fd fd;

	ck_assert_int_gt(number, 0);
	fd = fd_of(ring, a10_personality(a10_open("/dev/null", O_RDONLY, 0),
					 (uint16_t)number));
	fd_close(ring, fd);
	ck_assert_int_eq(a10_ring_remove_personality(ring, number), 0);
	ck_assert_int_eq(a10_ring_remove_personality(ring, number), -EINVAL);
	ck_assert_int_eq(a10_ring_remove_personality(ring, 0), -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_personality(a10_open("/dev/null",
								 O_RDONLY, 0),
							(uint16_t)number)),
			 -EINVAL);
	ring_close(ring);
}

/* A thread that was privileged gives it away for an operation. */
TEST(an_operation_has_the_rights_of_its_personality)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	int number;

	if (geteuid() != 0)
		SKIP("not root, who can become nobody");
	folder_open(&folder);
	ring_bind(ring);
	ck_assert_int_eq(seteuid(65534), 0);
	number = a10_ring_add_personality(ring);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_gt(number, 0);
	ck_assert_int_eq(
		value_of(ring,
			 a10_personality(a10_mkdirat(A10_CWD,
						     folder_file(&folder, "d"),
						     0700),
					 (uint16_t)number)),
		-EACCES);
	ck_assert_int_eq(
		value_of(ring, a10_mkdirat(A10_CWD, folder.file, 0700)), 0);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_sandbox_does_what_was_named_and_nothing_else)
{
	static const enum a10_opcode allowed[] = { A10_OPCODE_READ,
						   A10_OPCODE_WRITE };
	struct a10_ring *ring = ring_open(NULL);
	struct a10_region *region;
	struct seen seen;
	char byte = 0;
	int ends[2];
	a10_id id;

	ck_assert_int_eq(a10_ring_restrict(ring, allowed, 2), 0);
	pipe_open(ends);
	ck_assert_int_eq(
		value_of(ring, a10_write(a10_fd_regular(ends[1]), "x", 1)), 1);
	ck_assert_int_eq(
		value_of(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1)), 1);
	ck_assert_int_eq(value_of(ring, a10_open("/dev/null", O_RDONLY, 0)),
			 -EACCES);
	ck_assert_int_eq(value_of(ring, a10_mkdirat(A10_CWD, "/tmp", 0)),
			 -EACCES);
	ck_assert_int_eq(value_of(ring, a10_after(A10_MILLISECOND)), 0);
	/* What waits is cancelled, and the owner is woken, as ever. */
	id = start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_lt(a10_ring_add_personality(ring), 0);
	ck_assert_int_lt(a10_region_create(ring, NULL, 4096, &region), 0);
	ck_assert_int_eq(a10_ring_restrict(ring, allowed, 2), -EBADFD);
	fd_close(ring, a10_fd_regular(ends[0]));
	fd_close(ring, a10_fd_regular(ends[1]));
	ring_close(ring);
}

TEST(the_number_of_workers_is_limited)
{
	struct a10_ring *ring = ring_open(NULL);
	uint32_t before[2] = { 0, 0 };

	ring_bind(ring);
	ck_assert_int_eq(a10_ring_set_workers(ring, 3, 5, NULL), 0);
	ck_assert_int_eq(a10_ring_set_workers(ring, 0, 0, before), 0);
	ck_assert_uint_eq(before[0], 3);
	ck_assert_uint_eq(before[1], 5);
	ring_close(ring);
}

TEST(workers_are_kept_to_some_cpus)
{
	struct a10_ring *ring = ring_open(NULL);
	cpu_set_t cpus;

	ck_assert_int_eq(a10_ring_set_worker_cpus(ring, NULL, 0), -EPERM);
	ring_bind(ring);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	ck_assert_int_eq(a10_ring_set_worker_cpus(ring, &cpus, sizeof(cpus)),
			 0);
	ck_assert_int_eq(value_of(ring, a10_forced_async(a10_nop())), 0);
	ck_assert_int_eq(a10_ring_set_worker_cpus(ring, NULL, 0), 0);
	ck_assert_int_eq(a10_ring_set_worker_cpus(ring, &cpus, 0), -EINVAL);
	ring_close(ring);
}

TEST(network_queues_are_polled_if_the_kernel_can)
{
	struct a10_ring *ring = ring_open(NULL);
	int err = a10_ring_set_busy_poll(ring, 50, true);

	if (err == -EOPNOTSUPP)
		SKIP("the kernel has no REGISTER_NAPI (6.9)");
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ck_assert_int_eq(a10_ring_set_busy_poll(ring, 0, false), 0);
	ring_close(ring);
}

static int64_t boottime(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	return now.tv_sec * A10_SECOND + now.tv_nsec;
}

static void on_now(void *data, const struct a10_result *r)
{
	(void)r;
	*(int64_t *)data = a10_now();
}

TEST(a_ring_has_another_clock)
{
	struct a10_ring *ring = ring_open(NULL);
	int64_t begun, now = 0;
	int err = a10_ring_set_clock(ring, CLOCK_REALTIME);

	ck_assert_int_eq(err, -EINVAL);
	err = a10_ring_set_clock(ring, CLOCK_BOOTTIME);
	if (err == -EOPNOTSUPP)
		SKIP("the kernel has no REGISTER_CLOCK (6.12)");
	ck_assert_int_eq(err, 0);
	begun = boottime();
	ck_assert_int_eq(value_of(ring, a10_after(A_MOMENT)), 0);
	ck_assert_int_ge(boottime() - begun, A_MOMENT);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(), on_now, &now),
			 0);
	RUN_UNTIL(ring, now);
	ck_assert_int_ge(now, begun);
	ck_assert_int_le(now, boottime());
	ck_assert_int_eq(a10_ring_set_clock(ring, CLOCK_MONOTONIC), -EBADFD);
	ring_close(ring);
}

/* ---- sizes ------------------------------------------------------------------- */

static void count_ends(void *data, const struct a10_result *r)
{
	ck_assert_int_eq(r->value, 0);
	++*(unsigned int *)data;
}

TEST(queues_get_another_size_with_what_is_in_them)
{
	struct a10_config config = { .submission_entries = 4,
				     .completion_entries = 8 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_ring_info info;
	unsigned int ended = 0, begun = 0;
	struct seen seen;
	struct pair pair;
	char byte;
	int err;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(a10_ring_resize(ring, 16, 64), -EPERM);
	ring_bind(ring);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen);
	for (int round = 0; round < 6; round++) {
		static const uint32_t sizes[] = { 16, 64, 4, 256, 8, 32 };

		for (int i = 0; i < 10; i++, begun++)
			ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
						    a10_nop(), count_ends,
						    &ended),
					 0);
		if (round & 1)
			ck_assert_int_eq(a10_ring_flush(ring), 0);
		err = a10_ring_resize(ring, sizes[round], sizes[round] * 2);
		if (err == -EOPNOTSUPP || err == -EINVAL)
			SKIP("the kernel has no RESIZE_RINGS (6.13): %s",
			     strerror(-err));
		/* What is in them may have no room in smaller ones. */
		ck_assert(err == 0 || err == -EOVERFLOW);
		a10_ring_info(ring, &info);
		if (err == 0)
			ck_assert_uint_eq(info.submission_entries,
					  sizes[round]);
		RUN_UNTIL(ring, ended == begun);
	}
	ck_assert_int_eq(send(pair.theirs, "x", 1, 0), 1);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(fewer_completions_than_submissions_are_not_called_an_old_kernel)
{
	struct a10_config config = { .submission_entries = 4,
				     .completion_entries = 8 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_ring_info info;

	ring_bind(ring);
	ck_assert_int_eq(a10_ring_resize(ring, 0, 2), -EINVAL);
	ck_assert_int_eq(a10_ring_resize(ring, 9, 0), -EINVAL);
	ck_assert_int_eq(a10_ring_resize(ring, UINT32_MAX, 0), -EINVAL);
	a10_ring_info(ring, &info);
	ck_assert_uint_eq(info.submission_entries, 4);
	ck_assert_uint_eq(info.completion_entries, 8);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
}

TEST(a_ring_that_does_not_defer_keeps_its_size)
{
	struct a10_config config = { .defer_task_run = A10_OFF };
	struct a10_ring *ring = ring_open(&config);

	ring_bind(ring);
	ck_assert_int_eq(a10_ring_resize(ring, 16, 64), -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
}

TEST(a_queue_that_overflows_grows_if_it_was_asked_to)
{
	struct a10_config config = { .submission_entries = 8,
				     .completion_entries = 8,
				     .grow_completions = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct a10_ring_info info;
	unsigned int ended = 0;

	ring_bind(ring);
	if (a10_ring_resize(ring, 0, 0) < 0)
		SKIP("the kernel has no RESIZE_RINGS (6.13)");
	/* Started one after the other, and none is taken out. */
	for (int i = 0; i < 32; i++) {
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    count_ends, &ended),
				 0);
		ck_assert_int_eq(a10_ring_flush(ring), 0);
	}
	RUN_UNTIL(ring, ended == 32);
	a10_ring_info(ring, &info);
	ck_assert_uint_gt(info.completion_entries, 8);
	ring_close(ring);
}

/* ---- waiting ----------------------------------------------------------------- */

static void test_waits(struct a10_config config)
{
	struct a10_ring *ring;
	struct seen seen[4];
	struct pair pairs[4];
	char bytes[4];
	int64_t begun;
	int err = a10_ring_create(&config, &ring);

	if (err == -EOPNOTSUPP)
		SKIP("%s", a10_ring_reason());
	ck_assert_int_eq(err, 0);
	begun = a10_now();
	ck_assert_int_eq(a10_ring_poll(ring, A_MOMENT), 0);
	ck_assert_int_ge(a10_now() - begun, A_MOMENT);
	ck_assert_int_eq(value_of(ring, a10_after(A_MOMENT)), 0);
	for (int i = 0; i < 4; i++) {
		pair_open(ring, false, &pairs[i]);
		start(ring, a10_recv(pairs[i].ours, &bytes[i], 1, 0), &seen[i]);
	}
	ck_assert_int_eq(send(pairs[0].theirs, "x", 1, 0), 1);
	RUN_UNTIL(ring, seen[0].ended);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(send(pairs[i].theirs, "x", 1, 0), 1);
	for (int i = 1; i < 4; i++)
		RUN_UNTIL(ring, seen[i].ended);
	for (int i = 0; i < 4; i++)
		pair_close(ring, &pairs[i]);
	ring_close(ring);
}

TEST(a_wait_whose_time_is_not_copied_ends_in_time)
{
	test_waits((struct a10_config){ .registered_wait = A10_ON });
}

TEST(a_wait_for_several_ends_with_one_when_its_moment_is_over)
{
	test_waits((struct a10_config){ .batch_completions = 3,
					.batch_wait_ns = A10_MILLISECOND });
	test_waits((struct a10_config){ .batch_completions = 3,
					.batch_wait_ns = A10_MILLISECOND,
					.registered_wait = A10_ON });
}

TEST(half_a_batch_is_refused)
{
	struct a10_config config = { .batch_completions = 3 };
	const char *why = "";

	ck_assert_int_eq(a10_config_check(&config, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "batch"));
	config.batch_completions = 0;
	config.batch_wait_ns = -1;
	ck_assert_int_eq(a10_config_check(&config, &why), -EINVAL);
}

/* ---- the kernel -------------------------------------------------------------- */

TEST(the_kernel_tells_what_it_knows_without_a_ring)
{
	struct a10_kernel kernel;
	struct a10_ring *ring = ring_open(NULL);
	int err = a10_kernel_query(&kernel);

	if (err == -EOPNOTSUPP) {
		ring_close(ring);
		SKIP("the kernel has no REGISTER_QUERY (6.18)");
	}
	ck_assert_int_eq(err, 0);
	ck_assert_uint_ge(kernel.opcodes, 63);
	ck_assert_uint_ge(kernel.register_opcodes, 36);
	ck_assert_uint_eq(setup_flags(ring) & ~kernel.setup_flags, 0);
	ring_close(ring);
}

/* ---- buffers ------------------------------------------------------------------ */

TEST(the_kernel_tells_how_many_buffers_it_has)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	struct pair pair;
	struct a10_result result;
	int left;

	ck_assert_int_eq(a10_pool_create(ring, 8, 64, 0, &pool), 0);
	left = a10_pool_left(pool);
	if (left == -EOPNOTSUPP)
		SKIP("the kernel has no PBUF_STATUS (6.8)");
	ck_assert_int_eq(left, 8);
	pair_open(ring, false, &pair);
	ck_assert_int_eq(send(pair.theirs, "x", 1, 0), 1);
	result = result_of(ring, a10_recv_pooled(pair.ours, pool, 0));
	ck_assert_int_eq(a10_pool_left(pool), 7);
	a10_buf_release(result.buf);
	ck_assert_int_eq(a10_pool_left(pool), 8);
	pair_close(ring, &pair);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(a_region_gets_other_memory)
{
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct a10_fd zero = fd_of(ring, a10_open("/dev/zero", O_RDONLY, 0));
	unsigned char *memory = aligned_alloc(4096, 4096);
	struct a10_region *region;

	ck_assert_ptr_nonnull(memory);
	memset(memory, 1, 4096);
	ck_assert_int_eq(a10_region_create(ring, NULL, 8192, &region), 0);
	ck_assert_int_eq(
		outcome_of(ring, a10_fixed(a10_read(zero, memory, 8), region)),
		-EFAULT);
	ck_assert_int_eq(a10_region_update(region, memory, 4096), 0);
	ck_assert_ptr_eq(a10_region_data(region), memory);
	ck_assert_int_eq(value_of(ring,
				  a10_fixed(a10_read(zero, memory, 8), region)),
			 8);
	ck_assert_uint_eq(memory[7], 0);
	ck_assert_uint_eq(memory[8], 1);
	ck_assert_int_eq(a10_region_update(region, NULL, 10), -EINVAL);
	ck_assert_int_eq(a10_region_update(region, memory, 0), -EINVAL);
	a10_region_destroy(region);
	fd_close(ring, zero);
	free(memory);
	ring_close(ring);
}

TEST(a_region_is_used_on_two_rings)
{
	struct a10_config config = { .registered_buffers = 2 };
	struct a10_ring *one = ring_open(&config), *two = ring_open(&config);
	struct a10_fd zero = fd_of(two, a10_open("/dev/zero", O_RDONLY, 0));
	struct a10_region *region, *copy, *more;
	unsigned char *data;

	ck_assert_int_eq(a10_region_create(one, NULL, 4096, &region), 0);
	data = a10_region_data(region);
	memset(data, 1, 4096);
	ck_assert_int_eq(a10_region_clone(region, two, &copy), 0);
	ck_assert_int_eq(a10_region_clone(region, two, &more), 0);
	ck_assert_int_eq(a10_region_clone(region, two, &more), -ENFILE);
	ck_assert_ptr_eq(a10_region_data(copy), data);
	ck_assert_int_eq(
		value_of(two, a10_fixed(a10_read(zero, data, 8), copy)), 8);
	ck_assert_uint_eq(data[7], 0);
	ck_assert_int_eq(refusal_of(two,
				    a10_fixed(a10_read(zero, data, 8), region)),
			 -EXDEV);
	a10_region_destroy(copy);
	a10_region_destroy(region);
	fd_close(two, zero);
	ring_close(two);
	ring_close(one);
}
