/*
 * What the kernel here cannot do, or no kernel, is done by the system call that
 * it stands for: at once if that waits for nothing, else by a helper thread, as
 * the table says. A system call takes no direct descriptor, and some requests do
 * not either: then a regular one for the same file is installed first, borrowed
 * for this operation and closed after it.
 *
 *	INSTALL ---> the request, with the borrowed one ---> over
 *	        \--> the system call --------------------/
 *
 * What waits for what can be polled - events, a child, a signal, room in where a
 * file is sent to - is a poll, then a look, as often as it takes. Where something drained is under way, all of it comes after a
 * request that does nothing, which has its turn in the queue as others have.
 */
#include "fd/registry.h"
#include "ring/life.h"
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* What comes without end must not keep all else from its turn. */
#define CALLS_MOST 16

static bool is_fixed(struct a10_ring *ring, const struct slot *slot)
{
	return request_at(ring, slot_index(slot))->flags & URING_SQE_FIXED_FILE;
}

/*
 * What a message without bytes means on a socket depends on its type, which a
 * direct descriptor does not tell: see receive.c.
 */
static bool learns_type(struct a10_ring *ring, const struct slot *slot)
{
	return slot->opcode == A10_OPCODE_RECVMSG_POOLED &&
	       is_fixed(ring, slot) &&
	       !cold_at(ring, slot_index(slot))->argument[0] &&
	       ring_knows(ring, URING_OP_FIXED_FD_INSTALL);
}

/* The other descriptor of a system call that has two. */
static bool is_second_fixed(struct a10_ring *ring, const struct slot *slot)
{
	return op_row(slot->opcode)->second &&
	       request_at(ring, slot_index(slot))->op_flags &
		       URING_SPLICE_F_FD_IN_FIXED;
}

static bool is_any_fixed(struct a10_ring *ring, const struct slot *slot)
{
	return is_fixed(ring, slot) || is_second_fixed(ring, slot);
}

bool standin_is_needed(struct a10_ring *ring, const struct slot *slot)
{
	const struct a10_request *request = request_at(ring, slot_index(slot));

	if (slot->opcode == OP_RAW)
		return false;
	if (!ring_knows(ring, request->opcode))
		return true;
	return learns_type(ring, slot) ||
	       (op_row(slot->opcode)->borrows && is_fixed(ring, slot));
}

static void finish(struct a10_ring *ring, struct slot *slot, int res)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	if (res >= 0 && op_row(slot->opcode)->result == RESULT_DESCRIPTOR) {
		made(ring, slot, res);
		return;
	}
	if (res > 0)
		cold->bytes = (uint64_t)res;
	slot_finish(ring, slot, res);
}

/* A system call has the rights of this process, whatever was asked for. */
static bool refuses_rights(struct a10_ring *ring, struct slot *slot)
{
	if (!request_at(ring, slot_index(slot))->personality)
		return false;
	finish(ring, slot, -EOPNOTSUPP);
	return true;
}

/* A pipe by system call, both ends of which become direct. */
static void pair_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	int32_t *cells = capture_data(cold_at(ring, index)->captured);
	struct a10_request regular = *request;
	int res;

	if (refuses_rights(ring, slot))
		return;
	regular.index = 0;
	regular.op_flags |= O_CLOEXEC;
	res = ring->calls->sync(ring->backend, (const void *)&regular, NULL);
	if (res < 0) {
		finish(ring, slot, res);
		return;
	}
	cells[2] = cells[0];
	cells[3] = cells[1];
	slot->step = STEP_CONVERT;
	*request = (struct a10_request){
		.opcode = URING_OP_FILES_UPDATE,
		.flags = request->flags & URING_SQE_IO_DRAIN,
		.offset = URING_FILE_INDEX_ALLOC,
		.address = (uintptr_t)cells,
		.length = 2,
		.user_data = id_plain(slot->id),
	};
	queue_push_again(ring, slot);
}

static void deliver(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	struct a10_result r = { .value = (ssize_t)value };

	if (r.value < 0 && is_ending(slot) && is_ended(r.value))
		r.value = (ssize_t)slot_reason(slot, r.value);
	slot_deliver(ring, slot, &r);
}

/* Those that were to become direct, if they are not closed yet. */
void pair_close(struct a10_ring *ring, int32_t cells[4])
{
	for (int i = 2; i < 4; i++) {
		fd_close_now(&ring->sq, a10_fd_regular(cells[i]));
		cells[i] = -1;
	}
}

