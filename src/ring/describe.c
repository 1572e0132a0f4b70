/*
 * From an operation, a value of the caller's, to a slot: the request as the
 * kernel will read it, what only the library must know, and copies of all that
 * the caller may free at once. Any thread may do this for a slot it has taken;
 * it touches nothing else of the ring that changes.
 */
#include "buf/pool.h"
#include "ring/above.h"
#include "ring/accept.h"
#include "ring/bundle.h"
#include "ring/life.h"
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <time.h>

#include <a10/sockopt.h>

#define SQE_FLAGS_OFFERED                                                    \
	(URING_SQE_FIXED_FILE | URING_SQE_IO_DRAIN | URING_SQE_IO_HARDLINK | \
	 URING_SQE_ASYNC)

/* Extra that a slot without a cold part can do without. */
#define WITH_LITTLE (A10_WITH_TAIL | A10_WITH_DIRECT_FD | A10_WITH_RWF)

void op_give_up(const struct a10_op *op)
{
	if (op->extra.flags & A10_WITH_OWNED && op->extra.release)
		op->extra.release(op->extra.owned);
	if (op->extra.flags & A10_WITH_OWNED_BUF)
		a10_buf_release(op->extra.owned_buf);
}

static int check_raw(const struct a10_op *op)
{
	const uint32_t flags = op->extra.flags;

	/* Every operation has its completion; buffers are the pools'. */
	if (op->request.flags &
	    (URING_SQE_CQE_SKIP_SUCCESS | URING_SQE_BUFFER_SELECT))
		return -EINVAL;
	if (flags & (A10_WITH_ALL | A10_WITH_DIRECT | A10_WITH_ZERO_COPY |
		     A10_WITH_REGION | A10_WITH_POOL | A10_WITH_MULTISHOT |
		     A10_WITH_BOUND | A10_WITH_PROTECTED))
		return -EINVAL;
	return 0;
}

static int check_multishot(const struct a10_op *op, const struct op_row *row)
{
	const uint32_t flags = op->extra.flags;

	if (!(flags & A10_WITH_MULTISHOT))
		return flags & A10_WITH_BOUND ? -EINVAL : 0;
	if (row->multishot == MULTISHOT_NEVER)
		return -EINVAL;
	if (flags & (A10_WITH_ALL | A10_WITH_ORDER))
		return -EINVAL;
	/*
	 * The kernel picks a buffer per result; one of the caller's is no use.
	 */
	if (row->pooled && !(flags & A10_WITH_POOL))
		return -EINVAL;
	if (flags & A10_WITH_BOUND &&
	    (!(flags & A10_WITH_POOL) || op->extra.bound == 0))
		return -EINVAL;
	if (op->request.opcode == A10_OPCODE_ACCEPT && op->request.address)
		return -EINVAL;
	return 0;
}

/* a10_after or a10_at of a clock that there is. */
static bool is_time(const struct a10_op *op)
{
	const bool absolute = op->request.op_flags & URING_TIMEOUT_ABS;
	const clockid_t clock = (clockid_t)op->extra.argument[1];

	/* A period of nothing would never let the ring rest. */
	if (op->extra.flags & A10_WITH_MULTISHOT &&
	    (absolute || (int64_t)op->extra.argument[0] <= 0))
		return false;
	return !absolute || clock == CLOCK_MONOTONIC ||
	       clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME;
}

/* The library would follow nothing; of others the kernel says -EFAULT. */
static bool lacks_pointer(const struct a10_request *of, uint64_t argument)
{
	if (of->opcode == A10_OPCODE_WORK)
		return !argument;
	if (of->opcode == A10_OPCODE_RESOLVE)
		return !of->offset && of->length;
	return !of->address && (of->opcode == A10_OPCODE_SCOPE_WAIT ||
				of->opcode == A10_OPCODE_FD_MOVE ||
				of->opcode == A10_OPCODE_MESSAGE_SEND);
}

