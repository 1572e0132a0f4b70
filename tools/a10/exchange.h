/*
 * exchange.h - a request and its answer: all that a connection needs from the
 * first byte of the one to the last byte of the other. A connection that is
 * idle has none, so it takes little.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "coding.h"
#include "file.h"
#include "path.h"
#include "range.h"
#include "request.h"
#include "response.h"
#include "text.h"
#include "upload.h"

#include <sys/stat.h>

enum {
	INPUT_SIZE = HEAD_MAX + 16,
	OUTPUT_SIZE = 64 * 1024,
	PEER_SIZE = 112,
};

/* What is still to be sent behind the head: of a file, or of a text. */
struct body {
	struct file file;
	struct text text;
	uint64_t offset; /* of the piece that goes out now ... */
	uint64_t left;
	bool multipart; /* ... and in how many it does */
	uint32_t part;  /* multipart: the next of ranges */
	struct ranges ranges;
	char boundary[BOUNDARY_SIZE];
};

struct exchange {
	struct exchange *next; /* the server's list of spare ones */
	struct request request;
	struct upload upload;
	size_t input_start;  /* in input: what was received ... */
	size_t input_end;    /* ... and is not parsed           */
	size_t output_start; /* in output: what is to be sent */
	size_t output_end;
	struct stat status; /* of the file that will be sent ... */
	enum coding coding; /* ... and what it is compressed by */
	struct response response;
	struct body body;
	int queued;         /* bytes in the socket when last looked at */
	bool waits;         /* for the client to take some of them */
	size_t page_bytes;  /* of body.text that count in the server's */
	bool no_sendfile;   /* this socket or file cannot */
	bool keep_alive;    /* as the response said */
	uint64_t head_sent; /* bytes of the response's head */
	uint64_t sent;      /* bytes of the response */
	int64_t asked_at;   /* the request was complete, or 0 */
	int64_t began_at;   /* the response began to go out */
	char peer[PEER_SIZE];
	struct path path;
	char input[INPUT_SIZE];
	char output[OUTPUT_SIZE];
};

/* Ready for the first byte of a request. NULL: no memory. */
struct exchange *exchange_create(void);

/* What is of the answer is dropped, and the next request can come. */
void exchange_reset(struct exchange *exchange);

void exchange_destroy(struct exchange *exchange);

#endif
