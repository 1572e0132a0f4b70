/*
 * Runs the tests that registered themselves. Check starts a process for each,
 * waits for it and ends it when its time is over; what is ours is the look at
 * the descriptors, skipping, and the report.
 *
 * A child can tell its parent of a skip only through shared memory: Check has
 * no such result, so to Check a skipped test is one that went well.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"

/*
 * Check is not compiled for MemorySanitizer, which takes all that Check writes
 * for never written. So what is handed to libc is looked at in tests only.
 */
#if __has_feature(memory_sanitizer)
#define LOOK_BEGIN() __msan_scoped_enable_interceptor_checks()
#define LOOK_END()   __msan_scoped_disable_interceptor_checks()
#else
#define LOOK_BEGIN() ((void)0)
#define LOOK_END()   ((void)0)
#endif

enum {
	DESCRIPTORS_MAX = 4096,
	REASON_MAX = 256,
};

struct descriptor {
	int fd;
	dev_t device;
	ino_t inode;
};

struct descriptors {
	size_t count;
	struct descriptor at[DESCRIPTORS_MAX];
};

/* Written by the test's process, read by the parent after it ended. */
struct shared {
	unsigned int skipped;
	struct test_place places[];
};

static struct test *tests;
static struct test **tests_end = &tests;
static struct shared *shared;
static struct test *running;
static struct test_place nowhere; /* outside of tests */
struct test_place *test_place = &nowhere;
static jmp_buf skip_jump;
static bool forking;

void test_register(struct test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

static double environment_number(const char *name, double otherwise)
{
	const char *text = getenv(name);
	char *end = NULL;
	double value;

	if (text == NULL || *text == '\0')
		return otherwise;
	value = strtod(text, &end);
	if (*end != '\0' || !(value > 0)) {
		fprintf(stderr, "%s is no number above 0: %s\n", name, text);
		exit(2);
	}
	return value;
}

unsigned int test_scaled(unsigned int count)
{
	double scaled = count * environment_number("A10_TEST_SCALE", 1);

	return scaled < 1 ? 1 : (unsigned int)scaled;
}

double test_slowed(double seconds)
{
	return seconds * environment_number("A10_TEST_SLOW", 1);
}

uint64_t test_seed(void)
{
	static uint64_t seed;
	static bool chosen;
	const char *text = getenv("A10_TEST_SEED");

	if (chosen)
		return seed;
	if (text != NULL && *text != '\0')
		seed = strtoull(text, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		ck_abort_msg("no random seed: %s", strerror(errno));
	chosen = true;
	fprintf(stderr, "seed: %s: A10_TEST_SEED=0x%016llx\n",
		running == NULL ? "none" : running->name,
		(unsigned long long)seed);
	return seed;
}

/*
 * SplitMix64: a counter of odd step, its bits mixed. Good for any state, which
 * matters more here than a long period.
 */
uint64_t test_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

/* In the order of their numbers, which is how the kernel lists them. */
static void descriptors_list(struct descriptors *ret_list)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	ret_list->count = 0;
	ck_assert_msg(folder != NULL, "/proc/self/fd: %s", strerror(errno));
	while ((entry = readdir(folder)) != NULL) {
		struct descriptor *next = &ret_list->at[ret_list->count];
		struct stat status;

		if (entry->d_name[0] == '.')
			continue;
		next->fd = (int)strtol(entry->d_name, NULL, 10);
		if (next->fd == dirfd(folder) || fstat(next->fd, &status) != 0)
			continue;
		next->device = status.st_dev;
		next->inode = status.st_ino;
		ret_list->count++;
		ck_assert_msg(ret_list->count < DESCRIPTORS_MAX,
			      "more descriptors than can be watched");
	}
	closedir(folder);
}

static const struct descriptor *descriptors_find(const struct descriptors *list,
						 int fd)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->at[i].fd == fd)
			return &list->at[i];
	}
	return NULL;
}

