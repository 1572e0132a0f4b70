/* How shards begin and end, whatever happens meanwhile; what one hands another. */
#include "support.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define AN_HOUR (A10_SECOND * 3600)

/* Skips where rings are not to be had. */
static void needs_rings(void)
{
	ring_close(ring_open(NULL));
}

static int begin_nothing(const struct a10_shard *shard)
{
	(void)shard;
	return 0;
}

TEST(why_a_shard_has_no_ring_is_said_to_who_runs_them)
{
	const struct a10_config config = {
		.kernel_thread = A10_ON,
		.kernel_thread_cpu_plus_one = 60000,
	};

	needs_rings();
	ck_assert_int_eq(a10_shards_run(1, &config, begin_nothing, NULL),
			 -EINVAL);
	ck_assert_ptr_nonnull(
		strstr(a10_ring_reason(), "kernel_thread_cpu_plus_one"));
	ck_assert_int_eq(a10_shards_run(2, NULL, begin_nothing, NULL), 0);
	ck_assert_str_eq(a10_ring_reason(), "");
}

struct life {
	_Atomic(struct a10_shards *) shards;
	atomic_uint begun;
	atomic_uint over;
	atomic_uint values;
	uint32_t count;
	a10_shard_fn *fn;
	int result;
};

static void *run_life(void *data)
{
	struct life *life = data;

	life->result = a10_shards_run(life->count, NULL, life->fn, life);
	return NULL;
}

static void life_begins(struct life *life, const struct a10_shard *shard)
{
	atomic_store(&life->shards, shard->shards);
	atomic_fetch_add(&life->begun, 1);
}

static void on_over(void *data, const struct a10_result *r)
{
	struct life *life = data;

	if (r->value == -ECANCELED)
		atomic_fetch_add(&life->values, 1);
	atomic_fetch_add(&life->over, 1);
}

static void wait_long(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(AN_HOUR), on_over, shard->data),
			 0);
}

/* ---- the end ----------------------------------------------------------------------- */

static struct a10_shard kept[4];

static void on_tick(void *data, const struct a10_result *r)
{
	struct a10_shard *shard = data;
	struct life *life = shard->data;

	ck_assert_int_eq(r->value, 0);
	/* All there is of this shard's, and then there is something new. */
	ck_assert_int_eq(a10_cancel_all(r->sq), 0);
	wait_long(shard);
	life_begins(life, shard);
}

static int tick(const struct a10_shard *shard)
{
	kept[shard->index] = *shard;
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_after(A10_MILLISECOND), on_tick,
				    &kept[shard->index]),
			 0);
	return 0;
}

TEST(a_shard_that_cancels_all_it_has_hears_of_the_stop)
{
	struct life life = { .count = 2, .fn = tick };
	pthread_t thread;

	needs_rings();
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.begun) == 2);
	nap(A_MOMENT);
	a10_shards_stop(atomic_load(&life.shards));
	thread_join(thread);
	ck_assert_int_eq(life.result, 0);
	ck_assert_uint_eq(atomic_load(&life.values), 2);
}

/* A signal's handler, say, before the child executes something else. */
TEST(what_a_child_says_ends_no_shards_of_the_parents)
{
	struct life life = { .count = 2, .fn = tick };
	pthread_t thread;
	pid_t child;

	needs_rings();
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.begun) == 2);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		a10_shards_drain(atomic_load(&life.shards));
		a10_shards_stop(atomic_load(&life.shards));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	nap(A_MOMENT);
	ck_assert_uint_eq(atomic_load(&life.over), 0);
	a10_shards_stop(atomic_load(&life.shards));
	thread_join(thread);
	ck_assert_int_eq(life.result, 0);
	ck_assert_uint_eq(atomic_load(&life.over), 2);
}

static int stop_at_once(const struct a10_shard *shard)
{
	life_begins(shard->data, shard);
	wait_long(shard);
	if (shard->index == 0)
		a10_shards_stop(shard->shards);
	return 0;
}

TEST(a_stop_before_others_have_begun_is_heard)
{
	needs_rings();
	for (unsigned int i = 0; i < test_scaled(20); i++) {
		struct life life = { .count = 3 };

		ck_assert_int_eq(a10_shards_run(3, NULL, stop_at_once, &life),
				 0);
		ck_assert_uint_eq(atomic_load(&life.values), 3);
	}
}

static void on_late(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;

	on_over(shard->data, r);
	ck_assert_int_eq(a10_message_post(a10_shard_sq(shard, 0), 1), 0);
}

