/* The verbs that start operations: submit, await_on, without interest. */
#include "support.h"

#include <linux/io_uring.h>

TEST(an_id_is_positive_as_an_int_too_and_never_the_same)
{
	struct a10_ring *ring = ring_open(NULL);
	a10_id last = 0;

	for (int i = 0; i < 100000; i++) {
		struct seen seen;
		a10_id id = start(ring, a10_nop(), &seen);

		ck_assert(id > 0 && (int)id > 0 && id != last);
		last = id;
		if (i % 16 == 15)
			RUN_UNTIL(ring, seen.ended == 1);
		else
			ck_assert_int_eq(a10_detach(a10_ring_sq(ring), id), 0);
	}
	ring_close(ring);
}

TEST(done_is_never_called_by_the_verb)
{
	struct a10_config config = { .submission_entries = 1 };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen[100];

	for (int i = 0; i < 100; i++) {
		start(ring, a10_nop(), &seen[i]);
		for (int k = 0; k <= i; k++)
			ck_assert_uint_eq(seen[k].count, 0);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ring_close(ring);
}

struct order {
	uint32_t next;
	uint32_t count;
};

struct numbered {
	struct order *order;
	uint32_t number;
};

static void on_in_order(void *data, const struct a10_result *r)
{
	struct numbered *it = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert(!r->more);
	ck_assert_uint_eq(it->number, it->order->next);
	it->order->next++;
}

static void assert_submits_many(const struct a10_config *config, uint32_t count)
{
	struct a10_ring *ring = ring_open(config);
	struct order order = { 0, count };
	struct numbered *all = calloc(count, sizeof(*all));

	ck_assert_ptr_nonnull(all);
	ring_bind(ring);
	for (uint32_t i = 0; i < count; i++) {
		all[i].order = &order;
		all[i].number = i;
		ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
					    on_in_order, &all[i]),
				 0);
	}
	ck_assert_uint_eq(a10_ring_pending(ring), count);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(order.next, count);
	free(all);
	ring_close(ring);
}

TEST(submit_never_fails_for_lack_of_room)
{
	static const uint32_t entries[] = { 1, 2, 4, 64, 4096 };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct a10_config config = { .submission_entries = entries[i],
					     .reserved_operations = 1 };

		assert_submits_many(&config, 10000);
	}
}

static void on_submit_more(void *data, const struct a10_result *r)
{
	struct order *order = data;

	order->count++;
	for (int i = 0; i < 2 && order->next < 20000; i++) {
		order->next++;
		ck_assert_int_gt(
			a10_submit(r->sq, a10_nop(), on_submit_more, order), 0);
	}
}

TEST(callbacks_submit_more_than_the_queue_holds)
{
	struct a10_config config = { .submission_entries = 2,
				     .completion_entries = 2 };
	struct a10_ring *ring = ring_open(&config);
	struct order order = { 1, 0 };

	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), a10_nop(),
				    on_submit_more, &order),
			 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(order.next, 20000);
	ck_assert_uint_eq(order.count, 20000);
	ring_close(ring);
}

TEST(what_is_submitted_before_the_first_poll_is_done_in_it)
{
	struct a10_ring *ring = ring_open(NULL);
	static struct seen seen[300];

	for (int i = 0; i < 300; i++)
		start(ring, a10_nop(), &seen[i]);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 300; i++) {
		ck_assert_uint_eq(seen[i].ended, 1);
		ck_assert_int_eq(seen[i].last.value, 0);
		ck_assert_uint_eq(seen[i].last.index, 0);
	}
	ring_close(ring);
}

TEST(an_operation_may_be_given_to_verbs_again)
{
	struct a10_ring *ring = ring_open(NULL);
	struct folder folder;
	unsigned char bytes[4] = "";
	struct a10_fd file;
	struct a10_op op;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "abcd", 4);
	file = fd_of(ring, a10_open(folder.file, O_RDONLY, 0));
	op = a10_pread(file, bytes, 4, 0);
	for (int i = 0; i < 10; i++) {
		memset(bytes, 0, sizeof(bytes));
		ck_assert_int_eq(value_of(ring, op), 4);
		ck_assert_mem_eq(bytes, "abcd", 4);
	}
	fd_close(ring, file);
	folder_close(&folder);
	ring_close(ring);
}

