/*
 * Asks: src/ring/inbox.c, sq_ask and ask_carry_out, by the code's names. Threads
 * submit an operation of their own slot and ask for its end, twice: the second time
 * with the slot's next generation, if the first was over in time. The owner takes
 * asks before the inbox and carries them out after it; an operation also ends by
 * itself at any moment.
 *
 * An ask is never lost: an operation that does not end by itself ends, or its
 * thread would wait for ever (an invalid end state). And it never hits the slot's
 * next life unasked.
 */
#ifndef THREADS
#define THREADS 2
#endif

#if THREADS > 2
#define GENERATIONS(me) (me == 0 -> 2 : 1)
#else
#define GENERATIONS(me) 2
#endif

typedef slot_t {
	byte generation;     /* of slot.id */
	bit running;     /* admitted, and not over */
	bit in_inbox;
	bit in_asks;     /* in the list of asks */
	byte asked;      /* generation of what is asked; 0: nothing; LISTED */
	byte wanted;     /* the last generation somebody asked for */
	byte over;       /* the last that ended */
	bit brief;       /* it ends by itself */
};

slot_t slot[THREADS];

/* sq_ask: replaces an ask for a generation that is over. */
inline sq_ask(me, mine)
{
	atomic {
		was = slot[me].asked;
		slot[me].asked = mine;
		slot[me].wanted = mine
	}
	if
	:: was == 0 -> slot[me].in_asks = 1 /* asks_push */
	:: else -> was = 0
	fi
}

proctype thread(byte me)
{
	byte mine = 1;
	byte was;

	do
	:: mine <= GENERATIONS(me) ->
		/* inbox_push: of one that ends by itself, or of one that does not */
		atomic {
			if
			:: slot[me].brief = 1
			:: slot[me].brief = 0
			fi;
			slot[me].in_inbox = 1
		}
		sq_ask(me, mine);
		if
		:: sq_ask(me, mine) /* and again, which is harmless */
		:: true
		fi;
		/* The slot is taken again when it was given back. */
		slot[me].over == mine;
		mine++
	:: else -> break
	od
}

/* inbox_admit_all: the whole list at once. */
inline inbox_admit_all(k)
{
	d_step {
		k = 0;
		do
		:: k < THREADS ->
			if
			:: slot[k].in_inbox ->
				slot[k].in_inbox = 0;
				slot[k].running = 1
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0
	}
}

#define ends_itself(n) (slot[n].running && slot[n].brief)

inline slot_free(n)
{
	atomic {
		slot[n].running = 0;
		slot[n].over = slot[n].generation;
		slot[n].generation++
	}
}

inline ask_carry_out(n)
{
	atomic { word = slot[n].asked; slot[n].asked = 0 }
	/* For what came since the inbox was taken: once more. */
	if
	:: slot[n].generation == word && !slot[n].running ->
		inbox_admit_all(k); /* BREAK */
		skip
	:: else
	fi;
	atomic {
		if
		:: slot[n].generation == word && slot[n].running ->
			assert(slot[n].wanted >= word);
			slot_free(n)
		:: else
		fi;
		word = 0
	}
}

#if THREADS > 2
#define ANY(field) (slot[0].field || slot[1].field || slot[2].field)
#else
#define ANY(field) (slot[0].field || slot[1].field)
#endif

proctype owner()
{
	bit asks[THREADS];
	byte word, k, n;

	/* It rests where there is nothing: the bell is bell.pml's. */
end_resting:
	do
	:: ANY(in_asks) || ANY(in_inbox) ->
		/* inbox_take: the asks first */
		d_step {
			k = 0;
			do
			:: k < THREADS ->
				asks[k] = slot[k].in_asks;
				slot[k].in_asks = 0;
				k++
			:: else -> break
			od;
			k = 0
		}
		inbox_admit_all(k);
		n = 0;
		do
		:: n < THREADS ->
			if
			:: asks[n] -> ask_carry_out(n); asks[n] = 0
			:: else
			fi;
			n++
		:: else -> n = 0; break
		od
	:: ends_itself(0) -> slot_free(0)
	:: ends_itself(1) -> slot_free(1)
#if THREADS > 2
	:: ends_itself(2) -> slot_free(2)
#endif
	od
}

init
{
	byte i = 0;

	atomic {
		do
		:: i < THREADS -> slot[i].generation = 1; run thread(i); i++
		:: else -> break
		od;
		run owner()
	}
}
