/*
 * raw_echo.c - an echo server by hand, with all that the kernel offers:
 * multishot accept to direct descriptors, multishot recv from a ring of 4 KiB
 * buffers, and the buffers sent back as they are.
 *
 * Two sends in flight on one socket interleave, so what a connection received
 * waits in its list, and only the first buffer of the list is being sent. The
 * second entrant, "raw-more", tells TCP when more is in the list: it then makes
 * large segments of small buffers, which a plain loop does not think of.
 */
#include "bench.h"
#include "raw.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CONNECTIONS 4096
#define BUFFERS     2048u /* more than connections, or they starve */
#define BUFFER_SIZE 4096u
#define GROUP       1
#define NO_BUFFER   UINT16_MAX

struct buffer {
	uint32_t length;
	uint16_t next; /* in the connection's list */
};

struct connection {
	struct raw_op receive;
	struct raw_op send;
	struct raw_op close;
	struct server *server;
	struct connection *next_starved;
	uint32_t sent; /* of the first buffer */
	uint16_t first;
	uint16_t last;
	bool receiving;
	bool ended;
};

struct server {
	struct raw_ring ring;
	struct raw_op accept;
	struct raw_op stop;
	struct io_uring_buf_ring *free_buffers;
	unsigned char *memory;
	struct connection *connections; /* by direct descriptor */
	struct connection *starved;     /* no buffer was left for them */
	int listen_fd;
	int err;
	uint16_t tail; /* of free_buffers, ours */
	bool stopped;
	bool tells_more;
	struct buffer buffers[BUFFERS];
};

static int slot_of(const struct connection *connection)
{
	return (int)(connection - connection->server->connections);
}

static void buffer_give(struct server *server, uint16_t index)
{
	struct io_uring_buf *entry =
		&server->free_buffers->bufs[server->tail++ & (BUFFERS - 1)];

	entry->addr = (uint64_t)(uintptr_t)(server->memory +
					    (size_t)index * BUFFER_SIZE);
	entry->len = BUFFER_SIZE;
	entry->bid = index;
}

static void buffers_publish(struct server *server)
{
	__atomic_store_n(&server->free_buffers->tail, server->tail,
			 __ATOMIC_RELEASE);
}

static void connection_receive(struct connection *connection)
{
	struct io_uring_sqe *sqe = raw_sqe(&connection->server->ring);

	raw_prepare(sqe, IORING_OP_RECV, slot_of(connection),
		    &connection->receive);
	sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->buf_group = GROUP;
	connection->receiving = true;
}

static void connection_send(struct connection *connection)
{
	struct server *server = connection->server;
	const struct buffer *buffer = &server->buffers[connection->first];
	struct io_uring_sqe *sqe = raw_sqe(&server->ring);

	raw_prepare(sqe, IORING_OP_SEND, slot_of(connection),
		    &connection->send);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->addr =
		(uint64_t)(uintptr_t)(server->memory +
				      (size_t)connection->first * BUFFER_SIZE +
				      connection->sent);
	sqe->len = buffer->length - connection->sent;
	sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
	if (server->tells_more && buffer->next != NO_BUFFER)
		sqe->msg_flags |= MSG_MORE;
}

/* Closes it when neither direction has anything in flight. */
static void connection_settle(struct connection *connection)
{
	struct io_uring_sqe *sqe;

	if (!connection->ended || connection->receiving ||
	    connection->first != NO_BUFFER)
		return;
	sqe = raw_sqe(&connection->server->ring);
	raw_prepare(sqe, IORING_OP_CLOSE, 0, &connection->close);
	sqe->file_index = (uint32_t)slot_of(connection) + 1;
}

static void connection_append(struct connection *connection, uint16_t index,
			      uint32_t length)
{
	struct server *server = connection->server;

	server->buffers[index].length = length;
	server->buffers[index].next = NO_BUFFER;
	if (connection->first == NO_BUFFER) {
		connection->first = index;
		connection->last = index;
		connection_send(connection);
		return;
	}
	server->buffers[connection->last].next = index;
	connection->last = index;
}

static void on_received(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct connection *connection =
		container_of(op, struct connection, receive);
	struct server *server = connection->server;

	connection->receiving = cqe->flags & IORING_CQE_F_MORE;
	if (cqe->res > 0)
		connection_append(connection,
				  (uint16_t)(cqe->flags >>
					     IORING_CQE_BUFFER_SHIFT),
				  (uint32_t)cqe->res);
	else if (cqe->flags & IORING_CQE_F_BUFFER)
		buffer_give(server,
			    (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT));
	if (cqe->res == -ENOBUFS) {
		connection->next_starved = server->starved;
		server->starved = connection;
		return;
	}
	if (cqe->res <= 0)
		connection->ended = true;
	else if (!connection->receiving)
		connection_receive(connection);
	connection_settle(connection);
}

