#include "request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	METHOD_MAX = 32,
	VERSION_LENGTH = 8, /* "HTTP/1.1" */
	BLANKS_MAX = 4,     /* bytes of empty lines before a request */
};

/* Those of which we know that they are methods, and do not do. */
static const char *const methods[] = {
	"POST",     "PUT",       "DELETE", "OPTIONS", "CONNECT",
	"TRACE",    "PATCH",     "COPY",   "MOVE",    "MKCOL",
	"PROPFIND", "PROPPATCH", "LOCK",   "UNLOCK",  "SEARCH",
};

/* In the order of enum field. */
static const char *const field_names[FIELD_COUNT] = {
	"Accept-Encoding",
	"Connection",
	"Content-Length",
	"Expect",
	"Host",
	"If-Match",
	"If-Modified-Since",
	"If-None-Match",
	"If-Range",
	"If-Unmodified-Since",
	"Range",
	"Transfer-Encoding",
};

void request_init(struct request *request)
{
	/* The fields themselves are most of it, and counted. */
	memset(request, 0, offsetof(struct request, fields));
	request->progress = REQUEST_NONE;
	request->status = 200;
	request->line = view_of("");
}

/* ---- a verdict ---------------------------------------------------------- */

/* The first one stands. */
static void refuse(struct request *request, int status)
{
	if (request->status == 200)
		request->status = status;
}

/* Where the next request begins is not known then. */
static void refuse_broken(struct request *request, int status)
{
	request->status = status;
	request->broken = true;
	request->keep_alive = false;
	request->progress = REQUEST_COMPLETE;
}

/* ---- the first line ----------------------------------------------------- */

static bool is_known_method(struct view method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (method.length == strlen(methods[i]) &&
		    memcmp(method.at, methods[i], method.length) == 0)
			return true;
	}
	return false;
}

static void judge_method(struct request *request)
{
	const struct view method = request->method;

	if (method.length == 3 && memcmp(method.at, "GET", 3) == 0)
		return;
	if (method.length == 4 && memcmp(method.at, "HEAD", 4) == 0) {
		request->head_only = true;
		return;
	}
	refuse(request, is_known_method(method) ? 405 : 501);
	/* After CONNECT comes what is no HTTP. */
	if (view_is(method, "CONNECT"))
		request->broken = true;
}

/* "http://host" taken off, if it is there; what is left may be empty. */
static struct view without_host(struct view target)
{
	size_t scheme = 0;
	const char *slash;

	if (target.length >= 7 && strncasecmp(target.at, "http://", 7) == 0)
		scheme = 7;
	else if (target.length >= 8 &&
		 strncasecmp(target.at, "https://", 8) == 0)
		scheme = 8;
	if (scheme == 0)
		return target;
	target.at += scheme;
	target.length -= scheme;
	slash = target.at;
	while (target.length > 0 && !strchr("/?#", *slash)) {
		slash++;
		target.length--;
	}
	target.at = slash;
	return target;
}

/* The path and the query of it; what is behind a # is nobody's business. */
static void split_target(struct request *request, struct view target)
{
	const char *mark;

	target = without_host(target);
	mark = (const char *)memchr(target.at, '#', target.length);
	if (mark)
		target.length = (size_t)(mark - target.at);
	mark = (const char *)memchr(target.at, '?', target.length);
	if (mark) {
		request->query.at = mark + 1;
		request->query.length =
			target.length - (size_t)(mark + 1 - target.at);
		target.length = (size_t)(mark - target.at);
	}
	request->path = target.length > 0 ? target : view_of("/");
}

static bool has_controls(struct view view, bool tabs_too)
{
	for (size_t i = 0; i < view.length; i++) {
		const unsigned char byte = (unsigned char)view.at[i];

		if ((byte < ' ' && (byte != '\t' || tabs_too)) || byte == 0x7f)
			return true;
	}
	return false;
}

/* 0, or the status that says what is wrong with it. */
static int parse_version(struct request *request, struct view version)
{
	if (version.length < 5 || memcmp(version.at, "HTTP/", 5) != 0)
		return 400;
	if (version.length != VERSION_LENGTH || version.at[6] != '.')
		return 505;
	if (version.at[5] != '1' || version.at[7] < '0' || version.at[7] > '9')
		return 505;
	request->old = version.at[7] == '0';
	return 0;
}

