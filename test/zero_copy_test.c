/*
 * Receiving without copies. What a network card would do is played by a script;
 * with the kernel itself all is copied into the same memory by the same requests,
 * on Linux 7.1 or newer (.ci/run vm-new). No card has been tried.
 */
#include "pools.h"

#include "scripted.h"

#include <net/if.h>
#include <netinet/in.h>

#define FD   a10_fd_regular(100)
#define PAGE 4096u

/* ---- a card that is played ---------------------------------------------------- */

#define HEAD    0
#define TAIL    64
#define ENTRIES 128

/* What was registered, and how much of what is given back has been taken. */
struct card {
	struct uring_zcrx_ifq_reg reg;
	struct uring_zcrx_area_reg area;
	struct uring_region_desc region;
	uint32_t taken;
	uint32_t flushed; /* how often it was told to */
	bool flushes;
};

static _Atomic uint32_t *card_word(const struct card *card, uint32_t offset)
{
	return (void *)(uintptr_t)(card->region.user_addr + offset);
}

static uint32_t card_given(const struct card *card)
{
	return atomic_load_explicit(card_word(card, TAIL),
				    memory_order_acquire) -
	       card->taken;
}

/* What was given back next. */
static struct uring_zcrx_rqe card_take(struct card *card)
{
	const struct uring_zcrx_rqe *entries =
		(void *)(uintptr_t)(card->region.user_addr + ENTRIES);
	struct uring_zcrx_rqe entry;

	ck_assert_uint_gt(card_given(card), 0);
	entry = entries[card->taken & (card->reg.rq_entries - 1)];
	atomic_store_explicit(card_word(card, HEAD), ++card->taken,
			      memory_order_release);
	return entry;
}

static int card_register(struct card *card, struct uring_zcrx_ifq_reg *reg)
{
	card->reg = *reg;
	memcpy(&card->area, (void *)(uintptr_t)reg->area_ptr,
	       sizeof(card->area));
	memcpy(&card->region, (void *)(uintptr_t)reg->region_ptr,
	       sizeof(card->region));
	reg->offsets.head = HEAD;
	reg->offsets.tail = TAIL;
	reg->offsets.rqes = ENTRIES;
	reg->zcrx_id = 7;
	return 0;
}

static int card_control(struct scripted *kernel, unsigned int opcode, void *arg,
			unsigned int count)
{
	struct card *card = kernel->data;
	const struct uring_zcrx_ctrl *ctrl = arg;

	if (opcode == URING_REGISTER_ZCRX_IFQ) {
		ck_assert_uint_eq(count, 1);
		return card_register(card, arg);
	}
	if (opcode != URING_REGISTER_ZCRX_CTRL)
		return SCRIPTED_DEFAULT;
	card->flushed++;
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(ctrl->zcrx_id, 7);
	ck_assert_uint_eq(ctrl->op, URING_ZCRX_CTRL_FLUSH_RQ);
	if (!card->flushes)
		return -EINVAL;
	while (card_given(card) > 0)
		card_take(card);
	return 0;
}

static const struct a10_config large = { .large_completions = A10_ON };

static struct scripted *card_ring(struct card *card)
{
	struct scripted *kernel = scripted_ring(&large);

	memset(card, 0, sizeof(*card));
	kernel->data = card;
	kernel->control = card_control;
	return kernel;
}

static struct a10_pool *card_pool(struct scripted *kernel, uint32_t count)
{
	struct a10_pool *pool = NULL;

	ck_assert_int_eq(
		a10_pool_create_zero_copy(kernel->ring, 3, 5, count, &pool), 0);
	ck_assert_uint_eq(a10_pool_available(pool), count);
	return pool;
}

static void card_close(struct scripted *kernel, struct a10_pool *pool)
{
	a10_pool_destroy(pool);
	scripted_destroy(kernel);
}

static struct a10_op receive(struct a10_pool *pool)
{
	return a10_multishot(a10_recv_pooled(FD, pool, 0));
}

/* Bytes come in at offset. */
static void card_receives(struct scripted *kernel,
			  struct scripted_request *recv, uint64_t offset,
			  const char *text)
{
	struct card *card = kernel->data;

	memcpy((void *)(uintptr_t)(card->area.addr + offset), text,
	       strlen(text));
	scripted_post_large(kernel, recv, (int32_t)strlen(text), offset);
	scripted_settle(kernel);
}

