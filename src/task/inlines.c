/* What src/inlines.c is for the other headers. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <a10/ring.h>
#include <a10/scope.h>

#undef A10_INLINE
#undef A10_OP
#define A10_INLINE __attribute__((visibility("default")))
#define A10_OP     A10_MUST_USE A10_INLINE struct a10_op

#include <a10/task.h>
