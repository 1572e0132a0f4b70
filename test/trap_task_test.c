/* Tasks: what went wrong once, or nearly did. */
#include "support.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <a10/channel.h>
#include <a10/task.h>

static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *probe = ring_open(NULL);

	ring_close(probe);
	return a10_run(NULL, fn, data);
}

static int give_seven(void *data)
{
	(void)data;
	return 7;
}

/* ---- joining ------------------------------------------------------------------ */

struct elsewhere {
	struct a10_sq *sq;
	a10_id id;
};

static void *spawn_elsewhere(void *data)
{
	struct elsewhere *elsewhere = data;

	elsewhere->id = a10_task_spawn(elsewhere->sq, give_seven, NULL, 0);
	return NULL;
}

static int join_from_elsewhere(void *data)
{
	struct elsewhere elsewhere = {
		.sq = a10_ring_sq(a10_ring_current()),
	};
	struct a10_result r;

	(void)data;
	thread_join(thread_start(spawn_elsewhere, &elsewhere));
	ck_assert_int_eq(a10_await(a10_task_join(elsewhere.id)), 7);
	ck_assert_int_eq(a10_await(a10_task_join(elsewhere.id)), -ESRCH);
	thread_join(thread_start(spawn_elsewhere, &elsewhere));
	ck_assert_int_eq(a10_await_result(a10_task_join(elsewhere.id), &r), 7);
	return 0;
}

TEST(a_task_that_another_thread_has_just_spawned_is_joined)
{
	ck_assert_int_eq(run(join_from_elsewhere, NULL), 0);
}

/* ---- limits -------------------------------------------------------------------- */

struct crowd {
	struct a10_scope scope;
	int alive;
	int most;
	int spawned;
	int failed;
};

static int stay_a_little(void *data)
{
	struct crowd *crowd = data;

	if (++crowd->alive > crowd->most)
		crowd->most = crowd->alive;
	a10_sleep(A10_MILLISECOND);
	crowd->alive--;
	return 0;
}

static int spawn_three(void *data)
{
	struct crowd *crowd = data;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(a10_scope_spawn(&crowd->scope, stay_a_little,
						 crowd, 0),
				 0);
		crowd->spawned++;
	}
	return 0;
}

TEST(a_task_of_one_ring_waits_for_room_in_a_scope_of_another)
{
	struct a10_ring *one = ring_open(NULL), *two = ring_open(NULL);
	struct crowd crowd = { .alive = 0 };
	const int64_t end = a10_now() + PATIENCE;

	ring_bind(one);
	ring_bind(two);
	a10_scope_open(&crowd.scope, a10_ring_sq(two), 0);
	a10_scope_set_limit(&crowd.scope, 1);
	a10_task_spawn(a10_ring_sq(one), spawn_three, &crowd, 0);
	while (crowd.spawned < 3 || a10_scope_count(&crowd.scope) > 0) {
		ck_assert_int_lt(a10_now(), end);
		a10_ring_poll(one, A10_MILLISECOND);
		a10_ring_poll(two, A10_MILLISECOND);
	}
	ck_assert_int_eq(crowd.most, 1);
	ring_close(one);
	ring_close(two);
}

TEST(a_limit_holds_before_the_ring_has_an_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	struct crowd crowd = { .alive = 0 };

	a10_scope_open(&crowd.scope, a10_ring_sq(ring), 0);
	a10_scope_set_limit(&crowd.scope, 2);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(a10_scope_spawn(&crowd.scope, stay_a_little,
						 &crowd, 0) > 0,
				 i < 2);
	ck_assert_int_eq(a10_scope_spawn(&crowd.scope, stay_a_little, &crowd,
					 0),
			 -EAGAIN);
	RUN_UNTIL(ring, a10_scope_count(&crowd.scope) == 0);
	ck_assert_int_eq(crowd.most, 2);
	ring_close(ring);
}