TEST(a_queue_of_a_card_is_registered_with_its_memory)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 100);

	ck_assert_uint_eq(card.reg.if_idx, 3);
	ck_assert_uint_eq(card.reg.if_rxq, 5);
	ck_assert_uint_eq(card.reg.rq_entries, 512);
	ck_assert_uint_eq(card.reg.flags, 0);
	ck_assert_uint_eq(card.area.len, 100 * PAGE);
	ck_assert_uint_eq(card.area.addr % PAGE, 0);
	ck_assert_uint_eq(card.region.flags, URING_MEM_REGION_TYPE_USER);
	ck_assert_uint_ge(card.region.size, ENTRIES + 512 * 16);
	ck_assert_uint_eq(card.region.size % PAGE, 0);
	ck_assert_uint_eq(a10_pool_buffer_size(pool), PAGE);
	ck_assert_int_eq(a10_pool_left(pool), -EOPNOTSUPP);
	card_close(kernel, pool);
}

TEST(what_a_card_received_is_lent_where_it_lies)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 4);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	struct uring_zcrx_rqe entry;

	scripted_submit(kernel, a10_poll_first(a10_bundled(receive(pool))),
			&notes);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	ck_assert_uint_eq(recv->sqe.file_index, 7);
	ck_assert_uint_eq(recv->sqe.ioprio,
			  URING_RECV_MULTISHOT | URING_RECVSEND_POLL_FIRST);
	ck_assert_uint_eq(recv->sqe.flags, 0);
	ck_assert(!recv->sqe.off && !recv->sqe.addr && !recv->sqe.len &&
		  !recv->sqe.op_flags && !recv->sqe.buf_index &&
		  !recv->sqe.addr3);
	card_receives(kernel, recv, 2 * PAGE + 100, "one");
	card_receives(kernel, recv, 2 * PAGE + 200, "three");
	card_receives(kernel, recv, 0, "two");
	ck_assert_uint_eq(notes.count, 3);
	buf_is(notes.at[0].buf, "one");
	buf_is(notes.at[1].buf, "three");
	buf_is(notes.at[2].buf, "two");
	ck_assert_uint_eq((uintptr_t)notes.at[1].buf.data,
			  card.area.addr + 2 * PAGE + 200);
	ck_assert_int_eq(notes.at[1].value, 5);
	ck_assert_uint_eq(notes.at[1].count, 5);
	ck_assert(notes.at[1].more);
	/* A page is out with its first piece, and back with its last. */
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	a10_buf_release(notes.at[0].buf);
	ck_assert_uint_eq(a10_pool_available(pool), 2);
	a10_buf_release(notes.at[0].buf); /* harmless */
	a10_buf_release(notes.at[1].buf);
	a10_buf_release(notes.at[2].buf);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	/* But each piece is given back. */
	ck_assert_uint_eq(card_given(&card), 3);
	for (uint64_t i = 0; i < 3; i++) {
		entry = card_take(&card);
		ck_assert_uint_eq(entry.off, i < 2 ? 2 * PAGE : 0);
		ck_assert_uint_eq(entry.pad, 0);
	}
	scripted_answer(kernel, recv, 0, 0);
	ck_assert_uint_eq(notes.count, 4);
	ck_assert_int_eq(notes.at[3].value, 0);
	ck_assert_ptr_null(notes.at[3].buf.data);
	ck_assert(!notes.at[3].more);
	card_close(kernel, pool);
}

static void *release_in_thread(void *data)
{
	const struct notes *notes = data;

	for (uint32_t i = 0; i < notes->count; i++)
		a10_buf_release(notes->at[i].buf);
	return NULL;
}

TEST(another_thread_gives_back_what_a_card_received)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 4);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	scripted_submit(kernel, a10_bounded(receive(pool), 2), &notes);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	card_receives(kernel, recv, 0, "a");
	card_receives(kernel, recv, PAGE, "b");
	/* As many are out as were said. */
	ck_assert_uint_eq(kernel->cancels, 1);
	scripted_settle(kernel);
	thread_join(thread_start(release_in_thread, &notes));
	ck_assert_uint_eq(card_given(&card), 0);
	scripted_settle(kernel);
	ck_assert_uint_eq(card_given(&card), 2);
	ck_assert_uint_eq(a10_pool_available(pool), 4);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	notes = (struct notes){ 0 };
	/* Two out at the end: one given back between, and one after all. */
	card_receives(kernel, recv, 0, "c");
	card_receives(kernel, recv, PAGE, "d");
	a10_pool_destroy(pool);
	scripted_settle(kernel);
	a10_buf_release(notes.at[0].buf);
	scripted_destroy(kernel);
	buf_is(notes.at[1].buf, "d");
	a10_buf_release(notes.at[1].buf);
}

