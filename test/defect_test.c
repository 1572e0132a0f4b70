/* What went wrong in a library that did the same before this one. */
#include "support.h"

#include <dirent.h>
#include <linux/stat.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>

#include "ring/core.h"

TEST(close_is_carried_out_when_the_ring_has_ended)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_sq *sq = a10_sq_ref(a10_ring_sq(ring));
	char byte;
	int ends[2];

	pipe_open(ends);
	ring_close(ring);
	ck_assert_int_eq(a10_submit(sq, a10_close(a10_fd_regular(ends[1])),
				    NULL, NULL),
			 -ESHUTDOWN);
	ck_assert(!number_is_open(ends[1]));
	a10_fd_release(a10_fd_regular(ends[0]));
	ck_assert_int_eq(read(ends[0], &byte, 1), -1);
	a10_sq_unref(sq);
}

static void *read_slowly(void *data)
{
	static unsigned char bytes[7001];
	const int number = *(int *)data;
	uint64_t total = 0;
	ssize_t n;

	while ((n = read(number, bytes, sizeof(bytes))) > 0) {
		pattern_check(bytes, (size_t)n, total);
		total += (uint64_t)n;
	}
	return (void *)(uintptr_t)total;
}

TEST(all_of_a_vector_is_done_when_its_last_part_is_empty)
{
	static unsigned char bytes[100000];
	struct a10_ring *ring = ring_open(NULL);
	struct iovec iov[3] = { { bytes, 40000 },
				{ bytes + 40000, 60000 },
				{ NULL, 0 } };
	struct msghdr header = { .msg_iov = iov, .msg_iovlen = 3 };

	pattern_fill(bytes, sizeof(bytes), 0);
	for (int way = 0; way < 2; way++) {
		const int small = 8192;
		struct a10_op op;
		struct pair pair;
		pthread_t thread;

		pair_open(ring, false, &pair);
		ck_assert_int_eq(setsockopt(a10_fd_number(pair.ours),
					    SOL_SOCKET, SO_SNDBUF, &small,
					    sizeof(small)),
				 0);
		thread = thread_start(read_slowly, &pair.theirs);
		op = way ? a10_writev(pair.ours, iov, 3) :
			   a10_sendmsg(pair.ours, &header, 0);
		ck_assert_int_eq(value_of(ring, a10_all(op)), 100000);
		ck_assert_int_eq(
			value_of(ring, a10_shutdown(pair.ours, SHUT_WR)), 0);
		ck_assert_uint_eq((uintptr_t)thread_join(thread), 100000);
		pair_close(ring, &pair);
	}
	ring_close(ring);
}

TEST(all_of_nothing_is_done)
{
	struct a10_ring *ring = ring_open(NULL);
	struct iovec none = { NULL, 0 };
	struct pair pair;

	pair_open(ring, false, &pair);
	ck_assert_int_eq(value_of(ring, a10_all(a10_write(pair.ours, "", 0))),
			 0);
	ck_assert_int_eq(value_of(ring, a10_all(a10_send(pair.ours, "", 0, 0))),
			 0);
	ck_assert_int_eq(
		value_of(ring, a10_all(a10_writev(pair.ours, &none, 1))), 0);
	ck_assert_int_eq(
		value_of(ring, a10_all(a10_writev(pair.ours, NULL, 0))), 0);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_time_before_1970_is_a_time)
{
	struct a10_ring *ring = ring_open(NULL);
	const struct timespec times[2] = { { -5, 7 }, { -100, 9 } };
	struct statx status = { .stx_size = 1 };
	struct folder folder;

	folder_open(&folder);
	file_write(folder_file(&folder, "f"), "", 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, folder.file, times, 0), 0);
	ck_assert_int_eq(value_of(ring, a10_statx(A10_CWD, folder.file, 0,
						  STATX_MTIME, &status)),
			 0);
	ck_assert_int_eq(status.stx_mtime.tv_sec, -100);
	ck_assert_uint_eq(status.stx_mtime.tv_nsec, 9);
	folder_close(&folder);
	ring_close(ring);
}

