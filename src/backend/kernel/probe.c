/*
 * a10_probe_run: what the three system calls say when they are tried, what a
 * ring is granted, what else the kernel has, and what /proc says of those who
 * may be in the way. Who is to blame for a refusal follows from all of it, and
 * the facts it follows from are told too.
 */
#include <a10/probe.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/kernel/blocked.h"
#include "backend/kernel/capability.h"
#include "backend/kernel/kernel.h"
#include "backend/kernel/reach.h"
#include "backend/kernel/survey.h"
#include "backend/kernel/syscall.h"
#include "base/log.h"

#define MODULES_PATH "/sys/kernel/security/lsm"
#define PROFILE_PATH "/proc/self/attr/current"

/* A program's is as large as its header said; it is part of the ABI. */
_Static_assert(sizeof(struct a10_probe) == 2232, "a10_probe");

/* What one run knows, beside what it tells. */
struct run {
	setup_call *setup; /* io_uring_setup(2) */
	struct a10_probe *probe;
	struct blocked_facts facts;
	struct reach reach;
	const char *refused; /* the call that says no, or NULL */
	size_t evidence;     /* bytes of it so far */
};

static const struct a10_config config_default;

/* ---- the machine --------------------------------------------------------- */

/* One line, without its end; "" if there is nothing to read. */
static void line_read(const char *path, char *ret_text, size_t size)
{
	if (!blocked_file_read(path, ret_text, size))
		ret_text[0] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
}

static void machine_read(struct run *run)
{
	struct a10_probe *const probe = run->probe;
	struct utsname name;

	if (uname(&name) == 0)
		snprintf(probe->kernel, sizeof(probe->kernel),
			 "%.30s %.40s "
			 "%.20s",
			 name.sysname, name.release, name.machine);
	line_read(MODULES_PATH, probe->modules, sizeof(probe->modules));
	line_read(PROFILE_PATH, probe->profile, sizeof(probe->profile));
	blocked_facts_read(&run->facts);
	probe->sysctl_disabled = run->facts.disabled;
	probe->sysctl_group = run->facts.group;
	probe->seccomp = run->facts.seccomp;
	probe->seccomp_filters = run->facts.filters;
	probe->memlock_bytes = run->facts.memlock;
}

static void limits_read(struct a10_probe *probe)
{
	struct rlimit limit;

	probe->submission_entries_max = URING_MAX_SQ_ENTRIES;
	probe->completion_entries_max = URING_MAX_CQ_ENTRIES;
	probe->direct_descriptors_max = URING_MAX_FILES;
	probe->registered_buffers_max = URING_MAX_BUFFERS;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < URING_MAX_FILES)
		probe->direct_descriptors_max = (uint32_t)limit.rlim_cur;
}

/* ---- the kernel ---------------------------------------------------------- */

/* Of a ring: how many threads its workers may be. */
static void workers_read(struct a10_probe *probe, int fd)
{
	uint32_t both[2] = { 0, 0 }; /* the old ones are written here */

	if (syscall_register(fd, URING_REGISTER_IOWQ_MAX_WORKERS, both, 2) < 0)
		return;
	probe->workers_bounded = both[URING_WQ_BOUND];
	probe->workers_unbounded = both[URING_WQ_UNBOUND];
}

/* Disabled, so that the probes of it can tell; older kernels have no such. */
static int small_ring_open(setup_call *setup, struct uring_params *ret_params)
{
	int fd;

	*ret_params = (struct uring_params){ .flags = URING_SETUP_R_DISABLED };
	fd = setup(1, ret_params);
	if (fd != -EINVAL)
		return fd;
	*ret_params = (struct uring_params){ .flags = 0 };
	return setup(1, ret_params);
}

/* The smallest ring there is can tell, also where we would want more. */
static void ring_survey(const struct run *run)
{
	struct a10_probe *const probe = run->probe;
	struct backend_grant grant = { 0 };
	struct uring_params params;
	const int fd = small_ring_open(run->setup, &params);

	if (fd < 0)
		return;
	probe->features = params.features;
	if (probe_ring(fd, &grant) == 0)
		probe->incremental_pools = grant.incremental;
	memcpy(probe->opcodes, grant.opcodes, sizeof(probe->opcodes));
	workers_read(probe, fd);
	close(fd);
}

