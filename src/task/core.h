/*
 * A task is an operation whose result is what its function returned. Its slot
 * is PARKED for as long as it lives, so all that is known of operations holds
 * for it: ids, cancels, scopes, the inbox, destroy, dump. What is more of it
 * lies at the end of its stack, and is the owner's of its ring.
 *
 *                task_begin              task_resume, from poll
 *   (a slot) ----------------> READY ---------------------------> RUNNING
 *                                ^                                 |   |
 *                     task_ready |                    task_suspend |   |
 *                                +----------- WAITING <------------+   |
 *                                                |                     |
 *                                                +--> RUNNING          |
 *                                     task_resume, from a callback     v
 *                                                                     OVER
 *
 * A task that joins another or is over resumes itself whom poll would have
 * resumed next (task_enter_from), to which poll's part goes over.
 *
 * A task runs on its owner's thread, inside poll, as a callback does: it may
 * use every call but those that poll, and has those besides that suspend it.
 * Nothing runs on a stack that waits, so what lies there may be lent to the
 * kernel.
 */
#ifndef TASK_CORE_H
#define TASK_CORE_H

#include <errno.h>

#include "ring/above.h"
#include "ring/life.h"
#include "task/fiber.h"
#include "task/stack.h"
#include "task/switch.h"

#include <a10/task.h>

enum task_state {
	TASK_READY,   /* in ring.tasks, to run in this turn or the next */
	TASK_RUNNING, /* task_here */
	TASK_WAITING, /* a callback will resume it, or make it ready */
	TASK_OVER,    /* its function has returned */
};

/* An operation that a task waits for; of several on that task's stack. */
struct awaited {
	struct task *task;
	a10_id id; /* 0: it never began, or is over */
	ssize_t value;
	struct a10_result *result; /* or NULL */
	struct a10_sq *sq;         /* of another ring; else NULL */
	struct several *several;   /* it is one of them; else NULL */
	bool shielded;             /* a cancel of the task spares it */
};

struct local {
	const void *key;
	void *value;
};

#define LOCALS_HELD 4

struct task {
	/* What each wait uses, in the first three lines of the cache. */
	context_place place;
	context_place poll; /* where who resumed it goes on */
	struct a10_ring *ring;
	struct a10_sq *sq;
	struct task *outer; /* task_here where it was resumed */
	/* It waits without a slot: ends that, with the task's reason ... */
	void (*give_up)(struct task *task);
	void *waits_in; /* ... and what that needs to know ... */
	struct a10_result *waits_result; /* ... and what is to be filled */
	uint8_t state;                   /* enum task_state */
	uint8_t guard;                   /* its stack's: enum guard */
	bool shield;
	int16_t reason;  /* -ECANCELED or -ETIME; 0: nobody asked */
	uint32_t streak; /* results in a row that it did not wait for */
	int error;       /* errno, while it does not run */
	/* This and give_up are nothing whenever it runs. */
	uint32_t await_count;
	struct awaited *awaits;
	struct awaited awaited; /* the one, if it is only one */
	struct task *next;      /* in ring.tasks */
	ssize_t given;          /* what its wait returns, if it is ready */

	uint64_t id;
	struct stack *stack;
	a10_task_fn *fn;
	void *data;
	struct task *join_next; /* of those that wait for the same, ... */
	struct task *join_prev; /* ... both ways */
	int value;
	uint32_t joiners;           /* slots, by park_next; NO_SLOT is 0 */
	struct task *joined_by;     /* those that wait for it, by join_next */
	_Atomic uint32_t elsewhere; /* one of another ring's is over */
	uint32_t more_count;
	struct local *more_locals;
	uint32_t local_count; /* of locals, ever used */
	void *fiber;          /* the sanitizers': its own */
	struct exceptions exceptions;
	char name[32];
	void *poll_fiber; /* the sanitizers': of who resumed it, ... */
	void *kept;       /* ... and theirs */
	const void *poll_low;
	size_t poll_size;
	struct local locals[LOCALS_HELD];
};

