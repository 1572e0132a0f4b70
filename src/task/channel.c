/*
 * Channels: a ring of items, and those who wait to put some in or take some
 * out, in turn. Under the lock of the channel all that can move does, so
 * afterwards either nobody waits to receive or there is nothing to be had, and
 * nobody waits to send or it is full. What a sender brings may go to a receiver
 * directly, into memory that its operation was lent. So nobody overtakes those
 * who wait: there is nothing to be had then, or no room.
 *
 * An operation holds the channel from its beginning until its result is
 * delivered: who serves one that waits on another ring may give back the last
 * reference before that ring's owner has looked. A channel without references
 * is closed, so nobody waits for ever.
 */
#include "task/waiter.h"

#include <errno.h>
#include <stdlib.h>

#include <a10/channel.h>

struct a10_channel {
	_Atomic uint32_t references; /* those of a10_channel_ref ... */
	_Atomic uint32_t holds;      /* ... are one of these */
	lock_word lock;              /* guards all below, and the waiters */
	bool closed;
	size_t item_size;
	size_t capacity;
	size_t first; /* of items */
	size_t count;
	struct waiters senders;
	struct waiters receivers;
	void (*drop)(void *item);
	char items[];
};

/* ---- moving: under the lock ------------------------------------------------- */

static char *channel_place(struct a10_channel *channel, size_t index)
{
	size_t at = channel->first + index;

	if (at >= channel->capacity)
		at -= channel->capacity;
	return channel->items + at * channel->item_size;
}

static void waiter_moved(struct waiter *waiter, size_t item_size)
{
	waiter->items += item_size;
	waiter->left--;
	waiter->moved++;
}

/* Whether it need not wait for more. */
static bool is_served(const struct waiter *waiter)
{
	return waiter->left == 0 || (waiter->moved > 0 && !waiter->all);
}

/* One item from the sender into the channel, or to who waits for it. */
static bool item_put(struct a10_channel *channel, struct waiter *sender)
{
	const size_t size = channel->item_size;
	struct waiter *receiver = channel->receivers.first;

	if (receiver) {
		memcpy(receiver->items, sender->items, size);
		waiter_moved(receiver, size);
		if (receiver->left == 0)
			waiter_end(&channel->receivers, receiver, 0);
	} else if (channel->count < channel->capacity) {
		memcpy(channel_place(channel, channel->count), sender->items,
		       size);
		channel->count++;
	} else {
		return false;
	}
	waiter_moved(sender, size);
	return true;
}

/* One item to the receiver, the oldest there is. */
static bool item_get(struct a10_channel *channel, struct waiter *receiver)
{
	const size_t size = channel->item_size;
	struct waiter *sender = channel->senders.first;

	if (channel->count > 0) {
		memcpy(receiver->items, channel_place(channel, 0), size);
		channel->first++;
		if (channel->first == channel->capacity)
			channel->first = 0;
		channel->count--;
	} else if (sender) {
		memcpy(receiver->items, sender->items, size);
		waiter_moved(sender, size);
		if (sender->left == 0)
			waiter_end(&channel->senders, sender, 0);
	} else {
		return false;
	}
	waiter_moved(receiver, size);
	return true;
}

/* As much as can go at once; who got some of it is served. */
static void put(struct a10_channel *channel, struct waiter *sender)
{
	struct waiter *receiver;

	while (sender->left > 0 && item_put(channel, sender))
		;
	receiver = channel->receivers.first;
	if (receiver && is_served(receiver))
		waiter_end(&channel->receivers, receiver, 0);
}

static void get(struct a10_channel *channel, struct waiter *receiver)
{
	struct waiter *sender;

	while (receiver->left > 0 && item_get(channel, receiver))
		;
	/* There is room now for what senders wait with. */
	while ((sender = channel->senders.first)) {
		while (sender->left > 0 && item_put(channel, sender))
			;
		if (!is_served(sender))
			break;
		waiter_end(&channel->senders, sender, 0);
	}
}

/* ---- operations: the owner's ------------------------------------------------- */

static void channel_hold(struct a10_channel *channel)
{
	/* There is one already: no order is needed. */
	atomic_fetch_add_explicit(&channel->holds, 1, memory_order_relaxed);
}

/* The last one frees it. */
static void channel_drop(struct a10_channel *channel)
{
	size_t i;

	/* Acquire and release: whoever frees sees what all others did. */
	if (atomic_fetch_sub_explicit(&channel->holds, 1,
				      memory_order_acq_rel) != 1)
		return;
	check(!channel->senders.first && !channel->receivers.first);
	for (i = 0; channel->drop && i < channel->count; i++)
		channel->drop(channel_place(channel, i));
	free(channel);
}

static struct a10_channel *channel_of(struct a10_ring *ring,
				      const struct slot *slot)
{
	const struct cold *cold = cold_at(ring, slot_index(slot));

	return (struct a10_channel *)(uintptr_t)cold->argument[0];
}

