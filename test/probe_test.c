/*
 * What a probe finds here, what it would find elsewhere, the names of it all,
 * and the command that tells it.
 */
#include "denial.h"
#include "rig.h"
#include "support.h"
#include "web.h"

#include <sys/resource.h>

#include "backend/kernel/survey.h"
#include "backend/kernel/syscall.h"

/* ---- here ---------------------------------------------------------------- */

TEST(a_probe_tells_what_a_ring_is_granted)
{
	struct a10_ring *ring = ring_open(NULL);
	const struct a10_probe probe = probe_here();
	struct a10_ring_info info;

	a10_ring_info(ring, &info);
	ck_assert_int_eq(probe.error, 0);
	ck_assert_uint_eq(probe.granted, info.setup_flags);
	ck_assert_uint_eq(probe.dropped, info.setup_dropped);
	ck_assert_uint_eq(probe.features, info.features);
	ck_assert_uint_eq(probe.submission_entries, info.submission_entries);
	ck_assert_uint_eq(probe.completion_entries, info.completion_entries);
	ck_assert_int_eq(probe.incremental_pools, info.incremental_pools);
	ck_assert_mem_eq(probe.opcodes, info.opcodes, sizeof(info.opcodes));
	/* What is granted the kernel has, what it refused it has not. */
	ck_assert_uint_eq(probe.granted & ~probe.setup_flags, 0);
	ck_assert_uint_eq(probe.dropped & probe.setup_flags, 0);
	ring_close(ring);
}

/* A flag, a feature and a call that came with the same kernel, or before. */
TEST(what_came_together_is_found_together)
{
	const struct a10_probe probe = probe_usable();
	const bool is_6_12 = probe.features & URING_FEAT_MIN_TIMEOUT;
	const bool is_6_15 = probe.features & URING_FEAT_NO_IOWAIT;

	ck_assert_uint_eq(probe.setup_flags & 0x7f, 0x7f); /* 5.10 */
	ck_assert_uint_eq(probe.enter_flags & 0xf, 0xf);   /* 5.11 */
	ck_assert_uint_eq(probe.register_calls[0] & 0x1fff, 0x1fff);
	ck_assert_int_eq(probe.enter_flags >> 5 & 1, is_6_12);
	ck_assert_int_eq(probe.register_calls[0] >> URING_REGISTER_CLOCK & 1,
			 is_6_12);
	ck_assert_int_eq(probe.enter_flags >> 7 & 1, is_6_15);
	ck_assert_int_eq(probe.register_calls[0] >> URING_REGISTER_ZCRX_IFQ & 1,
			 is_6_15);
	ck_assert_int_eq(probe.opcodes[0] >> URING_OP_RECV_ZC & 1, is_6_15);
	ck_assert_int_eq(!(probe.setup_flags & URING_SETUP_NO_SQARRAY),
			 !(probe.granted & URING_SETUP_NO_SQARRAY));
	/* No kernel has as many as there is room for. */
	ck_assert_uint_eq(probe.register_calls[1], 0);
	ck_assert_uint_eq(probe.opcodes[3], 0);
	ck_assert_uint_eq(probe.setup_flags >> 31, 0);
	ck_assert_uint_eq(probe.enter_flags >> 31, 0);
}

TEST(limits_are_those_of_this_process)
{
	const struct rlimit files = { 100, 100 };
	struct a10_probe probe = probe_usable();

	ck_assert_uint_gt(probe.workers_bounded, 0);
	ck_assert_uint_gt(probe.workers_unbounded, 0);
	ck_assert_uint_ge(probe.submission_entries_max,
			  probe.submission_entries);
	ck_assert_uint_ge(probe.completion_entries_max,
			  probe.completion_entries);
	if (on_valgrind())
		SKIP("the kernel is not told the limit");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	probe = probe_here();
	ck_assert_uint_eq(probe.direct_descriptors_max, 100);
}

static void *probe_again(void *data)
{
	struct a10_probe *const first = data;
	struct a10_probe probe;

	a10_probe_run(&probe);
	ck_assert_mem_eq(&probe, first, sizeof(probe));
	return NULL;
}

