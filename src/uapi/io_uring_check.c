/*
 * Holds io_uring.h against the system's header. Compiles to nothing.
 *
 * The layout is written down here in numbers, since it is what the kernel
 * reads; the names are compared as far as the installed header has them, which
 * is from Linux 6.1 on. A later group asks for a header at least as new as the
 * last of its names.
 */
#include "uapi/io_uring.h"

#include <stddef.h>

#define SIZE(noun, size) \
	_Static_assert(sizeof(struct uring_##noun) == (size), #noun)
#define AT(noun, member, offset)                                          \
	_Static_assert(offsetof(struct uring_##noun, member) == (offset), \
		       #noun "." #member)

SIZE(sqe, 64);
SIZE(sqe128, 128);
SIZE(cqe, 16);
SIZE(cqe32, 32);
SIZE(attr_pi, 32);
SIZE(recvmsg_out, 16);
SIZE(sq_offsets, 40);
SIZE(cq_offsets, 40);
SIZE(params, 120);
SIZE(timespec, 16);
SIZE(getevents_arg, 24);
SIZE(reg_wait, 64);
SIZE(files_update, 16);
SIZE(rsrc_register, 32);
SIZE(rsrc_update, 16);
SIZE(rsrc_update2, 32);
SIZE(probe_op, 8);
SIZE(probe, 16);
SIZE(restriction, 16);
SIZE(buf, 16);
SIZE(buf_reg, 40);
SIZE(buf_status, 40);
SIZE(sync_cancel_reg, 64);
SIZE(file_index_range, 16);
SIZE(napi, 16);
SIZE(clock_register, 16);
SIZE(clone_buffers, 32);
SIZE(region_desc, 64);
SIZE(mem_region_reg, 32);
SIZE(query_hdr, 40);
SIZE(query_opcode, 48);
SIZE(query_scq, 16);
SIZE(zcrx_rqe, 16);
SIZE(zcrx_cqe, 16);
SIZE(zcrx_offsets, 32);
SIZE(zcrx_area_reg, 48);
SIZE(zcrx_ifq_reg, 96);
SIZE(zcrx_ctrl, 72);

AT(sqe, opcode, 0);
AT(sqe, flags, 1);
AT(sqe, ioprio, 2);
AT(sqe, fd, 4);
AT(sqe, off, 8);
AT(sqe, addr, 16);
AT(sqe, len, 24);
AT(sqe, op_flags, 28);
AT(sqe, user_data, 32);
AT(sqe, buf_index, 40);
AT(sqe, personality, 42);
AT(sqe, file_index, 44);
AT(sqe, addr3, URING_SQE_CMD_OFFSET);
AT(sqe, pad, 56);
AT(cqe, res, 8);
AT(cqe, flags, 12);
AT(cqe32, extra, 16);
AT(sq_offsets, flags, 16);
AT(sq_offsets, array, 24);
AT(sq_offsets, user_addr, 32);
AT(cq_offsets, overflow, 16);
AT(cq_offsets, cqes, 20);
AT(cq_offsets, flags, 24);
AT(cq_offsets, user_addr, 32);
AT(params, flags, 8);
AT(params, sq_thread_cpu, 12);
AT(params, sq_thread_idle, 16);
AT(params, features, 20);
AT(params, wq_fd, 24);
AT(params, sq_off, 40);
AT(params, cq_off, 80);
AT(getevents_arg, min_wait_usec, 12);
AT(getevents_arg, ts, 16);
AT(reg_wait, min_wait_usec, 16);
AT(reg_wait, sigmask, 24);
AT(reg_wait, sigmask_sz, 32);
AT(rsrc_register, data, 16);
AT(rsrc_register, tags, 24);
AT(rsrc_update2, data, 8);
AT(rsrc_update2, tags, 16);
AT(rsrc_update2, nr, 24);
AT(probe, ops, 16);
AT(probe_op, flags, 2);
AT(restriction, value, 2);
AT(buf, len, 8);
AT(buf, bid, 12);
AT(buf, resv, URING_BUF_RING_TAIL_OFFSET);
AT(buf_reg, ring_entries, 8);
AT(buf_reg, bgid, 12);
AT(buf_reg, flags, 14);
AT(buf_reg, min_left, 16);
AT(buf_status, head, 4);
AT(sync_cancel_reg, fd, 8);
AT(sync_cancel_reg, flags, 12);
AT(sync_cancel_reg, timeout, 16);
AT(sync_cancel_reg, opcode, 32);
AT(napi, prefer_busy_poll, 4);
AT(napi, opcode, 5);
AT(napi, op_param, 8);
AT(clone_buffers, src_off, 8);
AT(clone_buffers, nr, 16);
AT(attr_pi, app_tag, 2);
AT(attr_pi, addr, 8);
AT(attr_pi, seed, 16);
AT(region_desc, flags, 16);
AT(region_desc, mmap_offset, 24);
AT(mem_region_reg, flags, 8);
AT(query_hdr, query_op, 16);
AT(query_hdr, result, 24);
AT(query_opcode, feature_flags, 8);
AT(query_opcode, nr_query_opcodes, 40);
AT(zcrx_ifq_reg, area_ptr, 16);
AT(zcrx_ifq_reg, offsets, 32);
AT(zcrx_ifq_reg, zcrx_id, 64);
AT(zcrx_area_reg, rq_area_token, 16);
AT(zcrx_rqe, len, 8);

#if __has_include(<linux/io_uring.h>) && __has_include(<linux/version.h>)
#include <linux/version.h>
#define HEADER_FROM(major, minor) \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))
#else
#define HEADER_FROM(major, minor) 0
#endif

#if HEADER_FROM(6, 1)
#include <linux/io_uring.h>

#define EQUAL(ours, theirs) \
	_Static_assert((long long)(ours) == (long long)(theirs), #ours)
#define SAME(name) EQUAL(URING_##name, IORING_##name)
#define SAME_SIZE(ours, theirs) \
	_Static_assert(sizeof(struct ours) == sizeof(struct theirs), #ours)
#define SAME_PLACE(ours, our, theirs, their)                   \
	_Static_assert(offsetof(struct ours, our) ==           \
			       offsetof(struct theirs, their), \
		       #ours "." #our)

SAME_SIZE(uring_sq_offsets, io_sqring_offsets);
SAME_SIZE(uring_cq_offsets, io_cqring_offsets);
SAME_SIZE(uring_timespec, __kernel_timespec);
SAME_SIZE(uring_sqe, io_uring_sqe);
SAME_SIZE(uring_cqe, io_uring_cqe);
SAME_SIZE(uring_recvmsg_out, io_uring_recvmsg_out);
SAME_SIZE(uring_params, io_uring_params);
SAME_SIZE(uring_getevents_arg, io_uring_getevents_arg);
SAME_SIZE(uring_files_update, io_uring_files_update);
SAME_SIZE(uring_rsrc_register, io_uring_rsrc_register);
SAME_SIZE(uring_rsrc_update, io_uring_rsrc_update);
SAME_SIZE(uring_rsrc_update2, io_uring_rsrc_update2);
SAME_SIZE(uring_probe_op, io_uring_probe_op);
SAME_SIZE(uring_probe, io_uring_probe);
SAME_SIZE(uring_restriction, io_uring_restriction);
SAME_SIZE(uring_buf, io_uring_buf);
SAME_SIZE(uring_buf_reg, io_uring_buf_reg);
SAME_SIZE(uring_sync_cancel_reg, io_uring_sync_cancel_reg);
SAME_SIZE(uring_file_index_range, io_uring_file_index_range);
SAME_PLACE(uring_sqe, opcode, io_uring_sqe, opcode);
SAME_PLACE(uring_sqe, off, io_uring_sqe, addr2);
SAME_PLACE(uring_sqe, off, io_uring_sqe, cmd_op);
SAME_PLACE(uring_sqe, addr, io_uring_sqe, splice_off_in);
SAME_PLACE(uring_sqe, len, io_uring_sqe, len);
SAME_PLACE(uring_sqe, op_flags, io_uring_sqe, rw_flags);
SAME_PLACE(uring_sqe, op_flags, io_uring_sqe, poll32_events);
SAME_PLACE(uring_sqe, user_data, io_uring_sqe, user_data);
SAME_PLACE(uring_sqe, buf_index, io_uring_sqe, buf_group);
SAME_PLACE(uring_sqe, personality, io_uring_sqe, personality);
SAME_PLACE(uring_sqe, file_index, io_uring_sqe, splice_fd_in);
SAME_PLACE(uring_sqe, file_index, io_uring_sqe, file_index);
SAME_PLACE(uring_sqe, file_index, io_uring_sqe, addr_len);
SAME_PLACE(uring_sqe, addr3, io_uring_sqe, addr3);
SAME_PLACE(uring_sqe, addr3, io_uring_sqe, cmd);
SAME_PLACE(uring_cqe, res, io_uring_cqe, res);
SAME_PLACE(uring_cqe32, extra, io_uring_cqe, big_cqe);
SAME_PLACE(uring_params, features, io_uring_params, features);
SAME_PLACE(uring_params, wq_fd, io_uring_params, wq_fd);
SAME_PLACE(uring_params, sq_off, io_uring_params, sq_off);
SAME_PLACE(uring_params, cq_off, io_uring_params, cq_off);
SAME_PLACE(uring_getevents_arg, ts, io_uring_getevents_arg, ts);
SAME_PLACE(uring_rsrc_update2, nr, io_uring_rsrc_update2, nr);
SAME_PLACE(uring_probe, ops, io_uring_probe, ops);
SAME_PLACE(uring_restriction, value, io_uring_restriction, sqe_op);
SAME_PLACE(uring_buf_reg, bgid, io_uring_buf_reg, bgid);
SAME_PLACE(uring_sync_cancel_reg, timeout, io_uring_sync_cancel_reg, timeout);
SAME_PLACE(uring_sq_offsets, array, io_sqring_offsets, array);
SAME_PLACE(uring_cq_offsets, flags, io_cqring_offsets, flags);
_Static_assert(offsetof(struct io_uring_buf_ring, tail) ==
		       URING_BUF_RING_TAIL_OFFSET,
	       "tail");

SAME(FILE_INDEX_ALLOC);
EQUAL(URING_SQE_FIXED_FILE, IOSQE_FIXED_FILE);
EQUAL(URING_SQE_IO_DRAIN, IOSQE_IO_DRAIN);
EQUAL(URING_SQE_IO_LINK, IOSQE_IO_LINK);
EQUAL(URING_SQE_IO_HARDLINK, IOSQE_IO_HARDLINK);
EQUAL(URING_SQE_ASYNC, IOSQE_ASYNC);
EQUAL(URING_SQE_BUFFER_SELECT, IOSQE_BUFFER_SELECT);
EQUAL(URING_SQE_CQE_SKIP_SUCCESS, IOSQE_CQE_SKIP_SUCCESS);
SAME(CQE_F_BUFFER);
SAME(CQE_F_MORE);
SAME(CQE_F_SOCK_NONEMPTY);
SAME(CQE_F_NOTIF);
SAME(CQE_BUFFER_SHIFT);
EQUAL(URING_CMD_FIXED, IORING_URING_CMD_FIXED);
SAME(FSYNC_DATASYNC);
SAME(TIMEOUT_ABS);
SAME(TIMEOUT_UPDATE);
SAME(TIMEOUT_BOOTTIME);
SAME(TIMEOUT_REALTIME);
SAME(LINK_TIMEOUT_UPDATE);
SAME(TIMEOUT_ETIME_SUCCESS);
SAME(TIMEOUT_CLOCK_MASK);
SAME(TIMEOUT_UPDATE_MASK);
EQUAL(URING_SPLICE_F_FD_IN_FIXED, SPLICE_F_FD_IN_FIXED);
SAME(POLL_ADD_MULTI);
SAME(POLL_UPDATE_EVENTS);
SAME(POLL_UPDATE_USER_DATA);
SAME(POLL_ADD_LEVEL);
SAME(ASYNC_CANCEL_ALL);
SAME(ASYNC_CANCEL_FD);
SAME(ASYNC_CANCEL_ANY);
SAME(ASYNC_CANCEL_FD_FIXED);
SAME(RECVSEND_POLL_FIRST);
SAME(RECV_MULTISHOT);
SAME(RECVSEND_FIXED_BUF);
SAME(SEND_ZC_REPORT_USAGE);
SAME(NOTIF_USAGE_ZC_COPIED);
SAME(ACCEPT_MULTISHOT);
SAME(MSG_RING_CQE_SKIP);
SAME(SETUP_IOPOLL);
SAME(SETUP_SQPOLL);
SAME(SETUP_SQ_AFF);
SAME(SETUP_CQSIZE);
SAME(SETUP_CLAMP);
SAME(SETUP_ATTACH_WQ);
SAME(SETUP_R_DISABLED);
SAME(SETUP_SUBMIT_ALL);
SAME(SETUP_COOP_TASKRUN);
SAME(SETUP_TASKRUN_FLAG);
SAME(SETUP_SQE128);
SAME(SETUP_CQE32);
SAME(SETUP_SINGLE_ISSUER);
SAME(SETUP_DEFER_TASKRUN);
SAME(FEAT_SINGLE_MMAP);
SAME(FEAT_NODROP);
SAME(FEAT_SUBMIT_STABLE);
SAME(FEAT_RW_CUR_POS);
SAME(FEAT_CUR_PERSONALITY);
SAME(FEAT_FAST_POLL);
SAME(FEAT_POLL_32BITS);
SAME(FEAT_SQPOLL_NONFIXED);
SAME(FEAT_EXT_ARG);
SAME(FEAT_NATIVE_WORKERS);
SAME(FEAT_RSRC_TAGS);
SAME(FEAT_CQE_SKIP);
SAME(FEAT_LINKED_FILE);
SAME(OFF_SQ_RING);
SAME(OFF_CQ_RING);
SAME(OFF_SQES);
SAME(SQ_NEED_WAKEUP);
SAME(SQ_CQ_OVERFLOW);
SAME(SQ_TASKRUN);
SAME(CQ_EVENTFD_DISABLED);
SAME(ENTER_GETEVENTS);
SAME(ENTER_SQ_WAKEUP);
SAME(ENTER_SQ_WAIT);
SAME(ENTER_EXT_ARG);
SAME(ENTER_REGISTERED_RING);
SAME(REGISTER_FILES_SKIP);
SAME(RSRC_REGISTER_SPARSE);
EQUAL(URING_OP_SUPPORTED, IO_URING_OP_SUPPORTED);
SAME(OP_NOP);
SAME(OP_READV);
SAME(OP_WRITEV);
SAME(OP_FSYNC);
SAME(OP_READ_FIXED);
SAME(OP_WRITE_FIXED);
SAME(OP_POLL_ADD);
SAME(OP_POLL_REMOVE);
SAME(OP_SYNC_FILE_RANGE);
SAME(OP_SENDMSG);
SAME(OP_RECVMSG);
SAME(OP_TIMEOUT);
SAME(OP_TIMEOUT_REMOVE);
SAME(OP_ACCEPT);
SAME(OP_ASYNC_CANCEL);
SAME(OP_LINK_TIMEOUT);
SAME(OP_CONNECT);
SAME(OP_FALLOCATE);
SAME(OP_OPENAT);
SAME(OP_CLOSE);
SAME(OP_FILES_UPDATE);
SAME(OP_STATX);
SAME(OP_READ);
SAME(OP_WRITE);
SAME(OP_FADVISE);
SAME(OP_MADVISE);
SAME(OP_SEND);
SAME(OP_RECV);
SAME(OP_OPENAT2);
SAME(OP_EPOLL_CTL);
SAME(OP_SPLICE);
SAME(OP_PROVIDE_BUFFERS);
SAME(OP_REMOVE_BUFFERS);
SAME(OP_TEE);
SAME(OP_SHUTDOWN);
SAME(OP_RENAMEAT);
SAME(OP_UNLINKAT);
SAME(OP_MKDIRAT);
SAME(OP_SYMLINKAT);
SAME(OP_LINKAT);
SAME(OP_MSG_RING);
SAME(OP_FSETXATTR);
SAME(OP_SETXATTR);
SAME(OP_FGETXATTR);
SAME(OP_GETXATTR);
SAME(OP_SOCKET);
SAME(OP_URING_CMD);
SAME(OP_SEND_ZC);
SAME(OP_SENDMSG_ZC);
SAME(MSG_DATA);
SAME(MSG_SEND_FD);
SAME(REGISTER_BUFFERS);
SAME(UNREGISTER_BUFFERS);
SAME(REGISTER_FILES);
SAME(UNREGISTER_FILES);
SAME(REGISTER_EVENTFD);
SAME(UNREGISTER_EVENTFD);
SAME(REGISTER_FILES_UPDATE);
SAME(REGISTER_EVENTFD_ASYNC);
SAME(REGISTER_PROBE);
SAME(REGISTER_PERSONALITY);
SAME(UNREGISTER_PERSONALITY);
SAME(REGISTER_RESTRICTIONS);
SAME(REGISTER_ENABLE_RINGS);
SAME(REGISTER_FILES2);
SAME(REGISTER_FILES_UPDATE2);
SAME(REGISTER_BUFFERS2);
SAME(REGISTER_BUFFERS_UPDATE);
SAME(REGISTER_IOWQ_AFF);
SAME(UNREGISTER_IOWQ_AFF);
SAME(REGISTER_IOWQ_MAX_WORKERS);
SAME(REGISTER_RING_FDS);
SAME(UNREGISTER_RING_FDS);
SAME(REGISTER_PBUF_RING);
SAME(UNREGISTER_PBUF_RING);
SAME(REGISTER_SYNC_CANCEL);
SAME(REGISTER_FILE_ALLOC_RANGE);
EQUAL(URING_WQ_BOUND, IO_WQ_BOUND);
EQUAL(URING_WQ_UNBOUND, IO_WQ_UNBOUND);
SAME(RESTRICTION_REGISTER_OP);
SAME(RESTRICTION_SQE_OP);
SAME(RESTRICTION_SQE_FLAGS_ALLOWED);
SAME(RESTRICTION_SQE_FLAGS_REQUIRED);
#endif /* 6.1 */

#if HEADER_FROM(6, 6)
SAME(ASYNC_CANCEL_USERDATA);
SAME(ASYNC_CANCEL_OP);
SAME(OFF_MMAP_MASK);
SAME(FEAT_REG_REG_RING);
SAME(MSG_RING_FLAGS_PASS);
SAME(REGISTER_USE_REGISTERED_RING);
SAME(TIMEOUT_MULTISHOT);
SAME(OFF_PBUF_RING);
SAME(OFF_PBUF_SHIFT);
EQUAL(URING_PBUF_MMAP, IOU_PBUF_RING_MMAP);
SAME(SETUP_NO_MMAP);
SAME(SETUP_REGISTERED_FD_ONLY);
SAME(SETUP_NO_SQARRAY);
#endif /* 6.6 */

#if HEADER_FROM(6, 12)
SAME(OP_READ_MULTISHOT);
SAME(OP_WAITID);
SAME(OP_FUTEX_WAIT);
SAME(OP_FUTEX_WAKE);
SAME(OP_FUTEX_WAITV);
SAME(OP_FIXED_FD_INSTALL);
SAME(OP_FTRUNCATE);
SAME(OP_BIND);
SAME(OP_LISTEN);
EQUAL(URING_SOCKET_OP_SIOCINQ, SOCKET_URING_OP_SIOCINQ);
EQUAL(URING_SOCKET_OP_SIOCOUTQ, SOCKET_URING_OP_SIOCOUTQ);
EQUAL(URING_SOCKET_OP_GETSOCKOPT, SOCKET_URING_OP_GETSOCKOPT);
EQUAL(URING_SOCKET_OP_SETSOCKOPT, SOCKET_URING_OP_SETSOCKOPT);
SAME(NOP_INJECT_RESULT);
SAME(ACCEPT_DONTWAIT);
SAME(ACCEPT_POLL_FIRST);
SAME(RECVSEND_BUNDLE);
SAME(FIXED_FD_NO_CLOEXEC);
SAME(CQE_F_BUF_MORE);
SAME(FEAT_RECVSEND_BUNDLE);
SAME(FEAT_MIN_TIMEOUT);
SAME(ENTER_ABS_TIMER);
SAME(REGISTER_PBUF_STATUS);
SAME(REGISTER_NAPI);
SAME(UNREGISTER_NAPI);
SAME(REGISTER_CLOCK);
SAME(REGISTER_CLONE_BUFFERS);
SAME(REGISTER_SRC_REGISTERED);
EQUAL(URING_PBUF_INC, IOU_PBUF_RING_INC);
SAME_SIZE(uring_buf_status, io_uring_buf_status);
SAME_SIZE(uring_napi, io_uring_napi);
SAME_SIZE(uring_clock_register, io_uring_clock_register);
SAME_PLACE(uring_getevents_arg, min_wait_usec, io_uring_getevents_arg,
	   min_wait_usec);
SAME_PLACE(uring_sq_offsets, user_addr, io_sqring_offsets, user_addr);
SAME_PLACE(uring_cq_offsets, user_addr, io_cqring_offsets, user_addr);
#endif /* 6.12 */

#if HEADER_FROM(6, 16)
SAME(OP_RECV_ZC);
SAME(OP_EPOLL_WAIT);
SAME(OP_READV_FIXED);
SAME(OP_WRITEV_FIXED);
SAME(OP_PIPE);
SAME(NOP_FILE);
SAME(NOP_FIXED_FILE);
SAME(NOP_FIXED_BUFFER);
SAME(NOP_TW);
SAME(RW_ATTR_FLAG_PI);
SAME(SETUP_HYBRID_IOPOLL);
SAME(FEAT_RW_ATTR);
SAME(FEAT_NO_IOWAIT);
SAME(ENTER_EXT_ARG_REG);
SAME(ENTER_NO_IOWAIT);
SAME(REG_WAIT_TS);
SAME(REGISTER_SEND_MSG_RING);
SAME(REGISTER_ZCRX_IFQ);
SAME(REGISTER_RESIZE_RINGS);
SAME(REGISTER_MEM_REGION);
SAME(REGISTER_DST_REPLACE);
EQUAL(URING_NAPI_REGISTER_OP, IO_URING_NAPI_REGISTER_OP);
EQUAL(URING_NAPI_STATIC_ADD_ID, IO_URING_NAPI_STATIC_ADD_ID);
EQUAL(URING_NAPI_STATIC_DEL_ID, IO_URING_NAPI_STATIC_DEL_ID);
EQUAL(URING_NAPI_TRACKING_DYNAMIC, IO_URING_NAPI_TRACKING_DYNAMIC);
EQUAL(URING_NAPI_TRACKING_STATIC, IO_URING_NAPI_TRACKING_STATIC);
EQUAL(URING_NAPI_TRACKING_INACTIVE, IO_URING_NAPI_TRACKING_INACTIVE);
SAME(MEM_REGION_TYPE_USER);
SAME(MEM_REGION_REG_WAIT_ARG);
SAME(ZCRX_AREA_SHIFT);
SAME(ZCRX_AREA_MASK);
SAME(ZCRX_AREA_DMABUF);
SAME_SIZE(uring_attr_pi, io_uring_attr_pi);
SAME_SIZE(uring_reg_wait, io_uring_reg_wait);
SAME_SIZE(uring_clone_buffers, io_uring_clone_buffers);
SAME_SIZE(uring_region_desc, io_uring_region_desc);
SAME_SIZE(uring_mem_region_reg, io_uring_mem_region_reg);
SAME_SIZE(uring_zcrx_rqe, io_uring_zcrx_rqe);
SAME_SIZE(uring_zcrx_cqe, io_uring_zcrx_cqe);
SAME_SIZE(uring_zcrx_offsets, io_uring_zcrx_offsets);
SAME_SIZE(uring_zcrx_area_reg, io_uring_zcrx_area_reg);
SAME_SIZE(uring_zcrx_ifq_reg, io_uring_zcrx_ifq_reg);
#endif /* 6.16 */

#if HEADER_FROM(6, 18)
SAME(SETUP_CQE_MIXED);
SAME(CQE_F_SKIP);
SAME(CQE_F_32);
SAME(CQE_F_TSTAMP_HW);
SAME(TIMESTAMP_HW_SHIFT);
SAME(TIMESTAMP_TYPE_SHIFT);
EQUAL(URING_SOCKET_OP_TX_TIMESTAMP, SOCKET_URING_OP_TX_TIMESTAMP);
SAME(NOP_CQE32);
SAME(SEND_VECTORIZED);
SAME(REGISTER_QUERY);

#include <linux/io_uring/query.h>
EQUAL(URING_QUERY_OPCODES, IO_URING_QUERY_OPCODES);
SAME_SIZE(uring_query_hdr, io_uring_query_hdr);
SAME_SIZE(uring_query_opcode, io_uring_query_opcode);
#endif /* 6.18 */

#if HEADER_FROM(7, 0)
SAME(OP_NOP128);
SAME(OP_URING_CMD128);
EQUAL(URING_SOCKET_OP_GETSOCKNAME, SOCKET_URING_OP_GETSOCKNAME);
SAME(SETUP_SQE_MIXED);
SAME(SETUP_SQ_REWIND);
SAME(REGISTER_ZCRX_CTRL);
SAME(REGISTER_BPF_FILTER);
EQUAL(URING_QUERY_ZCRX, IO_URING_QUERY_ZCRX);
EQUAL(URING_QUERY_SCQ, IO_URING_QUERY_SCQ);
SAME_SIZE(uring_query_scq, io_uring_query_scq);
SAME_SIZE(uring_zcrx_ctrl, zcrx_ctrl);
EQUAL(URING_ZCRX_CTRL_FLUSH_RQ, ZCRX_CTRL_FLUSH_RQ);
#endif /* 7.0 */

#if HEADER_FROM(7, 1)
SAME(TIMEOUT_IMMEDIATE_ARG);
#endif /* 7.1 */

#if HEADER_FROM(7, 1)
EQUAL(URING_ZCRX_REG_NODEV, ZCRX_REG_NODEV);
#endif /* 7.1 */