/* Combinations that cannot be, whatever the kernel. */
static int check_op(const struct a10_op *op, const struct op_row *row)
{
	const uint32_t flags = op->extra.flags;
	const uint64_t *reserved = op->extra.reserved;

	if (flags & ~A10_WITH_KNOWN || op->extra.reserved0 ||
	    (reserved[0] | reserved[1] | reserved[2]))
		return -EINVAL;
	if (flags & A10_WITH_RAW)
		return check_raw(op);
	if (op->request.flags & ~SQE_FLAGS_OFFERED || op->request.user_data ||
	    op->request.reserved)
		return -EINVAL;
	if (row == op_row(UINT32_MAX) || op->request.opcode == OP_RAW)
		return -EINVAL;
	if (flags & A10_WITH_ALL && (!row->partial || flags & A10_WITH_POOL))
		return -EINVAL;
	/* What stays in the socket would come again. */
	if (flags & A10_WITH_ALL && row->nowait == NOWAIT_MSG && !row->send &&
	    op->request.op_flags & MSG_PEEK)
		return -EINVAL;
	if (flags & A10_WITH_TIMEOUT && op->extra.timeout_ns < 0)
		return -EINVAL;
	if (flags & A10_WITH_DIRECT && row->result != RESULT_DESCRIPTOR &&
	    row->result != RESULT_PAIR)
		return -EINVAL;
	if (flags & A10_WITH_RWF && row->nowait != NOWAIT_RWF)
		return -EINVAL;
	/* How much of the metadata a part of the blocks has is not known. */
	if (flags & A10_WITH_PROTECTED &&
	    (row->nowait != NOWAIT_RWF ||
	     flags & (A10_WITH_ALL | A10_WITH_POOL | A10_WITH_MULTISHOT)))
		return -EINVAL;
	if (flags & A10_WITH_ZERO_COPY && !row->zero_copy)
		return -EINVAL;
	if (flags & A10_WITH_REGION &&
	    (flags & A10_WITH_POOL ||
	     !(row->fixed || flags & A10_WITH_ZERO_COPY)))
		return -EINVAL;
	if (flags & A10_WITH_POLL && row->nowait != NOWAIT_MSG &&
	    row->nowait != NOWAIT_ACCEPT)
		return -EINVAL;
	if (flags & A10_WITH_BUNDLE && !bundle_is_possible(op, row))
		return -EINVAL;
	if ((row->data == DATA_MESSAGE ||
	     op->request.opcode == A10_OPCODE_SOCKET_TIMESTAMPS) &&
	    !(flags & A10_WITH_MULTISHOT))
		return -EINVAL;
	if (flags & A10_WITH_POOL && !row->pooled)
		return -EINVAL;
	if (flags & A10_WITH_ORDER && row->fd != FD_OPERAND)
		return -EINVAL;
	/* Those do not go through the queue, where drained ones wait. */
	if (op->request.flags & URING_SQE_IO_DRAIN &&
	    (row->own != OWN_NONE || op_is_call(op->request.opcode)))
		return -EINVAL;
	if (row->output == OUTPUT_WATCH &&
	    !(op->request.address && op->request.offset))
		return -EINVAL;
	if (row->own == OWN_TIMEOUT && !is_time(op))
		return -EINVAL;
	if (row->own != OWN_NONE &&
	    lacks_pointer(&op->request, op->extra.argument[0]))
		return -EFAULT;
	return check_multishot(op, row);
}

/* The other descriptor of those that have two. */
static int check_second(const struct a10_sq *sq, const struct a10_op *op)
{
	switch (op->request.opcode) {
	case A10_OPCODE_SPLICE:
	case A10_OPCODE_TEE:
	case A10_OPCODE_FD_REPLACE:
	case A10_OPCODE_SENDFILE:
	case A10_OPCODE_COPY_FILE_RANGE:
		break;
	default:
		return 0;
	}
	return op->extra.argument[0] == 0 ||
			       op->extra.argument[0] == sq->number ?
		       0 :
		       -EXDEV;
}

