/*
 * Regions: memory in a slot of the ring's table of registered buffers. The list
 * is in the order of slots, so the first gap is a free one. The memory is shared
 * with the clones on other rings, and goes with the last of them; whoever gave it
 * may be told: an operation is over when the kernel is done with its buffer. What
 * the library does not count, a10_raw's, only the kernel knows of: see tag.c.
 */
#include "base/fork.h"
#include "base/log.h"
#include "buf/loan.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define REGION_MAX (UINT64_C(1) << 30) /* what the kernel takes in one */

struct memory {
	_Atomic uint32_t references;
	void *data;
	size_t size;
	bool allocated; /* data is ours */
	void (*release)(void *owned);
	void *owned;
};

struct a10_region {
	struct a10_region *next;
	struct a10_ring *ring;
	struct memory *memory;
	void *data;
	size_t size;
	uint32_t index;
	bool tagged; /* the kernel tells when it does without its entry */
	bool closed; /* destroyed, but for the operations that name it */
	bool over;   /* so is its ring; freed with the last that holds it */
	/*
	 * Operations that name it are the sum: the owner counts in one, other
	 * threads in the other, whoever held what it drops. Wraps are harmless.
	 */
	uint32_t held;
	_Atomic uint32_t held_elsewhere;
};

/*
 * For other threads that hold a region or let it go, when it and its ring may be
 * over; the owner alone changes the lists, and looks without it.
 */
static pthread_mutex_t lists_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void lists_keep(void)
{
	fork_keep(&lists_lock);
}

int ring_registrable(const struct a10_ring *ring)
{
	const struct a10_sq *sq = &ring->sq;

	if (sq_is_inherited(sq))
		return -ECHILD;
	if (atomic_load_explicit(&sq->closed, memory_order_relaxed))
		return -ESHUTDOWN;
	if (sq_is_bound(sq) && !sq_is_mine(sq))
		return -EPERM;
	return 0;
}

/* data NULL and size 0: empties the slot. tag: see tag.c, or 0. */
static int slot_update(struct a10_ring *ring, uint32_t index, void *data,
		       size_t size, uint64_t tag)
{
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct uring_rsrc_update2 update = {
		.offset = index,
		.data = (uintptr_t)&iov,
		.tags = tag ? (uintptr_t)&tag : 0,
		.nr = 1,
	};
	const int updated = ring->calls->control(ring->backend,
						 URING_REGISTER_BUFFERS_UPDATE,
						 &update, sizeof(update));

	if (updated < 0)
		return updated;
	return updated == 1 ? 0 : -EIO;
}

/* The link where a region with a free slot goes; its index. */
static struct a10_region **slot_find_free(struct a10_ring *ring,
					  uint32_t *ret_index)
{
	struct a10_region **link = &ring->regions.first;
	uint32_t index = 0;

	for (; *link && (*link)->index == index; link = &(*link)->next)
		index++;
	*ret_index = index;
	return link;
}

/* data NULL: allocated. */
static struct memory *memory_new(void *data, size_t size)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->data = data;
	memory->size = size;
	atomic_init(&memory->references, 1);
	if (data)
		return memory;
	memory->allocated = true;
	memory->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory->data != MAP_FAILED)
		return memory;
	free(memory);
	return NULL;
}

static struct memory *memory_ref(struct memory *memory)
{
	atomic_fetch_add_explicit(&memory->references, 1, memory_order_relaxed);
	return memory;
}

static void memory_unref(struct memory *memory)
{
	/* Release and acquire: what other rings' owners did with it is before. */
	if (!memory || atomic_fetch_sub_explicit(&memory->references, 1,
						 memory_order_acq_rel) != 1)
		return;
	if (memory->allocated)
		munmap(memory->data, memory->size);
	if (memory->release)
		memory->release(memory->owned);
	free(memory);
}

static void region_free(struct a10_region *region)
{
	memory_unref(region->memory);
	free(region);
}

