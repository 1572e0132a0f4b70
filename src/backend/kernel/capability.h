/* What a ring's kernel can do, beside what setup said. */
#ifndef KERNEL_CAPABILITY_H
#define KERNEL_CAPABILITY_H

#include "backend/backend.h"

/* The first feature the library cannot do without that is missing, or NULL. */
const char *probe_missing(uint32_t features);

/*
 * Fills opcodes, abs_timer and incremental of a ring that is still disabled.
 * 0, or -errno and the reason by reason_set: enter or register may be blocked
 * where setup is not.
 */
int probe_ring(int fd, struct backend_grant *ret_grant);

#endif
