/* A forked child that inherits a ring: errors, no crash, the parent unharmed. */
#include "support.h"

#include "backend/kernel/valgrind.h"

#include <stdatomic.h>
#include <sys/wait.h>

/* In the child a failed assertion could not be told from the parent's. */
#define CHILD_NEEDS(condition)                     \
	do {                                       \
		if (!(condition))                  \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

static void child_wait(pid_t child)
{
	int status = 0;

	ck_assert_int_ge(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d",
		      WTERMSIG(status));
	ck_assert_msg(WEXITSTATUS(status) == 0,
		      "the child's need of line %d (modulo 250) failed",
		      WEXITSTATUS(status) - 1);
}

static void on_child_never(void *data, const struct a10_result *r)
{
	(void)data;
	(void)r;
	_exit(255);
}

static void on_child_count(void *data, const struct a10_result *r)
{
	CHILD_NEEDS(r->value == 0);
	++*(unsigned int *)data;
}

static void child_uses_own_ring(void)
{
	struct a10_ring *ring = NULL;
	unsigned int done = 0;

	CHILD_NEEDS(a10_ring_create(NULL, &ring) == 0);
	CHILD_NEEDS(a10_submit(a10_ring_sq(ring), a10_nop(), on_child_count,
			       &done) > 0);
	CHILD_NEEDS(a10_ring_run(ring) == 0);
	CHILD_NEEDS(done == 1);
	CHILD_NEEDS(a10_await_on(a10_ring_sq(ring), a10_after(A10_MILLISECOND),
				 NULL) == 0);
	CHILD_NEEDS(a10_ring_destroy(ring, A10_FOREVER) == 0);
}

static void child_tries_ring(struct a10_ring *ring)
{
	struct a10_ring_info info;

	CHILD_NEEDS(a10_ring_poll(ring, 0) == -ECHILD);
	CHILD_NEEDS(a10_ring_poll(ring, A10_FOREVER) == -ECHILD);
	CHILD_NEEDS(a10_ring_run(ring) == -ECHILD);
	CHILD_NEEDS(a10_ring_flush(ring) == -ECHILD);
	CHILD_NEEDS(a10_ring_current() == NULL);
	a10_ring_info(ring, &info);
	CHILD_NEEDS(info.submission_entries > 0);
	CHILD_NEEDS(a10_ring_fd(ring) == -ECHILD);
}

static void child_tries_sq(struct a10_sq *sq, a10_id id)
{
	struct a10_op ops[2] = { a10_nop(), a10_nop() };
	struct a10_result result;
	unsigned int released = 0;
	struct a10_op owning = a10_owning(a10_nop(), &released, on_release);

	CHILD_NEEDS(a10_submit(sq, a10_nop(), on_child_never, NULL) < 0);
	CHILD_NEEDS(a10_submit(sq, owning, on_child_never, NULL) < 0);
	CHILD_NEEDS(released == 1);
	CHILD_NEEDS(a10_submit_linked(sq, ops, 2, on_child_never, NULL) < 0);
	CHILD_NEEDS(a10_await_on(sq, a10_nop(), &result) < 0);
	CHILD_NEEDS(result.value < 0);
	CHILD_NEEDS(a10_cancel(sq, id) < 0);
	CHILD_NEEDS(a10_cancel_all(sq) < 0);
	CHILD_NEEDS(a10_cancel_fd(sq, A10_STDIN) < 0);
	CHILD_NEEDS(a10_detach(sq, id) < 0);
	CHILD_NEEDS(a10_sq_wake(sq) < 0);
	CHILD_NEEDS(a10_sq_stop(sq) < 0);
	CHILD_NEEDS(a10_message_post(sq, 1) == -ECHILD);
}

struct inherited {
	struct a10_ring *ring;
	struct pair pair;
	struct seen seen;
	char byte;
	a10_id id;
};

static void inherited_open(struct inherited *it,
			   const struct a10_config *config)
{
	it->ring = ring_open(config);
	pair_open(it->ring, false, &it->pair);
	it->id = start(it->ring, a10_recv(it->pair.ours, &it->byte, 1, 0),
		       &it->seen);
	run_for(it->ring, A10_MILLISECOND);
	ck_assert_uint_eq(it->seen.count, 0);
}

/* The parent's operation is where it was, and ends as if nothing had been. */
static void inherited_close(struct inherited *it)
{
	run_for(it->ring, A10_MILLISECOND);
	ck_assert_uint_eq(it->seen.count, 0);
	ck_assert_uint_eq(a10_ring_pending(it->ring), 1);
	ck_assert_int_eq(write(it->pair.theirs, "x", 1), 1);
	RUN_UNTIL(it->ring, it->seen.ended == 1);
	ck_assert_int_eq(it->seen.last.value, 1);
	ck_assert_int_eq(it->byte, 'x');
	ck_assert_int_eq(value_of(it->ring, a10_nop()), 0);
	pair_close(it->ring, &it->pair);
	ring_close(it->ring);
}

static void assert_child_is_refused(const struct a10_config *config)
{
	struct inherited it;
	pid_t child;

	inherited_open(&it, config);
	child = fork();
	if (child == 0) {
		child_tries_ring(it.ring);
		child_tries_sq(a10_ring_sq(it.ring), it.id);
		child_tries_ring(it.ring);
		_exit(0);
	}
	child_wait(child);
	inherited_close(&it);
}

/* valgrind 3.19 takes maps that a child does not get (DONTFORK) for its own. */
static void needs_a_true_child(void)
{
	if (ON_VALGRIND)
		SKIP("valgrind does not know MADV_DONTFORK");
}

TEST(a_child_is_refused_by_a_ring_it_inherits)
{
	assert_child_is_refused(NULL);
}

TEST(a_child_is_refused_by_a_ring_with_a_kernel_thread)
{
	struct a10_config config = { .kernel_thread = A10_ON };

	assert_child_is_refused(&config);
}

TEST(a_child_has_rings_of_its_own)
{
	struct inherited it;
	pid_t child;

	needs_a_true_child();
	inherited_open(&it, NULL);
	child = fork();
	if (child == 0) {
		child_uses_own_ring();
		child_tries_ring(it.ring);
		child_uses_own_ring();
		_exit(0);
	}
	child_wait(child);
	inherited_close(&it);
}

TEST(a_child_frees_the_ring_it_inherits)
{
	struct inherited it;
	pid_t child;

	needs_a_true_child();
	inherited_open(&it, NULL);
	child = fork();
	if (child == 0) {
		CHILD_NEEDS(a10_ring_destroy(it.ring, A10_FOREVER) == 0);
		child_uses_own_ring();
		_exit(0);
	}
	child_wait(child);
	inherited_close(&it);
}

/* While it is used by nobody yet, by a thread of the parent, and disabled. */
TEST(a_child_is_refused_by_a_ring_nobody_has_used)
{
	struct a10_config config = { .disabled = A10_ON };

	for (int disabled = 0; disabled < 2; disabled++) {
		struct a10_ring *ring = ring_open(disabled ? &config : NULL);
		pid_t child = fork();

		if (child == 0) {
			CHILD_NEEDS(a10_ring_poll(ring, 0) == -ECHILD);
			CHILD_NEEDS(a10_ring_enable(ring) < 0);
			child_tries_sq(a10_ring_sq(ring), 1);
			_exit(0);
		}
		child_wait(child);
		if (disabled)
			ck_assert_int_eq(a10_ring_enable(ring), 0);
		ck_assert_int_eq(value_of(ring, a10_nop()), 0);
		ring_close(ring);
	}
}

TEST(a_child_of_a_child_is_refused_too)
{
	struct inherited it;
	pid_t child;

	needs_a_true_child();
	inherited_open(&it, NULL);
	child = fork();
	if (child == 0) {
		int status = 0;
		pid_t grandchild = fork();

		if (grandchild == 0) {
			child_tries_ring(it.ring);
			child_uses_own_ring();
			_exit(0);
		}
		CHILD_NEEDS(waitpid(grandchild, &status, 0) == grandchild);
		CHILD_NEEDS(status == 0);
		_exit(0);
	}
	child_wait(child);
	inherited_close(&it);
}

TEST(a_child_gives_back_pools_and_handles)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	struct a10_pool *pool;
	struct a10_result got;
	int ends[2];
	pid_t child;

	ck_assert_int_eq(a10_pool_create(ring, 4, 4096, 0, &pool), 0);
	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	got = result_of(ring, a10_read_pooled(a10_fd_regular(ends[0]), pool));
	ck_assert_int_eq(got.value, 3);
	child = fork();
	if (child == 0) {
		CHILD_NEEDS(memcmp(got.buf.data, "abc", 3) == 0);
		a10_buf_release(got.buf);
		CHILD_NEEDS(a10_ring_destroy(ring, 0) == 0);
		CHILD_NEEDS(a10_sq_wake(sq) < 0);
		a10_sq_unref(sq);
		_exit(0);
	}
	child_wait(child);
	ck_assert_uint_eq(a10_pool_available(pool), 3);
	a10_buf_release(got.buf);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pipe_close(ends);
	ring_close(ring);
	a10_sq_unref(sq);
}

