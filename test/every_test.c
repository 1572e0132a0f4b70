/*
 * Every operation, begun, changed, cancelled and forgotten at random, on both
 * kinds of descriptors: each is over once, what it owns is released once, and
 * nothing is left open, lent or under way.
 */
#include "every_world.h"

#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#endif

enum {
	BYTES = 64,
	CHUNK = 24, /* under way at a time */
};

/* One operation, with all that is lent to it. */
struct run {
	struct world *world;
	unsigned int ended;
	unsigned int released;
	bool owning;
	bool detached;
	unsigned int ended_before; /* it was detached */
	unsigned char bytes[BYTES];
	struct a10_request raw;
	struct iovec iov, fixed;
	struct msghdr header;
	struct statx status;
	struct a10_address address;
	struct a10_fd spare, pair[2];
	struct epoll_event event;
	struct signalfd_siginfo signal;
	struct a10_watch_event change;
	struct a10_process process;
	struct linger linger;
	siginfo_t info;
	uint32_t word;
	struct futex_waitv wait;
};

/* A child that was started is waited for, by nobody in particular. */
static void take_child(struct run *run)
{
	struct a10_process *child = &run->process;

	ck_assert_int_gt(a10_submit(run->world->sq, a10_process_wait(child),
				    NULL, NULL),
			 0);
	a10_fd_release(child->pidfd);
	a10_fd_release(child->in);
	a10_fd_release(child->out);
	child->pid = 0;
}

static void take(void *data, const struct a10_result *r)
{
	struct run *run = data;

	ck_assert_uint_eq(run->released, 0);
	a10_buf_release(r->buf);
	a10_fd_release(r->fd);
	if (r->value >= 0 && a10_fd_valid(run->pair[0])) {
		a10_fd_release(run->pair[0]);
		a10_fd_release(run->pair[1]);
	}
	run->pair[0] = run->pair[1] = a10_fd_none();
	if (r->value >= 0 && run->process.pid > 0)
		take_child(run);
	run->ended += !r->more;
}

static ssize_t work_little(void *data)
{
	return data != NULL;
}

/* A descriptor to be closed. */
static struct a10_fd one_more(struct world *world)
{
	return a10_fd_regular(
		fcntl(a10_fd_number(world->file[0]), F_DUPFD_CLOEXEC, 0));
}

typedef struct a10_op make_op(struct run *run, int direct);

#define EVERY(name, expression)                                   \
	static struct a10_op every_##name(struct run *run, int d) \
	{                                                         \
		struct world *w = run->world;                     \
                                                                  \
		(void)w;                                          \
		(void)d;                                          \
		return expression;                                \
	}
#include "every.h"
#undef EVERY

static make_op *const makers[] = {
#define EVERY(name, expression) every_##name,
#include "every.h"
#undef EVERY
};

#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* ---- random sequences ---------------------------------------------------------- */

static void run_clear(struct world *world, struct run *run)
{
	memset(run, 0, sizeof(*run));
	run->world = world;
	run->iov = (struct iovec){ run->bytes, BYTES };
	run->fixed = (struct iovec){ world->fixed, 1 };
	run->header.msg_iov = &run->iov;
	run->header.msg_iovlen = 1;
	run->wait.uaddr = (uintptr_t)&run->word;
	run->wait.flags = 2 | FUTEX_PRIVATE_FLAG;
	ck_assert_int_eq(
		a10_address_parse("unix:/no/such/place", &run->address), 0);
}

/*
 * Some of them cannot be: then the verb says so. Forced, several reads of one
 * pipe hang a processor of Linux 6.1: its count of tries goes below zero, and it
 * tries for ever what it cannot do without a worker.
 */
static struct a10_op run_modified(struct run *run, struct a10_op op)
{
	struct world *world = run->world;
	const int64_t ns = (int64_t)pick(world, 2 * A10_MILLISECOND);

	switch (pick(world, 20)) {
	case 0:
		op = a10_timeout(op, ns);
		break;
	case 1:
		op = a10_deadline(op, a10_now() + ns);
		break;
	case 2:
		op = world->forces ? a10_forced_async(op) : op;
		break;
	case 3:
		op = a10_shielded(op);
		break;
	case 4:
		op = a10_ordered(op);
		break;
	case 5:
		op = a10_poll_first(op);
		break;
	case 6:
		op = pick(world, 4) == 0 ? a10_drained(op) : op;
		break;
	default:
		break;
	}
	run->owning = pick(world, 2);
	return run->owning ? a10_owning(op, &run->released, on_release) : op;
}

