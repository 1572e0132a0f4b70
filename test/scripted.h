/*
 * A kernel played by a test: a backend that hands the test each request the
 * library makes, and hands the library whatever the test says, when it says.
 *
 *	struct scripted *kernel = scripted_ring(NULL);
 *	struct notes notes = { 0 };
 *	struct scripted_request *request;
 *
 *	a10_submit(kernel->sq, a10_read(fd, buf, 10), notes_take, &notes);
 *	scripted_settle(kernel);
 *	request = scripted_next(kernel, URING_OP_READ);
 *	scripted_post(kernel, request, 7, 0);
 *	scripted_settle(kernel);
 *	ck_assert_int_eq(notes_only(&notes)->value, 7);
 *	scripted_destroy(kernel);
 *
 * It holds the library to what the kernel demands, and fails the test if a
 * one breaks it: see request_check in scripted.c. It behaves as a ring with
 * deferred task run does: completions appear only in an enter that asks for
 * them, until then a flag of the submission queue says that there are some.
 * Entries are overwritten as soon as they may be. What it does by itself,
 * unless the test takes it over: the library's own poll of its eventfd;
 * cancels; the rest of a chain after a failure; drained requests.
 *
 * Its clock stands still but when an enter with a deadline finds nothing to do:
 * then it is the deadline. An enter that would wait for ever fails the test.
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <a10.h>

#include "backend/backend.h"
#include "uapi/io_uring.h"

enum scripted_state {
	SCRIPTED_BEHIND,  /* a drained one, or the one before in its chain */
	SCRIPTED_STARTED, /* the test may post completions                  */
	SCRIPTED_OVER,    /* the last one is posted                         */
};

/* A request the library made; memory until scripted_free. */
struct scripted_request {
	struct uring_sqe sqe;
	enum scripted_state state;
	bool shown;     /* scripted_next has returned it, or never will */
	bool linked;    /* to the one before                            */
	bool internal;  /* the library's poll of its eventfd            */
	bool notifying; /* without copying: only its notification is to come */
	int64_t at;     /* the clock when it was taken                  */
	struct scripted_request *chain; /* the one that is linked to it */
	struct scripted_request *all_next;
	struct scripted_request *live_next; /* those not over */
	struct scripted_request *live_prev;
};

/* A completion that is not in the queue yet. */
struct scripted_event {
	struct scripted_request *request; /* or NULL */
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
	uint64_t extra; /* of a 32-byte completion */
	bool overflowed;
};

struct scripted_control {
	unsigned int opcode;
	unsigned int count;
	int result;
	unsigned char arg[64]; /* as much of what arg points to as is known */
};

/* A buffer ring the library registered. */
struct scripted_group {
	struct uring_buf_reg reg;
	uint16_t head;
	bool used;
};

#define SCRIPTED_RECORDS 64
#define SCRIPTED_GROUPS  16

/* No answer: do as always. */
#define SCRIPTED_DEFAULT INT32_MIN

struct notes;

struct scripted {
	struct backend backend;
	struct backend_grant grant;
	struct a10_ring *ring;
	struct a10_sq *sq;

	/* For the test to set. */
	void *data; /* its own */
	/* A request starts; true: dealt with, scripted_next passes it over. */
	bool (*start)(struct scripted *kernel,
		      struct scripted_request *request);
	/* In each enter, between taking requests and handing over. */
	void (*step)(struct scripted *kernel);
	/* An enter is about to wait; false: nothing has happened. */
	bool (*idle)(struct scripted *kernel);
	int (*control)(struct scripted *kernel, unsigned int opcode, void *arg,
		       unsigned int count); /* or SCRIPTED_DEFAULT */
	int (*sync)(struct scripted *kernel, const struct uring_sqe *request);
	_Atomic int64_t clock;
	uint32_t take_most;   /* requests per enter; 0: all             */
	uint32_t batch_most;  /* completions per enter; 0: all          */
	uint32_t patience_ms; /* how long other threads may take        */
	bool hold_cancels;    /* cancels are the test's to answer       */
	bool cancel_first;    /* a cancel's answer before its target's  */
	bool real_close;      /* CLOSE closes, by itself                */
	bool leaks;           /* may be closed with requests under way  */

	/* For the test to look at. */
	uint32_t enters;
	uint32_t taken;        /* requests                       */
	uint32_t cancels;      /* ASYNC_CANCELs                  */
	uint32_t sync_cancels; /* ... and those by register      */
	uint32_t live_count;   /* requests not over, internal too */
	bool asleep;           /* the kernel thread              */
	bool enabled;
	bool closed;
	bool inherited;
	uint32_t control_count;
	struct scripted_control controls[SCRIPTED_RECORDS];
	uint32_t sync_count;
	struct uring_sqe syncs[SCRIPTED_RECORDS];
	struct scripted_group groups[SCRIPTED_GROUPS];