TEST(an_event_is_whole_after_the_next_was_read)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_watch_event one, two;
	struct a10_watch *watch;
	struct folder folder;
	uint32_t cookie;
	int number;

	folder_open(&folder);
	ck_assert_int_eq(a10_watch_create(a10_ring_sq(ring), &watch), 0);
	number = a10_watch_add(watch, folder.path, IN_MOVE | IN_CREATE, 0);
	file_write(folder_file(&folder, "a"), "", 0);
	ck_assert_int_eq(value_of(ring, a10_watch_next(watch, &one)), 1);
	ck_assert_str_eq(one.path, folder_file(&folder, "a"));
	{
		char from[192];

		snprintf(from, sizeof(from), "%s", folder.file);
		ck_assert_int_eq(rename(from, folder_file(&folder, "b")), 0);
	}
	ck_assert_int_eq(value_of(ring, a10_watch_next(watch, &one)), 1);
	cookie = one.cookie;
	ck_assert_int_eq(value_of(ring, a10_watch_next(watch, &two)), 1);
	ck_assert_uint_eq(one.mask, IN_MOVED_FROM);
	ck_assert_uint_eq(one.cookie, cookie);
	ck_assert_int_eq(one.number, number);
	ck_assert_uint_eq(two.cookie, cookie);
	ck_assert_str_eq(two.path, folder.file);
	a10_watch_destroy(watch);
	folder_close(&folder);
	ring_close(ring);
}

TEST(signals_that_are_opened_are_blocked)
{
	sigset_t set, now;
	struct a10_fd fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGKILL); /* which cannot be had */
	ck_assert_int_eq(a10_signals_open(&set, &fd), 0);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	ck_assert_int_eq(sigismember(&now, SIGUSR2), 1);
	ck_assert_int_eq(sigismember(&now, SIGKILL), 0);
	/* It would have ended this process. */
	ck_assert_int_eq(raise(SIGUSR2), 0);
	a10_fd_release(fd);
}

static unsigned int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	unsigned int count = 0;
	const struct dirent *entry;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

TEST(an_accept_waits_without_a_worker)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_fd fd = fd_of(ring, a10_listen_on("127.0.0.1:0", 0));
	const unsigned int before = threads();
	struct seen one, two;

	start(ring, a10_accept(fd, NULL, 0), &one);
	start(ring, a10_multishot(a10_accept(fd, NULL, 0)), &two);
	run_for(ring, A_MOMENT);
	ck_assert_uint_eq(threads(), before);
	fd_close(ring, fd);
	ring_close(ring);
}

TEST(a_poll_that_finds_completions_submits_too)
{
	struct a10_ring *ring = ring_open(NULL);
	struct seen nop, sent;
	struct pair pair;
	char byte;

	pair_open(ring, false, &pair);
	ring_bind(ring);
	start(ring, a10_nop(), &nop);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	start(ring, a10_send(pair.ours, "x", 1, 0), &sent);
	ck_assert_int_ge(a10_ring_poll(ring, 0), 1);
	ck_assert_uint_eq(nop.count, 1);
	ck_assert_int_eq(recv(pair.theirs, &byte, 1, MSG_DONTWAIT), 1);
	RUN_UNTIL(ring, sent.ended);
	pair_close(ring, &pair);
	ring_close(ring);
}

/* Some of each: plain, with a path, with a header, with a pool's buffer. */
static void some_of_each(struct a10_ring *ring, struct pair *pair)
{
	struct iovec iov = { (char[]){ 'x' }, 1 };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	char byte;

	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(value_of(ring, a10_nop()), 0);
		ck_assert_int_eq(value_of(ring,
					  a10_mkdirat(A10_CWD, "/proc", 0)),
				 -EEXIST);
		ck_assert_int_eq(
			value_of(ring, a10_sendmsg(pair->ours, &header, 0)), 1);
		ck_assert_int_eq(recv(pair->theirs, &byte, 1, 0), 1);
		ck_assert_int_eq(
			value_of(ring, a10_timeout(a10_nop(), A10_SECOND)), 0);
	}
}

TEST(after_warm_up_nothing_is_allocated)
{
	struct a10_ring *ring = ring_open(NULL);
	struct mallinfo2 before, after;
	struct pair pair;

	pair_open(ring, false, &pair);
	some_of_each(ring, &pair);
	before = mallinfo2();
	some_of_each(ring, &pair);
	after = mallinfo2();
	ck_assert_uint_eq(after.uordblks, before.uordblks);
	pair_close(ring, &pair);
	ring_close(ring);
}

