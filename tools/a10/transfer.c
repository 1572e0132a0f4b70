/*
 * How a response goes out. Head, pages, small files and the heads of parts are
 * put together in the output buffer; what of a file is longer than COPY_MAX
 * goes from the kernel's memory to the socket, by sendfile(2). Nothing here
 * waits: what the socket does not take makes the connection wait until it does,
 * what of a file is not in memory is read by the ring, into the output buffer.
 *
 * The end of a response is sent by the ring, together with those of all other
 * connections that are at theirs: one system call for many, and measured 4 %
 * less time for each. What something follows goes out at once.
 *
 *   fill ---> output ---> the end: submit_output ---> on_sent: answered
 *     ^ \        \                                       |
 *     |  \        +---> something follows: push_output   | the socket is full,
 *     |   \                                    |         | or others' turn
 *     |    +---> a long piece of a file: send_file       v
 *     |    |                                    +---> on_writable, on_paused
 *     |    +---> not in memory ---> on_read               |
 *     +-----------------------+---------------------------+
 */
#include "transfer.h"

#include "condition.h"
#include "connection.h"
#include "mime.h"
#include "server.h"

#include <assert.h>
#include <limits.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
	COPY_MAX = 32 * 1024,   /* of a file by way of the output buffer  */
	SEND_MAX = 1024 * 1024, /* of a file before others have their turn */
	PART_ROOM = 512,        /* for the head of a part                  */
};

/* Besides the two there are names of headers and three numbers. */
static_assert(TYPE_MAX + BOUNDARY_SIZE + 150 <= PART_ROOM,
	      "the head of a part has room");

#define PAUSE (50 * A10_MILLISECOND) /* before a socket is looked at again */

static void proceed(struct connection *connection);

/* ---- what is sent ------------------------------------------------------- */

static size_t room_of(const struct exchange *exchange)
{
	return sizeof(exchange->output) - exchange->output_end;
}

static void body_advance(struct exchange *exchange, size_t length)
{
	struct body *body = &exchange->body;

	assert(length <= body->left);
	body->offset += length;
	body->left -= length;
}

/* The next part of several, or what ends them. false: there is none. */
static bool begin_part(struct exchange *exchange)
{
	struct body *body = &exchange->body;
	const struct range *range = NULL;
	struct text text;

	if (!body->multipart)
		return false;
	if (body->part < body->ranges.count) {
		range = &body->ranges.at[body->part++];
		body->offset = range->offset;
		body->left = range->length;
	} else {
		body->multipart = false;
	}
	text_init_fixed(&text, exchange->output + exchange->output_end,
			room_of(exchange));
	response_add_part(&text, &exchange->response, range);
	assert(!text.failed);
	exchange->output_end += text.length;
	return true;
}

static void copy_text(struct exchange *exchange)
{
	const struct body *body = &exchange->body;
	const size_t room = room_of(exchange);
	const size_t length = body->left < room ? (size_t)body->left : room;

	memcpy(exchange->output + exchange->output_end,
	       body->text.data + body->offset, length);
	exchange->output_end += length;
	body_advance(exchange, length);
}

/* ---- waiting ------------------------------------------------------------ */

/* Bytes that the client has not taken; more than any if that is not known. */
static int count_queued(const struct connection *connection)
{
	int queued = 0;

	if (ioctl(connection->socket, SIOCOUTQ, &queued) < 0)
		return INT_MAX;
	return queued;
}

static bool is_taken(const struct connection *connection)
{
	return count_queued(connection) < connection->exchange->queued;
}

/*
 * The time for that runs from the last byte that the client was seen to take.
 * A socket tells that it is writable when a good part of its buffer is free,
 * which with a slow reader takes long; so what counts, too, is whether the
 * buffer has become emptier. false: the time is over.
 */
static bool has_time(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const int queued = count_queued(connection);
	const int64_t now = a10_now();

	if (!exchange->waits || queued < exchange->queued)
		connection->deadline =
			now + connection->server->settings.send_timeout_ns;
	exchange->waits = true;
	exchange->queued = queued;
	return now < connection->deadline;
}

static void give_up(struct connection *connection)
{
	connection->server->stats.send_timeouts++;
	connection_close(connection);
}

static void on_writable(struct connection *connection,
			const struct a10_result *r);
static void on_paused(struct connection *connection,
		      const struct a10_result *r);

static void await_writable(struct connection *connection)
{
	const struct a10_op op =
		a10_poll(a10_fd_regular(connection->socket), POLLOUT);

	if (has_time(connection))
		connection_submit(connection,
				  a10_deadline(op, connection->deadline),
				  on_writable);
	else
		give_up(connection);
}

/* Where a poll would end at once, and tell nothing. */
static void pause_writing(struct connection *connection)
{
	if (has_time(connection))
		connection_submit(connection, a10_after(PAUSE), on_paused);
	else
		give_up(connection);
}

static bool is_writable(const struct connection *connection)
{
	struct pollfd poll_fd = { .fd = connection->socket, .events = POLLOUT };

	return poll(&poll_fd, 1, 0) > 0;
}

