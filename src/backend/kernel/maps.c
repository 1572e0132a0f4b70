#include "backend/kernel/maps.h"

#include <errno.h>
#include <sys/mman.h>

#include "backend/kernel/blocked.h"
#include "base/assert.h"

static uint32_t cqe_shift(const struct uring_params *params)
{
	return params->flags & URING_SETUP_CQE32 ? 5 : 4;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * Without an index array the kernel says it is at 0, which would make for a map
 * that ends within the header. All header words are uint32_t.
 */
static size_t sq_size(const struct uring_params *params)
{
	const struct uring_sq_offsets *const at = &params->sq_off;
	size_t size = 0;

	if (!(params->flags & URING_SETUP_NO_SQARRAY))
		return (size_t)at->array +
		       (size_t)params->sq_entries * sizeof(uint32_t);
	size = larger(size, at->head);
	size = larger(size, at->tail);
	size = larger(size, at->ring_mask);
	size = larger(size, at->ring_entries);
	size = larger(size, at->flags);
	size = larger(size, at->dropped);
	return size + sizeof(uint32_t);
}

static size_t cq_size(const struct uring_params *params)
{
	return params->cq_off.cqes +
	       ((size_t)params->cq_entries << cqe_shift(params));
}

static size_t sqes_size(const struct uring_params *params)
{
	return params->sq_entries * (params->flags & URING_SETUP_SQE128 ?
					     sizeof(struct uring_sqe128) :
					     sizeof(struct uring_sqe));
}

/* In a forked child the map is not there: it would write to the parent's. */
static int map_open(int fd, size_t size, uint64_t offset, struct map *ret_map)
{
	void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
	int err;

	if (memory == MAP_FAILED)
		return -errno;
	if (madvise(memory, size, MADV_DONTFORK) < 0) {
		err = -errno;
		munmap(memory, size);
		return err;
	}
	ret_map->memory = memory;
	ret_map->size = size;
	return 0;
}

static void map_close(struct map *map)
{
	if (map->memory)
		munmap(map->memory, map->size);
	map->memory = NULL;
	map->size = 0;
}

int maps_open(int fd, const struct uring_params *params, struct maps *ret_maps)
{
	const bool single = params->features & URING_FEAT_SINGLE_MMAP;
	struct maps maps = { 0 };
	size_t size = sq_size(params);
	int err;

	if (single)
		size = larger(size, cq_size(params));
	err = map_open(fd, size, URING_OFF_SQ_RING, &maps.sq);
	if (err < 0)
		goto explain;
	if (!single) {
		err = map_open(fd, cq_size(params), URING_OFF_CQ_RING,
			       &maps.cq);
		if (err < 0)
			goto unmap;
	}
	err = map_open(fd, sqes_size(params), URING_OFF_SQES, &maps.sqes);
	if (err < 0)
		goto unmap;
	*ret_maps = maps;
	return 0;

unmap:
	maps_close(&maps);
explain:
	return blocked_reason("mmap of the queues", err);
}

void maps_close(struct maps *maps)
{
	map_close(&maps->sqes);
	map_close(&maps->cq);
	map_close(&maps->sq);
}

static _Atomic uint32_t *word(const struct map *map, uint32_t offset)
{
	check(offset % sizeof(uint32_t) == 0);
	check(offset + sizeof(uint32_t) <= map->size);
	return (void *)((unsigned char *)map->memory + offset);
}

/*
 * Entry n of the array names the request that is the n-th in line. With n
 * itself there, once and for all, requests are taken in their places' order.
 */
static void fill_array(const struct map *sq, const struct uring_params *params)
{
	uint32_t *array;

	if (params->flags & URING_SETUP_NO_SQARRAY)
		return;
	array = (void *)((unsigned char *)sq->memory + params->sq_off.array);
	for (uint32_t i = 0; i < params->sq_entries; i++)
		array[i] = i;
}

void maps_view(const struct maps *maps, const struct uring_params *params,
	       struct backend_view *ret_view)
{
	const struct map *const sq = &maps->sq;
	const struct map *const cq = maps->cq.memory ? &maps->cq : &maps->sq;

	/* Places are found with a mask. */
	check(params->sq_entries > 0 && params->cq_entries > 0);
	check((params->sq_entries & (params->sq_entries - 1)) == 0);
	check((params->cq_entries & (params->cq_entries - 1)) == 0);
	fill_array(sq, params);
	*ret_view = (struct backend_view){
		.sq_head = word(sq, params->sq_off.head),
		.sq_tail = word(sq, params->sq_off.tail),
		.sq_flags = word(sq, params->sq_off.flags),
		.cq_head = word(cq, params->cq_off.head),
		.cq_tail = word(cq, params->cq_off.tail),
		.cq_overflow = word(cq, params->cq_off.overflow),
		.sqes = maps->sqes.memory,
		.cqes = (unsigned char *)cq->memory + params->cq_off.cqes,
		.sq_entries = params->sq_entries,
		.cq_entries = params->cq_entries,
		.cqe_shift = cqe_shift(params),
	};
}
