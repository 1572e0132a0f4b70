/* Which of the options that were insisted on the kernel refuses. */
#ifndef KERNEL_REFUSED_H
#define KERNEL_REFUSED_H

#include "backend/kernel/setup.h"

/*
 * After an EINVAL to what cannot be asked with fewer flags: finds the option,
 * by asking for each alone, and names it by reason_set. Returns -EOPNOTSUPP,
 * or -EINVAL if the kernel has the option but not for this value.
 */
int refused_reason(setup_call *call, const struct setup_request *request);

#endif
