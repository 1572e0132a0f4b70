/* Messages from ring to ring and from threads without one; moved descriptors. */
#include "support.h"

#include "ring/core.h"

#include <stdatomic.h>

#define SENDERS 3

/* What a ring got, by sender: the upper half of a message. */
struct inbox {
	uint32_t next[SENDERS];
	unsigned int count;
	bool over;
};

static void on_message(void *data, const struct a10_result *r)
{
	struct inbox *inbox = data;
	const uint32_t sender = (uint32_t)(r->extra[0] >> 32);

	if (r->value < 0) {
		ck_assert(!r->more);
		inbox->over = true;
		return;
	}
	ck_assert_int_eq(r->value, 0);
	ck_assert_uint_lt(sender, SENDERS);
	ck_assert_uint_eq((uint32_t)r->extra[0], inbox->next[sender]);
	inbox->next[sender]++;
	inbox->count++;
}

struct sender {
	struct a10_sq *to;
	uint32_t number;
	uint32_t count;
};

static uint64_t message(const struct sender *sender, uint32_t i)
{
	return (uint64_t)sender->number << 32 | i;
}

static void *post_many(void *data)
{
	struct sender *sender = data;

	for (uint32_t i = 0; i < sender->count; i++)
		ck_assert_int_eq(
			a10_message_post(sender->to, message(sender, i)), 0);
	return NULL;
}

/* By operations of a ring of its own. */
static void *send_many(void *data)
{
	struct sender *sender = data;
	struct a10_ring *ring = ring_open(NULL);
	struct seen seen = { 0 };

	for (uint32_t i = 0; i < sender->count; i++)
		ck_assert_int_gt(
			a10_submit(a10_ring_sq(ring),
				   a10_message_send(sender->to,
						    message(sender, i)),
				   on_seen, &seen),
			0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_uint_eq(seen.ended, sender->count);
	ck_assert_int_eq(seen.last.value, 0);
	ring_close(ring);
	return NULL;
}

static void test_senders(const struct a10_config *config, bool before)
{
	struct a10_ring *ring = ring_open(config);
	const uint32_t count = test_scaled(2000);
	struct inbox inbox = { 0 };
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	a10_id id = 0;

	ring_bind(ring);
	if (!before)
		id = a10_submit(a10_ring_sq(ring),
				a10_multishot(a10_message_receive()),
				on_message, &inbox);
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ a10_ring_sq(ring), i, count };
		threads[i] = thread_start(i == 0 ? send_many : post_many,
					  &senders[i]);
	}
	if (before) {
		for (int i = 0; i < SENDERS; i++)
			thread_join(threads[i]);
		run_for(ring, A10_MILLISECOND);
		ck_assert_uint_eq(a10_ring_pending(ring), 0);
		id = a10_submit(a10_ring_sq(ring),
				a10_multishot(a10_message_receive()),
				on_message, &inbox);
	}
	ck_assert_int_gt(id, 0);
	RUN_UNTIL(ring, inbox.count == SENDERS * count);
	if (!before)
		for (int i = 0; i < SENDERS; i++)
			thread_join(threads[i]);
	ck_assert_int_eq(a10_cancel(a10_ring_sq(ring), id), 0);
	RUN_UNTIL(ring, inbox.over);
	ring_close(ring);
}

TEST(messages_of_each_thread_come_in_order)
{
	struct a10_config threaded = { .kernel_thread = A10_ON };

	test_senders(NULL, false);
	test_senders(&threaded, false);
}

TEST(messages_wait_for_somebody_to_receive_them)
{
	test_senders(NULL, true);
}

TEST(each_message_is_received_by_one)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen first, second, third;
	a10_id id;

	start(ring, a10_message_receive(), &first);
	id = start(ring, a10_message_receive(), &second);
	start(ring, a10_message_receive(), &third);
	ring_bind(ring);
	ck_assert_int_eq(a10_cancel(sq, id), 0);
	ck_assert_int_eq(a10_message_post(sq, UINT64_MAX), 0);
	RUN_UNTIL(ring, first.ended == 1);
	ck_assert_int_eq(first.last.value, 0);
	ck_assert_uint_eq(first.last.extra[0], UINT64_MAX);
	ck_assert_int_eq(second.last.value, -ECANCELED);
	ck_assert_uint_eq(third.count, 0);
	ck_assert_int_eq(a10_message_post(sq, 7), 0);
	ck_assert_int_eq(a10_message_post(sq, 8), 0);
	RUN_UNTIL(ring, third.ended == 1);
	ck_assert_uint_eq(third.last.extra[0], 7);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	/* One is left, and the ring ends all the same. */
	ring_close(ring);
}

TEST(a_receive_has_its_time)
{
	struct a10_ring *ring = ring_open(NULL);

	ck_assert_int_eq(value_of(ring,
				  a10_timeout(a10_message_receive(), A_MOMENT)),
			 -ETIME);
	ring_close(ring);
}

