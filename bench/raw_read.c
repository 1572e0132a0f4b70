/* raw_read.c - random reads by hand, a fixed number in flight. */
#include "bench.h"
#include "raw.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct reader {
	struct raw_ring ring;
	int fd;
	uint64_t seed;
	uint64_t to_start;
	uint64_t to_finish;
	uint64_t short_reads;
};

struct block {
	struct raw_op op;
	struct reader *reader;
	unsigned char *data;
};

static void block_read(struct block *block)
{
	struct reader *reader = block->reader;
	struct io_uring_sqe *sqe = raw_sqe(&reader->ring);

	raw_prepare(sqe, IORING_OP_READ, reader->fd, &block->op);
	sqe->addr = (uint64_t)(uintptr_t)block->data;
	sqe->len = READ_SIZE;
	sqe->off = read_offset(&reader->seed);
	reader->to_start--;
}

static void on_read(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct block *block = container_of(op, struct block, op);
	struct reader *reader = block->reader;

	reader->short_reads += cqe->res != READ_SIZE;
	reader->to_finish--;
	if (reader->to_start > 0)
		block_read(block);
}

static int read_all(struct reader *reader, struct block *blocks, uint32_t depth)
{
	int err = 0;

	for (uint32_t i = 0; i < depth; i++)
		block_read(&blocks[i]);
	while (err == 0 && reader->to_finish > 0) {
		err = raw_enter(&reader->ring, 1);
		raw_dispatch(&reader->ring);
	}
	if (err == 0 && reader->short_reads > 0)
		err = -EIO;
	return err;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct reader reader = {
		.seed = READ_SEED,
		.to_start = args->operations,
		.to_finish = args->operations,
	};
	struct block blocks[32];
	unsigned char *memory;
	uint64_t begun;
	uint64_t cpu;
	int err = -ENOMEM;

	assert(args->batch <= 32);
	assert(args->operations >= args->batch);
	memory = aligned_alloc(READ_SIZE, (size_t)args->batch * READ_SIZE);
	reader.fd = open(args->path, O_RDONLY | O_CLOEXEC);
	if (!memory || reader.fd < 0)
		goto out;
	for (uint32_t i = 0; i < args->batch; i++) {
		blocks[i].op.done = on_read;
		blocks[i].reader = &reader;
		blocks[i].data = memory + (size_t)i * READ_SIZE;
	}
	err = raw_open(128, 512, &reader.ring);
	if (err < 0)
		goto out;
	begun = clock_ns();
	cpu = clock_cpu_ns();
	err = read_all(&reader, blocks, args->batch);
	ret_sample->value[1] =
		(double)(clock_cpu_ns() - cpu) / (double)args->operations;
	ret_sample->value[0] =
		(double)(clock_ns() - begun) / (double)args->operations;
	raw_close(&reader.ring);
out:
	if (reader.fd >= 0)
		close(reader.fd);
	free(memory);
	return err;
}

static const struct entrant entrant = {
	.family = "read",
	.name = "raw",
	.run = run,
};

BENCH_ENTRANT(entrant)
