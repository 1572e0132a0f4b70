/*
 * What a task lends is its own again when the await returns, and not before:
 * of a send without copying that is when the kernel tells that it needs the
 * bytes no more, which it may do long after it told the result, whatever ended
 * it, and in whatever form it is awaited.
 */
#include "support.h"

#include <a10/task.h>

#include "scripted.h"

#define FD   a10_fd_regular(7)
#define LATE (10 * A10_SECOND)

/* ---- by a kernel that tells when it is told to ------------------------------ */

enum form {
	FORM_AWAIT,
	FORM_RESULT,
	FORM_LINKED,
	FORM_EVERY,
	FORM_FIRST, /* beside a timer that ends later */
	FORM_COUNT,
};

struct lender {
	enum form form;
	int64_t timeout_ns; /* or 0 */
	bool over;
	ssize_t value;
	struct a10_result results[2];
	struct scripted_request *nop; /* beside it, or behind */
};

static ssize_t await_in(enum form form, const struct a10_op *ops,
			struct a10_result *results)
{
	switch (form) {
	case FORM_AWAIT:
		return results[0].value = a10_await(ops[0]);
	case FORM_RESULT:
		return a10_await_result(ops[0], results);
	case FORM_LINKED:
		return a10_await_linked(ops, 2, results);
	case FORM_EVERY:
		return a10_await_every(ops, 2, results);
	default:
		return a10_await_first(ops, 2, results);
	}
}

static int lend(void *data)
{
	struct lender *lender = data;
	struct a10_op ops[2] = { a10_zero_copy(a10_send(FD, "0123", 4, 0)),
				 a10_nop() };

	if (lender->timeout_ns)
		ops[0] = a10_timeout(ops[0], lender->timeout_ns);
	if (lender->form == FORM_FIRST)
		ops[1] = a10_after(LATE);
	lender->value = await_in(lender->form, ops, lender->results);
	lender->over = true;
	return 0;
}

/* The task has begun, and the kernel has its request, which is returned. */
static struct scripted_request *
lend_begin(struct scripted *kernel, struct lender *lender, a10_id *ret_task)
{
	struct scripted_request *send;

	*ret_task = a10_task_spawn(kernel->sq, lend, lender, 0);
	ck_assert_int_gt(*ret_task, 0);
	scripted_settle(kernel);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	if (lender->form == FORM_LINKED || lender->form == FORM_EVERY)
		lender->nop = scripted_next(kernel, URING_OP_NOP);
	if (lender->form == FORM_EVERY)
		scripted_answer(kernel, lender->nop, 0, 0);
	return send;
}

/* All else is over; then the notification comes, and only then it returns. */
static void lend_end(struct scripted *kernel, struct lender *lender,
		     struct scripted_request *send)
{
	scripted_pass(kernel, A10_SECOND / 10);
	ck_assert_msg(!lender->over, "form %d: too early", lender->form);
	scripted_answer(kernel, send, 0, URING_CQE_F_NOTIF);
	ck_assert_msg(lender->over, "form %d: not over", lender->form);
	scripted_destroy(kernel);
}

static void lend_and_succeed(enum form form)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct lender lender = { .form = form };
	struct scripted_request *send;
	a10_id task;

	send = lend_begin(kernel, &lender, &task);
	scripted_answer(kernel, send, 4, URING_CQE_F_MORE);
	if (form == FORM_LINKED)
		scripted_answer(kernel, lender.nop, 0, 0);
	lend_end(kernel, &lender, send);
	ck_assert_int_eq(lender.results[0].value, 4);
	ck_assert_int_eq(lender.value,
			 form == FORM_AWAIT || form == FORM_RESULT ? 4 : 0);
	if (form == FORM_FIRST)
		ck_assert_int_eq(lender.results[1].value, -ECANCELED);
}

TEST(an_await_returns_when_the_kernel_is_done_with_what_was_lent)
{
	for (int form = 0; form < FORM_COUNT; form++)
		lend_and_succeed((enum form)form);
}

/* The kernel hears that it is to be stopped. */
static void cancel_take(struct scripted *kernel)
{
	scripted_settle(kernel);
	scripted_post(kernel, scripted_next(kernel, URING_OP_ASYNC_CANCEL), 0,
		      0);
	/* Of the rest of a chain too, which it ends by itself. */
	kernel->hold_cancels = false;
}

/* It is stopped, but some bytes are on their way. */
static void lend_and_end(enum form form, int64_t timeout_ns, int64_t due)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct lender lender = { .form = form, .timeout_ns = timeout_ns };
	struct scripted_request *send;
	a10_id task;

	kernel->hold_cancels = true;
	send = lend_begin(kernel, &lender, &task);
	if (timeout_ns)
		scripted_pass(kernel, timeout_ns);
	else
		a10_cancel(kernel->sq, task);
	cancel_take(kernel);
	scripted_answer(kernel, send, -ECANCELED, URING_CQE_F_MORE);
	lend_end(kernel, &lender, send);
	ck_assert_int_eq(lender.results[0].value, due);
	/* The first is the index of one, unless the task was cancelled. */
	ck_assert_int_eq(lender.value,
			 form == FORM_FIRST && timeout_ns ? 0 : due);
}

TEST(a_cancelled_await_returns_when_the_kernel_is_done_with_what_was_lent)
{
	for (int form = 0; form < FORM_COUNT; form++)
		lend_and_end((enum form)form, 0, -ECANCELED);
}

TEST(an_await_whose_time_is_over_returns_when_the_kernel_is_done)
{
	for (int form = 0; form < FORM_COUNT; form++)
		lend_and_end((enum form)form, A10_SECOND, -ETIME);
}

