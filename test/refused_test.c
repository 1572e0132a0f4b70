/*
 * What the kernel's backend does when the kernel refuses: kernels that lack a
 * flag, a feature or memory, and machines that block io_uring. The kernels are
 * played by functions that stand in for io_uring_setup(2).
 */
#include "player.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "backend/kernel/capability.h"
#include "ring/create.h"

#include <a10/ring.h>

#define COOP (URING_SETUP_COOP_TASKRUN | URING_SETUP_TASKRUN_FLAG)

/* What all kernels that we can use have. */
#define BASE (URING_SETUP_R_DISABLED | URING_SETUP_CQSIZE | URING_SETUP_CLAMP)

/* Flags that the kernel here lacks are not what is tested. */
static uint32_t here(void)
{
	struct a10_config config = { 0 };
	struct rig rig;
	uint32_t flags;

	rig_make(&rig, &config);
	flags = rig.grant.setup_flags;
	rig_close(&rig);
	return flags;
}

static void needs(uint32_t flags)
{
	if ((here() & flags) != flags)
		SKIP("the kernel lacks setup flags %#x", flags & ~here());
}

/* ---- what open leaves behind --------------------------------------------- */

TEST(a_ring_has_maps_until_it_is_closed)
{
	struct a10_config config = { 0 };
	struct rig rig;

	rig_make(&rig, &config);
	ck_assert_uint_ge(ring_maps(), 2);
	rig_close(&rig);
	ck_assert_uint_eq(ring_maps(), 0);
}

/* ---- flags that are dropped ---------------------------------------------- */

#define ALL                                                       \
	(BASE | URING_SETUP_SUBMIT_ALL | URING_SETUP_NO_SQARRAY | \
	 URING_SETUP_SINGLE_ISSUER | URING_SETUP_DEFER_TASKRUN |  \
	 URING_SETUP_TASKRUN_FLAG)

/* Each step asks for the flags that follow; the last ones are granted. */
static const uint32_t steps[] = {
	ALL,
	ALL & ~URING_SETUP_NO_SQARRAY,
	BASE | URING_SETUP_SUBMIT_ALL | URING_SETUP_SINGLE_ISSUER | COOP,
	BASE | URING_SETUP_SUBMIT_ALL | COOP,
	BASE | URING_SETUP_SUBMIT_ALL,
	BASE,
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* The flags a kernel lacks, and the first step at which it agrees. */
static const struct lack {
	uint32_t flags;
	unsigned int step;
} lacks[] = {
	{ 0, 0 },
	{ URING_SETUP_NO_SQARRAY, 1 },
	{ URING_SETUP_DEFER_TASKRUN, 2 },
	{ URING_SETUP_SINGLE_ISSUER, 3 },
	{ URING_SETUP_COOP_TASKRUN, 0 }, /* was not asked for */
	{ URING_SETUP_TASKRUN_FLAG, 4 },
	{ COOP | URING_SETUP_DEFER_TASKRUN, 4 },
	{ URING_SETUP_SUBMIT_ALL, 5 },
};

static void take_steps(const struct lack *lack)
{
	struct a10_config config = { 0 };
	uint32_t asked = 0;
	struct rig rig;

	player = (struct player){ .unknown = lack->flags };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_uint_eq(player.calls, lack->step + 1);
	for (unsigned int i = 0; i <= lack->step; i++) {
		ck_assert_uint_eq(player.flags[i], steps[i]);
		asked |= steps[i];
	}
	ck_assert_uint_eq(rig.grant.setup_flags, steps[lack->step]);
	ck_assert_uint_eq(rig.grant.setup_dropped, asked & ~steps[lack->step]);
	ck_assert_int_eq(rig.grant.setup_error, lack->step ? -EINVAL : 0);
	rig_enable(&rig);
	rig_go_around(&rig);
	rig_close(&rig);
}

TEST(flags_are_dropped_one_at_a_time_the_newest_first)
{
	needs(ALL);
	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		take_steps(&lacks[i]);
}

TEST(a_kernel_thread_needs_no_task_run_flags)
{
	struct a10_config config = { .kernel_thread = A10_ON };
	struct rig rig;

	needs(ALL);
	player = (struct player){ .unknown = COOP | URING_SETUP_SUBMIT_ALL |
					     URING_SETUP_SINGLE_ISSUER };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_uint_eq(player.calls, 4);
	ck_assert_uint_eq(rig.grant.setup_flags, BASE | URING_SETUP_SQPOLL);
	ck_assert_uint_eq(rig.grant.setup_dropped,
			  URING_SETUP_NO_SQARRAY | URING_SETUP_SUBMIT_ALL |
				  URING_SETUP_SINGLE_ISSUER);
	rig_close(&rig);
}

TEST(nothing_is_retried_when_nothing_can_be_dropped)
{
	static const int errors[] = { -EPERM,  -ENOSYS, -EACCES, -EOPNOTSUPP,
				      -EMFILE, -ENFILE, -EAGAIN };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		player = (struct player){ .errors = UINT32_MAX,
					  .error = errors[i] };
		REFUSED(errors[i], "io_uring_setup", .clamp = A10_AUTO);
		ck_assert_uint_eq(player.calls, 1);
	}
}

