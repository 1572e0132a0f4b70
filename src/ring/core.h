/*
 * What a ring is made of. Who may touch what is said per group of fields; the
 * life of a slot is drawn in slot.c.
 */
#ifndef RING_CORE_H
#define RING_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <a10/ring.h>
#include <a10/scope.h>
#include <a10/trace.h>

#include "backend/backend.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/thread.h"
#include "op/capture.h"
#include "op/table.h"

/*
 * An id, which is also the kernel's user_data: generation 31 bits << 32, slot
 * 26 bits << 5, tag 5 bits. Slot 0 is no slot, so 0 is no id, and bits 63 and
 * 31 are never set, so an id is positive, as an int too.
 */
#define ID_TAG_MASK   UINT64_C(31)
#define ID_GENERATION (UINT64_C(1) << 32)
/* Only in slot.id: makes the comparison of the plain path fail. */
#define TAG_SPECIAL UINT64_C(1)
/* Only in user_data: the answer to a cancel request for that id. */
#define TAG_CANCEL UINT64_C(2)
/* Only in user_data: of a request that was taken back; nobody's. */
#define TAG_NOBODY UINT64_C(4)
/* Only in user_data: of no request, see buf/tag.c. */
#define TAG_ENTRY UINT64_C(8)
#define TAG_BITS  5

#define NO_SLOT 0u

/* For copying structs of the kernel's by words, whatever their members are. */
typedef uint64_t __attribute__((may_alias)) raw_word;

static inline uint32_t id_slot(uint64_t id)
{
	return (uint32_t)id >> 5;
}

static inline uint64_t id_plain(uint64_t id)
{
	return id & ~ID_TAG_MASK;
}

enum slot_state {
	SLOT_FREE,     /* in a list of free ones */
	SLOT_QUEUED,   /* described and captured; the backend has not seen it */
	SLOT_RUNNING,  /* the backend may read it and touch its buffers */
	SLOT_PARKED,   /* waits for something that is not the backend's */
	SLOT_FINISHED, /* its result is known, not delivered */
	SLOT_RETIRED,  /* its generations are used up */
};

/* What a parked slot waits for. */
enum slot_park {
	PARK_NONE,
	PARK_TIMER,   /* a10_after, a10_at: its own time */
	PARK_RETRY,   /* cold.retry_at: something transient */
	PARK_POOL,    /* buffers of its pool */
	PARK_BOUND,   /* buffers it gave */
	PARK_ORDER,   /* what is before it on its descriptor */
	PARK_BUNDLE,  /* the same, in whose request its bytes are */
	PARK_CLOSE,   /* all else on its descriptor */
	PARK_SCOPE,   /* its scope to be empty */
	PARK_CHAIN,   /* the rest of its chain to come back, to start again */
	PARK_MESSAGE, /* a message to its ring */
	PARK_MAIL,    /* it is one: somebody to receive it */
	PARK_WORK,    /* a helper thread */
	PARK_DIAL,    /* an address of its name */
	PARK_ABOVE,   /* what a layer above knows: see above.h */
};

/* What the request in the queue is for. */
enum slot_step {
	STEP_SELF,    /* the operation itself */
	STEP_READY,   /* a poll until its descriptor is ready, after -EAGAIN */
	STEP_CONVERT, /* a regular descriptor into a direct one */
	STEP_INSTALL, /* the other way, for as long as it takes */
	STEP_TURN,    /* nothing: what a system call does is not queued else */
};

/*
 * Marks say how a slot leaves its state, never which it is in. The first three
 * are why it is to end; TIME and CANCEL: the first one counts.
 */
#define MARK_CANCEL  (1u << 0) /* somebody asked: -ECANCELED */
#define MARK_TIME    (1u << 1) /* its time is over: -ETIME */
#define MARK_DETACH  (1u << 2) /* deliver nothing */
#define MARK_PAUSE   (1u << 3) /* end the kernel's part, then park */
#define MARK_ENDING  (MARK_CANCEL | MARK_TIME)
#define MARK_LISTED  (1u << 4)  /* in ring.cancels: a cancel is to be sent */
#define MARK_ASKED   (1u << 5)  /* a cancel request of it is with the kernel */
#define MARK_RETRY   (1u << 6)  /* listed, but not before ring.cancel_at */
#define MARK_CLOSING (1u << 7)  /* a close waits for it */
#define MARK_TIMED   (1u << 8)  /* cold.timer is in the heap */
#define MARK_ARMED   (1u << 9)  /* its time-out has begun */
#define MARK_ORDERED (1u << 10) /* in its descriptor's order */
#define MARK_HELD    (1u << 11) /* a multishot: no more results for now */

