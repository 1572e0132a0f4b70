/*
 * How a pool's buffers come back: twice, from other threads, after the pool
 * and the ring are gone, in a forked child.
 */
#include "pools.h"

#include <sys/wait.h>

static struct a10_buf lent(struct a10_ring *ring, struct pair *pair,
			   struct a10_pool *pool, const char *text)
{
	struct a10_buf buf;

	put(pair->theirs, text, strlen(text));
	buf = received(ring, pair, pool);
	buf_is(buf, text);
	return buf;
}

static void *release_elsewhere(void *data)
{
	a10_buf_release(*(const struct a10_buf *)data);
	return NULL;
}

static void released_elsewhere(struct a10_buf buf)
{
	thread_join(thread_start(release_elsewhere, &buf));
}

/* Counts what is an error. */
static void on_log(void *data, enum a10_log_level level, const char *text)
{
	_Atomic unsigned int *errors = data;

	if (level == A10_LOG_ERROR) {
		ck_assert_ptr_nonnull(strstr(text, "released twice"));
		atomic_fetch_add(errors, 1);
	}
}

/* ---- twice --------------------------------------------------------------- */

TEST(a_buffer_of_none_is_released_without_effect)
{
	const struct a10_buf none = { .data = NULL };

	a10_buf_release(none);
}

static void twice_is_once(uint32_t flags)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, flags);
	_Atomic unsigned int errors = 0;
	struct a10_buf buf, other;
	struct pair pair;

	a10_set_log(on_log, &errors);
	pair_open(ring, false, &pair);
	buf = lent(ring, &pair, pool, "first");
	a10_buf_release(buf);
	a10_buf_release(buf);
	ck_assert_uint_eq(errors, 1);
	released_elsewhere(buf);
	ck_assert_uint_eq(errors, 2);

	/* The same loan is another's now. */
	other = lent(ring, &pair, pool, "other");
	ck_assert_uint_eq(other.loan, buf.loan);
	a10_buf_release(buf);
	released_elsewhere(buf);
	ck_assert_uint_eq(errors, 4);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ck_assert_mem_eq(other.data, "other", 5);
	ck_assert_int_eq(pool->lent, 1);

	released_elsewhere(other);
	ck_assert_uint_eq(errors, 4);
	released_elsewhere(other);
	a10_buf_release(other);
	ck_assert_uint_eq(errors, 6);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	a10_buf_release(other);
	ck_assert_uint_eq(errors, 7);
	ck_assert_int_eq(pool->lent, 0);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pair_close(ring, &pair);
	ring_close(ring);
	a10_set_log(NULL, NULL);
}

TEST(a_second_release_is_ignored_and_logged)
{
	twice_is_once(0);
}

TEST(a_second_release_of_a_piece_is_ignored_and_logged)
{
	twice_is_once(A10_POOL_INCREMENTAL);
}

/* Of several threads that give the same buffer back exactly one does. */
struct race {
	struct a10_buf buf;
	pthread_barrier_t *barrier;
};

static void *race_release(void *data)
{
	struct race *race = data;

	pthread_barrier_wait(race->barrier);
	a10_buf_release(race->buf);
	return NULL;
}

TEST(of_many_threads_that_release_a_buffer_one_does)
{
	enum {
		THREADS = 4
	};
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 2, 64, 0);
	_Atomic unsigned int errors = 0;
	pthread_barrier_t barrier;
	struct pair pair;

	a10_set_log(on_log, &errors);
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	pair_open(ring, false, &pair);
	for (unsigned int i = 1; i <= test_scaled(200); i++) {
		struct race race = { lent(ring, &pair, pool, "x"), &barrier };
		pthread_t threads[THREADS];

		for (int j = 0; j < THREADS; j++)
			threads[j] = thread_start(race_release, &race);
		for (int j = 0; j < THREADS; j++)
			thread_join(threads[j]);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ck_assert_uint_eq(errors, i * (THREADS - 1));
		ck_assert_uint_eq(a10_pool_available(pool), 2);
		ck_assert_int_eq(pool->lent, 0);
	}
	pthread_barrier_destroy(&barrier);
	pair_close(ring, &pair);
	ring_close(ring);
	a10_set_log(NULL, NULL);
}

/* ---- from other threads -------------------------------------------------- */

