/*
 * The calls that move a slot through its life. All are the owner's but those
 * that say otherwise. slot.c has the drawing.
 */
#ifndef RING_LIFE_H
#define RING_LIFE_H

#include "ring/core.h"
#include "work/helpers.h"

struct a10_address;

/* ---- slot.c: taking and giving slots ------------------------------------- */

int slots_init(struct a10_sq *sq);
void slots_finish(struct a10_sq *sq);
/* Memory for so many of the owner's. 0 or -ENOMEM. */
int slots_reserve(struct a10_ring *ring, uint32_t count);
/* NO_SLOT: no memory. */
uint32_t slot_take_fresh(struct a10_ring *ring);
/* The less common part of slot_free. */
void slot_free_special(struct a10_ring *ring, struct slot *slot, uint64_t id);
/* Any thread but the owner. NO_SLOT: no memory. */
uint32_t foreign_slot_take(struct a10_sq *sq);
/* Any thread: a slot that was never submitted. */
void foreign_slot_give(struct a10_sq *sq, uint32_t first, uint32_t last);
/* Gives all of ring.foreign_done back to the other threads. */
void foreign_slots_return(struct a10_ring *ring);
/* The slot of an id that is not over; NULL: none. */
struct slot *slot_find(struct a10_ring *ring, uint64_t id);
/* The same of one that may still be in the inbox, which is admitted then. */
struct slot *slot_find_new(struct a10_ring *ring, uint64_t id);
/* One past the last index ever used on either side, for walks over all. */
uint32_t slots_end(const struct a10_ring *ring, bool foreign);

/* The slot's generation ends: its id is stale from now on. */
static inline void slot_free(struct a10_ring *ring, struct slot *slot)
{
	const uint64_t id = id_plain(slot->id) + ID_GENERATION;
	const uint32_t index = id_slot(id);

	if (unlikely(id >> 63 || index >= ring->sq.foreign_base)) {
		slot_free_special(ring, slot, id);
		return;
	}
	slot->id = id;
	slot->state = SLOT_FREE;
	slot->next = ring->free_first;
	ring->free_first = index;
}

static inline uint32_t slot_take(struct a10_ring *ring)
{
	const uint32_t index = ring->free_first;

	if (unlikely(index == NO_SLOT))
		return slot_take_fresh(ring);
	ring->free_first = ring->sq.slots[index].next;
	return index;
}

/* ---- describe.c: from an op to a slot's request -------------------------- */

/*
 * Any thread. Checks op, copies what it names, fills the slot. scope NULL:
 * none. -errno: the slot is as before and nothing is kept.
 */
int slot_describe(struct a10_ring *ring, uint32_t index, bool owner,
		  const struct a10_op *op, struct a10_scope *scope,
		  a10_done *done, void *data);

/* Any thread: what a described slot holds that will not be submitted. */
void slot_undescribe(struct a10_sq *sq, uint32_t index, bool owner);

/* Any thread: what the op owns, when the verb fails. */
void op_give_up(const struct a10_op *op);

/* ---- admit.c: the owner takes a described slot in ------------------------ */

/*
 * Pieces of two of these would mix: sends, and writes at no place of their own.
 */
static inline bool is_stream(const struct a10_request *request,
			     const struct op_row *row)
{
	return row->send ||
	       (row->direction == READY_OUT && request->offset == UINT64_MAX);
}

/* Then it is queued, parked, finished, or running already. */
void slot_admit(struct a10_ring *ring, struct slot *slot);
/* The part of it that every way in has. */
void slot_begin(struct a10_ring *ring, struct slot *slot);
/*
 * The library's own op: never pending, traced or counted. NO_SLOT: no memory.
 */
uint32_t internal_submit(struct a10_ring *ring, const struct a10_op *op,
			 a10_done *done, void *data);

/* ---- queue.c: slots into the submission queue ---------------------------- */

/* Behind all others; what comes after it on the plain path has to queue too. */
static inline void queue_push(struct a10_ring *ring, struct slot *slot)
{
	slot->state = SLOT_QUEUED;
	slot->next = NO_SLOT;
	*ring->queue_link = slot_index(slot);
	ring->queue_link = &slot->next;
	ring->window = ring->tail;
}

