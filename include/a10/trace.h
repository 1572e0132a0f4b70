/* trace.h - see what a ring does, and what the library has to say. */
#ifndef A10_TRACE_H
#define A10_TRACE_H

#include <a10/ring.h>

A10_BEGIN

enum a10_trace_kind {
	A10_TRACE_SUBMIT = 0, /* a verb took it (another thread's: arrived) */
	A10_TRACE_START = 1,  /* it went into the submission queue */
	A10_TRACE_RESULT = 2, /* about to be delivered */
	A10_TRACE_CANCEL = 3, /* was asked to end */
	A10_TRACE_ENTER = 4   /* io_uring_enter returned value */
};

struct a10_trace_event {
	uint32_t kind;   /* enum a10_trace_kind */
	uint32_t opcode; /* enum a10_opcode */
	a10_id id;
	int64_t at_ns; /* the ring's clock */
	int64_t value;
	struct a10_fd fd;
	uint64_t reserved[2];
};

typedef void a10_trace_fn(void *data, const struct a10_trace_event *event);

/*
 * One hook per ring, called on the owner's thread; it may not use the ring. fn
 * NULL: none. Owner's thread, or any before the ring is bound.
 */
A10_API void a10_ring_set_trace(struct a10_ring *ring, a10_trace_fn *fn,
				void *data);

/* "read", "accept" ...; "?" for a number that is no opcode. Any thread. */
A10_API const char *a10_opcode_name(uint32_t opcode);

enum a10_log_level {
	A10_LOG_ERROR = 0,
	A10_LOG_WARNING = 1,
	A10_LOG_DEBUG = 2
};

/*
 * Where the library would print; off by default. For the process, and set once,
 * at its start; log is called on any thread. NULL: off. Any thread.
 */
A10_API void a10_set_log(void (*log)(void *data, enum a10_log_level level,
				     const char *text),
			 void *data);

/*
 * Called with a sentence when the library finds a bug (its own or the caller's)
 * and before it aborts the process; a library built with debug (meson's option)
 * finds more: calls on a thread that is not the owner. For the process; called
 * on any thread. NULL: to standard error. Any thread.
 */
A10_API void a10_set_panic(void (*panic)(const char *text));

A10_END
#endif
