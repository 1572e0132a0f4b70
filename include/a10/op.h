/*
 * op.h - an operation is a value: what it is, what modifies it, what it gives.
 */
#ifndef A10_OP_H
#define A10_OP_H

#include <a10/buf.h>
#include <a10/fd.h>

A10_BEGIN

/*
 * The kernel's numbers; from 128 on the library's own, for what it waits for.
 */
enum a10_opcode {
	A10_OPCODE_NOP = 0,
	A10_OPCODE_READV = 1,
	A10_OPCODE_WRITEV = 2,
	A10_OPCODE_FSYNC = 3,
	A10_OPCODE_READ_FIXED = 4,
	A10_OPCODE_WRITE_FIXED = 5,
	A10_OPCODE_POLL_ADD = 6,
	A10_OPCODE_POLL_REMOVE = 7,
	A10_OPCODE_SYNC_FILE_RANGE = 8,
	A10_OPCODE_SENDMSG = 9,
	A10_OPCODE_RECVMSG = 10,
	A10_OPCODE_TIMEOUT = 11,
	A10_OPCODE_TIMEOUT_REMOVE = 12,
	A10_OPCODE_ACCEPT = 13,
	A10_OPCODE_ASYNC_CANCEL = 14,
	A10_OPCODE_LINK_TIMEOUT = 15,
	A10_OPCODE_CONNECT = 16,
	A10_OPCODE_FALLOCATE = 17,
	A10_OPCODE_OPENAT = 18,
	A10_OPCODE_CLOSE = 19,
	A10_OPCODE_FILES_UPDATE = 20,
	A10_OPCODE_STATX = 21,
	A10_OPCODE_READ = 22,
	A10_OPCODE_WRITE = 23,
	A10_OPCODE_FADVISE = 24,
	A10_OPCODE_MADVISE = 25,
	A10_OPCODE_SEND = 26,
	A10_OPCODE_RECV = 27,
	A10_OPCODE_OPENAT2 = 28,
	A10_OPCODE_EPOLL_CTL = 29,
	A10_OPCODE_SPLICE = 30,
	A10_OPCODE_PROVIDE_BUFFERS = 31,
	A10_OPCODE_REMOVE_BUFFERS = 32,
	A10_OPCODE_TEE = 33,
	A10_OPCODE_SHUTDOWN = 34,
	A10_OPCODE_RENAMEAT = 35,
	A10_OPCODE_UNLINKAT = 36,
	A10_OPCODE_MKDIRAT = 37,
	A10_OPCODE_SYMLINKAT = 38,
	A10_OPCODE_LINKAT = 39,
	A10_OPCODE_MSG_RING = 40,
	A10_OPCODE_FSETXATTR = 41,
	A10_OPCODE_SETXATTR = 42,
	A10_OPCODE_FGETXATTR = 43,
	A10_OPCODE_GETXATTR = 44,
	A10_OPCODE_SOCKET = 45,
	A10_OPCODE_URING_CMD = 46,
	A10_OPCODE_SEND_ZC = 47,
	A10_OPCODE_SENDMSG_ZC = 48,
	A10_OPCODE_READ_MULTISHOT = 49,
	A10_OPCODE_WAITID = 50,
	A10_OPCODE_FUTEX_WAIT = 51,
	A10_OPCODE_FUTEX_WAKE = 52,
	A10_OPCODE_FUTEX_WAITV = 53,
	A10_OPCODE_FIXED_FD_INSTALL = 54,
	A10_OPCODE_FTRUNCATE = 55,
	A10_OPCODE_BIND = 56,
	A10_OPCODE_LISTEN = 57,
	A10_OPCODE_RECV_ZC = 58,
	A10_OPCODE_EPOLL_WAIT = 59,
	A10_OPCODE_READV_FIXED = 60,
	A10_OPCODE_WRITEV_FIXED = 61,
	A10_OPCODE_PIPE = 62,

	A10_OPCODE_LIBRARY = 128, /* the first of the library's own */
	A10_OPCODE_LISTEN_ON = 128,
	A10_OPCODE_CONNECT_TO = 129,
	A10_OPCODE_SCOPE_WAIT = 130,
	A10_OPCODE_CANCEL_FD = 131,  /* another thread's a10_cancel_fd ... */
	A10_OPCODE_CANCEL_ALL = 132, /* ... and a10_cancel_all */

