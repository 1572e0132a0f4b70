/* The stacks of tasks, and what a switch between them keeps. */
#include "support.h"

#include <fenv.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unwind.h>

#include <a10/task.h>

#include "rig.h"
#include "task/fiber.h"
#include "task/stack.h"

static int run(a10_task_fn *fn, void *data)
{
	ring_close(ring_open(NULL));
	return a10_run(NULL, fn, data);
}

/* ---- what a switch keeps ------------------------------------------------------ */

/* Different in each task, all in registers that a call keeps. */
static int compute(void *data)
{
	const int rounding = *(int *)data;
	double sum = 1;
	uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;

	ck_assert_int_eq(fesetround(rounding), 0);
	for (int i = 0; i < 100; i++) {
		a += 1;
		b += a;
		c += b;
		d += c;
		e += d;
		f += e;
		sum *= 1.5;
		ck_assert_int_eq(a10_yield(), 0);
		ck_assert_int_eq(fegetround(), rounding);
	}
	ck_assert_uint_eq(a, 101);
	ck_assert_uint_eq(b, 5152);
	ck_assert(sum > 4e17);
	ck_assert(f > e && e > d && d > c);
	return 0;
}

static int compute_by_four(void *data)
{
	static int roundings[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
				   FE_TOWARDZERO };
	struct a10_scope scope;

	(void)data;
	a10_scope_open(&scope, NULL, 0);
	for (int i = 0; i < 4; i++)
		a10_scope_spawn(&scope, compute, &roundings[i],
				sizeof(roundings[i]));
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
	return 0;
}

TEST(a_switch_keeps_registers_and_how_is_rounded)
{
	ck_assert_int_eq(run(compute_by_four, NULL), 0);
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
}

/* As the runtime of C++ has it; here for want of one. */
static struct exceptions globals;

void *__cxa_get_globals(void)
{
	return &globals;
}

static int handle_something(void *data)
{
	ck_assert_ptr_null(globals.caught);
	globals.caught = data;
	globals.uncaught = 3;
	for (int i = 0; i < 5; i++) {
		a10_yield();
		ck_assert_ptr_eq(globals.caught, data);
		ck_assert_uint_eq(globals.uncaught, 3);
	}
	return 0;
}

static int handle_two(void *data)
{
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	a10_scope_spawn(&scope, handle_something, data, 0);
	a10_scope_spawn(&scope, handle_something, (char *)data + 1, 0);
	ck_assert_int_eq(a10_await(a10_scope_wait(&scope)), 0);
	ck_assert_ptr_null(globals.caught);
	return 0;
}

TEST(exceptions_under_way_are_each_tasks_own)
{
	char byte[2];

	globals.caught = &globals;
	ck_assert_int_eq(run(handle_two, byte), 0);
	ck_assert_ptr_eq(globals.caught, &globals);
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context,
				       void *data)
{
	(void)context;
	++*(int *)data;
	return _URC_NO_REASON;
}

static int trace_back(void *data)
{
	int count = 0;

	(void)data;
	ck_assert_int_eq(_Unwind_Backtrace(count_frame, &count),
			 _URC_END_OF_STACK);
	return count;
}

TEST(a_backtrace_ends_where_the_task_began)
{
	int count = run(trace_back, NULL);

	/* This function, task_main, context_begin; sanitizers add some. */
	ck_assert_int_ge(count, 2);
	ck_assert_int_le(count, 8);
}

static bool is_watched(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#else
	return on_valgrind();
#endif
}

/* ---- how much of it there is ----------------------------------------------------- */

static __attribute__((noinline)) int dig(unsigned int kib)
{
	volatile char block[1024];
	int below;

	block[0] = (char)kib;
	block[1023] = 1;
	if (kib == 0)
		return block[1023];
	below = dig(kib - 1);
	/* Looked at afterwards, or it becomes a loop. */
	__asm__ volatile("" : : "r"(block) : "memory");
	return below + block[1023] - 1;
}

