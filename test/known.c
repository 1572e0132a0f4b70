/*
 * MemorySanitizer knows what most functions of libc write, of some only on other
 * systems than this: those, told of here.
 */
#include "base/memory.h"

#if __has_feature(memory_sanitizer)

#include <dlfcn.h>
#include <sys/stat.h>

/* The next of that name: libc's. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int told(int err, const struct stat *status)
{
	if (err == 0)
		memory_written(status, sizeof(*status));
	return err;
}

int stat(const char *path, struct stat *ret_status)
{
	return told(REAL(stat)(path, ret_status), ret_status);
}

int lstat(const char *path, struct stat *ret_status)
{
	return told(REAL(lstat)(path, ret_status), ret_status);
}

int fstat(int fd, struct stat *ret_status)
{
	return told(REAL(fstat)(fd, ret_status), ret_status);
}

int fstatat(int fd, const char *path, struct stat *ret_status, int flags)
{
	return told(REAL(fstatat)(fd, path, ret_status, flags), ret_status);
}

#endif
