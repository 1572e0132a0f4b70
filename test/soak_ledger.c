/* The ledger of the long random run: what may be delivered and released, and when. */
#include "soak.h"

#include <stdio.h>
#include <stdlib.h>

const struct kind_row kinds[KINDS] = {
	[KIND_NOP] = { "nop", 600, 0, false },
	[KIND_READ] = { "read", 60, 64, false },
	[KIND_WRITE] = { "write", 60, 64, false },
	[KIND_PREAD] = { "pread", 100, 64, false },
	[KIND_PWRITE] = { "pwrite", 4, 64, false },
	[KIND_RECV] = { "recv", 40, 64, false },
	[KIND_SEND] = { "send", 60, 64, false },
	[KIND_RECV_POOLED] = { "recv pooled", 10, BUFFER_SIZE, false },
	[KIND_RECV_MANY] = { "recv many", 4, BUFFER_SIZE, true },
	[KIND_POLL] = { "poll", 40, 0xffff, false },
	[KIND_POLL_MANY] = { "poll many", 4, 0xffff, true },
	[KIND_AFTER] = { "after", 60, 0, false },
	[KIND_TICK] = { "tick", 2, 0, true },
	[KIND_OPEN] = { "open", 4, 0, false },
	[KIND_OPEN_DIRECT] = { "direct open", 4, 0, false },
	[KIND_CONNECT] = { "connect_to", 2, 0, false },
	[KIND_ACCEPT_MANY] = { "accept many", 1, 0, true },
	[KIND_FORCED] = { "forced nop", 2, 0, false },
	[KIND_DRAINED] = { "drained nop", 1, 0, false },
	[KIND_CHAIN] = { "chain", 40, 64, false },
	[KIND_WORK] = { "work", 4, 0, false },
	[KIND_WAIT] = { "scope_wait", 0, 0, false },
};

uint64_t seed;
struct ring_stage stages[RINGS_MAX];
static _Thread_local bool in_verb;

/* SplitMix64. */
uint64_t random_next(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

unsigned char pattern_byte(uint64_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7);
}

/* ---- violations ------------------------------------------------------------- */

_Noreturn void violation(const struct record *record, const char *what,
			 long long value)
{
	fprintf(stderr, "soak: VIOLATION: %s (%lld); again: --seed %llu\n",
		what, value, (unsigned long long)seed);
	if (record != NULL) {
		unsigned int events = atomic_load(&record->events);
		unsigned int i = events > HISTORY ? events - HISTORY : 0;

		fprintf(stderr, "soak: %s, %u results%s%s%s%s:\n",
			kinds[record->kind].name, record->results,
			record->owning ? ", owning" : "",
			record->foreign ? ", foreign" : "",
			atomic_load(&record->cancelled) ? ", cancelled" : "",
			atomic_load(&record->detached) ? ", forgotten" : "");
		for (; i < events; i++)
			fprintf(stderr, "  %s %lld\n",
				record->history[i % HISTORY].what,
				record->history[i % HISTORY].value);
	}
	fflush(NULL);
	abort();
}

void note(struct record *record, const char *what, long long value)
{
	unsigned int at = atomic_fetch_add(&record->events, 1);

	record->history[at % HISTORY].what = what;
	record->history[at % HISTORY].value = value;
}

void need(bool holds, const char *what, long long value)
{
	if (!holds)
		violation(NULL, what, value);
}

/* ---- the ledger ---------------------------------------------------------------- */

#define SERIAL_MASK ((UINT64_C(1) << 44) - 1)

/* ring 4 bits, submitter 4, record 12, serial 44: a number, not a pointer. */
static uint64_t ticket_of(const struct submitter *who, uint32_t index,
			  uint64_t serial)
{
	return (uint64_t)who->stage->number << 60 |
	       (uint64_t)who->number << 56 | (uint64_t)index << 44 |
	       (serial & SERIAL_MASK);
}

static struct record *record_at(uint64_t ticket)
{
	struct submitter *who = stages[ticket >> 60].who[ticket >> 56 & 15];

	return &who->records[ticket >> 44 & 4095];
}

struct record *record_of_ticket(uint64_t ticket)
{
	struct record *record = record_at(ticket);

	return atomic_load_explicit(&record->serial, memory_order_acquire) ==
			       (ticket & SERIAL_MASK) ?
		       record :
		       NULL;
}

void verb_begin(void)
{
	in_verb = true;
}

void verb_end(void)
{
	in_verb = false;
}

void record_give(struct record *record)
{
	atomic_fetch_add_explicit(&record->stage->done, 1,
				  memory_order_relaxed);
	atomic_store_explicit(&record->serial, 0, memory_order_release);
}

