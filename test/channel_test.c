/* Channels and semaphores: between tasks, callbacks, rings and threads. */
#include "support.h"

#include <sys/mman.h>

#include <a10/channel.h>
#include <a10/task.h>

static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *probe = ring_open(NULL);

	ring_close(probe);
	return a10_run(NULL, fn, data);
}

/* ---- items -------------------------------------------------------------------- */

TEST(items_come_out_in_the_order_they_went_in)
{
	struct a10_channel *channel = a10_channel_create(sizeof(int), 4, NULL);
	int in[6] = { 1, 2, 3, 4, 5, 6 }, out[6];

	ck_assert_int_eq(a10_channel_try_send(channel, in, sizeof(in)), 4);
	ck_assert_int_eq(a10_channel_try_send(channel, in, sizeof(in)),
			 -EAGAIN);
	ck_assert_int_eq(a10_channel_try_receive(channel, out, 2 * sizeof(int)),
			 2);
	ck_assert_int_eq(a10_channel_try_send(channel, in + 4, 2 * sizeof(int)),
			 2);
	ck_assert_int_eq(
		a10_channel_try_receive(channel, out + 2, 4 * sizeof(int)), 4);
	ck_assert_mem_eq(in, out, sizeof(in));
	ck_assert_int_eq(a10_channel_try_receive(channel, out, sizeof(int)),
			 -EAGAIN);
	a10_channel_close(channel);
	ck_assert_int_eq(a10_channel_try_receive(channel, out, sizeof(int)), 0);
	ck_assert_int_eq(a10_channel_try_send(channel, in, sizeof(int)),
			 -EPIPE);
	a10_channel_unref(channel);
}

static void count_drop(void *item)
{
	++**(int **)item;
}

TEST(what_nobody_received_is_dropped_at_the_end)
{
	struct a10_channel *channel =
		a10_channel_create(sizeof(int *), 3, count_drop);
	int count = 0, *item = &count;

	a10_channel_ref(channel);
	for (int i = 0; i < 3; i++)
		a10_channel_try_send(channel, &item, sizeof(item));
	a10_channel_try_receive(channel, &item, sizeof(item));
	a10_channel_unref(channel);
	ck_assert_int_eq(count, 0);
	a10_channel_unref(channel);
	ck_assert_int_eq(count, 2);
	a10_channel_unref(NULL);
}

TEST(what_cannot_be_a_channel_or_an_item_is_refused)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel = a10_channel_create(8, 1, NULL);
	char bytes[16] = "";

	ck_assert_ptr_null(a10_channel_create(0, 4, NULL));
	ck_assert_ptr_null(a10_channel_create(SIZE_MAX, 4, NULL));
	ck_assert_int_eq(a10_channel_try_send(channel, bytes, 7), -EINVAL);
	ck_assert_int_eq(a10_channel_try_send(channel, bytes, 0), -EINVAL);
	ck_assert_int_eq(a10_channel_try_receive(NULL, bytes, 8), -ENOMEM);
	ck_assert_int_eq(value_of(ring, a10_channel_send(channel, bytes, 9)),
			 -EINVAL);
	ck_assert_int_eq(value_of(ring, a10_channel_receive(NULL, bytes, 8)),
			 -ENOMEM);
	ck_assert_int_eq(value_of(ring, a10_channel_send(NULL, bytes, 8)),
			 -ENOMEM);
	a10_channel_unref(channel);
	ring_close(ring);
}

TEST(a_receive_waits_for_a_send_and_a_send_for_room)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel = a10_channel_create(sizeof(int), 1, NULL);
	struct seen first, second, sent;
	int a = 0, b = 0, item = 7;

	ring_bind(ring);
	start(ring, a10_channel_receive(channel, &a, sizeof(a)), &first);
	start(ring, a10_channel_receive(channel, &b, sizeof(b)), &second);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(first.count + second.count, 0);
	start(ring, a10_channel_send(channel, &item, sizeof(item)), &sent);
	item = 8; /* it was copied */
	RUN_UNTIL(ring, first.ended && sent.ended);
	ck_assert_int_eq(a, 7);
	ck_assert_int_eq(first.last.value, 1);
	ck_assert_int_eq(sent.last.value, 1);
	ck_assert_uint_eq(second.count, 0);
	a10_channel_close(channel);
	RUN_UNTIL(ring, second.ended);
	ck_assert_int_eq(second.last.value, 0);
	a10_channel_unref(channel);
	ring_close(ring);
}

