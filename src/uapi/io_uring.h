/*
 * What the kernel and the library say to each other: the structs, numbers and
 * flags of io_uring up to Linux 6.18, and what is known of 6.19 to 7.1.
 *
 * Ours, because the header a distribution installs is as old as the kernel it
 * was released with, and a program built there runs on newer ones. The names
 * are the kernel's with another prefix:
 *
 *	struct io_uring_x   struct uring_x	IORING_X          URING_X
 *	IOSQE_X             URING_SQE_X		IOU_PBUF_RING_X   URING_PBUF_X
 *	IO_URING_X          URING_X		SOCKET_URING_OP_X URING_SOCKET_OP_X
 *
 * What io_uring_register(2) takes is in io_uring_register.h, included at the
 * end. io_uring_check.c compares each name with the system's header where that
 * one has it. The number behind a name is the first kernel that knows it, 5.1
 * where there is none; a group of opcodes bears its first one's.
 */
#ifndef URING_IO_URING_H
#define URING_IO_URING_H

#include <stdint.h>

/*
 * A request, 64 bytes. The kernel's header overlays many names on the same
 * words; here a word has one name, and src/op/ knows what it means to whom.
 */
struct uring_sqe {
	uint8_t opcode;    /* URING_OP_ */
	uint8_t flags;     /* URING_SQE_ */
	uint16_t ioprio;   /* priority, or the flags of accept, send and recv */
	int32_t fd;        /* descriptor, or slot with URING_SQE_FIXED_FILE */
	uint64_t off;      /* file offset, addr2, or cmd_op in the low half */
	uint64_t addr;     /* buffer or iovecs, splice_off_in */
	uint32_t len;      /* bytes, or number of iovecs */
	uint32_t op_flags; /* rw_flags, msg_flags, poll32_events and the like */
	uint64_t user_data; /* comes back in the completion */
	uint16_t buf_index; /* registered buffer, or buf_group */
	uint16_t personality;
	int32_t file_index; /* splice_fd_in, slot + 1, or addr_len (low half) */
	uint64_t addr3;     /* third pointer; first word of a command's data */
	uint64_t pad;       /* last word of a command's data */
};

/* Where a command's data begins: 16 bytes of it, 80 in a 128-byte request. */
#define URING_SQE_CMD_OFFSET 48

/* A request with URING_SETUP_SQE128, or of a 128-byte opcode. */
struct uring_sqe128 {
	struct uring_sqe sqe;
	uint64_t more[8];
};

/* A completion, 16 bytes. */
struct uring_cqe {
	uint64_t user_data;
	int32_t res;
	uint32_t flags; /* URING_CQE_F_ */
};

/* A completion with URING_SETUP_CQE32, or one marked URING_CQE_F_32. */
struct uring_cqe32 {
	struct uring_cqe cqe;
	uint64_t extra[2];
};

/* sqe.file_index, and FILES_UPDATE's off: the kernel chooses a free slot. */
#define URING_FILE_INDEX_ALLOC (~0U)

/* sqe.flags */
#define URING_SQE_FIXED_FILE       (1U << 0)
#define URING_SQE_IO_DRAIN         (1U << 1) /* 5.2 */
#define URING_SQE_IO_LINK          (1U << 2) /* 5.3 */
#define URING_SQE_IO_HARDLINK      (1U << 3) /* 5.5 */
#define URING_SQE_ASYNC            (1U << 4) /* 5.6 */
#define URING_SQE_BUFFER_SELECT    (1U << 5) /* 5.7 */
#define URING_SQE_CQE_SKIP_SUCCESS (1U << 6) /* 5.17 */

/* cqe.flags */
#define URING_CQE_F_BUFFER         (1U << 0) /* 5.7; the id: bits 16 to 31 */
#define URING_CQE_F_MORE           (1U << 1) /* 5.13; this is not the last */
#define URING_CQE_F_SOCK_NONEMPTY  (1U << 2) /* 5.19 */
#define URING_CQE_F_NOTIF          (1U << 3) /* 6.0; zero-copy: buffer is free */
#define URING_CQE_F_BUF_MORE       (1U << 4) /* 6.12; buffer is not used up */
#define URING_CQE_F_SKIP           (1U << 5) /* 6.18; filler, not a completion */
#define URING_CQE_F_32             (1U << 15) /* 6.18; takes two places */
#define URING_CQE_F_TSTAMP_HW      (1U << 16) /* 6.17 */
#define URING_CQE_BUFFER_SHIFT     16
#define URING_TIMESTAMP_HW_SHIFT   16
#define URING_TIMESTAMP_TYPE_SHIFT 17

