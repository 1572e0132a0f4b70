/* The kernel's backend in use: its queues by hand, and each of its calls. */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/kernel/syscall.h"

/* ---- the queues ---------------------------------------------------------- */

static void go_around_as(struct a10_config config)
{
	struct rig rig;

	config.submission_entries = 4;
	rig_open(&rig, &config);
	rig_go_around(&rig);
	rig_close(&rig);
}

#define GO_AROUND(...) go_around_as((struct a10_config){ __VA_ARGS__ })

TEST(requests_come_back_by_default)
{
	GO_AROUND(.disabled = A10_AUTO);
}

TEST(requests_come_back_without_deferring)
{
	GO_AROUND(.defer_task_run = A10_OFF);
}

TEST(requests_come_back_without_a_single_issuer)
{
	GO_AROUND(.single_issuer = A10_OFF);
}

TEST(requests_come_back_by_a_kernel_thread)
{
	GO_AROUND(.kernel_thread = A10_ON, .kernel_thread_idle_ns = MS);
}

TEST(requests_come_back_as_large_completions)
{
	GO_AROUND(.large_completions = A10_ON);
}

TEST(requests_come_back_while_busy_polling)
{
	GO_AROUND(.iopoll = A10_ON);
}

TEST(requests_come_back_without_no_iowait)
{
	GO_AROUND(.no_iowait = A10_OFF);
}

/* Without URING_SETUP_NO_SQARRAY, as kernels before 6.6. */
static int setup_with_array(uint32_t entries, struct uring_params *params)
{
	if (params->flags & URING_SETUP_NO_SQARRAY)
		return -EINVAL;
	return syscall_setup(entries, params);
}

TEST(an_index_array_is_not_seen)
{
	struct a10_config config = { .submission_entries = 4 };
	struct rig rig = { 0 };

	rig_take(&rig, kernel_open_by(setup_with_array, &config, -1,
				      &rig.backend, &rig.grant));
	ck_assert_uint_eq(rig.grant.setup_flags & URING_SETUP_NO_SQARRAY, 0);
	rig_enable(&rig);
	rig_go_around(&rig);
	rig_close(&rig);
}

/* The kernel writes both queues' positions: they are not each other's. */
TEST(a_ring_of_one_entry_works)
{
	struct a10_config config = { .submission_entries = 1,
				     .completion_entries = 1 };
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_uint_eq(rig.grant.view.sq_entries, 1);
	ck_assert_uint_eq(rig.grant.view.cq_entries, 1);
	rig_go_around(&rig);
	rig_close(&rig);
}

TEST(rings_share_their_workers)
{
	struct a10_config config = { 0 };
	struct rig first, second = { 0 };

	rig_open(&first, &config);
	rig_take(&second, backend_kernel.open(&config, first.grant.descriptor,
					      &second.backend, &second.grant));
	ck_assert_uint_ne(second.grant.setup_flags & URING_SETUP_ATTACH_WQ, 0);
	rig_enable(&second);
	rig_go_around(&second);
	rig_close(&first);
	rig_go_around(&second);
	rig_close(&second);
}

/* ---- enter --------------------------------------------------------------- */

TEST(a_disabled_ring_is_not_entered)
{
	struct a10_config config = { 0 };
	struct rig rig;

	rig_make(&rig, &config);
	rig_push(&rig, URING_OP_NOP, 1);
	ck_assert_int_eq(rig_enter(&rig, 1, 0, BACKEND_NO_DEADLINE), -EBADFD);
	rig_enable(&rig);
	ck_assert_int_eq(rig_enter(&rig, 1, 1, BACKEND_NO_DEADLINE), 1);
	ck_assert_uint_eq(rig_pop(&rig).user_data, 1);
	rig_close(&rig);
}

static void wait_in_vain(struct rig *rig)
{
	const int64_t start = rig_now(rig);
	int err;

	do
		err = rig_enter(rig, 0, 1, start + 20 * MS);
	while (err == 0); /* a busy polled ring returns early */
	ck_assert_int_eq(err, -ETIME);
	ck_assert_int_ge(rig_now(rig) - start, 20 * MS);
	ck_assert_int_eq(rig_enter(rig, 0, 1, rig_now(rig) - 1), -ETIME);
	ck_assert_int_eq(rig_enter(rig, 0, 1, 0), -ETIME);
	ck_assert_int_eq(rig_enter(rig, 0, 1, -1), -ETIME);
	ck_assert_int_eq(rig_enter(rig, 0, 1, INT64_MIN), -ETIME);
	/* A deadline is of a wait: without one it says nothing. */
	ck_assert_int_eq(rig_enter(rig, 0, 0, 0), 0);
}

