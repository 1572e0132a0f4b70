/*
 * The tests' harness: a thin layer over Check.
 *
 *	TEST(a_read_past_the_end_gives_zero)
 *	{
 *		ck_assert_int_eq(..., 0);
 *	}
 *
 * A test registers itself where it is written; its name is a sentence. It runs
 * in a process of its own, has 20 seconds, and leaves the descriptors that it
 * found, no more and no fewer. A program takes parts of names as arguments and
 * runs the tests that contain one, or --list. In the environment:
 *
 *	CK_FORK=no       run in one process, for a debugger
 *	A10_TEST_SLOW    time-outs are so many times longer
 *	A10_TEST_SCALE   what test_scaled multiplies by
 *	A10_TEST_SEED    what test_seed returns
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature /* clang's; gcc has a macro for each sanitizer */
#define __has_feature(feature) 0
#endif

/*
 * The assertion that held last, for who dies behind it: by Check's own way each
 * of them would be a write to a file, and a test may have a hundred thousand.
 * Any thread of the test's process and its children's writes.
 */
struct test_place {
	const char *file;
	int line;
};
extern struct test_place *test_place;

static inline void test_pass(const char *file, int line)
{
	__atomic_store_n(&test_place->file, file, __ATOMIC_RELAXED);
	__atomic_store_n(&test_place->line, line, __ATOMIC_RELAXED);
}
#ifdef __clang_analyzer__ /* version 14 dies of some tests otherwise */
#define _mark_point(file, line) ((void)0)
#else
#define _mark_point(file, line) test_pass(file, line)
#endif

/* What follows is Check's. */
void test_failing(void);
#define _ck_assert_failed(...) (test_failing(), _ck_assert_failed(__VA_ARGS__))

struct test {
	const char *name;
	const char *file;
	int line;
	int timeout_s;
	void (*body)(void);
	void (*run)(int unused); /* for Check: test_run(this test) */
	struct test *next;
	struct test_place *place; /* its own, while tests are run */
};

void test_register(struct test *test);
void test_run(struct test *test);

/* A test that is there if the condition holds when the program starts. */
#define TEST_IF(condition, test_name, seconds)                               \
	static void test_name(void);                                         \
	static void test_name##_run(int unused);                             \
	static struct test test_name##_test = { #test_name, __FILE__,        \
						__LINE__,   (seconds),       \
						test_name,  test_name##_run, \
						NULL,       NULL };          \
	static void test_name##_run(int unused)                              \
	{                                                                    \
		(void)unused;                                                \
		test_run(&test_name##_test);                                 \
	}                                                                    \
	__attribute__((constructor)) static void test_name##_register(void)  \
	{                                                                    \
		if (condition)                                               \
			test_register(&test_name##_test);                    \
	}                                                                    \
	static void test_name(void)

#define TEST_TIMEOUT(test_name, seconds) TEST_IF(true, test_name, seconds)
#define TEST(test_name)                  TEST_TIMEOUT(test_name, 20)

/*
 * Ends the test, which then counts as skipped, and prints the reason. From any
 * thread or stack of the test's process.
 */
#define SKIP(...) test_skip(__VA_ARGS__)
void test_skip(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* What a test's random choices start from; the first call prints it. */
uint64_t test_seed(void);

/* The next number of a sequence; any state will do, a seed for instance. */
uint64_t test_random(uint64_t *state);

/* count times A10_TEST_SCALE, at least 1: how often to do what is repeated. */
unsigned int test_scaled(unsigned int count);

/* seconds times A10_TEST_SLOW: how long to wait for what must happen. */
double test_slowed(double seconds);

/* Which keeps limits of its own in the place of the kernel's, and more. */
static inline bool on_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload") != NULL;
}

#endif