TEST(what_is_given_up_has_moved_nothing)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel = a10_channel_create(sizeof(int), 1, NULL);
	int item = 1, out = 0;

	ck_assert_int_eq(value_of(ring,
				  a10_timeout(a10_channel_receive(channel, &out,
								  sizeof(out)),
					      1000)),
			 -ETIME);
	ck_assert_int_eq(a10_channel_try_send(channel, &item, sizeof(item)), 1);
	item = 2;
	ck_assert_int_eq(value_of(ring,
				  a10_timeout(a10_channel_send(channel, &item,
							       sizeof(item)),
					      1000)),
			 -ETIME);
	ck_assert_int_eq(a10_channel_try_receive(channel, &out, sizeof(out)),
			 1);
	ck_assert_int_eq(out, 1);
	ck_assert_int_eq(a10_channel_try_receive(channel, &out, sizeof(out)),
			 -EAGAIN);
	a10_channel_unref(channel);
	ring_close(ring);
}

TEST(all_of_a_send_goes_over_though_it_is_more_than_there_is_room_for)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel = a10_channel_create(sizeof(int), 2, NULL);
	struct seen sent;
	int in[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, out[9], got = 0;
	ssize_t n;

	start(ring, a10_all(a10_channel_send(channel, in, sizeof(in))), &sent);
	while (got < 9) {
		n = value_of(ring, a10_channel_receive(channel, out + got,
						       2 * sizeof(int)));
		ck_assert_int_gt(n, 0);
		got += (int)n;
		if (got == 9)
			break;
	}
	RUN_UNTIL(ring, sent.ended);
	ck_assert_int_eq(sent.last.value, 9);
	ck_assert_mem_eq(in, out, sizeof(in));
	a10_channel_unref(channel);
	ring_close(ring);
}

TEST(a_closed_channel_ends_what_waits_to_send)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel = a10_channel_create(sizeof(int), 0, NULL);
	struct seen sent;
	int item = 1;

	start(ring, a10_channel_send(channel, &item, sizeof(item)), &sent);
	run_for(ring, A_MOMENT / 4);
	a10_channel_close(channel);
	RUN_UNTIL(ring, sent.ended);
	ck_assert_int_eq(sent.last.value, -EPIPE);
	a10_channel_unref(channel);
	ring_close(ring);
}

TEST(a_forgotten_receives_item_is_dropped)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel =
		a10_channel_create(sizeof(int *), 0, count_drop);
	int count = 0, *item = &count, *out = NULL;
	struct seen seen;
	a10_id id;

	id = start(ring, a10_channel_receive(channel, &out, sizeof(out)),
		   &seen);
	run_for(ring, A_MOMENT / 4);
	ck_assert_int_eq(a10_channel_try_send(channel, &item, sizeof(item)), 1);
	a10_detach(a10_ring_sq(ring), id);
	run_for(ring, A_MOMENT / 4);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(count, 1);
	a10_channel_unref(channel);
	ring_close(ring);
}

/* ---- tasks ---------------------------------------------------------------------- */

struct flow {
	struct a10_channel *channel;
	uint32_t items;
	uint64_t sum;
};

static int produce(void *data)
{
	struct flow *flow = data;

	for (uint32_t i = 1; i <= flow->items; i++)
		ck_assert_int_eq(a10_await(a10_channel_send(flow->channel, &i,
							    sizeof(i))),
				 1);
	a10_channel_close(flow->channel);
	return 0;
}

static int consume(void *data)
{
	struct flow *flow = data;
	uint32_t items[3];
	ssize_t n;

	while ((n = a10_await(a10_channel_receive(flow->channel, items,
						  sizeof(items)))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			flow->sum += items[i];
	}
	return (int)n;
}

static int produce_and_consume(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, consume, data, 0);
	a10_scope_spawn(&scope, produce, data, 0);
	return (int)a10_await(a10_scope_wait(&scope));
}

TEST(tasks_talk_through_channels_of_any_size)
{
	for (size_t capacity = 0; capacity < 5; capacity++) {
		struct flow flow = { .items = test_scaled(300) };

		flow.channel =
			a10_channel_create(sizeof(uint32_t), capacity, NULL);
		ck_assert_int_eq(run(produce_and_consume, &flow), 0);
		ck_assert_uint_eq(flow.sum,
				  (uint64_t)flow.items * (flow.items + 1) / 2);
		a10_channel_unref(flow.channel);
	}
}

static void *run_producer(void *data)
{
	ck_assert_int_eq(a10_run(NULL, produce, data), 0);
	return NULL;
}

static void *run_consumer(void *data)
{
	ck_assert_int_eq(a10_run(NULL, consume, data), 0);
	return NULL;
}

TEST(rings_of_different_threads_talk_through_a_channel)
{
	struct flow from = { .items = test_scaled(2000) }, to;
	pthread_t threads[3];

	ring_close(ring_open(NULL));
	from.channel = a10_channel_create(sizeof(uint32_t), 3, NULL);
	to = from;
	threads[0] = thread_start(run_consumer, &to);
	threads[1] = thread_start(run_producer, &from);
	thread_join(threads[1]);
	thread_join(threads[0]);
	ck_assert_uint_eq(to.sum, (uint64_t)from.items * (from.items + 1) / 2);
	a10_channel_unref(from.channel);
}

