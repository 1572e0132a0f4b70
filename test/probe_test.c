/*
 * What a probe finds: here, under seccomp filters of every kind, without
 * locked memory, and on machines that are ours alone (A10_TEST_MACHINE, set in
 * a virtual one) with the sysctl and on kernels that are too old.
 */
#include "rig.h"
#include "support.h"
#include "web.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "backend/kernel/survey.h"
#include "backend/kernel/syscall.h"

#define SYSCTL "/proc/sys/kernel/io_uring_disabled"

static void assert_has(const char *text, const char *word)
{
	ck_assert_msg(strstr(text, word) != NULL, "\"%s\" lacks \"%s\"", text,
		      word);
}

/* Whatever the verdict, it says the same everywhere. */
static void assert_sound(const struct a10_probe *probe)
{
	const bool usable = probe->cause == A10_PROBE_USABLE;

	ck_assert_int_le(probe->error, 0);
	ck_assert_int_eq(usable, probe->error == 0);
	ck_assert_int_eq(usable, probe->reason[0] == '\0');
	ck_assert_int_eq(usable, probe->remedy[0] == '\0');
	ck_assert_int_eq(usable, probe->evidence[0] == '\0');
	ck_assert_ptr_nonnull(a10_probe_name(A10_PROBE_CAUSES, probe->cause));
	ck_assert_int_eq(strncmp(probe->kernel, "Linux ", 6), 0);
	/* None is cut off. */
	ck_assert_uint_lt(strlen(probe->reason), sizeof(probe->reason) - 1);
	ck_assert_uint_lt(strlen(probe->remedy), sizeof(probe->remedy) - 1);
	ck_assert_uint_lt(strlen(probe->evidence), sizeof(probe->evidence) - 1);
	ck_assert_ptr_null(strchr(probe->reason, '\n'));
	ck_assert_ptr_null(strchr(probe->remedy, '\n'));
}

static struct a10_probe probe_here(void)
{
	struct a10_probe probe;

	memset(&probe, 0xa5, sizeof(probe));
	a10_probe_run(&probe);
	assert_sound(&probe);
	return probe;
}

static struct a10_probe probe_usable(void)
{
	struct a10_probe probe = probe_here();

	if (probe.error)
		SKIP("no io_uring: %s", probe.reason);
	return probe;
}

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

/* ---- under a filter ------------------------------------------------------ */

#define KILL    (-4096)
#define TRAP    (-4097)
#define NO_CALL 100000 /* far beyond the last number */

/*
 * From now on the calls from first to last are refused to this process. late: as
 * a security module does it, which comes after the kernel has looked at setup's
 * address.
 */
static bool refuse(long first, long last, int err, bool late)
{
	const uint32_t action =
		err == KILL ? SECCOMP_RET_KILL_PROCESS :
		err == TRAP ? SECCOMP_RET_TRAP :
			      SECCOMP_RET_ERRNO |
				      ((uint32_t)-err & SECCOMP_RET_DATA);
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)first, 0, 4),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, late ? 0 : UINT32_MAX, 1,
			 0),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(lines) / sizeof(lines[0]), lines };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static const struct denial {
	long first;
	long last;
	int err;
	int setup; /* what the probe says of each call */
	int enter;
	int registered;
	const char *reason;
	bool late;
} denials[] = {
	{ SYS_io_uring_setup, SYS_io_uring_register, -EPERM, -EPERM, -EPERM,
	  -EPERM, "io_uring_setup: EPERM", false },
	{ SYS_io_uring_setup, SYS_io_uring_register, -ENOSYS, -ENOSYS, -ENOSYS,
	  -ENOSYS, "io_uring_setup: ENOSYS", false },
	{ SYS_io_uring_setup, SYS_io_uring_setup, -EPERM, -EPERM, 0, 0,
	  "io_uring_setup: EPERM", false },
	{ SYS_io_uring_setup, SYS_io_uring_setup, -ENOSYS, -ENOSYS, 0, 0,
	  "io_uring_setup: ENOSYS", false },
	{ SYS_io_uring_enter, SYS_io_uring_enter, -EPERM, 0, -EPERM, 0,
	  "io_uring_enter: EPERM", false },
	{ SYS_io_uring_enter, SYS_io_uring_enter, -ENOSYS, 0, -ENOSYS, 0,
	  "io_uring_enter: ENOSYS", false },
	{ SYS_io_uring_register, SYS_io_uring_register, -EPERM, 0, 0, -EPERM,
	  "io_uring_register: EPERM", false },
	{ SYS_io_uring_register, SYS_io_uring_register, -ENOSYS, 0, 0, -ENOSYS,
	  "io_uring_register: ENOSYS", false },
	{ SYS_io_uring_setup, SYS_io_uring_register, KILL, A10_PROBE_KILLS,
	  A10_PROBE_KILLS, A10_PROBE_KILLS, "io_uring_setup: SIGSYS", false },
	{ SYS_io_uring_setup, SYS_io_uring_setup, TRAP, A10_PROBE_KILLS, 0, 0,
	  "io_uring_setup: SIGSYS", false },
	{ SYS_io_uring_enter, SYS_io_uring_register, KILL, 0, A10_PROBE_KILLS,
	  A10_PROBE_KILLS, "io_uring_enter: SIGSYS", false },
	{ SYS_io_uring_register, SYS_io_uring_register, KILL, 0, 0,
	  A10_PROBE_KILLS, "io_uring_register: SIGSYS", false },
};

