/* Tasks: what went wrong once, or nearly did. */
#include "rig.h"
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <a10/channel.h>
#include <a10/task.h>

#include "task/stack.h"

static int run(a10_task_fn *fn, void *data)
{
	struct a10_ring *probe = ring_open(NULL);

	ring_close(probe);
	return a10_run(NULL, fn, data);
}

static int give_seven(void *data)
{
	(void)data;
	return 7;
}

/* ---- joining ------------------------------------------------------------------ */

struct elsewhere {
	struct a10_sq *sq;
	a10_id id;
};

static void *spawn_elsewhere(void *data)
{
	struct elsewhere *elsewhere = data;

	elsewhere->id = a10_task_spawn(elsewhere->sq, give_seven, NULL, 0);
	return NULL;
}

static int join_from_elsewhere(void *data)
{
	struct elsewhere elsewhere = {
		.sq = a10_ring_sq(a10_ring_current()),
	};
	struct a10_result r;

	(void)data;
	thread_join(thread_start(spawn_elsewhere, &elsewhere));
	ck_assert_int_eq(a10_await(a10_task_join(elsewhere.id)), 7);
	ck_assert_int_eq(a10_await(a10_task_join(elsewhere.id)), -ESRCH);
	thread_join(thread_start(spawn_elsewhere, &elsewhere));
	ck_assert_int_eq(a10_await_result(a10_task_join(elsewhere.id), &r), 7);
	return 0;
}

TEST(a_task_that_another_thread_has_just_spawned_is_joined)
{
	ck_assert_int_eq(run(join_from_elsewhere, NULL), 0);
}

/* ---- limits -------------------------------------------------------------------- */

struct crowd {
	struct a10_scope scope;
	int alive;
	int most;
	int spawned;
	int failed;
};

static int stay_a_little(void *data)
{
	struct crowd *crowd = data;

	if (++crowd->alive > crowd->most)
		crowd->most = crowd->alive;
	a10_sleep(A10_MILLISECOND);
	crowd->alive--;
	return 0;
}

static int spawn_three(void *data)
{
	struct crowd *crowd = data;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_gt(a10_scope_spawn(&crowd->scope, stay_a_little,
						 crowd, 0),
				 0);
		crowd->spawned++;
	}
	return 0;
}

TEST(a_task_of_one_ring_waits_for_room_in_a_scope_of_another)
{
	struct a10_ring *one = ring_open(NULL), *two = ring_open(NULL);
	struct crowd crowd = { .alive = 0 };
	const int64_t end = a10_now() + PATIENCE;

	ring_bind(one);
	ring_bind(two);
	a10_scope_open(&crowd.scope, a10_ring_sq(two), 0);
	a10_scope_set_limit(&crowd.scope, 1);
	a10_task_spawn(a10_ring_sq(one), spawn_three, &crowd, 0);
	while (crowd.spawned < 3 || a10_scope_count(&crowd.scope) > 0) {
		ck_assert_int_lt(a10_now(), end);
		a10_ring_poll(one, A10_MILLISECOND);
		a10_ring_poll(two, A10_MILLISECOND);
	}
	ck_assert_int_eq(crowd.most, 1);
	ring_close(one);
	ring_close(two);
}

TEST(a_limit_holds_before_the_ring_has_an_owner)
{
	struct a10_ring *ring = ring_open(NULL);
	struct crowd crowd = { .alive = 0 };

	a10_scope_open(&crowd.scope, a10_ring_sq(ring), 0);
	a10_scope_set_limit(&crowd.scope, 2);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(a10_scope_spawn(&crowd.scope, stay_a_little,
						 &crowd, 0) > 0,
				 i < 2);
	ck_assert_int_eq(a10_scope_spawn(&crowd.scope, stay_a_little, &crowd,
					 0),
			 -EAGAIN);
	RUN_UNTIL(ring, a10_scope_count(&crowd.scope) == 0);
	ck_assert_int_eq(crowd.most, 2);
	ring_close(ring);
}

static int spawn_large(void *data)
{
	struct crowd *crowd = data;
	const struct a10_task_options options = {
		.scope = &crowd->scope,
		.stack_size = (size_t)1 << 30,
	};

	if (a10_task_spawn_with(&options, stay_a_little, crowd, 0) < 0)
		crowd->failed++;
	return 0;
}

static int spawn_usual(void *data)
{
	struct crowd *crowd = data;

	if (a10_scope_spawn(&crowd->scope, stay_a_little, crowd, 0) > 0)
		crowd->spawned++;
	return 0;
}