TEST(the_words_and_the_struct_are_the_same_operation)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen words = { 0 };
	struct seen whole = { 0 };
	struct a10_op op;
	char bytes[8];
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(write(ends[1], "12345678", 8), 8);
	op = a10_read(a10_fd_regular(ends[0]), bytes, 5);
	ck_assert_int_gt(a10_submit(sq, op, on_seen, &words), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	op = a10_read(a10_fd_regular(ends[0]), bytes + 5, 3);
	ck_assert_int_gt(a10_sq_submit_op(sq, &op, NULL, on_seen, &whole), 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(words.last.value, 5);
	ck_assert_int_eq(whole.last.value, 3);
	ck_assert_mem_eq(bytes, "12345678", 8);
	pipe_close(ends);
	ring_close(ring);
}

TEST(an_operation_without_interest_is_carried_out)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	unsigned int released = 0;
	char bytes[4];
	int ends[2];

	ring_bind(ring);
	pipe_open(ends);
	ck_assert_int_gt(
		a10_submit(sq, a10_write(a10_fd_regular(ends[1]), "abc", 3),
			   NULL, NULL),
		0);
	ck_assert_int_gt(
		a10_submit(sq, a10_owning(a10_nop(), &released, on_release),
			   NULL, NULL),
		0);
	ck_assert_uint_eq(a10_ring_pending(ring), 2);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_int_eq(read(ends[0], bytes, 4), 3);
	ck_assert_mem_eq(bytes, "abc", 3);
	ck_assert_uint_eq(released, 1);
	pipe_close(ends);
	ring_close(ring);
}

/* What a success brings to nobody: a descriptor, a buffer. */
TEST(what_nobody_is_interested_in_is_closed_and_given_back)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct a10_op open_op = a10_open("/dev/null", O_RDONLY, 0);
	unsigned int before = open_descriptors();
	struct a10_pool *pool;
	int ends[2];

	pipe_open(ends);
	ck_assert_int_eq(a10_pool_create(ring, 2, 4096, 0, &pool), 0);
	for (int i = 0; i < 8; i++) {
		struct a10_fd end = a10_fd_regular(ends[0]);

		ck_assert_int_eq(write(ends[1], "x", 1), 1);
		ck_assert(a10_submit(sq, open_op, NULL, NULL) > 0);
		ck_assert(a10_submit(sq, a10_direct(open_op), NULL, NULL) > 0);
		ck_assert(a10_submit(sq, a10_read_pooled(end, pool), NULL,
				     NULL) > 0);
		ck_assert_int_eq(a10_ring_run(ring), 0);
	}
	run_for(ring, A10_MILLISECOND);
	ck_assert_uint_eq(open_descriptors(), before + 2);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	for (int i = 0; i < 2; i++)
		(void)fd_of(ring, a10_direct(open_op));
	pipe_close(ends);
	ring_close(ring);
}

TEST(an_operation_of_unknown_parts_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int released = 0;
	struct a10_op op = a10_owning(a10_nop(), &released, on_release);
	struct a10_op other = op;

	other.extra.flags |= 1u << 30;
	ck_assert_int_eq(refusal_of(ring, other), -EINVAL);
	other = op;
	other.extra.reserved[1] = 1;
	ck_assert_int_eq(refusal_of(ring, other), -EINVAL);
	other = op;
	other.extra.reserved0 = 1;
	ck_assert_int_eq(refusal_of(ring, other), -EINVAL);
	other = op;
	other.request.opcode = 127;
	ck_assert_int_eq(refusal_of(ring, other), -EINVAL);
	other = op;
	other.request.opcode = 255;
	ck_assert_int_eq(refusal_of(ring, other), -EINVAL);
	ck_assert_uint_eq(released, 5);
	ck_assert_uint_eq(a10_ring_pending(ring), 0);
	ring_close(ring);
}

TEST(a_combination_that_cannot_be_is_refused)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd fd = A10_STDIN;
	struct a10_address peer;
	char byte;
	struct a10_pool *pool;
	struct a10_op receive;

	ck_assert_int_eq(a10_pool_create(ring, 2, 4096, 0, &pool), 0);
	receive = a10_recv_pooled(fd, pool, 0);
	{
		const struct a10_op ops[] = {
			a10_all(a10_fsync(fd)),
			a10_all(a10_nop()),
			a10_multishot(a10_fsync(fd)),
			a10_multishot(a10_nop()),
			a10_multishot(a10_recv(fd, &byte, 1, 0)),
			a10_multishot(a10_accept(fd, &peer, 0)),
			a10_multishot(a10_all(a10_recv(fd, &byte, 1, 0))),
			a10_direct(a10_read(fd, &byte, 1)),
			a10_direct(a10_nop()),
			a10_zero_copy(a10_recv(fd, &byte, 1, 0)),
			a10_zero_copy(a10_nop()),
			a10_bounded(a10_multishot(receive), 0),
			a10_bounded(a10_nop(), 1),
			a10_timeout(a10_read(fd, &byte, 1), -1),
		};

		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			a10_id id = a10_submit(a10_ring_sq(ring), ops[i],
					       on_never, NULL);

			ck_assert_msg(id == -EINVAL, "row %zu gives %lld", i,
				      (long long)id);
		}
	}
	ring_close(ring);
}

