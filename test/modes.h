/*
 * The ways a ring can be set up and waited for, as far as they make a difference
 * to other threads; and tests that are done in each.
 */
#ifndef MODES_H
#define MODES_H

#include "support.h"

#include <stdatomic.h>
#include <sys/epoll.h>

struct mode {
	struct a10_config config;
	bool outer;      /* its owner sleeps in epoll_wait */
	int64_t rest_ns; /* after so long its kernel thread sleeps */
	bool same;       /* to valgrind, as another; and it takes its time */
};

static const struct mode by_default = { .outer = false };
static const struct mode shared = { .config.single_issuer = A10_OFF };
static const struct mode that_does_not_defer = {
	.config.defer_task_run = A10_OFF,
	.same = true,
};
static const struct mode with_a_short_queue = {
	.config.submission_entries = 4,
	.config.completion_entries = 8,
};
static const struct mode with_a_kernel_thread = {
	.config.kernel_thread = A10_ON,
};
static const struct mode with_a_kernel_thread_that_dozes = {
	.config.kernel_thread = A10_ON,
	.config.kernel_thread_idle_ns = A10_MILLISECOND,
	.rest_ns = 4 * A10_MILLISECOND,
	.same = true,
};
static const struct mode with_a_kernel_thread_and_a_short_queue = {
	.config.kernel_thread = A10_ON,
	.config.submission_entries = 4,
	.config.completion_entries = 8,
};
static const struct mode that_was_disabled = {
	.config.disabled = A10_ON,
	.same = true,
};
static const struct mode that_batches = {
	.config.batch_wait_ns = A10_MILLISECOND,
	.config.batch_completions = 8,
	.same = true,
};
static const struct mode with_registered_waits = {
	.config.registered_wait = A10_ON,
	.same = true,
};
static const struct mode with_large_completions = {
	.config.large_completions = A10_ON,
	.same = true,
};
static const struct mode busy_polled = { .config.iopoll = A10_ON };
static const struct mode in_another_loop = { .outer = true };
static const struct mode shared_in_another_loop = {
	.config.single_issuer = A10_OFF,
	.outer = true,
	.same = true,
};
static const struct mode with_a_kernel_thread_in_another_loop = {
	.config.kernel_thread = A10_ON,
	.outer = true,
	.same = true,
};

/* A test of sentence(const struct mode *) for each of them. */
#define TEST_IN_EACH_MODE(sentence)                                 \
	MODE_TEST(sentence, by_default)                             \
	MODE_TEST(sentence, shared)                                 \
	MODE_TEST(sentence, that_does_not_defer)                    \
	MODE_TEST(sentence, with_a_short_queue)                     \
	MODE_TEST(sentence, with_a_kernel_thread)                   \
	MODE_TEST(sentence, with_a_kernel_thread_that_dozes)        \
	MODE_TEST(sentence, with_a_kernel_thread_and_a_short_queue) \
	MODE_TEST(sentence, that_was_disabled)                      \
	MODE_TEST(sentence, that_batches)                           \
	MODE_TEST(sentence, with_registered_waits)                  \
	MODE_TEST(sentence, with_large_completions)                 \
	MODE_TEST(sentence, busy_polled)                            \
	MODE_TEST(sentence, in_another_loop)                        \
	MODE_TEST(sentence, shared_in_another_loop)                 \
	MODE_TEST(sentence, with_a_kernel_thread_in_another_loop)

#define MODE_TEST(sentence, mode)  \
	TEST(sentence##_##mode)    \
	{                          \
		sentence(&(mode)); \
	}

/* A ring in one of them. */
struct place {
	const struct mode *mode;
	struct a10_ring *ring;
	struct a10_sq *sq;
	int epoll; /* or -1 */
};

/* Not bound yet. Skips the test where the kernel does not have the mode. */
static inline void place_make(struct place *place, const struct mode *mode)
{
	int err;

	if (mode->same && on_valgrind())
		SKIP("to valgrind it is as another mode");
	memset(place, 0, sizeof(*place));
	place->mode = mode;
	place->epoll = -1;
	err = a10_ring_create(&mode->config, &place->ring);
	if (err == -EPERM || err == -ENOSYS || err == -EACCES ||
	    err == -EOPNOTSUPP)
		SKIP("%s", a10_ring_reason());
	ck_assert_msg(err == 0, "%s: %s", strerror(-err), a10_ring_reason());
	place->sq = a10_ring_sq(place->ring);
}

/* This thread is the owner from here on. */
static inline void place_bind(struct place *place)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd;

	if (place->mode->config.disabled == A10_ON)
		ck_assert_int_eq(a10_ring_enable(place->ring), 0);
	if (!place->mode->outer) {
		ck_assert_int_ge(a10_ring_poll(place->ring, 0), 0);
		return;
	}
	fd = a10_ring_fd(place->ring);
	ck_assert_int_ge(fd, 0);
	place->epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(place->epoll, 0);
	ck_assert_int_eq(epoll_ctl(place->epoll, EPOLL_CTL_ADD, fd, &event), 0);
}

static inline void place_open(struct place *place, const struct mode *mode)
{
	place_make(place, mode);
	place_bind(place);
}

static inline void place_close(struct place *place)
{
	if (place->epoll >= 0)
		ck_assert_int_eq(close(place->epoll), 0);
	ring_close(place->ring);
}

/* Sleeps until there is something, and delivers it. How many were delivered. */
static inline int place_wait(struct place *place, int64_t ns)
{
	struct epoll_event event;
	int n;

	if (place->epoll < 0)
		return a10_ring_poll(place->ring, ns);
	n = epoll_wait(place->epoll, &event, 1, (int)(ns / A10_MILLISECOND));
	ck_assert(n >= 0 || errno == EINTR);
	return a10_ring_poll(place->ring, 0);
}

/* Until the condition holds; the sleeps are longer than a test may take. */
#define PLACE_UNTIL(place, condition)                                       \
	do {                                                                \
		const int64_t until_ = a10_now() + PATIENCE;                \
		while (!(condition)) {                                      \
			ck_assert_int_ge(place_wait((place), 2 * PATIENCE), \
					 0);                                \
			ck_assert_msg(a10_now() < until_, "in vain: %s",    \
				      #condition);                          \
		}                                                           \
	} while (0)

/* Its kernel thread, if it is to, sleeps by now. */
static inline void place_rests(const struct place *place)
{
	if (place->mode->rest_ns)
		nap(place->mode->rest_ns);
}

static inline bool is_busy_polled(const struct place *place)
{
	return place->mode->config.iopoll == A10_ON;
}

#endif
