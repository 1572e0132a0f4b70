/* The two queues: what enter may say, room, order, indexes, ids. */
#include <errno.h>
#include <stdlib.h>

#include "harness.h"
#include "ring/core.h"
#include "scripted.h"

#define FD a10_fd_regular(100)

static char buf[10];

static void submit_nops(struct scripted *kernel, struct notes *notes, int count)
{
	for (int i = 0; i < count; i++)
		ck_assert_int_gt(a10_submit(kernel->sq, a10_nop(), notes_take,
					    notes),
				 0);
}

/* enter fails three times with err, and a waiting poll gets its result. */
static void enter_fails_and_goes_on(int err, uint32_t skip)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	submit_nops(kernel, &notes, 3);
	scripted_enter_fails(kernel, err, skip, 3);
	for (int i = 0; i < 10 && notes.count < 3; i++)
		ck_assert_int_ge(a10_ring_poll(kernel->ring, A10_SECOND), 0);
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_uint_eq(kernel->enter_error_times, 0);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_NOP), 3);
	scripted_destroy(kernel);
}

TEST(an_enter_that_is_interrupted_is_repeated)
{
	enter_fails_and_goes_on(-EINTR, 0);
}

TEST(an_enter_without_memory_is_repeated)
{
	enter_fails_and_goes_on(-EAGAIN, 0);
}

TEST(an_enter_that_finds_completions_in_its_way_is_repeated)
{
	enter_fails_and_goes_on(-EBUSY, 0);
}

static bool idle_completes(struct scripted *kernel)
{
	struct scripted_request *nop = kernel->data;

	if (!nop)
		return false;
	kernel->data = NULL;
	scripted_post(kernel, nop, 0, 0);
	return true;
}

/* Zero would say that the time is over. */
TEST(a_poll_goes_on_waiting_after_a_signal)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	const int64_t began = atomic_load(&kernel->clock);

	scripted_submit(kernel, a10_nop(), &notes);
	kernel->data = scripted_next(kernel, URING_OP_NOP);
	kernel->idle = idle_completes;
	scripted_enter_fails(kernel, -EINTR, 0, 3);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_FOREVER), 1);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_int_eq(atomic_load(&kernel->clock), began);
	scripted_destroy(kernel);
}

TEST(an_error_of_enter_that_does_not_pass_is_what_poll_returns)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	submit_nops(kernel, &notes, 1);
	scripted_enter_fails(kernel, -EOWNERDEAD, 0, 1);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), -EOWNERDEAD);
	scripted_destroy(kernel);
}

TEST(requests_that_enter_did_not_take_are_handed_over_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	kernel->take_most = 1;
	submit_nops(kernel, &notes, 10);
	for (int i = 0; i < 20 && notes.count < 10; i++)
		ck_assert_int_ge(a10_ring_poll(kernel->ring, A10_SECOND), 0);
	ck_assert_uint_eq(notes.count, 10);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_NOP), 10);
	scripted_destroy(kernel);
}

TEST(flush_starts_everything_and_delivers_nothing)
{
	struct a10_config config = { .submission_entries = 4 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	submit_nops(kernel, &notes, 30);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), 0);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_NOP), 30);
	ck_assert_uint_eq(notes.count, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 30);
	scripted_destroy(kernel);
}

static void ids_take(void *data, const struct a10_result *result)
{
	a10_id **next = data;

	*(*next)++ = result->id;
}

TEST(completions_out_of_order_find_their_operations)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct scripted_request *requests[8];
	a10_id ids[8], seen[8], *next = seen;
	const int order[] = { 3, 7, 0, 5, 1, 6, 4, 2 };

	for (int i = 0; i < 8; i++)
		ids[i] = a10_submit(kernel->sq, a10_read(FD, buf, 1), ids_take,
				    &next);
	scripted_settle(kernel);
	for (int i = 0; i < 8; i++)
		requests[i] = scripted_next(kernel, URING_OP_READ);
	for (int i = 0; i < 8; i++)
		scripted_post(kernel, requests[order[i]], i, 0);
	scripted_settle(kernel);
	ck_assert_ptr_eq(next, seen + 8);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(seen[i], ids[order[i]]);
	scripted_destroy(kernel);
}

