/* A ring becomes somebody's: in which order, of whom, and what of two at once. */
#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* ---- what was submitted before ------------------------------------------------ */

static void assert_sent(int end, const char *expected)
{
	char text[8] = "";
	ssize_t n = read(end, text, sizeof(text) - 1);

	ck_assert_int_eq(n, (ssize_t)strlen(expected));
	ck_assert_str_eq(text, expected);
}

static a10_id send_one(struct a10_ring *ring, int end, const char *byte,
		       struct seen *seen)
{
	return start(ring, a10_send(a10_fd_regular(end), byte, 1, 0), seen);
}

/* The same thread, by the inbox and then past it. */
static void test_order(struct a10_config config, int how)
{
	struct a10_ring *ring;
	struct seen first, second;
	int ends[2];

	config.disabled = how == 0 ? A10_ON : A10_AUTO;
	ring = ring_open(&config);
	/* Older kernels write to pipes in any order. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	send_one(ring, ends[1], "1", &first);
	if (how == 0) {
		ck_assert_int_eq(a10_ring_enable(ring), 0);
		send_one(ring, ends[1], "2", &second);
	} else if (how == 1) {
		ck_assert_int_ge(a10_ring_fd(ring), 0);
		send_one(ring, ends[1], "2", &second);
	} else {
		ck_assert_int_eq(a10_await_on(a10_ring_sq(ring),
					      a10_send(a10_fd_regular(ends[1]),
						       "2", 1, 0),
					      NULL),
				 1);
	}
	ck_assert_int_eq(a10_ring_run(ring), 0);
	assert_sent(ends[0], "12");
	close(ends[0]);
	close(ends[1]);
	ring_close(ring);
}

TEST(what_a_thread_submits_before_and_after_it_binds_a_ring_is_in_order)
{
	struct a10_config plain = { .clamp = A10_AUTO };
	struct a10_config shared = { .single_issuer = A10_OFF };
	struct a10_config threaded = { .kernel_thread = A10_ON };

	for (int how = 0; how < 3; how++) {
		test_order(plain, how);
		test_order(shared, how);
		test_order(threaded, how);
	}
}

static void on_message(void *data, const struct a10_result *r)
{
	char **at = data;

	ck_assert_int_eq(r->value, 0);
	*(*at)++ = (char)r->extra[0];
}

TEST(messages_before_and_after_it_is_bound_are_in_order)
{
	struct a10_config config = { .disabled = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct a10_sq *sq = a10_ring_sq(ring);
	char text[8] = "", *at = text;

	ck_assert_int_eq(a10_message_post(sq, '1'), 0);
	ck_assert_int_eq(a10_ring_enable(ring), 0);
	ck_assert_int_eq(a10_message_post(sq, '2'), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_gt(a10_submit(sq, a10_message_receive(),
					    on_message, &at),
				 0);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	ck_assert_str_eq(text, "12");
	ring_close(ring);
}

/* ---- two at once --------------------------------------------------------------- */

struct race {
	struct a10_ring *ring;
	atomic_uint ready;
	atomic_bool go;
	atomic_bool over;
	int said;
};

static void *bind_by_poll(void *data)
{
	struct race *race = data;

	atomic_fetch_add(&race->ready, 1);
	while (!atomic_load(&race->go))
		sched_yield();
	do {
		race->said = a10_ring_poll(race->ring, A10_MILLISECOND);
	} while (race->said >= 0 && !atomic_load(&race->over));
	if (race->said >= 0)
		ring_close(race->ring);
	return NULL;
}

TEST(of_two_threads_that_poll_first_one_owns_the_ring)
{
	for (unsigned int i = 0; i < test_scaled(100); i++) {
		struct race races[2] = { { .ring = ring_open(NULL) } };
		struct a10_sq *sq = a10_sq_ref(a10_ring_sq(races[0].ring));
		pthread_t threads[2];

		races[1].ring = races[0].ring;
		for (int k = 0; k < 2; k++)
			threads[k] = thread_start(bind_by_poll, &races[k]);
		WAIT_UNTIL(atomic_load(&races[0].ready) &&
			   atomic_load(&races[1].ready));
		for (int k = 0; k < 2; k++)
			atomic_store(&races[k].go, true);
		/* Whoever it is: it does what others submit. */
		nap(A10_MILLISECOND / 10);
		for (int k = 0; k < 2; k++)
			atomic_store(&races[k].over, true);
		for (int k = 0; k < 2; k++)
			thread_join(threads[k]);
		ck_assert(races[0].said == -EPERM || races[1].said == -EPERM);
		ck_assert(races[0].said >= 0 || races[1].said >= 0);
		a10_sq_unref(sq);
	}
}

/* Its creator's await binds it, unless somebody is first. */
TEST(an_await_and_a_poll_that_are_first_do_not_both_own_the_ring)
{
	for (unsigned int i = 0; i < test_scaled(200); i++) {
		struct race race = { .ring = ring_open(NULL) };
		struct a10_sq *sq = a10_sq_ref(a10_ring_sq(race.ring));
		pthread_t thread = thread_start(bind_by_poll, &race);

		WAIT_UNTIL(atomic_load(&race.ready));
		atomic_store(&race.go, true);
		ck_assert_int_eq(a10_await_on(sq, a10_nop(), NULL), 0);
		atomic_store(&race.over, true);
		thread_join(thread);
		if (race.said < 0) {
			ck_assert_int_eq(race.said, -EPERM);
			ring_close(race.ring);
		}
		a10_sq_unref(sq);
	}
}

static void *enable_it(void *data)
{
	struct race *race = data;

	atomic_fetch_add(&race->ready, 1);
	while (!atomic_load(&race->go))
		sched_yield();
	race->said = a10_ring_enable(race->ring);
	if (race->said == 0)
		ring_close(race->ring);
	return NULL;
}

TEST(of_two_threads_that_enable_a_ring_one_does)
{
	struct a10_config config = { .disabled = A10_ON };

	for (unsigned int i = 0; i < test_scaled(50); i++) {
		struct race races[2] = { { .ring = ring_open(&config) } };
		struct a10_sq *sq = a10_sq_ref(a10_ring_sq(races[0].ring));
		pthread_t threads[2];

		races[1].ring = races[0].ring;
		for (int k = 0; k < 2; k++)
			threads[k] = thread_start(enable_it, &races[k]);
		for (int k = 0; k < 2; k++)
			WAIT_UNTIL(atomic_load(&races[k].ready));
		for (int k = 0; k < 2; k++)
			atomic_store(&races[k].go, true);
		for (int k = 0; k < 2; k++)
			thread_join(threads[k]);
		ck_assert_int_eq(races[0].said + races[1].said, -EBADFD);
		a10_sq_unref(sq);
	}
}

/* ---- what others learn of it ---------------------------------------------------- */

static void *poll_what_is_not_mine(void *data)
{
	struct race *race = data;

	atomic_fetch_add(&race->ready, 1);
	while (!atomic_load(&race->over)) {
		ck_assert_int_eq(a10_ring_poll(race->ring, 0), -EPERM);
		ck_assert_int_eq(a10_ring_run(race->ring), -EPERM);
		ck_assert_int_eq(a10_ring_flush(race->ring), -EPERM);
		ck_assert_int_eq(a10_ring_fd(race->ring), -EPERM);
		ck_assert_int_eq(a10_ring_enable(race->ring), -EBADFD);
		ck_assert_int_eq(a10_ring_destroy(race->ring, 0), -EPERM);
	}
	return NULL;
}

TEST(what_is_not_for_other_threads_is_refused_while_the_owner_is_at_it)
{
	struct a10_config config = { .disabled = A10_ON };
	struct race race = { .ring = ring_open(&config) };
	pthread_t thread;

	ck_assert_int_eq(a10_ring_enable(race.ring), 0);
	thread = thread_start(poll_what_is_not_mine, &race);
	WAIT_UNTIL(atomic_load(&race.ready));
	for (unsigned int i = 0; i < test_scaled(500); i++)
		ck_assert_int_eq(value_of(race.ring, a10_nop()), 0);
	atomic_store(&race.over, true);
	thread_join(thread);
	ring_close(race.ring);
}

/* ---- and ends -------------------------------------------------------------------- */

static void *create_attached(void *data)
{
	struct race *race = data;
	struct a10_config config = { .attach = a10_ring_sq(race->ring) };
	struct a10_ring *ring;
	int err;

	atomic_fetch_add(&race->ready, 1);
	while ((err = a10_ring_create(&config, &ring)) == 0)
		ring_close(ring);
	ck_assert_int_eq(err, -ESHUTDOWN);
	a10_sq_unref(config.attach);
	return NULL;
}

TEST(attaching_to_a_ring_that_is_being_destroyed_is_refused)
{
	uint64_t random = test_seed();

	for (unsigned int i = 0; i < test_scaled(50); i++) {
		struct race race = { .ring = ring_open(NULL) };
		pthread_t thread;

		a10_sq_ref(a10_ring_sq(race.ring));
		thread = thread_start(create_attached, &race);
		WAIT_UNTIL(atomic_load(&race.ready));
		nap((int64_t)(test_random(&random) % 500) * A10_MICROSECOND);
		ring_close(race.ring);
		thread_join(thread);
	}
}

#define MEMBERS 64

struct reader {
	struct a10_sq *sq;
	struct a10_region *region;
	atomic_uint *ready;
	char bytes[16];
};

static void on_nothing(void *data, const struct a10_result *r)
{
	(void)data;
	(void)r;
}

static void *read_into_region(void *data)
{
	struct reader *reader = data;
	struct a10_op ops[MEMBERS];
	a10_id id;

	for (int i = 0; i < MEMBERS; i++)
		ops[i] = a10_fixed(a10_pread(A10_STDIN, reader->bytes,
					     sizeof(reader->bytes), 0),
				   reader->region);
	atomic_fetch_add(reader->ready, 1);
	do {
		id = a10_submit_linked(reader->sq, ops, MEMBERS, on_nothing,
				       NULL);
	} while (id > 0);
	ck_assert_int_eq(id, -ESHUTDOWN);
	a10_sq_unref(reader->sq);
	return NULL;
}

/* Each is on its way with several holds on the region when the ring ends. */
TEST(regions_that_others_name_while_the_ring_ends_are_not_touched_again)
{
	struct a10_config config = { .registered_buffers = 1,
				     .submission_entries = MEMBERS };

	for (unsigned int i = 0; i < test_scaled(30); i++) {
		struct a10_ring *ring = ring_open(&config);
		atomic_uint ready = 0;
		struct reader reader = { .sq = a10_ring_sq(ring),
					 .ready = &ready };
		pthread_t threads[2];

		ck_assert_int_eq(a10_region_create(ring, reader.bytes,
						   sizeof(reader.bytes),
						   &reader.region),
				 0);
		ring_bind(ring);
		for (int k = 0; k < 2; k++) {
			a10_sq_ref(reader.sq);
			threads[k] = thread_start(read_into_region, &reader);
		}
		WAIT_UNTIL(atomic_load(&ready) == 2);
		ck_assert_int_ge(a10_ring_poll(ring, 0), 0);
		ring_close(ring);
		for (int k = 0; k < 2; k++)
			thread_join(threads[k]);
	}
}

/* ---- and changes its size ---------------------------------------------------------- */

static void *submit_long_chain(void *data)
{
	struct a10_op ops[MEMBERS];
	struct seen *seen = data;

	for (int i = 0; i < MEMBERS; i++)
		ops[i] = a10_nop();
	ck_assert_int_gt(a10_submit_linked(seen->last.sq, ops, MEMBERS, on_seen,
					   seen),
			 0);
	return NULL;
}

TEST(a_chain_that_the_queue_has_become_too_short_for_ends)
{
	struct a10_config config = { .submission_entries = MEMBERS };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen = { .last.sq = a10_ring_sq(ring) };
	int err;

	ring_bind(ring);
	thread_join(thread_start(submit_long_chain, &seen));
	err = a10_ring_resize(ring, 4, 0);
	if (err < 0) {
		ck_assert_int_eq(a10_ring_run(ring), 0);
		ring_close(ring);
		SKIP("rings cannot be resized: %s", strerror(-err));
	}
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_uint_eq(seen.count, MEMBERS);
	ck_assert_int_eq(seen.at[0].value, -ECANCELED);
	ck_assert_int_eq(seen.last.value, -ECANCELED);
	ring_close(ring);
}
