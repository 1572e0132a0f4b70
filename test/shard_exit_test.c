/* Shards whose threads end in the middle of things: the others must not wait. */
#include "support.h"

#include <stdatomic.h>

#define COUNT 3

struct life {
	void (*leave)(const struct a10_shard *shard);
	struct a10_shard kept[COUNT];
	atomic_uint told;
	atomic_uint begun;
	atomic_uint over;
};

static void on_log(void *data, enum a10_log_level level, const char *text)
{
	struct life *life = data;

	if (level <= A10_LOG_WARNING && strstr(text, "did not destroy"))
		atomic_fetch_add(&life->told, 1);
}

static void on_over(void *data, const struct a10_result *r)
{
	struct life *life = data;

	ck_assert_int_eq(r->value, -ECANCELED);
	atomic_fetch_add(&life->over, 1);
}

static void on_bye(void *data, const struct a10_result *r)
{
	(void)data;
	(void)r;
	pthread_exit(NULL);
}

static void leave_in_callback(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(A_MOMENT), on_bye, NULL),
			 0);
}

static void leave_at_once(const struct a10_shard *shard)
{
	(void)shard;
	pthread_exit(NULL);
}

static void on_cancel_me(void *data, const struct a10_result *r)
{
	struct a10_shard *shard = data;

	(void)r;
	ck_assert_int_eq(pthread_cancel(pthread_self()), 0);
	/* It ends in poll, where it next may. */
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(A_MOMENT), NULL, NULL),
			 0);
	pthread_testcancel();
}

static void leave_cancelled(const struct a10_shard *shard)
{
	struct life *life = shard->data;

	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(A_MOMENT), on_cancel_me,
				    &life->kept[shard->index]),
			 0);
}

static void wait_long(const struct a10_shard *shard, uint32_t index)
{
	struct life *life = shard->data;
	const a10_id id =
		a10_submit(a10_shard_sq(shard, index),
			   a10_after(A10_SECOND * 3600), on_over, life);

	if (id > 0)
		atomic_fetch_add(&life->begun, 1);
	else
		ck_assert_int_eq(id, -ESHUTDOWN);
}

/* The last leaves; the others have something under way at home and there. */
static int begin(const struct a10_shard *shard)
{
	struct life *life = shard->data;

	life->kept[shard->index] = *shard;
	if (shard->index == COUNT - 1)
		life->leave(shard);
	else
		wait_long(shard, shard->index);
	wait_long(shard, COUNT - 1);
	return 0;
}

static void one_leaves(void (*leave)(const struct a10_shard *))
{
	struct life life = { .leave = leave };
	const unsigned int before = open_descriptors();

	ring_close(ring_open(NULL));
	a10_set_log(on_log, &life);
	ck_assert_int_eq(a10_shards_run(COUNT, NULL, begin, &life),
			 -EOWNERDEAD);
	a10_set_log(NULL, NULL);
	ck_assert_uint_eq(atomic_load(&life.told), 1);
	/* But what was the last one's own is forgotten. */
	ck_assert_uint_ge(atomic_load(&life.over),
			  atomic_load(&life.begun) - 1);
	ck_assert_uint_ge(atomic_load(&life.over), COUNT - 1);
	ck_assert_uint_eq(open_descriptors(), before);
}

TEST(a_shard_that_ends_in_a_callback_stops_all)
{
	one_leaves(leave_in_callback);
}

TEST(a_shard_that_ends_as_it_begins_stops_all)
{
	one_leaves(leave_at_once);
}

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED true /* it takes what was on the stack for what still is */
#else
#define SANITIZED false
#endif

TEST_IF(!SANITIZED, a_shard_that_is_cancelled_stops_all, 20)
{
	one_leaves(leave_cancelled);
}