static void on_paused(struct connection *connection, const struct a10_result *r)
{
	(void)r;
	if (is_writable(connection))
		proceed(connection);
	else
		pause_writing(connection);
}

static void on_writable(struct connection *connection,
			const struct a10_result *r)
{
	if (r->value == -ETIME && is_taken(connection))
		await_writable(connection);
	else if (r->value == -ETIME)
		give_up(connection);
	else if (r->value < 0)
		connection_close(connection);
	else if ((r->value & (POLLOUT | POLLERR | POLLHUP)) != 0)
		proceed(connection);
	else
		pause_writing(connection); /* the client has shut its side */
}

/* The socket took that much, or none of it: -errno. */
static bool note_sent(struct connection *connection, ssize_t sent)
{
	struct exchange *exchange = connection->exchange;

	if (sent > 0) {
		exchange->sent += (uint64_t)sent;
		exchange->waits = false;
		return true;
	}
	if (sent == -EAGAIN)
		await_writable(connection);
	else
		connection_close(connection);
	return false;
}

/* ---- sending ------------------------------------------------------------ */

/* Takes off what was sent; or waits, or ends. false: nothing was. */
static bool output_sent(struct connection *connection, ssize_t sent)
{
	struct exchange *exchange = connection->exchange;

	if (!note_sent(connection, sent))
		return false;
	exchange->output_start += (size_t)sent;
	if (exchange->output_start == exchange->output_end) {
		exchange->output_start = 0;
		exchange->output_end = 0;
	}
	return true;
}

/* All that is in the output, which something follows. false: not now. */
static bool push_output(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	while (exchange->output_start < exchange->output_end) {
		const ssize_t sent =
			send(connection->socket,
			     exchange->output + exchange->output_start,
			     exchange->output_end - exchange->output_start,
			     MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);

		if (!output_sent(connection, sent < 0 ? -errno : sent))
			return false;
	}
	return true;
}

static void on_sent(struct connection *connection, const struct a10_result *r)
{
	if (output_sent(connection, r->value))
		proceed(connection);
}

/* All that is in the output, which is the end. */
static void submit_output(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	connection_submit(
		connection,
		a10_send(a10_fd_regular(connection->socket),
			 exchange->output + exchange->output_start,
			 exchange->output_end - exchange->output_start,
			 MSG_DONTWAIT),
		on_sent);
}

/* Behind what is in the output. The client was promised what is missing. */
static void on_read(struct connection *connection, const struct a10_result *r)
{
	struct exchange *exchange = connection->exchange;

	if (r->value <= 0) {
		connection_close(connection);
		return;
	}
	exchange->output_end += (size_t)r->value;
	body_advance(exchange, (size_t)r->value);
	proceed(connection);
}

/* As much as there is room for. false: not now. */
static bool read_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct body *body = &exchange->body;
	char *end = exchange->output + exchange->output_end;
	const size_t room = room_of(exchange);
	const size_t length = body->left < room ? (size_t)body->left : room;
	const ssize_t got = file_read(&body->file, end, length, body->offset);

	if (got > 0) {
		exchange->output_end += (size_t)got;
		body_advance(exchange, (size_t)got);
		return true;
	}
	if (got == -EAGAIN && file_let_wait(&body->file) == 0)
		connection_submit(connection,
				  a10_pread(a10_fd_regular(body->file.fd), end,
					    length, body->offset),
				  on_read);
	else
		connection_close(connection); /* as on_read */
	return false;
}

/* A long piece, past the output, which is empty. false: not now. */
static bool send_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct body *body = &exchange->body;
	const size_t length =
		body->left < SEND_MAX ? (size_t)body->left : SEND_MAX;
	ssize_t sent;

	if (!file_is_cached(&body->file, body->offset, length))
		return read_file(connection);
	sent = file_send(connection->socket, &body->file, length, body->offset);
	if (sent == -EINVAL || sent == -ENOSYS) {
		exchange->no_sendfile = true;
		return true;
	}
	if (!note_sent(connection, sent))
		return false;
	body_advance(exchange, (size_t)sent);
	if (body->left == 0)
		return true;
	/* Full, or others have their turn. */
	await_writable(connection);
	return false;
}

/* The next piece into the output, or out. false: not now. */
static bool fill(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const struct body *body = &exchange->body;

	if (body->left == 0)
		return true;
	if (body->file.fd < 0) {
		copy_text(exchange);
		return true;
	}
	if (body->left <= COPY_MAX || exchange->no_sendfile)
		return read_file(connection);
	return push_output(connection) && send_file(connection);
}

static void proceed(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	while (exchange->body.left > 0 || exchange->body.multipart) {
		if (room_of(exchange) < PART_ROOM && !push_output(connection))
			return;
		if (exchange->body.left == 0)
			begin_part(exchange);
		if (!fill(connection))
			return;
	}
	if (exchange->output_start < exchange->output_end)
		submit_output(connection);
	else
		connection_answered(connection);
}

/* ---- responses ---------------------------------------------------------- */

