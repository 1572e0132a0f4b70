/* What a10_config asks for, and what a ring of it can do. */
#include "support.h"

#include <linux/io_uring.h>
#include <sched.h>
#include <sys/resource.h>

/* A ring of config works: at once, waiting, with a file, from a thread. */
static void *submit_nop(void *data)
{
	ck_assert_int_eq(a10_await_on(data, a10_nop(), NULL), 0);
	return NULL;
}

static void assert_works(struct a10_ring *ring)
{
	struct pair pair;
	struct seen seen;
	char bytes[8] = "";
	pthread_t thread;

	ck_assert_int_eq(value_of(ring, a10_nop()), 0);
	pair_open(ring, false, &pair);
	start(ring, a10_recv(pair.ours, bytes, sizeof(bytes), 0), &seen);
	run_for(ring, A10_MILLISECOND);
	ck_assert_int_eq(write(pair.theirs, "seven", 5), 5);
	RUN_UNTIL(ring, seen.ended == 1);
	ck_assert_int_eq(seen.last.value, 5);
	ck_assert_str_eq(bytes, "seven");
	pair_close(ring, &pair);
	thread = thread_start(submit_nop, a10_ring_sq(ring));
	RUN_UNTIL(ring, pthread_tryjoin_np(thread, NULL) == 0);
}

static void assert_config_works(const struct a10_config *config,
				struct a10_ring_info *ret_info)
{
	struct a10_ring *ring = ring_open(config);

	if (config->disabled == A10_ON)
		ck_assert_int_eq(a10_ring_enable(ring), 0);
	assert_works(ring);
	a10_ring_info(ring, ret_info);
	ring_close(ring);
}

TEST(sizes_are_rounded_up_to_powers_of_two)
{
	static const uint32_t sizes[][2] = { { 1, 1 },     { 2, 2 },
					     { 3, 4 },     { 64, 64 },
					     { 100, 128 }, { 4096, 4096 } };
	struct a10_ring_info info;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct a10_config config = { .submission_entries =
						     sizes[i][0] };

		assert_config_works(&config, &info);
		ck_assert_uint_eq(info.submission_entries, sizes[i][1]);
		ck_assert_uint_eq(info.completion_entries, 4 * sizes[i][1]);
	}
}

TEST(the_completion_queue_has_a_size_of_its_own)
{
	struct a10_config config = { .submission_entries = 8,
				     .completion_entries = 1000 };
	struct a10_ring_info info;

	assert_config_works(&config, &info);
	ck_assert_uint_eq(info.submission_entries, 8);
	ck_assert_uint_eq(info.completion_entries, 1024);
}

TEST(what_is_too_large_is_cut_or_refused_as_asked)
{
	struct a10_config config = { .submission_entries = 1u << 20 };
	struct a10_ring *ring = NULL;
	struct a10_ring_info info;

	ring = ring_open(&config);
	a10_ring_info(ring, &info);
	ck_assert_uint_eq(info.submission_entries, 32768);
	ring_close(ring);
	config.clamp = A10_OFF;
	ring = NULL;
	ck_assert_int_eq(a10_ring_create(&config, &ring), -EINVAL);
	ck_assert_ptr_null(ring);
	ck_assert_str_ne(a10_ring_reason(), "");
}

TEST(the_direct_table_has_the_size_asked_for)
{
	struct a10_config config = { .direct_descriptors = 3 };
	struct a10_ring_info info;
	struct a10_ring *ring = ring_open(&config);
	struct a10_fd fd[3];
	struct a10_op op = a10_direct(a10_open("/dev/null", O_RDONLY, 0));

	a10_ring_info(ring, &info);
	ck_assert_uint_eq(info.direct_descriptors, 3);
	for (int i = 0; i < 3; i++)
		fd[i] = fd_of(ring, op);
	ck_assert_int_eq(value_of(ring, op), -ENFILE);
	fd_close(ring, fd[1]);
	fd[1] = fd_of(ring, op);
	for (int i = 0; i < 3; i++)
		fd_close(ring, fd[i]);
	assert_works(ring);
	ring_close(ring);
}

