/*
 * Futexes where the kernel has no requests for them. A helper that waits for a
 * word waits for its halt too, so that it can be told to end; since one call
 * does both, no wake-up is lost and none is taken from others.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/kernel/sync.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define WORDS_MOST   128 /* of a call; one is the halt's */
#define FUTEX2_U32   2
#define FUTEX2_LOCAL 128

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
	return errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

/* fd is the flags of the request, addr the word, off what it should be. */
int sync_futex_wait(const struct uring_sqe *request, struct halt *halt)
{
	struct futex_waitv words[2] = { { .val = 0 } };

	if ((request->fd & ~FUTEX2_LOCAL) != FUTEX2_U32)
		return -EINVAL;
	words[1].val = (uint32_t)request->off;
	words[1].uaddr = request->addr;
	words[1].flags = (uint32_t)request->fd;
	return words_wait(words, 2, halt);
}

int sync_futex_waitv(const struct uring_sqe *request, struct halt *halt)
{
	struct futex_waitv words[WORDS_MOST];

	if (request->len == 0 || request->len > WORDS_MOST)
		return -EINVAL;
	if (request->len == WORDS_MOST)
		return -EOPNOTSUPP;
	memcpy(words + 1, (const void *)(uintptr_t)request->addr,
	       request->len * sizeof(*words));
	return words_wait(words, request->len + 1, halt);
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
