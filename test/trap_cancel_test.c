/* Cancels: none is lost, none hits another, and a late success is a success. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "harness.h"
#include "ring/core.h"
#include "scripted.h"

#define FD    a10_fd_regular(100)
#define OTHER a10_fd_regular(101)

static char buf[10];

TEST(a_cancel_of_what_runs_names_it_and_ends_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
	struct scripted_request *read = scripted_next(kernel, URING_OP_READ);
	struct scripted_request *cancel;

	kernel->hold_cancels = true;
	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0); /* is the same */
	scripted_settle(kernel);
	cancel = scripted_next(kernel, URING_OP_ASYNC_CANCEL);
	ck_assert_uint_eq(cancel->sqe.addr, read->sqe.user_data);
	scripted_no_more(kernel);
	scripted_post(kernel, cancel, 0, 0);
	scripted_answer(kernel, read, -ECANCELED, 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(a_cancel_of_what_is_queued_never_reaches_the_kernel)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 }, other = { 0 };
	a10_id first, last;

	first = a10_submit(kernel->sq, a10_read(FD, buf, 1), notes_take,
			   &notes);
	a10_submit(kernel->sq, a10_read(OTHER, buf, 1), notes_take, &other);
	last = a10_submit(kernel->sq, a10_read(FD, buf, 1), notes_take, &notes);
	a10_cancel(kernel->sq, last);
	a10_cancel(kernel->sq, first);
	ck_assert_uint_eq(notes.count, 0); /* only ever in a poll */
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[0].value, -ECANCELED);
	ck_assert_int_eq(notes.at[1].value, -ECANCELED);
	ck_assert_int_eq(scripted_next(kernel, URING_OP_READ)->sqe.fd, 101);
	scripted_no_more(kernel);
	ck_assert_uint_eq(kernel->cancels, 0);
	/* And the queue is whole: what comes next is not lost. */
	scripted_submit(kernel, a10_read(FD, buf, 1), &other);
	scripted_next(kernel, URING_OP_READ);
	scripted_destroy(kernel);
}

TEST(a_late_success_after_a_cancel_is_delivered_as_the_success_it_is)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
	struct scripted_request *read = scripted_next(kernel, URING_OP_READ);

	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	scripted_post(kernel, read, 7, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 7);
	scripted_destroy(kernel);
}

/* The kernel's clock may hand the answer over first, or last. */
TEST(the_answer_to_a_cancel_may_come_before_or_after_what_it_cancelled)
{
	for (int first = 0; first < 2; first++) {
		struct scripted *kernel = scripted_ring(NULL);
		struct notes notes = { 0 };
		a10_id id;

		kernel->cancel_first = first;
		id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
		a10_cancel(kernel->sq, id);
		scripted_settle(kernel);
		ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
		ck_assert_uint_eq(kernel->cancels, 1);
		scripted_destroy(kernel);
	}
}

static void missed_with(int res)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);

	scripted_cancel_answers(kernel, res, 3);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	for (int i = 0; i < 20 && notes.count == 0; i++)
		ck_assert_int_ge(a10_ring_poll(kernel->ring, A10_SECOND), 0);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert_uint_eq(kernel->cancels + kernel->sync_cancels, 4);
	scripted_destroy(kernel);
}

TEST(a_cancel_that_finds_nothing_is_repeated_while_the_operation_lives)
{
	missed_with(-ENOENT);
}

TEST(a_cancel_that_comes_too_late_is_repeated_while_the_operation_lives)
{
	missed_with(-EALREADY);
}

/* A read from a disk cannot be cancelled: it must not cost the CPU. */
TEST(a_cancel_that_never_succeeds_is_not_repeated_without_a_pause)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
	const int64_t began = atomic_load(&kernel->clock);

	scripted_cancel_answers(kernel, -EALREADY, UINT32_MAX);
	a10_cancel(kernel->sq, id);
	while (atomic_load(&kernel->clock) - began < 10 * A10_SECOND)
		ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_SECOND), 0);
	ck_assert_uint_lt(kernel->cancels, 10000);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 10, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 10);
	scripted_destroy(kernel);
}

