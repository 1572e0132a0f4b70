/*
 * Wakes in every mode: from threads and from signal handlers, whatever the owner
 * does; none is lost, and many are one write.
 */
#include "modes.h"
#include "ping.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>

#include "ring/core.h"

/* ---- from a thread ------------------------------------------------------------- */

struct later {
	struct place *place;
	int64_t ns;
};

static void *wake_later(void *data)
{
	struct later *later = data;

	nap(later->ns);
	ck_assert_int_eq(a10_sq_wake(later->place->sq), 0);
	return NULL;
}

static void a_thread_wakes_a_ring(const struct mode *mode)
{
	struct later later;
	struct place place;
	int64_t begin;
	pthread_t thread;

	place_make(&place, mode);
	/* As good before there is an owner. */
	ck_assert_int_eq(a10_sq_wake(place.sq), 0);
	place_bind(&place);
	ck_assert_int_eq(a10_sq_wake(place.sq), 0);
	begin = a10_now();
	ck_assert_int_eq(place_wait(&place, 2 * PATIENCE), 0);
	for (int i = 0; i < 2; i++) {
		later.place = &place;
		later.ns = 4 * A10_MILLISECOND + mode->rest_ns;
		thread = thread_start(wake_later, &later);
		ck_assert_int_eq(place_wait(&place, 2 * PATIENCE), 0);
		thread_join(thread);
	}
	ck_assert_int_lt(a10_now() - begin, PATIENCE);
	place_close(&place);
}

TEST_IN_EACH_MODE(a_thread_wakes_a_ring)

/* However it falls between what the owner does. */
static void no_wake_is_lost_by_a_ring(const struct mode *mode)
{
	struct ping work = { .rounds = test_scaled(40) };
	struct place place;
	pthread_t thread;
	int64_t until;

	place_open(&place, mode);
	work.sq = place.sq;
	thread = thread_start(ping, &work);
	until = a10_now() + 2 * PATIENCE;
	while (atomic_load(&work.answered) < work.rounds) {
		/* One that got lost shows as a sleep of that length. */
		ck_assert_int_ge(place_wait(&place, 2 * PATIENCE), 0);
		atomic_store(&work.answered, atomic_load(&work.asked));
		ck_assert_int_lt(a10_now(), until);
	}
	thread_join(thread);
	place_close(&place);
}

TEST_IN_EACH_MODE(no_wake_is_lost_by_a_ring)

/* ---- many are one ---------------------------------------------------------------- */

/* What was written to an eventfd and not read. */
static uint64_t written_to(int fd)
{
	uint64_t count = UINT64_MAX;
	char line[128], path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "eventfd-count:", 14) == 0)
			count = strtoull(line + 14, NULL, 16);
	fclose(file);
	ck_assert_uint_ne(count, UINT64_MAX);
	return count;
}

struct crowd {
	struct place *place;
	int fd; /* that is written, while the owner sleeps */
	uint64_t before;
};

static void *wake_often(void *data)
{
	struct a10_sq *sq = data;

	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(a10_sq_wake(sq), 0);
	return NULL;
}

static void *wake_with_others(void *data)
{
	struct crowd *crowd = data;
	struct a10_sq *sq = crowd->place->sq;
	const uint32_t asleep =
		crowd->place->mode->outer ? BELL_AWAY : BELL_DOZING;
	pthread_t threads[2];

	WAIT_UNTIL(atomic_load(&sq->bell) == asleep);
	crowd->before = written_to(crowd->fd);
	for (int i = 0; i < 2; i++)
		threads[i] = thread_start(wake_often, sq);
	for (int i = 0; i < 2; i++)
		thread_join(threads[i]);
	return NULL;
}

