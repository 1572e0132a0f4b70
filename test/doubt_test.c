/*
 * Completions that name a buffer and bring no data, of a kernel that has used
 * the buffer up and of one that has not: here a scripted one plays both.
 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "scripted.h"

#include "buf/loan.h"
#include "ring/core.h"

#define FD    a10_fd_regular(100)
#define SIZE  64u
#define COUNT 4u

struct scene {
	struct scripted *kernel;
	struct a10_pool *pool;
	struct scripted_group *group;
	bool incremental;
};

static void scene_open(struct scene *scene, bool incremental)
{
	scene->kernel = scripted_ring(NULL);
	scene->incremental = incremental;
	ck_assert_int_eq(a10_pool_create(scene->kernel->ring, COUNT, SIZE,
					 incremental ? A10_POOL_INCREMENTAL : 0,
					 &scene->pool),
			 0);
	scene->group = scripted_group(scene->kernel, pool_group(scene->pool));
	ck_assert_ptr_nonnull(scene->group);
}

static struct uring_buf *scene_entries(const struct scene *scene)
{
	return (struct uring_buf *)(uintptr_t)scene->group->reg.ring_addr;
}

static uint16_t scene_tail(const struct scene *scene)
{
	return scene_entries(scene)[0].resv;
}

/* The buffer that is to be picked next. */
static uint16_t scene_first(const struct scene *scene)
{
	return scene_entries(scene)[scene->group->head & (COUNT - 1)].bid;
}

/* Each buffer is in the kernel's ring exactly once, whole. */
static void scene_is_whole(const struct scene *scene)
{
	const struct uring_buf *entries = scene_entries(scene);
	bool seen[COUNT] = { false };

	ck_assert_uint_eq(scene->pool->doubts, 0);
	ck_assert_uint_eq(a10_pool_available(scene->pool), COUNT);
	ck_assert_uint_eq((uint16_t)(scene_tail(scene) - scene->group->head),
			  COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		ck_assert(!seen[entries[i].bid]);
		seen[entries[i].bid] = true;
	}
}

static void scene_close(struct scene *scene)
{
	scripted_destroy(scene->kernel);
}

static struct scripted_request *scene_receive(struct scene *scene,
					      struct notes *notes)
{
	scripted_submit(scene->kernel, a10_recv_pooled(FD, scene->pool, 0),
			notes);
	return scripted_next(scene->kernel, URING_OP_RECV);
}

/* The end without data, of a kernel that has used the buffer up, or not. */
static void post_nothing(struct scene *scene, struct scripted_request *request,
			 int32_t res, bool used_up)
{
	const uint32_t id = scene_first(scene);

	if (used_up)
		scene->group->head++;
	scripted_post(scene->kernel, request, res,
		      URING_CQE_F_BUFFER | id << URING_CQE_BUFFER_SHIFT);
}

static struct a10_buf data_of(const struct notes *notes, const char *text)
{
	const struct a10_buf buf = notes_only(notes)->buf;

	ck_assert_int_eq(notes->at[0].value, (ssize_t)strlen(text));
	ck_assert_uint_eq(buf.length, strlen(text));
	ck_assert_mem_eq(buf.data, text, buf.length);
	return buf;
}

static void nothing_loses_nothing(bool incremental, int32_t res, bool used_up)
{
	struct scene scene;

	scene_open(&scene, incremental);
	for (int i = 0; i < 10; i++) {
		struct notes notes = { 0 };

		post_nothing(&scene, scene_receive(&scene, &notes), res,
			     used_up);
		scripted_settle(scene.kernel);
		ck_assert_int_eq(notes_only(&notes)->value, res);
		ck_assert_ptr_null(notes.at[0].buf.data);
		scene_is_whole(&scene);
	}
	scene_close(&scene);
}

TEST(a_buffer_the_kernel_has_used_up_for_an_error_goes_back)
{
	nothing_loses_nothing(false, -EIO, true);
	nothing_loses_nothing(true, -EIO, true);
}

TEST(a_buffer_the_kernel_has_kept_for_an_error_is_not_there_twice)
{
	nothing_loses_nothing(false, -EIO, false);
	nothing_loses_nothing(true, -EIO, false);
}