	A10_OPCODE_TASK = 140, /* a task, from its start to its end */
	A10_OPCODE_TASK_JOIN = 141,
	A10_OPCODE_STREAM_NEXT = 142,
	A10_OPCODE_CHANNEL_SEND = 143,
	A10_OPCODE_CHANNEL_RECEIVE = 144,
	A10_OPCODE_SEMAPHORE_ACQUIRE = 145,
	A10_OPCODE_SCOPE_ROOM = 148, /* a spawn into a scope at its limit */

	A10_OPCODE_MESSAGE_POST = 160, /* a10_message_post */
	A10_OPCODE_MESSAGE_SEND = 161,
	A10_OPCODE_MESSAGE_RECEIVE = 162,
	A10_OPCODE_FD_MOVE = 163,
	A10_OPCODE_WORK = 164,
	A10_OPCODE_RESOLVE = 165,
	A10_OPCODE_READLINKAT = 166, /* system calls, by helper threads */
	A10_OPCODE_GETDENTS64 = 167,
	A10_OPCODE_SENDFILE = 168,
	A10_OPCODE_COPY_FILE_RANGE = 169,
	A10_OPCODE_WATCH_TREE = 170,

	A10_OPCODE_LINK_FILE = 180, /* LINKAT of a descriptor */
	A10_OPCODE_RECVFROM = 181,
	A10_OPCODE_RECVMSG_POOLED = 182,
	A10_OPCODE_GETSOCKOPT = 183, /* URING_CMD of a socket, and below */
	A10_OPCODE_SETSOCKOPT = 184,
	A10_OPCODE_GETSOCKNAME = 185,
	A10_OPCODE_SOCKET_QUEUE = 186,
	A10_OPCODE_FD_REGISTER = 187, /* FILES_UPDATE of one */
	A10_OPCODE_FD_REPLACE = 188,
	A10_OPCODE_FD_CLONE = 189,
	A10_OPCODE_PIDFD = 190, /* a step of WAITID */
	A10_OPCODE_PROCESS_SPAWN = 191,
	A10_OPCODE_PROCESS_WAIT = 192, /* WAITID, decoded */
	A10_OPCODE_SIGNAL_READ = 193,
	A10_OPCODE_POLL_UPDATE = 194,  /* POLL_REMOVE */
	A10_OPCODE_TIMER_UPDATE = 195, /* TIMEOUT_REMOVE */
	A10_OPCODE_WATCH_NEXT = 196,
	A10_OPCODE_BLOCK_DISCARD = 197,
	A10_OPCODE_SOCKET_TIMESTAMPS = 199
};

/*
 * The kernel's struct io_uring_sqe, as flat members. Its user_data is the
 * library's.
 */
struct a10_request {
	uint8_t opcode;
	uint8_t flags;
	uint16_t priority;
	int32_t fd;
	uint64_t offset;
	uint64_t address;
	uint32_t length;
	uint32_t op_flags;
	uint64_t user_data;
	uint16_t buffer;
	uint16_t personality;
	int32_t index;
	uint64_t address3;
	uint64_t reserved;
};

/* What the library must know besides; modifiers and constructors fill it. */
struct a10_extra {
	uint32_t flags;  /* A10_WITH_*; 0: the request's first half says all */
	uint32_t ring;   /* the ring of its direct descriptors, or 0 */
	uint64_t length; /* all of it; a request does at most 2 GiB */
	int64_t timeout_ns;
	int64_t deadline_ns;
	uint64_t argument[2]; /* of the library's own operations */
	void *owned;
	void (*release)(void *owned);
	struct a10_pool *pool;     /* picks the buffer */
	struct a10_region *region; /* has the buffer in it */
	struct a10_buf owned_buf;
	uint32_t bound;
	uint32_t reserved0;
	uint64_t reserved[3];
};

/*
 * An operation. Make it with a constructor, change it with modifiers (in any
 * order), give it to a verb: a10_submit, a10_await_on ... It may be copied,
 * kept and given to verbs again.
 *
 * What the constructor's prototype calls const, except the bytes of a data
 * buffer, is copied by the verb: paths, addresses, times, iovec arrays,
 * headers. The bytes that are read or written, and what the operation writes
 * (struct statx, an accepted address), are lent until its result is delivered.
 */
struct a10_op {
	struct a10_request request;
	struct a10_extra extra;
};

