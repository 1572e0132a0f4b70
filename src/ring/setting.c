/* What io_uring_register(2) sets of a ring, and what it tells. */
#include "buf/pool.h"
#include "ring/life.h"
#include "ring/options.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <a10/setting.h>

static int control(struct a10_ring *ring, unsigned int opcode, void *arg,
		   unsigned int count)
{
	const int err = ring_registrable(ring);

	if (err < 0)
		return err;
	return ring->calls->control(ring->backend, opcode, arg, count);
}

/* A call this kernel has not is an invalid one, whatever its arguments. */
static int known(struct a10_ring *ring, int err, uint32_t feature)
{
	if (err == -EINVAL && !(ring->grant.features & feature))
		return -EOPNOTSUPP;
	return err;
}

int a10_ring_add_personality(struct a10_ring *ring)
{
	return control(ring, URING_REGISTER_PERSONALITY, NULL, 0);
}

int a10_ring_remove_personality(struct a10_ring *ring, int personality)
{
	if (personality <= 0)
		return -EINVAL;
	return control(ring, URING_UNREGISTER_PERSONALITY, NULL,
		       (unsigned int)personality);
}

/* ---- restrictions -------------------------------------------------------- */

/* What the library itself needs: to wake, to cancel, to close, to end. */
static const uint8_t own_opcodes[] = {
	URING_OP_NOP,   URING_OP_POLL_ADD,       URING_OP_ASYNC_CANCEL,
	URING_OP_CLOSE, URING_OP_TIMEOUT_REMOVE, URING_OP_POLL_REMOVE,
};

static const uint8_t own_registers[] = {
	URING_REGISTER_ENABLE_RINGS, URING_REGISTER_RING_FDS,
	URING_UNREGISTER_RING_FDS,   URING_REGISTER_IOWQ_MAX_WORKERS,
	URING_UNREGISTER_PBUF_RING,  URING_REGISTER_PBUF_STATUS,
	URING_REGISTER_FILES_UPDATE, URING_REGISTER_BUFFERS_UPDATE,
};

#define OPERATION_MOST 5

#define OWN_COUNT (sizeof(own_opcodes) + sizeof(own_registers))

/* An operation may be several requests: itself, what it is to the kernel ... */
static size_t opcode_add(const struct a10_ring *ring,
			 struct uring_restriction *at, uint8_t opcode)
{
	/* A number the kernel does not know spoils the whole list. */
	if (!ring_knows(ring, opcode))
		return 0;
	*at = (struct uring_restriction){
		.opcode = URING_RESTRICTION_SQE_OP,
		.value = opcode,
	};
	return 1;
}

static size_t operation_add(const struct a10_ring *ring,
			    struct uring_restriction *at, uint32_t opcode)
{
	const struct op_row *row = op_row(opcode);
	const uint8_t all[OPERATION_MOST] = {
		opcode < A10_OPCODE_LIBRARY ? (uint8_t)opcode : 0,
		row->kernel,
		row->fixed,
		row->zero_copy,
		row->multishot == MULTISHOT_OPCODE ? row->multishot_value : 0,
	};
	size_t count = 0;

	/* 0 is a NOP, which is allowed in any case. */
	for (size_t i = 0; i < OPERATION_MOST; i++)
		if (all[i])
			count += opcode_add(ring, at + count, all[i]);
	return count;
}

static size_t own_add(const struct a10_ring *ring, struct uring_restriction *at)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(own_opcodes); i++)
		count += opcode_add(ring, at + count, own_opcodes[i]);
	for (size_t i = 0; i < sizeof(own_registers); i++) {
		/* Of 6.8, which knows how to install a descriptor. */
		if (own_registers[i] == URING_REGISTER_PBUF_STATUS &&
		    !ring_knows(ring, URING_OP_FIXED_FD_INSTALL))
			continue;
		at[count++] = (struct uring_restriction){
			.opcode = URING_RESTRICTION_REGISTER_OP,
			.value = own_registers[i],
		};
	}
	at[count++] = (struct uring_restriction){
		.opcode = URING_RESTRICTION_SQE_FLAGS_ALLOWED,
		.value = UINT8_MAX,
	};
	return count;
}