static void on_told(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;

	/* After the stop, to the other, which sleeps; and does not rest. */
	(void)r;
	nap(A_MOMENT);
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_shielded(a10_message_receive()), NULL,
				    NULL),
			 0);
	ck_assert_int_gt(a10_submit(a10_shard_sq(shard, 1), a10_after(AN_HOUR),
				    on_late, (void *)(uintptr_t)shard),
			 0);
}

static int submit_late(const struct a10_shard *shard)
{
	kept[shard->index] = *shard;
	if (shard->index == 0)
		ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
					    a10_shard_draining(shard), on_told,
					    &kept[0]),
				 0);
	else
		wait_long(shard);
	life_begins(shard->data, shard);
	return 0;
}

TEST(what_is_submitted_to_another_after_the_stop_is_cancelled)
{
	struct life life = { .count = 2, .fn = submit_late };
	pthread_t thread;

	needs_rings();
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.begun) == 2);
	a10_shards_stop(atomic_load(&life.shards));
	thread_join(thread);
	ck_assert_uint_eq(atomic_load(&life.values), 2);
}

static int remember(const struct a10_shard *shard)
{
	life_begins(shard->data, shard);
	return 0;
}

/* Whoever has the number of what it wrote to is not written to. */
TEST(a_stop_that_comes_too_late_is_harmless)
{
	struct life life = { .count = 2 };
	uint64_t count;
	int events[8];

	needs_rings();
	ck_assert_int_eq(a10_shards_run(2, NULL, remember, &life), 0);
	for (int i = 0; i < 8; i++)
		events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	a10_shards_drain(atomic_load(&life.shards));
	a10_shards_stop(atomic_load(&life.shards));
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(read(events[i], &count, sizeof(count)), -1);
		ck_assert_int_eq(close(events[i]), 0);
	}
	/* Nor is the next run stopped. */
	ck_assert_int_eq(a10_shards_run(2, NULL, remember, &life), 0);
	ck_assert_uint_eq(atomic_load(&life.begun), 4);
}

static atomic_bool enough;

static void *stop_often(void *data)
{
	struct life *life = data;

	while (!atomic_load(&enough)) {
		struct a10_shards *shards = atomic_load(&life->shards);

		if (shards)
			a10_shards_stop(shards);
		/* Not all of the time there is for the others, too. */
		nap(A10_MILLISECOND / 100);
	}
	return NULL;
}

TEST(stops_may_come_at_any_time)
{
	struct life life = { .count = 2 };
	pthread_t threads[2];

	needs_rings();
	for (int i = 0; i < 2; i++)
		threads[i] = thread_start(stop_often, &life);
	for (unsigned int i = 0; i < test_scaled(20); i++)
		ck_assert_int_eq(a10_shards_run(2, NULL, stop_at_once, &life),
				 0);
	atomic_store(&enough, true);
	for (int i = 0; i < 2; i++)
		thread_join(threads[i]);
}

static _Atomic(struct a10_shards *) for_handler;

static void on_signal(int number)
{
	(void)number;
	a10_shards_drain(atomic_load(&for_handler));
}

static int wait_for_drain(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_submit(a10_ring_sq(shard->ring),
				    a10_shard_draining(shard), on_over,
				    shard->data),
			 0);
	atomic_store(&for_handler, shard->shards);
	life_begins(shard->data, shard);
	return 0;
}

TEST(a_signal_handler_drains)
{
	struct life life = { .count = 2, .fn = wait_for_drain };
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;

	needs_rings();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.begun) == 2);
	ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
	thread_join(thread);
	ck_assert_int_eq(life.result, 0);
	ck_assert_uint_eq(atomic_load(&life.over), 2);
}

/* ---- the beginning ----------------------------------------------------------------- */

TEST(on_one_cpu_there_is_one_shard_or_as_many_as_asked_for)
{
	struct life life = { .count = 0 };
	cpu_set_t cpus, one;

	needs_rings();
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	CPU_ZERO(&one);
	for (int i = CPU_SETSIZE - 1; CPU_COUNT(&one) == 0; i--)
		if (CPU_ISSET((size_t)i, &cpus))
			CPU_SET((size_t)i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_int_eq(a10_shards_run(0, NULL, remember, &life), 0);
	ck_assert_uint_eq(atomic_load(&life.begun), 1);
	ck_assert_int_eq(a10_shards_run(3, NULL, remember, &life), 0);
	ck_assert_uint_eq(atomic_load(&life.begun), 4);
}

/* At most; the sanitizers make one themselves at the end. */
static void threads_limit(rlim_t most)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
}

