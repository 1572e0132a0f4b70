/*
 * echo [ADDRESS] - sends back what it gets, until SIGTERM.
 *
 * Direct descriptors, accepts and receives that go on by themselves, the pool's
 * buffers sent as they came. A connection is over when its scope is empty.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct connection {
	struct a10_scope scope;
	struct a10_fd fd;
};

static struct a10_sq *sq;

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

static void on_over(void *data, const struct a10_result *r)
{
	struct connection *connection = data;

	(void)r;
	a10_fd_release(connection->fd);
	free(connection);
}

static void on_sent(void *data, const struct a10_result *r)
{
	if (r->value < 0)
		a10_scope_cancel(data);
}

static void on_received(void *data, const struct a10_result *r)
{
	struct connection *connection = data;
	struct a10_op op;

	if (r->value <= 0) /* the end: what is being sent still is; on_over */
		return;
	op = a10_send(connection->fd, r->buf.data, r->buf.length, 0);
	op = a10_owning_buf(a10_all(op), r->buf); /* given back when sent */
	a10_scope_submit(&connection->scope, op, on_sent, &connection->scope);
}

static void on_accepted(void *data, const struct a10_result *r)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct a10_op op;

	if (r->value < 0 || connection == NULL) { /* it is being stopped */
		free(connection);
		a10_fd_release(r->fd);
		return;
	}
	connection->fd = r->fd;
	a10_scope_open(&connection->scope, r->sq, 0);
	op = a10_multishot(a10_recv_pooled(r->fd, data, 0));
	op = a10_bounded(op, 16); /* one slow peer cannot hold all buffers */
	a10_scope_submit(&connection->scope, op, on_received, connection);
	a10_submit(r->sq, a10_scope_wait(&connection->scope), on_over,
		   connection);
}

int main(int argc, char **argv)
{
	struct a10_config config = { .direct_descriptors = 1000 };
	struct a10_result listener;
	struct a10_pool *pool;
	struct a10_ring *ring;
	struct a10_op op;
	ssize_t err;

	if (a10_ring_create(&config, &ring) < 0) {
		fprintf(stderr, "echo: %s\n", a10_ring_reason());
		return 1;
	}
	sq = a10_ring_sq(ring);
	signal(SIGTERM, on_signal);
	err = a10_pool_create(ring, 1024, 4096, 0, &pool);
	op = a10_direct(a10_listen_on(argc > 1 ? argv[1] : ":7000", 0));
	if (err == 0)
		err = a10_await_on(sq, op, &listener);
	if (err == 0) {
		op = a10_direct(a10_accept(listener.fd, NULL, 0));
		a10_submit(sq, a10_multishot(op), on_accepted, pool);
		err = a10_ring_run(ring);
	}
	if (err < 0)
		fprintf(stderr, "echo: %s\n", strerror((int)-err));
	a10_ring_destroy(ring, A10_FOREVER); /* the pool and the rest, too */
	return err < 0;
}
