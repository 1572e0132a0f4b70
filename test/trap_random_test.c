/*
 * Any operation, any modifier, any answer, in any order. Whatever happens: an
 * operation has one last result, or none if it was detached; what it owns is
 * released once, after that; and the ring comes to its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "harness.h"
#include "scripted.h"

enum {
	OPERATIONS = 600,
	DESCRIPTORS = 4,
	BUFFERS = 64
};

struct world;

struct watched {
	struct world *world;
	a10_id id;
	uint32_t results;
	uint32_t lasts;
	uint32_t expected; /* last results: 1, or the members of a chain */
	uint32_t released;
	bool detached;
};

struct world {
	struct scripted *kernel;
	struct a10_pool *pool;
	struct a10_scope scope;
	uint64_t seed;
	uint32_t count;
	struct watched watched[OPERATIONS];
	struct a10_buf bufs[BUFFERS];
	uint32_t buf_count;
	char data[64];
};

static uint32_t below(struct world *world, uint32_t most)
{
	return (uint32_t)(test_random(&world->seed) % most);
}

static bool chance(struct world *world, uint32_t of)
{
	return below(world, of) == 0;
}

/* ---- what the program does ----------------------------------------------- */

static void watched_release(void *owned)
{
	struct watched *watched = owned;

	watched->released++;
	ck_assert_uint_le(watched->released, watched->expected);
}

static void release_some(struct world *world, uint32_t keep)
{
	while (world->buf_count > keep) {
		const uint32_t i = below(world, world->buf_count);

		a10_buf_release(world->bufs[i]);
		world->bufs[i] = world->bufs[--world->buf_count];
	}
}

static void ends_another(struct world *world)
{
	struct watched *watched = &world->watched[below(world, world->count)];
	struct a10_sq *sq = world->kernel->sq;

	switch (below(world, 12)) {
	case 0:
		a10_detach(sq, watched->id);
		watched->detached |= watched->lasts < watched->expected;
		break;
	case 1:
		a10_cancel_fd(
			sq,
			a10_fd_regular(100 + (int)below(world, DESCRIPTORS)));
		break;
	case 2:
		if (chance(world, 10))
			a10_cancel_all(sq);
		break;
	case 3:
		if (chance(world, 10))
			a10_scope_cancel(&world->scope);
		break;
	default:
		a10_cancel(sq, watched->id);
		break;
	}
}

static void submit_any(struct world *world);

static void watched_done(void *data, const struct a10_result *result)
{
	struct watched *watched = data;
	struct world *world = watched->world;

	ck_assert_msg(!watched->detached || watched->id != result->id,
		      "a result after it was detached");
	ck_assert_uint_eq(watched->released, 0);
	ck_assert_uint_lt(watched->lasts, watched->expected);
	watched->results++;
	if (watched->expected > 1)
		ck_assert_uint_eq(result->index, watched->lasts);
	watched->lasts += watched->expected > 1 || !result->more;
	if (result->buf.data) {
		if (world->buf_count == BUFFERS)
			release_some(world, BUFFERS / 2);
		world->bufs[world->buf_count++] = result->buf;
	}
	if (chance(world, 8) && !world->kernel->data)
		submit_any(world);
	if (chance(world, 16))
		ends_another(world);
}

static struct a10_op operation_on(struct world *world, struct a10_fd fd)
{
	char *data = world->data;

	switch (below(world, 12)) {
	case 0:
		return a10_nop();
	case 1:
		return a10_read(fd, data, 8);
	case 2:
		return a10_all(a10_pread(fd, data, 8, 100));
	case 3:
		return a10_all(a10_send(fd, data, 8, 0));
	case 4:
		return a10_zero_copy(a10_send(fd, data, 8, 0));
	case 5:
		return a10_all(a10_zero_copy(a10_send(fd, data, 8, 0)));
	case 6:
		return a10_multishot(a10_recv_pooled(fd, world->pool, 0));
	case 7:
		return a10_bounded(
			a10_multishot(a10_recv_pooled(fd, world->pool, 0)), 2);
	case 8:
		return a10_multishot(a10_poll(fd, 1));
	case 9:
		return a10_recv_pooled(fd, world->pool, 0);
	case 10:
		return a10_ordered(a10_shutdown(fd, SHUT_WR));
	default:
		return a10_after(below(world, 5) * A10_SECOND);
	}
}

static struct a10_op modified(struct world *world, struct a10_op op)
{
	const int64_t now = atomic_load(&world->kernel->clock);

	if (chance(world, 4))
		op = a10_timeout(op, below(world, 10) * A10_SECOND);
	if (chance(world, 6))
		op = a10_deadline(op, now + below(world, 20) * A10_SECOND);
	if (chance(world, 30) && op.request.opcode != A10_OPCODE_TIMEOUT)
		op = a10_drained(op);
	if (chance(world, 10))
		op = a10_shielded(op);
	return op;
}

