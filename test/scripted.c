/*
 * The backend's calls: memory of the queues, taking requests out of one,
 * waiting for the other to fill, and what is registered.
 */
#include "scripted_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

#define OPCODES    63u
#define FEATURES   UINT32_C(0x3ffff)
#define STARTED_AT (1000 * A10_SECOND)

void (*scripted_grant_change)(struct backend_grant *grant);

static struct scripted *scripted_of(struct backend *backend)
{
	return container_of(backend, struct scripted, backend);
}

/* ---- taking requests ----------------------------------------------------- */

/* The kernel says -EINVAL to these words if an opcode has no use for them. */
static bool words_are_zero(const struct uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case URING_OP_ASYNC_CANCEL:
		return !sqe->off && !sqe->file_index;
	case URING_OP_POLL_ADD:
		return !sqe->off && !sqe->addr && !sqe->buf_index &&
		       sqe->len <= 1;
	case URING_OP_FSYNC:
		return !sqe->addr && !sqe->buf_index && !sqe->file_index;
	case URING_OP_CLOSE:
		return !sqe->off && !sqe->addr && !sqe->len && !sqe->op_flags &&
		       !sqe->buf_index && !(sqe->file_index && sqe->fd);
	case URING_OP_ACCEPT:
		return !sqe->len && !sqe->buf_index;
	case URING_OP_CONNECT:
	case URING_OP_BIND:
		return !sqe->len && !sqe->op_flags && !sqe->buf_index &&
		       !sqe->file_index;
	case URING_OP_SHUTDOWN:
	case URING_OP_LISTEN:
		return !sqe->off && !sqe->addr && !sqe->op_flags &&
		       !sqe->buf_index && !sqe->file_index;
	case URING_OP_SOCKET:
		return !sqe->addr && !sqe->op_flags && !sqe->buf_index;
	case URING_OP_STATX:
		return !sqe->buf_index && !sqe->file_index;
	case URING_OP_OPENAT:
		return !sqe->buf_index;
	case URING_OP_TIMEOUT:
		return sqe->len == 1 && !sqe->buf_index && !sqe->file_index;
	default:
		return true;
	}
}

/* What no request of this library may be, whatever the test is about. */
static void request_check(struct scripted *kernel, const struct uring_sqe *sqe)
{
	const bool fixed = sqe->flags & URING_SQE_FIXED_FILE;

	must(sqe->user_data != 0, "a request without user_data");
	must(!(sqe->flags & URING_SQE_CQE_SKIP_SUCCESS),
	     "CQE_SKIP_SUCCESS disables IO_DRAIN for good");
	must(sqe->opcode != URING_OP_CLOSE || !fixed,
	     "CLOSE with FIXED_FILE is -EBADF");
	must(words_are_zero(sqe), "opcode %u: -EINVAL on the kernel",
	     sqe->opcode);
	/* Only while looking is cheap. */
	must(kernel->live_count > 256 || !scripted_find(kernel, sqe->user_data),
	     "two requests under way with user_data %#llx",
	     (unsigned long long)sqe->user_data);
}

static struct scripted_request *request_make(struct scripted *kernel,
					     const struct uring_sqe *sqe)
{
	struct scripted_request *request = calloc(1, sizeof(*request));

	must(request, "no memory");
	request->sqe = *sqe;
	request->at = atomic_load(&kernel->clock);
	request->internal = sqe->opcode == URING_OP_POLL_ADD && kernel->ring &&
			    sqe->fd == kernel->ring->sq.bell_fd;
	if (kernel->all_last)
		kernel->all_last->all_next = request;
	else
		kernel->all_first = request;
	kernel->all_last = request;
	request->live_prev = kernel->live_last;
	if (kernel->live_last)
		kernel->live_last->live_next = request;
	else
		kernel->live_first = request;
	kernel->live_last = request;
	kernel->live_count++;
	return request;
}

