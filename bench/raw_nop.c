/* raw_nop.c - NOPs by hand. */
#include "bench.h"
#include "raw.h"

#include <assert.h>
#include <stdlib.h>

struct nop {
	struct raw_op op;
	uint64_t *finished;
};

struct nops {
	struct nop nop[32];
	uint64_t finished;
};

static void on_nop(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct nop *nop = container_of(op, struct nop, op);

	*nop->finished += cqe->res == 0;
}

static int run_lap(struct raw_ring *ring, struct nops *nops, uint32_t batch,
		   uint64_t operations)
{
	int err;

	nops->finished = 0;
	while (nops->finished < operations) {
		for (uint32_t i = 0; i < batch; i++) {
			struct io_uring_sqe *sqe = raw_sqe(ring);

			raw_prepare(sqe, IORING_OP_NOP, -1, &nops->nop[i].op);
		}
		err = raw_enter(ring, batch);
		if (err < 0)
			return err;
		raw_dispatch(ring);
	}
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS;
	struct nops nops;
	struct raw_ring ring;
	struct laps laps;
	int err;

	assert(args->batch <= 32);
	assert(per_lap % args->batch == 0);
	for (uint32_t i = 0; i < args->batch; i++)
		nops.nop[i] = (struct nop){ { on_nop }, &nops.finished };
	err = raw_open(128, 512, &ring);
	if (err < 0)
		return err;
	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS && err == 0; i++) {
		err = run_lap(&ring, &nops, args->batch, per_lap);
		laps_mark(&laps);
	}
	raw_close(&ring);
	if (err < 0)
		return err;
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	return 0;
}

static const struct entrant entrant = {
	.family = "nop",
	.name = "raw",
	.run = run,
};

BENCH_ENTRANT(entrant)
