/*
 * Futexes where the kernel has no requests for them. A helper that waits for a
 * word waits for its halt too, so that it can be told to end; since one call
 * does both, no wake-up is lost and none is taken from others. Where one call
 * cannot, for want of that call or of room for one word more, it waits a little
 * while at a time. A wake-up between two of these finds nobody, but what is woken
 * for has changed, which the next one sees.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "backend/kernel/sync.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define WORDS_MOST   128 /* of a call; one is the halt's */
#define FUTEX2_U32   2
#define FUTEX2_LOCAL 128
#define WHILE_NS     10000000
#define SECOND_NS    1000000000

/* words[0] is free for the halt: of several that are woken the last is told. */
static int words_wait(struct futex_waitv *words, unsigned int count,
		      struct halt *halt)
{
	long ret;

	words[0] = (struct futex_waitv){
		.uaddr = (uintptr_t)&halt->asked,
		.flags = FUTEX2_U32 | FUTEX2_LOCAL,
	};
	do {
		ret = syscall(SYS_futex_waitv, words, count, 0, NULL, 0);
	} while (ret < 0 && errno == EINTR);
	if (ret > 0)
		return (int)ret - 1;
	if (ret == 0 || halt_is_asked(halt))
		return -ECANCELED;
	return -errno;
}

/* Once it has waited, that a word is another is what it has waited for. */
static int word_wait(const struct futex_waitv *word, struct halt *halt)
{
	const struct timespec while_ns = { 0, WHILE_NS };
	const int private = (int)word->flags & FUTEX_PRIVATE_FLAG;
	void *at = (void *)(uintptr_t)word->uaddr;
	bool waited = false;

	while (!halt_is_asked(halt)) {
		if (syscall(SYS_futex, at, FUTEX_WAIT | private, word->val,
			    &while_ns, NULL, 0) == 0)
			return 0;
		if (errno == EAGAIN && waited)
			return 0;
		if (errno != ETIMEDOUT && errno != EINTR)
			return -errno;
		waited = true;
	}
	return -ECANCELED;
}

static int word_changed(const struct futex_waitv *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const _Atomic uint32_t *word =
			(const void *)(uintptr_t)words[i].uaddr;

		if (atomic_load_explicit(word, memory_order_relaxed) !=
		    (uint32_t)words[i].val)
			return (int)i;
	}
	return -EAGAIN;
}

/* As many as there can be, without the halt. */
static int words_wait_most(const struct futex_waitv *words, struct halt *halt)
{
	bool waited = false;

	while (!halt_is_asked(halt)) {
		struct timespec until;
		long ret;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WHILE_NS;
		until.tv_sec += until.tv_nsec / SECOND_NS;
		until.tv_nsec %= SECOND_NS;
		ret = syscall(SYS_futex_waitv, words, WORDS_MOST, 0, &until,
			      CLOCK_MONOTONIC);
		if (ret >= 0)
			return (int)ret;
		if (errno == EAGAIN && waited)
			return word_changed(words, WORDS_MOST);
		if (errno != ETIMEDOUT && errno != EINTR)
			return errno == ENOSYS ? -EOPNOTSUPP : -errno;
		waited = true;
	}
	return -ECANCELED;
}

/* fd is the flags of the request, addr the word, off what it should be. */
int sync_futex_wait(const struct uring_sqe *request, struct halt *halt)
{
	struct futex_waitv words[2] = { { .val = 0 } };
	int ret;

	if ((request->fd & ~FUTEX2_LOCAL) != FUTEX2_U32)
		return -EINVAL;
	words[1].val = (uint32_t)request->off;
	words[1].uaddr = request->addr;
	words[1].flags = (uint32_t)request->fd;
	ret = words_wait(words, 2, halt);
	return ret == -ENOSYS ? word_wait(&words[1], halt) : ret;
}

int sync_futex_waitv(const struct uring_sqe *request, struct halt *halt)
{
	struct futex_waitv words[WORDS_MOST];
	int ret;

	if (request->len == 0 || request->len > WORDS_MOST)
		return -EINVAL;
	if (request->len == WORDS_MOST)
		return words_wait_most((const void *)(uintptr_t)request->addr,
				       halt);
	memcpy(words + 1, (const void *)(uintptr_t)request->addr,
	       request->len * sizeof(*words));
	ret = words_wait(words, request->len + 1, halt);
	return ret == -ENOSYS ? -EOPNOTSUPP : ret;
}

/* off is how many to wake. */
int sync_futex_wake(const struct uring_sqe *request)
{
	const int private = request->fd & FUTEX2_LOCAL ? FUTEX_PRIVATE_FLAG : 0;
	long woken;

	if ((request->fd & ~FUTEX2_LOCAL) != FUTEX2_U32 || request->addr % 4)
		return -EINVAL;
	/* As the request does; the system call would wake one. */
	if (request->off == 0)
		return 0;
	woken = syscall(SYS_futex, (void *)(uintptr_t)request->addr,
			FUTEX_WAKE | private, (int)request->off, NULL, NULL, 0);
	return woken < 0 ? -errno : (int)woken;
}