/* Cancels and requests, as many as there is room for. */
void queue_fill(struct a10_ring *ring);
bool queue_is_empty(const struct a10_ring *ring);
/* Whether something in it only wants room. */
bool queue_can_move(const struct a10_ring *ring);
/* It was started before: ahead of what is drained. */
void queue_push_again(struct a10_ring *ring, struct slot *slot);
/* Free places in the submission queue. */
uint32_t queue_room(const struct a10_ring *ring);
/* Writes the slot's request into the next place; it is the backend's then. */
struct uring_sqe *slot_start(struct a10_ring *ring, struct slot *slot);
/*
 * Any thread: the second half of 128 bytes: zero, but of a driver's command.
 */
void request_rest(struct a10_ring *ring, const struct slot *slot,
		  struct uring_sqe *sqe);
/* How many requests the plain path may write, now that there may be room. */
void window_open(struct a10_ring *ring);
/* Takes back what is written but not published. false: too late. */
bool queue_withdraw(struct a10_ring *ring, struct slot *slot);

/* ---- complete.c: what comes back ----------------------------------------- */

/* Copies completions, publishes the head, delivers. Returns how many came. */
uint32_t completions_take(struct a10_ring *ring);
/* In a forked child: what was taken is not delivered. */
void completions_forget(struct a10_ring *ring);

/* ---- finish.c: results --------------------------------------------------- */

/* The value is known; it is delivered at the next turn of poll. */
void slot_finish(struct a10_ring *ring, struct slot *slot, int64_t value);
/* All but freeing the slot and calling back: nothing else knows it then. */
void slot_settle(struct a10_ring *ring, struct slot *slot,
		 struct a10_result *r);
/* Refuses op with err: closes and releases what has to be. Returns err. */
a10_id op_refuse(struct a10_sq *sq, const struct a10_op *op, int err);
/* A drained operation is over: what is behind it may start. */
void drain_over(struct a10_ring *ring, struct slot *slot);
/* Calls back, or gives away what nobody wants. */
void call_back(struct a10_ring *ring, a10_done *done, void *data,
	       struct a10_result *r);
/* Now: a callback may run. r: value, and what else there is of it. */
void slot_deliver(struct a10_ring *ring, struct slot *slot,
		  struct a10_result *r);
/* The same, with more to come: the slot lives on. */
void slot_deliver_more(struct a10_ring *ring, struct slot *slot,
		       struct a10_result *r);
/* Delivers what slot_finish has gathered. */
void finished_deliver(struct a10_ring *ring);
/* Closes what nobody wants. */
void descriptor_drop(struct a10_ring *ring, struct a10_fd fd);
/* Closes and gives back what a result brings that nobody wants. */
void result_drop(struct a10_ring *ring, struct a10_result *r);
/* What ended it, if something did: -ECANCELED or -ETIME; else value. */
int64_t slot_reason(const struct slot *slot, int64_t value);

/* ---- again.c: restarts, a10_all, multishots, pauses ---------------------- */

void slot_park(struct a10_ring *ring, struct slot *slot, enum slot_park park);
/* Out of what it is parked in; its state is the caller's to set. */
void slot_unpark(struct a10_ring *ring, struct slot *slot);
/* A completion of an operation that the plain path cannot do. */
void slot_completed(struct a10_ring *ring, struct slot *slot,
		    const struct completion *completion);
/*
 * The buffer the kernel picked, whatever the result says. In the order of
 * completions, once for each.
 */
void result_buffer(struct a10_ring *ring, struct slot *slot,
		   const struct completion *completion, struct a10_result *r);
/* What a completion says, in a result's terms. */
void result_make(struct a10_ring *ring, struct slot *slot,
		 const struct op_row *row, const struct completion *completion,
		 struct a10_result *r);
/* written.c: res bytes, or things, are the kernel's writing. */
void mark_written(struct a10_ring *ring, const struct slot *slot,
		  const struct op_row *row, int32_t res);
/*
 * a10_all: counts what came. true: it has to go on, and the request says with
 * what; else *r is what there is to deliver.
 */
