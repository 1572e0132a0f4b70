/*
 * What another thread submits starts without the owner where there is a kernel
 * thread, and waits for it where there is none; and is cancelled in either place.
 */
#include "away.h"

TEST(what_others_submit_starts_while_the_owner_computes)
{
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	for (int i = 0; i < 100; i++) {
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	ck_assert_uint_eq(atomic_load(&count.results), 0);
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 100);
	ck_assert_int_eq(atomic_load(&count.last), 1);
	pipe_close(ends);
}

TEST(a_kernel_thread_that_sleeps_is_woken_by_who_submits)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .kernel_thread_idle_ns = A10_MILLISECOND };
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start(&owner, &config);
	for (int i = 0; i < 5; i++) {
		nap(10 * A10_MILLISECOND);
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 5);
	pipe_close(ends);
}

TEST(what_others_submit_starts_through_a_full_queue)
{
	unsigned int total = test_scaled(500);
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 1);
	for (unsigned int i = 0; i < total; i++)
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
	for (unsigned int i = 0; i < total; i++)
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	ck_assert_uint_eq(atomic_load(&count.results), 0);
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), total);
	pipe_close(ends);
}

struct turns {
	unsigned int next;
	unsigned int wrong;
};

static struct turns turns;

static void on_turn(void *data, const struct a10_result *r)
{
	(void)r;
	turns.wrong += (uintptr_t)data != turns.next;
	turns.next++;
}

/* A NOP is over when it starts, so that its result's place is its start's. */
TEST(what_another_thread_submits_starts_in_its_order)
{
	unsigned int total = test_scaled(2000);
	struct owner owner;

	owner_start_with_thread(&owner, 4);
	for (uintptr_t i = 0; i < total; i++)
		ck_assert_int_gt(
			a10_submit(owner.sq, a10_nop(), on_turn, (void *)i), 0);
	owner_finish(&owner);
	ck_assert_uint_eq(turns.next, total);
	ck_assert_uint_eq(turns.wrong, 0);
}

TEST(a_chain_of_another_thread_starts_while_the_owner_computes)
{
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 4);
	for (int i = 0; i < 50; i++) {
		const struct a10_op ops[3] = {
			a10_all(a10_write(a10_fd_regular(ends[1]), "a", 1)),
			a10_timeout(a10_write(a10_fd_regular(ends[1]), "b", 1),
				    PATIENCE),
			a10_write(a10_fd_regular(ends[1]), "c", 1),
		};

		ck_assert_int_gt(a10_submit_linked(owner.sq, ops, 3, on_count,
						   &count),
				 0);
		ck_assert_int_eq(byte_of(ends[0]), 'a');
		ck_assert_int_eq(byte_of(ends[0]), 'b');
		ck_assert_int_eq(byte_of(ends[0]), 'c');
	}
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 150);
	pipe_close(ends);
}

/* The first only its owner can begin; the second must not overtake it. */
TEST(what_only_the_owner_can_begin_holds_back_what_comes_after_it)
{
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	submit(&owner, a10_ordered(a10_write(a10_fd_regular(ends[1]), "a", 1)),
	       &count);
	submit(&owner, a10_write(a10_fd_regular(ends[1]), "b", 1), &count);
	ck_assert(!readable_within(ends[0], A_MOMENT));
	owner_finish(&owner);
	/* Which of the two is written first is the kernel's affair. */
	ck_assert_int_eq(byte_of(ends[0]) + byte_of(ends[0]), 'a' + 'b');
	ck_assert_uint_eq(atomic_load(&count.results), 2);
	pipe_close(ends);
}

static ssize_t do_nothing(void *data)
{
	(void)data;
	return 0;
}

/* Only the owner can begin these, but nobody sees in which order. */
TEST(times_messages_and_work_hold_back_nothing_that_others_submit)
{
	struct a10_op ops[] = { a10_after(0), a10_work(do_nothing, NULL),
				a10_resolve("127.0.0.1:80", NULL, 0) };
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	for (size_t i = 0; i < 4; i++) {
		if (i == 3)
			ck_assert_int_eq(a10_message_post(owner.sq, 1), 0);
		else
			submit(&owner, ops[i], &count);
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 7);
	pipe_close(ends);
}

