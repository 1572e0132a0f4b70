/*
 * What else changes with the stack: what sanitizers know of it, and the
 * exceptions of C++ that are being handled, of which the runtime keeps one list
 * a thread. Called on the stack that is left, just before, and on the one that
 * is come to, just after.
 */
#ifndef TASK_FIBER_H
#define TASK_FIBER_H

#include <stddef.h>

#include "base/memory.h"

/*
 * Whether there is something to be done after a switch; else a switch is the
 * last thing a function does, and its return needs none.
 */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
	__has_feature(memory_sanitizer)
#define FIBER_WATCHED 1
#else
#define FIBER_WATCHED 0
#endif

/* To MemorySanitizer it is for the calls that a report shows. */
#if __has_feature(memory_sanitizer)
#define FIBER_LEAVE(keep, low, size) \
	((void)(keep), __msan_start_switch_fiber((low), (size)))
#define FIBER_ARRIVE(kept, ret_low, ret_size) \
	((void)(kept), __msan_finish_switch_fiber((ret_low), (ret_size)))
#elif FIBER_WATCHED
#include <sanitizer/common_interface_defs.h>
#define FIBER_LEAVE(keep, low, size) \
	__sanitizer_start_switch_fiber((keep), (low), (size))
#define FIBER_ARRIVE(kept, ret_low, ret_size) \
	__sanitizer_finish_switch_fiber((kept), (ret_low), (ret_size))
#else
#define FIBER_LEAVE(keep, low, size) ((void)(keep), (void)(low), (void)(size))
#define FIBER_ARRIVE(kept, ret_low, ret_size) \
	((void)(kept), (void)(ret_low), (void)(ret_size))
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define FIBER_MAKE()     __tsan_create_fiber(0)
#define FIBER_DROP(it)   __tsan_destroy_fiber(it)
#define FIBER_SWITCH(to) __tsan_switch_to_fiber((to), 0)
#define FIBER_SWITCH_KEEPING(to, ret_here) \
	(*(ret_here) = __tsan_get_current_fiber(), FIBER_SWITCH(to))
#else
#define FIBER_MAKE()                       NULL
#define FIBER_DROP(it)                     ((void)(it))
#define FIBER_SWITCH(to)                   ((void)(to))
#define FIBER_SWITCH_KEEPING(to, ret_here) ((void)(to), (void)(ret_here))
#endif

/* As the C++ ABI has it, which nobody may change: __cxa_eh_globals. */
struct exceptions {
	void *caught;
	unsigned int uncaught;
};

/* There is none without a runtime of C++ in the program. */
extern void *__cxa_get_globals(void) __attribute__((weak));

static inline void exceptions_swap(struct exceptions *kept)
{
	struct exceptions *here, old;

	if (!__cxa_get_globals)
		return;
	here = __cxa_get_globals();
	old = *here;
	*here = *kept;
	*kept = old;
}

/* From one stack's to another's: as if swapped with each. */
static inline void exceptions_pass(struct exceptions *from,
				   struct exceptions *to)
{
	struct exceptions *here, outer;

	if (!__cxa_get_globals)
		return;
	here = __cxa_get_globals();
	outer = *from;
	*from = *here;
	*here = *to;
	*to = outer;
}

#endif
