/* What tests do with the scripted backend. */
#include "scripted_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "ring/create.h"

/* A poll that starts or delivers for ever is a bug, not a reason to hang. */
#define TURNS_MOST 1000

struct scripted *scripted_ring_unbound(const struct a10_config *config,
				       void (*grant)(struct backend_grant *))
{
	const struct a10_config defaults = { 0 };
	struct a10_ring *ring = NULL;
	struct scripted *kernel;
	int err;

	scripted_grant_change = grant;
	err = ring_create_on(config ? config : &defaults, &backend_scripted,
			     &ring);
	ck_assert_msg(err == 0, "ring_create_on: %s", strerror(-err));
	kernel = container_of(ring->backend, struct scripted, backend);
	kernel->ring = ring;
	kernel->sq = a10_ring_sq(ring);
	return kernel;
}

struct scripted *scripted_ring(const struct a10_config *config)
{
	struct scripted *kernel = scripted_ring_unbound(config, NULL);

	ck_assert_int_eq(a10_ring_poll(kernel->ring, 0), 0);
	return kernel;
}

/* What cannot be cancelled ends well, if a test leaves it. */
static void rest_ends_well(struct scripted *kernel)
{
	struct scripted_request *request = kernel->live_first;

	while (request) {
		struct scripted_request *next = request->live_next;

		if (request->notifying) {
			scripted_post(kernel, request, 0, URING_CQE_F_NOTIF);
			next = kernel->live_first;
		} else if (request->sqe.opcode == URING_OP_CLOSE &&
			   request->state == SCRIPTED_STARTED) {
			scripted_post(kernel, request, 0, 0);
			next = kernel->live_first;
		}
		request = next;
	}
}

void scripted_destroy(struct scripted *kernel)
{
	kernel->step = rest_ends_well;
	kernel->hold_cancels = false;
	ck_assert_int_eq(a10_ring_destroy(kernel->ring, A10_FOREVER), 0);
	ck_assert(kernel->closed);
	scripted_free(kernel);
}

void scripted_free(struct scripted *kernel)
{
	struct scripted_request *request = kernel->all_first;

	while (request) {
		struct scripted_request *next = request->all_next;

		free(request);
		request = next;
	}
	free(kernel->grant.view.sqes);
	free(kernel->grant.view.cqes);
	free(kernel->events);
	pthread_mutex_destroy(&kernel->lock);
	free(kernel);
}

/* The first after the cursor that was not shown; NULL: none. */
static struct scripted_request *unshown(struct scripted *kernel)
{
	struct scripted_request *request =
		kernel->cursor ? kernel->cursor->all_next : kernel->all_first;

	while (request && request->shown)
		request = request->all_next;
	return request;
}

struct scripted_request *scripted_next(struct scripted *kernel,
				       enum uring_op opcode)
{
	struct scripted_request *request = unshown(kernel);

	ck_assert_msg(request, "no request came, and %s was expected",
		      a10_opcode_name(opcode));
	ck_assert_msg(request->sqe.opcode == opcode,
		      "%s came, and %s was expected",
		      a10_opcode_name(request->sqe.opcode),
		      a10_opcode_name(opcode));
	request->shown = true;
	kernel->cursor = request;
	return request;
}

void scripted_no_more(struct scripted *kernel)
{
	struct scripted_request *request = unshown(kernel);

	ck_assert_msg(!request, "%s came, and nothing was expected",
		      a10_opcode_name(request->sqe.opcode));
}

/* Twice, for what a completion started again goes in with the next poll. */
int scripted_settle(struct scripted *kernel)
{
	unsigned int quiet = 0;
	int total = 0;

	for (unsigned int turn = 0; turn < TURNS_MOST; turn++) {
		const uint32_t taken = kernel->taken;
		const uint32_t given = word_get(kernel, CQ_TAIL);
		const int count = a10_ring_poll(kernel->ring, 0);

		ck_assert_msg(count >= 0, "a10_ring_poll: %s",
			      strerror(-count));
		total += count;
		if (count == 0 && kernel->taken == taken &&
		    word_get(kernel, CQ_TAIL) == given)
			quiet++;
		else
			quiet = 0;
		if (quiet == 2 && kernel->event_head == kernel->event_tail)
			return total;
	}
	ck_abort_msg("%u polls, and there is still something to do",
		     TURNS_MOST);
	return total;
}

a10_id scripted_submit(struct scripted *kernel, struct a10_op op,
		       struct notes *notes)
{
	const a10_id id =
		a10_submit(kernel->sq, op, notes ? notes_take : NULL, notes);

	ck_assert_msg(id > 0, "a10_submit: %s", strerror((int)-id));
	scripted_settle(kernel);
	return id;
}

void scripted_answer(struct scripted *kernel, struct scripted_request *request,
		     int32_t res, uint32_t flags)
{
	scripted_post(kernel, request, res, flags);
	scripted_settle(kernel);
}