static int fail_for_want_of_memory(void *data)
{
	struct crowd *crowd = data;
	struct rlimit all, few;
	unsigned long pages;
	char line[128];
	FILE *file = fopen("/proc/self/statm", "r");

	a10_scope_open(&crowd->scope, NULL, 0);
	a10_scope_set_limit(&crowd->scope, 1);
	spawn_usual(crowd);
	ck_assert_int_eq(crowd->spawned, 1);
	a10_task_spawn(NULL, spawn_large, crowd, 0);
	a10_task_spawn(NULL, spawn_usual, crowd, 0);
	a10_yield();
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	pages = strtoul(line, NULL, 10);
	fclose(file);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &all), 0);
	few = all;
	few.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (64 << 20);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &few), 0);
	a10_sleep(20 * A10_MILLISECOND);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &all), 0);
	ck_assert_int_eq(crowd->spawned, 2);
	return a10_scope_close(&crowd->scope);
}

TEST(a_spawn_that_fails_after_it_was_told_of_room_keeps_no_other)
{
	struct crowd crowd = { .alive = 0 };

	if (on_valgrind())
		SKIP("valgrind needs memory too");
	ck_assert_int_eq(run(fail_for_want_of_memory, &crowd), 0);
}

/* ---- what is detached ------------------------------------------------------------ */

static int forget_a_permit(void *data)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct a10_semaphore semaphore;
	a10_id id;

	(void)data;
	a10_semaphore_init(&semaphore, 0);
	id = a10_submit(sq, a10_semaphore_acquire(&semaphore), on_never, NULL);
	a10_semaphore_release(&semaphore);
	a10_detach(sq, id);
	a10_detach(sq, id);
	/* Now: the semaphore may be gone at the next turn. */
	ck_assert(a10_semaphore_try_acquire(&semaphore));
	ck_assert(!a10_semaphore_try_acquire(&semaphore));
	id = a10_submit(sq, a10_semaphore_acquire(&semaphore), on_never, NULL);
	a10_detach(sq, id);
	a10_detach(sq, id);
	ck_assert(!a10_semaphore_try_acquire(&semaphore));
	a10_semaphore_finish(&semaphore);
	memset(&semaphore, 0xa1, sizeof(semaphore));
	return a10_yield();
}

TEST(an_acquire_that_is_forgotten_gives_its_permit_back)
{
	ck_assert_int_eq(run(forget_a_permit, NULL), 0);
}

static int dropped;

static void count_dropped(void *item)
{
	(void)item;
	dropped++;
}

/* Without a callback nobody hears of it. */
static int let_nobody_know(void *data)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct a10_channel *channel =
		a10_channel_create(sizeof(int), 2, count_dropped);
	struct a10_semaphore semaphore;
	int item = 1;

	(void)data;
	a10_semaphore_init(&semaphore, 1);
	for (int i = 0; i < 2; i++) {
		a10_submit(sq, a10_semaphore_acquire(&semaphore), NULL, NULL);
		a10_submit(sq,
			   a10_channel_receive(channel, &item, sizeof(item)),
			   NULL, NULL);
		ck_assert_int_eq(a10_channel_try_send(channel, &i, sizeof(i)),
				 1);
		a10_sleep(0);
		ck_assert_int_eq(dropped, i + 1);
		ck_assert(a10_semaphore_try_acquire(&semaphore));
		a10_semaphore_release(&semaphore);
	}
	a10_channel_unref(channel);
	ck_assert_int_eq(dropped, 2);
	a10_semaphore_finish(&semaphore);
	return 0;
}

TEST(an_item_and_a_permit_that_nobody_asked_to_hear_of_are_given_back)
{
	ck_assert_int_eq(run(let_nobody_know, NULL), 0);
}

static void count_drop(void *item)
{
	++**(int **)item;
}

static int forget_an_item(void *data)
{
	struct a10_sq *sq = a10_ring_sq(a10_ring_current());
	struct a10_channel *channel =
		a10_channel_create(sizeof(int *), 0, count_drop);
	int count = 0, *item = &count, *out = NULL;
	a10_id id;

	(void)data;
	id = a10_submit(sq, a10_channel_receive(channel, &out, sizeof(out)),
			on_never, NULL);
	ck_assert_int_eq(a10_channel_try_send(channel, &item, sizeof(item)), 1);
	a10_detach(sq, id);
	/* Now: the channel may be gone at the next turn, and out as well. */
	ck_assert_int_eq(count, 1);
	a10_channel_unref(channel);
	out = NULL;
	a10_yield();
	ck_assert_int_eq(count, 1);
	return 0;
}

TEST(a_receive_that_is_forgotten_drops_its_item_at_once)
{
	ck_assert_int_eq(run(forget_an_item, NULL), 0);
}

