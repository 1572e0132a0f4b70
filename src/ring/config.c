/*
 * Contradictions are found here, and told in words: the kernel's one EINVAL for
 * all of them would leave it to the caller to guess.
 */
#include <errno.h>
#include <stddef.h>

#include <a10/config.h>

#include "base/assert.h"
#include "ring/options.h"
#include "uapi/io_uring.h"

#define DEFAULT_SUBMISSION_ENTRIES  128
#define DEFAULT_RESERVED_OPERATIONS 1024

#define MAX_WORKERS INT32_MAX

struct rule {
	bool is_broken;
	const char *words;
};

static const char *first_broken(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].is_broken)
			return rules[i].words;
	return NULL;
}

#define FIRST_BROKEN(rules) \
	first_broken(rules, sizeof(rules) / sizeof((rules)[0]))

static bool is_unknown(uint8_t choice)
{
	return choice > A10_OFF;
}

/* Is any of these bytes not zero? */
static bool is_set(const void *bytes, size_t size)
{
	const unsigned char *const byte = bytes;

	for (size_t i = 0; i < size; i++)
		if (byte[i])
			return true;
	return false;
}

#define NO_CHOICE " is none of A10_AUTO, A10_ON, A10_OFF"

/* What a newer header may mean by them is not known here. */
static const char *value_conflict(const struct a10_config *c)
{
	const struct rule rules[] = {
		{ is_unknown(c->disabled), "disabled" NO_CHOICE },
		{ is_unknown(c->single_issuer), "single_issuer" NO_CHOICE },
		{ is_unknown(c->defer_task_run), "defer_task_run" NO_CHOICE },
		{ is_unknown(c->clamp), "clamp" NO_CHOICE },
		{ is_unknown(c->no_iowait), "no_iowait" NO_CHOICE },
		{ is_unknown(c->kernel_thread), "kernel_thread" NO_CHOICE },
		{ is_unknown(c->iopoll), "iopoll" NO_CHOICE },
		{ is_unknown(c->hybrid_iopoll), "hybrid_iopoll" NO_CHOICE },
		{ is_unknown(c->large_completions),
		  "large_completions" NO_CHOICE },
		{ is_unknown(c->large_requests), "large_requests" NO_CHOICE },
		{ is_unknown(c->registered_wait), "registered_wait" NO_CHOICE },
		{ is_unknown(c->grow_completions),
		  "grow_completions" NO_CHOICE },
		{ c->backend > A10_BACKEND_KERNEL,
		  "backend is none that this library has" },
		{ is_set(c->reserved_choices, sizeof(c->reserved_choices)),
		  "reserved_choices are not zero" },
		{ c->reserved_word || is_set(c->reserved, sizeof(c->reserved)),
		  "reserved words are not zero" },
	};

	return FIRST_BROKEN(rules);
}

uint32_t entries_granted(uint32_t asked, uint32_t most)
{
	uint32_t entries = 1;

	if (asked >= most)
		return most;
	while (entries < asked)
		entries *= 2;
	return entries;
}

static const char *size_conflict(const struct a10_config *c)
{
	const bool clamped = c->clamp != A10_OFF;
	const uint32_t submission = c->submission_entries ?
					    c->submission_entries :
					    DEFAULT_SUBMISSION_ENTRIES;
	const struct rule rules[] = {
		{ !clamped && submission > URING_MAX_SQ_ENTRIES,
		  "submission_entries are more than 32768, and clamp is off" },
		{ !clamped && c->completion_entries > URING_MAX_CQ_ENTRIES,
		  "completion_entries are more than 65536, and clamp is off" },
		{ c->completion_entries != 0 &&
			  entries_granted(c->completion_entries,
					  URING_MAX_CQ_ENTRIES) <
				  entries_granted(submission,
						  URING_MAX_SQ_ENTRIES),
		  "completion_entries are fewer than submission_entries "
		  "(128 if not set)" },
		{ c->direct_descriptors > URING_MAX_FILES,
		  "direct_descriptors are more than 1048576" },
		{ c->registered_buffers > URING_MAX_BUFFERS,
		  "registered_buffers are more than 16384" },
		{ c->workers_bounded > MAX_WORKERS,
		  "workers_bounded are more than 2147483647" },
		{ c->workers_unbounded > MAX_WORKERS,
		  "workers_unbounded are more than 2147483647" },
	};

	return FIRST_BROKEN(rules);
}

static const char *mode_conflict(const struct a10_config *c)
{
	const bool thread = c->kernel_thread == A10_ON;
	const bool deferred = c->defer_task_run == A10_ON;
	const struct rule rules[] = {
		{ deferred && c->single_issuer == A10_OFF,
		  "defer_task_run is on and single_issuer off: it needs one" },
		{ deferred && thread,
		  "defer_task_run and kernel_thread are both on" },
		{ !thread && c->kernel_thread_cpu_plus_one != 0,
		  "kernel_thread_cpu_plus_one is set, and kernel_thread is "
		  "not on" },
		{ c->kernel_thread_idle_ns < 0,
		  "kernel_thread_idle_ns is negative" },
		{ !thread && c->kernel_thread_idle_ns != 0,
		  "kernel_thread_idle_ns is set, and kernel_thread is not on" },
		{ c->batch_wait_ns < 0, "batch_wait_ns is negative" },
		{ (c->batch_wait_ns > 0) != (c->batch_completions > 0),
		  "of batch_wait_ns and batch_completions one is set" },
		{ c->hybrid_iopoll == A10_ON && c->iopoll != A10_ON,
		  "hybrid_iopoll is on, and iopoll is not" },
	};

	return FIRST_BROKEN(rules);
}

const char *options_conflict(const struct a10_config *config)
{
	const char *words = value_conflict(config);

	if (!words)
		words = size_conflict(config);
	if (!words)
		words = mode_conflict(config);
	return words;
}

int a10_config_check(const struct a10_config *config, const char **ret_reason)
{
	const char *words = options_conflict(config);

	if (!words && config->first_index != 0)
		words = "first_index is set: the kernel's queues begin at 0";
	if (!words)
		return 0;
	if (ret_reason)
		*ret_reason = words;
	return -EINVAL;
}

/* What auto means where the kernel is not asked. */
static void settle(uint8_t *choice, enum a10_choice meaning)
{
	if (*choice == A10_AUTO)
		*choice = (uint8_t)meaning;
}

void options_resolve(const struct a10_config *config,
		     struct a10_config *ret_resolved)
{
	struct a10_config resolved = *config;

	check(!options_conflict(config));
	settle(&resolved.disabled, A10_OFF);
	settle(&resolved.clamp, A10_ON);
	settle(&resolved.kernel_thread, A10_OFF);
	settle(&resolved.iopoll, A10_OFF);
	settle(&resolved.hybrid_iopoll, A10_OFF);
	settle(&resolved.large_requests, A10_OFF);
	settle(&resolved.registered_wait, A10_OFF);
	settle(&resolved.grow_completions, A10_OFF);
	settle(&resolved.large_completions, A10_OFF);
	/* Who insists on deferring insists on what it needs. */
	if (resolved.defer_task_run == A10_ON)
		settle(&resolved.single_issuer, A10_ON);
	if (resolved.kernel_thread == A10_ON ||
	    resolved.single_issuer == A10_OFF)
		settle(&resolved.defer_task_run, A10_OFF);
	if (resolved.backend == A10_BACKEND_AUTO)
		resolved.backend = A10_BACKEND_KERNEL;
	if (resolved.reserved_operations == 0)
		resolved.reserved_operations = DEFAULT_RESERVED_OPERATIONS;
	*ret_resolved = resolved;
}
