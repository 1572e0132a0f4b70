/*
 * The end of a ring with operations of every kind in flight: each callback once,
 * everything owned released, nothing written afterwards, and what is left of the
 * ring says so.
 */
#include "blocked.h"

#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What the kernel would still write to shows as a byte that is not this one. */
#define PATTERN 0xa5

static void assert_untouched(const unsigned char *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != PATTERN)
			ck_abort_msg("byte %zu was written", i);
}

struct ledger {
	struct seen seen[BLOCKED_KINDS];
	unsigned int released[BLOCKED_KINDS];
};

static void ledger_start(struct a10_ring *ring, const struct blocked *world,
			 struct ledger *ledger)
{
	memset(ledger, 0, sizeof(*ledger));
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		struct a10_op op =
			a10_owning(blocked_op(world, kind),
				   &ledger->released[kind], on_release);

		if (blocked_works(ring, kind))
			ck_assert_int_gt(a10_submit(a10_ring_sq(ring), op,
						    on_seen,
						    &ledger->seen[kind]),
					 0);
	}
}

static void ledger_check(const struct ledger *ledger, bool works)
{
	for (int kind = 0; kind < BLOCKED_KINDS; kind++) {
		const struct seen *seen = &ledger->seen[kind];

		if (kind == BLOCKED_READ_MULTISHOT && !works)
			continue;
		ck_assert_msg(seen->count == 1 && seen->ended == 1,
			      "%s: %u results", blocked_names[kind],
			      seen->count);
		ck_assert_msg(seen->last.value == -ECANCELED, "%s: %zd",
			      blocked_names[kind], seen->last.value);
		ck_assert_uint_eq(ledger->released[kind], 1);
	}
}

/* Not yet seen by the kernel, just handed over, and waiting there. */
static void destroy_one(unsigned int way, struct blocked *world)
{
	struct a10_ring *ring = ring_open_direct(8);
	const bool works = ring_has(ring, A10_OPCODE_READ_MULTISHOT);
	struct ledger ledger;

	blocked_open(ring, world);
	ledger_start(ring, world, &ledger);
	if (way == 1)
		ck_assert_int_eq(a10_ring_flush(ring), 0);
	else if (way == 2)
		run_for(ring, A10_MILLISECOND);
	ring_close(ring);
	ledger_check(&ledger, works);
	/* Now all that was lent may be used for something else. */
	memset(world->memory, PATTERN, world->size);
	ck_assert_int_eq(write(world->empty[1], "late", 4), 4);
	ck_assert_int_eq(write(world->quiet[1], "late", 4), 4);
}

/* Until the kernel has let go of the ring's descriptors: some 40 ms. */
static void let_go(struct blocked *world)
{
	WAIT_UNTIL(send(world->direct_peer, "late", 4, MSG_NOSIGNAL) == -1);
}

#define AT_ONCE 10

TEST_TIMEOUT(a_thousand_rings_are_destroyed_with_every_kind_in_flight, 120)
{
	for (unsigned int left = test_scaled(1000); left > 0;) {
		const unsigned int count = left < AT_ONCE ? left : AT_ONCE;
		struct blocked worlds[AT_ONCE];

		left -= count;
		for (unsigned int i = 0; i < count; i++)
			destroy_one((left + i) % 3, &worlds[i]);
		for (unsigned int i = 0; i < count; i++)
			let_go(&worlds[i]);
		nap(A10_MILLISECOND);
		for (unsigned int i = 0; i < count; i++) {
			assert_untouched(worlds[i].memory, worlds[i].size);
			blocked_close(&worlds[i]);
		}
	}
}

/* Data comes from another thread all the while, until the ring is gone. */
struct feeder {
	int numbers[2];
	atomic_bool stop;
};

static void *feed(void *data)
{
	struct feeder *feeder = data;

	while (!atomic_load(&feeder->stop)) {
		for (int i = 0; i < 2; i++)
			(void)!send(feeder->numbers[i], "0123456789abcdef", 16,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	return NULL;
}

struct fed {
	unsigned int results;
	unsigned int ended;
};

static void on_fed(void *data, const struct a10_result *r)
{
	struct fed *fed = data;

	ck_assert_uint_lt(fed->ended, 1);
	fed->results++;
	fed->ended += !r->more;
	ck_assert_msg(r->value >= 0 || r->value == -ECANCELED, "%s",
		      strerror((int)-r->value));
	a10_buf_release(r->buf);
}

#define FED 12

static void test_fed(uint64_t *random, struct pair pairs[2])
{
	struct a10_config config = { .submission_entries =
					     1u << test_random(random) % 5 };
	struct a10_ring *ring = ring_open(&config);
	unsigned char *memory[FED];
	struct fed fed[FED] = { { 0, 0 } };
	struct a10_pool *pool;

	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 0, &pool), 0);
	for (int i = 0; i < FED; i++) {
		struct a10_fd fd = pairs[i % 2].ours;
		struct a10_op op;

		memory[i] = malloc(64);
		ck_assert_ptr_nonnull(memory[i]);
		op = i % 3 == 0 ? a10_recv(fd, memory[i], 64, 0) :
		     i % 3 == 1 ? a10_all(a10_recv(fd, memory[i], 64, 0)) :
				  a10_multishot(a10_recv_pooled(fd, pool, 0));
		ck_assert_int_gt(
			a10_submit(a10_ring_sq(ring), op, on_fed, &fed[i]), 0);
	}
	for (uint64_t polls = test_random(random) % 4; polls > 0; polls--)
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
	ring_close(ring);
	for (int i = 0; i < FED; i++)
		memset(memory[i], PATTERN, 64);
	sched_yield();
	for (int i = 0; i < FED; i++) {
		ck_assert_uint_eq(fed[i].ended, 1);
		assert_untouched(memory[i], 64);
		free(memory[i]);
	}
}

