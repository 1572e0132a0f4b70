/*
 * What io_uring_register(2) takes: opcodes, structs and their flags. Part of
 * io_uring.h, which says how things are named; include that one.
 */
#ifndef URING_IO_URING_REGISTER_H
#define URING_IO_URING_REGISTER_H

#include "uapi/io_uring.h"

/* io_uring_register, opcode */
enum uring_register_op {
	URING_REGISTER_BUFFERS = 0,
	URING_UNREGISTER_BUFFERS = 1,
	URING_REGISTER_FILES = 2,
	URING_UNREGISTER_FILES = 3,
	URING_REGISTER_EVENTFD = 4, /* 5.2 */
	URING_UNREGISTER_EVENTFD = 5,
	URING_REGISTER_FILES_UPDATE = 6,  /* 5.5 */
	URING_REGISTER_EVENTFD_ASYNC = 7, /* 5.6 */
	URING_REGISTER_PROBE = 8,         /* 5.6 */
	URING_REGISTER_PERSONALITY = 9,   /* 5.6 */
	URING_UNREGISTER_PERSONALITY = 10,
	URING_REGISTER_RESTRICTIONS = 11, /* 5.10 */
	URING_REGISTER_ENABLE_RINGS = 12, /* 5.10 */
	URING_REGISTER_FILES2 = 13,       /* 5.13 */
	URING_REGISTER_FILES_UPDATE2 = 14,
	URING_REGISTER_BUFFERS2 = 15,
	URING_REGISTER_BUFFERS_UPDATE = 16,
	URING_REGISTER_IOWQ_AFF = 17, /* 5.14 */
	URING_UNREGISTER_IOWQ_AFF = 18,
	URING_REGISTER_IOWQ_MAX_WORKERS = 19, /* 5.15 */
	URING_REGISTER_RING_FDS = 20,         /* 5.18 */
	URING_UNREGISTER_RING_FDS = 21,
	URING_REGISTER_PBUF_RING = 22, /* 5.19 */
	URING_UNREGISTER_PBUF_RING = 23,
	URING_REGISTER_SYNC_CANCEL = 24,      /* 6.0 */
	URING_REGISTER_FILE_ALLOC_RANGE = 25, /* 6.0 */
	URING_REGISTER_PBUF_STATUS = 26,      /* 6.8 */
	URING_REGISTER_NAPI = 27,             /* 6.9 */
	URING_UNREGISTER_NAPI = 28,
	URING_REGISTER_CLOCK = 29,         /* 6.12 */
	URING_REGISTER_CLONE_BUFFERS = 30, /* 6.12 */
	URING_REGISTER_SEND_MSG_RING = 31, /* 6.13 */
	URING_REGISTER_ZCRX_IFQ = 32,      /* 6.15 */
	URING_REGISTER_RESIZE_RINGS = 33,  /* 6.13 */
	URING_REGISTER_MEM_REGION = 34,    /* 6.13 */
	URING_REGISTER_QUERY = 35,         /* 6.18 */
	URING_REGISTER_ZCRX_CTRL = 36,     /* 6.19 */
	URING_REGISTER_BPF_FILTER = 37,    /* 7.0 */
	URING_REGISTER_COUNT,              /* how many this header knows */
};

/* Added to the opcode: the descriptor is a registered ring's index. 6.3 */
#define URING_REGISTER_USE_REGISTERED_RING (1U << 31)

/* IOWQ_MAX_WORKERS: which of the two numbers. */
enum uring_wq {
	URING_WQ_BOUND = 0,
	URING_WQ_UNBOUND = 1,
};

/* FILES_UPDATE; rsrc_update has the same shape. */
struct uring_files_update {
	uint32_t offset;
	uint32_t resv;
	uint64_t fds; /* int32_t * */
};

/* A descriptor to leave as it is. */
#define URING_REGISTER_FILES_SKIP (-2)

/* FILES2 and BUFFERS2: no array, all slots empty. 5.19 */
#define URING_RSRC_REGISTER_SPARSE (1U << 0)

/* FILES2 and BUFFERS2; nr_args is its size. */
struct uring_rsrc_register {
	uint32_t nr;
	uint32_t flags; /* URING_RSRC_REGISTER_ */
	uint64_t resv2;
	uint64_t data;
	uint64_t tags;
};

/* RING_FDS: data is the descriptor, offset the index or ~0U. */
struct uring_rsrc_update {
	uint32_t offset;
	uint32_t resv;
	uint64_t data;
};

