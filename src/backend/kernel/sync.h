/* Requests done by system call, a file for each kind. For sync.c. */
#ifndef KERNEL_SYNC_H
#define KERNEL_SYNC_H

#include "uapi/io_uring.h"

/* A command of a socket's. Its res; -EOPNOTSUPP: not one of these. */
int sync_socket_command(const struct uring_sqe *request);

#endif
