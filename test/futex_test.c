/* Words in memory that are waited for, and woken. */
#include "denial.h"
#include "support.h"

#include <sys/syscall.h>

#include "ring/core.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static void ring_forget(struct a10_ring *ring, uint32_t opcode)
{
	ring->grant.opcodes[opcode / 64] &= ~(UINT64_C(1) << opcode % 64);
}

/*
 * The requests, then the system calls that stand in for them; of those valgrind
 * (3.19) does not know the one that waits for several words.
 */
static struct a10_ring *ring_made(bool older)
{
	struct a10_ring *ring;

	if (older && on_valgrind())
		SKIP("no futex_waitv under valgrind");
	ring = ring_open(NULL);
	if (older) {
		ring_forget(ring, A10_OPCODE_FUTEX_WAIT);
		ring_forget(ring, A10_OPCODE_FUTEX_WAITV);
		ring_forget(ring, A10_OPCODE_FUTEX_WAKE);
	}
	return ring;
}

/* That so many are woken; what waits may have only just begun to. */
static void wake(struct a10_ring *ring, uint32_t *word, uint32_t most,
		 ssize_t count, uint32_t flags)
{
	WAIT_UNTIL((count -=
		    value_of(ring, a10_futex_wake(word, most, flags))) <= 0);
	ck_assert_int_eq(count, 0);
}

static void test_wait(struct a10_ring *ring, uint32_t flags)
{
	static uint32_t word = 7;
	struct seen one, two;

	start(ring, a10_futex_wait(&word, 7, flags), &one);
	start(ring, a10_futex_wait(&word, 7, flags), &two);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(one.count + two.count, 0);
	wake(ring, &word, 1, 1, flags);
	RUN_UNTIL(ring, one.ended + two.ended == 1);
	wake(ring, &word, 5, 1, flags);
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
	ring = ring_made(true);
	test_wait(ring, 0);
	test_wait(ring, A10_FUTEX_SHARED);
	ring_close(ring);
}

static void test_cancel(struct a10_ring *ring)
{
	uint32_t word = 1;
	struct seen seen;
	a10_id id;

	id = start(ring, a10_futex_wait(&word, 1, 0), &seen);
	run_for(ring, A_MOMENT);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ck_assert_int_eq(value_of(ring, a10_timeout(a10_futex_wait(&word, 1, 0),
						    A_MOMENT)),
			 -ETIME);
	start(ring, a10_futex_wait(&word, 1, 0), &seen);
	run_for(ring, A10_MILLISECOND);
	/* The end of its ring ends it too. */
	ring_close(ring);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
}

TEST(waiting_for_a_word_is_cancelled_and_timed_out)
{
	test_cancel(ring_made(false));
	test_cancel(ring_made(true));
}

