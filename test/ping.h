/*
 * A thread that wakes a ring, again and again as soon as it was seen: of
 * wake_test.c and wake_mode_test.c.
 */
#ifndef PING_H
#define PING_H

#include "support.h"

#include <sched.h>
#include <stdatomic.h>

/* Every wake must be seen, however it falls between the polls. */
struct ping {
	struct a10_sq *sq;
	atomic_uint asked;
	atomic_uint answered;
	unsigned int rounds;
};

static void *ping(void *data)
{
	struct ping *ping = data;
	uint64_t random = test_seed();

	for (unsigned int i = 0; i < ping->rounds; i++) {
		for (uint64_t spin = test_random(&random) % 200; spin > 0;
		     spin--)
			atomic_load(&ping->answered);
		atomic_fetch_add(&ping->asked, 1);
		ck_assert_int_eq(a10_sq_wake(ping->sq), 0);
		while (atomic_load(&ping->answered) != i + 1)
			sched_yield();
	}
	return NULL;
}

#endif