/* Of a request's bytes. 0 or -errno. */
static int waiter_fill(struct waiter *waiter, const struct a10_channel *channel,
		       const void *items, size_t size)
{
	if (!channel)
		return -ENOMEM;
	if (size == 0 || size % channel->item_size ||
	    size / channel->item_size > INT32_MAX)
		return -EINVAL;
	if (!items)
		return -EFAULT;
	waiter->items = (char *)(uintptr_t)items;
	waiter->left = (uint32_t)(size / channel->item_size);
	waiter->moved = 0;
	waiter->error = 0;
	waiter->over = false;
	waiter->all = false;
	return 0;
}

/* What was cut to what an operation does at most is whole items all the same. */
static size_t items_size(const struct a10_channel *channel,
			 const struct a10_request *request)
{
	size_t size = request->length;

	if (channel && size == A10_LENGTH_MAX)
		size -= size % channel->item_size;
	return size;
}

/* false: it is finished already. */
static bool channel_begin(struct a10_ring *ring, struct slot *slot)
{
	const uint32_t index = slot_index(slot);
	const struct a10_request *request = request_at(ring, index);
	struct waiter *waiter = slot_waiter(ring, slot);
	const struct a10_channel *channel = channel_of(ring, slot);
	const int err = waiter_fill(waiter, channel,
				    (void *)(uintptr_t)request->address,
				    items_size(channel, request));

	if (err < 0) {
		slot_finish(ring, slot, err);
		return false;
	}
	waiter->all = cold_at(ring, index)->flags & A10_WITH_ALL;
	channel_hold(channel_of(ring, slot));
	cold_at(ring, index)->argument[1] = true;
	return true;
}

/* It need not be parked. */
static void channel_finish(struct a10_ring *ring, struct slot *slot,
			   int64_t value)
{
	struct cold *cold = cold_at(ring, slot_index(slot));

	cold->bytes = cold->waiter.moved;
	slot_finish(ring, slot, value);
}

static void send_begin(struct a10_ring *ring, struct slot *slot)
{
	struct a10_channel *channel = channel_of(ring, slot);
	struct waiter *waiter = slot_waiter(ring, slot);

	if (!channel_begin(ring, slot))
		return;
	lock_take(&channel->lock);
	if (channel->closed) {
		channel_finish(ring, slot, -EPIPE);
	} else {
		put(channel, waiter);
		if (is_served(waiter))
			channel_finish(ring, slot, waiter->moved);
		else
			waiter_park(&channel->senders, ring, slot);
	}
	lock_give(&channel->lock);
}

static void receive_begin(struct a10_ring *ring, struct slot *slot)
{
	struct a10_channel *channel = channel_of(ring, slot);
	struct waiter *waiter = slot_waiter(ring, slot);

	if (!channel_begin(ring, slot))
		return;
	lock_take(&channel->lock);
	get(channel, waiter);
	if (is_served(waiter) || channel->closed)
		channel_finish(ring, slot, waiter->moved);
	else
		waiter_park(&channel->receivers, ring, slot);
	lock_give(&channel->lock);
}

static void channel_cancel(struct a10_ring *ring, struct slot *slot)
{
	struct a10_channel *channel = channel_of(ring, slot);
	struct waiter *waiter = slot_waiter(ring, slot);

	lock_take(&channel->lock);
	if (!waiter->over) {
		waiter_unlink(slot->opcode == A10_OPCODE_CHANNEL_SEND ?
				      &channel->senders :
				      &channel->receivers,
			      waiter);
		waiter->error = (int32_t)slot_reason(slot, 0);
	}
	lock_give(&channel->lock);
	waiter_finish(ring, slot);
}

static void channel_wake(struct a10_ring *ring, struct slot *slot)
{
	struct a10_channel *channel = channel_of(ring, slot);
	bool over;

	lock_take(&channel->lock);
	over = slot_waiter(ring, slot)->over;
	lock_give(&channel->lock);
	if (over)
		waiter_finish(ring, slot);
}

/* Items that came for one who has been told to forget it. */
static void receive_detach(struct a10_ring *ring, struct slot *slot)
{
	const struct a10_channel *channel = channel_of(ring, slot);
	const uint32_t index = slot_index(slot);
	const int64_t count = cold_at(ring, index)->value;
	char *items = (char *)(uintptr_t)request_at(ring, index)->address;
	int64_t i;

	for (i = 0; i < count && channel->drop; i++)
		channel->drop(items + (size_t)i * channel->item_size);
}

/* What had an end before it began does not hold the channel. */
static void channel_deliver(struct a10_ring *ring, struct slot *slot,
			    struct a10_result *r)
{
	(void)r;
	if (cold_at(ring, slot_index(slot))->argument[1])
		channel_drop(channel_of(ring, slot));
}

