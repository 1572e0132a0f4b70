/*
 * upload.h - the body of a request, which nobody wants, and of whatever else has
 * its form: where it ends.
 *
 *   SIZE --> SIZE_BLANK --> EXTENSION --> SIZE_LF --> DATA
 *    ^                                      |          |
 *    +------ DATA_LF <------ DATA_CR <------|----------+
 *                                           | the last chunk
 *                 +-------------------------+
 *                 v
 *   OVER <---- TRAILER <----> TRAILER_LF
 *
 *   and of a length alone: DATA ----> OVER
 *
 * A line ends with CR LF and nothing else, and has no other control characters
 * in it: a proxy that took them differently would see other requests than we.
 */
#ifndef UPLOAD_H
#define UPLOAD_H

#include "request.h"

#include <sys/types.h>

enum upload_state {
	UPLOAD_OVER,
	UPLOAD_SIZE,       /* in the digits of a chunk's size          */
	UPLOAD_SIZE_BLANK, /* behind them                              */
	UPLOAD_EXTENSION,  /* behind a semicolon, up to the line's end */
	UPLOAD_SIZE_LF,    /* behind the CR of that line               */
	UPLOAD_DATA,
	UPLOAD_DATA_CR, /* before the end of line behind a chunk    */
	UPLOAD_DATA_LF,
	UPLOAD_TRAILER, /* lines up to an empty one                 */
	UPLOAD_TRAILER_LF,
};

struct upload {
	enum upload_state state;
	bool chunked;
	bool has_digit;  /* SIZE: one at least                        */
	bool empty_line; /* TRAILER: nothing of this line is there    */
	uint64_t left;   /* of the data, or of the chunk              */
	uint64_t most;   /* of a chunk                                */
	size_t seen;     /* bytes of it all, which are bounded        */
};

/* What follows the request. */
void upload_init(struct upload *upload, const struct request *request);

/*
 * Drops what is of the body. Returns how many bytes that were; -EBADMSG: this
 * is no chunk; -E2BIG: it is too long. See state.
 */
ssize_t upload_skip(struct upload *upload, const char *bytes, size_t length);

/*
 * Takes what is of the body up to the end of the first piece of data, which is
 * *ret_data; empty: there is none in these bytes. Returns how many bytes that
 * were; else as upload_skip, but for no bound other than most.
 */
ssize_t upload_take(struct upload *upload, const char *bytes, size_t length,
		    struct view *ret_data);

#endif