/* NULL: all are in use. */
struct record *record_take(struct submitter *who, enum kind kind,
			   uint64_t *ret_ticket)
{
	struct record *record = NULL;
	uint32_t index = 0;

	for (int tries = 0; tries < 64; tries++) {
		index = who->next++ % RECORDS;
		record = &who->records[index];
		if (atomic_load_explicit(&record->serial,
					 memory_order_acquire) == 0)
			break;
		record = NULL;
	}
	if (record == NULL)
		return NULL;
	record->stage = who->stage;
	record->kind = (uint8_t)kind;
	record->owning = random_below(&who->random, 4) == 0;
	record->timed = false;
	atomic_store_explicit(&record->cancelled, false, memory_order_relaxed);
	atomic_store_explicit(&record->asked, false, memory_order_relaxed);
	atomic_store_explicit(&record->detached, false, memory_order_relaxed);
	record->foreign = who->number != 0;
	record->ended = false;
	record->era = atomic_load(&who->stage->era);
	record->size = 1;
	record->results = 0;
	atomic_store_explicit(&record->events, 0, memory_order_relaxed);
	*ret_ticket = ticket_of(who, index, ++who->serial);
	atomic_store_explicit(&record->serial, who->serial,
			      memory_order_release);
	return record;
}

static struct record *record_find(uint64_t ticket, const char *what)
{
	struct record *record = record_of_ticket(ticket);

	if (record == NULL)
		violation(record_at(ticket), what, (long long)ticket);
	return record;
}

void on_release(void *owned)
{
	struct record *record =
		record_find((uint64_t)(uintptr_t)owned, "released twice");

	note(record, "release", in_verb);
	if (!record->owning)
		violation(record, "released what it did not own", 0);
	if (!in_verb && !record->ended && !atomic_load(&record->detached))
		violation(record, "released before its last result", 0);
	record_give(record);
}

static void bag_put(struct ring_stage *stage, struct a10_buf buf)
{
	pthread_mutex_lock(&stage->lock);
	if (stage->held < BUFFERS / 2) {
		stage->bag[stage->held++] = buf;
		buf.data = NULL;
	}
	pthread_mutex_unlock(&stage->lock);
	a10_buf_release(buf);
}

bool bag_take(struct ring_stage *stage)
{
	struct a10_buf buf = { 0 };

	pthread_mutex_lock(&stage->lock);
	if (stage->held > 0)
		buf = stage->bag[--stage->held];
	pthread_mutex_unlock(&stage->lock);
	a10_buf_release(buf);
	return buf.data != NULL;
}

/* What another thread began in the midst of it is cancelled, or not. */
static bool all_was_cancelled(const struct record *record)
{
	return record->era % 2 == 1 ||
	       record->era != atomic_load(&record->stage->era);
}

static bool error_is_fine(const struct record *record, ssize_t value)
{
	if (record->kind == KIND_WAIT) /* that of what it waited for */
		return true;
	switch (value) {
	case -ECANCELED:
		return atomic_load(&record->cancelled) ||
		       all_was_cancelled(record) ||
		       (record->kind == KIND_CHAIN && record->results > 1);
	case -EBADF:
		return record->kind == KIND_CHAIN;
	case -ETIME:
		return record->timed;
	case -ENFILE:
		return record->kind == KIND_OPEN_DIRECT;
	case -EAGAIN:
		return record->kind == KIND_CONNECT;
	default:
		return false;
	}
}

static void result_count(struct ring_stage *stage, const struct record *record,
			 ssize_t value)
{
	int column = value >= 0          ? 0 :
		     value == -ECANCELED ? 1 :
		     value == -ETIME     ? 2 :
					   3;

	stage->results[record->kind][column]++;
}

static void result_check(struct record *record, const struct a10_result *r)
{
	const struct kind_row *row = &kinds[record->kind];

	if (r->value > row->most ||
	    (r->value < 0 && !error_is_fine(record, r->value)))
		violation(record, "a value that cannot be", r->value);
	if (record->kind == KIND_CHAIN) {
		if (r->index != record->results - 1 ||
		    r->more != (record->results < record->size))
			violation(record, "a chain out of order", r->index);
	} else if (r->more && !row->many) {
		violation(record, "more of what is single", r->value);
	}
	if (record->kind == KIND_PREAD)
		for (ssize_t i = 0; i < r->value; i++)
			if (record->bytes[i] !=
			    pattern_byte(record->offset + (uint64_t)i))
				violation(record, "wrong bytes", i);
	if ((r->buf.data != NULL) !=
	    (r->value > 0 && (record->kind == KIND_RECV_POOLED ||
			      record->kind == KIND_RECV_MANY)))
		violation(record, "a buffer too many or too few", r->value);
}

void on_result(void *data, const struct a10_result *r)
{
	struct record *record =
		record_find((uint64_t)(uintptr_t)data, "delivered too late");
	struct ring_stage *stage = record->stage;

	record->results++;
	note(record, r->more ? "result, more," : "result", r->value);
	if (a10_ring_current() != stage->ring)
		violation(record, "delivered elsewhere", 0);
	if (record->ended)
		violation(record, "delivered twice", r->value);
	if (atomic_load(&record->detached) && !record->foreign)
		violation(record, "delivered though forgotten", r->value);
	result_check(record, r);
	result_count(stage, record, r->value);
	if (r->buf.data != NULL)
		bag_put(stage, r->buf);
	if (a10_fd_valid(r->fd))
		a10_fd_release(r->fd);
	if (r->more)
		return;
	record->ended = true;
	if (record->kind == KIND_WAIT)
		stage->places[record->place].waiting = false;
	if (!record->owning)
		record_give(record);
}