TEST(nothing_where_something_must_be_is_refused_and_not_followed)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_fd direct =
		fd_of(ring, a10_direct(a10_open("/dev/null", O_RDWR, 0)));
	struct a10_address address;

	ck_assert_int_eq(refusal_of(ring, a10_work(NULL, NULL)), -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_message_send(NULL, 1)), -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_fd_move(direct, NULL)), -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_scope_wait(NULL)), -EFAULT);
	ck_assert_int_eq(refusal_of(ring, a10_resolve("[::1]:80", NULL, 1)),
			 -EFAULT);
	ck_assert_int_eq(value_of(ring, a10_resolve("[::1]:80", NULL, 0)), 1);
	ck_assert_int_eq(value_of(ring, a10_resolve("[::1]:80", &address, 1)),
			 1);
	fd_close(ring, direct);
	ring_close(ring);
}

TEST(a_direct_descriptor_of_another_ring_is_refused)
{
	struct a10_ring *one = ring_open_direct(4);
	struct a10_ring *two = ring_open_direct(4);
	struct a10_fd fd =
		fd_of(one, a10_direct(a10_open("/dev/zero", O_RDONLY, 0)));
	struct a10_fd own =
		fd_of(two, a10_direct(a10_open("/dev/zero", O_RDONLY, 0)));
	struct a10_op linked[2];
	char byte = 1;

	ck_assert(a10_fd_is_direct(fd) && a10_fd_is_direct(own));
	ck_assert(!a10_fd_equal(fd, own));
	ck_assert_int_eq(value_of(one, a10_read(fd, &byte, 1)), 1);
	ck_assert_int_eq(byte, 0);
	ck_assert_int_eq(refusal_of(two, a10_read(fd, &byte, 1)), -EXDEV);
	ck_assert_int_eq(refusal_of(two, a10_poll(fd, POLLIN)), -EXDEV);
	ck_assert_int_eq(refusal_of(two, a10_close(fd)), -EXDEV);
	ck_assert_int_eq(refusal_of(two, a10_fsync(fd)), -EXDEV);
	ck_assert_int_eq(refusal_of(two, a10_splice(fd, A10_NO_OFFSET, own,
						    A10_NO_OFFSET, 1, 0)),
			 -EXDEV);
	linked[0] = a10_read(own, &byte, 1);
	linked[1] = a10_read(fd, &byte, 1);
	ck_assert_int_eq(a10_submit_linked(a10_ring_sq(two), linked, 2,
					   on_never, NULL),
			 -EXDEV);
	/* And the ring that closes it is the one that it belongs to. */
	a10_fd_release(fd);
	run_for(one, A10_MILLISECOND);
	ck_assert_int_eq(value_of(one, a10_read(fd, &byte, 1)), -EBADF);
	fd_close(two, own);
	ring_close(one);
	ring_close(two);
}

/* ---- await_on --------------------------------------------------------------- */

TEST(the_owner_awaits_by_polling)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_result result;
	struct seen seen;

	start(ring, a10_nop(), &seen);
	memset(&result, 0xff, sizeof(result));
	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring), a10_after(A_MOMENT),
				      &result),
			 0);
	ck_assert_int_eq(result.value, 0);
	ck_assert_int_gt(result.id, 0);
	ck_assert(!result.more);
	ck_assert(!a10_fd_valid(result.fd));
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring), a10_nop(), NULL), 0);
	ring_close(ring);
}

static void *await_open(void *data)
{
	struct a10_result result;
	struct a10_op op = a10_open("/dev/null", O_RDWR, 0);

	ck_assert_int_eq(a10_await_on(data, op, &result), 0);
	ck_assert(a10_fd_valid(result.fd));
	ck_assert_int_eq(a10_await_on(data, a10_write(result.fd, "x", 1), NULL),
			 1);
	ck_assert_int_eq(a10_await_on(data, a10_close(result.fd), NULL), 0);
	ck_assert_int_eq(a10_await_on(data, a10_close(a10_fd_none()), NULL),
			 -EBADF);
	return NULL;
}