TEST(a_child_closes_plain_descriptors)
{
	struct inherited it;
	pid_t child;
	int ends[2];

	inherited_open(&it, NULL);
	pipe_open(ends);
	child = fork();
	if (child == 0) {
		a10_fd_release(a10_fd_regular(ends[0]));
		CHILD_NEEDS(!number_is_open(ends[0]));
		_exit(0);
	}
	child_wait(child);
	ck_assert(number_is_open(ends[0]));
	pipe_close(ends);
	inherited_close(&it);
}

struct asker {
	struct a10_sq *sq;
	struct a10_pool *pool; /* of another ring, as is the region */
	struct a10_region *region;
	void (*ask)(const struct asker *asker);
	atomic_bool *stop;
};

/*
 * Each is refused, after a look under a lock of the whole process. No assertion
 * in here: it takes longer than the lock is held.
 */
static void ask_pool(const struct asker *asker)
{
	(void)a10_submit(asker->sq, a10_read_pooled(A10_STDIN, asker->pool),
			 NULL, NULL);
}

static void ask_region(const struct asker *asker)
{
	(void)a10_submit(asker->sq,
			 a10_fixed(a10_read(A10_STDIN,
					    a10_region_data(asker->region), 1),
				   asker->region),
			 NULL, NULL);
}