static void test_several(struct a10_ring *ring)
{
	uint32_t words[3] = { 1, 2, 3 };
	struct futex_waitv waits[3];
	struct seen seen;
	a10_id id;

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
	wake(ring, &words[1], 1, 1, 0);
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

TEST(any_of_several_words_is_waited_for)
{
	test_several(ring_made(false));
	test_several(ring_made(true));
}

/* Each has a thread of its own, so those that wake find one too. */
TEST(many_wait_for_words_without_the_request_and_none_is_lost)
{
	static struct seen seen[100];
	struct a10_ring *ring = ring_made(true);
	static uint32_t word;
	unsigned int woken = 0;

	a10_work_limit(1);
	for (int i = 0; i < 100; i++)
		start(ring, a10_futex_wait(&word, 0, 0), &seen[i]);
	WAIT_UNTIL((woken += (unsigned int)value_of(
			    ring, a10_futex_wake(&word, 7, 0))) == 100);
	for (int i = 0; i < 100; i++) {
		RUN_UNTIL(ring, seen[i].ended);
		ck_assert_int_eq(seen[i].last.value, 0);
	}
	a10_work_limit(0);
	ring_close(ring);
}

TEST(all_are_woken_or_none_as_it_is_told)
{
	struct a10_ring *ring = ring_open(NULL);
	static uint32_t word;
	struct seen seen[3];

	for (int round = 0; round < (on_valgrind() ? 2 : 3); round++) {
		for (int i = 0; i < 3; i++)
			start(ring, a10_futex_wait(&word, 0, 0), &seen[i]);
		run_for(ring, A_MOMENT);
		ck_assert_int_eq(value_of(ring, a10_futex_wake(&word, 0, 0)),
				 0);
		run_for(ring, A_MOMENT);
		for (int i = 0; i < 3; i++)
			ck_assert_uint_eq(seen[i].count, 0);
		wake(ring, &word, UINT32_MAX, 3, 0);
		RUN_UNTIL(ring,
			  seen[0].ended && seen[1].ended && seen[2].ended);
		ring_forget(ring, round ? A10_OPCODE_FUTEX_WAIT :
					  A10_OPCODE_FUTEX_WAKE);
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
	ring_close(ring);
	ring = ring_made(true);
	for (uint32_t bit = 2; bit != 0; bit <<= 1)
		ck_assert_int_eq(value_of(ring, a10_futex_wait(&word, 0, bit)),
				 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_futex_wait(crooked, 0, 0)),
			 -EINVAL);
	ring_close(ring);
}

/*
 * A word changes and nobody is woken, and who waits sees it. That it waits, and
 * has not just come too late, is sure only after a while.
 */
static void see_change(struct a10_ring *ring, struct a10_op op, uint32_t *word,
		       ssize_t value)
{
	int64_t pause = A_MOMENT;
	struct seen seen;

	do {
		__atomic_store_n(word, 0, __ATOMIC_RELAXED);
		start(ring, op, &seen);
		run_for(ring, pause);
		ck_assert_uint_eq(seen.count, 0);
		__atomic_store_n(word, 1, __ATOMIC_RELAXED);
		RUN_UNTIL(ring, seen.ended);
		pause *= 2;
	} while (seen.last.value == -EAGAIN && pause < PATIENCE);
	ck_assert_int_eq(seen.last.value, value);
}

/* Of 128 there is no room for one more, the one that ends a wait. */
static void test_most(bool older, uint32_t count)
{
	struct a10_ring *ring = ring_made(older);
	struct futex_waitv waits[128];
	uint32_t words[128] = { 0 };
	struct seen seen;

	memset(waits, 0, sizeof(waits));
	for (uint32_t i = 0; i < count; i++) {
		waits[i].uaddr = (uintptr_t)&words[i];
		waits[i].flags = 2 | FUTEX_PRIVATE_FLAG;
	}
	ck_assert_int_eq(value_of(ring,
				  a10_timeout(a10_futex_waitv(waits, count),
					      A10_MILLISECOND)),
			 -ETIME);
	start(ring, a10_futex_waitv(waits, count), &seen);
	wake(ring, &words[count - 1], 1, 1, 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.last.value, (ssize_t)count - 1);
	/* Where a wake-up may be missed the change is seen all the same. */
	if (older && count == 128)
		see_change(ring, a10_futex_waitv(waits, count), &words[3], 3);
	words[3] = 1;
	ck_assert_int_eq(value_of(ring, a10_futex_waitv(waits, count)),
			 -EAGAIN);
	ring_close(ring);
}

TEST(as_many_words_are_waited_for_as_there_can_be)
{
	test_most(false, 128);
	test_most(true, 127);
	test_most(true, 128);
}

/* In a process that has no call to wait for several. */
static void act_without_call(void *data)
{
	struct a10_ring *ring = ring_open(NULL);
	struct futex_waitv wait = { .flags = 2 | FUTEX_PRIVATE_FLAG };
	uint32_t word = 0;

	(void)data;
	wait.uaddr = (uintptr_t)&word;
	ring_forget(ring, A10_OPCODE_FUTEX_WAIT);
	ring_forget(ring, A10_OPCODE_FUTEX_WAITV);
	ring_forget(ring, A10_OPCODE_FUTEX_WAKE);
	ck_assert_int_eq(value_of(ring, a10_futex_waitv(&wait, 1)),
			 -EOPNOTSUPP);
	test_wait(ring, 0);
	test_wait(ring, A10_FUTEX_SHARED);
	see_change(ring, a10_futex_wait(&word, 0, 0), &word, 0);
	test_cancel(ring);
}

TEST(a_word_is_waited_for_without_a_call_that_could_be_ended)
{
	const struct denial older = {
		.first = SYS_futex_waitv,
		.last = SYS_futex_waitv,
		.err = -ENOSYS,
	};

	ck_assert_int_eq(under(&older, act_without_call, NULL), 0);
}
