/* What the threads of the long random run do, one random thing after the other. */
#include "soak.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#define CHAIN_MAX 4

static struct a10_fd stream_fd(struct submitter *who, int ends[][2], int end)
{
	return a10_fd_regular(ends[random_below(&who->random, STREAMS)][end]);
}

static struct a10_op op_of_bytes(struct submitter *who, struct record *record)
{
	struct ring_stage *stage = who->stage;
	uint32_t size = 1 + random_below(&who->random, 64);
	struct a10_fd file = a10_fd_regular(stage->file);

	switch (record->kind) {
	case KIND_READ:
		return a10_read(stream_fd(who, stage->pipes, 0), record->bytes,
				size);
	case KIND_WRITE:
		return a10_write(stream_fd(who, stage->pipes, 1), record->bytes,
				 size);
	case KIND_RECV:
		return a10_recv(stream_fd(who, stage->pairs, 0), record->bytes,
				size, 0);
	case KIND_SEND:
		return a10_send(stream_fd(who, stage->pairs, 1), record->bytes,
				size, 0);
	case KIND_PWRITE: /* the half that nobody reads */
		return a10_pwrite(file, record->bytes, size,
				  FILE_SIZE / 2 +
					  random_below(&who->random,
						       FILE_SIZE / 2 - 64));
	default:
		record->offset = random_below(&who->random, FILE_SIZE / 2 - 64);
		return a10_pread(file, record->bytes, size, record->offset);
	}
}

static struct a10_op op_of_pool(struct submitter *who, struct record *record)
{
	struct a10_op op = a10_recv_pooled(stream_fd(who, who->stage->pairs, 0),
					   who->stage->pool, 0);

	if (record->kind == KIND_RECV_POOLED)
		return op;
	op = a10_multishot(op);
	return random_below(&who->random, 2) ? a10_bounded(op, 3) : op;
}

static ssize_t work_nothing(void *data)
{
	(void)data;
	return 0;
}

static struct a10_op op_make(struct submitter *who, struct record *record)
{
	struct ring_stage *stage = who->stage;
	struct a10_fd pipe_end = stream_fd(who, stage->pipes, 0);
	int64_t ns = random_below(&who->random, 200) * A10_MICROSECOND;

	switch (record->kind) {
	case KIND_NOP:
		return a10_nop();
	case KIND_FORCED:
		return a10_forced_async(a10_nop());
	case KIND_DRAINED:
		return stage->drains ? a10_drained(a10_nop()) : a10_nop();
	case KIND_RECV_POOLED:
	case KIND_RECV_MANY:
		return op_of_pool(who, record);
	case KIND_POLL:
		return a10_poll(pipe_end, POLLIN);
	case KIND_POLL_MANY:
		return a10_multishot(a10_poll(pipe_end, POLLIN));
	case KIND_AFTER:
		return a10_after(ns);
	case KIND_TICK:
		return a10_multishot(a10_after(A10_MICROSECOND * 50 + ns));
	case KIND_OPEN:
		return a10_open("/dev/null", O_RDONLY, 0);
	case KIND_OPEN_DIRECT:
		return a10_direct(a10_open("/dev/null", O_RDONLY, 0));
	case KIND_CONNECT:
		return a10_connect_to(stage->address, 0);
	case KIND_WORK:
		return a10_work(work_nothing, NULL);
	case KIND_ACCEPT_MANY:
		return a10_multishot(a10_accept(stage->listener, NULL, 0));
	default:
		return op_of_bytes(who, record);
	}
}

/* What may be "all": then it may fail because of one before it. */
static struct a10_op op_modify(struct submitter *who, struct record *record,
			       struct a10_op op, uint64_t ticket)
{
	uint32_t dice = random_below(&who->random, 64);

