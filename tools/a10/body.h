/*
 * body.h - the body of an answer: what of the bytes that come is of it, and
 * whether it is all there.
 */
#ifndef BODY_H
#define BODY_H

#include "reply.h"
#include "upload.h"

struct body {
	struct upload form; /* of a length, or of chunks                */
	bool until_close;   /* neither: as long as something comes      */
	size_t between;     /* bytes since the last that were data      */
};

/* What follows the head of that reply. */
void body_init(struct body *body, const struct reply *reply);

/*
 * Moves the data in these bytes to their front. Returns how much that is;
 * -EBADMSG: they are no chunks, or go on behind the end.
 */
ssize_t body_take(struct body *body, char *bytes, size_t length);

/* Nothing more comes. */
bool body_is_over(const struct body *body);

/* The connection may end here. */
bool body_may_end(const struct body *body);

#endif