static void *poll_once(void *data)
{
	struct owner *owner = data;

	ring_bind(owner->ring);
	ck_assert_int_eq(sem_post(&owner->bound), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(sem_wait(&owner->go), 0);
		RUN_UNTIL(owner->ring, atomic_load(&owner->count->results) ==
					       2 * (unsigned int)i + 1);
		/* The turn behind the one that brought it. */
		ck_assert_int_ge(a10_ring_poll(owner->ring, 0), 0);
		ck_assert_int_eq(sem_post(&owner->bound), 0);
	}
	ck_assert_int_eq(sem_wait(&owner->go), 0);
	ck_assert_int_eq(a10_ring_run(owner->ring), 0);
	ring_close(owner->ring);
	return NULL;
}

/* Once the owner has seen what held it back, all starts at once again. */
TEST(after_a_turn_of_the_owner_others_start_at_once_again)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct count count = { 0 };
	struct owner owner;
	int ends[2];

	pipe_open(ends);
	owner.count = &count;
	owner_start_as(&owner, &config, poll_once);
	for (int i = 0; i < 2; i++) {
		/* By turns what is its own, and what drains. */
		submit(&owner, i ? a10_drained(a10_nop()) : a10_after(0),
		       &count);
		ck_assert_int_eq(sem_post(&owner.go), 0);
		ck_assert_int_eq(sem_wait(&owner.bound), 0);
		ck_assert_uint_eq(atomic_load(&count.results),
				  2 * (unsigned int)i + 1);
		submit(&owner, a10_write(a10_fd_regular(ends[1]), "x", 1),
		       &count);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 4);
	pipe_close(ends);
}

/* ---- drained ------------------------------------------------------------------ */

struct drained {
	struct owner owner; /* first: what its body is given */
	struct count before;
	struct count drained;
	struct count after;
	int ends[2];
	int others[2];
	char byte;
};

static void drained_open(struct drained *drained)
{
	memset(drained, 0, sizeof(*drained));
	pipe_open(drained->ends);
	pipe_open(drained->others);
}

static void drained_close(struct drained *drained)
{
	pipe_close(drained->ends);
	pipe_close(drained->others);
}

static void *submit_before(void *data)
{
	struct drained *drained = data;

	submit(&drained->owner,
	       a10_read(a10_fd_regular(drained->ends[0]), &drained->byte, 1),
	       &drained->before);
	return NULL;
}

/* In the middle of a turn, when the inbox was looked at. */
static int drain_behind_another(void *data)
{
	struct drained *drained = data;

	thread_join(thread_start(submit_before, drained));
	submit(&drained->owner, a10_drained(a10_nop()), &drained->drained);
	return 0;
}

/* The owner does not know of it yet, for it was started without the owner. */
TEST(what_is_drained_waits_for_what_another_thread_has_started)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct drained drained;
	struct a10_ring *ring;

	drained_open(&drained);
	ring = drained.owner.ring = ring_open(&config);
	drained.owner.sq = a10_ring_sq(ring);
	ring_bind(ring);
	ck_assert_int_gt(a10_task_spawn(drained.owner.sq, drain_behind_another,
					&drained, 0),
			 0);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(atomic_load(&drained.drained.results), 0);
	ck_assert_int_eq(write(drained.ends[1], "x", 1), 1);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(atomic_load(&drained.before.results), 1);
	ck_assert_uint_eq(atomic_load(&drained.drained.results), 1);
	drained_close(&drained);
	ring_close(ring);
}

static void *drain_and_be_away(void *data)
{
	struct drained *drained = data;

	ring_bind(drained->owner.ring);
	submit(&drained->owner,
	       a10_drained(a10_read(a10_fd_regular(drained->ends[0]),
				    &drained->byte, 1)),
	       &drained->drained);
	/* It runs then. */
	run_for(drained->owner.ring, A10_MILLISECOND);
	ck_assert_int_eq(sem_post(&drained->owner.bound), 0);
	ck_assert_int_eq(sem_wait(&drained->owner.go), 0);
	ck_assert_int_eq(a10_ring_run(drained->owner.ring), 0);
	ring_close(drained->owner.ring);
	return NULL;
}