	/* Its own. */
	_Atomic uint32_t words[6]; /* what the view points to */
	uint32_t cq_seen;          /* the head when last overwritten */
	int watch_fd;              /* epoll: edges of the library's eventfd */
	int enter_error;
	uint32_t enter_error_skip;
	uint32_t enter_error_times;
	int cancel_answer;
	uint32_t cancel_answer_times;
	int refusal[URING_REGISTER_COUNT];
	uint32_t refusal_times[URING_REGISTER_COUNT];
	struct scripted_request *all_first, *all_last;
	struct scripted_request *cursor; /* of scripted_next */
	struct scripted_request *live_first, *live_last;
	struct scripted_request *chain_last; /* the next is linked to it */
	struct scripted_event *events;
	uint32_t event_head, event_tail, event_room;
	pthread_mutex_t lock; /* sync: of syncs and sync_count */
};

/* ---- scripted.c, scripted_request.c: the backend ------------------------- */

extern const struct backend_calls backend_scripted;

/*
 * A completion. Without URING_CQE_F_MORE it is request's last; one that failed
 * or did less than asked ends its chain.
 */
void scripted_post(struct scripted *kernel, struct scripted_request *request,
		   int32_t res, uint32_t flags);

/* The same of 32 bytes, with more to come: its second half begins with extra. */
void scripted_post_large(struct scripted *kernel,
			 struct scripted_request *request, int32_t res,
			 uint64_t extra);

/* A completion of nothing the backend knows of. */
void scripted_post_stray(struct scripted *kernel, uint64_t user_data,
			 int32_t res, uint32_t flags);

/* What is started and not over with that user_data; NULL: none. */
struct scripted_request *scripted_find(struct scripted *kernel,
				       uint64_t user_data);

/* The buffer ring of that number; NULL: none is registered. */
struct scripted_group *scripted_group(struct scripted *kernel, uint32_t group);

/* The kernel thread takes what is in the queue, or goes to sleep. */
void scripted_thread_runs(struct scripted *kernel);
void scripted_thread_sleeps(struct scripted *kernel);

/* ---- scripted_use.c: for tests ------------------------------------------- */

/* A ring that this thread has polled once; config NULL: the defaults. */
struct scripted *scripted_ring(const struct a10_config *config);

/* One not polled yet; grant NULL, or called to change what is granted. */
struct scripted *scripted_ring_unbound(const struct a10_config *config,
				       void (*grant)(struct backend_grant *));

/* Destroys the ring, which must end everything, and frees. */
void scripted_destroy(struct scripted *kernel);

/* After the test has destroyed the ring. */
void scripted_free(struct scripted *kernel);

/* The next request not looked at yet, which must be of that opcode. */
struct scripted_request *scripted_next(struct scripted *kernel,
				       enum uring_op opcode);

/* There must be none that was not looked at. */
void scripted_no_more(struct scripted *kernel);

/* Polls without waiting until that changes nothing; how many results came. */
int scripted_settle(struct scripted *kernel);

/* The clock goes on by ns, and what is due then happens. */
int scripted_pass(struct scripted *kernel, int64_t ns);

/* Submits it for notes_take and polls, which must do; NULL: no interest. */
a10_id scripted_submit(struct scripted *kernel, struct a10_op op,
		       struct notes *notes);

/* scripted_post, and what comes of it. */
void scripted_answer(struct scripted *kernel, struct scripted_request *request,
		     int32_t res, uint32_t flags);

/* The next times enters, after skip more, fail with err before anything. */
void scripted_enter_fails(struct scripted *kernel, int err, uint32_t skip,
			  uint32_t times);

/* The next times cancels find their target but only answer res. */
void scripted_cancel_answers(struct scripted *kernel, int res, uint32_t times);

/* The next times controls with opcode fail. */
void scripted_refuses(struct scripted *kernel, enum uring_register_op opcode,
		      int err, uint32_t times);

/* How many times control was called with opcode. */
uint32_t scripted_controls(const struct scripted *kernel,
			   enum uring_register_op opcode);

/*
 * Data arrives for a request that lets the kernel pick a buffer: one
 * completion, with flags besides. false: no buffer, nothing is posted.
 */
bool scripted_receive(struct scripted *kernel, struct scripted_request *request,
		      const void *data, uint32_t size, uint32_t flags);

/* The kernel takes the next buffer of the group: the completion's flags. */
uint32_t scripted_pick(struct scripted_group *group);

/* For kernel->start: every request succeeds in full at once. */
bool scripted_all_succeed(struct scripted *kernel,
			  struct scripted_request *request);

/* How many requests there were with opcode, shown or not. */
uint32_t scripted_requests(const struct scripted *kernel, enum uring_op opcode);

/* ---- results ------------------------------------------------------------- */

#define NOTES_MOST 32

/* What came; the first NOTES_MOST in full. */
struct notes {
	uint32_t count;
	uint32_t order[NOTES_MOST]; /* among all results of all notes, from 1 */
	struct a10_result at[NOTES_MOST];
	ssize_t total; /* of the values */
};

/* An a10_done; data: struct notes. */
void notes_take(void *data, const struct a10_result *result);

/* There must be exactly one. */
const struct a10_result *notes_only(const struct notes *notes);

/* For a10_owning; owned: uint32_t, how many times. */
void notes_release(void *owned);

#endif