static int dig_deep(void *data)
{
	return dig(*(unsigned int *)data);
}

static int dig_with_a_large_stack(void *data)
{
	struct a10_task_options options = { .stack_size = (size_t)16 << 20 };
	unsigned int kib = 4000;
	struct a10_task_stacks stacks;
	a10_id id;

	(void)data;
	id = a10_task_spawn_with(&options, dig_deep, &kib, sizeof(kib));
	ck_assert_int_eq(a10_await(a10_task_join(id)), 1);
	a10_task_stacks(&stacks);
	ck_assert_uint_ge(stacks.deepest, (size_t)4000 << 10);
	ck_assert_uint_le(stacks.deepest, (size_t)16 << 20);
	ck_assert_uint_ge(stacks.count, 2);
	ck_assert_uint_eq(stacks.count, stacks.guards_marked +
						stacks.guards_protected +
						stacks.guards_canary);
	return 0;
}

TEST(a_task_has_the_stack_it_asks_for_and_the_deepest_is_told)
{
	ck_assert_int_eq(run(dig_with_a_large_stack, NULL), 0);
}

/* One is for the words that tell of an overflow; libc's switch keeps 2 KiB. */
#ifdef SWITCH_UCONTEXT
#define PAGES_MOST 3
#else
#define PAGES_MOST 2
#endif

struct sleepers {
	unsigned int count;
	size_t bytes;
	size_t maps;
};

static size_t process_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "", *resident;

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	fclose(file);
	resident = strchr(line, ' ');
	ck_assert_ptr_nonnull(resident);
	return strtoul(resident, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t process_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t count = 0;
	int c;

	while ((c = getc(file)) != EOF)
		count += c == '\n';
	fclose(file);
	return count;
}

static int sleep_deeply(void *data)
{
	(void)data;
	return a10_sleep(A10_FOREVER);
}

static int hold_sleepers(void *data)
{
	struct sleepers *it = data;
	const size_t before = process_bytes();
	struct a10_scope scope;

	a10_scope_open(&scope, NULL, 0);
	for (unsigned int i = 0; i < it->count; i++)
		ck_assert_int_gt(a10_scope_spawn(&scope, sleep_deeply, NULL, 0),
				 0);
	ck_assert_int_eq(a10_sleep(A10_MILLISECOND), 0);
	it->bytes = process_bytes() - before;
	it->maps = process_maps();
	ck_assert_int_eq(a10_scope_close(&scope), 0);
	return 0;
}

static void check_sleepers(unsigned int count)
{
	struct sleepers it = { .count = count };

	ck_assert_int_eq(run(hold_sleepers, &it), 0);
	ck_assert_uint_lt(it.maps, 65530);
	/* Two pages, and 1,300 bytes of operations. */
	if (!is_watched())
		ck_assert_uint_le(it.bytes,
				  (PAGES_MOST * 4096 + 1500) * it.count);
}

/* As many as they say at A10_TEST_SCALE=100, as in make soak. */
TEST(a_hundred_thousand_tasks_sleep_in_two_pages_each)
{
	check_sleepers(test_scaled(1000));
}

TEST(a_hundred_thousand_have_maps_enough_where_a_guard_takes_two)
{
	stack_guards_limit(test_scaled(300));
	check_sleepers(test_scaled(1000));
}

/* ---- what is at its end ------------------------------------------------------------ */

static int overflow(void *data)
{
	a10_task_set_name("digger");
	return dig(*(unsigned int *)data) + a10_sleep(1);
}

/* What a child that runs fn says before it dies of a signal. */
static void die_of(a10_task_fn *fn, void *data, char *text, size_t size)
{
	ssize_t n;
	size_t length = 0;
	int ends[2], status;
	pid_t child;

	ring_close(ring_open(NULL));
	pipe_open(ends);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		a10_run(NULL, fn, data);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(!WIFEXITED(status) || WEXITSTATUS(status) != 0,
		      "it lives: %s", text);
}