static void request_take(struct scripted *kernel, const struct uring_sqe *sqe)
{
	struct scripted_request *before = kernel->chain_last;
	struct scripted_request *request;

	request_check(kernel, sqe);
	request = request_make(kernel, sqe);
	kernel->taken++;
	kernel->cancels += sqe->opcode == URING_OP_ASYNC_CANCEL;
	kernel->chain_last = sqe->flags & SCRIPTED_LINKS ? request : NULL;
	if (before) {
		before->chain = request;
		request->linked = true;
	}
	behind_start(kernel);
}

static uint32_t requests_take(struct scripted *kernel, uint32_t submit)
{
	const struct backend_view *view = &kernel->grant.view;
	uint32_t head = word_get(kernel, SQ_HEAD);
	const uint32_t queued = word_get(kernel, SQ_TAIL) - head;
	uint32_t count = submit;

	must(queued <= view->sq_entries, "%u requests in a queue of %u", queued,
	     view->sq_entries);
	must(submit <= queued, "%u requests handed over of %u", submit, queued);
	if (kernel->take_most && kernel->take_most < count)
		count = kernel->take_most;
	for (uint32_t i = 0; i < count; i++) {
		struct uring_sqe *sqe =
			&view->sqes[head & (view->sq_entries - 1)];
		const struct uring_sqe copy = *sqe;

		memset(sqe, 0xa5, sizeof(*sqe));
		word_set(kernel, SQ_HEAD, ++head);
		request_take(kernel, &copy);
	}
	if (kernel->chain_last) {
		must(count != submit,
		     "a chain that the last request leaves open");
		/* As the kernel: what was not taken is no part of it. */
		kernel->chain_last = NULL;
		behind_start(kernel);
	}
	return count;
}

/* ---- waiting ------------------------------------------------------------- */

/* Looks for edges of the library's eventfd, waiting for them if told to. */
static void watch_look(struct scripted *kernel, uint32_t wait_ms)
{
	struct scripted_request *request = kernel->live_first;
	struct epoll_event event;

	while (request && !request->internal)
		request = request->live_next;
	if (!request || request->state != SCRIPTED_STARTED)
		return;
	if (epoll_wait(kernel->watch_fd, &event, 1, (int)wait_ms) == 1)
		scripted_post(kernel, request, 1 /* POLLIN */,
			      URING_CQE_F_MORE);
}

static uint32_t cq_count(struct scripted *kernel)
{
	return word_get(kernel, CQ_TAIL) - word_get(kernel, CQ_HEAD);
}

static int wait_for(struct scripted *kernel, uint32_t wait, int64_t deadline)
{
	if (wait > kernel->grant.view.cq_entries)
		wait = kernel->grant.view.cq_entries;
	while (cq_count(kernel) < wait) {
		if (atomic_load(&kernel->clock) >= deadline)
			return -ETIME;
		if (kernel->event_head != kernel->event_tail) {
			/* Task work goes on while it waits. */
			events_hand_over(kernel, kernel->batch_most);
			continue;
		}
		if (kernel->idle && kernel->idle(kernel))
			continue;
		watch_look(kernel, kernel->patience_ms);
		if (kernel->event_head != kernel->event_tail)
			continue;
		must(deadline != BACKEND_NO_DEADLINE,
		     "enter would wait for ever: %u requests are with "
		     "the kernel and nothing is scripted",
		     kernel->live_count);
		atomic_store(&kernel->clock, deadline);
	}
	return 0;
}

static bool enter_refuses(struct scripted *kernel)
{
	if (kernel->enter_error_times == 0)
		return false;
	if (kernel->enter_error_skip) {
		kernel->enter_error_skip--;
		return false;
	}
	kernel->enter_error_times--;
	return true;
}