TEST(what_is_drained_holds_back_what_another_thread_submits_while_it_runs)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct drained drained;

	drained_open(&drained);
	owner_start_as(&drained.owner, &config, drain_and_be_away);
	submit(&drained.owner,
	       a10_write(a10_fd_regular(drained.others[1]), "y", 1),
	       &drained.after);
	ck_assert(!readable_within(drained.others[0], A_MOMENT));
	ck_assert_int_eq(write(drained.ends[1], "x", 1), 1);
	owner_finish(&drained.owner);
	ck_assert_int_eq(byte_of(drained.others[0]), 'y');
	ck_assert_uint_eq(atomic_load(&drained.drained.results), 1);
	ck_assert_uint_eq(atomic_load(&drained.after.results), 1);
	drained_close(&drained);
}

/* ---- times -------------------------------------------------------------------- */

TEST(a_timeout_counts_from_when_another_thread_started_it)
{
	struct count count = { 0 };
	struct owner owner;
	int64_t before;
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	submit(&owner,
	       a10_timeout(a10_poll(a10_fd_regular(ends[0]), POLLIN),
			   PATIENCE / 2),
	       &count);
	submit(&owner,
	       a10_timeout(a10_poll(a10_fd_regular(ends[0]), POLLIN),
			   2 * A_MOMENT),
	       &count);
	nap(3 * A_MOMENT);
	before = a10_now();
	ck_assert_int_eq(sem_post(&owner.go), 0);
	WAIT_UNTIL(atomic_load(&count.results) == 1);
	ck_assert_int_lt(a10_now() - before, PATIENCE / 4);
	ck_assert_int_eq(atomic_load(&count.last), -ETIME);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	thread_join(owner.thread);
	ck_assert_uint_eq(atomic_load(&count.results), 2);
	ck_assert_int_eq(atomic_load(&count.last), POLLIN);
	a10_sq_unref(owner.sq);
	pipe_close(ends);
}

TEST(what_another_thread_started_is_cancelled)
{
	struct count count = { 0 };
	struct owner owner;
	a10_id ids[10];
	int ends[2];

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	for (int i = 0; i < 10; i++)
		ids[i] = submit(&owner,
				a10_poll(a10_fd_regular(ends[0]), POLLIN),
				&count);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(a10_cancel(owner.sq, ids[i]), 0);
	for (int i = 8; i < 10; i++)
		ck_assert_int_eq(a10_detach(owner.sq, ids[i]), 0);
	owner_finish(&owner);
	ck_assert_uint_eq(atomic_load(&count.results), 8);
	ck_assert_uint_eq(atomic_load(&count.cancelled), 8);
	pipe_close(ends);
}

TEST(many_results_of_what_another_thread_started_come_before_it_is_known)
{
	struct count count = { 0 };
	struct owner owner;
	struct a10_op op;
	int ends[2];
	a10_id id;

	pipe_open(ends);
	owner_start_with_thread(&owner, 0);
	op = a10_multishot(a10_poll(a10_fd_regular(ends[0]), POLLIN));
	id = submit(&owner, op, &count);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(write(ends[1], "x", 1), 1);
		nap(A10_MILLISECOND);
		ck_assert_int_eq(byte_of(ends[0]), 'x');
	}
	ck_assert_int_eq(sem_post(&owner.go), 0);
	WAIT_UNTIL(atomic_load(&count.results) > 0);
	ck_assert_int_eq(a10_cancel(owner.sq, id), 0);
	thread_join(owner.thread);
	ck_assert_uint_ge(atomic_load(&count.results), 2);
	ck_assert_int_eq(atomic_load(&count.last), -ECANCELED);
	a10_sq_unref(owner.sq);
	pipe_close(ends);
}

struct submitter {
	struct a10_sq *sq;
	atomic_uint submitted;
	struct count count;
};

static void *submit_until_shut_down(void *data)
{
	struct submitter *submitter = data;

	for (;;) {
		a10_id id = a10_submit(submitter->sq, a10_nop(), on_count,
				       &submitter->count);

		if (id == -ESHUTDOWN)
			break;
		ck_assert_int_gt(id, 0);
		atomic_fetch_add(&submitter->submitted, 1);
		if (atomic_load(&submitter->submitted) % 64 == 0)
			sched_yield();
	}
	a10_sq_unref(submitter->sq);
	return NULL;
}

