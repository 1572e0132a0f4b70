#include "base/thread.h"
#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Thread_local uint64_t thread_number_cached;

static _Atomic uint64_t threads;

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t process_count; /* in ordinary memory: inherited */
static _Atomic uint64_t *_Atomic process_page;
static const uint64_t process_none;

const uint64_t *process_word = &process_none;

uint64_t thread_number_make(void)
{
	thread_number_cached = atomic_fetch_add(&threads, 1) + 1;
	return thread_number_cached;
}

static void process_page_make(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;

	pthread_mutex_lock(&process_lock);
	if (process_page)
		goto unlock;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		goto unlock;
	if (madvise(page, size, MADV_WIPEONFORK) < 0) {
		munmap(page, size);
		goto unlock;
	}
	process_word = page;
	process_page = page;
unlock:
	pthread_mutex_unlock(&process_lock);
}

__attribute__((constructor)) static void process_lock_keep(void)
{
	fork_keep(&process_lock);
}

uint64_t process_token(void)
{
	_Atomic uint64_t *page;
	uint64_t token = 0;

	if (!process_page)
		process_page_make();
	page = process_page;
	if (!page)
		return 0;
	if (atomic_load(page) == 0)
		atomic_compare_exchange_strong(
			page, &token, atomic_fetch_add(&process_count, 1) + 1);
	return atomic_load(page);
}