/* A direct descriptor means nothing on another ring. */
static int check_descriptors(struct a10_sq *sq, const struct a10_op *op)
{
	const bool fixed = op->request.flags & URING_SQE_FIXED_FILE;

	if (op->extra.flags & A10_WITH_RAW)
		return 0;
	/* The kernel's own word for it would be that the table is full. */
	if ((op->extra.flags & A10_WITH_DIRECT ||
	     op->request.opcode == A10_OPCODE_FD_REGISTER) &&
	    !ring_of(sq)->direct_limit)
		return -ENXIO;
	if (fixed != (op->extra.ring != 0))
		return -EINVAL;
	if (op->extra.ring && op->extra.ring != sq->number)
		return -EXDEV;
	if (op_row(op->request.opcode)->output == OUTPUT_WATCH &&
	    ((struct a10_watch *)(uintptr_t)op->request.address)->sq != sq)
		return -EXDEV;
	return check_second(sq, op);
}

/* What waits for a scope stands in a list of its ring's slots. */
static int check_scopes(const struct a10_sq *sq, const struct a10_op *op,
			const struct op_row *row, const struct a10_scope *scope)
{
	const struct a10_scope *waited = NULL;

	if (row->own == OWN_SCOPE_WAIT && !(op->extra.flags & A10_WITH_RAW))
		waited = (void *)(uintptr_t)op->request.address;
	if ((waited && waited->sq != sq) || (scope && scope->sq != sq))
		return -EXDEV;
	if (scope && scope == waited)
		return -EDEADLK;
	return scope && scope->flags & ~SCOPE_FLAGS_KNOWN ? -EINVAL : 0;
}

/* A descriptor of the process has it always; a direct one must not. */
static void set_cloexec(struct a10_request *request, const struct op_row *row,
			bool on)
{
	switch ((enum op_cloexec)row->cloexec) {
	case CLOEXEC_OP_FLAGS: /* SOCK_CLOEXEC is O_CLOEXEC */
		request->op_flags &= ~(uint32_t)O_CLOEXEC;
		request->op_flags |= on ? O_CLOEXEC : 0;
		break;
	case CLOEXEC_OFFSET:
		request->offset &= ~(uint64_t)SOCK_CLOEXEC;
		request->offset |= on ? SOCK_CLOEXEC : 0;
		break;
	case CLOEXEC_HOW: {
		struct open_how *how = (void *)(uintptr_t)request->offset;

		how->flags &= ~(uint64_t)O_CLOEXEC;
		how->flags |= on ? O_CLOEXEC : 0;
		break;
	}
	case CLOEXEC_NONE:
		break;
	}
}

static void add_multishot(const struct a10_ring *ring,
			  struct a10_request *request, const struct op_row *row)
{
	const uint32_t opcode = row->multishot_value;

	switch ((enum op_multishot)row->multishot) {
	case MULTISHOT_PRIORITY:
		request->priority |= row->multishot_value;
		break;
	case MULTISHOT_LENGTH:
		request->length |= row->multishot_value;
		break;
	case MULTISHOT_OPCODE:
		/* Without it one-shots follow one another: see again.c. */
		if (ring_knows(ring, opcode)) {
			request->opcode = row->multishot_value;
			request->offset = 0;
		}
		break;
	case MULTISHOT_CALL:
	case MULTISHOT_LIBRARY:
	case MULTISHOT_NEVER:
		break;
	}
}

/* Of a pool that a network card fills; it is held. 0 or -EINVAL. */
static int add_zero_copy(struct a10_request *request, const struct op_row *row,
			 const struct a10_extra *extra)
{
	if (row != op_row(URING_OP_RECV) || request->op_flags ||
	    !(extra->flags & A10_WITH_MULTISHOT)) {
		pool_drop(extra->pool);
		return -EINVAL;
	}
	request->opcode = URING_OP_RECV_ZC;
	request->index = (int32_t)pool_zero_copy_id(extra->pool);
	return 0;
}