/* from: what it is a copy of; -EINVAL: the kernel does not copy. */
static int slot_clone(struct a10_ring *ring, uint32_t index,
		      const struct a10_region *from)
{
	struct uring_clone_buffers clone = {
		.src_fd = (uint32_t)from->ring->grant.descriptor,
		.src_off = from->index,
		.dst_off = index,
		.nr = 1,
		.flags = URING_REGISTER_DST_REPLACE,
	};

	return ring->calls->control(ring->backend, URING_REGISTER_CLONE_BUFFERS,
				    &clone, 1);
}

static int slot_fill(struct a10_ring *ring, const struct a10_region *region,
		     const struct a10_region *from)
{
	int err = from ? slot_clone(ring, region->index, from) : -EINVAL;

	/* -EBUSY: it copies whole tables only, as 6.12. */
	if (err == -EINVAL || err == -EBUSY)
		err = slot_update(ring, region->index, region->data,
				  region->size, 0);
	return err;
}

/* Takes memory's reference, and gives it back if it fails. */
static int region_make(struct a10_ring *ring, struct memory *memory,
		       const struct a10_region *from,
		       struct a10_region **ret_region)
{
	struct a10_region **link, *region = NULL;
	uint32_t index;
	int err = -ENOMEM;

	if (!memory)
		return err;
	link = slot_find_free(ring, &index);
	err = -ENFILE;
	if (index >= ring->config.registered_buffers)
		goto unref;
	err = -ENOMEM;
	region = calloc(1, sizeof(*region));
	if (!region)
		goto unref;
	region->ring = ring;
	region->index = index;
	region->data = memory->data;
	region->size = memory->size;
	err = slot_fill(ring, region, from);
	if (err < 0)
		goto unref;
	region->memory = memory;
	pthread_mutex_lock(&lists_lock);
	region->next = *link;
	*link = region;
	pthread_mutex_unlock(&lists_lock);
	*ret_region = region;
	return 0;

unref:
	memory_unref(memory);
	free(region);
	return err;
}

static bool region_is_held(const struct a10_region *region)
{
	/* Acquire: pairs with the release of the thread that dropped it. */
	return region->held + atomic_load_explicit(&region->held_elsewhere,
						   memory_order_acquire) !=
	       0;
}

int a10_region_create(struct a10_ring *ring, void *memory, size_t size,
		      struct a10_region **ret_region)
{
	int err;

	if (size == 0 || size > REGION_MAX)
		return -EINVAL;
	err = ring_registrable(ring);
	if (err < 0)
		return err;
	return region_make(ring, memory_new(memory, size), NULL, ret_region);
}

int a10_region_clone(const struct a10_region *region, struct a10_ring *ring,
		     struct a10_region **ret_region)
{
	int err = ring_registrable(ring);

	if (err < 0)
		return err;
	return region_make(ring, memory_ref(region->memory), region,
			   ret_region);
}

int a10_region_set_release(struct a10_region *region,
			   void (*release)(void *owned), void *owned)
{
	int err = ring_registrable(region->ring);

	if (err < 0)
		return err;
	region->memory->release = release;
	region->memory->owned = owned;
	return 0;
}

int a10_region_set_tag(struct a10_region *region, void (*release)(void *owned),
		       void *owned)
{
	int err = ring_registrable(region->ring);
	uint64_t tag;

	if (err < 0)
		return err;
	if (region->tagged || region_is_held(region))
		return -EBUSY;
	tag = tag_make(region->ring, release, owned);
	if (!tag)
		return -ENOMEM;
	err = slot_update(region->ring, region->index, region->data,
			  region->size, tag);
	if (err < 0)
		tag_forget(region->ring, tag);
	region->tagged = err == 0;
	return err;
}

int a10_region_update(struct a10_region *region, void *data, size_t size)
{
	int err = ring_registrable(region->ring);
	struct memory *memory;

	if (err < 0)
		return err;
	if (!data || size == 0 || size > REGION_MAX)
		return -EINVAL;
	if (region_is_held(region))
		return -EBUSY;
	memory = memory_new(data, size);
	if (!memory)
		return -ENOMEM;
	err = slot_update(region->ring, region->index, data, size, 0);
	if (err < 0) {
		memory_unref(memory);
		return err;
	}
	memory_unref(region->memory);
	region->memory = memory;
	region->tagged = false;
	region->data = data;
	region->size = size;
	return 0;
}

