/* What a kernel has, found by asking for each thing by itself. */
#ifndef KERNEL_SURVEY_H
#define KERNEL_SURVEY_H

#include <stdint.h>

#include <a10/probe.h>

#include "backend/kernel/setup.h"

/* Masks. The system call that tells must be one that can be made. */
uint32_t survey_setup_flags(void);
uint32_t survey_enter_flags(void);
void survey_register_calls(uint64_t ret_calls[2]);

/* a10_probe_run by another io_uring_setup, for tests. */
void probe_run_by(setup_call *call, struct a10_probe *ret_probe);

#endif