/* ---- exactly once, with cancels, across threads ----------------------------------- */

struct storm {
	struct a10_channel *channel;
	uint64_t seed;
	uint64_t sent;
	uint64_t received;
	uint64_t lost;
};

/* Half of the sends and receives give up after a moment. */
static int storm_send(void *data)
{
	struct storm *storm = data;
	ssize_t n;

	for (unsigned int i = 0; i < test_scaled(500); i++) {
		uint64_t item = test_random(&storm->seed) % 1000;

		n = a10_await(a10_timeout(
			a10_channel_send(storm->channel, &item, sizeof(item)),
			(int64_t)(test_random(&storm->seed) % 20000)));
		if (n == 1)
			storm->sent += item;
		else
			ck_assert_int_eq(n, -ETIME);
	}
	return 0;
}

static int storm_receive(void *data)
{
	struct storm *storm = data;
	ssize_t n;

	do {
		uint64_t item = 0;

		n = a10_await(a10_timeout(
			a10_channel_receive(storm->channel, &item,
					    sizeof(item)),
			(int64_t)(test_random(&storm->seed) % 20000)));
		if (n == 1)
			storm->received += item;
		else if (n < 0)
			ck_assert_int_eq(n, -ETIME);
	} while (n != 0);
	return 0;
}

static void *storm_sender(void *data)
{
	ck_assert_int_eq(a10_run(NULL, storm_send, data), 0);
	return NULL;
}

static void *storm_receiver(void *data)
{
	ck_assert_int_eq(a10_run(NULL, storm_receive, data), 0);
	return NULL;
}

TEST(every_item_goes_over_once_whatever_is_given_up)
{
	struct a10_channel *channel;
	struct storm storms[4] = { { 0 } };
	pthread_t threads[4];
	uint64_t seed = test_seed(), balance = 0;

	ring_close(ring_open(NULL));
	channel = a10_channel_create(sizeof(uint64_t), 1, NULL);
	for (unsigned int i = 0; i < 4; i++) {
		storms[i].channel = channel;
		storms[i].seed = seed + i;
		threads[i] = thread_start(i < 2 ? storm_sender : storm_receiver,
					  &storms[i]);
	}
	thread_join(threads[0]);
	thread_join(threads[1]);
	a10_channel_close(channel);
	thread_join(threads[2]);
	thread_join(threads[3]);
	for (unsigned int i = 0; i < 4; i++)
		balance += storms[i].sent - storms[i].received;
	ck_assert_uint_eq(balance, 0);
	a10_channel_unref(channel);
}

/* ---- semaphores --------------------------------------------------------------------- */

struct counted {
	struct a10_semaphore semaphore;
	int inside;
	int most;
};

static int enter_and_leave(void *data)
{
	struct counted *counted = data;

	ck_assert_int_eq(a10_await(a10_semaphore_acquire(&counted->semaphore)),
			 0);
	counted->inside++;
	if (counted->inside > counted->most)
		counted->most = counted->inside;
	a10_sleep(10000);
	counted->inside--;
	a10_semaphore_release(&counted->semaphore);
	return 0;
}

static int many_enter(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 50; i++)
		a10_scope_spawn(&scope, enter_and_leave, data, 0);
	return (int)a10_await(a10_scope_wait(&scope));
}

TEST(no_more_than_its_value_acquire_a_semaphore)
{
	struct counted counted = { .most = 0 };

	a10_semaphore_init(&counted.semaphore, 3);
	ck_assert_int_eq(run(many_enter, &counted), 0);
	ck_assert_int_eq(counted.most, 3);
	for (int i = 0; i < 3; i++)
		ck_assert(a10_semaphore_try_acquire(&counted.semaphore));
	ck_assert(!a10_semaphore_try_acquire(&counted.semaphore));
	a10_semaphore_finish(&counted.semaphore);
}

struct handed {
	struct a10_semaphore *semaphore;
	struct a10_sq *sq;
};

static void *release_it(void *data)
{
	a10_semaphore_release(data);
	return NULL;
}

/* It is freed as soon as it was acquired, by memory that tools watch. */
static int acquire_and_free(void *data)
{
	(void)data;
	for (unsigned int i = 0; i < test_scaled(100); i++) {
		struct a10_semaphore *semaphore = malloc(sizeof(*semaphore));
		pthread_t thread;
		ssize_t n;

		a10_semaphore_init(semaphore, 0);
		thread = thread_start(release_it, semaphore);
		n = a10_await(a10_timeout(a10_semaphore_acquire(semaphore),
					  i % 2 ? PATIENCE : 30000));
		if (n == 0) {
			a10_semaphore_finish(semaphore);
			free(semaphore);
			thread_join(thread);
		} else {
			ck_assert_int_eq(n, -ETIME);
			thread_join(thread);
			ck_assert(a10_semaphore_try_acquire(semaphore));
			free(semaphore);
		}
	}
	return 0;
}

