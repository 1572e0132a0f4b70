/*
 * What exception_test.c runs: tasks that throw, catch and wait in between. Each
 * function returns NULL, or what went wrong.
 */
#include <a10.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "throws.h"

namespace
{

const char *wrong;

void expect(bool good, const char *what)
{
	if (!good && !wrong)
		wrong = what;
}

const char *run(a10_task_fn *fn)
{
	wrong = nullptr;
	expect(a10_run(nullptr, fn, nullptr) == 0, "the task's result");
	expect(std::uncaught_exceptions() == 0, "something is left uncaught");
	expect(!std::current_exception(), "something is left to be handled");
	return wrong;
}

/* Waits while it is destroyed, in the middle of an unwinding perhaps. */
struct waits_at_its_end {
	int uncaught;

	~waits_at_its_end()
	{
		expect(std::uncaught_exceptions() == uncaught,
		       "a count before");
		expect(a10_yield() == 0, "a yield");
		expect(std::uncaught_exceptions() == uncaught, "a count after");
	}
};

void throw_deep(int depth, const std::string &text)
{
	waits_at_its_end end = { depth >= 0 ? 1 : 0 };

	errno = depth;
	expect(a10_await(a10_nop()) == 0, "an await");
	expect(errno == depth, "errno");
	if (depth == 0)
		throw std::runtime_error(text);
	throw_deep(depth - 1, text);
}

/* Waits where it throws, where it is unwound and where it handles that. */
void throw_and_catch(const std::string &text)
{
	try {
		throw_deep(3, text);
		expect(false, "nothing was thrown");
	} catch (const std::runtime_error &error) {
		expect(error.what() == text, "another was caught");
		a10_yield();
		expect(error.what() == text, "it has changed");
	}
}

/* Handles one while it throws another, then the first once more. */
void throw_in_handler(const std::string &text)
{
	try {
		try {
			throw std::logic_error(text);
		} catch (const std::logic_error &) {
			a10_yield();
			throw_and_catch(text + " inner");
			a10_await(a10_nop());
			throw;
		}
	} catch (const std::logic_error &error) {
		expect(error.what() == text, "another was thrown again");
	}
	expect(!std::current_exception(), "one is handled still");
}

int work(void *data)
{
	const int number = *static_cast<int *>(data);

	for (int i = 0; i < 5; i++) {
		const std::string text = std::to_string(number * 100 + i);

		if ((number + i) % 2)
			throw_and_catch(text);
		else
			throw_in_handler(text);
	}
	return 0;
}

int work_alone(void *)
{
	int number = 1;

	return work(&number);
}

int work_together(void *)
{
	struct a10_scope scope;

	a10_scope_open(&scope, nullptr, 0);
	for (int i = 0; i < 20; i++)
		expect(a10_scope_spawn(&scope, work, &i, sizeof(i)) > 0,
		       "a spawn");
	a10_await(a10_scope_wait(&scope));
	return a10_scope_close(&scope);
}

int leave(void *)
{
	a10_yield();
	throw std::runtime_error("leaves");
}

} // namespace

const char *throws_alone()
{
	return run(work_alone);
}

const char *throws_together()
{
	return run(work_together);
}

const char *throws_in_a_handler()
{
	const char *said = nullptr;

	try {
		throw std::runtime_error("outer");
	} catch (const std::runtime_error &) {
		const std::exception_ptr outer = std::current_exception();

		wrong = nullptr;
		expect(a10_run(nullptr, work_together, nullptr) == 0, "a run");
		expect(std::current_exception() == outer, "another is outer");
		said = wrong;
	}
	return said;
}

void throws_out_of_a_task()
{
	a10_run(nullptr, leave, nullptr);
}
