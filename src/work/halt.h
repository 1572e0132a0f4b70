/*
 * How what runs on a helper thread is told to end before it is done, and how
 * far it came. One of each such call; its thread and one that asks may use it at
 * the same time.
 */
#ifndef WORK_HALT_H
#define WORK_HALT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero is one nobody has asked of. */
struct halt {
	_Atomic uint32_t asked; /* 1: to end. A futex, so one can wait for it */
	uint64_t done;          /* the helper's: bytes moved */
};

/* Any thread. */
void halt_ask(struct halt *halt);

static inline bool halt_is_asked(const struct halt *halt)
{
	/* What is read after it is nothing that the one who asks has written. */
	return atomic_load_explicit(&halt->asked, memory_order_relaxed) != 0;
}

/* For ns at most. true: it is asked. */
bool halt_sleep(struct halt *halt, int64_t ns);

#endif