#define DENIALS (sizeof(denials) / sizeof(denials[0]))

/* valgrind itself ends by such a signal. */
static bool is_beyond(const struct denial *denial)
{
	return denial->err == TRAP && on_valgrind();
}

/* A child ends with this if there is no seccomp here. */
#define NO_SECCOMP 77

/*
 * In a child under the filter, runs act on data. Its exit status, or minus the
 * signal that ended it.
 */
static int under(const struct denial *denial, void (*act)(void *data),
		 void *data)
{
	const pid_t child = fork();
	int status = 0;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (!refuse(denial->first, denial->last, denial->err,
			    denial->late))
			_exit(NO_SECCOMP);
		act(data);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	if (WEXITSTATUS(status) == NO_SECCOMP)
		SKIP("no seccomp here");
	return WEXITSTATUS(status);
}

static void run_probe(void *data)
{
	a10_probe_run(data);
}

static struct a10_probe probe_under(const struct denial *denial)
{
	struct a10_probe *const shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct a10_probe probe;

	ck_assert_ptr_ne(shared, MAP_FAILED);
	ck_assert_int_eq(under(denial, run_probe, shared), 0);
	probe = *shared;
	ck_assert_int_eq(munmap(shared, sizeof(*shared)), 0);
	assert_sound(&probe);
	return probe;
}

TEST(every_kind_of_seccomp_filter_is_recognized_and_survived)
{
	const struct a10_probe before = probe_usable();

	for (size_t i = 0; i < DENIALS; i++) {
		const struct denial *const denial = &denials[i];
		struct a10_probe probe;

		if (is_beyond(denial))
			continue;
		probe = probe_under(denial);
		ck_assert_int_eq(probe.error,
				 denial->err <= KILL ? -EPERM : denial->err);
		ck_assert_uint_eq(probe.cause, A10_PROBE_BY_SECCOMP);
		ck_assert_int_eq(probe.setup_error, denial->setup);
		ck_assert_int_eq(probe.enter_error, denial->enter);
		ck_assert_int_eq(probe.register_error, denial->registered);
		ck_assert_int_eq(probe.seccomp, 2);
		assert_has(probe.reason, denial->reason);
		assert_has(probe.reason, "seccomp");
		assert_has(probe.remedy, "profile");
		assert_has(probe.evidence, "seccomp filter");
		/* What is not refused is told all the same. */
		ck_assert_uint_eq(probe.setup_flags,
				  denial->setup ? 0 : before.setup_flags);
		ck_assert_uint_eq(
			probe.register_calls[0],
			denial->registered ? 0 : before.register_calls[0]);
		if (!denial->registered)
			ck_assert_uint_eq(probe.enter_flags,
					  denial->enter ? 0 :
							  before.enter_flags);
	}
}

