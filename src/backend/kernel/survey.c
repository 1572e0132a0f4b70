/*
 * One thing is asked for at a time, in a way that cannot succeed: what is not
 * known is EINVAL, and what is known fails later, for another reason. So
 * nothing is made, and nothing counts against a limit.
 */
#include "backend/kernel/survey.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "backend/kernel/syscall.h"

/* A descriptor that nobody has; -1 means something to newer kernels. */
#define NO_DESCRIPTOR INT_MAX

#define CALLS 128 /* as many as the mask has bits */

/* The flags that one cannot be without. */
static uint32_t flag_needs(uint32_t flag)
{
	switch (flag) {
	case URING_SETUP_SQ_AFF:
		return URING_SETUP_SQPOLL;
	case URING_SETUP_TASKRUN_FLAG:
		return URING_SETUP_COOP_TASKRUN;
	case URING_SETUP_DEFER_TASKRUN:
		return URING_SETUP_SINGLE_ISSUER;
	case URING_SETUP_REGISTERED_FD_ONLY:
		return URING_SETUP_NO_MMAP;
	case URING_SETUP_HYBRID_IOPOLL:
		return URING_SETUP_IOPOLL;
	case URING_SETUP_SQ_REWIND:
		return URING_SETUP_NO_SQARRAY;
	default:
		return 0;
	}
}

/* To share the workers of no ring is ENXIO, if the flags are known. */
static int ask_setup(uint32_t flag)
{
	struct uring_params params = {
		.flags = flag | flag_needs(flag) | URING_SETUP_ATTACH_WQ,
		.cq_entries = 2,
		.wq_fd = NO_DESCRIPTOR,
	};

	return syscall_setup(1, &params);
}

uint32_t survey_setup_flags(void)
{
	uint32_t known = 0;

	for (unsigned int bit = 0; bit < 32; bit++) {
		const int ret = ask_setup(1u << bit);

		/* Where nobody knows how to share, a ring comes of it. */
		if (ret >= 0)
			close(ret);
		if (ret != -EINVAL)
			known |= 1u << bit;
	}
	return known;
}

void survey_register_calls(uint64_t ret_calls[2])
{
	uint64_t argument[16] = { 0 }; /* nobody looks at it but valgrind */

	memset(ret_calls, 0, 2 * sizeof(ret_calls[0]));
	for (unsigned int call = 0; call < CALLS; call++) {
		const int ret =
			syscall_register(NO_DESCRIPTOR, call, argument, 0);

		if (ret != -EINVAL)
			ret_calls[call / 64] |= UINT64_C(1) << call % 64;
	}
}

uint32_t survey_enter_flags(void)
{
	uint32_t known = 0;

	for (unsigned int bit = 0; bit < 32; bit++) {
		const int ret =
			syscall_enter(NO_DESCRIPTOR, 0, 0, 1u << bit, NULL, 0);

		if (ret != -EINVAL)
			known |= 1u << bit;
	}
	return known;
}
