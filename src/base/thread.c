#include "base/thread.h"
#include "base/assert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Thread_local uint64_t thread_number_cached;

static _Atomic uint64_t threads;

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t process_count; /* in ordinary memory: a child inherits it */
static uint64_t *process_page;
static const uint64_t process_none;

const uint64_t *process_word = &process_none;

uint64_t thread_number_make(void)
{
	thread_number_cached = atomic_fetch_add(&threads, 1) + 1;
	return thread_number_cached;
}

/*
 * Called when a ring is made. A child
 * parent was in here would find the lock taken: it is held for a few instructions
 * at the parent's first ring only, and never again once the page is there.
 */
uint64_t process_token(void)
{
	uint64_t token;

	pthread_mutex_lock(&process_lock);
	if (!process_page) {
		const size_t size = (size_t)sysconf(_SC_PAGESIZE);
		void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			goto unlock;
		if (madvise(page, size, MADV_WIPEONFORK) < 0) {
			munmap(page, size);
			goto unlock;
		}
		process_page = page;
		process_word = process_page;
	}
	if (*process_page == 0)
		*process_page = ++process_count;
unlock:
	token = process_page ? *process_page : 0;
	pthread_mutex_unlock(&process_lock);
	return token;
}