/* A filter is there, but has nothing against us. */
TEST(a_filter_that_allows_io_uring_is_not_blamed)
{
	static const struct denial other = { .first = NO_CALL,
					     .last = NO_CALL,
					     .err = KILL };
	const struct a10_probe before = probe_usable();
	const struct a10_probe probe = probe_under(&other);

	ck_assert_int_eq(probe.error, 0);
	ck_assert_uint_eq(probe.features, before.features);
	ck_assert_uint_eq(probe.granted, before.granted);
	ck_assert_int_eq(probe.seccomp, 2);
}

/* A refusal after the address was looked at is no filter's, though one is. */
TEST(what_is_refused_late_is_not_a_filters_doing)
{
	static const struct denial late = { .first = SYS_io_uring_setup,
					    .last = SYS_io_uring_setup,
					    .err = -EPERM,
					    .late = true };
	struct a10_probe probe;

	probe_usable();
	probe = probe_under(&late);
	ck_assert_int_eq(probe.error, -EPERM);
	ck_assert_uint_eq(probe.cause, A10_PROBE_BY_POLICY);
	assert_has(probe.reason, "a security module");
	assert_has(probe.evidence, "with a bad address answers as the kernel");
}

static sig_atomic_t children_told;

static void on_child(int number)
{
	(void)number;
	children_told++;
}

/* Whoever waits for any child of its own must not get one of the probe's. */
static void probe_and_wait(void *data)
{
	struct a10_probe probe;
	int *told = data;

	signal(SIGCHLD, on_child);
	a10_probe_run(&probe);
	*told = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ?
			children_told :
			-1;
}

TEST(the_probes_children_are_not_seen_by_the_program)
{
	int *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(told, MAP_FAILED);
	*told = -2;
	for (size_t i = 0; i < DENIALS; i++) {
		if (is_beyond(&denials[i]))
			continue;
		ck_assert_int_eq(under(&denials[i], probe_and_wait, told), 0);
		ck_assert_int_eq(*told, 0);
	}
	munmap(told, sizeof(*told));
}

/* ---- without locked memory ----------------------------------------------- */

/* As a user of its own, whom no other test runs as. */
static void lose_rights(void)
{
	const uid_t user = 57000 + (uid_t)getpid() % 4000;

	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(user, user, user), 0);
}

/* Tried, for kernels began and left off more than once; ends without any. */
static bool kernel_counts(void)
{
	const struct rlimit none = { 0, 0 };
	struct uring_params params = { 0 };
	int fd;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	fd = syscall_setup(1, &params);
	if (fd >= 0)
		close(fd);
	return fd == -ENOMEM;
}

TEST(a_ring_counts_only_for_who_may_not_lock_memory)
{
	struct a10_probe probe = probe_usable();

	if (on_valgrind())
		SKIP("the kernel is not told the limit");
	if (geteuid() == 0)
		ck_assert(!probe.memory_counts);
	lose_rights();
	probe = probe_here();
	ck_assert_int_eq(probe.error, 0);
	ck_assert_int_eq(probe.memory_counts, kernel_counts());
}

TEST(a_user_without_locked_memory_is_told_so)
{
	struct a10_probe probe;
	bool counts;

	probe_usable();
	if (on_valgrind())
		SKIP("the kernel is not told the limit");
	lose_rights();
	counts = kernel_counts();
	probe = probe_here();
	ck_assert_uint_eq(probe.memlock_bytes, 0);
	if (!counts) {
		ck_assert_int_eq(probe.error, 0);
		ck_assert(!probe.memory_counts);
		SKIP("this kernel counts no rings");
	}
	ck_assert_int_eq(probe.error, -ENOMEM);
	ck_assert_uint_eq(probe.cause, A10_PROBE_BY_MEMLOCK);
	ck_assert_int_eq(probe.setup_error, -ENOMEM);
	assert_has(probe.reason, "io_uring_setup: ENOMEM");
	assert_has(probe.reason, "0 KiB");
	assert_has(probe.remedy, "ulimit -l");
	assert_has(probe.evidence, "0 KiB, without CAP_IPC_LOCK");
	/* Flags are looked at before memory is. */
	ck_assert_uint_ne(probe.register_calls[0], 0);
}

