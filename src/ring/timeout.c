/*
 * a10_after and a10_at. CLOCK_MONOTONIC is the library's own heap of times,
 * with nothing in the kernel; clocks that can jump are the kernel's to watch.
 */
#include "ring/life.h"

#include <errno.h>
#include <linux/time_types.h>
#include <time.h>

static bool is_absolute(const struct a10_request *request)
{
	return request->op_flags & URING_TIMEOUT_ABS;
}

/*
 * As a request to the kernel: a clock of its own, or in a chain, where success
 * must not be an error.
 */
int timeout_request(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	const int64_t ns = (int64_t)cold->argument[0];
	struct __kernel_timespec *time;

	cold->captured = capture_take(&ring->captures, sizeof(*time));
	if (!cold->captured)
		return -ENOMEM;
	time = capture_data(cold->captured);
	time->tv_sec = ns > 0 ? ns / 1000000000 : 0;
	time->tv_nsec = ns > 0 ? ns % 1000000000 : 0;
	request->address = (uintptr_t)time;
	if (slot->flags & SLOT_CHAIN)
		request->op_flags |= URING_TIMEOUT_ETIME_SUCCESS;
	if (!is_absolute(request))
		return 0;
	switch ((clockid_t)cold->argument[1]) {
	case CLOCK_MONOTONIC:
		return 0;
	case CLOCK_BOOTTIME:
		request->op_flags |= URING_TIMEOUT_BOOTTIME;
		return 0;
	case CLOCK_REALTIME:
		request->op_flags |= URING_TIMEOUT_REALTIME;
		return 0;
	default:
		return -EINVAL; /* describe.c lets none through */
	}
}

void timeout_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	const int64_t ns = (int64_t)cold->argument[0];
	const bool absolute = is_absolute(request);
	int err;

	if (absolute && (clockid_t)cold->argument[1] != CLOCK_MONOTONIC) {
		err = -EOPNOTSUPP;
		if (likely(ring_knows(ring, URING_OP_TIMEOUT)))
			err = timeout_request(ring, slot);
		if (err < 0)
			slot_finish(ring, slot, err);
		else
			queue_push(ring, slot);
		return;
	}
	if (absolute)
		cold->retry_at = ns;
	else
		cold->retry_at =
			time_after(ring_clock_anew(ring), ns > 0 ? ns : 0);
	/* INT64_MAX is no time: it only ends by being cancelled. */
	slot_park(ring, slot, PARK_TIMER);
	timer_update(ring, slot);
}

void timeout_expired(struct a10_ring *ring, struct slot *slot, int64_t due)
{
	struct cold *cold = cold_at(ring, slot_index(slot));
	const int64_t period = (int64_t)cold->argument[0];
	const int64_t now = ring_clock(ring);
	struct a10_result r = { .value = 0 };
	int64_t count;

	if (!(cold->flags & A10_WITH_MULTISHOT)) {
		slot_unpark(ring, slot);
		slot_finish(ring, slot, 0);
		return;
	}
	count = 1 + (now - due) / period;
	cold->retry_at = time_after(due, count * period);
	r.count = (size_t)count;
	if (cold->flags & A10_WITH_TIMEOUT)
		timer_progress(ring, slot);
	timer_update(ring, slot);
	slot_deliver_more(ring, slot, &r);
}
