/* Requests done by system call, a file for each kind. For sync.c. */
#ifndef KERNEL_SYNC_H
#define KERNEL_SYNC_H

#include "uapi/io_uring.h"

/* A command of a socket's. Its res; -EOPNOTSUPP: not one of these. */
int sync_socket_command(const struct uring_sqe *request);

/* -EAGAIN: not yet. */
int sync_waitid(const struct uring_sqe *request);
int sync_signal_read(const struct uring_sqe *request);
/* A descriptor for a process. */
int sync_pidfd(const struct uring_sqe *request);
/* Starts a child, as the struct spawn at addr says. */
int sync_spawn(const struct uring_sqe *request);

#endif
