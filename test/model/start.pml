/*
 * Rings with a kernel thread: src/ring/start.c, inbox.c, complete.c, by the code's
 * names. A thread starts an operation itself and asks for its end; the kernel thread
 * takes requests in their order; the owner does the books at its next turn, or when
 * the completion is there first. An operation ends by itself or never.
 *
 * Each is delivered once; that the kernel has cancelled it is delivered only with
 * the mark that says who wanted it, whichever of ask and completion the owner sees
 * first. And the owner, which nobody wakes for what was started, sleeps only while
 * nothing is there for it.
 */
#ifndef THREADS
#define THREADS 2
#endif

#define SLOT_FREE    0
#define SLOT_STARTED 1 /* in the inbox */
#define SLOT_RUNNING 2 /* the owner has it in its books */

typedef slot_t {
	byte state;
	bit asked;    /* and in asks */
	bit mark;     /* MARK_CANCEL */
	bit over;     /* delivered */
	bit request;  /* in the submission queue */
	bit cancel;   /* its cancel is, behind it */
	bit with_kernel;
	bit completed; /* a completion is there ... */
	bit cancelled; /* ... that says -ECANCELED */
};

slot_t slot[THREADS];
bool start_lock = false;

/* The slot goes into the inbox before the request can be seen. */
inline start_push(me)
{
	atomic { !start_lock -> start_lock = true }
	slot[me].state = SLOT_STARTED; /* inbox_link */
	slot[me].request = 1;    /* the tail */
	start_lock = false
}

/* The owner is asked first. */
inline start_cancel(me)
{
	atomic { !start_lock -> start_lock = true }
	slot[me].cancel = 1;
	start_lock = false
}

proctype thread(byte me)
{
	start_push(me);
	/* Of three the last only submits: that is states enough. */
	if
	:: me < 2 -> slot[me].asked = 1; /* sq_ask, asks_push */
		start_cancel(me)
	:: true
	fi
}

/*
 * In the queue's order, that is each cancel behind its request; and what is with
 * the kernel ends by itself at any moment.
 */
#define KERNEL(n)                                                  \
	:: atomic { slot[n].request ->                             \
		slot[n].request = 0; slot[n].with_kernel = 1 }     \
	:: atomic { !slot[n].request && slot[n].cancel ->          \
		slot[n].cancel = 0;                                \
		if                                                 \
		:: slot[n].with_kernel ->                          \
			slot[n].with_kernel = 0;                   \
			slot[n].cancelled = 1;                     \
			slot[n].completed = 1                      \
		:: else                                            \
		fi }                                               \
	:: atomic { slot[n].with_kernel ->                         \
		slot[n].with_kernel = 0; slot[n].completed = 1 }

proctype kernel()
{
end_kernel:
	do
	KERNEL(0)
	KERNEL(1)
#if THREADS > 2
	KERNEL(2)
#endif
	od
}

inline inbox_admit_all(i)
{
	d_step {
		i = 0;
		do
		:: i < THREADS ->
			if
			:: slot[i].state == SLOT_STARTED ->
				slot[i].state = SLOT_RUNNING
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
}

/* The asks before the inbox, carried out after it. */
inline inbox_take(i)
{
	atomic {
		i = 0;
		do
		:: i < THREADS ->
			taken[i] = slot[i].asked;
			slot[i].asked = 0;
			i++
		:: else -> break
		od
	}
	inbox_admit_all(i);
	atomic {
		i = 0;
		do
		:: i < THREADS ->
			if
			:: taken[i] && slot[i].state == SLOT_RUNNING ->
				slot[i].mark = 1
			:: else
			fi;
			taken[i] = 0;
			i++
		:: else -> break
		od;
		i = 0
	}
}

inline completion_special(n, i)
{
	atomic { slot[n].completed = 0 }
	if
	:: slot[n].cancelled -> /* an error: */
		inbox_take(i); /* BREAK */
		skip
	:: else
	fi;
	/* The owner has not heard of it yet. */
	inbox_admit_all(i);
	atomic {
		assert(slot[n].state == SLOT_RUNNING);
		assert(!slot[n].cancelled || slot[n].mark);
		slot[n].state = SLOT_FREE;
		slot[n].over = 1
	}
}

#if THREADS > 2
#define ANY(field) (slot[0].field || slot[1].field || slot[2].field)
#else
#define ANY(field) (slot[0].field || slot[1].field)
#endif

proctype owner()
{
	bit taken[THREADS];
	byte i;

end_resting:
	do
	:: ANY(asked) -> inbox_take(i)
	:: slot[0].completed -> completion_special(0, i)
	:: slot[1].completed -> completion_special(1, i)
#if THREADS > 2
	:: slot[2].completed -> completion_special(2, i)
#endif
	od
}

init
{
	byte i = 0;

	atomic {
		run kernel();
		run owner();
		do
		:: i < THREADS -> run thread(i); i++
		:: else -> break
		od
	}
	timeout;
	for (i : 0 .. (THREADS - 1)) {
		assert(slot[i].over);
		assert(!slot[i].asked && !slot[i].completed)
	}
}
