/*
 * What a probe finds where io_uring cannot be used: under seccomp filters of every
 * kind, without locked memory, and on machines that are ours alone
 * (A10_TEST_MACHINE, set in a virtual one) with the sysctl.
 */
#include "denial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/kernel/syscall.h"

#define SYSCTL "/proc/sys/kernel/io_uring_disabled"

/* ---- under a filter ------------------------------------------------------ */

TEST(every_kind_of_seccomp_filter_is_recognized_and_survived)
{
	const struct a10_probe before = probe_usable();

	for (size_t i = 0; i < DENIALS; i++) {
		const struct denial *const denial = &denials[i];
		struct a10_probe probe;

		if (denial_is_beyond(denial))
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
		if (denial_is_beyond(&denials[i]))
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
