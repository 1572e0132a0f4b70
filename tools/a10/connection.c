#include "connection.h"

#include "lookup.h"
#include "server.h"
#include "transfer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- receiving ---------------------------------------------------------- */

static char *unread(struct exchange *exchange)
{
	return exchange->input + exchange->input_start;
}

static size_t count_unread(const struct exchange *exchange)
{
	return exchange->input_end - exchange->input_start;
}

int64_t connection_deadline(struct connection *connection)
{
	if (connection->deadline == 0)
		connection->deadline =
			a10_now() +
			connection->server->settings.request_timeout_ns;
	return connection->deadline;
}

/* More of what has begun, until the deadline. As a10_recv. */
static ssize_t receive(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct a10_op op;
	ssize_t got;

	if (exchange->input_start > 0) {
		exchange->input_end -= exchange->input_start;
		memmove(exchange->input, unread(exchange), exchange->input_end);
		exchange->input_start = 0;
	}
	assert(exchange->input_end < sizeof(exchange->input));
	op = a10_recv(connection_fd(connection),
		      exchange->input + exchange->input_end,
		      sizeof(exchange->input) - exchange->input_end, 0);
	op = a10_deadline(op, connection_deadline(connection));
	got = connection_await(connection, op);
	if (got > 0)
		exchange->input_end += (size_t)got;
	return got;
}

static void parse(struct exchange *exchange)
{
	request_parse(&exchange->request, unread(exchange),
		      count_unread(exchange));
}

/* The rest of a head that has begun. false: the client is gone. */
static bool read_head(struct connection *connection)
{
	struct request *request = &connection->exchange->request;

	while (request->progress != REQUEST_COMPLETE) {
		const ssize_t got = receive(connection);

		/* It was moved since, and its first line will be logged. */
		parse(connection->exchange);
		if (got == -ETIME) {
			connection->server->stats.request_timeouts++;
			request->broken = true;
			request->keep_alive = false;
			request->status = 408;
			return true;
		}
		if (got <= 0)
			return false;
	}
	return true;
}

/* ---- the end of a request ----------------------------------------------- */

/*
 * To close a socket with something unread in it is to reset the connection, and
 * then the client may lose the response it has not read yet. So where more may
 * come, the connection is only shut, and drained for a while.
 */
static void linger(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	connection->deadline = a10_now() + LINGER_TIMEOUT;
	if (shutdown(connection->socket, SHUT_WR) < 0)
		return;
	do {
		exchange->input_start = 0;
		exchange->input_end = 0;
	} while (receive(connection) > 0);
}

/* Of the request's body. false: there is no next request behind it. */
static bool skip_upload(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	connection->deadline = 0;
	for (;;) {
		const ssize_t skipped =
			upload_skip(&exchange->upload, unread(exchange),
				    count_unread(exchange));

		if (skipped < 0) {
			/* The answer is out, and may not be read yet. */
			linger(connection);
			return false;
		}
		exchange->input_start += (size_t)skipped;
		if (exchange->upload.state == UPLOAD_OVER)
			return true;
		if (receive(connection) <= 0)
			return false;
	}
}

/* The answer is out. false: that was the last. */
static bool finish_request(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct request *request = &exchange->request;
	const bool has_upload = exchange->upload.state != UPLOAD_OVER;

	server_note(connection->server, exchange);
	if (!exchange->keep_alive || connection->server->stopping) {
		if (request->keep_alive || request->broken || has_upload ||
		    count_unread(exchange) > 0)
			linger(connection);
		return false;
	}
	return !has_upload || skip_upload(connection);
}

/* ---- in a task ---------------------------------------------------------- */

static void await_request(struct connection *connection);
static void on_sent(void *data, const struct a10_result *r);

static void connection_free(struct connection *connection)
{
	a10_buf_release(connection->first);
	server_give_exchange(connection->server, connection->exchange);
	close(connection->socket);
	server_remove(connection->server);
	free(connection);
}

/* All but the end, which is in the output. false: there is no answer. */
static bool answer(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct request *request = &exchange->request;
	int status;

	connection->blanks = 0;
	connection->deadline = 0;
	if (!read_head(connection))
		return false;
	if (request->progress == REQUEST_COMPLETE) {
		exchange->input_start += request->head_length;
		exchange->asked_at = server_clock(connection->server);
		upload_init(&exchange->upload, request);
	}
	status = request->status;
	if (status == 200)
		status = lookup(connection);
	/* One that was broken off by then is not to be counted. */
	return !a10_task_cancelled() && transfer_prepare(connection, status) &&
	       transfer_send(connection);
}