TEST(a_buffer_at_the_end_of_a_file_is_there_once)
{
	nothing_loses_nothing(false, 0, true);
	nothing_loses_nothing(true, 0, true);
	nothing_loses_nothing(true, 0, false);
}

/* Before 6.8 nobody could ask, and the buffer was always used up. */
TEST(a_kernel_that_cannot_tell_has_used_it_up)
{
	struct notes notes = { 0 };
	struct scene scene;

	scene_open(&scene, false);
	scripted_refuses(scene.kernel, URING_REGISTER_PBUF_STATUS, -EINVAL, 1);
	post_nothing(&scene, scene_receive(&scene, &notes), -EIO, true);
	scripted_settle(scene.kernel);
	scene_is_whole(&scene);
	scene_close(&scene);
}

/* Both completions are seen in one go: the second tells of the first. */
TEST(data_in_a_buffer_that_was_in_doubt_ends_the_doubt)
{
	for (int i = 0; i < 2; i++) {
		struct notes failed = { 0 }, again = { 0 }, got = { 0 };
		struct scripted_request *first, *second, *third;
		struct scene scene;

		scene_open(&scene, i);
		first = scene_receive(&scene, &failed);
		second = scene_receive(&scene, &again);
		third = scene_receive(&scene, &got);
		post_nothing(&scene, first, -EIO, false);
		post_nothing(&scene, second, -EIO, false);
		ck_assert(scripted_receive(scene.kernel, third, "data", 4, 0));
		scripted_settle(scene.kernel);
		ck_assert_uint_eq(scripted_controls(scene.kernel,
						    URING_REGISTER_PBUF_STATUS),
				  0);
		ck_assert_uint_eq(scene.pool->doubts, 0);
		ck_assert_uint_eq(a10_pool_available(scene.pool),
				  i ? COUNT : COUNT - 1);
		a10_buf_release(data_of(&got, "data"));
		ck_assert_uint_eq(a10_pool_available(scene.pool), COUNT);
		ck_assert_uint_eq(
			(uint16_t)(scene_tail(&scene) - scene.group->head),
			COUNT);
		scene_close(&scene);
	}
}

/* Of what the kernel has not said yet nothing is concluded. */
TEST(a_doubt_waits_for_completions_that_are_not_seen_yet)
{
	struct notes failed = { 0 }, got = { 0 };
	struct scripted_request *first, *second;
	struct scene scene;
	struct a10_ring *ring;
	uint32_t batch_count;

	scene_open(&scene, false);
	ring = scene.kernel->ring;
	first = scene_receive(&scene, &failed);
	second = scene_receive(&scene, &got);
	doubt_add(scene.pool, scene_first(&scene));
	ck_assert(pools_have_returns(ring));
	/* In the middle of a batch. */
	batch_count = ring->batch_count;
	ring->batch_count = ring->batch_head + 1;
	pools_collect(ring);
	ck_assert_uint_eq(scene.pool->doubts, 1);
	ring->batch_count = batch_count;
	/* In the queue. */
	post_nothing(&scene, first, -EIO, false);
	ck_assert(scripted_receive(scene.kernel, second, "data", 4, 0));
	ck_assert_int_ge(ring->calls->enter(ring->backend, 0, 0,
					    BACKEND_GETEVENTS,
					    BACKEND_NO_DEADLINE),
			 0);
	pools_collect(ring);
	ck_assert_uint_eq(scene.pool->doubts, 1);
	scripted_settle(scene.kernel);
	ck_assert_uint_eq(scene.pool->doubts, 0);
	a10_buf_release(data_of(&got, "data"));
	scene_is_whole(&scene);
	scene_close(&scene);
}

TEST(a_buffer_used_up_by_an_error_goes_back_with_its_last_piece)
{
	struct notes piece = { 0 }, failed = { 0 };
	struct scene scene;
	struct a10_buf buf;

	scene_open(&scene, true);
	ck_assert(scripted_receive(scene.kernel, scene_receive(&scene, &piece),
				   "piece", 5, 0));
	scripted_settle(scene.kernel);
	buf = data_of(&piece, "piece");
	post_nothing(&scene, scene_receive(&scene, &failed), -EIO, true);
	scripted_settle(scene.kernel);
	ck_assert_uint_eq(scene.pool->doubts, 0);
	ck_assert_uint_eq(a10_pool_available(scene.pool), COUNT - 1);
	ck_assert_mem_eq(buf.data, "piece", 5);
	a10_buf_release(buf);
	scene_is_whole(&scene);
	scene_close(&scene);
}

