/*
 * The headers' inlines once more, with linkage, for languages that cannot read
 * headers; nothing is written twice.
 */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define A10_INLINE __attribute__((visibility("default")))

/* task.h is in task/inlines.c: whoever links this one need not have tasks. */
#define A10_TASK_H
#include <a10.h>

/* What programs hold by value is as large as their header said: the ABI. */
#if __SIZEOF_POINTER__ == 8
#define SIZE_IS(type, size) _Static_assert(sizeof(struct type) == (size), #type)
SIZE_IS(a10_op, 208);
SIZE_IS(a10_result, 120);
SIZE_IS(a10_fd, 8);
SIZE_IS(a10_buf, 32);
SIZE_IS(a10_scope, 72);
SIZE_IS(a10_address, 136);
SIZE_IS(a10_config, 136);
SIZE_IS(a10_ring_info, 136);
#endif

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *a10_version(void)
{
	return TEXT(A10_VERSION_MAJOR) "." TEXT(A10_VERSION_MINOR) "." TEXT(
		A10_VERSION_PATCH);
}
