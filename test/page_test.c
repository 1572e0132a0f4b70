/* Pages of 64 KiB, as some machines have, as far as this one can pretend. */
#include "support.h"

#include <dlfcn.h>
#include <unistd.h>

#include <a10/task.h>

/* TSan asks before a program's own function could answer. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
static const bool pretended = false;
#else
static const bool pretended = true;

/* In the place of the C library's. */
long sysconf(int name)
{
	long (*real)(int name) = NULL;
	void *found = dlsym(RTLD_NEXT, "sysconf");

	memcpy(&real, &found, sizeof(real));
	return name == _SC_PAGESIZE ? 64 << 10 : real(name);
}
#endif

static int use_some_stack(void *data)
{
	volatile char bytes[40 << 10];

	for (size_t i = 0; i < sizeof(bytes); i += 512)
		bytes[i] = 1;
	return a10_sleep(1000) + *(int *)data;
}

static int spawn_some(void *data)
{
	int value = 5;

	(void)data;
	return (int)a10_await(a10_task_join(
		a10_task_spawn(NULL, use_some_stack, &value, sizeof(value))));
}

TEST(a_stack_is_more_than_its_guard_whatever_a_page_is)
{
	if (!pretended)
		SKIP("TSan needs to know what a page is");
	ring_close(ring_open(NULL));
	ck_assert_int_eq(a10_run(NULL, spawn_some, NULL), 5);
}