bool all_goes_on(struct a10_ring *ring, struct slot *slot,
		 const struct op_row *row, struct a10_result *r);
bool is_interrupted(int64_t value);
/* What a cancelled operation's result is when the cancel is its cause. */
bool is_ended(int64_t value);

static inline bool is_ending(const struct slot *slot)
{
	return slot->marks & (MARK_ENDING | MARK_DETACH);
}

/* Into the queue again, from its beginning or from where it is. */
void slot_restart(struct a10_ring *ring, struct slot *slot);

/* A multishot between two results: parked, until slot_unhold. */
void slot_hold(struct a10_ring *ring, struct slot *slot);
/* A multishot that was MARK_HELD is not any more: it goes on if it can. */
void slot_unhold(struct a10_ring *ring, struct slot *slot);

/* ---- cancel.c ------------------------------------------------------------ */

/* Closing is always carried out, and a message is nobody's to take back. */
static inline bool is_unstoppable(const struct slot *slot)
{
	const uint8_t own = op_row(slot->opcode)->own;

	return own == OWN_CLOSE || own == OWN_MESSAGE_POST;
}

/* mark: MARK_CANCEL or MARK_TIME. It will be delivered. */
void slot_cancel(struct a10_ring *ring, struct slot *slot, uint16_t mark);
void slot_detach(struct a10_ring *ring, struct slot *slot);
/* Only the kernel's part: slot_completed parks it then. */
void slot_pause(struct a10_ring *ring, struct slot *slot);
void slot_cancel_forget(struct a10_ring *ring, struct slot *slot);
/* It is marked and running: a request to end it is due. */
void slot_cancel_send(struct a10_ring *ring, struct slot *slot);
/* Any thread that may write there. */
void cancel_write(const struct a10_ring *ring, struct uring_sqe *sqe,
		  uint64_t id);
/* Writes cancel requests into the queue while there is room. */
void cancels_fill(struct a10_ring *ring);
/* The kernel's answer to one of them. */
void cancel_answered(struct a10_ring *ring, uint64_t id, int32_t res);
/* all: also close, scope waits and what is shielded. */
void cancel_everything(struct a10_ring *ring, bool all);
void cancel_descriptor(struct a10_ring *ring, uint32_t descriptor);
/* a10_cancel_fd, by the owner; in end.c. */
void cancel_fd_now(struct a10_ring *ring, struct a10_fd fd);

/* ---- timer.c ------------------------------------------------------------- */

/* As of this turn's last entry: late enough for what is over. */
int64_t ring_clock(struct a10_ring *ring);
/* As of now: for what begins, which must not end early. */
int64_t ring_clock_anew(struct a10_ring *ring);
/* at + ns; never is the most. */
int64_t time_after(int64_t at, int64_t ns);
/* Puts the slot's next time into the heap, or takes it out if it has none. */
void timer_update(struct a10_ring *ring, struct slot *slot);
void timer_forget(struct a10_ring *ring, struct slot *slot);
/* Its time-out counts from now. */
void timer_progress(struct a10_ring *ring, struct slot *slot);
void timers_expire(struct a10_ring *ring);
/* When poll must wake: the first timer or cancel retry; else INT64_MAX. */
int64_t timers_next(struct a10_ring *ring);

/* ---- descriptor.c: what is under way on one ------------------------------ */

int descriptors_init(struct a10_ring *ring, uint32_t direct);
void descriptors_finish(struct a10_ring *ring);
/* 0: not one that is counted. */
uint32_t descriptor_of(const struct a10_ring *ring, int32_t number,
		       bool direct);
static inline void descriptor_join(struct a10_ring *ring, struct slot *slot,
				   uint32_t descriptor)
{
	uint32_t *first = &ring->descriptors[descriptor].first;

	slot->descriptor = descriptor;
	slot->fd_next = *first;
	slot->fd_prev = NO_SLOT;
	if (*first != NO_SLOT)
		slot_at(ring, *first)->fd_prev = slot_index(slot);
	*first = slot_index(slot);
}

