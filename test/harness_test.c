/*
 * The harness, tried out on tests that must fail. These are only there when
 * the program runs itself, with VICTIMS in the environment.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VICTIM(name) TEST_IF(getenv("VICTIMS") != NULL, name, 1)

VICTIM(victim_leaks_a_descriptor)
{
	ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
}

VICTIM(victim_closes_what_is_not_its_own)
{
	ck_assert_int_eq(close(STDIN_FILENO), 0);
}

VICTIM(victim_replaces_what_is_not_its_own)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(close(fd), 0);
}

VICTIM(victim_fails)
{
	ck_assert_int_eq(1, 2);
}

VICTIM(victim_skips)
{
	int fd = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(fd, 0);
	SKIP("only %d hands", 2);
}

VICTIM(victim_hangs)
{
	for (;;)
		pause();
}

static const int died_behind = __LINE__ + 4; /* the assertion */

VICTIM(victim_dies)
{
	ck_assert(true);
	raise(SIGSEGV);
}

VICTIM(victim_prints_its_seed)
{
	ck_assert_uint_eq(test_seed(), test_seed());
}

/* What a run of this program printed, and its exit status. */
struct outcome {
	int status;
	char text[4096];
};

static void outcome_read(struct outcome *outcome, int fd)
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, outcome->text + length,
			   sizeof(outcome->text) - 1 - length)) > 0)
		length += (size_t)got;
	outcome->text[length] = '\0';
}

/*
 * Without the environment of this run: its time-outs may be long ones, or its
 * processes not forked. By the program's path, not the link to it, which under
 * valgrind is valgrind.
 */
static struct outcome run_victim(const char *name, const char *variable)
{
	static struct outcome outcome;
	char variables[3][64] = { "VICTIMS=1", "PATH=/usr/bin:/bin", "" };
	char *environment[] = { variables[0], variables[1], variables[2],
				NULL };
	char filter[64];
	char program[4096];
	char *arguments[] = { program, filter, NULL };
	ssize_t length =
		readlink("/proc/self/exe", program, sizeof(program) - 1);
	int ends[2];
	pid_t child;

	ck_assert_int_gt(length, 0);
	program[length] = '\0';

	snprintf(variables[2], sizeof(variables[2]), "%s", variable);
	snprintf(filter, sizeof(filter), "%s", name);
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execve(program, arguments, environment);
		_exit(127);
	}
	close(ends[1]);
	outcome_read(&outcome, ends[0]);
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &outcome.status, 0), child);
	ck_assert(WIFEXITED(outcome.status));
	outcome.status = WEXITSTATUS(outcome.status);
	return outcome;
}

static void assert_fails(const char *name, const char *because)
{
	struct outcome outcome = run_victim(name, "");

	ck_assert_msg(outcome.status == 1, "%d: %s", outcome.status,
		      outcome.text);
	ck_assert_msg(strstr(outcome.text, because) != NULL, "%s",
		      outcome.text);
	ck_assert_msg(strstr(outcome.text, "0%: Checks: 1, ") != NULL, "%s",
		      outcome.text);
}

static void assert_passes(const char *name, const char *variable,
			  const char *and_prints)
{
	struct outcome outcome = run_victim(name, variable);

	ck_assert_msg(outcome.status == 0, "%d: %s", outcome.status,
		      outcome.text);
	ck_assert_msg(strstr(outcome.text, and_prints) != NULL, "%s",
		      outcome.text);
}

TEST(a_leaked_descriptor_fails_the_test)
{
	assert_fails("victim_leaks", "leaked");
	assert_fails("victim_leaks", "/dev/null");
}

TEST(a_descriptor_closed_by_mistake_fails_the_test)
{
	assert_fails("victim_closes", "closed 0");
}

TEST(a_descriptor_replaced_by_another_fails_the_test)
{
	assert_fails("victim_replaces", "replaced 0");
}

TEST(a_failed_assertion_is_reported_where_it_stands)
{
	assert_fails("victim_fails", "test/harness_test.c:");
	assert_fails("victim_fails", "failure: victim_fails: ");
	assert_fails("victim_fails", "Failures: 1, Errors: 0, skipped 0");
}

TEST(a_test_that_hangs_is_ended)
{
	assert_fails("victim_hangs", "timeout");
}

TEST(a_test_that_dies_is_an_error)
{
	char place[64];

	assert_fails("victim_dies", "Failures: 0, Errors: 1, skipped 0");
	snprintf(place, sizeof(place),
		 "test/harness_test.c:%d: error: ", died_behind);
	assert_fails("victim_dies", place);
}

TEST(a_skip_prints_its_reason_and_is_counted)
{
	assert_passes("victim_skips", "", "skip: victim_skips: only 2 hands");
	assert_passes("victim_skips", "", "skipped 1");
	assert_passes("victim_skips", "CK_FORK=no", "skipped 1");
}

TEST(a_seed_is_printed_and_replays)
{
	assert_passes("victim_prints", "", "A10_TEST_SEED=0x");
	assert_passes("victim_prints", "A10_TEST_SEED=0x2a",
		      "A10_TEST_SEED=0x000000000000002a");
}

TEST(a_name_that_is_none_is_refused)
{
	ck_assert_int_eq(run_victim("no_such_test", "").status, 2);
}

TEST(random_numbers_depend_on_the_state_alone)
{
	uint64_t one = 1;
	uint64_t same = 1;
	uint64_t other = 2;

	for (int i = 0; i < 1000; i++) {
		uint64_t number = test_random(&one);

		ck_assert_uint_eq(number, test_random(&same));
		ck_assert_uint_ne(number, test_random(&other));
	}
}
