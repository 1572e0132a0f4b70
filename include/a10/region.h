/* region.h - memory the kernel knows, so that it need not look it up. */
#ifndef A10_REGION_H
#define A10_REGION_H

#include <a10/base.h>

A10_BEGIN

/*
 * Registers size bytes (at most 1 GiB, else -EINVAL) for a10_fixed. memory NULL:
 * allocated, page-aligned. Owner's thread, or any before the ring is bound (else
 * -EPERM). -ENFILE: no slot of config.registered_buffers is free; -EFAULT;
 * -ENOMEM: memory or the memlock limit; -ESHUTDOWN; -ECHILD: in a forked child.
 * [REGISTER_BUFFERS2, REGISTER_BUFFERS_UPDATE]
 */
A10_API int a10_region_create(struct a10_ring *ring, void *memory, size_t size,
			      struct a10_region **ret_region);

/*
 * Its memory and its slot are kept until the last operation with it is over;
 * memory of the caller's may be freed then. Owner's thread, or any before the
 * ring is bound; another one is a bug, which aborts. Once: it is gone then. NULL:
 * nothing. A ring destroys the regions that are left.
 */
A10_API void a10_region_destroy(struct a10_region *region);

/*
 * Other memory in place of it, as in a10_region_create; -EBUSY: an operation
 * names it. memory must not be NULL (-EINVAL); what was there is released, as
 * if the region was destroyed. Owner's thread. [REGISTER_BUFFERS_UPDATE]
 */
A10_API int a10_region_update(struct a10_region *region, void *memory,
			      size_t size);

/*
 * The same memory on another ring, of which it does not count against the
 * memlock limit again. Before Linux 6.13 it is registered anew. Either may be
 * destroyed first: allocated memory goes with the last. 0, or as
 * a10_region_create. ring's owner's thread, or any before ring is bound, while
 * nobody uses region's ring.
 * [REGISTER_CLONE_BUFFERS]
 */
A10_API int a10_region_clone(const struct a10_region *region,
			     struct a10_ring *ring,
			     struct a10_region **ret_region);

/*
 * Calls release(owned) once, when no region with the memory is left, no clone of
 * it on another ring, and no operation that names one: the caller's memory may be
 * freed then. On the thread of the last ring that had it; release NULL: not. 0,
 * or as a10_region_create. Owner's thread, or any before the ring is bound.
 */
A10_API int a10_region_set_release(struct a10_region *region,
				   void (*release)(void *owned), void *owned);

/*
 * The kernel's own word for it: calls release(owned) once, at a poll, when nothing
 * uses the memory by this entry of the table any more, after a10_region_update or
 * a10_region_destroy; so it knows of a10_raw's requests too. Else at the end of
 * the ring. It takes up to a second before Linux 6.13. The memory is registered
 * anew for it; of a clone no longer by sharing. -EBUSY: an operation names it, or
 * it has one; else as a10_region_create. Owner's thread, or any before the ring
 * is bound. [tags of REGISTER_BUFFERS_UPDATE]
 */
A10_API int a10_region_set_tag(struct a10_region *region,
			       void (*release)(void *owned), void *owned);

/* The memory. Any thread. */
A10_API void *a10_region_data(const struct a10_region *region);

A10_END
#endif
