/* base.h - attributes and linkage, for the other headers. */
#ifndef A10_BASE_H
#define A10_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* Of what Linux has, a compiler's -std=c11 alone hides the most. */
#if !defined(_GNU_SOURCE) && !defined(_DEFAULT_SOURCE) && !defined(_BSD_SOURCE)
#error "a10.h needs -D_GNU_SOURCE, or -std=gnu11 in the place of -std=c11"
#endif

#ifdef __cplusplus
#define A10_BEGIN extern "C" {
#define A10_END   }
#else
#define A10_BEGIN
#define A10_END
#endif

#define A10_API      __attribute__((visibility("default")))
#define A10_MUST_USE __attribute__((warn_unused_result))

/*
 * The library's own inlines.c defines A10_INLINE as exported and so emits each
 * inline once as a symbol, for other languages; nothing is written twice.
 */
#ifndef A10_INLINE
#define A10_INLINE static inline __attribute__((always_inline))
#endif

/* What describes an operation: does nothing until a verb takes it. */
#define A10_OP A10_MUST_USE A10_INLINE struct a10_op

/* The version these headers are of; a10_version() is that of the library. */
#define A10_VERSION_MAJOR 0
#define A10_VERSION_MINOR 1
#define A10_VERSION_PATCH 0

struct a10_ring;   /* the owner's side of a ring: its thread only */
struct a10_sq;     /* the submitters' side of it: any thread, refcounted */
struct a10_pool;   /* buffers the kernel picks from */
struct a10_region; /* memory the kernel knows */
struct a10_scope;  /* operations that end together */

/*
 * Names an operation. > 0: one that was started; < 0: -errno, it was not; 0:
 * none. A stale id is harmless everywhere. Its low 32 bits are positive as an
 * int, so that "int err = a10_submit(...); if (err < 0)" is right too.
 */
typedef int64_t a10_id;

A10_BEGIN

/* "0.1.0": of the library that runs, not of the header. Any thread. */
A10_API const char *a10_version(void);

A10_END
#endif