TEST(cancels_are_not_lost_for_lack_of_room)
{
	struct a10_config config = { .submission_entries = 1,
				     .completion_entries = 2 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	a10_id ids[30];

	for (int i = 0; i < 30; i++)
		ids[i] = scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	for (int i = 0; i < 30; i++)
		a10_cancel(kernel->sq, ids[i]);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 30);
	ck_assert_int_eq(notes.total, 30 * -ECANCELED);
	scripted_destroy(kernel);
}

/* The kernel starts nothing behind a drained request, a cancel neither. */
TEST(a_cancel_of_what_a_drained_operation_waits_for_is_not_held_up_by_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, nop = { 0 };
	a10_id id;

	id = scripted_submit(kernel, a10_read(FD, buf, 10), &read);
	scripted_submit(kernel, a10_drained(a10_nop()), &nop);
	scripted_next(kernel, URING_OP_READ);
	ck_assert_uint_eq(nop.count, 0);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&read)->value, -ECANCELED);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	ck_assert_int_eq(notes_only(&nop)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_drained_operation_starts_after_all_before_it_and_before_all_after_it)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *first;

	a10_submit(kernel->sq, a10_read(FD, buf, 1), notes_take, &notes);
	a10_submit(kernel->sq, a10_read(OTHER, buf, 1), notes_take, &notes);
	a10_submit(kernel->sq, a10_drained(a10_fsync(FD)), notes_take, &notes);
	a10_submit(kernel->sq, a10_nop(), notes_take, &notes);
	scripted_settle(kernel);
	first = scripted_next(kernel, URING_OP_READ);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	/* One that is started again is before it all the same. */
	scripted_answer(kernel, first, -EINTR, 0);
	ck_assert_uint_eq(notes.count, 1);
	first = scripted_next(kernel, URING_OP_READ);
	ck_assert_int_eq(first->state, SCRIPTED_STARTED);
	scripted_answer(kernel, first, 1, 0);
	first = scripted_next(kernel, URING_OP_FSYNC);
	ck_assert_int_eq(first->state, SCRIPTED_STARTED);
	ck_assert_uint_eq(notes.count, 2);
	scripted_no_more(kernel);
	scripted_answer(kernel, first, 0, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	ck_assert_uint_eq(notes.count, 4);
	scripted_destroy(kernel);
}

TEST(a_drained_operation_is_not_held_up_by_the_librarys_own_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes drained = { 0 }, behind = { 0 };

	kernel->start = scripted_all_succeed;
	a10_submit(kernel->sq, a10_drained(a10_nop()), notes_take, &drained);
	a10_submit(kernel->sq, a10_nop(), notes_take, &behind);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&drained)->value, 0);
	ck_assert_int_eq(notes_only(&behind)->value, 0);
	/* Others can wake the owner again. */
	scripted_settle(kernel);
	ck_assert_uint_eq(kernel->live_count, 1);
	ck_assert(kernel->live_first->internal);
	scripted_destroy(kernel);
}

static void submits_a_nop(void *data, const struct a10_result *result)
{
	ck_assert_int_gt(a10_submit(result->sq, a10_nop(), notes_take, data),
			 0);
}

/* Time goes by while the drained one is interrupted, in one enter. */
static void step_interrupts(struct scripted *kernel)
{
	struct scripted_request *fsync = kernel->data;

	if (!fsync)
		return;
	kernel->data = NULL;
	atomic_fetch_add(&kernel->clock, A10_SECOND);
	scripted_post(kernel, fsync, -EINTR, 0);
}

/* First in the queue again, and what comes in the same turn goes behind it. */
TEST(a_drained_operation_that_is_started_again_keeps_its_place)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes drained = { 0 }, behind = { 0 };

	scripted_submit(kernel, a10_drained(a10_fsync(FD)), &drained);
	a10_submit(kernel->sq, a10_after(A10_SECOND), submits_a_nop, &behind);
	kernel->data = scripted_next(kernel, URING_OP_FSYNC);
	kernel->step = step_interrupts;
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	scripted_settle(kernel);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_FSYNC), 0, 0);
	ck_assert_int_eq(notes_only(&drained)->value, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	ck_assert_int_eq(notes_only(&behind)->value, 0);
	scripted_destroy(kernel);
}