#define A10_WITH_TAIL      (1u << 0) /* the request's second half counts */
#define A10_WITH_DIRECT_FD (1u << 1) /* works on a direct descriptor */
#define A10_WITH_SQE_FLAGS (1u << 2)
#define A10_WITH_ALL       (1u << 3)
#define A10_WITH_TIMEOUT   (1u << 4)
#define A10_WITH_DEADLINE  (1u << 5)
#define A10_WITH_OWNED     (1u << 6)
#define A10_WITH_OWNED_BUF (1u << 7)
#define A10_WITH_MULTISHOT (1u << 8)
#define A10_WITH_BOUND     (1u << 9)
#define A10_WITH_DIRECT    (1u << 10) /* makes a direct descriptor */
#define A10_WITH_ZERO_COPY (1u << 11)
#define A10_WITH_ORDER     (1u << 12)
#define A10_WITH_SHIELD    (1u << 13)
#define A10_WITH_REGION    (1u << 14)
#define A10_WITH_POOL      (1u << 15)
#define A10_WITH_LIBRARY   (1u << 16) /* the library has a part in it */
#define A10_WITH_RAW       (1u << 17)
#define A10_WITH_RWF       (1u << 18)
#define A10_WITH_POLL      (1u << 19) /* poll first */
#define A10_WITH_BUNDLE    (1u << 20)
#define A10_WITH_PROTECTED (1u << 21)
#define A10_WITH_KNOWN     ((1u << 22) - 1)

#define A10_LENGTH_MAX UINT64_C(0x7ffff000) /* what read(2) does at most */

/*
 * The constructors' constructor: a request of this opcode. length over
 * A10_LENGTH_MAX is cut to it, as read(2) does; a10_all does the rest.
 */
A10_MUST_USE A10_INLINE struct a10_op
a10_op_make(enum a10_opcode opcode, struct a10_fd fd, const void *address,
	    uint64_t length, uint64_t offset, uint32_t op_flags)
{
	struct a10_op op;

	/* Each field by itself: with memset or {0} gcc builds it in memory. */
	op.request.opcode = (uint8_t)opcode;
	op.request.flags = fd.ring ? 1 : 0; /* IOSQE_FIXED_FILE */
	op.request.priority = 0;
	op.request.fd = (int32_t)((uint32_t)fd.plus_one - 1);
	op.request.offset = offset;
	op.request.address = (uint64_t)(uintptr_t)address;
	op.request.length =
		(uint32_t)(length < A10_LENGTH_MAX ? length : A10_LENGTH_MAX);
	op.request.op_flags = op_flags;
	op.request.user_data = 0;
	op.request.buffer = 0;
	op.request.personality = 0;
	op.request.index = 0;
	op.request.address3 = 0;
	op.request.reserved = 0;
	op.extra.flags = fd.ring ? A10_WITH_DIRECT_FD : 0;
	op.extra.ring = fd.ring;
	op.extra.length = length;
	op.extra.timeout_ns = 0;
	op.extra.deadline_ns = 0;
	op.extra.argument[0] = 0;
	op.extra.argument[1] = 0;
	op.extra.owned = 0;
	op.extra.release = 0;
	op.extra.pool = 0;
	op.extra.region = 0;
	op.extra.owned_buf.data = 0;
	op.extra.owned_buf.pool = 0;
	op.extra.owned_buf.length = 0;
	op.extra.owned_buf.loan = 0;
	op.extra.owned_buf.lease = 0;
	op.extra.owned_buf.reserved = 0;
	op.extra.bound = 0;
	op.extra.reserved0 = 0;
	op.extra.reserved[0] = 0;
	op.extra.reserved[1] = 0;
	op.extra.reserved[2] = 0;
	return op;
}

/* ---- what an operation gives -------------------------------------------- */

#define A10_RESULT_NONEMPTY (1u << 0) /* the socket has more to read */
#define A10_RESULT_COPIED   (1u << 1) /* a zero-copy send that copied */
#define A10_RESULT_HARDWARE (1u << 2) /* a time stamp of the device's clock */

/*
 * The result of an operation. value is what the system call of that name
 * returns (0 if that is a descriptor: it is in fd), or -errno. Also:
 *   -ETIME      its a10_timeout or a10_deadline passed (-ETIMEDOUT is TCP's);
 *   -ECANCELED  somebody cancelled it: a10_cancel, a scope, a10_close, the end
 *               of its ring, or an earlier operation of its chain that failed.
 */
