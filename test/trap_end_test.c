/* The end of a ring: everything is over, or known to be left. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "harness.h"
#include "ring/core.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static char buf[10];

/* scripted_close fails the test if the kernel has a request left. */
TEST(destroy_goes_on_until_nothing_is_under_way)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	for (int i = 0; i < 5; i++)
		scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	scripted_submit(kernel, a10_after(A10_SECOND), &notes);
	scripted_submit(kernel, a10_all(a10_send(FD, "1", 1, 0)), &notes);
	scripted_submit(kernel, a10_all(a10_send(FD, "2", 1, 0)), &notes);
	scripted_submit(kernel, a10_shielded(a10_fsync(FD)), &notes);
	a10_submit(kernel->sq, a10_read(FD, buf, 1), notes_take, &notes);
	/* Once or twice the kernel misses some. */
	scripted_cancel_answers(kernel, -ENOENT, 7);
	scripted_destroy(kernel);
	ck_assert_uint_eq(notes.count, 10);
	ck_assert_int_eq(notes.total, 10 * -ECANCELED);
}

TEST(destroy_delivers_a_late_success)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct scripted_request *accept;

	scripted_submit(kernel, a10_accept(FD, NULL, 0), &notes);
	accept = scripted_next(kernel, URING_OP_ACCEPT);
	scripted_post(kernel, accept, 300, 0);
	scripted_destroy(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	ck_assert_int_eq(a10_fd_number(notes.at[0].fd), 300);
}

TEST(destroy_of_a_ring_nobody_polled_ends_what_was_submitted)
{
	struct scripted *kernel = scripted_ring_unbound(NULL, NULL);
	struct notes notes = { 0 };
	uint32_t released = 0;

	ck_assert_int_gt(a10_submit(kernel->sq,
				    a10_owning(a10_read(FD, buf, 1), &released,
					       notes_release),
				    notes_take, &notes),
			 0);
	scripted_destroy(kernel);
	ck_assert_int_eq(notes_only(&notes)->value, -ECANCELED);
	ck_assert_uint_eq(released, 1);
}

/* Freed, the memory would be written to by the kernel. */
TEST(destroy_tells_how_many_were_not_over_in_time_and_frees_nothing)
{
	static struct scripted *kernel; /* reachable: it is meant to stay */
	static struct notes notes;
	static uint32_t released;
	int64_t began;

	kernel = scripted_ring(NULL);
	scripted_submit(kernel,
			a10_owning(a10_read(FD, buf, 1), &released,
				   notes_release),
			&notes);
	scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	scripted_cancel_answers(kernel, -EALREADY, UINT32_MAX);
	kernel->leaks = true;
	began = atomic_load(&kernel->clock);
	ck_assert_int_eq(a10_ring_destroy(kernel->ring, A10_SECOND), 2);
	ck_assert_int_ge(atomic_load(&kernel->clock), began + A10_SECOND);
	ck_assert_int_lt(atomic_load(&kernel->clock), began + 2 * A10_SECOND);
	ck_assert_uint_eq(released, 0);
	ck_assert_uint_eq(notes.count, 0);
	if (kernel->closed)
		return;
	close(kernel->sq->bell_fd);
	close(kernel->watch_fd);
}

struct again {
	struct scripted *kernel;
	struct notes notes;
	uint32_t released;
	uint32_t calls;
	int closing;
};

static void submits_again(void *data, const struct a10_result *result)
{
	struct again *again = data;

	ck_assert_int_eq(result->value, -ECANCELED);
	again->calls++;
	ck_assert_int_eq(a10_submit(result->sq,
				    a10_owning(a10_nop(), &again->released,
					       notes_release),
				    notes_take, &again->notes),
			 -ESHUTDOWN);
	ck_assert_int_eq(a10_submit(result->sq, a10_read(FD, buf, 1),
				    notes_take, &again->notes),
			 -ESHUTDOWN);
	/* Closing is always carried out, by system call if need be. */
	ck_assert_int_eq(a10_submit(result->sq,
				    a10_close(a10_fd_regular(again->closing)),
				    notes_take, &again->notes),
			 -ESHUTDOWN);
	ck_assert_int_eq(fcntl(again->closing, F_GETFD), -1);
}

TEST(a_submission_while_the_ring_ends_is_eshutdown)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct again again = { .kernel = kernel };

	kernel->real_close = true;
	again.closing = fcntl(0, F_DUPFD_CLOEXEC, 200);
	ck_assert_int_ge(again.closing, 0);
	a10_submit(kernel->sq, a10_read(FD, buf, 1), submits_again, &again);
	scripted_settle(kernel);
	scripted_destroy(kernel);
	ck_assert_uint_eq(again.calls, 1);
	ck_assert_uint_eq(again.released, 1);
	ck_assert_uint_eq(again.notes.count, 0);
}