static int add_pool(struct a10_ring *ring, struct a10_request *request,
		    const struct op_row *row, const struct a10_extra *extra)
{
	struct a10_pool *pool = extra->pool;
	int err = pool ? pool_hold(pool, ring) : -ENXIO;

	if (err < 0)
		return err;
	if (pool_is_zero_copy(pool))
		return add_zero_copy(request, row, extra);
	/* The kernel would tell of bytes that are in no buffer. */
	if (row->nowait == NOWAIT_MSG && request->op_flags & MSG_TRUNC &&
	    pool_is_incremental(pool))
		err = -EINVAL;
	if (row->data == DATA_MESSAGE && !message_fits(request, pool))
		err = -EINVAL;
	if (err < 0) {
		pool_drop(pool);
		return err;
	}
	request->flags |= URING_SQE_BUFFER_SELECT;
	request->buffer = pool_group(pool);
	return 0;
}

/* Of accept since 6.10, with the feature that came then. */
static void add_poll_first(const struct a10_ring *ring,
			   struct a10_request *request,
			   const struct op_row *row)
{
	if (row->nowait == NOWAIT_MSG)
		request->priority |= URING_RECVSEND_POLL_FIRST;
	else if (ring->grant.features & URING_FEAT_RECVSEND_BUNDLE)
		request->priority |= URING_ACCEPT_POLL_FIRST;
}

/* Whether the kernel takes no vector of a registered buffer, as before 6.15. */
static bool lacks_vectors(const struct a10_ring *ring, const struct op_row *row)
{
	return (row->data == DATA_VECTOR || row->data == DATA_HEADER) &&
	       !ring_knows(ring, URING_OP_READV_FIXED);
}

/* The same bounds as the kernel's, where it is not told of the region. */
static bool vector_is_in(const struct a10_region *region,
			 const struct a10_request *request,
			 const struct op_row *row)
{
	const void *pointer = (const void *)(uintptr_t)request->address;
	const struct msghdr *header = pointer;

	if (row->data == DATA_VECTOR)
		return region_holds(region, pointer, request->length);
	return region_holds(region, header->msg_iov, header->msg_iovlen);
}

static int add_region(const struct a10_ring *ring, struct a10_request *request,
		      const struct op_row *row, struct a10_region *region)
{
	const int index = region_hold(region, ring);

	if (index < 0)
		return index;
	capture_compact(row, request);
	if (lacks_vectors(ring, row)) {
		if (vector_is_in(region, request, row))
			return 0;
		region_drop(region);
		return -EFAULT;
	}
	/* A send without copying has no opcode of its own for it. */
	if (!row->fixed)
		request->priority |= URING_RECVSEND_FIXED_BUF;
	else
		request->opcode = row->fixed;
	request->buffer = (uint16_t)index;
	return 0;
}

/* What the modifiers mean for the request itself. */
static int add_modifiers(struct a10_ring *ring, struct a10_request *request,
			 const struct op_row *row,
			 const struct a10_extra *extra)
{
	const uint32_t flags = extra->flags;

	if (flags & A10_WITH_POOL) {
		const int err = add_pool(ring, request, row, extra);

		if (err < 0)
			return err;
	}
	if (flags & A10_WITH_POLL)
		add_poll_first(ring, request, row);
	if (flags & A10_WITH_BUNDLE && request->opcode == URING_OP_RECV &&
	    !pool_is_incremental(extra->pool) &&
	    ring->grant.features & URING_FEAT_RECVSEND_BUNDLE)
		request->priority |= URING_RECVSEND_BUNDLE;
	if (flags & A10_WITH_REGION) {
		const int err = add_region(ring, request, row, extra->region);

		if (err < 0)
			return err;
	}
	if (flags & A10_WITH_ZERO_COPY) {
		request->opcode = row->zero_copy;
		/* Of 6.2; the feature is of 6.3, and the nearest that tells. */
		if (ring->grant.features & URING_FEAT_REG_REG_RING)
			request->priority |= URING_SEND_ZC_REPORT_USAGE;
	}
	if (flags & A10_WITH_DIRECT)
		request->index = (int32_t)URING_FILE_INDEX_ALLOC;
	set_cloexec(request, row, !(flags & A10_WITH_DIRECT));
	if (flags & A10_WITH_MULTISHOT)
		add_multishot(ring, request, row);
	/*
	 * The kernel goes on by itself then, but does not tell of progress,
	 * which a time-out must know.
	 */
	if (flags & A10_WITH_ALL && row->send && !(flags & A10_WITH_TIMEOUT))
		request->op_flags |= MSG_WAITALL;
	return 0;
}

