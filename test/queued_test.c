/* Operations that wait in the library for their turn with the kernel. */
#include "support.h"

TEST(a_poll_that_does_not_wait_starts_all_that_is_queued)
{
	struct a10_config config = { .submission_entries = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen = { 0 };

	ring_bind(ring);
	for (int i = 0; i < 100; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_seen, &seen),
				 0);
	ck_assert_int_eq(a10_ring_poll(ring, 0), 100);
	ck_assert_uint_eq(seen.count, 100);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	ring_close(ring);
}

/* What is cancelled does not wait for what it waited for, nor times out late. */
TEST(what_ends_behind_a_drained_operation_is_delivered_at_once)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen before, drained, behind, late, chain = { 0 };
	struct a10_op ops[2] = { a10_nop(), a10_nop() };
	struct pair pair;
	char byte;
	a10_id id, linked;

	ring_bind(ring);
	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &before);
	start(ring, a10_drained(a10_nop()), &drained);
	id = start(ring, a10_nop(), &behind);
	start(ring, a10_deadline(a10_nop(), a10_now() + A_MOMENT), &late);
	linked = a10_submit_linked(sq, ops, 2, on_seen, &chain);
	ck_assert_int_gt(linked, 0);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(drained.count + behind.count + chain.count, 0);
	ck_assert_int_eq(a10_cancel(sq, id), 0);
	ck_assert_int_eq(a10_cancel(sq, linked), 0);
	RUN_UNTIL(ring, behind.ended && late.ended && chain.count == 2);
	ck_assert_int_eq(behind.last.value, -ECANCELED);
	ck_assert_int_eq(late.last.value, -ETIME);
	ck_assert_int_eq(chain.last.value, -ECANCELED);
	ck_assert_uint_eq(before.count + drained.count, 0);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	RUN_UNTIL(ring, drained.ended == 1);
	ck_assert_int_eq(drained.last.value, 0);
	pair_close(ring, &pair);
	ring_close(ring);
}