TEST(a_handle_that_outlives_its_ring_says_eshutdown)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_sq *sq = a10_sq_ref(kernel->sq);
	struct notes notes = { 0 };
	struct a10_result result;
	uint32_t released = 0;
	const struct a10_op op =
		a10_owning(a10_nop(), &released, notes_release);
	a10_id id = scripted_submit(kernel, a10_read(FD, buf, 1), &notes);

	scripted_destroy(kernel);
	ck_assert_int_eq(a10_submit(sq, op, notes_take, &notes), -ESHUTDOWN);
	ck_assert_int_eq(a10_submit_linked(sq, &op, 1, notes_take, &notes),
			 -ESHUTDOWN);
	ck_assert_int_eq(a10_await_on(sq, op, &result), -ESHUTDOWN);
	ck_assert_int_eq(result.value, -ESHUTDOWN);
	ck_assert_uint_eq(released, 3);
	ck_assert_int_eq(a10_cancel(sq, id), -ESHUTDOWN);
	ck_assert_int_eq(a10_cancel_fd(sq, FD), -ESHUTDOWN);
	ck_assert_int_eq(a10_cancel_all(sq), -ESHUTDOWN);
	ck_assert_int_eq(a10_detach(sq, id), -ESHUTDOWN);
	ck_assert_int_eq(a10_sq_wake(sq), -ESHUTDOWN);
	ck_assert_int_eq(a10_sq_stop(sq), -ESHUTDOWN);
	ck_assert_uint_eq(notes.count, 1);
	a10_sq_unref(sq);
}

static void *thread_destroys(void *data)
{
	struct scripted *kernel = data;

	ck_assert_int_eq(a10_ring_destroy(kernel->ring, 0), -EPERM);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), -EPERM);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), -EPERM);
	return NULL;
}

TEST(only_its_owner_ends_a_ring)
{
	struct scripted *kernel = scripted_ring(NULL);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, thread_destroys, kernel),
			 0);
	pthread_join(thread, NULL);
	scripted_destroy(kernel);
	ck_assert_int_eq(a10_ring_destroy(NULL, 0), 0);
}

TEST(run_ends_when_nothing_is_under_way)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	a10_submit(kernel->sq, a10_after(3 * A10_SECOND), notes_take, &notes);
	a10_submit(kernel->sq, a10_after(A10_SECOND), notes_take, &notes);
	ck_assert_int_eq(a10_ring_run(kernel->ring), 0);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(a10_ring_run(kernel->ring), 0);
	scripted_destroy(kernel);
}

TEST(a_wake_before_the_poll_is_not_lost)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	ck_assert_int_eq(a10_sq_wake(kernel->sq), 0);
	ck_assert_int_eq(a10_sq_wake(kernel->sq), 0);
	/* Without it the enter would wait for ever, which fails the test. */
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 0);
	ck_assert_int_eq(a10_sq_stop(kernel->sq), 0);
	ck_assert_int_eq(a10_ring_run(kernel->ring), 1);
	scripted_destroy(kernel);
}

static void *thread_submits(void *data)
{
	struct again *again = data;

	ck_assert_int_gt(a10_submit(again->kernel->sq, a10_nop(), notes_take,
				    &again->notes),
			 0);
	return NULL;
}

TEST(another_threads_operation_starts_at_once_if_the_owner_is_in_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct again again = { .kernel = kernel };
	pthread_t thread;

	kernel->start = scripted_all_succeed;
	kernel->patience_ms = (uint32_t)(test_slowed(8) * 1000);
	ck_assert_int_eq(pthread_create(&thread, NULL, thread_submits, &again),
			 0);
	while (again.notes.count == 0)
		ck_assert_int_ge(a10_ring_poll(kernel->ring, A10_FOREVER), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(notes_only(&again.notes)->value, 0);
	scripted_destroy(kernel);
}

/* Before it is bound every thread is foreign; the order is kept. */
TEST(what_was_submitted_before_the_first_poll_starts_in_order)
{
	struct scripted *kernel = scripted_ring_unbound(NULL, NULL);
	struct notes notes = { 0 };

	for (int i = 0; i < 50; i++)
		ck_assert_int_gt(a10_submit(kernel->sq,
					    a10_pread(FD, buf, 1, (uint64_t)i),
					    notes_take, &notes),
				 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 50);
	scripted_settle(kernel);
	for (uint64_t i = 0; i < 50; i++)
		ck_assert_uint_eq(scripted_next(kernel, URING_OP_READ)->sqe.off,
				  i);
	scripted_destroy(kernel);
	ck_assert_uint_eq(notes.count, 50);
}

TEST(a_disabled_ring_keeps_what_is_submitted_until_it_is_enabled)
{
	struct a10_config config = { .disabled = A10_ON };
	struct scripted *kernel = scripted_ring_unbound(&config, NULL);
	struct notes notes = { 0 };

	ck_assert_int_gt(a10_submit(kernel->sq, a10_nop(), notes_take, &notes),
			 0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), -EBADFD);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), -EBADFD);
	ck_assert_uint_eq(kernel->taken, 0);
	ck_assert_int_eq(a10_ring_enable(kernel->ring), 0);
	ck_assert_int_eq(a10_ring_enable(kernel->ring), -EBADFD);
	kernel->start = scripted_all_succeed;
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 1);
	scripted_destroy(kernel);
}

TEST(an_await_by_the_owner_polls_until_its_own_operation_is_over)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_result result;
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	a10_submit(kernel->sq, a10_nop(), notes_take, &notes);
	ck_assert_int_eq(
		a10_await_on(kernel->sq, a10_read(FD, buf, 7), &result), 7);
	ck_assert_int_eq(result.value, 7);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_int_eq(a10_await_on(kernel->sq, a10_after(5), NULL), 0);
	ck_assert_int_eq(a10_await_on(kernel->sq,
				      a10_multishot(a10_poll(FD, 1)), &result),
			 -EINVAL);
	scripted_destroy(kernel);
}
