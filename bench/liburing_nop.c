/* liburing_nop.c - NOPs by liburing, with the best flags that it knows. */
#include "bench.h"

#include <assert.h>
#include <liburing.h>

struct nop {
	void (*done)(struct nop *nop, int result);
	uint64_t *finished;
};

struct nops {
	struct nop nop[32];
	uint64_t finished;
};

static void on_nop(struct nop *nop, int result)
{
	*nop->finished += result == 0;
}

static int run_lap(struct io_uring *ring, struct nops *nops, uint32_t batch,
		   uint64_t operations)
{
	struct io_uring_cqe *cqe;
	unsigned head;
	unsigned count;
	int n;

	nops->finished = 0;
	while (nops->finished < operations) {
		for (uint32_t i = 0; i < batch; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data(sqe, &nops->nop[i]);
		}
		n = io_uring_submit_and_wait(ring, batch);
		if (n < 0)
			return n;
		count = 0;
		io_uring_for_each_cqe(ring, head, cqe)
		{
			struct nop *nop = io_uring_cqe_get_data(cqe);

			nop->done(nop, cqe->res);
			count++;
		}
		io_uring_cq_advance(ring, count);
	}
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	const uint64_t per_lap = args->operations / LAPS;
	struct nops nops;
	struct io_uring ring;
	struct laps laps;
	int err;

	assert(args->batch <= 32);
	for (uint32_t i = 0; i < args->batch; i++)
		nops.nop[i] = (struct nop){ on_nop, &nops.finished };
	err = io_uring_queue_init(128, &ring,
				  IORING_SETUP_SINGLE_ISSUER |
					  IORING_SETUP_DEFER_TASKRUN |
					  IORING_SETUP_SUBMIT_ALL);
	if (err < 0)
		return err;
	io_uring_register_ring_fd(&ring);
	laps_start(&laps);
	for (uint32_t i = 0; i < LAPS && err == 0; i++) {
		err = run_lap(&ring, &nops, args->batch, per_lap);
		laps_mark(&laps);
	}
	io_uring_queue_exit(&ring);
	if (err < 0)
		return err;
	ret_sample->value[0] = laps_figure(&laps, per_lap);
	return 0;
}

static const struct entrant entrant = {
	.family = "nop",
	.name = "liburing",
	.run = run,
};

BENCH_ENTRANT(entrant)
