/*
 * request.h - one request at a time out of a connection's bytes.
 *
 * What is read of a request is its first line, Host, and the parser's verdict
 * on the rest. A body is never read: such a request can be answered, but what
 * is behind it cannot be found, so the connection ends with it.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	URL_MAX = 8192,      /* bytes */
	HEADERS_MAX = 32768, /* the first line too */
	FIELD_MAX = 4,       /* "Host" is the only field that is looked at */
};

enum request_progress {
	REQUEST_NONE,     /* not a byte of one yet        */
	REQUEST_PARTIAL,  /* there is more to come        */
	REQUEST_COMPLETE, /* answer it: status tells what */
};

struct request {
	struct http_parser parser;
	enum request_progress progress;
	int status;           /* 200: look for the path; else what to answer */
	bool keep_alive;      /* the client would like to ask again          */
	bool broken;          /* the next one cannot be found in what follows */
	bool head_only;       /* HEAD                                        */
	bool in_field;        /* the parser is in a header's name            */
	uint8_t field_length; /* of field; a longer name is kept as ""       */
	char field[FIELD_MAX];
	uint32_t field_count;
	uint32_t host_count;
	uint32_t url_length;
	uint16_t path_offset; /* in url, the path ...                        */
	uint16_t path_length;
	uint16_t query_offset; /* ... and what is behind the question mark   */
	uint16_t query_length;
	char url[URL_MAX];
};

/* Once per connection. */
void request_init(struct request *request);

/* Before the next request of the connection; not after a broken one. */
void request_reset(struct request *request);

/*
 * Takes bytes until a request is complete; see progress. Returns how many it
 * took: what is left belongs to the next request.
 */
size_t request_parse(struct request *request, const char *bytes, size_t length);

#endif