/* Its result is told, and the cancel has come too late for it. */
static void lend_and_cancel_late(enum form form)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct lender lender = { .form = form };
	struct scripted_request *send;
	a10_id task;

	send = lend_begin(kernel, &lender, &task);
	scripted_answer(kernel, send, 4, URING_CQE_F_MORE);
	a10_cancel(kernel->sq, task);
	lend_end(kernel, &lender, send);
	ck_assert_int_eq(lender.results[0].value, 4);
}

TEST(a_cancel_between_result_and_notification_waits_for_that)
{
	for (int form = 0; form < FORM_COUNT; form++)
		lend_and_cancel_late((enum form)form);
}

/* The other one is over, and ends this one, which still has the bytes. */
static int lend_to_the_loser(void *data)
{
	struct lender *lender = data;
	const struct a10_op ops[2] = {
		a10_zero_copy(a10_send(FD, "0123", 4, 0)), a10_after(A10_SECOND)
	};

	lender->value = a10_await_first(ops, 2, lender->results);
	lender->over = true;
	return 0;
}

TEST(who_wins_waits_until_the_kernel_is_done_with_what_the_loser_was_lent)
{
	struct scripted *kernel = scripted_ring(NULL);
	struct lender lender = { .form = FORM_FIRST };
	struct scripted_request *send;

	kernel->hold_cancels = true;
	ck_assert_int_gt(
		a10_task_spawn(kernel->sq, lend_to_the_loser, &lender, 0), 0);
	scripted_settle(kernel);
	send = scripted_next(kernel, URING_OP_SEND_ZC);
	scripted_pass(kernel, A10_SECOND);
	cancel_take(kernel);
	scripted_answer(kernel, send, 2, URING_CQE_F_MORE);
	lend_end(kernel, &lender, send);
	ck_assert_int_eq(lender.value, 1);
	ck_assert_int_eq(lender.results[0].value, 2);
	ck_assert_int_eq(lender.results[1].value, 0);
}

/* ---- by the real one --------------------------------------------------------- */

/* More than the sockets hold, and less than a user may lock. */
#define SIZE ((size_t)2 << 20)
#define ROOM (128 << 10)

struct sender {
	struct a10_fd fd;
	unsigned char *bytes;
	int64_t timeout_ns; /* or 0 */
	bool over;
	struct a10_result result;
};

static struct a10_fd tcp_open(struct a10_ring *ring, int *ret_peer)
{
	struct a10_fd listener = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	struct a10_address address = { .length = sizeof(address.as) };
	struct a10_fd fd;
	const int room = ROOM;
	char text[64];

	ck_assert_int_eq(setsockopt(a10_fd_number(listener), SOL_SOCKET,
				    SO_RCVBUF, &room, sizeof(room)),
			 0);
	ck_assert_int_eq(getsockname(a10_fd_number(listener), &address.as.any,
				     &address.length),
			 0);
	a10_address_format(&address, text, sizeof(text));
	fd = fd_of(ring, a10_connect_to(text, 0));
	*ret_peer = accept4(a10_fd_number(listener), NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_peer, 0);
	ck_assert_int_eq(setsockopt(a10_fd_number(fd), SOL_SOCKET, SO_SNDBUF,
				    &room, sizeof(room)),
			 0);
	fd_close(ring, listener);
	return fd;
}

/* What it gets back it uses again at once. */
static int send_much(void *data)
{
	struct sender *sender = data;
	struct a10_op op = a10_zero_copy(
		a10_all(a10_send(sender->fd, sender->bytes, SIZE, 0)));

	if (sender->timeout_ns)
		op = a10_timeout(op, sender->timeout_ns);
	a10_await_result(op, &sender->result);
	memset(sender->bytes, 0xee, SIZE);
	sender->over = true;
	return 0;
}

/* Reads what has come; it must be what was sent, whatever is there by now. */
static void take(int peer, size_t *at)
{
	static unsigned char some[65536];
	const ssize_t n = recv(peer, some, sizeof(some), MSG_DONTWAIT);

	if (n > 0) {
		pattern_check(some, (size_t)n, *at);
		*at += (size_t)n;
	}
}

/* Nobody reads, so that it must be ended; then all is read. */
static void send_and_end(int64_t timeout_ns, ssize_t due)
{
	struct a10_ring *ring = ring_open(NULL);
	struct sender sender = { .timeout_ns = timeout_ns };
	size_t at = 0;
	a10_id task;
	int peer;

	ring_needs(ring, A10_OPCODE_SEND_ZC);
	sender.bytes = malloc(SIZE);
	ck_assert_ptr_nonnull(sender.bytes);
	pattern_fill(sender.bytes, SIZE, 0);
	sender.fd = tcp_open(ring, &peer);
	task = a10_task_spawn(a10_ring_sq(ring), send_much, &sender, 0);
	run_for(ring, A_MOMENT);
	ck_assert(!sender.over);
	if (!timeout_ns)
		a10_cancel(a10_ring_sq(ring), task);
	run_for(ring, A_MOMENT);
	/* Part of it is in the socket, and where it always was. */
	ck_assert(!sender.over);
	while (!sender.over) {
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		take(peer, &at);
	}
	ck_assert_int_eq(sender.result.value, due);
	ck_assert_uint_lt(sender.result.count, SIZE);
	fd_close(ring, sender.fd);
	while (at < sender.result.count)
		take(peer, &at);
	ck_assert_uint_eq(at, sender.result.count);
	free(sender.bytes);
	ck_assert_int_eq(close(peer), 0);
	ring_close(ring);
}

TEST(what_a_cancelled_send_was_lent_may_be_used_again_at_once)
{
	send_and_end(0, -ECANCELED);
}

TEST(what_a_send_was_lent_whose_time_is_over_may_be_used_again_at_once)
{
	send_and_end(A_MOMENT / 2, -ETIME);
}