TEST(each_choice_that_is_on_is_granted)
{
	const struct {
		struct a10_config config;
		uint32_t flags;
	} rows[] = {
		{ { .disabled = A10_ON }, IORING_SETUP_R_DISABLED },
		{ { .single_issuer = A10_ON }, IORING_SETUP_SINGLE_ISSUER },
		{ { .defer_task_run = A10_ON }, IORING_SETUP_DEFER_TASKRUN },
		{ { .clamp = A10_ON }, IORING_SETUP_CLAMP },
		{ { .large_completions = A10_ON }, IORING_SETUP_CQE32 },
		{ { .kernel_thread = A10_ON }, IORING_SETUP_SQPOLL },
		{ { .kernel_thread = A10_ON,
		    .kernel_thread_cpu_plus_one = 1,
		    .kernel_thread_idle_ns = A10_MILLISECOND },
		  IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF },
		{ { .reserved_operations = 1 }, 0 },
		{ { .reserved_operations = 100000 }, 0 },
		{ { .workers_bounded = 1, .workers_unbounded = 2 }, 0 },
		{ { .registered_buffers = 16 }, 0 },
		{ { .no_iowait = A10_OFF }, 0 },
		{ { .backend = A10_BACKEND_KERNEL }, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct a10_ring_info info;

		assert_config_works(&rows[i].config, &info);
		/* Whether disabled is told once it is enabled is not said. */
		if (rows[i].config.disabled != A10_ON)
			ck_assert_uint_eq(info.setup_flags & rows[i].flags,
					  rows[i].flags);
	}
}

TEST(polling_that_sleeps_first_is_granted_or_refused_in_words)
{
	struct a10_config config = { .iopoll = A10_ON,
				     .hybrid_iopoll = A10_ON };
	struct a10_ring *ring;
	struct a10_ring_info info;
	const int err = a10_ring_create(&config, &ring);

	if (err < 0) {
		ck_assert_ptr_nonnull(strstr(a10_ring_reason(), "hybrid"));
		SKIP("the kernel has no HYBRID_IOPOLL: %s", a10_ring_reason());
	}
	a10_ring_info(ring, &info);
	ck_assert_uint_ne(info.setup_flags & IORING_SETUP_IOPOLL, 0);
	ck_assert_uint_ne(info.setup_flags & 1u << 17, 0);
	ring_close(ring);
}

TEST(each_choice_that_is_off_is_not_asked_for)
{
	const struct {
		struct a10_config config;
		uint32_t flags;
	} rows[] = {
		{ { .defer_task_run = A10_OFF }, IORING_SETUP_DEFER_TASKRUN },
		{ { .single_issuer = A10_OFF },
		  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
		{ { .clamp = A10_OFF }, IORING_SETUP_CLAMP },
		{ { .kernel_thread = A10_OFF }, IORING_SETUP_SQPOLL },
		{ { .large_completions = A10_OFF }, IORING_SETUP_CQE32 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct a10_ring_info info;

		assert_config_works(&rows[i].config, &info);
		ck_assert_uint_eq(info.setup_flags & rows[i].flags, 0);
		ck_assert_uint_eq(info.setup_dropped & rows[i].flags, 0);
	}
}

TEST(options_that_contradict_each_other_are_refused_in_words)
{
	const struct a10_config configs[] = {
		{ .kernel_thread = A10_ON, .defer_task_run = A10_ON },
		{ .single_issuer = A10_OFF, .defer_task_run = A10_ON },
		{ .kernel_thread_cpu_plus_one = 1 },
		{ .hybrid_iopoll = A10_ON },
		{ .submission_entries = 64, .completion_entries = 2 },
		{ .kernel_thread = A10_ON, .kernel_thread_idle_ns = -1 },
		{ .disabled = 3 },
		{ .backend = 200 },
		{ .reserved_choices = { 1 } },
		{ .reserved = { 0, 1 } },
	};

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		const char *reason = NULL;
		struct a10_ring *ring = NULL;

		ck_assert_msg(a10_config_check(&configs[i], &reason) == -EINVAL,
			      "row %zu is accepted", i);
		ck_assert_ptr_nonnull(reason);
		ck_assert_str_ne(reason, "");
		ck_assert_int_eq(a10_config_check(&configs[i], NULL), -EINVAL);
		ck_assert_int_eq(a10_ring_create(&configs[i], &ring), -EINVAL);
		ck_assert_ptr_null(ring);
		ck_assert_str_ne(a10_ring_reason(), "");
	}
}

static void *reason_elsewhere(void *data)
{
	struct a10_config config = { .hybrid_iopoll = A10_ON };
	struct a10_ring *ring;

	(void)data;
	ck_assert_str_eq(a10_ring_reason(), "");
	ck_assert_int_eq(a10_ring_create(&config, &ring), -EINVAL);
	ck_assert_str_ne(a10_ring_reason(), "");
	return NULL;
}

TEST(the_reason_is_that_of_this_threads_last_creation)
{
	struct a10_config config = { .reserved = { 1 } };
	struct a10_ring *ring;

	ck_assert_str_eq(a10_ring_reason(), "");
	thread_join(thread_start(reason_elsewhere, NULL));
	ck_assert_str_eq(a10_ring_reason(), "");
	ck_assert_int_eq(a10_ring_create(&config, &ring), -EINVAL);
	ck_assert_str_ne(a10_ring_reason(), "");
	ring_close(ring_open(NULL));
	ck_assert_str_eq(a10_ring_reason(), "");
}

/* It fails at each descriptor that it needs in turn, and in the end not. */
TEST(no_descriptor_is_left_of_a_ring_that_could_not_be_made)
{
	unsigned int before = open_descriptors();
	unsigned int failures = 0;
	struct a10_ring *ring = NULL;
	struct rlimit limit;
	struct rlimit low;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	/* Standard ones and what the harness has open are the lowest. */
	for (low.rlim_cur = 1; ring == NULL; low.rlim_cur++) {
		int err;

		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
		err = a10_ring_create(NULL, &ring);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		failures += err < 0;
		if (err < 0) {
			ck_assert_msg(strstr(a10_ring_reason(), "ulimit -n"),
				      "%s", a10_ring_reason());
			ck_assert_uint_eq(open_descriptors(), before);
		}
	}
	ck_assert_uint_gt(failures, 2);
	ring_close(ring);
}

TEST(rings_share_workers_and_go_in_any_order)
{
	for (int first = 0; first < 2; first++) {
		struct a10_ring *one = ring_open(NULL);
		struct a10_config config = { .attach = a10_ring_sq(one) };
		struct a10_ring *two = ring_open(&config);
		struct a10_ring_info info;

		a10_ring_info(two, &info);
		ck_assert_uint_ne(info.setup_flags & IORING_SETUP_ATTACH_WQ, 0);
		assert_works(one);
		assert_works(two);
		ring_close(first ? one : two);
		assert_works(first ? two : one);
		ring_close(first ? two : one);
	}
}

TEST(attaching_to_a_ring_that_is_gone_is_an_error)
{
	struct a10_ring *one = ring_open(NULL);
	struct a10_config config = { .attach = a10_sq_ref(a10_ring_sq(one)) };
	struct a10_ring *two = NULL;

	ring_close(one);
	ck_assert_int_lt(a10_ring_create(&config, &two), 0);
	ck_assert_ptr_null(two);
	a10_sq_unref(config.attach);
}

TEST(a_kernel_thread_sleeps_and_is_woken)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .kernel_thread_idle_ns = A10_MILLISECOND };
	struct a10_ring *ring = ring_open(&config);

	for (int i = 0; i < 5; i++) {
		assert_works(ring);
		nap(10 * A10_MILLISECOND);
	}
	ring_close(ring);
}