/* Opcodes. */
enum uring_op {
	URING_OP_NOP = 0,
	URING_OP_READV = 1,
	URING_OP_WRITEV = 2,
	URING_OP_FSYNC = 3,
	URING_OP_READ_FIXED = 4,
	URING_OP_WRITE_FIXED = 5,
	URING_OP_POLL_ADD = 6,
	URING_OP_POLL_REMOVE = 7,
	URING_OP_SYNC_FILE_RANGE = 8, /* 5.2 */
	URING_OP_SENDMSG = 9,         /* 5.3 */
	URING_OP_RECVMSG = 10,        /* 5.3 */
	URING_OP_TIMEOUT = 11,        /* 5.4 */
	URING_OP_TIMEOUT_REMOVE = 12, /* 5.5 */
	URING_OP_ACCEPT = 13,         /* 5.5 */
	URING_OP_ASYNC_CANCEL = 14,   /* 5.5 */
	URING_OP_LINK_TIMEOUT = 15,   /* 5.5 */
	URING_OP_CONNECT = 16,        /* 5.5 */
	URING_OP_FALLOCATE = 17,      /* 5.6 */
	URING_OP_OPENAT = 18,
	URING_OP_CLOSE = 19,
	URING_OP_FILES_UPDATE = 20,
	URING_OP_STATX = 21,
	URING_OP_READ = 22,
	URING_OP_WRITE = 23,
	URING_OP_FADVISE = 24,
	URING_OP_MADVISE = 25,
	URING_OP_SEND = 26,
	URING_OP_RECV = 27,
	URING_OP_OPENAT2 = 28,
	URING_OP_EPOLL_CTL = 29,
	URING_OP_SPLICE = 30, /* 5.7 */
	URING_OP_PROVIDE_BUFFERS = 31,
	URING_OP_REMOVE_BUFFERS = 32,
	URING_OP_TEE = 33,      /* 5.8 */
	URING_OP_SHUTDOWN = 34, /* 5.11 */
	URING_OP_RENAMEAT = 35,
	URING_OP_UNLINKAT = 36,
	URING_OP_MKDIRAT = 37, /* 5.15 */
	URING_OP_SYMLINKAT = 38,
	URING_OP_LINKAT = 39,
	URING_OP_MSG_RING = 40,  /* 5.18 */
	URING_OP_FSETXATTR = 41, /* 5.19 */
	URING_OP_SETXATTR = 42,
	URING_OP_FGETXATTR = 43,
	URING_OP_GETXATTR = 44,
	URING_OP_SOCKET = 45,
	URING_OP_URING_CMD = 46,
	URING_OP_SEND_ZC = 47,        /* 6.0 */
	URING_OP_SENDMSG_ZC = 48,     /* 6.1 */
	URING_OP_READ_MULTISHOT = 49, /* 6.7 */
	URING_OP_WAITID = 50,
	URING_OP_FUTEX_WAIT = 51,
	URING_OP_FUTEX_WAKE = 52,
	URING_OP_FUTEX_WAITV = 53,
	URING_OP_FIXED_FD_INSTALL = 54, /* 6.8 */
	URING_OP_FTRUNCATE = 55,        /* 6.9 */
	URING_OP_BIND = 56,             /* 6.11 */
	URING_OP_LISTEN = 57,
	URING_OP_RECV_ZC = 58, /* 6.15 */
	URING_OP_EPOLL_WAIT = 59,
	URING_OP_READV_FIXED = 60,
	URING_OP_WRITEV_FIXED = 61,
	URING_OP_PIPE = 62,   /* 6.16 */
	URING_OP_NOP128 = 63, /* 6.19 */
	URING_OP_URING_CMD128 = 64,
	URING_OP_COUNT, /* how many this header knows */
};

/* URING_OP_NOP, op_flags. */
#define URING_NOP_INJECT_RESULT (1U << 0) /* 6.10; the result is len */
#define URING_NOP_FILE          (1U << 1) /* 6.13 */
#define URING_NOP_FIXED_FILE    (1U << 2)
#define URING_NOP_FIXED_BUFFER  (1U << 3)
#define URING_NOP_TW            (1U << 4)
#define URING_NOP_CQE32         (1U << 5) /* 6.18 */

