/*
 * chat ADDRESS - what one says, all others get.
 *
 * Nothing is copied: each send of a message owns a reference to it, and with the
 * last its buffer goes back to the pool. A client that speaks is paused while 8 of
 * its messages are not with everybody; who takes none for ten seconds is cut off.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct message {
	struct a10_buf buf;
	size_t readers; /* all on one thread: no atomics */
};

struct client {
	struct client *next;
	struct a10_scope scope;
	struct a10_fd fd;
};

static struct client *clients;
static struct a10_sq *sq;

static void message_unref(void *owned)
{
	struct message *message = owned;

	if (--message->readers > 0)
		return;
	a10_buf_release(message->buf);
	free(message);
}

static void on_over(void *data, const struct a10_result *r)
{
	struct client *client = data, **link = &clients;

	(void)r;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	a10_fd_release(client->fd);
	free(client);
}

static void on_sent(void *data, const struct a10_result *r)
{
	if (r->value < 0)
		a10_scope_cancel(data);
}

static void on_received(void *data, const struct a10_result *r)
{
	struct client *from = data;
	struct message *message = calloc(1, sizeof(*message));

	if (r->value <= 0 || message == NULL) { /* it has left */
		a10_scope_cancel(&from->scope);
		a10_buf_release(r->buf);
		free(message);
		return;
	}
	message->buf = r->buf;
	message->readers = 1;
	for (struct client *to = clients; to != NULL; to = to->next) {
		struct a10_op op =
			a10_send(to->fd, r->buf.data, r->buf.length, 0);

		if (to == from)
			continue;
		message->readers++;
		op = a10_timeout(a10_all(op), 10 * A10_SECOND);
		op = a10_owning(op, message, message_unref);
		a10_scope_submit(&to->scope, op, on_sent, &to->scope);
	}
	message_unref(message);
}

static void on_accepted(void *data, const struct a10_result *r)
{
	struct client *client = calloc(1, sizeof(*client));
	struct a10_op op;

	if (r->value < 0 || client == NULL) { /* it is being stopped */
		a10_fd_release(r->fd);
		free(client);
		return;
	}
	client->fd = r->fd;
	client->next = clients;
	clients = client;
	a10_scope_open(&client->scope, sq, 0);
	op = a10_multishot(a10_recv_pooled(r->fd, data, 0));
	op = a10_bounded(op, 8);
	a10_scope_submit(&client->scope, op, on_received, client);
	a10_submit(sq, a10_scope_wait(&client->scope), on_over, client);
}

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

int main(int argc, char **argv)
{
	struct a10_result listener;
	struct a10_pool *pool;
	struct a10_ring *ring;
	struct a10_op op;
	ssize_t err;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "chat: %s\n", a10_ring_reason());
		return 1;
	}
	sq = a10_ring_sq(ring);
	signal(SIGTERM, on_signal);
	err = a10_pool_create(ring, 256, 2048, 0, &pool);
	if (err == 0)
		err = a10_await_on(
			sq, a10_listen_on(argc > 1 ? argv[1] : ":7000", 0),
			&listener);
	if (err == 0) {
		op = a10_multishot(a10_accept(listener.fd, NULL, 0));
		a10_submit(sq, op, on_accepted, pool);
		err = a10_ring_run(ring);
		a10_fd_release(listener.fd);
	}
	if (err < 0)
		fprintf(stderr, "chat: %s\n", strerror((int)-err));
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0;
}