/* Without a callback they are nobody's, as if it had been forgotten. */
static void receive_deliver(struct a10_ring *ring, struct slot *slot,
			    struct a10_result *r)
{
	if (!slot->done && !(slot->marks & MARK_DETACH))
		receive_detach(ring, slot);
	channel_deliver(ring, slot, r);
}

/* At once, or by a slot, which also lets others have their turn. */
static enum await_how send_await(const struct a10_op *op,
				 struct a10_result *ret_result,
				 ssize_t *ret_value)
{
	struct a10_channel *channel =
		(struct a10_channel *)(uintptr_t)op->extra.argument[0];
	const void *items = (const void *)(uintptr_t)op->request.address;

	if (ret_result || !task_may_go_on())
		return AWAIT_BY_SLOT;
	*ret_value = a10_channel_try_send(channel, items, op->request.length);
	return *ret_value > 0 ? AWAIT_OVER : AWAIT_BY_SLOT;
}

static enum await_how receive_await(const struct a10_op *op,
				    struct a10_result *ret_result,
				    ssize_t *ret_value)
{
	struct a10_channel *channel =
		(struct a10_channel *)(uintptr_t)op->extra.argument[0];
	void *items = (void *)(uintptr_t)op->request.address;

	if (ret_result || !task_may_go_on())
		return AWAIT_BY_SLOT;
	*ret_value =
		a10_channel_try_receive(channel, items, op->request.length);
	return *ret_value > 0 ? AWAIT_OVER : AWAIT_BY_SLOT;
}

static const struct above_calls send_calls = {
	.begin = send_begin,
	.cancel = channel_cancel,
	.deliver = channel_deliver,
	.await = send_await,
	.wake = channel_wake,
};

static const struct above_calls receive_calls = {
	.begin = receive_begin,
	.cancel = channel_cancel,
	.deliver = receive_deliver,
	.detach = receive_detach,
	.await = receive_await,
	.wake = channel_wake,
};

/* ---- from anywhere -------------------------------------------------------------- */

struct a10_channel *a10_channel_create(size_t item_size, size_t capacity,
				       void (*drop)(void *item))
{
	struct a10_channel *channel;
	size_t size;

	/* First: who could not make one is told so by what uses it. */
	above_register(A10_OPCODE_CHANNEL_SEND, &send_calls);
	above_register(A10_OPCODE_CHANNEL_RECEIVE, &receive_calls);
	if (item_size == 0 ||
	    __builtin_mul_overflow(item_size, capacity, &size) ||
	    __builtin_add_overflow(size, sizeof(*channel), &size))
		return NULL;
	channel = malloc(size);
	if (!channel)
		return NULL;
	memset(channel, 0, sizeof(*channel));
	atomic_store_explicit(&channel->references, 1, memory_order_relaxed);
	atomic_store_explicit(&channel->holds, 1, memory_order_relaxed);
	channel->item_size = item_size;
	channel->capacity = capacity;
	channel->drop = drop;
	return channel;
}

struct a10_channel *a10_channel_ref(struct a10_channel *channel)
{
	atomic_fetch_add_explicit(&channel->references, 1,
				  memory_order_relaxed);
	return channel;
}

void a10_channel_close(struct a10_channel *channel)
{
	struct waiter *waiter;

	lock_take(&channel->lock);
	channel->closed = true;
	while ((waiter = channel->senders.first))
		waiter_end(&channel->senders, waiter, -EPIPE);
	while ((waiter = channel->receivers.first))
		waiter_end(&channel->receivers, waiter, 0);
	lock_give(&channel->lock);
}

void a10_channel_unref(struct a10_channel *channel)
{
	/* Acquire and release: whoever closes it does so after all others. */
	if (!channel || atomic_fetch_sub_explicit(&channel->references, 1,
						  memory_order_acq_rel) != 1)
		return;
	a10_channel_close(channel);
	channel_drop(channel);
}

ssize_t a10_channel_try_send(struct a10_channel *channel, const void *items,
			     size_t size)
{
	struct waiter waiter = { .sq = NULL };
	ssize_t value = waiter_fill(&waiter, channel, items, size);

	if (value < 0)
		return value;
	lock_take(&channel->lock);
	if (!channel->closed)
		put(channel, &waiter);
	if (channel->closed)
		value = -EPIPE;
	else
		value = waiter.moved ? (ssize_t)waiter.moved : -EAGAIN;
	lock_give(&channel->lock);
	return value;
}

ssize_t a10_channel_try_receive(struct a10_channel *channel, void *items,
				size_t size)
{
	struct waiter waiter = { .sq = NULL };
	ssize_t value = waiter_fill(&waiter, channel, items, size);

	if (value < 0)
		return value;
	lock_take(&channel->lock);
	get(channel, &waiter);
	if (waiter.moved || channel->closed)
		value = waiter.moved;
	else
		value = -EAGAIN;
	lock_give(&channel->lock);
	return value;
}