/* Nothing names it any more: another may have the slot, and the memory. */
static void region_end(struct a10_region *region)
{
	struct a10_ring *ring = region->ring;
	struct a10_region **link = &ring->regions.first;
	int err;

	while (*link && *link != region)
		link = &(*link)->next;
	check(*link == region);
	pthread_mutex_lock(&lists_lock);
	*link = region->next;
	pthread_mutex_unlock(&lists_lock);
	if (!sq_is_inherited(&ring->sq) && !ring->abandoned) {
		err = slot_update(ring, region->index, NULL, 0, 0);
		if (err < 0)
			log_line(A10_LOG_WARNING,
				 "region %u: not unregistered: %s",
				 (unsigned int)region->index, strerror(-err));
	}
	region_free(region);
}

/*
 * An operation that waits, or goes on after a short transfer, names the slot
 * and an address in it: neither may be another's before it is over.
 */
void a10_region_destroy(struct a10_region *region)
{
	if (!region)
		return;
	check_use(ring_registrable(region->ring) != -EPERM, NOT_THE_OWNER);
	check_use(!region->closed, "the region was destroyed already");
	pthread_mutex_lock(&lists_lock);
	region->closed = true;
	pthread_mutex_unlock(&lists_lock);
	if (!region_is_held(region) || sq_is_inherited(&region->ring->sq))
		region_end(region);
}

static int region_hold_elsewhere(struct a10_region *region,
				 const struct a10_ring *ring)
{
	const struct a10_region *other;
	int ret = -EXDEV;

	pthread_mutex_lock(&lists_lock);
	other = ring->regions.first;
	while (other && other != region)
		other = other->next;
	if (atomic_load_explicit(&ring->sq.closed, memory_order_relaxed)) {
		ret = -ESHUTDOWN;
	} else if (other && !region->closed) {
		atomic_fetch_add_explicit(&region->held_elsewhere, 1,
					  memory_order_relaxed);
		ret = (int)region->index;
	}
	pthread_mutex_unlock(&lists_lock);
	return ret;
}

int region_hold(struct a10_region *region, const struct a10_ring *ring)
{
	if (unlikely(!sq_is_mine(&ring->sq)))
		return region_hold_elsewhere(region, ring);
	if (!region || region->ring != ring || region->closed)
		return -EXDEV;
	region->held++;
	return (int)region->index;
}

/* It was not submitted; perhaps because the ring has ended. */
static void region_drop_elsewhere(struct a10_region *region)
{
	bool over;

	pthread_mutex_lock(&lists_lock);
	atomic_fetch_sub_explicit(&region->held_elsewhere, 1,
				  memory_order_release);
	over = region->over && !region_is_held(region);
	pthread_mutex_unlock(&lists_lock);
	if (over)
		region_free(region);
}

void region_drop(struct a10_region *region)
{
	if (unlikely(!sq_is_mine(&region->ring->sq))) {
		region_drop_elsewhere(region);
		return;
	}
	region->held--;
	if (unlikely(region->closed) && !region_is_held(region))
		region_end(region);
}

/* The backend's end empties the slots. */
void regions_finish(struct a10_ring *ring, bool inherited)
{
	struct a10_region *region;

	while ((region = ring->regions.first)) {
		bool held;

		pthread_mutex_lock(&lists_lock);
		ring->regions.first = region->next;
		region->over = true;
		/* By another thread, on its way to hear of the end. */
		held = region_is_held(region) && !inherited;
		pthread_mutex_unlock(&lists_lock);
		if (!held)
			region_free(region);
	}
}

void *a10_region_data(const struct a10_region *region)
{
	return region->data;
}

bool region_holds(const struct a10_region *region, const struct iovec *iov,
		  size_t count)
{
	const uintptr_t from = (uintptr_t)region->data;

	for (size_t i = 0; i < count; i++) {
		const uintptr_t at = (uintptr_t)iov[i].iov_base;

		if (at < from || at - from > region->size ||
		    iov[i].iov_len > region->size - (at - from))
			return false;
	}
	return true;
}