TEST(a_kernel_thread_starts_what_is_submitted_without_a_poll)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct seen seen;
	int ends[2];
	char byte;

	ck_assert_int_eq(a10_ring_poll(ring, 0), 0);
	pipe_open(ends);
	start(ring, a10_write(a10_fd_regular(ends[1]), "x", 1), &seen);
	ck_assert_int_eq(a10_ring_flush(ring), 0);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	ck_assert_uint_eq(seen.count, 0);
	RUN_UNTIL(ring, seen.ended == 1);
	pipe_close(ends);
	ring_close(ring);
}

TEST(a_kernel_thread_does_more_than_its_queue_holds)
{
	struct a10_config config = { .kernel_thread = A10_ON,
				     .submission_entries = 2 };
	struct a10_ring *ring = ring_open(&config);
	static struct seen seen[500];

	for (int i = 0; i < 500; i++)
		start(ring, a10_nop(), &seen[i]);
	ck_assert_int_eq(a10_ring_run(ring), 0);
	for (int i = 0; i < 500; i++)
		ck_assert_uint_eq(seen[i].ended, 1);
	ring_close(ring);
}

TEST(large_completions_bring_extra_words)
{
	struct a10_config config = { .large_completions = A10_ON };
	struct a10_ring *ring = ring_open(&config);
	struct a10_result result = result_of(ring, a10_nop());

	ck_assert_int_eq(result.value, 0);
	ck_assert_uint_eq(result.extra[0], 0);
	ck_assert_uint_eq(result.extra[1], 0);
	ring_close(ring);
}

TEST(queues_start_at_their_first_index_or_say_that_they_cannot)
{
	struct a10_config config = { .first_index = UINT32_MAX - 2 };
	const char *reason = NULL;
	int err = a10_config_check(&config, &reason);
	struct a10_ring_info info;

	if (err == 0)
		assert_config_works(&config, &info);
	else
		ck_assert_int_eq(err, -EINVAL);
}

TEST(who_made_a_disabled_ring_cannot_await_on_it)
{
	struct a10_config config = { .disabled = A10_ON };
	struct a10_ring *ring = ring_open(&config);

	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring), a10_nop(), NULL),
			 -EBADFD);
	ck_assert_int_eq(a10_ring_enable(ring), 0);
	ck_assert_int_eq(a10_await_on(a10_ring_sq(ring), a10_nop(), NULL), 0);
	ring_close(ring);
}
