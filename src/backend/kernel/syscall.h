/* The three system calls of io_uring: >= 0 or -errno. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi/io_uring.h"

/* One number on every architecture; headers older than 5.1 lack the names. */
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426
#endif
#ifndef SYS_io_uring_register
#define SYS_io_uring_register 427
#endif

static inline int syscall_setup(uint32_t entries, struct uring_params *params)
{
	const long ret = syscall(SYS_io_uring_setup, entries, params);

	return ret < 0 ? -errno : (int)ret;
}

static inline int syscall_enter(int fd, uint32_t submit, uint32_t wait,
				uint32_t flags, const void *arg, size_t size)
{
	const long ret =
		syscall(SYS_io_uring_enter, fd, submit, wait, flags, arg, size);

	return ret < 0 ? -errno : (int)ret;
}

static inline int syscall_register(int fd, unsigned int opcode, void *arg,
				   unsigned int count)
{
	const long ret = syscall(SYS_io_uring_register, fd, opcode, arg, count);

	return ret < 0 ? -errno : (int)ret;
}

#endif
