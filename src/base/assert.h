/*
 * Asserts are for bugs, the caller's or our own, and are always on; what the
 * world may do is an -errno.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Tells the panic hook, or standard error, and aborts. */
_Noreturn void panic(const char *format, ...)
	__attribute__((format(printf, 1, 2), cold));

#define check(condition)                                               \
	(likely(condition) ? (void)0 :                                 \
			     panic("a10: %s:%d: %s: check failed: %s", \
				   __FILE__, __LINE__, __func__, #condition))

/* What a caller must not do, in words for whoever wrote that. */
#define check_use(condition, words) \
	(likely(condition) ? (void)0 : panic("a10: %s: %s", __func__, words))

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
