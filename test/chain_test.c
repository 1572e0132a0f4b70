/* Chains: one behind the other, what follows a failure, a10_all inside. */
#include "support.h"

#include <linux/io_uring.h>

/* The results of a chain: in order, one each, more until the last. */
struct chain {
	uint32_t size;
	uint32_t next;
	a10_id id;
	ssize_t value[64];
	size_t count[64];
	struct a10_fd fd;
};

static void on_member(void *data, const struct a10_result *r)
{
	struct chain *chain = data;

	ck_assert_uint_lt(chain->next, chain->size);
	ck_assert_uint_eq(r->index, chain->next);
	ck_assert(r->more == (chain->next + 1 < chain->size));
	ck_assert_int_eq(r->id, chain->id);
	if (chain->next < 64) {
		chain->value[chain->next] = r->value;
		chain->count[chain->next] = r->count;
	}
	if (a10_fd_valid(r->fd))
		chain->fd = r->fd;
	chain->next++;
}

static void chain_start(struct a10_ring *ring, const struct a10_op *ops,
			uint32_t size, struct chain *chain)
{
	memset(chain, 0, sizeof(*chain));
	chain->size = size;
	chain->id = a10_submit_linked(a10_ring_sq(ring), ops, size, on_member,
				      chain);
	ck_assert_msg(chain->id > 0, "not started: %s",
		      strerror((int)-chain->id));
}

static void chain_run(struct a10_ring *ring, const struct a10_op *ops,
		      uint32_t size, struct chain *chain)
{
	chain_start(ring, ops, size, chain);
	RUN_UNTIL(ring, chain->next == size);
	ck_assert_int_eq(a10_ring_run(ring), 0);
}

TEST(a_chain_is_done_in_its_order)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct folder folder;
	struct chain chain;
	char bytes[8];

	folder_open(&folder);
	for (int direct = 0; direct < 2; direct++) {
		struct a10_op op = a10_open(folder_file(&folder, "f"),
					    O_RDWR | O_CREAT | O_TRUNC, 0600);
		struct a10_fd fd = fd_of(ring, direct ? a10_direct(op) : op);
		const struct a10_op ops[] = {
			a10_write(fd, "hello", 5),  a10_fsync(fd),
			a10_pread(fd, bytes, 5, 0), a10_pwrite(fd, "J", 1, 0),
			a10_fdatasync(fd),
		};

		memset(bytes, 0, sizeof(bytes));
		chain_run(ring, ops, 5, &chain);
		ck_assert_int_eq(chain.value[0], 5);
		ck_assert_int_eq(chain.value[1], 0);
		ck_assert_int_eq(chain.value[2], 5);
		ck_assert_mem_eq(bytes, "hello", 5);
		ck_assert_int_eq(chain.value[3], 1);
		ck_assert_int_eq(chain.value[4], 0);
		fd_close(ring, fd);
	}
	folder_close(&folder);
	ring_close(ring);
}

TEST(what_follows_a_failure_is_cancelled)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd bad = a10_fd_regular(9999);
	char byte;

	for (uint32_t at = 0; at < 4; at++) {
		struct a10_op ops[4];
		struct chain chain;

		for (uint32_t i = 0; i < 4; i++)
			ops[i] = i == at ? a10_read(bad, &byte, 1) : a10_nop();
		chain_run(ring, ops, 4, &chain);
		for (uint32_t i = 0; i < 4; i++)
			ck_assert_int_eq(chain.value[i], i < at  ? 0 :
							 i == at ? -EBADF :
								   -ECANCELED);
	}
	ring_close(ring);
}

TEST(a_timer_in_a_chain_holds_back_what_follows)
{
	const struct a10_op ops[] = { a10_after(A_MOMENT), a10_nop() };
	struct a10_ring *ring = ring_open(NULL);
	const int64_t begun = a10_now();
	struct seen seen = { 0 };

	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(ring), ops, 2, on_seen,
					   &seen),
			 0);
	RUN_UNTIL(ring, seen.count == 2);
	ck_assert_int_ge(a10_now() - begun, A_MOMENT);
	ck_assert_int_eq(seen.at[0].value, 0);
	ck_assert_int_eq(seen.at[1].value, 0);
	ring_close(ring);
}

TEST(a_hard_link_goes_on_after_a_failure)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd bad = a10_fd_regular(9999);
	struct a10_op ops[4];
	struct chain chain;
	char byte;

	ops[0] = a10_hard_linked(a10_read(bad, &byte, 1));
	ops[1] = a10_read(bad, &byte, 1);
	ops[2] = a10_nop();
	ops[3] = a10_nop();
	chain_run(ring, ops, 4, &chain);
	ck_assert_int_eq(chain.value[0], -EBADF);
	ck_assert_int_eq(chain.value[1], -EBADF);
	ck_assert_int_eq(chain.value[2], -ECANCELED);
	ck_assert_int_eq(chain.value[3], -ECANCELED);
	ops[1] = a10_nop();
	chain_run(ring, ops, 4, &chain);
	ck_assert_int_eq(chain.value[0], -EBADF);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(chain.value[i], 0);
	ring_close(ring);
}

