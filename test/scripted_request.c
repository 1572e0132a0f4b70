/*
 * What becomes of a request, and how its completions get into the queue.
 *
 * Requests live in a list in the order they were taken until their last
 * completion is posted; they stay in another one for the test to look at.
 * Completions wait in a queue of events of our own until an enter hands them
 * over, which makes deferred task run, overflow and twenty at a time the same
 * thing.
 */
#include "scripted_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "harness.h"

/* ---- completions --------------------------------------------------------- */

static bool is_multishot(const struct uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case URING_OP_ACCEPT:
		return sqe->ioprio & URING_ACCEPT_MULTISHOT;
	case URING_OP_RECV:
	case URING_OP_RECVMSG:
		return sqe->ioprio & URING_RECV_MULTISHOT;
	case URING_OP_POLL_ADD:
		return sqe->len & URING_POLL_ADD_MULTI;
	case URING_OP_READ_MULTISHOT:
	case URING_OP_RECV_ZC:
		return true;
	default:
		return false;
	}
}

static void request_over(struct scripted *kernel,
			 struct scripted_request *request, int32_t res);

/* Into the completion queue. */
static void event_write(struct scripted *kernel,
			const struct scripted_event *event)
{
	const struct backend_view *view = &kernel->grant.view;
	const uint32_t tail = word_get(kernel, CQ_TAIL);
	struct uring_cqe *cqe =
		(void *)(view->cqes + ((size_t)(tail & (view->cq_entries - 1))
				       << view->cqe_shift));

	memset(cqe, 0, (size_t)1 << view->cqe_shift);
	cqe->user_data = event->user_data;
	cqe->res = event->res;
	cqe->flags = event->flags;
	if (view->cqe_shift == 5)
		memcpy(cqe + 1, &event->extra, sizeof(event->extra));
	word_set(kernel, CQ_TAIL, tail + 1);
}

/*
 * What found no room waits; a multishot ends with that, and what it would have
 * given after it has not happened.
 */
static void events_overflow(struct scripted *kernel)
{
	for (uint32_t i = kernel->event_head; i != kernel->event_tail; i++) {
		struct scripted_event *event = &kernel->events[i];

		if (event->overflowed)
			continue;
		event->overflowed = true;
		word_set(kernel, CQ_OVERFLOW,
			 word_get(kernel, CQ_OVERFLOW) + 1);
		if (!(event->flags & URING_CQE_F_MORE) || !event->request ||
		    !is_multishot(&event->request->sqe))
			continue;
		event->flags &= ~URING_CQE_F_MORE;
		for (uint32_t j = i + 1; j != kernel->event_tail; j++) {
			if (kernel->events[j].request != event->request)
				continue;
			memmove(&kernel->events[j], &kernel->events[j + 1],
				(kernel->event_tail - j - 1) *
					sizeof(*kernel->events));
			kernel->event_tail--;
			j--;
		}
		if (event->request->state != SCRIPTED_OVER)
			request_over(kernel, event->request, event->res);
	}
}

static bool cq_is_full(struct scripted *kernel)
{
	return word_get(kernel, CQ_TAIL) - word_get(kernel, CQ_HEAD) ==
	       kernel->grant.view.cq_entries;
}

void cq_overwrite(struct scripted *kernel)
{
	const struct backend_view *view = &kernel->grant.view;
	const uint32_t head = word_get(kernel, CQ_HEAD);

	must(word_get(kernel, CQ_TAIL) - head <= view->cq_entries,
	     "the completion queue's head is beyond its tail");
	for (; kernel->cq_seen != head; kernel->cq_seen++)
		memset(view->cqes + ((size_t)(kernel->cq_seen &
					      (view->cq_entries - 1))
				     << view->cqe_shift),
		       0x5a, (size_t)1 << view->cqe_shift);
}

void events_hand_over(struct scripted *kernel, uint32_t most)
{
	uint32_t count = 0;
	bool overflow;

	/* Before new ones are written in the same place. */
	cq_overwrite(kernel);
	while (kernel->event_head != kernel->event_tail) {
		struct scripted_event *event =
			&kernel->events[kernel->event_head];

		if (!event->overflowed && most && count == most)
			break;
		if (cq_is_full(kernel)) {
			events_overflow(kernel);
			break;
		}
		count += !event->overflowed;
		event_write(kernel, event);
		kernel->event_head++;
	}
	if (kernel->event_head == kernel->event_tail)
		kernel->event_head = kernel->event_tail = 0;
	overflow = kernel->event_head != kernel->event_tail &&
		   kernel->events[kernel->event_head].overflowed;
	flag_set(kernel, URING_SQ_CQ_OVERFLOW, overflow);
	flag_set(kernel, URING_SQ_TASKRUN,
		 (kernel->grant.setup_flags & URING_SETUP_TASKRUN_FLAG) &&
			 kernel->event_head != kernel->event_tail && !overflow);
}