TEST(none_started_by_others_is_lost_at_the_end_of_the_ring)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .submission_entries = 4 };

	for (unsigned int i = 0; i < test_scaled(10); i++) {
		struct a10_ring *ring = ring_open(&config);
		struct submitter submitters[2] = { 0 };
		pthread_t threads[2];

		ring_bind(ring);
		for (int k = 0; k < 2; k++) {
			submitters[k].sq = a10_sq_ref(a10_ring_sq(ring));
			threads[k] = thread_start(submit_until_shut_down,
						  &submitters[k]);
		}
		run_for(ring, A10_MILLISECOND);
		nap(A10_MILLISECOND / 2);
		ring_close(ring);
		for (int k = 0; k < 2; k++) {
			thread_join(threads[k]);
			ck_assert_uint_eq(
				atomic_load(&submitters[k].count.results),
				atomic_load(&submitters[k].submitted));
		}
	}
}

/* ---- before there is anybody to start it ------------------------------------- */

static void test_waiting(const struct a10_config *config)
{
	struct a10_ring *ring = ring_open(config);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen kept, cancelled;
	unsigned int released = 0;
	int ends[2];
	a10_id id;

	pipe_open(ends);
	start(ring, a10_write(a10_fd_regular(ends[1]), "k", 1), &kept);
	id = start(ring, a10_write(a10_fd_regular(ends[1]), "c", 1),
		   &cancelled);
	ck_assert_int_eq(a10_cancel(sq, id), 0);
	id = a10_submit(sq,
			a10_owning(a10_write(a10_fd_regular(ends[1]), "d", 1),
				   &released, on_release),
			on_never, NULL);
	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(a10_detach(sq, id), 0);
	ck_assert(!readable_within(ends[0], A_MOMENT));
	ck_assert_uint_eq(a10_ring_pending(ring), 3);
	if (config && config->disabled == A10_ON) {
		ck_assert_int_eq(a10_ring_poll(ring, 0), -EBADFD);
		ck_assert_int_eq(a10_ring_enable(ring), 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(kept.last.value, 1);
	ck_assert_int_eq(cancelled.last.value, -ECANCELED);
	ck_assert_uint_eq(released, 1);
	ck_assert_int_eq(byte_of(ends[0]), 'k');
	ck_assert(!readable_within(ends[0], 0));
	pipe_close(ends);
	ring_close(ring);
}

TEST(what_is_submitted_before_the_ring_is_bound_waits_and_is_cancelled_there)
{
	struct a10_config threaded = { .kernel_thread = A10_ON };
	struct a10_config shared = { .single_issuer = A10_OFF };

	test_waiting(NULL);
	test_waiting(&threaded);
	test_waiting(&shared);
}

TEST(what_is_submitted_while_the_ring_is_disabled_waits_and_is_cancelled_there)
{
	struct a10_config plain = { .disabled = A10_ON };
	struct a10_config threaded = { .disabled = A10_ON,
				       .kernel_thread = A10_ON };
	struct a10_config shared = { .disabled = A10_ON,
				     .single_issuer = A10_OFF };

	test_waiting(&plain);
	test_waiting(&threaded);
	test_waiting(&shared);
}

/* ---- closing ------------------------------------------------------------------ */

static void *submit_poll(void *data)
{
	struct submitter *submitter = data;

	struct a10_fd fd = a10_fd_regular((int)submitter->submitted);

	ck_assert_int_gt(a10_submit(submitter->sq, a10_poll(fd, POLLIN),
				    on_count, &submitter->count),
			 0);
	return NULL;
}

/* Known to be before it, since its thread has ended. */
TEST(a_close_ends_what_another_thread_has_submitted_before)
{
	struct a10_config threaded = { .kernel_thread = A10_ON };

	for (int i = 0; i < 2; i++) {
		struct a10_ring *ring = ring_open(i ? &threaded : NULL);
		struct submitter submitter = { .sq = a10_ring_sq(ring) };
		struct pair pair;

		ring_bind(ring);
		pair_open(ring, false, &pair);
		submitter.submitted = (unsigned int)a10_fd_number(pair.ours);
		thread_join(thread_start(submit_poll, &submitter));
		ck_assert_int_eq(value_of(ring, a10_close(pair.ours)), 0);
		ck_assert_uint_eq(atomic_load(&submitter.count.cancelled), 1);
		ck_assert_int_eq(close(pair.theirs), 0);
		ring_close(ring);
	}
}
