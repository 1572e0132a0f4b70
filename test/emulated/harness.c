/*
 * The tests' harness without Check, for processors that are emulated: where
 * there is no such library for them. Each test is a child; leaks of descriptors
 * are looked for where there is Check.
 */
#include "harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#undef _ck_assert_failed

#define SKIPPED 77

static struct test_place place;
struct test_place *test_place = &place;

static struct test *tests;

void test_register(struct test *test)
{
	test->next = tests;
	tests = test;
}

void test_run(struct test *test)
{
	test->body();
}

void test_failing(void)
{
}

void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("skip: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(SKIPPED);
}

uint64_t test_seed(void)
{
	return 1;
}

uint64_t test_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return *state ^ *state >> 31;
}

unsigned int test_scaled(unsigned int count)
{
	return count;
}

/* An emulator is that much slower. */
double test_slowed(double seconds)
{
	return seconds * 5;
}

/* As check.h declares it. */
void _ck_assert_failed(const char *file, int line, const char *expression,
		       const char *format, ...)
{
	va_list args;

	printf("%s:%d: %s: ", file, line, expression);
	va_start(args, format);
	if (format)
		vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* Its exit status; a signal's is none. */
static int status_of(struct test *test)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		alarm((unsigned int)test_slowed(20));
		test_run(test);
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	unsigned int count = 0, failed = 0, skipped = 0;
	const char *slash = strrchr(argv[0], '/');

	(void)argc;
	for (struct test *test = tests; test; test = test->next) {
		const int status = status_of(test);

		count++;
		skipped += status == SKIPPED;
		if (status != 0 && status != SKIPPED) {
			printf("failed: %s\n", test->name);
			failed++;
		}
	}
	/* As with Check, for who adds up. */
	printf("%s: %u%%: Checks: %u, Failures: %u, Errors: 0, skipped %u\n",
	       slash ? slash + 1 : argv[0],
	       count ? (count - failed) * 100 / count : 100, count, failed,
	       skipped);
	return failed > 0;
}