void pair_converted(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	int32_t *cells =
		capture_data(cold_at(ring, slot_index(slot))->captured);
	struct a10_fd one = { .ring = ring->sq.number };

	if (is_interrupted(res) && !is_ending(slot)) {
		slot_restart(ring, slot);
		return;
	}
	pair_close(ring, cells);
	if (res == 1) { /* room for one is room for none */
		one.plus_one = cells[0] + 1;
		fd_close_now(&ring->sq, one);
		res = -ENFILE;
	}
	deliver(ring, slot, res < 0 ? res : 0);
}

/* What has been read of a watch already, inotify does not tell of again. */
static bool holds_more(struct a10_ring *ring, const struct slot *slot)
{
	return slot->opcode == A10_OPCODE_WATCH_NEXT &&
	       watch_holds_more(cold_at(ring, slot_index(slot))->output);
}

void standin_wait(struct a10_ring *ring, struct slot *slot)
{
	if (unlikely(!ring_knows(ring, URING_OP_POLL_ADD))) {
		finish(ring, slot, -EOPNOTSUPP);
		return;
	}
	slot->step = holds_more(ring, slot) ? STEP_TURN : STEP_READY;
	queue_push_again(ring, slot);
}

/*
 * A child is waited for by a descriptor of its own, which tells of its end and
 * nothing else. false: there is none; a helper waits, or the slot is finished.
 */
static bool child_open(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);
	const struct uring_sqe open = { .opcode = A10_OPCODE_PIDFD,
					.fd = request->fd };

	if (cold->flags & COLD_BORROWED)
		return true;
	if ((request->length != P_PID && request->length != P_PIDFD) ||
	    request->index & (WSTOPPED | WCONTINUED)) {
		call_begin(ring, slot, HELPER_ALONE);
		return false;
	}
	if (request->length == P_PIDFD) {
		cold->cell = request->fd;
		return true;
	}
	cold->cell = ring->calls->sync(ring->backend, &open, NULL);
	if (cold->cell < 0) {
		finish(ring, slot, cold->cell);
		return false;
	}
	cold->flags |= COLD_BORROWED;
	return true;
}

static int call_once(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);

	if (slot->opcode == A10_OPCODE_WATCH_NEXT)
		return watch_read(cold_at(ring, index)->output,
				  (void *)(uintptr_t)request->offset);
	return ring->calls->sync(ring->backend, (const void *)request, NULL);
}

static bool is_path(const struct a10_request *request)
{
	const struct sockaddr *address =
		(const void *)(uintptr_t)request->address;

	return request->offset > offsetof(struct sockaddr, sa_data) &&
	       address->sa_family == AF_UNIX && address->sa_data[0] != '\0';
}

/* By a helper thread; false: it does not wait. */
static bool call_helped(struct a10_ring *ring, struct slot *slot)
{
	enum helper helper = HELPER_SHARED;

	switch ((enum op_help)op_row(slot->opcode)->help) {
	case HELP_NONE:
		return false;
	case HELP_PATH:
		if (!is_path(request_at(ring, slot_index(slot))))
			return false;
		break;
	case HELP_SHARED:
		break;
	case HELP_ALONE:
		helper = HELPER_ALONE;
		break;
	case HELP_STAYS:
		helper = HELPER_STAYS;
		break;
	}
	call_begin(ring, slot, helper);
	return true;
}

/* The rest of what is longer than one go. */
static void call_advance(struct a10_ring *ring, const struct slot *slot,
			 uint64_t done)
{
	struct a10_request *request = request_at(ring, slot_index(slot));

	cold_at(ring, slot_index(slot))->bytes += done;
	request->address3 -= done;
	if (request->address != UINT64_MAX)
		request->address += done;
	if (request->offset != UINT64_MAX)
		request->offset += done;
}

