/* lookup.h - from a request's path to the file or page to send. */
#ifndef LOOKUP_H
#define LOOKUP_H

struct connection;

/*
 * In a task. The status to answer with; 200: the file is body.file, of which
 * status tells, or the page is in body.text, and response.type is set.
 */
int lookup(struct connection *connection);

#endif
