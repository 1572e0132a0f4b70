/*
 * A kernel says EINVAL to a flag it does not know, and does not say to which.
 * So flags are taken away one at a time, the newest first, until it agrees.
 * What the caller insisted on is never taken away; if that is what is refused,
 * it is looked for and named.
 *
 * ENOMEM is different: since 6.14 a ring counts against the memlock limit, and
 * what a closed ring held comes back some 15 ms after its close, of a deferred
 * one up to 45 ms. So we wait a little, then ask for less if the sizes were our
 * own choice.
 */
#include "backend/kernel/setup.h"

#include <errno.h>
#include <time.h>

#include <a10/trace.h>

#include "backend/kernel/blocked.h"
#include "backend/kernel/refused.h"
#include "base/assert.h"
#include "base/log.h"

#define DEFAULT_SQ_ENTRIES 128
#define DEFAULT_CQ_RATIO   4

/* Below, a queue does not get smaller: it is a page already. */
#define LEAST_SQ_ENTRIES 32
#define LEAST_CQ_ENTRIES 128

#define COOP_FLAGS (URING_SETUP_COOP_TASKRUN | URING_SETUP_TASKRUN_FLAG)

/* Milliseconds to sleep after each ENOMEM: 127 in all. */
static const uint8_t pauses[] = { 1, 2, 4, 8, 16, 32, 64 };

/* In the order they are given up, and the kernel each came with. */
static const struct rung {
	uint32_t flags;
	const char *name;
} rungs[] = {
	{ URING_SETUP_NO_SQARRAY, "NO_SQARRAY (6.6)" },
	{ URING_SETUP_DEFER_TASKRUN, "DEFER_TASKRUN (6.1)" },
	{ URING_SETUP_SINGLE_ISSUER, "SINGLE_ISSUER (6.0)" },
	{ COOP_FLAGS, "COOP_TASKRUN (5.19)" },
	{ URING_SETUP_SUBMIT_ALL, "SUBMIT_ALL (5.18)" },
};

#define RUNGS (sizeof(rungs) / sizeof(rungs[0]))

/* Where negotiations stand. */
struct attempt {
	struct setup_request ask; /* gets smaller */
	uint32_t dropped;
	size_t pauses; /* taken so far */
	int first_error;
};