TEST(who_comes_after_the_last_has_given_up_gets_its_message)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);
	struct seen first, last, late;
	a10_id id;

	ring_bind(ring);
	start(ring, a10_message_receive(), &first);
	id = start(ring, a10_message_receive(), &last);
	ck_assert_int_eq(a10_cancel(sq, id), 0);
	start(ring, a10_message_receive(), &late);
	ck_assert_int_eq(a10_message_post(sq, 1), 0);
	ck_assert_int_eq(a10_message_post(sq, 2), 0);
	RUN_UNTIL(ring, late.ended == 1);
	ck_assert_uint_eq(first.last.extra[0], 1);
	ck_assert_uint_eq(late.last.extra[0], 2);
	ck_assert_int_eq(last.last.value, -ECANCELED);
	ring_close(ring);
}

TEST(each_message_gives_those_who_receive_many_their_time_anew)
{
	struct a10_ring *ring = ring_open(NULL);
	const int64_t time = (int64_t)test_slowed(160) * A10_MILLISECOND;
	const int64_t begin = a10_now();
	struct seen seen;

	ring_bind(ring);
	start(ring, a10_timeout(a10_multishot(a10_message_receive()), time),
	      &seen);
	for (uint64_t i = 0; i < 6; i++) {
		run_for(ring, time / 4);
		ck_assert_int_eq(a10_message_post(a10_ring_sq(ring), i), 0);
	}
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_eq(seen.count, 7);
	ck_assert_int_eq(seen.last.value, -ETIME);
	ck_assert_int_ge(a10_now() - begin, time / 4 * 6 + time);
	ring_close(ring);
}

static void *post_one(void *data)
{
	ck_assert_int_eq(a10_message_post(data, 2), 0);
	return NULL;
}

TEST(a_message_takes_no_place_once_it_is_received)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_ring_sq(ring);

	ring_bind(ring);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(a10_message_post(sq, 1), 0);
		ck_assert_int_eq(value_of(ring, a10_message_receive()), 0);
	}
	for (int i = 0; i < 20; i++) {
		thread_join(thread_start(post_one, sq));
		ck_assert_int_eq(value_of(ring, a10_message_receive()), 0);
	}
	ck_assert_uint_lt(ring->slots_used, 16);
	ck_assert_uint_lt(ring->sq.foreign_used, 4);
	ring_close(ring);
}

static void on_again(void *data, const struct a10_result *r)
{
	unsigned int *count = data;

	if (r->value == 0 && ++*count < 1000)
		ck_assert_int_eq(a10_message_post(r->sq, r->extra[0] + 1), 0);
}

/* A ring that talks to itself comes out of poll all the same. */
TEST(what_a_callback_posts_to_its_own_ring_waits_for_the_next_turn)
{
	struct a10_ring *ring = ring_open(NULL);
	unsigned int count = 0;

	ck_assert_int_gt(a10_submit(a10_ring_sq(ring),
				    a10_multishot(a10_message_receive()),
				    on_again, &count),
			 0);
	ring_bind(ring);
	ck_assert_int_eq(a10_message_post(a10_ring_sq(ring), 0), 0);
	ck_assert_int_gt(a10_ring_poll(ring, 0), 0);
	ck_assert_uint_lt(count, 10);
	RUN_UNTIL(ring, count == 1000);
	ring_close(ring);
}

TEST(a_message_to_a_ring_that_is_gone_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_ring *gone = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(gone));

	ring_close(gone);
	ck_assert_int_eq(a10_message_post(sq, 1), -ESHUTDOWN);
	ck_assert_int_eq(value_of(ring, a10_message_send(sq, 1)), -ESHUTDOWN);
	a10_sq_unref(sq);
	ring_close(ring);
}

/* ---- descriptors ---------------------------------------------------------------- */

struct mover {
	struct a10_ring *ring;
	atomic_bool stop;
};

static void *poll_until_stopped(void *data)
{
	struct mover *mover = data;

	while (!atomic_load(&mover->stop))
		ck_assert_int_ge(a10_ring_poll(mover->ring, A10_MILLISECOND),
				 0);
	ring_close(mover->ring);
	return NULL;
}

static void *serve_moved(void *data)
{
	struct mover *mover = data;
	struct a10_result got;
	char byte = 0;

	ring_bind(mover->ring);
	got = result_of(mover->ring, a10_message_receive());
	got.fd.plus_one = (int32_t)got.extra[0];
	got.fd.ring = (uint32_t)(got.extra[0] >> 32);
	ck_assert_int_eq(value_of(mover->ring, a10_recv(got.fd, &byte, 1, 0)),
			 1);
	ck_assert_int_eq(byte, 'x');
	ck_assert_int_eq(value_of(mover->ring, a10_send(got.fd, "y", 1, 0)), 1);
	fd_close(mover->ring, got.fd);
	ring_close(mover->ring);
	return NULL;
}

static void needs_moves(struct a10_ring *ring)
{
	ring_needs(ring, A10_OPCODE_MSG_RING);
}