/* URING_OP_URING_CMD, op_flags: buf_index is a registered buffer. 6.1 */
#define URING_CMD_FIXED (1U << 0)

/* URING_OP_URING_CMD on a socket: what off says. */
enum uring_socket_op {
	URING_SOCKET_OP_SIOCINQ = 0,  /* 6.6 */
	URING_SOCKET_OP_SIOCOUTQ = 1, /* 6.6 */
	URING_SOCKET_OP_GETSOCKOPT = 2,
	URING_SOCKET_OP_SETSOCKOPT = 3,
	URING_SOCKET_OP_TX_TIMESTAMP = 4, /* 6.17 */
	URING_SOCKET_OP_GETSOCKNAME = 5,  /* 6.19 */
};

/* URING_OP_URING_CMD on a block device: what off says. 6.12 */
#define URING_BLOCK_CMD_DISCARD 0x1200

/* URING_OP_FSYNC, op_flags. */
#define URING_FSYNC_DATASYNC (1U << 0)

/* URING_OP_TIMEOUT, _TIMEOUT_REMOVE and _LINK_TIMEOUT, op_flags. */
#define URING_TIMEOUT_ABS           (1U << 0)
#define URING_TIMEOUT_UPDATE        (1U << 1) /* 5.11 */
#define URING_TIMEOUT_BOOTTIME      (1U << 2) /* 5.15 */
#define URING_TIMEOUT_REALTIME      (1U << 3) /* 5.15 */
#define URING_LINK_TIMEOUT_UPDATE   (1U << 4) /* 5.15 */
#define URING_TIMEOUT_ETIME_SUCCESS (1U << 5) /* 5.16 */
#define URING_TIMEOUT_MULTISHOT     (1U << 6) /* 6.4 */
#define URING_TIMEOUT_IMMEDIATE_ARG (1U << 7) /* 7.1; addr is nanoseconds */
#define URING_TIMEOUT_CLOCK_MASK \
	(URING_TIMEOUT_BOOTTIME | URING_TIMEOUT_REALTIME)
#define URING_TIMEOUT_UPDATE_MASK \
	(URING_TIMEOUT_UPDATE | URING_LINK_TIMEOUT_UPDATE)

/* URING_OP_SPLICE and _TEE, op_flags, beside splice(2)'s own. */
#define URING_SPLICE_F_FD_IN_FIXED (1U << 31)

/* URING_OP_POLL_ADD and _POLL_REMOVE, in len. */
#define URING_POLL_ADD_MULTI        (1U << 0) /* 5.13 */
#define URING_POLL_UPDATE_EVENTS    (1U << 1) /* 5.13 */
#define URING_POLL_UPDATE_USER_DATA (1U << 2) /* 5.13 */
#define URING_POLL_ADD_LEVEL        (1U << 3) /* 6.0; refused by POLL_ADD */

/* URING_OP_ASYNC_CANCEL, op_flags. */
#define URING_ASYNC_CANCEL_ALL      (1U << 0) /* 5.19 */
#define URING_ASYNC_CANCEL_FD       (1U << 1) /* 5.19 */
#define URING_ASYNC_CANCEL_ANY      (1U << 2) /* 5.19 */
#define URING_ASYNC_CANCEL_FD_FIXED (1U << 3) /* 6.0 */
#define URING_ASYNC_CANCEL_USERDATA (1U << 4) /* 6.6 */
#define URING_ASYNC_CANCEL_OP       (1U << 5) /* 6.6 */

/* Sends and receives, ioprio. */
#define URING_RECVSEND_POLL_FIRST  (1U << 0) /* 5.19 */
#define URING_RECV_MULTISHOT       (1U << 1) /* 6.0 */
#define URING_RECVSEND_FIXED_BUF   (1U << 2) /* 6.0 */
#define URING_SEND_ZC_REPORT_USAGE (1U << 3) /* 6.2 */
#define URING_RECVSEND_BUNDLE      (1U << 4) /* 6.10 */
#define URING_SEND_VECTORIZED      (1U << 5) /* 6.17 */

/* With REPORT_USAGE, a bit of the notification's res: data was copied. */
#define URING_NOTIF_USAGE_ZC_COPIED (1U << 31)

/* URING_OP_ACCEPT, ioprio. */
#define URING_ACCEPT_MULTISHOT  (1U << 0) /* 5.19 */
#define URING_ACCEPT_DONTWAIT   (1U << 1) /* 6.10 */
#define URING_ACCEPT_POLL_FIRST (1U << 2) /* 6.10 */