static void kernel_survey(struct run *run)
{
	const uint64_t ring_fds = UINT64_C(1) << URING_REGISTER_RING_FDS;
	struct a10_probe *const probe = run->probe;
	const struct reach *const reach = &run->reach;

	if (reach->setup == 0)
		probe->setup_flags = survey_setup_flags();
	if (reach->registered == 0)
		survey_register_calls(probe->register_calls);
	if (reach->enter == 0)
		probe->enter_flags = survey_enter_flags();
	/* Its descriptor is an index, and any that is wrong is EINVAL. */
	if (reach->enter == 0 && probe->register_calls[0] & ring_fds)
		probe->enter_flags |= URING_ENTER_REGISTERED_RING;
}

/* Makes a ring as a10_ring_create would, which leaves the reason if not. */
static int ring_try(const struct run *run)
{
	struct a10_probe *const probe = run->probe;
	struct backend_grant grant = { 0 };
	struct backend *backend;
	const int err = kernel_open_by(run->setup, &config_default, -1,
				       &backend, &grant);

	if (err < 0)
		return err;
	/* Disabled until an owner comes: the library's way, not a wish. */
	probe->granted = grant.setup_flags & ~URING_SETUP_R_DISABLED;
	probe->dropped = grant.setup_dropped;
	probe->submission_entries = grant.view.sq_entries;
	probe->completion_entries = grant.view.cq_entries;
	backend->calls->close(backend, false);
	return 0;
}

/* ---- the verdict --------------------------------------------------------- */

/* A fact more: a line of its own. What has no room is left out. */
__attribute__((format(printf, 2, 3))) static void tell(struct run *run,
						       const char *format, ...)
{
	char *const text = run->probe->evidence;
	const size_t size = sizeof(run->probe->evidence);
	va_list args;
	int length;

	if (run->evidence + 2 >= size)
		return;
	if (run->evidence > 0)
		text[run->evidence++] = '\n';
	va_start(args, format);
	length = vsnprintf(text + run->evidence, size - run->evidence, format,
			   args);
	va_end(args);
	if (length > 0)
		run->evidence += (size_t)length;
	if (run->evidence >= size)
		run->evidence = size - 1;
}

static void tell_call(struct run *run, const char *call, const char *how,
		      int err)
{
	char number[32];

	if (err == 0)
		tell(run, "%s %s answers as the kernel does", call, how);
	else if (err == A10_PROBE_KILLS)
		tell(run, "%s %s is the end of who calls it (SIGSYS)", call,
		     how);
	else
		tell(run, "%s %s says %s", call, how,
		     blocked_error_name(err, number, sizeof(number)));
}

static void tell_calls(struct run *run)
{
	const struct reach *const reach = &run->reach;

	tell_call(run, "io_uring_setup", "for one entry", reach->setup);
	if (reach->setup != 0)
		tell_call(run, "io_uring_setup", "with a bad address",
			  reach->early);
	tell_call(run, "io_uring_enter", "of a bad descriptor", reach->enter);
	tell_call(run, "io_uring_register", "of a bad descriptor",
		  reach->registered);
}

static void tell_machine(struct run *run)
{
	const struct a10_probe *const probe = run->probe;
	const struct blocked_facts *const facts = &run->facts;

	if (facts->disabled >= 0)
		tell(run,
		     "kernel.io_uring_disabled is %d, "
		     "kernel.io_uring_group %d",
		     facts->disabled, facts->group);
	else
		tell(run, "there is no sysctl kernel.io_uring_disabled, or no "
			  "/proc to read it in");
	if (facts->seccomp == 2)
		tell(run, "this process is under a seccomp filter (Seccomp: 2 "
			  "in /proc/self/status)");
	else if (facts->seccomp == 0)
		tell(run, "this process is under no seccomp filter");
	if (probe->modules[0])
		tell(run, "security modules: %s", probe->modules);
	if (probe->profile[0])
		tell(run, "their name for this process: %s", probe->profile);
	if (probe->error == -ENOMEM && facts->memlock != UINT64_MAX)
		tell(run, "the limit of locked memory is %llu KiB%s",
		     (unsigned long long)facts->memlock / 1024,
		     facts->may_lock == 0 ? ", without CAP_IPC_LOCK" : "");
}

