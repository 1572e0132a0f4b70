/*
 * udp_echo ADDRESS - sends each datagram back to whom it came from.
 *
 * A single operation receives them all, each into a buffer of the pool with its
 * sender before it; a10_message_parse knows where what is. The same buffer is
 * sent, and given back when that is over.
 */
#include <a10.h>
#include <signal.h>
#include <stdio.h>

static struct a10_sq *sq;

static void on_signal(int number)
{
	(void)number;
	(void)a10_sq_stop(sq);
}

static void on_datagram(void *data, const struct a10_result *r)
{
	const struct a10_fd *fd = data;
	struct a10_message message;
	struct a10_address from;
	struct a10_op op;

	if (a10_message_parse(r->buf, &message) < 0)
		return; /* the last result, which has none */
	memset(&from, 0, sizeof(from));
	from.length = message.header.msg_namelen;
	memcpy(&from.as, message.header.msg_name, from.length);
	op = a10_sendto(*fd, message.data, message.length, 0, &from);
	a10_submit(r->sq, a10_owning_buf(op, r->buf), NULL, NULL);
}

int main(int argc, char **argv)
{
	struct a10_result socket;
	struct a10_pool *pool;
	struct a10_ring *ring;
	struct a10_op op;
	ssize_t err;

	if (a10_ring_create(NULL, &ring) < 0) {
		fprintf(stderr, "udp_echo: %s\n", a10_ring_reason());
		return 1;
	}
	sq = a10_ring_sq(ring);
	signal(SIGTERM, on_signal);
	op = a10_listen_on(argc > 1 ? argv[1] : ":7000", A10_DATAGRAM);
	err = a10_pool_create(ring, 256, 2048, 0, &pool);
	if (err == 0)
		err = a10_await_on(sq, op, &socket);
	if (err == 0) {
		op = a10_recvmsg_pooled(socket.fd, pool, 0, 0);
		a10_submit(sq, a10_multishot(op), on_datagram, &socket.fd);
		err = a10_ring_run(ring);
		a10_fd_release(socket.fd);
	}
	if (err < 0)
		fprintf(stderr, "udp_echo: %s\n", strerror((int)-err));
	a10_ring_destroy(ring, A10_FOREVER);
	return err < 0;
}