TEST(what_another_thread_releases_is_the_kernels_at_the_next_poll)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, 0);
	struct a10_buf bufs[4];
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 4; i++)
		bufs[i] = lent(ring, &pair, pool, "text");
	ck_assert_uint_eq(a10_pool_available(pool), 0);
	for (int i = 0; i < 4; i++)
		released_elsewhere(bufs[i]);
	ck_assert(pools_have_returns(ring));
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ck_assert(!pools_have_returns(ring));
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	for (int i = 0; i < 4; i++)
		bufs[i] = lent(ring, &pair, pool, "more");
	for (int i = 0; i < 4; i++)
		a10_buf_release(bufs[i]);
	pair_close(ring, &pair);
	ring_close(ring);
}

static void *release_later(void *data)
{
	nap(A_MOMENT);
	return release_elsewhere(data);
}

/* The owner sleeps for ever unless it is told. */
TEST(an_owner_that_sleeps_for_want_of_buffers_is_woken)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 1, 64, 0);
	struct seen seen;
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 20; i++) {
		struct a10_buf buf = lent(ring, &pair, pool, "first");
		pthread_t thread;

		start(ring, a10_recv_pooled(pair.ours, pool, 0), &seen);
		ck_assert_int_eq(write(pair.theirs, "second", 6), 6);
		if (i % 2) /* it has learnt that there are none, or not yet */
			run_for(ring, A10_MILLISECOND);
		thread = thread_start(release_later, &buf);
		while (seen.count == 0)
			ck_assert_int_ge(a10_ring_poll(ring, PATIENCE), 0);
		ck_assert_mem_eq(seen.last.buf.data, "second", 6);
		a10_buf_release(seen.last.buf);
		thread_join(thread);
	}
	pair_close(ring, &pair);
	ring_close(ring);
}

/* A queue of buffers to another thread, which gives them back. */
struct worker {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct a10_buf bufs[1024];
	unsigned int count;
	bool over;
	uint64_t bytes;
};

static void *worker_run(void *data)
{
	struct worker *worker = data;
	struct a10_buf buf;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (worker->count == 0 && !worker->over)
			pthread_cond_wait(&worker->changed, &worker->lock);
		if (worker->count == 0)
			break;
		buf = worker->bufs[--worker->count];
		pthread_mutex_unlock(&worker->lock);
		for (uint32_t i = 0; i < buf.length; i++)
			ck_assert_int_eq(buf.data[i], 'w');
		a10_buf_release(buf);
		pthread_mutex_lock(&worker->lock);
		worker->bytes += buf.length;
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void worker_init(struct worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	ck_assert_int_eq(pthread_mutex_init(&worker->lock, NULL), 0);
	ck_assert_int_eq(pthread_cond_init(&worker->changed, NULL), 0);
}

static void on_work(void *data, const struct a10_result *r)
{
	struct worker *worker = data;

	pthread_mutex_lock(&worker->lock);
	if (r->buf.data) {
		ck_assert_uint_lt(worker->count, 1024);
		worker->bufs[worker->count++] = r->buf;
	}
	if (!r->more) {
		ck_assert_int_eq(r->value, 0);
		worker->over = true;
	}
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

static void *writer_run(void *data)
{
	const int fd = *(const int *)data;
	char bytes[64];

	memset(bytes, 'w', sizeof(bytes));
	for (unsigned int i = 0; i < test_scaled(20000); i++) {
		const size_t length = i % sizeof(bytes) + 1;

		ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	return NULL;
}

static void workers_release(uint32_t count, uint32_t flags, uint32_t bound)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, count, 128, flags);
	struct worker worker;
	pthread_t threads[3];
	struct pair pair;
	struct a10_op op;

	pair_open(ring, false, &pair);
	worker_init(&worker);
	op = a10_multishot(a10_recv_pooled(pair.ours, pool, 0));
	if (bound)
		op = a10_bounded(op, bound);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), op, on_work, &worker),
			 0);
	threads[0] = thread_start(writer_run, &pair.theirs);
	threads[1] = thread_start(worker_run, &worker);
	threads[2] = thread_start(worker_run, &worker);
	/* It must be woken by who gives back: a sleep as long as this fails. */
	while (!worker.over) {
		const int64_t before = a10_now();

		ck_assert_int_ge(a10_ring_poll(ring, PATIENCE), 0);
		ck_assert_int_lt(a10_now() - before, PATIENCE / 2);
	}
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ck_assert_int_eq(pool->lent, 0);
	if (!pool->incremental)
		ck_assert_uint_eq(a10_pool_available(pool), count);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(workers_on_other_threads_keep_a_small_pool_going)
{
	workers_release(2, 0, 0);
}

TEST(workers_on_other_threads_keep_a_small_incremental_pool_going)
{
	workers_release(2, A10_POOL_INCREMENTAL, 0);
}