TEST_TIMEOUT(a_thousand_rings_are_destroyed_while_data_comes, 60)
{
	struct pair pairs[2];
	struct feeder feeder = { .stop = false };
	struct a10_ring *ring = ring_open(NULL);
	unsigned int count = test_scaled(1000);
	uint64_t random = test_seed();
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		pair_open(ring, false, &pairs[i]);
		feeder.numbers[i] = pairs[i].theirs;
	}
	thread = thread_start(feed, &feeder);
	for (unsigned int i = 0; i < count; i++)
		test_fed(&random, pairs);
	atomic_store(&feeder.stop, true);
	thread_join(thread);
	pair_close(ring, &pairs[0]);
	pair_close(ring, &pairs[1]);
	ring_close(ring);
}

static void on_last(void *data, const struct a10_result *r)
{
	struct fed *fed = data;
	a10_id id = a10_submit(r->sq, a10_nop(), on_never, NULL);

	ck_assert_int_eq(r->value, -ECANCELED);
	fed->ended++;
	ck_assert_int_eq(id, -ESHUTDOWN);
	ck_assert_int_eq(a10_ring_destroy(a10_ring_current(), 0), -EDEADLK);
}

TEST(what_callbacks_submit_meanwhile_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct fed fed[10] = { { 0, 0 } };

	for (int i = 0; i < 10; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
					    a10_after(A10_SECOND * 3600),
					    on_last, &fed[i]),
				 0);
	ring_close(ring);
	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(fed[i].ended, 1);
}

/* Successes are delivered as such: what they bring is the callback's. */
TEST(what_was_done_before_is_delivered_as_done)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[2];
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	ring_bind(ring);
	start(ring, a10_recv(pair.ours, &byte, 1, 0), &seen[0]);
	start(ring, a10_open("/dev/null", O_RDONLY, 0), &seen[1]);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ring_close(ring);
	ck_assert_int_eq(seen[0].last.value, 1);
	ck_assert_int_eq(seen[1].last.value, 0);
	a10_fd_release(seen[1].last.fd);
	ck_assert_int_eq(close(pair.theirs), 0);
	a10_fd_release(pair.ours);
}

TEST(destroying_an_idle_ring_takes_no_time)
{
	unsigned int count = 50;
	int64_t before = a10_now();

	for (unsigned int i = 0; i < count; i++) {
		struct a10_ring *ring = ring_open(NULL);

		ck_assert_int_eq(value_of(ring, a10_nop()), 0);
		ring_close(ring);
	}
	/* Far above what it takes, far below any time-out of its own. */
	ck_assert_int_lt(a10_now() - before, count * 10 * A10_MILLISECOND);
}

/* ---- the handle afterwards ---------------------------------------------------- */

TEST(the_handle_of_a_destroyed_ring_refuses_everything)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	struct a10_op ops[2] = { a10_nop(), a10_nop() };
	unsigned int released = 0;
	struct a10_result result;
	struct seen seen;
	a10_id id = start(ring, a10_after(A10_SECOND * 3600), &seen);

	ck_assert_ptr_eq(sq, a10_ring_sq(ring));
	ring_close(ring);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(a10_submit(sq, a10_nop(), on_never, NULL),
				 -ESHUTDOWN);
		ck_assert_int_eq(
			a10_submit(sq,
				   a10_owning(a10_nop(), &released, on_release),
				   on_never, NULL),
			-ESHUTDOWN);
		ck_assert_int_eq(a10_submit_linked(sq, ops, 2, on_never, NULL),
				 -ESHUTDOWN);
		ck_assert_int_eq(a10_await_on(sq, a10_nop(), &result),
				 -ESHUTDOWN);
		ck_assert_int_eq(result.value, -ESHUTDOWN);
		ck_assert_int_eq(a10_cancel(sq, id), -ESHUTDOWN);
		ck_assert_int_eq(a10_cancel_fd(sq, A10_STDIN), -ESHUTDOWN);
		ck_assert_int_eq(a10_cancel_all(sq), -ESHUTDOWN);
		ck_assert_int_eq(a10_detach(sq, id), -ESHUTDOWN);
		ck_assert_int_eq(a10_sq_wake(sq), -ESHUTDOWN);
		ck_assert_int_eq(a10_sq_stop(sq), -ESHUTDOWN);
		ck_assert_ptr_eq(a10_sq_ref(sq), sq);
		a10_sq_unref(sq);
	}
	ck_assert_uint_eq(released, 2);
	ck_assert_uint_eq(seen.ended, 1);
	a10_sq_unref(sq);
}

