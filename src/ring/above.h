/*
 * Operations of the layers above: tasks, channels, streams. The table says
 * OWN_ABOVE of them, and what is done with them is registered when the first one
 * may come, so that a program links none of what it does not use.
 */
#ifndef RING_ABOVE_H
#define RING_ABOVE_H

#include "ring/core.h"

#define ABOVE_FIRST A10_OPCODE_TASK
#define ABOVE_COUNT 8

#define SCOPE_FLAGS_KNOWN (A10_SCOPE_FAIL_FAST | A10_SCOPE_FIRST_WINS)

/* How a task's wait goes, as far as that is possible without a slot. */
enum await_how {
	AWAIT_BY_SLOT, /* it is not */
	AWAIT_OVER,    /* *ret_value is known already */
	AWAIT_BEGUN,   /* the task will be resumed with it */
};

/* All the owner's. */
struct above_calls {
	/* It was admitted: parks it (PARK_ABOVE), or finishes it. */
	void (*begin)(struct a10_ring *ring, struct slot *slot);
	/*
	 * It is parked, and somebody wants its end: slot_reason tells. It need
	 * not end.
	 */
	void (*cancel)(struct a10_ring *ring, struct slot *slot);
	/* NULL, or: it is to be delivered, and r may be changed. */
	void (*deliver)(struct a10_ring *ring, struct slot *slot,
			struct a10_result *r);
	/*
	 * NULL, or: its result is known and was just said to be nobody's: gives
	 * back what it has brought. Now, while all that it is about is there.
	 */
	void (*detach)(struct a10_ring *ring, struct slot *slot);
	/* NULL, or: it is parked, and another thread said ASK_WAKE. */
	void (*wake)(struct a10_ring *ring, struct slot *slot);
	/* NULL, or: a task awaits op, which has no modifiers. */
	enum await_how (*await)(const struct a10_op *op,
				struct a10_result *ret_result,
				ssize_t *ret_value);
	/* NULL, or: more of it for a10_ring_dump. */
	void (*describe)(struct a10_ring *ring, const struct slot *slot,
			 char *text, size_t size);
};

/* What only tasks can: wait inside poll. */
struct waiting_calls {
	/* Whether this is one. */
	bool (*here)(void);
	/* Of it: that it has a result at once. false: others are to run. */
	bool (*go_on)(void);
	/* a10_await, on any ring. always: whatever is asked of the task. */
	ssize_t (*await)(struct a10_sq *sq, const struct a10_op *op,
			 struct a10_result *ret_result, bool always);
};

/* Any thread; more than once is the same. */
void above_register(uint32_t opcode, const struct above_calls *calls);
void waiting_register(const struct waiting_calls *calls);

/* NULL: none was registered, or the opcode is of a layer below. */
const struct above_calls *above_of(uint32_t opcode);
/* NULL: this is no task. */
const struct waiting_calls *waiting_here(void);

/* In a task, which has a result at once. false: others are to run first. */
bool task_may_go_on(void);

/* ---- what ring does with them --------------------------------------------- */

void above_begin(struct a10_ring *ring, struct slot *slot);
void above_cancel(struct a10_ring *ring, struct slot *slot);
void above_deliver(struct a10_ring *ring, struct slot *slot,
		   struct a10_result *r);
void above_detach(struct a10_ring *ring, struct slot *slot);
void above_wake(struct a10_ring *ring, struct slot *slot);

/*
 * The owner's op, also while the ring is being destroyed: for what must end in
 * order, as waiting for a scope. The slot's id, or -ENOMEM, -EINVAL ...; what
 * op owns is not given up then.
 */
a10_id owner_submit(struct a10_ring *ring, const struct a10_op *op,
		    struct a10_scope *scope, a10_done *done, void *data);

/* What a verb got as words; ring: what its descriptor is direct on, or 0. */
struct a10_op op_from_words(uint32_t ring, uint64_t head, uint64_t offset,
			    uint64_t address, uint64_t tail);

/* Any thread: the parked operation is to be looked at, by above_calls.wake. */
void sq_wake_parked(struct a10_sq *sq, a10_id id);

#endif