static void submit_chain(struct world *world, struct watched *watched,
			 struct a10_fd fd)
{
	struct a10_op ops[5];
	const uint32_t count = 1 + below(world, 5);

	watched->expected = count;
	for (uint32_t i = 0; i < count; i++) {
		switch (below(world, 4)) {
		case 0:
			ops[i] = a10_all(a10_write(fd, world->data, 8));
			break;
		case 1:
			ops[i] = a10_zero_copy(a10_send(fd, world->data, 8, 0));
			break;
		case 2:
			ops[i] = a10_hard_linked(a10_read(fd, world->data, 8));
			break;
		default:
			ops[i] = a10_fsync(fd);
			break;
		}
		ops[i] = a10_owning(modified(world, ops[i]), watched,
				    watched_release);
	}
	watched->id = a10_submit_linked(world->kernel->sq, ops, count,
					watched_done, watched);
}

static void submit_any(struct world *world)
{
	const struct a10_fd fd =
		a10_fd_regular(100 + (int)below(world, DESCRIPTORS));
	struct watched *watched = &world->watched[world->count];
	struct a10_op op;

	if (world->count == OPERATIONS)
		return;
	world->count++;
	watched->world = world;
	watched->expected = 1;
	if (chance(world, 6)) {
		submit_chain(world, watched, fd);
	} else {
		op = chance(world, 25) ?
			     a10_close(fd) :
			     modified(world, operation_on(world, fd));
		op = a10_owning(op, watched, watched_release);
		if (chance(world, 5))
			watched->id = a10_scope_submit(&world->scope, op,
						       watched_done, watched);
		else
			watched->id = a10_submit(world->kernel->sq, op,
						 watched_done, watched);
	}
	ck_assert_int_gt(watched->id, 0);
}

/* ---- what the kernel does ------------------------------------------------ */

static int32_t any_error(struct world *world)
{
	const int32_t errors[] = { -EINTR, -EAGAIN,    -EIO,
				   -512,   -ECANCELED, -ENOBUFS };

	return errors[below(world, sizeof(errors) / sizeof(errors[0]))];
}

static void answer_zero_copy(struct world *world,
			     struct scripted_request *request)
{
	struct scripted *kernel = world->kernel;

	if (request->notifying) {
		scripted_post(kernel, request, 0, URING_CQE_F_NOTIF);
		return;
	}
	if (chance(world, 5)) {
		scripted_post(kernel, request, any_error(world), 0);
		return;
	}
	scripted_post(kernel, request,
		      chance(world, 5) ?
			      any_error(world) :
			      1 + (int32_t)below(world, request->sqe.len),
		      URING_CQE_F_MORE);
}

static void answer_pooled(struct world *world, struct scripted_request *request)
{
	const bool multishot = request->sqe.ioprio & URING_RECV_MULTISHOT;
	const bool more = multishot && !chance(world, 6);

	if (chance(world, 8))
		scripted_post(world->kernel, request,
			      chance(world, 2) ? 0 : any_error(world), 0);
	else if (!scripted_receive(world->kernel, request, "abcdefgh",
				   1 + below(world, 8),
				   more ? URING_CQE_F_MORE : 0))
		scripted_post(world->kernel, request, -ENOBUFS, 0);
}

static void answer(struct world *world, struct scripted_request *request)
{
	const struct uring_sqe *sqe = &request->sqe;
	struct scripted *kernel = world->kernel;

	if (sqe->opcode == URING_OP_SEND_ZC)
		answer_zero_copy(world, request);
	else if (sqe->flags & URING_SQE_BUFFER_SELECT)
		answer_pooled(world, request);
	else if (sqe->opcode == URING_OP_CLOSE)
		scripted_post(kernel, request, 0, 0);
	else if (chance(world, 4))
		scripted_post(kernel, request, any_error(world), 0);
	else if (sqe->opcode == URING_OP_POLL_ADD)
		scripted_post(kernel, request, 1,
			      sqe->len && !chance(world, 4) ? URING_CQE_F_MORE :
							      0);
	else
		scripted_post(kernel, request,
			      sqe->opcode == URING_OP_NOP ||
					      sqe->opcode == URING_OP_FSYNC ||
					      sqe->opcode == URING_OP_SHUTDOWN ?
				      0 :
				      (int32_t)below(world, sqe->len + 1),
			      0);
}

static void answer_some(struct world *world)
{
	struct scripted_request *request = world->kernel->live_first;

	while (request) {
		struct scripted_request *next = request->live_next;

		if (!request->internal && request->state == SCRIPTED_STARTED &&
		    chance(world, 3)) {
			answer(world, request);
			/* That may have ended any of them. */
			next = chance(world, 2) ? world->kernel->live_first :
						  NULL;
		}
		request = next;
	}
}

