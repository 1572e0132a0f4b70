/* Requests done by system call, a file for each kind. For sync.c. */
#ifndef KERNEL_SYNC_H
#define KERNEL_SYNC_H

#include "uapi/io_uring.h"
#include "work/halt.h"

/* A command of a socket's. Its res; -EOPNOTSUPP: not one of these. */
int sync_socket_command(const struct uring_sqe *request);

/* -EAGAIN: not yet; with a halt it is waited for. */
int sync_waitid(const struct uring_sqe *request, struct halt *halt);
/* -EAGAIN: not yet. */
int sync_signal_read(const struct uring_sqe *request);
/* A descriptor for a process. */
int sync_pidfd(const struct uring_sqe *request);
/* Starts a child, as the struct spawn at addr says. */
int sync_spawn(const struct uring_sqe *request);

/* With a halt only. */
int sync_futex_wait(const struct uring_sqe *request, struct halt *halt);
int sync_futex_waitv(const struct uring_sqe *request, struct halt *halt);
int sync_futex_wake(const struct uring_sqe *request);

/* What an offset of request's says, in place of a pointer: the file's own. */
#define SYNC_NO_OFFSET UINT64_MAX

int sync_readlinkat(const struct uring_sqe *request);
int sync_getdents64(const struct uring_sqe *request);
/* With a halt only: halt.done is how much was moved, whatever is returned. */
int sync_sendfile(const struct uring_sqe *request, struct halt *halt);
int sync_copy_file_range(const struct uring_sqe *request, struct halt *halt);

#endif