/* false: nothing more can be done now; it waits in an operation, or is gone. */
static bool begin_answer(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	exchange->request.blanks = connection->blanks;
	parse(exchange);
	if (exchange->request.progress == REQUEST_NONE) {
		/* An empty line, which is as good as nothing, if not often. */
		connection->blanks += (uint32_t)count_unread(exchange);
		await_request(connection);
		return false;
	}
	if (!answer(connection)) {
		connection_free(connection);
		return false;
	}
	if (exchange->output_start == exchange->output_end)
		return true;
	connection->sending = true;
	if (a10_scope_submit(&connection->server->busy,
			     transfer_end(connection), on_sent, connection) < 0)
		connection_free(connection);
	return false;
}

/* It is out, as far as connection.sent says. false: the same. */
static bool end_answer(struct connection *connection)
{
	const bool out = !connection->sending ||
			 transfer_finish(connection, connection->sent);

	connection->sending = false;
	if (!out || !finish_request(connection)) {
		connection_free(connection);
		return false;
	}
	if (count_unread(connection->exchange) == 0) {
		await_request(connection);
		return false;
	}
	exchange_reset(connection->exchange);
	return true;
}

/* What is in a buffer that others need too. false: no memory. */
static bool take_first(struct connection *connection)
{
	const struct a10_buf first = connection->first;
	struct exchange *exchange = server_take_exchange(connection->server);

	connection->exchange = exchange;
	if (!exchange)
		return false;
	assert(first.length <= sizeof(exchange->input));
	memcpy(exchange->input, first.data, first.length);
	exchange->input_end = first.length;
	a10_buf_release(first);
	connection->first = (struct a10_buf){ 0 };
	server_name_peer(connection->server, connection->socket, exchange);
	return true;
}

static void serve(struct connection *connection)
{
	bool more = connection->sending;

	if (!more && !take_first(connection))
		connection_free(connection);
	else if (!more)
		more = begin_answer(connection);
	while (more)
		more = end_answer(connection) && begin_answer(connection);
}

/* ---- which task --------------------------------------------------------- */

static struct connection *take_ready(struct server *server)
{
	struct connection *connection = server->ready;

	if (connection)
		server->ready = connection->next;
	return connection;
}

/* A task: all that can go on, one after the other. */
static int serve_ready(void *data)
{
	struct server *server = (struct server *)data;
	struct connection *connection;

	while ((connection = take_ready(server)))
		serve(connection);
	server->has_task = false;
	return 0;
}

/* Sees to it that there is a task for them, which does not wait. */
static void spawn_for_ready(struct server *server)
{
	struct connection *connection;

	if (!server->ready || server->has_task)
		return;
	if (a10_scope_spawn(&server->busy, serve_ready, server, 0) > 0) {
		server->has_task = true;
		return;
	}
	while ((connection = take_ready(server)))
		connection_free(connection);
}

static void go_on(struct connection *connection)
{
	struct server *server = connection->server;

	connection->next = NULL;
	if (!server->ready)
		server->ready_link = &server->ready;
	*server->ready_link = connection;
	server->ready_link = &connection->next;
	spawn_for_ready(server);
}

void connection_will_wait(struct connection *connection)
{
	connection->server->has_task = false;
	spawn_for_ready(connection->server);
}

ssize_t connection_await(struct connection *connection, struct a10_op op)
{
	connection_will_wait(connection);
	return a10_await(op);
}

/* ---- in callbacks ------------------------------------------------------- */

static void on_sent(void *data, const struct a10_result *r)
{
	struct connection *connection = (struct connection *)data;

	connection->sent = r->value;
	go_on(connection);
}

static void on_first(void *data, const struct a10_result *r)
{
	struct connection *connection = (struct connection *)data;

	if (r->value == -ETIME)
		connection->server->stats.idle_timeouts++;
	connection->first = r->buf;
	if (r->value > 0)
		go_on(connection);
	else
		connection_free(connection);
}

/* When the server stops, this ends at once. */
static void await_request(struct connection *connection)
{
	struct server *server = connection->server;
	const struct a10_op op =
		a10_recv_pooled(connection_fd(connection), server->pool, 0);

	server_give_exchange(server, connection->exchange);
	connection->exchange = NULL;
	if (a10_scope_submit(&server->idle,
			     a10_timeout(op, server->settings.idle_timeout_ns),
			     on_first, connection) < 0)
		connection_free(connection);
}

void connection_create(struct server *server, int socket)
{
	struct connection *connection =
		(struct connection *)calloc(1, sizeof(*connection));

	if (!connection) {
		close(socket);
		crowd_give_place(server);
		return;
	}
	connection->server = server;
	connection->socket = socket;
	server_add(server);
	await_request(connection);
}