static int spawn_the_digger(void *data)
{
	a10_id id = a10_task_spawn(NULL, overflow, data, sizeof(unsigned int));

	return (int)a10_await(a10_task_join(id));
}

TEST(an_overflow_ends_with_a_message_that_names_the_task)
{
	unsigned int kib = 70;
	char text[1024];

	if (is_watched())
		SKIP("a sanitizer or valgrind says it in its own words");
	die_of(spawn_the_digger, &kib, text, sizeof(text));
	ck_assert_msg(strstr(text, "digger") && strstr(text, "overflow"),
		      "it said: %s", text);
}

/* What a frame at the very end of the stack would write. */
static int overflow_a_little(void *data)
{
	volatile char *low = stack_here()->low;

	(void)data;
	a10_task_set_name("digger");
	low[16] = 1;
	return a10_sleep(1);
}

static int spawn_small_diggers(void *data)
{
	a10_id id = a10_task_spawn(NULL, overflow_a_little, NULL, 0);

	(void)data;
	return (int)a10_await(a10_task_join(id));
}

TEST(a_canary_tells_of_an_overflow_where_there_are_no_maps_left)
{
	unsigned int kib = 70;
	char text[1024];

	if (is_watched())
		SKIP("a sanitizer or valgrind says it in its own words");
	stack_guards_limit(0);
	die_of(spawn_small_diggers, &kib, text, sizeof(text));
	ck_assert_msg(strstr(text, "digger") && strstr(text, "overflow"),
		      "it said: %s", text);
}

TEST(guards_are_protected_pages_where_none_can_be_marked)
{
	struct sleepers it = { .count = 200 };
	struct a10_task_stacks stacks;

	stack_guards_limit(100);
	ck_assert_int_eq(run(hold_sleepers, &it), 0);
	a10_task_stacks(&stacks);
	ck_assert_uint_eq(stacks.guards_marked, 0);
	ck_assert_uint_eq(stacks.guards_protected, 100);
	ck_assert_uint_ge(stacks.guards_canary, 100);
}

TEST(an_overflow_into_a_protected_page_is_told_too)
{
	unsigned int kib = 70;
	char text[1024];

	if (is_watched())
		SKIP("a sanitizer or valgrind says it in its own words");
	stack_guards_limit(100);
	die_of(spawn_the_digger, &kib, text, sizeof(text));
	ck_assert_msg(strstr(text, "digger") && strstr(text, "overflow"),
		      "it said: %s", text);
}

/* ---- who does not use them -------------------------------------------------------- */

/* What nm says of the program, to out. */
static void exec_nm(const char *program, int out)
{
	dup2(out, STDOUT_FILENO);
	execlp("nm", "nm", program, (char *)NULL);
	_exit(127);
}

/* Symbols of tasks in a program that is linked with a static library. */
static int task_symbols(const char *program)
{
	char line[256];
	int count = 0, status, ends[2];
	pid_t child;
	FILE *said;

	if (access(program, X_OK) != 0)
		SKIP("%s is not built", program);
	pipe_open(ends);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		exec_nm(program, ends[1]);
	close(ends[1]);
	said = fdopen(ends[0], "r");
	ck_assert_ptr_nonnull(said);
	while (fgets(line, sizeof(line), said)) {
		count += strstr(line, "stack_give") ||
			 strstr(line, "task_end") ||
			 strstr(line, "stack_take") ||
			 strstr(line, "context_sw") ||
			 strstr(line, " a10_run\n");
	}
	fclose(said);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		SKIP("no nm");
	ck_assert_int_eq(status, 0);
	return count;
}

TEST(a_program_of_callbacks_links_no_tasks)
{
	char self[PATH_MAX] = "", echo[2 * PATH_MAX];

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	ck_assert_int_ge(task_symbols(self), 5);
	snprintf(echo, sizeof(echo), "%s/../examples/echo", dirname(self));
	ck_assert_int_eq(task_symbols(echo), 0);
}
