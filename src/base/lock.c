#include "base/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void lock_wait(lock_word *lock)
{
	/* Acquire: pairs with the release in lock_give. */
	while (atomic_exchange_explicit(lock, LOCK_AWAIT,
					memory_order_acquire) != LOCK_FREE)
		syscall(SYS_futex, lock, FUTEX_WAIT_PRIVATE, LOCK_AWAIT, NULL,
			NULL, 0);
}

/* The word may be somebody else's by now: a wake too many is harmless. */
void lock_wake(lock_word *lock)
{
	syscall(SYS_futex, lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