	if (dice < 16 && record->kind >= KIND_READ &&
	    record->kind <= KIND_SEND) {
		atomic_store(&record->cancelled, true);
		op = a10_all(op);
	}
	if (dice % 8 == 0) {
		record->timed = true;
		op = a10_timeout(op, random_below(&who->random, 300) *
					     A10_MICROSECOND);
	}
	if (dice % 16 == 1) {
		record->timed = true;
		op = a10_deadline(op,
				  a10_now() + random_below(&who->random, 300) *
						      A10_MICROSECOND);
	}
	if (record->owning)
		op = a10_owning(op, (void *)(uintptr_t)ticket, on_release);
	return op;
}

/* Whether it was started; if not, it is as if it had not been. */
static bool started(struct submitter *who, struct record *record,
		    uint64_t ticket, a10_id id)
{
	if (id > 0) {
		who->ids[who->count % 256] = id;
		who->tickets[who->count % 256] = ticket;
		who->count++;
		return true;
	}
	/* What it owns was released, which gave it back. */
	if (!record->owning)
		record_give(record);
	else
		need(record_of_ticket(ticket) == NULL,
		     "refused and not released", (long long)id);
	need(id == -ESHUTDOWN && who->number != 0, "refused", (long long)id);
	return false;
}

static bool submit_chain(struct submitter *who, struct record *record,
			 uint64_t ticket)
{
	struct ring_stage *stage = who->stage;
	struct a10_op ops[CHAIN_MAX];
	uint32_t most = stage->entries < CHAIN_MAX ? stage->entries : CHAIN_MAX;
	a10_id id;

	record->size = 1 + random_below(&who->random, most);
	record->offset = random_below(&who->random, FILE_SIZE / 2 - 64);
	for (uint32_t i = 0; i < record->size; i++) {
		uint32_t dice = random_below(&who->random, 16);

		ops[i] = dice == 0 ?
				 a10_fsync(a10_fd_regular(-1)) :
			 dice < 6 ?
				 a10_all(a10_pread(a10_fd_regular(stage->file),
						   record->bytes, 64,
						   record->offset)) :
				 a10_nop();
		if (dice == 7)
			ops[i] = a10_hard_linked(ops[i]);
	}
	if (record->owning)
		ops[record->size - 1] =
			a10_owning(ops[record->size - 1],
				   (void *)(uintptr_t)ticket, on_release);
	verb_begin();
	id = a10_submit_linked(who->stage->sq, ops, record->size, on_result,
			       (void *)(uintptr_t)ticket);
	verb_end();
	return started(who, record, ticket, id);
}

static enum kind kind_choose(struct submitter *who)
{
	uint32_t total = 0;
	uint32_t at;

	for (int i = 0; i < KINDS; i++)
		total += kinds[i].weight;
	at = random_below(&who->random, total);
	for (int i = 0; i < KINDS; i++) {
		if (at < kinds[i].weight)
			return (enum kind)i;
		at -= kinds[i].weight;
	}
	return KIND_NOP;
}

/* Into a scope now and then: then it may end with that. */
static struct a10_scope *scope_choose(struct submitter *who,
				      struct record *record)
{
	struct place *place;

	if (who->number != 0 || random_below(&who->random, 8) != 0)
		return NULL;
	place = &who->stage->places[random_below(&who->random, SCOPES)];
	if (place->waiting)
		return NULL;
	atomic_store(&record->cancelled, true);
	record->timed = true;
	return &place->scope;
}

static void all_cancel(struct submitter *who)
{
	atomic_fetch_add(&who->stage->era, 1);
	need(a10_cancel_all(who->stage->sq) == 0, "cancel_all", 0);
	atomic_fetch_add(&who->stage->era, 1);
}

/* Of what it owns is told all the same when it is over; what it brings is not. */
static a10_done *done_choose(struct submitter *who, struct record *record)
{
	if (!record->owning || random_below(&who->random, 4) != 0)
		return on_result;
	atomic_store(&record->detached, true);
	return NULL;
}

