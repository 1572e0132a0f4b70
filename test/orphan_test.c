/* Threads that end: what they submitted, and rings they leave behind. */
#include "support.h"

#include <stdatomic.h>

static atomic_uint told;

static void on_log(void *data, enum a10_log_level level, const char *text)
{
	(void)data;
	if (level == A10_LOG_ERROR && strstr(text, "did not destroy"))
		atomic_fetch_add(&told, 1);
}

struct left {
	struct a10_ring *ring;
	struct a10_sq *sq;
	int pipe[2];
	atomic_bool bound;
	atomic_bool end;
	unsigned int released;
};

static void *leave_ring(void *data)
{
	struct left *left = data;
	char byte[1];

	ring_bind(left->ring);
	/* With its own on its stack, which nobody may touch afterwards. */
	ck_assert_int_gt(
		a10_submit(left->sq,
			   a10_owning(a10_read(a10_fd_regular(left->pipe[0]),
					       byte, 1),
				      &left->released, on_release),
			   on_never, byte),
		0);
	atomic_store(&left->bound, true);
	while (!atomic_load(&left->end))
		ck_assert_int_ge(a10_ring_poll(left->ring, A10_MILLISECOND), 0);
	return NULL;
}

static void on_result(void *data, const struct a10_result *r)
{
	atomic_store((_Atomic ssize_t *)data, r->value);
}

static void *await_for_ever(void *data)
{
	struct left *left = data;

	ck_assert_int_eq(a10_await_on(left->sq, a10_after(A10_SECOND * 3600),
				      NULL),
			 -ECANCELED);
	return NULL;
}

static void test_leaving(const struct a10_config *config)
{
	struct left left = { .ring = ring_open(config) };
	_Atomic ssize_t value = 1;
	pthread_t owner, others[3];

	a10_set_log(on_log, NULL);
	atomic_store(&told, 0);
	left.sq = a10_sq_ref(a10_ring_sq(left.ring));
	pipe_open(left.pipe);
	owner = thread_start(leave_ring, &left);
	WAIT_UNTIL(atomic_load(&left.bound));
	for (int i = 0; i < 3; i++)
		others[i] = thread_start(await_for_ever, &left);
	ck_assert_int_gt(
		a10_submit(left.sq,
			   a10_poll(a10_fd_regular(left.pipe[0]), POLLIN),
			   on_result, &value),
		0);
	nap(A_MOMENT);
	atomic_store(&left.end, true);
	thread_join(owner);
	/* Nobody hangs, and it was told. */
	for (int i = 0; i < 3; i++)
		thread_join(others[i]);
	ck_assert_int_eq(atomic_load(&value), -ECANCELED);
	ck_assert_uint_eq(left.released, 1);
	ck_assert_uint_eq(atomic_load(&told), 1);
	ck_assert_int_eq(a10_submit(left.sq, a10_nop(), NULL, NULL),
			 -ESHUTDOWN);
	ck_assert_int_eq(a10_await_on(left.sq, a10_nop(), NULL), -ESHUTDOWN);
	ck_assert_int_eq(a10_cancel(left.sq, 1), -ESHUTDOWN);
	ck_assert_int_eq(a10_sq_wake(left.sq), -ESHUTDOWN);
	ck_assert_int_eq(a10_ring_poll(left.ring, 0), -EPERM);
	/* Now anybody may. */
	ck_assert_int_eq(a10_ring_destroy(left.ring, 0), 0);
	a10_sq_unref(left.sq);
	a10_set_log(NULL, NULL);
	pipe_close(left.pipe);
}

TEST(an_owner_that_leaves_its_ring_is_told_and_hangs_nobody)
{
	struct a10_config shared = { .single_issuer = A10_OFF };
	struct a10_config threaded = { .kernel_thread = A10_ON };

	test_leaving(NULL);
	test_leaving(&shared);
	test_leaving(&threaded);
}

static void *destroy_ring(void *data)
{
	struct left *left = data;

	ring_bind(left->ring);
	ring_close(left->ring);
	return NULL;
}

TEST(an_owner_that_destroys_its_ring_is_not_told)
{
	struct left left = { .ring = ring_open(NULL) };

	a10_set_log(on_log, NULL);
	thread_join(thread_start(destroy_ring, &left));
	ck_assert_uint_eq(atomic_load(&told), 0);
	a10_set_log(NULL, NULL);
}

/* ---- enabled by another thread ---------------------------------------------------- */

static void *enable_and_run(void *data)
{
	struct left *left = data;

	ck_assert_int_eq(a10_ring_enable(left->ring), 0);
	ck_assert_int_eq(a10_ring_enable(left->ring), -EBADFD);
	ck_assert_int_eq(a10_ring_run(left->ring), 0);
	atomic_store(&left->bound, true);
	while (!atomic_load(&left->end))
		ck_assert_int_ge(a10_ring_poll(left->ring, A10_MILLISECOND), 0);
	ring_close(left->ring);
	return NULL;
}

static void test_enabling(struct a10_config config)
{
	struct left left = { .bound = false };
	_Atomic ssize_t value = 1;
	pthread_t thread;

	config.disabled = A10_ON;
	left.ring = ring_open(&config);
	left.sq = a10_ring_sq(left.ring);
	ck_assert_int_eq(a10_ring_poll(left.ring, 0), -EBADFD);
	ck_assert_int_eq(a10_ring_flush(left.ring), -EBADFD);
	ck_assert_int_gt(a10_submit(left.sq, a10_nop(), on_result, &value), 0);
	thread = thread_start(enable_and_run, &left);
	WAIT_UNTIL(atomic_load(&left.bound));
	ck_assert_int_eq(atomic_load(&value), 0);
	/* It is that thread's now. */
	ck_assert_int_eq(a10_ring_poll(left.ring, 0), -EPERM);
	ck_assert_int_eq(a10_ring_destroy(left.ring, 0), -EPERM);
	ck_assert_int_eq(a10_await_on(left.sq, a10_nop(), NULL), 0);
	atomic_store(&left.end, true);
	thread_join(thread);
}

TEST(a_disabled_ring_is_its_who_enables_it)
{
	struct a10_config plain = { .clamp = A10_AUTO };
	struct a10_config shared = { .single_issuer = A10_OFF };
	struct a10_config threaded = { .kernel_thread = A10_ON };

	test_enabling(plain);
	test_enabling(shared);
	test_enabling(threaded);
}

/* ---- attached to another thread's -------------------------------------------------- */

static void *work_attached(void *data)
{
	struct left *left = data;
	struct a10_config config = {
		.attach = left->sq,
		.kernel_thread = left->released ? A10_ON : A10_AUTO,
	};
	struct a10_ring *ring;

	ring = ring_open(&config);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(value_of(ring, a10_forced_async(a10_nop())),
				 0);
	ring_close(ring);
	return NULL;
}

TEST(rings_of_several_threads_share_workers_and_kernel_threads)
{
	struct a10_config threaded = { .kernel_thread = A10_ON };

	for (int i = 0; i < 2; i++) {
		struct left left = { .ring = ring_open(i ? &threaded : NULL) };
		pthread_t threads[2];

		left.sq = a10_ring_sq(left.ring);
		left.released = (unsigned int)i; /* with a thread */
		ring_bind(left.ring);
		for (int k = 0; k < 2; k++)
			threads[k] = thread_start(work_attached, &left);
		for (int k = 0; k < 200; k++)
			ck_assert_int_eq(value_of(left.ring,
						  a10_forced_async(a10_nop())),
					 0);
		for (int k = 0; k < 2; k++)
			thread_join(threads[k]);
		ring_close(left.ring);
	}
}