/* How enter keeps its time: as it likes, or as it would elsewhere. */
enum way {
	AS_GRANTED,
	BY_RELATIVE_TIMES,
	AWAKE
};

static void wait_in_vain_as(struct a10_config config, enum way way)
{
	struct rig rig;

	rig_open(&rig, &config);
	if (way == BY_RELATIVE_TIMES)
		kernel_of(rig.backend)->abs_timer = false;
	if (way == AWAKE)
		kernel_of(rig.backend)->awake = true;
	wait_in_vain(&rig);
	/* Requests that were taken count for more than the time. */
	rig_push(&rig, URING_OP_NOP, 1);
	ck_assert_int_eq(rig_enter(&rig, 1, 2, rig_now(&rig)), 1);
	rig_close(&rig);
}

TEST(enter_ends_at_its_deadline)
{
	wait_in_vain_as((struct a10_config){ 0 }, AS_GRANTED);
}

TEST(enter_ends_at_its_deadline_by_relative_times)
{
	wait_in_vain_as((struct a10_config){ 0 }, BY_RELATIVE_TIMES);
}

TEST(enter_ends_at_its_deadline_without_deferring)
{
	wait_in_vain_as((struct a10_config){ .single_issuer = A10_OFF },
			AS_GRANTED);
}

TEST(enter_ends_at_its_deadline_while_busy_polling)
{
	wait_in_vain_as((struct a10_config){ .iopoll = A10_ON }, AS_GRANTED);
}

TEST(enter_ends_at_its_deadline_without_sleeping)
{
	wait_in_vain_as((struct a10_config){ 0 }, AWAKE);
}

TEST(what_is_there_is_had_however_late_it_is)
{
	struct a10_config config = { 0 };
	struct rig rig;

	rig_open(&rig, &config);
	rig_push(&rig, URING_OP_NOP, 1);
	ck_assert_int_eq(rig_enter(&rig, 1, 1, 0), 1);
	ck_assert_uint_eq(rig_ready(&rig), 1);
	ck_assert_int_eq(rig_enter(&rig, 0, 1, 0), 0);
	rig_close(&rig);
}

static void *write_late(void *data)
{
	usleep(20000);
	ck_assert_int_eq(write(*(int *)data, "x", 1), 1);
	return NULL;
}

static void wait_for_a_writer(enum way way)
{
	struct a10_config config = { 0 };
	struct uring_sqe *sqe;
	struct uring_cqe cqe;
	pthread_t thread;
	struct rig rig;
	int ends[2];
	char byte;

	rig_open(&rig, &config);
	if (way == AWAKE)
		kernel_of(rig.backend)->awake = true;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	sqe = rig_push(&rig, URING_OP_READ, 9);
	sqe->fd = ends[0];
	sqe->addr = (uintptr_t)&byte;
	sqe->len = 1;
	ck_assert_int_eq(pthread_create(&thread, NULL, write_late, &ends[1]),
			 0);
	ck_assert_int_eq(rig_enter(&rig, 1, 1, BACKEND_NO_DEADLINE), 1);
	cqe = rig_pop(&rig);
	ck_assert_uint_eq(cqe.user_data, 9);
	ck_assert_int_eq(cqe.res, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	close(ends[0]);
	close(ends[1]);
	rig_close(&rig);
}

TEST(enter_waits_for_as_long_as_it_takes)
{
	wait_for_a_writer(AS_GRANTED);
}

TEST(enter_waits_for_as_long_as_it_takes_without_sleeping)
{
	wait_for_a_writer(AWAKE);
}

/* Deferred work is done by a wait for nothing, if it is asked for. */
TEST(getevents_runs_what_is_deferred)
{
	struct a10_config config = { .defer_task_run = A10_ON };
	struct uring_sqe *sqe;
	struct rig rig;
	int ends[2];

	rig_open(&rig, &config);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	sqe = rig_push(&rig, URING_OP_POLL_ADD, 9);
	sqe->fd = ends[0];
	sqe->op_flags = POLLIN;
	ck_assert_int_eq(rig_enter(&rig, 1, 0, 0), 1);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_uint_eq(rig_ready(&rig), 0);
	ck_assert_uint_ne(
		atomic_load(rig.grant.view.sq_flags) & URING_SQ_TASKRUN, 0);
	ck_assert_int_eq(
		rig.calls->enter(rig.backend, 0, 0, BACKEND_GETEVENTS, 0), 0);
	ck_assert_uint_eq(rig_ready(&rig), 1);
	close(ends[0]);
	close(ends[1]);
	rig_close(&rig);
}

static void on_alarm(int number)
{
	(void)number;
}

TEST(a_signal_ends_a_wait)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 10000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct a10_config config = { 0 };
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	ck_assert_int_eq(rig_enter(&rig, 0, 1, rig_now(&rig) + 5000 * MS),
			 -EINTR);
	rig_close(&rig);
}