TEST(a_drained_operation_that_waits_can_be_cancelled)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, nop = { 0 };
	a10_id id;

	scripted_submit(kernel, a10_read(FD, buf, 10), &read);
	id = scripted_submit(kernel, a10_drained(a10_nop()), &nop);
	a10_cancel(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&nop)->value, -ECANCELED);
	ck_assert_uint_eq(read.count, 0);
	scripted_destroy(kernel);
}

TEST(the_answer_to_an_old_cancel_does_not_touch_the_slots_next_life)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes old = { 0 }, notes = { 0 };
	a10_id first = scripted_submit(kernel, a10_read(FD, buf, 10), &old);
	struct scripted_request *cancel;
	a10_id second;

	kernel->hold_cancels = true;
	a10_cancel(kernel->sq, first);
	scripted_settle(kernel);
	cancel = scripted_next(kernel, URING_OP_READ);
	scripted_answer(kernel, cancel, 3, 0);
	ck_assert_int_eq(notes_only(&old)->value, 3);
	cancel = scripted_next(kernel, URING_OP_ASYNC_CANCEL);
	second = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
	ck_assert_uint_eq(id_slot((uint64_t)first), id_slot((uint64_t)second));
	scripted_answer(kernel, cancel, -ENOENT, 0);
	scripted_pass(kernel, 10 * A10_SECOND);
	ck_assert_uint_eq(kernel->cancels, 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 4, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 4);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(cancel_all_spares_closes_and_what_is_shielded)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes read = { 0 }, shielded = { 0 }, close_notes = { 0 };
	struct notes timer = { 0 };

	scripted_submit(kernel, a10_read(FD, buf, 1), &read);
	scripted_submit(kernel, a10_shielded(a10_read(FD, buf, 1)), &shielded);
	scripted_submit(kernel, a10_close(OTHER), &close_notes);
	scripted_submit(kernel, a10_after(A10_SECOND), &timer);
	ck_assert_int_eq(a10_cancel_all(kernel->sq), 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&read)->value, -ECANCELED);
	ck_assert_int_eq(notes_only(&timer)->value, -ECANCELED);
	ck_assert_uint_eq(shielded.count, 0);
	scripted_next(kernel, URING_OP_READ);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&shielded)->value, 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_CLOSE), 0, 0);
	ck_assert_int_eq(notes_only(&close_notes)->value, 0);
	scripted_destroy(kernel);
}

TEST(cancel_fd_hits_what_is_on_that_descriptor_only)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes here = { 0 }, there = { 0 };

	scripted_submit(kernel, a10_read(FD, buf, 1), &here);
	scripted_submit(kernel, a10_read(OTHER, buf, 1), &there);
	scripted_submit(kernel, a10_poll(FD, 1), &here);
	ck_assert_int_eq(a10_cancel_fd(kernel->sq, FD), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(here.count, 2);
	ck_assert_int_eq(here.total, 2 * -ECANCELED);
	ck_assert_uint_eq(there.count, 0);
	scripted_destroy(kernel);
}

/* ---- what nobody waits for any more -------------------------------------- */

/* A descriptor of ours that the kernel "accepted"; closed by the library. */
static int accepted(void)
{
	const int fd = fcntl(0, F_DUPFD_CLOEXEC, 200);

	ck_assert_int_ge(fd, 200);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

TEST(a_late_descriptor_of_a_detached_operation_is_closed)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int fd = accepted();
	struct scripted_request *accept;
	a10_id id;

	kernel->real_close = true;
	id = scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	accept = scripted_next(kernel, URING_OP_ACCEPT);
	kernel->hold_cancels = true;
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	scripted_post(kernel, accept, fd, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
			-ENOENT, 0);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert(!is_open(fd));
	scripted_destroy(kernel);
}

TEST(a_descriptor_that_nobody_is_told_of_is_closed)
{
	struct scripted *kernel = scripted_ring(NULL);
	const int fd = accepted();

	kernel->real_close = true;
	scripted_submit(kernel, a10_accept(FD, NULL, 0), NULL);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), fd, 0);
	ck_assert(!is_open(fd));
	scripted_destroy(kernel);
}