/* Appends to a text of a fixed size; what does not fit is cut off. */
static void text_add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void text_add(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

/*
 * A descriptor that was there and is gone was closed twice by somebody, and so
 * was one that is another file now: both are as bad as a leak.
 */
static void descriptors_compare(const struct descriptors *before,
				const struct descriptors *after)
{
	char text[2048] = "";

	for (size_t i = 0; i < after->count; i++) {
		const struct descriptor *now = &after->at[i];
		const struct descriptor *was =
			descriptors_find(before, now->fd);
		char link[64];
		char target[128];
		ssize_t length;

		if (was != NULL && was->device == now->device &&
		    was->inode == now->inode)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", now->fd);
		length = readlink(link, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		text_add(text, sizeof(text), " %s %d (%s)",
			 was == NULL ? "leaked" : "replaced", now->fd, target);
	}
	for (size_t i = 0; i < before->count; i++) {
		if (descriptors_find(after, before->at[i].fd) == NULL)
			text_add(text, sizeof(text), " closed %d",
				 before->at[i].fd);
	}
	ck_assert_msg(text[0] == '\0', "descriptors:%s", text);
}

void test_run(struct test *test)
{
	static struct descriptors before;
	static struct descriptors after;

	running = test;
	test_place = test->place;
	descriptors_list(&before);
	if (setjmp(skip_jump) != 0) {
		LOOK_END();
		return;
	}
	LOOK_BEGIN();
	test->body();
	LOOK_END();
	descriptors_list(&after);
	descriptors_compare(&before, &after);
}

/*
 * Nothing is cleaned up: the process ends, as it does when a test fails, and
 * without the exit handlers, one of which would report the memory as leaked.
 */
void test_skip(const char *format, ...)
{
	char reason[REASON_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	printf("skip: %s: %s\n", running->name, reason);
	fflush(stdout);
	__atomic_fetch_add(&shared->skipped, 1, __ATOMIC_RELAXED);
	if (forking)
		_exit(0);
	longjmp(skip_jump, 1);
}

void test_failing(void)
{
	LOOK_END();
}

static bool chosen(const struct test *test, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++) {
		if (strstr(test->name, argv[i]) != NULL)
			return true;
	}
	return false;
}

/* A case of its own for each test: a time-out is the case's in Check. */
static void suite_add(Suite *suite, const struct test *test, TTest *for_check)
{
	TCase *one = tcase_create(test->name);

	for_check->name = test->name;
	for_check->fn = test->run;
	for_check->file = test->file;
	for_check->line = test->line;
	tcase_set_timeout(one, test_slowed(test->timeout_s));
	_tcase_add_test(one, for_check, 0, 0, 0, 1);
	suite_add_tcase(suite, one);
}

/* The path as seen from the top of the source, wherever the build folder is. */
static const char *file_shown(const char *file)
{
	while (strncmp(file, "../", 3) == 0)
		file += 3;
	return file;
}

static const struct test *test_find(const char *name)
{
	const struct test *test = tests;

	while (test != NULL && strcmp(test->name, name) != 0)
		test = test->next;
	return test;
}

/* Where it failed; of one that died or hung, behind what. */
static void report_failure(TestResult *failure)
{
	const struct test *test = test_find(tr_tcname(failure));
	const bool died = tr_rtype(failure) == CK_ERROR;
	const char *file = tr_lfile(failure);
	int line = tr_lno(failure);

	if (died) {
		file = test->place->file;
		line = test->place->line;
	}
	if (file == NULL || strcmp(file, __FILE__) == 0) {
		file = test->file;
		line = test->line;
	}
	printf("%s:%d: %s: %s: %s\n", file_shown(file), line,
	       died ? "error" : "failure", test->name, tr_msg(failure));
}

static void report_failures(SRunner *runner)
{
	TestResult **failures = srunner_failures(runner);
	int count = srunner_ntests_failed(runner);

	for (int i = 0; i < count; i++)
		report_failure(failures[i]);
	free(failures);
}

/* Check's own last line, with our number behind it. */
static void report_summary(SRunner *runner, const char *program)
{
	int errors = 0;
	int run = srunner_ntests_run(runner);
	int failed = srunner_ntests_failed(runner);
	TestResult **failures = srunner_failures(runner);

	for (int i = 0; i < failed; i++)
		errors += tr_rtype(failures[i]) == CK_ERROR;
	free(failures);
	printf("%s: %d%%: Checks: %d, Failures: %d, Errors: %d, skipped %u\n",
	       program, run == 0 ? 100 : (run - failed) * 100 / run, run,
	       failed - errors, errors, shared->skipped);
}

/* At least one, for there is memory for so many. */
static size_t count_tests(void)
{
	size_t count = 1;

	for (const struct test *test = tests; test != NULL; test = test->next)
		count++;
	return count;
}

static int run_chosen(const char *program, int argc, char **argv)
{
	Suite *suite = suite_create(program);
	SRunner *runner = srunner_create(suite);
	const size_t most = count_tests();
	TTest *for_check = calloc(most, sizeof(*for_check));
	size_t count = 0;
	int failed;

	shared =
		mmap(NULL, sizeof(*shared) + most * sizeof(*shared->places),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (for_check == NULL || shared == MAP_FAILED)
		abort();
	for (struct test *test = tests; test != NULL; test = test->next) {
		if (!chosen(test, argc, argv))
			continue;
		test->place = &shared->places[count];
		suite_add(suite, test, &for_check[count++]);
	}
	forking = srunner_fork_status(runner) == CK_FORK;
	fflush(NULL);
	srunner_run_all(runner, CK_SILENT);
	report_failures(runner);
	report_summary(runner, program);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	free(for_check);
	if (count == 0) {
		fprintf(stderr, "%s: no test is called that\n", program);
		return 2;
	}
	return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash == NULL ? argv[0] : slash + 1;

	LOOK_END();
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (const struct test *test = tests; test != NULL;
		     test = test->next)
			puts(test->name);
		return 0;
	}
	return run_chosen(program, argc, argv);
}