static void parse_first_line(struct request *request, struct view line)
{
	const char *end = line.at + line.length;
	const char *first;
	const char *last;
	struct view version;
	struct view target;
	int status;

	request->line = line;
	first = (const char *)memchr(line.at, ' ', line.length);
	last = (const char *)memrchr(line.at, ' ', line.length);
	request->method.at = line.at;
	request->method.length = first ? (size_t)(first - line.at) : 0;
	if (!first || !view_is_token(request->method)) {
		refuse_broken(request, 400);
		return;
	}
	version.at = last + 1;
	version.length = (size_t)(end - version.at);
	/* "GET /" was HTTP/0.9; "GET HTTP/1.1" lacks what is asked for. */
	if (first == last) {
		status = parse_version(request, version);
		refuse_broken(request, status == 0 ? 400 : 505);
		return;
	}
	target.at = first + 1;
	target.length = (size_t)(last - target.at);
	if (target.length > TARGET_MAX) {
		refuse_broken(request, 414);
		return;
	}
	status = parse_version(request, version);
	if (status == 0 && (target.length == 0 || has_controls(target, true) ||
			    memchr(target.at, ' ', target.length)))
		status = 400;
	if (status != 0) {
		refuse_broken(request, status);
		return;
	}
	request->target = target;
	judge_method(request);
	split_target(request, target);
}

/* ---- fields ------------------------------------------------------------- */

static enum field field_find(struct view name)
{
	int field = 0;

	while (field < FIELD_COUNT && !view_is(name, field_names[field]))
		field++;
	return (enum field)field;
}

/* 0, or the status that says what is wrong with it. */
static int parse_field(struct request *request, struct view line)
{
	const char *colon = (const char *)memchr(line.at, ':', line.length);
	struct view name = line;
	struct view value;
	enum field field;

	if (!colon)
		return 400;
	/* No space in front: a folded line; behind: a trap for proxies. */
	name.length = (size_t)(colon - line.at);
	value.at = colon + 1;
	value.length = line.length - name.length - 1;
	if (!view_is_token(name) || has_controls(value, false))
		return 400;
	field = field_find(name);
	if (field == FIELD_COUNT)
		return 0;
	if (request->field_count == FIELDS_MAX)
		return 431;
	request->fields[request->field_count].field = field;
	request->fields[request->field_count++].value = view_trimmed(value);
	return 0;
}

bool request_field(const struct request *request, enum field field,
		   uint32_t *at, struct view *ret_value)
{
	while (*at < request->field_count) {
		const uint32_t i = (*at)++;

		if (request->fields[i].field == field) {
			*ret_value = request->fields[i].value;
			return true;
		}
	}
	return false;
}

static uint32_t count_fields(const struct request *request, enum field field,
			     struct view *ret_first)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < request->field_count; i++) {
		if (request->fields[i].field == field && count++ == 0)
			*ret_first = request->fields[i].value;
	}
	return count;
}

bool request_only(const struct request *request, enum field field,
		  struct view *ret_value)
{
	return count_fields(request, field, ret_value) == 1;
}

/* ---- what the fields say ------------------------------------------------ */

/* Whether one of the list's words is that. */
static bool has_word(const struct request *request, enum field field,
		     const char *word)
{
	struct view value;
	struct view piece;
	uint32_t at = 0;

	while (request_field(request, field, &at, &value)) {
		while (view_take(&value, ',', &piece)) {
			if (view_is(piece, word))
				return true;
		}
	}
	return false;
}

static bool is_host(struct view host)
{
	for (size_t i = 0; i < host.length; i++) {
		const unsigned char byte = (unsigned char)host.at[i];

		if (byte <= ' ' || byte >= 0x7f || strchr("/\\?#@<>\"", byte))
			return false;
	}
	return true;
}

/* One, which may be empty; before HTTP/1.1 none will do. */
static void judge_host(struct request *request)
{
	struct view host = { NULL, 0 };
	const uint32_t count = count_fields(request, FIELD_HOST, &host);

	if (count > 1 || (count == 0 && !request->old) ||
	    (count == 1 && !is_host(host)))
		refuse(request, 400);
}

/* Several that say the same are one. false: it is not said how long it is. */
static bool parse_length(struct request *request)
{
	struct view value;
	struct view piece;
	uint64_t length = 0;
	bool first = true;
	uint32_t at = 0;

	while (request_field(request, FIELD_CONTENT_LENGTH, &at, &value)) {
		while (view_take(&value, ',', &piece)) {
			if (view_number(piece, &length) < 0 ||
			    (!first && length != request->upload_length))
				return false;
			request->upload_length = length;
			first = false;
		}
	}
	return true;
}