TEST(what_could_not_be_made_is_no_memory_to_its_first_user)
{
	struct a10_ring *ring = ring_open(NULL);
	int item = 0;

	ck_assert_ptr_null(a10_channel_create(SIZE_MAX, 2, NULL));
	ck_assert_int_eq(value_of(ring,
				  a10_channel_send(NULL, &item, sizeof(item))),
			 -ENOMEM);
	ring_close(ring);
}

/* ---- what is carried out, and why it ends ------------------------------------------ */

static int await_chains(void *data)
{
	struct a10_op ops[2] = { a10_shielded(a10_nop()),
				 a10_shielded(a10_after(A_MOMENT)) };
	struct a10_op mixed[2] = { a10_shielded(a10_nop()), a10_nop() };

	/* Its cancel comes during the first. */
	ck_assert_int_eq(a10_await_linked(ops, 2, NULL), 0);
	ck_assert(a10_task_cancelled());
	ck_assert_int_eq(a10_await_linked(ops, 2, NULL), 0);
	ck_assert_int_eq(a10_await_linked(mixed, 2, NULL), -ECANCELED);
	*(bool *)data = true;
	return 0;
}

static int cancel_a_chain(void *data)
{
	a10_id id = a10_task_spawn(NULL, await_chains, data, 0);

	a10_sleep(A_MOMENT / 4);
	a10_cancel(a10_ring_sq(a10_ring_current()), id);
	return (int)a10_await(a10_task_join(id));
}

TEST(a_chain_of_what_is_shielded_is_carried_out)
{
	bool done = false;

	ck_assert_int_eq(run(cancel_a_chain, &done), 0);
	ck_assert(done);
}

static int await_a_late_chain(void *data)
{
	struct a10_op ops[2] = { a10_nop(), a10_after(A10_FOREVER) };

	*(ssize_t *)data = a10_await_linked(ops, 2, NULL);
	return 0;
}

static int set_a_deadline(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_set_deadline(&scope, a10_now() + A_MOMENT);
	a10_scope_spawn(&scope, await_a_late_chain, data, 0);
	return (int)a10_await(a10_scope_wait(&scope));
}

TEST(a_deadline_in_the_middle_of_a_chain_is_told_as_such)
{
	ssize_t value = 0;

	ck_assert_int_eq(run(set_a_deadline, &value), 0);
	ck_assert_int_eq(value, -ETIME);
}

struct there {
	struct a10_ring *ring;
	struct a10_result result;
	ssize_t value;
};

static int await_there(void *data)
{
	struct there *there = data;

	there->value = a10_await_on(a10_ring_sq(there->ring),
				    a10_after(A10_FOREVER), &there->result);
	return 0;
}

TEST(a_deadline_is_told_of_another_rings_operation_too)
{
	struct a10_ring *here = ring_open(NULL);
	struct there there = { .ring = ring_open(NULL) };
	const int64_t end = a10_now() + PATIENCE;
	struct a10_scope scope;

	ring_bind(here);
	ring_bind(there.ring);
	a10_scope_open(&scope, a10_ring_sq(here), 0);
	a10_scope_set_deadline(&scope, a10_now() + A_MOMENT);
	a10_scope_spawn(&scope, await_there, &there, 0);
	while (a10_scope_count(&scope) > 0) {
		ck_assert_int_lt(a10_now(), end);
		a10_ring_poll(here, A10_MILLISECOND);
		a10_ring_poll(there.ring, A10_MILLISECOND);
	}
	ck_assert_int_eq(there.value, -ETIME);
	ck_assert_int_eq(there.result.value, -ETIME);
	ring_close(here);
	ring_close(there.ring);
}

/* ---- stacks, signals, rings that cannot be ------------------------------------------ */

static int print_something(void *data)
{
	char text[64];

	snprintf(text, sizeof(text), "%p %g", data, 1.5);
	return a10_sleep(1000);
}

static int fill_small_stacks(void *data)
{
	static const char bytes[8 << 10] = "";
	const struct a10_task_options options = { .stack_size = 16 << 10 };
	size_t size;
	a10_id id;

	(void)data;
	id = a10_task_spawn_with(&options, print_something, bytes,
				 sizeof(bytes));
	ck_assert_int_eq(id, -E2BIG);
	for (size = sizeof(bytes); id < 0 && size > 64; size -= 64)
		id = a10_task_spawn_with(&options, print_something, bytes,
					 size);
	ck_assert_int_gt(id, 0);
	ck_assert_uint_gt(size, 3 << 10);
	return (int)a10_await(a10_task_join(id));
}