static inline void descriptor_unlink(struct a10_ring *ring, struct slot *slot)
{
	if (slot->fd_prev != NO_SLOT)
		slot_at(ring, slot->fd_prev)->fd_next = slot->fd_next;
	else
		ring->descriptors[slot->descriptor].first = slot->fd_next;
	if (slot->fd_next != NO_SLOT)
		slot_at(ring, slot->fd_next)->fd_prev = slot->fd_prev;
}

/* Starts what waited for it: the next in order, or a close. */
void descriptor_leave(struct a10_ring *ring, struct slot *slot, int64_t value);

/* ---- order.c: one behind the other --------------------------------------- */

/* Whether it may start; else it is parked. */
bool order_join(struct a10_ring *ring, struct slot *slot);
void order_leave(struct a10_ring *ring, struct slot *slot, int64_t value);

/* ---- chain.c ------------------------------------------------------------- */

/* A member's completion. */
void chain_completed(struct a10_ring *ring, struct slot *slot,
		     const struct completion *completion);
/* All of it that is not over; mark is for this member. */
void chain_cancel(struct a10_ring *ring, struct slot *slot, uint16_t mark);
/* What of the chain is to run, from this member on; false: no room yet. */
bool chain_fill(struct a10_ring *ring, struct slot *slot);
void chain_admit(struct a10_ring *ring, struct slot *first);
/* Delivers the members whose turn it is; goes on with what has to. */
void chain_turn(struct a10_ring *ring, struct slot *slot);

/* ---- timeout.c, close.c, connect.c, scope.c: the library's own ----------- */

void timeout_begin(struct a10_ring *ring, struct slot *slot);
void timeout_expired(struct a10_ring *ring, struct slot *slot, int64_t due);
/* As a TIMEOUT request of the kernel's. 0 or -errno. */
int timeout_request(struct a10_ring *ring, struct slot *slot);
/* Other events, another time, for what is under way; in update.c. */
void poll_update_begin(struct a10_ring *ring, struct slot *slot);
void timer_update_begin(struct a10_ring *ring, struct slot *slot);
void close_begin(struct a10_ring *ring, struct slot *slot);
void close_proceed(struct a10_ring *ring, struct slot *slot);
void listen_begin(struct a10_ring *ring, struct slot *slot);
/* Of an address: socket, options, bind, listen. The descriptor or -errno. */
int listening_socket_open(struct a10_ring *ring,
			  const struct a10_address *address, uint32_t flags);
int socket_open(struct a10_ring *ring, const struct a10_address *address,
		uint32_t flags);
/* Its descriptor is fd: into the table, if it is to be a direct one. */
void made(struct a10_ring *ring, struct slot *slot, int fd);
void connect_begin(struct a10_ring *ring, struct slot *slot);
/* CONNECT or FILES_UPDATE of it is over. */
void made_completed(struct a10_ring *ring, struct slot *slot, int32_t res);

/* ---- standin.c: what the kernel here cannot do; output.c ----------------- */

/* Whether the slot's request is not for this kernel. */
bool standin_is_needed(struct a10_ring *ring, const struct slot *slot);
/* By system call, perhaps with a descriptor that is installed first. */
void standin_begin(struct a10_ring *ring, struct slot *slot);
/* Until its descriptor is ready for what the system call wants of it. */
void standin_wait(struct a10_ring *ring, struct slot *slot);
/* It is. */
void standin_ready(struct a10_ring *ring, struct slot *slot);
/* What stood in the queue for it is through. */
void standin_turned(struct a10_ring *ring, struct slot *slot);
void standin_installed(struct a10_ring *ring, struct slot *slot, int32_t res);
/* A helper has made its system call, and moved so many bytes. */
void standin_called(struct a10_ring *ring, struct slot *slot, int64_t value,
		    uint64_t done);
/* Whether it would, if nobody asked for its end. */
bool standin_follows(struct a10_ring *ring, const struct slot *slot,
		     int64_t value);