static void event_add(struct scripted *kernel, struct scripted_request *request,
		      uint64_t user_data, int32_t res, uint32_t flags)
{
	if (kernel->event_tail == kernel->event_room) {
		kernel->event_room = kernel->event_room * 2 + 64;
		kernel->events =
			realloc(kernel->events,
				kernel->event_room * sizeof(*kernel->events));
		must(kernel->events, "no memory");
	}
	kernel->events[kernel->event_tail++] = (struct scripted_event){
		.request = request,
		.user_data = user_data,
		.res = res,
		.flags = flags,
	};
	if (kernel->grant.setup_flags & URING_SETUP_DEFER_TASKRUN)
		flag_set(kernel, URING_SQ_TASKRUN,
			 kernel->grant.setup_flags & URING_SETUP_TASKRUN_FLAG);
	else
		events_hand_over(kernel, 0);
}

void scripted_post_large(struct scripted *kernel,
			 struct scripted_request *request, int32_t res,
			 uint64_t extra)
{
	/* Deferred, so it is still there. */
	must(kernel->grant.setup_flags & URING_SETUP_DEFER_TASKRUN &&
		     kernel->grant.view.cqe_shift == 5,
	     "no 32-byte completions");
	scripted_post(kernel, request, res, URING_CQE_F_MORE);
	kernel->events[kernel->event_tail - 1].extra = extra;
}

void scripted_post_stray(struct scripted *kernel, uint64_t user_data,
			 int32_t res, uint32_t flags)
{
	event_add(kernel, NULL, user_data, res, flags);
}

/* ---- the life of a request ----------------------------------------------- */

