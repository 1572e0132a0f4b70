#include "work/halt.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

void halt_ask(struct halt *halt)
{
	atomic_store_explicit(&halt->asked, 1, memory_order_relaxed);
	/* The kernel's own order sees to it that none sleeps on. */
	(void)syscall(SYS_futex, &halt->asked, FUTEX_WAKE_PRIVATE, 1, NULL,
		      NULL, 0);
}

bool halt_sleep(struct halt *halt, int64_t ns)
{
	const struct timespec time = { ns / SECOND, ns % SECOND };

	/* Woken too early is no harm: whoever sleeps has to look again anyway. */
	if (!halt_is_asked(halt))
		(void)syscall(SYS_futex, &halt->asked, FUTEX_WAIT_PRIVATE, 0,
			      &time, NULL, 0);
	return halt_is_asked(halt);
}