TEST(a_hundred_streams_end_and_leave_their_slots)
{
	struct a10_ring *ring = ring_open(NULL);
	struct a10_pool *pool;
	uint32_t used = 0;

	ck_assert_int_eq(a10_pool_create(ring, 4, 64, 0, &pool), 0);
	for (int i = 0; i < 100; i++) {
		struct pair pair;
		struct seen seen;

		pair_open(ring, false, &pair);
		start(ring, a10_multishot(a10_recv_pooled(pair.ours, pool, 0)),
		      &seen);
		ck_assert_int_eq(shutdown(pair.theirs, SHUT_WR), 0);
		RUN_UNTIL(ring, seen.ended);
		ck_assert_int_eq(seen.last.value, 0);
		pair_close(ring, &pair);
		ck_assert_uint_eq(a10_ring_pending(ring), 0);
		if (i == 10)
			used = ring->slots_used;
	}
	ck_assert_uint_eq(ring->slots_used, used);
	a10_pool_destroy(pool);
	ring_close(ring);
}

/* ---- what is told once ------------------------------------------------------- */

struct leaver {
	struct a10_ring *ring;
	unsigned int told[4];
	unsigned int seen; /* completions the kernel still holds for us */
};

static struct leaver leaver;

static void on_told(void *data, const struct a10_result *r)
{
	const struct backend_view *view = &leaver.ring->view;

	(void)r;
	leaver.told[(uintptr_t)data]++;
	leaver.seen += atomic_load(view->cq_tail) - atomic_load(view->cq_head);
	if ((uintptr_t)data == 1)
		pthread_exit(NULL);
}

static void *leave_in_a_callback(void *data)
{
	(void)data;
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_gt(a10_submit(a10_ring_sq(leaver.ring), a10_nop(),
					    on_told, (void *)i),
				 0);
	(void)a10_ring_poll(leaver.ring, A10_SECOND);
	ck_abort_msg("the callback returned");
	return NULL;
}

/* All four are taken from the kernel before the first is told. */
TEST(a_callback_that_never_returns_is_not_called_again)
{
	leaver.ring = ring_open(NULL);
	(void)thread_join(thread_start(leave_in_a_callback, NULL));
	ring_close(leaver.ring);
	ck_assert_uint_eq(leaver.told[0], 1);
	ck_assert_uint_eq(leaver.told[1], 1);
	ck_assert_uint_le(leaver.told[2], 1);
	ck_assert_uint_le(leaver.told[3], 1);
	ck_assert_uint_eq(leaver.seen, 0);
}

static void *wake_soon(void *data)
{
	nap(A_MOMENT);
	ck_assert_int_eq(a10_sq_wake(data), 0);
	return NULL;
}

TEST(one_wake_costs_one_completion)
{
	struct a10_ring *ring = ring_open(NULL);
	uint32_t before, after;
	pthread_t thread;

	ring_bind(ring);
	before = atomic_load(ring->view.cq_tail);
	thread = thread_start(wake_soon, a10_ring_sq(ring));
	ck_assert_int_eq(a10_ring_poll(ring, A10_FOREVER), 0);
	thread_join(thread);
	run_for(ring, A10_MILLISECOND);
	after = atomic_load(ring->view.cq_tail);
	ck_assert_uint_eq(after - before, 1);
	ring_close(ring);
}

/* Requests that come about when it looks for the last time. */
TEST(no_request_is_left_to_a_kernel_thread_that_falls_asleep)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .kernel_thread_idle_ns = A10_MILLISECOND };
	struct a10_ring *ring = ring_open(&config);
	uint64_t random = test_seed();

	ring_bind(ring);
	for (unsigned int i = test_scaled(50); i > 0; i--) {
		const int64_t until =
			a10_now() + A10_MILLISECOND / 2 +
			(int64_t)(test_random(&random) % A10_MILLISECOND);
		struct seen seen;

		while (a10_now() < until)
			;
		/* One poll: the next would wake it too. */
		start(ring, a10_nop(), &seen);
		ck_assert_int_eq(a10_ring_poll(ring, PATIENCE), 1);
		ck_assert_uint_eq(seen.ended, 1);
	}
	ring_close(ring);
}