/* URING_OP_MSG_RING, in addr. */
enum uring_msg {
	URING_MSG_DATA = 0,    /* len becomes res, off becomes user_data */
	URING_MSG_SEND_FD = 1, /* 6.0; a slot of the sender's table */
};

/* URING_OP_MSG_RING, op_flags. */
#define URING_MSG_RING_CQE_SKIP   (1U << 0) /* SEND_FD only */
#define URING_MSG_RING_FLAGS_PASS (1U << 1) /* 6.3; cqe.flags in file_index */

/* URING_OP_FIXED_FD_INSTALL, op_flags. */
#define URING_FIXED_FD_NO_CLOEXEC (1U << 0)

/* Reads and writes with attributes: pad is the mask, addr3 the address. 6.14 */
#define URING_RW_ATTR_FLAG_PI (1U << 0)

struct uring_attr_pi {
	uint16_t flags;
	uint16_t app_tag;
	uint32_t len;
	uint64_t addr;
	uint64_t seed;
	uint64_t rsvd;
};

/* What a multishot recvmsg writes at the start of the buffer it takes. */
struct uring_recvmsg_out {
	uint32_t namelen;
	uint32_t controllen;
	uint32_t payloadlen;
	uint32_t flags;
};

/*
 * Setting up.
 */

/* io_uring_setup, params.flags */
#define URING_SETUP_IOPOLL             (1U << 0)
#define URING_SETUP_SQPOLL             (1U << 1)
#define URING_SETUP_SQ_AFF             (1U << 2)
#define URING_SETUP_CQSIZE             (1U << 3)  /* 5.5 */
#define URING_SETUP_CLAMP              (1U << 4)  /* 5.6 */
#define URING_SETUP_ATTACH_WQ          (1U << 5)  /* 5.6 */
#define URING_SETUP_R_DISABLED         (1U << 6)  /* 5.10 */
#define URING_SETUP_SUBMIT_ALL         (1U << 7)  /* 5.18 */
#define URING_SETUP_COOP_TASKRUN       (1U << 8)  /* 5.19 */
#define URING_SETUP_TASKRUN_FLAG       (1U << 9)  /* 5.19 */
#define URING_SETUP_SQE128             (1U << 10) /* 5.19 */
#define URING_SETUP_CQE32              (1U << 11) /* 5.19 */
#define URING_SETUP_SINGLE_ISSUER      (1U << 12) /* 6.0 */
#define URING_SETUP_DEFER_TASKRUN      (1U << 13) /* 6.1 */
#define URING_SETUP_NO_MMAP            (1U << 14) /* 6.5 */
#define URING_SETUP_REGISTERED_FD_ONLY (1U << 15) /* 6.5 */
#define URING_SETUP_NO_SQARRAY         (1U << 16) /* 6.6 */
#define URING_SETUP_HYBRID_IOPOLL      (1U << 17) /* 6.13 */
#define URING_SETUP_CQE_MIXED          (1U << 18) /* 6.18 */
#define URING_SETUP_SQE_MIXED          (1U << 19) /* 6.19 */
#define URING_SETUP_SQ_REWIND          (1U << 20) /* 7.0 */

/* The most there can be. No kernel can be asked; all have the same. */
#define URING_MAX_SQ_ENTRIES 32768
#define URING_MAX_CQ_ENTRIES 65536
#define URING_MAX_FILES      (1U << 20)
#define URING_MAX_BUFFERS    (1U << 14)

/* params.features, filled in by the kernel. */
#define URING_FEAT_SINGLE_MMAP     (1U << 0)  /* 5.4 */
#define URING_FEAT_NODROP          (1U << 1)  /* 5.5 */
#define URING_FEAT_SUBMIT_STABLE   (1U << 2)  /* 5.5 */
#define URING_FEAT_RW_CUR_POS      (1U << 3)  /* 5.6 */
#define URING_FEAT_CUR_PERSONALITY (1U << 4)  /* 5.6 */
#define URING_FEAT_FAST_POLL       (1U << 5)  /* 5.7 */
#define URING_FEAT_POLL_32BITS     (1U << 6)  /* 5.9 */
#define URING_FEAT_SQPOLL_NONFIXED (1U << 7)  /* 5.11 */
#define URING_FEAT_EXT_ARG         (1U << 8)  /* 5.11 */
#define URING_FEAT_NATIVE_WORKERS  (1U << 9)  /* 5.12 */
#define URING_FEAT_RSRC_TAGS       (1U << 10) /* 5.13 */
#define URING_FEAT_CQE_SKIP        (1U << 11) /* 5.17 */
#define URING_FEAT_LINKED_FILE     (1U << 12) /* 5.17 */
#define URING_FEAT_REG_REG_RING    (1U << 13) /* 6.3 */
#define URING_FEAT_RECVSEND_BUNDLE (1U << 14) /* 6.10 */
#define URING_FEAT_MIN_TIMEOUT     (1U << 15) /* 6.12 */
#define URING_FEAT_RW_ATTR         (1U << 16) /* 6.14 */
#define URING_FEAT_NO_IOWAIT       (1U << 17) /* 6.15 */

