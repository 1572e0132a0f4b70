/* pool.h - buffers the kernel picks from when there is data. */
#ifndef A10_POOL_H
#define A10_POOL_H

#include <a10/buf.h>

A10_BEGIN

/*
 * A buffer serves several receives, each given the part it filled: few large
 * buffers do for many connections. On kernels before 6.12 the same memory is
 * cut into buffers of 4 KiB instead. Best for streams; wrong for datagrams.
 */
#define A10_POOL_INCREMENTAL (1u << 0)

/*
 * count buffers of size bytes; count a power of two <= 32768. Owner's thread,
 * or any before the ring is bound (else -EPERM). -EINVAL, -ENOMEM (memory or
 * the memlock limit), -EOPNOTSUPP, -ESHUTDOWN. [REGISTER_PBUF_RING]
 */
A10_API int a10_pool_create(struct a10_ring *ring, uint32_t count,
			    uint32_t size, uint32_t flags,
			    struct a10_pool **ret_pool);

/*
 * Buffers that a network card fills by itself, so nothing is copied: count pages,
 * at most 65536, lent piece by piece. For a10_recv_pooled with a10_multishot and
 * without flags, of TCP sockets whose packets come in by this queue of the
 * interface (if_nametoindex(3)): the card is to split headers, and to steer such
 * flows there and no others. The queue is the ring's until that is destroyed;
 * what is still lent then may be written again. What came in another way is
 * copied. interface 0: none, so all is copied (Linux 7.1), to try a program
 * without such a card. Owner's thread, or any before the ring is bound (else
 * -EPERM, as without CAP_NET_ADMIN). -EINVAL: the ring does not defer task run
 * or has no large_completions, or the queue cannot; -ENODEV; -EEXIST, -EBUSY: it
 * is taken; -EOPNOTSUPP: the card cannot, or Linux before 6.15; -ENOMEM: or the
 * memlock limit; -ESHUTDOWN. [REGISTER_ZCRX_IFQ, RECV_ZC]
 */
A10_API int a10_pool_create_zero_copy(struct a10_ring *ring, uint32_t interface,
				      uint32_t queue, uint32_t count,
				      struct a10_pool **ret_pool);

/*
 * Its memory is freed when the last buffer is back. Operations that use it:
 * -ENXIO, -ECANCELED for those under way. Owner's thread, else it panics. NULL:
 * nothing. A ring destroys the pools that are left.
 */
A10_API void a10_pool_destroy(struct a10_pool *pool);

/* Buffers the kernel can pick now. Owner's thread; a snapshot. */
A10_API uint32_t a10_pool_available(const struct a10_pool *pool);

/*
 * The same as the kernel says, which knows of what was not delivered yet; -errno
 * (-EOPNOTSUPP: before Linux 6.8, or a card's). Owner's thread.
 * [REGISTER_PBUF_STATUS]
 */
A10_API int a10_pool_left(const struct a10_pool *pool);

/*
 * The size of a buffer the kernel picks, which a split pool makes smaller. Any
 * thread.
 */
A10_API uint32_t a10_pool_buffer_size(const struct a10_pool *pool);

A10_END
#endif