TEST(completions_of_nothing_are_harmless)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 }, old = { 0 };
	const a10_id stale = scripted_submit(kernel, a10_nop(), &old);
	a10_id id;

	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	id = scripted_submit(kernel, a10_nop(), &notes);
	ck_assert_int_ne(id, stale);
	/* Its slot's last life, its next, no slot, one beyond all, all bits. */
	scripted_post_stray(kernel, (uint64_t)stale, 1, 0);
	scripted_post_stray(kernel, (uint64_t)id + ID_GENERATION, 1, 0);
	scripted_post_stray(kernel, 0, 1, 0);
	scripted_post_stray(kernel, ID_GENERATION, 1, 0);
	scripted_post_stray(kernel, ID_GENERATION | 0xfff << 5, 1, 0);
	scripted_post_stray(kernel, ID_GENERATION | 0x7fffffe0, 1, 0);
	scripted_post_stray(kernel, UINT64_MAX, 1, 0);
	scripted_post_stray(kernel, (uint64_t)stale | TAG_CANCEL, -ENOENT, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 0);
	ck_assert_uint_eq(old.count, 1);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 1);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 0);
	scripted_destroy(kernel);
}

/* Same id, but the kernel has no business with it: it waits for a buffer. */
TEST(a_completion_of_what_is_not_with_the_kernel_is_harmless)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct a10_pool *pool = NULL;
	struct notes notes = { 0 };
	struct scripted_request *recv;
	a10_id id;

	ck_assert_int_eq(a10_pool_create(kernel->ring, 1, 4096, 0, &pool), 0);
	scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	ck_assert(scripted_receive(kernel, recv, "a", 1, 0));
	scripted_settle(kernel);
	id = scripted_submit(kernel, a10_recv_pooled(FD, pool, 0), &notes);
	recv = scripted_next(kernel, URING_OP_RECV);
	scripted_answer(kernel, recv, -ENOBUFS, 0);
	scripted_post_stray(kernel, (uint64_t)id, 7, 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 1);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	recv = scripted_next(kernel, URING_OP_RECV);
	ck_assert(scripted_receive(kernel, recv, "b", 1, 0));
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(notes.at[1].value, 1);
	a10_buf_release(notes.at[1].buf);
	scripted_destroy(kernel);
}

TEST(stale_ids_are_harmless_to_the_slots_next_life)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes old = { 0 }, notes = { 0 };
	const a10_id stale = scripted_submit(kernel, a10_nop(), &old);
	a10_id id;

	scripted_answer(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	id = scripted_submit(kernel, a10_read(FD, buf, 1), &notes);
	ck_assert_uint_eq(id_slot((uint64_t)id), id_slot((uint64_t)stale));
	ck_assert_int_eq(a10_cancel(kernel->sq, stale), 0);
	ck_assert_int_eq(a10_detach(kernel->sq, stale), 0);
	ck_assert_int_eq(a10_cancel(kernel->sq, 0), 0);
	ck_assert_int_eq(a10_cancel(kernel->sq, -EINVAL), 0);
	ck_assert_int_eq(a10_cancel(kernel->sq, INT64_MAX), 0);
	ck_assert_int_eq(a10_detach(kernel->sq, INT64_MIN), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(kernel->cancels, 0);
	scripted_answer(kernel, scripted_next(kernel, URING_OP_READ), 1, 0);
	ck_assert_int_eq(notes_only(&notes)->value, 1);
	scripted_destroy(kernel);
}

TEST(ids_are_positive_as_an_int_too_and_never_the_same_again)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	a10_id last = 0;

	kernel->start = scripted_all_succeed;
	for (int i = 0; i < 1000; i++) {
		const a10_id id = scripted_submit(kernel, a10_nop(), &notes);

		ck_assert_int_gt(id, 0);
		ck_assert_int_gt((int)id, 0);
		ck_assert_int_ne(id, last);
		last = id;
	}
	scripted_destroy(kernel);
}