/* [1 s] for 0; what is below 1 ms must not become 0, which means that too. */
static uint32_t idle_ms(int64_t ns)
{
	const int64_t ms = ns / 1000000;

	if (ns <= 0)
		return 0;
	if (ms == 0)
		return 1;
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void want(struct setup_request *request, uint8_t choice, uint32_t flags)
{
	request->flags |= flags;
	if (choice == A10_ON)
		request->insisted |= flags;
}

/* How completions are run; auto ones only where they can be. */
static void want_task_run(struct setup_request *request,
			  const struct a10_config *config)
{
	const bool thread = config->kernel_thread == A10_ON;
	const bool single = config->single_issuer != A10_OFF;

	if (single)
		want(request, config->single_issuer, URING_SETUP_SINGLE_ISSUER);
	/* Deferring needs a single issuer: who insists on one, on both. */
	if (config->defer_task_run == A10_ON)
		want(request, A10_ON,
		     URING_SETUP_DEFER_TASKRUN | URING_SETUP_TASKRUN_FLAG |
			     URING_SETUP_SINGLE_ISSUER);
	else if (config->defer_task_run == A10_AUTO && single && !thread)
		want(request, A10_AUTO,
		     URING_SETUP_DEFER_TASKRUN | URING_SETUP_TASKRUN_FLAG);
	else if (!thread)
		want(request, A10_AUTO, COOP_FLAGS);
}

static void want_kernel_thread(struct setup_request *request,
			       const struct a10_config *config)
{
	if (config->kernel_thread != A10_ON)
		return;
	want(request, A10_ON, URING_SETUP_SQPOLL);
	request->thread_idle_ms = idle_ms(config->kernel_thread_idle_ns);
	if (config->kernel_thread_cpu_plus_one == 0)
		return;
	want(request, A10_ON, URING_SETUP_SQ_AFF);
	request->thread_cpu = config->kernel_thread_cpu_plus_one - 1;
}

static void want_sizes(struct setup_request *request,
		       const struct a10_config *config)
{
	uint32_t sq_entries = config->submission_entries;
	uint32_t cq_entries = config->completion_entries;
	const uint32_t most = URING_MAX_CQ_ENTRIES; /* clamped or not */

	request->sq_default = sq_entries == 0;
	request->cq_default = cq_entries == 0;
	if (request->sq_default)
		sq_entries = DEFAULT_SQ_ENTRIES;
	if (request->cq_default)
		cq_entries = sq_entries < most / DEFAULT_CQ_RATIO ?
				     sq_entries * DEFAULT_CQ_RATIO :
				     most;
	request->sq_entries = sq_entries;
	request->cq_entries = cq_entries;
}

void setup_describe(const struct a10_config *config, int attach_fd,
		    struct setup_request *ret_request)
{
	struct setup_request request = { .attach_fd = attach_fd };

	/* A disabled ring is bound to who enables it, not to who made it. */
	want(&request, A10_ON, URING_SETUP_R_DISABLED | URING_SETUP_CQSIZE);
	want(&request, A10_AUTO,
	     URING_SETUP_SUBMIT_ALL | URING_SETUP_NO_SQARRAY);
	if (config->clamp != A10_OFF)
		want(&request, A10_ON, URING_SETUP_CLAMP);
	want_sizes(&request, config);
	want_task_run(&request, config);
	want_kernel_thread(&request, config);
	if (config->iopoll == A10_ON)
		want(&request, A10_ON, URING_SETUP_IOPOLL);
	if (config->hybrid_iopoll == A10_ON)
		want(&request, A10_ON, URING_SETUP_HYBRID_IOPOLL);
	if (config->large_requests == A10_ON)
		want(&request, A10_ON, URING_SETUP_SQE128);
	if (config->large_completions == A10_ON)
		want(&request, A10_ON, URING_SETUP_CQE32);
	if (attach_fd >= 0)
		want(&request, A10_ON, URING_SETUP_ATTACH_WQ);
	*ret_request = request;
}

static int ask(setup_call *call, const struct setup_request *request,
	       struct uring_params *ret_params)
{
	struct uring_params params = {
		.flags = request->flags,
		.cq_entries = request->cq_entries,
		.sq_thread_cpu = request->thread_cpu,
		.sq_thread_idle = request->thread_idle_ms,
	};
	int fd;

	if (request->flags & URING_SETUP_ATTACH_WQ)
		params.wq_fd = (uint32_t)request->attach_fd;
	fd = call(request->sq_entries, &params);
	if (fd >= 0)
		*ret_params = params;
	return fd;
}

/* Gives up the newest flag that may be; false if there is none. */
static bool drop(struct attempt *attempt)
{
	struct setup_request *const asked = &attempt->ask;

	for (size_t i = 0; i < RUNGS; i++) {
		const uint32_t flags =
			rungs[i].flags & asked->flags & ~asked->insisted;

		if (!flags)
			continue;
		asked->flags &= ~flags;
		attempt->dropped |= flags;
		/* TASKRUN_FLAG stays: it goes with either. */
		if (flags == URING_SETUP_DEFER_TASKRUN)
			asked->flags |= URING_SETUP_COOP_TASKRUN;
		log_line(A10_LOG_DEBUG, "io_uring_setup: EINVAL: without %s",
			 rungs[i].name);
		return true;
	}
	return false;
}

/* Sleeps a little; false if that was done often enough. */
static bool pause_for_memory(struct attempt *attempt)
{
	struct timespec time = { 0 };

	if (attempt->pauses == sizeof(pauses))
		return false;
	time.tv_nsec = pauses[attempt->pauses++] * 1000000L;
	nanosleep(&time, NULL); /* a signal ends it early, no harm */
	return true;
}

/* Halves what is ours to choose; false if it is small already. */
static bool shrink(struct attempt *attempt)
{
	struct setup_request *const asked = &attempt->ask;
	bool smaller = false;

	if (asked->sq_default && asked->sq_entries > LEAST_SQ_ENTRIES) {
		asked->sq_entries /= 2;
		smaller = true;
	}
	/* Never below the submission queue: the kernel refuses that. */
	if (asked->cq_default && asked->cq_entries > LEAST_CQ_ENTRIES &&
	    asked->cq_entries / 2 >= asked->sq_entries) {
		asked->cq_entries /= 2;
		smaller = true;
	}
	if (smaller)
		log_line(A10_LOG_DEBUG,
			 "io_uring_setup: ENOMEM: with %u and %u entries",
			 asked->sq_entries, asked->cq_entries);
	return smaller;
}

int setup_negotiate(setup_call *call, const struct setup_request *request,
		    struct setup_result *ret_result)
{
	struct attempt attempt = { .ask = *request };
	struct setup_result result = { 0 };
	int fd;

	check((request->insisted & ~request->flags) == 0);
	/* Bounded: each turn drops, pauses or shrinks, none of it for ever. */
	while ((fd = ask(call, &attempt.ask, &result.params)) < 0) {
		if (attempt.first_error == 0)
			attempt.first_error = fd;
		if (fd == -EINVAL && drop(&attempt))
			continue;
		if (fd == -ENOMEM &&
		    (pause_for_memory(&attempt) || shrink(&attempt)))
			continue;
		return fd == -EINVAL ? refused_reason(call, &attempt.ask) :
				       blocked_reason("io_uring_setup", fd);
	}
	result.dropped = attempt.dropped;
	result.first_error = attempt.first_error;
	*ret_result = result;
	return fd;
}