TEST(buffers_outlive_their_ring_and_are_released_after_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_result got[2];
	struct a10_pool *pool;
	struct pair pair;

	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 0, &pool), 0);
	pair_open(ring, false, &pair);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(write(pair.theirs, "bytes", 5), 5);
		got[i] = result_of(ring, a10_recv_pooled(pair.ours, pool, 0));
		ck_assert_int_eq(got[i].value, 5);
	}
	pair_close(ring, &pair);
	ring_close(ring);
	for (int i = 0; i < 2; i++) {
		ck_assert_mem_eq(got[i].buf.data, "bytes", 5);
		a10_buf_release(got[i].buf);
	}
}

/* ---- what cannot end in time ---------------------------------------------------- */

static void count_errors(void *data, enum a10_log_level level, const char *text)
{
	if (level == A10_LOG_ERROR && strstr(text, "leaked") != NULL)
		++*(unsigned int *)data;
}

/* A page that is not there until somebody brings it; who touches it waits. */
static unsigned char *page_missing(int *ret_fault)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	*ret_fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*ret_fault < 0)
		SKIP("no userfaultfd: %s", strerror(errno));
	ck_assert_int_eq(ioctl(*ret_fault, UFFDIO_API, &api), 0);
	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	ck_assert_int_eq(ioctl(*ret_fault, UFFDIO_REGISTER, &range), 0);
	return page;
}

static void page_bring(int fault, unsigned char *page)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)page, .len = 4096 },
	};

	ck_assert_int_eq(ioctl(fault, UFFDIO_ZEROPAGE, &zero), 0);
}

/* A worker waits for the page: no cancel gets it out of there. */
static void destroy_in_vain(void)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	unsigned int released = 0;
	unsigned int errors = 0;
	struct uffd_msg message;
	unsigned char *page;
	struct seen seen[2];
	int fault;
	int ends[2];

	page = page_missing(&fault);
	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "late", 4), 4);
	a10_set_log(count_errors, &errors);
	ring_bind(ring);
	start(ring,
	      a10_owning(a10_forced_async(
				 a10_read(a10_fd_regular(ends[0]), page, 4)),
			 &released, on_release),
	      &seen[0]);
	start(ring, a10_after(A10_SECOND * 3600), &seen[1]);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	/* It says so when the worker has got there. */
	ck_assert_int_eq(read(fault, &message, sizeof(message)),
			 sizeof(message));
	ck_assert_int_eq(a10_ring_destroy(ring, A_MOMENT), 1);
	ck_assert_uint_eq(seen[0].count, 0);
	ck_assert_int_eq(seen[1].last.value, -ECANCELED);
	/* The kernel may still write: what it owns is not released. */
	ck_assert_uint_eq(released, 0);
	ck_assert_uint_gt(errors, 0);
	ck_assert_int_eq(a10_submit(sq, a10_nop(), on_never, NULL), -ESHUTDOWN);
	a10_sq_unref(sq);
	page_bring(fault, page);
	WAIT_UNTIL(memcmp(page, "late", 4) == 0);
	ck_assert_uint_eq(seen[0].count, 0);
}

/* In a process of its own: the ring and its descriptors are leaked. */
TEST(what_is_not_over_in_time_is_leaked_and_reported)
{
	int status = 0;
	int fault;
	pid_t child;

	munmap(page_missing(&fault), 4096);
	ck_assert_int_eq(close(fault), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		destroy_in_vain();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

TEST(a_ring_that_was_never_polled_is_destroyed_with_work_in_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_config disabled = { .disabled = A10_ON };
	unsigned int released = 0;
	struct seen seen[2];

	for (int i = 0; i < 2; i++) {
		start(ring,
		      a10_owning(a10_after(A10_SECOND * 3600), &released,
				 on_release),
		      &seen[i]);
		ring_close(ring);
		ck_assert_uint_eq(seen[i].ended, 1);
		ck_assert_uint_eq(released, (unsigned int)i + 1);
		if (i == 0)
			ring = ring_open(&disabled);
	}
}