static int scripted_enter(struct backend *backend, uint32_t submit,
			  uint32_t wait, uint32_t flags, int64_t deadline)
{
	struct scripted *kernel = scripted_of(backend);
	const bool thread = kernel->grant.setup_flags & URING_SETUP_SQPOLL;
	uint32_t taken = submit;
	int err = 0;

	kernel->enters++;
	must(kernel->enabled, "enter of a disabled ring");
	must(!kernel->closed, "enter of a closed ring");
	cq_overwrite(kernel);
	if (enter_refuses(kernel))
		return kernel->enter_error;
	if (!thread)
		taken = requests_take(kernel, submit);
	else if (!kernel->asleep || (flags & BACKEND_SQ_WAKEUP))
		scripted_thread_runs(kernel);
	if (kernel->step)
		kernel->step(kernel);
	if (taken != submit)
		return (int)taken;
	if (wait == 0 && !(flags & BACKEND_GETEVENTS))
		return (int)taken;
	watch_look(kernel, 0);
	events_hand_over(kernel, kernel->batch_most);
	if (wait)
		err = wait_for(kernel, wait, deadline);
	return taken ? (int)taken : err;
}

void scripted_thread_runs(struct scripted *kernel)
{
	kernel->asleep = false;
	flag_set(kernel, URING_SQ_NEED_WAKEUP, false);
	requests_take(kernel,
		      word_get(kernel, SQ_TAIL) - word_get(kernel, SQ_HEAD));
}

void scripted_thread_sleeps(struct scripted *kernel)
{
	kernel->asleep = true;
	flag_set(kernel, URING_SQ_NEED_WAKEUP, true);
}

/* ---- what is registered -------------------------------------------------- */

/* How much of what arg points to is known. */
static size_t control_arg_size(unsigned int opcode)
{
	switch (opcode) {
	case URING_REGISTER_PBUF_RING:
	case URING_UNREGISTER_PBUF_RING:
		return sizeof(struct uring_buf_reg);
	case URING_REGISTER_SYNC_CANCEL:
		return sizeof(struct uring_sync_cancel_reg);
	case URING_REGISTER_FILES2:
	case URING_REGISTER_BUFFERS2:
		return sizeof(struct uring_rsrc_register);
	case URING_REGISTER_FILES_UPDATE2:
	case URING_REGISTER_BUFFERS_UPDATE:
		return sizeof(struct uring_rsrc_update2);
	case URING_REGISTER_FILES_UPDATE:
		return sizeof(struct uring_files_update);
	case URING_REGISTER_PBUF_STATUS:
		return sizeof(struct uring_buf_status);
	default:
		return 0;
	}
}

struct scripted_group *scripted_group(struct scripted *kernel, uint32_t group)
{
	for (uint32_t i = 0; i < SCRIPTED_GROUPS; i++) {
		if (kernel->groups[i].used &&
		    kernel->groups[i].reg.bgid == group)
			return &kernel->groups[i];
	}
	return NULL;
}

static int group_register(struct scripted *kernel,
			  const struct uring_buf_reg *reg)
{
	if (scripted_group(kernel, reg->bgid))
		return -EEXIST;
	for (uint32_t i = 0; i < SCRIPTED_GROUPS; i++) {
		if (kernel->groups[i].used)
			continue;
		kernel->groups[i] = (struct scripted_group){
			.reg = *reg,
			.used = true,
		};
		return 0;
	}
	return -ENOMEM;
}

static int control_default(struct scripted *kernel, unsigned int opcode,
			   void *arg, unsigned int count)
{
	const struct uring_sync_cancel_reg *sync_cancel = arg;
	const struct uring_rsrc_update2 *update2 = arg;
	struct uring_buf_status *status = arg;
	struct uring_buf_reg *reg = arg;
	struct scripted_group *group;

	switch (opcode) {
	case URING_REGISTER_ENABLE_RINGS:
		kernel->enabled = true;
		return 0;
	case URING_REGISTER_PBUF_RING:
		return group_register(kernel, reg);
	case URING_UNREGISTER_PBUF_RING:
		group = scripted_group(kernel, reg->bgid);
		if (!group)
			return -EINVAL;
		group->used = false;
		return 0;
	case URING_REGISTER_PBUF_STATUS:
		group = scripted_group(kernel, status->buf_group);
		if (!group)
			return -ENOENT;
		status->head = group->head;
		return 0;
	case URING_REGISTER_SYNC_CANCEL:
		kernel->sync_cancels++;
		return request_cancel(kernel, sync_cancel->addr,
				      sync_cancel->flags);
	case URING_REGISTER_FILES_UPDATE2:
	case URING_REGISTER_BUFFERS_UPDATE:
		return (int)update2->nr;
	case URING_REGISTER_FILES_UPDATE:
		return (int)count;
	default:
		return 0;
	}
}