TEST(a_short_transfer_breaks_a_chain)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_op ops[2];
	struct chain chain;
	char bytes[10];
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "abc", 3), 3);
	ops[0] = a10_read(a10_fd_regular(ends[0]), bytes, 10);
	ops[1] = a10_nop();
	chain_run(ring, ops, 2, &chain);
	ck_assert_int_eq(chain.value[0], 3);
	ck_assert_int_eq(chain.value[1], -ECANCELED);
	pipe_close(ends);
	ring_close(ring);
}

static void *write_slowly(void *data)
{
	for (int i = 0; i < 10; i++) {
		nap(A10_MILLISECOND);
		ck_assert_int_eq(write(*(int *)data, &"abcdefghij"[i], 1), 1);
	}
	return NULL;
}

TEST(all_in_a_chain_is_repeated_before_the_rest)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		char bytes[11] = "";
		char after[4] = "";
		struct chain chain;
		struct pair pair;
		pthread_t thread;
		struct a10_op ops[5];

		pair_open(ring, direct, &pair);
		ops[0] = a10_nop();
		ops[1] = a10_all(a10_recv(pair.ours, bytes, 10, 0));
		ops[2] = a10_send(pair.ours, "go", 2, 0);
		ops[3] = a10_all(a10_recv(pair.ours, after, 3, 0));
		ops[4] = a10_nop();
		chain_start(ring, ops, 5, &chain);
		thread = thread_start(write_slowly, &pair.theirs);
		RUN_UNTIL(ring, chain.next >= 2);
		ck_assert_int_eq(chain.value[1], 10);
		ck_assert_uint_eq(chain.count[1], 10);
		ck_assert_str_eq(bytes, "abcdefghij");
		RUN_UNTIL(ring, chain.next >= 3);
		ck_assert_int_eq(write(pair.theirs, "xyz", 3), 3);
		RUN_UNTIL(ring, chain.next == 5);
		ck_assert_int_eq(chain.value[2], 2);
		ck_assert_int_eq(chain.value[3], 3);
		ck_assert_mem_eq(after, "xyz", 3);
		ck_assert_int_eq(chain.value[4], 0);
		thread_join(thread);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

/* Not all came: it ends there, and the rest does not start. */
TEST(all_that_ends_early_breaks_a_chain)
{
	struct a10_ring *ring = ring_open(NULL);
	struct chain chain;
	struct pair pair;
	struct a10_op ops[2];
	char bytes[10];

	pair_open(ring, false, &pair);
	ck_assert_int_eq(write(pair.theirs, "abc", 3), 3);
	ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
	ops[0] = a10_all(a10_recv(pair.ours, bytes, 10, 0));
	ops[1] = a10_send(pair.ours, "x", 1, 0);
	chain_run(ring, ops, 2, &chain);
	ck_assert_int_eq(chain.value[0], 3);
	ck_assert_int_eq(chain.value[1], -ECANCELED);
	ck_assert_int_eq(recv(pair.theirs, bytes, 1, MSG_DONTWAIT), -1);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_chain_of_one_is_an_operation)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_op op = a10_nop();
	struct chain chain;

	chain_run(ring, &op, 1, &chain);
	ck_assert_int_eq(chain.value[0], 0);
	ring_close(ring);
}

TEST(a_chain_as_long_as_the_queue_goes_in_a_longer_one_does_not)
{
	static const uint32_t sizes[] = { 1, 2, 4, 64 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct a10_config config = { .submission_entries = sizes[i] };
		struct a10_ring *ring = ring_open(&config);
		struct a10_op ops[65];
		unsigned int released = 0;
		struct chain chain;

		for (uint32_t k = 0; k < 65; k++)
			ops[k] = a10_owning(a10_nop(), &released, on_release);
		chain_run(ring, ops, sizes[i], &chain);
		ck_assert_uint_eq(released, sizes[i]);
		ck_assert_int_eq(a10_submit_linked(a10_ring_sq(ring), ops,
						   sizes[i] + 1, on_member,
						   NULL),
				 -E2BIG);
		ck_assert_uint_eq(released, 2 * sizes[i] + 1);
		ring_close(ring);
	}
}