/* Results that did not have to be waited for, until others have their turn. */
#define STREAK_MOST 64u

extern _Thread_local struct task *task_here
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* In await.c: whether it is a callback that resumes a task. */
bool await_is(a10_done *done);
/* Its function has returned. */
void task_end(struct task *task);
/* Ends the program. */
_Noreturn void task_overflowed(const struct task *task) __attribute__((cold));

/*
 * After a switch the processor has not predicted a single return. So all is
 * done before, and a function that suspends or resumes does that last: then the
 * other side goes on right in its caller. For that they are inlined, and
 * nothing that is to be there after the switch is in the function's frame.
 */

/* The owner's alone to change; read by the watchdog. */
static inline __attribute__((always_inline)) void
stint_add(struct a10_ring *ring, uint32_t count)
{
	_Atomic uint32_t *stint = &ring->tasks.stint;

	atomic_store_explicit(
		stint,
		atomic_load_explicit(stint, memory_order_relaxed) + count,
		memory_order_relaxed);
}

/* In the task, before a switch: what is poll's again. */
static inline __attribute__((always_inline)) void task_leave(struct task *task)
{
	exceptions_swap(&task->exceptions);
	task_here = task->outer;
	stint_add(task->ring, 1);
}

/* Whether a canary still sings. Of other guards always. */
static inline bool task_fits(const struct task *task)
{
	return likely(task->guard != GUARD_CANARY) ||
	       canary_is_whole(task->stack);
}

/* In the task, before it suspends. */
static inline __attribute__((always_inline)) void task_rest(struct task *task)
{
	if (unlikely(!task_fits(task)))
		task_overflowed(task);
	if (task->state == TASK_RUNNING)
		task->state = TASK_WAITING;
	task->streak = 0;
	task->error = errno;
}

/* In the task: until somebody resumes it, with what this returns. */
static inline __attribute__((always_inline)) ssize_t
task_suspend(struct task *task)
{
	task_rest(task);
	task_leave(task);
	FIBER_SWITCH(task->poll_fiber);
#if FIBER_WATCHED
	FIBER_LEAVE(&task->kept, task->poll_low, task->poll_size);
	const ssize_t value = context_switch(&task->place, task->poll, 0);

	FIBER_ARRIVE(task->kept, &task->poll_low, &task->poll_size);
	return value;
#else
	return context_switch(&task->place, task->poll, 0);
#endif
}

/* Before a switch to it: what is its own again. */
static inline __attribute__((always_inline)) void task_enter(struct task *task)
{
	check(task->state != TASK_RUNNING);
	task->state = TASK_RUNNING;
	task->give_up = NULL;
	task->await_count = 0;
	task_here = task;
	errno = task->error;
}

/*
 * Of many tasks each goes on in lines that are not in the caches any more, one
 * after the other, each behind a return that is mispredicted. So all are asked for
 * at once: the task's first three, and the innermost frames.
 */
static inline __attribute__((always_inline)) void
task_fetch(const struct task *task)
{
	enum {
		LINE = 64,
		FRAMES = 8
	};
	const char *frames = task->place;

	__builtin_prefetch((const char *)task + LINE);
	__builtin_prefetch((const char *)task + 2 * LINE);
	for (int i = 0; i < FRAMES; i++)
		__builtin_prefetch(frames + i * LINE);
}

/*
 * From poll's stack: runs it until it waits or ends, and then the task may be
 * gone. value: for task_suspend.
 */
static inline __attribute__((always_inline)) void task_resume(struct task *task,
							      ssize_t value)
{
	task_fetch(task);
	/* A child that was forked in a task may have a ring of its own. */
	task->outer = task_here;
	task_enter(task);
	stint_add(task->ring, 1);
	exceptions_swap(&task->exceptions);
	FIBER_SWITCH_KEEPING(task->fiber, &task->poll_fiber);
#if FIBER_WATCHED
	void *kept = NULL;

	FIBER_LEAVE(&kept, task->stack->low,
		    (size_t)(task->stack->high - task->stack->low));
	context_switch(&task->poll, task->place, value);
	FIBER_ARRIVE(kept, NULL, NULL);
	if (task->state == TASK_OVER)
		task_end(task);
#else
	context_switch(&task->poll, task->place, value);
#endif
}

