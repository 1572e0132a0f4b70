#include "base/fork.h"
#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>

#define KEPT_MOST 8

static pthread_mutex_t *kept[KEPT_MOST];
static size_t kept_count;
static void (*child_call)(void);

static void kept_take(void)
{
	for (size_t i = 0; i < kept_count; i++)
		pthread_mutex_lock(kept[i]);
}

static void kept_give(void)
{
	for (size_t i = kept_count; i > 0; i--)
		pthread_mutex_unlock(kept[i - 1]);
}

static void child_begins(void)
{
	kept_give();
	if (child_call)
		child_call();
}

/* Of two constructors either may be the first. */
static void handlers_set(void)
{
	static bool set;

	if (!set)
		pthread_atfork(kept_take, kept_give, child_begins);
	set = true;
}

void fork_in_child(void (*call)(void))
{
	check(!child_call);
	child_call = call;
	handlers_set();
}

void fork_keep(pthread_mutex_t *lock)
{
	check(kept_count < KEPT_MOST);
	kept[kept_count++] = lock;
	handlers_set();
}