/* The kernel has refused; true: a system call does it instead. */
bool standin_after(struct a10_ring *ring, struct slot *slot, int64_t value);
void pair_close(struct a10_ring *ring, int32_t cells[4]);
/* The ends of a pipe are direct, or res says why not. */
void pair_converted(struct a10_ring *ring, struct slot *slot, int32_t res);
/* What the caller lent gets what there is for it, or that is given back. */
void output_end(struct a10_ring *ring, const struct slot *slot,
		struct a10_result *r);

/* Closes the descriptors in control data. */
struct msghdr;
void rights_close(const struct msghdr *header);

/* ---- receive.c: bundles and messages ------------------------------------- */

/* SOCK_*; of what is no socket that can be asked SOCK_STREAM. */
int32_t socket_type_of(struct a10_ring *ring, int32_t fd);
/* What is before a message in its buffer. */
uint32_t message_offset(const struct a10_request *request);
/* Whether the pool's buffers are such as messages need. */
bool message_fits(const struct a10_request *request, struct a10_pool *pool);
void message_make(struct a10_ring *ring, const struct slot *slot,
		  struct a10_result *r);
bool is_of_datagrams(struct a10_ring *ring, const struct slot *slot);
bool message_is_end(struct a10_ring *ring, const struct slot *slot,
		    struct a10_result *r);
void bundle_deliver(struct a10_ring *ring, struct slot *slot,
		    struct completion *completion);

static inline bool ring_knows(const struct a10_ring *ring, uint32_t opcode)
{
	return ring->grant.opcodes[opcode / 64] >> opcode % 64 & 1;
}

void scope_join(struct a10_ring *ring, struct slot *slot);
void scope_unlink(struct a10_ring *ring, struct slot *slot);
/* In place of a value: a scope does not hear how what is detached has ended. */
#define SCOPE_FORGOTTEN INT64_MIN
/* After the callback, which may have gone on in the scope. */
void scope_leave(struct a10_ring *ring, struct a10_scope *scope, int64_t value);
/* Whether it ends at once what is submitted into it. */
bool scope_is_cancelled(const struct a10_scope *scope);
void scope_wait_begin(struct a10_ring *ring, struct slot *slot);
void scope_wait_forget(struct a10_ring *ring, struct slot *slot);
/* Until there is room for one more in the scope. */
void scope_room_begin(struct a10_ring *ring, struct slot *slot);
void scope_room_forget(struct a10_ring *ring, struct slot *slot);
/* Whether a finished wait still holds; else it is parked again. */
bool scope_wait_holds(struct a10_ring *ring, struct slot *slot);

/* The polls that wake the owner; they never end by themselves. */
static inline bool is_bell(const struct slot *slot)
{
	return slot->flags & SLOT_INTERNAL &&
	       slot->opcode == A10_OPCODE_POLL_ADD;
}

/* ---- errand.c, dial.c: helper threads, and names ------------------------- */

void work_begin(struct a10_ring *ring, struct slot *slot);
void resolve_begin(struct a10_ring *ring, struct slot *slot);
/* Its request by system call, on a helper: standin_called says how it went. */
void call_begin(struct a10_ring *ring, struct slot *slot, enum helper helper);
/* false: it must be awaited. */
bool errand_let_go(struct a10_ring *ring, struct slot *slot);
/* What helpers are done with. */
void errands_take(struct a10_ring *ring);
void errands_drop(struct a10_sq *sq);
/* Until no helper looks at the sq any more, all its errands being back. */
void errands_settle(struct a10_sq *sq);
/* false: the slot's text is no name. */
bool dial_begin(struct a10_ring *ring, struct slot *slot, bool listens);
void dial_end(struct a10_ring *ring, struct slot *slot);

/* ---- message.c: to and from other rings ---------------------------------- */

void message_arrived(struct a10_ring *ring, struct slot *slot);
void message_send(struct a10_ring *ring, struct slot *slot);
void message_receive(struct a10_ring *ring, struct slot *slot);
void message_forget(struct a10_ring *ring, struct slot *slot);
/* Gives messages to those who wait for them. */
void messages_deliver(struct a10_ring *ring);
void move_begin(struct a10_ring *ring, struct slot *slot);
void move_completed(struct a10_ring *ring, struct slot *slot, int32_t res);