TEST(a_small_stack_has_room_for_more_than_the_data_it_takes)
{
	ck_assert_int_eq(run(fill_small_stacks, NULL), 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define USUAL_STACK (256 << 10)
#else
#define USUAL_STACK (64 << 10)
#endif

static int measure_stack(void *data)
{
	(void)data;
	return (int)(stack_here()->high - stack_here()->low);
}

static int measure_usual_stack(void *data)
{
	(void)data;
	return (int)a10_await(
		a10_task_join(a10_task_spawn(NULL, measure_stack, NULL, 0)));
}

TEST(a_usual_stack_has_more_room_under_a_sanitizer)
{
	ck_assert_int_eq(run(measure_usual_stack, NULL), USUAL_STACK);
}

static int be_killed(void *data)
{
	(void)data;
	kill(getpid(), SIGSEGV);
	return 0;
}

TEST(a_signal_that_somebody_sends_is_not_lost)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	struct a10_ring *probe = ring_open(NULL);
	int status = 0;
	pid_t child;

	ring_close(probe);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		sigaction(SIGSEGV, &usual, NULL);
		_exit(a10_run(NULL, be_killed, NULL));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}

static int never_run(void *data)
{
	*(bool *)data = true;
	return 0;
}

TEST(a_program_on_a_disabled_ring_does_not_begin)
{
	const struct a10_config config = { .disabled = true };
	bool ran = false;

	ck_assert_int_eq(a10_run(&config, never_run, &ran), -EBADFD);
	ck_assert(!ran);
}

/* ---- shields, births, limits that change --------------------------------------------- */

struct sheltered {
	a10_id id;
	int slept;
	int child;
	int late;
	int later;
	bool from_birth;
	bool shielded_from_birth;
};

static int note_birth(void *data)
{
	*(bool *)data = a10_task_cancelled();
	return a10_sleep(A10_FOREVER);
}

static int note_shielded_birth(void *data)
{
	*(bool *)data = a10_task_cancelled();
	return 0;
}

static int live_in_a_shelter(void *data)
{
	struct sheltered *it = data;
	a10_id id;

	a10_task_shield(true);
	it->slept = a10_sleep(A_MOMENT);
	ck_assert(a10_task_cancelled());
	id = a10_task_spawn(NULL, note_shielded_birth, &it->shielded_from_birth,
			    0);
	it->child = (int)a10_await(a10_task_join(id));
	a10_task_shield(false);
	it->late = a10_sleep(0);
	id = a10_task_spawn(NULL, note_birth, &it->from_birth, 0);
	it->later = (int)a10_await(a10_shielded(a10_task_join(id)));
	return 0;
}

static int cancel_the_sheltered(void *data)
{
	struct sheltered *it = data;

	it->id = a10_task_spawn(NULL, live_in_a_shelter, it, 0);
	a10_sleep(A_MOMENT / 4);
	a10_cancel(a10_ring_sq(a10_ring_current()), it->id);
	return (int)a10_await(a10_timeout(a10_task_join(it->id), PATIENCE));
}

TEST(a_shield_holds_while_its_task_waits_and_children_are_cancelled_from_birth)
{
	struct sheltered it = { .from_birth = false,
				.shielded_from_birth = true };

	ck_assert_int_eq(run(cancel_the_sheltered, &it), 0);
	ck_assert_int_eq(it.slept, 0);
	ck_assert_int_eq(it.child, 0);
	ck_assert(!it.shielded_from_birth);
	ck_assert_int_eq(it.late, -ECANCELED);
	ck_assert(it.from_birth);
	ck_assert_int_eq(it.later, -ECANCELED);
}

static int sleep_for_ever(void *data)
{
	(void)data;
	return a10_sleep(A10_FOREVER);
}

static int fill_up(void *data)
{
	struct crowd *crowd = data;

	for (int i = 0; i < 3; i++) {
		a10_scope_spawn(&crowd->scope, sleep_for_ever, NULL, 0);
		crowd->spawned++;
	}
	return 0;
}

static int raise_it_meanwhile(void *data)
{
	struct crowd *crowd = data;

	a10_scope_open(&crowd->scope, NULL, 0);
	a10_scope_set_limit(&crowd->scope, 1);
	a10_task_spawn(NULL, fill_up, crowd, 0);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(crowd->spawned, 1);
	a10_scope_set_limit(&crowd->scope, 2);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(crowd->spawned, 2);
	a10_scope_set_limit(&crowd->scope, 0);
	a10_sleep(A10_MILLISECOND);
	ck_assert_int_eq(crowd->spawned, 3);
	return a10_scope_close(&crowd->scope);
}

TEST(a_higher_limit_lets_those_in_that_wait)
{
	struct crowd crowd = { .alive = 0 };

	ck_assert_int_eq(run(raise_it_meanwhile, &crowd), 0);
}
