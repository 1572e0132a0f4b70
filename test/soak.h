/*
 * soak.h - what the parts of the long random run share.
 *
 * A record of the ledger is taken by the thread that submits and given back by
 * the owner. What done and release get is no pointer but the record's number and
 * serial: a second delivery finds another serial there and is told.
 */
#ifndef SOAK_H
#define SOAK_H

#include <a10.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
	RECORDS = 2048, /* of one submitter */
	SUBMITTERS_MAX = 9,
	RINGS_MAX = 4,
	STREAMS = 4,
	SCOPES = 4,
	BUFFERS = 4,
	DIRECT = 16, /* places for direct descriptors */
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
	KIND_WORK,
	KIND_WAIT,
	KINDS
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
	uint8_t place; /* of a wait: its scope                    */
	bool owning;
	bool timed;            /* -ETIME is an answer                     */
	atomic_bool cancelled; /* so is -ECANCELED                        */
	atomic_bool asked;     /* by id: then it is over before long      */
	atomic_bool detached;  /* by the owner: no result may come        */
	bool foreign;
	bool ended;
	uint32_t era;  /* the stage's when it began               */
	uint32_t size; /* of a chain                              */
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
	uint32_t entries;  /* of the submission queue                    */
	bool drains;       /* drained operations are among the others    */
	atomic_bool over;  /* the threads are to end                     */
	atomic_uint era;   /* odd while all is cancelled, one more after it */
	atomic_uint call;  /* while it begins: what is to wake its owner ... */
	atomic_bool heard; /* ... who waits for that ... */
	a10_id slept_on;   /* ... or for the end of this        */
	struct place places[SCOPES];
	pthread_mutex_t lock; /* guards the bag */
	struct a10_buf bag[BUFFERS];
	unsigned int held;
	_Atomic uint64_t done; /* operations over, all rings of this stage */
	uint64_t results[KINDS][4]; /* successes, cancels, time-outs, errors */
	uint64_t rings;
	struct submitter *who[SUBMITTERS_MAX];
};

struct kind_row {
	const char *name;
	unsigned int weight; /* how often the owner does it */
	ssize_t most;        /* value of a success, at most */
	bool many;           /* multishot                   */
};

extern const struct kind_row kinds[KINDS];
extern struct ring_stage stages[RINGS_MAX];
extern uint64_t seed;

uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t limit);
unsigned char pattern_byte(uint64_t at);

/* Tells what is wrong, and the history of the operation; does not return. */
_Noreturn void violation(const struct record *record, const char *what,
			 long long value);
void need(bool holds, const char *what, long long value);

/* ---- soak_ledger.c ---------------------------------------------------------- */

/* Of the thread who; NULL: all are in use. */
struct record *record_take(struct submitter *who, enum kind kind,
			   uint64_t *ret_ticket);

/* It was refused: as if it had not been taken. */
void record_give(struct record *record);

/* NULL: it is over already. */
struct record *record_of_ticket(uint64_t ticket);
void note(struct record *record, const char *what, long long value);

/* This thread is in a verb: what is released now was refused by it. */
void verb_begin(void);
void verb_end(void);

void on_result(void *data, const struct a10_result *r);
void on_release(void *owned);

/* A buffer that was kept goes back; whether there was one. */
bool bag_take(struct ring_stage *stage);

/* ---- soak_sleep.c ----------------------------------------------------------- */

/* The owner's: it sleeps until other threads do something, as they do. */
void sleep_busy(struct ring_stage *stage);

/* The owner's, of an idle ring, its first thread being there. */
void sleeps(struct ring_stage *stage, uint64_t *random);

/* That thread's part of it. */
void sleeper_call(struct submitter *who);

/* ---- soak_work.c ------------------------------------------------------------ */

/* One random thing; false: the ring is shut down. */
bool work_step(struct submitter *who);

#endif