TEST(many_threads_may_probe_at_once)
{
	struct a10_probe first = probe_usable();
	pthread_t threads[4];

	/* A limit may be reached by all together. */
	if (first.memory_counts && first.memlock_bytes < 1 << 20)
		SKIP("too little locked memory");
	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(probe_again, &first);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

TEST(no_descriptor_is_left_for_a_ring)
{
	struct rlimit before, none;
	struct a10_probe probe;

	probe_usable();
	if (on_valgrind())
		SKIP("the kernel is not told the limit");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	probe = probe_here();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(probe.error, -EMFILE);
	ck_assert_uint_eq(probe.cause, A10_PROBE_NO_DESCRIPTOR);
	assert_has(probe.remedy, "ulimit -n");
}

/* ---- played -------------------------------------------------------------- */

static int setup_of_old(uint32_t entries, struct uring_params *params)
{
	const int fd = syscall_setup(entries, params);

	params->features &= ~URING_FEAT_EXT_ARG;
	return fd;
}

TEST(an_io_uring_that_is_too_old_is_told_in_words)
{
	const struct a10_probe before = probe_usable();
	struct a10_probe probe;

	probe_run_by(setup_of_old, &probe);
	assert_sound(&probe);
	ck_assert_int_eq(probe.error, -EOPNOTSUPP);
	ck_assert_uint_eq(probe.cause, A10_PROBE_TOO_OLD);
	ck_assert_str_eq(probe.reason, "io_uring_setup: this kernel's io_uring "
				       "lacks EXT_ARG");
	ck_assert_str_eq(probe.remedy, "Linux 5.11 or newer is needed");
	assert_has(probe.evidence, "io_uring_setup for one entry answers");
	/* What there is of it is told all the same. */
	ck_assert_uint_eq(probe.features,
			  before.features & ~URING_FEAT_EXT_ARG);
	ck_assert_mem_eq(probe.opcodes, before.opcodes, sizeof(probe.opcodes));
	ck_assert_uint_eq(probe.granted, 0);
}

static int setup_with_array(uint32_t entries, struct uring_params *params)
{
	if (params->flags & URING_SETUP_NO_SQARRAY)
		return -EINVAL;
	return syscall_setup(entries, params);
}

TEST(what_is_refused_of_a_default_ring_is_told)
{
	const struct a10_probe before = probe_usable();
	struct a10_probe probe;

	if (!(before.granted & URING_SETUP_NO_SQARRAY))
		SKIP("this kernel lacks the flag");
	probe_run_by(setup_with_array, &probe);
	assert_sound(&probe);
	ck_assert_int_eq(probe.error, 0);
	ck_assert_uint_eq(probe.dropped, URING_SETUP_NO_SQARRAY);
	ck_assert_uint_eq(probe.granted,
			  before.granted & ~URING_SETUP_NO_SQARRAY);
}

static int setup_without_memory(uint32_t entries, struct uring_params *params)
{
	(void)entries, (void)params;
	return -ENOMEM;
}

/* A ring of one entry can be had, of those of a default size none. */
TEST(memory_for_small_rings_only_is_not_enough)
{
	struct a10_probe probe = probe_usable();

	probe_run_by(setup_without_memory, &probe);
	assert_sound(&probe);
	ck_assert_int_eq(probe.error, -ENOMEM);
	ck_assert_int_eq(probe.setup_error, 0);
	assert_has(probe.reason, "io_uring_setup: ENOMEM: ");
	ck_assert_ptr_null(strstr(probe.reason, probe.remedy));
}

TEST(a_probe_leaves_the_rings_reason_alone)
{
	const struct a10_config wrong = { .defer_task_run = A10_ON,
					  .single_issuer = A10_OFF };
	struct a10_ring *ring;
	struct a10_probe probe;
	char before[512];

	ck_assert_int_eq(a10_ring_create(&wrong, &ring), -EINVAL);
	snprintf(before, sizeof(before), "%s", a10_ring_reason());
	probe_here();
	ck_assert_str_eq(a10_ring_reason(), before);
	probe_run_by(setup_without_memory, &probe);
	ck_assert_str_ne(probe.reason, before);
	ck_assert_str_eq(a10_ring_reason(), before);
}

/* ---- names --------------------------------------------------------------- */

struct named {
	enum a10_probe_list list;
	uint32_t number;
	const char *name;
};

#define FLAG(list, group, name)                                              \
	{                                                                    \
		list, (uint32_t)__builtin_ctz(URING_##group##_##name), #name \
	}
#define SETUP(name)   FLAG(A10_PROBE_SETUP_FLAGS, SETUP, name)
#define FEATURE(name) FLAG(A10_PROBE_FEATURES, FEAT, name)
#define ENTER(name)   FLAG(A10_PROBE_ENTER_FLAGS, ENTER, name)
#define CALL(name)                                                     \
	{                                                              \
		A10_PROBE_REGISTER_CALLS, URING_REGISTER_##name, #name \
	}
#define UNCALL(name)                                               \
	{                                                          \
		A10_PROBE_REGISTER_CALLS, URING_UNREGISTER_##name, \
			"UNREGISTER_" #name                        \
	}

static const struct named named[] = {
	SETUP(IOPOLL),
	SETUP(SQPOLL),
	SETUP(SQ_AFF),
	SETUP(CQSIZE),
	SETUP(CLAMP),
	SETUP(ATTACH_WQ),
	SETUP(R_DISABLED),
	SETUP(SUBMIT_ALL),
	SETUP(COOP_TASKRUN),
	SETUP(TASKRUN_FLAG),
	SETUP(SQE128),
	SETUP(CQE32),
	SETUP(SINGLE_ISSUER),
	SETUP(DEFER_TASKRUN),
	SETUP(NO_MMAP),
	SETUP(REGISTERED_FD_ONLY),
	SETUP(NO_SQARRAY),
	SETUP(HYBRID_IOPOLL),
	SETUP(CQE_MIXED),
	SETUP(SQE_MIXED),
	SETUP(SQ_REWIND),
	FEATURE(SINGLE_MMAP),
	FEATURE(NODROP),
	FEATURE(SUBMIT_STABLE),
	FEATURE(RW_CUR_POS),
	FEATURE(CUR_PERSONALITY),
	FEATURE(FAST_POLL),
	FEATURE(POLL_32BITS),
	FEATURE(SQPOLL_NONFIXED),
	FEATURE(EXT_ARG),
	FEATURE(NATIVE_WORKERS),
	FEATURE(RSRC_TAGS),
	FEATURE(CQE_SKIP),
	FEATURE(LINKED_FILE),
	FEATURE(REG_REG_RING),
	FEATURE(RECVSEND_BUNDLE),
	FEATURE(MIN_TIMEOUT),
	FEATURE(RW_ATTR),
	FEATURE(NO_IOWAIT),
	ENTER(GETEVENTS),
	ENTER(SQ_WAKEUP),
	ENTER(SQ_WAIT),
	ENTER(EXT_ARG),
	ENTER(REGISTERED_RING),
	ENTER(ABS_TIMER),
	ENTER(EXT_ARG_REG),
	ENTER(NO_IOWAIT),
	CALL(BUFFERS),
	UNCALL(BUFFERS),
	CALL(FILES),
	UNCALL(FILES),
	CALL(EVENTFD),
	UNCALL(EVENTFD),
	CALL(FILES_UPDATE),
	CALL(EVENTFD_ASYNC),
	CALL(PROBE),
	CALL(PERSONALITY),
	UNCALL(PERSONALITY),
	CALL(RESTRICTIONS),
	CALL(ENABLE_RINGS),
	CALL(FILES2),
	CALL(FILES_UPDATE2),
	CALL(BUFFERS2),
	CALL(BUFFERS_UPDATE),
	CALL(IOWQ_AFF),
	UNCALL(IOWQ_AFF),
	CALL(IOWQ_MAX_WORKERS),
	CALL(RING_FDS),
	UNCALL(RING_FDS),
	CALL(PBUF_RING),
	UNCALL(PBUF_RING),
	CALL(SYNC_CANCEL),
	CALL(FILE_ALLOC_RANGE),
	CALL(PBUF_STATUS),
	CALL(NAPI),
	UNCALL(NAPI),
	CALL(CLOCK),
	CALL(CLONE_BUFFERS),
	CALL(SEND_MSG_RING),
	CALL(ZCRX_IFQ),
	CALL(RESIZE_RINGS),
	CALL(MEM_REGION),
	CALL(QUERY),
	CALL(ZCRX_CTRL),
	CALL(BPF_FILTER),
	{ A10_PROBE_OPCODES, URING_OP_READV, "readv" },
	{ A10_PROBE_OPCODES, URING_OP_PIPE, "pipe" },
	{ A10_PROBE_OPCODES, URING_OP_URING_CMD128, "uring_cmd128" },
	{ A10_PROBE_CAUSES, A10_PROBE_BY_SECCOMP, "seccomp" },
};

TEST(names_are_the_kernels)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		ck_assert_str_eq(a10_probe_name(named[i].list, named[i].number),
				 named[i].name);
}

TEST(what_is_no_number_of_a_list_has_no_name)
{
	static const uint32_t none[] = { 65,  100,  127,       128,
					 133, 1000, UINT32_MAX };

	for (uint32_t list = 0; list < 8; list++) {
		for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
			ck_assert_ptr_null(a10_probe_name(
				(enum a10_probe_list)list, none[i]));
			ck_assert_uint_eq(
				a10_probe_since((enum a10_probe_list)list,
						none[i]),
				0);
		}
	}
}

