#include "base/fork.h"
#include "base/assert.h"

#include <stddef.h>

#define KEPT_MOST 8

static pthread_mutex_t *kept[KEPT_MOST];
static size_t kept_count;

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

void fork_keep(pthread_mutex_t *lock)
{
	check(kept_count < KEPT_MOST);
	kept[kept_count++] = lock;
	if (kept_count == 1)
		pthread_atfork(kept_take, kept_give, kept_give);
}