int a10_ring_restrict(struct a10_ring *ring, const enum a10_opcode *opcodes,
		      size_t count)
{
	struct uring_restriction *list;
	size_t used = 0;
	int err;

	if (sq_is_bound(&ring->sq))
		return -EBADFD;
	if (count > UINT8_MAX)
		return -EINVAL;
	list = calloc(count * OPERATION_MOST + OWN_COUNT + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		used += operation_add(ring, list + used, opcodes[i]);
	used += own_add(ring, list + used);
	err = control(ring, URING_REGISTER_RESTRICTIONS, list,
		      (unsigned int)used);
	free(list);
	if (err == 0)
		ring->restricted = true;
	return err;
}

/* ---- workers ------------------------------------------------------------- */

int a10_ring_set_workers(struct a10_ring *ring, uint32_t bounded,
			 uint32_t unbounded, uint32_t ret_before[2])
{
	uint32_t both[2] = { bounded, unbounded };
	const int err = control(ring, URING_REGISTER_IOWQ_MAX_WORKERS, both, 2);

	if (err < 0)
		return err;
	if (ret_before) {
		ret_before[0] = both[0];
		ret_before[1] = both[1];
	}
	return 0;
}

int a10_ring_set_worker_cpus(struct a10_ring *ring, const void *cpus,
			     size_t size)
{
	int err = ring_registrable(ring);

	if (err == 0 && !sq_is_mine(&ring->sq))
		return -EPERM;
	if (err < 0)
		return err;
	if (!cpus)
		return control(ring, URING_UNREGISTER_IOWQ_AFF, NULL, 0);
	if (size == 0 || size > UINT16_MAX)
		return -EINVAL;
	return control(ring, URING_REGISTER_IOWQ_AFF, (void *)(uintptr_t)cpus,
		       (unsigned int)size);
}

/* ---- waiting ------------------------------------------------------------- */

int a10_ring_set_busy_poll(struct a10_ring *ring, uint32_t us, bool prefer)
{
	struct uring_napi napi = {
		.busy_poll_to = us,
		.prefer_busy_poll = prefer,
	};
	const int err =
		control(ring,
			us > 0 ? URING_REGISTER_NAPI : URING_UNREGISTER_NAPI,
			&napi, 1);

	if (ring->iopoll)
		return err;
	/* Of 6.9; the feature that is nearest is of 6.10. */
	return known(ring, err, URING_FEAT_RECVSEND_BUNDLE);
}

int a10_ring_set_clock(struct a10_ring *ring, clockid_t clock)
{
	struct uring_clock_register set = { .clockid = (uint32_t)clock };
	int err;

	if (sq_is_bound(&ring->sq))
		return -EBADFD;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	err = control(ring, URING_REGISTER_CLOCK, &set, 0);
	return known(ring, err, URING_FEAT_MIN_TIMEOUT);
}

static int ring_resize(struct a10_ring *ring, uint32_t submission,
		       uint32_t completion)
{
	struct backend_resize resize = {
		.submission_entries =
			submission ? submission : ring->view.sq_entries,
		.completion_entries =
			completion ? completion : ring->view.cq_entries,
	};
	int err;

	/* What is written and not told would stay behind. */
	queue_fill(ring);
	err = control(ring, URING_REGISTER_RESIZE_RINGS, &resize, 1);
	if (err < 0)
		return err;
	ring->view = resize.view;
	ring->grant.view = resize.view;
	ring->sqes = resize.view.sqes;
	ring->sq_mask = resize.view.sq_entries - 1;
	atomic_store_explicit(&ring->sq.chain_most, resize.view.sq_entries,
			      memory_order_relaxed);
	window_open(ring);
	return 0;
}

/* What found no room may find it next time. */
void completions_grow(struct a10_ring *ring)
{
	const uint32_t entries = ring->view.cq_entries;

	if (ring->config.grow_completions != A10_ON || entries > UINT16_MAX ||
	    !(ring->grant.setup_flags & URING_SETUP_DEFER_TASKRUN))
		return;
	/* Where it cannot be, it stays as it is. */
	if (ring_resize(ring, 0, entries * 2) < 0)
		ring->config.grow_completions = A10_OFF;
}

/* 0: as it is. */
static uint32_t entries_of(uint32_t entries, uint32_t now, uint32_t most)
{
	return entries == 0 ? now : entries_granted(entries, most);
}

int a10_ring_resize(struct a10_ring *ring, uint32_t submission_entries,
		    uint32_t completion_entries)
{
	int err = ring_registrable(ring);

	if (err < 0)
		return err;
	if (!sq_is_mine(&ring->sq))
		return -EPERM;
	if (!(ring->grant.setup_flags & URING_SETUP_DEFER_TASKRUN))
		return -EINVAL;
	if (entries_of(completion_entries, ring->view.cq_entries,
		       2 * URING_MAX_SQ_ENTRIES) <
	    entries_of(submission_entries, ring->view.sq_entries,
		       URING_MAX_SQ_ENTRIES))
		return -EINVAL;
	err = ring_resize(ring, submission_entries, completion_entries);
	/* Of 6.13; no feature tells. What is invalid has been looked at. */
	return err == -EINVAL ? -EOPNOTSUPP : err;
}
