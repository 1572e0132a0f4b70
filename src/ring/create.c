#include "ring/create.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/event.h"
#include "base/log.h"
#include "base/memory.h"
#include "buf/pool.h"
#include "fd/registry.h"
#include "ring/life.h"
#include "ring/options.h"

#define RESERVED_OPERATIONS 1024

static const struct a10_config config_default;

static void no_descriptor(const char *what, int err)
{
	reason_set(
		"%s: %s", what,
		err == -EMFILE ? "this process has as many descriptors as "
				 "it may: raise the limit (ulimit -n)" :
		err == -ENFILE ? "the machine has as many files open as it "
				 "may: raise the limit (sysctl fs.file-max)" :
				 strerror(-err));
}

static int sq_init(struct a10_sq *sq, const struct backend_calls *calls)
{
	int err;

	sq->token = process_token();
	if (sq->token == 0) {
		reason_set("no memory for the word that tells a forked child "
			   "from its parent (MADV_WIPEONFORK)");
		return -ENOMEM;
	}
	sq->calls = calls;
	sq->ready_fd = -1;
	atomic_store_explicit(&sq->owner, OWNER_NONE, memory_order_relaxed);
	atomic_store_explicit(&sq->references, 1, memory_order_relaxed);
	err = slots_init(sq);
	if (err < 0) {
		reason_set("no address space for operations; see ulimit -v");
		return err;
	}
	sq->bell_fd = event_open();
	if (sq->bell_fd < 0) {
		no_descriptor("no eventfd to wake the ring's owner",
			      sq->bell_fd);
		slots_finish(sq);
		return sq->bell_fd;
	}
	pthread_mutex_init(&sq->foreign_lock, NULL);
	pthread_mutex_init(&sq->start_lock, NULL);
	return 0;
}

/* When the last reference is given back. */
static void sq_finish(struct a10_sq *sq)
{
	pthread_mutex_destroy(&sq->foreign_lock);
	pthread_mutex_destroy(&sq->start_lock);
	event_close(sq->bell_fd);
	if (sq->ready_fd >= 0)
		event_close(sq->ready_fd);
	errands_drop(sq);
	slots_finish(sq);
	free(ring_of(sq));
}

struct a10_sq *a10_sq_ref(struct a10_sq *sq)
{
	atomic_fetch_add_explicit(&sq->references, 1, memory_order_relaxed);
	return sq;
}

void a10_sq_unref(struct a10_sq *sq)
{
	/* Acquire and release: whoever frees sees what all others did. */
	if (sq && atomic_fetch_sub_explicit(&sq->references, 1,
					    memory_order_acq_rel) == 1)
		sq_finish(sq);
}

/*
 * Its owner may be destroying it: a descriptor of our own holds it for as long
 * as the kernel looks. *ret_fd -1: there is none to attach to.
 */