TEST(what_cannot_be_linked_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_scope scope;
	struct a10_pool *pool;
	struct a10_op ops[3] = { a10_nop(), a10_nop(), a10_nop() };

	ck_assert_int_eq(a10_pool_create(ring, 2, 64, 0, &pool), 0);
	a10_scope_open(&scope, sq, 0);
	ck_assert_int_eq(a10_submit_linked(sq, ops, 0, on_member, NULL),
			 -EINVAL);
	for (int at = 0; at < 3; at++) {
		const struct a10_op bad[] = {
			a10_close(A10_STDIN),
			a10_scope_wait(&scope),
			a10_listen_on("127.0.0.1:0", 0),
			a10_connect_to("127.0.0.1:1", 0),
			a10_multishot(a10_poll(A10_STDIN, POLLIN)),
			a10_multishot(a10_recv_pooled(A10_STDIN, pool, 0)),
			a10_ordered(a10_shutdown(A10_STDIN, SHUT_WR)),
			a10_timeout(a10_nop(), -1),
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct a10_op before = ops[at];
			a10_id id;

			ops[at] = bad[i];
			id = a10_submit_linked(sq, ops, 3, on_member, NULL);
			ops[at] = before;
			ck_assert_msg(id == -EINVAL, "row %zu gives %lld", i,
				      (long long)id);
		}
	}
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	ring_close(ring);
}

