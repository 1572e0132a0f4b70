/* What is registered with a ring before it is used, as the config says. */
#ifndef KERNEL_TABLES_H
#define KERNEL_TABLES_H

#include <stdint.h>

#include <a10/config.h>

/* 0, or -errno and the reason by reason_set. */
int tables_register(int fd, const struct a10_config *config);

/* bounded, unbounded; 0 leaves one as it is. >= 0 or -errno. */
int tables_limit_workers(int fd, const uint32_t limits[2]);

#endif