/* Completes the response, and sends it with the body that is there. */
static void transfer_start(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct response *response = &exchange->response;
	const struct request *request = &exchange->request;
	struct text head;

	connection_move(connection, CONNECTION_SENDING);
	exchange->keep_alive = request->keep_alive && !request->broken &&
			       !connection->server->stopping;
	response->keep_alive = exchange->keep_alive;
	response->old_client = request->old;
	response->date = server_date(connection->server);

	text_init_fixed(&head, exchange->output, sizeof(exchange->output));
	response_add_head(&head, response);
	assert(!head.failed);
	/* What is not needed any more, and will not be there. */
	response->validator = NULL;
	response->location = NULL;
	exchange->output_end = head.length;
	exchange->head_sent = head.length;
	exchange->began_at = server_clock(connection->server);
	if (request->head_only || response->status == 304) {
		exchange->body.left = 0;
		exchange->body.multipart = false;
	}
	proceed(connection);
}

/* What is in body.text. */
static void transfer_text(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct body *body = &exchange->body;

	file_close(&body->file);
	if (body->text.failed) {
		connection_close(connection);
		return;
	}
	body->offset = 0;
	body->left = body->text.length;
	exchange->response.length = body->left;
	transfer_start(connection);
}

void transfer_page(struct connection *connection, const char *type)
{
	connection->exchange->response.status = 200;
	connection->exchange->response.type = type;
	transfer_text(connection);
}

void transfer_error(struct connection *connection, int status)
{
	struct exchange *exchange = connection->exchange;
	const struct response response = {
		.status = status,
		.type = TYPE_HTML,
		.size = exchange->response.size,
		.location = exchange->response.location,
	};

	text_finish(&exchange->body.text);
	response_add_page(&exchange->body.text, status);
	exchange->response = response;
	transfer_text(connection);
}

void transfer_redirect(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct text location = { 0 };

	response_add_location(&location, exchange->path.name,
			      exchange->request.query);
	if (location.failed) {
		connection_close(connection);
	} else {
		exchange->response.location = location.data;
		transfer_error(connection, 301);
	}
	text_finish(&location);
}

/* ---- files -------------------------------------------------------------- */

/* So long that nobody can put it into a file in advance. */
static void choose_boundary(char ret_boundary[BOUNDARY_SIZE])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char random[BOUNDARY_SIZE - 1] = { 0 };

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) < 0)
		memset(random, 0, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		ret_boundary[i] = letters[random[i] & 31];
	ret_boundary[sizeof(random)] = '\0';
}

/* How long several parts are with all that is around them. */
static uint64_t measure_parts(const struct response *response,
			      const struct ranges *ranges)
{
	char data[PART_ROOM];
	uint64_t length = 0;
	struct text text;

	for (uint32_t i = 0; i <= ranges->count; i++) {
		const bool last = i == ranges->count;

		text_init_fixed(&text, data, sizeof(data));
		response_add_part(&text, response,
				  last ? NULL : &ranges->at[i]);
		assert(!text.failed);
		length += text.length + (last ? 0 : ranges->at[i].length);
	}
	return length;
}

/* Of a file that is there as a whole: the parts that are asked for. */
static void choose_parts(struct exchange *exchange)
{
	struct response *response = &exchange->response;
	struct body *body = &exchange->body;

	response->status = 206;
	body->part = 0;
	body->multipart = body->ranges.count > 1;
	if (body->multipart) {
		choose_boundary(body->boundary);
		response->boundary = body->boundary;
		response->length = measure_parts(response, &body->ranges);
		body->left = 0;
	} else {
		response->range = &body->ranges.at[0];
		response->length = response->range->length;
		body->offset = response->range->offset;
		body->left = response->length;
	}
}

static enum range_verdict judge_ranges(struct connection *connection,
				       const struct validator *validator)
{
	struct exchange *exchange = connection->exchange;
	const struct request *request = &exchange->request;
	struct view value;

	if (request->head_only || !request_only(request, FIELD_RANGE, &value) ||
	    !condition_allows_range(request, validator))
		return RANGE_WHOLE;
	return range_parse(value, exchange->response.size,
			   &exchange->body.ranges);
}

void transfer_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct response *response = &exchange->response;
	struct body *body = &exchange->body;
	const bool coded = exchange->coding < CODING_COUNT;
	enum range_verdict verdict;
	struct validator validator;

	validator_of(&exchange->status,
		     coded ? coding_suffixes[exchange->coding] : "", time(NULL),
		     &validator);
	body->file.in_memory =
		exchange->status.st_dev == connection->server->memory_device;
	body->offset = 0;
	body->left = (uint64_t)exchange->status.st_size;
	response->size = body->left;
	response->length = body->left;
	response->coding = coded ? coding_names[exchange->coding] : NULL;
	response->validator = &validator;
	response->is_file = true;
	response->status = condition_judge(&exchange->request, &validator);
	if (response->status == 412) {
		transfer_error(connection, 412);
		return;
	}
	if (response->status == 200) {
		verdict = judge_ranges(connection, &validator);
		if (verdict == RANGE_NONE) {
			transfer_error(connection, 416);
			return;
		}
		if (verdict == RANGE_SOME)
			choose_parts(exchange);
	}
	transfer_start(connection);
}
