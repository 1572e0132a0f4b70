/*
 * Memory for a ring that is not there, or not yet: a ring counts against the
 * memlock limit, and what a closed one held comes back late.
 */
#include "player.h"

#include <grp.h>
#include <sys/resource.h>
#include <time.h>

/* A user of its own, whom no other test runs as. */
#define NOBODY_ELSE (61000 + getpid() % 4000)

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000) + time.tv_nsec / 1000000;
}

/* ---- played -------------------------------------------------------------- */

#define PAUSES 7

/* What the kernel here drops is not what is tested. */
static struct player_calls {
	unsigned int count;
	uint32_t dropped;
} with_memory(struct a10_config config)
{
	struct player_calls calls;
	struct rig rig;

	player = (struct player){ .errors = 0 };
	rig_take(&rig, open_played(&config, &rig));
	calls.count = player.calls;
	calls.dropped = rig.grant.setup_dropped;
	rig_close(&rig);
	return calls;
}

static struct rig lacking_memory(unsigned int errors, struct a10_config config)
{
	const struct player_calls calls = with_memory(config);
	struct rig rig;

	player = (struct player){ .errors = errors, .error = -ENOMEM };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_uint_eq(player.calls, errors + calls.count);
	ck_assert_uint_eq(rig.grant.setup_dropped, calls.dropped);
	ck_assert_int_eq(rig.grant.setup_error, -ENOMEM);
	return rig;
}

TEST(memory_that_comes_back_late_is_waited_for)
{
	for (unsigned int errors = 1; errors <= PAUSES; errors++) {
		const int64_t start = now_ms();
		struct rig rig = lacking_memory(
			errors, (struct a10_config){ .clamp = A10_AUTO });

		ck_assert_int_lt(now_ms() - start, 5000);
		ck_assert_uint_eq(rig.grant.view.sq_entries, 128);
		ck_assert_uint_eq(rig.grant.view.cq_entries, 512);
		rig_close(&rig);
	}
}

TEST(all_of_the_waiting_takes_an_eighth_of_a_second)
{
	const int64_t start = now_ms();
	struct rig rig = lacking_memory(
		PAUSES, (struct a10_config){ .submission_entries = 128,
					     .completion_entries = 512 });

	ck_assert_int_ge(now_ms() - start, 126);
	rig_close(&rig);
}

TEST(default_sizes_are_halved_when_memory_does_not_come)
{
	static const uint32_t sizes[][2] = { { 64, 256 }, { 32, 128 } };

	for (unsigned int i = 0; i < 2; i++) {
		struct rig rig = lacking_memory(
			PAUSES + 1 + i,
			(struct a10_config){ .clamp = A10_AUTO });

		ck_assert_uint_eq(rig.grant.view.sq_entries, sizes[i][0]);
		ck_assert_uint_eq(rig.grant.view.cq_entries, sizes[i][1]);
		rig_close(&rig);
	}
}

TEST(a_default_completion_queue_is_halved_down_to_the_other)
{
	struct rig rig = lacking_memory(
		PAUSES + 2, (struct a10_config){ .submission_entries = 256 });

	ck_assert_uint_eq(rig.grant.view.sq_entries, 256);
	ck_assert_uint_eq(rig.grant.view.cq_entries, 256);
	rig_close(&rig);
	player = (struct player){ .errors = UINT32_MAX, .error = -ENOMEM };
	REFUSED(-ENOMEM, "memlock", .submission_entries = 256);
	ck_assert_uint_eq(player.calls, 1 + PAUSES + 2);
}

TEST(sizes_that_were_asked_for_are_never_halved)
{
	player = (struct player){ .errors = UINT32_MAX, .error = -ENOMEM };
	REFUSED(-ENOMEM, "memlock", .submission_entries = 256,
		.completion_entries = 512);
	ck_assert_uint_eq(player.calls, 1 + PAUSES);
	for (unsigned int i = 0; i < player.calls; i++) {
		ck_assert_uint_eq(player.sq_entries[i], 256);
		ck_assert_uint_eq(player.cq_entries[i], 512);
	}
}

TEST(flags_and_memory_are_refused_in_turn)
{
	struct a10_config config = { 0 };
	struct rig rig;

	player = (struct player){ .unknown = URING_SETUP_NO_SQARRAY,
				  .errors = 2,
				  .error = -ENOMEM };
	rig_take(&rig, open_played(&config, &rig));
	ck_assert_int_eq(rig.grant.setup_error, -EINVAL);
	ck_assert_uint_ne(rig.grant.setup_dropped & URING_SETUP_NO_SQARRAY, 0);
	ck_assert_uint_ge(player.calls, 4);
	rig_close(&rig);
}

/* ---- the kernel's -------------------------------------------------------- */

/* The limit is a user's, and nothing to who may lock memory as he likes. */
static void become_poor(rlim_t kib)
{
	const struct rlimit limit = { kib * 1024, kib * 1024 };
	const uid_t uid = (uid_t)NOBODY_ELSE;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (geteuid() != 0)
		return; /* rings of others of this user may be in the way */
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(uid, uid, uid), 0);
	ck_assert_int_eq(setresuid(uid, uid, uid), 0);
}

/* Since 6.14, and before 5.12: a kernel that counts refuses with none. */
static void needs_counting(void)
{
	struct uring_params params = { 0 };
	struct rlimit limit, none;
	int fd;

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	fd = syscall_setup(4, &params);
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (fd >= 0) {
		close(fd);
		SKIP("this kernel counts no rings against the memlock limit");
	}
	if (fd != -ENOMEM)
		SKIP("no io_uring: %d", fd);
}

TEST(a_ring_beyond_the_memlock_limit_is_refused_in_words)
{
	struct a10_config config = { .submission_entries = 4096 };
	struct rig rig;

	become_poor(64);
	needs_counting();
	player = (struct player){ .unknown = 0 };
	ck_assert_int_eq(open_played(&config, &rig), -ENOMEM);
	assert_reason("memlock");
	assert_reason("64 KiB");
	assert_reason("ulimit -l");
	ck_assert_uint_eq(ring_maps(), 0);
}

TEST(a_default_ring_is_as_large_as_the_limit_allows)
{
	struct a10_config config = { 0 };
	struct rig rig;

	become_poor(12);
	needs_counting();
	rig_open(&rig, &config);
	ck_assert_uint_lt(rig.grant.view.sq_entries, 128);
	ck_assert_int_eq(rig.grant.setup_error, -ENOMEM);
	rig_go_around(&rig);
	rig_close(&rig);
}

/* 64 KiB are room for three: each has to wait for the end of others. */
TEST(rings_made_as_fast_as_others_are_closed_are_not_refused)
{
	struct a10_config config = { .submission_entries = 128,
				     .completion_entries = 512 };
	struct rig rig;

	become_poor(64);
	needs_counting();
	for (unsigned int i = 0; i < 30; i++) {
		rig_open(&rig, &config);
		rig_close(&rig);
	}
}

TEST(who_may_lock_memory_is_not_limited)
{
	const struct rlimit none = { 0, 0 };
	struct a10_config config = { .submission_entries = 4096 };
	struct rig rig;

	if (geteuid() != 0)
		SKIP("needs root");
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	rig_make(&rig, &config);
	rig_close(&rig);
}
