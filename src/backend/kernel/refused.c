#include "backend/kernel/refused.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"

static const struct option {
	uint32_t flag;
	uint32_t needs; /* the flags it cannot be without */
	const char *name;
	const char *since;
} options[] = {
	{ URING_SETUP_HYBRID_IOPOLL, URING_SETUP_IOPOLL, "hybrid_iopoll",
	  "6.13" },
	{ URING_SETUP_DEFER_TASKRUN, URING_SETUP_SINGLE_ISSUER,
	  "defer_task_run", "6.1" },
	{ URING_SETUP_SINGLE_ISSUER, 0, "single_issuer", "6.0" },
	{ URING_SETUP_SQE128, 0, "large_requests", "5.19" },
	{ URING_SETUP_CQE32, 0, "large_completions", "5.19" },
	{ URING_SETUP_SQPOLL, 0, "kernel_thread", "5.11" },
	{ URING_SETUP_IOPOLL, 0, "iopoll", "5.1" },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* Asks for a small ring that is given back at once. */
static bool is_refused(setup_call *call, const struct setup_request *request,
		       uint32_t flags)
{
	struct uring_params params = {
		.flags = flags | URING_SETUP_R_DISABLED,
		.sq_thread_cpu = request->thread_cpu,
	};
	int fd;

	if (flags & URING_SETUP_ATTACH_WQ)
		params.wq_fd = (uint32_t)request->attach_fd;
	fd = call(1, &params);
	if (fd >= 0)
		close(fd);
	return fd == -EINVAL;
}

int refused_reason(setup_call *call, const struct setup_request *request)
{
	const uint32_t thread = request->flags & URING_SETUP_SQPOLL;

	if (is_refused(call, request, 0)) {
		reason_set("io_uring_setup: EINVAL: the io_uring of this "
			   "kernel is too old: Linux 5.11 or newer is needed");
		return -EOPNOTSUPP;
	}
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *const o = &options[i];

		if (!(request->insisted & o->flag) ||
		    !is_refused(call, request, o->flag | o->needs))
			continue;
		reason_set("%s: this kernel does not have it; Linux %s does: "
			   "leave it on auto or off, or use a newer kernel",
			   o->name, o->since);
		return -EOPNOTSUPP;
	}
	if (request->flags & URING_SETUP_SQ_AFF &&
	    is_refused(call, request, thread | URING_SETUP_SQ_AFF)) {
		reason_set("kernel_thread_cpu_plus_one: there is no CPU %u, or "
			   "this process may not use it",
			   request->thread_cpu);
		return -EINVAL;
	}
	if (request->flags & URING_SETUP_ATTACH_WQ &&
	    is_refused(call, request, thread | URING_SETUP_ATTACH_WQ)) {
		reason_set("attach: that ring cannot be shared: of two such "
			   "rings both have a kernel_thread, or neither");
		return -EINVAL;
	}
	reason_set("io_uring_setup: EINVAL: this kernel refuses these options "
		   "together (flags %#x, %u and %u entries)",
		   request->flags, request->sq_entries, request->cq_entries);
	return -EINVAL;
}