#define SLOT_INTERNAL (1u << 0) /* the library's own: not pending, not traced */
#define SLOT_COLD     (1u << 1) /* cold holds more than links */
#define SLOT_CHAIN    (1u << 2) /* member of a chain */
#define SLOT_SHORT    (1u << 3) /* only the request's first half is kept */
#define SLOT_STARTED  (1u << 4) /* the thread that submitted it started it */
#define SLOT_CREATOR  (1u << 5) /* in another's slot, but the creator's own */

struct slot {
	uint64_t id; /* + TAG_SPECIAL if the plain path is not enough */
	a10_done *done;
	void *data;
	uint32_t next;       /* in the list that its state says; of a running
				one: where its request stands in the queue */
	uint32_t descriptor; /* index into descriptors, or 0 */
	uint32_t fd_next;    /* others on the same descriptor */
	uint32_t fd_prev;
	union {
		struct {
			uint8_t state;
			uint8_t opcode; /* of its row in the table */
			uint8_t step;
			uint8_t park;
			uint16_t marks;
			uint8_t flags;
			uint8_t tries; /* to become ready, in vain */
		};
		uint64_t status; /* all of them: little-endian, state first */
	};
	/*
	 * Any thread: generation << 32 | what another thread asks; see inbox.c.
	 */
	_Atomic uint64_t asked;
	uint32_t asked_next;
	_Atomic uint32_t free_next; /* of other threads' free ones */
};

_Static_assert(sizeof(struct slot) == 64, "a slot is one cache line");
_Static_assert(sizeof(struct a10_request) == 64, "a request is an sqe");

/*
 * Who waits in a channel or for a semaphore, perhaps of several rings: guarded
 * by the lock of what it waits in, while it is linked.
 */
struct waiter {
	struct waiter *next;
	struct waiter *prev;
	struct a10_sq *sq; /* NULL: it does not wait, it only tries */
	a10_id id;
	char *items;    /* to send, or where to receive */
	uint32_t left;  /* of them, to be moved ... */
	uint32_t moved; /* ... and moved */
	bool all;       /* it wants to have moved all */
	bool over;      /* not linked any more, and this is its result: */
	int32_t error;  /* -errno, or 0: moved */
};

/*
 * What only some operations need; beside the slots, so that the others never
 * touch it. Valid with SLOT_COLD, but for the links of ring.cancels and timer.
 */
struct cold {
	uint32_t flags; /* A10_WITH_* */
	uint32_t index; /* in its chain */
	uint64_t total; /* a10_all: bytes asked for ... */
	uint64_t bytes; /* ... and done */
	int64_t timeout_ns;
	int64_t deadline_ns;
	int64_t progress_at; /* from when timeout_ns counts */
	int64_t retry_at;
	struct heap_node timer;
	void *owned;
	void (*release)(void *owned);
	struct a10_buf owned_buf;
	struct a10_pool *pool;
	struct a10_region *region; /* with A10_WITH_REGION */
	uint32_t bound;
	uint32_t lent; /* of its buffers, not yet back */
	struct a10_scope *scope;
	uint32_t scope_next;
	uint32_t scope_prev;
	struct capture *captured;
	void *output; /* what the caller lent: a header, an address */
	uint64_t argument[2];
	uint32_t cancel_next;
	uint32_t cancel_prev;
	uint32_t park_next; /* in the list of what it is parked in */
	uint32_t park_prev;
	uint32_t order_next;  /* behind it on its descriptor */
	uint32_t close_waits; /* operations a close waits for */
	uint32_t chain_first;
	uint32_t chain_next;
	uint32_t chain_turn;    /* of the first: whose result is due ... */
	uint32_t chain_running; /* ... how many are with the kernel ... */
	bool chain_redo;        /* ... that it has to go on ... */
	bool chain_broken;      /* ... and that the rest is not to run */
	uint32_t retries;       /* of what is transient, in vain so far */
	struct a10_buf picked;  /* of a chain's member that is back */
	int32_t cell;           /* what FILES_UPDATE reads and writes */
	uint32_t cqe_flags;     /* of a chain's member that is back */
	int32_t fd_value;       /* the descriptor it made, or -1 */
	int64_t value;          /* the result, once it is known */
	struct waiter waiter;   /* last: not set but by who uses it */
};