TEST(what_has_a_name_came_with_a_kernel)
{
	for (uint32_t i = 0; i < 256; i++)
		for (uint32_t list = A10_PROBE_OPCODES;
		     list <= A10_PROBE_REGISTER_CALLS; list++)
			ck_assert_int_eq(
				a10_probe_name((enum a10_probe_list)list, i) !=
					NULL,
				a10_probe_since((enum a10_probe_list)list, i) >=
					501);
	ck_assert_uint_eq(a10_probe_since(A10_PROBE_OPCODES, URING_OP_SEND_ZC),
			  600);
	ck_assert_uint_eq(a10_probe_since(A10_PROBE_SETUP_FLAGS, 13), 601);
}

/* ---- the command --------------------------------------------------------- */

static char said[65536];

/* What "a10 probe" prints, into said. Returns its exit status. */
static int run_command(const char *option)
{
	const char *const arguments[] = { "probe", option, NULL };
	struct command command;
	size_t length = 0;
	ssize_t got;

	command_start(&command, arguments);
	while ((got = read(command.output, said + length,
			   sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = '\0';
	return command_wait(&command);
}

static void assert_columns(const char *text)
{
	while (*text != '\0') {
		const size_t length = strcspn(text, "\n");

		ck_assert_msg(length < 80, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

/* From then on it is supported. */
static bool is_6_1(const struct a10_probe *probe)
{
	return probe->setup_flags & URING_SETUP_DEFER_TASKRUN;
}

TEST(the_command_says_what_there_is)
{
	const struct a10_probe probe = probe_usable();

	ck_assert_int_eq(run_command(NULL), 0);
	if (is_6_1(&probe))
		assert_has(said, "io_uring can be used.\n");
	else
		assert_has(said, "but nothing is promised here.\n");
	assert_has(said, probe.kernel);
	assert_has(said, "default ring    128 submissions, 512 completions\n");
	assert_has(said, "\nfeatures        SINGLE_MMAP NODROP ");
	assert_has(said, "\nopcodes         nop readv ");
	assert_has(said, "\nregister calls  BUFFERS UNREGISTER_BUFFERS ");
	assert_has(said, "\nmachine         kernel.io_uring_disabled ");
	assert_columns(said);
}

TEST(the_command_speaks_json)
{
	const struct a10_probe probe = probe_usable();

	ck_assert_int_eq(run_command("--json"), 0);
	assert_has(said, "\"usable\": true");
	assert_has(said, is_6_1(&probe) ? "\"supported\": true" :
					  "\"supported\": false");
	assert_has(said, "\"cause\": \"none\"");
	assert_has(said, "\"io_uring_enter\": 0");
	assert_has(said, "\"NODROP\"");
	assert_has(said, probe.kernel);
}

static void run_both(void *data)
{
	const struct denial *const denial = data;

	ck_assert_int_eq(run_command(NULL), 1);
	assert_has(said, "io_uring cannot be used.\n");
	assert_has(said, "\nwhy             io_uring_");
	assert_has(said, "\nwhat to do      run with a profile");
	assert_has(said, "\nhow it shows    io_uring_setup for one entry");
	assert_columns(said);
	ck_assert_int_eq(run_command("--json"), 1);
	assert_has(said, "\"usable\": false");
	assert_has(said, "\"cause\": \"seccomp\"");
	assert_has(said, denial->reason);
	if (denial->err <= KILL)
		assert_has(said, ": \"killed\"");
}

TEST(the_command_survives_every_filter_and_fails_with_words)
{
	probe_usable();
	ck_assert_int_eq(run_command(NULL), 0);
	for (size_t i = 0; i < DENIALS; i++) {
		struct denial denial = denials[i];

		ck_assert_int_eq(under(&denial, run_both, &denial), 0);
	}
}

TEST(the_command_takes_nothing_else)
{
	ck_assert_int_eq(run_command("--jsom"), 2);
	assert_has(said, "unknown option '--jsom'");
	ck_assert_int_eq(run_command("-xh"), 2);
	assert_has(said, "unknown option '-x'");
	ck_assert_int_eq(run_command("folder"), 2);
	assert_has(said, "'folder'");
}