TEST(an_error_on_the_way_down_is_what_is_said)
{
	player = (struct player){ .unknown = URING_SETUP_NO_SQARRAY,
				  .errors = UINT32_MAX,
				  .error = -EPERM };
	REFUSED(-EPERM, "EPERM", .clamp = A10_AUTO);
	ck_assert_uint_eq(player.calls, 2);
}

TEST(a_kernel_without_any_flag_is_too_old)
{
	player = (struct player){ .unknown = ~0u };
	REFUSED(-EOPNOTSUPP, "5.11", .clamp = A10_AUTO);
	/* All steps, and once more to see that it was not an option. */
	ck_assert_uint_eq(player.calls, STEPS + 1);
}

/* ---- options that were insisted on --------------------------------------- */

TEST(what_was_insisted_on_is_named_and_never_dropped)
{
	needs(ALL);
	player = (struct player){ .unknown = URING_SETUP_SINGLE_ISSUER };
	REFUSED(-EOPNOTSUPP, "single_issuer", .single_issuer = A10_ON);
	player.unknown = URING_SETUP_DEFER_TASKRUN;
	REFUSED(-EOPNOTSUPP, "defer_task_run", .defer_task_run = A10_ON);
	player.unknown |= URING_SETUP_SINGLE_ISSUER;
	REFUSED(-EOPNOTSUPP, "defer_task_run", .defer_task_run = A10_ON);
	player.unknown = URING_SETUP_SQPOLL;
	REFUSED(-EOPNOTSUPP, "kernel_thread", .kernel_thread = A10_ON);
	player.unknown = URING_SETUP_IOPOLL;
	REFUSED(-EOPNOTSUPP, "iopoll", .iopoll = A10_ON);
	player.unknown = URING_SETUP_HYBRID_IOPOLL;
	REFUSED(-EOPNOTSUPP, "hybrid_iopoll", .iopoll = A10_ON,
		.hybrid_iopoll = A10_ON);
	player.unknown = URING_SETUP_CQE32;
	REFUSED(-EOPNOTSUPP, "large_completions", .large_completions = A10_ON);
	for (unsigned int i = 0; i < player.calls - 1; i++)
		if (player.flags[i] & URING_SETUP_CQSIZE)
			ck_assert_uint_ne(player.flags[i] & URING_SETUP_CQE32,
					  0);
}

TEST(what_is_not_insisted_on_is_dropped_beside_what_is)
{
	struct a10_config config = { .single_issuer = A10_ON };
	struct rig rig;

	needs(ALL);
	player = (struct player){ .unknown = URING_SETUP_DEFER_TASKRUN |
					     URING_SETUP_SUBMIT_ALL |
					     URING_SETUP_NO_SQARRAY | COOP };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_uint_eq(rig.grant.setup_flags,
			  BASE | URING_SETUP_SINGLE_ISSUER);
	rig_close(&rig);
}

TEST(no_iowait_that_is_insisted_on_needs_the_feature)
{
	player = (struct player){ .featureless = URING_FEAT_NO_IOWAIT };
	REFUSED(-EOPNOTSUPP, "no_iowait", .no_iowait = A10_ON);
}

TEST(a_cpu_that_is_not_there_is_an_invalid_value)
{
	player = (struct player){ .unknown = 0 };
	REFUSED(-EINVAL, "CPU 998", .kernel_thread = A10_ON,
		.kernel_thread_cpu_plus_one = 999);
}