/* FILES_UPDATE2 and BUFFERS_UPDATE; nr_args is its size. */
struct uring_rsrc_update2 {
	uint32_t offset;
	uint32_t resv;
	uint64_t data;
	uint64_t tags;
	uint32_t nr;
	uint32_t resv2;
};

#define URING_OP_SUPPORTED (1U << 0)

struct uring_probe_op {
	uint8_t op;
	uint8_t resv;
	uint16_t flags; /* URING_OP_SUPPORTED */
	uint32_t resv2;
};

/*
 * PROBE; must be zero before. nr_args is the number of ops there is room for.
 */
struct uring_probe {
	uint8_t last_op;
	uint8_t ops_len;
	uint16_t resv;
	uint32_t resv2[3];
	struct uring_probe_op ops[];
};

/* restriction.opcode */
enum uring_restriction_op {
	URING_RESTRICTION_REGISTER_OP = 0,
	URING_RESTRICTION_SQE_OP = 1,
	URING_RESTRICTION_SQE_FLAGS_ALLOWED = 2,
	URING_RESTRICTION_SQE_FLAGS_REQUIRED = 3,
};

/* RESTRICTIONS, on a disabled ring. */
struct uring_restriction {
	uint16_t opcode;
	uint8_t value; /* register_op, sqe_op or sqe_flags */
	uint8_t resv;
	uint32_t resv2[3];
};

/*
 * A provided buffer. The ring is an array of these; the low half of its first
 * entry's last word, resv, is the ring's tail, which the program writes. So a
 * buffer written to entry 0 must leave that member alone.
 */
struct uring_buf {
	uint64_t addr;
	uint32_t len;
	uint16_t bid;
	uint16_t resv; /* entry 0: the tail */
};

/* Where the tail lies in the ring, in bytes. */
#define URING_BUF_RING_TAIL_OFFSET 14

/* buf_reg.flags */
#define URING_PBUF_MMAP (1U << 0) /* 6.4; memory is the kernel's */
#define URING_PBUF_INC  (1U << 1) /* 6.12; used up piece by piece */

/* PBUF_RING, both ways. */
struct uring_buf_reg {
	uint64_t ring_addr;
	uint32_t ring_entries;
	uint16_t bgid;
	uint16_t flags;    /* URING_PBUF_ */
	uint32_t min_left; /* with INC, 7.1 and backports; else zero */
	uint32_t resv[5];
};

/* PBUF_STATUS */
struct uring_buf_status {
	uint32_t buf_group;
	uint32_t head; /* written by the kernel */
	uint32_t resv[8];
};

/* SYNC_CANCEL; flags are URING_ASYNC_CANCEL_. A timeout of -1, -1 is none. */
struct uring_sync_cancel_reg {
	uint64_t addr;
	int32_t fd;
	uint32_t flags;
	struct uring_timespec timeout;
	uint8_t opcode; /* with URING_ASYNC_CANCEL_OP */
	uint8_t pad[7];
	uint64_t pad2[3];
};

/* FILE_ALLOC_RANGE; nr_args is 0. */
struct uring_file_index_range {
	uint32_t off;
	uint32_t len;
	uint64_t resv;
};

/* napi.opcode, 6.13 */
enum uring_napi_op {
	URING_NAPI_REGISTER_OP = 0,
	URING_NAPI_STATIC_ADD_ID = 1,
	URING_NAPI_STATIC_DEL_ID = 2,
};

/* napi.op_param of URING_NAPI_REGISTER_OP, 6.13 */
enum uring_napi_tracking {
	URING_NAPI_TRACKING_DYNAMIC = 0,
	URING_NAPI_TRACKING_STATIC = 1,
	URING_NAPI_TRACKING_INACTIVE = 255,
};

/* NAPI, both ways. */
struct uring_napi {
	uint32_t busy_poll_to; /* microseconds */
	uint8_t prefer_busy_poll;
	uint8_t opcode; /* 6.13; before that, zero */
	uint8_t pad[2];
	uint32_t op_param;
	uint32_t resv;
};

/* CLOCK; nr_args is 0. CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
struct uring_clock_register {
	uint32_t clockid;
	uint32_t resv[3];
};

/* clone_buffers.flags */
#define URING_REGISTER_SRC_REGISTERED (1U << 0)
#define URING_REGISTER_DST_REPLACE    (1U << 1)

