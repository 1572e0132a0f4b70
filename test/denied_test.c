/* Machines and containers that deny io_uring, and what is said of it. */
#include "player.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "backend/kernel/blocked.h"

/* ---- the words ----------------------------------------------------------- */

#define FACTS(disabled, group, seccomp)                      \
	{                                                    \
		disabled, group, seccomp, -1, -1, UINT64_MAX \
	}

static const struct denial {
	int err;
	struct blocked_facts facts;
	const char *words[4];
} denials[] = {
	{ -EPERM,
	  FACTS(2, -1, 0),
	  { "EPERM", "io_uring_disabled is 2", "=0" } },
	{ -EPERM,
	  FACTS(2, -1, 2),
	  { "EPERM", "io_uring_disabled is 2", "=0" } },
	{ -EPERM, FACTS(1, 977, 0), { "is 1", "977", "CAP_SYS_ADMIN" } },
	{ -EPERM,
	  FACTS(0, -1, 2),
	  { "EPERM", "seccomp", "Docker", "profile" } },
	{ -EPERM,
	  FACTS(-1, -1, 2),
	  { "EPERM", "seccomp", "Docker", "profile" } },
	{ -ENOSYS, FACTS(0, -1, 2), { "ENOSYS", "seccomp", "Podman" } },
	{ -ENOSYS, FACTS(-1, -1, 0), { "ENOSYS", "CONFIG_IO_URING", "5.11" } },
	{ -ENOSYS, FACTS(2, -1, 0), { "ENOSYS", "CONFIG_IO_URING" } },
	{ -EPERM, FACTS(0, -1, 0), { "EPERM", "security module" } },
	{ -EACCES, FACTS(0, -1, 0), { "EACCES", "SELinux", "policy" } },
	{ -EACCES, FACTS(0, -1, 2), { "EACCES", "SELinux", "policy" } },
	{ -EOPNOTSUPP, FACTS(-1, -1, -1), { "EOPNOTSUPP", "does not offer" } },
	{ A10_PROBE_KILLS,
	  FACTS(0, -1, 2),
	  { "SIGSYS", "seccomp", "profile" } },
	{ -EUCLEAN, FACTS(-1, -1, -1), { "error 117", "does not offer" } },
};

TEST(each_denial_is_told_with_its_cause_and_remedy)
{
	for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
		const struct denial *const denial = &denials[i];
		char text[400];

		blocked_explain("io_uring_enter", denial->err, &denial->facts,
				text, sizeof(text));
		ck_assert_ptr_nonnull(strstr(text, "io_uring_enter: "));
		/* None is cut off. */
		ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
		for (size_t w = 0; w < 4 && denial->words[w]; w++)
			ck_assert_msg(strstr(text, denial->words[w]) != NULL,
				      "%zu: \"%s\" lacks %s", i, text,
				      denial->words[w]);
	}
}

TEST(the_facts_are_those_of_this_machine)
{
	struct blocked_facts facts = FACTS(42, 42, 42);

	blocked_facts_read(&facts);
	ck_assert_int_ge(facts.disabled, -1);
	ck_assert_int_le(facts.disabled, 2);
	ck_assert_int_ge(facts.group, -1);
	ck_assert_int_ge(facts.seccomp, 0);
	ck_assert_int_le(facts.seccomp, 2);
}

/* ---- a container, as its engine makes one -------------------------------- */

/* From now on a system call of this process is refused. */
static void refuse(long number, int err)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO |
				 ((uint32_t)-err & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(lines) / sizeof(lines[0]), lines };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		SKIP("no seccomp here: %s", strerror(errno));
}

static bool has_sysctl(void)
{
	struct blocked_facts facts;

	blocked_facts_read(&facts);
	return facts.disabled > 0;
}

static void open_refused(long number, int err, const char *call)
{
	struct a10_config config = { 0 };
	struct rig rig;

	/* That it would work otherwise. */
	rig_make(&rig, &config);
	rig_close(&rig);
	refuse(number, err);
	player = (struct player){ .unknown = 0 };
	REFUSED(err, call, .clamp = A10_AUTO);
	if (!has_sysctl())
		assert_reason("seccomp");
}

TEST(a_container_like_dockers_is_recognized)
{
	open_refused(SYS_io_uring_setup, -EPERM, "io_uring_setup: EPERM");
}

TEST(a_container_like_podmans_is_recognized)
{
	open_refused(SYS_io_uring_setup, -ENOSYS, "io_uring_setup: ENOSYS");
}

/* Setup works there: it must not be left to the first operation to find out. */
TEST(a_profile_that_forbids_to_register_is_noticed_at_once)
{
	open_refused(SYS_io_uring_register, -EPERM, "io_uring_register: EPERM");
}

TEST(a_profile_that_forbids_to_enter_is_noticed_at_once)
{
	open_refused(SYS_io_uring_enter, -ENOSYS, "io_uring_enter: ENOSYS");
}