TEST(a_kernel_thread_is_shared_only_with_a_ring_that_has_one)
{
	struct a10_config without = { 0 };
	struct a10_config with = { .kernel_thread = A10_ON };
	struct rig first, second;

	rig_make(&first, &without);
	ck_assert_int_eq(backend_kernel.open(&with, first.grant.descriptor,
					     &second.backend, &second.grant),
			 -EINVAL);
	assert_reason("attach");
	rig_close(&first);
}

TEST(only_the_kernels_rings_share_workers)
{
	static const struct backend_calls calls;
	struct a10_ring *ring = NULL;
	struct a10_config config = { .attach = NULL };
	struct a10_ring *one;

	ck_assert_int_eq(a10_ring_create(NULL, &one), 0);
	config.attach = a10_ring_sq(one);
	ck_assert_int_eq(ring_create_on(&config, &calls, &ring), -EINVAL);
	ck_assert_ptr_null(ring);
	assert_reason("attach");
	ck_assert_int_eq(a10_ring_destroy(one, A10_FOREVER), 0);
}

/* ---- what is asked for --------------------------------------------------- */

static struct setup_request described(struct a10_config config)
{
	struct setup_request request;

	setup_describe(&config, -1, &request);
	return request;
}

#define DESCRIBED(...) described((struct a10_config){ __VA_ARGS__ })

static uint32_t idle_of(int64_t ns)
{
	return DESCRIBED(.kernel_thread = A10_ON, .kernel_thread_idle_ns = ns)
		.thread_idle_ms;
}

TEST(an_idle_time_is_in_whole_milliseconds)
{
	ck_assert_uint_eq(idle_of(0), 0); /* the kernel's second */
	ck_assert_uint_eq(idle_of(1), 1); /* not the kernel's second */
	ck_assert_uint_eq(idle_of(999999), 1);
	ck_assert_uint_eq(idle_of(1000000), 1);
	ck_assert_uint_eq(idle_of(1999999), 1);
	ck_assert_uint_eq(idle_of(2000000), 2);
	ck_assert_uint_eq(idle_of(INT64_C(4294967295) * 1000000), UINT32_MAX);
	ck_assert_uint_eq(idle_of(INT64_C(4294967296) * 1000000), UINT32_MAX);
	ck_assert_uint_eq(idle_of(INT64_MAX), UINT32_MAX);
}

TEST(completions_are_four_times_the_submissions_by_default)
{
	const struct setup_request none = DESCRIBED(.clamp = A10_AUTO);
	const struct setup_request some = DESCRIBED(.submission_entries = 100);
	const struct setup_request most =
		DESCRIBED(.submission_entries = 32768, .clamp = A10_OFF);

	ck_assert_uint_eq(none.sq_entries, 128);
	ck_assert_uint_eq(none.cq_entries, 512);
	ck_assert_uint_eq(some.cq_entries, 400);
	ck_assert_uint_eq(most.cq_entries, 65536);
	ck_assert_uint_eq(most.flags & URING_SETUP_CLAMP, 0);
}

TEST(the_largest_ring_can_be_had)
{
	struct a10_config config = { .submission_entries = UINT32_MAX };
	struct rig rig;

	rig_make(&rig, &config);
	ck_assert_uint_eq(rig.grant.view.sq_entries, 32768);
	ck_assert_uint_eq(rig.grant.view.cq_entries, 65536);
	rig_close(&rig);
}

/* ---- features, probes, tables, maps -------------------------------------- */

TEST(a_feature_that_is_missing_is_named)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} needed[] = {
		{ URING_FEAT_NODROP, "NODROP" },
		{ URING_FEAT_SUBMIT_STABLE, "SUBMIT_STABLE" },
		{ URING_FEAT_RW_CUR_POS, "RW_CUR_POS" },
		{ URING_FEAT_SQPOLL_NONFIXED, "SQPOLL_NONFIXED" },
		{ URING_FEAT_EXT_ARG, "EXT_ARG" },
	};
	uint32_t all = 0;

	for (size_t i = 0; i < 5; i++) {
		all |= needed[i].flag;
		ck_assert_str_eq(probe_missing(~needed[i].flag),
				 needed[i].name);
		player = (struct player){ .featureless = needed[i].flag };
		REFUSED(-EOPNOTSUPP, needed[i].name, .clamp = A10_AUTO);
	}
	ck_assert_ptr_null(probe_missing(all));
}

