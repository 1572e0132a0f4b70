/*
 * raw.h - io_uring by hand: what an honest minimal program does.
 *
 * No library, the best flags that the kernel grants, one system call to submit
 * and to wait. A completion finds its operation by the pointer in user_data
 * and calls it back. No slots, no lifetimes, no other threads: what the
 * library costs above this is the price of what it does besides.
 */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>

/* Newer than the system's header may be. */
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif

/* The program's own operation; user_data points to it. */
struct raw_op {
	void (*done)(struct raw_op *op, const struct io_uring_cqe *cqe);
};

struct raw_ring {
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	uint32_t *sq_tail;
	uint32_t *sq_head;
	uint32_t *cq_head;
	uint32_t *cq_tail;
	uint32_t sq_mask;
	uint32_t sq_entries;
	uint32_t cq_mask;
	uint32_t tail;      /* ours; the kernel sees it at the next enter */
	uint32_t submitted; /* what of it the kernel has taken            */
	uint32_t enter_flags;
	int enter_fd; /* the registered one, if there is one        */
	int fd;
	void *rings;
	size_t rings_size;
	size_t sqes_size;
};

int raw_open(uint32_t sq_entries, uint32_t cq_entries,
	     struct raw_ring *ret_ring);

/* One that several threads enter, each with the others locked out. */
int raw_open_shared(uint32_t sq_entries, uint32_t cq_entries,
		    struct raw_ring *ret_ring);
void raw_close(struct raw_ring *ring);
int raw_register(const struct raw_ring *ring, uint32_t opcode, void *argument,
		 uint32_t count);

/* Submits all there is and waits for so many completions. */
int raw_enter(struct raw_ring *ring, uint32_t wait);

/* The next request, all zero. A full queue is submitted first. */
static inline struct io_uring_sqe *raw_sqe(struct raw_ring *ring)
{
	struct io_uring_sqe *sqe;

	if (ring->tail - ring->submitted == ring->sq_entries)
		raw_enter(ring, 0);
	sqe = &ring->sqes[ring->tail++ & ring->sq_mask];
	memset(sqe, 0, sizeof(*sqe));
	return sqe;
}

static inline void raw_prepare(struct io_uring_sqe *sqe, uint8_t opcode, int fd,
			       struct raw_op *op)
{
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->user_data = (uint64_t)(uintptr_t)op;
}

/* Calls back what is over; returns how many. */
static inline uint32_t raw_dispatch(struct raw_ring *ring)
{
	const uint32_t tail = __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
	const uint32_t begin = *ring->cq_head;
	uint32_t head = begin;

	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe =
			&ring->cqes[head & ring->cq_mask];
		struct raw_op *op = (struct raw_op *)(uintptr_t)cqe->user_data;

		op->done(op, cqe);
	}
	__atomic_store_n(ring->cq_head, head, __ATOMIC_RELEASE);
	return tail - begin;
}

#endif