struct a10_result {
	ssize_t value;
	size_t count;       /* a10_all: bytes done, also when value < 0 */
	struct a10_fd fd;   /* the descriptor it made; yours to close */
	struct a10_buf buf; /* the pool's buffer it filled; yours to release */
	struct a10_sq *sq;  /* where it ran: submit what follows there */
	a10_id id;
	uint32_t index;    /* which operation of a chain */
	uint32_t flags;    /* A10_RESULT_* */
	uint64_t extra[2]; /* of 32-byte completions */
	bool more;         /* not the last result of this submission */
	uint8_t reserved0[7];
	uint64_t reserved[2];
};

/* ---- modifiers: an operation in, an operation out ------------------------ */

/*
 * Repeat a short read, write, send or recv until all is done (or the file
 * ends): value is the total; on an error count tells how much was done. A recv
 * with MSG_PEEK, to which the same bytes would come again, is -EINVAL. Sends
 * of one descriptor that are "all", and writes without an offset, go out whole
 * and in the order submitted; if one fails, those behind it are -ECANCELED.
 */
A10_OP a10_all(struct a10_op op)
{
	op.extra.flags |= A10_WITH_ALL;
	return op;
}

/*
 * Give up after ns nanoseconds without progress: -ETIME. One step: after ns;
 * "all": when no byte came or went for ns; multishot: when no result came for
 * ns. Counts from when it is started. ns < 0 is -EINVAL.
 */
A10_OP a10_timeout(struct a10_op op, int64_t ns)
{
	op.extra.flags |= A10_WITH_TIMEOUT;
	op.extra.timeout_ns = ns;
	return op;
}

/*
 * Give up when a10_now() >= at, whatever the progress: -ETIME. With a10_timeout
 * as well, what comes first counts.
 */
A10_OP a10_deadline(struct a10_op op, int64_t at)
{
	op.extra.flags |= A10_WITH_DEADLINE;
	op.extra.deadline_ns = at;
	return op;
}

/*
 * Call release(owned) once, after the last result was delivered and the kernel
 * can no longer touch it; also when it is detached, and when the verb fails
 * (then before the verb returns). Else on the owner's thread.
 */
A10_OP a10_owning(struct a10_op op, void *owned, void (*release)(void *owned))
{
	op.extra.flags |= A10_WITH_OWNED;
	op.extra.owned = owned;
	op.extra.release = release;
	return op;
}

/* The same for a pool's buffer: given back when the operation is over. */
A10_OP a10_owning_buf(struct a10_op op, struct a10_buf buf)
{
	op.extra.flags |= A10_WITH_OWNED_BUF;
	op.extra.owned_buf = buf;
	return op;
}

/*
 * One submission, many results, until end of file, an error or a cancel. What
 * ends it for the kernel's own reasons (no buffers, a full queue), and what
 * accept(2) calls transient, does not end it here: it is started again.
 */
A10_OP a10_multishot(struct a10_op op)
{
	op.extra.flags |= A10_WITH_MULTISHOT;
	return op;
}

/*
 * Of a multishot with a pool: paused while count of the buffers it gave are not
 * back (a few more may come meanwhile). The slow reader's back-pressure: it
 * cannot empty the pool alone. count 0 is -EINVAL.
 */
A10_OP a10_bounded(struct a10_op op, uint32_t count)
{
	op.extra.flags |= A10_WITH_BOUND;
	op.extra.bound = count;
	return op;
}

/*
 * The descriptor it makes is a direct one of the ring. -ENXIO: the ring has no
 * table (config.direct_descriptors); -ENFILE: the table is full.
 */
A10_OP a10_direct(struct a10_op op)
{
	op.extra.flags |= A10_WITH_DIRECT;
	return op;
}

/*
 * Send without copying: over only when the buffer is free again. Whether the
 * kernel copied all the same: A10_RESULT_COPIED. With a10_fixed from a region.
 * [SEND_ZC, SENDMSG_ZC]
 */
A10_OP a10_zero_copy(struct a10_op op)
{
	op.extra.flags |= A10_WITH_ZERO_COPY;
	return op;
}

/*
 * Start when what was submitted before it on this descriptor and is "all" or
 * "ordered" is over (a shutdown behind the last send). If one of that failed:
 * -ECANCELED.
 */
A10_OP a10_ordered(struct a10_op op)
{
	op.extra.flags |= A10_WITH_ORDER;
	return op;
}

