/*
 * raw_submit.c - NOPs from other threads by hand: a mutex around the submission
 * queue of a shared ring, each thread enters for itself, and an eventfd on the
 * ring wakes the loop.
 */
#include "pushers.h"
#include "raw.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct nop {
	struct raw_op op;
	struct pusher *pusher;
};

struct sides {
	pthread_mutex_t lock;
	struct raw_ring ring;
	int event;
	struct nop nops[PUSHERS_MAX];
};

static void on_nop(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	(void)cqe;
	pusher_done(container_of(op, struct nop, op)->pusher);
}

static int push(struct pushers *all, struct pusher *pusher)
{
	struct sides *side = all->side;
	struct nop *nop = &side->nops[pusher - all->pusher];
	struct io_uring_sqe *sqe;
	int err;

	pthread_mutex_lock(&side->lock);
	sqe = raw_sqe(&side->ring);
	raw_prepare(sqe, IORING_OP_NOP, -1, &nop->op);
	err = raw_enter(&side->ring, 0);
	pthread_mutex_unlock(&side->lock);
	return err;
}

static int loop(struct pushers *all)
{
	struct sides *side = all->side;
	uint64_t count;

	while (all->over < all->total) {
		if (raw_dispatch(&side->ring) == 0 &&
		    read(side->event, &count, sizeof(count)) < 0)
			return -errno;
	}
	return 0;
}

static int run(const struct work_args *args, struct sample *ret_sample)
{
	struct pushers all = { .args = args, .push = push, .loop = loop };
	static struct sides side;
	int err;

	memset(&side, 0, sizeof(side));
	pthread_mutex_init(&side.lock, NULL);
	side.event = eventfd(0, EFD_CLOEXEC);
	if (side.event < 0)
		return -errno;
	err = raw_open_shared(128, 2048, &side.ring);
	if (err < 0)
		return err;
	err = raw_register(&side.ring, IORING_REGISTER_EVENTFD, &side.event, 1);
	for (int i = 0; i < PUSHERS_MAX; i++)
		side.nops[i] = (struct nop){ { on_nop }, &all.pusher[i] };
	all.side = &side;
	if (err == 0)
		err = pushers_run(&all, ret_sample);
	raw_close(&side.ring);
	close(side.event);
	return err;
}

static const struct entrant entrant = {
	.family = "submit",
	.name = "raw",
	.run = run,
};

BENCH_ENTRANT(entrant)
