/* raw.c - setting a ring up by hand, and entering the kernel. */
#include "raw.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FLAGS_5_6 (IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE)
#define FLAGS_5_19                                                         \
	(FLAGS_5_6 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | \
	 IORING_SETUP_TASKRUN_FLAG)
#define FLAGS_6_1                                                          \
	(FLAGS_5_6 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | \
	 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define FLAGS_6_6 (FLAGS_6_1 | IORING_SETUP_NO_SQARRAY)

/* Best first: the first that the kernel knows all of is taken. */
static const uint32_t ladder[] = { FLAGS_6_6, FLAGS_6_1, FLAGS_5_19,
				   FLAGS_5_6 };

/* The same for a ring that several threads enter. */
static const uint32_t ladder_shared[] = {
	FLAGS_5_19 | IORING_SETUP_NO_SQARRAY,
	FLAGS_5_19,
	FLAGS_5_6,
	FLAGS_5_6,
};

static int setup(uint32_t sq_entries, uint32_t cq_entries, bool shared,
		 struct io_uring_params *params)
{
	int fd = -1;

	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		memset(params, 0, sizeof(*params));
		params->flags = shared ? ladder_shared[i] : ladder[i];
		params->cq_entries = cq_entries;
		fd = (int)syscall(SYS_io_uring_setup, sq_entries, params);
		if (fd >= 0 || errno != EINVAL)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static int map(struct raw_ring *ring, const struct io_uring_params *params)
{
	const size_t sq_size =
		params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	const size_t cq_size = params->cq_off.cqes +
			       params->cq_entries * sizeof(struct io_uring_cqe);

	ring->rings_size = sq_size > cq_size ? sq_size : cq_size;
	ring->sqes_size = params->sq_entries * sizeof(struct io_uring_sqe);
	ring->rings =
		mmap(NULL, ring->rings_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED)
		return -errno;
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	if (ring->sqes == MAP_FAILED) {
		munmap(ring->rings, ring->rings_size);
		return -errno;
	}
	return 0;
}

static void *at(const struct raw_ring *ring, uint32_t offset)
{
	return (char *)ring->rings + offset;
}

/* A registered descriptor saves the kernel a look-up at every enter. */
static void register_ring(struct raw_ring *ring)
{
	struct io_uring_rsrc_update update = {
		.offset = UINT32_MAX,
		.data = (uint32_t)ring->fd,
	};

	ring->enter_fd = ring->fd;
	ring->enter_flags = IORING_ENTER_GETEVENTS;
	if (raw_register(ring, IORING_REGISTER_RING_FDS, &update, 1) != 1)
		return;
	ring->enter_fd = (int)update.offset;
	ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
}

static int open_ring(uint32_t sq_entries, uint32_t cq_entries, bool shared,
		     struct raw_ring *ret_ring)
{
	struct io_uring_params params;
	struct raw_ring ring = { 0 };
	int err;

	ring.fd = setup(sq_entries, cq_entries, shared, &params);
	if (ring.fd < 0)
		return ring.fd;
	err = map(&ring, &params);
	if (err < 0) {
		close(ring.fd);
		return err;
	}
	ring.sq_head = at(&ring, params.sq_off.head);
	ring.sq_tail = at(&ring, params.sq_off.tail);
	ring.cq_head = at(&ring, params.cq_off.head);
	ring.cq_tail = at(&ring, params.cq_off.tail);
	ring.cqes = at(&ring, params.cq_off.cqes);
	ring.sq_entries = params.sq_entries;
	ring.sq_mask = params.sq_entries - 1;
	ring.cq_mask = params.cq_entries - 1;
	if (!(params.flags & IORING_SETUP_NO_SQARRAY)) {
		uint32_t *array = at(&ring, params.sq_off.array);

		for (uint32_t i = 0; i < params.sq_entries; i++)
			array[i] = i;
	}
	if (shared) {
		ring.enter_fd = ring.fd;
		ring.enter_flags = 0;
	} else {
		register_ring(&ring);
	}
	*ret_ring = ring;
	return 0;
}

int raw_open(uint32_t sq_entries, uint32_t cq_entries,
	     struct raw_ring *ret_ring)
{
	return open_ring(sq_entries, cq_entries, false, ret_ring);
}

int raw_open_shared(uint32_t sq_entries, uint32_t cq_entries,
		    struct raw_ring *ret_ring)
{
	return open_ring(sq_entries, cq_entries, true, ret_ring);
}

void raw_close(struct raw_ring *ring)
{
	munmap(ring->sqes, ring->sqes_size);
	munmap(ring->rings, ring->rings_size);
	close(ring->fd);
}

int raw_register(const struct raw_ring *ring, uint32_t opcode, void *argument,
		 uint32_t count)
{
	const long n = syscall(SYS_io_uring_register, ring->fd, opcode,
			       argument, count);

	return n < 0 ? -errno : (int)n;
}

int raw_enter(struct raw_ring *ring, uint32_t wait)
{
	long n;

	__atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
	do {
		n = syscall(SYS_io_uring_enter, ring->enter_fd,
			    ring->tail - ring->submitted, wait,
			    ring->enter_flags, NULL, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	ring->submitted += (uint32_t)n;
	return 0;
}