/* In cold.flags besides A10_WITH_*. */
#define COLD_COPIES   (1u << 31) /* it was to send without copying, in vain */
#define COLD_BORROWED (1u << 30) /* cell is a descriptor to close at the end */
#define COLD_BY_CALL  (1u << 29) /* the kernel cannot; the system call does */
#define COLD_SECOND   (1u << 28) /* argument[1] is another one to close */
#define COLD_STRANDED (1u << 27) /* output was on a stack that is gone */

/*
 * What is under way on one descriptor of the process, or of the direct table.
 */
struct descriptor {
	uint32_t first;       /* its slots, by fd_next */
	uint32_t order_first; /* those that go one behind the other */
	uint32_t order_last;
	uint32_t unused;
};

struct completion {
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};

#define COMPLETION_BATCH 256

#define BELL_QUIET  0u /* the owner is awake */
#define BELL_DOZING 1u /* the owner sleeps, or is about to */
#define BELL_RUNG   2u /* somebody wants it awake */
#define BELL_AWAY   3u /* the owner sleeps, but not in the ring: ready.c */

/* No thread has these numbers, nor 0. */
#define OWNER_NONE UINT64_MAX
#define OWNER_GONE (UINT64_MAX - 1) /* it has left the ring, or ended it */

/* In place of the first slot of the inbox: nothing may be added any more. */
#define INBOX_CLOSED UINT32_MAX

struct errand;
struct tag;

/*
 * What any thread may use; lives until the last reference is given back. Slots
 * are here since another thread may look at one after the ring is gone.
 */
struct a10_sq {
	_Atomic uint64_t owner; /* thread_number, or OWNER_NONE */
	uint64_t token;         /* process_token when it was made */
	struct slot *slots;     /* these four never change and never move */
	struct a10_request *requests;
	struct cold *colds;
	uint32_t slot_limit;   /* of the reservation */
	uint32_t foreign_base; /* from here on slots are of other threads */
	_Atomic uint32_t owner_ready; /* the owner's slots that have memory */
	uint32_t number;              /* of the ring; a10_fd.ring */
	int bell_fd;                  /* eventfd */
	int ready_fd; /* of a10_ring_fd, or -1; before BELL_AWAY is said */
	_Atomic uint32_t chain_most;       /* places in the submission queue */
	const struct backend_calls *calls; /* for other threads' clock */
	struct backend *backend;

	struct a10_sq *registry_next; /* fd/registry.c's */

	_Atomic uint32_t references;
	_Atomic uint32_t closed;  /* a10_ring_destroy has begun */
	_Atomic uint32_t bell;    /* BELL_* */
	_Atomic uint32_t woken;   /* a10_sq_wake since the last poll */
	_Atomic uint32_t stopped; /* a10_sq_stop since the last run */

	_Atomic uint32_t inbox;           /* slots submitted by other threads */
	_Atomic uint32_t asks;            /* slots other threads asked to end */
	_Atomic(struct errand *) errands; /* helper threads are done with */
	_Atomic uint32_t helped;          /* that helpers have, but of names */
	_Atomic uint64_t foreign_free;    /* tag << 32 | first free slot */
	pthread_mutex_t foreign_lock;     /* for who changes the two below */
	_Atomic uint32_t foreign_used;    /* from foreign_base ever taken ... */
	uint32_t foreign_ready;           /* ... and how many have memory */

	bool starts; /* the ring has a kernel thread; never changes: start.c */
	pthread_mutex_t start_lock; /* guards the two below and view.sq_tail */
	bool start_open;            /* bound, and not being destroyed */
	bool start_waits;           /* something submitted was not started */
};