TEST(workers_on_other_threads_keep_a_bounded_multishot_going)
{
	workers_release(64, 0, 1);
	workers_release(64, A10_POOL_INCREMENTAL, 3);
}

/* ---- after the end ------------------------------------------------------- */

TEST(a_buffer_outlives_its_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, 0);
	struct a10_buf bufs[3];
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 3; i++)
		bufs[i] = lent(ring, &pair, pool, "still here");
	a10_pool_destroy(pool);
	for (int i = 0; i < 3; i++)
		ck_assert_mem_eq(bufs[i].data, "still here", 10);
	a10_buf_release(bufs[1]);
	released_elsewhere(bufs[0]);
	ck_assert_mem_eq(bufs[2].data, "still here", 10);
	a10_buf_release(bufs[2]);
	pair_close(ring, &pair);
	ring_close(ring);
}

static void outlive_the_ring(uint32_t flags, bool elsewhere, bool uncollected)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, flags);
	struct a10_buf bufs[3];
	struct pair pair;

	pair_open(ring, false, &pair);
	for (int i = 0; i < 3; i++)
		bufs[i] = lent(ring, &pair, pool, "still here");
	pair_close(ring, &pair);
	if (uncollected)
		released_elsewhere(bufs[0]);
	ring_close(ring);
	for (int i = uncollected; i < 3; i++) {
		ck_assert_mem_eq(bufs[i].data, "still here", 10);
		if (elsewhere)
			released_elsewhere(bufs[i]);
		else
			a10_buf_release(bufs[i]);
	}
}

TEST(a_buffer_outlives_its_ring)
{
	for (int i = 0; i < 8; i++)
		outlive_the_ring(i & 1 ? A10_POOL_INCREMENTAL : 0, i & 2,
				 i & 4);
}

/* Threads that give back what they hold while the owner ends it all. */
struct holder {
	struct a10_buf bufs[16];
	unsigned int count;
	pthread_barrier_t *barrier;
	int64_t wait_ns;
};

static void *holder_run(void *data)
{
	struct holder *holder = data;

	pthread_barrier_wait(holder->barrier);
	for (unsigned int i = 0; i < holder->count; i++) {
		const int64_t until = a10_now() + holder->wait_ns;

		a10_buf_release(holder->bufs[i]);
		while (a10_now() < until)
			;
	}
	return NULL;
}

TEST(threads_may_release_while_the_pool_and_the_ring_end)
{
	enum {
		HOLDERS = 3
	};
	uint64_t state = test_seed();
	pthread_barrier_t barrier;

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, HOLDERS + 1), 0);
	for (unsigned int round = 0; round < test_scaled(300); round++) {
		struct a10_ring *ring = ring_open(NULL);
		struct a10_pool *pool = pool_open(
			ring, 64, 16, round & 1 ? A10_POOL_INCREMENTAL : 0);
		struct holder holders[HOLDERS];
		pthread_t threads[HOLDERS];
		struct pair pair;

		pair_open(ring, false, &pair);
		for (int i = 0; i < HOLDERS; i++) {
			struct holder *holder = &holders[i];

			holder->barrier = &barrier;
			holder->count =
				(unsigned int)(test_random(&state) % 17);
			holder->wait_ns = (int64_t)(test_random(&state) % 4000);
			for (unsigned int j = 0; j < holder->count; j++)
				holder->bufs[j] = lent(ring, &pair, pool, "x");
			threads[i] = thread_start(holder_run, holder);
		}
		pair_close(ring, &pair);
		if (test_random(&state) % 2)
			pool_set_hungry(pool);
		pthread_barrier_wait(&barrier);
		if (test_random(&state) % 2)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		if (test_random(&state) % 2)
			a10_pool_destroy(pool);
		ring_close(ring);
		for (int i = 0; i < HOLDERS; i++)
			thread_join(threads[i]);
	}
	pthread_barrier_destroy(&barrier);
}

/* ---- operations of a pool that is gone ----------------------------------- */

TEST(operations_with_a_destroyed_pool_are_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring *other = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, 0);
	struct a10_pool *others = pool_open(other, 4, 64, 0);
	struct pair pair;

	pair_open(ring, false, &pair);
	a10_pool_destroy(pool);
	ck_assert_int_eq(refusal_of(ring, a10_recv_pooled(pair.ours, pool, 0)),
			 -ENXIO);
	ck_assert_int_eq(refusal_of(ring,
				    a10_recv_pooled(pair.ours, others, 0)),
			 -ENXIO);
	ck_assert_int_eq(refusal_of(ring, a10_recv_pooled(pair.ours, NULL, 0)),
			 -ENXIO);
	pair_close(ring, &pair);
	ring_close(other);
	ring_close(ring);
}