static void cold_fill(struct cold *cold, const struct a10_extra *extra)
{
	memset(cold, 0, offsetof(struct cold, waiter));
	cold->flags = extra->flags;
	cold->timeout_ns = extra->timeout_ns;
	cold->deadline_ns = extra->flags & A10_WITH_DEADLINE ?
				    extra->deadline_ns :
				    INT64_MAX;
	cold->retry_at = INT64_MAX;
	cold->owned = extra->owned;
	cold->release = extra->release;
	cold->owned_buf = extra->owned_buf;
	cold->pool = extra->pool;
	cold->region = extra->region;
	cold->bound = extra->bound;
	cold->argument[0] = extra->argument[0];
	cold->argument[1] = extra->argument[1];
	cold->fd_value = -1;
}

/* The output a request names, that the library looks at itself. */
static void lend_output(struct cold *cold, const struct op_row *row,
			struct a10_request *request)
{
	if (row->output == OUTPUT_NONE)
		return;
	cold->output = (void *)(uintptr_t)request->address;
	if (row->output == OUTPUT_PROCESS)
		cold->output = (void *)(uintptr_t)request->offset;
	if (row->output == OUTPUT_WATCH)
		request->fd = ((struct a10_watch *)cold->output)->fd;
	if (row->output == OUTPUT_WATCH && row->capture == CAPTURE_PATH)
		request->address = request->offset;
	if (row->output == OUTPUT_FROM)
		cold->output = (void *)(uintptr_t)request->address3;
	if (row->output == OUTPUT_NAME && request->address) {
		struct a10_address *name = cold->output;

		name->length = sizeof(name->as);
		request->address = (uintptr_t)&name->as;
		request->address3 = (uintptr_t)&name->length;
	}
	if (row->output == OUTPUT_PEER && request->address) {
		struct a10_address *peer = cold->output;

		peer->length = sizeof(peer->as);
		request->address = (uintptr_t)&peer->as;
		request->offset = (uintptr_t)&peer->length;
	}
}

static int capture(struct a10_ring *ring, bool owner, uint32_t with,
		   const struct op_row *row, struct a10_request *request,
		   struct capture **ret_capture)
{
	struct capture_cache *cache = owner ? &ring->captures : NULL;

	if (!(with & A10_WITH_PROTECTED))
		return capture_request(cache, row, request, ret_capture);
	/* An older kernel would not look at it. */
	if (!(ring->grant.features & URING_FEAT_RW_ATTR))
		return -EOPNOTSUPP;
	return capture_protected(cache, row, request, ret_capture);
}