/* What is to be done when a callback has returned. */
struct delivery {
	struct a10_scope *scope;
	int64_t value; /* that the scope hears */
	void *owned;
	void (*release)(void *owned);
	struct a10_buf owned_buf;
	uint32_t with; /* A10_WITH_OWNED* */
};

struct pool_list {
	struct a10_pool *first;
};

/* Tasks that are to run, and what they run on; see src/task. */
struct task_list {
	struct task *first;
	struct task **link;
	uint32_t readied; /* ever put in, ... */
	uint32_t begun;   /* ... and taken out: their difference is in it */
	uint32_t until;   /* so many may be taken out in this turn */
	uint32_t usual;   /* of stacks, the size that tasks have mostly */
	void (*run)(struct a10_ring *ring);
	void (*finish)(struct a10_ring *ring); /* NULL: there never was one */
	void (*cut)(struct a10_ring *ring); /* those that ran come not back */
	bool (*awaits)(a10_done *done);     /* it is how a task awaits */
	a10_done *streams;                  /* ... and how a stream does */
	_Atomic uint32_t stint; /* odd: a task runs; for its watchdog: */
	struct watch *watch;    /* NULL: there is none */
	void (*watch_end)(struct a10_ring *ring);
	struct stack *stacks[17]; /* by size */
	uint32_t stack_count[17];
};

struct region_list {
	struct a10_region *first;
};

/* The owner's. Another thread may use it only before it is bound. */
struct a10_ring {
	struct a10_sq sq;

	/* The path of a submission. */
	bool slow; /* ring_update_slow: not the plain path */
	bool bound;
	bool kernel_thread;
	bool iopoll;
	bool closing;     /* destroy has begun */
	bool restricted;  /* to operations that were named */
	bool abandoned;   /* its owner has ended; only its close is left */
	bool grant_bound; /* the ring's own descriptor is registered */
	bool brought;     /* other threads did, since it last slept */
	bool look_enters; /* a poll that does not wait must enter all the same */
	uint32_t tail;    /* of the submission queue, written so far ... */
	uint32_t published; /* ... and what the backend knows */
	uint32_t window;    /* tail, when the plain path may write no more: as
			       room is, or at once if others go before it */
	struct uring_sqe *sqes;
	uint32_t sq_mask;
	uint32_t sqe_shift; /* 1: requests are 128 bytes */
	uint32_t free_first;
	uint32_t slots_used;  /* from 1 ever taken by the owner ... */
	uint32_t slots_ready; /* ... and how many have memory */
	bool queue_dirty; /* something in the queue is to end before it runs */
	uint32_t *queue_link; /* where the next to be queued is linked */
	uint32_t queue_first;
	struct descriptor *descriptors;
	uint64_t plain;         /* a bit per opcode that is PLAIN_DESCRIPTOR */
	uint32_t regular_limit; /* regular number n is n + 1 ... */
	uint32_t direct_base;   /* ... direct slot n is direct_base + n */
	uint32_t direct_limit;
	size_t descriptors_size;
	size_t pending; /* the user's operations that are not over */
	size_t running; /* slots the backend has, the library's too */

	/* The path of a completion. */
	struct backend_view view;
	struct backend *backend;
	const struct backend_calls *calls;
	uint32_t batch_head;  /* of batch: delivered so far ... */
	uint32_t batch_count; /* ... of so many */
	uint32_t delivered;   /* in this poll */
	/* Where a callback is, should it end its thread: see orphan.c. */
	uint64_t live;         /* whose completion is being delivered, or 0 */
	bool live_over;        /* it is its last */
	struct delivery after; /* of the callback that runs */
	uint32_t finishing_first; /* of finished_first: not yet delivered */
	struct completion *batch;
	uint64_t (*batch_extra)[2]; /* of 32-byte completions; else NULL */
	struct a10_result result;   /* zero but while a callback runs */

