#include "request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static struct request *request_of(struct http_parser *parser)
{
	return (struct request *)parser->data;
}

static int on_begin(struct http_parser *parser)
{
	request_of(parser)->progress = REQUEST_PARTIAL;
	return 0;
}

static int on_url(struct http_parser *parser, const char *at, size_t length)
{
	struct request *request = request_of(parser);

	if (length > sizeof(request->url) - request->url_length)
		return -1;
	memcpy(request->url + request->url_length, at, length);
	request->url_length += (uint32_t)length;
	return 0;
}

/* May come in pieces; only as much is kept as tells "Host" from the others. */
static int on_field(struct http_parser *parser, const char *at, size_t length)
{
	struct request *request = request_of(parser);

	if (!request->in_field) {
		request->in_field = true;
		request->field_length = 0;
		request->field_count++;
	}
	if (length > (size_t)(FIELD_MAX - request->field_length)) {
		request->field_length = FIELD_MAX;
		request->field[0] = '\0';
		return 0;
	}
	memcpy(request->field + request->field_length, at, length);
	request->field_length += (uint8_t)length;
	return 0;
}

static int on_value(struct http_parser *parser, const char *at, size_t length)
{
	struct request *request = request_of(parser);

	(void)at;
	(void)length;
	if (request->in_field && request->field_length == FIELD_MAX &&
	    strncasecmp(request->field, "Host", FIELD_MAX) == 0)
		request->host_count++;
	request->in_field = false;
	return 0;
}

/* The parts of the URL, or false. */
static bool split_url(struct request *request)
{
	struct http_parser_url url;

	http_parser_url_init(&url);
	if (http_parser_parse_url(request->url, request->url_length, 0, &url))
		return false;
	if (url.field_set & (1 << UF_PATH)) {
		request->path_offset = url.field_data[UF_PATH].off;
		request->path_length = url.field_data[UF_PATH].len;
	} else {
		/* "http://host": the path is empty, which means the root. */
		request->url[0] = '/';
		request->path_offset = 0;
		request->path_length = 1;
	}
	if (url.field_set & (1 << UF_QUERY)) {
		request->query_offset = url.field_data[UF_QUERY].off;
		request->query_length = url.field_data[UF_QUERY].len;
	}
	return true;
}

/* What is wrong with what the parser had nothing against; 200: nothing. */
static int judge(struct request *request)
{
	const struct http_parser *parser = &request->parser;

	if (parser->http_major != 1)
		return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
	if (request->host_count > 1 ||
	    (request->host_count == 0 && parser->http_minor > 0))
		return HTTP_STATUS_BAD_REQUEST;
	if (parser->method != HTTP_GET && parser->method != HTTP_HEAD)
		return HTTP_STATUS_METHOD_NOT_ALLOWED;
	return split_url(request) ? HTTP_STATUS_OK : HTTP_STATUS_BAD_REQUEST;
}

static int on_headers_complete(struct http_parser *parser)
{
	struct request *request = request_of(parser);
	const bool has_length = parser->flags & F_CONTENTLENGTH;

	request->status = judge(request);
	request->keep_alive = http_should_keep_alive(parser);
	request->head_only = parser->method == HTTP_HEAD;
	request->progress = REQUEST_COMPLETE;
	/* After CONNECT, and after HTTP/2, what follows is no HTTP/1. */
	request->broken = (has_length && parser->content_length > 0) ||
			  (parser->flags & F_CHUNKED) ||
			  parser->method == HTTP_CONNECT ||
			  parser->http_major != 1;
	return request->broken ? -1 : 0;
}

/* Stops the parser behind the request, not before its last byte. */
static int on_complete(struct http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static const struct http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_message_complete = on_complete,
};

void request_init(struct request *request)
{
	/* For the whole process, and always the same. */
	http_parser_set_max_header_size(HEADERS_MAX);
	http_parser_init(&request->parser, HTTP_REQUEST);
	request->parser.data = request;
	request_reset(request);
}

void request_reset(struct request *request)
{
	request->progress = REQUEST_NONE;
	request->status = HTTP_STATUS_OK;
	request->keep_alive = false;
	request->broken = false;
	request->head_only = false;
	request->in_field = false;
	request->field_length = 0;
	request->field_count = 0;
	request->host_count = 0;
	request->url_length = 0;
	request->query_offset = 0;
	request->query_length = 0;
}

/* stopped_at: the character that the parser did not like. */
static int status_of_error(const struct request *request, char stopped_at)
{
	switch (HTTP_PARSER_ERRNO(&request->parser)) {
	case HPE_CB_url:
		return HTTP_STATUS_URI_TOO_LONG;
	case HPE_HEADER_OVERFLOW:
		return request->field_count > 0 ?
			       HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE :
			       HTTP_STATUS_URI_TOO_LONG;
	case HPE_INVALID_VERSION:
		return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
	case HPE_INVALID_METHOD:
		/* A letter: a method that the parser has not heard of. */
		return isalpha((unsigned char)stopped_at) ?
			       HTTP_STATUS_NOT_IMPLEMENTED :
			       HTTP_STATUS_BAD_REQUEST;
	default:
		return HTTP_STATUS_BAD_REQUEST;
	}
}

size_t request_parse(struct request *request, const char *bytes, size_t length)
{
	struct http_parser *parser = &request->parser;
	size_t used;

	/* To the parser no bytes would be the end of the connection. */
	if (length == 0)
		return 0;
	used = http_parser_execute(parser, &settings, bytes, length);
	switch (HTTP_PARSER_ERRNO(parser)) {
	case HPE_OK:
	case HPE_CB_headers_complete:
		break;
	case HPE_PAUSED:
		http_parser_pause(parser, 0);
		break;
	default:
		request->progress = REQUEST_COMPLETE;
		request->status = status_of_error(
			request, used < length ? bytes[used] : '\0');
		request->keep_alive = false;
		request->broken = true;
		break;
	}
	return used;
}
