/* What debuggers and profilers see of a task. */
#include "support.h"

#include <limits.h>
#include <sys/wait.h>
#include <time.h>

#include <a10/task.h>

#include "rig.h"

/* What a tool said. */
static char text[1 << 20];

/* ---- what they look at ---------------------------------------------------- */

static int yield_twice(void *data)
{
	(void)data;
	a10_yield();
	return a10_yield();
}

TEST(a_task_yields_twice)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, yield_twice, NULL), 0);
}

static int end_at_once(void *data)
{
	(void)data;
	return 0;
}

static int join_another(void *data)
{
	const a10_id id = a10_task_spawn(NULL, end_at_once, data, 0);

	return (int)a10_await(a10_task_join(id));
}

TEST(a_task_joins_another)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, join_another, NULL), 0);
}

static __attribute__((noinline)) void compute_for(clock_t clocks)
{
	const clock_t end = clock() + clocks;

	while (clock() < end)
		for (volatile int i = 0; i < 100000; i++)
			;
}

static int compute_long(void *data)
{
	(void)data;
	a10_yield();
	compute_for(CLOCKS_PER_SEC / 10);
	return a10_yield();
}

TEST(a_task_computes_for_a_while)
{
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, compute_long, NULL), 0);
}

/* ---- running them --------------------------------------------------------- */

static _Noreturn void tool_exec(char *const argv[], int out)
{
	const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	setenv("CK_FORK", "no", 1);
	unsetenv("DEBUGINFOD_URLS");
	execvp(argv[0], argv);
	_exit(127);
}

/* What a tool says; it is looked for in PATH. Returns its exit status. */
static int tool_run(char *const argv[])
{
	size_t length = 0;
	int ends[2], status;
	pid_t child;
	ssize_t n;

	pipe_open(ends);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		tool_exec(argv, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], text + length, sizeof(text) - 1 - length)) >
	       0)
		length += (size_t)n;
	text[length] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		SKIP("no %s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void skip_if_watched(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("a sanitizer's program is not what is debugged here");
#endif
#ifdef SWITCH_UCONTEXT
	SKIP("the switch is libc's");
#endif
	if (on_valgrind())
		SKIP("valgrind would run the tool");
}

static char *self(void)
{
	static char path[PATH_MAX];

	ck_assert_int_gt(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	return path;
}

/* ---- gdb -------------------------------------------------------------------- */

/* So many instructions from a function on. */
static const char gdb_script[] = "set pagination off\n"
				 "set confirm off\n"
				 "set style enabled off\n"
				 "break %s\n"
				 "run\n"
				 "set $n = 0\n"
				 "while $n < %u\n"
				 "echo TRACE\\n\n"
				 "backtrace -frame-arguments none\n"
				 "stepi\n"
				 "set $n = $n + 1\n"
				 "end\n"
				 "kill\n";

/*
 * Of a frame list "#0 ... #n": 't' if it is whole and of a task, 'p' of poll,
 * else 0.
 */
static char trace_kind(const char *trace, size_t length)
{
	static char copy[16384];

	ck_assert_uint_lt(length, sizeof(copy));
	memcpy(copy, trace, length);
	copy[length] = '\0';
	if (strstr(copy, "yield_twice") && strstr(copy, "context_begin") &&
	    !strstr(copy, " main ("))
		return 't';
	if (strstr(copy, "a10_ring_run") && strstr(copy, " main ("))
		return 'p';
	/* What has just begun, or is at its first instruction. */
	if (strstr(copy, "context_begin") && !strstr(copy, " main ("))
		return 't';
	return 0;
}

static void script_write(const char *path, int fd, const char *function,
			 unsigned int steps)
{
	FILE *file = fdopen(fd, "w");

	ck_assert_msg(file != NULL, "%s", path);
	fprintf(file, gdb_script, function, steps);
	ck_assert_int_eq(fclose(file), 0);
}

/* Counts what it sees from there on; each of it must be whole. */
static void steps_look(const char *function, unsigned int steps, char *test,
		       unsigned int ret_count[128])
{
	char script[] = "/tmp/a10-gdb-XXXXXX";
	char *argv[] = { "gdb",  "-nx",    "-q",   "-batch", "-x",
			 script, "--args", self(), test,     NULL };
	const char *at, *next;
	int fd;

	skip_if_watched();
	fd = mkstemp(script);
	ck_assert_int_ge(fd, 0);
	script_write(script, fd, function, steps);
	tool_run(argv);
	unlink(script);
	at = strstr(text, "TRACE\n");
	if (!at)
		SKIP("gdb runs nothing here: %.200s", text);
	for (; at; at = next) {
		char kind;

		at += strlen("TRACE\n");
		next = strstr(at, "TRACE\n");
		kind = trace_kind(at, next ? (size_t)(next - at) : strlen(at));
		ck_assert_msg(kind, "it said: %.2000s", at);
		ret_count[(unsigned char)kind]++;
	}
}

TEST(gdb_sees_a_whole_stack_at_each_step_of_a_switch)
{
	char test[] = "a_task_yields_twice";
	unsigned int count[128] = { 0 };

	steps_look("context_switch", 150, test, count);
	ck_assert_uint_gt(count['t'], 20);
	ck_assert_uint_gt(count['p'], 20);
}

TEST(gdb_sees_a_whole_stack_at_each_step_of_an_end)
{
	char test[] = "a_task_joins_another";
	unsigned int count[128] = { 0 };

	steps_look("context_resume", 30, test, count);
	ck_assert_uint_eq(count['t'], 30);
}

/* ---- perf ------------------------------------------------------------------- */

TEST(perf_unwinds_what_a_task_computes)
{
	char data[] = "/tmp/a10-perf-XXXXXX";
	char test[] = "a_task_computes_for_a_while";
	char *record[] = { "perf",  "record", "-q",   "-e", "cpu-clock:u",
			   "-o",    data,     "-F",   "99", "--call-graph",
			   "dwarf", "--",     self(), test, NULL };
	char *script[] = { "perf",        "script", "-i",     data,
			   "--no-inline", "-F",     "ip,sym", NULL };
	char *at, *begin;
	int fd;

	skip_if_watched();
	fd = mkstemp(data);
	ck_assert_int_ge(fd, 0);
	close(fd);
	if (tool_run(record) != 0) {
		unlink(data);
		SKIP("perf records nothing here: %.200s", text);
	}
	tool_run(script);
	unlink(data);
	at = strstr(text, "compute_for");
	if (!at)
		SKIP("perf took no sample");
	begin = strstr(at, "\n\n");
	if (begin)
		*begin = '\0';
	ck_assert_msg(strstr(at, "compute_long") && strstr(at, "context_begin"),
		      "it said: %.2000s", at);
}