	/* What is to be done. */
	uint32_t finished_first;
	uint32_t *finished_link;
	uint32_t cancels; /* slots with MARK_LISTED, by cancel_next */
	uint32_t cancel_retries;
	bool cancels_wait; /* one of them found no room in the queue */
	int64_t cancel_at; /* when those with MARK_RETRY are due */
	uint32_t cancel_backoff;
	uint32_t drains;   /* drained operations not over, and ... */
	uint32_t draining; /* ... the one that runs, all by itself */
	uint32_t bells;    /* running: the polls of the bell and the timer */
	size_t away;       /* slots a system call of a helper's stands for */
	struct heap timers;
	int64_t clock; /* now, as long as clock_valid */
	bool clock_valid;
	uint32_t foreign_done; /* other threads', to be given back */
	uint32_t foreign_last;
	struct capture_cache captures;

	int timer_fd;     /* of a10_ring_fd, or -1; ready.c */
	int64_t timer_at; /* what it is set to */

	uint32_t mail_first; /* messages nobody has received, by next */
	uint32_t mail_last;
	uint32_t readers_first; /* those who wait for one, by park_next */
	uint32_t readers_last;

	uint32_t starved; /* slots parked for buffers, by park_next */
	uint32_t owing;   /* pools that the kernel has no room to give to */
	struct task_list tasks;

	struct pool_list pools;
	struct region_list regions;
	struct tag *tags;   /* of entries, that were not told yet ... */
	uint64_t tags_made; /* ... of so many */
	uint16_t next_group;

	a10_trace_fn *trace;
	void *trace_data;
	struct backend_grant grant;
	struct a10_ring *owned_next; /* of the same owner; orphan.c */
	uint64_t creator; /* thread_number; may become owner by a10_await_on */
	uint64_t enters;
	struct a10_config config;
};

/* The place of request at; not for the plain path, which has 64 bytes. */
static inline struct uring_sqe *sqe_at(const struct a10_ring *ring, uint32_t at)
{
	return &ring->sqes[(size_t)(at & ring->sq_mask) << ring->sqe_shift];
}

static inline struct a10_ring *ring_of(struct a10_sq *sq)
{
	return container_of(sq, struct a10_ring, sq);
}

static inline struct slot *slot_at(struct a10_ring *ring, uint32_t index)
{
	return &ring->sq.slots[index];
}

static inline struct cold *cold_at(struct a10_ring *ring, uint32_t index)
{
	return &ring->sq.colds[index];
}

static inline struct a10_request *request_at(struct a10_ring *ring,
					     uint32_t index)
{
	return &ring->sq.requests[index];
}

static inline uint32_t slot_index(const struct slot *slot)
{
	return id_slot(slot->id);
}

static inline struct slot *slot_of_cold(struct a10_ring *ring,
					struct cold *cold)
{
	return &ring->sq.slots[cold - ring->sq.colds];
}

static inline bool sq_is_bound(const struct a10_sq *sq)
{
	return atomic_load_explicit(&sq->owner, memory_order_relaxed) !=
	       OWNER_NONE;
}

/* config.disabled, and not enabled yet. Any thread. */
static inline bool ring_is_disabled(const struct a10_ring *ring)
{
	return ring->config.disabled == A10_ON && !sq_is_bound(&ring->sq);
}

/* Whether this thread owns the ring, in the process that made it. */
static inline bool sq_is_mine(const struct a10_sq *sq)
{
	return atomic_load_explicit(&sq->owner, memory_order_relaxed) ==
		       thread_number_cached &&
	       *process_word == sq->token;
}

static inline bool sq_is_inherited(const struct a10_sq *sq)
{
	return *process_word != sq->token;
}

#define NOT_THE_OWNER \
	"the ring is another thread's, and this is a call of its owner's only"

/* Of calls that are the owner's and have no error to say that it is not. */
static inline void check_owner_in(const struct a10_sq *sq, const char *call)
{
#ifdef A10_DEBUG
	const uint64_t owner =
		atomic_load_explicit(&sq->owner, memory_order_relaxed);

	if (unlikely(owner != OWNER_NONE && owner != OWNER_GONE &&
		     !sq_is_mine(sq) && !sq_is_inherited(sq)))
		panic("a10: %s: " NOT_THE_OWNER, call);
#else
	(void)sq;
	(void)call;
#endif
}

#define check_owner(sq) check_owner_in((sq), __func__)

#endif