static uint64_t asked_bytes(const struct uring_sqe *sqe)
{
	const struct iovec *iov = (void *)(uintptr_t)sqe->addr;
	const struct msghdr *header = (void *)(uintptr_t)sqe->addr;
	uint64_t count = sqe->len;
	uint64_t bytes = 0;

	switch (sqe->opcode) {
	case URING_OP_SENDMSG:
	case URING_OP_SENDMSG_ZC:
	case URING_OP_RECVMSG:
		iov = header->msg_iov;
		count = header->msg_iovlen;
		break;
	case URING_OP_READV:
	case URING_OP_WRITEV:
		break;
	default:
		return sqe->len;
	}
	for (uint64_t i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

/* Whether the kernel would break the chain behind a request that gave res. */
static bool breaks_chain(const struct uring_sqe *sqe, int32_t res)
{
	if (res < 0)
		return true;
	switch (sqe->opcode) {
	case URING_OP_READ:
	case URING_OP_WRITE:
	case URING_OP_READV:
	case URING_OP_WRITEV:
	case URING_OP_READ_FIXED:
	case URING_OP_WRITE_FIXED:
	case URING_OP_SPLICE:
		return (uint64_t)res != asked_bytes(sqe);
	case URING_OP_SEND:
	case URING_OP_SENDMSG:
	case URING_OP_SEND_ZC:
	case URING_OP_SENDMSG_ZC:
	case URING_OP_RECV:
	case URING_OP_RECVMSG:
		return (sqe->op_flags & MSG_WAITALL) &&
		       (uint64_t)res < asked_bytes(sqe);
	default:
		return false;
	}
}

static void live_remove(struct scripted *kernel,
			struct scripted_request *request)
{
	if (request->live_prev)
		request->live_prev->live_next = request->live_next;
	else
		kernel->live_first = request->live_next;
	if (request->live_next)
		request->live_next->live_prev = request->live_prev;
	else
		kernel->live_last = request->live_prev;
	kernel->live_count--;
	request->state = SCRIPTED_OVER;
}

struct scripted_request *scripted_find(struct scripted *kernel,
				       uint64_t user_data)
{
	struct scripted_request *request = kernel->live_first;

	while (request && request->sqe.user_data != user_data)
		request = request->live_next;
	return request;
}

int request_cancel(struct scripted *kernel, uint64_t user_data, uint32_t flags)
{
	struct scripted_request *target = scripted_find(kernel, user_data);

	must((flags & ~URING_ASYNC_CANCEL_USERDATA) == 0,
	     "a cancel by something but its id: flags %#x", flags);
	/* A later member of a chain is not found; a drained request is. */
	if (!target || (target->linked && target->state == SCRIPTED_BEHIND))
		return -ENOENT;
	if (target->notifying)
		return -ENOENT;
	if (kernel->cancel_answer_times && !target->internal) {
		kernel->cancel_answer_times--;
		return kernel->cancel_answer;
	}
	if (target->sqe.opcode == URING_OP_CLOSE)
		return -EALREADY;
	scripted_post(kernel, target, -ECANCELED, 0);
	return 0;
}

static void cancel_start(struct scripted *kernel,
			 struct scripted_request *request)
{
	const uint32_t before = kernel->event_tail;
	struct scripted_event last;
	int res;

	request->shown = true;
	res = request_cancel(kernel, request->sqe.addr, request->sqe.op_flags);
	scripted_post(kernel, request, res, 0);
	/* They may be in the queue already, if the kernel does not defer. */
	if (!kernel->cancel_first || kernel->event_tail < before + 2 ||
	    !(kernel->grant.setup_flags & URING_SETUP_DEFER_TASKRUN))
		return;
	last = kernel->events[kernel->event_tail - 1];
	memmove(&kernel->events[before + 1], &kernel->events[before],
		(kernel->event_tail - before - 1) * sizeof(last));
	kernel->events[before] = last;
}

/* The library's own poll: edges of its eventfd, as the kernel sees them. */
static void watch_start(struct scripted *kernel, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	if (kernel->watch_fd < 0) {
		kernel->watch_fd = epoll_create1(EPOLL_CLOEXEC);
		ck_assert_int_ge(kernel->watch_fd, 0);
	}
	(void)epoll_ctl(kernel->watch_fd, EPOLL_CTL_DEL, fd, NULL);
	ck_assert_int_eq(epoll_ctl(kernel->watch_fd, EPOLL_CTL_ADD, fd, &event),
			 0);
}

static void request_start(struct scripted *kernel,
			  struct scripted_request *request)
{
	const struct uring_sqe *sqe = &request->sqe;

	request->state = SCRIPTED_STARTED;
	if (request->internal) {
		request->shown = true;
		watch_start(kernel, sqe->fd);
		return;
	}
	if (kernel->start && kernel->start(kernel, request)) {
		request->shown = true;
		return;
	}
	if (sqe->opcode == URING_OP_ASYNC_CANCEL && !kernel->hold_cancels)
		cancel_start(kernel, request);
	if (sqe->opcode == URING_OP_CLOSE && kernel->real_close) {
		int res = sqe->file_index ? 0 : close(sqe->fd);

		request->shown = true;
		scripted_post(kernel, request, res < 0 ? -errno : res, 0);
	}
}

void behind_start(struct scripted *kernel)
{
	struct scripted_request *request = kernel->live_first;

	/* As the kernel: a chain begins when its last request is taken. */
	if (kernel->chain_last)
		return;
	while (request) {
		struct scripted_request *next = request->live_next;

		if (request->state == SCRIPTED_BEHIND && !request->linked) {
			if ((request->sqe.flags & URING_SQE_IO_DRAIN) &&
			    request->live_prev)
				return;
			request_start(kernel, request);
			/* That may have ended any of them. */
			next = kernel->live_first;
		}
		request = next;
	}
}

/* What is linked to a request starts, or is cancelled. */
static void chain_proceed(struct scripted *kernel,
			  struct scripted_request *request, int32_t res)
{
	const bool hard = request->sqe.flags & URING_SQE_IO_HARDLINK;
	struct scripted_request *next = request->chain;

	request->chain = NULL;
	if (!next)
		return;
	if (hard || !breaks_chain(&request->sqe, res)) {
		request_start(kernel, next);
		return;
	}
	while (next) {
		struct scripted_request *after = next->chain;

		next->chain = NULL;
		live_remove(kernel, next);
		event_add(kernel, next, next->sqe.user_data, -ECANCELED, 0);
		next = after;
	}
}

static void request_over(struct scripted *kernel,
			 struct scripted_request *request, int32_t res)
{
	live_remove(kernel, request);
	chain_proceed(kernel, request, res);
	behind_start(kernel);
}

void scripted_post(struct scripted *kernel, struct scripted_request *request,
		   int32_t res, uint32_t flags)
{
	must(request->state != SCRIPTED_OVER,
	     "the test completes a request twice");
	event_add(kernel, request, request->sqe.user_data, res, flags);
	if (request->state == SCRIPTED_OVER)
		return; /* by overflow */
	if (!(flags & URING_CQE_F_MORE))
		request_over(kernel, request, res);
	else if (!is_multishot(&request->sqe)) {
		request->notifying = true;
		chain_proceed(kernel, request, res);
	}
}