/*
 * Of a send, a receive or an accept: there is nothing yet, so wait at once
 * instead of trying first. A hint that saves time, of A10_RESULT_NONEMPTY for
 * instance; the result is the same. [RECVSEND_POLL_FIRST, ACCEPT_POLL_FIRST]
 */
A10_OP a10_poll_first(struct a10_op op)
{
	op.extra.flags |= A10_WITH_POLL;
	return op;
}

/*
 * Several in one trip, each a result of its own. Of a multishot a10_recv_pooled:
 * the kernel may fill several buffers at once; without it where the kernel (before
 * 6.10) or the pool (incremental) cannot, and with MSG_TRUNC -EINVAL. Of an
 * a10_send that is "all": what stands behind it on its descriptor by the time it
 * is started, and is bundled with the same flags, goes out with it. For streams;
 * of datagrams it would make one. One with a10_timeout goes alone; one without
 * copying, or to an address, is -EINVAL. [RECVSEND_BUNDLE]
 */
A10_OP a10_bundled(struct a10_op op)
{
	op.extra.flags |= A10_WITH_BUNDLE;
	return op;
}

/* Not cut short when the scope it is in is cancelled. */
A10_OP a10_shielded(struct a10_op op)
{
	op.extra.flags |= A10_WITH_SHIELD;
	return op;
}

/*
 * Its buffer lies in the region (else -EFAULT) of this ring (-EXDEV). [*_FIXED]
 */
A10_OP a10_fixed(struct a10_op op, struct a10_region *region)
{
	op.extra.flags |= A10_WITH_REGION;
	op.extra.region = region;
	return op;
}

/*
 * Of a read or a write: RWF_* of preadv2(2), besides those it has. What the
 * kernel or the file cannot is -EOPNOTSUPP.
 */
A10_OP a10_rwf(struct a10_op op, int flags)
{
	op.request.op_flags |= (uint32_t)flags;
	op.extra.flags |= A10_WITH_RWF;
	return op;
}

/*
 * Starts when the kernel has nothing else of this ring's; nothing behind it
 * starts before it is over. What the library itself keeps back (a timer, a send
 * behind another, a paused multishot) is not waited for, and cannot be drained:
 * -EINVAL. Nor can what is a system call on every kernel: a10_process_spawn,
 * a10_signal_read, a10_watch_next, a10_fd_clone. What is one only where the
 * kernel lacks the request can. Kept by the library: the kernel's IO_DRAIN is
 * never sent.
 */
A10_OP a10_drained(struct a10_op op)
{
	op.request.flags |= 1u << 1;
	op.extra.flags |= A10_WITH_SQE_FLAGS;
	return op;
}

/* In a chain: what follows it starts even if it fails. [IO_HARDLINK] */
A10_OP a10_hard_linked(struct a10_op op)
{
	op.request.flags |= 1u << 3;
	op.extra.flags |= A10_WITH_SQE_FLAGS;
	return op;
}

/* Do not try it at once; a worker thread of the kernel's does it. [ASYNC] */
A10_OP a10_forced_async(struct a10_op op)
{
	op.request.flags |= 1u << 4;
	op.extra.flags |= A10_WITH_SQE_FLAGS;
	return op;
}

/*
 * With the credentials registered under that number. -EOPNOTSUPP of what a
 * system call does, here or on this kernel: it would have the process's own.
 */
A10_OP a10_personality(struct a10_op op, uint16_t personality)
{
	op.request.personality = personality;
	op.extra.flags |= A10_WITH_TAIL;
	return op;
}

/* ---- the two operations that belong to no group -------------------------- */

/* Nothing, value 0: to run done on the owner's thread. [NOP] */
A10_OP a10_nop(void)
{
	return a10_op_make(A10_OPCODE_NOP, a10_fd_none(), 0, 0, 0, 0);
}

/*
 * Any request made with the kernel's own header (64 bytes, copied; what it
 * points to is lent until it is over). user_data and the link flags are the
 * library's; CQE_SKIP_SUCCESS, BUFFER_SELECT (a pool does that) and LINK_TIMEOUT
 * (a10_timeout does that) are -EINVAL. value is the completion's res.
 */
A10_OP a10_raw(const void *io_uring_sqe)
{
	struct a10_op op = a10_nop();

	memcpy(&op.request, io_uring_sqe, sizeof(op.request));
	op.extra.length = op.request.length;
	op.extra.flags |= A10_WITH_RAW;
	return op;
}

A10_END
#endif