TEST(a_slot_whose_generations_are_used_up_is_retired)
{
	const uint64_t last = UINT64_C(0x7fffffff) << 32;
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };
	struct slot *slot;
	a10_id id;
	uint32_t index;

	kernel->start = scripted_all_succeed;
	id = scripted_submit(kernel, a10_nop(), &notes);
	index = id_slot((uint64_t)id);
	slot = slot_at(kernel->ring, index);
	ck_assert_int_eq(slot->state, SLOT_FREE);
	slot->id = last | index << 5;
	id = scripted_submit(kernel, a10_nop(), &notes);
	ck_assert_uint_eq((uint64_t)id, last | index << 5);
	ck_assert_uint_eq(notes.count, 2);
	ck_assert_int_eq(slot->state, SLOT_RETIRED);
	ck_assert_int_eq(a10_cancel(kernel->sq, id), 0);
	for (int i = 0; i < 3000; i++) {
		id = scripted_submit(kernel, a10_nop(), &notes);
		ck_assert_uint_ne(id_slot((uint64_t)id), index);
	}
	ck_assert_uint_eq(notes.count, 3002);
	scripted_destroy(kernel);
}

static void wraps_at(uint32_t first_index)
{
	struct a10_config config = { .submission_entries = 8,
				     .completion_entries = 16,
				     .first_index = first_index };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	for (uint32_t i = 0; i < 500; i++) {
		submit_nops(kernel, &notes, (int)(i % 11) + 1);
		scripted_settle(kernel);
		ck_assert_uint_eq(notes.count,
				  scripted_requests(kernel, URING_OP_NOP));
		ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
	}
	ck_assert_uint_gt(notes.count, 2900);
	scripted_destroy(kernel);
}

TEST(indexes_wrap_at_two_to_the_32)
{
	wraps_at(UINT32_MAX - 5);
	wraps_at(UINT32_MAX);
	wraps_at(UINT32_MAX - 1000);
	wraps_at(UINT32_C(0x7fffffff) - 100); /* where a sign would change */
}

TEST(submit_never_fails_for_lack_of_room)
{
	struct a10_config config = { .submission_entries = 1 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	submit_nops(kernel, &notes, 100000);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 100000);
	while (a10_ring_pending(kernel->ring) > 0)
		ck_assert_int_gt(a10_ring_poll(kernel->ring, 0), 0);
	ck_assert_uint_eq(notes.count, 100000);
	scripted_destroy(kernel);
}

TEST(a_hundred_completions_given_twenty_at_a_time_come_in_one_poll)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct notes notes = { 0 };

	kernel->batch_most = 20;
	submit_nops(kernel, &notes, 100);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 0);
	for (int i = 0; i < 100; i++)
		scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0,
			      0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 100);
	ck_assert_uint_eq(notes.count, 100);
	scripted_destroy(kernel);
}

TEST(more_completions_than_are_copied_at_a_time_come_in_one_poll)
{
	struct a10_config config = { .submission_entries = 1024 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	submit_nops(kernel, &notes, 1000);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), 0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 1000);
	ck_assert_uint_eq(notes.count, 1000);
	scripted_destroy(kernel);
}

TEST(a_completion_queue_that_is_too_small_loses_nothing)
{
	struct a10_config config = { .submission_entries = 64,
				     .completion_entries = 64 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	struct a10_ring_info info;
	int count = 128;

	for (int i = 0; i < 12; i++) {
		submit_nops(kernel, &notes, 64);
		ck_assert_int_eq(a10_ring_flush(kernel->ring), 0);
	}
	for (int i = 0; i < 128; i++)
		scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0,
			      0);
	/* What did not fit comes in the same poll. */
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), count);
	for (; count < 12 * 64; count++)
		scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0,
			      0);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 12 * 64);
	a10_ring_info(kernel->ring, &info);
	ck_assert_uint_gt(info.overflows, 0);
	scripted_destroy(kernel);
}