static void ask_registry(const struct asker *asker)
{
	struct a10_fd nobodys = { .plus_one = 1, .ring = UINT32_MAX };

	(void)asker;
	a10_fd_release(nobodys);
}

static void *ask_in_vain(void *data)
{
	const struct asker *asker = data;

	while (!atomic_load(asker->stop))
		asker->ask(asker);
	return NULL;
}

static void ignore_line(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static void child_takes_all_locks(struct a10_ring *inherited)
{
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = NULL;
	struct a10_region *region;
	struct a10_pool *pool;

	alarm(10);
	a10_ring_dump(inherited, ignore_line, NULL);
	CHILD_NEEDS(a10_ring_create(&config, &ring) == 0);
	CHILD_NEEDS(a10_pool_create(ring, 2, 4096, 0, &pool) == 0);
	CHILD_NEEDS(a10_region_create(ring, NULL, 4096, &region) == 0);
	CHILD_NEEDS(a10_ring_destroy(ring, A10_FOREVER) == 0);
}

TEST(a_child_waits_for_no_lock_that_its_parent_had)
{
	static void (*const asks[])(
		const struct asker *) = { ask_pool, ask_region, ask_registry };
	struct a10_config config = { .registered_buffers = 1 };
	struct a10_ring *ring = ring_open(NULL), *other = ring_open(&config);
	struct asker askers[3] = { 0 };
	pthread_t threads[3];
	atomic_bool stop = false;

	needs_a_true_child();
	ring_bind(ring);
	ck_assert_int_eq(a10_pool_create(other, 2, 4096, 0, &askers[0].pool),
			 0);
	ck_assert_int_eq(
		a10_region_create(other, NULL, 4096, &askers[1].region), 0);
	for (int i = 0; i < 3; i++) {
		askers[i].sq = a10_ring_sq(ring);
		askers[i].ask = asks[i];
		askers[i].stop = &stop;
		threads[i] = thread_start(ask_in_vain, &askers[i]);
	}
	for (unsigned int i = 0; i < test_scaled(25); i++) {
		pid_t child = fork();

		if (child == 0) {
			child_takes_all_locks(ring);
			_exit(0);
		}
		child_wait(child);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	ring_close(other);
	ring_close(ring);
}

static void on_fork(void *data, const struct a10_result *r)
{
	pid_t child = fork();

	(void)r;
	if (child == 0) {
		CHILD_NEEDS(a10_ring_current() == NULL);
		child_uses_own_ring();
		_exit(0);
	}
	child_wait(child);
	++*(unsigned int *)data;
}

TEST(a_child_forked_in_a_callback_makes_its_own_ring)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int forked = 0;

	needs_a_true_child();
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring), a10_nop(), on_fork, &forked), 0);
	RUN_UNTIL(ring, forked == 1);
	ring_close(ring);
}

enum where {
	NOT_YET,
	IN_PARENT,
	IN_CHILD
};

static void fork_and_return(enum where *ret_where)
{
	const pid_t child = fork();

	if (child == 0) {
		*ret_where = IN_CHILD;
		return;
	}
	child_wait(child);
	*ret_where = IN_PARENT;
}

static void on_fork_and_return(void *data, const struct a10_result *r)
{
	(void)r;
	fork_and_return(data);
}

static int task_forks_and_returns(void *data)
{
	fork_and_return(data);
	return 0;
}

/* The poll that called it goes on in the child, where the ring is not mapped. */
static void poll_in_both(struct a10_ring *ring, const enum where *where)
{
	while (*where == NOT_YET) {
		const int got = a10_ring_poll(ring, PATIENCE);

		if (*where == IN_CHILD) {
			CHILD_NEEDS(got >= 0 || got == -ECHILD);
			CHILD_NEEDS(a10_ring_poll(ring, 0) == -ECHILD);
			_exit(0);
		}
		ck_assert_int_ge(got, 0);
	}
	ck_assert_int_eq(*where, IN_PARENT);
}

TEST(a_child_may_return_from_where_it_was_forked)
{
	const struct a10_config configs[] = {
		{ .clamp = A10_AUTO },
		{ .single_issuer = A10_OFF },
		{ .kernel_thread = A10_ON },
	};

	needs_a_true_child();
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		struct a10_ring *ring = ring_open(&configs[i]);
		struct a10_sq *sq = a10_ring_sq(ring);
		enum where where = NOT_YET;

		ck_assert_int_gt(a10_submit(sq, a10_nop(), on_fork_and_return,
					    &where),
				 0);
		poll_in_both(ring, &where);
		where = NOT_YET;
		ck_assert_int_gt(a10_task_spawn(sq, task_forks_and_returns,
						&where, 0),
				 0);
		poll_in_both(ring, &where);
		ring_close(ring);
	}
}