static int describe_whole(struct a10_ring *ring, uint32_t index, bool owner,
			  const struct a10_op *op, const struct op_row *row)
{
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	struct capture *captured = NULL;
	int err;

	*request = op->request;
	cold_fill(cold, &op->extra);
	if (op->extra.flags & A10_WITH_RAW) {
		request->flags &= (uint8_t)~URING_SQE_IO_LINK;
		if (!(op->extra.flags & A10_WITH_SQE_FLAGS))
			request->flags &= (uint8_t)~URING_SQE_IO_HARDLINK;
		/* What the notification of a send is, it is here too. */
		if (request->opcode == URING_OP_SEND_ZC ||
		    request->opcode == URING_OP_SENDMSG_ZC)
			cold->flags |= A10_WITH_ZERO_COPY;
		return 0;
	}
	if (row->kernel)
		request->opcode = row->kernel;
	/* The value may be in the op itself, which is here until it is copied. */
	if (row->capture == CAPTURE_OPTION && !request->address3 &&
	    cold->argument[1] == A10_SOCKOPT_NUMBER)
		request->address3 = (uintptr_t)op->extra.argument;
	if (accept_is_hurried(ring, request) &&
	    cold->flags & A10_WITH_MULTISHOT)
		return -EOPNOTSUPP;
	if (row->capture == CAPTURE_COMMAND &&
	    request->length > COMMAND_SMALL && !ring->sqe_shift)
		return -EINVAL;
	lend_output(cold, row, request);
	/* Of the file only its name remains in the request. */
	if (op->request.opcode == A10_OPCODE_LINK_FILE)
		cold->argument[0] = (uint64_t)(int64_t)request->fd;
	err = capture(ring, owner, op->extra.flags, row, request, &captured);
	if (err < 0)
		return err;
	err = add_modifiers(ring, request, row, &op->extra);
	if (err < 0) {
		if (captured)
			capture_give(owner ? &ring->captures : NULL, captured);
		return err;
	}
	cold->captured = captured;
	if (request->opcode == URING_OP_RECV_ZC)
		cold->flags &= ~A10_WITH_BUNDLE;
	if (row->output == OUTPUT_WATCH)
		watch_ref(cold->output);
	if (op->extra.flags & A10_WITH_ALL)
		cold->total = capture_total(row, request, op->extra.length);
	return 0;
}

void slot_undescribe(struct a10_sq *sq, uint32_t index, bool owner)
{
	struct cold *cold = &sq->colds[index];

	if (!(sq->slots[index].flags & SLOT_COLD))
		return;
	if (cold->captured)
		capture_give(owner ? &ring_of(sq)->captures : NULL,
			     cold->captured);
	if (cold->pool)
		pool_drop(cold->pool);
	if (cold->flags & A10_WITH_REGION)
		region_drop(cold->region);
	if (op_row(sq->slots[index].opcode)->output == OUTPUT_WATCH)
		watch_unref(cold->output);
}

int slot_describe(struct a10_ring *ring, uint32_t index, bool owner,
		  const struct a10_op *op, struct a10_scope *scope,
		  a10_done *done, void *data)
{
	const struct op_row *row = op_row(op->request.opcode);
	struct slot *slot = slot_at(ring, index);
	int err;

	err = check_op(op, row);
	if (err < 0)
		return err;
	err = check_descriptors(&ring->sq, op);
	if (err < 0)
		return err;
	err = check_scopes(&ring->sq, op, row, scope);
	if (err < 0)
		return err;
	if (row->plain && !scope && !(op->extra.flags & ~WITH_LITTLE) &&
	    !(op->request.flags & ~URING_SQE_FIXED_FILE)) {
		*request_at(ring, index) = op->request;
		slot->flags = 0;
	} else {
		err = describe_whole(ring, index, owner, op, row);
		if (err < 0)
			return err;
		cold_at(ring, index)->scope = scope;
		slot->flags = SLOT_COLD;
		if (row->own == OWN_CANCEL_FD || row->own == OWN_CANCEL_ALL ||
		    row->own == OWN_MESSAGE_POST)
			slot->flags |= SLOT_INTERNAL;
	}
	request_at(ring, index)->user_data = id_plain(slot->id);
	slot->done = done;
	slot->data = data;
	slot->next = NO_SLOT;
	slot->descriptor = 0;
	slot->step = STEP_SELF;
	slot->park = PARK_NONE;
	slot->opcode =
		op->extra.flags & A10_WITH_RAW ? OP_RAW : op->request.opcode;
	slot->marks = 0;
	slot->tries = 0;
	return 0;
}