/* All three came with Linux 6.12, and are found in three ways. */
TEST(probes_agree_with_the_features)
{
	struct a10_config config = { 0 };
	struct rig rig;
	bool is_6_12;

	rig_make(&rig, &config);
	is_6_12 = rig.grant.features & URING_FEAT_MIN_TIMEOUT;
	ck_assert_int_eq(rig.grant.abs_timer, is_6_12);
	ck_assert_int_eq(rig.grant.incremental, is_6_12);
	rig_close(&rig);
}

TEST(probes_tell_the_opcodes)
{
	struct a10_config config = { 0 };
	struct rig rig;

	rig_make(&rig, &config);
	/* All of 5.6 and before. */
	ck_assert_uint_eq(rig.grant.opcodes[0] & ((1u << 30) - 1),
			  (1u << 30) - 1);
	ck_assert_uint_eq(rig.grant.opcodes[0] >> URING_OP_LISTEN & 1,
			  (rig.grant.features & URING_FEAT_MIN_TIMEOUT) != 0);
	ck_assert_uint_eq(rig.grant.opcodes[3], 0);
	rig_close(&rig);
}

static void replace_ring(struct uring_params *params)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char path[32];

	(void)params;
	/* The newest descriptor of an open ring is the ring's. */
	for (int fd = null - 1; fd > 2; fd--) {
		char target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strstr(target, "io_uring")) {
			dup3(null, fd, O_CLOEXEC);
			break;
		}
	}
	close(null);
}

TEST(a_probe_that_fails_leaves_nothing)
{
	player = (struct player){ .spoil = replace_ring };
	REFUSED(-EOPNOTSUPP, "io_uring_register", .clamp = A10_AUTO);
}

TEST(a_table_beyond_the_limit_of_descriptors_leaves_nothing)
{
	struct rlimit limit;

	if (on_valgrind())
		SKIP("the kernel is not told the limit");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 100;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	player = (struct player){ .unknown = 0 };
	REFUSED(-EMFILE, "direct_descriptors: 101", .direct_descriptors = 101);
	assert_reason("100 ");
}

/* Room for so many more bytes of maps, from when the ring is there. */
static size_t room;

static void limit_maps(struct uring_params *params)
{
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	char text[64] = "";

	(void)params;
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	limit.rlim_cur =
		strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) + room;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static int open_in_room(struct backend **ret_backend,
			struct backend_grant *ret_grant)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct a10_config config = { 0 };
	int err;

	player.calls = 0;
	reason_clear();
	err = kernel_open_by(play, &config, -1, ret_backend, ret_grant);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
	return err;
}

/* The first map fails, then the second ... until there is room for all. */
static unsigned int count_failures(uint32_t featureless)
{
	const unsigned int descriptors = open_descriptors();
	struct backend_grant grant;
	struct backend *backend;
	unsigned int failures = 0;

	player = (struct player){ .spoil = limit_maps,
				  .featureless = featureless };
	for (room = 0; open_in_room(&backend, &grant) < 0; room += 4096) {
		assert_reason("mmap of the queues");
		ck_assert_uint_eq(ring_maps(), 0);
		ck_assert_uint_eq(open_descriptors(), descriptors);
		failures++;
	}
	backend->calls->close(backend, false);
	return failures;
}

TEST(a_map_that_fails_leaves_nothing)
{
	struct rlimit limit;

	if (on_valgrind())
		SKIP("valgrind ends where there is no room");
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	if (limit.rlim_max != RLIM_INFINITY)
		SKIP("the size of processes is limited already");
	ck_assert_uint_ge(count_failures(0), 4);
	ck_assert_uint_ge(count_failures(URING_FEAT_SINGLE_MMAP), 4);
}

/* As kernels before 5.4; the maps are the same memory. */
TEST(both_rings_can_be_mapped_by_themselves)
{
	struct a10_config config = { 0 };
	struct rig rig;

	player = (struct player){ .featureless = URING_FEAT_SINGLE_MMAP };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_uint_eq(ring_maps(), 3);
	rig_enable(&rig);
	rig_go_around(&rig);
	rig_close(&rig);
	ck_assert_uint_eq(ring_maps(), 0);
}