/* CLONE_BUFFERS */
struct uring_clone_buffers {
	uint32_t src_fd;
	uint32_t flags;
	uint32_t src_off; /* 6.13, as all that follow; before that, zero */
	uint32_t dst_off;
	uint32_t nr;
	uint32_t pad[3];
};

/* region_desc.flags: the memory is the program's. */
#define URING_MEM_REGION_TYPE_USER (1U << 0)

struct uring_region_desc {
	uint64_t user_addr;
	uint64_t size;
	uint32_t flags; /* URING_MEM_REGION_TYPE_ */
	uint32_t id;
	uint64_t mmap_offset; /* the kernel's, if the memory is */
	uint64_t resv[4];
};

/*
 * mem_region_reg.flags: struct uring_reg_wait live there; disabled ring only.
 */
#define URING_MEM_REGION_REG_WAIT_ARG (1U << 0)

/* MEM_REGION */
struct uring_mem_region_reg {
	uint64_t region_uptr; /* struct uring_region_desc * */
	uint64_t flags;       /* URING_MEM_REGION_REG_ */
	uint64_t resv[2];
};

/* query_hdr.query_op */
enum uring_query {
	URING_QUERY_OPCODES = 0,
	URING_QUERY_ZCRX = 1, /* 6.19 */
	URING_QUERY_SCQ = 2,  /* 6.19 */
};

/* QUERY: a chain of these; nr_args is 0, and the descriptor may be -1. */
struct uring_query_hdr {
	uint64_t next_entry; /* struct uring_query_hdr *, or 0 */
	uint64_t query_data;
	uint32_t query_op;
	uint32_t size; /* of what query_data points to */
	int32_t result;
	uint32_t resv[3];
};

/* URING_QUERY_OPCODES; an older kernel writes less. */
struct uring_query_opcode {
	uint32_t nr_request_opcodes;
	uint32_t nr_register_opcodes;
	uint64_t feature_flags;
	uint64_t ring_setup_flags;
	uint64_t enter_flags;
	uint64_t sqe_flags;
	uint32_t nr_query_opcodes;
	uint32_t pad;
};

/* URING_QUERY_SCQ: room the rings need beside their entries, for NO_MMAP. */
struct uring_query_scq {
	uint64_t hdr_size;
	uint64_t hdr_alignment;
};

/*
 * Receiving without copies, 6.15.
 */

/* Given back to the refill ring. */
struct uring_zcrx_rqe {
	uint64_t off;
	uint32_t len;
	uint32_t pad;
};

/* The second half of a 32-byte completion. */
struct uring_zcrx_cqe {
	uint64_t off;
	uint64_t pad;
};

#define URING_ZCRX_AREA_SHIFT 48
#define URING_ZCRX_AREA_MASK  (~((UINT64_C(1) << URING_ZCRX_AREA_SHIFT) - 1))

struct uring_zcrx_offsets {
	uint32_t head;
	uint32_t tail;
	uint32_t rqes;
	uint32_t resv2;
	uint64_t resv[2];
};

/* zcrx_area_reg.flags, 6.16 */
#define URING_ZCRX_AREA_DMABUF (1U << 0)

struct uring_zcrx_area_reg {
	uint64_t addr;
	uint64_t len;
	uint64_t rq_area_token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t resv2[2];
};

/* zcrx_ifq_reg.flags, 7.1: no interface, all is copied. */
#define URING_ZCRX_REG_NODEV (1U << 1)

/* ZCRX_IFQ */
struct uring_zcrx_ifq_reg {
	uint32_t if_idx;
	uint32_t if_rxq;
	uint32_t rq_entries;
	uint32_t flags;
	uint64_t area_ptr;   /* struct uring_zcrx_area_reg * */
	uint64_t region_ptr; /* struct uring_region_desc * */
	struct uring_zcrx_offsets offsets;
	uint32_t zcrx_id;
	uint32_t rx_buf_len;
	uint64_t resv[3];
};

/* zcrx_ctrl.op */
enum uring_zcrx_ctrl_op {
	URING_ZCRX_CTRL_FLUSH_RQ = 0, /* takes what was given back */
};

/* ZCRX_CTRL, 6.19; nr_args is 0. */
struct uring_zcrx_ctrl {
	uint32_t zcrx_id;
	uint32_t op; /* URING_ZCRX_CTRL_ */
	uint64_t resv[2];
	uint64_t argument[6];
};

#endif