static uint32_t wakes_armed(const struct scripted *kernel)
{
	uint32_t armed = 0;

	for (const struct scripted_request *request = kernel->live_first;
	     request; request = request->live_next)
		armed += request->internal;
	return armed;
}

/* It is a multishot as any other: the kernel ends it when the queue is full. */
TEST(the_poll_that_wakes_the_owner_survives_an_overflow)
{
	struct a10_config config = { .submission_entries = 4,
				     .completion_entries = 4 };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };
	struct scripted_request *wake;

	scripted_settle(kernel);
	wake = kernel->live_first;
	ck_assert_ptr_nonnull(wake);
	ck_assert(wake->internal);
	for (int i = 0; i < 2; i++) {
		submit_nops(kernel, &notes, 4);
		ck_assert_int_eq(a10_ring_flush(kernel->ring), 0);
	}
	for (int i = 0; i < 8; i++)
		scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0,
			      0);
	scripted_post(kernel, wake, 1, URING_CQE_F_MORE);
	scripted_settle(kernel);
	ck_assert_int_eq(wake->state, SCRIPTED_OVER);
	ck_assert_uint_eq(notes.count, 8);
	ck_assert_uint_eq(wakes_armed(kernel), 1);
	scripted_destroy(kernel);
}

static void without_flag(struct backend_grant *grant)
{
	grant->setup_flags &= ~URING_SETUP_TASKRUN_FLAG;
}

/* Nothing in memory tells then, so poll has to ask. */
TEST(completions_come_without_the_flag_that_announces_them)
{
	struct scripted *kernel = scripted_ring_unbound(NULL, without_flag);
	struct notes notes = { 0 };

	scripted_submit(kernel, a10_nop(), &notes);
	scripted_post(kernel, scripted_next(kernel, URING_OP_NOP), 0, 0);
	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 1);
	scripted_destroy(kernel);
}

TEST(a_sleeping_kernel_thread_is_woken_and_a_running_one_is_left_alone)
{
	struct a10_config config = { .submission_entries = 4,
				     .kernel_thread = A10_ON };
	struct scripted *kernel = scripted_ring(&config);
	struct notes notes = { 0 };

	kernel->start = scripted_all_succeed;
	scripted_thread_sleeps(kernel);
	submit_nops(kernel, &notes, 2);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), 0);
	ck_assert_uint_eq(scripted_requests(kernel, URING_OP_NOP), 2);
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	/* More than there is room for, of a thread that runs when it likes. */
	submit_nops(kernel, &notes, 20);
	for (int i = 0; i < 20 && notes.count < 22; i++) {
		scripted_settle(kernel);
		scripted_thread_runs(kernel);
	}
	ck_assert_uint_eq(notes.count, 22);
	scripted_destroy(kernel);
}

TEST(a_flush_that_finds_completions_in_its_way_for_ever_says_so)
{
	struct scripted *kernel = scripted_ring(NULL);
	const struct backend_view *view = &kernel->ring->view;
	struct notes notes = { 0 };

	submit_nops(kernel, &notes, 2);
	/* A completion, of nobody, that only poll may take. */
	atomic_store(view->cq_tail, atomic_load(view->cq_tail) + 1);
	scripted_enter_fails(kernel, -EBUSY, 0, UINT32_MAX);
	ck_assert_int_eq(a10_ring_flush(kernel->ring), -EBUSY);
	kernel->enter_error_times = 0;
	kernel->start = scripted_all_succeed;
	scripted_settle(kernel);
	ck_assert_uint_eq(notes.count, 2);
	scripted_destroy(kernel);
}
