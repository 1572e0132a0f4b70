/*
 * What another thread cancels on a ring with a kernel thread ends without the
 * owner, and what it starts there is of any size.
 */
#include "away.h"

static void on_released(void *owned)
{
	atomic_fetch_add((atomic_uint *)owned, 1);
}

/*
 * The kernel thread takes requests in their order: all before this one, and what
 * was asked of it before, is with the kernel.
 */
static void kernel_catches_up(struct owner *owner, struct count *count)
{
	int ends[2];

	pipe_open(ends);
	submit(owner, a10_write(a10_fd_regular(ends[1]), "x", 1), count);
	ck_assert_int_eq(byte_of(ends[0]), 'x');
	pipe_close(ends);
}

/* What a cancelled read would have taken is still there. */
static void assert_left_alone(int ends[2])
{
	ck_assert_int_eq(write(ends[1], "z", 1), 1);
	ck_assert_int_eq(byte_of(ends[0]), 'z');
}

TEST(a_cancel_by_another_thread_does_not_wait_for_the_owner)
{
	static const uint32_t entries[] = { 0, 1, 2, 4 };

	for (int i = 0; i < 4; i++) {
		struct count count = { 0 }, others = { 0 };
		struct owner owner;
		int ends[2];
		char byte;
		a10_id id;

		pipe_open(ends);
		owner_start_with_thread(&owner, entries[i]);
		for (int k = 0; k < 6; k++) {
			id = submit(&owner,
				    a10_read(a10_fd_regular(ends[0]), &byte, 1),
				    &count);
			kernel_catches_up(&owner, &others);
			ck_assert_int_eq(k % 2 ? a10_detach(owner.sq, id) :
						 a10_cancel(owner.sq, id),
					 0);
			kernel_catches_up(&owner, &others);
			assert_left_alone(ends);
		}
		ck_assert_uint_eq(atomic_load(&count.results), 0);
		owner_finish(&owner);
		ck_assert_uint_eq(atomic_load(&count.results), 3);
		ck_assert_uint_eq(atomic_load(&count.cancelled), 3);
		pipe_close(ends);
	}
}

struct own {
	struct owner owner; /* first: what own_body is given */
	struct count count;
	int ends[2];
	_Atomic a10_id id;
	char byte;
};

static void *own_body(void *data)
{
	struct own *own = data;

	ring_bind(own->owner.ring);
	atomic_store(&own->id, submit(&own->owner,
				      a10_read(a10_fd_regular(own->ends[0]),
					       &own->byte, 1),
				      &own->count));
	ck_assert_int_eq(a10_ring_flush(own->owner.ring), 0);
	ck_assert_int_eq(sem_post(&own->owner.bound), 0);
	ck_assert_int_eq(sem_wait(&own->owner.go), 0);
	ck_assert_int_eq(a10_ring_run(own->owner.ring), 0);
	ring_close(own->owner.ring);
	return NULL;
}

/* Nor does that of what the owner has started itself. */
TEST(a_cancel_of_what_the_owner_started_does_not_wait_for_it)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct own own = { .byte = 0 };
	struct count others = { 0 };

	pipe_open(own.ends);
	owner_start_as(&own.owner, &config, own_body);
	kernel_catches_up(&own.owner, &others);
	ck_assert_int_eq(a10_cancel(own.owner.sq, atomic_load(&own.id)), 0);
	kernel_catches_up(&own.owner, &others);
	assert_left_alone(own.ends);
	owner_finish(&own.owner);
	ck_assert_uint_eq(atomic_load(&own.count.cancelled), 1);
	pipe_close(own.ends);
}

TEST(a_chain_that_another_thread_cancels_ends_as_one)
{
	struct count count = { 0 }, others = { 0 };
	struct owner owner;
	struct a10_op ops[3];
	int ends[2];
	char byte;
	a10_id id;

	pipe_open(ends);
	owner_start_with_thread(&owner, 4);
	for (int i = 0; i < 3; i++)
		ops[i] = a10_read(a10_fd_regular(ends[0]), &byte, 1);
	id = a10_submit_linked(owner.sq, ops, 3, on_count, &count);
	ck_assert_int_gt(id, 0);
	kernel_catches_up(&owner, &others);
	ck_assert_int_eq(a10_cancel(owner.sq, id), 0);
	kernel_catches_up(&owner, &others);
	assert_left_alone(ends);
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.cancelled), 3);
	pipe_close(ends);
}

/* The owner sleeps: what comes of the cancel wakes it as well as the ask. */
TEST(what_another_thread_forgets_is_not_told_that_it_was_cancelled)
{
	struct count count = { 0 };
	struct owner owner;
	atomic_uint released = 0;
	int ends[2];
	char byte;

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	/* So that it runs on. */
	submit(&owner, a10_poll(a10_fd_regular(ends[0]), POLLIN), &count);
	ck_assert_int_eq(sem_post(&owner.go), 0);
	for (unsigned int i = 1; i <= test_scaled(50); i++) {
		const a10_id id = a10_submit(
			owner.sq,
			a10_owning(a10_read(a10_fd_regular(ends[0]), &byte, 1),
				   &released, on_released),
			on_never, NULL);

		ck_assert_int_gt(id, 0);
		if (i % 2)
			nap(A10_MILLISECOND);
		ck_assert_int_eq(a10_detach(owner.sq, id), 0);
		WAIT_UNTIL(atomic_load(&released) == i);
	}
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	thread_join(owner.thread);
	ck_assert_uint_eq(atomic_load(&count.results), 1);
	a10_sq_unref(owner.sq);
	pipe_close(ends);
}

/* Nothing else would wake it in time. */
TEST(an_owner_that_sleeps_hears_of_a_time_out_that_others_have_started)
{
	struct count count = { 0 }, timed = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	submit(&owner, a10_poll(a10_fd_regular(ends[0]), POLLIN), &count);
	ck_assert_int_eq(sem_post(&owner.go), 0);
	nap(A_MOMENT);
	submit(&owner,
	       a10_timeout(a10_poll(a10_fd_regular(ends[0]), POLLIN), A_MOMENT),
	       &timed);
	WAIT_UNTIL(atomic_load(&timed.results) == 1);
	ck_assert_int_eq(atomic_load(&timed.last), -ETIME);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	thread_join(owner.thread);
	a10_sq_unref(owner.sq);
	pipe_close(ends);
}

/* 128 bytes each: the places are twice as far apart. */
TEST(large_requests_of_others_are_started)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .large_requests = A10_ON,
				     .submission_entries = 8 };
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start(&owner, &config);
	for (int i = 0; i < 20; i++) {
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 20);
	pipe_close(ends);
}