static inline bool messages_can_move(const struct a10_ring *ring)
{
	return ring->mail_first != NO_SLOT && ring->readers_first != NO_SLOT;
}

/* Something can be delivered without the backend. */
static inline bool has_finished(const struct a10_ring *ring)
{
	return ring->finished_first != NO_SLOT || messages_can_move(ring);
}

/* ---- inbox.c, wake.c: other threads -------------------------------------- */

/* Any thread. 0 or -ESHUTDOWN. */
int inbox_push(struct a10_sq *sq, uint32_t index);
/* The same, without telling the owner. */
int inbox_link(struct a10_sq *sq, uint32_t index);
/* Only the submissions: the owner's, at any moment but inside itself. */
void inbox_admit_all(struct a10_ring *ring);
/* Admits what other threads submitted, carries out what they asked. */
void inbox_take(struct a10_ring *ring);
bool inbox_has_work(const struct a10_ring *ring);
bool inbox_has_submissions(const struct a10_ring *ring);
/* Operations in it. */
size_t inbox_count(const struct a10_ring *ring);
void inbox_close(struct a10_ring *ring);
/* Any thread: what other threads ask of an id. */
#define ASK_CANCEL (1u << 0)
#define ASK_DETACH (1u << 1)
#define ASK_WAKE   (1u << 2) /* above.h: look at what it waits for */
int sq_ask(struct a10_sq *sq, a10_id id, uint32_t what);

/* Any thread. Work was made visible before. */
void sq_ring_bell_if_dozing(struct a10_sq *sq);
int bell_arm(struct a10_ring *ring);
/*
 * how: BELL_DOZING or BELL_AWAY. true: the owner may sleep, and bell_rise must
 * follow.
 */
bool bell_doze(struct a10_ring *ring, uint32_t how);
void bell_rise(struct a10_ring *ring);

/* ---- start.c: rings with a kernel thread --------------------------------- */

/* Any thread: inbox_link, and starts it if that can be. 1: tell nobody. */
int start_push(struct a10_sq *sq, uint32_t index);
/* Any thread, which has asked for its end: the kernel is asked at once. */
void start_cancel(struct a10_sq *sq, uint64_t id);
/* The owner's: others may, or may not any more. */
void start_allow(struct a10_sq *sq);
void start_forbid(struct a10_sq *sq);
/* The owner's: the tail is its own from here ... */
void start_take(struct a10_ring *ring);
/* ... to here. */
void start_give(struct a10_ring *ring);
/* What another thread has started: the owner's books. */
void start_admit(struct a10_ring *ring, struct slot *slot);

/* ---- ready.c: the descriptor for somebody else's loop -------------------- */

/* Before and after a poll or a flush, if there is one. */
void ready_begin(struct a10_ring *ring);
void ready_end(struct a10_ring *ring);
void ready_close(struct a10_ring *ring);

/* ---- turn.c: poll -------------------------------------------------------- */

/* An overflow was seen; in setting.c. */
void completions_grow(struct a10_ring *ring);
/* The thread that calls becomes the owner. 0 or -errno. */
int ring_bind(struct a10_ring *ring);
/*
 * What every call of the owner's checks: 0, -ECHILD, -EPERM, -EDEADLK, -EBADFD.
 */
int ring_enter_check(struct a10_ring *ring);
/* Something is written or queued that the kernel could have. */
bool ring_is_unsubmitted(const struct a10_ring *ring);
/* There is a completion, or the kernel says that it has one. */
bool ring_has_completions(const struct a10_ring *ring);
/* Turns until something was delivered (how many), or now >= deadline: 0. */
int ring_poll_until(struct a10_ring *ring, int64_t deadline);

/* ---- orphan.c: an owner ends; and see orphan.h --------------------------- */

/* This thread's rings. */
void owned_add(struct a10_ring *ring);
void owned_remove(struct a10_ring *ring);

/* ---- trace.c ------------------------------------------------------------- */

void trace_event(struct a10_ring *ring, enum a10_trace_kind kind,
		 const struct slot *slot, int64_t value);
/* ring.slow, as tracing, closing and memcheck say. */
void ring_update_slow(struct a10_ring *ring);

#endif