static void judge_upload(struct request *request)
{
	struct view value;
	const bool has_length =
		count_fields(request, FIELD_CONTENT_LENGTH, &value) > 0;
	const bool has_encoding =
		count_fields(request, FIELD_TRANSFER_ENCODING, &value) > 0;

	/* Both: two readers of it could disagree where it ends. */
	if ((has_length && has_encoding) || (has_encoding && request->old) ||
	    !parse_length(request)) {
		refuse_broken(request, 400);
		return;
	}
	if (has_encoding) {
		if (!request_only(request, FIELD_TRANSFER_ENCODING, &value) ||
		    !view_is(value, "chunked")) {
			refuse_broken(request, 501);
			return;
		}
		request->upload = UPLOAD_CHUNKED;
	} else if (request->upload_length > 0) {
		request->upload = UPLOAD_LENGTH;
	}
	if (request->upload_length > UPLOAD_MAX) {
		refuse(request, 413);
		request->broken = true;
	}
}

static void judge_expect(struct request *request)
{
	struct view value;
	uint32_t at = 0;

	while (request_field(request, FIELD_EXPECT, &at, &value)) {
		if (!view_is(value, "100-continue"))
			refuse(request, 417);
		/* What is behind the answer is the body, or it is not. */
		if (request->upload != UPLOAD_NONE)
			request->broken = true;
	}
}

static void judge(struct request *request)
{
	judge_host(request);
	judge_upload(request);
	judge_expect(request);
	request->keep_alive =
		!request->broken &&
		!has_word(request, FIELD_CONNECTION, "close") &&
		(!request->old ||
		 has_word(request, FIELD_CONNECTION, "keep-alive"));
}

/* ---- the whole ---------------------------------------------------------- */

static void parse_head(struct request *request, struct view rest)
{
	struct view line = view_take_line(&rest);
	uint32_t lines = 0;
	int status = 0;

	request->progress = REQUEST_COMPLETE;
	parse_first_line(request, line);
	if (request->broken && request->status != 405)
		return;
	line = view_take_line(&rest);
	while (status == 0 && line.length > 0) {
		status = lines++ == FIELD_LINES_MAX ?
				 431 :
				 parse_field(request, line);
		line = view_take_line(&rest);
	}
	if (status != 0)
		refuse_broken(request, status);
	else
		judge(request);
}

/*
 * What can be said before the end is there: of what is too long, and of what is
 * no HTTP at all, TLS for instance, whose client would wait for us.
 */
static void judge_partial(struct request *request, struct view rest)
{
	const char *newline = (const char *)memchr(rest.at, '\n', rest.length);
	const char *space = (const char *)memchr(rest.at, ' ', rest.length);
	struct view method = rest;

	if (newline)
		method.length = (size_t)(newline - rest.at);
	request->line.at = rest.at;
	request->line.length = method.length;
	if (newline && newline > rest.at && newline[-1] == '\r')
		request->line.length--;
	if (space && space < rest.at + method.length)
		method.length = (size_t)(space - rest.at);
	else if (newline)
		method.length = 0; /* a line without a space */
	if (method.length > METHOD_MAX || !view_is_token(method))
		refuse_broken(request, 400);
	else if (request->line.length > TARGET_MAX + METHOD_MAX + 16)
		refuse_broken(request, 414);
	else if (rest.length >= HEAD_MAX)
		refuse_broken(request, newline ? 431 : 414);
}

void request_parse(struct request *request, const char *bytes, size_t length)
{
	size_t blanks = 0;
	struct view head;

	/* An empty line that some clients send behind a body. */
	while (blanks < length &&
	       (bytes[blanks] == '\r' || bytes[blanks] == '\n'))
		blanks++;
	if (blanks == length && request->blanks + blanks <= BLANKS_MAX)
		return;
	if (request->blanks + blanks > BLANKS_MAX) {
		refuse_broken(request, 400);
		return;
	}
	if (request->searched < blanks)
		request->searched = blanks;
	request->progress = REQUEST_PARTIAL;
	request->head_length = view_head_end((struct view){ bytes, length },
					     &request->searched);
	head.at = bytes + blanks;
	head.length =
		(request->head_length > 0 ? request->head_length : length) -
		blanks;
	if (head.length > HEAD_MAX || request->head_length == 0)
		judge_partial(request, head);
	else
		parse_head(request, head);
}
