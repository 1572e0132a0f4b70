/* Exceptions of C++ in tasks; what throws them is throws.cc. */
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "throws.h"

static void check_of(const char *(*throws)(void))
{
	const char *wrong;

	ring_close(ring_open(NULL));
	wrong = throws();
	ck_assert_msg(!wrong, "wrong: %s", wrong);
}

TEST(a_task_throws_and_catches_across_what_it_awaits)
{
	check_of(throws_alone);
}

TEST(exceptions_in_flight_in_several_tasks_are_not_shared)
{
	check_of(throws_together);
}

TEST(what_a_thread_handles_is_not_its_tasks)
{
	check_of(throws_in_a_handler);
}

TEST(an_exception_that_leaves_a_task_ends_the_program)
{
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t child;

	if (on_valgrind())
		SKIP("valgrind would tell of the child's end");
	ring_close(ring_open(NULL));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		throws_out_of_a_task();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(!WIFEXITED(status) || WEXITSTATUS(status) != 0,
		      "it went on");
}
