/*
 * Whether this runs on valgrind, which runs one thread at a time and does not
 * know, 3.19 at least, that io_uring_enter(2) sleeps: as long as one does, all
 * other threads stand still, and no signal is delivered.
 */
#ifndef KERNEL_VALGRIND_H
#define KERNEL_VALGRIND_H

#ifdef A10_VALGRIND
#include <valgrind/valgrind.h>
#define ON_VALGRIND (RUNNING_ON_VALGRIND != 0)
#else
#define ON_VALGRIND 0
#endif

#endif