/* ---- on a machine of one's own ------------------------------------------- */

static void needs_own_machine(void)
{
	if (!getenv("A10_TEST_MACHINE") || geteuid() != 0)
		SKIP("only on a machine of one's own, as root");
}

static void sysctl_write(char digit)
{
	const int fd = open(SYSCTL, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, &digit, 1), 1);
	ck_assert_int_eq(close(fd), 0);
}

static struct a10_probe probe_with_sysctl(char digit)
{
	struct a10_probe probe;

	sysctl_write(digit);
	a10_probe_run(&probe);
	sysctl_write('0');
	assert_sound(&probe);
	return probe;
}

static void needs_sysctl(void)
{
	needs_own_machine();
	if (access(SYSCTL, W_OK) != 0)
		SKIP("this kernel has no such sysctl");
}

TEST(the_sysctl_that_switches_io_uring_off_is_named)
{
	struct a10_probe probe;

	needs_sysctl();
	probe = probe_with_sysctl('2');
	ck_assert_int_eq(probe.error, -EPERM);
	ck_assert_uint_eq(probe.cause, A10_PROBE_BY_SYSCTL);
	ck_assert_int_eq(probe.sysctl_disabled, 2);
	ck_assert_int_eq(probe.setup_error, -EPERM);
	ck_assert_int_eq(probe.enter_error, 0);
	ck_assert_int_eq(probe.register_error, 0);
	assert_has(probe.reason, "kernel.io_uring_disabled is 2");
	assert_has(probe.remedy, "sysctl kernel.io_uring_disabled=0");
	assert_has(probe.evidence, "with a bad address says EPERM");
	ck_assert_uint_ne(probe.enter_flags, 0);
	ck_assert_int_eq(probe_usable().error, 0);
}

static void probe_as_nobody(void *data)
{
	if (setresgid(65534, 65534, 65534) == 0 &&
	    setresuid(65534, 65534, 65534) == 0)
		a10_probe_run(data);
}

TEST(the_sysctl_that_lets_only_a_group_in_is_named_to_the_others)
{
	static const struct denial nothing = { .first = NO_CALL,
					       .last = NO_CALL };
	struct a10_probe *const shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	needs_sysctl();
	ck_assert_ptr_ne(shared, MAP_FAILED);
	/* Root may. */
	ck_assert_int_eq(probe_with_sysctl('1').error, 0);
	sysctl_write('1');
	ck_assert_int_eq(under(&nothing, probe_as_nobody, shared), 0);
	sysctl_write('0');
	assert_sound(shared);
	ck_assert_int_eq(shared->error, -EPERM);
	ck_assert_uint_eq(shared->cause, A10_PROBE_BY_SYSCTL);
	ck_assert_int_eq(shared->sysctl_disabled, 1);
	assert_has(shared->reason, "kernel.io_uring_disabled is 1");
	assert_has(shared->remedy, "kernel.io_uring_group");
	munmap(shared, sizeof(*shared));
}

/* Root is let in where the sysctl is 1: then it is the filter, if one says no. */
TEST(the_sysctl_is_not_blamed_for_what_a_filter_does)
{
	static const struct denial enter = { .first = SYS_io_uring_enter,
					     .last = SYS_io_uring_enter,
					     .err = -EPERM };
	struct a10_probe probe;

	needs_sysctl();
	sysctl_write('1');
	probe = probe_under(&enter);
	sysctl_write('0');
	ck_assert_uint_eq(probe.cause, A10_PROBE_BY_SECCOMP);
	assert_has(probe.reason, "io_uring_enter: EPERM");
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

TEST(the_command_says_what_there_is)
{
	const struct a10_probe probe = probe_usable();

	ck_assert_int_eq(run_command(NULL), 0);
	assert_has(said, "io_uring can be used.\n");
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
	ck_assert_int_eq(run_command("folder"), 2);
	assert_has(said, "'folder'");
}