/* A connection accepted on one ring is served by another on its own thread. */
TEST(a_direct_descriptor_moves_to_the_table_of_another_ring)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct mover mover = { .ring = ring_open_direct(2) };
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(mover.ring));
	struct a10_result moved;
	struct pair pair;
	pthread_t thread;
	char byte = 0;

	needs_moves(ring);
	pair_open(ring, true, &pair);
	thread = thread_start(serve_moved, &mover);
	/* It has to be bound first. */
	do {
		moved = result_of(ring, a10_fd_move(pair.ours, sq));
	} while (moved.value == -EBADFD);
	ck_assert_int_eq(moved.value, 0);
	ck_assert(a10_fd_is_direct(moved.fd));
	ck_assert_uint_ne(moved.fd.ring, pair.ours.ring);
	/* Here it is closed. */
	ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "z", 1, 0)),
			 -EBADF);
	ck_assert_int_eq(refusal_of(ring, a10_send(moved.fd, "z", 1, 0)),
			 -EXDEV);
	ck_assert_int_eq(a10_message_post(sq,
					  (uint64_t)moved.fd.ring << 32 |
						  (uint32_t)moved.fd.plus_one),
			 0);
	ck_assert_int_eq(write(pair.theirs, "x", 1), 1);
	ck_assert_int_eq(read(pair.theirs, &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	ck_assert_int_eq(read(pair.theirs, &byte, 1), 0);
	ck_assert_int_eq(close(pair.theirs), 0);
	thread_join(thread);
	a10_sq_unref(sq);
	ring_close(ring);
}

TEST(a_descriptor_that_cannot_move_stays_where_it_is)
{
	struct a10_ring *ring = ring_open_direct(2);
	struct mover none = { .ring = ring_open(NULL) };
	struct a10_ring *gone = ring_open_direct(2);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(gone));
	struct pair pair;
	pthread_t thread;
	ssize_t value;

	needs_moves(ring);
	ring_close(gone);
	pair_open(ring, true, &pair);
	ck_assert_int_eq(value_of(ring, a10_fd_move(pair.ours, sq)),
			 -ESHUTDOWN);
	a10_sq_unref(sq);
	thread = thread_start(poll_until_stopped, &none);
	do {
		value = value_of(ring, a10_fd_move(pair.ours,
						   a10_ring_sq(none.ring)));
	} while (value == -EBADFD);
	ck_assert_int_eq(value, -ENXIO);
	ck_assert_int_eq(
		value_of(ring, a10_fd_move(A10_STDIN, a10_ring_sq(none.ring))),
		-EINVAL);
	ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "z", 1, 0)), 1);
	atomic_store(&none.stop, true);
	thread_join(thread);
	pair_close(ring, &pair);
	ring_close(ring);
}

static void *leave(void *data)
{
	ring_bind(data);
	return NULL;
}

TEST(a_descriptor_does_not_move_to_a_ring_that_its_owner_has_left)
{
	struct a10_config config = { .direct_descriptors = 2,
				     .single_issuer = A10_OFF };
	struct a10_ring *ring = ring_open_direct(2);
	struct a10_ring *left = ring_open(&config);
	struct pair pair;

	needs_moves(ring);
	pair_open(ring, true, &pair);
	thread_join(thread_start(leave, left));
	ck_assert_int_eq(value_of(ring,
				  a10_fd_move(pair.ours, a10_ring_sq(left))),
			 -ESHUTDOWN);
	ck_assert_int_eq(value_of(ring, a10_send(pair.ours, "z", 1, 0)), 1);
	pair_close(ring, &pair);
	ring_close(left);
	ring_close(ring);
}

TEST(a_full_table_takes_no_descriptor)
{
	struct a10_ring *ring = ring_open_direct(4);
	struct a10_ring *small = ring_open_direct(1);
	struct pair pairs[2];
	struct a10_result moved[2];

	needs_moves(ring);
	ring_bind(small);
	for (int i = 0; i < 2; i++) {
		struct seen seen;

		pair_open(ring, true, &pairs[i]);
		start(ring, a10_fd_move(pairs[i].ours, a10_ring_sq(small)),
		      &seen);
		while (seen.ended == 0) {
			ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
			ck_assert_int_ge(a10_ring_poll(small, 0), 0);
		}
		moved[i] = seen.last;
	}
	ck_assert_int_eq(moved[0].value, 0);
	ck_assert_int_eq(moved[1].value, -ENFILE);
	ck_assert_int_eq(value_of(ring, a10_send(pairs[1].ours, "z", 1, 0)), 1);
	/* One that nobody wants is closed where it has arrived. */
	fd_close(small, moved[0].fd);
	ck_assert_int_gt(
		a10_submit(a10_ring_sq(ring),
			   a10_fd_move(pairs[1].ours, a10_ring_sq(small)), NULL,
			   NULL),
		0);
	while (a10_ring_pending(ring) > 0) {
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ck_assert_int_ge(a10_ring_poll(small, 0), 0);
	}
	run_for(ring, A10_MILLISECOND);
	run_for(small, A10_MILLISECOND);
	for (int i = 0; i < 2; i++) {
		char byte;

		while (read(pairs[i].theirs, &byte, 1) > 0)
			continue;
		ck_assert_int_eq(close(pairs[i].theirs), 0);
	}
	ring_close(ring);
	ring_close(small);
}
