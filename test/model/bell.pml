/*
 * The bell and the inbox: src/ring/wake.c, inbox.c, ready.c; states and steps bear
 * the code's names. Each step here is one atomic access there; all that matter are
 * seq_cst, so one order of all steps is what there is to look at.
 *
 * The owner takes turns, sleeps in the ring (DOZING) or in a loop of its program's
 * (AWAY), and at any moment may close the inbox for good. Threads submit and wake.
 * Never may it sleep while there is something it has not seen, and all that was
 * submitted is taken or refused. For each sleep that was begun there is one write to
 * an eventfd at most.
 *
 * spin -a -DTHREADS=2 bell.pml; scripts/check-model does it.
 */
#ifndef THREADS
#define THREADS 2
#endif
#if THREADS > 2
#define EACH 1 /* what a thread does */
#else
#define EACH 2
#endif

#define BELL_QUIET  0
#define BELL_DOZING 1
#define BELL_RUNG   2
#define BELL_AWAY   3

byte bell = BELL_QUIET;
byte inbox = 0;            /* how many are in it */
bool inbox_closed = false; /* INBOX_CLOSED */
bool woken = false;

bit bell_fd = 0;  /* the bell's poll has an event that enter has not seen */
bit ready_fd = 0; /* the program's loop sees it */

byte submitted = 0;
byte taken = 0;
byte refused = 0;
bit owed = 0; /* a sleep was begun, and nobody has written for it */

/* bell_doze's exchange, and what it brings. */
inline sq_ring_bell(was)
{
	atomic {
		was = bell;
		bell = BELL_RUNG;
		if
		:: was == BELL_DOZING || was == BELL_AWAY ->
			assert(owed);
			owed = 0
		:: else
		fi
	}
	if
	:: was == BELL_DOZING -> bell_fd = 1
	:: was == BELL_AWAY -> ready_fd = 1
	:: else
	fi;
	was = 0
}

inline sq_ring_bell_if_dozing(was)
{
	was = bell;
	if
	:: was == BELL_DOZING || was == BELL_AWAY -> sq_ring_bell(was)
	:: else -> was = 0
	fi
}

proctype thread()
{
	byte i = 0;
	byte was;
	bool pushed;

	do
	:: i < EACH ->
		i++;
		if
		:: /* inbox_push */
			atomic {
				submitted++;
				pushed = !inbox_closed;
				if
				:: pushed -> inbox++
				:: else -> refused++
				fi
			}
			if
			:: pushed -> sq_ring_bell_if_dozing(was)
			:: else
			fi
		:: /* sq_signal */
			woken = true;
			sq_ring_bell(was)
		fi;
		pushed = false
	:: else -> break
	od
}

inline inbox_take()
{
	atomic { taken = taken + inbox; inbox = 0 }
}

/* state: how; asleep: whether it may. */
inline bell_doze(how, asleep)
{
	atomic {
		asleep = (bell == BELL_QUIET);
		if
		:: asleep -> bell = how; owed = 1
		:: else
		fi
	}
	if
	:: asleep ->
		/* inbox_has_work, then woken: two loads */
		asleep = (inbox == 0); /* BREAK */
		asleep = asleep && !woken;
	:: else
	fi
	if
	:: !asleep -> bell = BELL_QUIET /* bell_rise */
	:: else
	fi
}

proctype owner()
{
	bool asleep;

	do
	:: /* a turn of poll that may sleep in the ring */
		inbox_take();
		bell_doze(BELL_DOZING, asleep);
		if
		:: asleep ->
end_dozing:		bell_fd > 0; /* enter returns */
			bell_fd = 0;
			bell = BELL_QUIET /* bell_rise */
		:: else
		fi;
		woken = false /* flag_take: poll returns, or did anyway */
	:: /* leave, and the program's loop */
		bell_doze(BELL_AWAY, asleep);
		if
		:: !asleep -> ready_fd = 1
		:: else
		fi;
end_away:	ready_fd == 1;
		/* ready_begin */
		bell = BELL_QUIET;
		ready_fd = 0;
		inbox_take();
		woken = false
	:: /* a10_ring_destroy: inbox_close */
		atomic {
			taken = taken + inbox;
			inbox = 0;
			inbox_closed = true
		}
		break
	od
}

init
{
	byte i = 0;

	atomic {
		run owner();
		do
		:: i < THREADS -> run thread(); i++
		:: else -> break
		od
	}
	/* Nothing can happen any more. */
	timeout;
	assert(inbox == 0);
	assert(taken + refused == submitted);
	assert(inbox_closed || !woken);
}