/*
 * The sysctl and a filter refuse a setup before the kernel looks at what it is
 * asked: if it has looked, it is neither of them.
 */
static enum a10_probe_cause cause_of(const struct run *run, int err)
{
	struct blocked_facts facts = run->facts;

	if (run->refused && strcmp(run->refused, "io_uring_setup") != 0)
		facts.disabled = 0; /* it refuses new rings only */
	if (run->refused && run->reach.setup == err &&
	    reach_is_seen(&run->reach)) {
		facts.disabled = 0;
		facts.seccomp = 0;
	}
	return blocked_cause(err, &facts);
}

/* Of the calls that are refused the first; 0 if none is. */
static int call_refused(struct run *run)
{
	const struct reach *const reach = &run->reach;
	const struct {
		const char *call;
		int err;
	} calls[] = {
		{ "io_uring_setup", reach->setup },
		{ "io_uring_enter", reach->enter },
		{ "io_uring_register", reach->registered },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i].err == 0)
			continue;
		run->refused = calls[i].call;
		return calls[i].err;
	}
	return 0;
}

/* What the library says of a ring ends with the remedy. */
static void verdict_of_ring(struct run *run, int err)
{
	struct a10_probe *const probe = run->probe;
	const enum a10_probe_cause cause =
		err == -EOPNOTSUPP ? A10_PROBE_TOO_OLD : cause_of(run, err);
	const char *const words = reason_text();
	const char *end;

	probe->error = err;
	probe->cause = cause;
	blocked_remedy(cause, &run->facts, probe->remedy,
		       sizeof(probe->remedy));
	end = strstr(words, probe->remedy);
	if (end && end - words > 2)
		end -= 2; /* the colon before it */
	snprintf(probe->reason, sizeof(probe->reason), "%.*s",
		 end ? (int)(end - words) : (int)sizeof(probe->reason), words);
}

static void verdict_of_call(struct run *run, int err)
{
	struct a10_probe *const probe = run->probe;
	const enum a10_probe_cause cause = cause_of(run, err);
	char number[32], why[200];

	/* There is no errno for it: who is killed is told nothing. */
	probe->error = err == A10_PROBE_KILLS ? -EPERM : err;
	probe->cause = cause;
	blocked_who(cause, &run->facts, why, sizeof(why));
	snprintf(probe->reason, sizeof(probe->reason), "%s: %s: %s",
		 run->refused, blocked_error_name(err, number, sizeof(number)),
		 why);
	blocked_remedy(cause, &run->facts, probe->remedy,
		       sizeof(probe->remedy));
}

/* The first error, and what it means; 0: there is none. */
static int verdict(struct run *run)
{
	struct a10_probe *const probe = run->probe;
	int err = call_refused(run);

	if (err < 0) {
		verdict_of_call(run, err);
		return err;
	}
	ring_survey(run);
	probe->memory_counts = reach_memory_counts();
	err = ring_try(run);
	if (err < 0)
		verdict_of_ring(run, err);
	return err;
}

void probe_run_by(setup_call *call, struct a10_probe *ret_probe)
{
	struct run run = { .setup = call, .probe = ret_probe };
	char reason_before[512];

	*ret_probe = (struct a10_probe){ .cause = A10_PROBE_USABLE };
	snprintf(reason_before, sizeof(reason_before), "%s", reason_text());
	machine_read(&run);
	limits_read(ret_probe);
	reach_read(run.facts.seccomp == 2, &run.reach);
	ret_probe->setup_error = run.reach.setup;
	ret_probe->enter_error = run.reach.enter;
	ret_probe->register_error = run.reach.registered;
	if (verdict(&run) < 0) {
		tell_calls(&run);
		tell_machine(&run);
	}
	kernel_survey(&run);
	reason_set("%s", reason_before);
}

void a10_probe_run(struct a10_probe *ret_probe)
{
	probe_run_by(syscall_setup, ret_probe);
}
