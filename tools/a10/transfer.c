/*
 * Head and body go through the connection's output buffer, piece by piece, the
 * head with the first piece: what is small enough is one send. The next piece
 * is read when the one before is sent: a slow client costs no more than that.
 */
#include "transfer.h"

#include "connection.h"
#include "mime.h"
#include "response.h"
#include "server.h"

#include <assert.h>

static void fill(struct connection *connection);

static void body_drop(struct body *body)
{
	a10_fd_release(body->file);
	text_finish(&body->text);
	memset(body, 0, sizeof(*body));
}

static void on_sent(struct connection *connection, const struct a10_result *r)
{
	struct body *body = &connection->body;

	if (r->value < 0) {
		connection_close(connection);
		return;
	}
	connection->output_length = 0;
	if (body->left > 0) {
		fill(connection);
		return;
	}
	body_drop(body);
	connection_answered(connection);
}

static void send_output(struct connection *connection)
{
	struct a10_op op = a10_send(connection->socket, connection->output,
				    connection->output_length, 0);

	op = a10_timeout(a10_all(op),
			 connection->server->settings.send_timeout_ns);
	connection_submit(connection, op, on_sent);
}

static void body_advance(struct connection *connection, size_t length)
{
	struct body *body = &connection->body;

	assert(length <= body->left);
	connection->output_length += length;
	body->offset += length;
	body->left -= length;
}

static void on_read(struct connection *connection, const struct a10_result *r)
{
	/* Shorter than was promised: the client can only be told by the end. */
	if (r->value <= 0) {
		connection_close(connection);
		return;
	}
	body_advance(connection, (size_t)r->value);
	send_output(connection);
}

/* The next piece of the body, behind what is in the output already. */
static void fill(struct connection *connection)
{
	const struct body *body = &connection->body;
	char *end = connection->output + connection->output_length;
	const size_t room =
		sizeof(connection->output) - connection->output_length;
	const size_t length = body->left < room ? (size_t)body->left : room;

	if (length == 0) {
		send_output(connection);
	} else if (a10_fd_valid(body->file)) {
		connection_submit(connection,
				  a10_pread(body->file, end, length,
					    body->offset),
				  on_read);
	} else {
		memcpy(end, body->text.data + body->offset, length);
		body_advance(connection, length);
		send_output(connection);
	}
}

/* Completes the response, and sends it with the body that is there. */
static void transfer_start(struct connection *connection,
			   struct response *response)
{
	const struct request *request = &connection->request;
	struct text head;

	connection_move(connection, CONNECTION_SENDING);
	connection->keep_alive = request->keep_alive && !request->broken &&
				 !connection->server->stopping;
	response->keep_alive = connection->keep_alive;
	response->old_client = request->parser.http_minor == 0;
	response->date = server_date(connection->server);
	response->length = connection->body.left;

	text_init_fixed(&head, connection->output, sizeof(connection->output));
	response_add_head(&head, response);
	assert(!head.failed);
	connection->output_length = head.length;
	if (request->head_only)
		connection->body.left = 0;
	fill(connection);
}

void transfer_file(struct connection *connection)
{
	const struct statx *status = &connection->status;
	struct response response = {
		.status = 200,
		.type = mime_type(connection->path.name),
		.modified = (time_t)status->stx_mtime.tv_sec,
		.has_modified = true,
	};

	connection->body.left = status->stx_size;
	transfer_start(connection, &response);
}

/* With an address to go to, or NULL. */
static void transfer_text(struct connection *connection, int status,
			  const char *location)
{
	struct body *body = &connection->body;
	struct response response = {
		.status = status,
		.type = "text/html; charset=utf-8",
		.location = location,
	};

	a10_fd_release(body->file);
	body->file = A10_NO_FD;
	if (body->text.failed) {
		connection_close(connection);
		return;
	}
	body->left = body->text.length;
	transfer_start(connection, &response);
}

void transfer_page(struct connection *connection, int status)
{
	transfer_text(connection, status, NULL);
}

void transfer_error(struct connection *connection, int status)
{
	text_finish(&connection->body.text);
	response_add_page(&connection->body.text, status);
	transfer_text(connection, status, NULL);
}

void transfer_redirect(struct connection *connection)
{
	const struct request *request = &connection->request;
	struct text location = { 0 };

	response_add_location(&location, connection->path.name,
			      request->url + request->query_offset,
			      request->query_length);
	response_add_page(&connection->body.text, 301);
	if (location.failed)
		connection_close(connection);
	else
		transfer_text(connection, 301, location.data);
	text_finish(&location);
}
