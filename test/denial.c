/*
 * The filters, and a look at what a probe says.
 */
#include "denial.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void assert_has(const char *text, const char *word)
{
	ck_assert_msg(strstr(text, word) != NULL, "\"%s\" lacks \"%s\"", text,
		      word);
}

void assert_sound(const struct a10_probe *probe)
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

struct a10_probe probe_here(void)
{
	struct a10_probe probe;

	memset(&probe, 0xa5, sizeof(probe));
	a10_probe_run(&probe);
	assert_sound(&probe);
	return probe;
}

struct a10_probe probe_usable(void)
{
	struct a10_probe probe = probe_here();

	if (probe.error)
		SKIP("no io_uring: %s", probe.reason);
	return probe;
}

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

const struct denial denials[DENIALS] = {
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

bool denial_is_beyond(const struct denial *denial)
{
	return denial->err == TRAP && on_valgrind();
}

/* A child ends with this if there is no seccomp here. */
#define NO_SECCOMP 77

int under(const struct denial *denial, void (*act)(void *data), void *data)
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

struct a10_probe probe_under(const struct denial *denial)
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