/* All of them for one sleep: whoever is first writes. */
static void many_wakes_are_one_write_to_a_ring(const struct mode *mode)
{
	struct crowd crowd;
	struct place place;
	pthread_t thread;
	uint64_t written;

	place_open(&place, mode);
	crowd.place = &place;
	crowd.fd = mode->outer ? place.sq->ready_fd : place.sq->bell_fd;
	/* It may be told of what is there when it begins. */
	if (mode->outer)
		ck_assert_int_eq(place_wait(&place, 0), 0);
	thread = thread_start(wake_with_others, &crowd);
	if (mode->outer) {
		struct epoll_event event;

		ck_assert_int_eq(epoll_wait(place.epoll, &event, 1,
					    (int)(PATIENCE / A10_MILLISECOND)),
				 1);
	} else {
		ck_assert_int_eq(place_wait(&place, PATIENCE), 0);
	}
	thread_join(thread);
	written = written_to(crowd.fd) - crowd.before;
	/* Of a busy-polled ring the owner has read it. */
	if (is_busy_polled(&place))
		ck_assert_uint_eq(written, 0);
	else
		ck_assert_uint_eq(written, 1);
	/* And none while it is awake; the next sleep is none then. */
	if (mode->outer)
		ck_assert_int_eq(a10_ring_poll(place.ring, 0), 0);
	place_close(&place);
}

TEST_IN_EACH_MODE(many_wakes_are_one_write_to_a_ring)

static void wakes_are_no_write_to_a_ring_that_is_awake(const struct mode *mode)
{
	struct place place;

	place_make(&place, mode);
	if (mode->outer)
		ck_assert_int_ge(a10_ring_poll(place.ring, 0), 0);
	else
		place_bind(&place);
	thread_join(thread_start(wake_often, place.sq));
	ck_assert_uint_eq(written_to(place.sq->bell_fd), 0);
	ck_assert_int_eq(a10_ring_poll(place.ring, 2 * PATIENCE), 0);
	place_close(&place);
}

TEST_IN_EACH_MODE(wakes_are_no_write_to_a_ring_that_is_awake)

/* ---- from a signal handler --------------------------------------------------------- */

static struct a10_sq *for_signals;
static atomic_uint signals;

static void on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
	(void)a10_sq_wake(for_signals);
}

/* One SIGALRM, to a thread in which it is not blocked. */
static void alarm_in(int64_t ns)
{
	struct itimerval timer = { .it_value.tv_usec = 1 + ns / 1000 };

	ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void *take_signals(void *data)
{
	while (sem_wait(data) != 0)
		ck_assert_int_eq(errno, EINTR);
	return NULL;
}

static void signals_go(int how)
{
	sigset_t set;

	ck_assert_int_eq(sigemptyset(&set), 0);
	ck_assert_int_eq(sigaddset(&set, SIGALRM), 0);
	ck_assert_int_eq(pthread_sigmask(how, &set, NULL), 0);
}

/* They may come before this sleep, in it, or as it begins. */
static void wakes_by_signals(struct place *place, uint64_t *random)
{
	for (unsigned int i = 0; i < test_scaled(8); i++) {
		const unsigned int before = atomic_load(&signals);
		const int64_t begin = a10_now();

		place_rests(place);
		alarm_in((int64_t)(test_random(random) % 300) *
			 A10_MICROSECOND);
		do {
			ck_assert_int_eq(place_wait(place, 2 * PATIENCE), 0);
		} while (atomic_load(&signals) == before);
		ck_assert_int_lt(a10_now() - begin, PATIENCE);
	}
}

/*
 * TSan has handlers run at the next call of libc's, which poll's sleep is not: on
 * the owner's thread one that comes just before it runs after it.
 */
#ifdef __SANITIZE_THREAD__
#define HANDLERS_RUN_AT_ONCE 0
#else
#define HANDLERS_RUN_AT_ONCE 1
#endif

/* On the owner's thread, where they interrupt its sleep too; and on another. */
static void a_signal_handler_wakes_a_ring(const struct mode *mode)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t random = test_seed();
	struct place place;
	pthread_t thread;
	sem_t end;

	place_open(&place, mode);
	for_signals = place.sq;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	if (HANDLERS_RUN_AT_ONCE)
		wakes_by_signals(&place, &random);
	ck_assert_int_eq(sem_init(&end, 0, 0), 0);
	thread = thread_start(take_signals, &end);
	signals_go(SIG_BLOCK);
	wakes_by_signals(&place, &random);
	ck_assert_int_eq(sem_post(&end), 0);
	thread_join(thread);
	place_close(&place);
}

TEST_IN_EACH_MODE(a_signal_handler_wakes_a_ring)
