/*
 * Names in a10_connect_to and a10_listen_on. The name is resolved, then its
 * addresses are tried: one after the other to listen; to connect as RFC 8305 has
 * it, families in turn, the next one when the one before has failed or after a
 * quarter of a second, and the first that is connected wins.
 *
 * All that is done by operations of the library's own, which call back here; the
 * slot they are done for is PARKED. A dial lives until the last of them is over,
 * whether or not its slot still is.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "op/name.h"
#include "ring/life.h"

#include <a10/net.h>
#include <a10/time.h>

#define ADDRESSES_MOST 16
#define NEXT_NS        (250 * A10_MILLISECOND)

struct attempt {
	struct dial *dial;
	int fd;
	uint64_t id; /* of its connect; 0: over, or none */
};

struct dial {
	struct a10_ring *ring;
	uint64_t slot_id;
	uint64_t resolve_id; /* what is under way; 0: not */
	uint64_t pause_id;
	uint32_t pending; /* operations that will call back */
	uint32_t running; /* connects among them */
	uint32_t count;   /* addresses */
	uint32_t next;    /* to be tried */
	uint32_t flags;   /* A10_DATAGRAM ... */
	int64_t error;    /* the last */
	bool listens;
	bool over; /* its slot needs nothing any more */
	struct a10_address addresses[ADDRESSES_MOST];
	struct attempt attempts[ADDRESSES_MOST];
};

static void dial_try(struct dial *dial);

/* 0: no memory. */
static uint64_t own_submit(struct dial *dial, const struct a10_op *op,
			   a10_done *done, void *data)
{
	const uint32_t index = internal_submit(dial->ring, op, done, data);

	if (index == NO_SLOT)
		return 0;
	dial->pending++;
	return id_plain(slot_at(dial->ring, index)->id);
}

static void own_cancel(struct dial *dial, uint64_t id)
{
	struct slot *slot = id ? slot_find(dial->ring, id) : NULL;

	if (slot)
		slot_cancel(dial->ring, slot, MARK_CANCEL);
}

/* Nothing more is wanted: what is under way ends. */
static void dial_stop(struct dial *dial)
{
	dial->over = true;
	own_cancel(dial, dial->resolve_id);
	own_cancel(dial, dial->pause_id);
	for (uint32_t i = 0; i < dial->next; i++)
		own_cancel(dial, dial->attempts[i].id);
}

static void own_over(struct dial *dial)
{
	if (--dial->pending == 0 && dial->over)
		free(dial);
}

/* The slot goes on, or is finished, without the dial. */
static struct slot *dial_leave(struct dial *dial)
{
	struct slot *slot = slot_find(dial->ring, dial->slot_id);

	check(slot && slot->park == PARK_DIAL);
	slot_unpark(dial->ring, slot);
	dial_stop(dial);
	return slot;
}

static void dial_fail(struct dial *dial)
{
	slot_finish(dial->ring, dial_leave(dial), dial->error);
}

static void on_connected(void *data, const struct a10_result *r)
{
	struct attempt *attempt = data;
	struct dial *dial = attempt->dial;

	attempt->id = 0;
	dial->running--;
	if (r->value == 0 && !dial->over) {
		made(dial->ring, dial_leave(dial), attempt->fd);
	} else {
		close(attempt->fd);
		dial->error = r->value;
		if (!dial->over)
			dial_try(dial);
	}
	own_over(dial);
}

static void on_pause(void *data, const struct a10_result *r)
{
	struct dial *dial = data;

	/* One that was cancelled may have a successor by now. */
	if (dial->pause_id == (uint64_t)r->id) {
		dial->pause_id = 0;
		if (r->value == 0 && !dial->over)
			dial_try(dial);
	}
	own_over(dial);
}

/* false: it did not even begin. */
static bool attempt_begin(struct dial *dial, uint32_t i)
{
	struct a10_address *address = &dial->addresses[i];
	struct attempt *attempt = &dial->attempts[i];
	struct a10_op op;
	int fd;

	fd = socket_open(dial->ring, address, dial->flags);
	if (fd < 0) {
		dial->error = fd;
		return false;
	}
	op = a10_connect(a10_fd_regular(fd), address);
	attempt->dial = dial;
	attempt->fd = fd;
	attempt->id = own_submit(dial, &op, on_connected, attempt);
	if (!attempt->id) {
		dial->error = -ENOMEM;
		close(fd);
		return false;
	}
	dial->running++;
	return true;
}

/* The next address; a moment for it before the one after that. */
static void dial_try(struct dial *dial)
{
	const struct a10_op pause = a10_after(NEXT_NS);

	own_cancel(dial, dial->pause_id);
	dial->pause_id = 0;
	while (dial->next < dial->count)
		if (attempt_begin(dial, dial->next++))
			break;
	if (dial->running == 0)
		dial_fail(dial);
	else if (dial->next < dial->count)
		dial->pause_id = own_submit(dial, &pause, on_pause, dial);
}

/* The first address stays the first; from there families take turns. */
static void families_in_turn(struct dial *dial)
{
	for (uint32_t i = 1; i < dial->count; i++) {
		const int before = dial->addresses[i - 1].as.any.sa_family;
		struct a10_address other;
		uint32_t k = i;

		while (k < dial->count &&
		       dial->addresses[k].as.any.sa_family == before)
			k++;
		if (k == dial->count)
			return;
		other = dial->addresses[k];
		for (; k > i; k--)
			dial->addresses[k] = dial->addresses[k - 1];
		dial->addresses[i] = other;
	}
}

static void dial_listen(struct dial *dial)
{
	for (uint32_t i = 0; i < dial->count; i++) {
		const int fd = listening_socket_open(
			dial->ring, &dial->addresses[i], dial->flags);

		if (fd >= 0) {
			made(dial->ring, dial_leave(dial), fd);
			return;
		}
		dial->error = fd;
	}
	dial_fail(dial);
}

static void on_resolved(void *data, const struct a10_result *r)
{
	struct dial *dial = data;

	dial->resolve_id = 0;
	if (r->value > 0 && !dial->over) {
		dial->count = (uint32_t)r->value;
		if (dial->count > ADDRESSES_MOST)
			dial->count = ADDRESSES_MOST;
		families_in_turn(dial);
		if (dial->listens)
			dial_listen(dial);
		else
			dial_try(dial);
	} else if (!dial->over) {
		dial->error = r->value;
		dial_fail(dial);
	}
	own_over(dial);
}

bool dial_begin(struct a10_ring *ring, struct slot *slot, bool listens)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	const char *text = (const char *)(uintptr_t)request->address;
	char host[NAME_SIZE_MOST], port[PORT_SIZE_MOST];
	struct a10_op op;
	struct dial *dial;

	if (name_split(text, host, port) < 0)
		return false;
	dial = calloc(1, sizeof(*dial));
	if (!dial) {
		slot_finish(ring, slot, -ENOMEM);
		return true;
	}
	dial->ring = ring;
	dial->slot_id = id_plain(slot->id);
	dial->listens = listens;
	dial->flags = request->op_flags;
	op = a10_resolve(text, dial->addresses, ADDRESSES_MOST);
	dial->resolve_id = own_submit(dial, &op, on_resolved, dial);
	if (!dial->resolve_id) {
		free(dial);
		slot_finish(ring, slot, -ENOMEM);
		return true;
	}
	cold_at(ring, index)->argument[0] = (uintptr_t)dial;
	slot_park(ring, slot, PARK_DIAL);
	return true;
}

void dial_end(struct a10_ring *ring, struct slot *slot)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	dial_stop((struct dial *)(uintptr_t)cold->argument[0]);
}