/* Where the parts of the submission ring are, in bytes from its start. */
struct uring_sq_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t flags; /* URING_SQ_ */
	uint32_t dropped;
	uint32_t array; /* unused with NO_SQARRAY */
	uint32_t resv1;
	uint64_t user_addr; /* NO_MMAP: memory for the requests */
};

/* The same of the completion ring. */
struct uring_cq_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t ring_mask;
	uint32_t ring_entries;
	uint32_t overflow;
	uint32_t cqes;
	uint32_t flags; /* URING_CQ_ */
	uint32_t resv1;
	uint64_t user_addr; /* NO_MMAP: memory for both rings */
};

struct uring_params {
	uint32_t sq_entries;
	uint32_t cq_entries;
	uint32_t flags; /* URING_SETUP_ */
	uint32_t sq_thread_cpu;
	uint32_t sq_thread_idle; /* milliseconds */
	uint32_t features;       /* URING_FEAT_ */
	uint32_t wq_fd;          /* ATTACH_WQ */
	uint32_t resv[3];
	struct uring_sq_offsets sq_off;
	struct uring_cq_offsets cq_off;
};

/* Offsets for mmap of the ring's descriptor. */
#define URING_OFF_SQ_RING    UINT64_C(0)
#define URING_OFF_CQ_RING    UINT64_C(0x8000000)
#define URING_OFF_SQES       UINT64_C(0x10000000)
#define URING_OFF_PBUF_RING  UINT64_C(0x80000000) /* | group << shift; 6.4 */
#define URING_OFF_PBUF_SHIFT 16
#define URING_OFF_MMAP_MASK  UINT64_C(0xf8000000)

/* The submission ring's flags word, written by the kernel. */
#define URING_SQ_NEED_WAKEUP (1U << 0)
#define URING_SQ_CQ_OVERFLOW (1U << 1) /* 5.8 */
#define URING_SQ_TASKRUN     (1U << 2) /* 5.19 */

/* The completion ring's flags word, written by the program. */
#define URING_CQ_EVENTFD_DISABLED (1U << 0) /* 5.8 */

/*
 * Entering.
 */

/* io_uring_enter, flags */
#define URING_ENTER_GETEVENTS       (1U << 0)
#define URING_ENTER_SQ_WAKEUP       (1U << 1)
#define URING_ENTER_SQ_WAIT         (1U << 2) /* 5.10 */
#define URING_ENTER_EXT_ARG         (1U << 3) /* 5.11 */
#define URING_ENTER_REGISTERED_RING (1U << 4) /* 5.18 */
#define URING_ENTER_ABS_TIMER       (1U << 5) /* 6.12 */
#define URING_ENTER_EXT_ARG_REG     (1U << 6) /* 6.13 */
#define URING_ENTER_NO_IOWAIT       (1U << 7) /* 6.15 */

/* 64-bit seconds on every architecture, the kernel's __kernel_timespec. */
struct uring_timespec {
	int64_t tv_sec;
	int64_t tv_nsec;
};

/* With URING_ENTER_EXT_ARG. */
struct uring_getevents_arg {
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t min_wait_usec; /* 6.12; before that, zero */
	uint64_t ts;            /* struct uring_timespec * */
};

#define URING_REG_WAIT_TS (1U << 0)

/* With URING_ENTER_EXT_ARG_REG; the argument is its byte offset. */
struct uring_reg_wait {
	struct uring_timespec ts;
	uint32_t min_wait_usec;
	uint32_t flags; /* URING_REG_WAIT_ */
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t pad[3];
	uint64_t pad2[2];
};

#include "uapi/io_uring_register.h"

#endif
