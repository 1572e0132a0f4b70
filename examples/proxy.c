/*
 * proxy ADDRESS TARGET - hands connections on to another address.
 *
 * Of each connection two tasks, one for each way, in a scope that ends with the
 * first error of either. An end goes through: the other side may still speak.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>

static struct a10_sq *sq;
static const char *target;

struct way {
	struct a10_fd from, to;
};

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

static int forward(void *data)
{
	const struct way *way = data;
	char bytes[16384];
	ssize_t n;

	do {
		n = a10_await(a10_recv(way->from, bytes, sizeof(bytes), 0));
		if (n == 0)
			n = a10_await(a10_shutdown(way->to, SHUT_WR));
		else if (n > 0)
			n = a10_await(a10_all(
				a10_send(way->to, bytes, (size_t)n, 0)));
	} while (n > 0);
	return (int)n;
}

static int serve(void *data)
{
	const struct a10_fd *client = data;
	struct a10_op op = a10_connect_to(target, 0);
	struct a10_scope scope;
	struct a10_fd server;
	int err;

	err = a10_await_fd(a10_timeout(op, 5 * A10_SECOND), &server);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", target, strerror(-err));
	} else {
		struct way ways[] = { { *client, server },
				      { server, *client } };

		a10_scope_open(&scope, NULL, A10_SCOPE_FAIL_FAST);
		for (int i = 0; i < 2; i++)
			if (a10_scope_spawn(&scope, forward, &ways[i], 0) < 0)
				a10_scope_cancel(&scope);
		a10_await(a10_scope_wait(&scope));
		a10_scope_close(&scope);
		a10_await(a10_close(server));
	}
	a10_await(a10_close(*client));
	return 0;
}

static int listen_on(void *address)
{
	struct a10_fd listener, client;
	struct a10_scope clients;
	int err;

	err = a10_await_fd(a10_listen_on(address, 0), &listener);
	if (err < 0)
		return err;
	sq = a10_ring_sq(a10_ring_current());
	signal(SIGTERM, on_signal);
	a10_scope_open(&clients, NULL, 0);
	a10_scope_set_limit(&clients, 1000); /* more wait to be accepted */
	while ((err = a10_await_fd(a10_accept(listener, NULL, 0), &client)) ==
	       0)
		if (a10_scope_spawn(&clients, serve, &client, sizeof(client)) <
		    0)
			a10_fd_release(client);
	a10_scope_close(&clients);
	a10_await(a10_close(listener));
	return err == -ECANCELED ? 0 : err; /* it was stopped */
}

int main(int argc, char **argv)
{
	int err;

	target = argv[argc - 1];
	err = argc == 3 ? a10_run(NULL, listen_on, argv[1]) : -EINVAL;
	if (err < 0)
		fprintf(stderr, "proxy ADDRESS TARGET: %s\n", strerror(-err));
	return err < 0;
}
