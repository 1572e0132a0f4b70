/*
 * How a response goes out. Head, pages, small files and the heads of parts are
 * put together in the output buffer; what of a file is longer than COPY_MAX
 * goes from the kernel's memory to the socket, by sendfile(2). What the socket
 * does not take at once makes the task wait until it does; what of a file is
 * not in memory is read by the ring, into the output buffer.
 *
 * The end of a response is sent by the ring, together with those of all other
 * connections that are at theirs: one system call for many, and measured 4 %
 * less time for each. What something follows goes out at once.
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

/* The next part of several, or what ends them. */
static void begin_part(struct exchange *exchange)
{
	struct body *body = &exchange->body;
	const struct range *range = NULL;
	struct text text;

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

/*
 * The time for that runs from the last byte that the client was seen to take.
 * A socket tells that it is writable when a good part of its buffer is free,
 * which with a slow reader takes long; so what counts, too, is whether the
 * buffer has become emptier. false: the time is over.
 */
static bool has_time(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	const int64_t now = a10_now();
	int queued;

	/* Bytes that the client has not taken. */
	if (ioctl(connection->socket, SIOCOUTQ, &queued) < 0)
		queued = INT_MAX;
	if (!exchange->waits || queued < exchange->queued)
		connection->deadline =
			now + connection->server->settings.send_timeout_ns;
	exchange->waits = true;
	exchange->queued = queued;
	return now < connection->deadline;
}

/* Until the socket takes more. false: it will not. */
static bool await_writable(struct connection *connection)
{
	const struct a10_op op = a10_poll(connection_fd(connection), POLLOUT);

	while (has_time(connection)) {
		const ssize_t events = connection_await(
			connection, a10_deadline(op, connection->deadline));

		if (events == -ETIME)
			continue;
		if (events < 0)
			return false;
		if ((events & (POLLOUT | POLLERR | POLLHUP)) != 0)
			return true;
		/* The client has shut its side: it ends at once each time. */
		if (connection_await(connection, a10_after(PAUSE)) < 0)
			return false;
	}
	connection->server->stats.send_timeouts++;
	return false;
}

/* ---- sending ------------------------------------------------------------ */

static void note_sent(struct exchange *exchange, ssize_t sent)
{
	exchange->sent += (uint64_t)sent;
	exchange->waits = false;
}

/* Of what is in the output. false: it is over. */
static bool output_sent(struct connection *connection, ssize_t sent)
{
	struct exchange *exchange = connection->exchange;

	if (sent == -EAGAIN)
		return await_writable(connection);
	if (sent <= 0)
		return false;
	note_sent(exchange, sent);
	exchange->output_start += (size_t)sent;
	return true;
}

/* All that is in the output. flags: whether there is more. false: it is over. */
static bool empty_output(struct connection *connection, int flags)
{
	struct exchange *exchange = connection->exchange;

	while (exchange->output_start < exchange->output_end) {
		const ssize_t sent =
			send(connection->socket,
			     exchange->output + exchange->output_start,
			     exchange->output_end - exchange->output_start,
			     MSG_NOSIGNAL | MSG_DONTWAIT | flags);

		if (!output_sent(connection, sent < 0 ? -errno : sent))
			return false;
	}
	exchange->output_start = 0;
	exchange->output_end = 0;
	return true;
}

struct a10_op transfer_end(const struct connection *connection)
{
	const struct exchange *exchange = connection->exchange;

	return a10_send(connection_fd(connection),
			exchange->output + exchange->output_start,
			exchange->output_end - exchange->output_start,
			MSG_DONTWAIT);
}

bool transfer_finish(struct connection *connection, ssize_t sent)
{
	return output_sent(connection, sent) && empty_output(connection, 0);
}

/*
 * As much as there is room for, behind what is in the output. false: it is
 * over, since the client was promised what is missing.
 */
static bool read_file(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct body *body = &exchange->body;
	char *end = exchange->output + exchange->output_end;
	const size_t room = room_of(exchange);
	const size_t length = body->left < room ? (size_t)body->left : room;
	ssize_t got = file_read(&body->file, end, length, body->offset);

	if (got == -EAGAIN && file_let_wait(&body->file) == 0)
		got = connection_await(connection,
				       a10_pread(a10_fd_regular(body->file.fd),
						 end, length, body->offset));
	if (got <= 0)
		return false;
	exchange->output_end += (size_t)got;
	body_advance(exchange, (size_t)got);
	return true;
}

/* A long piece, past the output, which is empty. false: it is over. */
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
	if (sent > 0) {
		note_sent(exchange, sent);
		body_advance(exchange, (size_t)sent);
	} else if (sent != -EAGAIN) {
		return false;
	}
	/* Full, or others have their turn. */
	return body->left == 0 || await_writable(connection);
}

/* The next piece into the output, or out. false: it is over. */
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
	return empty_output(connection, MSG_MORE) && send_file(connection);
}

bool transfer_send(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	while (exchange->body.left > 0 || exchange->body.multipart) {
		if (room_of(exchange) < PART_ROOM &&
		    !empty_output(connection, MSG_MORE))
			return false;
		if (exchange->body.left == 0)
			begin_part(exchange);
		if (!fill(connection))
			return false;
	}
	return true;
}

/* ---- responses ---------------------------------------------------------- */

/* Completes the response to the body that is there. */
static void put_head(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct response *response = &exchange->response;
	const struct request *request = &exchange->request;
	struct text head;

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
}

/* What is in body.text. */
static bool put_text(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct body *body = &exchange->body;

	file_close(&body->file);
	if (body->text.failed)
		return false;
	body->offset = 0;
	body->left = body->text.length;
	exchange->response.length = body->left;
	put_head(connection);
	return true;
}

static bool put_page(struct connection *connection)
{
	connection->exchange->response.status = 200;
	return put_text(connection);
}

static bool put_error(struct connection *connection, int status)
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
	return put_text(connection);
}

static bool put_redirect(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct text location = { 0 };
	bool good;

	response_add_location(&location, exchange->path.name,
			      exchange->request.query);
	exchange->response.location = location.data;
	good = !location.failed && put_error(connection, 301);
	text_finish(&location);
	return good;
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

static bool put_file(struct connection *connection)
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
	if (response->status == 412)
		return put_error(connection, 412);
	if (response->status == 200) {
		verdict = judge_ranges(connection, &validator);
		if (verdict == RANGE_NONE)
			return put_error(connection, 416);
		if (verdict == RANGE_SOME)
			choose_parts(exchange);
	}
	put_head(connection);
	return true;
}

bool transfer_prepare(struct connection *connection, int status)
{
	if (status == 301)
		return put_redirect(connection);
	if (status != 200)
		return put_error(connection, status);
	if (connection->exchange->body.file.fd < 0)
		return put_page(connection);
	return put_file(connection);
}