TEST(a_late_direct_descriptor_is_closed_in_its_table)
{
	struct a10_config config = { .direct_descriptors = 8 };
	struct scripted *kernel = scripted_ring(&config);
	struct scripted_request *close_request;

	scripted_submit(kernel, a10_direct(a10_accept(FD, NULL, 0)), NULL);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_ACCEPT), 5, 0);
	close_request = scripted_next(kernel, URING_OP_CLOSE);
	ck_assert_int_eq(close_request->sqe.file_index, 6);
	scripted_answer(kernel, close_request, 0, 0);
	scripted_destroy(kernel);
}

TEST(what_a_detached_operation_owns_is_released_when_the_kernel_is_done)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	uint32_t released = 0;
	struct scripted_request *read;
	a10_id id = scripted_submit(kernel,
				    a10_owning(a10_read(FD, buf, 10), &released,
					       notes_release),
				    &notes);

	read = scripted_next(kernel, URING_OP_READ);
	scripted_cancel_answers(kernel, -EALREADY, 1);
	a10_detach(kernel->sq, id);
	scripted_settle(kernel);
	ck_assert_uint_eq(released, 0);
	scripted_answer(kernel, read, 10, 0);
	ck_assert_uint_eq(released, 1);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_destroy(kernel);
}

/* ---- other threads ------------------------------------------------------- */

struct asked {
	struct a10_sq *sq;
	a10_id id;
	struct notes *notes;
};

static void *thread_cancels(void *data)
{
	const struct asked *asked = data;

	ck_assert_int_eq(a10_cancel(asked->sq, asked->id), 0);
	return NULL;
}

static void cancel_elsewhere(struct scripted *kernel, a10_id id)
{
	struct asked asked = { kernel->sq, id, NULL };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, thread_cancels, &asked),
			 0);
	pthread_join(thread, NULL);
}

TEST(a_cancel_by_another_thread_is_carried_out_at_the_owners_next_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);

	cancel_elsewhere(kernel, id);
	ck_assert_uint_eq(notes.count, 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	scripted_destroy(kernel);
}

TEST(a_cancel_by_another_thread_does_not_hit_the_slots_next_life)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes old = { 0 }, notes = { 0 };
	a10_id first = scripted_submit(kernel, a10_read(FD, buf, 10), &old);
	a10_id second;

	/* Asked while it ran; over before the owner looked. */
	scripted_post(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	cancel_elsewhere(kernel, first);
	scripted_settle(kernel);
	second = scripted_submit(kernel, a10_read(FD, buf, 10), &notes);
	ck_assert_uint_eq(id_slot((uint64_t)first), id_slot((uint64_t)second));
	/* Asked of what is long over. */
	cancel_elsewhere(kernel, first);
	scripted_settle(kernel);
	ck_assert_uint_eq(old.count, 1);
	ck_assert_uint_eq(notes.count, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 2, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 2);
	scripted_destroy(kernel);
}

static void *thread_submits(void *data)
{
	struct asked *asked = data;

	asked->id = a10_submit(asked->sq, a10_read(FD, buf, 1), notes_take,
			       asked->notes);
	return NULL;
}

static a10_id submit_elsewhere(struct scripted *kernel, struct notes *notes)
{
	struct asked asked = { kernel->sq, 0, notes };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, thread_submits, &asked),
			 0);
	pthread_join(thread, NULL);
	ck_assert_int_gt(asked.id, 0);
	return asked.id;
}

/* The owner has not looked at what came, and knows its id all the same. */
TEST(the_owners_cancel_of_what_another_thread_has_just_submitted_is_not_lost)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 }, detached = { 0 };
	a10_id id = submit_elsewhere(kernel, &notes);

	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
	id = submit_elsewhere(kernel, &detached);
	ck_assert_int_eq(a10_detach(kernel->sq, id), 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert_uint_eq(detached.count, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	scripted_no_more(kernel);
	scripted_destroy(kernel);
}

TEST(cancel_all_and_cancel_fd_hit_what_another_thread_has_just_submitted)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	submit_elsewhere(kernel, &notes);
	ck_assert_int_eq(a10_cancel_fd(kernel->sq, FD), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 1);
	submit_elsewhere(kernel, &notes);
	ck_assert_int_eq(a10_cancel_all(kernel->sq), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.total, 2 * -ECANCELED);
	scripted_destroy(kernel);
}