static a10_id run_begin(struct run *run, struct a10_op op)
{
	struct world *world = run->world;
	const struct a10_op chain[2] = { op, a10_nop() };
	a10_id id;

	if (pick(world, 10) == 0)
		id = a10_submit_linked(world->sq, chain, 2, take, run);
	else if (pick(world, 10) == 0)
		id = a10_scope_submit(&world->scope, op, take, run);
	else
		id = a10_submit(world->sq, op, take, run);
	if (id < 0) {
		run->ended = 1; /* refused: it will not be delivered */
		ck_assert_uint_eq(run->released, run->owning);
		if (a10_fd_valid(run->spare))
			a10_fd_release(run->spare);
	}
	return id;
}

static void run_meddle(struct run *run, a10_id id)
{
	struct world *world = run->world;

	if (id < 0)
		return;
	switch (pick(world, 4)) {
	case 0:
		ck_assert_int_eq(a10_cancel(world->sq, id), 0);
		break;
	case 1:
		/* What is lent to it stays: the runs outlive the turn. */
		ck_assert_int_eq(a10_detach(world->sq, id), 0);
		run->detached = true;
		run->ended_before = run->ended;
		break;
	default:
		break;
	}
}

static void run_is_over(const struct run *run, size_t which)
{
	const unsigned int times = run->detached ? run->ended_before : 1;

	if (run->ended != times || run->released != run->owning)
		ck_abort_msg("maker %zu: ended %u times, not %u; released %u",
			     which, run->ended, times, run->released);
}

static void chunk(struct world *world, struct run *runs)
{
	size_t which[CHUNK];
	a10_id ids[CHUNK];

	for (int i = 0; i < CHUNK; i++) {
		struct run *run = &runs[i];

		which[i] = pick(world, MAKERS);
		run_clear(world, run);
		ids[i] = run_begin(
			run,
			run_modified(run, makers[which[i]](run, (int)pick(world,
									  2))));
		if (pick(world, 3) == 0)
			run_meddle(run, ids[i]);
		if (pick(world, 6) == 0)
			ck_assert_int_ge(a10_ring_poll(world->ring, 0), 0);
		if (pick(world, 4) == 0)
			world_stir(world);
	}
	ck_assert_int_ge(a10_ring_poll(world->ring, 0), 0);
	for (int i = 0; i < CHUNK; i++) {
		if (ids[i] > 0)
			ck_assert_int_eq(a10_cancel(world->sq, ids[i]), 0);
	}
	RUN_UNTIL(world->ring, world_rests(world));
	for (int i = 0; i < CHUNK; i++)
		run_is_over(&runs[i], which[i]);
}

/* As if the kernel were an older one. */
static void world_forget(struct world *world)
{
	static const uint8_t newer[] = {
		A10_OPCODE_PIPE,      A10_OPCODE_FTRUNCATE,
		A10_OPCODE_WAITID,    A10_OPCODE_EPOLL_WAIT,
		A10_OPCODE_URING_CMD, A10_OPCODE_FUTEX_WAKE,
		A10_OPCODE_FADVISE,   A10_OPCODE_READV_FIXED,
		A10_OPCODE_MADVISE,   A10_OPCODE_FUTEX_WAIT,
		A10_OPCODE_BIND,      A10_OPCODE_FUTEX_WAITV,
		A10_OPCODE_LISTEN,
	};

	for (size_t i = 0; i < sizeof(newer); i++)
		world->ring->grant.opcodes[newer[i] / 64] &=
			~(UINT64_C(1) << newer[i] % 64);
}

/* So many places of the table are free. */
static unsigned int table_free(struct a10_ring *ring, struct a10_fd file)
{
	struct a10_fd fds[64];
	unsigned int count = 0;

	for (;;) {
		struct a10_result r = result_of(ring, a10_fd_register(file));

		if (r.value < 0)
			break;
		fds[count++] = r.fd;
	}
	for (unsigned int i = 0; i < count; i++)
		fd_close(ring, fds[i]);
	return count;
}

struct state {
	unsigned int numbers, places, others;
};

static struct state state_of(struct world *world)
{
	return (struct state){
		.numbers = open_descriptors(),
		.places = table_free(world->ring, world->file[0]),
		.others = table_free(world->other, world->file[0]),
	};
}

/* Nothing is left; who reaps children nobody wants may still be about it. */
static void world_is_as_before(struct world *world, const struct state *before)
{
	struct state now;

	(void)outcome_of(world->ring,
			 a10_close(a10_ring_direct(world->ring, 62)));
	RUN_UNTIL(world->ring, world_rests(world));
	run_for(world->ring, A_MOMENT);
	RUN_UNTIL(world->ring, open_descriptors() == before->numbers);
	now = state_of(world);
	ck_assert_uint_eq(now.places, before->places);
	ck_assert_uint_eq(now.others, before->others);
	ck_assert_uint_eq(a10_pool_available(world->pool), 16);
	ck_assert_uint_eq(a10_scope_count(&world->scope), 0);
}