static int attach_open(const struct a10_config *config,
		       const struct backend_calls *calls, int *ret_fd)
{
	struct a10_sq *sq = config->attach;
	int fd;

	*ret_fd = -1;
	if (!sq)
		return 0;
	if (sq->calls != calls) {
		reason_set("attach: that ring is on another backend");
		return -EINVAL;
	}
	fd = registry_open(sq);
	if (fd == -ESHUTDOWN)
		reason_set("attach: that ring is destroyed, or the parent "
			   "process's");
	else if (fd == -EOPNOTSUPP)
		reason_set("attach: that ring is not the kernel's");
	else if (fd < 0)
		no_descriptor("attach: no descriptor to hold that ring", fd);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static void attach_close(int fd)
{
	if (fd >= 0)
		event_close(fd);
}

static void owner_init(struct a10_ring *ring)
{
	const struct backend_grant *grant = &ring->grant;

	ring->view = grant->view;
	ring->sqes = grant->view.sqes;
	ring->sqe_shift = grant->setup_flags & URING_SETUP_SQE128 ? 1 : 0;
	ring->sq_mask = grant->view.sq_entries - 1;
	atomic_store_explicit(&ring->sq.chain_most, grant->view.sq_entries,
			      memory_order_relaxed);
	ring->tail =
		atomic_load_explicit(grant->view.sq_tail, memory_order_relaxed);
	ring->published = ring->tail;
	ring->calls = ring->sq.calls;
	ring->sq.backend = ring->backend;
	ring->plain = op_plain_bits();
	ring->queue_link = &ring->queue_first;
	ring->finished_link = &ring->finished_first;
	ring->result.sq = &ring->sq;
	ring->creator = thread_number();
	ring->kernel_thread = grant->setup_flags & URING_SETUP_SQPOLL;
	ring->sq.starts = ring->kernel_thread;
	ring->iopoll = grant->setup_flags & URING_SETUP_IOPOLL;
	/* Without the flag nothing tells that there is deferred work. */
	ring->look_enters = !(grant->setup_flags & URING_SETUP_TASKRUN_FLAG) &&
			    !ring->kernel_thread;
	ring_update_slow(ring);
}

static int tables_init(struct a10_ring *ring)
{
	int err = descriptors_init(ring, ring->config.direct_descriptors);

	if (err < 0)
		return err;
	ring->batch = calloc(COMPLETION_BATCH, sizeof(*ring->batch));
	if (!ring->batch)
		return -ENOMEM;
	if (ring->view.cqe_shift == 5) {
		ring->batch_extra =
			calloc(COMPLETION_BATCH, sizeof(*ring->batch_extra));
		if (!ring->batch_extra)
			return -ENOMEM;
	}
	return 0;
}

static int owner_memory(struct a10_ring *ring)
{
	const uint32_t asked = ring->config.reserved_operations;
	const uint32_t reserved = asked ? asked : RESERVED_OPERATIONS;
	int err = slots_reserve(ring, reserved);

	if (err < 0) {
		reason_set("reserved_operations: no memory for %u, or more "
			   "than a ring can have",
			   reserved);
		return err;
	}
	err = tables_init(ring);
	if (err < 0)
		reason_set("no memory for the ring's own tables");
	return err;
}

void ring_free(struct a10_ring *ring, bool inherited)
{
	registry_remove(&ring->sq);
	owned_remove(ring);
	/* Nobody is its owner any more, and nobody becomes it. */
	atomic_store_explicit(&ring->sq.owner, OWNER_GONE,
			      memory_order_relaxed);
	atomic_store_explicit(&ring->sq.closed, 1, memory_order_release);
	pools_finish(ring, inherited);
	regions_finish(ring, inherited);
	if (ring->backend)
		ring->sq.calls->close(ring->backend, inherited);
	ring->backend = NULL;
	tags_finish(ring);
	ready_close(ring);
	descriptors_finish(ring);
	if (ring->tasks.watch)
		ring->tasks.watch_end(ring);
	if (ring->tasks.finish)
		ring->tasks.finish(ring);
	capture_cache_empty(&ring->captures);
	free(ring->batch);
	free(ring->batch_extra);
	ring->batch = NULL;
	ring->batch_extra = NULL;
	a10_sq_unref(&ring->sq);
}

static int ring_make(const struct a10_config *config,
		     const struct backend_calls *calls, int attach,
		     struct a10_ring **ret_ring)
{
	struct a10_ring *ring;
	int err;

	ring = aligned_alloc(64, (sizeof(*ring) + 63) / 64 * 64);
	if (!ring) {
		reason_set("no memory for the ring");
		return -ENOMEM;
	}
	memset(ring, 0, sizeof(*ring));
	ring->config = *config;
	ring->timer_fd = -1;
	err = sq_init(&ring->sq, calls);
	if (err < 0) {
		free(ring);
		return err;
	}
	registry_add(&ring->sq);
	err = calls->open(config, attach, &ring->backend, &ring->grant);
	if (err < 0) {
		ring->backend = NULL;
		goto free_ring;
	}
	owner_init(ring);
	err = owner_memory(ring);
	if (err < 0)
		goto free_ring;
	*ret_ring = ring;
	return 0;
free_ring:
	ring_free(ring, false);
	return err;
}

int ring_create_on(const struct a10_config *config,
		   const struct backend_calls *calls,
		   struct a10_ring **ret_ring)
{
	const char *words;
	int err, attach;

	reason_clear();
	if (!config)
		config = &config_default;
	words = options_conflict(config);
	if (words) {
		reason_set("%s", words);
		return -EINVAL;
	}
	err = attach_open(config, calls, &attach);
	if (err < 0)
		return err;
	err = ring_make(config, calls, attach, ret_ring);
	attach_close(attach);
	return err;
}

int a10_ring_create(const struct a10_config *config, struct a10_ring **ret_ring)
{
	return ring_create_on(config, &backend_kernel, ret_ring);
}

const char *a10_ring_reason(void)
{
	return reason_text();
}

int a10_ring_enable(struct a10_ring *ring)
{
	int err;

	if (sq_is_inherited(&ring->sq))
		return -ECHILD;
	if (!ring_is_disabled(ring))
		return -EBADFD;
	err = ring_bind(ring);
	return err == -EPERM ? -EBADFD : err;
}

struct a10_sq *a10_ring_sq(struct a10_ring *ring)
{
	return &ring->sq;
}