/* Pieces are many, and the kernel takes none of them back for a while. */
static void test_no_room(bool flushes)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 1);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	uint32_t entries, enters;

	card.flushes = flushes;
	entries = card.reg.rq_entries;
	ck_assert_uint_eq(entries, 64);
	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	for (uint32_t i = 0; i < entries + 10; i++) {
		notes.count = 0;
		card_receives(kernel, recv, i, "x");
		a10_buf_release(notes.at[0].buf);
	}
	ck_assert_uint_eq(a10_pool_available(pool), 1);
	ck_assert_uint_eq(card.flushed, 1);
	if (flushes) {
		ck_assert_uint_eq(card_given(&card), 10);
	} else {
		ck_assert_uint_eq(card_given(&card), entries);
		/* In its sleep it looks again, as nobody wakes it. */
		enters = kernel->enters;
		ck_assert_int_eq(
			a10_ring_poll(kernel->ring, 10 * A10_MILLISECOND), 0);
		ck_assert_uint_ge(kernel->enters, enters + 9);
		ck_assert_uint_le(kernel->enters, enters + 12);
		for (uint32_t i = 0; i < 4; i++)
			card_take(&card);
		ck_assert_int_eq(a10_ring_poll(kernel->ring, A10_MILLISECOND),
				 0);
		ck_assert_uint_eq(card_given(&card), entries);
		while (card_given(&card) > 0)
			card_take(&card);
		scripted_settle(kernel);
		ck_assert_uint_eq(card_given(&card), 6);
		ck_assert_uint_eq(kernel->ring->owing, 0);
	}
	card_close(kernel, pool);
}

TEST(what_finds_no_room_to_be_given_back_is_given_later)
{
	test_no_room(false);
}

TEST(the_kernel_is_told_to_take_what_was_given_back)
{
	test_no_room(true);
}

TEST(a_pool_that_owes_the_kernel_is_destroyed)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 1);
	struct notes notes = { 0 };
	struct scripted_request *recv;
	struct a10_buf kept = { .data = NULL };

	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	for (uint32_t i = 0; i < card.reg.rq_entries + 3; i++) {
		notes.count = 0;
		card_receives(kernel, recv, i, "x");
		if (i != 7)
			a10_buf_release(notes.at[0].buf);
		else
			kept = notes.at[0].buf;
	}
	ck_assert_uint_eq(kernel->ring->owing, 1);
	a10_pool_destroy(pool);
	ck_assert_uint_eq(kernel->ring->owing, 0);
	scripted_settle(kernel);
	ck_assert_int_eq(notes.at[notes.count - 1].value, -ECANCELED);
	ck_assert_int_eq(a10_submit(kernel->sq, receive(pool), notes_take,
				    &notes),
			 -ENXIO);
	a10_buf_release(kept);
	scripted_destroy(kernel);
}

/* No page to copy into, whatever is done about it; it must go on. */
TEST(a_receive_without_copies_waits_for_a_page)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 1);
	struct notes notes = { 0 };
	struct scripted_request *recv;

	card.flushes = true;
	scripted_submit(kernel, receive(pool), &notes);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	card_receives(kernel, recv, 0, "x");
	scripted_answer(kernel, recv, -ENOMEM, 0);
	/* All of them are out: only who gives one back helps. */
	scripted_pass(kernel, A10_SECOND);
	scripted_no_more(kernel);
	ck_assert_uint_eq(card.flushed, 0);
	a10_buf_release(notes.at[0].buf);
	scripted_settle(kernel);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	/* What was given back is not taken yet, so that is said. */
	scripted_answer(kernel, recv, -ENOMEM, 0);
	ck_assert_uint_eq(card.flushed, 1);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	/* The card has them: later. */
	scripted_answer(kernel, recv, -ENOMEM, 0);
	scripted_no_more(kernel);
	scripted_pass(kernel, 2 * A10_MILLISECOND);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	/* The queue of completions was full: at once. */
	scripted_answer(kernel, recv, -ENOSPC, 0);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	/* And one that does not know how to be told: later. */
	card.flushes = false;
	card_receives(kernel, recv, 0, "y");
	a10_buf_release(notes.at[1].buf);
	scripted_answer(kernel, recv, -ENOMEM, 0);
	scripted_no_more(kernel);
	ck_assert_uint_eq(card.flushed, 2);
	scripted_pass(kernel, 2 * A10_MILLISECOND);
	recv = scripted_next(kernel, URING_OP_RECV_ZC);
	ck_assert_uint_eq(notes.count, 2);
	/* What it was waiting for is no answer to one that is cancelled. */
	kernel->hold_cancels = true;
	ck_assert_int_eq(a10_cancel(kernel->sq, notes.at[0].id), 0);
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL),
		      -ENOENT, 0);
	scripted_answer(kernel, recv, -ENOMEM, 0);
	ck_assert_uint_eq(notes.count, 3);
	ck_assert_int_eq(notes.at[2].value, -ECANCELED);
	card_close(kernel, pool);
}

