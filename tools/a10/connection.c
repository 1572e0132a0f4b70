#include "connection.h"

#include "lookup.h"
#include "server.h"
#include "transfer.h"

#include <assert.h>
#include <stdlib.h>

static void read_request(struct connection *connection);

/* A bit per state that can follow; CLOSING follows each, itself too. */
static const unsigned int arrows[] = {
	[CONNECTION_IDLE] = 1u << CONNECTION_READING,
	[CONNECTION_READING] =
		1u << CONNECTION_LOOKING | 1u << CONNECTION_SENDING,
	[CONNECTION_LOOKING] = 1u << CONNECTION_SENDING,
	[CONNECTION_SENDING] =
		1u << CONNECTION_IDLE | 1u << CONNECTION_LINGERING,
	[CONNECTION_LINGERING] = 0,
	[CONNECTION_CLOSING] = 0,
};

void connection_move(struct connection *connection, enum connection_state state)
{
	assert(state == CONNECTION_CLOSING ||
	       (arrows[connection->state] & 1u << state) != 0);
	connection->state = state;
}

/* After the close, what an operation brought all the same is given back. */
static void on_result(void *data, const struct a10_result *r)
{
	struct connection *connection = (struct connection *)data;

	if (connection->state == CONNECTION_CLOSING)
		a10_fd_release(r->fd);
	else
		connection->done(connection, r);
}

void connection_submit(struct connection *connection, struct a10_op op,
		       connection_done *done)
{
	connection->done = done;
	a10_scope_submit(&connection->scope, op, on_result, connection);
}

static void on_over(void *data, const struct a10_result *r)
{
	struct connection *connection = (struct connection *)data;

	(void)r;
	a10_fd_release(connection->body.file);
	a10_fd_release(connection->socket);
	text_finish(&connection->body.text);
	server_remove(connection->server, connection);
	free(connection);
}

void connection_close(struct connection *connection)
{
	connection_move(connection, CONNECTION_CLOSING);
	a10_scope_cancel(&connection->scope);
}

void connection_stop(struct connection *connection)
{
	if (connection->state == CONNECTION_IDLE)
		connection_close(connection);
}

/* ---- reading ------------------------------------------------------------ */

static void on_received(struct connection *connection,
			const struct a10_result *r)
{
	if (r->value > 0) {
		connection->input_start = 0;
		connection->input_end = (size_t)r->value;
		read_request(connection);
	} else if (r->value == -ETIME &&
		   connection->state == CONNECTION_READING) {
		connection->request.keep_alive = false;
		connection->request.broken = true;
		transfer_error(connection, 408);
	} else {
		connection_close(connection);
	}
}

static void receive(struct connection *connection)
{
	struct a10_op op = a10_recv(connection->socket, connection->input,
				    sizeof(connection->input), 0);

	if (connection->state == CONNECTION_IDLE)
		op = a10_timeout(op,
				 connection->server->settings.idle_timeout_ns);
	else
		op = a10_deadline(op, connection->deadline);
	connection_submit(connection, op, on_received);
}

/* Goes on with what was received, or with what will be. */
static void read_request(struct connection *connection)
{
	struct request *request = &connection->request;
	const char *input = connection->input + connection->input_start;
	const size_t length = connection->input_end - connection->input_start;

	connection->input_start += request_parse(request, input, length);
	if (request->progress != REQUEST_NONE &&
	    connection->state == CONNECTION_IDLE) {
		connection_move(connection, CONNECTION_READING);
		connection->deadline =
			a10_now() +
			connection->server->settings.request_timeout_ns;
	}
	if (request->progress != REQUEST_COMPLETE)
		receive(connection);
	else if (request->status != 200)
		transfer_error(connection, request->status);
	else
		lookup_start(connection);
}

void connection_create(struct server *server, struct a10_fd socket)
{
	struct connection *connection;
	a10_id waiting;

	/* Not zeroed: its buffers are most of it, and most of them unused. */
	connection = (struct connection *)malloc(sizeof(*connection));
	if (!connection)
		goto close_socket;
	a10_scope_open(&connection->scope, server->sq, 0);
	/* First, for without it there must be nothing in the scope. */
	waiting = a10_submit(server->sq, a10_scope_wait(&connection->scope),
			     on_over, connection);
	if (waiting < 0)
		goto free_connection;
	connection->server = server;
	connection->socket = socket;
	connection->state = CONNECTION_IDLE;
	connection->input_start = 0;
	connection->input_end = 0;
	memset(&connection->body, 0, sizeof(connection->body));
	request_init(&connection->request);
	server_add(server, connection);
	receive(connection);
	return;
free_connection:
	free(connection);
close_socket:
	a10_fd_release(socket);
}

/* ---- the end ------------------------------------------------------------ */

static void on_lingered(struct connection *connection,
			const struct a10_result *r)
{
	struct a10_op op;

	if (r->value <= 0) {
		connection_close(connection);
		return;
	}
	op = a10_recv(connection->socket, connection->input,
		      sizeof(connection->input), 0);
	connection_submit(connection, a10_deadline(op, connection->deadline),
			  on_lingered);
}

static void on_shut_down(struct connection *connection,
			 const struct a10_result *r)
{
	const struct a10_result go_on = { .value = 1 };

	on_lingered(connection, r->value < 0 ? r : &go_on);
}

/*
 * To close a socket with something unread in it is to reset the connection, and
 * then the client may lose the response it has not read yet. So where more may
 * come, the connection is only shut, and drained for a while.
 */
static void linger(struct connection *connection)
{
	connection_move(connection, CONNECTION_LINGERING);
	connection->deadline = a10_now() + LINGER_TIMEOUT;
	connection_submit(connection, a10_shutdown(connection->socket, SHUT_WR),
			  on_shut_down);
}

void connection_answered(struct connection *connection)
{
	struct request *request = &connection->request;

	if (connection->keep_alive && !connection->server->stopping) {
		connection_move(connection, CONNECTION_IDLE);
		request_reset(request);
		read_request(connection);
	} else if (request->keep_alive || request->broken ||
		   connection->input_start < connection->input_end) {
		linger(connection);
	} else {
		connection_close(connection);
	}
}
