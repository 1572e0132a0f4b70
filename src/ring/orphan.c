/*
 * Owners that end without destroying their rings: a bug of the program's, which
 * is told, and must not be paid for by other threads that wait for something on
 * such a ring. Each thread has a list of the rings it owns; what is left of it
 * when the thread ends is abandoned on that very thread, the last one that can
 * enter them.
 */
#include <pthread.h>

#include "ring/life.h"

static _Thread_local struct a10_ring *owned; /* by owned_next */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static void thread_ends(void *unused)
{
	(void)unused;
	while (owned) {
		struct a10_ring *ring = owned;

		owned = ring->owned_next;
		/* A forked child's only thread has its parent's list. */
		if (!sq_is_inherited(&ring->sq))
			ring_abandon(ring);
	}
}

static void key_make(void)
{
	has_key = pthread_key_create(&key, thread_ends) == 0;
}

void owned_add(struct a10_ring *ring)
{
	pthread_once(&once, key_make);
	/* Without it nobody is told, and that is all. */
	if (has_key)
		(void)pthread_setspecific(key, &once);
	ring->owned_next = owned;
	owned = ring;
}

void owned_remove(struct a10_ring *ring)
{
	struct a10_ring **link = &owned;

	while (*link && *link != ring)
		link = &(*link)->owned_next;
	if (*link)
		*link = ring->owned_next;
}