/* The last piece can be back before it is known that it was the last. */
TEST(a_piece_may_be_back_before_the_doubt_ends)
{
	struct notes piece = { 0 };
	struct scene scene;

	scene_open(&scene, true);
	ck_assert(scripted_receive(scene.kernel, scene_receive(&scene, &piece),
				   "piece", 5, 0));
	scripted_settle(scene.kernel);
	doubt_add(scene.pool, scene_first(&scene));
	scene.group->head++;
	a10_buf_release(data_of(&piece, "piece"));
	ck_assert_uint_eq(a10_pool_available(scene.pool), COUNT - 1);
	scripted_settle(scene.kernel);
	scene_is_whole(&scene);
	scene_close(&scene);
}

/* It was told that there are none, so it must be told that there is one. */
TEST(who_waits_for_buffers_is_told_when_a_doubt_ends)
{
	for (int used_up = 0; used_up < 2; used_up++) {
		struct notes held[COUNT - 1], failed = { 0 }, late = { 0 };
		struct scripted_request *request, *last;
		struct scene scene;

		memset(held, 0, sizeof(held));
		scene_open(&scene, false);
		for (uint32_t i = 0; i < COUNT - 1; i++) {
			request = scene_receive(&scene, &held[i]);
			ck_assert(scripted_receive(scene.kernel, request, "x",
						   1, 0));
			scripted_settle(scene.kernel);
		}
		request = scene_receive(&scene, &failed);
		last = scene_receive(&scene, &late);
		post_nothing(&scene, request, -EIO, used_up);
		scripted_post(scene.kernel, last, -ENOBUFS, 0);
		scripted_settle(scene.kernel);
		ck_assert_uint_eq(late.count, 0);
		request = scripted_next(scene.kernel, URING_OP_RECV);
		ck_assert(
			scripted_receive(scene.kernel, request, "late", 4, 0));
		scripted_settle(scene.kernel);
		a10_buf_release(data_of(&late, "late"));
		for (uint32_t i = 0; i < COUNT - 1; i++)
			a10_buf_release(data_of(&held[i], "x"));
		scene_is_whole(&scene);
		scene_close(&scene);
	}
}

/* That one was not in doubt, but nobody waits for a poll to come by either. */
TEST(who_waits_for_buffers_gets_the_one_of_an_end)
{
	struct notes held[COUNT - 1], ended = { 0 }, late = { 0 };
	struct scripted_request *request, *last;
	struct scene scene;

	memset(held, 0, sizeof(held));
	scene_open(&scene, false);
	for (uint32_t i = 0; i < COUNT - 1; i++) {
		request = scene_receive(&scene, &held[i]);
		ck_assert(scripted_receive(scene.kernel, request, "x", 1, 0));
		scripted_settle(scene.kernel);
	}
	request = scene_receive(&scene, &ended);
	last = scene_receive(&scene, &late);
	scene.pool->available--; /* as if picked: the next is to find none */
	scripted_answer(scene.kernel, last, -ENOBUFS, 0);
	scene.pool->available++;
	ck_assert_uint_eq(late.count, 0);
	post_nothing(&scene, request, 0, true);
	/* The poll of the owner that sleeps, after this one, may not sleep. */
	while (ended.count == 0)
		ck_assert_int_ge(a10_ring_poll(scene.kernel->ring, 0), 0);
	ck_assert(pools_have_returns(scene.kernel->ring));
	scripted_settle(scene.kernel);
	request = scripted_next(scene.kernel, URING_OP_RECV);
	ck_assert(scripted_receive(scene.kernel, request, "late", 4, 0));
	scripted_settle(scene.kernel);
	a10_buf_release(data_of(&late, "late"));
	for (uint32_t i = 0; i < COUNT - 1; i++)
		a10_buf_release(data_of(&held[i], "x"));
	scene_is_whole(&scene);
	scene_close(&scene);
}