/* The next that is to run in this turn of poll; NULL: none is. */
static inline struct task *task_next(struct a10_ring *ring)
{
	struct task_list *list = &ring->tasks;
	struct task *task = list->first;

	if (!task || list->begun == list->until)
		return NULL;
	list->first = task->next;
	list->begun++;
	ring->delivered++;
	return task;
}

/*
 * In from, before a switch to another that poll would have resumed next: it
 * comes back to poll as from would have.
 */
static inline __attribute__((always_inline)) void
task_enter_from(struct task *task, struct task *from)
{
	task->poll = from->poll;
	task->outer = from->outer;
	task->poll_fiber = from->poll_fiber;
	task_enter(task);
	stint_add(task->ring, 2);
	exceptions_pass(&from->exceptions, &task->exceptions);
}

/*
 * As task_suspend, but if poll would go on with another task this one does so.
 */
static inline __attribute__((always_inline)) ssize_t
task_suspend_to_next(struct task *task)
{
#if !FIBER_WATCHED
	struct task *next = task_next(task->ring);

	if (likely(next)) {
		task_rest(task);
		task_enter_from(next, task);
		FIBER_SWITCH(next->fiber);
		return context_switch(&task->place, next->place, next->given);
	}
#endif
	return task_suspend(task);
}

/* In the task: until it is ready, or to be given up. */
static inline void task_waits_in(struct task *task, void *waits_in,
				 void (*give_up)(struct task *task))
{
	task->waits_in = waits_in;
	task->give_up = give_up;
}

/* What ends it: -ECANCELED, -ETIME; 0: nothing, or it is shielded. */
static inline int task_reason(const struct task *task)
{
	return likely(!task->reason) || task->shield ? 0 : task->reason;
}

/* It will run in this turn or the next. */
static inline void task_ready(struct task *task)
{
	struct task_list *list = &task->ring->tasks;

	task->state = TASK_READY;
	task->next = NULL;
	if (!list->first)
		list->link = &list->first;
	*list->link = task;
	list->link = &task->next;
	list->readied++;
}

/* await.c: what tasks can do, as the layers below know it. */
extern const struct waiting_calls task_waiting;
/* Ends what it waits for. */
void task_awaits_cancel(struct task *task);
/* In the task: until what these records are of is over. */
static inline __attribute__((always_inline)) ssize_t
task_wait(struct task *task, struct awaited *awaits, uint32_t count)
{
	task->awaits = awaits;
	task->await_count = count;
	return task_suspend(task);
}

/* 0, or why op must not begin. */
int await_check(const struct task *task, const struct a10_op *op, bool always);
/* A close, or what is shielded: whatever is asked of the task. */
bool is_carried_out(const struct a10_op *op);
/* As a10_submit. */
a10_id await_submit(struct task *task, const struct a10_op *op, a10_done *done,
		    void *data);
/* always: also in a cancelled task, and not ended by its cancel. */
ssize_t task_await(struct task *task, const struct a10_op *op,
		   struct a10_result *ret_result, bool always);

/* several.c: the same of its callbacks as await_is. */
bool several_is(a10_done *done);

/* join.c */
void joins_register(void);
/* The task is over: tells all operations that wait for that ... */
void joins_finish(struct a10_ring *ring, struct task *task);

/* ... and all tasks that do without one. */
static inline void joined_finish(struct task *task)
{
	struct task *joiner = task->joined_by;

	task->joined_by = NULL;
	while (joiner) {
		struct task *next = joiner->join_next;

		joiner->given = task->value;
		joiner->give_up = NULL;
		task_ready(joiner);
		joiner = next;
	}
}

/* local.c */
void locals_free(struct task *task);

/* overflow.c: this thread will run tasks. */
void overflow_watch(void);

#endif