TEST(other_threads_await_while_the_owner_polls)
{
	struct a10_ring *ring = ring_open(NULL);
	pthread_t threads[4];

	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(await_open, a10_ring_sq(ring));
	for (int i = 0; i < 4; i++)
		RUN_UNTIL(ring, pthread_tryjoin_np(threads[i], NULL) == 0);
	ring_close(ring);
}

TEST(the_creator_becomes_the_owner_by_awaiting)
{
	struct a10_ring *ring = ring_open(NULL);

	await_open(a10_ring_sq(ring));
	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	ring_close(ring);
}

TEST(a_verb_that_refuses_writes_its_error_to_the_awaiter)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	struct a10_result result = { .value = 1 };
	int ends[2];

	ck_assert_int_eq(a10_await_on(sq, a10_timeout(a10_nop(), -1), &result),
			 -EINVAL);
	ck_assert_int_eq(result.value, -EINVAL);
	pipe_open(ends);
	result.value = 1;
	ck_assert_int_eq(a10_await_on(sq,
				      a10_multishot(a10_poll(
					      a10_fd_regular(ends[0]), POLLIN)),
				      &result),
			 -EINVAL);
	ck_assert_int_eq(result.value, -EINVAL);
	ring_close(ring);
	result.value = 1;
	ck_assert_int_eq(a10_await_on(sq, a10_nop(), &result), -ESHUTDOWN);
	ck_assert_int_eq(result.value, -ESHUTDOWN);
	a10_sq_unref(sq);
	pipe_close(ends);
}

TEST(awaiting_delivers_what_else_is_done_meanwhile)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen[50];

	for (int i = 0; i < 50; i++)
		start(ring, a10_after(i * A10_MILLISECOND / 10), &seen[i]);
	ck_assert_int_eq(
		a10_await_on(a10_ring_sq(ring), a10_after(A_MOMENT), NULL), 0);
	for (int i = 0; i < 50; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	ring_close(ring);
}

/* ---- raw -------------------------------------------------------------------- */

TEST(a_raw_request_is_done_as_the_kernel_reads_it)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe;
	struct folder folder;
	struct stat status;

	folder_open(&folder);
	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_MKDIRAT;
	sqe.fd = AT_FDCWD;
	sqe.addr = (uintptr_t)folder_file(&folder, "made");
	sqe.len = 0700;
	sqe.user_data = UINT64_MAX; /* the library's: not looked at */
	ck_assert_int_eq(value_of(ring, a10_raw(&sqe)), 0);
	ck_assert_int_eq(stat(folder.file, &status), 0);
	ck_assert(S_ISDIR(status.st_mode));
	ck_assert_int_eq(value_of(ring, a10_raw(&sqe)), -EEXIST);
	folder_close(&folder);
	ring_close(ring);
}

/* IORING_FEAT_RECVSEND_BUNDLE, which headers of 6.1 do not know. */
#define FEATURES_OF_6_10 (1u << 14)

/* The kernel's own for tests: NOP_INJECT_RESULT, of 6.10, says what to say. */
TEST(a_raw_nop_has_the_flags_of_the_kernel)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe;
	struct a10_ring_info info;
	ssize_t value;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_NOP;
	sqe.rw_flags = 1;
	sqe.len = 1234;
	value = value_of(ring, a10_raw(&sqe));
	/* Before, there is none: not looked at, or refused as any is. */
	a10_ring_info(ring, &info);
	if (info.features & FEATURES_OF_6_10)
		ck_assert_int_eq(value, 1234);
	else
		ck_assert(value == 0 || value == -EINVAL);
	sqe.rw_flags = 1 << 30;
	value = value_of(ring, a10_raw(&sqe));
	ck_assert(value == -EINVAL || value == 0);
	ring_close(ring);
}

TEST(a_raw_request_is_copied_by_the_verb)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe;
	struct seen seen;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_NOP;
	start(ring, a10_raw(&sqe), &seen);
	memset(&sqe, 0xff, sizeof(sqe));
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 0);
	ring_close(ring);
}

TEST(a_raw_request_cannot_break_the_ring)
{
	struct a10_ring *ring = ring_open(NULL);
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_NOP;
	sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
	ck_assert_int_eq(refusal_of(ring, a10_raw(&sqe)), -EINVAL);
	/* The link flags are the library's: it stands alone. */
	sqe.flags = IOSQE_IO_LINK;
	ck_assert_int_eq(value_of(ring, a10_raw(&sqe)), 0);
	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	sqe.flags = 0;
	sqe.opcode = 200;
	ck_assert_int_eq(outcome_of(ring, a10_raw(&sqe)), -EINVAL);
	ring_close(ring);
}
