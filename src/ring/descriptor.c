/*
 * What is under way on each descriptor, as lists of slots: so that a close
 * knows without asking the kernel (which costs more the more there is) whether
 * anything is pending, that operations can be cancelled by descriptor, and that
 * those that must not mix go one behind the other.
 */
#include "buf/pool.h"
#include "ring/life.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Numbers above are not counted; their operations work all the same. */
#define REGULAR_LIMIT (1u << 20)

int descriptors_init(struct a10_ring *ring, uint32_t direct)
{
	struct rlimit limit = { .rlim_max = 1024 };
	uint64_t regular;
	void *memory;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	regular =
		limit.rlim_max < REGULAR_LIMIT ? limit.rlim_max : REGULAR_LIMIT;
	ring->regular_limit = (uint32_t)regular;
	ring->direct_base = ring->regular_limit + 1;
	ring->direct_limit = direct;
	ring->descriptors_size =
		(ring->direct_base + direct) * sizeof(*ring->descriptors);
	/* Only pages that are touched cost memory. */
	memory = mmap(NULL, ring->descriptors_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(memory, ring->descriptors_size, MADV_NOHUGEPAGE);
	ring->descriptors = memory;
	return 0;
}

void descriptors_finish(struct a10_ring *ring)
{
	if (ring->descriptors)
		munmap(ring->descriptors, ring->descriptors_size);
	ring->descriptors = NULL;
}

uint32_t descriptor_of(const struct a10_ring *ring, int32_t number, bool direct)
{
	if (number < 0)
		return 0;
	if (direct)
		return (uint32_t)number < ring->direct_limit ?
			       ring->direct_base + (uint32_t)number :
			       0;
	return (uint32_t)number < ring->regular_limit ? (uint32_t)number + 1 :
							0;
}

struct a10_fd a10_ring_direct(const struct a10_ring *ring, uint32_t place)
{
	struct a10_fd fd = a10_fd_none();

	if (place < ring->direct_limit) {
		fd.plus_one = (int32_t)(place + 1);
		fd.ring = ring->sq.number;
	}
	return fd;
}

int a10_ring_set_direct_range(struct a10_ring *ring, uint32_t first,
			      uint32_t count)
{
	struct uring_file_index_range range = { .off = first, .len = count };
	const int err = ring_registrable(ring);

	if (err < 0)
		return err;
	if (first > ring->direct_limit || count > ring->direct_limit - first)
		return -EINVAL;
	return ring->calls->control(ring->backend,
				    URING_REGISTER_FILE_ALLOC_RANGE, &range, 0);
}

void descriptor_leave(struct a10_ring *ring, struct slot *slot, int64_t value)
{
	const uint32_t descriptor = slot->descriptor;
	const bool closing = slot->marks & MARK_CLOSING;
	struct slot *close = NULL;
	uint32_t index;

	descriptor_unlink(ring, slot);
	if (slot->marks & MARK_ORDERED)
		order_leave(ring, slot, value);
	if (!closing)
		return;
	/* The first close that waits is the one it was marked for. */
	index = ring->descriptors[descriptor].first;
	for (; index != NO_SLOT; index = slot_at(ring, index)->fd_next) {
		struct slot *other = slot_at(ring, index);

		if (other->state == SLOT_PARKED && other->park == PARK_CLOSE)
			close = other;
	}
	if (close && --cold_at(ring, slot_index(close))->close_waits == 0)
		close_proceed(ring, close);
}