static void on_sent(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct connection *connection =
		container_of(op, struct connection, send);
	struct server *server = connection->server;
	const uint16_t index = connection->first;
	const struct buffer *buffer = &server->buffers[index];

	if (cqe->res > 0) {
		connection->sent += (uint32_t)cqe->res;
		if (connection->sent < buffer->length) {
			connection_send(connection);
			return;
		}
	}
	connection->sent = 0;
	connection->first = buffer->next;
	buffer_give(server, index);
	if (connection->first != NO_BUFFER)
		connection_send(connection);
	else
		connection_settle(connection);
}

static void on_closed(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct connection *connection =
		container_of(op, struct connection, close);

	if (cqe->res < 0)
		connection->server->err = cqe->res;
}

static void accept_start(struct server *server)
{
	struct io_uring_sqe *sqe = raw_sqe(&server->ring);

	raw_prepare(sqe, IORING_OP_ACCEPT, server->listen_fd, &server->accept);
	sqe->ioprio = IORING_ACCEPT_MULTISHOT;
	sqe->file_index = IORING_FILE_INDEX_ALLOC;
}

static void on_accepted(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct server *server = container_of(op, struct server, accept);
	struct connection *connection;

	if (cqe->res < 0) {
		server->err = cqe->res;
		return;
	}
	connection = &server->connections[cqe->res];
	*connection = (struct connection){
		.receive = { on_received },
		.send = { on_sent },
		.close = { on_closed },
		.server = server,
		.first = NO_BUFFER,
	};
	connection_receive(connection);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		accept_start(server);
}

static void on_stop(struct raw_op *op, const struct io_uring_cqe *cqe)
{
	struct server *server = container_of(op, struct server, stop);

	(void)cqe;
	server->stopped = true;
}

/* Those who found no buffer try again when some have come back. */
static void starved_resume(struct server *server, uint16_t tail_before)
{
	struct connection *connection = server->starved;

	if (!connection || server->tail == tail_before)
		return;
	server->starved = NULL;
	for (; connection; connection = connection->next_starved)
		connection_receive(connection);
}

static int server_run(struct server *server, int stop_fd)
{
	struct io_uring_sqe *sqe = raw_sqe(&server->ring);
	int err = 0;

	raw_prepare(sqe, IORING_OP_POLL_ADD, stop_fd, &server->stop);
	sqe->poll32_events = POLLIN | POLLHUP;
	accept_start(server);
	while (!server->stopped && server->err == 0 && err == 0) {
		const uint16_t tail = server->tail;

		err = raw_enter(&server->ring, 1);
		raw_dispatch(&server->ring);
		buffers_publish(server);
		starved_resume(server, tail);
	}
	return err < 0 ? err : server->err;
}

static int server_prepare(struct server *server)
{
	struct io_uring_rsrc_register files = {
		.nr = CONNECTIONS,
		.flags = IORING_RSRC_REGISTER_SPARSE,
	};
	struct io_uring_buf_reg buffers = {
		.ring_entries = BUFFERS,
		.bgid = GROUP,
	};
	int err;

	buffers.ring_addr = (uint64_t)(uintptr_t)server->free_buffers;
	err = raw_register(&server->ring, IORING_REGISTER_PBUF_RING, &buffers,
			   1);
	if (err < 0)
		return err;
	for (uint16_t i = 0; i < BUFFERS; i++)
		buffer_give(server, i);
	buffers_publish(server);
	return raw_register(&server->ring, IORING_REGISTER_FILES2, &files,
			    sizeof(files));
}

static int server_serve(int listen_fd, int stop_fd, bool tells_more)
{
	const size_t ring_size = BUFFERS * sizeof(struct io_uring_buf);
	const size_t size = ring_size + (size_t)BUFFERS * BUFFER_SIZE;
	struct server *server = calloc(1, sizeof(*server));
	void *memory;
	int err = -ENOMEM;

	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (!server || memory == MAP_FAILED)
		goto free_server;
	server->free_buffers = memory;
	server->memory = (unsigned char *)memory + ring_size;
	server->connections = calloc(CONNECTIONS, sizeof(struct connection));
	server->listen_fd = listen_fd;
	server->tells_more = tells_more;
	server->accept.done = on_accepted;
	server->stop.done = on_stop;
	if (!server->connections)
		goto free_server;
	err = raw_open(4096, 16384, &server->ring);
	if (err < 0)
		goto free_connections;
	err = server_prepare(server);
	if (err == 0)
		err = server_run(server, stop_fd);
	raw_close(&server->ring);
free_connections:
	free(server->connections);
free_server:
	/* The memory stays: the kernel may use it after the ring is closed. */
	free(server);
	return err;
}

static int serve(const struct work_args *args, int listen_fd, int stop_fd)
{
	(void)args;
	return server_serve(listen_fd, stop_fd, false);
}

static int serve_more(const struct work_args *args, int listen_fd, int stop_fd)
{
	(void)args;
	return server_serve(listen_fd, stop_fd, true);
}

static const struct entrant entrant = {
	.family = "echo",
	.name = "raw",
	.serve = serve,
};

static const struct entrant entrant_more = {
	.family = "echo",
	.name = "raw-more",
	.serve = serve_more,
};

BENCH_ENTRANT(entrant)
BENCH_ENTRANT(entrant_more)
