#include "response.h"

#include "condition.h"
#include "date.h"
#include "page.h"
#include "range.h"

#include <a10.h>
#include <errno.h>

struct status {
	int number;
	const char *reason;
	const char *sentence;
};

static const struct status statuses[] = {
	{ 200, "OK", "Here it is." },
	{ 206, "Partial Content", "Here are the parts." },
	{ 301, "Moved Permanently", "The address ends with a slash." },
	{ 304, "Not Modified", "You have it already." },
	{ 400, "Bad Request", "The request could not be understood." },
	{ 403, "Forbidden", "This is not for everybody to see." },
	{ 404, "Not Found", "There is nothing at this address." },
	{ 405, "Method Not Allowed", "Files can be fetched, and that is all." },
	{ 408, "Request Timeout", "The request took too long to arrive." },
	{ 412, "Precondition Failed", "It is not what it was any more." },
	{ 413, "Content Too Large", "Nothing can be uploaded here." },
	{ 414, "URI Too Long", "The address is too long." },
	{ 416, "Range Not Satisfiable", "It is not as long as that." },
	{ 417, "Expectation Failed", "That cannot be expected." },
	{ 431, "Request Header Fields Too Large", "The headers are too long." },
	{ 501, "Not Implemented", "The method is not known here." },
	{ 503, "Service Unavailable", "Too busy. Please try again later." },
	{ 505, "HTTP Version Not Supported", "HTTP/1.1 is spoken here." },
	/* The last one stands for every other. */
	{ 500, "Internal Server Error", "Something went wrong on our side." },
};

static const struct status *status_find(int number)
{
	const size_t last = sizeof(statuses) / sizeof(*statuses) - 1;
	size_t i = 0;

	while (i < last && statuses[i].number != number)
		i++;
	return &statuses[i];
}

static void add_header(struct text *text, const char *name, const char *value)
{
	text_add(text, name);
	text_add(text, ": ");
	text_add(text, value);
	text_add(text, "\r\n");
}

static void add_range(struct text *text, const struct range *range,
		      uint64_t size)
{
	text_add(text, "Content-Range: bytes ");
	if (range) {
		text_add_number(text, range->offset);
		text_add(text, "-");
		text_add_number(text, range->offset + range->length - 1);
	} else {
		text_add(text, "*");
	}
	text_add(text, "/");
	text_add_number(text, size);
	text_add(text, "\r\n");
}

static void add_validator(struct text *text, const struct validator *validator)
{
	char modified[DATE_SIZE];

	date_format(validator->modified, modified);
	add_header(text, "Last-Modified", modified);
	add_header(text, "ETag", validator->etag);
}

/* About what follows the head, of which a 304 has nothing. */
static void add_content(struct text *text, const struct response *response)
{
	if (response->boundary) {
		text_add(text, "Content-Type: multipart/byteranges; boundary=");
		text_add(text, response->boundary);
		text_add(text, "\r\n");
	} else {
		add_header(text, "Content-Type", response->type);
	}
	text_add(text, "Content-Length: ");
	text_add_number(text, response->length);
	text_add(text, "\r\n");
	if (response->coding)
		add_header(text, "Content-Encoding", response->coding);
	if (response->range || response->status == 416)
		add_range(text, response->range, response->size);
}

void response_add_head(struct text *text, const struct response *response)
{
	const struct status *status = status_find(response->status);

	text_add(text, "HTTP/1.1 ");
	text_add_number(text, (uint64_t)status->number);
	text_add(text, " ");
	text_add(text, status->reason);
	text_add(text, "\r\nServer: a10/");
	text_add(text, a10_version());
	text_add(text, "\r\n");
	add_header(text, "Date", response->date);
	if (response->status != 304)
		add_content(text, response);
	if (response->validator)
		add_validator(text, response->validator);
	if (response->is_file)
		add_header(text, "Accept-Ranges", "bytes");
	if (response->vary)
		add_header(text, "Vary", "Accept-Encoding");
	if (response->location)
		add_header(text, "Location", response->location);
	if (response->status == 405)
		add_header(text, "Allow", "GET, HEAD");
	if (!response->keep_alive)
		add_header(text, "Connection", "close");
	else if (response->old_client)
		add_header(text, "Connection", "keep-alive");
	text_add(text, "\r\n");
}

void response_add_part(struct text *text, const struct response *response,
		       const struct range *range)
{
	text_add(text, "\r\n--");
	text_add(text, response->boundary);
	if (!range) {
		text_add(text, "--\r\n");
		return;
	}
	text_add(text, "\r\n");
	add_header(text, "Content-Type", response->type);
	add_range(text, range, response->size);
	text_add(text, "\r\n");
}

void response_add_page(struct text *text, int status)
{
	const struct status *row = status_find(status);

	page_begin(text, row->reason);
	text_add(text, "<h1>");
	text_add_number(text, (uint64_t)row->number);
	text_add(text, " ");
	text_add(text, row->reason);
	text_add(text, "</h1>\n<p>");
	text_add(text, row->sentence);
	text_add(text, "</p>\n");
	page_end(text);
}

int response_status_of_error(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return 404;
	case -EACCES:
	case -EPERM:
	case -EXDEV: /* a link that leads out of the folder */
	case -ELOOP:
	case -ENXIO: /* a socket, or a device without a driver */
	case -ENODEV:
		return 403;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EAGAIN: /* things were moved while the path was followed */
		return 503;
	default:
		return 500;
	}
}

void response_add_location(struct text *text, const char *name,
			   struct view query)
{
	/* One slash, whatever the client sent: two would name another host. */
	text_add(text, "/");
	text_add_url(text, name);
	text_add(text, "/");
	if (query.length > 0) {
		text_add(text, "?");
		text_add_bytes(text, query.at, query.length);
	}
	text_add_bytes(text, "", 1);
}
