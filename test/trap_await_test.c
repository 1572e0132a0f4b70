/* Awaiting: what went wrong once, or nearly did. */
#include "support.h"

#include <a10/task.h>

static int run(a10_task_fn *fn, void *data)
{
	ring_close(ring_open(NULL));
	return a10_run(NULL, fn, data);
}

/* ---- shielded ----------------------------------------------------------------- */

struct shielded {
	int ends[2];
	ssize_t value;
};

static int read_linked_shielded(void *data)
{
	struct shielded *shielded = data;
	struct a10_fd fd = a10_fd_regular(shielded->ends[0]);
	char bytes[2];
	const struct a10_op ops[] = { a10_read(fd, &bytes[0], 1),
				      a10_read(fd, &bytes[1], 1) };

	a10_task_shield(true);
	shielded->value = a10_await_linked(ops, 2, NULL);
	return 0;
}

static int cancel_all(void *data)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct shielded *shielded = data;
	a10_id id = a10_task_spawn(sq, read_linked_shielded, shielded, 0);

	a10_task_shield(true);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel_all(sq), 0);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(write(shielded->ends[1], "ab", 2), 2);
	ck_assert_int_eq(a10_await(a10_task_join(id)), 0);
	return 0;
}

TEST(a_chain_of_a_shielded_task_is_spared_when_all_is_cancelled)
{
	struct shielded shielded = { .value = -1 };

	pipe_open(shielded.ends);
	ck_assert_int_eq(run(cancel_all, &shielded), 0);
	ck_assert_int_eq(shielded.value, 1);
	pipe_close(shielded.ends);
}

struct couple {
	a10_id ids[2];
	ssize_t values[2];
	uint32_t begun;
};

static int join_the_other(void *data)
{
	struct couple *couple = data;
	const uint32_t self = couple->begun++;

	a10_task_shield(true);
	a10_yield();
	couple->values[self] = a10_await(a10_task_join(couple->ids[1 - self]));
	return 0;
}

TEST(shielded_tasks_that_join_each_other_end_with_their_ring)
{
	struct a10_ring *ring = ring_open(NULL);
	struct couple couple = { .begun = 0 };

	for (int i = 0; i < 2; i++)
		couple.ids[i] = a10_task_spawn(a10_ring_sq(ring),
					       join_the_other, &couple, 0);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(couple.begun, 2);
	ring_close(ring);
	ck_assert_int_eq(couple.values[0], -ECANCELED);
}
