/*
 * reply.h - the head of what a server answers: found, understood, judged.
 *
 * Strict where two readers could differ on where the body ends, and on what is
 * no HTTP; every line, their number and all of it are bounded. All views point
 * into the bytes that were parsed.
 */
#ifndef REPLY_H
#define REPLY_H

#include "view.h"

enum {
	REPLY_HEAD_MAX = 65536, /* bytes, the first line too */
	REPLY_LINES_MAX = 200,
};

enum reply_body {
	REPLY_EMPTY,
	REPLY_LENGTH,
	REPLY_CHUNKED,
	REPLY_UNTIL_CLOSE,
};

/* A Content-Range: "bytes first-last/total", or of none of them. */
struct reply_range {
	bool known; /* there is one, and it makes sense */
	bool some;  /* first and last count             */
	bool has_total;
	uint64_t first;
	uint64_t last;
	uint64_t total;
};

struct reply {
	int status;
	bool old; /* HTTP/1.0 */
	size_t head_length;
	size_t searched; /* so far there is no end in them */
	struct view reason;
	struct view location; /* at NULL: there is none; so of those below */
	struct view etag;
	struct view last_modified;
	struct view date;
	struct reply_range range;
	enum reply_body body;
	uint64_t length; /* of REPLY_LENGTH */
	const char *fault;
};

/* Before the first byte of each. */
void reply_init(struct reply *reply);

/*
 * Looks at all that was received of it: 1: it is there, head_length bytes; 0:
 * there is more to come; -EBADMSG: fault says what is wrong, in words.
 */
int reply_parse(struct reply *reply, const char *bytes, size_t length);

#endif
