/*
 * What is done when the process forks, by fork(3): a raw clone(2) is not seen.
 * Locks of the whole process: a child can make rings of its own, and must not
 * find one taken by a thread that is not there.
 */
#ifndef BASE_FORK_H
#define BASE_FORK_H

#include <pthread.h>

/*
 * Whoever forks has the lock meanwhile, parent and child give it back. From
 * constructors only. Who has one of them takes no other.
 */
void fork_keep(pthread_mutex_t *lock);
/* Called in the child, on its only thread. From constructors only, and by one. */
void fork_in_child(void (*call)(void));

#endif
