/* Words in memory that are waited for, and woken. */
#include "support.h"

#include "ring/core.h"

static void ring_forget(struct a10_ring *ring, uint32_t opcode)
{
	ring->grant.opcodes[opcode / 64] &= ~(UINT64_C(1) << opcode % 64);
}

static void test_wait(struct a10_ring *ring, uint32_t flags)
{
	static uint32_t word = 7;
	struct seen one, two;

	ring_needs(ring, A10_OPCODE_FUTEX_WAIT);
	start(ring, a10_futex_wait(&word, 7, flags), &one);
	start(ring, a10_futex_wait(&word, 7, flags), &two);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(one.count + two.count, 0);
	ck_assert_int_eq(value_of(ring, a10_futex_wake(&word, 1, flags)), 1);
	RUN_UNTIL(ring, one.ended + two.ended == 1);
	ck_assert_int_eq(value_of(ring, a10_futex_wake(&word, 5, flags)), 1);
	RUN_UNTIL(ring, one.ended + two.ended == 2);
	ck_assert_int_eq(one.last.value, 0);
	ck_assert_int_eq(two.last.value, 0);
	ck_assert_int_eq(value_of(ring, a10_futex_wake(&word, 5, flags)), 0);
	ck_assert_int_eq(value_of(ring, a10_futex_wait(&word, 8, flags)),
			 -EAGAIN);
}

TEST(a_word_is_waited_for_and_woken)
{
	struct a10_ring *ring = ring_open(NULL);

	test_wait(ring, 0);
	test_wait(ring, A10_FUTEX_SHARED);
	ring_forget(ring, A10_OPCODE_FUTEX_WAKE);
	test_wait(ring, 0);
	test_wait(ring, A10_FUTEX_SHARED);
	ring_close(ring);
}

TEST(waiting_for_a_word_is_cancelled_and_timed_out)
{
	struct a10_ring *ring = ring_open(NULL);
	uint32_t word = 1;
	struct seen seen;
	a10_id id;

	ring_needs(ring, A10_OPCODE_FUTEX_WAIT);
	id = start(ring, a10_futex_wait(&word, 1, 0), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_futex_wait(&word, 1, 0),
						    A_MOMENT)),
			 -ETIME);
	ring_close(ring);
}

TEST(any_of_several_words_is_waited_for)
{
	struct a10_ring *ring = ring_open(NULL);
	uint32_t words[3] = { 1, 2, 3 };
	struct futex_waitv waits[3];
	struct seen seen;
	a10_id id;

	ring_needs(ring, A10_OPCODE_FUTEX_WAITV);
	memset(waits, 0, sizeof(waits));
	for (int i = 0; i < 3; i++) {
		waits[i].uaddr = (uintptr_t)&words[i];
		waits[i].val = words[i];
		waits[i].flags = 2 | FUTEX_PRIVATE_FLAG;
	}
	start(ring, a10_futex_waitv(waits, 3), &seen);
	memset(waits, 0xff, sizeof(waits));
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(value_of(ring, a10_futex_wake(&words[1], 1, 0)), 1);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, 1);
	memset(waits, 0, sizeof(waits));
	waits[0].uaddr = (uintptr_t)&words[0];
	waits[0].val = 1;
	waits[0].flags = 2 | FUTEX_PRIVATE_FLAG;
	id = start(ring, a10_futex_waitv(waits, 1), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	waits[0].val = 2;
	ck_assert_int_eq(value_of(ring, a10_futex_waitv(waits, 1)), -EAGAIN);
	ring_close(ring);
}

TEST(all_are_woken_or_none_as_it_is_told)
{
	struct a10_ring *ring = ring_open(NULL);
	static uint32_t word;
	struct seen seen[3];

	ring_needs(ring, A10_OPCODE_FUTEX_WAIT);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 3; i++)
			start(ring, a10_futex_wait(&word, 0, 0), &seen[i]);
		run_for(ring, A_MOMENT);
		ck_assert_int_eq(value_of(ring, a10_futex_wake(&word, 0, 0)),
				 0);
		run_for(ring, A_MOMENT);
		for (int i = 0; i < 3; i++)
			ck_assert_uint_eq(seen[i].count, 0);
		ck_assert_int_eq(value_of(ring,
					  a10_futex_wake(&word, UINT32_MAX, 0)),
				 3);
		RUN_UNTIL(ring,
			  seen[0].ended && seen[1].ended && seen[2].ended);
		ring_forget(ring, A10_OPCODE_FUTEX_WAKE);
	}
	ring_close(ring);
}

TEST(words_that_cannot_be_are_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct futex_waitv waits[200];
	static uint32_t word, words[2];
	void *crooked = (char *)words + 1;

	ck_assert_int_eq(refusal_of(ring, a10_futex_waitv(waits, 0)), -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_futex_waitv(waits, 129)),
			 -EINVAL);
	ck_assert_int_eq(refusal_of(ring, a10_futex_waitv(NULL, 1)), -EFAULT);
	for (int i = 0; i < 2; i++) {
		for (uint32_t bit = 2; bit != 0; bit <<= 1)
			ck_assert_int_eq(
				value_of(ring, a10_futex_wake(&word, 1, bit)),
				-EINVAL);
		ck_assert_int_eq(value_of(ring, a10_futex_wake(crooked, 1, 0)),
				 -EINVAL);
		ring_forget(ring, A10_OPCODE_FUTEX_WAKE);
	}
	ring_forget(ring, A10_OPCODE_FUTEX_WAIT);
	ck_assert_int_eq(value_of(ring, a10_futex_wait(&word, 0, 0)),
			 -EOPNOTSUPP);
	ring_close(ring);
}