TEST(where_no_thread_can_be_made_there_are_no_shards)
{
	struct life life = { .count = 2 };

	needs_rings();
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		SKIP("this user may make threads anyhow");
	threads_limit(0);
	ck_assert_int_eq(a10_shards_run(2, NULL, remember, &life), -EAGAIN);
	ck_assert_uint_eq(atomic_load(&life.begun), 0);
	threads_limit(RLIM_INFINITY);
}

static rlim_t count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	rlim_t count = 0;

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count - 2; /* without "." and ".." */
}

/* A user of whom there is nobody else: there is room for one thread more. */
TEST(one_that_cannot_begin_ends_all)
{
	struct life life = { .count = 3 };

	needs_rings();
	if (geteuid() != 0 || setresuid(61234, 61234, 61234) != 0)
		SKIP("of this user there are others, too");
	threads_limit(count_threads() + 1);
	ck_assert_int_eq(a10_shards_run(3, NULL, stop_at_once, &life), -EAGAIN);
	ck_assert_uint_eq(atomic_load(&life.begun), 0);
	threads_limit(RLIM_INFINITY);
}

static int fail_in_some(const struct a10_shard *shard)
{
	life_begins(shard->data, shard);
	if (shard->index == 0)
		return 0;
	if (shard->index == 1)
		return -EDOM;
	/* When the other has: that stops all. */
	ck_assert_int_eq(a10_await_on(a10_ring_sq(shard->ring),
				      a10_shard_draining(shard), NULL),
			 POLLIN);
	return -ERANGE;
}

/* One rests, the others fail one after the other. */
TEST(the_first_failure_is_told)
{
	needs_rings();
	for (unsigned int i = 0; i < test_scaled(3); i++) {
		struct life life = { .count = 3 };

		ck_assert_int_eq(a10_shards_run(3, NULL, fail_in_some, &life),
				 -EDOM);
	}
}

/* ---- tasks ------------------------------------------------------------------------- */

static int task_body(void *data)
{
	const struct a10_shard *shard = data;
	struct life *life = shard->data;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(a10_sleep(A10_MILLISECOND), 0);
	/* On another's ring, and back. */
	ck_assert_int_eq(
		a10_message_post(a10_shard_sq(shard, 1 - shard->index), 7), 0);
	ck_assert_int_eq(a10_await(a10_message_receive()), 0);
	atomic_fetch_add(&life->over, 1);
	if (a10_await(a10_shard_draining(shard)) == POLLIN)
		atomic_fetch_add(&life->values, 1);
	return 0;
}

static int spawn_body(const struct a10_shard *shard)
{
	ck_assert_int_gt(a10_task_spawn(a10_ring_sq(shard->ring), task_body,
					shard, sizeof(*shard)),
			 0);
	life_begins(shard->data, shard);
	return 0;
}

TEST(the_body_of_a_shard_may_be_a_task)
{
	struct life life = { .count = 2, .fn = spawn_body };
	pthread_t thread;

	needs_rings();
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.over) == 2);
	a10_shards_drain(atomic_load(&life.shards));
	thread_join(thread);
	ck_assert_int_eq(life.result, 0);
	ck_assert_uint_eq(atomic_load(&life.values), 2);
}

static int sleep_long(void *data)
{
	const struct a10_shard *shard = data;
	struct life *life = shard->data;

	life_begins(life, shard);
	if (a10_sleep(AN_HOUR) == -ECANCELED)
		atomic_fetch_add(&life->values, 1);
	/* What it leaves behind is in order all the same. */
	a10_task_shield(true);
	if (a10_sleep(A10_MILLISECOND) == 0)
		atomic_fetch_add(&life->over, 1);
	return 0;
}

static int spawn_sleeper(const struct a10_shard *shard)
{
	return a10_task_spawn(a10_ring_sq(shard->ring), sleep_long, shard,
			      sizeof(*shard)) > 0 ?
		       0 :
		       -ENOMEM;
}

TEST(a_stop_cancels_the_tasks_of_shards)
{
	struct life life = { .count = 2, .fn = spawn_sleeper };
	pthread_t thread;

	needs_rings();
	thread = thread_start(run_life, &life);
	WAIT_UNTIL(atomic_load(&life.begun) == 2);
	a10_shards_stop(atomic_load(&life.shards));
	thread_join(thread);
	ck_assert_uint_eq(atomic_load(&life.values), 2);
	ck_assert_uint_eq(atomic_load(&life.over), 2);
}

/* ---- connections ------------------------------------------------------------------- */

