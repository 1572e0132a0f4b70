/* response.h - the head of a response, and the page of one that is no file. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct response {
	int status;
	bool keep_alive;
	bool has_modified;
	bool old_client;      /* HTTP/1.0 keeps alive only if told so       */
	time_t modified;      /* of a file                                  */
	const char *type;     /* of what follows the head ...               */
	uint64_t length;      /* ... and would follow it if it were no HEAD */
	const char *date;     /* now, as date_format writes it              */
	const char *location; /* a URL, or NULL                             */
};

/* The status line and all headers, up to and with the empty line. */
void response_add_head(struct text *text, const struct response *response);

/* A small page that says what the status means. */
void response_add_page(struct text *text, int status);

/* What to answer when opening a file went wrong: 403, 404, 500 or 503. */
int response_status_of_error(int err);

/*
 * The URL of a directory, which ends with a slash, and a terminator. query is
 * what is behind the question mark, or of no length.
 */
void response_add_location(struct text *text, const char *name,
			   const char *query, size_t query_length);

#endif