/* ---- what is refused ----------------------------------------------------------- */

TEST(only_a_multishot_receives_without_copies)
{
	struct card card;
	struct scripted *kernel = card_ring(&card);
	struct a10_pool *pool = card_pool(kernel, 1);
	struct a10_op ops[5];

	ops[0] = a10_recv_pooled(FD, pool, 0);
	ops[1] = a10_multishot(a10_recv_pooled(FD, pool, MSG_PEEK));
	ops[2] = a10_multishot(a10_read_pooled(FD, pool));
	ops[3] = a10_read_pooled(FD, pool);
	ops[4] = a10_multishot(a10_recvmsg_pooled(FD, pool, 0, 0));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(a10_submit(kernel->sq, ops[i], NULL, NULL),
				 -EINVAL);
	card_close(kernel, pool);
}

static int zero_copy_error(struct a10_ring *ring, uint32_t interface)
{
	struct a10_pool *pool = NULL;
	const int err = a10_pool_create_zero_copy(ring, interface, 0, 4, &pool);

	if (err < 0)
		ck_assert_ptr_null(pool);
	a10_pool_destroy(pool);
	return err;
}

TEST(what_is_no_card_is_refused_in_the_kernels_words)
{
	struct a10_ring *ring = ring_open(&large);
	struct a10_ring *small = ring_open(NULL);
	struct a10_pool *pool = NULL;
	const uint32_t loopback_index = if_nametoindex("lo");
	int err;

	ck_assert_int_eq(a10_pool_create_zero_copy(ring, 1, 0, 0, &pool),
			 -EINVAL);
	ck_assert_int_eq(a10_pool_create_zero_copy(ring, 1, 0, 65537, &pool),
			 -EINVAL);
	ck_assert_int_eq(a10_pool_create_zero_copy(ring, 0, 1, 4, &pool),
			 -EINVAL);
	if (!ring_has(ring, A10_OPCODE_RECV_ZC)) {
		ck_assert_int_eq(zero_copy_error(ring, 1), -EOPNOTSUPP);
	} else {
		ck_assert_int_eq(zero_copy_error(small, 1), -EINVAL);
		err = zero_copy_error(ring, loopback_index);
		ck_assert_msg(err == -EOPNOTSUPP || err == -EPERM,
			      "the loopback: %s", strerror(-err));
		err = zero_copy_error(ring, 999999);
		ck_assert_msg(err == -ENODEV || err == -EPERM,
			      "no interface: %s", strerror(-err));
	}
	ring_close(small);
	ring_close(ring);
}

/* ---- by the kernel, which copies ----------------------------------------------- */

static struct a10_pool *copied_pool(struct a10_ring *ring, uint32_t count)
{
	struct a10_pool *pool = NULL;
	const int err = a10_pool_create_zero_copy(ring, 0, 0, count, &pool);

	if (err == -EOPNOTSUPP)
		SKIP("no ZCRX_REG_NODEV");
	if (err == -EPERM)
		SKIP("no CAP_NET_ADMIN");
	ck_assert_msg(err == 0, "no pool: %s", strerror(-err));
	return pool;
}