void standin_called(struct a10_ring *ring, struct slot *slot, int64_t value,
		    uint64_t done)
{
	const uint32_t index = slot_index(slot);
	const struct op_row *row = op_row(slot->opcode);

	/* Now it can be read. */
	if (slot->opcode == A10_OPCODE_WATCH_NEXT) {
		if (is_ending(slot))
			finish(ring, slot, (int)slot_reason(slot, 0));
		else
			standin_wait(ring, slot);
		return;
	}
	mark_written(ring, slot, row, (int32_t)value);
	if (row->second) {
		call_advance(ring, slot, done);
		if (value >= 0)
			value = (int64_t)cold_at(ring, index)->bytes;
	}
	if (is_ending(slot) && is_ended(value))
		value = slot_reason(slot, value);
	if (row->second && value == -EAGAIN && row->direction == READY_OUT) {
		if (done > 0 && cold_at(ring, index)->flags & A10_WITH_TIMEOUT)
			timer_progress(ring, slot);
		standin_wait(ring, slot);
	} else if (row->second) {
		slot_finish(ring, slot, value);
	} else {
		finish(ring, slot, (int)value);
	}
}

/* Directories are to be looked into before the next event can be told. */
static bool needs_walk(const struct slot *slot, int64_t value)
{
	return slot->opcode == A10_OPCODE_WATCH_NEXT && value == -EINPROGRESS;
}

static void call(struct a10_ring *ring, struct slot *slot)
{
	int res;

	if (call_helped(ring, slot))
		return;
	res = call_once(ring, slot);
	if (needs_walk(slot, res))
		call_begin(ring, slot, HELPER_SHARED);
	else if (res != -EAGAIN ||
		 op_row(slot->opcode)->direction == READY_NEVER)
		finish(ring, slot, res);
	else if (request_at(ring, slot_index(slot))->opcode !=
			 URING_OP_WAITID ||
		 child_open(ring, slot))
		standin_wait(ring, slot);
}

/* One result after the other, until there is none for now. */
static void call_many(struct a10_ring *ring, struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	for (int i = 0; i < CALLS_MOST; i++) {
		struct a10_result r = { .value = call_once(ring, slot) };

		if (r.value == -EAGAIN)
			break;
		if (needs_walk(slot, r.value)) {
			call_begin(ring, slot, HELPER_SHARED);
			return;
		}
		if (r.value < 0) {
			slot_deliver(ring, slot, &r);
			return;
		}
		if (cold->flags & A10_WITH_TIMEOUT)
			timer_progress(ring, slot);
		slot_deliver_more(ring, slot, &r);
		/* What it reads may be shared with the parent, who gets it. */
		if (unlikely(sq_is_inherited(&ring->sq)))
			return;
		if (is_ending(slot)) {
			slot_finish(ring, slot, slot_reason(slot, 0));
			return;
		}
		if (slot->marks & MARK_HELD) {
			slot_hold(ring, slot);
			return;
		}
	}
	standin_wait(ring, slot);
}

/* Callbacks run in poll only, so the first of many is waited for. */
static void call_first(struct a10_ring *ring, struct slot *slot)
{
	if (refuses_rights(ring, slot))
		return;
	if (cold_at(ring, slot_index(slot))->flags & A10_WITH_MULTISHOT)
		standin_wait(ring, slot);
	else
		call(ring, slot);
}

void standin_ready(struct a10_ring *ring, struct slot *slot)
{
	if (cold_at(ring, slot_index(slot))->flags & A10_WITH_MULTISHOT)
		call_many(ring, slot);
	else
		call(ring, slot);
}

static void start(struct a10_ring *ring, struct slot *slot)
{
	const struct op_row *row = op_row(slot->opcode);

	if (learns_type(ring, slot) ||
	    ((row->sync || row->borrows) && is_any_fixed(ring, slot) &&
	     ring_knows(ring, URING_OP_FIXED_FD_INSTALL))) {
		slot->step = STEP_INSTALL;
		queue_push_again(ring, slot);
	} else if (row->result == RESULT_PAIR &&
		   cold_at(ring, slot_index(slot))->flags & A10_WITH_DIRECT) {
		pair_begin(ring, slot);
	} else if (is_any_fixed(ring, slot)) {
		finish(ring, slot, -EOPNOTSUPP);
	} else {
		call_first(ring, slot);
	}
}

/* What one is told, the next one makes invalid: one at a time. */
static bool watch_claim(struct a10_ring *ring, const struct slot *slot)
{
	struct a10_watch *watch = cold_at(ring, slot_index(slot))->output;

	if (watch->reader)
		return false;
	watch->reader = id_plain(slot->id);
	return true;
}

void standin_begin(struct a10_ring *ring, struct slot *slot)
{
	if (slot->opcode == A10_OPCODE_WATCH_NEXT && !watch_claim(ring, slot)) {
		finish(ring, slot, -EBUSY);
		return;
	}
	if (likely(ring->drains == 0)) {
		start(ring, slot);
		return;
	}
	slot->step = STEP_TURN;
	queue_push(ring, slot);
}