static bool submit_random(struct submitter *who)
{
	enum kind kind = kind_choose(who);
	struct a10_scope *scope;
	struct record *record;
	struct a10_op op;
	uint64_t ticket;
	a10_done *done;
	a10_id id;

	record = record_take(who, kind, &ticket);
	if (record == NULL) {
		if (who->number == 0)
			all_cancel(who);
		else
			sched_yield();
		return true;
	}
	note(record, "submit", who->number);
	if (kind == KIND_CHAIN)
		return submit_chain(who, record, ticket);
	op = op_modify(who, record, op_make(who, record), ticket);
	scope = scope_choose(who, record);
	done = done_choose(who, record);
	verb_begin();
	id = scope ? a10_scope_submit(scope, op, done,
				      (void *)(uintptr_t)ticket) :
		     a10_submit(who->stage->sq, op, done,
				(void *)(uintptr_t)ticket);
	verb_end();
	return started(who, record, ticket, id);
}

static bool cancel_random(struct submitter *who)
{
	uint32_t at = random_below(&who->random, 256);
	struct record *record;

	if (who->ids[at] == 0)
		return true;
	record = record_of_ticket(who->tickets[at]);
	if (record != NULL) {
		atomic_store(&record->cancelled, true);
		atomic_store(&record->asked, true);
		note(record, "cancel", who->number);
	}
	return a10_cancel(who->stage->sq, who->ids[at]) == 0;
}

/* What is forgotten is over for the ledger when what it owns is released. */
static bool forget_random(struct submitter *who)
{
	uint32_t at = random_below(&who->random, 256);
	struct record *record;

	if (who->ids[at] == 0)
		return true;
	record = record_of_ticket(who->tickets[at]);
	if (record == NULL)
		return true;
	if (!record->owning &&
	    (who->number != 0 ||
	     (record->kind != KIND_NOP && record->kind != KIND_POLL &&
	      record->kind != KIND_AFTER)))
		return true;
	atomic_store(&record->cancelled, true);
	atomic_store(&record->asked, true);
	note(record, "forget", who->number);
	if (atomic_exchange(&record->detached, true) && !record->owning)
		return true;
	if (a10_detach(who->stage->sq, who->ids[at]) != 0)
		return false;
	if (!record->owning)
		record_give(record);
	who->ids[at] = 0;
	return true;
}

/* The owner's: a scope is waited for, cancelled, or gets another deadline. */
static void scope_random(struct submitter *who)
{
	uint32_t at = random_below(&who->random, SCOPES);
	struct place *place = &who->stage->places[at];
	struct record *record;
	uint64_t ticket;
	a10_id id;

	switch (random_below(&who->random, 3)) {
	case 0:
		a10_scope_cancel(&place->scope);
		break;
	case 1:
		a10_scope_set_deadline(&place->scope,
				       a10_now() + A10_MILLISECOND);
		break;
	default:
		break;
	}
	if (place->waiting)
		return;
	if (a10_scope_count(&place->scope) == 0)
		a10_scope_open(&place->scope, who->stage->sq,
			       random_below(&who->random, 4));
	record = record_take(who, KIND_WAIT, &ticket);
	if (record == NULL)
		return;
	record->owning = false;
	record->place = (uint8_t)at;
	note(record, "wait", at);
	place->waiting = true;
	id = a10_submit(who->stage->sq, a10_scope_wait(&place->scope),
			on_result, (void *)(uintptr_t)ticket);
	(void)started(who, record, ticket, id);
}

bool work_step(struct submitter *who)
{
	uint32_t dice = random_below(&who->random, 2048);

	if (dice < 160)
		return cancel_random(who);
	if (dice < 240)
		return forget_random(who);
	if (dice < 280) {
		(void)bag_take(who->stage);
		return true;
	}
	if (dice < 290)
		return a10_sq_wake(who->stage->sq) == 0;
	if (dice < 300) {
		a10_sq_unref(a10_sq_ref(who->stage->sq));
		return a10_message_post(who->stage->sq, dice) == 0;
	}
	if (who->number != 0) {
		if (dice > 303)
			return submit_random(who);
		return a10_await_on(who->stage->sq, a10_nop(), NULL) !=
		       -ESHUTDOWN;
	}
	if (dice < 330)
		scope_random(who);
	else if (dice == 330 && random_below(&who->random, 16) == 0)
		all_cancel(who);
	else
		return submit_random(who);
	return true;
}
