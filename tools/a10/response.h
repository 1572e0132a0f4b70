/* response.h - the head of a response, and the page of one that is no file. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "text.h"
#include "view.h"

enum {
	BOUNDARY_SIZE = 28, /* between parts, terminated */
};

#define TYPE_HTML "text/html; charset=utf-8"
#define TYPE_JSON "application/json"

struct range;
struct validator;

/* What is NULL or 0 is not there. */
struct response {
	int status; /* 0: there is none yet */
	bool keep_alive;
	bool old_client;      /* HTTP/1.0 keeps alive only if told so      */
	bool vary;            /* by Accept-Encoding                        */
	bool is_file;         /* parts of it can be asked for              */
	const char *type;     /* of what follows the head ...              */
	uint64_t length;      /* ... and would follow it if it were no HEAD */
	uint64_t size;        /* of the file, for Content-Range            */
	const char *date;     /* now, as date_format writes it             */
	const char *location; /* a URL                       */
	const char *coding;   /* Content-Encoding            */
	const char *boundary; /* of several ranges           */
	const struct range *range; /* 206 of one                  */
	const struct validator *validator;
};

/* The status line and all headers, up to and with the empty line. */
void response_add_head(struct text *text, const struct response *response);

/* What is in front of each of several ranges, and behind the last (NULL). */
void response_add_part(struct text *text, const struct response *response,
		       const struct range *range);

/* A small page that says what the status means. */
void response_add_page(struct text *text, int status);

/* What to answer when opening a file went wrong: 403, 404, 500 or 503. */
int response_status_of_error(int err);

/*
 * The URL of a directory, which ends with a slash, and a terminator. query is
 * what is behind the question mark, or of no length.
 */
void response_add_location(struct text *text, const char *name,
			   struct view query);

#endif