static void tcp_open(struct pair *ret_pair)
{
	struct a10_address address = loopback(0);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(listener, &address.as.any, address.length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(
		getsockname(listener, &address.as.any, &address.length), 0);
	ck_assert_int_eq(connect(ours, &address.as.any, address.length), 0);
	ret_pair->ours = a10_fd_regular(ours);
	ret_pair->theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(ret_pair->theirs, 0);
	ck_assert_int_eq(close(listener), 0);
}

enum {
	TOTAL = 1 << 20
};

static void *send_all(void *data)
{
	const int fd = *(const int *)data;
	unsigned char *bytes = malloc(TOTAL);

	ck_assert_ptr_nonnull(bytes);
	pattern_fill(bytes, TOTAL, 0);
	for (size_t done = 0; done < TOTAL;) {
		const ssize_t count = write(fd, bytes + done, TOTAL - done);

		ck_assert_int_gt(count, 0);
		done += (size_t)count;
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	free(bytes);
	return NULL;
}

#define KEPT 8

/* Keeps some of them for a while, and looks at each as it lets it go. */
struct stream_seen {
	uint64_t at;
	struct a10_buf kept[KEPT];
	uint64_t kept_at[KEPT];
	uint32_t results;
	bool over;
};

static void on_piece(void *data, const struct a10_result *r)
{
	struct stream_seen *seen = data;
	const uint32_t place = seen->results % KEPT;

	ck_assert_msg(r->value >= 0, "%s", strerror((int)-r->value));
	ck_assert(!seen->over);
	if (seen->kept[place].data)
		pattern_check(seen->kept[place].data, seen->kept[place].length,
			      seen->kept_at[place]);
	a10_buf_release(seen->kept[place]);
	seen->kept[place] = r->buf;
	seen->kept_at[place] = seen->at;
	ck_assert_uint_eq(r->buf.length, (size_t)r->value);
	seen->at += r->buf.length;
	seen->results++;
	seen->over = !r->more;
}

static void test_stream(struct a10_ring *ring, struct a10_pool *pool,
			uint32_t bound)
{
	struct stream_seen seen = { 0 };
	struct a10_op op;
	struct pair pair;
	pthread_t thread;

	tcp_open(&pair);
	op = a10_multishot(a10_recv_pooled(pair.ours, pool, 0));
	if (bound)
		op = a10_bounded(op, bound);
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), op, on_piece, &seen), 0);
	thread = thread_start(send_all, &pair.theirs);
	RUN_UNTIL(ring, seen.over);
	thread_join(thread);
	ck_assert_uint_eq(seen.at, TOTAL);
	for (uint32_t i = 0; i < KEPT; i++)
		a10_buf_release(seen.kept[i]);
	pair_close(ring, &pair);
}

TEST(a_stream_is_received_into_the_memory_of_a_card)
{
	struct a10_ring *ring = ring_open(&large);
	struct a10_pool *pool = copied_pool(ring, 16);

	for (int i = 0; i < 2; i++)
		test_stream(ring, pool, 0);
	test_stream(ring, pool, KEPT + 2);
	ck_assert_uint_eq(a10_pool_available(pool), 16);
	a10_pool_destroy(pool);
	ring_close(ring);
}

TEST(a_stream_goes_on_though_completions_find_no_room)
{
	const struct a10_config config = { .submission_entries = 4,
					   .completion_entries = 4,
					   .large_completions = A10_ON };
	struct a10_ring *ring = ring_open(&config);

	test_stream(ring, copied_pool(ring, 256), 0);
	ring_close(ring);
}

TEST(receives_without_copies_are_cancelled_and_closed)
{
	struct a10_ring *ring = ring_open(&large);
	struct a10_pool *pool = copied_pool(ring, 4);
	struct seen seen;
	struct a10_op op;
	struct pair pair;
	a10_id id;

	tcp_open(&pair);
	op = a10_multishot(a10_recv_pooled(pair.ours, pool, 0));
	id = start(ring, op, &seen);
	put(pair.theirs, "abc", 3);
	RUN_UNTIL(ring, seen.count == 1);
	buf_is(seen.at[0].buf, "abc");
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	a10_buf_release(seen.at[0].buf);
	/* What nobody wants goes back; the end of the ring ends the rest. */
	ck_assert_int_gt(a10_submit(a10_ring_sq(ring), op, NULL, NULL), 0);
	for (int i = 0; i < 20; i++) {
		put(pair.theirs, "abc", 3);
		run_for(ring, A10_MILLISECOND);
	}
	RUN_UNTIL(ring, a10_pool_available(pool) == 4);
	pair_close(ring, &pair);
	tcp_open(&pair);
	(void)start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		    &seen);
	put(pair.theirs, "last", 4);
	RUN_UNTIL(ring, seen.count == 1);
	ring_close(ring);
	ck_assert_uint_eq(seen.ended, 1);
	a10_buf_release(seen.at[0].buf);
	ck_assert_int_eq(close(a10_fd_number(pair.ours)), 0);
	ck_assert_int_eq(close(pair.theirs), 0);
}

TEST(only_tcp_is_received_without_copies)
{
	struct a10_ring *ring = ring_open(&large);
	struct a10_pool *pool = copied_pool(ring, 4);
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(outcome_of(ring, a10_multishot(a10_recv_pooled(
						  pair.ours, pool, 0))),
			 -EPROTONOSUPPORT);
	pair_close(ring, &pair);
	ring_close(ring);
}
