/*
 * shard.h - one ring and one pinned thread per core, as one thing.
 *
 * Each shard keeps to itself what it works on; they talk by messages
 * (a10/msg.h) and by submitting to each other's rings. A listener per shard is
 * a10_listen_on with A10_REUSE_PORT: the kernel deals connections out; one that
 * one shard accepts is handed to another as its number in a message, or, a direct
 * one, by a10_fd_move and its new place in a message (a10_ring_direct).
 */
#ifndef A10_SHARD_H
#define A10_SHARD_H

#include <a10/ring.h>

A10_BEGIN

struct a10_shards;

/* Where a shard's functions and callbacks run. Lives until the run is over. */
struct a10_shard {
	struct a10_shards *shards;
	struct a10_ring *ring; /* this thread's */
	void *data;            /* as given to a10_shards_run */
	uint32_t index;
	uint32_t count;
	uint64_t reserved[4];
};

/*
 * Begins a shard's work, on its thread, when the rings of all shards are there:
 * submits what is to run, or spawns a task, a10_task_spawn(a10_ring_sq(shard->
 * ring), body, shard, sizeof(*shard)), and returns. 0, or -errno, which stops
 * all.
 */
typedef int a10_shard_fn(const struct a10_shard *shard);

/*
 * count threads (0: one for each CPU this thread may run on), each pinned to a
 * CPU of those, in turn, and with a ring of its own of that config (NULL: the
 * defaults). Calls fn in each, then runs each ring until nothing is under way in
 * it. Returns when all are over: 0, or the first error of a ring or of fn, which
 * stops all others. A ring lives until all shards are over, so they may submit
 * to each other to the last. The thread that calls this waits. -EINVAL: more
 * than 1024, or config.disabled or config.attach is set; -EOWNERDEAD: a shard's
 * thread has ended in a callback, which stops all others, too. Why a ring could
 * not be had says a10_ring_reason, as if this thread had wanted it. Any thread.
 */
A10_API int a10_shards_run(uint32_t count, const struct a10_config *config,
			   a10_shard_fn *fn, void *data);

/* The ring of a shard of the same run; NULL: there is none. Any thread. */
A10_API struct a10_sq *a10_shard_sq(const struct a10_shard *shard,
				    uint32_t index);

/*
 * Asks all shards to come to an end by themselves: those that wait for it by
 * a10_shard_draining are told, and each ends when nothing is under way in it.
 * Any thread; in signal handlers too. Once or often is the same. Of a run that is
 * over: nothing, unless another has begun since, which may be asked then.
 */
A10_API void a10_shards_drain(struct a10_shards *shards);

/*
 * The same, and cancels all that is under way in all of them, as a10_cancel_all
 * does, again and again until nothing is. Any thread; in signal handlers too.
 */
A10_API void a10_shards_stop(struct a10_shards *shards);

/*
 * On this shard's ring: over, with value POLLIN, when a10_shards_drain or _stop
 * was called. Whoever accepts submits this, to stop accepting. A shard that has
 * one under way goes on until then. Any thread.
 */
A10_MUST_USE A10_API struct a10_op
a10_shard_draining(const struct a10_shard *shard);

A10_END
#endif
