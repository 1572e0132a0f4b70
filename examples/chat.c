/*
 * chat [ADDRESS] - what one says, all others get.
 *
 * A task per client, and nothing is copied: what was received is sent to all from
 * the speaker's stack, and who speaks goes on when everybody has it. Who takes none
 * of it for ten seconds is shut out.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>

struct client { /* on the stack of its task */
	struct client *next;
	struct a10_fd fd;
};

static struct client *clients; /* all on one thread: no lock */
static struct a10_sq *sq;

static void on_sent(void *data, const struct a10_result *r)
{
	const struct client *to = data;

	/* Its task reads an end. It closes fd after what is sent on it. */
	if (r->value == -ETIME)
		shutdown(a10_fd_number(to->fd), SHUT_RDWR);
}

static void tell_others(const struct client *from, const char *text, size_t n)
{
	struct a10_scope scope;
	struct a10_op op;

	a10_scope_open(&scope, NULL, 0);
	for (struct client *to = clients; to != NULL; to = to->next) {
		if (to == from)
			continue;
		op = a10_all(a10_send(to->fd, text, n, 0));
		op = a10_timeout(op, 10 * A10_SECOND);
		if (a10_scope_submit(&scope, op, on_sent, to) < 0)
			shutdown(a10_fd_number(to->fd), SHUT_RDWR);
	}
	a10_await(a10_scope_wait(&scope));
	a10_scope_close(&scope); /* it was stopped: text is still lent */
}

static int serve(void *data)
{
	struct client client = { clients, *(struct a10_fd *)data };
	struct client **link = &clients;
	char text[4096];
	ssize_t n;

	clients = &client;
	while ((n = a10_await(a10_recv(client.fd, text, sizeof(text), 0))) > 0)
		tell_others(&client, text, (size_t)n);
	while (*link != &client)
		link = &(*link)->next;
	*link = client.next;
	a10_await(a10_close(client.fd));
	return 0;
}

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

static int chat(void *address)
{
	struct a10_fd listener, fd;
	struct a10_stream *accepted;
	struct a10_scope scope;
	int err;

	err = a10_await_fd(a10_listen_on(address, 0), &listener);
	if (err < 0)
		return err;
	sq = a10_ring_sq(a10_ring_current());
	signal(SIGTERM, on_signal);
	a10_scope_open(&scope, NULL, 0);
	accepted = a10_stream_open(a10_accept(listener, NULL, 0), 16);
	while ((err = a10_await_fd(a10_stream_next(accepted), &fd)) == 0)
		if (a10_scope_spawn(&scope, serve, &fd, sizeof(fd)) < 0)
			a10_fd_release(fd);
	a10_stream_close(accepted);
	a10_scope_close(&scope);
	a10_await(a10_close(listener));
	return err == -ECANCELED ? 0 : err; /* it was stopped */
}

int main(int argc, char **argv)
{
	int err = a10_run(NULL, chat, argc > 1 ? argv[1] : ":7000");

	if (err < 0)
		fprintf(stderr, "chat [ADDRESS]: %s\n", strerror(-err));
	return err < 0;
}
