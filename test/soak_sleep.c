/*
 * Wakes that are lost. While much goes on nobody would see one, for the next would
 * do as well. So a ring begins idle: its owner sleeps, time after time, for as long
 * as nothing takes, and the first of its threads does one thing that must wake it,
 * at a random moment around its going to sleep.
 */
#include "soak.h"

#include <sched.h>

#define NAP   (20 * A10_SECOND)
#define TIMES 8

enum call {
	CALL_NONE, /* yet */
	CALL_WAKE,
	CALL_SUBMIT,
	CALL_CANCEL,
	CALL_POST,
	CALL_OVER, /* no more */
};

/* What the sleeper waits for is over. */
static void on_heard(void *data, const struct a10_result *r)
{
	struct ring_stage *stage = data;

	(void)r;
	atomic_store(&stage->heard, true);
}

/* Everybody else is busy, and does not let the owner sleep for long. */
void sleep_busy(struct ring_stage *stage)
{
	const int64_t begin = a10_now();

	need(a10_ring_poll(stage->ring, NAP) >= 0, "a10_ring_poll", 0);
	need(a10_now() - begin < NAP, "slept with threads at work", 0);
}

static void sleep_once(struct ring_stage *stage, enum call call)
{
	const int64_t begin = a10_now();
	struct a10_op op = a10_after(4 * NAP);

	atomic_store(&stage->heard, false);
	if (call == CALL_POST)
		op = a10_message_receive();
	if (call == CALL_CANCEL || call == CALL_POST)
		stage->slept_on = a10_submit(stage->sq, op, on_heard, stage);
	atomic_store(&stage->call, call);
	while (!atomic_load(&stage->heard)) {
		need(a10_ring_poll(stage->ring, NAP) >= 0, "a10_ring_poll", 0);
		need(a10_now() - begin < NAP, "a wake was lost", call);
	}
}

void sleeps(struct ring_stage *stage, uint64_t *random)
{
	for (int i = 0; i < TIMES; i++)
		sleep_once(stage,
			   (enum call)(CALL_WAKE + random_below(random, 4)));
	atomic_store(&stage->call, CALL_OVER);
}

static void call_do(struct ring_stage *stage, unsigned int call)
{
	a10_id id = 1;
	int err = 0;

	switch (call) {
	case CALL_WAKE:
		/* Before it, or its owner would sleep on after it. */
		atomic_store(&stage->heard, true);
		err = a10_sq_wake(stage->sq);
		break;
	case CALL_SUBMIT:
		id = a10_submit(stage->sq, a10_nop(), on_heard, stage);
		break;
	case CALL_CANCEL:
		err = a10_cancel(stage->sq, stage->slept_on);
		break;
	default:
		err = a10_message_post(stage->sq, 1);
		break;
	}
	need(id > 0 && err == 0, "a call that wakes", err);
}

void sleeper_call(struct submitter *who)
{
	struct ring_stage *stage = who->stage;
	unsigned int call, looks = 0;
	uint32_t pause;

	while ((call = atomic_load(&stage->call)) != CALL_OVER) {
		if (call == CALL_NONE) {
			if (++looks % 256 == 0)
				sched_yield();
			continue;
		}
		atomic_store(&stage->call, CALL_NONE);
		/* Mostly short, as the way to sleep is. */
		pause = random_below(&who->random, 2000);
		pause = random_below(&who->random, pause + 1);
		while (pause-- > 0)
			(void)random_next(&who->random);
		call_do(stage, call);
	}
}