static void test_many(bool older, unsigned int count)
{
	static struct run runs[CHUNK];
	const unsigned int chunks = test_scaled(count / CHUNK) + 1;
	struct world world;
	struct state before;

	world_open(&world, test_seed() & 1);
	if (older)
		world_forget(&world);
	before = state_of(&world);
	for (unsigned int i = 0; i < chunks; i++)
		chunk(&world, runs);
	world_is_as_before(&world, &before);
	world_close(&world);
}

TEST_TIMEOUT(ten_thousand_operations_begun_and_forgotten_leave_nothing, 60)
{
	test_many(false, 10000);
}

TEST_TIMEOUT(what_system_calls_stand_in_for_leaves_nothing_either, 60)
{
	test_many(true, 5000);
}

/* Each by itself: before it is started, once it is, and a little later. */
TEST(every_operation_is_cancelled_in_flight)
{
	static struct run run;
	struct world world;
	struct state before;

	world_open(&world, true);
	before = state_of(&world);
	for (size_t which = 0; which < MAKERS; which++) {
		for (int way = 0; way < 6; way++) {
			a10_id id;

			run_clear(&world, &run);
			id = a10_submit(world.sq, makers[which](&run, way & 1),
					take, &run);
			if (id < 0) /* refused, by an older kernel */
				continue;
			for (int turn = way / 2; turn > 0; turn--)
				ck_assert_int_ge(
					a10_ring_poll(world.ring,
						      (turn - 1) *
							      A10_MILLISECOND /
							      10),
					0);
			ck_assert_int_eq(a10_cancel(world.sq, id), 0);
			RUN_UNTIL(world.ring, world_rests(&world));
			ck_assert_uint_eq(run.ended, 1);
		}
	}
	world_is_as_before(&world, &before);
	world_close(&world);
}

/* ---- and that it is every one ------------------------------------------------- */

/* What no program submits: steps, and what belongs to a task. */
static bool is_internal(uint32_t opcode)
{
	switch (opcode) {
	case A10_OPCODE_POLL_REMOVE:
	case A10_OPCODE_TIMEOUT_REMOVE:
	case A10_OPCODE_ASYNC_CANCEL:
	case A10_OPCODE_LINK_TIMEOUT:
	case A10_OPCODE_FILES_UPDATE:
	case A10_OPCODE_PROVIDE_BUFFERS:
	case A10_OPCODE_REMOVE_BUFFERS:
	case A10_OPCODE_MSG_RING:
	case A10_OPCODE_RECV_ZC:
	case A10_OPCODE_CANCEL_FD:
	case A10_OPCODE_CANCEL_ALL:
	case A10_OPCODE_MESSAGE_POST:
	case A10_OPCODE_TASK:
	case A10_OPCODE_TASK_JOIN:
	case A10_OPCODE_STREAM_NEXT:
	case A10_OPCODE_SCOPE_ROOM:
	case URING_OP_NOP128:
	case URING_OP_URING_CMD128:
		return true;
	default:
		return false;
	}
}

static void note(bool seen[OP_ROWS], const struct a10_op *op)
{
	const struct op_row *row = op_row(op->request.opcode);
	const uint32_t flags = op->extra.flags;

	seen[flags & A10_WITH_RAW ? OP_RAW : op->request.opcode] = true;
	if (flags & A10_WITH_REGION && row->fixed)
		seen[row->fixed] = true;
	if (flags & A10_WITH_ZERO_COPY)
		seen[row->zero_copy] = true;
	if (flags & A10_WITH_MULTISHOT && row->multishot == MULTISHOT_OPCODE)
		seen[row->multishot_value] = true;
}

TEST(no_operation_is_left_out_here)
{
	bool seen[OP_ROWS] = { false };
	struct world world = { .ring = ring_open(NULL) };
	static struct run run;

	world.other = world.ring;
	for (size_t i = 0; i < MAKERS; i++) {
		struct a10_op op;

		run_clear(&world, &run);
		op = makers[i](&run, 0);
		note(seen, &op);
	}
	for (uint32_t i = 0; i < OP_ROWS; i++)
		if (op_table[i].name && !seen[i] && !is_internal(i))
			ck_abort_msg("%s is made by none", op_table[i].name);
	ring_close(world.ring);
}