/* At each place where it can be: before the first ran, and on the way. */
TEST(a_chain_is_cancelled_by_its_id)
{
	struct a10_ring *ring = ring_open(NULL);

	for (int polled = 0; polled < 2; polled++) {
		struct chain chain;
		struct pair pair;
		struct a10_op ops[4];
		char byte;

		pair_open(ring, false, &pair);
		ops[0] = a10_nop();
		ops[1] = a10_recv(pair.ours, &byte, 1, 0);
		ops[2] = a10_send(pair.ours, "x", 1, 0);
		ops[3] = a10_nop();
		chain_start(ring, ops, 4, &chain);
		if (polled)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), chain.id), 0);
		RUN_UNTIL(ring, chain.next == 4);
		ck_assert_int_eq(chain.value[0], polled ? 0 : -ECANCELED);
		for (int i = 1; i < 4; i++)
			ck_assert_int_eq(chain.value[i], -ECANCELED);
		ck_assert_int_eq(recv(pair.theirs, &byte, 1, MSG_DONTWAIT), -1);
		ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), chain.id), 0);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_chain_is_forgotten_by_its_id)
{
	struct a10_ring *ring = ring_open(NULL);

	for (int polled = 0; polled < 2; polled++) {
		unsigned int released = 0;
		struct chain chain;
		struct pair pair;
		struct a10_op ops[3];
		static char byte;

		pair_open(ring, false, &pair);
		ops[0] = a10_owning(a10_recv(pair.ours, &byte, 1, 0), &released,
				    on_release);
		ops[1] = a10_owning(a10_send(pair.ours, "x", 1, 0), &released,
				    on_release);
		ops[2] = a10_owning(a10_nop(), &released, on_release);
		chain_start(ring, ops, 3, &chain);
		if (polled)
			run_for(ring, A10_MILLISECOND);
		ck_assert_int_eq(a10_detach(a10_ring_sq(ring), chain.id), 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ck_assert_uint_eq(chain.next, 0);
		ck_assert_uint_eq(released, 3);
		ck_assert_int_eq(recv(pair.theirs, &byte, 1, MSG_DONTWAIT), -1);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(a_chain_of_no_interest_is_carried_out)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_op ops[2];
	unsigned int before = open_descriptors();
	struct pair pair;
	char bytes[4];

	pair_open(ring, false, &pair);
	ops[0] = a10_open("/dev/null", O_RDONLY, 0);
	ops[1] = a10_send(pair.ours, "abc", 3, 0);
	ck_assert_int_gt(
		a10_submit_linked(a10_ring_sq(ring), ops, 2, NULL, NULL), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(recv(pair.theirs, bytes, 4, 0), 3);
	pair_close(ring, &pair);
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(open_descriptors(), before);
	ring_close(ring);
}

TEST(a_time_out_in_a_chain_ends_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct chain chain;
	struct pair pair;
	struct a10_op ops[3];
	char byte;

	pair_open(ring, false, &pair);
	ops[0] = a10_nop();
	ops[1] = a10_timeout(a10_recv(pair.ours, &byte, 1, 0), A10_MILLISECOND);
	ops[2] = a10_nop();
	chain_run(ring, ops, 3, &chain);
	ck_assert_int_eq(chain.value[0], 0);
	ck_assert_int_eq(chain.value[1], -ETIME);
	ck_assert_int_eq(chain.value[2], -ECANCELED);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_chain_opens_accepts_and_gives_the_descriptor)
{
	struct a10_ring *ring = ring_open_direct(4);

	for (int direct = 0; direct < 2; direct++) {
		struct a10_op ops[3] = { a10_nop(),
					 a10_open("/dev/null", O_RDONLY, 0),
					 a10_nop() };
		struct chain chain;

		if (direct)
			ops[1] = a10_direct(ops[1]);
		chain_run(ring, ops, 3, &chain);
		ck_assert_int_eq(chain.value[1], 0);
		ck_assert(a10_fd_valid(chain.fd));
		ck_assert(a10_fd_is_direct(chain.fd) == direct);
		fd_close(ring, chain.fd);
	}
	ring_close(ring);
}

/* Others are between them in the queue, which is short: no chain is torn. */
TEST(many_chains_go_through_a_short_queue)
{
	struct a10_config config = { .submission_entries = 4 };
	struct a10_ring *ring = ring_open(&config);
	static struct chain chains[300];
	static struct seen seen[300];
	static int counters[300];
	struct folder folder;
	struct a10_fd fd;

	folder_open(&folder);
	fd = fd_of(ring,
		   a10_open(folder_file(&folder, "f"), O_RDWR | O_CREAT, 0600));
	for (int i = 0; i < 300; i++) {
		const uint64_t at = (uint64_t)i * sizeof(int);
		struct a10_op ops[3];

		counters[i] = i;
		ops[0] = a10_pwrite(fd, &counters[i], sizeof(int), at);
		ops[1] = a10_nop();
		ops[2] = a10_pread(fd, &counters[i], sizeof(int), at);
		chain_start(ring, ops, 2 + (uint32_t)i % 2, &chains[i]);
		start(ring, a10_nop(), &seen[i]);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 300; i++) {
		ck_assert_uint_eq(chains[i].next, chains[i].size);
		for (uint32_t k = 0; k < chains[i].size; k++)
			ck_assert_int_eq(chains[i].value[k],
					 k == 1 ? 0 : (int)sizeof(int));
		ck_assert_int_eq(counters[i], i);
		ck_assert_uint_eq(seen[i].ended, 1);
	}
	fd_close(ring, fd);
	folder_close(&folder);
	ring_close(ring);
}

TEST(a_raw_request_is_linked)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe;
	struct a10_op ops[2];
	struct chain chain;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_READ;
	sqe.fd = 9999;
	ops[0] = a10_raw(&sqe);
	ops[1] = a10_nop();
	chain_run(ring, ops, 2, &chain);
	ck_assert_int_eq(chain.value[0], -EBADF);
	ck_assert_int_eq(chain.value[1], -ECANCELED);
	ring_close(ring);
}

static void *drain_slowly(void *data)
{
	const int number = *(const int *)data;
	char bytes[65536];
	size_t left = 2 << 20;

	while (left > 0) {
		ssize_t n;

		nap(10 * A10_MILLISECOND);
		n = recv(number, bytes, sizeof(bytes), 0);
		ck_assert_int_gt(n, 0);
		left -= (size_t)n;
	}
	return NULL;
}

/* It takes longer than its time-out, which counts from the last progress. */
TEST(a_time_out_of_an_all_member_counts_from_the_last_progress)
{
	const size_t size = 2 << 20;
	struct a10_ring *ring = ring_open(NULL);
	char *data = calloc(1, size);
	const int64_t begin = a10_now();
	struct seen seen = { 0 };
	struct a10_op ops[2];
	struct pair pair;
	pthread_t thread;

	pair_open(ring, false, &pair);
	ops[0] = a10_timeout(a10_all(a10_send(pair.ours, data, size, 0)),
			     200 * A10_MILLISECOND * (int64_t)test_slowed(1));
	ops[1] = a10_nop();
	thread = thread_start(drain_slowly, &pair.theirs);
	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(ring), ops, 2, on_seen,
					   &seen),
			 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_eq(seen.at[0].value, (int64_t)size);
	ck_assert_int_eq(seen.at[1].value, 0);
	thread_join(thread); /* which waits for all of it */
	ck_assert_int_gt(a10_now() - begin, 200 * A10_MILLISECOND);
	free(data);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* A peer that is gone fails it; so the rest does not run. */
TEST(an_all_member_with_a_time_out_that_fails_breaks_its_chain)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen = { 0 };
	struct a10_op ops[2];
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(close(pair.theirs), 0);
	ops[0] = a10_timeout(a10_all(a10_send(pair.ours, "x", 1, 0)), PATIENCE);
	ops[1] = a10_nop();
	ck_assert_int_gt(a10_submit_linked(a10_ring_sq(ring), ops, 2, on_seen,
					   &seen),
			 0);
	RUN_UNTIL(ring, seen.ended);
	ck_assert_int_eq(seen.at[0].value, -EPIPE);
	ck_assert_int_eq(seen.at[1].value, -ECANCELED);
	a10_fd_release(pair.ours);
	ring_close(ring);
}