TEST(waits_are_no_iowait_where_the_kernel_can)
{
	static const uint8_t values[] = { A10_AUTO, A10_OFF };

	for (size_t i = 0; i < 2; i++) {
		struct a10_config config = { .no_iowait = values[i] };
		struct rig rig;
		bool has;

		rig_open(&rig, &config);
		has = rig.grant.features & URING_FEAT_NO_IOWAIT;
		ck_assert_uint_eq(kernel_of(rig.backend)->wait_flags,
				  has && values[i] != A10_OFF ?
					  URING_ENTER_NO_IOWAIT :
					  0);
		rig_close(&rig);
	}
}

TEST(now_is_the_monotonic_clock)
{
	struct a10_config config = { 0 };
	struct timespec before, after;
	struct rig rig;
	int64_t ns;

	rig_open(&rig, &config);
	clock_gettime(CLOCK_MONOTONIC, &before);
	ns = rig_now(&rig);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_ge(ns, before.tv_sec * 1000 * MS + before.tv_nsec);
	ck_assert_int_le(ns, after.tv_sec * 1000 * MS + after.tv_nsec);
	rig_close(&rig);
}

/* ---- binding, control ---------------------------------------------------- */

static bool registers_rings(const struct rig *rig)
{
	return rig->grant.setup_flags & URING_SETUP_COOP_TASKRUN ||
	       rig->grant.setup_flags & URING_SETUP_DEFER_TASKRUN;
}

TEST(a_bound_ring_is_entered_by_its_registered_descriptor)
{
	struct a10_config config = { 0 };
	const struct kernel *kernel;
	struct rig rig;
	int bound;

	rig_make(&rig, &config);
	kernel = kernel_of(rig.backend);
	bound = rig_enable(&rig);
	/* Both came with 5.18 and 5.19. */
	ck_assert_int_eq(bound, registers_rings(&rig));
	if (!bound)
		SKIP("the kernel registers no rings");
	ck_assert_uint_eq(kernel->enter_flags, URING_ENTER_REGISTERED_RING);
	ck_assert_int_lt(kernel->enter_fd, 16);
	ck_assert_uint_eq(kernel->control_flags != 0,
			  (rig.grant.features & URING_FEAT_REG_REG_RING) != 0);
	rig_go_around(&rig);
	rig_close(&rig);
}

/* A thread has room for 16. */
TEST(rings_that_cannot_be_registered_work_all_the_same)
{
	struct a10_config config = { .submission_entries = 2 };
	struct rig rigs[20];
	int bound = 0;

	for (int i = 0; i < 20; i++) {
		rig_make(&rigs[i], &config);
		bound += rig_enable(&rigs[i]);
	}
	ck_assert_int_eq(bound, registers_rings(&rigs[0]) ? 16 : 0);
	for (int i = 0; i < 20; i++) {
		rig_go_around(&rigs[i]);
		rig_close(&rigs[i]);
	}
}

TEST(closing_gives_the_registered_descriptor_back)
{
	struct a10_config config = { .submission_entries = 2 };
	struct rig rig;

	for (int i = 0; i < 40; i++) {
		rig_make(&rig, &config);
		ck_assert_int_eq(rig_enable(&rig), registers_rings(&rig));
		rig_close(&rig);
	}
}