TEST(who_has_acquired_a_semaphore_may_free_it_at_once)
{
	ck_assert_int_eq(run(acquire_and_free, NULL), 0);
}

/* ---- the last reference --------------------------------------------------------------- */

struct given {
	struct a10_channel *channel; /* with the only reference */
	bool sends;
};

static void *serve_and_let_go(void *data)
{
	const struct given *given = data;
	uint32_t item = 7;

	if (given->sends) {
		ssize_t n;

		do {
			n = a10_channel_try_send(given->channel, &item,
						 sizeof(item));
		} while (n == -EAGAIN);
		ck_assert_int_eq(n, 1);
	}
	a10_channel_unref(given->channel);
	return NULL;
}

/* What the other thread leaves is touched by memory that tools watch. */
static int wait_without_a_reference(void *data)
{
	(void)data;
	for (unsigned int i = 0; i < test_scaled(100); i++) {
		struct given given = { .sends = i % 2 };
		struct a10_scope scope;
		uint32_t item = 0;
		pthread_t thread;
		struct a10_op op;

		/* Without room: a send ends when somebody waits. */
		given.channel = a10_channel_create(sizeof(item), 0, NULL);
		a10_scope_open(&scope, NULL, 0);
		op = a10_channel_receive(given.channel, &item, sizeof(item));
		ck_assert_int_gt(a10_scope_submit(&scope, op, NULL, NULL), 0);
		thread = thread_start(serve_and_let_go, &given);
		ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
		ck_assert_uint_eq(item, given.sends ? 7 : 0);
		thread_join(thread);
		ck_assert_int_eq(a10_scope_close(&scope), 0);
	}
	return 0;
}

TEST(who_serves_a_receive_may_let_the_channel_go_at_once)
{
	ck_assert_int_eq(run(wait_without_a_reference, NULL), 0);
}

TEST(a_channel_without_references_is_closed)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_channel *channel =
		a10_channel_create(sizeof(int *), 1, count_drop);
	int count = 0, *item = &count;
	struct seen seen;

	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	a10_channel_try_send(channel, &item, sizeof(item));
	start(ring, a10_channel_send(channel, &item, sizeof(item)), &seen);
	a10_channel_unref(channel);
	/* It is there until the result is. */
	ck_assert_int_eq(count, 0);
	ck_assert_int_gt(a10_ring_poll(ring, PATIENCE), 0);
	ck_assert_int_eq(seen.last.value, -EPIPE);
	ck_assert_int_eq(count, 1);
	ring_close(ring);
}

/* ---- several at once ---------------------------------------------------------------- */

static int first_of_two(void *data)
{
	struct a10_channel *one = a10_channel_create(sizeof(int), 1, NULL);
	struct a10_channel *two = a10_channel_create(sizeof(int), 1, NULL);
	struct a10_result results[3];
	int a = 0, b = 0, item = 5;

	(void)data;
	a10_channel_try_send(two, &item, sizeof(item));
	{
		struct a10_op ops[3] = {
			a10_channel_receive(one, &a, sizeof(a)),
			a10_channel_receive(two, &b, sizeof(b)),
			a10_after(PATIENCE),
		};

		ck_assert_int_eq(a10_await_first(ops, 3, results), 1);
	}
	ck_assert_int_eq(b, 5);
	ck_assert_int_eq(results[0].value, -ECANCELED);
	ck_assert_int_eq(results[1].value, 1);
	ck_assert_uint_eq(results[1].index, 1);
	ck_assert_int_eq(results[2].value, -ECANCELED);
	a10_channel_unref(one);
	a10_channel_unref(two);
	return 0;
}

TEST(the_first_of_several_channels_cancels_the_others)
{
	ck_assert_int_eq(run(first_of_two, NULL), 0);
}

static int receive_into_much(void *data)
{
	struct a10_channel *channel = a10_channel_create(24, 1, NULL);
	const size_t size = (size_t)24 << 27;
	const char item[24] = "one";

	ck_assert_int_eq(a10_channel_try_send(channel, item, sizeof(item)), 1);
	ck_assert_int_eq(a10_await(a10_shielded(
				 a10_channel_receive(channel, data, size))),
			 1);
	ck_assert_str_eq(data, "one");
	a10_channel_unref(channel);
	return 0;
}

TEST(a_receive_may_have_room_for_more_than_one_operation_does)
{
	const size_t size = (size_t)24 << 27;
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		SKIP("no such address space");
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, receive_into_much, room), 0);
	munmap(room, size);
}
