#include "connection.h"

#include "lookup.h"
#include "server.h"
#include "transfer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A bit per state that can follow; CLOSING follows each, itself too. */
static const unsigned int arrows[] = {
	[CONNECTION_IDLE] = 1u << CONNECTION_READING,
	[CONNECTION_READING] =
		1u << CONNECTION_LOOKING | 1u << CONNECTION_SENDING,
	[CONNECTION_LOOKING] = 1u << CONNECTION_SENDING,
	[CONNECTION_SENDING] = 1u << CONNECTION_IDLE |
			       1u << CONNECTION_SKIPPING |
			       1u << CONNECTION_LINGERING,
	[CONNECTION_SKIPPING] =
		1u << CONNECTION_IDLE | 1u << CONNECTION_LINGERING,
	[CONNECTION_LINGERING] = 0,
	[CONNECTION_CLOSING] = 0,
};

static void on_first(struct connection *connection, const struct a10_result *r);
static void on_received(struct connection *connection,
			const struct a10_result *r);

void connection_move(struct connection *connection, enum connection_state state)
{
	assert(state == CONNECTION_CLOSING ||
	       (arrows[connection->state] & 1u << state) != 0);
	connection->state = state;
}

/* ---- operations --------------------------------------------------------- */

static void connection_free(struct connection *connection)
{
	struct server *server = connection->server;

	server_give_exchange(server, connection->exchange);
	close(connection->socket);
	server_remove(server, connection);
	free(connection);
}

/* What each callback ends with: nothing may be under way that is not known. */
static void connection_settle(struct connection *connection);

static void on_result(void *data, const struct a10_result *r)
{
	struct connection *connection = (struct connection *)data;

	connection->under_way = 0;
	if (connection->state == CONNECTION_CLOSING) {
		/* What it brought all the same is given back. */
		a10_fd_release(r->fd);
		a10_buf_release(r->buf);
	} else {
		connection->done(connection, r);
	}
	connection_settle(connection);
}

void connection_submit(struct connection *connection, struct a10_op op,
		       connection_done *done)
{
	assert(connection->under_way == 0);
	connection->done = done;
	connection->under_way =
		a10_submit(connection->server->sq, op, on_result, connection);
	if (connection->under_way < 0) {
		connection->under_way = 0;
		connection_close(connection);
	}
}

void connection_close(struct connection *connection)
{
	connection_move(connection, CONNECTION_CLOSING);
	if (connection->under_way > 0)
		a10_cancel(connection->server->sq, connection->under_way);
}

void connection_stop(struct connection *connection)
{
	if (connection->state == CONNECTION_IDLE)
		connection_close(connection);
}

/* ---- reading ------------------------------------------------------------ */

static struct a10_fd socket_of(const struct connection *connection)
{
	return a10_fd_regular(connection->socket);
}

static void on_idle_end(struct connection *connection, ssize_t value)
{
	if (value == -ETIME)
		connection->server->stats.idle_timeouts++;
	connection_close(connection);
}

/* The first bytes of a request, in a buffer that others need too. */
static void on_first(struct connection *connection, const struct a10_result *r)
{
	struct exchange *exchange;

	if (r->value <= 0) {
		a10_buf_release(r->buf);
		on_idle_end(connection, r->value);
		return;
	}
	exchange = server_take_exchange(connection->server);
	if (exchange) {
		assert(r->buf.length <= sizeof(exchange->input));
		memcpy(exchange->input, r->buf.data, r->buf.length);
		exchange->input_end = r->buf.length;
		server_name_peer(connection->server, connection->socket,
				 exchange);
	}
	a10_buf_release(r->buf);
	connection->exchange = exchange;
	if (!exchange)
		connection_close(connection);
}

static void on_received(struct connection *connection,
			const struct a10_result *r)
{
	struct exchange *exchange = connection->exchange;

	if (r->value > 0) {
		exchange->input_end += (size_t)r->value;
	} else if (r->value == -ETIME) {
		connection->server->stats.request_timeouts++;
		/* It was moved since, and its first line will be logged. */
		request_parse(&exchange->request, exchange->input,
			      exchange->input_end);
		exchange->request.broken = true;
		exchange->request.keep_alive = false;
		transfer_error(connection, 408);
	} else {
		connection_close(connection);
	}
}

/* More of what has begun, which has a time by which it must be there. */
static void receive(struct connection *connection, connection_done *done)
{
	struct exchange *exchange = connection->exchange;
	struct a10_op op;

	if (exchange->input_start > 0) {
		exchange->input_end -= exchange->input_start;
		memmove(exchange->input,
			exchange->input + exchange->input_start,
			exchange->input_end);
		exchange->input_start = 0;
	}
	assert(exchange->input_end < sizeof(exchange->input));
	op = a10_recv(socket_of(connection),
		      exchange->input + exchange->input_end,
		      sizeof(exchange->input) - exchange->input_end, 0);
	connection_submit(connection, a10_deadline(op, connection->deadline),
			  done);
}