static void *open_elsewhere(void *data)
{
	struct a10_config config = { .single_issuer = A10_OFF };

	rig_open((struct rig *)data, &config);
	return NULL;
}

/* Both are number 0 of their threads: the other's must not be used. */
TEST(another_threads_ring_is_not_closed_as_ones_own)
{
	struct a10_config config = { .single_issuer = A10_OFF };
	struct rig ours, theirs;
	pthread_t thread;
	uint32_t limits[2] = { 0 };

	ck_assert_int_eq(pthread_create(&thread, NULL, open_elsewhere, &theirs),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	rig_open(&ours, &config);
	ck_assert_int_eq(kernel_of(ours.backend)->enter_fd == 0,
			 kernel_of(theirs.backend)->enter_fd == 0);
	/* Control from here is of the ring itself, too. */
	if (ours.grant.features & URING_FEAT_NATIVE_WORKERS)
		ck_assert_int_le(rig_control(&theirs,
					     URING_REGISTER_IOWQ_MAX_WORKERS,
					     limits, 2),
				 0);
	rig_close(&theirs);
	rig_go_around(&ours);
	rig_close(&ours);
}

static void *use_elsewhere(void *data)
{
	struct rig *rig = (struct rig *)data;

	rig_enable(rig);
	rig_go_around(rig);
	return NULL;
}

/* Disabled, a ring is nobody's: it becomes the enabler's. */
TEST(the_thread_that_enables_a_ring_owns_it)
{
	struct a10_config config = { .single_issuer = A10_ON };
	uint32_t limits[2] = { 0 };
	pthread_t thread;
	struct rig rig;

	rig_make(&rig, &config);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_elsewhere, &rig), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rig_control(&rig, URING_REGISTER_IOWQ_MAX_WORKERS,
				     limits, 2),
			 -EEXIST);
	rig_close(&rig);
}

TEST(the_owner_gets_the_limits_of_workers)
{
	struct a10_config config = { .workers_bounded = 3,
				     .workers_unbounded = 5 };
	uint32_t limits[2] = { 0 };
	struct rig rig;

	rig_open(&rig, &config);
	rig_go_around(&rig);
	ck_assert_int_eq(rig_control(&rig, URING_REGISTER_IOWQ_MAX_WORKERS,
				     limits, 2),
			 0);
	ck_assert_uint_eq(limits[URING_WQ_BOUND], 3);
	ck_assert_uint_eq(limits[URING_WQ_UNBOUND], 5);
	rig_close(&rig);
}

TEST(the_table_of_direct_descriptors_has_its_size)
{
	struct a10_config config = { .direct_descriptors = 5 };
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(rig_update_table(&rig, 4, STDERR_FILENO), 1);
	ck_assert_int_eq(rig_update_table(&rig, 5, STDERR_FILENO), -EINVAL);
	rig_close(&rig);
}

TEST(there_is_no_table_if_none_was_asked_for)
{
	struct a10_config config = { 0 };
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(rig_update_table(&rig, 0, STDERR_FILENO), -ENXIO);
	rig_close(&rig);
}

static int update_buffer(struct rig *rig, uint32_t slot, void *data,
			 size_t size)
{
	struct iovec iov = { data, size };
	struct uring_rsrc_update2 update = { .offset = slot,
					     .data = (uintptr_t)&iov,
					     .nr = 1 };

	return rig_control(rig, URING_REGISTER_BUFFERS_UPDATE, &update,
			   sizeof(update));
}

TEST(the_table_of_registered_buffers_has_its_size)
{
	struct a10_config config = { .registered_buffers = 3 };
	void *data = malloc(4096);
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(update_buffer(&rig, 2, data, 4096), 1);
	ck_assert_int_lt(update_buffer(&rig, 3, data, 4096), 0);
	rig_close(&rig);
	free(data);
}

/* ---- a forked child ------------------------------------------------------ */

static int child_use(struct rig *rig)
{
	if (ring_maps() != 0)
		return 1;
	rig->calls->close(rig->backend, true);
	return 0;
}

TEST(a_forked_child_frees_a_ring_and_does_it_no_harm)
{
	struct a10_config config = { .submission_entries = 4 };
	struct rig rig;
	int status = -1;
	pid_t pid;

	rig_open(&rig, &config);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(child_use(&rig));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	rig_go_around(&rig);
	rig_close(&rig);
}
