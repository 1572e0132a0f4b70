/*
 * The headers' inlines once more, with linkage, for languages that cannot read
 * headers; nothing is written twice.
 */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define A10_INLINE __attribute__((visibility("default")))

#include <a10.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *a10_version(void)
{
	return TEXT(A10_VERSION_MAJOR) "." TEXT(A10_VERSION_MINOR) "." TEXT(
		A10_VERSION_PATCH);
}
