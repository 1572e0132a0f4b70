/* ours_read.c - random reads by the library, a fixed number in flight. */
#include "bench.h"

#include <a10.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct reader {
	struct a10_fd fd;
	uint64_t seed;
	uint64_t to_start;
	uint64_t to_finish;
	uint64_t short_reads;
};

struct block {
	struct reader *reader;
	unsigned char *data;
};

static void on_read(void *data, const struct a10_result *result);

static void block_read(struct block *block, struct a10_sq *sq)
{
	struct reader *reader = block->reader;

	a10_submit(sq,
		   a10_pread(reader->fd, block->data, READ_SIZE,
			     read_offset(&reader->seed)),
		   on_read, block);
	reader->to_start--;
}

static void on_read(void *data, const struct a10_result *result)
{
	struct block *block = data;
	struct reader *reader = block->reader;

	reader->short_reads += result->value != READ_SIZE;
	reader->to_finish--;
	if (reader->to_start > 0)
		block_read(block, result->sq);
}

static int read_all(struct a10_ring *ring, struct reader *reader,
		    struct block *blocks, uint32_t depth)
{
	int n = 0;

	for (uint32_t i = 0; i < depth; i++)
		block_read(&blocks[i], a10_ring_sq(ring));
	while (n >= 0 && reader->to_finish > 0)
		n = a10_ring_poll(ring, A10_FOREVER);
	if (n < 0)
		return n;
	return reader->short_reads > 0 ? -EIO : 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct reader reader = {
		.seed = READ_SEED,
		.to_start = args->operations,
		.to_finish = args->operations,
	};
	struct block blocks[32];
	struct a10_ring *ring;
	unsigned char *memory;
	uint64_t begun;
	uint64_t cpu;
	int fd;
	int err = -ENOMEM;

	assert(args->batch <= 32);
	assert(args->operations >= args->batch);
	memory = aligned_alloc(READ_SIZE, (size_t)args->batch * READ_SIZE);
	fd = open(args->path, O_RDONLY | O_CLOEXEC);
	if (!memory || fd < 0)
		goto out;
	reader.fd = a10_fd_regular(fd);
	for (uint32_t i = 0; i < args->batch; i++) {
		blocks[i].reader = &reader;
		blocks[i].data = memory + (size_t)i * READ_SIZE;
	}
	err = a10_ring_create(NULL, &ring);
	if (err < 0)
		goto out;
	begun = clock_ns();
	cpu = clock_cpu_ns();
	err = read_all(ring, &reader, blocks, args->batch);
	ret_sample->value[1] =
		(double)(clock_cpu_ns() - cpu) / (double)args->operations;
	ret_sample->value[0] =
		(double)(clock_ns() - begun) / (double)args->operations;
	a10_ring_destroy(ring, A10_FOREVER);
out:
	if (fd >= 0)
		close(fd);
	free(memory);
	return err;
}

static const struct entrant entrant = {
	.family = "read",
	.name = "ours",
	.run = run,
};

BENCH_ENTRANT(entrant)
