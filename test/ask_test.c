/*
 * What another thread cancels on a ring with a kernel thread ends without the
 * owner, and what it starts there is of any size.
 */
#include "support.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

/* A ring whose owner binds it, does something else until it is told, runs it. */
struct owner {
	struct a10_ring *ring;
	struct a10_sq *sq;
	pthread_t thread;
	sem_t bound;
	sem_t go;
};

static void *owner_body(void *data)
{
	struct owner *owner = data;

	ring_bind(owner->ring);
	ck_assert_int_eq(sem_post(&owner->bound), 0);
	ck_assert_int_eq(sem_wait(&owner->go), 0);
	ck_assert_int_eq(a10_ring_run(owner->ring), 0);
	ring_close(owner->ring);
	return NULL;
}

static void owner_start(struct owner *owner, const struct a10_config *config)
{
	owner->ring = ring_open(config);
	owner->sq = a10_sq_ref(a10_ring_sq(owner->ring));
	ck_assert_int_eq(sem_init(&owner->bound, 0, 0), 0);
	ck_assert_int_eq(sem_init(&owner->go, 0, 0), 0);
	owner->thread = thread_start(owner_body, owner);
	ck_assert_int_eq(sem_wait(&owner->bound), 0);
}

/* It is to poll until nothing is under way, and end. */
static void owner_finish(struct owner *owner)
{
	ck_assert_int_eq(sem_post(&owner->go), 0);
	thread_join(owner->thread);
	a10_sq_unref(owner->sq);
}

static void owner_start_with_thread(struct owner *owner, uint32_t entries)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .submission_entries = entries };

	owner_start(owner, &config);
}

struct count {
	atomic_uint results;
	atomic_uint cancelled;
	_Atomic ssize_t last;
};

static void on_count(void *data, const struct a10_result *r)
{
	struct count *count = data;

	atomic_fetch_add(&count->results, 1);
	if (r->value == -ECANCELED)
		atomic_fetch_add(&count->cancelled, 1);
	atomic_store(&count->last, r->value);
}

static a10_id submit(struct owner *owner, struct a10_op op, struct count *count)
{
	a10_id id = a10_submit(owner->sq, op, on_count, count);

	ck_assert_int_gt(id, 0);
	return id;
}

static bool readable_within(int fd, int64_t ns)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, (int)(ns / A10_MILLISECOND)) == 1;
}

static char byte_of(int fd)
{
	char byte = 0;

	ck_assert_msg(readable_within(fd, PATIENCE), "it was not started");
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	return byte;
}

/* What a cancelled read would have taken is still there. */
static void assert_left_alone(int ends[2])
{
	nap(A10_MILLISECOND);
	ck_assert_int_eq(write(ends[1], "z", 1), 1);
	nap(A10_MILLISECOND);
	ck_assert_int_eq(byte_of(ends[0]), 'z');
}

TEST(a_cancel_by_another_thread_does_not_wait_for_the_owner)
{
	static const uint32_t entries[] = { 0, 1, 2, 4 };

	for (int i = 0; i < 4; i++) {
		struct count count = { 0 };
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
			nap(A10_MILLISECOND);
			ck_assert_int_eq(k % 2 ? a10_detach(owner.sq, id) :
						 a10_cancel(owner.sq, id),
					 0);
			assert_left_alone(ends);
		}
		ck_assert_uint_eq(atomic_load(&count.results), 0);
		owner_finish(&owner);
		ck_assert_uint_eq(atomic_load(&count.results), 3);
		ck_assert_uint_eq(atomic_load(&count.cancelled), 3);
		pipe_close(ends);
	}
}

static void *cancel_it(void *data)
{
	struct seen *seen = data;

	ck_assert_int_eq(a10_cancel(seen->last.sq, seen->last.id), 0);
	return NULL;
}

/* Nor does that of what the owner has started itself. */
TEST(a_cancel_of_what_the_owner_started_does_not_wait_for_it)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen, which = { .last.sq = a10_ring_sq(ring) };
	int ends[2];
	char byte;

	pipe_open(ends);
	ring_bind(ring);
	which.last.id =
		start(ring, a10_read(a10_fd_regular(ends[0]), &byte, 1), &seen);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	nap(A10_MILLISECOND);
	thread_join(thread_start(cancel_it, &which));
	assert_left_alone(ends);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_chain_that_another_thread_cancels_ends_as_one)
{
	struct count count = { 0 };
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
	nap(A10_MILLISECOND);
	ck_assert_int_eq(a10_cancel(owner.sq, id), 0);
	assert_left_alone(ends);
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.cancelled), 3);
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