static void step_world(struct world *world)
{
	struct scripted *kernel = world->kernel;

	for (uint32_t i = below(world, 4); i > 0; i--)
		submit_any(world);
	if (chance(world, 3))
		ends_another(world);
	answer_some(world);
	if (chance(world, 6))
		atomic_fetch_add(&kernel->clock, below(world, 3) * A10_SECOND);
	if (chance(world, 10))
		scripted_cancel_answers(kernel,
					chance(world, 2) ? -ENOENT : -EALREADY,
					below(world, 4));
	if (chance(world, 10))
		scripted_enter_fails(kernel, chance(world, 2) ? -EINTR : -EBUSY,
				     below(world, 3), 1);
	kernel->cancel_first = chance(world, 2);
	kernel->take_most = chance(world, 5) ? 1 + below(world, 4) : 0;
	kernel->batch_most = chance(world, 3) ? 1 + below(world, 3) : 0;
	if (chance(world, 4))
		release_some(world, below(world, 4));
	if (kernel->grant.setup_flags & URING_SETUP_SQPOLL && chance(world, 3))
		chance(world, 2) ? scripted_thread_runs(kernel) :
				   scripted_thread_sleeps(kernel);
	ck_assert_int_ge(a10_ring_poll(kernel->ring, chance(world, 8) ? 1 : 0),
			 0);
}

/* ---- and then all goes well ---------------------------------------------- */

static void answer_well(struct scripted *kernel,
			struct scripted_request *request)
{
	const struct uring_sqe *sqe = &request->sqe;

	if (request->notifying)
		scripted_post(kernel, request, 0, URING_CQE_F_NOTIF);
	else if (sqe->opcode == URING_OP_SEND_ZC)
		scripted_post(kernel, request, (int32_t)sqe->len,
			      URING_CQE_F_MORE);
	else if (sqe->opcode == URING_OP_POLL_ADD)
		scripted_post(kernel, request, sqe->len ? -EBADF : 1, 0);
	else if (sqe->flags & URING_SQE_BUFFER_SELECT)
		scripted_post(kernel, request, 0, 0);
	else
		scripted_all_succeed(kernel, request);
}

static void answer_all_well(struct scripted *kernel)
{
	struct scripted_request *request = kernel->live_first;

	while (request) {
		struct scripted_request *next = request->live_next;

		if (!request->internal && request->state == SCRIPTED_STARTED) {
			answer_well(kernel, request);
			next = kernel->live_first;
		}
		request = next;
	}
}

/* Nothing may be left behind that only the end of the ring would end. */
static void world_settles(struct world *world)
{
	struct scripted *kernel = world->kernel;

	kernel->take_most = 0;
	kernel->batch_most = 0;
	kernel->enter_error_times = 0;
	kernel->data = world; /* callbacks submit nothing more */
	for (int i = 0; i < 5000 && a10_ring_pending(kernel->ring) > 0; i++) {
		release_some(world, 0);
		if (kernel->grant.setup_flags & URING_SETUP_SQPOLL)
			scripted_thread_runs(kernel);
		answer_all_well(kernel);
		atomic_fetch_add(&kernel->clock, A10_SECOND);
		ck_assert_int_ge(a10_ring_poll(kernel->ring, 0), 0);
	}
	release_some(world, 0);
	ck_assert_uint_eq(a10_ring_pending(kernel->ring), 0);
}

static void world_runs(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));
	struct a10_config config = { .submission_entries = 8,
				     .completion_entries = 8,
				     .first_index = (uint32_t)seed | ~0xffu };

	config.large_completions = seed & 2 ? A10_ON : A10_AUTO;
	config.defer_task_run = seed & 4 ? A10_OFF : A10_AUTO;
	config.kernel_thread = seed % 5 == 0 ? A10_ON : A10_AUTO;

	ck_assert_ptr_nonnull(world);
	world->seed = seed;
	world->kernel = scripted_ring(&config);
	ck_assert_int_eq(a10_pool_create(world->kernel->ring, 4, 4096,
					 seed & 1 ? A10_POOL_INCREMENTAL : 0,
					 &world->pool),
			 0);
	a10_scope_open(&world->scope, world->kernel->sq, 0);
	submit_any(world);
	while (world->count < OPERATIONS)
		step_world(world);
	/* Half of them end in the middle of it. */
	if (chance(world, 2))
		world_settles(world);
	world->kernel->take_most = 0;
	world->kernel->batch_most = 0;
	world->kernel->data = world;
	release_some(world, 0);
	scripted_destroy(world->kernel);
	release_some(world, 0);
	ck_assert_uint_eq(a10_scope_count(&world->scope), 0);
	for (uint32_t i = 0; i < world->count; i++) {
		const struct watched *watched = &world->watched[i];

		ck_assert_uint_eq(watched->released, watched->expected);
		if (!watched->detached)
			ck_assert_uint_eq(watched->lasts, watched->expected);
	}
	free(world);
}

TEST(whatever_happens_everything_is_over_once)
{
	uint64_t state = test_seed();

	for (unsigned int i = test_scaled(20); i > 0; i--)
		world_runs(test_random(&state));
}
