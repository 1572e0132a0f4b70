/*
 * What the kernel wrote, for those who watch the program's own writes only: to
 * valgrind and to MemorySanitizer such bytes would seem never written.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#ifdef A10_VALGRIND
#include <valgrind/memcheck.h>
#endif

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* MEMORY_MARKED: whether finding out what to mark is worth the while. */
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define MEMORY_MARKED              1
#define MEMORY_WRITTEN(data, size) __msan_unpoison((data), (size))
#elif defined(A10_VALGRIND)
#define MEMORY_MARKED 1
#define MEMORY_WRITTEN(data, size) \
	(void)VALGRIND_MAKE_MEM_DEFINED((data), (size))
#else
#define MEMORY_MARKED              0
#define MEMORY_WRITTEN(data, size) ((void)(data), (void)(size))
#endif

/*
 * To ThreadSanitizer the kernel orders nothing: what went into any ring's queue is
 * before what comes out of any. One word for all rings, although it hides races
 * between the owners of two: what one writes to a pipe, a socket or an eventfd
 * another reads, and which operations these two are the library cannot know. A
 * word for each ring would find fault with programs that have none.
 */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
extern char kernel_order;
#define KERNEL_TAKES() __tsan_release(&kernel_order)
#define KERNEL_GIVES() __tsan_acquire(&kernel_order)
#else
#define KERNEL_TAKES() ((void)0)
#define KERNEL_GIVES() ((void)0)
#endif

/* Exactly the bytes that the kernel has written. */
static inline void memory_written(const void *data, size_t size)
{
	MEMORY_WRITTEN(data, size);
}

#endif
