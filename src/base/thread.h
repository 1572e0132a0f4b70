/* Who this thread is, and whether this process is still the same. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <stdint.h>

/*
 * A number per thread that is never used twice, unlike the address of a
 * thread's data. 0 until asked for.
 */
extern _Thread_local uint64_t thread_number_cached
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

uint64_t thread_number_make(void);

static inline uint64_t thread_number(void)
{
	const uint64_t number = thread_number_cached;

	return number ? number : thread_number_make();
}

/*
 * The kernel clears this word in a forked child (MADV_WIPEONFORK), so what a
 * ring remembers of it no longer matches there. One load, and it works for a
 * raw clone(2) too, which pthread_atfork does not see.
 */
extern const uint64_t *process_word;

/* The word of this process; made at the first call, and anew in a child. */
uint64_t process_token(void);

#endif