static int scripted_control(struct backend *backend, unsigned int opcode,
			    void *arg, unsigned int count)
{
	struct scripted *kernel = scripted_of(backend);
	const size_t size = control_arg_size(opcode);
	struct scripted_control *record =
		&kernel->controls[kernel->control_count % SCRIPTED_RECORDS];
	int result = SCRIPTED_DEFAULT;

	kernel->control_count++;
	*record = (struct scripted_control){ .opcode = opcode, .count = count };
	must(arg || size == 0, "control %u without an argument", opcode);
	if (size > 0)
		memcpy(record->arg, arg, size);
	if (opcode < URING_REGISTER_COUNT && kernel->refusal_times[opcode]) {
		kernel->refusal_times[opcode]--;
		result = kernel->refusal[opcode];
	} else if (kernel->control) {
		result = kernel->control(kernel, opcode, arg, count);
	}
	if (result == SCRIPTED_DEFAULT)
		result = control_default(kernel, opcode, arg, count);
	record->result = result;
	return result;
}

static int sync_default(struct scripted *kernel, const struct uring_sqe *sqe)
{
	int res;

	switch (sqe->opcode) {
	case URING_OP_CLOSE:
		if (sqe->file_index || !kernel->real_close)
			return 0;
		res = close(sqe->fd);
		break;
	case URING_OP_SOCKET:
		res = socket(sqe->fd, (int)sqe->off | SOCK_CLOEXEC,
			     (int)sqe->len);
		break;
	case URING_OP_BIND:
	case URING_OP_LISTEN:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
	return res < 0 ? -errno : res;
}

static int scripted_sync(struct backend *backend,
			 const struct uring_sqe *request, struct halt *halt)
{
	struct scripted *kernel = scripted_of(backend);
	int result = SCRIPTED_DEFAULT;

	(void)halt;
	pthread_mutex_lock(&kernel->lock);
	kernel->syncs[kernel->sync_count++ % SCRIPTED_RECORDS] = *request;
	if (kernel->sync)
		result = kernel->sync(kernel, request);
	if (result == SCRIPTED_DEFAULT)
		result = sync_default(kernel, request);
	pthread_mutex_unlock(&kernel->lock);
	return result;
}

static int64_t scripted_now(struct backend *backend)
{
	return atomic_load(&scripted_of(backend)->clock);
}

/* ---- beginning and end --------------------------------------------------- */

static uint32_t setup_flags(const struct a10_config *config)
{
	uint32_t flags = URING_SETUP_CQSIZE | URING_SETUP_CLAMP |
			 URING_SETUP_SUBMIT_ALL | URING_SETUP_R_DISABLED |
			 URING_SETUP_NO_SQARRAY;

	if (config->single_issuer != A10_OFF)
		flags |= URING_SETUP_SINGLE_ISSUER;
	if (config->kernel_thread == A10_ON)
		flags |= URING_SETUP_SQPOLL;
	else if (config->single_issuer != A10_OFF &&
		 config->defer_task_run != A10_OFF)
		flags |= URING_SETUP_DEFER_TASKRUN | URING_SETUP_TASKRUN_FLAG;
	if (config->iopoll == A10_ON)
		flags |= URING_SETUP_IOPOLL;
	if (config->large_completions == A10_ON)
		flags |= URING_SETUP_CQE32;
	return flags;
}

static uint32_t power_of_two(uint32_t least)
{
	uint32_t power = 1;

	while (power < least)
		power *= 2;
	return power;
}

static void view_make(struct scripted *kernel, const struct a10_config *config)
{
	struct backend_view *view = &kernel->grant.view;
	const uint32_t sq = config->submission_entries;
	const uint32_t cq = config->completion_entries;
	const bool large = config->large_completions == A10_ON;

	view->sq_entries = power_of_two(sq ? sq : 128);
	view->cq_entries = cq ? power_of_two(cq) : view->sq_entries * 4;
	view->cqe_shift = large ? 5 : 4;
	view->sq_head = &kernel->words[SQ_HEAD];
	view->sq_tail = &kernel->words[SQ_TAIL];
	view->sq_flags = &kernel->words[SQ_FLAGS];
	view->cq_head = &kernel->words[CQ_HEAD];
	view->cq_tail = &kernel->words[CQ_TAIL];
	view->cq_overflow = &kernel->words[CQ_OVERFLOW];
	view->sqes = calloc(view->sq_entries, sizeof(*view->sqes));
	view->cqes = calloc(view->cq_entries, (size_t)1 << view->cqe_shift);
	ck_assert_ptr_nonnull(view->sqes);
	ck_assert_ptr_nonnull(view->cqes);
	word_set(kernel, SQ_HEAD, config->first_index);
	word_set(kernel, SQ_TAIL, config->first_index);
	word_set(kernel, CQ_HEAD, config->first_index);
	word_set(kernel, CQ_TAIL, config->first_index);
	kernel->cq_seen = config->first_index;
}

static int scripted_open(const struct a10_config *config, int attach,
			 struct backend **ret_backend,
			 struct backend_grant *ret_grant)
{
	struct scripted *kernel = calloc(1, sizeof(*kernel));

	(void)attach;
	ck_assert_ptr_nonnull(kernel);
	kernel->backend.calls = &backend_scripted;
	kernel->watch_fd = -1;
	atomic_store(&kernel->clock, STARTED_AT);
	pthread_mutex_init(&kernel->lock, NULL);
	view_make(kernel, config);
	kernel->grant.setup_flags = setup_flags(config);
	kernel->grant.features = FEATURES;
	kernel->grant.descriptor = -1;
	kernel->grant.opcodes[0] = (UINT64_C(1) << OPCODES) - 1;
	kernel->grant.abs_timer = true;
	kernel->grant.incremental = true;
	if (scripted_grant_change)
		scripted_grant_change(&kernel->grant);
	*ret_backend = &kernel->backend;
	*ret_grant = kernel->grant;
	return 0;
}

static int scripted_wake(struct backend *backend, uint32_t flags)
{
	(void)backend;
	(void)flags;
	return 0;
}

static int scripted_bind(struct backend *backend)
{
	struct scripted *kernel = scripted_of(backend);

	must(kernel->enabled, "bound before it was enabled");
	return 1;
}

/* The test may look at what is left; scripted_free ends that. */
static void scripted_close(struct backend *backend, bool inherited)
{
	struct scripted *kernel = scripted_of(backend);

	kernel->closed = true;
	kernel->inherited = inherited;
	if (kernel->watch_fd >= 0)
		close(kernel->watch_fd);
	kernel->watch_fd = -1;
	for (struct scripted_request *left = kernel->live_first; left;
	     left = left->live_next)
		must(inherited || kernel->leaks || left->internal,
		     "closed while the kernel has a request of opcode "
		     "%u, which it would go on with",
		     left->sqe.opcode);
}

const struct backend_calls backend_scripted = {
	.name = "scripted",
	.open = scripted_open,
	.enter = scripted_enter,
	.control = scripted_control,
	.now = scripted_now,
	.sync = scripted_sync,
	.bind = scripted_bind,
	.wake = scripted_wake,
	.close = scripted_close,
};