/* The first accepts, the second serves. */
struct hand_over {
	char address[64];
	bool direct;
	atomic_bool listening;
	atomic_uint served;
	struct a10_fd client;
	char byte;
};

static void on_echoed(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;
	struct hand_over *over = shard->data;

	ck_assert_int_eq(r->value, 1);
	ck_assert_ptr_eq(r->sq, a10_shard_sq(shard, 1));
	atomic_fetch_add(&over->served, 1);
	a10_fd_release(over->client);
}

static void on_byte(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;
	struct hand_over *over = shard->data;

	ck_assert_int_eq(r->value, 1);
	ck_assert_int_gt(a10_submit(r->sq,
				    a10_send(over->client, &over->byte, 1, 0),
				    on_echoed, data),
			 0);
}

/* On the second: a place in its table, or a number. */
static void on_handed(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;
	struct hand_over *over = shard->data;

	ck_assert_int_eq(r->value, 0);
	if (over->direct)
		over->client =
			a10_ring_direct(shard->ring, (uint32_t)r->extra[0]);
	else
		over->client = a10_fd_regular((int)r->extra[0]);
	ck_assert_int_gt(a10_submit(r->sq,
				    a10_recv(over->client, &over->byte, 1, 0),
				    on_byte, data),
			 0);
}

static void on_moved(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;

	ck_assert_int_eq(r->value, 0);
	ck_assert(a10_fd_is_direct(r->fd));
	ck_assert_int_eq(a10_message_post(a10_shard_sq(shard, 1),
					  (uint64_t)r->fd.plus_one - 1),
			 0);
}

static struct a10_fd listening;

static void on_accepted(void *data, const struct a10_result *r)
{
	const struct a10_shard *shard = data;
	struct hand_over *over = shard->data;
	struct a10_sq *other = a10_shard_sq(shard, 1);

	ck_assert_int_eq(r->value, 0);
	a10_fd_release(listening);
	if (over->direct)
		ck_assert_int_gt(a10_submit(r->sq, a10_fd_move(r->fd, other),
					    on_moved, data),
				 0);
	else
		ck_assert_int_eq(
			a10_message_post(other, (uint64_t)a10_fd_number(r->fd)),
			0);
}

static int accept_or_serve(const struct a10_shard *shard)
{
	struct a10_sq *sq = a10_ring_sq(shard->ring);
	struct hand_over *over = shard->data;
	struct a10_op accepting;
	struct a10_result r;

	kept[shard->index] = *shard;
	if (shard->index == 1) {
		ck_assert_int_gt(a10_submit(sq, a10_message_receive(),
					    on_handed, &kept[1]),
				 0);
		return 0;
	}
	ck_assert_int_eq(a10_await_on(sq, a10_listen_on(over->address, 0), &r),
			 0);
	listening = r.fd;
	accepting = a10_accept(r.fd, NULL, 0);
	ck_assert_int_gt(
		a10_submit(sq, over->direct ? a10_direct(accepting) : accepting,
			   on_accepted, &kept[0]),
		0);
	atomic_store(&over->listening, true);
	return 0;
}

static void *run_hand_over(void *data)
{
	struct a10_config config = { .direct_descriptors = 8 };

	ck_assert_int_eq(a10_shards_run(2, &config, accept_or_serve, data), 0);
	return NULL;
}

TEST(one_shard_accepts_and_another_serves)
{
	needs_rings();
	for (int direct = 0; direct < 2; direct++) {
		struct hand_over over = { .direct = direct };
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		struct folder folder;
		pthread_t thread;
		char byte = 'x';
		int client;

		folder_open(&folder);
		snprintf(over.address, sizeof(over.address), "unix:%.56s",
			 folder_file(&folder, "s"));
		snprintf(name.sun_path, sizeof(name.sun_path), "%.100s",
			 folder.file);
		thread = thread_start(run_hand_over, &over);
		WAIT_UNTIL(atomic_load(&over.listening));
		client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(connect(client, (struct sockaddr *)&name,
					 sizeof(name)),
				 0);
		ck_assert_int_eq(write(client, &byte, 1), 1);
		ck_assert_int_eq(read(client, &byte, 1), 1);
		ck_assert_int_eq(byte, 'x');
		/* And closes it, for it is its own. */
		ck_assert_int_eq(read(client, &byte, 1), 0);
		ck_assert_int_eq(close(client), 0);
		thread_join(thread);
		ck_assert_uint_eq(atomic_load(&over.served), 1);
		folder_close(&folder);
	}
}
