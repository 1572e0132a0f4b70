/*
 * Locks of the whole process. A child can make rings of its own, and must not
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

#endif