static void await_request(struct connection *connection)
{
	struct server *server = connection->server;
	const struct a10_op op =
		a10_recv_pooled(socket_of(connection), server->pool, 0);

	if (server->stopping) {
		connection_close(connection);
		return;
	}
	server_give_exchange(server, connection->exchange);
	connection->exchange = NULL;
	connection_submit(connection,
			  a10_timeout(op, server->settings.idle_timeout_ns),
			  on_first);
}

/* Goes on with what was received, or with what will be. */
static void read_request(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct server *server = connection->server;
	struct request *request;

	if (!exchange || exchange->input_start == exchange->input_end) {
		await_request(connection);
		return;
	}
	request = &exchange->request;
	request->blanks = connection->blanks;
	request_parse(request, exchange->input + exchange->input_start,
		      exchange->input_end - exchange->input_start);
	if (request->progress == REQUEST_NONE) {
		/* An empty line, which is as good as nothing, if not often. */
		connection->blanks +=
			(uint32_t)(exchange->input_end - exchange->input_start);
		await_request(connection);
		return;
	}
	connection->blanks = 0;
	if (connection->state == CONNECTION_IDLE) {
		connection_move(connection, CONNECTION_READING);
		connection->deadline =
			a10_now() + server->settings.request_timeout_ns;
	}
	if (request->progress != REQUEST_COMPLETE) {
		receive(connection, on_received);
		return;
	}
	exchange->input_start += request->head_length;
	exchange->asked_at = server_clock(server);
	upload_init(&exchange->upload, request);
	if (request->status != 200)
		transfer_error(connection, request->status);
	else
		lookup_start(connection);
}

/* ---- the end ------------------------------------------------------------ */

static void on_lingered(struct connection *connection,
			const struct a10_result *r)
{
	struct exchange *exchange = connection->exchange;

	if (r->value <= 0) {
		connection_close(connection);
		return;
	}
	exchange->input_start = 0;
	exchange->input_end = 0;
	receive(connection, on_lingered);
}

/*
 * To close a socket with something unread in it is to reset the connection, and
 * then the client may lose the response it has not read yet. So where more may
 * come, the connection is only shut, and drained for a while.
 */
static void linger(struct connection *connection)
{
	const struct a10_result go_on = { .value = 1 };

	connection_move(connection, CONNECTION_LINGERING);
	connection->deadline = a10_now() + LINGER_TIMEOUT;
	if (shutdown(connection->socket, SHUT_WR) < 0)
		connection_close(connection);
	else
		on_lingered(connection, &go_on);
}

/* ---- bodies that nobody wants ------------------------------------------- */

static void on_upload(struct connection *connection, const struct a10_result *r)
{
	if (r->value > 0)
		connection->exchange->input_end += (size_t)r->value;
	else
		connection_close(connection);
}

static void skip_upload(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const ssize_t skipped =
		upload_skip(&exchange->upload,
			    exchange->input + exchange->input_start,
			    exchange->input_end - exchange->input_start);

	if (skipped < 0) {
		/* The answer is out, and may not be read yet. */
		linger(connection);
		return;
	}
	exchange->input_start += (size_t)skipped;
	if (exchange->upload.state == UPLOAD_OVER) {
		exchange_reset(exchange);
		connection_move(connection, CONNECTION_IDLE);
	} else {
		receive(connection, on_upload);
	}
}

void connection_answered(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct request *request = &exchange->request;
	const bool wants_more = request->keep_alive || request->broken ||
				exchange->upload.state != UPLOAD_OVER ||
				exchange->input_start < exchange->input_end;

	server_note(connection->server, exchange);
	if (!exchange->keep_alive || connection->server->stopping) {
		if (wants_more)
			linger(connection);
		else
			connection_close(connection);
	} else if (exchange->upload.state != UPLOAD_OVER) {
		connection_move(connection, CONNECTION_SKIPPING);
		connection->deadline =
			a10_now() +
			connection->server->settings.request_timeout_ns;
	} else {
		exchange_reset(exchange);
		connection_move(connection, CONNECTION_IDLE);
	}
}

/* ---- the life of it ----------------------------------------------------- */

/*
 * A response that went out at once leaves the connection in one of these, with
 * nothing under way: so requests that were sent in one go are answered in a
 * loop, not ever deeper on the stack.
 */
static void connection_settle(struct connection *connection)
{
	while (connection->under_way == 0) {
		switch (connection->state) {
		case CONNECTION_IDLE:
		case CONNECTION_READING:
			read_request(connection);
			break;
		case CONNECTION_SKIPPING:
			skip_upload(connection);
			break;
		default:
			assert(connection->state == CONNECTION_CLOSING);
			connection_free(connection);
			return;
		}
	}
}

void connection_create(struct server *server, int socket)
{
	struct connection *connection =
		(struct connection *)calloc(1, sizeof(*connection));

	if (!connection) {
		close(socket);
		return;
	}
	connection->server = server;
	connection->socket = socket;
	connection->state = CONNECTION_IDLE;
	server_add(server, connection);
	connection_settle(connection);
}
