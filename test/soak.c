/*
 * soak [--seconds N] [--operations N] [--seed S] [--rings N] [--threads N]
 *
 * Random operations for a long time: single, linked, many-shot, timed, in scopes,
 * with pools, by the owner and by other threads, cancelled and forgotten, on rings
 * of random set-up that are destroyed and made anew. A ledger is kept: every
 * operation is delivered once to its end or was forgotten and is not delivered any
 * more; what it owns is released once; no descriptor and no buffer is left. Ends
 * with 1 at the first violation, and tells the seed and the operation's history.
 *
 * A record of the ledger is taken by the thread that submits and given back by
 * the owner. What done and release get is no pointer but the record's number and
 * serial: a second delivery finds another serial there and is told.
 */
#include <a10.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECORDS = 2048, /* of one submitter */
	SUBMITTERS_MAX = 5,
	RINGS_MAX = 4,
	STREAMS = 4,
	SCOPES = 4,
	BUFFERS = 16,
	BUFFER_SIZE = 256,
	FILE_SIZE = 65536,
	HISTORY = 8,
	EPOCH = 60000, /* operations of the owner until a ring is destroyed */
};

enum kind {
	KIND_NOP,
	KIND_READ,
	KIND_WRITE,
	KIND_PREAD,
	KIND_PWRITE,
	KIND_RECV,
	KIND_SEND,
	KIND_RECV_POOLED,
	KIND_RECV_MANY,
	KIND_POLL,
	KIND_POLL_MANY,
	KIND_AFTER,
	KIND_TICK,
	KIND_OPEN,
	KIND_OPEN_DIRECT,
	KIND_CONNECT,
	KIND_ACCEPT_MANY,
	KIND_FORCED,
	KIND_DRAINED,
	KIND_CHAIN,
	KIND_WAIT,
	KINDS
};

static const struct kind_row {
	const char *name;
	unsigned int weight; /* how often the owner does it */
	ssize_t most;        /* value of a success, at most */
	bool many;           /* multishot                   */
} kinds[KINDS] = {
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
	[KIND_WAIT] = { "scope_wait", 0, 0, false },
};

struct event {
	const char *what;
	long long value;
};

struct ring_stage;

struct record {
	_Atomic uint64_t serial; /* 0: free                                 */
	struct ring_stage *stage;
	uint8_t kind;
	uint8_t place;           /* of a wait: its scope                    */
	bool owning;
	bool timed;              /* -ETIME is an answer                     */
	atomic_bool cancelled;   /* so is -ECANCELED                        */
	atomic_bool detached;    /* by the owner: no result may come        */
	bool foreign;
	bool ended;
	uint32_t size;           /* of a chain                              */
	uint32_t results;
	uint64_t offset;
	atomic_uint events;
	struct event history[HISTORY];
	unsigned char bytes[64];
};

/* Who submits: the owner, or a thread of its. */
struct submitter {
	struct ring_stage *stage;
	unsigned int number;
	uint64_t random;
	uint32_t next;
	uint64_t serial;
	a10_id ids[256]; /* the last ones, and whose they are */
	uint64_t tickets[256];
	unsigned int count;
	struct record records[RECORDS];
};

struct place {
	struct a10_scope scope;
	bool waiting;
};

struct ring_stage {
	unsigned int number;
	unsigned int submitters;
	struct a10_ring *ring;
	struct a10_sq *sq;
	struct a10_pool *pool;
	struct a10_fd listener;
	char address[64];
	int pipes[STREAMS][2];
	int pairs[STREAMS][2];
	int file;
	bool direct;
	atomic_bool over; /* the threads are to end */
	struct place places[SCOPES];
	pthread_mutex_t lock; /* guards the bag */
	struct a10_buf bag[BUFFERS];
	unsigned int held;
	_Atomic uint64_t done; /* operations over, all rings of this stage */
	uint64_t rings;
	struct submitter *who[SUBMITTERS_MAX];
};

static uint64_t seed;
static uint64_t operations_wanted = UINT64_MAX;
static int64_t end_at = INT64_MAX;
static struct ring_stage stages[RINGS_MAX];
static unsigned int stage_count = 2;
static _Thread_local bool in_verb; /* what is released then was refused */

/* SplitMix64. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

static unsigned char pattern_byte(uint64_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7);
}

/* ---- violations ------------------------------------------------------------- */

static void print_line(void *data, const char *text)
{
	(void)data;
	fprintf(stderr, "  %s\n", text);
}

static _Noreturn void violation(const struct record *record, const char *what,
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

static void note(struct record *record, const char *what, long long value)
{
	unsigned int at = atomic_fetch_add(&record->events, 1);

	record->history[at % HISTORY].what = what;
	record->history[at % HISTORY].value = value;
}

static void need(bool holds, const char *what, long long value)
{
	if (!holds)
		violation(NULL, what, value);
}

/* ---- the ledger ---------------------------------------------------------------- */

/* ring 4 bits, submitter 4, record 12, serial 44: a number, not a pointer. */
static uint64_t ticket_of(const struct submitter *who, uint32_t index,
			  uint64_t serial)
{
	return (uint64_t)who->stage->number << 60 |
	       (uint64_t)who->number << 56 | (uint64_t)index << 44 |
	       (serial & ((UINT64_C(1) << 44) - 1));
}

static struct record *record_at(uint64_t ticket)
{
	struct submitter *who =
		stages[ticket >> 60].who[ticket >> 56 & 15];

	return &who->records[ticket >> 44 & 4095];
}

static struct record *record_find(uint64_t ticket, const char *what)
{
	struct record *record = record_at(ticket);

	if (atomic_load_explicit(&record->serial, memory_order_acquire) !=
	    (ticket & ((UINT64_C(1) << 44) - 1)))
		violation(record, what, (long long)ticket);
	return record;
}

static void record_give(struct record *record)
{
	atomic_fetch_add_explicit(&record->stage->done, 1,
				  memory_order_relaxed);
	atomic_store_explicit(&record->serial, 0, memory_order_release);
}

/* NULL: all are in use. */
static struct record *record_take(struct submitter *who, enum kind kind,
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
	atomic_store_explicit(&record->detached, false, memory_order_relaxed);
	record->foreign = who->number != 0;
	record->ended = false;
	record->size = 1;
	record->results = 0;
	atomic_store_explicit(&record->events, 0, memory_order_relaxed);
	*ret_ticket = ticket_of(who, index, ++who->serial);
	atomic_store_explicit(&record->serial, who->serial,
			      memory_order_release);
	return record;
}

static void on_release(void *owned)
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

static void bag_take(struct ring_stage *stage)
{
	struct a10_buf buf = { 0 };

	pthread_mutex_lock(&stage->lock);
	if (stage->held > 0)
		buf = stage->bag[--stage->held];
	pthread_mutex_unlock(&stage->lock);
	a10_buf_release(buf);
}

static bool error_is_fine(const struct record *record, ssize_t value)
{
	switch (value) {
	case -ECANCELED:
		return atomic_load(&record->cancelled) ||
		       (record->kind == KIND_CHAIN && record->results > 1);
	case -ETIME:
		return record->timed;
	case -ENFILE:
		return record->kind == KIND_OPEN_DIRECT;
	case -ENOBUFS:
		return record->kind == KIND_RECV_POOLED;
	case -EAGAIN:
		return record->kind == KIND_CONNECT;
	default:
		return record->kind == KIND_WAIT;
	}
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

static void on_result(void *data, const struct a10_result *r)
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