int scripted_pass(struct scripted *kernel, int64_t ns)
{
	atomic_fetch_add(&kernel->clock, ns);
	return scripted_settle(kernel);
}

void scripted_enter_fails(struct scripted *kernel, int err, uint32_t skip,
			  uint32_t times)
{
	kernel->enter_error = err;
	kernel->enter_error_skip = skip;
	kernel->enter_error_times = times;
}

void scripted_cancel_answers(struct scripted *kernel, int res, uint32_t times)
{
	kernel->cancel_answer = res;
	kernel->cancel_answer_times = times;
}

void scripted_refuses(struct scripted *kernel, enum uring_register_op opcode,
		      int err, uint32_t times)
{
	kernel->refusal[opcode] = err;
	kernel->refusal_times[opcode] = times;
}

uint32_t scripted_controls(const struct scripted *kernel,
			   enum uring_register_op opcode)
{
	uint32_t count = 0;

	ck_assert_uint_le(kernel->control_count, SCRIPTED_RECORDS);
	for (uint32_t i = 0; i < kernel->control_count; i++)
		count += kernel->controls[i].opcode == (unsigned int)opcode;
	return count;
}

uint32_t scripted_requests(const struct scripted *kernel, enum uring_op opcode)
{
	uint32_t count = 0;

	for (const struct scripted_request *request = kernel->all_first;
	     request; request = request->all_next)
		count += !request->internal &&
			 request->sqe.opcode == (unsigned int)opcode;
	return count;
}

/* The buffer the kernel would take; NULL: none. */
static struct uring_buf *group_buffer(struct scripted_group *group)
{
	struct uring_buf *entries = (void *)(uintptr_t)group->reg.ring_addr;
	/* Acquire: pairs with the library's release of its entries. */
	const uint16_t tail =
		__atomic_load_n(&entries[0].resv, __ATOMIC_ACQUIRE);

	if (tail == group->head)
		return NULL;
	return &entries[group->head & (group->reg.ring_entries - 1)];
}

uint32_t scripted_pick(struct scripted_group *group)
{
	const struct uring_buf *buf = group_buffer(group);

	ck_assert_msg(buf, "no buffer left in group %u", group->reg.bgid);
	group->head++;
	return URING_CQE_F_BUFFER | (uint32_t)buf->bid
					    << URING_CQE_BUFFER_SHIFT;
}

bool scripted_receive(struct scripted *kernel, struct scripted_request *request,
		      const void *data, uint32_t size, uint32_t flags)
{
	struct scripted_group *group =
		scripted_group(kernel, request->sqe.buf_index);
	struct uring_buf *buf;

	ck_assert_msg(request->sqe.flags & URING_SQE_BUFFER_SELECT,
		      "the request has a buffer of its own");
	ck_assert_msg(group, "no buffers are registered as group %u",
		      request->sqe.buf_index);
	buf = group_buffer(group);
	if (!buf)
		return false;
	if (size > buf->len)
		size = buf->len;
	if (request->sqe.len && size > request->sqe.len)
		size = request->sqe.len;
	memcpy((void *)(uintptr_t)buf->addr, data, size);
	flags |= URING_CQE_F_BUFFER | (uint32_t)buf->bid
					      << URING_CQE_BUFFER_SHIFT;
	buf->addr += size;
	buf->len -= size;
	if ((group->reg.flags & URING_PBUF_INC) && buf->len)
		flags |= URING_CQE_F_BUF_MORE;
	else
		group->head++;
	scripted_post(kernel, request, (int32_t)size, flags);
	return true;
}

bool scripted_all_succeed(struct scripted *kernel,
			  struct scripted_request *request)
{
	switch (request->sqe.opcode) {
	case URING_OP_ASYNC_CANCEL:
		return false;
	case URING_OP_READ:
	case URING_OP_WRITE:
	case URING_OP_SEND:
	case URING_OP_RECV:
		scripted_post(kernel, request, (int32_t)request->sqe.len, 0);
		return true;
	default:
		scripted_post(kernel, request, 0, 0);
		return true;
	}
}

/* ---- results ------------------------------------------------------------- */

static uint32_t notes_order;

void notes_take(void *data, const struct a10_result *result)
{
	struct notes *notes = data;

	if (notes->count < NOTES_MOST) {
		notes->order[notes->count] = ++notes_order;
		notes->at[notes->count] = *result;
	}
	notes->total += result->value;
	notes->count++;
}

const struct a10_result *notes_only(const struct notes *notes)
{
	ck_assert_msg(notes->count == 1, "%u results, and one was expected",
		      notes->count);
	ck_assert(!notes->at[0].more);
	return &notes->at[0];
}

void notes_release(void *owned)
{
	++*(uint32_t *)owned;
}