void standin_turned(struct a10_ring *ring, struct slot *slot)
{
	slot->step = STEP_SELF;
	if (is_ending(slot))
		deliver(ring, slot, -ECANCELED);
	else if (holds_more(ring, slot))
		standin_ready(ring, slot);
	else
		start(ring, slot);
}

/* In place of the first that is direct. */
static void borrow_keep(struct cold *cold, struct a10_request *request, int fd)
{
	if (request->flags & URING_SQE_FIXED_FILE) {
		cold->cell = fd;
		cold->flags |= COLD_BORROWED;
		request->fd = fd;
		request->flags &= (uint8_t)~URING_SQE_FIXED_FILE;
	} else {
		cold->argument[1] = (uint64_t)fd;
		cold->flags |= COLD_SECOND;
		request->index = fd;
		request->op_flags &= ~URING_SPLICE_F_FD_IN_FIXED;
	}
}

void standin_installed(struct a10_ring *ring, struct slot *slot, int32_t res)
{
	const uint32_t index = slot_index(slot);
	struct a10_request *request = request_at(ring, index);
	struct cold *cold = cold_at(ring, index);

	if (is_interrupted(res) && !is_ending(slot)) {
		slot_restart(ring, slot);
		return;
	}
	slot->step = STEP_SELF;
	if (learns_type(ring, slot)) {
		/* Of none it is as if it was a stream. */
		cold->argument[0] = (uint64_t)socket_type_of(ring, res);
		if (res >= 0)
			fd_close_now(&ring->sq, a10_fd_regular(res));
		if (is_ending(slot))
			deliver(ring, slot, -ECANCELED);
		else
			slot_restart(ring, slot);
		return;
	}
	if (res < 0) {
		deliver(ring, slot, res);
		return;
	}
	borrow_keep(cold, request, res);
	if (is_ending(slot)) {
		deliver(ring, slot, -ECANCELED);
	} else if (is_second_fixed(ring, slot)) {
		slot->step = STEP_INSTALL;
		queue_push_again(ring, slot);
	} else if (slot->opcode == A10_OPCODE_FD_CLONE) {
		cold->flags &= ~COLD_BORROWED;
		made(ring, slot, res);
	} else if (standin_is_needed(ring, slot) ||
		   cold->flags & COLD_BY_CALL) {
		call_first(ring, slot);
	} else {
		slot_restart(ring, slot);
	}
}

/* More than 32 bits of length, which this kernel's request does not have. */
static bool is_too_long(const struct a10_request *request)
{
	return (request->opcode == URING_OP_FADVISE && request->address) ||
	       (request->opcode == URING_OP_MADVISE && request->offset);
}

/* Attributes of a direct one, which the kernel has since 6.13. */
static bool borrow_follows(struct a10_ring *ring, const struct slot *slot,
			   int64_t value)
{
	return value == -EBADF && is_fixed(ring, slot) &&
	       (slot->opcode == URING_OP_FSETXATTR ||
		slot->opcode == URING_OP_FGETXATTR);
}

static void borrow(struct a10_ring *ring, struct slot *slot)
{
	/* One that is not open cannot be borrowed either. */
	if (ring_knows(ring, URING_OP_FIXED_FD_INSTALL)) {
		slot->step = STEP_INSTALL;
		queue_push_again(ring, slot);
	} else {
		finish(ring, slot, -EOPNOTSUPP);
	}
}

bool standin_follows(struct a10_ring *ring, const struct slot *slot,
		     int64_t value)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);

	if (!(slot->flags & SLOT_COLD) || slot->flags & SLOT_CHAIN ||
	    cold_at(ring, index)->flags & COLD_BY_CALL)
		return false;
	if (borrow_follows(ring, slot, value))
		return true;
	if (!op_row(slot->opcode)->sync)
		return false;
	/* A socket does not know the command, or its file no commands. */
	if (request->opcode == URING_OP_URING_CMD)
		return value == -EOPNOTSUPP;
	return value == -EINVAL && is_too_long(request);
}

bool standin_after(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	if (!standin_follows(ring, slot, value))
		return false;
	if (borrow_follows(ring, slot, value)) {
		borrow(ring, slot);
	} else {
		cold_at(ring, slot_index(slot))->flags |= COLD_BY_CALL;
		start(ring, slot);
	}
	return true;
}