TEST(what_waits_for_data_or_buffers_ends_with_its_pool)
{
	enum {
		WAITING = 6
	};
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 1, 64, 0);
	struct pair pairs[WAITING];
	struct seen seen[WAITING];
	struct a10_buf buf;

	for (int i = 0; i < WAITING; i++)
		pair_open(ring, false, &pairs[i]);
	buf = lent(ring, &pairs[0], pool, "held");
	for (int i = 0; i < WAITING; i++) {
		struct a10_op op = a10_recv_pooled(pairs[i].ours, pool, 0);

		if (i & 1)
			op = a10_multishot(op);
		start(ring, op, &seen[i]);
		if (i & 2) /* there is data, but no buffer */
			ck_assert_int_eq(write(pairs[i].theirs, "x", 1), 1);
		if (i < 4)
			run_for(ring, A10_MILLISECOND);
	}
	for (int i = 0; i < WAITING; i++)
		ck_assert_uint_eq(seen[i].count, 0);
	a10_pool_destroy(pool);
	for (int i = 0; i < WAITING; i++) {
		RUN_UNTIL(ring, seen[i].ended > 0);
		ck_assert_int_eq(seen[i].last.value, -ECANCELED);
		ck_assert_uint_eq(seen[i].count, 1);
	}
	for (int i = 0; i < WAITING; i++)
		pair_close(ring, &pairs[i]);
	ck_assert_mem_eq(buf.data, "held", 4);
	a10_buf_release(buf);
	ring_close(ring);
}

static void *submit_elsewhere(void *data)
{
	struct race *race = data;
	struct a10_sq *sq = race->buf.pool->sq;
	const int fd = (int)race->buf.length;
	const a10_id id = a10_submit(
		sq, a10_recv_pooled(a10_fd_regular(fd), race->buf.pool, 0),
		NULL, NULL);

	ck_assert(id > 0 || id == -ENXIO);
	return NULL;
}

/* Another thread's receive holds the pool from its verb on. */
TEST(a_receive_of_another_thread_may_meet_the_end_of_its_pool)
{
	struct a10_ring *ring = ring_open(NULL);
	struct pair pair;

	pair_open(ring, false, &pair);
	for (unsigned int i = 0; i < test_scaled(100); i++) {
		struct a10_pool *pool = pool_open(ring, 2, 64, 0);
		struct race race = { { .pool = pool }, NULL };
		pthread_t threads[2];

		race.buf.length = (uint32_t)a10_fd_number(pair.ours);
		for (int j = 0; j < 2; j++)
			threads[j] = thread_start(submit_elsewhere, &race);
		if (i % 3 == 0)
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		for (int j = 0; j < 2; j++)
			thread_join(threads[j]);
		a10_pool_destroy(pool);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	}
	RUN_UNTIL(ring, a10_ring_pending(ring) == 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* ---- in a forked child --------------------------------------------------- */

TEST(a_child_may_release_and_destroy_what_it_inherited)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool = pool_open(ring, 4, 64, 0);
	struct a10_pool *kept = pool_open(ring, 4, 64, 0);
	struct a10_buf bufs[3];
	struct pair pair;
	int status;
	pid_t child;

	pair_open(ring, false, &pair);
	bufs[0] = lent(ring, &pair, pool, "one");
	bufs[1] = lent(ring, &pair, pool, "two");
	bufs[2] = lent(ring, &pair, kept, "three");
	pool_set_hungry(pool);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct a10_pool *none;

		if (a10_pool_create(ring, 4, 64, 0, &none) != -ECHILD)
			_exit(1);
		a10_buf_release(bufs[0]);
		a10_pool_destroy(pool);
		a10_buf_release(bufs[1]);
		if (a10_ring_destroy(ring, 0) != 0)
			_exit(2);
		if (memcmp(bufs[2].data, "three", 5) != 0)
			_exit(3);
		a10_buf_release(bufs[2]);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	/* And the parent has noticed nothing. */
	ck_assert_int_eq(pool->lent, 2);
	a10_buf_release(bufs[0]);
	a10_buf_release(bufs[1]);
	for (int i = 0; i < 2; i++)
		bufs[i] = lent(ring, &pair, pool, "again");
	a10_buf_release(bufs[0]);
	a10_buf_release(bufs[1]);
	a10_buf_release(bufs[2]);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	pair_close(ring, &pair);
	ring_close(ring);
}
